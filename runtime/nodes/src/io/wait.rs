//! Waits for the other end of a pipe or a device, in short slices, so that the caller can check for a cancel between them.

use std::fs;
use std::io;

use remotemedia_core::node::wait;

/// What is waited for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ready {
    ToRead,
    ToWrite,
}

/// What came of it: the other end may have gone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Woken {
    Ready,
    /// Nobody will read what is written.
    IsBroken,
}

/// Waits at most a quarter of a second; `None` if nothing has happened until then.
#[cfg(unix)]
pub(super) fn wait_for(file: &fs::File, ready: Ready) -> io::Result<Option<Woken>> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    const SLICE: Timespec = Timespec { tv_sec: 0, tv_nsec: 250_000_000 };
    const AT_ONCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };
    let wanted = if ready == Ready::ToRead { PollFlags::IN } else { PollFlags::OUT };
    let look = |patience: &Timespec| {
        let mut watched = [PollFd::new(file, wanted)];
        match poll(&mut watched, Some(patience)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => Ok(None),
            Ok(_) if watched[0].revents().contains(PollFlags::ERR) => Ok(Some(Woken::IsBroken)),
            Ok(_) => Ok(Some(Woken::Ready)),
            Err(error) => Err(error.into()),
        }
    };
    match look(&AT_ONCE)? {
        None => wait(|| look(&SLICE)),
        found => Ok(found),
    }
}

#[cfg(not(unix))]
pub(super) fn wait_for(_: &fs::File, _: Ready) -> io::Result<Option<Woken>> {
    Ok(Some(Woken::Ready))
}
