//! The level of what is meant to be heard, over seconds, with its pauses left out. It knows windows, not samples.

use std::collections::VecDeque;

/// How much sound a level covers, in nanoseconds.
const HORIZON: i64 = 5_000_000_000;
/// How much sound there must be before it is judged, in nanoseconds.
const MINIMUM: i64 = 2_000_000_000;
/// How long a steady quiet sound may be the background of a pause, in nanoseconds.
const PATIENCE: i64 = 30_000_000_000;
/// What lies more than 10 dB below the mean does not count, as in ITU-R BS.1770.
const RELATIVE_GATE: f64 = 0.1;
/// Sound whose louder windows (90th percentile) exceed the quieter ones (10th) by 6 dB is not steady: in speech they
/// differ by 15 dB and more, in the noise of a room by 2 or 3.
const MODULATION: f64 = 3.981_071_705_534_972_5;

/// The mean square of the last five seconds of sound, gated twice as in ITU-R BS.1770: windows of silence are never
/// taken in, and of the others those more than 10 dB below the mean are left out.
///
/// What is left out may be the room in a pause, or what is meant to be heard has become quieter. After five seconds of
/// nothing louder it is taken for the latter if it is modulated as speech is, else after thirty seconds.
#[derive(Debug, Default)]
pub(super) struct GatedLevel {
    sound: Windows,
    /// What has come since the last window near the level of `sound`, and how long it lasts.
    background: Windows,
    background_duration: i64,
    silence: i64,
}

/// Mean squares and durations in nanoseconds, oldest first, no more than cover the horizon.
#[derive(Debug, Default)]
struct Windows {
    windows: VecDeque<(f64, i64)>,
    duration: i64,
}

impl GatedLevel {
    /// Takes in a window of sound.
    pub(super) fn add_sound(&mut self, mean_square: f64, duration: i64) {
        self.silence = 0;
        let is_near = self.mean_square().is_none_or(|level| mean_square >= RELATIVE_GATE * level);
        if is_near {
            self.sound.push(mean_square, duration);
            self.background = Windows::default();
            self.background_duration = 0;
            return;
        }
        self.background.push(mean_square, duration);
        self.background_duration += duration;
        let is_sound = self.background.duration >= HORIZON && self.background.is_modulated();
        if is_sound || self.background_duration >= PATIENCE {
            self.sound = std::mem::take(&mut self.background);
            self.background_duration = 0;
        }
    }

    /// Takes note of a window of silence.
    pub(super) fn add_silence(&mut self, duration: i64) {
        self.silence += duration;
    }

    /// How long there has been silence, in nanoseconds.
    pub(super) fn silence(&self) -> i64 {
        self.silence
    }

    /// The gated mean square, if there has been enough sound to judge and no long silence since.
    pub(super) fn mean_square(&self) -> Option<f64> {
        if self.sound.duration < MINIMUM || self.silence >= HORIZON {
            return None;
        }
        let gate = RELATIVE_GATE * self.sound.mean_from(0.0);
        Some(self.sound.mean_from(gate))
    }
}

impl Windows {
    fn push(&mut self, mean_square: f64, duration: i64) {
        self.windows.push_back((mean_square, duration));
        self.duration += duration;
        while let Some(&(_, oldest)) = self.windows.front()
            && self.duration - oldest >= HORIZON
        {
            self.windows.pop_front();
            self.duration -= oldest;
        }
    }

    /// The mean of the windows at or above a mean square, weighed by their durations.
    fn mean_from(&self, gate: f64) -> f64 {
        let counted = self.windows.iter().filter(|(mean_square, _)| *mean_square >= gate);
        let (energy, duration) = counted.fold((0.0, 0.0), |(energy, total), &(mean_square, duration)| {
            (energy + mean_square * duration as f64, total + duration as f64)
        });
        energy / duration
    }

    fn is_modulated(&self) -> bool {
        let mut sorted: Vec<f64> = self.windows.iter().map(|(mean_square, _)| *mean_square).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let percentile = |percent: usize| sorted[(sorted.len() - 1) * percent / 100];
        !sorted.is_empty() && percentile(90) >= MODULATION * percentile(10)
    }
}
