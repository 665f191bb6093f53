//! Whether the tops of the waves of one channel are flat. It knows samples, not windows or channels.

use std::cmp::Ordering;
use std::f64::consts::FRAC_PI_2;

/// Takes the half waves of a channel apart.
#[derive(Debug, Default)]
pub(super) struct FlatTops {
    /// The half wave that has not ended: samples of one sign.
    wave: Vec<f32>,
    /// Whether it has become too long to be looked at.
    is_long: bool,
}

/// What is known of the tops of half waves, by sign.
#[derive(Debug)]
pub(super) struct Tops {
    /// How much of the time they spent near their tops, by height.
    bins: [[Bin; BINS]; 2],
    limits: [Limit; 2],
    /// The smallest change from one sample to the next in their upper halves, as a part of their tops.
    finest: f32,
}

/// The highest top, and how many half waves were cut off exactly there.
#[derive(Clone, Copy, Debug, Default)]
struct Limit {
    top: f32,
    cuts: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Bin {
    waves: u32,
    samples: u32,
    near_top: u32,
}

/// Half waves are sorted by height in steps of half a decibel from -40 dBFS on; the last bin takes what is higher.
const LOWEST_DB: f32 = -40.0;
const STEP_DB: f32 = 0.5;
const BINS: usize = 100;
/// Near the top is within 2 % of it.
const NEAR: f32 = 0.98;
/// A shorter half wave has too few samples to have a form; a longer one is no sound.
const SHORTEST: usize = 6;
const LONGEST: usize = 8192;
/// Half waves up to 2 dB under the highest ones are looked at: where a limit cuts, all that reach it are as high.
const HEIGHT_BINS: usize = 4;
/// Fewer half waves are chance.
const FEWEST: u32 = 8;

/// So many samples of one value on a top are a plateau, if the sound is finer than that: mu-law, A-law and 8 bits make plateaus
/// of every top.
const PLATEAU: usize = 3;
const FINE: f32 = 0.01;
/// What lies beside a plateau is this much lower, in parts of the top, if the wave was cut. A round top whose samples came out
/// as one value falls by `(n + 1)^2 / (n - 1)^2` times what lies within the plateau, which is half of this at most.
const STEEP: f32 = 0.02;
/// Fewer plateaus at one height in a second are chance.
const FEWEST_CUTS: u32 = 3;

impl FlatTops {
    pub(super) fn add(&mut self, samples: &[f32], tops: &mut Tops) {
        for &sample in samples {
            if self.wave.first().is_some_and(|first| (*first < 0.0) != (sample < 0.0)) {
                self.close(tops);
            }
            if self.wave.len() < LONGEST {
                self.wave.push(sample);
            } else {
                self.is_long = true;
            }
        }
    }

    fn close(&mut self, tops: &mut Tops) {
        if (SHORTEST..=LONGEST).contains(&self.wave.len()) && !self.is_long {
            let top = self.wave.iter().fold(0f32, |top, sample| top.max(sample.abs()));
            let height = (20.0 * top.log10() - LOWEST_DB) / STEP_DB;
            if height >= 0.0 {
                let near = self.wave.iter().filter(|sample| sample.abs() >= NEAR * top).count();
                let sign = usize::from(self.wave[0] < 0.0);
                tops.limits[sign].add(top, is_cut(&self.wave, top));
                tops.finest = tops.finest.min(finest(&self.wave, top));
                let bin = &mut tops.bins[sign][(height as usize).min(BINS - 1)];
                bin.waves += 1;
                bin.samples += self.wave.len() as u32;
                // One sample is always near the top, however sharp it is.
                bin.near_top += near as u32 - 1;
            }
        }
        self.wave.clear();
        self.is_long = false;
    }
}

impl Tops {
    /// How long the highest half waves of one sign stay near their tops, in terms of a sine: of the sign that stays longer.
    pub(super) fn flatness<'a>(windows: impl Iterator<Item = &'a Tops> + Clone) -> Option<f64> {
        let of_sign = |sign: usize| {
            let sum = |bin: usize| {
                windows.clone().map(|tops| tops.bins[sign][bin]).fold(Bin::default(), |sum, bin| sum.plus(bin))
            };
            let highest = (0..BINS).rev().find(|bin| sum(*bin).waves > 0)?;
            let strong = (highest.saturating_sub(HEIGHT_BINS)..=highest).map(sum).fold(Bin::default(), Bin::plus);
            (strong.waves >= FEWEST).then(|| f64::from(strong.near_top) / f64::from(strong.samples))
        };
        let part = of_sign(0).into_iter().chain(of_sign(1)).reduce(f64::max)?;
        Some(part / part_of_sine(finest_of(windows)))
    }
}

impl Tops {
    /// Whether half waves were cut off at the height of the highest one.
    pub(super) fn are_cut<'a>(windows: impl Iterator<Item = &'a Tops> + Clone) -> bool {
        let finest = finest_of(windows.clone());
        let cuts = |sign: usize| windows.clone().map(|tops| tops.limits[sign]).fold(Limit::default(), Limit::plus).cuts;
        finest < FINE && cuts(0).max(cuts(1)) >= FEWEST_CUTS
    }
}

impl Limit {
    fn add(&mut self, top: f32, is_cut: bool) {
        *self = self.plus(Limit { top, cuts: is_cut.into() });
    }

    fn plus(self, other: Self) -> Self {
        match self.top.total_cmp(&other.top) {
            Ordering::Less => other,
            Ordering::Equal => Limit { cuts: self.cuts + other.cuts, ..self },
            Ordering::Greater => self,
        }
    }
}

fn finest_of<'a>(windows: impl Iterator<Item = &'a Tops>) -> f32 {
    windows.map(|tops| tops.finest).fold(f32::INFINITY, f32::min)
}

/// The part of its time that a sine spends near its top. In numbers so coarse that the next one below the top is not
/// near, the top takes half a step; where no step was seen, nothing shows that the numbers are coarse.
fn part_of_sine(finest: f32) -> f64 {
    let lowest = if finest.is_finite() { NEAR.min(1.0 - finest / 2.0) } else { NEAR };
    f64::from(lowest).acos() / FRAC_PI_2
}

/// Whether a half wave stands still on its top and falls steeply on both sides of it.
fn is_cut(wave: &[f32], top: f32) -> bool {
    let Some(first) = wave.iter().position(|sample| sample.abs() == top) else { return false };
    let length = wave[first..].iter().take_while(|sample| sample.abs() == top).count();
    let (Some(before), Some(behind)) = (first.checked_sub(1), wave.get(first + length)) else { return false };
    let drop = 1.0 - (wave[before].abs() + behind.abs()) / (2.0 * top);
    let round = ((length + 1) as f32 / (length.max(2) - 1) as f32).powi(2);
    length >= PLATEAU && drop >= STEEP * round
}

/// The smallest change between neighbours in the upper half of a half wave, as a part of its top; infinite if none changes.
fn finest(wave: &[f32], top: f32) -> f32 {
    let changes = wave.windows(2).filter(|pair| pair.iter().all(|sample| sample.abs() >= top / 2.0));
    let smallest = changes.map(|pair| (pair[1] - pair[0]).abs()).filter(|change| *change > 0.0);
    smallest.fold(f32::INFINITY, f32::min) / top
}

impl Bin {
    fn plus(self, other: Self) -> Self {
        Self {
            waves: self.waves + other.waves,
            samples: self.samples + other.samples,
            near_top: self.near_top + other.near_top,
        }
    }
}

impl Default for Tops {
    fn default() -> Self {
        Self { bins: [[Bin::default(); BINS]; 2], limits: [Limit::default(); 2], finest: f32::INFINITY }
    }
}
