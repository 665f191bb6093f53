//! Bells of Unix: an eventfd on Linux, a pair of sockets everywhere.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;

/// The descriptors of a bell.
pub(super) struct Ends {
    reader: OwnedFd,
    /// None where the reader is written as well.
    writer: Option<OwnedFd>,
}

impl Ends {
    /// The kind that costs least on this system.
    pub(super) fn cheapest() -> io::Result<Self> {
        if cfg!(target_os = "linux") { Self::event_fd() } else { Self::socket_pair() }
    }

    /// One end of a pair of sockets.
    pub(super) fn socket_pair() -> io::Result<Self> {
        let (reader, writer) = UnixStream::pair()?;
        reader.set_nonblocking(true)?;
        writer.set_nonblocking(true)?;
        Ok(Self { reader: reader.into(), writer: Some(writer.into()) })
    }

    /// An eventfd.
    #[cfg(target_os = "linux")]
    pub(super) fn event_fd() -> io::Result<Self> {
        use rustix::event::{EventfdFlags, eventfd};
        let reader = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self { reader, writer: None })
    }

    /// An eventfd, which only Linux has.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn event_fd() -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// The descriptor to watch.
    pub(super) fn descriptor(&self) -> isize {
        self.reader.as_raw_fd() as isize
    }

    /// Makes the descriptor readable.
    pub(super) fn write_one(&self) {
        let writer = self.writer.as_ref().map_or_else(|| self.reader.as_fd(), AsFd::as_fd);
        // The write only fails when the descriptor is full, and then it is readable already.
        let _ = rustix::io::write(writer, &1u64.to_ne_bytes());
    }

    /// Makes the descriptor unreadable.
    pub(super) fn read_all(&self) {
        // An eventfd is cleared by one read. A pair of sockets has few notifications: one until it is cleared, and
        // one for each that was late.
        let mut counts = [0u8; 64];
        while let Ok(64) = rustix::io::read(&self.reader, &mut counts) {}
    }
}
