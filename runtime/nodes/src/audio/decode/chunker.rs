//! From decoded packets of any length to chunks of one length, each with its exact time. Encoder delay at the start and
//! padding at the end are left out here.

use std::collections::VecDeque;

use remotemedia_core::node::NodeError;
use remotemedia_core::value::{Audio, Layout, MediaTime};

use self::piece::Piece;

mod piece;

/// The most bytes of one chunk, whatever rate and number of channels a file claims: a minute of stereo at 139 kHz. Chunks
/// that would be longer are cut to this.
pub(super) const MOST_CHUNK_BYTES: usize = 64 << 20;

/// The frames for which a piece has room at first, where it is not known how long it becomes.
const LEAST_ROOM: usize = 4096;

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
    /// The frames of sound that the file is thought to have, if its head says so.
    expected: Option<u64>,
    /// What is collected, in pieces: all full but the last one. A chunk mostly is a piece, and handed out as it is, so that a
    /// sample is written once.
    pieces: VecDeque<Piece>,
    /// How many frames they hold, and how many of the first of them are gone already.
    collected: u64,
    head: usize,
    /// The frames that came in after the end of the part, which are not kept.
    beyond: u64,
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
            expected: trim.end.map(|(sound, _)| sound),
            pieces: VecDeque::new(),
            collected: 0,
            head: 0,
            beyond: 0,
            skip_left: trim.delay.saturating_add(part.start),
            emitted: part.start,
            format,
            trim,
            part,
            origin,
        }
    }

    /// The same, told how many frames of sound the head of the file promises. If that is wrong, only time is lost.
    pub(super) fn expecting(mut self, frames: Option<u64>) -> Self {
        self.expected = self.expected.or(frames);
        self
    }

    pub(super) fn format(&self) -> &Format {
        &self.format
    }

    /// Takes one decoded packet: as many planes as there are channels.
    pub(super) fn push(&mut self, planes: &[Vec<f32>]) {
        let frames = planes.first().map_or(0, Vec::len);
        let skip = usize::try_from(self.skip_left).unwrap_or(usize::MAX).min(frames);
        self.skip_left -= skip as u64;
        let mut taken = skip;
        while taken < frames {
            if self.pieces.back().is_none_or(Piece::is_full) && !self.begin_piece(frames - taken) {
                self.beyond += (frames - taken) as u64;
                return;
            }
            let Some(piece) = self.pieces.back_mut() else { return };
            let count = piece.take(planes, taken);
            taken += count;
            self.collected += count as u64;
        }
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

    /// When the sound that came in ends, in nanoseconds, whatever of it is wanted.
    pub(super) fn end_of_sound(&self) -> i64 {
        self.time(self.sound_frames())
    }

    /// The frames after the delay that came in.
    pub(super) fn frames(&self) -> u64 {
        (self.emitted + self.collected + self.beyond).saturating_sub(self.skip_left)
    }

    /// How many of them are sound, as far as can be told: what may be padding is none.
    fn sound_frames(&self) -> u64 {
        let frames = self.frames();
        match self.trim.end {
            Some((sound, padding)) if frames <= sound.saturating_add(padding) => frames.min(sound),
            _ => frames,
        }
    }

    /// Whether all of the part came in, so that no more is of use. Of an empty one a frame beyond it must have come, which
    /// shows that it lies within the sound; of one that ends in what may be padding, more than the padding.
    pub(super) fn is_complete(&self) -> bool {
        let Some(end) = self.part.end else { return false };
        self.sound_frames() >= end && !self.is_before_part()
    }

    /// Whether the sound is too short for the part to have begun.
    pub(super) fn is_before_part(&self) -> bool {
        self.part.start > 0 && self.sound_frames() <= self.part.start
    }

    fn sound(&self) -> usize {
        let wanted = self.part.end.map_or(u64::MAX, |end| end.saturating_sub(self.emitted));
        let sound = self.collected.min(wanted).min(self.sound_frames().saturating_sub(self.emitted));
        usize::try_from(sound).unwrap_or(usize::MAX)
    }

    /// Begins the next piece, for so many frames that are there. Whether the part goes on.
    fn begin_piece(&mut self, there: usize) -> bool {
        let begins = self.emitted + self.collected;
        let up_to = |end: u64| usize::try_from(end.saturating_sub(begins)).unwrap_or(usize::MAX);
        // At most to where its chunk ends, the part, and the sound: what may be padding is kept apart.
        let within = begins.saturating_sub(self.part.start) % self.chunk_frames as u64;
        let mut most = self.chunk_frames - within as usize;
        if let Some(end) = self.part.end {
            most = most.min(up_to(end));
        }
        if let Some((sound, _)) = self.trim.end.filter(|(sound, _)| begins < *sound) {
            most = most.min(up_to(sound));
        }
        if most == 0 {
            return false;
        }
        // Where it is likely how long it becomes, its memory is taken at once.
        let room = self.expected.or(self.part.end).map_or(0, up_to).max(there).max(LEAST_ROOM).min(most);
        self.pieces.push_back(Piece::new(self.format.channels, room, most));
        true
    }

    /// The samples of so many frames, which are there: those of a piece that is just as long without a copy.
    fn cut(&mut self, frames: usize) -> Vec<f32> {
        self.collected -= frames as u64;
        if self.head == 0
            && let Some(piece) = self.pieces.pop_front_if(|piece| piece.frames == frames && piece.room == frames)
        {
            return piece.samples;
        }
        let mut samples = Vec::with_capacity(frames * self.format.channels);
        for channel in 0..self.format.channels {
            let (mut head, mut left) = (self.head, frames);
            for piece in &self.pieces {
                let count = left.min(piece.frames - head);
                samples.extend_from_slice(&piece.plane(channel)[head..head + count]);
                (head, left) = (0, left - count);
            }
        }
        self.head += frames;
        while let Some(piece) = self.pieces.pop_front_if(|piece| piece.frames <= self.head) {
            self.head -= piece.frames;
        }
        samples
    }

    fn emit(&mut self, frames: usize) -> Result<Option<Audio>, NodeError> {
        let samples = self.cut(frames);
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

    /// What is expected, and how packets are cut, makes no difference to chunks, whose frames say by themselves where they
    /// belong.
    #[test]
    fn chunks_do_not_depend_on_packets_or_promises() {
        const FRAMES: usize = 5000;
        let format = Format { rate: 1000, channels: 2, layout: Layout::for_channels(2) };
        let sound: Vec<f32> = (0..FRAMES).map(|frame| frame as f32).collect();
        for (start, end) in [(0, None), (0, Some(FRAMES as u64 + 10)), (13, None), (13, Some(4800)), (4990, Some(5000))]
        {
            for expected in [None, Some(0), Some(17), Some(4999), Some(FRAMES as u64), Some(u64::MAX)] {
                for (packet, chunk_ms) in [(1, 7), (1152, 10), (100, 100), (4999, 1), (FRAMES, 60_000), (640, 60_000)] {
                    let part = Part { start, end };
                    let mut chunker =
                        Chunker::new(format.clone(), chunk_ms, Trim::default(), part, 0).expecting(expected);
                    let mut chunks = Vec::new();
                    for packet in sound.chunks(packet) {
                        chunker.push(&[packet.to_vec(), packet.iter().map(|sample| -sample).collect()]);
                        chunks.extend(std::iter::from_fn(|| chunker.whole().unwrap()));
                    }
                    chunks.extend(std::iter::from_fn(|| chunker.rest().unwrap()));
                    let wanted = start as usize..end.map_or(FRAMES, |end| FRAMES.min(end as usize));
                    let mut next = wanted.start;
                    for (number, chunk) in chunks.iter().enumerate() {
                        let expected = &sound[next..wanted.end.min(next + chunk_ms as usize)];
                        let mirrored: Vec<f32> = expected.iter().map(|sample| -sample).collect();
                        assert_eq!((chunk.channel(0), chunk.channel(1)), (expected, &mirrored[..]), "chunk {number}");
                        assert_eq!(chunk.pts, Some(next as i64 * 1_000_000));
                        next += expected.len();
                    }
                    assert_eq!(next, wanted.end, "{part:?} of packets of {packet} in chunks of {chunk_ms}");
                    assert_eq!(chunker.frames(), FRAMES as u64);
                }
            }
        }
    }

    #[test]
    fn padding_is_kept_apart_until_it_is_sound_after_all() {
        for (coming, sound) in [(100usize, 50usize), (58, 50), (50, 50), (120, 120)] {
            for packet in [1, 9, 120] {
                let mut chunker = chunker(Trim { delay: 0, end: Some((50, 60)) });
                let all: Vec<f32> = (0..coming).map(|frame| frame as f32).collect();
                let mut chunks = Vec::new();
                for packet in all.chunks(packet) {
                    chunker.push(&[packet.to_vec()]);
                    chunks.extend(std::iter::from_fn(|| chunker.whole().unwrap()));
                }
                chunks.extend(std::iter::from_fn(|| chunker.rest().unwrap()));
                assert!(chunks.iter().all(|chunk| chunk.frames() == 10), "{coming} in packets of {packet}");
                let emitted: Vec<f32> = chunks.iter().flat_map(|chunk| chunk.channel(0).to_vec()).collect();
                assert_eq!(emitted, all[..sound], "{coming} in packets of {packet}");
            }
        }
        // The sound ends within a chunk, which goes on once there is more than padding.
        let mut chunker = chunker(Trim { delay: 0, end: Some((4, 3)) });
        chunker.push(&[vec![0.0, 1.0, 2.0, 3.0, 4.0]]);
        assert!(chunker.whole().unwrap().is_none());
        chunker.push(&[(5..23u8).map(f32::from).collect()]);
        let lengths: Vec<usize> = std::iter::from_fn(|| chunker.whole().unwrap()).map(|chunk| chunk.frames()).collect();
        assert_eq!((lengths, drain(&mut chunker)), (vec![10, 10], vec![20.0, 21.0, 22.0]));
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
