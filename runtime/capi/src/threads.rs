//! How this library starts threads: with signals blocked, since those belong to the threads of the host.

use std::io;

use remotemedia_core::exec::ThreadBody;

/// Starts a thread that gets no signals, but for those that report a fault of its own.
pub(crate) fn spawn(name: String, body: ThreadBody) -> io::Result<()> {
    // A thread inherits what is blocked: so no signal finds it before it could block them itself.
    #[cfg(unix)]
    let _blocked = signals::Blocked::new();
    std::thread::Builder::new().name(name).spawn(body).map(drop)
}

#[cfg(unix)]
mod signals {
    /// Faults of a thread come to that thread alone: blocked, they would end the process before a handler of the host
    /// sees them.
    const FAULTS: [libc::c_int; 7] =
        [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP, libc::SIGABRT, libc::SIGSYS];

    /// Blocks all signals but faults on the calling thread, while the value lives.
    pub(super) struct Blocked {
        before: libc::sigset_t,
    }

    impl Blocked {
        pub(super) fn new() -> Self {
            // SAFETY: the sets are initialised by the functions that fill them, for the calling thread alone.
            unsafe {
                let mut signals: libc::sigset_t = std::mem::zeroed();
                let mut before: libc::sigset_t = std::mem::zeroed();
                libc::sigfillset(&raw mut signals);
                for fault in FAULTS {
                    libc::sigdelset(&raw mut signals, fault);
                }
                libc::pthread_sigmask(libc::SIG_BLOCK, &raw const signals, &raw mut before);
                Self { before }
            }
        }
    }

    impl Drop for Blocked {
        fn drop(&mut self) {
            // SAFETY: the set was filled in by the system.
            unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.before, std::ptr::null_mut()) };
        }
    }
}
