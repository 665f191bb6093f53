//! `AudioPad`: silence before and after sound.

use remotemedia_core::node::{Cost, Define, NodeError, Port, documented};
use remotemedia_core::value::{Audio, MediaTime, Packet, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::stream::reader::{Segment, SegmentEnd, sound};
use crate::stream::segment_node::{SegmentNode, SegmentProcessor, impl_node};
use crate::stream::timeline::Gaps;

documented! {
/// Puts digital silence before and after the sound of an item.
///
/// Lengths are rounded to whole frames. With `min_duration_ms` there is at least as much silence after the sound as the
/// item needs to last that long. The silence before the sound takes the time of the item's first frame, and the sound follows
/// it. Where rate or layout change inside an item, the silence before has the first format and the silence after has the
/// last. An item without a packet stays empty.
#[derive(Debug)]
pub struct AudioPad(SegmentNode<Pad>);
}

/// The params of [`AudioPad`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AudioPadParams {
    /// Silence before the sound, in milliseconds.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 3_600_000.0))]
    pub before_ms: f64,
    /// Silence after the sound, in milliseconds.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 3_600_000.0))]
    pub after_ms: f64,
    /// The least duration of the item with its silence, in milliseconds.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 36_000_000.0))]
    pub min_duration_ms: f64,
    /// What the node does where the times of its input jump, as after a packet that was lost.
    #[serde(default)]
    pub gaps: Gaps,
}

#[derive(Debug)]
struct Pad {
    before_ms: f64,
    after_ms: f64,
    min_duration_ms: f64,
    has_begun: bool,
    /// By how much the sound moves back, in nanoseconds.
    shift: i64,
    /// How long the segments before the open one lasted, in nanoseconds.
    elapsed: i64,
    silence: Option<Silence>,
}

/// Silence that is still to come.
#[derive(Debug)]
struct Silence {
    segment: Segment,
    frames: u64,
    /// When it begins.
    pts: Option<i64>,
    given: u64,
}

/// The most samples of silence in one packet.
const STEP_SAMPLES: u64 = 1 << 16;

impl_node!(AudioPad);

impl Define for AudioPad {
    type Params = AudioPadParams;

    const NAME: &'static str = "AudioPad";
    const COST: Cost = Cost::Light;
    const INPUTS: &'static [Port] = &[Port::AUDIO_IN];
    const OUTPUTS: &'static [Port] = &[Port::AUDIO_OUT.like_input()];
    const EXAMPLE: &'static str = r#"{"min_duration_ms": 30000}"#;

    fn new(params: &AudioPadParams) -> Self {
        AudioPad(SegmentNode::new(
            Pad {
                before_ms: params.before_ms,
                after_ms: params.after_ms,
                min_duration_ms: params.min_duration_ms,
                has_begun: false,
                shift: 0,
                elapsed: 0,
                silence: None,
            },
            params.gaps,
        ))
    }
}

impl SegmentProcessor for Pad {
    const HANDS_ON: bool = true;

    fn begin(&mut self, segment: &Segment) -> Result<(), NodeError> {
        if !self.has_begun {
            self.has_begun = true;
            let frames = frames_of(self.before_ms, segment.rate);
            self.shift = MediaTime::of_frames(frames, segment.rate);
            self.put(segment, frames, segment.origin);
        }
        Ok(())
    }

    fn frames(&mut self, _segment: &Segment, audio: Audio) -> Result<Option<Packet>, NodeError> {
        let pts = audio.pts.map(|pts| pts.saturating_add(self.shift));
        Ok(Some(Value::from(audio.with_pts(pts)).into()))
    }

    fn end(&mut self, segment: &Segment, why: SegmentEnd) -> Result<Option<Packet>, NodeError> {
        self.elapsed += MediaTime::of_frames(segment.position, segment.rate);
        if why == SegmentEnd::Item {
            let after = frames_of(self.after_ms, segment.rate);
            let least = frames_of(self.min_duration_ms, segment.rate);
            // Counted in frames of this rate; exact where the item has but one.
            let there = MediaTime::to_frames((self.shift + self.elapsed).max(0).cast_unsigned(), segment.rate);
            let pts = segment.time(segment.position).map(|pts| pts.saturating_add(self.shift));
            self.put(segment, after.max(least.saturating_sub(there)), pts);
        }
        Ok(None)
    }

    fn finish(&mut self) {
        (self.has_begun, self.shift, self.elapsed) = (false, 0, 0);
    }

    fn is_pending(&self) -> bool {
        self.silence.is_some()
    }

    fn pending(&mut self) -> Result<Option<Packet>, NodeError> {
        let Some(mut silence) = self.silence.take() else { return Ok(None) };
        let segment = &silence.segment;
        let most = (STEP_SAMPLES / segment.channels as u64).max(1);
        let frames = most.min(silence.frames - silence.given);
        let pts = silence.pts.map(|pts| pts.saturating_add(MediaTime::of_frames(silence.given, segment.rate)));
        let packet = sound(segment, vec![0.0; frames as usize * segment.channels], pts);
        silence.given += frames;
        if silence.given < silence.frames {
            self.silence = Some(silence);
        }
        Ok(Some(packet))
    }
}

impl Pad {
    fn put(&mut self, segment: &Segment, frames: u64, pts: Option<i64>) {
        if frames > 0 {
            self.silence = Some(Silence { segment: segment.clone(), frames, pts, given: 0 });
        }
    }
}

fn frames_of(duration_ms: f64, rate: u32) -> u64 {
    MediaTime::to_frames((duration_ms * 1e6).round() as u64, rate)
}
