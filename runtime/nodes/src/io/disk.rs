//! A file on a disk or a network share, which may be slow: its calls may block, and the pool is notified of that.

use std::fs;
use std::io::{self, Read, Seek, SeekFrom, Write};

use remotemedia_core::node::may_block;

/// An open file.
pub(crate) struct DiskFile(fs::File);

impl DiskFile {
    pub(super) fn new(file: fs::File) -> Self {
        Self(file)
    }
}

impl Read for DiskFile {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        may_block(|| self.0.read(target))
    }
}

impl Write for DiskFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        may_block(|| self.0.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for DiskFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        may_block(|| self.0.seek(to))
    }
}
