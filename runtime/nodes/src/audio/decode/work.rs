//! What `AudioDecode` is decoding: a file that is there as a whole, one that arrives in pieces, or PCM without a header.
//! It knows nothing of chunks.

use std::io::{BufReader, Cursor};

use remotemedia_core::node::NodeError;
use remotemedia_core::value::Buffer;

use super::chunker::Format;
use super::demuxer::{Progress, Stop};
use super::failure;
use super::incremental::ByteStream;
use super::opened::Opened;
use super::params::RawParams;
use super::raw::RawSound;
use super::source::{BufferBytes, DiskSource};
use super::whole_file::{open_buffer, open_file};
use crate::io::{Incoming, Input, open};

/// The file that is open, if one is.
pub(super) enum Work {
    Idle,
    File(Opened),
    Stream(Box<ByteStream>),
    Raw(Box<RawSound>),
}

/// What a file had to give.
pub(super) enum Got {
    /// A packet of this format, whose samples the demuxer has.
    Packet(Format),
    /// Nothing before more bytes arrive.
    Waiting,
    End,
}

impl Work {
    /// What a path leads to, and where its bytes come from if it is no file on disk.
    ///
    /// # Errors
    /// If it can't be read or decoded.
    pub(super) fn of_path(path: &str, raw: Option<&RawParams>) -> Result<(Self, Option<Incoming>), NodeError> {
        let name = format!("'{path}'");
        Ok(match (open(path)?, raw) {
            (Input::File(_, 0), _) => return Err(failure::empty(&name)),
            (Input::File(file, len), None) => {
                let path = path.to_owned();
                let again = move || reopened(&path);
                (Work::File(open_file(DiskSource::new(file, len), name, again)?), None)
            }
            (Input::File(file, _), Some(raw)) => {
                (Work::Raw(Box::new(raw.sound(name, Some(Box::new(BufReader::new(file)))))), None)
            }
            (Input::Stream(incoming), raw) => (Self::of_stream(name, raw), Some(incoming)),
        })
    }

    /// A file whose content is in memory.
    ///
    /// # Errors
    /// If it can't be decoded.
    pub(super) fn of_content(content: &Buffer, raw: Option<&RawParams>) -> Result<Self, NodeError> {
        const NAME: &str = "the file";
        Ok(match raw {
            Some(raw) => {
                let reader = Cursor::new(BufferBytes(content.clone()));
                Work::Raw(Box::new(raw.sound(NAME.to_owned(), Some(Box::new(reader)))))
            }
            None => Work::File(open_buffer(content.clone(), NAME)?),
        })
    }

    /// A file whose bytes are still to be pushed; `name` is what messages call it.
    pub(super) fn of_stream(name: String, raw: Option<&RawParams>) -> Self {
        match raw {
            None => Work::Stream(Box::new(ByteStream::new(name))),
            Some(raw) => Work::Raw(Box::new(raw.sound(name, None))),
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        matches!(self, Work::Idle)
    }

    /// Takes the next bytes, unless it is a file that is there as a whole. Whether it does.
    pub(super) fn push(&mut self, bytes: Buffer) -> bool {
        match self {
            Work::Stream(stream) => stream.push(bytes),
            Work::Raw(sound) => sound.push(&bytes),
            Work::Idle | Work::File(_) => return false,
        }
        true
    }

    /// No more bytes come. Whether any could have come.
    pub(super) fn finish(&mut self) -> bool {
        match self {
            Work::Stream(stream) => stream.finish(),
            Work::Raw(sound) => sound.finish(),
            Work::Idle | Work::File(_) => return false,
        }
        true
    }

    /// Whether it comes in pieces, of which more may come.
    pub(super) fn is_arriving(&self) -> bool {
        match self {
            Work::Stream(stream) => !stream.is_finished(),
            Work::Raw(sound) => sound.arrives() && !sound.has_ended(),
            Work::Idle | Work::File(_) => false,
        }
    }

    /// Whether it comes in pieces.
    pub(super) fn is_of_packets(&self) -> bool {
        match self {
            Work::Stream(_) => true,
            Work::Raw(sound) => sound.arrives(),
            Work::Idle | Work::File(_) => false,
        }
    }

    /// Whether it is known what it is.
    pub(super) fn is_open(&self) -> bool {
        match self {
            Work::Idle => false,
            Work::File(_) | Work::Raw(_) => true,
            Work::Stream(stream) => stream.opened().is_some(),
        }
    }

    /// What messages call the file.
    pub(super) fn name(&self) -> &str {
        match self {
            Work::Idle => "",
            Work::File(opened) => opened.name(),
            Work::Stream(stream) => stream.name(),
            Work::Raw(sound) => sound.name(),
        }
    }

    /// The open file; PCM without a header has none.
    pub(super) fn opened(&self) -> Option<&Opened> {
        match self {
            Work::File(opened) => Some(opened),
            Work::Stream(stream) => stream.opened(),
            Work::Idle | Work::Raw(_) => None,
        }
    }

    /// As [`Work::opened`], for its head.
    pub(super) fn opened_mut(&mut self) -> Option<&mut Opened> {
        match self {
            Work::File(opened) => Some(opened),
            Work::Stream(stream) => stream.opened_mut(),
            Work::Idle | Work::Raw(_) => None,
        }
    }

    /// Asks the demuxer for its next packet.
    ///
    /// # Errors
    /// If the file can't be opened or decoded.
    pub(super) fn fetch(&mut self) -> Result<Got, NodeError> {
        let opened = match self {
            Work::Idle | Work::Raw(_) => return Ok(Got::End),
            Work::File(opened) => opened,
            Work::Stream(stream) if stream.is_over() => return Ok(self.ended()),
            Work::Stream(stream) => match stream.ready()? {
                Some(opened) => opened,
                None => return Ok(Got::Waiting),
            },
        };
        match opened.next() {
            Ok(Progress::Packet(format)) => Ok(Got::Packet(format)),
            Ok(Progress::End) => Ok(self.starved().unwrap_or_else(|| self.ended())),
            Err(Stop::SourceEnded(failure)) => self.starved().ok_or(failure),
            Err(Stop::Failed(failure)) => Err(failure),
            Err(Stop::GoesOn(place)) => {
                // One that is there as a whole goes on by itself.
                let Work::Stream(stream) = self else { return Ok(Got::End) };
                stream.go_on(place);
                self.fetch()
            }
        }
    }

    /// Leaves out up to so many of the frames that come next, without decoding them. How many were left out: 0 where that
    /// can't be done, and of bytes that arrive.
    ///
    /// # Errors
    /// If the file can't be read.
    pub(super) fn pass_over(&mut self, frames: u64) -> Result<u64, NodeError> {
        match self {
            Work::File(opened) => opened.pass_over(frames),
            Work::Raw(sound) => sound.pass_over(frames),
            Work::Idle | Work::Stream(_) => Ok(0),
        }
    }

    /// The sound is out. Chunks and tags may follow that are still arriving.
    fn ended(&mut self) -> Got {
        let Work::Stream(stream) = self else { return Got::End };
        stream.end();
        if stream.is_finished() { Got::End } else { Got::Waiting }
    }

    /// If the end that the reader met is only the end of what has arrived.
    fn starved(&mut self) -> Option<Got> {
        let Work::Stream(stream) = self else { return None };
        stream.step_back_if_starved().then_some(Got::Waiting)
    }
}

/// The file that a path leads to once more, for another decoder.
fn reopened(path: &str) -> Result<DiskSource, NodeError> {
    match open(path)? {
        Input::File(file, len) => Ok(DiskSource::new(file, len)),
        Input::Stream(_) => Err(failure::empty(&format!("'{path}'"))),
    }
}
