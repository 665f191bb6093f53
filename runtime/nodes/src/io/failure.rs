//! The errors for paths that can't be opened or read.

use std::io;
use std::path::Path;

use remotemedia_core::node::NodeError;

use super::system::{TooManyOpen, is_circle, too_many_open};

/// A path that can't be opened.
pub(crate) fn unopened(path: &str, error: &io::Error) -> NodeError {
    match error.kind() {
        io::ErrorKind::NotFound => {
            let place = match std::env::current_dir() {
                Ok(directory) if Path::new(path).is_relative() => format!(" in '{}'", directory.display()),
                _ => String::new(),
            };
            NodeError::new(format!("no such file '{path}'{place}")).cure("Check the path.")
        }
        io::ErrorKind::PermissionDenied => {
            NodeError::new(format!("no permission to read '{path}'")).cure("Give this user the right to read it.")
        }
        io::ErrorKind::NotADirectory => {
            NodeError::new(format!("the path '{path}' leads through a file as if it were a directory"))
                .cure("Check the path.")
        }
        io::ErrorKind::InvalidInput if path.contains('\0') => {
            NodeError::new(format!("the path {path:?} holds a NUL character, which no path can"))
                .cure("Check the path.")
        }
        _ if is_circle(error) => circle(path),
        _ => NodeError::new(format!("'{path}' can't be opened: {error}"))
            .cure(cure_of(error).unwrap_or("Check the path, and the disk or network share that it leads to.")),
    }
}

/// Links that lead nowhere.
pub(super) fn circle(path: &str) -> NodeError {
    NodeError::new(format!("the links of '{path}' lead round in a circle, or are too many")).cure("Remove one of them.")
}

/// A link to something that is not there.
pub(super) fn dangling(path: &str, target: &Path) -> NodeError {
    NodeError::new(format!("'{path}' is a link to '{}', which is not there", target.display()))
        .cure("Bring that back, or remove the link.")
}

/// A directory where a file was expected.
pub(crate) fn directory(path: &str) -> NodeError {
    NodeError::new(format!("'{path}' is a directory")).cure("Name a file in it.")
}

/// A socket where a file was expected, which is to be `read` or `written`.
pub(super) fn socket(path: &str, done: &str) -> NodeError {
    let cure = match done {
        "read" => "Connect to it with a program that can, and send the bytes that come.",
        _ => "Write to a file or a pipe.",
    };
    NodeError::new(format!("'{path}' is a socket, which can't be {done} as a file")).cure(cure)
}

/// A file without content.
pub(crate) fn empty(name: &str) -> NodeError {
    NodeError::new(format!("{name} is empty")).cure("Check how it was made or copied.")
}

/// The cure for what is not the fault of a path, nor of the disk behind it.
pub(super) fn cure_of(error: &io::Error) -> Option<&'static str> {
    match (too_many_open(error), error.kind()) {
        (Some(TooManyOpen::Process), _) => Some("Close other files, or let this process have more open: `ulimit -n`."),
        (Some(TooManyOpen::Machine), _) => Some("Close other programs, or let the machine have more files open."),
        (None, io::ErrorKind::StorageFull) => Some("Make room on the disk, or write to another one."),
        (None, io::ErrorKind::QuotaExceeded) => Some("Make room within the quota, or write to another disk."),
        _ => None,
    }
}

/// A file that is open but gives nothing.
pub(crate) fn unreadable(name: &str, error: &io::Error) -> NodeError {
    NodeError::new(format!("{name} can't be read: {error}"))
        .cure(cure_of(error).unwrap_or("Check the disk or the network share."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(error: &NodeError) -> String {
        format!("{}. {}", error.cause, error.cure)
    }

    #[test]
    fn what_the_system_refuses_is_said() {
        let refused = io::Error::from(io::ErrorKind::PermissionDenied);
        assert_eq!(
            message(&unopened("a.wav", &refused)),
            "no permission to read 'a.wav'. Give this user the right to read it."
        );
        assert_eq!(
            message(&unopened("a.wav", &io::Error::other("stale handle"))),
            "'a.wav' can't be opened: stale handle. Check the path, and the disk or network share that it leads to."
        );
        assert_eq!(
            message(&unreadable("'a.wav'", &io::Error::other("stale handle"))),
            "'a.wav' can't be read: stale handle. Check the disk or the network share."
        );
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_fault_of_the_path_has_a_cure_of_its_own() {
        use rustix::io::Errno;

        let cure = |errno: Errno| unopened("a.wav", &io::Error::from(errno)).cure;
        assert_eq!(cure(Errno::MFILE), "Close other files, or let this process have more open: `ulimit -n`.");
        assert_eq!(cure(Errno::NFILE), "Close other programs, or let the machine have more files open.");
        let full = |errno: Errno| crate::io::unwritten("'a.wav'", &io::Error::from(errno)).cure;
        assert_eq!(full(Errno::NOSPC), "Make room on the disk, or write to another one.");
        assert_eq!(full(Errno::DQUOT), "Make room within the quota, or write to another disk.");
        assert_eq!(full(Errno::MFILE), cure(Errno::MFILE));
    }
}
