//! Finds abrupt gaps inside the sound of one channel in which something is left: noise, or what a coarse step makes of silence.
//! It knows levels of milliseconds, not samples; for gaps of digital silence see `digital_gap`.
//!
//! A gap that a lost packet or a broken buffer leaves differs from a pause in its edges. A voice that stops rings on in
//! mouth and room and loses a few decibels in a millisecond; a plosive begins as abruptly as a gap ends, but the sound
//! before it has faded. A cut takes all of the sound at once, however loud it is, and gives it back at once: the samples
//! at its edges are as large as others near by, where a sound that stops by itself ends in small ones.

use std::collections::VecDeque;

use super::digital_gap::NOTHING as NOTHING_AT_ALL;

/// What a gap takes away and gives back within [`EDGE`] milliseconds: 26 dB of amplitude. A sound that fades in a dry
/// room loses 10 to 15.
const ABRUPT: f64 = 400.0;
const EDGE: usize = 4;
/// A shorter gap may lie between two pulses of a low voice.
const SHORTEST: usize = 8;
/// There must be sound in most of so many milliseconds on both sides, else it is a click, not sound.
const BESIDE: usize = 16;
const SOUNDING_BESIDE: usize = 10;
/// What is more than 26 dB below the sound of late is the background of a pause, which a gate may cut.
const BACKGROUND: f64 = 1.0 / 400.0;
/// Over how many milliseconds of sound its level is averaged.
const MEMORY: f64 = 2_000.0;
/// Below this a gap is digital silence: no sound is 26 dB above less than nothing. Numbers with a coarse step say nothing
/// of what is smaller than half of it.
const NOTHING: f64 = 1e-12;

/// How large the largest samples of the last and the first millisecond at the edges are, as parts of the level beside
/// them, multiplied: 0.35 on average. Most cuts have more, however small the sample at the very edge is; most sounds that
/// stop by themselves have less.
const LARGE_EDGES: f64 = 0.12;
/// The milliseconds that make the level beside an edge.
const LEVEL: usize = 10;

/// A millisecond of one channel.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Millisecond {
    pub(super) mean_square: f64,
    /// The largest magnitudes in its quarters.
    pub(super) peaks: [f32; QUARTERS],
    /// The step of the samples so far where it is coarse, else 0.
    pub(super) step: f32,
}

/// The parts of a millisecond in which an edge is placed.
pub(super) const QUARTERS: usize = 4;

impl Millisecond {
    /// Whether it is silence that coarse numbers do not explain.
    fn is_digital(&self) -> bool {
        self.step == 0.0 && self.peaks.iter().all(|peak| *peak <= NOTHING_AT_ALL)
    }
}

/// Watches one channel, a millisecond after another.
#[derive(Debug)]
pub(super) struct DropoutFinder {
    /// At or below this mean square there is silence.
    silence: f64,
    /// A longer silence is none of the gaps.
    longest: u64,
    /// The milliseconds that came last, oldest first.
    recent: VecDeque<f64>,
    /// The mean square of sound, and of how many milliseconds.
    level: f64,
    heard: f64,
    /// The mean square that may hide in a gap.
    hidden: f64,
    /// The peaks of the last millisecond.
    last_peaks: [f32; QUARTERS],
    state: State,
}

#[derive(Debug)]
enum State {
    /// There is sound, or silence that began with a fade.
    Outside,
    /// Silence began abruptly, so many milliseconds ago; `fall` is how large the sound was in its last millisecond.
    Gap { length: u64, last: f64, fall: f64, is_digital: bool },
    /// It ended abruptly; whether sound follows is to be seen. `peaks` begins with the last millisecond of silence.
    After { length: u64, floor: f64, fall: f64, peaks: Vec<f32>, milliseconds: Vec<f64> },
}

impl DropoutFinder {
    pub(super) fn new(silence: f64, longest: u64) -> Self {
        Self {
            silence,
            longest,
            recent: VecDeque::new(),
            level: 0.0,
            heard: 0.0,
            hidden: NOTHING,
            last_peaks: [0.0; QUARTERS],
            state: State::Outside,
        }
    }

    /// Takes in a millisecond. If that completes a gap: how long it was, and how long ago it ended, in milliseconds.
    pub(super) fn add(&mut self, now: Millisecond) -> Option<(u64, u64)> {
        let mean_square = now.mean_square;
        let is_sound = mean_square > self.silence;
        self.hidden = NOTHING.max((f64::from(now.step) / 2.0).powi(2));
        let mut found = None;
        // The fall may take a few milliseconds.
        let has_faded = matches!(self.state, State::Gap { length, .. } if length == EDGE as u64)
            && !self.is_abrupt_fall(mean_square);
        match &mut self.state {
            State::Outside => {
                if !is_sound && self.recent.back().is_some_and(|last| *last > self.silence) && self.is_inside_sound() {
                    let level = self.recent.iter().rev().take(LEVEL).copied().fold(0.0, f64::max).sqrt();
                    let backwards = now.peaks.iter().rev().chain(self.last_peaks.iter().rev());
                    let fall = edge(backwards.copied(), self.silence) / level;
                    self.state = State::Gap { length: 1, last: mean_square, fall, is_digital: now.is_digital() };
                }
            }
            State::Gap { length, last, fall, is_digital } => {
                if !is_sound {
                    (*length, *last) = (*length + 1, mean_square);
                    *is_digital |= now.is_digital();
                    if has_faded || *length > self.longest {
                        self.state = State::Outside;
                    }
                } else if *length >= SHORTEST as u64 && !*is_digital {
                    let (length, floor, fall) = (*length, *last, *fall);
                    let peaks = [self.last_peaks, now.peaks].concat();
                    self.state = State::After { length, floor, fall, peaks, milliseconds: vec![mean_square] };
                } else {
                    self.state = State::Outside;
                }
            }
            State::After { length, floor, fall, peaks, milliseconds } => {
                if milliseconds.len() == 1 {
                    peaks.extend(now.peaks);
                }
                milliseconds.push(mean_square);
                if milliseconds.len() == BESIDE {
                    let rise = milliseconds[..EDGE].iter().copied().fold(0.0, f64::max);
                    let loudest = milliseconds.iter().copied().fold(0.0, f64::max);
                    let sounding = milliseconds.iter().filter(|level| **level > self.silence).count();
                    let level = milliseconds[..LEVEL].iter().copied().fold(0.0, f64::max).sqrt();
                    if rise > ABRUPT * floor.max(self.hidden)
                        && *fall * edge(peaks.iter().copied(), self.silence) / level >= LARGE_EDGES
                        && loudest > BACKGROUND * self.level
                        && sounding >= SOUNDING_BESIDE
                    {
                        found = Some((*length, BESIDE as u64));
                    }
                    self.state = State::Outside;
                }
            }
        }
        self.remember(mean_square, is_sound);
        self.last_peaks = now.peaks;
        found
    }

    /// Whether what came last is sound, and not the background of a pause or a click.
    fn is_inside_sound(&self) -> bool {
        let before = || self.recent.iter().rev().take(BESIDE);
        let loudest = before().copied().fold(0.0, f64::max);
        let sounding = before().filter(|level| **level > self.silence).count();
        sounding >= SOUNDING_BESIDE && loudest > BACKGROUND * self.level
    }

    /// Whether the sound before a gap of [`EDGE`] milliseconds was much louder than what is left now.
    fn is_abrupt_fall(&self, now: f64) -> bool {
        let before = self.recent.iter().rev().skip(EDGE).take(EDGE).copied().fold(0.0, f64::max);
        before > ABRUPT * now.max(self.hidden)
    }

    fn remember(&mut self, mean_square: f64, is_sound: bool) {
        if self.recent.len() == 2 * BESIDE {
            self.recent.pop_front();
        }
        self.recent.push_back(mean_square);
        if is_sound {
            self.heard = (self.heard + 1.0).min(MEMORY);
            self.level += (mean_square - self.level) / self.heard;
        }
    }
}

/// The largest peak of the millisecond of sound that begins with the first quarter above the threshold.
fn edge(peaks: impl Iterator<Item = f32>, silence: f64) -> f64 {
    let threshold = silence.sqrt();
    let sound = peaks.map(f64::from).skip_while(|peak| *peak <= threshold);
    sound.take(QUARTERS).fold(0.0, f64::max)
}
