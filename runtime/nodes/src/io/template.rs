//! A path with places for what differs from file to file: `out/{stem}/{index:05d}.wav`.

use remotemedia_core::node::{Item, NodeError};
use remotemedia_core::outside::{quoted, shown};

use super::item_names::{parent, relative, stem};

/// A path in parts, with the folder that no file made of it may leave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Template {
    parts: Vec<Part>,
    folder: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    /// The name of the item, without its ending.
    Stem,
    /// The name of the folder that the file of the item is in.
    Parent,
    /// The path of the file of the item below the folder where its search began, without its ending.
    Relative,
    /// The number of the file, with at least so many digits.
    Index(usize),
}

impl Template {
    /// Reads a path; what is wrong with it is answered as what was expected and what was there.
    pub(crate) fn parse(path: &str) -> Result<Self, (String, String)> {
        let mut parts = Vec::new();
        let mut text = String::new();
        let mut rest = path;
        while let Some(at) = rest.find(['{', '}']) {
            text.push_str(&rest[..at]);
            let (mark, behind) = (&rest[at..=at], &rest[at + 1..]);
            if let Some(behind) = behind.strip_prefix(mark) {
                text.push_str(mark);
                rest = behind;
                continue;
            }
            let Some((inside, behind)) = behind.split_once('}').filter(|_| mark == "{") else {
                let expected = "a path whose braces come in pairs; write {{ or }} for one that is meant".to_owned();
                return Err((expected, quoted(path)));
            };
            if !text.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut text)));
            }
            parts.push(Part::parse(inside).ok_or_else(|| {
                let expected =
                    "{stem}, {parent}, {relative}, {index} or {index:05d} in braces, and {{ for a brace".to_owned();
                (expected, format!("{{{}}}", shown(inside)))
            })?);
            rest = behind;
        }
        text.push_str(rest);
        if !text.is_empty() {
            parts.push(Part::Text(text));
        }
        let literal = match parts.first() {
            Some(Part::Text(text)) => text.as_str(),
            _ => "",
        };
        let folder = literal.rfind('/').map_or("", |end| &literal[..end.max(1)]).to_owned();
        let template = Self { parts, folder };
        template.check(path)?;
        Ok(template)
    }

    /// That the last part of the path is a name, and that nothing in it leads back.
    fn check(&self, path: &str) -> Result<(), (String, String)> {
        let shape: String = self.parts.iter().map(Part::placeholder).collect();
        let name = shape.rsplit('/').next().unwrap_or_default();
        if name.is_empty() || name == "." || name == ".." {
            return Err(("a path that ends with the name of a file".to_owned(), quoted(path)));
        }
        if shape[self.folder.len()..].split('/').any(|part| part == "..") {
            return Err(("a path without '..' behind a placeholder".to_owned(), quoted(path)));
        }
        Ok(())
    }

    /// Whether files may have different paths.
    pub(crate) fn has_places(&self) -> bool {
        self.parts.iter().any(|part| !matches!(part, Part::Text(_)))
    }

    /// The folder before the first placeholder; empty for where the process stands.
    pub(crate) fn folder(&self) -> &str {
        &self.folder
    }

    /// The path of file `index` of the run.
    pub(crate) fn fill(&self, item: &Item, index: u64) -> Result<String, NodeError> {
        let mut path = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => path.push_str(text),
                Part::Index(width) => path.push_str(&format!("{index:0width$}")),
                Part::Stem => path.push_str(stem(item)?),
                Part::Parent => path.push_str(&parent(item)?),
                Part::Relative => path.push_str(&relative(item)?),
            }
        }
        Ok(path)
    }
}

impl Part {
    fn parse(inside: &str) -> Option<Self> {
        match inside {
            "stem" => Some(Part::Stem),
            "parent" => Some(Part::Parent),
            "relative" => Some(Part::Relative),
            "index" => Some(Part::Index(0)),
            _ => {
                let width = inside.strip_prefix("index:0")?.strip_suffix('d')?;
                let is_number = width.bytes().all(|digit| digit.is_ascii_digit());
                width.parse().ok().filter(|width| is_number && (1..=20).contains(width)).map(Part::Index)
            }
        }
    }

    fn placeholder(&self) -> &str {
        match self {
            Part::Text(text) => text,
            Part::Stem => "stem",
            Part::Parent => "parent",
            Part::Relative => "relative",
            Part::Index(_) => "0",
        }
    }
}

#[cfg(test)]
mod tests {
    use remotemedia_core::value::File;

    use super::*;

    fn item(name: &str) -> Item {
        Item::named(3, name)
    }

    fn filled(path: &str, name: &str, index: u64) -> String {
        Template::parse(path).unwrap().fill(&item(name), index).unwrap()
    }

    #[test]
    fn placeholders_are_filled() {
        assert_eq!(filled("out/{stem}/{index:05d}.wav", "call.flac", 7), "out/call/00007.wav");
        assert_eq!(filled("{index}{stem}.x", "a.b.c", 123), "123a.b.x");
        assert_eq!(filled("{stem}", ".profile", 0), ".profile");
        let item = Item::of_file(0, &File::from_path("calls/./may/a.b.flac"));
        let path = Template::parse("{parent}-{stem}/{relative}.opus").unwrap().fill(&item, 0).unwrap();
        assert_eq!(path, "may-a.b/may/a.b.opus");
        assert_eq!(filled("o{{ut}}/{index:02d}", "x", 123), "o{ut}/123");
        #[cfg(unix)]
        assert_eq!(filled("{stem}.x", "a\\b.bin", 0), "a\\b.x");
    }

    #[test]
    fn the_folder_is_what_comes_before_the_first_placeholder() {
        for (path, folder) in [
            ("out/a{stem}/b.wav", "out"),
            ("{stem}.wav", ""),
            ("/{stem}", "/"),
            ("../o/x.wav", "../o"),
            ("/a/b/{index}", "/a/b"),
        ] {
            assert_eq!(Template::parse(path).unwrap().folder(), folder, "{path}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_path_is_said() {
        let braces = "a path whose braces come in pairs; write {{ or }} for one that is meant";
        let places = "{stem}, {parent}, {relative}, {index} or {index:05d} in braces, and {{ for a brace";
        let named = "a path that ends with the name of a file";
        for (path, expected, got) in [
            ("out/{stem.wav", braces, "\"out/{stem.wav\""),
            ("out/stem}.wav", braces, "\"out/stem}.wav\""),
            ("{name}.wav", places, "{name}"),
            ("{index:5d}.wav", places, "{index:5d}"),
            ("{index:099d}.wav", places, "{index:099d}"),
            ("{index:0+5d}.wav", places, "{index:0+5d}"),
            ("out/", named, "\"out/\""),
            ("", named, "\"\""),
            ("{relative}/../x.wav", "a path without '..' behind a placeholder", "\"{relative}/../x.wav\""),
            ("{stem}/..", named, "\"{stem}/..\""),
            ("{stem}/../../x.wav", "a path without '..' behind a placeholder", "\"{stem}/../../x.wav\""),
        ] {
            assert_eq!(Template::parse(path), Err((expected.to_owned(), got.to_owned())), "{path}");
        }
    }
}
