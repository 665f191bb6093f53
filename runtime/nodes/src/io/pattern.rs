//! The files that a path or a pattern stands for.
//!
//! Patterns are those of a shell: `*` and `?` within a name, `[a-c]` and `[!a-c]` for one character, `**` for any number of
//! folders. Names that begin with a dot are only found by a pattern that begins with one. Links to files are files; `**` goes
//! through no link to a folder, so that it always ends.
//!
//! Each folder is listed once, whatever the pattern: the search carries along all the places of the pattern that the way to
//! a folder may stand for.

use std::fs;
use std::io;
use std::path::Path;

use remotemedia_core::node::{CancelFlag, NodeError};

use super::failure::{circle, dangling, directory, unopened};
use super::system::is_circle;

/// A file, or something that stands in its place and can't be one.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) path: String,
    pub(crate) problem: Option<NodeError>,
}

/// The files, sorted by path. A file that is called like a pattern is itself. A search that is cancelled finds less. `param` is
/// where the pattern was given.
pub(crate) fn find(pattern: &str, param: &str, cancel: &CancelFlag) -> Result<Vec<Found>, NodeError> {
    match fs::metadata(pattern) {
        Ok(metadata) if metadata.is_dir() => {
            return Err(
                directory(pattern).cure(format!("Write '{}/*' for the files in it.", pattern.trim_end_matches('/')))
            );
        }
        Ok(_) => return Ok(vec![Found { path: pattern.to_owned(), problem: None }]),
        Err(error) if !is_pattern(pattern) => return Err(unopened(pattern, &error)),
        Err(_) => {}
    }
    let (base, rest) = match pattern.strip_prefix('/') {
        Some(rest) => ("/", rest),
        None => ("", pattern),
    };
    let mut names: Vec<&str> = rest.split('/').filter(|name| !name.is_empty()).collect();
    names.dedup_by(|later, earlier| later == earlier && *later == ANY_FOLDERS);
    if names.last() == Some(&ANY_FOLDERS) {
        names.push("*");
    }
    let mut search = Search { names, waiting: Vec::new(), found: Vec::new() };
    search.run(base, cancel);
    let mut found = search.found;
    found.sort_unstable_by(|one, other| one.path.cmp(&other.path));
    found.dedup_by(|one, other| one.path == other.path);
    if found.is_empty() {
        let place = match std::env::current_dir() {
            Ok(place) if base.is_empty() => format!(" in '{}'", place.display()),
            _ => String::new(),
        };
        return Err(
            NodeError::new(format!("no file matches '{pattern}'{place}")).cure(format!("Check the param '{param}'."))
        );
    }
    Ok(found)
}

/// The folder in which a pattern begins to search: what stands before its first wildcard. `None` for the current one, and
/// for a file that is named itself.
pub(crate) fn root<'a>(pattern: &'a str, found: &[Found]) -> Option<&'a str> {
    if found.iter().any(|each| each.path == pattern) {
        return None;
    }
    let fixed = &pattern[..pattern.find(WILDCARDS)?];
    fixed.rfind('/').map(|end| &fixed[..end.max(1)])
}

/// What stands for any number of folders.
const ANY_FOLDERS: &str = "**";

const WILDCARDS: [char; 3] = ['*', '?', '['];

fn is_pattern(name: &str) -> bool {
    name.contains(WILDCARDS)
}

/// A search that is on its way.
struct Search<'a> {
    /// The names of the pattern, one for each folder and the last for the file.
    names: Vec<&'a str>,
    /// The folders that are still to be looked into, with the names that may come next in them, in their order.
    waiting: Vec<(String, Vec<usize>)>,
    found: Vec<Found>,
}

impl Search<'_> {
    /// Looks for all files below a folder; the empty one is where the process stands. Answers how many folders it went
    /// into.
    fn run(&mut self, base: &str, cancel: &CancelFlag) -> usize {
        let mut folders = 0;
        self.enter(base.to_owned(), vec![0]);
        while let Some((folder, places)) = self.waiting.pop().filter(|_| !cancel.is_cancelled()) {
            self.look_into(&folder, &places);
            folders += 1;
        }
        folders
    }

    /// Goes into a folder in which one of the names at these places comes next. `**` may stand for no folder at all.
    fn enter(&mut self, folder: String, mut places: Vec<usize>) {
        let behind: Vec<usize> =
            places.iter().filter(|place| self.names[**place] == ANY_FOLDERS).map(|place| place + 1).collect();
        places.extend(behind);
        places.sort_unstable();
        places.dedup();
        self.waiting.push((folder, places));
    }

    fn look_into(&mut self, folder: &str, places: &[usize]) {
        if places.iter().all(|&place| !is_pattern(self.names[place])) {
            // Without a pattern nothing is listed, as folders that may be gone through and not be listed want it.
            for &place in places {
                self.take(join(folder, self.names[place]), &[place + 1], &[]);
            }
            return;
        }
        let listing = match entries(folder) {
            Ok(listing) => listing,
            Err(problem) => {
                let path = if folder.is_empty() { "." } else { folder };
                return self.found.push(Found { path: path.to_owned(), problem: Some(problem) });
            }
        };
        for entry in listing {
            let name = entry.name.as_str();
            let stays: Vec<usize> = places
                .iter()
                .copied()
                .filter(|&place| self.names[place] == ANY_FOLDERS && entry.is_real_folder && !name.starts_with('.'))
                .collect();
            let behind: Vec<usize> = places
                .iter()
                .filter(|place| self.names[**place] != ANY_FOLDERS && matches_name(self.names[**place], name))
                .map(|place| place + 1)
                .collect();
            if behind.is_empty() && stays.is_empty() {
                continue;
            }
            let path = join(folder, name);
            match entry.problem {
                Some(problem) => self.found.push(Found { path, problem: Some(problem) }),
                None => self.take(path, &behind, &stays),
            }
        }
        // These name no entry of a listing.
        for &place in places {
            if matches!(self.names[place], "." | "..") {
                self.take(join(folder, self.names[place]), &[place + 1], &[]);
            }
        }
    }

    /// Takes a file at the end of the names, or goes on in a folder: with the names `behind` the one that led to it, and with
    /// `**` that `stays`.
    fn take(&mut self, path: String, behind: &[usize], stays: &[usize]) {
        let metadata = match fs::metadata(&path) {
            Ok(metadata) => metadata,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                // One that leads nowhere might be a file.
                if let Some(target) = fs::read_link(&path).ok().filter(|_| behind.contains(&self.names.len())) {
                    let problem = dangling(&path, &target);
                    self.found.push(Found { path, problem: Some(problem) });
                }
                return;
            }
            Err(error) => {
                let problem = if is_circle(&error) { circle(&path) } else { unopened(&path, &error) };
                return self.found.push(Found { path, problem: Some(problem) });
            }
        };
        if !metadata.is_dir() {
            if behind.contains(&self.names.len()) {
                self.found.push(Found { path, problem: None });
            }
            return;
        }
        let next: Vec<usize> = behind.iter().chain(stays).copied().filter(|place| *place < self.names.len()).collect();
        if !next.is_empty() {
            self.enter(path, next);
        }
    }
}

struct Entry {
    name: String,
    is_real_folder: bool,
    problem: Option<NodeError>,
}

fn entries(folder: &str) -> Result<Vec<Entry>, NodeError> {
    let shown = if folder.is_empty() { "." } else { folder };
    let unread = |error: io::Error| {
        NodeError::new(format!("the folder '{shown}' can't be read: {error}")).cure("Check its rights, or the pattern.")
    };
    let listing = match fs::read_dir(Path::new(shown)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        listing => listing.map_err(unread)?,
    };
    let mut entries = Vec::new();
    for entry in listing {
        let entry = entry.map_err(unread)?;
        let is_real_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let (name, problem) = match entry.file_name().into_string() {
            Ok(name) => (name, None),
            Err(name) => {
                let name = name.to_string_lossy().into_owned();
                let cause = format!("the folder '{shown}' holds a name that is not UTF-8, '{name}'");
                (name, Some(NodeError::new(cause).cure("Rename it.")))
            }
        };
        entries.push(Entry { name, is_real_folder, problem });
    }
    Ok(entries)
}

fn join(folder: &str, name: &str) -> String {
    match folder {
        "" => name.to_owned(),
        _ if folder.ends_with('/') => format!("{folder}{name}"),
        _ => format!("{folder}/{name}"),
    }
}

fn matches_name(pattern: &str, name: &str) -> bool {
    if name.starts_with('.') && !pattern.starts_with('.') {
        return false;
    }
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    // The last star and how far it reaches: what fails behind it is tried again with one character more in it.
    let (mut at, mut seen, mut star) = (0, 0, None);
    while seen < name.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at + 1, seen));
                at += 1;
            }
            Some(_) => match matches_one(&pattern[at..], name[seen]) {
                Some(length) => (at, seen) = (at + length, seen + 1),
                None => match &mut star {
                    Some((behind, reach)) => {
                        *reach += 1;
                        (at, seen) = (*behind, *reach);
                    }
                    None => return false,
                },
            },
            None => match &mut star {
                Some((behind, reach)) => {
                    *reach += 1;
                    (at, seen) = (*behind, *reach);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|&rest| rest == '*')
}

/// How much of the pattern stands for this character, if it does. A bracket that is never closed is itself.
fn matches_one(pattern: &[char], character: char) -> Option<usize> {
    match pattern {
        ['?', ..] => Some(1),
        ['[', set @ ..] => {
            let is_negated = set.first() == Some(&'!');
            let set = if is_negated { &set[1..] } else { set };
            // A bracket that comes first is in the set.
            let Some(end) = set.iter().skip(1).position(|&end| end == ']').map(|end| end + 1) else {
                return (character == '[').then_some(1);
            };
            let is_in = in_set(&set[..end], character);
            (is_in != is_negated).then_some(end + 2 + usize::from(is_negated))
        }
        [literal, ..] => (*literal == character).then_some(1),
        [] => None,
    }
}

fn in_set(mut set: &[char], character: char) -> bool {
    loop {
        match set {
            [first, '-', last, rest @ ..] => {
                if (*first..=*last).contains(&character) {
                    return true;
                }
                set = rest;
            }
            [one, rest @ ..] => {
                if *one == character {
                    return true;
                }
                set = rest;
            }
            [] => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_folder_is_looked_into_once() {
        let base = std::env::temp_dir().join(format!("remotemedia-pattern-{}", std::process::id()));
        // A chain of 20 folders, with a file at its end.
        let last = (0..20).fold(base.clone(), |folder, number| folder.join(number.to_string()));
        fs::create_dir_all(&last).unwrap();
        fs::write(last.join("x.wav"), b"").unwrap();
        for stars in 1..=8 {
            let names = ["**", "*"].repeat(stars).into_iter().chain(["**", "x.wav"]).collect();
            let mut search = Search { names, waiting: Vec::new(), found: Vec::new() };
            let folders = search.run(base.to_str().unwrap(), &CancelFlag::default());
            assert_eq!((folders, search.found.len()), (21, 1), "{stars} times two stars");
        }
        let cancel = CancelFlag::default();
        cancel.cancel();
        let mut search = Search { names: vec!["**", "x.wav"], waiting: Vec::new(), found: Vec::new() };
        assert_eq!(search.run(base.to_str().unwrap(), &cancel), 0);
        fs::remove_dir_all(&base).unwrap();
    }

    #[test]
    fn names_match_as_in_a_shell() {
        for (pattern, name, expected) in [
            ("*.wav", "a.wav", true),
            ("*.wav", "a.flac", false),
            ("*.wav", ".hidden.wav", false),
            (".*.wav", ".hidden.wav", true),
            ("a*b*c", "aXbXbc", true),
            ("a*b*c", "aXbXbcd", false),
            ("?.wav", "ä.wav", true),
            ("?.wav", ".wav", false),
            ("take[0-9].wav", "take7.wav", true),
            ("take[!0-9].wav", "take7.wav", false),
            ("take[!0-9].wav", "takeX.wav", true),
            ("[]x]", "]", true),
            ("[abc", "[abc", true),
            ("*", "", true),
            ("**.wav", "a.wav", true),
        ] {
            assert_eq!(matches_name(pattern, name), expected, "{pattern} {name}");
        }
    }
}
