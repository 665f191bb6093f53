//! The steps of a node that takes audio segment by segment: a node implements [`SegmentProcessor`], and [`SegmentNode`]
//! does the rest. It knows nothing of what is done with the frames.

use remotemedia_core::node::{Emission, NodeError, Step};
use remotemedia_core::value::{Audio, Packet};

use super::finite::check_finite;
use super::reader::{Reader, Segment, Waiting, audio_of};

/// What a node does with sound; [`SegmentNode`] makes the steps of it. An item is any number of segments.
pub(crate) trait SegmentProcessor: Send {
    /// Whether samples leave as they came, so that nobody has to look at them. Where they are computed with, NaN and
    /// infinity are refused before they reach [`SegmentProcessor::frames`].
    const HANDS_ON: bool = false;

    /// The run begins: gets ready, as [`Node::initialize`](remotemedia_core::node::Node::initialize) does.
    ///
    /// # Errors
    /// Whatever keeps the node from working.
    fn initialize(&mut self) -> Result<(), NodeError> {
        Ok(())
    }

    /// A segment begins.
    ///
    /// # Errors
    /// What keeps the node from working on sound of this format.
    fn begin(&mut self, segment: &Segment) -> Result<(), NodeError> {
        let _ = segment;
        Ok(())
    }

    /// The most frames to be handed on at once, at least one.
    fn wants(&mut self, segment: &Segment) -> usize {
        let _ = segment;
        usize::MAX
    }

    /// Takes the next frames of the segment; `segment.position` counts those before. May be empty.
    ///
    /// # Errors
    /// What is wrong with them.
    fn frames(&mut self, segment: &Segment, audio: Audio) -> Result<Option<Packet>, NodeError>;

    /// A segment is complete: the format changes or, if it is the last one, the item ends.
    ///
    /// # Errors
    /// What went wrong.
    fn end(&mut self, segment: &Segment, is_last: bool) -> Result<Option<Packet>, NodeError> {
        let _ = (segment, is_last);
        Ok(None)
    }

    /// The item is complete; what belongs to it is to be forgotten.
    fn finish(&mut self) {}

    /// Whether there is work that needs no further input; it is done before more input comes.
    fn is_pending(&self) -> bool {
        false
    }

    /// Does a bounded part of the work that [`SegmentProcessor::is_pending`] tells of.
    ///
    /// # Errors
    /// What went wrong.
    fn pending(&mut self) -> Result<Option<Packet>, NodeError> {
        Ok(None)
    }
}

/// The steps of a node that does `P` to sound.
#[derive(Debug)]
pub(crate) struct SegmentNode<P> {
    pub(crate) process: P,
    reader: Reader,
}

/// Implements [`Node`](remotemedia_core::node::Node) for a struct around a [`SegmentNode`].
macro_rules! impl_node {
    ($node:ident) => {
        impl remotemedia_core::node::Node for $node {
            fn initialize(
                &mut self,
                _context: &remotemedia_core::node::Context,
            ) -> Result<(), remotemedia_core::node::NodeError> {
                self.0.initialize()
            }

            fn process(
                &mut self,
                _port: usize,
                packet: remotemedia_core::value::Packet,
            ) -> Result<remotemedia_core::node::Step, remotemedia_core::node::NodeError> {
                self.0.process(packet)
            }

            fn resume(&mut self) -> Result<remotemedia_core::node::Step, remotemedia_core::node::NodeError> {
                self.0.step()
            }

            fn flush(&mut self) -> Result<remotemedia_core::node::Step, remotemedia_core::node::NodeError> {
                self.0.flush()
            }
        }
    };
}
pub(crate) use impl_node;

impl<P: SegmentProcessor> SegmentNode<P> {
    pub(crate) fn new(process: P) -> Self {
        Self { process, reader: Reader::default() }
    }

    pub(crate) fn initialize(&mut self) -> Result<(), NodeError> {
        self.process.initialize()
    }

    pub(crate) fn process(&mut self, packet: Packet) -> Result<Step, NodeError> {
        self.reader.stream = packet.stream;
        self.reader.waiting = Some(Waiting { audio: audio_of(packet)?, taken: 0 });
        self.step()
    }

    pub(crate) fn flush(&mut self) -> Result<Step, NodeError> {
        self.reader.ending = true;
        self.step()
    }

    /// Goes on until there is something to emit or a piece of work is done.
    pub(crate) fn step(&mut self) -> Result<Step, NodeError> {
        let Self { process, reader } = self;
        loop {
            let mut has_worked = true;
            let packet = if process.is_pending() {
                process.pending()?
            } else if let Some(segment) = reader.take_ended() {
                has_worked = false;
                process.end(&segment, reader.waiting.is_none())?
            } else if reader.waiting.is_some() {
                if let Some(segment) = reader.open() {
                    process.begin(segment)?;
                    continue;
                }
                let Some((segment, audio)) = reader.next(|segment| process.wants(segment)) else { continue };
                let frames = audio.frames();
                if !P::HANDS_ON {
                    check_finite(&audio, 0, frames, |frame| Some(segment.place(segment.position + frame)))?;
                }
                let packet = process.frames(segment, audio)?;
                segment.position += frames as u64;
                packet
            } else {
                if reader.ending {
                    process.finish();
                    *reader = Reader::default();
                }
                return Ok(Step::DONE);
            };
            if packet.is_some() || has_worked {
                let emission = packet.map(|packet| {
                    let packet = Packet { stream: reader.stream, ..packet };
                    Emission { port: 0, packet }
                });
                let more = process.is_pending() || reader.waiting.is_some() || reader.ending;
                return Ok(if more { Step::More(emission) } else { Step::Done(emission) });
            }
        }
    }
}
