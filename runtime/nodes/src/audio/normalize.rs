//! `LoudnessNormalize`: sound at the loudness that is wanted, in two passes over an item or in one over a stream.

mod live;

use remotemedia_core::node::{Cost, Define, NodeError, Port, documented};
use remotemedia_core::value::{Audio, Packet};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::dsp::loudness::LoudnessMeter;
use crate::dsp::true_peak::{MARGIN, TruePeak};
use crate::stream::audio_fifo::AudioFifo;
use crate::stream::reader::{Segment, SegmentEnd, sound};
use crate::stream::segment_node::{SegmentNode, SegmentProcessor, impl_node};
use crate::stream::timeline::Gaps;
use live::Live;

documented! {
/// Makes sound as loud as is wanted, by EBU R 128.
///
/// In the mode `file` it takes the whole item first, measures its integrated loudness and true peak, and then emits it with
/// one gain throughout: what `target_lufs` asks for, less if the true peak would exceed `true_peak_db`. True peaks are
/// found by sixteen-fold oversampling with a margin of 0.06 dB, so that none is above it, up to 0.93 of half the rate. The samples of an item
/// stay in memory until it ends, at most 1 GiB (93 minutes of mono at 48 kHz); more is an error. Sound shorter than a
/// block of 400 ms has the loudness of all of it, without gates. Silence stays as it is.
///
/// In the mode `live` the gain follows the gated loudness of the last ten seconds, by at most 6 dB in a second, beginning
/// from 0 dB and once 400 ms are known. It changes along a straight line within each 100 ms, and is less wherever the true peak
/// of that time, or of the next 100 ms, would exceed `true_peak_db`. The sound comes 100 to 200 ms late, in packets of 100 ms.
///
/// Every frame that comes in goes out, at its time. A change of rate or layout begins anew. How the sound is divided into
/// packets changes nothing.
#[derive(Debug)]
pub struct LoudnessNormalize(SegmentNode<Normalize>);
}

/// The params of [`LoudnessNormalize`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoudnessNormalizeParams {
    /// The loudness that is wanted, in LUFS: -23 in broadcasting, -16 to -14 for podcasts and music online.
    #[serde(default = "default_target_lufs")]
    #[schemars(range(min = -60.0, max = 0.0))]
    pub target_lufs: f64,
    /// What no true peak may exceed, in dB of full scale.
    #[serde(default = "default_true_peak_db")]
    #[schemars(range(min = -60.0, max = 0.0))]
    pub true_peak_db: f64,
    /// The most that sound is raised or lowered by its loudness, in decibels. The ceiling lowers it as far as it has to.
    #[serde(default = "default_max_gain_db")]
    #[schemars(range(min = 0.0, max = 120.0))]
    pub max_gain_db: f64,
    /// Whether to measure first and know, or to follow.
    #[serde(default)]
    pub mode: NormalizeMode,
    /// What the node does where the times of its input jump, as after a packet that was lost.
    #[serde(default)]
    pub gaps: Gaps,
}

/// Whether to measure first and know, or to follow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NormalizeMode {
    /// Two passes: one gain for the whole item, which comes when the item ends.
    #[default]
    File,
    /// One pass: the gain follows.
    Live,
}

fn default_target_lufs() -> f64 {
    -23.0
}

fn default_true_peak_db() -> f64 {
    -1.0
}

fn default_max_gain_db() -> f64 {
    60.0
}

/// What is aimed at.
#[derive(Clone, Copy, Debug)]
struct Aim {
    target_lufs: f64,
    /// The largest true peak, as a magnitude.
    ceiling: f64,
    max_gain_db: f64,
}

#[derive(Debug)]
enum Normalize {
    File(Aim, Option<File>),
    Live(Aim, Option<Live>),
}

/// An item that is being measured, then emitted.
#[derive(Debug)]
struct File {
    segment: Segment,
    meter: LoudnessMeter,
    true_peaks: Vec<TruePeak>,
    held: AudioFifo,
    /// Known once all has been measured.
    gain: Option<f64>,
}

/// The most samples of one packet, and frames measured in one step.
const STEP_SAMPLES: usize = 1 << 16;
const STEP_WORK: usize = 1 << 13;

impl_node!(LoudnessNormalize);

impl Define for LoudnessNormalize {
    type Params = LoudnessNormalizeParams;

    const NAME: &'static str = "LoudnessNormalize";
    const COST: Cost = Cost::Light;
    const INPUTS: &'static [Port] = &[Port::AUDIO_IN];
    const OUTPUTS: &'static [Port] = &[Port::AUDIO_OUT.like_input()];
    const EXAMPLE: &'static str = r#"{"target_lufs": -16}"#;

    fn new(params: &LoudnessNormalizeParams) -> Self {
        let aim = Aim {
            target_lufs: params.target_lufs,
            ceiling: 10f64.powf(params.true_peak_db / 20.0),
            max_gain_db: params.max_gain_db,
        };
        LoudnessNormalize(SegmentNode::new(
            match params.mode {
                NormalizeMode::File => Normalize::File(aim, None),
                NormalizeMode::Live => Normalize::Live(aim, None),
            },
            params.gaps,
        ))
    }
}

impl Aim {
    /// The gain in decibels for sound of this loudness, whatever its peak.
    fn gain_db(&self, loudness: f64) -> f64 {
        (self.target_lufs - loudness).clamp(-self.max_gain_db, self.max_gain_db)
    }
}

impl SegmentProcessor for Normalize {
    fn holds_jumps(&self) -> bool {
        matches!(self, Normalize::File(..))
    }

    fn begin(&mut self, segment: &Segment) -> Result<(), NodeError> {
        match self {
            // After a jump the item continues: with one gain for all of it, or with the gain that it has reached.
            Normalize::File(_, Some(file)) if segment.follows_jump => file.meter.restart(),
            Normalize::Live(_, Some(live)) if segment.follows_jump => live.resume_at(segment),
            Normalize::File(_, file) => *file = Some(File::new(segment)?),
            Normalize::Live(aim, live) => *live = Some(Live::new(segment, *aim)?),
        }
        if let (Normalize::File(_, Some(file)), true) = (self, segment.discontinuity) {
            file.held.mark_jump();
        }
        Ok(())
    }

    fn wants(&mut self, segment: &Segment) -> usize {
        let most = (STEP_WORK / segment.channels).max(1);
        match self {
            Normalize::Live(_, Some(live)) => most.min(live.wants()),
            _ => most,
        }
    }

    fn frames(&mut self, segment: &Segment, audio: Audio) -> Result<Option<Packet>, NodeError> {
        match self {
            Normalize::File(_, Some(file)) => file.add(audio).map(|()| None),
            Normalize::Live(_, Some(live)) => live.add(segment, audio),
            _ => Ok(None),
        }
    }

    fn end(&mut self, segment: &Segment, why: SegmentEnd) -> Result<Option<Packet>, NodeError> {
        match self {
            Normalize::File(_, Some(file)) if matches!(why, SegmentEnd::Jump(_)) => {
                file.true_peaks.iter_mut().for_each(TruePeak::finish);
                Ok(None)
            }
            Normalize::File(aim, Some(file)) => {
                file.measure(aim);
                Ok(None)
            }
            Normalize::Live(_, Some(live)) => live.end(segment),
            _ => Ok(None),
        }
    }

    fn is_pending(&self) -> bool {
        match self {
            Normalize::File(_, file) => file.as_ref().is_some_and(|file| file.gain.is_some()),
            Normalize::Live(_, live) => live.as_ref().is_some_and(Live::is_pending),
        }
    }

    fn pending(&mut self) -> Result<Option<Packet>, NodeError> {
        match self {
            Normalize::File(_, file) => {
                let packet = file.as_mut().and_then(File::emit);
                if file.as_ref().is_some_and(|file| file.held.frames() == 0) {
                    *file = None;
                }
                Ok(packet)
            }
            Normalize::Live(_, live) => Ok(live.as_mut().and_then(Live::emit)),
        }
    }
}

/// What no true peak of these channels exceeds. It is finite: no gain comes back from 0.
fn largest(true_peaks: &[TruePeak]) -> f64 {
    MARGIN * f64::from(true_peaks.iter().map(TruePeak::peak).fold(0.0, f32::max).min(f32::MAX))
}

impl File {
    fn new(segment: &Segment) -> Result<Self, NodeError> {
        Ok(Self {
            segment: segment.clone(),
            meter: LoudnessMeter::new(segment.rate, segment.channels, &segment.layout, segment.origin)?,
            true_peaks: vec![TruePeak::new(); segment.channels],
            held: AudioFifo::default(),
            gain: None,
        })
    }

    fn add(&mut self, audio: Audio) -> Result<(), NodeError> {
        self.meter.add(&audio);
        for (true_peak, samples) in self.true_peaks.iter_mut().zip(audio.iter_channels()) {
            true_peak.add(samples);
        }
        self.held.push_limited(audio, "Use the mode \"live\", or cut the sound into shorter items first.")
    }

    /// All has come: decides on the gain.
    fn measure(&mut self, aim: &Aim) {
        self.true_peaks.iter_mut().for_each(TruePeak::finish);
        let has_block = self.meter.max_momentary().is_some();
        let loudness = if has_block { self.meter.integrated() } else { self.meter.ungated() };
        let gain = loudness.map_or(1.0, |loudness| 10f64.powf(aim.gain_db(loudness) / 20.0));
        self.gain = Some(gain.min(aim.ceiling / largest(&self.true_peaks)));
    }

    fn emit(&mut self) -> Option<Packet> {
        let gain = self.gain?;
        let discontinuity = self.held.is_at_jump();
        let part = self.held.take_part((STEP_SAMPLES / self.segment.channels).max(1));
        let pts = part.as_ref().map_or(self.segment.origin, |part| part.pts);
        let channels = part.iter().flat_map(Audio::iter_channels).flatten();
        let samples = channels.map(|sample| (gain * f64::from(*sample)) as f32).collect();
        Some(Packet { discontinuity, ..sound(&self.segment, samples, pts) })
    }
}
