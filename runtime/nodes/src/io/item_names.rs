//! What an item gives to the path of its result: its own name, that of its folder, its place below the folder where its
//! search began. None of them can lead out of the folder that it is put into.

use std::borrow::Cow;
use std::path::{Component, Path};

use remotemedia_core::node::{Item, NodeError};
use remotemedia_core::outside::quoted;

/// The name of an item without its ending, if it can be a part of a path.
pub(super) fn stem(item: &Item) -> Result<&str, NodeError> {
    require_text(item, "{stem}")?;
    let Some(name) = &item.name else {
        return Err(NodeError::new("the item has no name that {stem} could stand for")
            .cure("Send a File by path, or use {index}."));
    };
    let stem = without_ending(name);
    // What divides a path is up to the system: `\` is a letter on Unix.
    let leads_away =
        stem.contains(|letter| std::path::is_separator(letter) || letter == '\0') || matches!(stem, "" | "." | "..");
    if leads_away {
        return Err(NodeError::new(format!("{{stem}} of the item {} is no name of a file or folder", quoted(name)))
            .cure("Rename the item, or use {index}."));
    }
    Ok(stem)
}

/// The name of the folder that the file of an item is in.
pub(super) fn parent(item: &Item) -> Result<String, NodeError> {
    let path = path_of(item, "{parent}")?;
    let absolute = names_of(&absolute(path)?);
    match &absolute[..] {
        [.., parent, _] => Ok(parent.clone()),
        _ => Err(NodeError::new(format!("the file {} is in no folder whose name {{parent}} could be", quoted(path)))
            .cure("Use {stem} or {index}.")),
    }
}

/// The path of the file of an item, without its ending, seen from the folder where its search began; of a file that was
/// named itself, seen from the current folder. What lies outside of that is seen from `/`.
pub(super) fn relative(item: &Item) -> Result<String, NodeError> {
    let path = path_of(item, "{relative}")?;
    let file = names_of(&absolute(path)?);
    let root = names_of(&absolute(item.root.as_deref().unwrap_or("."))?);
    let below = file.strip_prefix(&root[..]).filter(|names| !names.is_empty()).unwrap_or(&file);
    match below {
        [folders @ .., name] => {
            let mut names: Vec<&str> = folders.iter().map(String::as_str).collect();
            names.push(without_ending(name));
            Ok(names.join("/"))
        }
        [] => Err(NodeError::new(format!("{} is no path of a file, which {{relative}} is made of", quoted(path)))
            .cure("Send a File by path, or use {index}.")),
    }
}

/// Refuses an item that is known by bytes: what its host calls it instead would tell nothing.
fn require_text(item: &Item, field: &str) -> Result<(), NodeError> {
    match &item.raw_name {
        None => Ok(()),
        Some(name) => Err(NodeError::new(format!(
            "the name of the item, {}, is not UTF-8, which a path of {field} has to be",
            quoted(&String::from_utf8_lossy(name))
        ))
        .cure("Rename the file, or use {index}.")),
    }
}

fn path_of<'a>(item: &'a Item, field: &str) -> Result<&'a str, NodeError> {
    require_text(item, field)?;
    let Some(path) = &item.path else {
        let named = item.name.as_ref().map(|name| format!(" {}", quoted(name))).unwrap_or_default();
        return Err(NodeError::new(format!("the item{named} has no path that {field} could be made of"))
            .cure("Send a File by path, or use {stem} or {index}."));
    };
    if path.contains('\0') {
        return Err(NodeError::new(format!("{} is no path of a file", quoted(path))).cure("Rename the file."));
    }
    Ok(path)
}

/// A path from the root of the file system on.
fn absolute(path: &str) -> Result<Cow<'_, Path>, NodeError> {
    let path = Path::new(path);
    if path.is_absolute() {
        return Ok(path.into());
    }
    let here = std::env::current_dir().map_err(|error| {
        NodeError::new(format!("the current folder, from which {{relative}} and {{parent}} are seen, is gone: {error}"))
            .cure("Start the program in a folder that exists, or give absolute paths.")
    })?;
    Ok(here.join(path).into())
}

/// The names in an absolute path. `.` is left out, and `..` takes the name before it away: no name leads elsewhere.
fn names_of(path: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => names.push(name.to_string_lossy().into_owned()),
            Component::ParentDir => drop(names.pop()),
            Component::Prefix(_) | Component::RootDir | Component::CurDir => {}
        }
    }
    names
}

/// A name without its ending. Dots at its beginning begin no ending, as in `.profile`.
fn without_ending(name: &str) -> &str {
    match name.rsplit_once('.') {
        Some((stem, _)) if stem.contains(|letter| letter != '.') => stem,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use remotemedia_core::value::{Buffer, File};

    use super::*;

    fn file(path: &str, root: Option<&str>) -> Item {
        Item::of_file(0, &File::from_path(path)).below(root.map(Into::into))
    }

    #[test]
    fn a_file_is_seen_from_the_folder_where_its_search_began() {
        for (path, root, expected) in [
            ("/data/calls/may/a.b.flac", Some("/data/calls"), "may/a.b"),
            ("/data/calls/may/a.flac", Some("/data/calls/"), "may/a"),
            ("/data/calls/may/a.flac", Some("/"), "data/calls/may/a"),
            ("/data/./calls//may/../june/a.flac", Some("/data/calls"), "june/a"),
            ("calls/may/a.flac", Some("calls"), "may/a"),
            ("../calls/may/a.flac", Some("../calls"), "may/a"),
            ("calls/may/a.flac", Some("."), "calls/may/a"),
            ("calls/may/a.flac", None, "calls/may/a"),
            ("./a.flac", None, "a"),
            ("/data/.profile", Some("/data"), ".profile"),
            // Outside of it, and with a name that only begins like it.
            ("/elsewhere/a.flac", Some("/data"), "elsewhere/a"),
            ("/data-2/a.flac", Some("/data"), "data-2/a"),
            ("/data/../../../etc/passwd", Some("/data"), "etc/passwd"),
            ("/etc/passwd", None, "etc/passwd"),
        ] {
            assert_eq!(relative(&file(path, root)).unwrap(), expected, "{path} from {root:?}");
        }
    }

    #[test]
    fn the_folder_of_a_file_has_a_name() {
        let here = std::env::current_dir().unwrap();
        let here = here.file_name().unwrap().to_str().unwrap();
        for (path, expected) in
            [("/data/may/a.flac", "may"), ("may/./a.flac", "may"), ("a.flac", here), ("x/../a", here)]
        {
            assert_eq!(parent(&file(path, None)).unwrap(), expected, "{path}");
        }
        let error = parent(&file("/a.flac", None)).unwrap_err();
        assert_eq!(error.cause, "the file \"/a.flac\" is in no folder whose name {parent} could be");
    }

    #[test]
    fn an_item_without_a_path_is_refused() {
        let bytes = Item::of_file(0, &File::from_bytes(Buffer::from_bytes(Vec::new())));
        let error = relative(&bytes).unwrap_err();
        assert_eq!(error.cause, "the item has no path that {relative} could be made of");
        assert_eq!(error.cure, "Send a File by path, or use {stem} or {index}.");
        let error = parent(&Item::named(0, "talk")).unwrap_err();
        assert_eq!(error.cause, "the item \"talk\" has no path that {parent} could be made of");
        assert!(relative(&file("/a\0b", None)).is_err());
        assert!(relative(&file("/", None)).is_err());
    }

    #[test]
    fn a_name_that_is_not_utf8_is_refused() {
        let name: &[u8] = b"\xff1.wav";
        let item = Item::of_file(0, &File { raw_name: Some(name.into()), ..File::from_path("/dev/fd/7") });
        let error = stem(&item).unwrap_err();
        assert_eq!(
            (error.cause.as_str(), error.cure.as_str()),
            (
                "the name of the item, \"\u{fffd}1.wav\", is not UTF-8, which a path of {stem} has to be",
                "Rename the file, or use {index}."
            )
        );
        assert!(parent(&item).is_err() && relative(&item).is_err());
    }

    #[test]
    fn a_name_that_leads_elsewhere_is_refused() {
        for name in ["..", "../../etc/passwd", "/etc/passwd", ".", "", "a\0b", "..x", "..."] {
            let error = stem(&Item::named(0, name)).err().map(|error| (error.cause, error.cure));
            let expected = (!matches!(name, "..x" | "...")).then(|| {
                let cause = format!("{{stem}} of the item {} is no name of a file or folder", quoted(name));
                (cause, "Rename the item, or use {index}.".to_owned())
            });
            assert_eq!(error, expected, "{name:?}");
        }
        let error = stem(&Item::unnamed(0)).unwrap_err();
        assert_eq!(error.cause, "the item has no name that {stem} could stand for");
        assert_eq!(error.cure, "Send a File by path, or use {index}.");
    }
}
