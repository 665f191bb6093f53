//! A cursor over msgpack bytes: markers, lengths and typed fields, each checked against what is left.
//!
//! It knows bytes, not values.

use rmp::Marker;

use super::error::{Place, WireError, WireErrorKind};
use crate::value::Kind;

/// What is left of a document or of an extension's payload.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    /// The byte of the document at which `rest` ends.
    end: usize,
}

/// The begin of a value, with the length or number that its header holds.
pub(super) enum Head {
    Nil,
    Bool(bool),
    Int(i64),
    UInt(u64),
    Float(f64),
    Str(usize),
    Bin(usize),
    List(usize),
    Map(usize),
    Extension(i8, usize),
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, end: bytes.len() }
    }

    /// A reader of the next `len` bytes alone.
    pub(super) fn part(&mut self, len: usize, what: &'static str) -> Result<Reader<'a>, WireError> {
        let rest = self.take(len, what)?;
        Ok(Reader { rest, end: self.position() })
    }

    pub(super) fn left(&self) -> usize {
        self.rest.len()
    }

    pub(super) fn position(&self) -> usize {
        self.end - self.rest.len()
    }

    #[cold]
    pub(super) fn error(&self, kind: WireErrorKind) -> WireError {
        WireError::new(kind, Some(Place::Byte(self.position())))
    }

    #[inline]
    pub(super) fn take(&mut self, len: usize, what: &'static str) -> Result<&'a [u8], WireError> {
        match self.rest.split_at_checked(len) {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(taken)
            }
            None => Err(self.truncated(what, len as u64)),
        }
    }

    #[cold]
    pub(super) fn truncated(&self, what: &'static str, declared: u64) -> WireError {
        self.error(WireErrorKind::Truncated { what, declared, left: self.left() })
    }

    #[inline]
    fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], WireError> {
        match self.rest.split_first_chunk::<N>() {
            Some((&taken, rest)) => {
                self.rest = rest;
                Ok(taken)
            }
            None => Err(self.truncated(what, N as u64)),
        }
    }

    #[inline]
    fn length<const N: usize>(&mut self) -> Result<usize, WireError> {
        let bytes: [u8; N] = self.array("a length")?;
        Ok(bytes.iter().fold(0, |length, &byte| length << 8 | usize::from(byte)))
    }

    /// The integer that is next, if it is one of at most 32 bits: the most frequent item of long lists, read without
    /// the detour over [`Head`].
    #[inline]
    pub(super) fn short_integer(&mut self) -> Option<i64> {
        let (value, rest) = match *self.rest {
            [value @ 0..0x80, ref rest @ ..] => (value.into(), rest),
            [value @ 0xe0..=0xff, ref rest @ ..] => ((value as i8).into(), rest),
            [0xcc, value, ref rest @ ..] => (value.into(), rest),
            [0xcd, a, b, ref rest @ ..] => (u16::from_be_bytes([a, b]).into(), rest),
            [0xce, a, b, c, d, ref rest @ ..] => (u32::from_be_bytes([a, b, c, d]).into(), rest),
            [0xd0, value, ref rest @ ..] => ((value as i8).into(), rest),
            [0xd1, a, b, ref rest @ ..] => (i16::from_be_bytes([a, b]).into(), rest),
            [0xd2, a, b, c, d, ref rest @ ..] => (i32::from_be_bytes([a, b, c, d]).into(), rest),
            _ => return None,
        };
        self.rest = rest;
        Some(value)
    }

    #[inline]
    pub(super) fn head(&mut self) -> Result<Head, WireError> {
        let [first] = self.array("a value")?;
        Ok(match Marker::from_u8(first) {
            Marker::FixPos(value) => Head::Int(value.into()),
            Marker::FixNeg(value) => Head::Int(value.into()),
            Marker::FixStr(len) => Head::Str(len.into()),
            Marker::FixArray(len) => Head::List(len.into()),
            Marker::FixMap(len) => Head::Map(len.into()),
            Marker::Null => Head::Nil,
            Marker::True => Head::Bool(true),
            Marker::False => Head::Bool(false),
            Marker::U8 => Head::Int(u8::from_be_bytes(self.array("an integer")?).into()),
            Marker::U16 => Head::Int(u16::from_be_bytes(self.array("an integer")?).into()),
            Marker::U32 => Head::Int(u32::from_be_bytes(self.array("an integer")?).into()),
            Marker::U64 => {
                let value = u64::from_be_bytes(self.array("an integer")?);
                i64::try_from(value).map_or(Head::UInt(value), Head::Int)
            }
            Marker::I8 => Head::Int(i8::from_be_bytes(self.array("an integer")?).into()),
            Marker::I16 => Head::Int(i16::from_be_bytes(self.array("an integer")?).into()),
            Marker::I32 => Head::Int(i32::from_be_bytes(self.array("an integer")?).into()),
            Marker::I64 => Head::Int(i64::from_be_bytes(self.array("an integer")?)),
            Marker::F32 => Head::Float(f32::from_be_bytes(self.array("a float")?).into()),
            Marker::F64 => Head::Float(f64::from_be_bytes(self.array("a float")?)),
            Marker::Str8 => Head::Str(self.length::<1>()?),
            Marker::Str16 => Head::Str(self.length::<2>()?),
            Marker::Str32 => Head::Str(self.length::<4>()?),
            Marker::Bin8 => Head::Bin(self.length::<1>()?),
            Marker::Bin16 => Head::Bin(self.length::<2>()?),
            Marker::Bin32 => Head::Bin(self.length::<4>()?),
            Marker::Array16 => Head::List(self.length::<2>()?),
            Marker::Array32 => Head::List(self.length::<4>()?),
            Marker::Map16 => Head::Map(self.length::<2>()?),
            Marker::Map32 => Head::Map(self.length::<4>()?),
            Marker::FixExt1 => self.extension(1)?,
            Marker::FixExt2 => self.extension(2)?,
            Marker::FixExt4 => self.extension(4)?,
            Marker::FixExt8 => self.extension(8)?,
            Marker::FixExt16 => self.extension(16)?,
            Marker::Ext8 => {
                let len = self.length::<1>()?;
                self.extension(len)?
            }
            Marker::Ext16 => {
                let len = self.length::<2>()?;
                self.extension(len)?
            }
            Marker::Ext32 => {
                let len = self.length::<4>()?;
                self.extension(len)?
            }
            Marker::Reserved => return Err(self.error(WireErrorKind::ReservedByte)),
        })
    }

    fn extension(&mut self, len: usize) -> Result<Head, WireError> {
        let code = i8::from_be_bytes(self.array("an extension type")?);
        Ok(Head::Extension(code, len))
    }

    #[inline]
    pub(super) fn str(&mut self, len: usize) -> Result<&'a str, WireError> {
        let bytes = self.take(len, "text")?;
        std::str::from_utf8(bytes).map_err(|error| self.error(WireErrorKind::NotUtf8 { valid: error.valid_up_to() }))
    }
}

impl Head {
    /// What it is, with its article, for messages.
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

    /// What it is, with its content where that is short.
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

    /// The header of an array of exactly `expected` fields.
    pub(super) fn open(&mut self, expected: usize) -> Result<(), WireError> {
        let found = self.list("payload", "a list")?;
        if found == expected {
            return Ok(());
        }
        Err(self.reader.error(WireErrorKind::FieldCount { kind: self.kind, expected, found }))
    }

    /// The end of the payload.
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

    /// A count or offset that memory can have.
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
