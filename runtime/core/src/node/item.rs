//! The item whose packets a node gets, as far as the node may know it.

use std::sync::Arc;

use crate::value::{File, FileSource};

/// One input of a run, one item of a source such as a file, or the stream of a session since its beginning or its last
/// flush.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Item {
    /// Counts from 0 within the run. In a session, the number of the first packet of the stream.
    pub number: u64,
    /// How many items of the run came before it, also in a session.
    pub ordinal: u64,
    /// The name of the file without its folder, or the name that a source gives.
    pub name: Option<Arc<str>>,
    /// The path of the file as it was given, where the item is a file by path.
    pub path: Option<Arc<str>>,
    /// The folder where the search began that found the file. Without one, the file was named itself.
    pub root: Option<Arc<str>>,
}

/// What marks the root in the path of a file that is given by itself, as rsync has it: `calls/./may/a.wav` lies at
/// `may/a.wav` below `calls`.
const ROOT_MARK: &str = "/./";

impl Item {
    /// An item without a name, with as many before it as its number says.
    pub fn unnamed(number: u64) -> Self {
        Self { number, ordinal: number, ..Self::default() }
    }

    /// An item with a name that is no file's.
    pub fn named(number: u64, name: impl Into<Arc<str>>) -> Self {
        Self { name: Some(name.into()), ..Self::unnamed(number) }
    }

    /// The item that a file is. Of one in memory nothing but the number is known.
    pub fn of_file(number: u64, file: &File) -> Self {
        let FileSource::Path(path) = &file.source else { return Self::unnamed(number) };
        let root = path.find(ROOT_MARK).map(|end| Arc::from(&path[..end.max(1)]));
        let name = file.name().map(Arc::from);
        Self { name, path: Some(Arc::clone(path)), root, ..Self::unnamed(number) }
    }

    /// The same item with the folder where its search began.
    pub fn below(self, root: Option<Arc<str>>) -> Self {
        Self { root, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Buffer;

    #[test]
    fn a_file_by_path_has_its_path_and_the_root_that_is_marked_in_it() {
        for (path, root) in [
            ("calls/may/a.wav", None),
            ("calls/./may/a.wav", Some("calls")),
            ("/./a.wav", Some("/")),
            ("./a.wav", None),
            ("/data/./x/./a.wav", Some("/data")),
        ] {
            let item = Item::of_file(2, &File::from_path(path));
            assert_eq!((item.number, item.name.as_deref(), item.path.as_deref()), (2, Some("a.wav"), Some(path)));
            assert_eq!(item.root.as_deref(), root, "{path}");
        }
    }

    #[test]
    fn a_file_in_memory_has_no_path() {
        let file = File { source: FileSource::Bytes(Buffer::from_bytes(Vec::new())), mime: None };
        assert_eq!(Item::of_file(7, &file), Item::unnamed(7));
    }
}
