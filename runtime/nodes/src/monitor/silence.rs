//! `SilenceDetector`: silence that lasts, and gaps that do not belong into sound.

use std::collections::VecDeque;

use remotemedia_core::node::{Cost, Define, Field, Form, Kinds, NodeError, Port, Shape, documented};
use remotemedia_core::value::{Audio, Kind, MediaTime, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use super::digital_gap::{Gap, GapFinder};
use super::dropout::{DropoutFinder, Millisecond, QUARTERS};
use super::health::{FAULTS, Fault, HEALTH, SILENCE_DB, judged, judged_form};
use super::step::StepFinder;
use crate::stream::changes::{Changes, Finding, Worse, default_hold_ms};
use crate::stream::reader::Segment;
use crate::stream::segment_node::{SegmentNode, impl_node};
use crate::stream::timeline::Gaps;
use crate::stream::windows::{Meter, Reading, Windows};

documented! {
/// Finds silence that lasts, and repeated dropouts.
///
/// Every 100 ms, and at the end, it emits a map:
///
/// | key | value |
/// |---|---|
/// | `is_silence` | whether the RMS of these 100 ms over all channels is below `silence_threshold_db` |
/// | `is_silent` | the same, under its older name |
/// | `silence_duration_ms` | the longest silence in these 100 ms, measured from where it began to where it ended or to now |
/// | `is_sustained_silence` | whether that is at least `sustained_silence_ms` |
/// | `dropout_count` | the dropouts in the last `dropout_window_ms` |
/// | `has_intermittent_dropouts` | whether those are at least `dropout_count_threshold` |
/// | `dropouts` | the dropouts found in these 100 ms: maps of `pts` and `duration` in nanoseconds, oldest first |
/// | `is_gated` | whether at least `dropout_count_threshold` gaps of the last `dropout_window_ms` are no dropouts only because the material has digital silence between its sounds |
/// | `health` | `"silence"` if `is_sustained_silence`, else `"dropouts"` if `has_intermittent_dropouts`, else `"gated"` if `is_gated`, else `"ok"` |
/// | `faults` | all that is wrong, in the words of `health`, the worst first |
///
/// The duration of silence is measured in steps of 10 ms. `silence_threshold_db` means the same as in `AudioLevel`, and has the
/// same default, so the two agree on what is silence.
///
/// A dropout is a gap inside sound, in one channel at least, with sound that is not more than 34 dB below the loudest of late on
/// both sides. There are two kinds:
///
/// - Digital silence of 5 ms or more. Its place is exact to the sample. If both its edges are as loud as 18 dB below the loudest
///   sound of late, it counts 16 ms after its end; else 2.5 seconds later, or at the end, and up to 400 ms long, if no more of
///   such have come that a gate or a synthesizer would explain: these leave digital silence between all words, and its edges are
///   faint. Such material is told after a few of its gaps; dropouts in it are not found. Nor does a gap count that
///   looks like the work of a noise gate with a hold of 5 to 80 ms: the first sample behind it, and behind others of late, is
///   larger than the last 5 ms before any of them, and nowhere else was the sound as quiet for longer than before it. About one
///   cut in a thousand looks like that, in weak sound one in forty.
/// - A gap of 8 ms or more in which noise is left, or coarse numbers such as 8 bits: the level falls by more than 26 dB within a
///   few milliseconds, stays below `silence_threshold_db`, and comes back as abruptly. A pause between words is none, nor is
///   the closure before a plosive: there the sound fades. About one such cut in six falls where a voice is weak and is not told
///   from these. Its place is exact to a millisecond, and it counts from 16 ms after its end on, unless digital silence as a
///   gate or a synthesizer leaves it has come in the last seconds: what is left in a gap of such material is no noise of a room.
///
/// No gap is longer than `dropout_window_ms`. Gaps that channels have at the same time count once.
///
/// With `changes_only` it emits a map `{type, fault, start_s, end_s, worst, measure}` when a fault begins, with the `type`
/// `"start"`, and one when it has ended, with the `type` `"end"`, and nothing else. `worst` is the worst value so far of the
/// field `measure`: `silence_duration_ms` for silence, which starts where the sound ended, `dropout_count` for dropouts, and
/// `gap_count`, the gaps of `is_gated`, for gated material.
///
/// All is counted in frames from the start of the item, so how the sound is divided into packets changes nothing.
#[derive(Debug)]
pub struct SilenceDetector(SegmentNode<Windows<SilenceMeter>>);
}

/// The params of [`SilenceDetector`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SilenceDetectorParams {
    /// What is below this many dBFS is silence.
    #[serde(default = "default_silence_threshold_db")]
    #[schemars(range(min = -120.0, max = 0.0))]
    pub silence_threshold_db: f64,
    /// Silence that lasts this long, in milliseconds, is sustained.
    #[serde(default = "default_sustained_silence_ms")]
    #[schemars(range(min = 10.0, max = 3_600_000.0))]
    pub sustained_silence_ms: f64,
    /// This many dropouts within `dropout_window_ms` are too many.
    #[serde(default = "default_dropout_count_threshold")]
    #[schemars(range(min = 1, max = 100_000))]
    pub dropout_count_threshold: u32,
    /// The time in which dropouts are counted, in milliseconds.
    #[serde(default = "default_dropout_window_ms")]
    #[schemars(range(min = 100.0, max = 3_600_000.0))]
    pub dropout_window_ms: f64,
    /// Whether a map is emitted only when a fault begins and when it has ended.
    #[serde(default)]
    pub changes_only: bool,
    /// How long a fault must be gone until it has ended, in milliseconds; one that comes back earlier goes on. With
    /// `changes_only`.
    #[serde(default = "default_hold_ms")]
    #[schemars(range(max = 3_600_000))]
    pub hold_ms: u32,
    /// What the node does where the times of its input jump, as after a packet that was lost.
    #[serde(default)]
    pub gaps: Gaps,
}

fn default_silence_threshold_db() -> f64 {
    SILENCE_DB
}

fn default_sustained_silence_ms() -> f64 {
    500.0
}

fn default_dropout_count_threshold() -> u32 {
    3
}

fn default_dropout_window_ms() -> f64 {
    5000.0
}

#[derive(Debug)]
struct SilenceMeter {
    silence_mean_square: f64,
    sustained_silence_ms: f64,
    dropout_count_threshold: u32,
    dropout_window: i64,
    /// Squares of all channels in the open window.
    window: f64,
    channels: Vec<Channel>,
    /// The open block of a millisecond: its number, and its frames so far.
    block: u64,
    block_frames: usize,
    /// Squares and frames of the open ten milliseconds.
    step: (f64, usize),
    /// The present silence, and the longest that ended in the window.
    silence: Silence,
    ended_silence: Silence,
    /// Nanoseconds of the item before the open segment, with what is missing there, and those that have been looked at.
    before: i64,
    now: i64,
    /// The same at the end of the last window.
    window_end: i64,
    /// What is to be added to these for the time of the stream.
    origin: i64,
    rate: u32,
    /// The gaps that count, and those that would if the material were not gated.
    dropouts: FoundGaps,
    withheld: FoundGaps,
}

/// When a silence began, in nanoseconds of the item, and how long it has lasted.
#[derive(Clone, Copy, Debug, Default)]
struct Silence {
    start: i64,
    length: i64,
}

/// Gaps of all channels, each once.
#[derive(Debug, Default)]
struct FoundGaps {
    recent: VecDeque<TimedGap>,
    /// How many of `recent`, at its end, have not been reported.
    new: usize,
}

/// Times in nanoseconds of the item.
#[derive(Clone, Copy, Debug)]
struct TimedGap {
    start: i64,
    end: i64,
    /// From when on it counts.
    counts_from: i64,
}

#[derive(Debug)]
struct Channel {
    /// Squares of the open block, and the peaks of its quarters.
    squares: f64,
    peaks: [f32; QUARTERS],
    step: StepFinder,
    finder: DropoutFinder,
    gaps: GapFinder,
}

const WINDOW_MS: u32 = 100;
const MILLISECOND: i64 = 1_000_000;
/// More gaps than are found between a gap in one channel and its judgement in another.
const MOST_AT_A_TIME: usize = 1_024;
/// Milliseconds in which silence is measured.
const STEP: u64 = 10;

impl_node!(SilenceDetector);

impl Define for SilenceDetector {
    type Params = SilenceDetectorParams;

    const NAME: &'static str = "SilenceDetector";
    const COST: Cost = Cost::Light;
    const INPUTS: &'static [Port] = &[Port::AUDIO_IN];
    const OUTPUTS: &'static [Port] = &[Port::new(
        "out",
        Kinds::of(&[Kind::Map]),
        "Every 100 ms the map {is_silence, is_silent, silence_duration_ms, is_sustained_silence, dropout_count, \
         has_intermittent_dropouts, dropouts, is_gated, health, faults}; health is ok, silence, dropouts or gated. With \
         changes_only the changes of faults.",
    )];
    const EXAMPLE: &'static str = r#"{"sustained_silence_ms": 2000}"#;

    fn output_form(params: &SilenceDetectorParams, _port: usize, _input: Form) -> Form {
        judged_form(params.changes_only, SilenceMeter::FIELDS)
    }

    fn new(params: &SilenceDetectorParams) -> Self {
        SilenceDetector(SegmentNode::new(
            Windows::new(
                WINDOW_MS,
                SilenceMeter {
                    silence_mean_square: 10f64.powf(params.silence_threshold_db / 10.0),
                    sustained_silence_ms: params.sustained_silence_ms,
                    dropout_count_threshold: params.dropout_count_threshold,
                    dropout_window: (params.dropout_window_ms * 1e6).round() as i64,
                    window: 0.0,
                    channels: Vec::new(),
                    block: 0,
                    block_frames: 0,
                    step: (0.0, 0),
                    silence: Silence::default(),
                    ended_silence: Silence::default(),
                    before: 0,
                    now: 0,
                    window_end: 0,
                    origin: 0,
                    rate: 0,
                    dropouts: FoundGaps::default(),
                    withheld: FoundGaps::default(),
                },
                Changes::new(params.changes_only, params.hold_ms),
            ),
            params.gaps,
        ))
    }
}

impl Meter for SilenceMeter {
    const FIELDS: &'static [Field] = &[
        ("is_silence", Shape::BOOL),
        ("is_silent", Shape::BOOL),
        ("silence_duration_ms", Shape::FLOAT),
        ("is_sustained_silence", Shape::BOOL),
        ("dropout_count", Shape::INT),
        ("has_intermittent_dropouts", Shape::BOOL),
        ("dropouts", Shape::List(&Shape::Map(&[("pts", Shape::INT), ("duration", Shape::INT)]))),
        ("is_gated", Shape::BOOL),
        HEALTH,
        FAULTS,
    ];

    fn begin(&mut self, segment: &Segment) -> Result<(), NodeError> {
        let longest = (self.dropout_window / MILLISECOND).cast_unsigned();
        let finder = || DropoutFinder::new(self.silence_mean_square, longest);
        let gaps = || GapFinder::new(segment.rate, self.silence_mean_square);
        let step = StepFinder::default;
        let channel = || Channel { squares: 0.0, peaks: [0.0; QUARTERS], step: step(), finder: finder(), gaps: gaps() };
        self.channels = (0..segment.channels).map(|_| channel()).collect();
        (self.window, self.block, self.block_frames, self.step) = (0.0, 0, 0, (0.0, 0));
        if segment.follows_jump {
            (self.silence, self.ended_silence) = (Silence::default(), Silence::default());
        }
        // What is missing has passed too.
        self.before = segment.elapsed.max(self.now);
        (self.now, self.window_end) = (self.before, self.before);
        self.rate = segment.rate;
        self.origin = segment.origin.map_or(self.origin, |origin| origin.saturating_sub(self.before));
        Ok(())
    }

    fn add(&mut self, segment: &Segment, audio: &Audio) {
        let boundary = |block: u64| MediaTime::to_frames(block * MILLISECOND.cast_unsigned(), segment.rate);
        let mut first = 0;
        while first < audio.frames() {
            let position = segment.position + first as u64;
            while boundary(self.block + 1) <= position {
                self.block += 1;
            }
            let missing = boundary(self.block + 1) - position;
            let length = (boundary(self.block + 1) - boundary(self.block)) as usize;
            let frames = missing.min((audio.frames() - first) as u64) as usize;
            for (channel, samples) in self.channels.iter_mut().zip(audio.iter_channels()) {
                channel.add(&samples[first..first + frames], self.block_frames, length);
            }
            self.block_frames += frames;
            first += frames;
            if frames as u64 == missing {
                self.now = self.before.saturating_add(MediaTime::of_frames(boundary(self.block + 1), segment.rate));
                self.close_block();
            }
        }
    }

    fn close(&mut self, frames: usize, duration: i64) -> Result<Reading, NodeError> {
        self.window_end = self.window_end.saturating_add(duration);
        let open: f64 = self.channels.iter().map(|channel| channel.squares).sum();
        let mean_square = (std::mem::take(&mut self.window) + open) / (frames.max(1) * self.channels.len()) as f64;
        let since = self.now - self.dropout_window;
        let (dropouts, withheld) = (self.dropouts.count_since(since), self.withheld.count_since(since));
        let new = self.dropouts.take_new(self.origin);
        self.withheld.new = 0;
        let ended = std::mem::take(&mut self.ended_silence);
        let silence = if ended.length > self.silence.length { ended } else { self.silence };
        let silence_ms = silence.length as f64 / 1e6;
        let is_sustained = silence_ms >= self.sustained_silence_ms;
        let [has_dropouts, is_gated] = [dropouts, withheld].map(|count| count >= self.dropout_count_threshold as usize);
        let lasted = Some(self.window_end - silence.start);
        // Not if another silence that is as long has begun: both are one to the reader, since the hold time is longer.
        let has_ended = self.silence.length == 0 || silence.start != self.silence.start;
        let ended = if has_ended { (self.window_end - silence.start - silence.length).max(0) } else { 0 };
        let found = Fault::Silence.found("silence_duration_ms", silence_ms, Worse::Higher);
        let sustained = Finding { lasted, ended, ..found };
        let findings = [
            is_sustained.then_some(sustained),
            has_dropouts.then(|| Fault::Dropouts.found("dropout_count", dropouts as f64, Worse::Higher)),
            is_gated.then(|| Fault::Gated.found("gap_count", withheld as f64, Worse::Higher)),
        ];
        let is_silence = frames > 0 && mean_square < self.silence_mean_square;
        let values = vec![
            Value::Bool(is_silence),
            Value::Bool(is_silence),
            Value::Float(silence_ms),
            Value::Bool(is_sustained),
            Value::Int(dropouts as i64),
            Value::Bool(has_dropouts),
            new,
            Value::Bool(is_gated),
        ];
        Ok(judged(values, true, findings.into_iter().flatten().collect()))
    }

    fn end(&mut self) -> bool {
        self.channels.iter_mut().for_each(|channel| channel.gaps.end());
        self.take_gaps();
        self.dropouts.new > 0
    }

    fn finish(&mut self) {
        (self.silence, self.ended_silence) = (Silence::default(), Silence::default());
        (self.now, self.window_end, self.origin) = (0, 0, 0);
        (self.dropouts, self.withheld) = (FoundGaps::default(), FoundGaps::default());
    }
}

impl SilenceMeter {
    /// Takes over the gaps of digital silence that have been judged.
    fn take_gaps(&mut self) {
        let time = |frame| self.before + MediaTime::of_frames(frame, self.rate);
        for channel in &mut self.channels {
            let is_coarse = channel.step.coarse() > 0.0;
            for Gap { start, end, is_cut, is_late } in channel.gaps.take_judged() {
                let (start, end) = (time(start), time(end));
                // Silence in coarse numbers is not digital; `finder` looks after it.
                if is_coarse || end - start > self.dropout_window {
                    continue;
                }
                let gap = TimedGap { start, end, counts_from: if is_late { self.now } else { end } };
                if is_cut { self.dropouts.add(gap) } else { self.withheld.add(gap) }
            }
        }
    }

    /// A millisecond is complete.
    fn close_block(&mut self) {
        // Here alone, so that the order in which channels are heard does not depend on how the sound is divided.
        self.take_gaps();
        let frames = std::mem::take(&mut self.block_frames);
        for channel in &mut self.channels {
            let squares = std::mem::take(&mut channel.squares);
            self.window += squares;
            self.step.0 += squares;
            let millisecond = Millisecond {
                mean_square: squares / frames as f64,
                peaks: std::mem::take(&mut channel.peaks),
                step: channel.step.coarse(),
            };
            let Some((length, ago)) = channel.finder.add(millisecond) else { continue };
            let end = self.now - ago.cast_signed() * MILLISECOND;
            let start = end - length.cast_signed() * MILLISECOND;
            let gap = TimedGap { start, end, counts_from: end };
            // What a synthesizer leaves is not always zero, and a recording in which noise is left has no silence of
            // that kind; in coarse numbers zeros show nothing.
            let is_gated = channel.step.coarse() == 0.0 && channel.gaps.shows_gate();
            if is_gated { self.withheld.add(gap) } else { self.dropouts.add(gap) }
        }
        self.step.1 += frames;
        self.block += 1;
        if self.block.is_multiple_of(STEP) {
            let (squares, frames) = std::mem::take(&mut self.step);
            if squares / ((frames * self.channels.len()) as f64) < self.silence_mean_square {
                if self.silence.length == 0 {
                    self.silence.start = self.now - STEP.cast_signed() * MILLISECOND;
                }
                self.silence.length += STEP.cast_signed() * MILLISECOND;
            } else {
                let ended = std::mem::take(&mut self.silence);
                // Not one that ended where the window begins, as far as its frames fall on milliseconds.
                let in_window = ended.start.saturating_add(ended.length).saturating_sub(self.window_end);
                let is_within = in_window > STEP.cast_signed() * MILLISECOND / 2;
                if is_within && ended.length > self.ended_silence.length {
                    self.ended_silence = ended;
                }
            }
        }
    }
}

impl FoundGaps {
    fn add(&mut self, gap: TimedGap) {
        // Another channel may have it already; it was judged a little earlier or later.
        let is_same = |known: &&mut TimedGap| gap.start < known.end && known.start < gap.end;
        if let Some(known) = self.recent.iter_mut().rev().take(MOST_AT_A_TIME).find(is_same) {
            (known.start, known.end) = (known.start.min(gap.start), known.end.max(gap.end));
            return;
        }
        self.recent.push_back(gap);
        self.new += 1;
    }

    /// How many count from later than this on. The others are forgotten.
    fn count_since(&mut self, since: i64) -> usize {
        let new = self.recent.len() - self.new;
        let mut index = 0;
        self.recent.retain(|gap| {
            index += 1;
            gap.counts_from > since || index > new
        });
        self.recent.iter().filter(|gap| gap.counts_from > since).count()
    }

    /// Those that have not been reported: maps of pts and duration.
    fn take_new(&mut self, origin: i64) -> Value {
        let new = std::mem::take(&mut self.new);
        let mut gaps: Vec<TimedGap> = self.recent.iter().rev().take(new).copied().collect();
        gaps.sort_by_key(|gap| gap.start);
        let map = |gap: TimedGap| {
            let entries = [("pts", gap.start.saturating_add(origin)), ("duration", gap.end - gap.start)];
            Value::map(entries.map(|(key, time)| (key, Value::Int(time))))
        };
        Value::list(gaps.into_iter().map(map).collect())
    }
}

impl Channel {
    /// Takes in samples of the open block, which will have `length` frames and has `before`.
    fn add(&mut self, samples: &[f32], before: usize, length: usize) {
        self.gaps.add(samples);
        for (index, sample) in samples.iter().enumerate() {
            self.squares += f64::from(*sample) * f64::from(*sample);
            let peak = &mut self.peaks[((before + index) * QUARTERS / length).min(QUARTERS - 1)];
            *peak = peak.max(sample.abs());
            self.step.add(*sample);
        }
    }
}
