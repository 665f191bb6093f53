//! Reads a manifest from msgpack: the part of it that JSON can say.
//!
//! Bytes and extension types have no place in a manifest and are named as problems.

use rmp::Marker;
use serde_json::Number;

use super::findings::{Finding, Reading, Unreadable};
use super::tree::{Data, Entry, Item, Map, Step};

/// Whether a document that begins with this byte is a msgpack map.
pub(super) fn begins_map(byte: u8) -> bool {
    matches!(Marker::from_u8(byte), Marker::FixMap(_) | Marker::Map16 | Marker::Map32)
}

/// Reads one msgpack document. What is wrong is noted in the reading.
pub(super) fn read(bytes: &[u8], reading: &mut Reading) -> Result<Item, Unreadable> {
    let mut reader = Reader { bytes, at: 0, reading };
    let item = reader.value()?;
    match bytes.len() - reader.at {
        0 => Ok(item),
        more => {
            let message = format!("the msgpack map ends, but {more} more bytes follow");
            reader.reading.fail(reader.at, Finding::new(message))
        }
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    reading: &'a mut Reading,
}

impl<'a> Reader<'a> {
    fn value(&mut self) -> Result<Item, Unreadable> {
        let offset = self.at;
        self.reading.enter(offset)?;
        let data = match Marker::from_u8(self.byte()?) {
            Marker::Null => Data::Null,
            Marker::True => Data::Bool(true),
            Marker::False => Data::Bool(false),
            Marker::FixPos(value) => Data::Number(value.into()),
            Marker::FixNeg(value) => Data::Number(value.into()),
            Marker::U8 => Data::Number(u8::from_be_bytes(self.array()?).into()),
            Marker::U16 => Data::Number(u16::from_be_bytes(self.array()?).into()),
            Marker::U32 => Data::Number(u32::from_be_bytes(self.array()?).into()),
            Marker::U64 => Data::Number(u64::from_be_bytes(self.array()?).into()),
            Marker::I8 => Data::Number(i8::from_be_bytes(self.array()?).into()),
            Marker::I16 => Data::Number(i16::from_be_bytes(self.array()?).into()),
            Marker::I32 => Data::Number(i32::from_be_bytes(self.array()?).into()),
            Marker::I64 => Data::Number(i64::from_be_bytes(self.array()?).into()),
            Marker::F32 => {
                let value = f32::from_be_bytes(self.array()?);
                self.float(offset, value.into())
            }
            Marker::F64 => {
                let value = f64::from_be_bytes(self.array()?);
                self.float(offset, value)
            }
            Marker::FixStr(length) => Data::Text(self.text(offset, length.into())?),
            Marker::Str8 | Marker::Str16 | Marker::Str32 => {
                let length = self.length(offset)?;
                Data::Text(self.text(offset, length)?)
            }
            Marker::FixArray(length) => self.list(length.into())?,
            Marker::Array16 | Marker::Array32 => {
                let length = self.length(offset)?;
                self.list(length)?
            }
            Marker::FixMap(length) => self.map(length.into())?,
            Marker::Map16 | Marker::Map32 => {
                let length = self.length(offset)?;
                self.map(length)?
            }
            Marker::Bin8 | Marker::Bin16 | Marker::Bin32 => {
                let length = self.length(offset)?;
                self.take(length)?;
                self.foreign(offset, format!("{length} bytes"))
            }
            Marker::FixExt1 => self.extension(offset, 1)?,
            Marker::FixExt2 => self.extension(offset, 2)?,
            Marker::FixExt4 => self.extension(offset, 4)?,
            Marker::FixExt8 => self.extension(offset, 8)?,
            Marker::FixExt16 => self.extension(offset, 16)?,
            Marker::Ext8 | Marker::Ext16 | Marker::Ext32 => {
                let length = self.length(offset)?;
                self.extension(offset, length)?
            }
            Marker::Reserved => return self.reading.fail(offset, Finding::new("0xc1 has no meaning in msgpack")),
        };
        Ok(Item { offset, data })
    }

    fn list(&mut self, length: usize) -> Result<Data, Unreadable> {
        let mut items = Vec::new();
        for index in 0..length {
            self.reading.path.push(Step::Index(index));
            items.push(self.value()?);
            self.reading.path.pop();
        }
        Ok(Data::List(items))
    }

    fn map(&mut self, length: usize) -> Result<Data, Unreadable> {
        let mut entries = Map::new();
        for _ in 0..length {
            let offset = self.at;
            let name = match Marker::from_u8(self.byte()?) {
                Marker::FixStr(length) => self.text(offset, length.into())?,
                Marker::Str8 | Marker::Str16 | Marker::Str32 => {
                    let length = self.length(offset)?;
                    self.text(offset, length)?
                }
                _ => {
                    let finding = Finding::new("the names in this map are not all text");
                    return self.reading.fail(offset, finding.suggest("use text for the keys".to_owned()));
                }
            };
            self.reading.path.push(Step::Name(name.clone()));
            let value = self.value()?;
            self.reading.insert(&mut entries, name, Entry { offset, value });
            self.reading.path.pop();
        }
        Ok(Data::Map(entries))
    }

    fn float(&mut self, offset: usize, value: f64) -> Data {
        match Number::from_f64(value) {
            Some(number) => Data::Number(number),
            None => {
                self.reading.reject(offset, Finding::mismatch("a finite number", value.to_string()));
                Data::Null
            }
        }
    }

    fn extension(&mut self, offset: usize, length: usize) -> Result<Data, Unreadable> {
        let code = self.byte()?.cast_signed();
        self.take(length)?;
        Ok(self.foreign(offset, format!("a msgpack extension of type {code}")))
    }

    /// Something that JSON can't say.
    fn foreign(&mut self, offset: usize, got: String) -> Data {
        let finding = Finding::mismatch("a number, text, true, false, null, a list or a map", got);
        let cure = "pass media and bytes as inputs, not in the manifest".to_owned();
        self.reading.reject(offset, finding.suggest(cure));
        Data::Null
    }

    fn text(&mut self, offset: usize, length: usize) -> Result<String, Unreadable> {
        match str::from_utf8(self.take(length)?) {
            Ok(text) => Ok(text.to_owned()),
            Err(_) => {
                self.reading.reject(offset, Finding::new("this text is not valid UTF-8"));
                Ok(String::new())
            }
        }
    }

    /// The length that follows a marker of 8, 16 or 32 bits.
    fn length(&mut self, marker_offset: usize) -> Result<usize, Unreadable> {
        Ok(match Marker::from_u8(self.bytes[marker_offset]) {
            Marker::Str8 | Marker::Bin8 | Marker::Ext8 => self.byte()?.into(),
            Marker::Str16 | Marker::Bin16 | Marker::Ext16 | Marker::Array16 | Marker::Map16 => {
                u16::from_be_bytes(self.array()?).into()
            }
            // 32 bits always fit: an offset that is too large runs into the end of the bytes.
            _ => usize::try_from(u32::from_be_bytes(self.array()?)).unwrap_or(usize::MAX),
        })
    }

    fn byte(&mut self) -> Result<u8, Unreadable> {
        Ok(u8::from_be_bytes(self.array()?))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Unreadable> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Unreadable> {
        match self.bytes[self.at..].split_at_checked(length) {
            Some((taken, _)) => {
                self.at += length;
                Ok(taken)
            }
            None => {
                let finding = Finding::new(format!("the msgpack ends after {} bytes, in the middle", self.bytes.len()));
                self.reading.fail(self.bytes.len(), finding.suggest("pass all of it".to_owned()))
            }
        }
    }
}
