//! A run of sound in one format: counts what came and what went, so that lengths and times are exact.

use remotemedia_core::node::NodeError;
use remotemedia_core::value::{Audio, Layout, MediaTime};

use super::kernel::{Kernel, Part};
use crate::stream::align::Held;
use crate::stream::finite::check_finite;
use crate::stream::reader::Segment;

/// Sound of one rate and layout, from its first frame to its last.
pub(super) struct Conversion {
    kernel: Box<dyn Kernel>,
    rate: u32,
    channels: usize,
    layout: Layout,
    rate_out: u32,
    ratio: Ratio,
    /// When the first frame sounds, in nanoseconds.
    origin: Option<i64>,
    /// Frames of sound taken.
    taken: u64,
    /// Frames given to the kernel: what was taken, and after the end the silence that pushes the rest out.
    pushed: u64,
    /// Blocks converted on all channels.
    blocks: u64,
    /// Frames emitted.
    emitted: u64,
    /// The number of output frames, once the input is complete.
    total: Option<u64>,
    /// Sound that the next piece reads, for as long as that is in the making.
    fresh: Option<Audio>,
    piece: Option<Piece>,
}

/// How the number of frames changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ratio {
    /// So many frames of input become so many of output.
    pub(super) input: u32,
    pub(super) output: u32,
    /// Whether half a frame at the end counts as one.
    pub(super) halves_up: bool,
}

/// Output in the making: some channels are done, others not.
struct Piece {
    part: Part,
    /// The channels that are done, one behind the other.
    samples: Vec<f32>,
    channels_done: usize,
}

impl Conversion {
    /// The conversion of a segment.
    pub(super) fn new(kernel: Box<dyn Kernel>, segment: &Segment, rate_out: u32) -> Self {
        Self {
            kernel,
            rate: segment.rate,
            channels: segment.channels,
            layout: segment.layout.clone(),
            rate_out,
            ratio: Ratio { input: segment.rate, output: rate_out, halves_up: true },
            origin: segment.origin,
            taken: 0,
            pushed: 0,
            blocks: 0,
            emitted: 0,
            total: None,
            fresh: None,
            piece: None,
        }
    }

    /// The conversion of a segment that keeps its rate and changes its length.
    pub(super) fn of_length(kernel: Box<dyn Kernel>, segment: &Segment, ratio: Ratio) -> Self {
        Self { ratio, ..Self::new(kernel, segment, segment.rate) }
    }

    /// When an input frame sounds, in nanoseconds.
    fn time_of(&self, frame: u64) -> Option<i64> {
        self.origin.map(|origin| origin.saturating_add(MediaTime::of_frames(frame, self.rate)))
    }

    /// What was taken and is still to be emitted.
    pub(super) fn held(&self) -> Held {
        let [taken, emitted] = [(self.taken, self.rate), (self.emitted, self.rate_out)]
            .map(|(frames, rate)| MediaTime::of_frames(frames, rate));
        Held { begin: self.next_pts(), duration: (taken - emitted).max(0) }
    }

    /// How many frames a step should take.
    pub(super) fn room(&self) -> usize {
        (self.kernel.hop() * self.piece_blocks()).saturating_sub(self.waiting_frames())
    }

    /// Whether the frames taken last are still being read: nothing else can be taken before they are through.
    pub(super) fn is_amid_piece(&self) -> bool {
        self.piece.is_some()
    }

    /// Takes the next frames, as many as there is [room](Conversion::room) for.
    ///
    /// # Errors
    /// If a sample is NaN or infinite.
    pub(super) fn take(&mut self, audio: Audio) -> Result<(), NodeError> {
        self.taken += audio.frames() as u64;
        self.pushed += audio.frames() as u64;
        self.fresh = Some(audio);
        if self.waiting_frames() >= self.kernel.hop() {
            return Ok(());
        }
        // Too little for a block: kept until more comes.
        let part = Part { first_block: self.blocks, blocks: 0, first_frame: self.emitted, frames: 0 };
        for channel in 0..self.channels {
            self.convert(channel, &part, &mut Vec::new())?;
        }
        self.fresh = None;
        Ok(())
    }

    /// Declares the input complete.
    pub(super) fn finish(&mut self) {
        if self.total.is_none() {
            let total = self.ratio.output_frames(self.taken);
            let hop = self.kernel.hop() as u64;
            let mut blocks = self.pushed / hop;
            while self.kernel.available(blocks) < total {
                blocks += 1;
            }
            if blocks * hop > self.pushed {
                self.kernel.push_silence((blocks * hop - self.pushed) as usize);
                self.pushed = blocks * hop;
            }
            self.total = Some(total);
        }
    }

    /// Does one step of work; returns sound that is complete. A conversion without output frames gives empty sound at its
    /// end, so that its format and the fact of its being are not lost.
    ///
    /// # Errors
    /// If a sample is NaN or infinite, or the sound can't be represented.
    pub(super) fn run(&mut self) -> Result<Option<Audio>, NodeError> {
        if self.total == Some(0) {
            return self.sound(Vec::new()).map(Some);
        }
        let Some(mut piece) = self.piece.take().or_else(|| self.next_piece()) else { return Ok(None) };
        let share = (self.kernel.blocks_per_step() / piece.part.blocks).max(1);
        let end = (piece.channels_done + share).min(self.channels);
        for channel in piece.channels_done..end {
            self.convert(channel, &piece.part, &mut piece.samples)?;
        }
        piece.channels_done = end;
        if end < self.channels {
            self.piece = Some(piece);
            return Ok(None);
        }
        self.fresh = None;
        let sound = if piece.part.frames > 0 { Some(self.sound(piece.samples)?) } else { None };
        self.blocks += piece.part.blocks as u64;
        self.emitted += piece.part.frames as u64;
        Ok(sound)
    }

    /// Whether there is work without new input.
    pub(super) fn can_run(&self) -> bool {
        match self.total {
            Some(_) => !self.is_over(),
            None => self.piece.is_some() || self.waiting_frames() >= self.kernel.hop(),
        }
    }

    /// Whether the input is complete.
    pub(super) fn is_finishing(&self) -> bool {
        self.total.is_some()
    }

    /// Whether all output of a complete input has been emitted.
    pub(super) fn is_over(&self) -> bool {
        self.total == Some(self.emitted)
    }

    /// Converts the blocks of `part` on one channel.
    fn convert(&mut self, channel: usize, part: &Part, output: &mut Vec<f32>) -> Result<(), NodeError> {
        let fresh = self.fresh.as_ref();
        let samples = fresh.map_or(&[][..], |audio| audio.channel(channel));
        if self.kernel.convert(channel, samples, part, output).is_ok() {
            return Ok(());
        }
        // Another channel may have an earlier one.
        let audio = fresh.expect("what is kept and what is silent was looked at before");
        let first = self.taken - audio.frames() as u64;
        check_finite(audio, 0, audio.frames(), |frame| self.time_of(first + frame))
    }

    fn next_piece(&self) -> Option<Piece> {
        let blocks = (self.waiting_frames() / self.kernel.hop()).min(self.piece_blocks());
        if blocks == 0 || self.is_over() {
            return None;
        }
        let available = self.kernel.available(self.blocks + blocks as u64);
        let frames = (self.total.map_or(available, |total| total.min(available)) - self.emitted) as usize;
        let part = Part { first_block: self.blocks, blocks, first_frame: self.emitted, frames };
        Some(Piece { part, samples: Vec::with_capacity(frames * self.channels), channels_done: 0 })
    }

    /// The most blocks of one piece: what all channels together can do in one step, and at least one.
    fn piece_blocks(&self) -> usize {
        (self.kernel.blocks_per_step() / self.channels).max(1)
    }

    /// Input frames that no block has used.
    fn waiting_frames(&self) -> usize {
        (self.pushed - self.blocks * self.kernel.hop() as u64) as usize
    }

    /// When the next frame of output sounds, in nanoseconds.
    fn next_pts(&self) -> Option<i64> {
        self.origin.map(|origin| origin.saturating_add(MediaTime::of_frames(self.emitted, self.rate_out)))
    }

    /// The next frames of output as sound with its time.
    fn sound(&self, samples: Vec<f32>) -> Result<Audio, NodeError> {
        let audio = Audio::from_planar(samples, self.channels, self.rate_out)
            .map_err(|error| NodeError::new("the converted sound is not valid").because(&error))?;
        Ok(audio.with_layout(self.layout.clone()).with_pts(self.next_pts()))
    }
}

impl Ratio {
    /// `frames * output / input`, rounded to nearest.
    fn output_frames(self, frames: u64) -> u64 {
        let (input, output) = (u128::from(self.input), u128::from(self.output));
        let half = if self.halves_up { input } else { input - 1 };
        u64::try_from((2 * u128::from(frames) * output + half) / (2 * input)).unwrap_or(u64::MAX)
    }
}
