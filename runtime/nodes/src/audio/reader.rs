//! Follows the sound of one port from packet to packet: where a recording begins and ends, and its frames in pieces
//! that make a bounded step. It knows nothing of what is done with them.

use remotemedia_core::node::{Emission, NodeError, Step};
use remotemedia_core::value::{Audio, Layout, MediaTime, Packet, Value};

use super::finite::check_finite;

/// What a node does with sound; [`Driven`] makes the steps of it. An item is any number of segments.
pub(crate) trait Process: Send {
    /// Whether samples leave as they came, so that nobody has to look at them. Where they are computed with, NaN and
    /// infinity are refused before they reach [`Process::frames`].
    const HANDS_ON: bool = false;

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

    /// Does a bounded part of the work that [`Process::is_pending`] tells of.
    ///
    /// # Errors
    /// What went wrong.
    fn pending(&mut self) -> Result<Option<Packet>, NodeError> {
        Ok(None)
    }
}

/// Sound without a change of rate, channels or layout.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) rate: u32,
    pub(crate) channels: usize,
    pub(crate) layout: Layout,
    /// When the first frame sounds, in nanoseconds: as its packet says, else where the segment before ended.
    pub(crate) origin: Option<i64>,
    /// Frames handed on.
    pub(crate) position: u64,
}

/// The steps of a node that does `P` to sound.
#[derive(Debug)]
pub(crate) struct Driven<P> {
    pub(crate) process: P,
    reader: Reader,
}

/// Samples handed on at once: some tens of microseconds of simple work.
const STEP_SAMPLES: usize = 1 << 16;

#[derive(Debug, Default)]
struct Reader {
    waiting: Option<Waiting>,
    segment: Option<Segment>,
    /// Where the last segment ended.
    end: Option<i64>,
    ending: bool,
    /// The stream of the packet that came last.
    stream: u32,
}

/// A packet of which a part has been handed on.
#[derive(Debug)]
struct Waiting {
    audio: Audio,
    taken: usize,
}

/// Implements [`Node`](remotemedia_core::node::Node) for a struct around a [`Driven`].
macro_rules! drive {
    ($node:ident) => {
        impl remotemedia_core::node::Node for $node {
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
pub(crate) use drive;

impl<P: Process> Driven<P> {
    pub(crate) fn new(process: P) -> Self {
        Self { process, reader: Reader::default() }
    }

    pub(crate) fn process(&mut self, packet: Packet) -> Result<Step, NodeError> {
        let Value::Audio(mut audio) = packet.value else {
            let cause = format!("expected audio, got {}", packet.value.kind().name());
            return Err(NodeError::new(cause).cure("Wrap samples: Audio(samples, rate=...)."));
        };
        audio.pts = packet.pts.or(audio.pts);
        self.reader.stream = packet.stream;
        self.reader.waiting = Some(Waiting { audio: *audio, taken: 0 });
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

impl Reader {
    /// The open segment, if nothing more can belong to it.
    fn take_ended(&mut self) -> Option<Segment> {
        let segment = self.segment.as_ref()?;
        let is_over = match &self.waiting {
            Some(waiting) => !segment.fits(&waiting.audio),
            None => self.ending,
        };
        if !is_over {
            return None;
        }
        self.end = segment.time(segment.position);
        self.segment.take()
    }

    /// Opens a segment for what waits, if none is open.
    fn open(&mut self) -> Option<&Segment> {
        let waiting = self.waiting.as_ref()?;
        if self.segment.is_some() {
            return None;
        }
        let audio = &waiting.audio;
        Some(self.segment.insert(Segment {
            rate: audio.rate(),
            channels: audio.channels(),
            layout: audio.layout().clone(),
            origin: audio.pts.or(self.end),
            position: 0,
        }))
    }

    /// The next frames of what waits.
    fn next(&mut self, wants: impl FnOnce(&Segment) -> usize) -> Option<(&mut Segment, Audio)> {
        let (waiting, segment) = (self.waiting.as_mut()?, self.segment.as_mut()?);
        let left = waiting.audio.frames() - waiting.taken;
        let frames = left.min(wants(segment)).min((STEP_SAMPLES / segment.channels).max(1));
        let audio = waiting.audio.slice(waiting.taken, frames);
        waiting.taken += frames;
        if frames == left {
            self.waiting = None;
        }
        Some((segment, audio))
    }
}

impl Segment {
    /// When a frame sounds, in nanoseconds, if the time of the first is known.
    pub(crate) fn time(&self, frame: u64) -> Option<i64> {
        self.origin.map(|origin| origin.saturating_add(MediaTime::of_frames(frame, self.rate)))
    }

    /// The same for a message: counted from the first frame if its time is not known.
    fn place(&self, frame: u64) -> i64 {
        self.time(frame).unwrap_or_else(|| MediaTime::of_frames(frame, self.rate))
    }

    fn fits(&self, audio: &Audio) -> bool {
        (self.rate, self.channels) == (audio.rate(), audio.channels()) && self.layout == *audio.layout()
    }
}

/// Sound in the format of a segment, from planar samples.
///
/// # Panics
/// If the samples don't divide into the channels.
pub(crate) fn sound(segment: &Segment, samples: Vec<f32>, pts: Option<i64>) -> Packet {
    let audio = Audio::from_planar(samples, segment.channels, segment.rate).expect("as many channels as there were");
    Value::from(audio.with_layout(segment.layout.clone()).with_pts(pts)).into()
}
