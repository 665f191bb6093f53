//! The files that a path or a pattern stands for.
//!
//! Patterns are those of a shell: `*` and `?` within a name, `[a-c]` and `[!a-c]` for one character, `**` for any number of
//! folders. Names that begin with a dot are only found by a pattern that begins with one. Links to files are files; `**` goes
//! through no link to a folder, so that it always ends.

use std::fs;
use std::io;
use std::path::Path;

use remotemedia_core::node::NodeError;

use super::failure::{directory, unopened};

/// The files, sorted by path. A file that is called like a pattern is itself.
pub(super) fn find(pattern: &str) -> Result<Vec<String>, NodeError> {
    match fs::metadata(pattern) {
        Ok(metadata) if metadata.is_dir() => {
            return Err(
                directory(pattern).cure(format!("Write '{}/*' for the files in it.", pattern.trim_end_matches('/')))
            );
        }
        Ok(_) => return Ok(vec![pattern.to_owned()]),
        Err(error) if !is_pattern(pattern) => return Err(unopened(pattern, &error)),
        Err(_) => {}
    }
    let (base, rest) = match pattern.strip_prefix('/') {
        Some(rest) => ("/", rest),
        None => ("", pattern),
    };
    let mut names: Vec<&str> = rest.split('/').filter(|name| !name.is_empty()).collect();
    if names.last() == Some(&"**") {
        names.push("*");
    }
    let mut found = Vec::new();
    search(base, &names, &mut found)?;
    found.sort_unstable();
    found.dedup();
    if found.is_empty() {
        let place = match std::env::current_dir() {
            Ok(place) if base.is_empty() => format!(" in '{}'", place.display()),
            _ => String::new(),
        };
        return Err(NodeError::new(format!("no file matches '{pattern}'{place}")).cure("Check the param 'path'."));
    }
    Ok(found)
}

fn is_pattern(name: &str) -> bool {
    name.contains(['*', '?', '['])
}

/// Adds what the names lead to from a folder on; the empty one is where the process stands.
fn search(folder: &str, names: &[&str], found: &mut Vec<String>) -> Result<(), NodeError> {
    let Some((&name, rest)) = names.split_first() else { return Ok(()) };
    if name == "**" {
        search(folder, rest, found)?;
        for entry in entries(folder)? {
            if entry.is_real_folder && !entry.name.starts_with('.') {
                search(&join(folder, &entry.name), names, found)?;
            }
        }
        return Ok(());
    }
    if !is_pattern(name) {
        let path = join(folder, name);
        return descend(path, rest, found);
    }
    for entry in entries(folder)? {
        if matches_name(name, &entry.name) {
            descend(join(folder, &entry.name), rest, found)?;
        }
    }
    Ok(())
}

/// Takes a file at the end of the names, or goes on in a folder.
fn descend(path: String, rest: &[&str], found: &mut Vec<String>) -> Result<(), NodeError> {
    let Ok(metadata) = fs::metadata(&path) else { return Ok(()) };
    if rest.is_empty() {
        if !metadata.is_dir() {
            found.push(path);
        }
        return Ok(());
    }
    if metadata.is_dir() { search(&path, rest, found) } else { Ok(()) }
}

struct Entry {
    name: String,
    is_real_folder: bool,
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
        let name = entry.file_name().into_string().map_err(|name| {
            NodeError::new(format!("the folder '{shown}' holds a name that is not UTF-8, '{}'", name.to_string_lossy()))
                .cure("Rename it.")
        })?;
        let is_real_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        entries.push(Entry { name, is_real_folder });
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
