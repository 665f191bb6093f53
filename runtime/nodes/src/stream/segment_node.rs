//! The steps of a node that takes audio segment by segment: a node implements [`SegmentProcessor`], and [`SegmentNode`]
//! does the rest. It knows nothing of what is done with the frames.

use remotemedia_core::node::{Context, Emission, Item, NodeError, Step};
use remotemedia_core::value::{Audio, Packet};

use super::finite::check_finite;
use super::reader::{Reader, Segment, SegmentEnd};
use super::timeline::Gaps;

/// The work of a node on the segments of its input; [`SegmentNode`] divides it into steps. An item is any number of segments.
pub(crate) trait SegmentProcessor: Send {
    /// Whether samples leave as they came, so that they need no check. Where they are computed with, NaN and infinity are
    /// refused before they reach [`SegmentProcessor::frames`].
    const HANDS_ON: bool = false;

    /// The run begins: gets ready, as [`Node::initialize`](remotemedia_core::node::Node::initialize) does.
    ///
    /// # Errors
    /// Whatever keeps the node from working.
    fn initialize(&mut self) -> Result<(), NodeError> {
        Ok(())
    }

    /// Whether it holds frames of several segments back. Then it marks itself what it emits from behind a jump, as
    /// [`AudioFifo`](super::audio_fifo::AudioFifo) tells.
    fn holds_jumps(&self) -> bool {
        false
    }

    /// Begins an item, as [`Node::begin_item`](remotemedia_core::node::Node::begin_item) does.
    fn begin_item(&mut self, item: &Item) {
        let _ = item;
    }

    /// Begins a segment.
    ///
    /// # Errors
    /// If the node can't work on audio of this format.
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

    /// Ends a segment, all of whose frames have been taken.
    ///
    /// # Errors
    /// What went wrong.
    fn end(&mut self, segment: &Segment, why: SegmentEnd) -> Result<Option<Packet>, NodeError> {
        let _ = (segment, why);
        Ok(None)
    }

    /// Ends the item: resets what belongs to it.
    fn finish(&mut self) {}

    /// Whether there is work that needs no further input; it is done before more input comes.
    fn is_pending(&self) -> bool {
        false
    }

    /// Does a bounded part of the work that is pending.
    ///
    /// # Errors
    /// What went wrong.
    fn pending(&mut self) -> Result<Option<Packet>, NodeError> {
        Ok(None)
    }
}

/// Drives a [`SegmentProcessor`] in bounded steps.
#[derive(Debug)]
pub(crate) struct SegmentNode<P> {
    pub(crate) process: P,
    reader: Reader,
    /// The stream of the packet that came last.
    stream: u32,
}

/// Samples handed on at once: some tens of microseconds of simple work.
const STEP_SAMPLES: usize = 1 << 16;

/// Implements [`Node`](remotemedia_core::node::Node) for a struct around a [`SegmentNode`].
macro_rules! impl_node {
    ($node:ident) => {
        impl remotemedia_core::node::Node for $node {
            fn initialize(
                &mut self,
                context: &remotemedia_core::node::Context,
            ) -> Result<(), remotemedia_core::node::NodeError> {
                self.0.initialize(context)
            }

            fn begin_item(&mut self, item: &remotemedia_core::node::Item) {
                self.0.begin_item(item);
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
    /// A node that does this where the times of its input jump.
    pub(crate) fn new(process: P, gaps: Gaps) -> Self {
        Self { process, reader: Reader::new(gaps), stream: 0 }
    }

    pub(crate) fn initialize(&mut self, context: &Context) -> Result<(), NodeError> {
        self.reader.count_in(&context.time_breaks);
        self.process.initialize()
    }

    pub(crate) fn begin_item(&mut self, item: &Item) {
        self.process.begin_item(item);
    }

    pub(crate) fn process(&mut self, packet: Packet) -> Result<Step, NodeError> {
        self.stream = packet.stream;
        self.reader.push(packet)?;
        self.step()
    }

    pub(crate) fn flush(&mut self) -> Result<Step, NodeError> {
        self.reader.finish();
        self.step()
    }

    /// Works until there is something to emit or a bounded piece of work is done.
    pub(crate) fn step(&mut self) -> Result<Step, NodeError> {
        let Self { process, reader, stream } = self;
        loop {
            let mut has_worked = true;
            let packet = if process.is_pending() {
                process.pending()?
            } else if let Some((segment, why)) = reader.take_ended() {
                has_worked = false;
                process.end(&segment, why)?
            } else if reader.is_waiting() {
                if let Some(segment) = reader.open() {
                    process.begin(segment)?;
                    // Whatever it has left out of the segment before: what comes out of this one is at its time, to the sample.
                    if segment.discontinuity {
                        reader.mark();
                    }
                    continue;
                }
                let Some((segment, audio)) =
                    reader.next(|segment| process.wants(segment).min((STEP_SAMPLES / segment.channels).max(1)))
                else {
                    continue;
                };
                let frames = audio.frames();
                if !P::HANDS_ON {
                    check_finite(&audio, 0, frames, |frame| Some(segment.place(segment.position + frame)))?;
                }
                let packet = process.frames(segment, audio)?;
                segment.position += frames as u64;
                packet
            } else {
                if reader.is_ending() {
                    process.finish();
                    reader.reset();
                }
                return Ok(Step::DONE);
            };
            if packet.is_some() || has_worked {
                let emission = packet.map(|packet| {
                    let packet = if process.holds_jumps() { packet } else { reader.marked(packet) };
                    let packet = Packet { stream: *stream, ..packet };
                    Emission { port: 0, packet }
                });
                let more = process.is_pending() || reader.is_waiting() || reader.is_ending();
                return Ok(if more { Step::More(emission) } else { Step::Done(emission) });
            }
        }
    }
}
