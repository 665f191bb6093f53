//! A cursor over the bytes of a document: heads and typed fields, each checked against what is left, with the errors of
//! documents.
//!
//! It knows bytes, not values.

use super::error::{Place, WireError, WireErrorKind};
pub(super) use crate::syntax::msgpack::Head;
use crate::syntax::msgpack::{Cursor, HeadFault};
use crate::value::Kind;

/// The part of a document or of an extension's payload that has not been read.
pub(super) struct Reader<'a> {
    cursor: Cursor<'a>,
    /// The byte of the document at which the cursor ends.
    end: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { cursor: Cursor::new(bytes), end: bytes.len() }
    }

    /// A reader of the next `len` bytes alone.
    pub(super) fn part(&mut self, len: usize, what: &'static str) -> Result<Reader<'a>, WireError> {
        let part = self.take(len, what)?;
        Ok(Reader { cursor: Cursor::new(part), end: self.position() })
    }

    pub(super) fn left(&self) -> usize {
        self.cursor.left()
    }

    pub(super) fn position(&self) -> usize {
        self.end - self.left()
    }

    #[cold]
    pub(super) fn error(&self, kind: WireErrorKind) -> WireError {
        WireError::new(kind, Some(Place::Byte(self.position())))
    }

    #[cold]
    pub(super) fn truncated(&self, what: &'static str, declared: u64) -> WireError {
        self.error(WireErrorKind::Truncated { what, declared, left: self.left() })
    }

    #[cold]
    fn fault(&self, fault: HeadFault) -> WireError {
        match fault {
            HeadFault::Truncated { what, needed } => self.truncated(what, needed as u64),
            HeadFault::Reserved => self.error(WireErrorKind::ReservedByte),
        }
    }

    #[inline]
    pub(super) fn take(&mut self, len: usize, what: &'static str) -> Result<&'a [u8], WireError> {
        self.cursor.take(len, what).map_err(|fault| self.fault(fault))
    }

    /// See [`Cursor::short_integer`].
    #[inline]
    pub(super) fn short_integer(&mut self) -> Option<i64> {
        self.cursor.short_integer()
    }

    #[inline]
    pub(super) fn head(&mut self) -> Result<Head, WireError> {
        self.cursor.head().map_err(|fault| self.fault(fault))
    }

    #[inline]
    pub(super) fn str(&mut self, len: usize) -> Result<&'a str, WireError> {
        let bytes = self.take(len, "text")?;
        std::str::from_utf8(bytes).map_err(|error| self.error(WireErrorKind::NotUtf8 { valid: error.valid_up_to() }))
    }
}

impl Head {
    /// The kind of value with its article, for messages.
    pub(super) fn describe(&self) -> &'static str {
        match self {
            Head::Nil => "nil",
            Head::Bool(_) => "a bool",
            Head::Int(_) | Head::UInt(_) => "an integer",
            Head::Float(_) => "a float",
            Head::Str(_) => "text",
            Head::Bin(_) => "bytes",
            Head::List(_) => "a list",
            Head::Map(_) => "a map",
            Head::Extension(..) => "an extension value",
        }
    }

    /// The kind of value, or its content where that is short.
    fn describe_content(&self) -> String {
        match self {
            Head::Int(value) => value.to_string(),
            Head::UInt(value) => value.to_string(),
            Head::Float(value) => format!("{value:?}"),
            Head::Bool(value) => value.to_string(),
            other => other.describe().to_owned(),
        }
    }
}

/// The fields of an extension's payload, which is an array; a field of the wrong type is named in the error.
pub(super) struct Fields<'a> {
    pub(super) reader: Reader<'a>,
    pub(super) kind: Kind,
}

impl<'a> Fields<'a> {
    pub(super) fn new(reader: Reader<'a>, kind: Kind) -> Self {
        Self { reader, kind }
    }

    /// Reads the header of an array of exactly `expected` fields.
    pub(super) fn open(&mut self, expected: usize) -> Result<(), WireError> {
        self.open_with(expected, 0).map(drop)
    }

    /// Reads the header of an array of `expected` fields and of up to `optional` more. Returns how many of these there are.
    pub(super) fn open_with(&mut self, expected: usize, optional: usize) -> Result<usize, WireError> {
        let found = self.list("payload", "a list")?;
        if let Some(more) = found.checked_sub(expected).filter(|more| *more <= optional) {
            return Ok(more);
        }
        Err(self.reader.error(WireErrorKind::FieldCount { kind: self.kind, expected, found }))
    }

    /// Checks that the payload ends here.
    pub(super) fn close(self) -> Result<(), WireError> {
        match self.reader.left() {
            0 => Ok(()),
            extra => Err(self.reader.error(WireErrorKind::Trailing { extra })),
        }
    }

    #[cold]
    pub(super) fn wrong(&self, field: &'static str, expected: &'static str, found: &Head) -> WireError {
        self.wrong_text(field, expected, found.describe_content())
    }

    #[cold]
    pub(super) fn wrong_text(&self, field: &'static str, expected: &'static str, found: String) -> WireError {
        self.reader.error(WireErrorKind::Field { kind: self.kind, field, expected, found })
    }

    /// The length of a list, which is never more than the bytes that are left.
    pub(super) fn list(&mut self, field: &'static str, expected: &'static str) -> Result<usize, WireError> {
        match self.reader.head()? {
            Head::List(len) if len > self.reader.left() => Err(self.reader.truncated("a list", len as u64)),
            Head::List(len) => Ok(len),
            other => Err(self.wrong(field, expected, &other)),
        }
    }

    pub(super) fn text(&mut self, field: &'static str) -> Result<&'a str, WireError> {
        match self.reader.head()? {
            Head::Str(len) => self.reader.str(len),
            other => Err(self.wrong(field, "text", &other)),
        }
    }

    pub(super) fn optional_text(&mut self, field: &'static str) -> Result<Option<&'a str>, WireError> {
        match self.reader.head()? {
            Head::Nil => Ok(None),
            Head::Str(len) => self.reader.str(len).map(Some),
            other => Err(self.wrong(field, "text or nil", &other)),
        }
    }

    pub(super) fn signed(&mut self, field: &'static str) -> Result<i64, WireError> {
        match self.reader.head()? {
            Head::Int(value) => Ok(value),
            other => Err(self.wrong(field, "an integer of 64 bits with sign", &other)),
        }
    }

    pub(super) fn optional_signed(&mut self, field: &'static str) -> Result<Option<i64>, WireError> {
        match self.reader.head()? {
            Head::Nil => Ok(None),
            Head::Int(value) => Ok(Some(value)),
            other => Err(self.wrong(field, "an integer of 64 bits with sign, or nil", &other)),
        }
    }

    /// A count or offset that fits an address.
    pub(super) fn size(&mut self, field: &'static str) -> Result<usize, WireError> {
        let head = self.reader.head()?;
        if let Head::Int(value) = head
            && let Ok(size) = usize::try_from(value)
        {
            return Ok(size);
        }
        Err(self.wrong(field, "an integer from 0 to 2^63-1", &head))
    }

    pub(super) fn u32(&mut self, field: &'static str) -> Result<u32, WireError> {
        let head = self.reader.head()?;
        if let Head::Int(value) = head
            && let Ok(value) = u32::try_from(value)
        {
            return Ok(value);
        }
        Err(self.wrong(field, "an integer from 0 to 2^32-1", &head))
    }

    pub(super) fn bin(&mut self, field: &'static str) -> Result<&'a [u8], WireError> {
        match self.reader.head()? {
            Head::Bin(len) => self.reader.take(len, "bytes"),
            other => Err(self.wrong(field, "bytes", &other)),
        }
    }
}
