//! What stands in the place of a file that is to be written, and where its bytes go because of that.
//!
//! A regular file is replaced, one that a link leads to where it lies. Pipes and devices are written into, and so is what
//! `/dev/stdout` and other names of open files stand for. Everything else is refused.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use remotemedia_core::node::NodeError;

use super::failure::{circle, socket};
use super::output::uncreated;
use super::system::{Kind, is_circle, is_open_file, kind_of};

/// Where bytes go.
pub(super) enum Target {
    /// A file takes this place when it is whole.
    Place {
        path: PathBuf,
        /// The file that is there now.
        replaced: Option<fs::Metadata>,
    },
    /// A pipe, a terminal or another device, or an open file of this process: written into as it is.
    Opened(PathBuf),
}

/// So many links may follow each other, as on Linux.
const MOST_LINKS: usize = 40;

impl Target {
    /// What a path leads to; links are followed, also one to a file that is not there yet.
    pub(super) fn of(path: &Path) -> Result<Self, NodeError> {
        let shown = path.display();
        let metadata = match fs::metadata(path) {
            Err(error) if is_circle(&error) => return Err(circle(&shown.to_string())),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(uncreated(path, &error)),
            metadata => metadata.ok(),
        };
        match metadata.as_ref().map(kind_of) {
            None | Some(Kind::Regular) => {}
            Some(Kind::Stream) => return Ok(Target::Opened(path.to_owned())),
            Some(Kind::Directory) => {
                return Err(NodeError::new(format!("'{shown}' is a directory")).cure("Name a file in it."));
            }
            Some(Kind::Socket) => return Err(socket(&shown.to_string(), "written")),
            Some(Kind::BlockDevice) => {
                return Err(NodeError::new(format!("'{shown}' is a disk, and all that is on it would be lost"))
                    .cure("Write to a file on it."));
            }
        }
        let mut place = path.to_owned();
        for _ in 0..MOST_LINKS {
            if is_open_file(&place) {
                return Ok(Target::Opened(place));
            }
            match fs::read_link(&place) {
                // A link is relative to the folder that it lies in.
                Ok(next) => place = place.parent().unwrap_or(Path::new("")).join(next),
                Err(_) => return Ok(Target::Place { path: place, replaced: metadata }),
            }
        }
        Err(circle(&shown.to_string()))
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        match self {
            Target::Place { path, .. } | Target::Opened(path) => path,
        }
    }
}
