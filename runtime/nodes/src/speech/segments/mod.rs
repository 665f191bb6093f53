//! `SpeechSegments`: the stretches of a recording in which somebody speaks.

mod front_end;
mod recording;
mod timestamps;

use std::collections::VecDeque;
use std::sync::Arc;

use remotemedia_core::node::{
    Context, Cost, Define, Emission, Kinds, Node, NodeError, ParamError, Port, Step, documented,
};
use remotemedia_core::value::{Audio, DataType, Kind, MediaTime, Packet, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use front_end::FrontEnd;
use recording::Recording;
use timestamps::{Found, Rules, Timestamps};

use super::silero::WINDOW_MS;
use crate::stream::finite::check_finite;

documented! {
/// Cuts sound into the segments in which somebody speaks.
///
/// Sound of any rate and layout goes in. It hears with the detector of `VAD`, unless something is connected to its port
/// `vad`: then it takes the probabilities that come there for those of its sound, from the start of both, and hears
/// nothing itself. Sound of 8 kHz is heard as it is, all else at 16 kHz, mixed to mono.
///
/// The port `segments` gives, for each segment, the map `{type: "segment", start_s, end_s, audio}`: when it begins and
/// ends, in seconds, and its sound, sample for sample as it came in, in its own rate and layout.
///
/// The port `events` gives the maps `{type: "start", at_s, detected_s}` and `{type: "end", at_s, detected_s}` in turn:
/// when speech begins or ends, with its padding, and how far the sound had been heard when that became known, in
/// seconds. The start comes at once. So speech that turns out to be shorter than `min_speech_duration_ms` has its two
/// events but gives no segment.
///
/// Speech begins with a window of 32 ms whose probability is at least `threshold`. It ends where the probability falls
/// below `neg_threshold` and does not rise to `threshold` again within `min_silence_duration_ms`. Where less than twice
/// `speech_pad_ms` lies between two segments, each gets half of it. Speech that is longer than `max_speech_duration_s` is
/// cut at the longest silence of more than 98 ms in it, or where it is, if there is none. Params, defaults and results
/// are those of `get_speech_timestamps` in the package silero-vad 6.2.3; only sound of other rates than 8 and 16 kHz may
/// differ, since resamplers do.
///
/// How the sound is divided into packets changes nothing. Times count samples from the first packet's. Sound is kept for
/// as long as a segment may need it: a segment's length, for which only `max_speech_duration_s` sets a limit. A change
/// of rate or layout ends one recording and begins the next.
///
/// NaN and infinity are an error, unless the probabilities come at `vad`. While a session runs `threshold` and
/// `neg_threshold` may change.
pub struct SpeechSegments {
    rules: Rules,
    keys: Keys,
    /// Whether it hears itself.
    hears: bool,
    has_sound_input: bool,
    recording: Option<Heard>,
    /// Probabilities that came at the port `vad`: a window's start and end in nanoseconds from the start of its stream.
    windows: VecDeque<Window>,
    windows_end: i64,
    rest: Option<Rest>,
    found: VecDeque<Emission>,
    /// Where the last recording ended.
    end: Option<i64>,
    is_ending: bool,
    /// The stream that the packets name.
    stream: u32,
}
}

/// The params of [`SpeechSegments`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SpeechSegmentsParams {
    /// The probability from which on a window is speech.
    #[serde(default = "default_threshold")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub threshold: f64,
    /// The probability below which a window within speech is silence. By default `threshold` - 0.15, and at least 0.01.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub neg_threshold: Option<f64>,
    /// Speech that is not longer than this gives no segment.
    #[serde(default = "default_min_speech_duration_ms")]
    #[schemars(range(max = 3_600_000))]
    pub min_speech_duration_ms: u32,
    /// Silence that is shorter than this does not end speech.
    #[serde(default = "default_min_silence_duration_ms")]
    #[schemars(range(max = 3_600_000))]
    pub min_silence_duration_ms: u32,
    /// What a segment gets of the sound before and after the speech.
    #[serde(default = "default_speech_pad_ms")]
    #[schemars(range(max = 3_600_000))]
    pub speech_pad_ms: u32,
    /// Segments don't get longer than this; without it there is no limit.
    #[serde(default)]
    #[schemars(range(min = 0.1, max = 1e6))]
    pub max_speech_duration_s: Option<f64>,
}

pub(crate) fn default_threshold() -> f64 {
    0.5
}

fn neg_threshold(params: &SpeechSegmentsParams) -> f64 {
    params.neg_threshold.unwrap_or((params.threshold - 0.15).max(0.01))
}

pub(crate) fn default_min_speech_duration_ms() -> u32 {
    250
}

pub(crate) fn default_min_silence_duration_ms() -> u32 {
    100
}

pub(crate) fn default_speech_pad_ms() -> u32 {
    30
}

const IN: usize = 0;
const VAD: usize = 1;
const SEGMENTS: usize = 0;
const EVENTS: usize = 1;
const MILLISECOND: i64 = 1_000_000;
/// A step hears a quarter of a second of sound, which is some 300 us of work.
const STEPS_PER_SECOND: u32 = 4;

#[derive(Debug)]
struct Keys {
    kind: Arc<str>,
    start: Arc<str>,
    end: Arc<str>,
    audio: Arc<str>,
    at: Arc<str>,
    detected: Arc<str>,
}

/// Sound of one format and what has been found in it.
#[derive(Debug)]
struct Heard {
    sound: Recording,
    rate: u32,
    /// What every packet of it looks like, without samples.
    format: Audio,
    origin: i64,
    /// Frames that have been heard.
    position: u64,
    hearing: Option<FrontEnd>,
    /// The start of the next window.
    window: i64,
    timestamps: Timestamps,
}

/// A packet of which a part has been heard.
#[derive(Debug)]
struct Rest {
    audio: Audio,
    taken: usize,
    pts: Option<i64>,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    probability: f32,
    start: i64,
    end: i64,
}

impl Node for SpeechSegments {
    fn connect(&mut self, inputs: &[usize]) {
        self.hears = !inputs.contains(&VAD);
        self.has_sound_input = inputs.contains(&IN);
    }

    fn initialize(&mut self, _context: &Context) -> Result<(), NodeError> {
        if self.has_sound_input {
            return Ok(());
        }
        Err(NodeError::new("nothing is connected to the port 'in'").cure("Connect the sound that 'vad' belongs to."))
    }

    fn process(&mut self, port: usize, packet: Packet) -> Result<Step, NodeError> {
        if port == VAD {
            self.take_probabilities(&packet)?;
            return self.advance();
        }
        let Value::Audio(audio) = packet.value else {
            let cause = format!("expected audio, got {}", packet.value.kind().name());
            return Err(NodeError::new(cause).cure("Wrap samples: Audio(samples, rate=...)."));
        };
        self.stream = packet.stream;
        self.rest = Some(Rest { pts: packet.pts.or(audio.pts), audio: *audio, taken: 0 });
        self.advance()
    }

    fn resume(&mut self) -> Result<Step, NodeError> {
        self.advance()
    }

    fn flush(&mut self) -> Result<Step, NodeError> {
        self.is_ending = true;
        self.advance()
    }
}

impl Define for SpeechSegments {
    type Params = SpeechSegmentsParams;

    const NAME: &'static str = "SpeechSegments";
    const COST: Cost = Cost::Proportional;
    const INPUTS: &'static [Port] = &[
        Port::AUDIO_IN,
        Port::new(
            "vad",
            Kinds::of(&[Kind::Map]),
            "What VAD emits for the same sound: {probabilities, window_ms}. Optional.",
        ),
    ];
    const OUTPUTS: &'static [Port] = &[
        Port::new(
            "segments",
            Kinds::of(&[Kind::Map]),
            "For each segment the map {type: \"segment\", start_s, end_s, audio}.",
        )
        .usual(),
        Port::new(
            "events",
            Kinds::of(&[Kind::Map]),
            "The maps {type: \"start\", at_s, detected_s} and {type: \"end\", at_s, detected_s} in turn.",
        ),
    ];
    const LIVE: &'static [&'static str] = &["threshold", "neg_threshold"];
    const EXAMPLE: &'static str = r#"{"min_silence_duration_ms": 300, "max_speech_duration_s": 30}"#;

    fn check(params: &SpeechSegmentsParams) -> Result<(), ParamError> {
        match params.neg_threshold {
            Some(low) if low > params.threshold => Err(ParamError {
                param: "neg_threshold".to_owned(),
                expected: format!("at most threshold, which is {}", params.threshold),
                got: low.to_string(),
            }),
            _ => Ok(()),
        }
    }

    fn set_params(&mut self, params: &SpeechSegmentsParams) {
        (self.rules.threshold, self.rules.neg_threshold) = (params.threshold, neg_threshold(params));
        if let Some(heard) = &mut self.recording {
            heard.timestamps.set_thresholds(self.rules);
        }
    }

    fn new(params: &SpeechSegmentsParams) -> Self {
        let time = |milliseconds: u32| i64::from(milliseconds) * MILLISECOND;
        let pad = time(params.speech_pad_ms);
        let longest = |seconds: f64| (seconds * 1e9).round() as i64 - time(WINDOW_MS) - 2 * pad;
        let text = |text: &str| Arc::from(text);
        SpeechSegments {
            rules: Rules {
                threshold: params.threshold,
                neg_threshold: neg_threshold(params),
                min_speech: time(params.min_speech_duration_ms),
                min_silence: time(params.min_silence_duration_ms),
                pad,
                max_speech: params.max_speech_duration_s.map(longest),
            },
            keys: Keys {
                kind: text("type"),
                start: text("start_s"),
                end: text("end_s"),
                audio: text("audio"),
                at: text("at_s"),
                detected: text("detected_s"),
            },
            hears: true,
            has_sound_input: true,
            recording: None,
            windows: VecDeque::new(),
            windows_end: 0,
            rest: None,
            found: VecDeque::new(),
            end: None,
            is_ending: false,
            stream: 0,
        }
    }
}

impl SpeechSegments {
    /// Emits what has been found, or goes on hearing.
    fn advance(&mut self) -> Result<Step, NodeError> {
        if self.found.is_empty() {
            self.work()?;
        }
        let emission = self.found.pop_front();
        let has_more = !self.found.is_empty() || self.rest.is_some() || self.is_ending;
        Ok(if has_more { Step::More(emission) } else { Step::Done(emission) })
    }

    /// Hears a part of the packet, or ends a recording.
    fn work(&mut self) -> Result<(), NodeError> {
        if let Some(mut rest) = self.rest.take() {
            if self.recording.as_ref().is_some_and(|heard| !heard.fits(&rest.audio)) {
                let pts = rest.pts;
                self.rest = Some(rest);
                return if self.hears { self.end_recording() } else { Err(changed_format().at(pts)) };
            }
            let heard = self.recording.get_or_insert_with(|| {
                let origin = rest.pts.or(self.end).unwrap_or(0);
                Heard::new(&rest.audio, origin, self.hears.then(|| FrontEnd::new(rest.audio.rate())), self.rules)
            });
            if rest.taken == 0 {
                heard.sound.push(rest.audio.clone());
            }
            let frames = (rest.audio.frames() - rest.taken).min((heard.rate / STEPS_PER_SECOND).max(1) as usize);
            let part = rest.audio.slice(rest.taken, frames);
            if let Some(hearing) = &mut heard.hearing {
                let time =
                    |frame| Some(heard.origin.saturating_add(MediaTime::of_frames(heard.position + frame, heard.rate)));
                check_finite(&part, 0, part.frames(), time)?;
                let probabilities = hearing.hear(part)?;
                heard.add_windows(probabilities, &mut self.windows);
            }
            heard.position += frames as u64;
            rest.taken += frames;
            if rest.taken < rest.audio.frames() {
                self.rest = Some(rest);
            }
        } else if self.is_ending {
            self.end_recording()?;
            if self.recording.is_none() {
                self.is_ending = false;
                self.end = None;
                self.windows.clear();
                self.windows_end = 0;
            }
            return Ok(());
        }
        self.judge();
        Ok(())
    }

    /// Judges the windows whose sound is there.
    fn judge(&mut self) {
        let Some(heard) = &mut self.recording else { return };
        let mut found = Vec::new();
        let until = MediaTime::of_frames(heard.position, heard.rate);
        while let Some(window) = self.windows.front().copied().filter(|window| window.end <= until) {
            self.windows.pop_front();
            heard.timestamps.push(window.probability.into(), window.start, window.end, &mut found);
        }
        self.tell(&found);
    }

    /// Judges the last windows, which may reach past the end, and lets go of the recording.
    fn end_recording(&mut self) -> Result<(), NodeError> {
        let Some(mut heard) = self.recording.take() else { return Ok(()) };
        if let Some(hearing) = &mut heard.hearing {
            let last = hearing.finish()?;
            heard.add_windows(last, &mut self.windows);
        }
        let mut found = Vec::new();
        let end = MediaTime::of_frames(heard.position, heard.rate);
        for window in self.windows.drain(..).filter(|window| window.start < end) {
            heard.timestamps.push(window.probability.into(), window.start, window.end.min(end), &mut found);
        }
        heard.timestamps.finish(end, &mut found);
        self.end = Some(heard.origin.saturating_add(end));
        self.recording = Some(heard);
        self.tell(&found);
        self.recording = None;
        Ok(())
    }

    /// Makes packets of what was found.
    fn tell(&mut self, found: &[Found]) {
        let Some(heard) = &mut self.recording else { return };
        for found in found {
            let (port, packet) = match *found {
                Found::Segment { start, end } => (SEGMENTS, heard.segment(&self.keys, start, end)),
                Found::Start { at, detected } => (EVENTS, heard.event(&self.keys, "start", at, detected)),
                Found::End { at, detected } => (EVENTS, heard.event(&self.keys, "end", at, detected)),
            };
            self.found.push_back(Emission { port, packet: Packet { stream: self.stream, ..packet } });
        }
        let needed = heard.frame_at(heard.timestamps.needed_from());
        heard.sound.forget_before(needed);
    }

    /// Takes what `VAD` emits.
    fn take_probabilities(&mut self, packet: &Packet) -> Result<(), NodeError> {
        let refused = |cause: String| {
            Err(NodeError::new(cause).cure("Connect the output of a VAD node to 'vad'.").at(packet.pts))
        };
        let Value::Map(map) = &packet.value else {
            return refused(format!("'vad' expects a map, got {}", packet.value.kind().name()));
        };
        let tensor = match map.get("probabilities") {
            Some(Value::Tensor(tensor)) if tensor.data_type() == DataType::Float32 && tensor.shape().len() == 1 => {
                tensor
            }
            _ => return refused("'vad' expects 'probabilities', a float32 tensor of one dimension".to_owned()),
        };
        let milliseconds = match map.get("window_ms") {
            Some(Value::Int(milliseconds)) => *milliseconds as f64,
            Some(Value::Float(milliseconds)) => *milliseconds,
            _ => f64::NAN,
        };
        if !(0.1..=60_000.0).contains(&milliseconds) {
            return refused("'vad' expects 'window_ms', a number of milliseconds from 0.1 to 60000".to_owned());
        }
        let length = (milliseconds * MILLISECOND as f64).round() as i64;
        for bytes in tensor.gather().as_chunks().0 {
            let start = self.windows_end;
            self.windows_end += length;
            let probability = f32::from_le_bytes(*bytes);
            self.windows.push_back(Window { probability, start, end: self.windows_end });
        }
        Ok(())
    }
}

impl Heard {
    fn new(audio: &Audio, origin: i64, hearing: Option<FrontEnd>, rules: Rules) -> Self {
        let format = Audio::from_planar(Vec::new(), audio.channels(), audio.rate()).expect("a format that sound has");
        let format = format.with_layout(audio.layout().clone());
        Self {
            sound: Recording::default(),
            rate: audio.rate(),
            format,
            origin,
            position: 0,
            hearing,
            window: 0,
            timestamps: Timestamps::new(rules),
        }
    }

    fn fits(&self, audio: &Audio) -> bool {
        let ours = (self.format.rate(), self.format.channels(), self.format.layout());
        ours == (audio.rate(), audio.channels(), audio.layout())
    }

    fn add_windows(&mut self, probabilities: Vec<f32>, windows: &mut VecDeque<Window>) {
        for probability in probabilities {
            let start = self.window;
            self.window += i64::from(WINDOW_MS) * MILLISECOND;
            windows.push_back(Window { probability, start, end: self.window });
        }
    }

    fn frame_at(&self, time: i64) -> u64 {
        MediaTime::to_frames(u64::try_from(time).unwrap_or(0), self.rate)
    }

    /// When a frame sounds, in nanoseconds.
    fn time_of(&self, frame: u64) -> i64 {
        self.origin.saturating_add(MediaTime::of_frames(frame, self.rate))
    }

    fn segment(&self, keys: &Keys, start: i64, end: i64) -> Packet {
        let (first, last) = (self.frame_at(start), self.frame_at(end).min(self.sound.frames()));
        let (begin, end) = (self.time_of(first), self.time_of(last));
        let audio = self.sound.cut(first, last).unwrap_or_else(|| self.format.clone()).with_pts(Some(begin));
        let entries = [
            (keys.kind.clone(), Value::text("segment")),
            (keys.start.clone(), seconds(begin)),
            (keys.end.clone(), seconds(end)),
            (keys.audio.clone(), audio.into()),
        ];
        Packet::new(Value::map(entries)).at(Some(begin), Some(end - begin))
    }

    fn event(&self, keys: &Keys, kind: &str, at: i64, detected: i64) -> Packet {
        let at = self.origin.saturating_add(at);
        let entries = [
            (keys.kind.clone(), Value::text(kind)),
            (keys.at.clone(), seconds(at)),
            (keys.detected.clone(), seconds(self.origin.saturating_add(detected))),
        ];
        Packet::new(Value::map(entries)).at(Some(at), None)
    }
}

fn seconds(nanoseconds: i64) -> Value {
    Value::Float(nanoseconds as f64 / 1e9)
}

fn changed_format() -> NodeError {
    NodeError::new("the sound changes its rate or layout, but what comes at 'vad' goes on")
        .cure("Convert the sound with AudioMix and AudioResample before it parts, or leave 'vad' unconnected.")
}
