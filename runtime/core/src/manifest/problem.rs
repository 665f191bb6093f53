//! Problems of a manifest: each with its place, and how they read as text.
//!
//! Knows nothing of how problems are found.

use std::fmt::{self, Display};

/// Why a manifest is refused: its problems, the first 100 that are found, in the order in which they appear in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestError {
    /// The problems; at least one, at most 100.
    pub problems: Vec<Problem>,
}

/// One thing that is wrong in a manifest, where it is, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Problem {
    /// The path: `nodes[1].params.operand`; empty for the manifest as a whole.
    pub path: String,
    /// The line in the text, from 1. None for msgpack.
    pub line: Option<usize>,
    /// The character in the line, from 1. None for msgpack.
    pub column: Option<usize>,
    /// What is wrong, without the place and the suggestion: `expected a number, got the text "five"`.
    pub message: String,
    /// What would be right: `a number`.
    pub expected: Option<String>,
    /// What is there: `the text "five"`.
    pub got: Option<String>,
    /// What to do: `did you mean 'Calculator'?`
    pub suggestion: Option<String>,
}

/// After this many problems the search ends.
pub(super) const ENOUGH: usize = 100;

/// More problems than these are counted in the message, not shown.
const SHOWN: usize = 50;

impl std::error::Error for ManifestError {}

impl fmt::Display for ManifestError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.of("the manifest").fmt(formatter)
    }
}

impl ManifestError {
    /// One problem as one sentence; several one a line, below a line that counts what `subject` has.
    pub(crate) fn of(&self, subject: &str) -> impl fmt::Display {
        fmt::from_fn(move |formatter| {
            if let [only] = self.problems.as_slice() {
                return only.fmt(formatter);
            }
            let or_more = if self.problems.len() < ENOUGH { "" } else { " or more" };
            write!(formatter, "{subject} has {}{or_more} problems:", self.problems.len())?;
            for problem in self.problems.iter().take(SHOWN) {
                write!(formatter, "\n  {problem}")?;
            }
            match self.problems.len().checked_sub(SHOWN) {
                Some(more @ 1..) => write!(formatter, "\n  and {more} more"),
                _ => Ok(()),
            }
        })
    }
}

impl fmt::Display for Problem {
    /// The place first: `line 7, column 17: nodes[1].params.operand: expected a number, got the text "five"`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (Some(line), Some(column)) = (self.line, self.column) {
            write!(formatter, "line {line}, column {column}: ")?;
        }
        if !self.path.is_empty() {
            write!(formatter, "{}: ", self.path)?;
        }
        formatter.write_str(&self.message)?;
        match &self.suggestion {
            Some(suggestion) => write!(formatter, "; {suggestion}"),
            None => Ok(()),
        }
    }
}
