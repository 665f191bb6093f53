//! Follows the audio of one port from packet to packet: where a segment begins and ends, and its frames in pieces that
//! make a bounded step. It knows nothing of what is done with them.

use remotemedia_core::node::NodeError;
use remotemedia_core::value::{Audio, Layout, MediaTime, Packet, Value};

/// Sound without a change of rate, channels or layout.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) rate: u32,
    pub(crate) channels: usize,
    pub(crate) layout: Layout,
    /// When the first frame sounds, in nanoseconds: as its packet says, else where the segment before ended.
    pub(crate) origin: Option<i64>,
    /// How long the segments of the item before it lasted, in nanoseconds.
    pub(crate) elapsed: i64,
    /// Frames handed on.
    pub(crate) position: u64,
}

/// Samples handed on at once: some tens of microseconds of simple work.
const STEP_SAMPLES: usize = 1 << 16;

#[derive(Debug, Default)]
pub(super) struct Reader {
    pub(super) waiting: Option<Waiting>,
    segment: Option<Segment>,
    /// Where the last segment ended.
    end: Option<i64>,
    /// How long the segments lasted that have ended, in nanoseconds.
    elapsed: i64,
    pub(super) ending: bool,
    /// The stream of the packet that came last.
    pub(super) stream: u32,
}

/// A packet of which a part has been handed on.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) audio: Audio,
    pub(super) taken: usize,
}

impl Reader {
    /// The open segment, if nothing more can belong to it.
    pub(super) fn take_ended(&mut self) -> Option<Segment> {
        let segment = self.segment.as_ref()?;
        let is_over = match &self.waiting {
            Some(waiting) => !segment.fits(&waiting.audio),
            None => self.ending,
        };
        if !is_over {
            return None;
        }
        self.end = segment.time(segment.position);
        self.elapsed = segment.elapsed.saturating_add(MediaTime::of_frames(segment.position, segment.rate));
        self.segment.take()
    }

    /// Opens a segment for what waits, if none is open.
    pub(super) fn open(&mut self) -> Option<&Segment> {
        let waiting = self.waiting.as_ref()?;
        if self.segment.is_some() {
            return None;
        }
        let audio = &waiting.audio;
        Some(self.segment.insert(Segment {
            rate: audio.rate(),
            channels: audio.channels(),
            layout: audio.layout().clone(),
            origin: audio.pts.or(self.end),
            elapsed: self.elapsed,
            position: 0,
        }))
    }

    /// The next frames of what waits.
    pub(super) fn next(&mut self, wants: impl FnOnce(&Segment) -> usize) -> Option<(&mut Segment, Audio)> {
        let (waiting, segment) = (self.waiting.as_mut()?, self.segment.as_mut()?);
        let left = waiting.audio.frames() - waiting.taken;
        let frames = left.min(wants(segment)).min((STEP_SAMPLES / segment.channels).max(1));
        let audio = waiting.audio.slice(waiting.taken, frames);
        waiting.taken += frames;
        if frames == left {
            self.waiting = None;
        }
        Some((segment, audio))
    }
}

impl Segment {
    /// When a frame sounds, in nanoseconds, if the time of the first is known.
    pub(crate) fn time(&self, frame: u64) -> Option<i64> {
        self.origin.map(|origin| origin.saturating_add(MediaTime::of_frames(frame, self.rate)))
    }

    /// The same for a message: counted from the first frame if its time is not known.
    pub(super) fn place(&self, frame: u64) -> i64 {
        self.time(frame).unwrap_or_else(|| MediaTime::of_frames(frame, self.rate))
    }

    fn fits(&self, audio: &Audio) -> bool {
        (self.rate, self.channels) == (audio.rate(), audio.channels()) && self.layout == *audio.layout()
    }
}

/// Sound in the format of a segment, from planar samples.
///
/// # Panics
/// If the samples don't divide into the channels.
pub(crate) fn sound(segment: &Segment, samples: Vec<f32>, pts: Option<i64>) -> Packet {
    let audio = Audio::from_planar(samples, segment.channels, segment.rate).expect("as many channels as there were");
    Value::from(audio.with_layout(segment.layout.clone()).with_pts(pts)).into()
}

/// The audio of a packet, at the time of the packet.
///
/// # Errors
/// If it is a packet of anything else.
pub(crate) fn audio_of(packet: Packet) -> Result<Audio, NodeError> {
    let Value::Audio(mut audio) = packet.value else {
        let cause = format!("expected audio, got {}", packet.value.kind().name());
        return Err(NodeError::new(cause).cure("Wrap samples: Audio(samples, rate=...)."));
    };
    audio.pts = packet.pts.or(audio.pts);
    Ok(*audio)
}
