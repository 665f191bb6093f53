//! The audio of a packet, and whose its time is. Nodes get audio from packets here alone, so that a time that is not the audio's
//! own stays so on its way. It knows nothing of the audio before.

use remotemedia_core::node::NodeError;
use remotemedia_core::value::{Audio, Packet, Value};

use super::timeline::MOST_LATE;

/// Audio as it came.
///
/// It has a time of its own, none, or only that of its packet: what a function of the host returns has the time of what the
/// function got. Several answers to one input have the same one then, so none of them overlaps.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    /// At its time, whosever that is.
    audio: Audio,
    has_own_time: bool,
    /// Whether a node before has found that the time jumps here.
    discontinuity: bool,
}

/// Lets audio in, packet by packet. What has no frames changes nothing, whatever its time and its format; only if nothing else
/// comes, the first of it says what the item is.
#[derive(Debug, Default)]
pub(crate) struct Intake {
    has_begun: bool,
    empty: Option<Box<Arrival>>,
}

impl Intake {
    /// The audio of the next packet, if it has frames.
    ///
    /// # Errors
    /// If it is a packet of anything but audio.
    pub(crate) fn take(&mut self, packet: Packet) -> Result<Option<Arrival>, NodeError> {
        let arrival = Arrival::of(packet)?;
        if arrival.audio().frames() > 0 {
            (self.has_begun, self.empty) = (true, None);
            return Ok(Some(arrival));
        }
        if !self.has_begun {
            self.empty.get_or_insert_with(|| Box::new(arrival));
        }
        Ok(None)
    }

    /// Ends the item; returns the first packet of it if none had frames.
    pub(crate) fn finish(&mut self) -> Option<Arrival> {
        std::mem::take(self).empty.map(|empty| *empty)
    }
}

impl Arrival {
    /// The audio of a packet, at the time of the packet.
    ///
    /// # Errors
    /// If it is a packet of anything else.
    pub(crate) fn of(packet: Packet) -> Result<Self, NodeError> {
        let Value::Audio(mut audio) = packet.value else {
            let cause = format!("expected audio, got {}", packet.value.kind().name());
            return Err(NodeError::new(cause).cure("Wrap samples: Audio(samples, rate=...)."));
        };
        let has_own_time = audio.pts.is_some();
        audio.pts = packet.pts.or(audio.pts);
        Ok(Self { audio: *audio, has_own_time, discontinuity: packet.discontinuity })
    }

    pub(crate) fn has_own_time(&self) -> bool {
        self.has_own_time
    }

    /// Whether a node before has found that the time jumps here.
    pub(crate) fn is_discontinuous(&self) -> bool {
        self.discontinuity
    }

    /// When it begins, whosever time that is.
    pub(crate) fn pts(&self) -> Option<i64> {
        self.audio.pts
    }

    /// When it begins behind audio that ends at `end`; without a time it follows. The time of its packet can't lie back, unless
    /// a node before has found that times begin anew there.
    pub(crate) fn pts_after(&self, end: Option<i64>) -> Option<i64> {
        let lies_ahead = |pts: i64, end: i64| pts > end || (self.discontinuity && end.saturating_sub(pts) > MOST_LATE);
        self.audio.pts.filter(|pts| self.has_own_time || end.is_none_or(|end| lies_ahead(*pts, end)))
    }

    /// The audio, at its time, whosever that is. What is made of it is handed on by [`Arrival::with`].
    pub(crate) fn audio(&self) -> &Audio {
        &self.audio
    }

    /// The audio, at its time, whosever that is: for those that count times themselves.
    pub(crate) fn into_audio(self) -> Audio {
        self.audio
    }

    /// Some of its frames.
    ///
    /// # Panics
    /// If it has fewer.
    pub(crate) fn slice(&self, first: usize, frames: usize) -> Self {
        Self { audio: self.audio.slice(first, frames), discontinuity: self.discontinuity && first == 0, ..*self }
    }

    /// A packet of what was made of it frame by frame, at the same time.
    pub(crate) fn with(&self, audio: Audio) -> Packet {
        let packet = Packet::new(audio.with_pts(self.audio.pts.filter(|_| self.has_own_time)).into());
        Packet { pts: self.audio.pts, discontinuity: self.discontinuity, ..packet }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_handed_on_as_it_came() {
        let audio = Audio::from_planar(vec![0.0; 8], 1, 8_000).expect("valid audio");
        for (own, of_packet) in [(None, None), (Some(5), Some(5)), (None, Some(5))] {
            let packet = Packet::new(audio.clone().with_pts(own).into());
            let packet = Packet { pts: of_packet, discontinuity: true, ..packet };
            let arrival = Arrival::of(packet.clone()).expect("audio");
            assert_eq!(arrival.with(arrival.audio().clone()), packet);
            // The last of 8 frames is 875 us later.
            let later = |pts: Option<i64>| pts.map(|pts| pts + 875_000);
            let last = arrival.slice(7, 1);
            let Packet { value: Value::Audio(last), pts, discontinuity, .. } = last.with(last.audio().clone()) else {
                panic!("audio")
            };
            assert_eq!((last.pts, pts, discontinuity), (later(own), later(of_packet), false));
        }
    }

    #[test]
    fn the_time_of_a_packet_can_lie_ahead_and_back_only_where_times_begin_anew() {
        let audio = Audio::from_planar(vec![0.0; 8], 1, 8_000).expect("valid audio");
        let own = Arrival::of(Packet::new(audio.clone().with_pts(Some(5)).into())).expect("audio");
        let of_packet = Arrival::of(Packet::new(audio.into()).at(Some(5), None)).expect("audio");
        for (end, expected) in [(None, Some(5)), (Some(4), Some(5)), (Some(6), None)] {
            assert_eq!((own.pts_after(end), of_packet.pts_after(end)), (Some(5), expected));
        }
        let marked = Arrival { discontinuity: true, ..of_packet };
        assert_eq!([MOST_LATE, MOST_LATE + 1].map(|late| marked.pts_after(Some(5 + late))), [None, Some(5)]);
    }
}
