//! What systems do differently with files: how a path is opened without waiting, what it leads to, how the other end of a
//! pipe is waited for, and whose a new file is.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub(super) use unix::{
    close, create_new, hold, insert_blocks, is_circle, is_open_file, keep_owner_and_mode, kind_of, open_for_writing,
    open_to_read, too_many_open, wait_for,
};
#[cfg(windows)]
pub(super) use windows::{
    close, create_new, hold, insert_blocks, is_circle, is_open_file, keep_owner_and_mode, kind_of, open_for_writing,
    open_to_read, too_many_open, wait_for,
};

/// What a path leads to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Regular,
    Directory,
    /// Bytes go through it one after the other, and nothing of it is lost: a pipe, a terminal, `/dev/null`.
    Stream,
    #[cfg_attr(windows, expect(dead_code, reason = "it shows sockets as files"))]
    Socket,
    #[cfg_attr(windows, expect(dead_code, reason = "its disks have names outside of the file system"))]
    BlockDevice,
}

/// Who has as many files open as may be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum TooManyOpen {
    Process,
    #[cfg_attr(windows, expect(dead_code, reason = "it has no such limit"))]
    Machine,
}

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
    #[cfg_attr(windows, expect(dead_code, reason = "a write says so, and no signal ends the process"))]
    IsBroken,
}
