//! `RandomCrop`: a piece of each item, of one length, from a place that is drawn.

use remotemedia_core::node::{Cost, Define, Item, NodeError, Port, documented};
use remotemedia_core::value::{Audio, MediaTime, Packet, Value};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::stream::audio_fifo::AudioFifo;
use crate::stream::draws::Draws;
use crate::stream::reader::{Segment, SegmentEnd, sound};
use crate::stream::segment_node::{SegmentNode, SegmentProcessor, impl_node};
use crate::stream::timeline::Gaps;

documented! {
/// Cuts a piece of one length from a random place of each item, for training.
///
/// The piece has exactly `duration_s` times the rate frames, rounded to nearest, whatever the item has: of n frames each of the
/// n - m + 1 places for m frames is as likely. An item that is shorter is taken from its start and gets what `pad` says
/// after its end. The piece keeps its time and every bit of its samples.
///
/// The draw depends on `seed`, on how many items came before in the run, and on the item's name, where it has one: the same
/// for the same input, however it is divided into packets.
///
/// How long an item is, is known at its end, so its samples stay in memory until then, at most 1 GiB (93 minutes of mono at
/// 48 kHz); more is an error. Where rate or layout change inside an item, each part is cut by itself, and so are the parts
/// before and after a jump in time unless `gaps` says otherwise: one that is too short is padded into the time of the next
/// one, which nodes behind this one trim as an overlap, so live sound with losses needs `fill`. An item without a packet stays
/// empty.
pub struct RandomCrop(SegmentNode<Crop>);
}

/// The params of [`RandomCrop`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandomCropParams {
    /// The length of the piece, in seconds; at least one frame.
    #[schemars(range(min = 0.0001, max = 86_400.0))]
    pub duration_s: f64,
    /// What the draws begin from: another seed, other draws.
    #[serde(default)]
    pub seed: u64,
    /// What follows an item that is shorter.
    #[serde(default)]
    pub pad: CropPad,
    /// What the node does where the times of its input jump, as after a packet that was lost.
    #[serde(default)]
    pub gaps: Gaps,
}

/// What follows an item that is shorter than the piece.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CropPad {
    /// Digital silence.
    #[default]
    Silence,
    /// The item again, from its start, as often as it takes. An item without frames is padded with silence.
    Repeat,
    /// Nothing: the piece is shorter then.
    None,
}

struct Crop {
    duration_s: f64,
    pad: CropPad,
    seed: u64,
    draws: Draws,
    held: AudioFifo,
    /// Whether what is held is to be emitted.
    is_due: bool,
    padding: Option<Padding>,
}

/// What is to follow.
struct Padding {
    segment: Segment,
    /// What is repeated, unless it is silence.
    sound: Option<Audio>,
    /// When it begins.
    origin: Option<i64>,
    frames: u64,
    given: u64,
}

/// The most samples of padding in one packet.
const STEP_SAMPLES: u64 = 1 << 16;

impl_node!(RandomCrop);

impl Define for RandomCrop {
    type Params = RandomCropParams;

    const NAME: &'static str = "RandomCrop";
    const COST: Cost = Cost::Light;
    const INPUTS: &'static [Port] = &[Port::AUDIO_IN];
    const OUTPUTS: &'static [Port] = &[Port::AUDIO_OUT.like_input()];
    const EXAMPLE: &'static str = r#"{"duration_s": 3, "seed": 7}"#;

    fn new(params: &RandomCropParams) -> Self {
        let crop = Crop {
            duration_s: params.duration_s,
            pad: params.pad,
            seed: params.seed,
            draws: Draws::first(Self::NAME, params.seed),
            held: AudioFifo::default(),
            is_due: false,
            padding: None,
        };
        RandomCrop(SegmentNode::new(crop, params.gaps))
    }
}

impl SegmentProcessor for Crop {
    const HANDS_ON: bool = true;

    fn begin_item(&mut self, item: &Item) {
        self.draws = Draws::new(RandomCrop::NAME, self.seed, item);
    }

    fn frames(&mut self, segment: &Segment, audio: Audio) -> Result<Option<Packet>, NodeError> {
        // What comes out is divided in other ways.
        let audio = audio.with_pts(segment.time(segment.position));
        self.held.push_limited(audio, "Cut the sound into shorter items first.")?;
        Ok(None)
    }

    fn end(&mut self, segment: &Segment, _why: SegmentEnd) -> Result<Option<Packet>, NodeError> {
        let wanted = MediaTime::to_frames((self.duration_s * 1e9).round() as u64, segment.rate).max(1);
        let frames = self.held.frames() as u64;
        self.is_due = true;
        if let Some(beyond) = frames.checked_sub(wanted) {
            let first = self.draws.below(beyond + 1);
            self.held.drop_front(first as usize);
            self.held.truncate(wanted as usize);
            return Ok(None);
        }
        if self.pad != CropPad::None {
            let repeats = self.pad == CropPad::Repeat && frames > 0;
            self.padding = Some(Padding {
                segment: segment.clone(),
                sound: repeats.then(|| self.held.peek(self.held.frames())),
                origin: segment.time(segment.position),
                frames: wanted - frames,
                given: 0,
            });
        } else if frames == 0 {
            self.is_due = false;
            return Ok(Some(sound(segment, Vec::new(), segment.origin)));
        }
        Ok(None)
    }

    fn is_pending(&self) -> bool {
        self.is_due && (self.held.frames() > 0 || self.padding.is_some())
    }

    fn pending(&mut self) -> Result<Option<Packet>, NodeError> {
        let packet = match (self.held.take_part(usize::MAX), &mut self.padding) {
            (Some(part), _) => Some(Value::from(part).into()),
            (None, Some(padding)) => {
                let packet = padding.next();
                if padding.given == padding.frames {
                    self.padding = None;
                }
                Some(packet)
            }
            (None, None) => None,
        };
        if self.held.frames() == 0 && self.padding.is_none() {
            self.is_due = false;
        }
        Ok(packet)
    }
}

impl Padding {
    fn next(&mut self) -> Packet {
        let channels = self.segment.channels;
        let frames = (self.frames - self.given).min((STEP_SAMPLES / channels as u64).max(1)) as usize;
        let samples = match &self.sound {
            None => vec![0.0; frames * channels],
            Some(sound) => {
                let first = (self.given % sound.frames() as u64) as usize;
                let channel = |channel: &'_ [f32]| channel.iter().copied().cycle().skip(first).take(frames).collect();
                let channels: Vec<Vec<f32>> = sound.iter_channels().map(channel).collect();
                channels.concat()
            }
        };
        let time = |origin: i64| origin.saturating_add(MediaTime::of_frames(self.given, self.segment.rate));
        let packet = sound(&self.segment, samples, self.origin.map(time));
        self.given += frames as u64;
        packet
    }
}
