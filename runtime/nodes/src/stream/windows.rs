//! The windows in which a monitor measures audio: counted in frames from the start of a segment, so that the division
//! into packets changes nothing. It knows nothing of what is measured.

use std::sync::Arc;

use remotemedia_core::node::{Field, NodeError, field_names};
use remotemedia_core::value::{Audio, MediaTime, Packet, Value};

use super::changes::{Changes, Finding};
use super::reader::{Segment, SegmentEnd};
use super::segment_node::SegmentProcessor;

/// Measures audio window by window.
pub(crate) trait Meter: Send {
    /// The values of a [`Reading`], in its order.
    const FIELDS: &'static [Field];

    /// Begins a segment.
    ///
    /// # Errors
    /// If the monitor can't measure audio of this format.
    fn begin(&mut self, segment: &Segment) -> Result<(), NodeError>;

    /// Takes in frames of the open window.
    fn add(&mut self, segment: &Segment, audio: &Audio);

    /// Closes a window of `frames` frames, which lasts `duration` nanoseconds. It has no frames only if [`Meter::end`] asked
    /// for it.
    ///
    /// # Errors
    /// What is wrong with its samples.
    fn close(&mut self, frames: usize, duration: i64) -> Result<Reading, NodeError>;

    /// Ends the segment, before its last window is closed. Whether there is something to report even if no frame has come
    /// since the window before.
    fn end(&mut self) -> bool {
        false
    }

    /// Ends the item: resets what belongs to it.
    fn finish(&mut self);
}

/// What a meter reads in a window.
#[derive(Debug)]
pub(crate) struct Reading {
    /// A value for each of the fields.
    pub(crate) values: Vec<Value>,
    /// What is wrong.
    pub(crate) findings: Vec<Finding>,
}

/// Feeds a meter, and emits a map for each window, or for each change of a fault.
#[derive(Debug)]
pub(crate) struct Windows<M> {
    pub(crate) meter: M,
    window_ms: u32,
    keys: Vec<Arc<str>>,
    /// The changes of faults, if they are all that is to be emitted.
    changes: Option<Changes>,
    /// When the segment begins, or the last one ended.
    origin: i64,
    /// The number of the open window, and the frames before it.
    index: u64,
    start: u64,
}

impl<M: Meter> Windows<M> {
    pub(crate) fn new(window_ms: u32, meter: M, changes: Option<Changes>) -> Self {
        Self { meter, window_ms, keys: field_names(M::FIELDS), changes, origin: 0, index: 0, start: 0 }
    }

    /// Ends the open window, if it has frames or must be, and begins the next.
    fn close(&mut self, segment: &Segment, end: u64, must_be: bool) -> Result<Option<Packet>, NodeError> {
        let start = std::mem::replace(&mut self.start, end);
        if start == end && !must_be {
            return Ok(None);
        }
        let time = |frame| self.origin.saturating_add(MediaTime::of_frames(frame, segment.rate));
        let (begin, duration) = (time(start), time(end) - time(start));
        let reading = self.meter.close((end - start) as usize, duration).map_err(|error| error.at(Some(begin)))?;
        if let Some(changes) = &mut self.changes {
            changes.add(begin, begin + duration, &reading.findings);
            return Ok(changes.take());
        }
        let map = Value::map(self.keys.iter().cloned().zip(reading.values));
        Ok(Some(Packet::new(map).at(Some(begin), Some(duration))))
    }

    /// Where the open window ends. A window that has no frame at this rate is skipped.
    fn boundary(&mut self, rate: u32) -> u64 {
        let boundary = |index: u64| MediaTime::to_frames(index * u64::from(self.window_ms) * 1_000_000, rate);
        while boundary(self.index + 1) <= self.start {
            self.index += 1;
        }
        boundary(self.index + 1)
    }
}

impl<M: Meter> SegmentProcessor for Windows<M> {
    fn begin(&mut self, segment: &Segment) -> Result<(), NodeError> {
        (self.index, self.start) = (0, 0);
        self.origin = segment.origin.unwrap_or(self.origin);
        self.meter.begin(segment)
    }

    fn wants(&mut self, segment: &Segment) -> usize {
        usize::try_from(self.boundary(segment.rate) - segment.position).unwrap_or(usize::MAX)
    }

    fn frames(&mut self, segment: &Segment, audio: Audio) -> Result<Option<Packet>, NodeError> {
        self.meter.add(segment, &audio);
        let end = segment.position + audio.frames() as u64;
        if audio.frames() > 0 && end == self.boundary(segment.rate) {
            self.close(segment, end, false)
        } else {
            Ok(None)
        }
    }

    fn end(&mut self, segment: &Segment, why: SegmentEnd) -> Result<Option<Packet>, NodeError> {
        let must_be = self.meter.end();
        let last = self.close(segment, segment.position, must_be)?;
        self.origin = self.origin.saturating_add(MediaTime::of_frames(segment.position, segment.rate));
        if why == SegmentEnd::Item {
            self.changes.iter_mut().for_each(Changes::finish);
        }
        Ok(last)
    }

    fn finish(&mut self) {
        self.origin = 0;
        self.meter.finish();
    }

    fn is_pending(&self) -> bool {
        self.changes.as_ref().is_some_and(Changes::is_pending)
    }

    fn pending(&mut self) -> Result<Option<Packet>, NodeError> {
        Ok(self.changes.as_mut().and_then(Changes::take))
    }
}
