//! msgpack bytes to values, checked against the limits.
//!
//! A declared length counts only as far as bytes are there for it, memory grows with what has been read, and the
//! recursion is bounded by the limit on depth. The path of an error is built while the error returns through the calls,
//! so that a correct document pays nothing for it.

mod extension;

use std::sync::Arc;

use super::error::{Place, Step, WireError, WireErrorKind, shortened};
use super::limits::Limits;
use super::reader::{Head, Reader};
use crate::value::{Buffer, Inputs, Map, NamedInputs, Value};

/// Reads one value.
///
/// # Errors
/// If the bytes are no document, refer to memory outside the buffers, or exceed a limit.
pub fn decode(bytes: &[u8], buffers: &[Buffer], limits: &Limits) -> Result<Value, WireError> {
    let mut decoder = Decoder::new(bytes, buffers, limits)?;
    let value = decoder.value(0)?;
    decoder.finish()?;
    Ok(value)
}

/// Reads the inputs of a run: a list with one entry for each item, a map of such lists by the names of the inputs, or nil for
/// none.
///
/// # Errors
/// As [`decode`], with paths that begin with `inputs`; and if the document is something else.
pub fn decode_inputs(bytes: &[u8], buffers: &[Buffer], limits: &Limits) -> Result<Inputs, WireError> {
    let inputs = || -> Result<_, WireError> {
        let mut decoder = Decoder::new(bytes, buffers, limits)?;
        let items = match decoder.reader.head()? {
            Head::Nil => Inputs::None,
            Head::List(len) => Inputs::List(decoder.items(len, 0)?),
            Head::Map(len) => Inputs::Named(decoder.lists(len)?),
            other => return Err(decoder.reader.error(WireErrorKind::NotInputs { found: other.describe() })),
        };
        decoder.finish()?;
        Ok(items)
    };
    inputs().map_err(|error| error.in_document("inputs"))
}

/// Reads a list of lists, one after the other: `row` gets the index of each, the number of all, and its items, or the
/// value that is there instead of a list. Returns the document itself if it is no list.
///
/// # Errors
/// As [`decode`], and those that `row` returns.
pub fn decode_rows<E: From<WireError>>(
    bytes: &[u8],
    buffers: &[Buffer],
    limits: &Limits,
    mut row: impl FnMut(usize, usize, Result<&mut Vec<Value>, Value>) -> Result<(), E>,
) -> Result<Option<Value>, E> {
    let mut decoder = Decoder::new(bytes, buffers, limits)?;
    let Head::List(len) = decoder.reader.head()? else { return Ok(Some(decode(bytes, buffers, limits)?)) };
    decoder.enter("a list", len, len, 0)?;
    let mut items = Vec::with_capacity(ROW_ITEMS);
    for index in 0..len {
        let inside = |error: WireError| error.inside(Step::Index(index));
        match decoder.reader.head().map_err(inside)? {
            Head::List(width) => {
                decoder.items_into(&mut items, width, 1).map_err(inside)?;
                row(index, len, Ok(&mut items))?;
                items.clear();
            }
            head => row(index, len, Err(decoder.value_of(head, 1).map_err(inside)?))?,
        }
    }
    decoder.finish()?;
    Ok(None)
}

struct Decoder<'a> {
    reader: Reader<'a>,
    context: Context<'a>,
    items_left: usize,
    /// Recent keys. Records repeat their keys, and sharing one is cheaper than allocating it again.
    keys: Vec<Option<Arc<str>>>,
}

/// The buffers and limits for extension types.
struct Context<'a> {
    buffers: &'a [Buffer],
    limits: &'a Limits,
}

/// The items of a row for which memory is allocated at once; a packet of a session has that many.
const ROW_ITEMS: usize = 4;

/// The most entries for which memory is allocated before they are read, where nested lists could multiply it.
const RESERVED_ENTRIES: usize = 1024;

/// Slots for recent keys; a power of two.
const KEY_SLOTS: usize = 64;

/// Longer keys are rarely repeated.
const KEY_SHARED: usize = 32;

impl<'a> Decoder<'a> {
    fn new(bytes: &'a [u8], buffers: &'a [Buffer], limits: &'a Limits) -> Result<Self, WireError> {
        let refuse = |kind| Err(WireError::new(kind, Some(Place::Byte(0))));
        if bytes.len() > limits.bytes {
            return refuse(WireErrorKind::Bytes { found: bytes.len(), limit: limits.bytes });
        }
        if buffers.len() > limits.buffers {
            return refuse(WireErrorKind::Buffers { found: buffers.len(), limit: limits.buffers });
        }
        Ok(Self {
            reader: Reader::new(bytes),
            context: Context { buffers, limits },
            items_left: limits.items,
            keys: Vec::new(),
        })
    }

    fn finish(self) -> Result<(), WireError> {
        match self.reader.left() {
            0 => Ok(()),
            extra => Err(self.reader.error(WireErrorKind::Trailing { extra })),
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value, WireError> {
        let head = self.reader.head()?;
        self.value_of(head, depth)
    }

    #[inline]
    fn value_of(&mut self, head: Head, depth: usize) -> Result<Value, WireError> {
        Ok(match head {
            Head::Nil => Value::Null,
            Head::Bool(value) => Value::Bool(value),
            Head::Int(value) => Value::Int(value),
            Head::UInt(value) => Value::UInt(value),
            Head::Float(value) => Value::Float(value),
            Head::Str(len) => Value::Str(self.reader.str(len)?.into()),
            Head::Bin(len) => Value::Bytes(Box::new(Buffer::copied(self.reader.take(len, "bytes")?))),
            Head::List(len) => Value::List(Arc::new(self.items(len, depth)?)),
            Head::Map(len) => Value::Map(Arc::new(self.entries(len, depth)?)),
            Head::Extension(code, len) => {
                let payload = self.reader.part(len, "an extension value")?;
                extension::read(code, payload, &self.context)?
            }
        })
    }

    fn items(&mut self, len: usize, depth: usize) -> Result<Vec<Value>, WireError> {
        let mut items = Vec::new();
        self.items_into(&mut items, len, depth)?;
        Ok(items)
    }

    fn items_into(&mut self, items: &mut Vec<Value>, len: usize, depth: usize) -> Result<(), WireError> {
        self.enter("a list", len, len, depth)?;
        items.reserve_exact(reserved(len, depth));
        for index in 0..len {
            if let Some(value) = self.reader.short_integer() {
                items.push(Value::Int(value));
                continue;
            }
            match self.value(depth + 1) {
                Ok(item) => items.push(item),
                Err(error) => return Err(error.inside(Step::Index(index))),
            }
        }
        Ok(())
    }

    fn entries(&mut self, len: usize, depth: usize) -> Result<Map, WireError> {
        self.enter("a map", len, len.saturating_mul(2), depth)?;
        let mut map = Map::with_capacity(reserved(len, depth));
        for _ in 0..len {
            let key = self.key()?;
            let value = match self.value(depth + 1) {
                Ok(value) => value,
                Err(error) => return Err(error.inside_key(&key)),
            };
            let expected = map.len();
            let (index, _) = map.insert_full(key, value);
            if index != expected {
                let key = map.get_index(index).map(|(key, _)| shortened(key)).unwrap_or_default();
                return Err(self.reader.error(WireErrorKind::DuplicateKey { key }));
            }
        }
        Ok(map)
    }

    /// The lists of a map, which is the document.
    fn lists(&mut self, len: usize) -> Result<NamedInputs, WireError> {
        self.enter("a map", len, len.saturating_mul(2), 0)?;
        let mut lists = NamedInputs::with_capacity(len.min(RESERVED_ENTRIES));
        for _ in 0..len {
            let name = self.key()?;
            if lists.iter().any(|(known, _)| *known == name) {
                return Err(self.reader.error(WireErrorKind::DuplicateKey { key: shortened(&name) }));
            }
            let items = match self.reader.head() {
                Ok(Head::List(len)) => self.items(len, 1),
                Ok(other) => Err(self.reader.error(WireErrorKind::NotInputs { found: other.describe() })),
                Err(error) => Err(error),
            };
            lists.push((Arc::clone(&name), items.map_err(|error| error.inside_key(&name))?));
        }
        Ok(lists)
    }

    /// Checks the header of a list or map: its depth, its entries, and that there are bytes for them.
    fn enter(&mut self, what: &'static str, len: usize, least_bytes: usize, depth: usize) -> Result<(), WireError> {
        let limit = self.context.limits.effective_depth();
        if depth >= limit {
            return Err(self.reader.error(WireErrorKind::Depth { limit }));
        }
        if least_bytes > self.reader.left() {
            return Err(self.reader.truncated(what, least_bytes as u64));
        }
        match self.items_left.checked_sub(len) {
            Some(left) => self.items_left = left,
            None => {
                return Err(self.reader.error(WireErrorKind::Items { limit: self.context.limits.items }));
            }
        }
        Ok(())
    }

    fn key(&mut self) -> Result<Arc<str>, WireError> {
        let text = match self.reader.head()? {
            Head::Str(len) => self.reader.str(len)?,
            other => return Err(self.reader.error(WireErrorKind::KeyNotText { found: other.describe() })),
        };
        let bytes = text.as_bytes();
        let (Some(&first), Some(&last)) = (bytes.first(), bytes.last()) else { return Ok(text.into()) };
        if bytes.len() > KEY_SHARED {
            return Ok(text.into());
        }
        if self.keys.is_empty() {
            self.keys.resize(KEY_SLOTS, None);
        }
        let mixed = usize::from(first) * 7 + usize::from(last) * 31 + bytes.len() * 13;
        let slot = &mut self.keys[mixed % KEY_SLOTS];
        match slot {
            Some(key) if **key == *text => Ok(Arc::clone(key)),
            _ => Ok(Arc::clone(slot.insert(text.into()))),
        }
    }
}

/// The number of entries for which to allocate memory: at the outermost levels all that are declared, since their
/// number is already known not to exceed the bytes that are left.
fn reserved(len: usize, depth: usize) -> usize {
    if depth < 2 { len } else { len.min(RESERVED_ENTRIES) }
}
