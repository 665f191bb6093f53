//! `AudioTrim`: sound without the silence around it.

use remotemedia_core::node::{Cost, Define, NodeError, Port, documented};
use remotemedia_core::value::{Audio, MediaTime, Packet, Value};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::stream::audio_fifo::AudioFifo;
use crate::stream::reader::{Segment, SegmentEnd, sound};
use crate::stream::segment_node::{SegmentNode, SegmentProcessor, impl_node};
use crate::stream::timeline::Gaps;

documented! {
/// Leaves out the silence at the beginning and at the end of an item of sound.
///
/// A frame is silent if no channel exceeds `threshold_db`, in dBFS of its magnitude. All before the first other frame
/// and all after the last one is left out, but for `keep_ms` on both sides. What remains keeps its time. An item that is
/// silent throughout gives one packet without frames.
///
/// To know whether silence is the last of the item, it is held back until sound follows; with `ends: "start"` nothing
/// is. At most 1 GiB of samples is held back; more is an error. Where rate or layout change inside an item, each part is
/// trimmed by itself.
#[derive(Debug)]
pub struct AudioTrim(SegmentNode<Trim>);
}

/// The params of [`AudioTrim`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AudioTrimParams {
    /// What does not exceed this magnitude, in dBFS, is silence.
    #[serde(default = "default_threshold_db")]
    #[schemars(range(min = -150.0, max = 0.0))]
    pub threshold_db: f64,
    /// How much silence is kept on each side, in milliseconds.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 60_000.0))]
    pub keep_ms: f64,
    /// Where silence is left out.
    #[serde(default)]
    pub ends: TrimEnds,
    /// What the node does where the times of its input jump, as after a packet that was lost.
    #[serde(default)]
    pub gaps: Gaps,
}

/// Where silence is left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrimEnds {
    /// At the beginning and at the end.
    #[default]
    Both,
    /// At the beginning alone; nothing is held back.
    Start,
    /// At the end alone.
    End,
}

fn default_threshold_db() -> f64 {
    -60.0
}

#[derive(Debug)]
struct Trim {
    threshold: f32,
    keep_ms: f64,
    ends: TrimEnds,
    /// Whether all that comes is to be emitted, unless it is silence at the end.
    is_open: bool,
    has_sounded: bool,
    /// Silence that may be the last, or the last of what came before any sound.
    held: AudioFifo,
    /// Frames of the held ones that are to be emitted.
    due: usize,
}

impl_node!(AudioTrim);

impl Define for AudioTrim {
    type Params = AudioTrimParams;

    const NAME: &'static str = "AudioTrim";
    const COST: Cost = Cost::Light;
    const INPUTS: &'static [Port] = &[Port::AUDIO_IN];
    const OUTPUTS: &'static [Port] = &[Port::AUDIO_OUT.like_input()];
    const EXAMPLE: &'static str = r#"{"threshold_db": -50, "keep_ms": 100}"#;

    fn new(params: &AudioTrimParams) -> Self {
        AudioTrim(SegmentNode::new(
            Trim {
                threshold: 10f64.powf(params.threshold_db / 20.0) as f32,
                keep_ms: params.keep_ms,
                ends: params.ends,
                is_open: false,
                has_sounded: false,
                held: AudioFifo::default(),
                due: 0,
            },
            params.gaps,
        ))
    }
}

impl SegmentProcessor for Trim {
    const HANDS_ON: bool = true;

    fn holds_jumps(&self) -> bool {
        true
    }

    fn begin(&mut self, segment: &Segment) -> Result<(), NodeError> {
        if segment.discontinuity {
            self.held.mark_jump();
        }
        if segment.follows_jump {
            return Ok(());
        }
        (self.is_open, self.has_sounded) = (self.ends == TrimEnds::End, false);
        Ok(())
    }

    fn frames(&mut self, segment: &Segment, audio: Audio) -> Result<Option<Packet>, NodeError> {
        let (sounding, before) = (self.sounding(&audio), self.held.frames());
        let cure = "Trim only the start (\"ends\": \"start\"), or cut the sound into items first.";
        // What comes out is divided in other ways.
        self.held.push_limited(audio.with_pts(segment.time(segment.position)), cure)?;
        if let Some((first, end)) = sounding {
            let silent = self.held.frames() - before - end;
            self.has_sounded = true;
            if !self.is_open {
                self.held.drop_front((before + first).saturating_sub(self.keep(segment)));
                self.is_open = true;
            }
            self.due = self.held.frames() - silent;
        }
        if !self.is_open {
            self.held.drop_front(self.held.frames().saturating_sub(self.keep(segment)));
        } else if self.ends == TrimEnds::Start {
            self.due = self.held.frames();
        }
        Ok(None)
    }

    fn end(&mut self, segment: &Segment, why: SegmentEnd) -> Result<Option<Packet>, NodeError> {
        // Neither side of a jump is an end; each part has its own time.
        if let SegmentEnd::Jump(_) = why {
            return Ok(None);
        }
        if self.has_sounded {
            self.due = self.held.frames().min(self.keep(segment));
            self.held.truncate(self.due);
            return Ok(None);
        }
        self.held.clear();
        Ok(Some(sound(segment, Vec::new(), segment.origin)))
    }

    fn is_pending(&self) -> bool {
        self.due > 0
    }

    fn pending(&mut self) -> Result<Option<Packet>, NodeError> {
        let discontinuity = self.held.is_at_jump();
        let Some(part) = self.held.take_part(self.due) else { return Ok(None) };
        self.due -= part.frames();
        Ok(Some(Packet { discontinuity, ..Value::from(part).into() }))
    }
}

impl Trim {
    /// The first frame that is not silent, and the one after the last such.
    fn sounding(&self, audio: &Audio) -> Option<(usize, usize)> {
        // Not a number is not silence either: nothing that may matter is left out.
        let is_loud = |sample: &f32| sample.is_nan() || sample.abs() > self.threshold;
        let ends = audio.iter_channels().filter_map(|channel| {
            let first = channel.iter().position(is_loud)?;
            Some((first, channel.iter().rposition(is_loud)? + 1))
        });
        ends.reduce(|left, right| (left.0.min(right.0), left.1.max(right.1)))
    }

    fn keep(&self, segment: &Segment) -> usize {
        MediaTime::to_frames((self.keep_ms * 1e6).round() as u64, segment.rate) as usize
    }
}
