//! The file descriptor by which an event loop notices that a port has events.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::Arc;

use remotemedia_core::exec::Notifier;

/// A descriptor that is readable from a notification until it is cleared: an eventfd on Linux, a pipe elsewhere.
#[derive(Clone)]
pub(crate) struct EventFd(Arc<Descriptors>);

struct Descriptors {
    reader: OwnedFd,
    #[cfg(not(target_os = "linux"))]
    writer: OwnedFd,
}

impl EventFd {
    /// A descriptor without a notification.
    pub(crate) fn new() -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        {
            use rustix::event::{EventfdFlags, eventfd};
            let reader = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
            Ok(Self(Arc::new(Descriptors { reader })))
        }
        #[cfg(not(target_os = "linux"))]
        {
            let (reader, writer) = rustix::pipe::pipe()?;
            for end in [&reader, &writer] {
                rustix::io::ioctl_fionbio(end, true)?;
                rustix::io::fcntl_setfd(end, rustix::io::FdFlags::CLOEXEC)?;
            }
            Ok(Self(Arc::new(Descriptors { reader, writer })))
        }
    }

    /// The descriptor to watch.
    pub(crate) fn descriptor(&self) -> RawFd {
        self.0.reader.as_raw_fd()
    }

    fn writer(&self) -> &OwnedFd {
        #[cfg(target_os = "linux")]
        return &self.0.reader;
        #[cfg(not(target_os = "linux"))]
        return &self.0.writer;
    }
}

impl Notifier for EventFd {
    fn notify(&self) {
        // The write only fails when the counter or pipe is full, and then the descriptor is readable already.
        let _ = rustix::io::write(self.writer(), &1u64.to_ne_bytes());
    }

    fn clear(&self) {
        let mut count = [0u8; 8];
        // The read only fails when there is nothing to clear.
        let _ = rustix::io::read(&self.0.reader, &mut count);
    }
}
