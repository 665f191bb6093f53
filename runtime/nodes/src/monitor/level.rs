//! `AudioLevel`: how loud sound is, window by window, and whether it is too quiet.

use remotemedia_core::node::{Cost, Define, Field, Form, Kinds, NodeError, ParamError, Port, Shape, documented};
use remotemedia_core::value::{Audio, Kind, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use super::energy::Window;
use super::gate::GatedLevel;
use super::health::{FAULTS, Fault, HEALTH, SILENCE_DB, amplitude_db, judged, judged_form, power_db};
use crate::stream::changes::{Changes, Finding, Worse, default_hold_ms};
use crate::stream::reader::Segment;
use crate::stream::segment_node::{SegmentNode, impl_node};
use crate::stream::timeline::Gaps;
use crate::stream::windows::{Meter, Reading, Windows};

documented! {
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
/// | `health` | `"silence"` once silence has lasted half a second, else `"low_volume"` if `is_low_volume`, else `"ok"`, or `"unknown"` where there is no verdict |
/// | `faults` | all that is wrong, in the words of `health`, the worst first |
///
/// 0 dBFS is full scale, ±1.0, for the RMS as for the peak: a sine of full scale has an RMS of -3.01 dBFS. Levels under
/// -120 dBFS, digital silence among them, are given as -120.0. Samples past full scale give levels above 0.
///
/// Window `k` covers the frames from `round(k * window_ms * rate / 1000)` to the next such number, counted from the
/// stream's start, so how the sound is divided into packets changes nothing, not a bit. What is left at the end is a
/// shorter window of its own, and so it is where rate or channels change inside a stream. Times count samples from the
/// first packet's.
///
/// Volume is judged on the last five seconds of sound, gated as in ITU-R BS.1770: windows of silence don't count, and
/// neither do those more than 10 dB below the mean. There is no verdict before two seconds of sound; a pause keeps it,
/// five seconds of silence suspend it. A window of silence is never `"ok"`: until half a second it is `"unknown"`, unless
/// what was heard before has a low volume, since it may be a pause or a fault. Silence is what `SilenceDetector` takes for it, by the same threshold. If nothing louder than that gate comes for five seconds and the sound is modulated
/// as speech is (its windows spread over 6 dB), the gated-out sound is judged instead; a steady one, such as the noise of
/// a room, after thirty seconds.
///
/// With `changes_only` it emits a map `{type, fault, start_s, end_s, worst, measure}` when a fault begins, with the `type`
/// `"start"`, and one when it has ended, with the `type` `"end"`, and nothing else. `worst` is the worst value so far of the
/// field `measure`: `rms_db` for silence, which starts where the sound ended, and `gated_rms_db`, the gated level
/// that volume is judged by, for low volume.
#[derive(Debug)]
pub struct AudioLevel(SegmentNode<Windows<LevelMeter>>);
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
    /// Whether a map is emitted only when a fault begins and when it has ended.
    #[serde(default)]
    pub changes_only: bool,
    /// How long a fault must be gone until it has ended, in milliseconds; one that comes back earlier goes on. With
    /// `changes_only`.
    #[serde(default = "default_hold_ms")]
    #[schemars(range(max = 3_600_000))]
    pub hold_ms: u32,
    /// What the node does where the times of its input jump, as after a packet that was lost.
    #[serde(default)]
    pub gaps: Gaps,
}

fn default_window_ms() -> u32 {
    100
}

fn default_low_volume_threshold_db() -> f64 {
    -35.0
}

fn default_silence_threshold_db() -> f64 {
    SILENCE_DB
}

#[derive(Debug)]
struct LevelMeter {
    low_volume_mean_square: f64,
    silence_mean_square: f64,
    window: Window,
    level: GatedLevel,
}

/// A shorter silence is a pause. In nanoseconds.
const PAUSE: i64 = 500_000_000;

impl_node!(AudioLevel);

impl Define for AudioLevel {
    type Params = AudioLevelParams;

    const NAME: &'static str = "AudioLevel";
    const COST: Cost = Cost::Light;
    const INPUTS: &'static [Port] = &[Port::AUDIO_IN];
    const OUTPUTS: &'static [Port] = &[Port::new(
        "out",
        Kinds::of(&[Kind::Map]),
        "For each window the map {rms_db, peak_db, is_low_volume, is_silence, health, faults}; health is ok, unknown, \
         low_volume or silence. With changes_only the changes of faults.",
    )];
    const EXAMPLE: &'static str = r#"{"window_ms": 100}"#;

    fn output_form(params: &AudioLevelParams, _port: usize, _input: Form) -> Form {
        judged_form(params.changes_only, LevelMeter::FIELDS)
    }

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
        let meter = LevelMeter {
            low_volume_mean_square: 10f64.powf(params.low_volume_threshold_db / 10.0),
            silence_mean_square: 10f64.powf(params.silence_threshold_db / 10.0),
            window: Window::default(),
            level: GatedLevel::default(),
        };
        let changes = Changes::new(params.changes_only, params.hold_ms);
        AudioLevel(SegmentNode::new(Windows::new(params.window_ms, meter, changes), params.gaps))
    }
}

impl Meter for LevelMeter {
    const FIELDS: &'static [Field] = &[
        ("rms_db", Shape::FLOAT),
        ("peak_db", Shape::FLOAT),
        ("is_low_volume", Shape::BOOL),
        ("is_silence", Shape::BOOL),
        HEALTH,
        FAULTS,
    ];

    fn begin(&mut self, segment: &Segment) -> Result<(), NodeError> {
        self.window = Window::new(segment.channels);
        Ok(())
    }

    fn add(&mut self, _segment: &Segment, audio: &Audio) {
        self.window.add(audio);
    }

    fn close(&mut self, _frames: usize, duration: i64) -> Result<Reading, NodeError> {
        let (mean_square, peak) = (self.window.mean_square(), self.window.peak());
        self.window.clear();
        let rms_db = power_db(mean_square);
        let is_silence = mean_square < self.silence_mean_square;
        if is_silence {
            self.level.add_silence(duration);
        } else {
            self.level.add_sound(mean_square, duration);
        }
        let level = self.level.mean_square();
        let low = level.filter(|level| *level < self.low_volume_mean_square);
        let silence = self.level.silence();
        let mut findings = Vec::new();
        if silence >= PAUSE {
            findings.push(Finding { lasted: Some(silence), ..Fault::Silence.found("rms_db", rms_db, Worse::Lower) });
        }
        findings.extend(low.map(|level| Fault::LowVolume.found("gated_rms_db", power_db(level), Worse::Lower)));
        let values = vec![
            Value::Float(rms_db),
            Value::Float(amplitude_db(peak)),
            Value::Bool(low.is_some()),
            Value::Bool(is_silence),
        ];
        // Silence may be a pause or a fault; which of them is not known before it has lasted.
        Ok(judged(values, level.is_some() && !is_silence, findings))
    }

    fn finish(&mut self) {
        self.level = GatedLevel::default();
    }
}
