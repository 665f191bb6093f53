//! `ChannelBalance`: whether one side of a stereo stream is dead or weak.

use std::collections::VecDeque;

use remotemedia_core::node::{Cost, Define, Field, Form, Kinds, NodeError, Port, Shape, documented};
use remotemedia_core::value::{Audio, Kind, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use super::energy::Window;
use super::health::{FAULTS, Fault, HEALTH, SILENCE_DB, judged, judged_form, power_db};
use crate::stream::changes::{Changes, Worse, default_hold_ms};
use crate::stream::reader::Segment;
use crate::stream::segment_node::{SegmentNode, impl_node};
use crate::stream::timeline::Gaps;
use crate::stream::windows::{Meter, Reading, Windows};

documented! {
/// Finds a dead or a weak channel of stereo sound.
///
/// Every 100 ms, and at the end, it emits a map about the last five seconds of sound:
///
/// | key | value |
/// |---|---|
/// | `left_rms_db`, `right_rms_db` | the RMS of each side in dBFS; -120.0 is digital silence |
/// | `imbalance_db` | left minus right: positive where the left side is louder |
/// | `is_imbalanced` | whether the sides differ by more than `imbalance_threshold_db` |
/// | `has_dead_channel` | whether one side is below `dead_channel_threshold_db` while the other is not |
/// | `dead_channel` | `"left"`, `"right"` or `"none"` |
/// | `health` | `"dead_channel"`, else `"imbalance"` if `is_imbalanced`, else `"ok"`, or `"unknown"` where there is no verdict |
/// | `faults` | all that is wrong, in the words of `health`, the worst first |
///
/// Windows of 100 ms in which both sides are below `dead_channel_threshold_db` are silence and don't count: a pause is
/// neither dead nor unbalanced. There is no verdict before one second of sound; five seconds of silence suspend it. Before
/// any sound both sides have the level of that silence. Mono has two equal sides; more than two channels are an error.
///
/// With `changes_only` it emits a map `{type, fault, start_s, end_s, worst, measure}` when a fault begins, with the `type`
/// `"start"`, and one when it has ended, with the `type` `"end"`, and nothing else. `worst` is the worst value so far of the
/// field `measure`: `imbalance_db`, of which the one farther from 0 is worse, or the level of the dead side, `left_rms_db` or
/// `right_rms_db`.
///
/// All is counted in frames from the start of the item, so how the sound is divided into packets changes nothing.
#[derive(Debug)]
pub struct ChannelBalance(SegmentNode<Windows<BalanceMeter>>);
}

/// The params of [`ChannelBalance`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChannelBalanceParams {
    /// Sides that differ by more than this many decibels are imbalanced.
    #[serde(default = "default_imbalance_threshold_db")]
    #[schemars(range(min = 0.1, max = 120.0))]
    pub imbalance_threshold_db: f64,
    /// A side below this many dBFS is dead if the other is not.
    #[serde(default = "default_dead_channel_threshold_db")]
    #[schemars(range(min = -120.0, max = 0.0))]
    pub dead_channel_threshold_db: f64,
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

fn default_imbalance_threshold_db() -> f64 {
    10.0
}

fn default_dead_channel_threshold_db() -> f64 {
    SILENCE_DB
}

#[derive(Debug)]
struct BalanceMeter {
    imbalance_threshold_db: f64,
    dead_channel_mean_square: f64,
    window: Window,
    right: usize,
    /// The windows of sound that count, oldest first: mean squares of left and right, duration in nanoseconds.
    sound: VecDeque<([f64; 2], i64)>,
    duration: i64,
    silence: i64,
}

const WINDOW_MS: u32 = 100;
/// How much sound is judged, and how much silence suspends the verdict, in nanoseconds.
const HORIZON: i64 = 5_000_000_000;
/// How much sound there must be, in nanoseconds.
const MINIMUM: i64 = 1_000_000_000;

impl_node!(ChannelBalance);

impl Define for ChannelBalance {
    type Params = ChannelBalanceParams;

    const NAME: &'static str = "ChannelBalance";
    const COST: Cost = Cost::Light;
    const INPUTS: &'static [Port] = &[Port::AUDIO_IN];
    const OUTPUTS: &'static [Port] = &[Port::new(
        "out",
        Kinds::of(&[Kind::Map]),
        "Every 100 ms the map {left_rms_db, right_rms_db, imbalance_db, is_imbalanced, has_dead_channel, dead_channel, \
         health, faults} of the last five seconds; health is ok, unknown, imbalance or dead_channel. With changes_only \
         the changes of faults.",
    )];
    const EXAMPLE: &'static str = r#"{"imbalance_threshold_db": 6}"#;

    fn output_form(params: &ChannelBalanceParams, _port: usize, _input: Form) -> Form {
        judged_form(params.changes_only, BalanceMeter::FIELDS)
    }

    fn new(params: &ChannelBalanceParams) -> Self {
        ChannelBalance(SegmentNode::new(
            Windows::new(
                WINDOW_MS,
                BalanceMeter {
                    imbalance_threshold_db: params.imbalance_threshold_db,
                    dead_channel_mean_square: 10f64.powf(params.dead_channel_threshold_db / 10.0),
                    window: Window::default(),
                    right: 0,
                    sound: VecDeque::new(),
                    duration: 0,
                    silence: 0,
                },
                Changes::new(params.changes_only, params.hold_ms),
            ),
            params.gaps,
        ))
    }
}

impl Meter for BalanceMeter {
    const FIELDS: &'static [Field] = &[
        ("left_rms_db", Shape::FLOAT),
        ("right_rms_db", Shape::FLOAT),
        ("imbalance_db", Shape::FLOAT),
        ("is_imbalanced", Shape::BOOL),
        ("has_dead_channel", Shape::BOOL),
        ("dead_channel", Shape::TEXT),
        HEALTH,
        FAULTS,
    ];

    fn begin(&mut self, segment: &Segment) -> Result<(), NodeError> {
        if segment.channels > 2 {
            let cause = format!("the sound has {} channels, not two", segment.channels);
            let cure = "Mix it to stereo before this node: AudioMix with \"channels\": 2.";
            return Err(NodeError::new(cause).cure(cure).at(segment.origin));
        }
        self.window = Window::new(segment.channels);
        self.right = segment.channels - 1;
        Ok(())
    }

    fn add(&mut self, _segment: &Segment, audio: &Audio) {
        self.window.add(audio);
    }

    fn close(&mut self, _frames: usize, duration: i64) -> Result<Reading, NodeError> {
        let sides = [self.window.mean_square_of(0), self.window.mean_square_of(self.right)];
        self.window.clear();
        self.take(sides, duration);
        let heard = if self.sound.is_empty() { sides } else { self.mean() };
        let [left, right] = heard.map(power_db);
        let has_verdict = self.duration >= MINIMUM;
        let is_imbalanced = has_verdict && (left - right).abs() > self.imbalance_threshold_db;
        let dead_channel = match heard.map(|side| side < self.dead_channel_mean_square) {
            [true, false] if has_verdict => "left",
            [false, true] if has_verdict => "right",
            _ => "none",
        };
        let dead = match dead_channel {
            "left" => Some(Fault::DeadChannel.found("left_rms_db", left, Worse::Lower)),
            "right" => Some(Fault::DeadChannel.found("right_rms_db", right, Worse::Lower)),
            _ => None,
        };
        let imbalance = is_imbalanced.then(|| Fault::Imbalance.found("imbalance_db", left - right, Worse::Farther));
        let values = vec![
            Value::Float(left),
            Value::Float(right),
            Value::Float(left - right),
            Value::Bool(is_imbalanced),
            Value::Bool(dead.is_some()),
            Value::text(dead_channel),
        ];
        Ok(judged(values, has_verdict, dead.into_iter().chain(imbalance).collect()))
    }

    fn finish(&mut self) {
        self.sound.clear();
        (self.duration, self.silence) = (0, 0);
    }
}

impl BalanceMeter {
    fn take(&mut self, sides: [f64; 2], duration: i64) {
        if sides.iter().all(|side| *side < self.dead_channel_mean_square) {
            self.silence += duration;
            if self.silence >= HORIZON {
                self.sound.clear();
                self.duration = 0;
            }
            return;
        }
        self.silence = 0;
        self.sound.push_back((sides, duration));
        self.duration += duration;
        while let Some((_, oldest)) = self.sound.front()
            && self.duration - oldest >= HORIZON
        {
            self.duration -= oldest;
            self.sound.pop_front();
        }
    }

    /// The mean squares of left and right in what counts.
    fn mean(&self) -> [f64; 2] {
        let sum = |side: usize| {
            let weighed = self.sound.iter().map(|(sides, duration)| sides[side] * *duration as f64);
            weighed.sum::<f64>() / self.duration as f64
        };
        [sum(0), sum(1)]
    }
}
