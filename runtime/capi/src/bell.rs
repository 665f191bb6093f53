//! The file descriptor by which an event loop notices that a port has something.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::Arc;

use remotemedia_core::exec::Notifier;

/// A descriptor that is readable while the bell rings.
#[derive(Clone)]
pub(crate) struct Bell(Arc<Descriptors>);

struct Descriptors {
    reader: OwnedFd,
    #[cfg(not(target_os = "linux"))]
    writer: OwnedFd,
}

impl Bell {
    /// A silent bell.
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

impl Notifier for Bell {
    fn notify(&self) {
        // It can only fail by being full, and then it is readable already.
        let _ = rustix::io::write(self.writer(), &1u64.to_ne_bytes());
    }

    fn clear(&self) {
        let mut count = [0u8; 8];
        // Empty already is what is wanted.
        let _ = rustix::io::read(&self.0.reader, &mut count);
    }
}
