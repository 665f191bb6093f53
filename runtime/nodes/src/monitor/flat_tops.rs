//! Whether the tops of the waves of one channel are flat. It knows samples, not windows or channels.

/// Takes the half waves of a channel apart.
#[derive(Debug, Default)]
pub(super) struct FlatTops {
    /// The half wave that has not ended: samples of one sign.
    wave: Vec<f32>,
    /// Whether it has become too long to be looked at.
    is_long: bool,
}

/// How much of the time the half waves spent near their tops, by height and sign.
#[derive(Debug)]
pub(super) struct Tops([[Bin; BINS]; 2]);

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
                let bin = &mut tops.0[usize::from(self.wave[0] < 0.0)][(height as usize).min(BINS - 1)];
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
    /// The part of their time that the highest half waves of one sign spend near their tops: of the sign that spends more.
    pub(super) fn flatness<'a>(windows: impl Iterator<Item = &'a Tops> + Clone) -> Option<f64> {
        let of_sign = |sign: usize| {
            let sum = |bin: usize| {
                windows.clone().map(|tops| tops.0[sign][bin]).fold(Bin::default(), |sum, bin| sum.plus(bin))
            };
            let highest = (0..BINS).rev().find(|bin| sum(*bin).waves > 0)?;
            let strong = (highest.saturating_sub(HEIGHT_BINS)..=highest).map(sum).fold(Bin::default(), Bin::plus);
            (strong.waves >= FEWEST).then(|| f64::from(strong.near_top) / f64::from(strong.samples))
        };
        of_sign(0).into_iter().chain(of_sign(1)).reduce(f64::max)
    }
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
        Self([[Bin::default(); BINS]; 2])
    }
}
