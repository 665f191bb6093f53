//! From one rate to another, channel by channel: which converters a pair of rates needs, and the samples they wait for.
//!
//! It knows blocks and channels; what a stream is, and where it ends, is the segment's business.

use std::sync::Arc;

use super::block::BlockFilter;
use super::input::{Input, SampleNotFinite};
use super::interpolate::Interpolator;
use super::transform::{Sample, Scratch};
use crate::dsp::low_pass::LowPass;

/// What a filter has to reach, relative to the lower of the two Nyquist frequencies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Requirement {
    /// Where the pass-band ends, as a share of the lower Nyquist frequency. The stop-band begins at that frequency.
    pub(super) pass: f64,
    /// How far the stop-band is down, in dB.
    pub(super) attenuation_db: f64,
}

/// The work of one step, in points of the transform: less than a millisecond in float32. Each step gives one packet, and
/// to read one takes a host some microseconds, of which its event loop has to know.
const STEP_POINTS: usize = 1 << 19;
/// Rates that share a divisor of so many Hz repeat their pattern within 40 ms, a fitting length for a block.
const LEAST_COMMON_RATE: u32 = 25;
/// How much better than required the interpolator is, so that its errors vanish beside those of the blocks. Its filter
/// is so short that Kaiser's formulas miss by a few decibels.
const INTERPOLATOR_MARGIN_DB: f64 = 14.0;

/// A stream of several channels on its way through a converter.
///
/// A block is so many input frames (`hop`); the output that is complete after a number of blocks is always the same.
pub(super) trait Kernel: Send {
    /// The input frames of one block.
    fn hop(&self) -> usize;
    /// How many blocks of one channel are a fair amount of work for one step.
    fn blocks_per_step(&self) -> usize;
    /// How many output frames so many blocks are enough for.
    fn available(&self, blocks: u64) -> u64;
    /// Adds silence to all channels.
    fn push_silence(&mut self, frames: usize);
    /// Converts the next blocks of a channel out of what it keeps and `fresh` samples after that, appends the output
    /// frames of `part` to `output`, and keeps what later blocks need.
    ///
    /// # Errors
    /// If a sample is NaN or infinite: the filter would spread it over all that is near.
    fn convert(
        &mut self,
        channel: usize,
        fresh: &[f32],
        part: &Part,
        output: &mut Vec<f32>,
    ) -> Result<(), SampleNotFinite>;
}

/// Blocks of a stream that follow each other, and the frames that come of them.
pub(super) struct Part {
    pub(super) first_block: u64,
    pub(super) blocks: usize,
    pub(super) first_frame: u64,
    pub(super) frames: usize,
}

/// What all streams between the same rates share.
pub(super) struct Plan<T> {
    blocks: BlockFilter<T>,
    /// Makes the output from what the blocks give, if their ratio is not the whole way.
    interpolator: Option<Interpolator<T>>,
}

/// The streams of one segment.
pub(super) struct Streams<T> {
    plan: Arc<Plan<T>>,
    scratch: Scratch<T>,
    channels: Vec<Channel<T>>,
}

struct Channel<T> {
    /// Begins with the history of the next block.
    input: Input,
    /// What the blocks gave and the interpolator still needs.
    between: Vec<T>,
    /// The number of frames that have left `between`.
    between_first: u64,
}

impl<T: Sample> Plan<T> {
    /// A converter from one rate to another, both in Hz.
    pub(super) fn new(from: u32, to: u32, requirement: Requirement) -> Self {
        let common = greatest_common_divisor(from, to);
        let (up, down) = (to / common, from / common);
        let nyquist = f64::from(from.min(to)) / 2.0 / f64::from(from);
        let filter = LowPass::new(nyquist * requirement.pass, nyquist, requirement.attenuation_db);
        let hop = from.div_ceil(50) as usize;
        if common >= LEAST_COMMON_RATE && is_smooth(up) && is_smooth(down) {
            return Self { blocks: BlockFilter::new(up as usize, down as usize, &filter, hop), interpolator: None };
        }
        // A power of two brings the stream to between two and four times the rate that its band needs.
        let (mut up, mut down) = (1u32, 1u32);
        while u64::from(from) * u64::from(up) < 2 * u64::from(from.min(to)) {
            up *= 2;
        }
        while u64::from(from) >= 4 * u64::from(down) * u64::from(from.min(to)) {
            down *= 2;
        }
        let band = nyquist * f64::from(down) / f64::from(up);
        let (step, unit) = (u64::from(from) * u64::from(up), u64::from(to) * u64::from(down));
        Self {
            blocks: BlockFilter::new(up as usize, down as usize, &filter, hop),
            interpolator: Some(Interpolator::new(
                step,
                unit,
                band,
                requirement.attenuation_db + INTERPOLATOR_MARGIN_DB,
            )),
        }
    }

    /// New streams of so many channels.
    pub(super) fn streams(self: &Arc<Self>, channels: usize) -> Streams<T> {
        let channel = || Channel { input: Input::new(self.blocks.history()), between: Vec::new(), between_first: 0 };
        Streams {
            plan: Arc::clone(self),
            scratch: self.blocks.scratch(),
            channels: (0..channels).map(|_| channel()).collect(),
        }
    }

    /// How many frames so many blocks have given: those before the stream's first frame count only where the
    /// interpolator needs them.
    fn frames_after(&self, blocks: u64) -> u64 {
        let history = self.interpolator.as_ref().map_or(0, Interpolator::history);
        (blocks * self.blocks.hop_out as u64).saturating_sub((self.blocks.delay_out - history) as u64)
    }
}

impl<T: Sample> Kernel for Streams<T> {
    fn hop(&self) -> usize {
        self.plan.blocks.hop
    }

    fn blocks_per_step(&self) -> usize {
        (STEP_POINTS / self.plan.blocks.size()).max(1)
    }

    fn available(&self, blocks: u64) -> u64 {
        let frames = self.plan.frames_after(blocks);
        self.plan.interpolator.as_ref().map_or(frames, |interpolator| interpolator.available(frames))
    }

    fn push_silence(&mut self, frames: usize) {
        for channel in &mut self.channels {
            channel.input.push_silence(frames);
        }
    }

    fn convert(
        &mut self,
        channel: usize,
        fresh: &[f32],
        part: &Part,
        output: &mut Vec<f32>,
    ) -> Result<(), SampleNotFinite> {
        let Self { plan, scratch, channels } = self;
        let Channel { input, between, between_first } = &mut channels[channel];
        let end_of_part = output.len() + part.frames;
        let mut windows = input.windows(fresh, plan.blocks.hop, plan.blocks.window());
        for index in 0..part.blocks {
            let block = plan.blocks.convert(windows.next()?, scratch);
            let number = part.first_block + index as u64;
            let (first, end) = (plan.frames_after(number), plan.frames_after(number + 1));
            let block = &block[block.len() - (end - first) as usize..];
            if plan.interpolator.is_some() {
                between.extend_from_slice(block);
            } else {
                // The last block of a stream may give more than the stream has.
                let wanted = block.len().min(end_of_part - output.len());
                output.extend(block[..wanted].iter().map(|sample| sample.to_single()));
            }
        }
        windows.finish()?;
        if let Some(interpolator) = &plan.interpolator {
            let start = output.len();
            output.resize(end_of_part, 0.0);
            interpolator.convert(between, *between_first, part.first_frame, &mut output[start..]);
            let next = interpolator.first_tap(part.first_frame + part.frames as u64);
            let spent = ((next - *between_first) as usize).min(between.len());
            between.drain(..spent);
            *between_first += spent as u64;
        }
        Ok(())
    }
}

fn greatest_common_divisor(mut a: u32, mut b: u32) -> u32 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// Whether a number has no prime factor that makes transforms slow.
fn is_smooth(mut number: u32) -> bool {
    for factor in [2, 3, 5, 7, 11, 13] {
        while number.is_multiple_of(factor) {
            number /= factor;
        }
    }
    number == 1
}
