//! Reads a manifest from msgpack: only the kinds of value that JSON has.
//!
//! Bytes and extension types have no place in a manifest and are named as problems.

use super::findings::{Finding, Reading, Unreadable};
use super::tree::{Data, Entry, Item, Map, Step};
use crate::syntax::msgpack::{Cursor, Head, HeadFault, begins_text};
use crate::wire::ExtensionCode;

/// Reads one msgpack document. Mistakes are noted in the reading.
pub(super) fn read(bytes: &[u8], reading: &mut Reading) -> Result<Item, Unreadable> {
    let mut reader = Reader { cursor: Cursor::new(bytes), length: bytes.len(), reading };
    let item = reader.value()?;
    match reader.cursor.left() {
        0 => Ok(item),
        more => {
            let message = format!("the msgpack map ends, but {more} more bytes follow");
            reader.reading.fail(reader.position(), Finding::new(message))
        }
    }
}

struct Reader<'a> {
    cursor: Cursor<'a>,
    /// The length of the whole document, in bytes.
    length: usize,
    reading: &'a mut Reading,
}

impl<'a> Reader<'a> {
    fn value(&mut self) -> Result<Item, Unreadable> {
        let offset = self.position();
        self.reading.enter(offset)?;
        let data = match self.head(offset)? {
            Head::Nil => Data::Null,
            Head::Bool(value) => Data::Bool(value),
            Head::Int(value) => Data::Number(value.into()),
            Head::UInt(value) => Data::Number(value.into()),
            Head::Float(value) => self.reading.finite(offset, value).map_or(Data::Null, Data::Number),
            Head::Str(length) => Data::Text(self.text(offset, length)?),
            Head::List(length) => self.list(length)?,
            Head::Map(length) => self.map(length)?,
            Head::Bin(length) => {
                self.take(length)?;
                self.reading.foreign(offset, format!("{length} bytes"));
                Data::Null
            }
            Head::Extension(code, length) => {
                self.take(length)?;
                let known = ExtensionCode::from_code(code).map(|extension| extension.kind().name().to_owned());
                self.reading.foreign(offset, known.unwrap_or_else(|| format!("a msgpack extension of type {code}")));
                Data::Null
            }
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
            let offset = self.position();
            let name = self.name(offset)?;
            self.reading.path.push(Step::Name(name.clone()));
            let value = self.value()?;
            self.reading.insert(&mut entries, name, Entry { offset, value });
            self.reading.path.pop();
        }
        Ok(Data::Map(entries))
    }

    fn name(&mut self, offset: usize) -> Result<String, Unreadable> {
        // The first byte alone decides that a name is not text, whether or not the rest of its header is there.
        if self.cursor.peek().is_none_or(begins_text)
            && let Head::Str(length) = self.head(offset)?
        {
            return self.text(offset, length);
        }
        let finding = Finding::new("the names in this map are not all text");
        self.reading.fail(offset, finding.suggest("use text for the keys".to_owned()))
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

    fn head(&mut self, offset: usize) -> Result<Head, Unreadable> {
        self.cursor.head().or_else(|fault| match fault {
            HeadFault::Truncated { .. } => self.truncated(),
            HeadFault::Reserved => self.reading.fail(offset, Finding::new("0xc1 has no meaning in msgpack")),
        })
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Unreadable> {
        self.cursor.take(length, "").or_else(|_| self.truncated())
    }

    fn truncated<T>(&mut self) -> Result<T, Unreadable> {
        let finding = Finding::new(format!("the msgpack ends after {} bytes, in the middle", self.length));
        self.reading.fail(self.length, finding.suggest("pass all of it".to_owned()))
    }

    fn position(&self) -> usize {
        self.length - self.cursor.left()
    }
}
