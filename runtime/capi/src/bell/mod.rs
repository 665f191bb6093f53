//! The descriptor by which an event loop notices that a port has events.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::io;
use std::sync::Arc;

use remotemedia_core::exec::{Bell as BellOption, Notifier};

use crate::failure::Failure;
use crate::status::RM_UNSUPPORTED;
#[cfg(unix)]
use unix::Ends;
#[cfg(windows)]
use windows::Ends;

/// A descriptor that is readable from a notification until it is cleared.
#[derive(Clone)]
pub(crate) struct Bell(Arc<Ends>);

impl Bell {
    /// The bell that the options of a port choose, without a notification; none if it is to have none. By default it is
    /// the one that costs least on this system.
    pub(crate) fn chosen(option: Option<BellOption>) -> Result<Option<Self>, Failure> {
        let ends = match option {
            None => Ends::cheapest(),
            Some(BellOption::None) => return Ok(None),
            Some(BellOption::SocketPair) => Ends::socket_pair(),
            Some(BellOption::EventFd) => Ends::event_fd(),
        };
        match ends {
            Ok(ends) => Ok(Some(Self(Arc::new(ends)))),
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                let message = "this system does not have the bell that the options ask for; leave it out";
                Err(Failure::new(RM_UNSUPPORTED, message))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The descriptor to watch.
    pub(crate) fn descriptor(&self) -> isize {
        self.0.descriptor()
    }
}

impl Notifier for Bell {
    fn notify(&self) {
        self.0.write_one();
    }

    fn clear(&self) {
        self.0.read_all();
    }
}
