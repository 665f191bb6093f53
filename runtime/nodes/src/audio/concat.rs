//! `AudioConcat`: many packets become one.

use remotemedia_core::node::{Cost, Define, NodeError, ParamError, Port, documented};
use remotemedia_core::value::{Audio, MediaTime, Packet};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::stream::audio_fifo::AudioFifo;
use crate::stream::reader::{Segment, SegmentEnd, sound};
use crate::stream::segment_node::{SegmentNode, SegmentProcessor, impl_node};
use crate::stream::timeline::Gaps;

documented! {
/// Joins the packets of an item into one, or into longer ones.
///
/// One packet with all sound of the item comes when the item ends. With `max_duration_ms` or `max_frames` a packet
/// comes each time that much sound is there, and at the end what is left. Sound of another rate or layout can't be
/// joined: there the packet ends and another begins. A packet holds at most 1 GiB of samples; more is an error.
#[derive(Debug)]
pub struct AudioConcat(SegmentNode<Concat>);
}

/// The params of [`AudioConcat`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AudioConcatParams {
    /// Emits a packet each time this many milliseconds of sound are there. Without it, all is one packet.
    #[serde(default)]
    #[schemars(range(min = 1.0, max = 36_000_000.0))]
    pub max_duration_ms: Option<f64>,
    /// Emits a packet each time so many frames are there, instead of `max_duration_ms`.
    #[serde(default)]
    #[schemars(range(min = 1, max = 100_000_000))]
    pub max_frames: Option<u32>,
    /// What is left at the end is left out if it is shorter than this many milliseconds.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 36_000_000.0))]
    pub min_duration_ms: f64,
    /// What the node does where the times of its input jump, as after a packet that was lost.
    #[serde(default)]
    pub gaps: Gaps,
}

#[derive(Debug)]
struct Concat {
    max_duration_ms: Option<f64>,
    max_frames: Option<u32>,
    min_duration_ms: f64,
    held: AudioFifo,
    /// Frames before what is held.
    start: u64,
    joining: Option<Joining>,
}

/// A packet in the making.
#[derive(Debug)]
struct Joining {
    segment: Segment,
    parts: Vec<Audio>,
    samples: Vec<f32>,
    /// The next part and channel to be copied.
    part: usize,
    channel: usize,
    pts: Option<i64>,
}

/// Samples copied in one step, about, and at least one part of one packet.
const STEP_SAMPLES: usize = 1 << 18;

impl_node!(AudioConcat);

impl Define for AudioConcat {
    type Params = AudioConcatParams;

    const NAME: &'static str = "AudioConcat";
    const COST: Cost = Cost::Light;
    const INPUTS: &'static [Port] = &[Port::AUDIO_IN];
    const OUTPUTS: &'static [Port] = &[Port::AUDIO_OUT.like_input()];
    const EXAMPLE: &'static str = r#"{"max_duration_ms": 30000}"#;

    fn check(params: &AudioConcatParams) -> Result<(), ParamError> {
        match params.max_duration_ms {
            Some(most) if params.max_frames.is_some() => Err(ParamError {
                param: "max_duration_ms".to_owned(),
                expected: "no such param beside 'max_frames'".to_owned(),
                got: most.to_string(),
            }),
            Some(most) if params.min_duration_ms > most => Err(ParamError {
                param: "min_duration_ms".to_owned(),
                expected: format!("at most 'max_duration_ms', which is {most}"),
                got: params.min_duration_ms.to_string(),
            }),
            _ => Ok(()),
        }
    }

    fn new(params: &AudioConcatParams) -> Self {
        AudioConcat(SegmentNode::new(
            Concat {
                max_duration_ms: params.max_duration_ms,
                max_frames: params.max_frames,
                min_duration_ms: params.min_duration_ms,
                held: AudioFifo::default(),
                start: 0,
                joining: None,
            },
            params.gaps,
        ))
    }
}

impl SegmentProcessor for Concat {
    const HANDS_ON: bool = true;

    fn begin(&mut self, _segment: &Segment) -> Result<(), NodeError> {
        self.start = 0;
        Ok(())
    }

    fn wants(&mut self, segment: &Segment) -> usize {
        self.most(segment.rate).map_or(usize::MAX, |most| most - self.held.frames())
    }

    fn frames(&mut self, segment: &Segment, audio: Audio) -> Result<Option<Packet>, NodeError> {
        self.held.push_limited(audio, "Set 'max_duration_ms', so that the sound comes in several packets.")?;
        if self.most(segment.rate) == Some(self.held.frames()) {
            self.join(segment);
        }
        Ok(None)
    }

    fn end(&mut self, segment: &Segment, why: SegmentEnd) -> Result<Option<Packet>, NodeError> {
        // What comes before a jump is no rest: more of the same follows.
        let is_rest = !matches!(why, SegmentEnd::Jump(_));
        let is_long_enough = !is_rest || self.held.frames() as u64 >= frames_of(self.min_duration_ms, segment.rate);
        if is_long_enough && (self.held.frames() > 0 || segment.position == 0) {
            self.join(segment);
        }
        self.held.clear();
        Ok(None)
    }

    fn is_pending(&self) -> bool {
        self.joining.is_some()
    }

    fn pending(&mut self) -> Result<Option<Packet>, NodeError> {
        let Some(mut joining) = self.joining.take() else { return Ok(None) };
        let mut copied = 0;
        while copied < STEP_SAMPLES && joining.channel < joining.segment.channels {
            match joining.parts.get(joining.part) {
                Some(part) => {
                    joining.samples.extend_from_slice(part.channel(joining.channel));
                    copied += part.frames();
                    joining.part += 1;
                }
                None => (joining.part, joining.channel) = (0, joining.channel + 1),
            }
        }
        if joining.channel < joining.segment.channels {
            self.joining = Some(joining);
            return Ok(None);
        }
        Ok(Some(sound(&joining.segment, joining.samples, joining.pts)))
    }
}

impl Concat {
    fn most(&self, rate: u32) -> Option<usize> {
        if let Some(frames) = self.max_frames {
            return Some(frames as usize);
        }
        let frames = frames_of(self.max_duration_ms?, rate).max(1);
        Some(usize::try_from(frames).unwrap_or(usize::MAX))
    }

    /// Begins to make a packet of what is held.
    fn join(&mut self, segment: &Segment) {
        let frames = self.held.frames();
        let parts = std::iter::from_fn(|| self.held.take_part(usize::MAX)).collect();
        self.joining = Some(Joining {
            segment: segment.clone(),
            parts,
            samples: Vec::with_capacity(frames * segment.channels),
            part: 0,
            channel: 0,
            pts: segment.time(self.start),
        });
        self.start += frames as u64;
    }
}

fn frames_of(duration_ms: f64, rate: u32) -> u64 {
    MediaTime::to_frames((duration_ms * 1e6).round() as u64, rate)
}
