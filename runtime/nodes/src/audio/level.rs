//! `AudioLevel`: how loud sound is, window by window, and whether it is too quiet.

mod gate;
mod window;

use std::sync::Arc;

use remotemedia_core::node::{Cost, Define, Emission, Kinds, Node, NodeError, ParamError, Port, Step};
use remotemedia_core::value::{Audio, Kind, MediaTime, Packet, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use super::finite::not_finite;
use gate::GatedLevel;
use window::Window;

/// Measures the level of sound in windows and judges its volume.
///
/// For each window it emits a map, at the window's time and with its duration:
///
/// | key | value |
/// |---|---|
/// | `rms_db` | 10 log10 of the mean square over all samples of all channels, in dBFS |
/// | `peak_db` | 20 log10 of the largest magnitude in any channel, in dBFS |
/// | `is_low_volume` | whether what was heard lately is quieter than `low_volume_threshold_db` |
/// | `is_silence` | whether `rms_db` of this window is below `silence_threshold_db` |
/// | `health` | `"silence"` if `is_silence`, else `"low_volume"` if `is_low_volume`, else `"ok"` |
///
/// 0 dBFS is full scale, ±1.0, for the RMS as for the peak: a sine of full scale has an RMS of -3.01 dBFS. Levels under
/// -120 dBFS, digital silence among them, are given as -120.0. Samples past full scale give levels above 0.
///
/// Window `k` covers the frames from `round(k * window_ms * rate / 1000)` to the next such number, counted from the
/// stream's start, so how the sound is divided into packets changes nothing, not a bit. What is left at the end is a
/// shorter window of its own, and so it is where rate or channels change inside a stream. If such a rest lasts less than
/// 10 ms, it keeps the verdict on silence of the window before it. Times count samples from the first packet's.
///
/// Volume is judged on the last five seconds of sound, gated as in ITU-R BS.1770: windows of silence don't count, and
/// neither do those more than 10 dB below the mean. There is no verdict before two seconds of sound; a pause keeps it,
/// five seconds of silence suspend it. If nothing louder than that gate comes for five seconds and the sound is modulated
/// as speech is (its windows spread over 6 dB), the gated-out sound is judged instead; a steady one, such as the noise of
/// a room, after thirty seconds.
#[derive(Debug)]
pub struct AudioLevel {
    window_ms: u32,
    low_volume_mean_square: f64,
    silence_threshold_db: f64,
    keys: [Arc<str>; 5],
    state: State,
}

/// The params of [`AudioLevel`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AudioLevelParams {
    /// The length of a window.
    #[serde(default = "default_window_ms")]
    #[schemars(range(min = 10, max = 10_000))]
    pub window_ms: u32,
    /// Sound whose gated RMS over seconds is below this many dBFS has a low volume.
    #[serde(default = "default_low_volume_threshold_db")]
    #[schemars(range(min = -120.0, max = 0.0))]
    pub low_volume_threshold_db: f64,
    /// A window whose RMS is below this many dBFS is silence. Less than `low_volume_threshold_db`.
    #[serde(default = "default_silence_threshold_db")]
    #[schemars(range(min = -120.0, max = 0.0))]
    pub silence_threshold_db: f64,
}

fn default_window_ms() -> u32 {
    100
}

fn default_low_volume_threshold_db() -> f64 {
    -35.0
}

fn default_silence_threshold_db() -> f64 {
    -60.0
}

/// The level that stands for digital silence.
const FLOOR_DB: f64 = -120.0;
/// A shorter window says too little to be called silence: it may lie between two waves. In nanoseconds.
const SHORTEST_JUDGED: i64 = 10_000_000;
/// Samples measured in one step: some tens of microseconds.
const STEP_SAMPLES: usize = 1 << 16;

/// What belongs to one stream.
#[derive(Debug, Default)]
struct State {
    stretch: Option<Stretch>,
    level: GatedLevel,
    was_silence: bool,
    rest: Option<Rest>,
}

/// Sound of one rate and number of channels.
#[derive(Debug)]
struct Stretch {
    rate: u32,
    origin: i64,
    /// The number of the open window.
    index: u64,
    /// Frames that came before the open window.
    start: u64,
    window: Window,
    /// The stream that the packets name.
    stream: u32,
}

/// A packet of which a part has been measured.
#[derive(Debug)]
struct Rest {
    audio: Audio,
    position: usize,
    pts: Option<i64>,
    stream: u32,
}

impl Node for AudioLevel {
    fn process(&mut self, _port: usize, packet: Packet) -> Result<Step, NodeError> {
        let Value::Audio(audio) = packet.value else {
            let cause = format!("expected audio, got {}", packet.value.kind().name());
            return Err(NodeError::new(cause).cure("Wrap samples: Audio(samples, rate=...)."));
        };
        let pts = packet.pts.or(audio.pts);
        self.state.rest = Some(Rest { audio: *audio, position: 0, pts, stream: packet.stream });
        self.measure()
    }

    fn resume(&mut self) -> Result<Step, NodeError> {
        self.measure()
    }

    fn flush(&mut self) -> Result<Step, NodeError> {
        let last = self.close_window();
        self.state = State::default();
        Ok(Step::maybe(last?))
    }
}

impl Define for AudioLevel {
    type Params = AudioLevelParams;

    const NAME: &'static str = "AudioLevel";
    const SUMMARY: &'static str = "Measures the level of sound in windows and judges its volume.";
    const COST: Cost = Cost::Light;
    const INPUTS: &'static [Port] = &[Port::AUDIO_IN];
    const OUTPUTS: &'static [Port] = &[Port::new(
        "out",
        Kinds::of(&[Kind::Map]),
        "For each window the map {rms_db, peak_db, is_low_volume, is_silence, health}; health is ok, low_volume or silence.",
    )];
    const EXAMPLE: &'static str = r#"{"window_ms": 100}"#;

    fn check(params: &AudioLevelParams) -> Result<(), ParamError> {
        if params.silence_threshold_db < params.low_volume_threshold_db {
            return Ok(());
        }
        Err(ParamError {
            param: "silence_threshold_db".to_owned(),
            expected: format!("less than low_volume_threshold_db, which is {}", params.low_volume_threshold_db),
            got: params.silence_threshold_db.to_string(),
        })
    }

    fn new(params: &AudioLevelParams) -> Self {
        AudioLevel {
            window_ms: params.window_ms,
            low_volume_mean_square: 10f64.powf(params.low_volume_threshold_db / 10.0),
            silence_threshold_db: params.silence_threshold_db,
            keys: ["rms_db", "peak_db", "is_low_volume", "is_silence", "health"].map(Into::into),
            state: State::default(),
        }
    }
}

impl AudioLevel {
    /// Measures the rest of the packet up to the end of a window or of a step's work.
    fn measure(&mut self) -> Result<Step, NodeError> {
        let Some(mut rest) = self.state.rest.take() else { return Ok(Step::DONE) };
        let (rate, channels) = (rest.audio.rate(), rest.audio.channels());
        let mut closed = None;
        let mut origin = rest.pts.unwrap_or(0);
        if let Some(stretch) = &self.state.stretch
            && (stretch.rate, stretch.window.channels()) != (rate, channels)
        {
            origin = rest.pts.unwrap_or_else(|| stretch.time(stretch.end()));
            closed = self.close_window()?;
            self.state.stretch = None;
        }
        let stretch = self.state.stretch.get_or_insert_with(|| Stretch::new(rate, channels, origin));
        stretch.stream = rest.stream;
        if closed.is_none() {
            let missing = stretch.frames_to_boundary(self.window_ms);
            let left = rest.audio.frames() - rest.position;
            let frames = missing.min(left).min((STEP_SAMPLES / channels).max(1));
            stretch.window.add(&rest.audio, rest.position, frames);
            rest.position += frames;
            if frames == missing {
                closed = self.close_window()?;
            }
        }
        let emission = closed.map(|packet| Emission { port: 0, packet });
        if rest.position == rest.audio.frames() {
            return Ok(Step::Done(emission));
        }
        self.state.rest = Some(rest);
        Ok(Step::More(emission))
    }

    /// Ends the open window, if it has heard anything, and begins the next.
    fn close_window(&mut self) -> Result<Option<Packet>, NodeError> {
        let Some(stretch) = &mut self.state.stretch else { return Ok(None) };
        if stretch.window.frames() == 0 {
            return Ok(None);
        }
        let (begin, end) = (stretch.time(stretch.start), stretch.time(stretch.end()));
        let (mean_square, peak) = (stretch.window.mean_square(), stretch.window.peak());
        let stream = stretch.stream;
        stretch.start = stretch.end();
        stretch.window.clear();
        if !mean_square.is_finite() {
            return Err(not_finite(Some(begin)));
        }
        let duration = end - begin;
        let rms_db = (10.0 * mean_square.log10()).max(FLOOR_DB);
        let peak_db = (20.0 * peak.log10()).max(FLOOR_DB);
        let (is_low_volume, is_silence) = self.judge(mean_square, rms_db, duration);
        let health = match (is_silence, is_low_volume) {
            (true, _) => "silence",
            (false, true) => "low_volume",
            (false, false) => "ok",
        };
        let values = [
            Value::Float(rms_db),
            Value::Float(peak_db),
            Value::Bool(is_low_volume),
            Value::Bool(is_silence),
            Value::text(health),
        ];
        let map = Value::map(self.keys.iter().cloned().zip(values));
        Ok(Some(Packet { stream, ..Packet::new(map).at(Some(begin), Some(duration)) }))
    }

    /// Whether the volume is low, and whether this window is silence.
    fn judge(&mut self, mean_square: f64, rms_db: f64, duration: i64) -> (bool, bool) {
        let state = &mut self.state;
        if duration >= SHORTEST_JUDGED {
            state.was_silence = rms_db < self.silence_threshold_db;
            if state.was_silence {
                state.level.add_silence(duration);
            } else {
                state.level.add_sound(mean_square, duration);
            }
        }
        let is_low_volume = state.level.mean_square().is_some_and(|level| level < self.low_volume_mean_square);
        (is_low_volume, state.was_silence)
    }
}

impl Stretch {
    fn new(rate: u32, channels: usize, origin: i64) -> Self {
        Self { rate, origin, index: 0, start: 0, window: Window::new(channels), stream: 0 }
    }

    /// The frames up to the last that was heard.
    fn end(&self) -> u64 {
        self.start + self.window.frames() as u64
    }

    fn time(&self, frames: u64) -> i64 {
        self.origin + MediaTime::of_frames(frames, self.rate)
    }

    /// How many frames the open window still takes, at least one. A window that has no frame at this rate is skipped.
    fn frames_to_boundary(&mut self, window_ms: u32) -> usize {
        let boundary = |index: u64| MediaTime::to_frames(index * u64::from(window_ms) * 1_000_000, self.rate);
        let end = self.end();
        while boundary(self.index + 1) <= end {
            self.index += 1;
        }
        usize::try_from(boundary(self.index + 1) - end).unwrap_or(usize::MAX)
    }
}
