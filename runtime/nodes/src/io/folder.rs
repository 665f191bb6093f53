//! Makes the folders of a file that is to be written, and none outside the one that was named.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use remotemedia_core::node::NodeError;

use super::output::uncreated;

/// Makes `base` and the folders below it that `path` needs. A link that leads out of `base` is refused.
pub(crate) fn prepare(base: &str, path: &str) -> Result<(), NodeError> {
    let base = Path::new(if base.is_empty() { "." } else { base });
    let path = Path::new(path);
    fs::create_dir_all(base).map_err(|error| unmade(base, &error))?;
    let real_base = base.canonicalize().map_err(|error| unmade(base, &error))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let below = folder.strip_prefix(base).unwrap_or(folder);
    let mut place = if base == Path::new(".") { PathBuf::new() } else { base.to_owned() };
    for part in below.components().filter(|part| matches!(part, Component::Normal(_))) {
        place.push(part);
        match fs::create_dir(&place) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(unmade(&place, &error)),
            _ => {}
        }
        let real = place.canonicalize().map_err(|error| unmade(&place, &error))?;
        if !real.starts_with(&real_base) {
            let cause = format!("'{}' leads out of '{}', to '{}'", place.display(), base.display(), real.display());
            return Err(NodeError::new(cause).cure("Remove that link, or write elsewhere."));
        }
    }
    Ok(())
}

/// A folder that can't be made.
fn unmade(folder: &Path, error: &io::Error) -> NodeError {
    match error.kind() {
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
            NodeError::new(format!("the path '{}' leads through a file as if it were a directory", folder.display()))
                .cure("Choose another directory.")
        }
        _ => uncreated(folder, error),
    }
}
