//! Where a packet of audio stands in time beside the audio before it: whether it follows, after a gap, or overlaps. The one
//! place that decides; it knows nothing of segments or of what is done with the audio.

use remotemedia_core::node::TimeBreaks;
use remotemedia_core::value::MediaTime;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::arrival::Arrival;

/// What a node does where the times of its input jump.
///
/// A jump is a deviation of a packet's `pts` from the end of the audio before it by more than half the packet, at most 10 ms
/// and at least 1 ms. See `docs/concepts.md`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Gaps {
    /// It starts anew at the new time; an overlap is trimmed.
    #[default]
    Restart,
    /// Silence fills a gap of up to a minute, after a longer one it starts anew; an overlap is trimmed.
    Fill,
    /// Times after the first are not looked at: for sources that stamp packets by a clock that jitters.
    Ignore,
}

/// Where a packet stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Where the audio before it ends, or so near that it makes no difference.
    Follows,
    /// So many nanoseconds later, which are to be filled.
    Filled(i64),
    /// Elsewhere: so many nanoseconds later, or on a timeline of its own, where nothing is missing.
    Apart(Option<i64>),
    /// So many of its nanoseconds have been there already. If that is all of them, it came late, or twice.
    Overlaps(i64),
}

/// Places packets.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    pub(super) gaps: Gaps,
    pub(super) breaks: TimeBreaks,
}

/// Real sources stamp packets with a jitter of some milliseconds, so no smaller deviation counts than half a packet; but one
/// packet of 20 ms that was lost does count.
const MOST_TOLERANCE: i64 = 10_000_000;
/// Times in whole milliseconds are off by half of one, however short the packets are.
const LEAST_TOLERANCE: i64 = 1_000_000;
/// The longest gap that is filled.
const MOST_FILLED: i64 = 60_000_000_000;
/// A packet that brings nothing new and begins earlier than this is no late one: a new timeline begins. So it does at a jump that
/// a node has found, however long the packet is.
pub(super) const MOST_LATE: i64 = 1_000_000_000;

impl Timeline {
    /// Places a packet beside audio that ends at `end`, and counts it if it does not follow. Without a time on either side,
    /// or without frames, it follows.
    pub(super) fn place(&self, arrival: &Arrival, end: Option<i64>) -> Place {
        let (Some(pts), Some(end)) = (arrival.pts_after(end), end) else { return Place::Follows };
        if arrival.audio().frames() == 0 {
            return Place::Follows;
        }
        let duration = arrival.audio().duration();
        let ahead = pts.saturating_sub(end);
        if self.gaps == Gaps::Ignore || !is_jump(arrival, ahead) {
            return Place::Follows;
        }
        if ahead > 0 {
            self.breaks.count_gap(ahead);
            let is_filled = self.gaps == Gaps::Fill && ahead <= MOST_FILLED;
            return if is_filled { Place::Filled(ahead) } else { Place::Apart(Some(ahead)) };
        }
        let back = ahead.saturating_neg();
        // Behind a jump that a node has found, a packet is as long as that node makes it: it says nothing of what is new.
        if back > MOST_LATE && (back >= duration || arrival.is_discontinuous()) {
            self.breaks.count_gap(0);
            return Place::Apart(None);
        }
        let trimmed = back.min(duration);
        self.breaks.count_overlap(trimmed);
        Place::Overlaps(trimmed)
    }
}

/// Whether the time jumps at a packet that begins so many nanoseconds after the end of the audio before it. Where a node has
/// found a jump, it is one to the nodes behind it too, whose packets have other lengths; half a frame is what counts are rounded by.
pub(crate) fn is_jump(arrival: &Arrival, ahead: i64) -> bool {
    let audio = arrival.audio();
    let tolerance = if arrival.is_discontinuous() {
        MediaTime::of_frames(1, audio.rate()) / 2 + 1
    } else {
        (audio.duration() / 2).clamp(LEAST_TOLERANCE, MOST_TOLERANCE)
    };
    ahead.saturating_abs() > tolerance
}

/// The frames at a rate that are nearest to a duration.
pub(super) fn frames_of(duration: i64, rate: u32) -> u64 {
    MediaTime::to_frames(duration.max(0).cast_unsigned(), rate)
}

/// The frames at a rate that a duration has room for. Times are rounded to nanoseconds.
pub(super) fn frames_within(duration: i64, rate: u32) -> u64 {
    let nanoseconds = duration.max(0).cast_unsigned() + 1;
    u64::try_from(u128::from(nanoseconds) * u128::from(rate) / 1_000_000_000).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use remotemedia_core::value::{Audio, Packet};

    use super::*;

    const MS: i64 = 1_000_000;

    /// Where a packet of so many milliseconds stands that begins so many nanoseconds after the end of what was before.
    fn place(gaps: Gaps, duration_ms: usize, ahead: i64) -> Place {
        let timeline = Timeline { gaps, ..Timeline::default() };
        timeline.place(&arrival(duration_ms, Some(5_000 * MS + ahead)), Some(5_000 * MS))
    }

    /// A packet of so many milliseconds at a time of its own.
    fn arrival(duration_ms: usize, pts: Option<i64>) -> Arrival {
        let audio = Audio::from_planar(vec![0.0; duration_ms * 8], 1, 8_000).expect("valid audio");
        Arrival::of(Packet::new(audio.with_pts(pts).into())).expect("audio")
    }

    #[test]
    fn a_deviation_of_half_a_packet_is_tolerated_within_bounds() {
        for (duration_ms, tolerance) in [(1, MS), (2, MS), (10, 5 * MS), (20, 10 * MS), (1_000, 10 * MS)] {
            assert_eq!(place(Gaps::Restart, duration_ms, tolerance), Place::Follows);
            assert_eq!(place(Gaps::Restart, duration_ms, -tolerance), Place::Follows);
            assert_eq!(place(Gaps::Restart, duration_ms, tolerance + 1), Place::Apart(Some(tolerance + 1)));
            let trimmed = (tolerance + 1).min(duration_ms as i64 * MS);
            assert_eq!(place(Gaps::Restart, duration_ms, -tolerance - 1), Place::Overlaps(trimmed));
        }
    }

    #[test]
    fn where_a_node_has_found_a_jump_none_is_tolerated() {
        let frame = MS / 8;
        let place = |ahead: i64| {
            let packet = arrival(4_000, Some(ahead)).with(arrival(4_000, None).into_audio());
            let arrival = Arrival::of(Packet { discontinuity: true, ..packet }).expect("audio");
            Timeline::default().place(&arrival, Some(0))
        };
        assert_eq!([place(0), place(frame / 2), place(-frame / 2)], [Place::Follows; 3]);
        assert_eq!(place(frame), Place::Apart(Some(frame)));
        assert_eq!(place(-frame), Place::Overlaps(frame));
        assert_eq!([place(-MOST_LATE), place(-MOST_LATE - 1)], [Place::Overlaps(MOST_LATE), Place::Apart(None)]);
    }

    #[test]
    fn a_minute_is_filled_and_no_more() {
        assert_eq!(place(Gaps::Fill, 20, MOST_FILLED), Place::Filled(MOST_FILLED));
        assert_eq!(place(Gaps::Fill, 20, MOST_FILLED + 1), Place::Apart(Some(MOST_FILLED + 1)));
    }

    #[test]
    fn what_brings_something_new_is_trimmed_however_early_and_what_is_old_begins_a_timeline() {
        assert_eq!(place(Gaps::Restart, 20, -MOST_LATE), Place::Overlaps(20 * MS));
        assert_eq!(place(Gaps::Restart, 20, -MOST_LATE - 1), Place::Apart(None));
        assert_eq!(place(Gaps::Restart, 4_000, -3_000 * MS), Place::Overlaps(3_000 * MS));
        assert_eq!(place(Gaps::Restart, 4_000, -4_000 * MS), Place::Apart(None));
        assert_eq!(place(Gaps::Fill, 4_000, -4_000 * MS), Place::Apart(None));
    }

    #[test]
    fn what_has_no_time_or_no_frames_follows_and_so_does_all_if_times_are_ignored() {
        let timeline = Timeline::default();
        assert_eq!(timeline.place(&arrival(1, None), Some(7)), Place::Follows);
        assert_eq!(timeline.place(&arrival(1, Some(1 << 40)), None), Place::Follows);
        for pts in [0, 1 << 40] {
            assert_eq!(timeline.place(&arrival(0, Some(pts)), Some(1 << 38)), Place::Follows);
        }
        for ahead in [i64::MIN / 2, -1 << 40, 1 << 40, i64::MAX / 2] {
            assert_eq!(place(Gaps::Ignore, 20, ahead), Place::Follows);
        }
        // Of a packet that is not the audio's own, a time that lies ahead counts, but none that lies back.
        let of_packet = |pts: i64| {
            let packet = Packet::new(arrival(1, None).into_audio().into());
            Arrival::of(packet.at(Some(pts), None)).expect("audio")
        };
        assert_eq!(timeline.place(&of_packet(0), Some(500 * MS)), Place::Follows);
        assert_eq!(timeline.breaks.read(), Default::default());
        assert_eq!(timeline.place(&of_packet(900 * MS), Some(500 * MS)), Place::Apart(Some(400 * MS)));
    }
}
