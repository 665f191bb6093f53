//! The descriptor by which an event loop notices that a port has events.

use std::io;
#[cfg(unix)]
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::Arc;

use remotemedia_core::exec::Notifier;

/// A descriptor that is readable from a notification until it is cleared.
#[derive(Clone)]
pub(crate) struct Bell(#[cfg_attr(not(unix), expect(dead_code, reason = "there is none to notify"))] Arc<Ends>);

/// The kinds of descriptor.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One end of a pair of sockets.
    #[cfg(unix)]
    SocketPair,
    /// An eventfd.
    #[cfg(target_os = "linux")]
    EventFd,
}

struct Ends {
    #[cfg(unix)]
    reader: OwnedFd,
    /// None where the reader is written as well.
    #[cfg(unix)]
    writer: Option<OwnedFd>,
}

impl Kind {
    /// The kind that costs least on this system; none if it has none.
    pub(crate) const BEST: Option<Self> = {
        #[cfg(target_os = "linux")]
        let best = Some(Self::EventFd);
        #[cfg(all(unix, not(target_os = "linux")))]
        let best = Some(Self::SocketPair);
        #[cfg(not(unix))]
        let best = None;
        best
    };
}

impl Bell {
    /// A descriptor without a notification.
    pub(crate) fn new(kind: Kind) -> io::Result<Self> {
        match kind {
            #[cfg(target_os = "linux")]
            Kind::EventFd => {
                use rustix::event::{EventfdFlags, eventfd};
                let reader = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
                Ok(Self(Arc::new(Ends { reader, writer: None })))
            }
            #[cfg(unix)]
            Kind::SocketPair => {
                let (reader, writer) = std::os::unix::net::UnixStream::pair()?;
                reader.set_nonblocking(true)?;
                writer.set_nonblocking(true)?;
                Ok(Self(Arc::new(Ends { reader: reader.into(), writer: Some(writer.into()) })))
            }
        }
    }

    /// The descriptor to watch.
    pub(crate) fn descriptor(&self) -> isize {
        #[cfg(unix)]
        return self.0.reader.as_raw_fd() as isize;
        #[cfg(not(unix))]
        return -1;
    }
}

impl Notifier for Bell {
    fn notify(&self) {
        #[cfg(unix)]
        {
            let writer = self.0.writer.as_ref().map_or_else(|| self.0.reader.as_fd(), AsFd::as_fd);
            // The write only fails when the descriptor is full, and then it is readable already.
            let _ = rustix::io::write(writer, &1u64.to_ne_bytes());
        }
    }

    fn clear(&self) {
        #[cfg(unix)]
        {
            // An eventfd is cleared by one read. A pair of sockets has few notifications: one until it is cleared, and
            // one for each that was late.
            let mut counts = [0u8; 64];
            while let Ok(64) = rustix::io::read(&self.0.reader, &mut counts) {}
        }
    }
}
