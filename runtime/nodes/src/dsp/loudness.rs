//! The loudness of sound as ITU-R BS.1770-5, EBU Tech 3341 and EBU Tech 3342 measure it: K-weighting, windows, gates. It
//! knows nothing of nodes.
//!
//! The K-weighting for rates other than 48 kHz comes from the analog prototypes that give the coefficients of the
//! standard at 48 kHz (B. De Man, "Evaluation of implementations of the EBU R128 loudness measurement", 2018).

use std::collections::VecDeque;
use std::f64::consts::PI;

use remotemedia_core::node::NodeError;
use remotemedia_core::value::{Audio, Layout, MediaTime};

use super::speakers::{loudness_weight, speakers};
use super::state_variable::{Cascade, Section};

/// Follows sound of one format.
#[derive(Debug)]
pub(crate) struct LoudnessMeter {
    rate: u32,
    weights: Vec<f64>,
    filters: Vec<Cascade>,
    scratch: Vec<f64>,
    /// The number of the open step of 10 ms, and the frames taken in.
    step: u64,
    position: u64,
    /// Squares of each channel in the open step, and its frames. Summed up at its end, so that the order does not depend
    /// on how the frames arrive.
    squares: Vec<f64>,
    frames: usize,
    /// The steps of the last three seconds, oldest first.
    steps: VecDeque<Energy>,
    all: Energy,
    /// Blocks of 400 ms above the absolute gate, every 100 ms.
    blocks: Histogram,
    /// Windows of 3 s above the absolute gate, every 100 ms.
    windows: Histogram,
    /// The largest mean square of 400 ms and of 3 s, at any step.
    max_momentary: Option<f64>,
    max_short_term: Option<f64>,
    /// The mean squares of the blocks of the last ten seconds above the absolute gate, and those below as 0.
    recent: VecDeque<f64>,
}

/// Weighted squares over all channels, and their frames.
#[derive(Clone, Copy, Debug, Default)]
struct Energy {
    squares: f64,
    frames: usize,
}

/// Mean squares sorted by loudness into bins of 0.01 LU, so that a measure of any length needs the same memory.
#[derive(Debug)]
struct Histogram {
    bins: Vec<(u64, f64)>,
    total: (u64, f64),
    highest: usize,
}

/// What the standard subtracts, so that a sine of 997 Hz at 0 dBFS in one channel is -3.01 LUFS.
const OFFSET: f64 = -0.691;
/// Blocks below count nowhere.
const ABSOLUTE_GATE: f64 = -70.0;
/// How far below their mean blocks do not count for the integrated loudness, and windows for the range.
const RELATIVE_GATE: f64 = -10.0;
const RANGE_GATE: f64 = -20.0;
/// Maxima are looked for this often: a burst of 400 ms may begin anywhere (Tech 3341, cases 13 and 14).
const STEP_NS: u64 = 10_000_000;
const MOMENTARY_STEPS: usize = 40;
const SHORT_TERM_STEPS: usize = 300;
/// Blocks and windows begin at every tenth step.
const HOP_STEPS: u64 = 10;
const RECENT_BLOCKS: usize = 97;
const BIN_LU: f64 = 0.01;
const BINS: usize = 12_000;
/// The shelf of the K-weighting lies at 1682 Hz, which sound below twice that has not.
const LEAST_RATE: u32 = 3_400;

/// The loudness of a weighted mean square.
pub(crate) fn loudness(mean_square: f64) -> f64 {
    OFFSET + 10.0 * mean_square.log10()
}

impl LoudnessMeter {
    /// A meter for sound that begins at `origin`.
    ///
    /// # Errors
    /// If the rate is too low for the K-weighting.
    pub(crate) fn new(rate: u32, channels: usize, layout: &Layout, origin: Option<i64>) -> Result<Self, NodeError> {
        if rate < LEAST_RATE {
            let cause = format!("loudness is defined for sound of {LEAST_RATE} Hz and more, this has {rate} Hz");
            return Err(NodeError::new(cause).cure("Resample the sound first, or measure its level.").at(origin));
        }
        Ok(Self {
            rate,
            weights: weights(channels, layout),
            filters: vec![Cascade::new(k_weighting(rate.into()).to_vec()); channels],
            scratch: Vec::new(),
            step: 0,
            position: 0,
            squares: vec![0.0; channels],
            frames: 0,
            steps: VecDeque::new(),
            all: Energy::default(),
            blocks: Histogram::default(),
            windows: Histogram::default(),
            max_momentary: None,
            max_short_term: None,
            recent: VecDeque::new(),
        })
    }

    /// Takes in frames of as many channels as there are.
    pub(crate) fn add(&mut self, audio: &Audio) {
        let mut first = 0;
        while first < audio.frames() {
            let boundary = |step: u64| MediaTime::to_frames(step * STEP_NS, self.rate);
            let missing = boundary(self.step + 1) - self.position;
            let frames = missing.min((audio.frames() - first) as u64) as usize;
            self.add_to_step(audio, first, frames);
            (first, self.position) = (first + frames, self.position + frames as u64);
            if frames as u64 == missing {
                self.close_step();
            }
        }
    }

    /// Begins blocks, windows and filters anew, for sound that does not follow on what came. What has been measured stays.
    pub(crate) fn restart(&mut self) {
        self.end_step();
        (self.step, self.position) = (0, 0);
        self.steps.clear();
        self.filters.iter_mut().for_each(Cascade::clear);
    }

    /// The loudness of the last 400 ms, once there are as many.
    pub(crate) fn momentary(&self) -> Option<f64> {
        self.of_last(MOMENTARY_STEPS).map(loudness)
    }

    /// The loudness of the last three seconds, once there are as many.
    pub(crate) fn short_term(&self) -> Option<f64> {
        self.of_last(SHORT_TERM_STEPS).map(loudness)
    }

    /// The loudest 400 ms so far.
    pub(crate) fn max_momentary(&self) -> Option<f64> {
        self.max_momentary.map(loudness)
    }

    /// The loudest three seconds so far.
    pub(crate) fn max_short_term(&self) -> Option<f64> {
        self.max_short_term.map(loudness)
    }

    /// The gated loudness of all, if any of it is above the absolute gate.
    pub(crate) fn integrated(&self) -> Option<f64> {
        let blocks = &self.blocks;
        let (count, sum) =
            blocks.counted(RELATIVE_GATE)?.iter().fold((0, 0.0), |(count, sum), bin| (count + bin.0, sum + bin.1));
        Some(loudness(sum / count as f64))
    }

    /// The loudness range of Tech 3342, in LU: from the tenth to the 95th percentile of the short-term loudness above both
    /// gates, if any of it is.
    pub(crate) fn range(&self) -> Option<f64> {
        let counted = self.windows.counted(RANGE_GATE)?;
        let last = counted.iter().map(|bin| bin.0).sum::<u64>() - 1;
        let bin_at = |percent: f64| {
            let rank = (last as f64 * percent / 100.0).round() as u64;
            let mut below = 0;
            counted.iter().position(|bin| {
                below += bin.0;
                below > rank
            })
        };
        Some((bin_at(95.0)? - bin_at(10.0)?) as f64 * BIN_LU)
    }

    /// The loudness of all without gates; for sound that is too short for a block.
    pub(crate) fn ungated(&self) -> Option<f64> {
        let open = self.open();
        let loudness = loudness((self.all.squares + open.squares) / (self.all.frames + open.frames) as f64);
        (loudness >= ABSOLUTE_GATE).then_some(loudness)
    }

    /// The gated loudness of the last ten seconds, if any of it is above the absolute gate.
    pub(crate) fn recent(&self) -> Option<f64> {
        let mean_from = |gate: f64| {
            let counted = self.recent.iter().filter(|block| **block > gate);
            let (count, sum) = counted.fold((0u32, 0.0), |(count, sum), block| (count + 1, sum + block));
            (count > 0).then(|| sum / f64::from(count))
        };
        mean_from(mean_from(0.0)? * 10f64.powf(RELATIVE_GATE / 10.0)).map(loudness)
    }

    fn add_to_step(&mut self, audio: &Audio, first: usize, frames: usize) {
        let channels = self.filters.iter_mut().zip(&self.weights).zip(&mut self.squares).zip(audio.iter_channels());
        for (((filter, weight), squares), samples) in channels {
            if *weight == 0.0 {
                continue;
            }
            self.scratch.clear();
            self.scratch.extend(samples[first..first + frames].iter().copied().map(f64::from));
            filter.run(&mut self.scratch);
            for value in &self.scratch {
                *squares += value * value;
            }
        }
        self.frames += frames;
    }

    /// What the open step has so far.
    fn open(&self) -> Energy {
        let squares = self.squares.iter().zip(&self.weights).map(|(squares, weight)| squares * weight).sum();
        Energy { squares, frames: self.frames }
    }

    /// Counts what the open step has, and begins the next.
    fn end_step(&mut self) -> Energy {
        let step = self.open();
        self.squares.fill(0.0);
        self.frames = 0;
        self.all = Energy { squares: self.all.squares + step.squares, frames: self.all.frames + step.frames };
        step
    }

    fn close_step(&mut self) {
        let step = self.end_step();
        if self.steps.len() == SHORT_TERM_STEPS {
            self.steps.pop_front();
        }
        self.steps.push_back(step);
        self.step += 1;
        let (block, window) = (self.of_last(MOMENTARY_STEPS), self.of_last(SHORT_TERM_STEPS));
        self.max_momentary = larger(self.max_momentary, block);
        self.max_short_term = larger(self.max_short_term, window);
        if !self.step.is_multiple_of(HOP_STEPS) {
            return;
        }
        if let Some(block) = block {
            let is_counted = self.blocks.add(block);
            if self.recent.len() == RECENT_BLOCKS {
                self.recent.pop_front();
            }
            self.recent.push_back(if is_counted { block } else { 0.0 });
        }
        if let Some(window) = window {
            self.windows.add(window);
        }
    }

    /// The weighted mean square of the last steps.
    fn of_last(&self, steps: usize) -> Option<f64> {
        let first = self.steps.len().checked_sub(steps)?;
        let sum = self.steps.range(first..).fold(Energy::default(), |sum, step| Energy {
            squares: sum.squares + step.squares,
            frames: sum.frames + step.frames,
        });
        Some(sum.squares / sum.frames as f64)
    }
}

fn larger(left: Option<f64>, right: Option<f64>) -> Option<f64> {
    left.into_iter().chain(right).reduce(f64::max)
}

impl Histogram {
    /// Counts a mean square if it is above the absolute gate; returns whether it is.
    fn add(&mut self, mean_square: f64) -> bool {
        let loudness = loudness(mean_square);
        if loudness < ABSOLUTE_GATE {
            return false;
        }
        let bin = ((loudness - ABSOLUTE_GATE) / BIN_LU) as usize;
        let bin = bin.min(BINS - 1);
        self.highest = self.highest.max(bin);
        for (count, sum) in [&mut self.bins[bin], &mut self.total] {
            *count += 1;
            *sum += mean_square;
        }
        true
    }

    /// The bins that are no more than the gate below the mean of all; that of the loudest is always among them.
    fn counted(&self, gate: f64) -> Option<&[(u64, f64)]> {
        if self.total.0 == 0 {
            return None;
        }
        let gate = loudness(self.total.1 / self.total.0 as f64) + gate;
        let first = ((gate - ABSOLUTE_GATE) / BIN_LU).round().max(0.0) as usize;
        Some(&self.bins[first.min(self.highest)..=self.highest])
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self { bins: vec![(0, 0.0); BINS], total: (0, 0.0), highest: 0 }
    }
}

/// The weights of channels: by their places where a layout says them, five channels without a name as 5.0, else 1.
fn weights(channels: usize, layout: &Layout) -> Vec<f64> {
    match speakers(layout, channels) {
        Some(speakers) => speakers.iter().map(|speaker| loudness_weight(*speaker, speakers)).collect(),
        None if channels == 5 => vec![1.0, 1.0, 1.0, 1.41, 1.41],
        None => vec![1.0; channels],
    }
}

/// The high shelf of the head and the high-pass "RLB" for a rate.
fn k_weighting(rate: f64) -> [Section; 2] {
    let warped = |frequency: f64| (PI * frequency / rate).tan();
    let shelf = {
        let (frequency, gain_db, q) = (1_681.974_450_955_533, 3.999_843_853_973_347, 0.707_175_236_955_419_6);
        let high = 10f64.powf(gain_db / 20.0);
        let band = high.powf(0.499_666_774_154_541_6);
        Section::second_order(warped(frequency), 1.0 / q, [1.0, band / q, high])
    };
    let (w, k) = (warped(38.135_470_876_024_44), 1.0 / 0.500_327_037_323_877_3);
    // The zeros of the standard's high-pass have no factor: its gain is a little more than 1.
    let gain = 1.0 + k * w + w * w;
    [shelf, Section::second_order(w, k, [0.0, 0.0, gain])]
}
