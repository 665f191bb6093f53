//! `SilenceDetector`: silence that lasts, and gaps that do not belong into sound.

use std::collections::VecDeque;

use remotemedia_core::node::{Cost, Define, Kinds, NodeError, Port, documented};
use remotemedia_core::value::{Audio, Kind, MediaTime, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use super::dropout::{DropoutFinder, Millisecond, QUARTERS};
use super::health::Health;
use super::step::StepFinder;
use super::windows::{Meter, Windows};
use crate::audio::finite::not_finite;
use crate::audio::reader::{Driven, Segment, drive};

documented! {
/// Finds silence that lasts, and repeated dropouts.
///
/// Every 100 ms, and at the end, it emits a map:
///
/// | key | value |
/// |---|---|
/// | `is_silent` | whether the RMS of these 100 ms over all channels is below `silence_threshold_db` |
/// | `silence_duration_ms` | the longest silence in these 100 ms, measured from where it began to where it ended or to now |
/// | `is_sustained_silence` | whether that is at least `sustained_silence_ms` |
/// | `dropout_count` | the dropouts in the last `dropout_window_ms` |
/// | `has_intermittent_dropouts` | whether those are at least `dropout_count_threshold` |
/// | `health` | `"silence"` if `is_sustained_silence`, else `"dropouts"` if `has_intermittent_dropouts`, else `"ok"` |
///
/// The duration of silence is measured in steps of 10 ms.
///
/// A dropout is an abrupt gap inside sound: in one channel at least, the level falls by more than 26 dB within a few
/// milliseconds, stays below `silence_threshold_db` for 8 ms or more, and comes back as abruptly. On both sides there is
/// sound that is not much quieter than that of the last seconds, and it is still loud in the last and the first millisecond.
/// A pause between words is none, nor is the closure before a plosive: there the sound fades. About one cut in twenty falls
/// where a voice is weak and is not told from such, one in six where the numbers are as coarse as 8 bits. The speech of
/// synthesizers that join pieces with cuts of their own may seem to have dropouts, and so may what a gate that closes within
/// words leaves of speech. Gaps that channels have at the same time count once. A dropout counts from 16 ms after its end on.
///
/// All is counted in frames from the start of the item, so how the sound is divided into packets changes nothing.
#[derive(Debug)]
pub struct SilenceDetector(Driven<Windows<SilenceMeter>>);
}

/// The params of [`SilenceDetector`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SilenceDetectorParams {
    /// What is below this many dBFS is silence.
    #[serde(default = "default_silence_threshold_db")]
    #[schemars(range(min = -120.0, max = 0.0))]
    pub silence_threshold_db: f64,
    /// Silence that lasts this long, in milliseconds, is sustained.
    #[serde(default = "default_sustained_silence_ms")]
    #[schemars(range(min = 10.0, max = 3_600_000.0))]
    pub sustained_silence_ms: f64,
    /// This many dropouts within `dropout_window_ms` are too many.
    #[serde(default = "default_dropout_count_threshold")]
    #[schemars(range(min = 1, max = 100_000))]
    pub dropout_count_threshold: u32,
    /// The time in which dropouts are counted, in milliseconds.
    #[serde(default = "default_dropout_window_ms")]
    #[schemars(range(min = 100.0, max = 3_600_000.0))]
    pub dropout_window_ms: f64,
}

fn default_silence_threshold_db() -> f64 {
    -50.0
}

fn default_sustained_silence_ms() -> f64 {
    500.0
}

fn default_dropout_count_threshold() -> u32 {
    3
}

fn default_dropout_window_ms() -> f64 {
    5000.0
}

#[derive(Debug)]
struct SilenceMeter {
    silence_mean_square: f64,
    sustained_silence_ms: f64,
    dropout_count_threshold: u32,
    dropout_window: i64,
    /// Squares of all channels in the open window.
    window: f64,
    channels: Vec<Channel>,
    /// The open block of a millisecond: its number, and its frames so far.
    block: u64,
    block_frames: usize,
    /// Squares and frames of the open ten milliseconds.
    step: (f64, usize),
    /// How long the present silence has lasted, and the longest that ended in the window, in nanoseconds.
    silence: i64,
    ended_silence: i64,
    /// Nanoseconds of the item before the open segment, and those that have been looked at.
    before: i64,
    now: i64,
    /// When the dropouts that count ended.
    dropouts: VecDeque<i64>,
}

#[derive(Debug)]
struct Channel {
    /// Squares of the open block, and the peaks of its quarters.
    squares: f64,
    peaks: [f32; QUARTERS],
    step: StepFinder,
    finder: DropoutFinder,
}

const WINDOW_MS: u32 = 100;
const MILLISECOND: i64 = 1_000_000;
/// Milliseconds in which silence is measured.
const STEP: u64 = 10;

drive!(SilenceDetector);

impl Define for SilenceDetector {
    type Params = SilenceDetectorParams;

    const NAME: &'static str = "SilenceDetector";
    const COST: Cost = Cost::Light;
    const INPUTS: &'static [Port] = &[Port::AUDIO_IN];
    const OUTPUTS: &'static [Port] = &[Port::new(
        "out",
        Kinds::of(&[Kind::Map]),
        "Every 100 ms the map {is_silent, silence_duration_ms, is_sustained_silence, dropout_count, \
         has_intermittent_dropouts, health}; health is ok, silence or dropouts.",
    )];
    const EXAMPLE: &'static str = r#"{"sustained_silence_ms": 2000}"#;

    fn new(params: &SilenceDetectorParams) -> Self {
        SilenceDetector(Driven::new(Windows::new(
            WINDOW_MS,
            SilenceMeter {
                silence_mean_square: 10f64.powf(params.silence_threshold_db / 10.0),
                sustained_silence_ms: params.sustained_silence_ms,
                dropout_count_threshold: params.dropout_count_threshold,
                dropout_window: (params.dropout_window_ms * 1e6).round() as i64,
                window: 0.0,
                channels: Vec::new(),
                block: 0,
                block_frames: 0,
                step: (0.0, 0),
                silence: 0,
                ended_silence: 0,
                before: 0,
                now: 0,
                dropouts: VecDeque::new(),
            },
        )))
    }
}

impl Meter for SilenceMeter {
    const FIELDS: &'static [&'static str] = &[
        "is_silent",
        "silence_duration_ms",
        "is_sustained_silence",
        "dropout_count",
        "has_intermittent_dropouts",
        "health",
    ];

    fn begin(&mut self, segment: &Segment) -> Result<(), NodeError> {
        let longest = (self.dropout_window / MILLISECOND).cast_unsigned();
        let finder = || DropoutFinder::new(self.silence_mean_square, longest);
        let channel =
            || Channel { squares: 0.0, peaks: [0.0; QUARTERS], step: StepFinder::default(), finder: finder() };
        self.channels = (0..segment.channels).map(|_| channel()).collect();
        (self.window, self.block, self.block_frames, self.step) = (0.0, 0, 0, (0.0, 0));
        self.before = self.now;
        Ok(())
    }

    fn add(&mut self, segment: &Segment, audio: &Audio) {
        let boundary = |block: u64| MediaTime::to_frames(block * MILLISECOND.cast_unsigned(), segment.rate);
        let mut first = 0;
        while first < audio.frames() {
            let position = segment.position + first as u64;
            while boundary(self.block + 1) <= position {
                self.block += 1;
            }
            let missing = boundary(self.block + 1) - position;
            let length = (boundary(self.block + 1) - boundary(self.block)) as usize;
            let frames = missing.min((audio.frames() - first) as u64) as usize;
            for (channel, samples) in self.channels.iter_mut().zip(audio.iter_channels()) {
                channel.add(&samples[first..first + frames], self.block_frames, length);
            }
            self.block_frames += frames;
            first += frames;
            if frames as u64 == missing {
                self.now = self.before + MediaTime::of_frames(boundary(self.block + 1), segment.rate);
                self.close_block();
            }
        }
    }

    fn close(&mut self, frames: usize, _duration: i64) -> Result<Vec<Value>, NodeError> {
        let open: f64 = self.channels.iter().map(|channel| channel.squares).sum();
        let mean_square = (std::mem::take(&mut self.window) + open) / (frames * self.channels.len()) as f64;
        if !mean_square.is_finite() {
            return Err(not_finite(None));
        }
        while self.dropouts.front().is_some_and(|end| *end <= self.now - self.dropout_window) {
            self.dropouts.pop_front();
        }
        let silence_ms = self.silence.max(self.ended_silence) as f64 / 1e6;
        self.ended_silence = 0;
        let is_sustained = silence_ms >= self.sustained_silence_ms;
        let dropouts = self.dropouts.len() as i64;
        let has_dropouts = dropouts >= i64::from(self.dropout_count_threshold);
        let health = match (is_sustained, has_dropouts) {
            (true, _) => Health::Silence,
            (false, true) => Health::Dropouts,
            (false, false) => Health::Ok,
        };
        Ok(vec![
            Value::Bool(mean_square < self.silence_mean_square),
            Value::Float(silence_ms),
            Value::Bool(is_sustained),
            Value::Int(dropouts),
            Value::Bool(has_dropouts),
            health.value(),
        ])
    }

    fn finish(&mut self) {
        (self.silence, self.ended_silence, self.now) = (0, 0, 0);
        self.dropouts.clear();
    }
}

impl SilenceMeter {
    /// A millisecond is complete.
    fn close_block(&mut self) {
        let frames = std::mem::take(&mut self.block_frames);
        for channel in &mut self.channels {
            let squares = std::mem::take(&mut channel.squares);
            self.window += squares;
            self.step.0 += squares;
            let millisecond = Millisecond {
                mean_square: squares / frames as f64,
                peaks: std::mem::take(&mut channel.peaks),
                step: channel.step.coarse(),
            };
            let Some((length, ago)) = channel.finder.add(millisecond) else { continue };
            let end = self.now - ago.cast_signed() * MILLISECOND;
            let start = end - length.cast_signed() * MILLISECOND;
            match self.dropouts.back_mut() {
                // Another channel has it already.
                Some(last) if start < *last => *last = end.max(*last),
                _ => self.dropouts.push_back(end),
            }
        }
        self.step.1 += frames;
        self.block += 1;
        if self.block.is_multiple_of(STEP) {
            let (squares, frames) = std::mem::take(&mut self.step);
            if squares / ((frames * self.channels.len()) as f64) < self.silence_mean_square {
                self.silence += STEP.cast_signed() * MILLISECOND;
            } else {
                self.ended_silence = self.ended_silence.max(std::mem::take(&mut self.silence));
            }
        }
    }
}

impl Channel {
    /// Takes in samples of the open block, which will have `length` frames and has `before`.
    fn add(&mut self, samples: &[f32], before: usize, length: usize) {
        for (index, sample) in samples.iter().enumerate() {
            self.squares += f64::from(*sample) * f64::from(*sample);
            let peak = &mut self.peaks[((before + index) * QUARTERS / length).min(QUARTERS - 1)];
            *peak = peak.max(sample.abs());
            self.step.add(*sample);
        }
    }
}
