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
    /// The name of the file as bytes, where it is not UTF-8. Then `name` is that under which its host has it open.
    pub raw_name: Option<Arc<[u8]>>,
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

    /// The item that a file is. Of one in memory nothing but the number is known, and the name that its host gives.
    pub fn of_file(number: u64, file: &File) -> Self {
        let item = Self { name: file.name().map(Arc::from), ..Self::unnamed(number) };
        match (&file.raw_name, &file.source) {
            // Its path is only where its host has it open.
            (Some(raw), _) => match str::from_utf8(raw) {
                Ok(name) => Self { name: Some(name.into()), ..item },
                Err(_) => Self { raw_name: Some(Arc::clone(raw)), ..item },
            },
            (None, FileSource::Path(path)) => {
                let root = path.find(ROOT_MARK).map(|end| Arc::from(&path[..end.max(1)]));
                Self { path: Some(Arc::clone(path)), root, ..item }
            }
            (None, FileSource::Bytes(_)) => item,
        }
    }

    /// The name as bytes, which tells the item from others wherever it was opened.
    pub fn name_bytes(&self) -> Option<&[u8]> {
        self.raw_name.as_deref().or_else(|| self.name.as_deref().map(str::as_bytes))
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
    fn a_file_that_its_host_opened_has_the_name_that_came_with_it() {
        let opened = |name: &[u8]| File { raw_name: Some(name.into()), ..File::from_path("/dev/fd/7") };
        assert_eq!(Item::of_file(2, &opened(b"a.wav")), Item::named(2, "a.wav"));
        let item = Item::of_file(2, &opened(b"\xff.wav"));
        assert_eq!(
            (item.name.as_deref(), item.name_bytes(), item.path.as_deref()),
            (Some("7"), Some(&b"\xff.wav"[..]), None)
        );
    }

    #[test]
    fn a_file_in_memory_has_no_path() {
        let file = File::from_bytes(Buffer::from_bytes(Vec::new()));
        assert_eq!(Item::of_file(7, &file), Item::unnamed(7));
    }
}
