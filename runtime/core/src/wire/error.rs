//! Why a document can't be read: the path to the value, what was found, what was allowed, and the cure.

use std::borrow::Cow;
use std::fmt;

use crate::outside::beginning;
use crate::value::{AudioError, Kind, TensorError};

/// A document that can't be read. Its text is one sentence: `inputs[2].gain: <cause>; <cure>`.
#[derive(Clone, PartialEq, Eq)]
pub struct WireError(Box<Detail>);

#[derive(Clone, PartialEq, Eq)]
struct Detail {
    root: Cow<'static, str>,
    /// From the innermost outwards, as the error returns through the calls.
    steps: Vec<Step>,
    place: Option<Place>,
    kind: WireErrorKind,
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Index(usize),
    Key(String),
}

/// Where in the text or bytes an error was noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// An offset in the bytes of a msgpack document.
    Byte(usize),
    /// A place in a JSON text; line and column count from 1.
    Text {
        /// The line.
        line: usize,
        /// The character in the line.
        column: usize,
    },
}

/// A cause for which a document can't be read. Its text is a clause without the path; [`WireErrorKind::cure`] has the
/// cure.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WireErrorKind {
    /// The bytes end too early, or a declared length reaches past them.
    #[error("{what} goes past the end (bytes needed: {declared}, left: {left})")]
    Truncated {
        /// What was being read.
        what: &'static str,
        /// The bytes that are needed at least.
        declared: u64,
        /// The bytes that are there.
        left: usize,
    },
    /// There are bytes after the value.
    #[error("there is more after the end of the value (bytes: {extra})")]
    Trailing {
        /// How many.
        extra: usize,
    },
    /// The byte `0xc1`, which begins no value in msgpack.
    #[error("the byte 0xc1 begins no msgpack value")]
    ReservedByte,
    /// A map key that is not text.
    #[error("a map key is {found}, not text")]
    KeyNotText {
        /// What the key is.
        found: &'static str,
    },
    /// The same key twice.
    #[error("the key {key:?} appears twice")]
    DuplicateKey {
        /// The key, shortened if it is long.
        key: String,
    },
    /// Text that is not UTF-8.
    #[error("text is not UTF-8 from its byte {valid} on")]
    NotUtf8 {
        /// The number of bytes of the text that are valid.
        valid: usize,
    },
    /// An extension type that documents don't have.
    #[error("the extension type {code} is not known")]
    UnknownExtension {
        /// Its code.
        code: i8,
    },
    /// Too much nesting.
    #[error("lists and maps are nested deeper than {limit}")]
    Depth {
        /// The limit.
        limit: usize,
    },
    /// Too many entries.
    #[error("lists and maps have more than {limit} entries in all")]
    Items {
        /// The limit.
        limit: usize,
    },
    /// Too many bytes.
    #[error("the document has {found} bytes, the limit is {limit}")]
    Bytes {
        /// What came.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// Too many buffers.
    #[error("the document has {found} buffers, the limit is {limit}")]
    Buffers {
        /// What came.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// A huge array on little memory.
    #[error("the {name} stands for {found} bytes on {held} bytes of memory, the limit is {limit}", name = subject(*kind))]
    Extent {
        /// The kind of the value.
        kind: Kind,
        /// Bytes laid out in full.
        found: u128,
        /// Bytes behind it.
        held: usize,
        /// The limit.
        limit: usize,
    },
    /// The inputs of a run, or those of one name, are something else than a list.
    #[error("the inputs are {found}, not a list")]
    NotInputs {
        /// What they are.
        found: &'static str,
    },
    /// A field of an extension type or tagged object has a wrong type or value.
    #[error("the {field} of the {name} must be {expected}, it is {found}", name = subject(*kind))]
    Field {
        /// The kind of the value.
        kind: Kind,
        /// The field.
        field: &'static str,
        /// What it must be.
        expected: &'static str,
        /// What it is.
        found: String,
    },
    /// An extension type or a column has too few or too many fields.
    #[error("the {name} has {found} fields, not {expected}", name = subject(*kind))]
    FieldCount {
        /// The kind of the value.
        kind: Kind,
        /// The fields that it has by the format.
        expected: usize,
        /// The fields that came.
        found: usize,
    },
    /// A buffer index past the table.
    #[error("the {name} refers to buffer {index}, the table has {count}", name = subject(*kind))]
    BufferIndex {
        /// The kind of the value.
        kind: Kind,
        /// The index.
        index: u64,
        /// The entries of the table.
        count: usize,
    },
    /// A window past the end of its buffer.
    #[error("the {name} reaches from byte {offset} for {len} bytes, its buffer has {held}", name = subject(*kind))]
    BufferRange {
        /// The kind of the value.
        kind: Kind,
        /// Where the window begins.
        offset: u64,
        /// Its length.
        len: u64,
        /// The bytes of the buffer.
        held: usize,
    },
    /// Audio with impossible numbers.
    #[error(transparent)]
    Audio(#[from] AudioError),
    /// An array with impossible numbers.
    #[error(transparent)]
    Tensor(#[from] TensorError),
    /// Text that is not JSON.
    #[error("expected {expected}, found {found}")]
    Syntax {
        /// What JSON asks for here.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// An integer that 64 bits can't hold.
    #[error("the integer {text} does not fit 64 bits")]
    IntegerRange {
        /// The integer as it was written, shortened if it is long.
        text: String,
    },
    /// A float that 64 bits can't hold.
    #[error("the number {text} does not fit a 64-bit float")]
    FloatRange {
        /// The number as it was written, shortened if it is long.
        text: String,
    },
    /// `{"$rm": ...}` with an unknown kind.
    #[error("there is no kind {found} for \"$rm\"")]
    UnknownTag {
        /// What was written.
        found: String,
    },
    /// A key that is reserved for tags.
    #[error("the key {key:?} is reserved")]
    ReservedKey {
        /// The key, shortened if it is long.
        key: String,
    },
    /// A payload whose size contradicts its header.
    #[error("the {field} of the {name} must hold {needed} bytes, it holds {found}", name = subject(*kind))]
    PayloadLength {
        /// The kind of the value.
        kind: Kind,
        /// The field.
        field: &'static str,
        /// The bytes that the header requires.
        needed: u128,
        /// The bytes that it has.
        found: usize,
    },
    /// A tagged object lacks a field.
    #[error("the {name} lacks the field \"{field}\"", name = subject(*kind))]
    MissingField {
        /// The kind of the value.
        kind: Kind,
        /// The field.
        field: &'static str,
    },
    /// A tagged object has a field that its kind does not have.
    #[error("the {name} has no field {field:?}", name = subject(*kind))]
    UnknownField {
        /// The kind of the value.
        kind: Kind,
        /// The field.
        field: String,
    },
}

impl WireErrorKind {
    /// What to do about it, as an imperative clause.
    pub fn cure(&self) -> &'static str {
        match self {
            WireErrorKind::Truncated { .. } => "send the whole document",
            WireErrorKind::Trailing { .. } => "send one value a document",
            WireErrorKind::ReservedByte => "check that the bytes are a msgpack document",
            WireErrorKind::KeyNotText { .. } => "make every key text",
            WireErrorKind::DuplicateKey { .. } => "give each key once",
            WireErrorKind::NotUtf8 { .. } => "encode text as UTF-8 and send bytes as bytes",
            WireErrorKind::UnknownExtension { .. } => "use one of the types 1 to 6, or -1 for a timestamp",
            WireErrorKind::Depth { .. } => "flatten the value, or raise the limit \"depth\"",
            WireErrorKind::Items { .. } => "send long series of numbers as a tensor, or raise the limit \"items\"",
            WireErrorKind::Bytes { .. } => "send large payloads as buffers, or raise the limit \"document_bytes\"",
            WireErrorKind::Buffers { .. } => "send fewer large values at once, or raise the limit \"buffers\"",
            WireErrorKind::Extent { .. } => "send it without repeating strides, or raise the limit \"extent_bytes\"",
            WireErrorKind::NotInputs { .. } => {
                "give a list with one entry for each item, a map of such lists for named inputs, or nil for none"
            }
            WireErrorKind::Field { .. } | WireErrorKind::FieldCount { .. } => "lay it out as docs/wire.md says",
            WireErrorKind::BufferIndex { .. } => "pass the buffer table that belongs to the document",
            WireErrorKind::BufferRange { .. } => "make offset and length stay inside the buffer",
            WireErrorKind::Audio(AudioError::Rate(_) | AudioError::Channels(_) | AudioError::Ragged { .. }) => {
                "correct the header"
            }
            WireErrorKind::Audio(AudioError::Extent { .. } | AudioError::Alignment) => {
                "make offset, stride and sizes stay inside the buffer"
            }
            WireErrorKind::Tensor(TensorError::StrideCount { .. }) => "give one stride for each dimension",
            WireErrorKind::Tensor(_) => "make shape, strides and offset stay inside the buffer",
            WireErrorKind::Syntax { .. } => "correct the JSON text",
            WireErrorKind::IntegerRange { .. } => "use -2^63 to 2^64-1, a float, or text",
            WireErrorKind::FloatRange { .. } => "use {\"$rm\": \"float\", \"value\": \"Infinity\"} for infinity",
            WireErrorKind::UnknownTag { .. } => {
                "use bytes, float, timestamp, audio, video, tensor, table or file, or write the key as \"$$rm\""
            }
            WireErrorKind::ReservedKey { .. } => "write it with one more \"$\" in front",
            WireErrorKind::PayloadLength { .. } => "make payload and header agree",
            WireErrorKind::MissingField { .. } => "add it",
            WireErrorKind::UnknownField { .. } => "leave it out",
        }
    }
}

impl WireError {
    /// The path to the value, such as `inputs[2].meta["sound gain"]`: keys that are words follow a dot, others are
    /// quoted. The middle of a very long path is left out.
    pub fn path(&self) -> String {
        const SHOWN: usize = 12;
        let steps = &self.0.steps;
        let mut path = self.0.root.to_string();
        for (position, step) in steps.iter().rev().enumerate() {
            if steps.len() > 2 * SHOWN && (SHOWN..steps.len() - SHOWN).contains(&position) {
                if position == SHOWN {
                    path.push('…');
                }
                continue;
            }
            match step {
                Step::Index(index) => path.push_str(&format!("[{index}]")),
                Step::Key(key) if is_word(key) => path.push_str(&format!(".{key}")),
                Step::Key(key) => path.push_str(&format!("[{:?}]", shortened(key))),
            }
        }
        path
    }

    /// The cause.
    pub fn kind(&self) -> &WireErrorKind {
        &self.0.kind
    }

    /// What to do about it, as an imperative clause.
    pub fn cure(&self) -> &'static str {
        self.0.kind.cure()
    }

    /// The place in the bytes or text at which the error was noticed.
    pub fn place(&self) -> Option<Place> {
        self.0.place
    }

    /// The same error with this name for the whole document at the beginning of its path, such as `reply`.
    #[must_use]
    pub fn in_document(mut self, root: impl Into<Cow<'static, str>>) -> Self {
        self.0.root = root.into();
        self
    }

    #[cold]
    pub(super) fn new(kind: WireErrorKind, place: Option<Place>) -> Self {
        Self(Box::new(Detail { root: Cow::Borrowed("value"), steps: Vec::new(), place, kind }))
    }

    #[cold]
    pub(super) fn inside(mut self, step: Step) -> Self {
        self.0.steps.push(step);
        self
    }

    #[cold]
    pub(super) fn inside_key(self, key: &str) -> Self {
        self.inside(Step::Key(key.to_owned()))
    }
}

/// A key or literal as it appears in a message: the beginning of a long one.
pub(super) fn shortened(text: &str) -> String {
    beginning(text).into_owned()
}

/// A value of this kind as the subject of a sentence.
fn subject(kind: Kind) -> &'static str {
    match kind {
        Kind::Bytes => "byte string",
        other => other.name(),
    }
}

fn is_word(key: &str) -> bool {
    key.len() <= 48
        && key.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && key.chars().all(|each| each.is_ascii_alphanumeric() || each == '_')
}

impl fmt::Display for WireError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.path())?;
        if let Some(Place::Text { line, column }) = self.0.place {
            write!(formatter, " (line {line}, column {column})")?;
        }
        write!(formatter, ": {}; {}", self.0.kind, self.cure())
    }
}

impl fmt::Debug for WireError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "WireError({self})")
    }
}

impl std::error::Error for WireError {}
