//! Brings the sound of one input of a sum to its rate, step by step, and says how much of it is still to come out.

use std::fmt;

use remotemedia_core::node::{Context, Define as _, Node as _, NodeError, Step};
use remotemedia_core::value::{Packet, Value};

use crate::audio::{AudioResample, AudioResampleParams, ResampleQuality};
use crate::stream::align::Held;
use crate::stream::timeline::Gaps;

/// Converts one input, from item to item.
pub(super) struct Converter {
    node: AudioResample,
    /// Whether sound has come in this item.
    has_begun: bool,
    /// Whether there is more to do with what it has got.
    is_busy: bool,
    end: End,
}

/// How far the item has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Open,
    /// No more will come.
    Asked,
    /// The last of it is coming out, or has.
    Flushed,
}

impl Converter {
    /// As a plan converts, with the jumps of its input kept.
    pub(super) fn new(rate: u32) -> Self {
        let (quality, gaps) = (ResampleQuality::default(), Gaps::default());
        let node = AudioResample::new(&AudioResampleParams { rate, quality, gaps });
        Self { node, has_begun: false, is_busy: false, end: End::Open }
    }

    pub(super) fn initialize(&mut self, context: &Context) -> Result<(), NodeError> {
        self.node.initialize(context)
    }

    /// Takes in a packet; returns what comes of it first. Sound without a time begins at 0, as in the sum: so it is placed, and
    /// counted, as it would be without a converter.
    pub(super) fn take(&mut self, mut packet: Packet) -> Result<Option<Packet>, NodeError> {
        if let Value::Audio(audio) = &mut packet.value
            && audio.frames() > 0
            && !std::mem::replace(&mut self.has_begun, true)
            && packet.pts.or(audio.pts).is_none()
        {
            (packet.pts, audio.pts) = (Some(0), Some(0));
        }
        let step = self.node.process(0, packet)?;
        Ok(self.stepped(step))
    }

    /// No more comes in this item.
    pub(super) fn end(&mut self) {
        if self.end == End::Open {
            self.end = End::Asked;
        }
    }

    /// Does the next step, if there is one, and returns what came of it. What is held back comes out if the input has ended,
    /// or if it is overdue.
    pub(super) fn go_on(&mut self, is_overdue: bool) -> Result<Option<Option<Packet>>, NodeError> {
        let step = if self.is_busy {
            self.node.resume()?
        } else if self.end == End::Asked {
            self.end = End::Flushed;
            self.node.flush()?
        } else if is_overdue {
            self.node.cut()?
        } else {
            return Ok(None);
        };
        Ok(Some(self.stepped(step)))
    }

    /// What has come and is still to come out.
    pub(super) fn held(&self) -> Option<Held> {
        self.node.held()
    }

    /// Whether all has come out of an input that has ended.
    pub(super) fn has_ended(&self) -> bool {
        self.end == End::Flushed && !self.is_busy
    }

    /// The next item begins.
    pub(super) fn reset(&mut self) {
        (self.has_begun, self.end) = (false, End::Open);
    }

    fn stepped(&mut self, step: Step) -> Option<Packet> {
        self.is_busy = matches!(step, Step::More(_));
        let (Step::More(emission) | Step::Done(emission)) = step;
        emission.map(|emission| emission.packet)
    }
}

impl fmt::Debug for Converter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Converter")
            .field("is_busy", &self.is_busy)
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}
