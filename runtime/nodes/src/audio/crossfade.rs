//! `AudioCrossfade`: one sound goes over into another.

use std::collections::VecDeque;
use std::f64::consts::FRAC_PI_2;

use remotemedia_core::node::{
    AudioFormat, Cost, Define, Emission, Form, Kinds, Node, NodeError, Port, Step, documented,
};
use remotemedia_core::value::{Audio, Kind, MediaTime, Packet};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::stream::arrival::{Arrival, Intake};
use crate::stream::audio_fifo::AudioFifo;
use crate::stream::finite::check_finite;
use crate::stream::format::{Format, joined_form, wanted_format};
use crate::stream::timeline::is_jump;

documented! {
/// Joins two sounds so that the end of one goes over into the beginning of the other.
///
/// First comes all of `in0`, then `in1`; over the last `duration_ms` of the one and the first of the other both sound, the
/// one going and the other coming. Sounds of n and m frames give n + m - d frames, where d is the duration, but no more
/// than either has. Frame k of the d is at t = (k + 1/2) / d of the way: with `linear` its gains are 1 - t and t, for
/// sounds that are alike; with `equal_power` cos(t pi/2) and sin(t pi/2), for sounds that have nothing in common, whose
/// powers add up. Outside of it both pass unchanged.
///
/// The output has the times of `in0`, its jumps of whatever length included; those of `in1` are not looked at, since it
/// follows. Each item has a fade of its own.
/// `in0` comes out `duration_ms` late, as its end is not known before. What comes of `in1` before `in0` has ended waits: in
/// its queue where nothing but nodes of its own feed it, else here, up to 1 GiB. Both need one rate and one number of
/// channels: with `rate` and `channels` converters are put before it that see to it. Products are computed in float64
/// and rounded once; how the sound is divided into packets changes nothing. Samples that are NaN or infinite are refused.
///
/// It is for sounds that end, such as files. In a session `in0` ends with the item, by `flush` or `finish`, never alone, and
/// until then no more of an `in1` that the session feeds too can be sent than its queue takes, 64 packets or 5 s unless
/// `buffer` says otherwise: then `send` waits. To go over from one live sound into another, add them with `AudioSum` and
/// change its `gains_db` while the session runs.
#[derive(Debug)]
pub struct AudioCrossfade {
    params: AudioCrossfadeParams,
    format: Option<Format>,
    times: Times,
    inputs: [Input; 2],
    phase: Phase,
    emitted: u64,
    ending: bool,
    stream: u32,
}
}

/// The params of [`AudioCrossfade`].
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AudioCrossfadeParams {
    /// How long both sound, in milliseconds.
    #[serde(default = "default_duration_ms")]
    #[schemars(range(min = 0.0, max = 600_000.0))]
    pub duration_ms: f64,
    /// How the gains change.
    #[serde(default)]
    pub curve: FadeCurve,
    /// The rate of the output, in Hz: inputs of another rate are converted. Without it both must have one rate.
    #[serde(default)]
    #[schemars(range(min = 1000, max = 768_000))]
    pub rate: Option<u32>,
    /// The number of channels of the output: inputs with others are mixed. Without it both must have as many.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1024))]
    pub channels: Option<u16>,
}

/// How the gains of [`AudioCrossfade`] change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FadeCurve {
    /// The powers add up to 1.
    #[default]
    EqualPower,
    /// The factors add up to 1.
    Linear,
}

fn default_duration_ms() -> f64 {
    1000.0
}

#[derive(Debug, Default)]
struct Input {
    intake: Intake,
    held: AudioFifo,
    is_connected: bool,
    has_ended: bool,
}

/// When the frames of `in0` sound, with which the output begins.
#[derive(Debug, Default)]
struct Times {
    /// The frames before which times jump, with their times, oldest first: what comes up to the next one follows.
    jumps: VecDeque<(u64, i64)>,
    /// How many frames have come.
    frames: u64,
}

/// What comes out.
#[derive(Clone, Copy, Debug)]
enum Phase {
    First,
    /// `done` of so many frames.
    Fade {
        frames: usize,
        done: usize,
    },
    Second,
}

/// Samples of one step.
const STEP_SAMPLES: usize = 1 << 14;

impl Node for AudioCrossfade {
    fn connect(&mut self, inputs: &[usize]) {
        for (port, input) in self.inputs.iter_mut().enumerate() {
            input.is_connected = inputs.contains(&port);
        }
    }

    fn process(&mut self, port: usize, packet: Packet) -> Result<Step, NodeError> {
        self.stream = packet.stream;
        self.push(port, packet)?;
        self.step()
    }

    fn wants(&self, port: usize) -> bool {
        port == 0 || self.is_over(0)
    }

    fn end_input(&mut self, port: usize) -> Result<Step, NodeError> {
        self.inputs[port].has_ended = true;
        self.step()
    }

    fn resume(&mut self) -> Result<Step, NodeError> {
        self.step()
    }

    fn flush(&mut self) -> Result<Step, NodeError> {
        self.inputs.iter_mut().for_each(|input| input.has_ended = true);
        self.ending = true;
        self.step()
    }
}

impl Define for AudioCrossfade {
    type Params = AudioCrossfadeParams;

    const NAME: &'static str = "AudioCrossfade";
    const COST: Cost = Cost::Light;
    const INPUTS: &'static [Port] = &[
        Port::new("in0", Kinds::of(&[Kind::Audio]), "The sound that comes first."),
        Port::new("in1", Kinds::of(&[Kind::Audio]), "The sound that it goes over into."),
    ];
    const OUTPUTS: &'static [Port] = &[Port::AUDIO_OUT];
    const ALIGNS: bool = true;
    const EXAMPLE: &'static str = r#"{"duration_ms": 500, "rate": 48000, "channels": 2}"#;

    fn input_format(params: &AudioCrossfadeParams, _port: usize) -> Option<AudioFormat> {
        wanted_format(params.rate, params.channels)
    }

    fn output_form(params: &AudioCrossfadeParams, _port: usize, input: Form) -> Form {
        joined_form(params.rate, params.channels, input)
    }

    fn new(params: &AudioCrossfadeParams) -> Self {
        AudioCrossfade {
            params: params.clone(),
            format: None,
            times: Times::default(),
            inputs: Default::default(),
            phase: Phase::First,
            emitted: 0,
            ending: false,
            stream: 0,
        }
    }
}

impl AudioCrossfade {
    fn push(&mut self, port: usize, packet: Packet) -> Result<(), NodeError> {
        let Some(arrival) = self.inputs[port].intake.take(packet)? else { return Ok(()) };
        let (audio, pts) = (arrival.audio(), arrival.pts());
        let format = self.format.get_or_insert_with(|| Format::of(audio));
        format.check(audio, port, pts, "what came before")?;
        let rate = format.rate;
        check_finite(audio, 0, audio.frames(), |frame| Some(pts?.saturating_add(MediaTime::of_frames(frame, rate))))?;
        if port == 0 {
            self.times.push(&arrival);
        }
        let cure = "Connect 'in1' to nodes of its own, so that it can wait.";
        self.inputs[port].held.push_limited(arrival.into_audio(), cure)
    }

    fn is_over(&self, port: usize) -> bool {
        self.inputs[port].has_ended || !self.inputs[port].is_connected
    }

    /// Emits the next frames that are known, up to a step's work.
    fn step(&mut self) -> Result<Step, NodeError> {
        if self.ending && self.format.is_none() {
            self.take_empty();
        }
        let Some(format) = self.format.clone() else {
            if self.ending {
                self.finish();
            }
            return Ok(Step::DONE);
        };
        let most = (STEP_SAMPLES / format.channels).max(1).min(self.times.until_jump(self.emitted));
        let duration = MediaTime::to_frames((self.params.duration_ms * 1e6).round() as u64, format.rate) as usize;
        let part = loop {
            let held = [self.inputs[0].held.frames(), self.inputs[1].held.frames()];
            let (first, second) = (held[0], held[1]);
            match self.phase {
                Phase::First if !self.is_over(0) => {
                    // Its last frames may belong to the fade.
                    break self.inputs[0].held.take_part(first.saturating_sub(duration).min(most));
                }
                Phase::First if second < duration.min(first) && !self.is_over(1) => break None,
                Phase::First if first > duration.min(first).min(second) => {
                    let plain = first - duration.min(first).min(second);
                    break self.inputs[0].held.take_part(plain.min(most));
                }
                Phase::First => self.phase = Phase::Fade { frames: first, done: 0 },
                Phase::Fade { frames, done } if done == frames => self.phase = Phase::Second,
                Phase::Fade { frames, done } => {
                    let count = (frames - done).min(most);
                    self.phase = Phase::Fade { frames, done: done + count };
                    break Some(self.fade(frames, done, count));
                }
                Phase::Second => break self.inputs[1].held.take_part(most),
            }
        };
        let part = part.filter(|part| part.frames() > 0);
        let is_empty = part.is_none() && self.ending && self.emitted == 0;
        if part.is_none() && !is_empty {
            if self.ending {
                self.finish();
            }
            return Ok(Step::DONE);
        }
        let part = part.unwrap_or_else(|| {
            Audio::from_planar(Vec::new(), format.channels, format.rate).expect("the format of sound that came")
        });
        let pts = self.times.at(self.emitted, format.rate);
        let discontinuity = part.frames() > 0 && self.times.is_jump(self.emitted);
        self.emitted += part.frames() as u64;
        if is_empty {
            self.finish();
        }
        let packet = Packet::new(part.with_layout(format.layout).with_pts(pts).into());
        let emission = Some(Emission { port: 0, packet: Packet { stream: self.stream, discontinuity, ..packet } });
        Ok(if is_empty { Step::Done(emission) } else { Step::More(emission) })
    }

    /// Nothing has come but packets without frames, if any: the output is one too.
    fn take_empty(&mut self) {
        let [first, second] = self.inputs.each_mut().map(|input| input.intake.finish());
        if let Some(pts) = first.as_ref().and_then(Arrival::pts) {
            self.times.jumps.push_back((0, pts));
        }
        self.format = first.or(second).map(|empty| Format::of(empty.audio()));
    }

    /// The next frames of the fade.
    fn fade(&mut self, frames: usize, done: usize, count: usize) -> Audio {
        let [first, second] = &mut self.inputs;
        let (going, coming) = (first.held.peek(count), second.held.peek(count));
        first.held.drop_front(count);
        second.held.drop_front(count);
        let curve = self.params.curve;
        let gains: Vec<(f64, f64)> = (done..done + count)
            .map(|frame| {
                let way = (frame as f64 + 0.5) / frames as f64;
                match curve {
                    FadeCurve::Linear => (1.0 - way, way),
                    FadeCurve::EqualPower => ((way * FRAC_PI_2).cos(), (way * FRAC_PI_2).sin()),
                }
            })
            .collect();
        let mut samples = Vec::with_capacity(count * going.channels());
        for (going, coming) in going.iter_channels().zip(coming.iter_channels()) {
            let pairs = going.iter().zip(coming).zip(&gains);
            samples.extend(
                pairs.map(|((going, coming), gain)| (gain.0 * f64::from(*going) + gain.1 * f64::from(*coming)) as f32),
            );
        }
        Audio::from_planar(samples, going.channels(), going.rate()).expect("as many channels as there were")
    }

    /// The item is over.
    fn finish(&mut self) {
        for input in &mut self.inputs {
            *input = Input { is_connected: input.is_connected, ..Input::default() };
        }
        (self.format, self.times) = (None, Times::default());
        (self.phase, self.emitted, self.ending) = (Phase::First, 0, false);
    }
}

impl Times {
    /// Takes the time of the next frames.
    fn push(&mut self, arrival: &Arrival) {
        let next = self.frames;
        let end = self.jumps.back().map(|jump| following(*jump, next, arrival.audio().rate()));
        self.frames += arrival.audio().frames() as u64;
        let Some(pts) = arrival.pts_after(end) else { return };
        let is_jump = end.is_none_or(|end| is_jump(arrival, pts.saturating_sub(end)));
        if is_jump {
            self.jumps.push_back((next, pts));
        }
    }

    /// The time of a frame, if it is known. Those before it are asked for no more.
    fn at(&mut self, frame: u64, rate: u32) -> Option<i64> {
        while self.jumps.get(1).is_some_and(|(next, _)| *next <= frame) {
            self.jumps.pop_front();
        }
        let jump = self.jumps.front().filter(|(first, _)| *first <= frame)?;
        Some(following(*jump, frame, rate))
    }

    /// Whether times jump before this frame, which is not the first. Asked once its time is known.
    fn is_jump(&self, frame: u64) -> bool {
        frame > 0 && self.jumps.front().is_some_and(|(first, _)| *first == frame)
    }

    /// How many frames follow one another from this one on.
    fn until_jump(&self, frame: u64) -> usize {
        let jump = self.jumps.iter().find(|(next, _)| *next > frame);
        jump.map_or(usize::MAX, |(next, _)| usize::try_from(next - frame).unwrap_or(usize::MAX))
    }
}

/// The time of a frame that follows on one whose time is known.
fn following((first, pts): (u64, i64), frame: u64, rate: u32) -> i64 {
    pts.saturating_add(MediaTime::of_frames(frame - first, rate))
}
