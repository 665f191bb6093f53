//! From decoded packets of any length to chunks of one length, each with its exact time. Encoder delay at the start and
//! padding at the end are left out here.

use remotemedia_core::value::{Audio, Layout, MediaTime};

use remotemedia_core::node::NodeError;

/// The most bytes of one chunk, whatever rate and number of channels a file claims: a minute of stereo at 139 kHz. Chunks
/// that would be longer are cut to this.
pub(super) const MOST_CHUNK_BYTES: usize = 64 << 20;

/// The format of decoded sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Format {
    pub(super) rate: u32,
    pub(super) channels: usize,
    pub(super) layout: Layout,
}

/// What of the decoded frames is sound: the encoder put `delay` frames before it and up to `padding` after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Trim {
    pub(super) delay: u64,
    /// The frames of sound and the most that follow as padding, if the file says so. More than that is sound again:
    /// a wrong header must not cost anybody the end of a recording.
    pub(super) end: Option<(u64, u64)>,
}

/// The part of the sound that is wanted, in frames from its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) start: u64,
    pub(super) end: Option<u64>,
}

/// Collects planar frames and hands them out in chunks.
pub(super) struct Chunker {
    format: Format,
    chunk_frames: usize,
    trim: Trim,
    part: Part,
    /// The frames that wait, one vector for each channel; those before `head` are gone already.
    planes: Vec<Vec<f32>>,
    head: usize,
    /// The frames of delay, and before the part, that did not come in yet.
    skip_left: u64,
    /// The place of the next frame to emit, from the start of the sound.
    emitted: u64,
    origin: i64,
}

impl Chunker {
    /// Chunks of `chunk_ms` milliseconds; the sound starts at `origin` nanoseconds.
    pub(super) fn new(format: Format, chunk_ms: u32, trim: Trim, part: Part, origin: i64) -> Self {
        let chunk_frames = MediaTime::to_frames(u64::from(chunk_ms) * 1_000_000, format.rate);
        let most_frames = MOST_CHUNK_BYTES / (size_of::<f32>() * format.channels.max(1));
        Self {
            chunk_frames: usize::try_from(chunk_frames).unwrap_or(usize::MAX).clamp(1, most_frames.max(1)),
            planes: vec![Vec::new(); format.channels],
            head: 0,
            skip_left: trim.delay.saturating_add(part.start),
            emitted: part.start,
            format,
            trim,
            part,
            origin,
        }
    }

    pub(super) fn format(&self) -> &Format {
        &self.format
    }

    /// Takes one decoded packet: as many planes as there are channels.
    pub(super) fn push(&mut self, planes: &[Vec<f32>]) {
        let frames = planes.first().map_or(0, Vec::len);
        let skip = usize::try_from(self.skip_left).unwrap_or(usize::MAX).min(frames);
        self.skip_left -= skip as u64;
        for (waiting, plane) in self.planes.iter_mut().zip(planes) {
            if self.head > 0 {
                waiting.drain(..self.head);
            }
            waiting.extend_from_slice(&plane[skip..]);
        }
        self.head = 0;
    }

    /// How many of the frames that come next are not wanted.
    pub(super) fn unwanted(&self) -> u64 {
        self.skip_left
    }

    /// Notes that so many of the frames that are not wanted do not come in.
    pub(super) fn pass_over(&mut self, frames: u64) {
        self.skip_left = self.skip_left.saturating_sub(frames);
    }

    /// The next whole chunk, if there is one.
    pub(super) fn whole(&mut self) -> Result<Option<Audio>, NodeError> {
        if self.sound() < self.chunk_frames { Ok(None) } else { self.emit(self.chunk_frames) }
    }

    /// The next chunk, shorter than the others if no more comes.
    pub(super) fn rest(&mut self) -> Result<Option<Audio>, NodeError> {
        let frames = self.sound().min(self.chunk_frames);
        if frames == 0 { Ok(None) } else { self.emit(frames) }
    }

    /// The time after all frames that came in, in nanoseconds.
    pub(super) fn position(&self) -> i64 {
        self.time((self.emitted + self.sound() as u64).saturating_sub(self.skip_left))
    }

    /// The frames of sound that came in.
    pub(super) fn frames(&self) -> u64 {
        (self.emitted + self.waiting() as u64).saturating_sub(self.skip_left)
    }

    /// Whether all of the part came in, so that no more is of use. Of an empty one a frame beyond it must have come, which
    /// shows that it lies within the sound; of one that ends in what may be padding, more than the padding.
    pub(super) fn is_complete(&self) -> bool {
        let Some(end) = self.part.end else { return false };
        let may_be_padding = match self.trim.end {
            Some((sound, padding)) => end > sound && self.frames() <= sound.saturating_add(padding),
            None => false,
        };
        self.frames() >= end && !self.is_before_part() && !may_be_padding
    }

    /// Whether the sound is too short for the part to have begun.
    pub(super) fn is_before_part(&self) -> bool {
        self.part.start > 0 && self.frames() <= self.part.start
    }

    fn waiting(&self) -> usize {
        self.planes.first().map_or(0, |plane| plane.len() - self.head)
    }

    fn sound(&self) -> usize {
        let wanted = self.part.end.map_or(u64::MAX, |end| end.saturating_sub(self.emitted));
        let waiting = self.waiting().min(usize::try_from(wanted).unwrap_or(usize::MAX));
        match self.trim.end {
            Some((sound, padding)) if self.frames() <= sound.saturating_add(padding) => {
                waiting.min(usize::try_from(sound.saturating_sub(self.emitted)).unwrap_or(usize::MAX))
            }
            _ => waiting,
        }
    }

    fn emit(&mut self, frames: usize) -> Result<Option<Audio>, NodeError> {
        let mut samples = Vec::with_capacity(frames * self.format.channels);
        for plane in &self.planes {
            samples.extend_from_slice(&plane[self.head..self.head + frames]);
        }
        self.head += frames;
        let pts = self.time(self.emitted);
        self.emitted += frames as u64;
        let audio = Audio::from_planar(samples, self.format.channels, self.format.rate).map_err(|error| {
            NodeError::new("the file has a format that sound can't have")
                .cure("Fetch or copy it again, or convert it.")
                .because(&error)
        })?;
        Ok(Some(audio.with_layout(self.format.layout.clone()).with_pts(Some(pts))))
    }

    fn time(&self, frames: u64) -> i64 {
        self.origin.saturating_add(MediaTime::of_frames(frames, self.format.rate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunker(trim: Trim) -> Chunker {
        let format = Format { rate: 1000, channels: 1, layout: Layout::for_channels(1) };
        Chunker::new(format, 10, trim, Part::default(), 5)
    }

    fn drain(chunker: &mut Chunker) -> Vec<f32> {
        let mut samples = Vec::new();
        while let Some(audio) = chunker.rest().unwrap() {
            samples.extend_from_slice(audio.channel(0));
        }
        samples
    }

    #[test]
    fn chunks_have_one_length_and_their_time_but_the_last() {
        let mut chunker = chunker(Trim::default());
        chunker.push(&[(0..25u8).map(f32::from).collect()]);
        let first = chunker.whole().unwrap().unwrap();
        assert_eq!((first.frames(), first.pts), (10, Some(5)));
        let second = chunker.whole().unwrap().unwrap();
        assert_eq!((second.channel(0)[0], second.pts), (10.0, Some(10_000_005)));
        assert!(chunker.whole().unwrap().is_none());
        let last = chunker.rest().unwrap().unwrap();
        assert_eq!((last.frames(), last.pts), (5, Some(20_000_005)));
        assert!(chunker.rest().unwrap().is_none());
    }

    #[test]
    fn no_header_makes_a_chunk_longer_than_the_limit() {
        for (rate, channels, frames) in [(u32::MAX, 1, 16 << 20), (u32::MAX, 1024, 16 << 10), (48_000, 2, 2_880_000)] {
            let format = Format { rate, channels, layout: Layout::Unspecified };
            assert_eq!(Chunker::new(format, 60_000, Trim::default(), Part::default(), 0).chunk_frames, frames);
        }
    }

    #[test]
    fn no_trim_that_a_header_claims_is_too_large() {
        let mut chunker = chunker(Trim { delay: 0, end: Some((u64::MAX, u64::MAX / 2)) });
        chunker.push(&[vec![1.0; 3]]);
        assert_eq!(drain(&mut chunker), [1.0; 3]);
        let mut chunker = self::chunker(Trim { delay: u64::MAX, end: None });
        chunker.push(&[vec![1.0; 3]]);
        assert!(drain(&mut chunker).is_empty());
    }

    #[test]
    fn a_format_that_can_not_be_is_refused() {
        for (rate, channels) in [(0, 1), (8000, 1025)] {
            let format = Format { rate, channels, layout: Layout::Unspecified };
            let mut chunker = Chunker::new(format, 10, Trim::default(), Part::default(), 0);
            chunker.push(&vec![vec![0.0; 1000]; channels]);
            let error = chunker.rest().unwrap_err();
            assert_eq!(
                format!("{}. {}", error.cause, error.cure),
                "the file has a format that sound can't have. Fetch or copy it again, or convert it."
            );
            assert_eq!(error.chain.len(), 1);
        }
    }

    #[test]
    fn delay_and_padding_are_left_out() {
        let mut chunker = chunker(Trim { delay: 3, end: Some((5, 4)) });
        chunker.push(&[vec![0.0, 1.0]]);
        chunker.push(&[(2..12u8).map(f32::from).collect()]);
        assert_eq!(drain(&mut chunker), [3.0, 4.0, 5.0, 6.0, 7.0]);
    }

    #[test]
    fn a_part_is_exact_and_keeps_its_time() {
        let format = Format { rate: 1000, channels: 1, layout: Layout::for_channels(1) };
        let part = Part { start: 4, end: Some(9) };
        let mut chunker = Chunker::new(format, 10, Trim { delay: 2, end: None }, part, 5);
        chunker.push(&[(0..5u8).map(f32::from).collect()]);
        assert!(chunker.is_before_part() && chunker.rest().unwrap().is_none());
        chunker.push(&[(5..20u8).map(f32::from).collect()]);
        assert!(chunker.is_complete() && !chunker.is_before_part());
        let audio = chunker.rest().unwrap().unwrap();
        assert_eq!((audio.channel(0), audio.pts), (&[6.0, 7.0, 8.0, 9.0, 10.0][..], Some(4_000_005)));
        assert!(chunker.rest().unwrap().is_none());
    }

    #[test]
    fn frames_before_a_part_may_be_passed_over() {
        let format = Format { rate: 1000, channels: 1, layout: Layout::for_channels(1) };
        let part = Part { start: 40, end: Some(42) };
        let mut chunker = Chunker::new(format, 10, Trim { delay: 2, end: None }, part, 5);
        chunker.push(&[vec![0.0; 5]]);
        assert_eq!((chunker.unwanted(), chunker.position()), (37, 3_000_005));
        chunker.pass_over(35);
        assert_eq!((chunker.unwanted(), chunker.frames()), (2, 38));
        chunker.push(&[(40..50u8).map(f32::from).collect()]);
        let audio = chunker.rest().unwrap().unwrap();
        assert_eq!((audio.channel(0), audio.pts), (&[42.0, 43.0][..], Some(40_000_005)));
    }

    #[test]
    fn an_empty_part_needs_a_frame_after_its_start() {
        let format = Format { rate: 1000, channels: 1, layout: Layout::for_channels(1) };
        let mut chunker = Chunker::new(format, 10, Trim::default(), Part { start: 4, end: Some(4) }, 0);
        chunker.push(&[vec![0.0; 4]]);
        assert!(!chunker.is_complete() && chunker.is_before_part());
        chunker.push(&[vec![0.0; 1]]);
        assert!(chunker.is_complete() && !chunker.is_before_part() && chunker.rest().unwrap().is_none());
    }

    #[test]
    fn more_than_the_padding_is_sound() {
        let trim = Trim { delay: 0, end: Some((2, 2)) };
        let mut chunker = chunker(trim);
        chunker.push(&[vec![0.0, 1.0, 2.0, 3.0, 4.0]]);
        assert_eq!(drain(&mut chunker), [0.0, 1.0, 2.0, 3.0, 4.0]);
        // So does a part that ends within it.
        let format = Format { rate: 1000, channels: 1, layout: Layout::for_channels(1) };
        let mut chunker = Chunker::new(format, 10, trim, Part { start: 1, end: Some(3) }, 0);
        chunker.push(&[vec![0.0, 1.0, 2.0, 3.0]]);
        assert!(!chunker.is_complete());
        chunker.push(&[vec![4.0]]);
        assert!(chunker.is_complete());
        assert_eq!(drain(&mut chunker), [1.0, 2.0]);
    }
}
