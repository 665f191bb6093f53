//! `AudioConvolve`: sound in a room, by the response of the room.

use std::fmt;
use std::sync::Arc;

use remotemedia_core::node::{AudioFormat, Cost, Define, Form, NodeError, ParamError, Port, documented};
use remotemedia_core::value::{Audio, Layout, Packet};
use schemars::JsonSchema;
use serde::Deserialize;

use super::sound_file::{Decoding, SoundFile};
use crate::dsp::partitioned::{Convolver, Response};
use crate::stream::audio_fifo::AudioFifo;
use crate::stream::reader::{Segment, SegmentEnd, sound};
use crate::stream::segment_node::{SegmentNode, SegmentProcessor, impl_node};
use crate::stream::timeline::Gaps;

documented! {
/// Convolves sound with a response, such as that of a room, a loudspeaker or a telephone.
///
/// The response is a sound file, `path`, of anything that `AudioDecode` reads and of the rate of the sound, or the numbers in
/// `taps`. A response of one channel is applied to each channel of the sound; one with as many channels as the sound to each
/// its own; and mono sound gets all channels of the response. Anything else is an error, and so is a response of more
/// than 4,194,304 frames, 87 s at 48 kHz.
///
/// Sound of n frames and a response of m frames give n + m - 1 frames; with `tail` off the first n of them. Frame k of the
/// output sounds at the time of frame k of the input: what is first in the response, such as the way of the direct sound,
/// stays in it as a delay. The sums are computed in float64 by uniformly partitioned overlap-save and rounded once; nothing
/// scales them, so the gain is that of the response.
///
/// Blocks are counted from the first frame of the sound, so how it is divided into packets changes nothing. The
/// output comes in packets of whole blocks, up to `block_frames` frames after what it is made of. A change of rate or layout
/// ends one sound and begins the next, and so does a jump in time unless `gaps` says otherwise: the tail ends where the next
/// sound begins. Samples that are NaN or infinite are refused.
pub struct AudioConvolve(SegmentNode<Convolve>);
}

/// The params of [`AudioConvolve`]. One of `path` and `taps`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AudioConvolveParams {
    /// A sound file with the response.
    #[serde(default)]
    pub path: Option<String>,
    /// The response in numbers: a list for each channel, all of one length.
    #[serde(default)]
    #[schemars(inner(inner(range(min = f32::MIN, max = f32::MAX))))]
    pub taps: Option<Vec<Vec<f32>>>,
    /// Whether what sounds on after the last frame comes out too.
    #[serde(default = "default_tail")]
    pub tail: bool,
    /// The length of a block: how late the output comes. Shorter blocks take more work. A power of two is fast.
    #[serde(default = "default_block_frames")]
    #[schemars(range(min = 16, max = 65_536))]
    pub block_frames: u32,
    /// What the node does where the times of its input jump, as after a packet that was lost.
    #[serde(default)]
    pub gaps: Gaps,
}

fn default_tail() -> bool {
    true
}

fn default_block_frames() -> u32 {
    1024
}

struct Convolve {
    params: AudioConvolveParams,
    /// Each channel of the response, once it is known.
    responses: Vec<Arc<Response>>,
    taps: usize,
    /// That of a file.
    rate: Option<u32>,
    channels: Vec<Convolver>,
    /// The sound of the open block, and the channels of the output.
    held: AudioFifo,
    output: Segment,
    emitted: u64,
    /// The length of the output, once the sound has ended.
    total: Option<u64>,
}

/// The longest response.
const LONGEST: usize = 1 << 22;
/// Products of one step, about: some 200 microseconds, or one block.
const STEP_WORK: usize = 1 << 17;

impl_node!(AudioConvolve);

impl Define for AudioConvolve {
    type Params = AudioConvolveParams;

    const NAME: &'static str = "AudioConvolve";
    /// A block of 1024 frames and a response of 2 s take some 100 us; the file of the response is read at the start.
    const COST: Cost = Cost::Heavy;
    const INPUTS: &'static [Port] = &[Port::AUDIO_IN];
    const OUTPUTS: &'static [Port] = &[Port::AUDIO_OUT];
    const EXAMPLE: &'static str = r#"{"taps": [[0.7, 0, 0, 0.2]], "tail": false}"#;

    fn output_form(params: &AudioConvolveParams, _port: usize, input: Form) -> Form {
        let given = input.audio();
        let channels = match &params.taps {
            Some(taps) if taps.len() > 1 => Some(taps.len()),
            Some(_) => given.channels,
            // Mono sound gets the channels of the file.
            None => given.channels.filter(|channels| *channels > 1),
        };
        Form::Audio(AudioFormat { channels, ..given })
    }

    fn check(params: &AudioConvolveParams) -> Result<(), ParamError> {
        let error = |param: &str, expected: &str, got: String| {
            Err(ParamError { param: param.to_owned(), expected: expected.to_owned(), got })
        };
        let taps = match (&params.path, &params.taps) {
            (Some(_), Some(_)) => return error("taps", "no such param beside 'path'", "both".to_owned()),
            (None, None) => return error("path", "a sound file, or the param 'taps'", "none".to_owned()),
            (Some(_), None) => return Ok(()),
            (None, Some(taps)) => taps,
        };
        let length = taps.first().map_or(0, Vec::len);
        if length == 0 || taps.len() > Audio::MAX_CHANNELS {
            return error("taps", "1 to 1024 lists of at least one number", format!("{} lists", taps.len()));
        }
        match taps.iter().position(|channel| channel.len() != length) {
            Some(channel) => error(
                "taps",
                &format!("lists of equal length: list 0 has {length} numbers"),
                format!("{} in list {channel}", taps[channel].len()),
            ),
            None => Ok(()),
        }
    }

    fn new(params: &AudioConvolveParams) -> Self {
        AudioConvolve(SegmentNode::new(
            Convolve {
                params: params.clone(),
                responses: Vec::new(),
                taps: 0,
                rate: None,
                channels: Vec::new(),
                held: AudioFifo::default(),
                output: Segment {
                    rate: 1,
                    channels: 1,
                    layout: Layout::Unspecified,
                    origin: None,
                    elapsed: 0,
                    begin: None,
                    follows_jump: false,
                    discontinuity: false,
                    position: 0,
                    ends_packet: false,
                },
                emitted: 0,
                total: None,
            },
            params.gaps,
        ))
    }
}

impl SegmentProcessor for Convolve {
    fn initialize(&mut self) -> Result<(), NodeError> {
        self.load()
    }

    fn begin(&mut self, segment: &Segment) -> Result<(), NodeError> {
        if let Some(rate) = self.rate.filter(|rate| *rate != segment.rate) {
            let cause = format!("the response has {rate} Hz, the sound {} Hz", segment.rate);
            let cure = format!("Put an AudioResample to {rate} Hz before this node.");
            return Err(NodeError::new(cause).cure(cure).at(segment.origin));
        }
        let channels = match (segment.channels, self.responses.len()) {
            (sound, 1) => sound,
            (1, response) => response,
            (sound, response) if sound == response => sound,
            (sound, response) => {
                let cause = format!("the response has {response} channels, the sound {sound}");
                let cure = "Use a response of one channel, or put an AudioMix before this node.";
                return Err(NodeError::new(cause).cure(cure).at(segment.origin));
            }
        };
        let response = |channel: usize| &self.responses[channel.min(self.responses.len() - 1)];
        self.channels = (0..channels).map(|channel| Convolver::new(Arc::clone(response(channel)))).collect();
        self.output = Segment { channels, ..segment.clone() };
        if channels != segment.channels {
            self.output.layout = Layout::for_channels(channels);
        }
        (self.emitted, self.total) = (0, None);
        Ok(())
    }

    fn wants(&mut self, _segment: &Segment) -> usize {
        self.frames_per_step() - self.held.frames()
    }

    fn frames(&mut self, _segment: &Segment, audio: Audio) -> Result<Option<Packet>, NodeError> {
        self.held.push(audio);
        Ok(if self.held.frames() < self.params.block_frames as usize { None } else { Some(self.convolve(u64::MAX)) })
    }

    fn end(&mut self, segment: &Segment, why: SegmentEnd) -> Result<Option<Packet>, NodeError> {
        let tail = if self.params.tail && segment.position > 0 { self.taps as u64 - 1 } else { 0 };
        // Where the next sound begins, there is no room for it any more.
        let tail = match why {
            SegmentEnd::Item => tail,
            SegmentEnd::Format(missing) | SegmentEnd::Jump(missing) => tail.min(missing),
        };
        self.total = Some(segment.position + tail);
        Ok((segment.position == 0).then(|| sound(&self.output, Vec::new(), self.output.origin)))
    }

    fn is_pending(&self) -> bool {
        self.total.is_some_and(|total| self.emitted < total)
    }

    fn pending(&mut self) -> Result<Option<Packet>, NodeError> {
        let left = self.total.map_or(0, |total| total - self.emitted);
        Ok(Some(self.convolve(left)))
    }
}

impl Convolve {
    /// Gets the response ready.
    fn load(&mut self) -> Result<(), NodeError> {
        let block = self.params.block_frames as usize;
        let channels: Vec<Vec<f32>> = match (&self.params.path, &self.params.taps) {
            (Some(path), _) => {
                let response = read(path)?;
                self.rate = Some(response.rate());
                response.iter_channels().map(<[f32]>::to_vec).collect()
            }
            (None, taps) => taps.clone().unwrap_or_default(),
        };
        self.taps = channels.first().map_or(0, Vec::len);
        if self.taps > LONGEST {
            return Err(too_long());
        }
        self.responses = channels.iter().map(|taps| Arc::new(Response::new(taps, block))).collect();
        Ok(())
    }

    /// Whole blocks that make a step's work.
    fn frames_per_step(&self) -> usize {
        let block = self.params.block_frames as usize;
        let work = self.taps.div_ceil(block).max(1) * block * self.channels.len().max(1);
        (STEP_WORK / work).max(1) * block
    }

    /// Convolves the next blocks of what is held, and silence where it ends, to at most so many frames.
    fn convolve(&mut self, most: u64) -> Packet {
        let block = self.params.block_frames as usize;
        let blocks = if self.total.is_some() { self.frames_per_step() / block } else { self.held.frames() / block };
        let frames = most.min((blocks * block) as u64) as usize;
        let blocks = frames.div_ceil(block);
        let input = (self.held.frames() > 0).then(|| self.held.peek(self.held.frames().min(blocks * block)));
        let mut samples = Vec::with_capacity(frames * self.channels.len());
        for (channel, convolver) in self.channels.iter_mut().enumerate() {
            let input = input.as_ref().map_or(&[][..], |audio| audio.channel(channel.min(audio.channels() - 1)));
            for number in 0..blocks {
                let (first, end) = ((number * block).min(input.len()), ((number + 1) * block).min(input.len()));
                let made = convolver.convolve(&input[first..end]);
                samples.extend(made[..block.min(frames - number * block)].iter().map(|value| *value as f32));
            }
        }
        self.held.drop_front(blocks * block);
        let pts = self.output.time(self.emitted);
        self.emitted += frames as u64;
        sound(&self.output, samples, pts)
    }
}

/// The sound of a file as one.
fn read(path: &str) -> Result<Audio, NodeError> {
    let mut file = SoundFile::new(path, LONGEST);
    loop {
        match file.step()? {
            Decoding::Goes => {}
            Decoding::Done(audio) => return Ok(audio),
            Decoding::TooLong => return Err(too_long()),
        }
    }
}

fn too_long() -> NodeError {
    let cause = format!("the response has more than {LONGEST} frames");
    NodeError::new(cause).cure("Cut it off where nothing can be heard any more.")
}

impl fmt::Debug for AudioConvolve {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "AudioConvolve({:?})", self.0.process.params)
    }
}
