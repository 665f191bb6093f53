//! `AudioChunk`: sound in chunks of equal length, which may overlap.

use remotemedia_core::node::{Cost, Define, NodeError, ParamError, Port, documented};
use remotemedia_core::value::{Audio, MediaTime, Packet, Value};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::stream::audio_fifo::{AudioFifo, LIMIT};
use crate::stream::reader::{Segment, SegmentEnd, sound};
use crate::stream::segment_node::{SegmentNode, SegmentProcessor, impl_node};
use crate::stream::timeline::Gaps;

documented! {
/// Divides sound into chunks of equal length, which may overlap.
///
/// Each chunk is a packet. Chunk `k` begins `k` hops after the first frame. Without a hop the chunks follow one
/// another; with a shorter one they overlap. Give lengths in frames or in milliseconds, which are rounded to whole
/// frames. The last chunk covers what is left, so that each frame is in one chunk at least; `last` says what becomes of
/// it. A change of rate or layout ends the chunks and begins them anew.
///
/// A chunk that lies within one packet shares its memory.
///
/// Each chunk has its own `pts`, if the sound has one. A chunk of more than 1 GiB is an error.
#[derive(Debug)]
pub struct AudioChunk(SegmentNode<Chunk>);
}

/// The params of [`AudioChunk`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AudioChunkParams {
    /// The length of a chunk in frames. Either this or `duration_ms`.
    #[serde(default)]
    #[schemars(range(min = 1, max = 100_000_000))]
    pub frames: Option<u32>,
    /// The length of a chunk in milliseconds. Either this or `frames`.
    #[serde(default)]
    #[schemars(range(min = 0.01, max = 3_600_000.0))]
    pub duration_ms: Option<f64>,
    /// From the beginning of a chunk to that of the next, in frames; beside `frames`, and not more.
    #[serde(default)]
    #[schemars(range(min = 1, max = 100_000_000))]
    pub hop_frames: Option<u32>,
    /// From the beginning of a chunk to that of the next, in milliseconds; beside `duration_ms`, and not more.
    #[serde(default)]
    #[schemars(range(min = 0.01, max = 3_600_000.0))]
    pub hop_ms: Option<f64>,
    /// What becomes of the last chunk if too little is left for it.
    #[serde(default)]
    pub last: LastChunk,
    /// What the node does where the times of its input jump, as after a packet that was lost.
    #[serde(default)]
    pub gaps: Gaps,
}

/// What becomes of the last chunk if too little is left for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LastChunk {
    /// It is shorter.
    #[default]
    Keep,
    /// Silence fills it up, as far as the next sound leaves room for it.
    Pad,
    /// It is left out.
    Drop,
}

/// A length in the unit that was given.
#[derive(Clone, Copy, Debug)]
enum Length {
    Frames(u32),
    Milliseconds(f64),
}

#[derive(Debug)]
struct Chunk {
    length: Length,
    hop: Length,
    last: LastChunk,
    held: AudioFifo,
    /// Frames before what is held.
    start: u64,
    /// How many frames of what is held have been in a chunk.
    covered: usize,
}

impl_node!(AudioChunk);

impl Define for AudioChunk {
    type Params = AudioChunkParams;

    const NAME: &'static str = "AudioChunk";
    const COST: Cost = Cost::Light;
    const INPUTS: &'static [Port] = &[Port::AUDIO_IN];
    const OUTPUTS: &'static [Port] = &[Port::AUDIO_OUT.like_input()];
    const EXAMPLE: &'static str = r#"{"duration_ms": 20}"#;

    fn check(params: &AudioChunkParams) -> Result<(), ParamError> {
        let error =
            |param: &str, expected: String, got: String| Err(ParamError { param: param.to_owned(), expected, got });
        let none = || "no such param".to_owned();
        match (params.frames, params.duration_ms) {
            (None, None) => {
                return error("frames", "a length: 'frames' or 'duration_ms'".to_owned(), "neither".to_owned());
            }
            (Some(_), Some(ms)) => return error("duration_ms", format!("{} beside 'frames'", none()), ms.to_string()),
            (Some(frames), None) => {
                if let Some(ms) = params.hop_ms {
                    return error(
                        "hop_ms",
                        format!("{} beside 'frames'; 'hop_frames' goes with it", none()),
                        ms.to_string(),
                    );
                }
                if let Some(hop) = params.hop_frames.filter(|hop| *hop > frames) {
                    return error("hop_frames", format!("at most frames, which is {frames}"), hop.to_string());
                }
            }
            (None, Some(ms)) => {
                if let Some(hop) = params.hop_frames {
                    let expected = format!("{} beside 'duration_ms'; 'hop_ms' goes with it", none());
                    return error("hop_frames", expected, hop.to_string());
                }
                if let Some(hop) = params.hop_ms.filter(|hop| *hop > ms) {
                    return error("hop_ms", format!("at most duration_ms, which is {ms}"), hop.to_string());
                }
            }
        }
        Ok(())
    }

    fn new(params: &AudioChunkParams) -> Self {
        let length = match (params.frames, params.duration_ms) {
            (Some(frames), _) => Length::Frames(frames),
            (None, ms) => Length::Milliseconds(ms.unwrap_or_default()),
        };
        let hop = match (params.hop_frames, params.hop_ms) {
            (Some(frames), _) => Length::Frames(frames),
            (None, Some(ms)) => Length::Milliseconds(ms),
            (None, None) => length,
        };
        AudioChunk(SegmentNode::new(
            Chunk { length, hop, last: params.last, held: AudioFifo::default(), start: 0, covered: 0 },
            params.gaps,
        ))
    }
}

impl SegmentProcessor for Chunk {
    const HANDS_ON: bool = true;

    fn begin(&mut self, segment: &Segment) -> Result<(), NodeError> {
        (self.start, self.covered) = (0, 0);
        let (frames, channels) = (self.length.at(segment.rate), segment.channels);
        if frames.saturating_mul(channels * size_of::<f32>()) > LIMIT {
            let cause = format!("a chunk of {frames} frames of {channels} channels is more than {} MiB", LIMIT >> 20);
            return Err(NodeError::new(cause).cure("Ask for shorter chunks.").at(segment.origin));
        }
        Ok(())
    }

    fn wants(&mut self, segment: &Segment) -> usize {
        self.length.at(segment.rate) - self.held.frames()
    }

    fn frames(&mut self, segment: &Segment, audio: Audio) -> Result<Option<Packet>, NodeError> {
        self.held.push(audio);
        let length = self.length.at(segment.rate);
        if self.held.frames() < length {
            return Ok(None);
        }
        let chunk = self.held.peek(length).with_pts(segment.time(self.start));
        let hop = self.hop.at(segment.rate);
        self.held.drop_front(hop);
        self.start += hop as u64;
        self.covered = length - hop;
        Ok(Some(Value::from(chunk).into()))
    }

    fn end(&mut self, segment: &Segment, why: SegmentEnd) -> Result<Option<Packet>, NodeError> {
        let left = self.held.frames();
        let pts = segment.time(self.start);
        let is_new = left > self.covered;
        let rest = is_new.then(|| self.held.peek(left).with_pts(pts));
        self.held.clear();
        Ok(match (rest, self.last) {
            (None, _) | (_, LastChunk::Drop) => None,
            (Some(rest), LastChunk::Keep) => Some(Value::from(rest).into()),
            (Some(rest), LastChunk::Pad) => {
                // Where the next sound begins, there is no room for silence any more.
                let room = match why {
                    SegmentEnd::Item => usize::MAX,
                    SegmentEnd::Format(missing) | SegmentEnd::Jump(missing) => {
                        left.saturating_add(usize::try_from(missing).unwrap_or(usize::MAX))
                    }
                };
                let length = self.length.at(segment.rate).min(room);
                let mut samples = Vec::with_capacity(length * segment.channels);
                for (channel, sounding) in rest.iter_channels().enumerate() {
                    samples.extend_from_slice(sounding);
                    samples.resize((channel + 1) * length, 0.0);
                }
                Some(sound(segment, samples, pts))
            }
        })
    }
}

impl Length {
    /// In whole frames, at least one.
    fn at(self, rate: u32) -> usize {
        match self {
            Length::Frames(frames) => frames as usize,
            Length::Milliseconds(ms) => {
                let frames = MediaTime::to_frames((ms * 1e6).round() as u64, rate);
                usize::try_from(frames.max(1)).unwrap_or(usize::MAX)
            }
        }
    }
}
