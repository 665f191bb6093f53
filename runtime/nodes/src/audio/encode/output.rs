//! Where an encoded file goes: memory, or a temporary file that takes its name when it is whole.
//!
//! It may know nothing of formats.

use std::fs;
use std::io::{self, BufWriter, Cursor, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use remotemedia_core::node::NodeError;

/// A file in the making. Dropping it before [`Output::finish`] leaves nothing behind.
pub(super) enum Output {
    Memory(Cursor<Vec<u8>>),
    File(TemporaryFile),
}

/// A file beside its future place, under a name of its own.
pub(super) struct TemporaryFile {
    writer: Option<BufWriter<fs::File>>,
    temporary: PathBuf,
    path: PathBuf,
}

/// What a finished output left.
pub(super) enum Finished {
    Memory(Vec<u8>),
    File,
}

impl Output {
    pub(super) fn in_memory() -> Self {
        Output::Memory(Cursor::default())
    }

    pub(super) fn at(path: &str) -> Result<Self, NodeError> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let path = PathBuf::from(path);
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let temporary = path.with_file_name(format!(".{name}.{}-{number}.part", std::process::id()));
        if path.is_dir() {
            return Err(NodeError::new(format!("'{}' is a directory", path.display())).cure("Name a file in it."));
        }
        let file = fs::File::create_new(&temporary).map_err(|error| uncreated(&path, &error))?;
        Ok(Output::File(TemporaryFile { writer: Some(BufWriter::new(file)), temporary, path }))
    }

    /// Ends the file; one on disk appears at its path now, in place of an earlier one.
    pub(super) fn finish(self) -> Result<Finished, NodeError> {
        match self {
            Output::Memory(bytes) => Ok(Finished::Memory(bytes.into_inner())),
            Output::File(mut file) => {
                let result = match file.writer.take() {
                    Some(writer) => writer.into_inner().map_err(io::IntoInnerError::into_error).map(drop),
                    None => Ok(()),
                };
                result
                    .and_then(|()| fs::rename(&file.temporary, &file.path))
                    .map_err(|error| unwritten(&format!("'{}'", file.path.display()), &error))?;
                Ok(Finished::File)
            }
        }
    }

    fn inner(&mut self) -> io::Result<&mut dyn WriteSeek> {
        match self {
            Output::Memory(bytes) => Ok(bytes),
            Output::File(file) => match &mut file.writer {
                Some(writer) => Ok(writer),
                None => Err(io::Error::from(io::ErrorKind::BrokenPipe)),
            },
        }
    }
}

trait WriteSeek: Write + Seek {}

impl<T: Write + Seek> WriteSeek for T {}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.inner()?.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner()?.flush()
    }
}

impl Seek for Output {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner()?.seek(to)
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        self.writer = None;
        // After the rename there is nothing to remove, and a failure here has nobody to go to.
        let _ = fs::remove_file(&self.temporary);
    }
}

/// A file that can't be written.
pub(super) fn unwritten(name: &str, error: &io::Error) -> NodeError {
    NodeError::new(format!("{name} can't be written: {error}")).cure("Check the disk.")
}

fn uncreated(path: &Path, error: &io::Error) -> NodeError {
    let shown = path.display();
    match error.kind() {
        io::ErrorKind::NotFound => {
            let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
            NodeError::new(format!("no such directory '{}'", directory.display())).cure("Create it first.")
        }
        io::ErrorKind::PermissionDenied => {
            NodeError::new(format!("no permission to write '{shown}'")).cure("Choose another directory.")
        }
        io::ErrorKind::NotADirectory => {
            NodeError::new(format!("the path '{shown}' leads through a file as if it were a directory"))
                .cure("Choose another directory.")
        }
        io::ErrorKind::InvalidInput if path.as_os_str().as_encoded_bytes().contains(&0) => {
            NodeError::new(format!("the path {:?} holds a NUL character, which no path can", path.to_string_lossy()))
                .cure("Correct the param 'path'.")
        }
        _ => unwritten(&format!("'{shown}'"), error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_refuses_is_said() {
        let message = |error: NodeError| format!("{}. {}", error.cause, error.cure);
        let refused = io::Error::from(io::ErrorKind::PermissionDenied);
        assert_eq!(
            message(uncreated(Path::new("out/a.wav"), &refused)),
            "no permission to write 'out/a.wav'. Choose another directory."
        );
        assert_eq!(
            message(uncreated(Path::new("a.wav"), &io::Error::other("no space left"))),
            "'a.wav' can't be written: no space left. Check the disk."
        );
    }
}
