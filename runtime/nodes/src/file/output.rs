//! Where an encoded file goes: memory, or a temporary file that takes its name when it is whole.
//!
//! It may know nothing of formats.

use std::fs;
use std::io::{self, BufWriter, Cursor, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use remotemedia_core::node::NodeError;

/// A file in the making. Dropping it before [`Output::finish`] leaves nothing behind.
pub(crate) enum Output {
    Memory(Cursor<Vec<u8>>),
    File(TemporaryFile),
}

/// A file beside its future place, under a name of its own.
pub(crate) struct TemporaryFile {
    writer: Option<BufWriter<fs::File>>,
    temporary: PathBuf,
    path: PathBuf,
    existing: Existing,
}

/// What becomes of a file that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Existing {
    /// It stays, and the new one fails.
    Kept,
    /// The new one takes its place.
    Replaced,
}

/// What a finished output left.
pub(crate) enum Finished {
    Memory(Vec<u8>),
    File,
}

impl Output {
    pub(crate) fn in_memory() -> Self {
        Output::Memory(Cursor::default())
    }

    pub(crate) fn at(path: &str, existing: Existing) -> Result<Self, NodeError> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let path = PathBuf::from(path);
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let temporary = path.with_file_name(format!(".{name}.{}-{number}.part", std::process::id()));
        if path.is_dir() {
            return Err(NodeError::new(format!("'{}' is a directory", path.display())).cure("Name a file in it."));
        }
        if existing == Existing::Kept && is_there(&path) {
            return Err(exists(&path));
        }
        let file = fs::File::create_new(&temporary).map_err(|error| uncreated(&path, &error))?;
        Ok(Output::File(TemporaryFile { writer: Some(BufWriter::new(file)), temporary, path, existing }))
    }

    /// Ends the file; one on disk appears at its path now, whole.
    pub(crate) fn finish(self) -> Result<Finished, NodeError> {
        match self {
            Output::Memory(bytes) => Ok(Finished::Memory(bytes.into_inner())),
            Output::File(mut file) => {
                let result = match file.writer.take() {
                    Some(writer) => writer.into_inner().map_err(io::IntoInnerError::into_error).map(drop),
                    None => Ok(()),
                };
                result.and_then(|()| file.appear()).map_err(|error| match error.kind() {
                    io::ErrorKind::AlreadyExists if file.existing == Existing::Kept => exists(&file.path),
                    _ => unwritten(&format!("'{}'", file.path.display()), &error),
                })?;
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

impl TemporaryFile {
    /// Gives it its name.
    fn appear(&self) -> io::Result<()> {
        if self.existing == Existing::Kept {
            // A link fails where a file is, whoever made it in the meantime; a rename would replace it.
            match fs::hard_link(&self.temporary, &self.path) {
                Ok(()) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error),
                // Some file systems have no links.
                Err(_) if is_there(&self.path) => return Err(io::ErrorKind::AlreadyExists.into()),
                Err(_) => {}
            }
        }
        fs::rename(&self.temporary, &self.path)
    }
}

/// Whether there is something under this name, if only a link to nothing.
pub(crate) fn is_there(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
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

/// A file in the place of the one that was to be written.
fn exists(path: &Path) -> NodeError {
    NodeError::new(format!("'{}' is there already", path.display()))
        .cure("Set `overwrite` to replace it, or `skip_existing` to keep it.")
}

/// A file that can't be written.
pub(crate) fn unwritten(name: &str, error: &io::Error) -> NodeError {
    NodeError::new(format!("{name} can't be written: {error}")).cure("Check the disk.")
}

pub(super) fn uncreated(path: &Path, error: &io::Error) -> NodeError {
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
