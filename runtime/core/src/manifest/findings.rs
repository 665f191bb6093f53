//! Collects problems while a manifest is read and checked, and gives them their line and column at the end.

use std::collections::HashSet;

use serde_json::Number;

use super::problem::{ENOUGH, ManifestError, Problem};
use super::tree::{Data, Entry, Item, Map, Path, Step, quoted};
use crate::outside::clause;

/// The largest manifest, in bytes.
pub(super) const MAX_BYTES: usize = 8 << 20;
/// How deep lists and maps may be nested.
pub(super) const MAX_DEPTH: usize = 64;
/// The message about a manifest that is nested deeper.
pub(super) const TOO_DEEP: &str = "lists and maps lie in each other more than 64 deep";
/// How many values a manifest may hold, aliases of YAML counted each time.
pub(super) const MAX_VALUES: usize = 200_000;

/// One problem before it has its line and column.
#[derive(Clone, Debug, Default)]
pub(super) struct Finding {
    message: String,
    expected: Option<String>,
    got: Option<String>,
    suggestion: Option<String>,
}

/// The problems so far.
#[derive(Debug, Default)]
pub(super) struct Findings {
    found: Vec<(usize, Path, Finding)>,
    unreadable: HashSet<Path>,
}

/// The state that every reader of a notation has: its place, how much it has read, the mistakes so far.
#[derive(Debug, Default)]
pub(super) struct Reading {
    pub(super) path: Path,
    pub(super) findings: Findings,
    values: usize,
    /// Bytes of text that aliases have copied.
    copied: usize,
}

/// Reading has to stop; the mistake has been noted.
#[derive(Debug)]
pub(super) struct Unreadable;

impl Finding {
    /// A problem with a message of its own.
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }

    /// `expected <expected>, got <got>`.
    pub(super) fn mismatch(expected: impl Into<String>, got: impl Into<String>) -> Self {
        let (expected, got) = (expected.into(), got.into());
        let message = format!("expected {expected}, got {got}");
        Self { message, expected: Some(expected), got: Some(got), suggestion: None }
    }

    #[must_use]
    pub(super) fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    #[must_use]
    pub(super) fn got(mut self, got: impl Into<String>) -> Self {
        self.got = Some(got.into());
        self
    }

    #[must_use]
    pub(super) fn suggest(mut self, suggestion: impl Into<Option<String>>) -> Self {
        self.suggestion = suggestion.into();
        self
    }
}

impl Findings {
    /// Notes a problem, unless there are enough.
    pub(super) fn add(&mut self, offset: usize, path: Path, finding: Finding) {
        if !self.is_full() {
            self.found.push((offset, path, finding));
        }
    }

    /// Notes that the value at this path could not be read. Further problems of it would only repeat that.
    pub(super) fn add_unreadable(&mut self, offset: usize, path: Path, finding: Finding) {
        if !self.is_full() {
            self.unreadable.insert(path.clone());
        }
        self.add(offset, path, finding);
    }

    pub(super) fn is_unreadable(&self, path: &Path) -> bool {
        self.unreadable.contains(path)
    }

    pub(super) fn count(&self) -> usize {
        self.found.len()
    }

    /// Whether there are so many that more would not help.
    pub(super) fn is_full(&self) -> bool {
        self.found.len() >= ENOUGH
    }

    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// All problems, in the order of their places.
    pub(super) fn into_error(mut self, text: Option<&str>) -> ManifestError {
        self.found.sort_by_key(|(offset, ..)| *offset);
        let mut lines = text.map(Lines::new);
        let problems = self.found.into_iter().map(|(offset, path, finding)| {
            let place = lines.as_mut().map(|lines| lines.place(offset));
            Problem {
                path: path.to_string(),
                line: place.map(|(line, _)| line),
                column: place.map(|(_, column)| column),
                message: clause(finding.message),
                expected: finding.expected.map(clause),
                got: finding.got.map(clause),
                suggestion: finding.suggestion.map(clause),
            }
        });
        ManifestError { problems: problems.collect() }
    }
}

impl Reading {
    /// Counts one more value at this depth.
    pub(super) fn enter(&mut self, offset: usize) -> Result<(), Unreadable> {
        self.values += 1;
        if self.values > MAX_VALUES {
            return self.fail(offset, Finding::new(format!("the document holds more than {MAX_VALUES} values")));
        }
        if self.path.depth() > MAX_DEPTH {
            self.path = self.path.steps().into_iter().take(3).cloned().collect();
            return self.fail(offset, Finding::new(TOO_DEEP));
        }
        Ok(())
    }

    /// Notes a mistake here, after which reading has to stop.
    pub(super) fn fail<T>(&mut self, offset: usize, finding: Finding) -> Result<T, Unreadable> {
        self.findings.add(offset, self.path.clone(), finding);
        Err(Unreadable)
    }

    /// Notes that the value here can't be used; reading continues.
    pub(super) fn reject(&mut self, offset: usize, finding: Finding) {
        self.findings.add_unreadable(offset, self.path.clone(), finding);
    }

    /// The number that a float is; one that is not finite is noted, and is none.
    pub(super) fn finite(&mut self, offset: usize, value: f64) -> Option<Number> {
        let number = Number::from_f64(value);
        if number.is_none() {
            self.reject(offset, Finding::mismatch("a finite number", value.to_string()));
        }
        number
    }

    /// Notes a value that JSON does not have.
    pub(super) fn foreign(&mut self, offset: usize, got: String) {
        let finding = Finding::mismatch("a number, text, true, false, null, a list or a map", got);
        self.reject(offset, finding.suggest("pass media and bytes as inputs".to_owned()));
    }

    /// Adds an entry of a map; a name that is there already is a problem, and the first entry stays.
    pub(super) fn insert(&mut self, entries: &mut Map, name: String, entry: Entry) {
        if entries.contains_key(&name) {
            let finding = Finding::new(format!("the name {} stands in this map twice", quoted(&name)));
            let finding = finding.suggest("remove one of the two".to_owned());
            self.findings.add(entry.offset, self.path.clone(), finding);
        } else {
            entries.insert(name, entry);
        }
    }

    /// Counts the values of a copy, at the depth at which it is inserted.
    pub(super) fn count(&mut self, item: &Item) -> Result<(), Unreadable> {
        self.enter(item.offset)?;
        match &item.data {
            Data::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.path.push(Step::Index(index));
                    self.count(item)?;
                    self.path.pop();
                }
            }
            Data::Map(entries) => {
                for (name, entry) in entries {
                    self.copy(item.offset, name.len())?;
                    self.path.push(Step::Name(name.clone()));
                    self.count(&entry.value)?;
                    self.path.pop();
                }
            }
            Data::Text(text) => self.copy(item.offset, text.len())?,
            Data::Null | Data::Bool(_) | Data::Number(_) => {}
        }
        Ok(())
    }

    fn copy(&mut self, offset: usize, bytes: usize) -> Result<(), Unreadable> {
        self.copied += bytes;
        if self.copied > MAX_BYTES {
            return self.fail(offset, Finding::new(format!("the aliases repeat more than {} MiB", MAX_BYTES >> 20)));
        }
        Ok(())
    }
}

/// Finds lines and columns for offsets in ascending order.
struct Lines<'a> {
    text: &'a str,
    seen: usize,
    line: usize,
    column: usize,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, seen: 0, line: 1, column: 1 }
    }

    /// Line and column, in characters, both from 1.
    fn place(&mut self, offset: usize) -> (usize, usize) {
        let offset = self.text.floor_char_boundary(offset).max(self.seen);
        for character in self.text[self.seen..offset].chars() {
            if character == '\n' {
                (self.line, self.column) = (self.line + 1, 1);
            } else {
                self.column += 1;
            }
        }
        self.seen = offset;
        (self.line, self.column)
    }
}
