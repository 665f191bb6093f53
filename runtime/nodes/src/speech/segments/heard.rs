//! `Heard`: a recording of one format as far as it was heard, and the packets of what was found in it.

use std::sync::Arc;

use remotemedia_core::node::{Field, Shape, field_names};
use remotemedia_core::value::{Audio, Kind, MediaTime, Packet, Value};

use super::front_end::FrontEnd;
use super::recording::Recording;
use super::timestamps::{Found, Rules, Timestamps};
use super::windows::{Window, Windows};
use super::{EVENTS, MILLISECOND, SEGMENTS, seconds};
use crate::stream::reader::Segment;
use remotemedia_silero::WINDOW_MS;

/// Sound of one format and what has been found in it.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) sound: Recording,
    rate: u32,
    /// What every packet of it looks like, without samples.
    format: Audio,
    /// When it begins, in nanoseconds, and how long after the first frame of the item.
    origin: i64,
    pub(super) offset: i64,
    /// Frames that have been heard.
    pub(super) position: u64,
    pub(super) front_end: Option<FrontEnd>,
    /// The start of the next window, in nanoseconds from the start of the item.
    window: i64,
    pub(super) timestamps: Timestamps,
}

/// The maps of segments.
pub(super) const SEGMENT: &[Field] =
    &[("type", Shape::TEXT), ("start_s", Shape::FLOAT), ("end_s", Shape::FLOAT), ("audio", Shape::Of(Kind::Audio))];
/// Those of events.
pub(super) const EVENT: &[Field] = &[("type", Shape::TEXT), ("at_s", Shape::FLOAT), ("detected_s", Shape::FLOAT)];

/// The keys of the maps that come out, made once.
#[derive(Debug)]
pub(super) struct Keys {
    segment: Vec<Arc<str>>,
    event: Vec<Arc<str>>,
}

impl Keys {
    pub(super) fn new() -> Self {
        Self { segment: field_names(SEGMENT), event: field_names(EVENT) }
    }
}

impl Heard {
    pub(super) fn new(segment: &Segment, front_end: Option<FrontEnd>, rules: Rules) -> Self {
        let format = Audio::from_planar(Vec::new(), segment.channels, segment.rate).expect("a format that sound has");
        Self {
            sound: Recording::default(),
            rate: segment.rate,
            format: format.with_layout(segment.layout.clone()),
            origin: segment.origin.unwrap_or(segment.elapsed),
            offset: segment.elapsed,
            position: 0,
            front_end,
            window: segment.elapsed,
            timestamps: Timestamps::new(rules),
        }
    }

    pub(super) fn add_windows(&mut self, probabilities: Vec<f32>, windows: &mut Windows) {
        for probability in probabilities {
            let start = self.window;
            self.window = self.window.saturating_add(i64::from(WINDOW_MS) * MILLISECOND);
            windows.waiting.push_back(Window { probability, start, end: self.window });
        }
    }

    /// Packets of what was found, each with its port. The sound that no later one can need is forgotten.
    pub(super) fn packets(&mut self, keys: &Keys, found: &[Found]) -> Vec<(usize, Packet)> {
        let packet = |found: &Found| match *found {
            Found::Segment { start, end } => (SEGMENTS, self.segment(keys, start, end)),
            Found::Start { at, detected } => (EVENTS, self.event(keys, "start", at, detected)),
            Found::End { at, detected } => (EVENTS, self.event(keys, "end", at, detected)),
        };
        let packets = found.iter().map(packet).collect();
        let needed = self.frame_at(self.timestamps.needed_from());
        self.sound.forget_before(needed);
        packets
    }

    /// How long so many frames last, in nanoseconds.
    pub(super) fn duration_of(&self, frames: u64) -> i64 {
        MediaTime::of_frames(frames, self.rate)
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
        let values = [Value::text("segment"), seconds(begin), seconds(end), audio.into()];
        Packet::new(Value::map(keys.segment.iter().cloned().zip(values))).at(Some(begin), Some(end - begin))
    }

    fn event(&self, keys: &Keys, kind: &str, at: i64, detected: i64) -> Packet {
        let at = self.origin.saturating_add(at);
        let values = [Value::text(kind), seconds(at), seconds(self.origin.saturating_add(detected))];
        Packet::new(Value::map(keys.event.iter().cloned().zip(values))).at(Some(at), None)
    }
}
