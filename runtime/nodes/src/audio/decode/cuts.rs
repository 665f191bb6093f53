//! What a file leaves out of its decoded frames in the middle and at the end, as the edit list of an MP4 may.

use std::ops::Range;

/// Ranges of decoded frames that are not played.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Cuts(Vec<Cut>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Cut {
    frames: Range<u64>,
    /// The frames before it that are kept.
    kept: u64,
}

impl Cuts {
    /// Leaves these out, which must be in their order and apart.
    pub(super) fn new(ranges: impl IntoIterator<Item = Range<u64>>) -> Self {
        let (mut kept, mut end) = (0, 0);
        let cut = |frames: Range<u64>| {
            kept += frames.start - end;
            end = frames.end;
            Cut { frames, kept }
        };
        Self(ranges.into_iter().map(cut).collect())
    }

    /// How many of the frames before a decoded one are kept.
    pub(super) fn kept_before(&self, frame: u64) -> u64 {
        match self.0[..self.0.partition_point(|cut| cut.frames.start < frame)].last() {
            Some(cut) => cut.kept + frame.saturating_sub(cut.frames.end),
            None => frame,
        }
    }

    /// The decoded frame that is the kept one of this number, or the end of all that are kept.
    pub(super) fn frame_of(&self, kept: u64) -> u64 {
        match self.0[..self.0.partition_point(|cut| cut.kept <= kept)].last() {
            Some(cut) if cut.frames.end == u64::MAX => cut.frames.start,
            Some(cut) => cut.frames.end.saturating_add(kept - cut.kept),
            None => kept,
        }
    }

    /// Whether no frame from this one on is kept.
    pub(super) fn is_over(&self, frame: u64) -> bool {
        self.0.last().is_some_and(|cut| cut.frames.end == u64::MAX && cut.frames.start <= frame)
    }

    /// Takes what is cut out of planes whose first frame is this one.
    pub(super) fn apply(&self, frame: u64, planes: &mut [Vec<f32>]) {
        let len = planes.first().map_or(0, Vec::len);
        let end = frame.saturating_add(len as u64);
        let first = self.0.partition_point(|cut| cut.frames.end <= frame);
        let within = self.0[first..].iter().take_while(|cut| cut.frames.start < end);
        let place = |of: u64| usize::try_from(of.saturating_sub(frame)).unwrap_or(usize::MAX).min(len);
        let ranges: Vec<Range<usize>> = within.map(|cut| place(cut.frames.start)..place(cut.frames.end)).collect();
        for range in ranges.into_iter().rev() {
            planes.iter_mut().for_each(|plane| drop(plane.drain(range.clone())));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_kept_around_cuts_however_packets_lie() {
        let cuts = Cuts::new([3..5, 9..14, 20..u64::MAX]);
        let kept: Vec<u64> = [0, 1, 2, 5, 6, 7, 8, 14, 15, 16, 17, 18, 19].to_vec();
        for packet in [1, 2, 7, 30] {
            let mut played = Vec::new();
            for frame in (0..30).step_by(packet) {
                let mut planes = vec![(frame..frame + packet).map(|frame| frame as f32).collect(); 2];
                cuts.apply(frame as u64, &mut planes);
                assert_eq!(cuts.kept_before(frame as u64), played.len() as u64, "{frame}");
                played.extend(planes[1].iter().map(|frame| *frame as u64));
            }
            assert_eq!(played, kept);
        }
        assert!((0..13).all(|number| cuts.frame_of(number) == kept[number as usize]));
        assert!(!cuts.is_over(19) && cuts.is_over(20) && !Cuts::default().is_over(u64::MAX));
        assert_eq!((cuts.frame_of(13), Cuts::default().frame_of(7)), (20, 7));
    }
}
