//! Writes into what is there already and stays: a pipe, a terminal, a device, or an open file of this process.

use std::fs;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use remotemedia_core::node::{CancelFlag, NodeError, may_block};

use super::output::{uncreated, unwritten};
use super::system::{Ready, Woken, close, open_for_writing, wait_for};

/// An open pipe, device or file that is written into as it is.
pub(crate) struct Direct {
    file: fs::File,
    /// What messages call it.
    path: PathBuf,
    cancel: CancelFlag,
    /// Where the part of a regular file begins that is ours; none for what takes each byte once.
    begin: Option<u64>,
}

impl Direct {
    /// Opens it; `path` is what messages call it.
    pub(super) fn open(place: &Path, path: &Path, cancel: &CancelFlag) -> Result<Self, NodeError> {
        let mut file = open_for_writing(place, cancel).map_err(|error| uncreated(path, &error))?;
        let Some(mut opened) = file.take() else {
            return Err(
                NodeError::new(format!("nobody reads the pipe '{}'", path.display())).cure("Start its reader first.")
            );
        };
        let metadata = opened.metadata().map_err(|error| uncreated(path, &error))?;
        let begin = if metadata.is_file() {
            // What others wrote before stays: this is no file of our own.
            Some(opened.seek(SeekFrom::End(0)).map_err(|error| unwritten(&format!("'{}'", path.display()), &error))?)
        } else {
            None
        };
        Ok(Self { file: opened, path: path.to_owned(), cancel: cancel.clone(), begin })
    }

    /// Closes it, which may be when a regular file turns out not to have had room.
    pub(super) fn close(self) -> Result<(), NodeError> {
        let closed = may_block(|| close(self.file));
        closed.map_err(|error| unwritten(&format!("'{}'", self.path.display()), &error))
    }

    pub(super) fn can_seek(&self) -> bool {
        self.begin.is_some()
    }
}

impl Write for Direct {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            if self.cancel.is_cancelled() {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "the work was cancelled"));
            }
            match wait_for(&self.file, Ready::ToWrite)? {
                None => {}
                // To write all the same would end a process that does not ignore the signal for it.
                Some(Woken::IsBroken) => return Err(io::Error::from(io::ErrorKind::BrokenPipe)),
                Some(Woken::Ready) => match may_block(|| self.file.write(bytes)) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    written => return written,
                },
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Direct {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let Some(begin) = self.begin else { return Err(io::Error::from(io::ErrorKind::NotSeekable)) };
        let to = match to {
            SeekFrom::Start(place) => SeekFrom::Start(begin + place),
            other => other,
        };
        Ok(may_block(|| self.file.seek(to))?.saturating_sub(begin))
    }
}
