//! Files as Windows has them: pipes and devices have names of their own, outside of the file system, and a new file takes
//! its rights from its folder.

use std::fs;
use std::io;
use std::os::windows::fs::OpenOptionsExt;
use std::path::Path;

use remotemedia_core::node::CancelFlag;

use super::{Kind, Ready, TooManyOpen, Woken};

/// What a path leads to.
pub(in crate::io) fn kind_of(metadata: &fs::Metadata) -> Kind {
    if metadata.is_dir() { Kind::Directory } else { Kind::Regular }
}

/// Whether links lead round in a circle.
pub(in crate::io) fn is_circle(error: &io::Error) -> bool {
    const ERROR_CANT_RESOLVE_FILENAME: i32 = 1921;
    error.raw_os_error() == Some(ERROR_CANT_RESOLVE_FILENAME)
}

/// Whether no file could be opened since too many are.
pub(in crate::io) fn too_many_open(error: &io::Error) -> Option<TooManyOpen> {
    const ERROR_TOO_MANY_OPEN_FILES: i32 = 4;
    (error.raw_os_error() == Some(ERROR_TOO_MANY_OPEN_FILES)).then_some(TooManyOpen::Process)
}

/// Whether a path names a file that a process has open, rather than one in a folder: there are no such names.
pub(in crate::io) fn is_open_file(_: &Path) -> bool {
    false
}

/// Opens what is there, also a folder, so that it is not taken for a file without the right to read it.
pub(in crate::io) fn open_to_read(path: &str) -> io::Result<fs::File> {
    const FILE_FLAG_BACKUP_SEMANTICS: u32 = 0x0200_0000;
    fs::OpenOptions::new().read(true).custom_flags(FILE_FLAG_BACKUP_SEMANTICS).open(path)
}

/// Opens what is there for writing.
pub(in crate::io) fn open_for_writing(place: &Path, _: &CancelFlag) -> io::Result<Option<fs::File>> {
    fs::OpenOptions::new().write(true).open(place).map(Some)
}

/// Closes a file, which never fails: writes say what is wrong.
pub(in crate::io) fn close(file: fs::File) -> io::Result<()> {
    drop(file);
    Ok(())
}

/// Waits for nothing: files of Windows can't be waited for, so that reads and writes themselves wait.
pub(in crate::io) fn wait_for(_: &fs::File, _: Ready) -> io::Result<Option<Woken>> {
    Ok(Some(Woken::Ready))
}

/// How a file is made that was not there.
pub(in crate::io) fn create_new(_: Option<&fs::Metadata>) -> fs::OpenOptions {
    let mut options = fs::OpenOptions::new();
    options.read(true).write(true).create_new(true);
    options
}

/// Locks nothing: its locks keep others from reading, and no command there removes what killed processes left.
pub(in crate::io) fn hold(_: &fs::File, _: &Path) -> bool {
    true
}

/// Nothing: its file systems can't insert.
pub(in crate::io) fn insert_blocks(_: &fs::File, _: u64) -> Option<u64> {
    None
}

/// Leaves the rights that the folder gave: those of the replaced file are lists that the standard library can't copy.
pub(in crate::io) fn keep_owner_and_mode(_: &fs::File, _: &fs::Metadata) {}
