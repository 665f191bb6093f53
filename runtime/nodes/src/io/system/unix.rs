//! Files as Unix has them, where pipes, devices and sockets have paths too.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::Path;
use std::time::{Duration, Instant};

use remotemedia_core::node::{CancelFlag, wait};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::io::Errno;

use super::{Kind, Ready, TooManyOpen, Woken};

/// So long a pipe waits for its reader, which a shell may start at the same time.
const READER_PATIENCE: Duration = Duration::from_secs(2);

/// To open a pipe waits for somebody at its other end, and a terminal could become that of this process.
const AT_ONCE: OFlags = OFlags::NONBLOCK.union(OFlags::NOCTTY);

/// What a path leads to.
pub(in crate::io) fn kind_of(metadata: &fs::Metadata) -> Kind {
    let kind = metadata.file_type();
    if kind.is_dir() {
        Kind::Directory
    } else if kind.is_fifo() || kind.is_char_device() {
        Kind::Stream
    } else if kind.is_socket() {
        Kind::Socket
    } else if kind.is_block_device() {
        Kind::BlockDevice
    } else {
        Kind::Regular
    }
}

/// Whether links lead round in a circle.
pub(in crate::io) fn is_circle(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::LOOP.raw_os_error())
}

/// Whether no file could be opened since too many are.
pub(in crate::io) fn too_many_open(error: &io::Error) -> Option<TooManyOpen> {
    match Errno::from_io_error(error)? {
        Errno::MFILE => Some(TooManyOpen::Process),
        Errno::NFILE => Some(TooManyOpen::Machine),
        _ => None,
    }
}

/// Whether a path names a file that a process has open, rather than one in a folder.
pub(in crate::io) fn is_open_file(path: &Path) -> bool {
    let mut parents = path.ancestors().skip(1);
    let folder = parents.next().unwrap_or(Path::new(""));
    folder == Path::new("/dev/fd") || (folder.ends_with("fd") && folder.starts_with("/proc"))
}

/// Opens what is there, and never waits for the other end of a pipe.
pub(in crate::io) fn open_to_read(path: &str) -> io::Result<fs::File> {
    let opened = fs::OpenOptions::new().read(true).custom_flags(AT_ONCE.bits() as i32).open(path);
    match opened {
        // Another process holds a lease on the file, and lets go of it when asked: that is waited for.
        Err(error) if error.kind() == io::ErrorKind::WouldBlock && fs::metadata(path)?.is_file() => {
            fs::File::open(path)
        }
        opened => opened,
    }
}

/// Opens a pipe or device once it has a reader; `None` if none comes for a while.
pub(in crate::io) fn open_for_writing(place: &Path, cancel: &CancelFlag) -> io::Result<Option<fs::File>> {
    /// There is no event for a reader that comes.
    const LOOK_EVERY: Duration = Duration::from_millis(10);
    let until = Instant::now() + READER_PATIENCE;
    loop {
        match fs::OpenOptions::new().write(true).custom_flags(AT_ONCE.bits() as i32).open(place) {
            Err(error) if error.raw_os_error() == Some(Errno::NXIO.raw_os_error()) => {
                if cancel.is_cancelled() || Instant::now() >= until {
                    return Ok(None);
                }
                wait(|| std::thread::sleep(LOOK_EVERY));
            }
            opened => return opened.map(Some),
        }
    }
}

/// Closes a file. To drop it would close it as well, but not say whether all that was written is there.
pub(in crate::io) fn close(file: fs::File) -> io::Result<()> {
    nix::unistd::close(file).map_err(io::Error::from)
}

/// Waits at most a quarter of a second; `None` if nothing has happened until then.
pub(in crate::io) fn wait_for(file: &fs::File, ready: Ready) -> io::Result<Option<Woken>> {
    const SLICE: Timespec = Timespec { tv_sec: 0, tv_nsec: 250_000_000 };
    const NOT_AT_ALL: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };
    let wanted = if ready == Ready::ToRead { PollFlags::IN } else { PollFlags::OUT };
    let look = |patience: &Timespec| {
        let mut watched = [PollFd::new(file, wanted)];
        match poll(&mut watched, Some(patience)) {
            Ok(0) | Err(Errno::INTR) => Ok(None),
            Ok(_) if watched[0].revents().contains(PollFlags::ERR) => Ok(Some(Woken::IsBroken)),
            Ok(_) => Ok(Some(Woken::Ready)),
            Err(error) => Err(error.into()),
        }
    };
    match look(&NOT_AT_ALL)? {
        None => wait(|| look(&SLICE)),
        found => Ok(found),
    }
}

/// How a file is made that was not there. In the place of another one it is its owner's alone at first.
pub(in crate::io) fn create_new(replaced: Option<&fs::Metadata>) -> fs::OpenOptions {
    let mut options = fs::OpenOptions::new();
    options.read(true).write(true).create_new(true);
    if replaced.is_some() {
        options.mode(0o600);
    }
    options
}

/// Locks a new file until it is closed, where its file system has locks. False if another process has the lock or has removed
/// the file.
pub(in crate::io) fn hold(file: &fs::File, path: &Path) -> bool {
    match file.try_lock() {
        Ok(()) => fs::symlink_metadata(path).is_ok(),
        Err(fs::TryLockError::WouldBlock) => false,
        Err(fs::TryLockError::Error(_)) => true,
    }
}

/// Has the file system put empty blocks of at least so many bytes before what a file holds, which takes no time. Returns how
/// many bytes, or `None` if it can't.
pub(in crate::io) fn insert_blocks(file: &fs::File, least: u64) -> Option<u64> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{FallocateFlags, fallocate};
        let len = least.checked_next_multiple_of(file.metadata().ok()?.blksize())?;
        fallocate(file, FallocateFlags::INSERT_RANGE, 0, len).ok().map(|()| len)
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (file, least);
        None
    }
}

/// Gives a file the owner, where this process may, and the rights of the one that it replaces.
pub(in crate::io) fn keep_owner_and_mode(file: &fs::File, replaced: &fs::Metadata) {
    let Ok(own) = file.metadata() else { return };
    if (own.uid(), own.gid()) != (replaced.uid(), replaced.gid())
        && fchown(file, Some(replaced.uid()), Some(replaced.gid())).is_err()
    {
        // The group at least, of which this user may be a member.
        let _ = fchown(file, None, Some(replaced.gid()));
    }
    // What runs with the rights of its owner was not written by us.
    let _ = file.set_permissions(fs::Permissions::from_mode(replaced.mode() & 0o777));
}
