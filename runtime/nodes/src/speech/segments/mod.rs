//! `SpeechSegments`: the stretches of a recording in which somebody speaks.

mod front_end;
mod heard;
mod recording;
mod snr_estimate;
mod speech_ratio;
mod timestamps;
mod windows;

use std::collections::VecDeque;

use remotemedia_core::node::{
    Context, Cost, Define, Emission, Form, Kinds, Node, NodeError, ParamError, Port, Step, documented,
};
use remotemedia_core::value::{Kind, Packet, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use front_end::FrontEnd;
use heard::{EVENT, Heard, Keys, SEGMENT};
pub use snr_estimate::{SnrEstimate, SnrEstimateParams};
pub use speech_ratio::{SpeechRatio, SpeechRatioParams};
use timestamps::Rules;
use windows::{Window, Windows};

use crate::stream::finite::check_finite;
use crate::stream::reader::{Reader, Segment, SegmentEnd};
use crate::stream::timeline::Gaps;
use remotemedia_silero::WINDOW_MS;

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
/// seconds. The start comes once speech has lasted for `start_ms`, by default at once: then speech that turns out to be
/// shorter than `min_speech_duration_ms` has its two events but gives no segment, and so has a cough. Where a start
/// interrupts something, as at a barge-in, 200 is a good `start_ms`; speech that is shorter has no events then.
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
/// of rate or layout ends one recording and begins the next, and so does a jump in time unless `gaps` says otherwise: for sound
/// that comes over a network, `fill` keeps an utterance in one piece.
///
/// NaN and infinity are an error, unless the probabilities come at `vad`. While a session runs `threshold` and
/// `neg_threshold` may change.
pub struct SpeechSegments {
    rules: Rules,
    keys: Keys,
    /// Whether it hears itself.
    hears: bool,
    has_sound_input: bool,
    reader: Reader,
    recording: Option<Heard>,
    /// Recordings that have ended, oldest first, whose windows may still have to come.
    ended: VecDeque<Heard>,
    /// What is still to be judged.
    windows: Windows,
    found: VecDeque<Emission>,
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
    /// How long speech must have lasted before its start is an event; shorter speech has no events.
    #[serde(default)]
    #[schemars(range(max = 3_600_000))]
    pub start_ms: u32,
    /// Segments don't get longer than this; without it there is no limit.
    #[serde(default)]
    #[schemars(range(min = 0.1, max = 1e6))]
    pub max_speech_duration_s: Option<f64>,
    /// What the node does where the times of its input jump, as after a packet that was lost.
    #[serde(default)]
    pub gaps: Gaps,
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

impl Node for SpeechSegments {
    fn connect(&mut self, inputs: &[usize]) {
        self.hears = !inputs.contains(&VAD);
        self.has_sound_input = inputs.contains(&IN);
    }

    fn initialize(&mut self, context: &Context) -> Result<(), NodeError> {
        self.reader.count_in(&context.time_breaks);
        if self.has_sound_input {
            return Ok(());
        }
        Err(NodeError::new("nothing is connected to the port 'in'").cure("Connect the sound that 'vad' belongs to."))
    }

    fn process(&mut self, port: usize, packet: Packet) -> Result<Step, NodeError> {
        if port == VAD {
            self.windows.take(&packet)?;
            return self.advance();
        }
        self.stream = packet.stream;
        self.reader.push(packet)?;
        self.advance()
    }

    fn resume(&mut self) -> Result<Step, NodeError> {
        self.advance()
    }

    fn flush(&mut self) -> Result<Step, NodeError> {
        self.reader.finish();
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

    fn output_form(_params: &SpeechSegmentsParams, port: usize, _input: Form) -> Form {
        Form::Map(if port == SEGMENTS { SEGMENT } else { EVENT })
    }

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
        SpeechSegments {
            rules: Rules {
                threshold: params.threshold,
                neg_threshold: neg_threshold(params),
                min_speech: time(params.min_speech_duration_ms),
                confirmed_after: time(params.start_ms),
                min_silence: time(params.min_silence_duration_ms),
                pad,
                max_speech: params.max_speech_duration_s.map(longest),
            },
            keys: Keys::new(),
            hears: true,
            has_sound_input: true,
            reader: Reader::new(params.gaps),
            recording: None,
            ended: VecDeque::new(),
            windows: Windows::default(),
            found: VecDeque::new(),
            stream: 0,
        }
    }
}

impl SpeechSegments {
    /// Emits what has been found, or does the next piece of work.
    fn advance(&mut self) -> Result<Step, NodeError> {
        if self.found.is_empty() {
            self.work()?;
        }
        let emission = self.found.pop_front();
        let has_more = !self.found.is_empty() || self.reader.is_waiting() || self.reader.is_ending();
        Ok(if has_more { Step::More(emission) } else { Step::Done(emission) })
    }

    /// Hears a part of the packet, or ends a recording or the item.
    fn work(&mut self) -> Result<(), NodeError> {
        if let Some((_, why)) = self.reader.take_ended() {
            if matches!(why, SegmentEnd::Format(_)) && !self.hears {
                return Err(changed_format().at(self.reader.peek().and_then(|audio| audio.pts)));
            }
            self.end_recording()?;
        } else if let Some(segment) = self.reader.open() {
            let front_end = self.hears.then(|| FrontEnd::new(segment.rate));
            self.recording = Some(Heard::new(segment, front_end, self.rules));
        } else if self.reader.is_waiting() {
            self.hear()?;
        }
        self.judge();
        if self.reader.is_ending() && self.recording.is_none() {
            self.ended.clear();
            self.windows = Windows::default();
            self.reader.reset();
        }
        Ok(())
    }

    /// Hears the next frames.
    fn hear(&mut self) -> Result<(), NodeError> {
        let Some(heard) = &mut self.recording else { return Ok(()) };
        let (whole, fills) = (self.reader.fresh_packet().cloned(), self.reader.is_filling());
        let wants = |segment: &Segment| (segment.rate / STEPS_PER_SECOND).max(1) as usize;
        let Some((segment, part)) = self.reader.next(wants) else { return Ok(()) };
        // Whole packets are kept, so that a segment within one can share its memory.
        if let Some(audio) = whole.or(fills.then(|| part.clone())) {
            heard.sound.push(audio);
        }
        let frames = part.frames() as u64;
        if let Some(front_end) = &mut heard.front_end {
            let time = |frame| Some(segment.place(segment.position + frame));
            check_finite(&part, 0, part.frames(), time)?;
            let probabilities = front_end.hear(part)?;
            heard.add_windows(probabilities, &mut self.windows);
        }
        segment.position += frames;
        heard.position += frames;
        Ok(())
    }

    /// The recording has all its frames.
    fn end_recording(&mut self) -> Result<(), NodeError> {
        let Some(mut heard) = self.recording.take() else { return Ok(()) };
        if let Some(front_end) = &mut heard.front_end {
            let last = front_end.finish()?;
            heard.add_windows(last, &mut self.windows);
        }
        self.ended.push_back(heard);
        Ok(())
    }

    /// Judges the windows whose sound is there. A recording that has ended is complete once a later window comes, or none
    /// can come any more.
    fn judge(&mut self) {
        loop {
            let has_ended = !self.ended.is_empty();
            let Some(heard) = self.ended.front_mut().or(self.recording.as_mut()) else { return };
            let length = heard.duration_of(heard.position);
            let mut found = Vec::new();
            let mut is_complete = has_ended && (self.hears || self.reader.is_ending());
            while let Some(Window { probability, start, end }) = self.windows.front(heard.offset) {
                if has_ended && start >= length {
                    is_complete = true;
                    break;
                }
                if !has_ended && end > length {
                    break;
                }
                self.windows.waiting.pop_front();
                // What lies before the recording belongs to no sound.
                if end > 0 {
                    heard.timestamps.push(probability.into(), start.max(0), end.min(length), &mut found);
                }
            }
            if is_complete {
                heard.timestamps.finish(length, &mut found);
            }
            for (port, packet) in heard.packets(&self.keys, &found) {
                self.found.push_back(Emission { port, packet: Packet { stream: self.stream, ..packet } });
            }
            if !is_complete {
                return;
            }
            self.ended.pop_front();
            if self.hears {
                // What is left are windows of the silence that completed the last one.
                self.windows.waiting.clear();
            }
        }
    }
}

fn seconds(nanoseconds: i64) -> Value {
    Value::Float(nanoseconds as f64 / 1e9)
}

fn changed_format() -> NodeError {
    NodeError::new("the sound changes its rate or layout, but what comes at 'vad' goes on")
        .cure("Convert the sound with AudioMix and AudioResample before it parts, or leave 'vad' unconnected.")
}
