//! The heads of msgpack values: what kind of value begins here, with the number or the length that stands in its header.

use rmp::Marker;

/// A place in msgpack bytes: what has not been read. After a fault it stands behind the last field that was whole.
#[derive(Clone, Copy)]
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
}

/// The beginning of a value, with the length or number that its header holds.
pub(crate) enum Head {
    Nil,
    Bool(bool),
    Int(i64),
    /// An integer above those with a sign.
    UInt(u64),
    Float(f64),
    Str(usize),
    Bin(usize),
    List(usize),
    Map(usize),
    Extension(i8, usize),
}

/// What a head can't be read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeadFault {
    /// Fewer bytes are left than `what` needs.
    Truncated { what: &'static str, needed: usize },
    /// The byte 0xc1, which begins no value.
    Reserved,
}

/// Whether a value that begins with this byte is a map.
pub(crate) fn begins_map(byte: u8) -> bool {
    matches!(Marker::from_u8(byte), Marker::FixMap(_) | Marker::Map16 | Marker::Map32)
}

/// Whether a document of either notation that begins with this byte is msgpack: JSON text begins with ASCII, and a byte order
/// mark with another.
pub(crate) fn begins_msgpack(byte: u8) -> bool {
    matches!(byte, 0x80..=0xdf)
}

/// Whether a value that begins with this byte is text.
pub(crate) fn begins_text(byte: u8) -> bool {
    matches!(Marker::from_u8(byte), Marker::FixStr(_) | Marker::Str8 | Marker::Str16 | Marker::Str32)
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// How many bytes are left.
    pub(crate) fn left(&self) -> usize {
        self.rest.len()
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The next bytes; `what` they are is for the fault.
    #[inline]
    pub(crate) fn take(&mut self, len: usize, what: &'static str) -> Result<&'a [u8], HeadFault> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(HeadFault::Truncated { what, needed: len })?;
        self.rest = rest;
        Ok(taken)
    }

    /// The head that is next.
    #[inline]
    pub(crate) fn head(&mut self) -> Result<Head, HeadFault> {
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
            Marker::Reserved => return Err(HeadFault::Reserved),
        })
    }

    /// The integer that is next, if it has at most 32 bits: the most frequent item of long lists, read without the detour
    /// over [`Head`].
    #[inline]
    pub(crate) fn short_integer(&mut self) -> Option<i64> {
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

    fn extension(&mut self, len: usize) -> Result<Head, HeadFault> {
        let code = i8::from_be_bytes(self.array("an extension type")?);
        Ok(Head::Extension(code, len))
    }

    #[inline]
    fn length<const N: usize>(&mut self) -> Result<usize, HeadFault> {
        let bytes: [u8; N] = self.array("a length")?;
        Ok(bytes.iter().fold(0, |length, &byte| length << 8 | usize::from(byte)))
    }

    #[inline]
    fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], HeadFault> {
        let (&taken, rest) = self.rest.split_first_chunk().ok_or(HeadFault::Truncated { what, needed: N })?;
        self.rest = rest;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A byte that begins a value, with the bytes of its header behind it, beginning with 0x81.
    fn header(first: u8) -> Vec<u8> {
        let mut bytes = vec![first];
        bytes.extend(0x81..0x90);
        bytes
    }

    #[test]
    fn a_short_integer_is_the_integer_of_its_head() {
        for first in 0..=u8::MAX {
            let bytes = header(first);
            let (mut short, mut whole) = (Cursor::new(&bytes), Cursor::new(&bytes));
            let Some(value) = short.short_integer() else { continue };
            assert!(matches!(whole.head(), Ok(Head::Int(same)) if same == value), "{first:#x}");
            assert_eq!(short.left(), whole.left(), "{first:#x}");
        }
    }

    #[test]
    fn every_header_that_is_cut_is_a_fault() {
        for first in 0..=u8::MAX {
            let bytes = header(first);
            let mut cursor = Cursor::new(&bytes);
            if first == 0xc1 {
                assert_eq!(cursor.head().err(), Some(HeadFault::Reserved));
                continue;
            }
            assert!(cursor.head().is_ok(), "{first:#x}");
            let read = bytes.len() - cursor.left();
            for len in 0..read {
                let mut cursor = Cursor::new(&bytes[..len]);
                assert!(matches!(cursor.head(), Err(HeadFault::Truncated { .. })), "{first:#x} cut to {len}");
            }
        }
    }

    #[test]
    fn the_first_byte_tells_maps_and_text() {
        for first in 0..=u8::MAX {
            let bytes = header(first);
            let head = Cursor::new(&bytes).head();
            assert_eq!(begins_map(first), matches!(head, Ok(Head::Map(_))), "{first:#x}");
            assert_eq!(begins_text(first), matches!(head, Ok(Head::Str(_))), "{first:#x}");
        }
    }
}
