//! The loudness of sound as ITU-R BS.1770-5 and EBU R 128 measure it: K-weighting, blocks, gates. It knows nothing of nodes.
//!
//! The K-weighting for rates other than 48 kHz comes from the analog prototypes that give the coefficients of the
//! standard at 48 kHz (B. De Man, "Evaluation of implementations of the EBU R128 loudness measurement", 2018).

use std::collections::VecDeque;
use std::f64::consts::PI;

use remotemedia_core::value::{Audio, Layout, MediaTime};

use super::biquad::{Cascade, Section};

/// Follows sound of one format.
#[derive(Debug)]
pub(crate) struct LoudnessMeter {
    rate: u32,
    weights: Vec<f64>,
    filters: Vec<Cascade>,
    scratch: Vec<f64>,
    /// The number of the open step of 100 ms, and the frames taken in.
    step: u64,
    position: u64,
    /// Squares of each channel in the open step, and its frames. Summed up at its end, so that the order does not depend
    /// on how the frames arrive.
    squares: Vec<f64>,
    frames: usize,
    /// The steps of the last three seconds, oldest first.
    steps: VecDeque<Energy>,
    all: Energy,
    /// Blocks of 400 ms above the absolute gate.
    blocks: Histogram,
    /// The mean squares of the blocks of the last ten seconds above the absolute gate, and those below as 0.
    recent: VecDeque<f64>,
}

/// Weighted squares over all channels, and their frames.
#[derive(Clone, Copy, Debug, Default)]
struct Energy {
    squares: f64,
    frames: usize,
}

/// Blocks sorted by loudness into bins of 0.01 LU, so that a measure of any length needs the same memory.
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
const RELATIVE_GATE: f64 = -10.0;
const STEP_NS: u64 = 100_000_000;
const MOMENTARY_STEPS: usize = 4;
const SHORT_TERM_STEPS: usize = 30;
const RECENT_BLOCKS: usize = 97;
const BIN_LU: f64 = 0.01;
const BINS: usize = 12_000;

/// The loudness of a weighted mean square.
pub(crate) fn loudness(mean_square: f64) -> f64 {
    OFFSET + 10.0 * mean_square.log10()
}

impl LoudnessMeter {
    pub(crate) fn new(rate: u32, channels: usize, layout: &Layout) -> Self {
        let filters = vec![Cascade::new(k_weighting(rate.into()).to_vec()); channels];
        Self {
            rate,
            weights: weights(channels, layout),
            filters,
            scratch: Vec::new(),
            step: 0,
            position: 0,
            squares: vec![0.0; channels],
            frames: 0,
            steps: VecDeque::new(),
            all: Energy::default(),
            blocks: Histogram::default(),
            recent: VecDeque::new(),
        }
    }

    /// Takes in frames of as many channels as there are.
    pub(crate) fn add(&mut self, audio: &Audio) {
        let mut first = 0;
        while first < audio.frames() {
            let boundary = |step: u64| MediaTime::to_frames(step * STEP_NS, self.rate);
            while boundary(self.step + 1) <= self.position {
                self.step += 1;
            }
            let missing = boundary(self.step + 1) - self.position;
            let frames = missing.min((audio.frames() - first) as u64) as usize;
            self.add_to_step(audio, first, frames);
            (first, self.position) = (first + frames, self.position + frames as u64);
            if frames as u64 == missing {
                self.close_step();
            }
        }
    }

    /// The loudness of the last 400 ms, once there are as many.
    pub(crate) fn momentary(&self) -> Option<f64> {
        self.of_last(MOMENTARY_STEPS).map(loudness)
    }

    /// The loudness of the last three seconds, once there are as many.
    pub(crate) fn short_term(&self) -> Option<f64> {
        self.of_last(SHORT_TERM_STEPS).map(loudness)
    }

    /// The gated loudness of all, if any of it is above the absolute gate.
    pub(crate) fn integrated(&self) -> Option<f64> {
        self.blocks.gated().map(loudness)
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

    /// Whether all samples were finite so far.
    pub(crate) fn is_finite(&self) -> bool {
        (self.all.squares + self.open().squares).is_finite()
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

    fn close_step(&mut self) {
        let step = self.open();
        self.squares.fill(0.0);
        self.frames = 0;
        self.all = Energy { squares: self.all.squares + step.squares, frames: self.all.frames + step.frames };
        if self.steps.len() == SHORT_TERM_STEPS {
            self.steps.pop_front();
        }
        self.steps.push_back(step);
        self.step += 1;
        if let Some(block) = self.of_last(MOMENTARY_STEPS) {
            let is_counted = loudness(block) >= ABSOLUTE_GATE;
            if is_counted {
                self.blocks.add(block);
            }
            if self.recent.len() == RECENT_BLOCKS {
                self.recent.pop_front();
            }
            self.recent.push_back(if is_counted { block } else { 0.0 });
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

impl Histogram {
    fn add(&mut self, mean_square: f64) {
        let bin = ((loudness(mean_square) - ABSOLUTE_GATE) / BIN_LU).max(0.0) as usize;
        let bin = bin.min(BINS - 1);
        self.highest = self.highest.max(bin);
        for (count, sum) in [&mut self.bins[bin], &mut self.total] {
            *count += 1;
            *sum += mean_square;
        }
    }

    /// The mean of the blocks that are no more than 10 LU below the mean of all.
    fn gated(&self) -> Option<f64> {
        if self.total.0 == 0 {
            return None;
        }
        let gate = loudness(self.total.1 / self.total.0 as f64) + RELATIVE_GATE;
        let first = ((gate - ABSOLUTE_GATE) / BIN_LU).round().max(0.0) as usize;
        let counted = &self.bins[first.min(self.highest)..=self.highest];
        let (count, sum) = counted.iter().fold((0, 0.0), |(count, sum), bin| (count + bin.0, sum + bin.1));
        Some(sum / count as f64)
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self { bins: vec![(0, 0.0); BINS], total: (0, 0.0), highest: 0 }
    }
}

/// The weights of channels: 1.41 for surrounds, 0 for the low-frequency channel, else 1.
fn weights(channels: usize, layout: &Layout) -> Vec<f64> {
    let surround = |name: &str| matches!(name, "5.1" | "5.1(side)");
    match channels {
        5 => vec![1.0, 1.0, 1.0, 1.41, 1.41],
        6 if layout.name().is_some_and(surround) => vec![1.0, 1.0, 1.0, 0.0, 1.41, 1.41],
        _ => vec![1.0; channels],
    }
}

/// The high shelf of the head and the high-pass "RLB" for a rate.
fn k_weighting(rate: f64) -> [Section; 2] {
    let shelf = {
        let (frequency, gain_db, q) = (1_681.974_450_955_533, 3.999_843_853_973_347, 0.707_175_236_955_419_6);
        let k = (PI * frequency / rate).tan();
        let high = 10f64.powf(gain_db / 20.0);
        let band = high.powf(0.499_666_774_154_541_6);
        let a0 = 1.0 + k / q + k * k;
        Section {
            b: [(high + band * k / q + k * k) / a0, 2.0 * (k * k - high) / a0, (high - band * k / q + k * k) / a0],
            a: [2.0 * (k * k - 1.0) / a0, (1.0 - k / q + k * k) / a0],
        }
    };
    let (frequency, q) = (38.135_470_876_024_44, 0.500_327_037_323_877_3);
    let k = (PI * frequency / rate).tan();
    let a0 = 1.0 + k / q + k * k;
    let high_pass = Section { b: [1.0, -2.0, 1.0], a: [2.0 * (k * k - 1.0) / a0, (1.0 - k / q + k * k) / a0] };
    [shelf, high_pass]
}
