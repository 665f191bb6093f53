//! Where an encoded file goes: memory, a temporary file that takes its name when it is whole, or straight into a pipe or
//! device.
//!
//! It may know nothing of formats.

use std::fs;
use std::io::{self, BufWriter, Cursor, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use remotemedia_core::node::{CancelFlag, NodeError, may_block};

use super::direct::Direct;
use super::disk::DiskFile;
use super::failure::cure_of;
use super::system::keep_owner_and_mode;
use super::target::Target;
use super::temporary::create_beside;

/// A file in the making. Dropping it before [`Output::finish`] leaves nothing behind but what a pipe or device took.
pub(crate) enum Output {
    Memory(Cursor<Vec<u8>>),
    File(TemporaryFile),
    Direct(Direct),
}

/// A file beside its future place, under a name of its own.
pub(crate) struct TemporaryFile {
    writer: Option<BufWriter<DiskFile>>,
    temporary: PathBuf,
    place: PathBuf,
    /// What messages call it: the path that was asked for, which may be a link to the place.
    path: PathBuf,
    existing: Existing,
}

/// What becomes of a file that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Existing {
    /// It stays, and the new one fails.
    Kept,
    /// It stays, and the new one is dropped.
    Preferred,
    /// The new one takes its place, its owner and its mode.
    Replaced,
}

/// What a finished output left.
pub(crate) enum Finished {
    Memory(Vec<u8>),
    File,
    /// Nothing: a file that was made in the meantime is `Existing::Preferred`.
    Dropped,
}

impl Output {
    pub(crate) fn in_memory() -> Self {
        Output::Memory(Cursor::default())
    }

    /// Opens what a path leads to. Of the folder `within`, if there is one, no link leads out. Who waits for the other end of
    /// a pipe stops once it is cancelled.
    pub(crate) fn at(
        path: &str,
        existing: Existing,
        within: Option<&Path>,
        cancel: &CancelFlag,
    ) -> Result<Self, NodeError> {
        may_block(|| {
            let path = PathBuf::from(path);
            let target = Target::of(&path)?;
            if let Some(folder) = within {
                stay_within(folder, &path, target.path())?;
            }
            let (place, replaced) = match target {
                Target::Opened(open) => return Ok(Output::Direct(Direct::open(&open, &path, cancel)?)),
                Target::Place { path, replaced } => (path, replaced),
            };
            if existing == Existing::Kept && is_there(&path) {
                return Err(exists(&path));
            }
            let created = create_beside(&place, replaced.as_ref());
            let (file, temporary) = created.map_err(|error| match error.kind() {
                // The folder that is missing may be one that a link names.
                io::ErrorKind::NotFound => uncreated(&place, &error),
                _ => uncreated(&path, &error),
            })?;
            if let Some(replaced) = &replaced {
                keep_owner_and_mode(&file, replaced);
            }
            let writer = Some(BufWriter::new(DiskFile::new(file)));
            Ok(Output::File(TemporaryFile { writer, temporary, place, path, existing }))
        })
    }

    /// Whether what was written can be written anew. A pipe takes each byte once.
    pub(crate) fn can_seek(&self) -> bool {
        match self {
            Output::Memory(_) | Output::File(_) => true,
            Output::Direct(direct) => direct.can_seek(),
        }
    }

    /// Makes room of at least so many bytes before what was written, where that is possible. Returns how many; the next byte
    /// goes to an unknown place.
    pub(crate) fn make_room_before(&mut self, least: u64) -> io::Result<Option<u64>> {
        match self {
            Output::Memory(bytes) => {
                let _ = bytes.get_mut().splice(..0, std::iter::repeat_n(0, least as usize));
                Ok(Some(least))
            }
            // What others wrote before may stand before it.
            Output::Direct(_) => Ok(None),
            Output::File(file) => match &mut file.writer {
                Some(writer) => {
                    writer.flush()?;
                    writer.get_mut().make_room_before(least).map(Some)
                }
                None => Err(io::Error::from(io::ErrorKind::BrokenPipe)),
            },
        }
    }

    /// Ends the file; one on disk appears at its path now, whole.
    pub(crate) fn finish(self) -> Result<Finished, NodeError> {
        match self {
            Output::Memory(bytes) => Ok(Finished::Memory(bytes.into_inner())),
            Output::Direct(direct) => direct.close().map(|()| Finished::File),
            Output::File(mut file) => {
                let Err(error) = may_block(|| file.appear()) else { return Ok(Finished::File) };
                match (error.kind(), file.existing) {
                    (io::ErrorKind::AlreadyExists, Existing::Preferred) => Ok(Finished::Dropped),
                    (io::ErrorKind::AlreadyExists, Existing::Kept) => Err(exists(&file.path)),
                    _ => Err(unwritten(&format!("'{}'", file.path.display()), &error)),
                }
            }
        }
    }

    fn inner(&mut self) -> io::Result<&mut dyn WriteSeek> {
        match self {
            Output::Memory(bytes) => Ok(bytes),
            Output::Direct(direct) => Ok(direct),
            Output::File(file) => match &mut file.writer {
                Some(writer) => Ok(writer),
                None => Err(io::Error::from(io::ErrorKind::BrokenPipe)),
            },
        }
    }
}

impl TemporaryFile {
    /// Closes it and gives it its name. Without an error from that there is room for all of it.
    fn appear(&mut self) -> io::Result<()> {
        let writer = self.writer.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let file = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
        let _locked = file.lock_holder();
        file.close()?;
        if self.existing != Existing::Replaced {
            // A link fails where a file is, whoever made it in the meantime; a rename would replace it.
            match fs::hard_link(&self.temporary, &self.place) {
                Ok(()) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error),
                // Some file systems have no links.
                Err(_) if is_there(&self.place) => return Err(io::ErrorKind::AlreadyExists.into()),
                Err(_) => {}
            }
        }
        fs::rename(&self.temporary, &self.place)
    }
}

/// Whether there is something under this name, if only a link to nothing.
pub(crate) fn is_there(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// Checks that a file which links put elsewhere than its path is still inside the folder.
fn stay_within(folder: &Path, path: &Path, place: &Path) -> Result<(), NodeError> {
    if place == path {
        // No link is in its place, and those on the way there have been looked at when its folders were made.
        return Ok(());
    }
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let parent = place.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let real = parent.canonicalize().map_err(|error| uncreated(place, &error))?;
    let real_folder = folder.canonicalize().map_err(|error| uncreated(folder, &error))?;
    if real.starts_with(&real_folder) {
        return Ok(());
    }
    let real = real.join(place.file_name().unwrap_or_default());
    let cause = format!("'{}' leads out of '{}', to '{}'", path.display(), folder.display(), real.display());
    Err(NodeError::new(cause).cure("Remove that link, or write elsewhere."))
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
        may_block(|| {
            self.writer = None;
            // After the rename there is nothing to remove, and a failure here can't be reported.
            let _ = fs::remove_file(&self.temporary);
        });
    }
}

/// A file in the place of the one that was to be written.
fn exists(path: &Path) -> NodeError {
    NodeError::new(format!("'{}' is there already", path.display()))
        .cure("Set `overwrite` to replace it, or `skip_existing` to keep it.")
}

/// A file that can't be written.
pub(crate) fn unwritten(name: &str, error: &io::Error) -> NodeError {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return NodeError::new(format!("{name} can't be written: nobody reads this pipe any more"))
            .cure("Keep its reader running until the end.");
    }
    NodeError::new(format!("{name} can't be written: {error}")).cure(cure_of(error).unwrap_or("Check the disk."))
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
        io::ErrorKind::InvalidFilename => {
            NodeError::new(format!("the name of '{shown}' is too long for its file system")).cure("Shorten it.")
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
