//! A file that is open, by the built-in decoders or by those of the system: both are driven in one way, and in a chain one
//! after the other.

use remotemedia_core::node::NodeError;

use super::chunker::Trim;
use super::demuxer::{Demuxer, Progress, Stop};
use super::info::Head;
use super::system::file::SystemFile;

/// An open file.
pub(super) enum Opened {
    BuiltIn(Box<Demuxer>),
    System(Box<SystemFile>),
    /// One that is there as a whole.
    Whole(Box<Chain>),
}

/// What is open of a file that is there as a whole, and how its other links are opened.
pub(super) struct Chain {
    link: Opened,
    /// Where that begins, or what was opened before it.
    begins: u64,
    open: Box<dyn FnMut(u64) -> Result<Opened, NodeError> + Send>,
}

impl From<Demuxer> for Opened {
    fn from(demuxer: Demuxer) -> Self {
        Self::BuiltIn(Box::new(demuxer))
    }
}

impl From<SystemFile> for Opened {
    fn from(file: SystemFile) -> Self {
        Self::System(Box::new(file))
    }
}

impl Chain {
    /// A file that `open` opens from a place on.
    ///
    /// # Errors
    /// If it can't be opened.
    pub(super) fn open(
        mut open: impl FnMut(u64) -> Result<Opened, NodeError> + Send + 'static,
    ) -> Result<Opened, NodeError> {
        let link = open(0)?;
        Ok(Opened::Whole(Box::new(Self { link, begins: 0, open: Box::new(open) })))
    }

    fn next(&mut self) -> Result<Progress, Stop> {
        loop {
            match self.link.next() {
                Err(Stop::GoesOn(place)) => {
                    self.begins += place;
                    self.link = (self.open)(self.begins).map_err(Stop::Failed)?;
                }
                other => return other,
            }
        }
    }
}

impl Opened {
    /// What messages call the file.
    pub(super) fn name(&self) -> &str {
        match self {
            Opened::BuiltIn(demuxer) => demuxer.name(),
            Opened::System(file) => file.name(),
            Opened::Whole(chain) => chain.link.name(),
        }
    }

    /// What the head of the file tells.
    pub(super) fn head(&mut self) -> Head {
        match self {
            Opened::BuiltIn(demuxer) => demuxer.head(),
            Opened::System(file) => file.head(),
            Opened::Whole(chain) => chain.link.head(),
        }
    }

    /// What is not sound at the start and the end. Codecs of the system leave it out themselves.
    pub(super) fn trim(&self) -> Trim {
        match self {
            Opened::BuiltIn(demuxer) => demuxer.trim(),
            Opened::System(_) => Trim::default(),
            Opened::Whole(chain) => chain.link.trim(),
        }
    }

    /// The planes of the last packet.
    pub(super) fn planes(&self) -> &[Vec<f32>] {
        match self {
            Opened::BuiltIn(demuxer) => demuxer.planes(),
            Opened::System(file) => file.planes(),
            Opened::Whole(chain) => chain.link.planes(),
        }
    }

    /// Reads and decodes the next packet. After a failure there is no next one.
    pub(super) fn next(&mut self) -> Result<Progress, Stop> {
        match self {
            Opened::BuiltIn(demuxer) => demuxer.next(),
            Opened::System(file) => file.next(),
            Opened::Whole(chain) => chain.next(),
        }
    }

    /// Leaves out up to so many of the frames that come next, without decoding them. How many were left out: none of a
    /// file that codecs of the system decode, since few of their formats tell where a frame lies.
    pub(super) fn pass_over(&mut self, frames: u64) -> Result<u64, NodeError> {
        match self {
            Opened::BuiltIn(demuxer) => demuxer.pass_over(frames),
            Opened::System(_) => Ok(0),
            Opened::Whole(chain) => chain.link.pass_over(frames),
        }
    }
}
