//! Opens a path for reading, whatever it leads to, and never waits for the other end of a pipe to do so.
//!
//! A regular file can be read from any place. Pipes, terminals and other devices, and the files of `/proc`, which have no
//! length, are read as they come.

use std::fs;
use std::io::{self, Read};

use remotemedia_core::node::{NodeError, may_block};

use super::disk::DiskFile;
use super::failure::{directory, socket, unopened, unreadable};
use super::system::{Kind, Ready, kind_of, open_to_read, wait_for};

/// What a path leads to.
pub(crate) enum Input {
    /// A file, and its length in bytes: 0 only if it is empty.
    File(DiskFile, u64),
    Stream(Incoming),
}

/// Bytes that come from another process, a device or the system.
pub(crate) struct Incoming {
    file: fs::File,
    /// What messages call it.
    name: String,
    /// Bytes that were read already.
    ahead: Vec<u8>,
}

/// The result of one attempt to read from a stream.
pub(crate) enum Arrival {
    Bytes(Vec<u8>),
    /// Nothing has come so far.
    Nothing,
    End,
}

/// Opens what is there.
pub(crate) fn open(path: &str) -> Result<Input, NodeError> {
    may_block(|| {
        let mut file = open_to_read(path).map_err(|error| match fs::metadata(path).as_ref().map(kind_of) {
            Ok(Kind::Socket) => socket(path, "read"),
            _ => unopened(path, &error),
        })?;
        let metadata = file.metadata().map_err(|error| unopened(path, &error))?;
        let name = format!("'{path}'");
        let kind = kind_of(&metadata);
        if kind == Kind::Directory {
            return Err(directory(path));
        }
        if kind != Kind::Stream && metadata.len() > 0 {
            return Ok(Input::File(DiskFile::new(file), metadata.len()));
        }
        let mut ahead = Vec::new();
        if metadata.is_file() {
            ahead.resize(1, 0);
            let read = file.read(&mut ahead);
            if read.map_err(|error| unreadable(&name, &error))? == 0 {
                return Ok(Input::File(DiskFile::new(file), 0));
            }
        }
        Ok(Input::Stream(Incoming { file, name, ahead }))
    })
}

impl Incoming {
    /// Waits for bytes, but not long.
    ///
    /// # Errors
    /// If they can't be read.
    pub(crate) fn next(&mut self) -> Result<Arrival, NodeError> {
        const MOST: usize = 1 << 16;
        if !self.ahead.is_empty() {
            return Ok(Arrival::Bytes(std::mem::take(&mut self.ahead)));
        }
        self.read(MOST).map_err(|error| unreadable(&self.name, &error))
    }

    fn read(&mut self, most: usize) -> io::Result<Arrival> {
        // A pipe that no process has opened for writing yet reads as if it were at its end; only `poll` tells them apart.
        if wait_for(&self.file, Ready::ToRead)?.is_none() {
            return Ok(Arrival::Nothing);
        }
        let mut bytes = vec![0; most];
        match may_block(|| self.file.read(&mut bytes)) {
            Ok(0) => Ok(Arrival::End),
            Ok(count) => {
                bytes.truncate(count);
                Ok(Arrival::Bytes(bytes))
            }
            // Another reader was faster, or a signal came.
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                Ok(Arrival::Nothing)
            }
            Err(error) => Err(error),
        }
    }
}
