//! The level of what is meant to be heard, over seconds, with its pauses left out. It knows windows, not samples.

use std::collections::VecDeque;

/// How much sound the level covers, in nanoseconds. Longer than a pause in which the room is heard.
const HORIZON: i64 = 5_000_000_000;
/// How much sound there must be before it is judged, in nanoseconds.
const MINIMUM: i64 = 2_000_000_000;
/// What lies more than 10 dB below the mean does not count, as in ITU-R BS.1770.
const RELATIVE_GATE: f64 = 0.1;

/// The mean square of the last five seconds of sound, gated twice as in ITU-R BS.1770: windows of silence are never
/// taken in, and of the others those more than 10 dB below their mean are left out.
#[derive(Debug, Default)]
pub(super) struct GatedLevel {
    /// Mean square and duration in nanoseconds, oldest first.
    windows: VecDeque<(f64, i64)>,
    heard: i64,
    silence: i64,
}

impl GatedLevel {
    /// Takes in a window of sound.
    pub(super) fn add_sound(&mut self, mean_square: f64, duration: i64) {
        self.silence = 0;
        self.windows.push_back((mean_square, duration));
        self.heard += duration;
        while let Some(&(_, oldest)) = self.windows.front()
            && self.heard - oldest >= HORIZON
        {
            self.windows.pop_front();
            self.heard -= oldest;
        }
    }

    /// Takes note of a window of silence. As much of it without a break as the level covers ends what came before.
    pub(super) fn add_silence(&mut self, duration: i64) {
        self.silence += duration;
        if self.silence >= HORIZON {
            *self = Self::default();
        }
    }

    /// The gated mean square, once there has been enough sound to judge.
    pub(super) fn mean_square(&self) -> Option<f64> {
        if self.heard < MINIMUM {
            return None;
        }
        let gate = RELATIVE_GATE * mean(self.windows.iter());
        Some(mean(self.windows.iter().filter(|(mean_square, _)| *mean_square >= gate)))
    }
}

fn mean<'a>(windows: impl Iterator<Item = &'a (f64, i64)>) -> f64 {
    let (energy, duration) = windows.fold((0.0, 0.0), |(energy, total), &(mean_square, duration)| {
        (energy + mean_square * duration as f64, total + duration as f64)
    });
    energy / duration
}
