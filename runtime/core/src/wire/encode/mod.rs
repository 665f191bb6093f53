//! Values to msgpack bytes and a buffer table, in the shortest forms.
//!
//! The encoder also takes a document piece by piece, so that completions and events are written without building a
//! tree.

mod extension;

use std::collections::BTreeMap;

use rmp::encode as msgpack;

use super::Document;
use super::extension::{ExtensionCode, INLINE_BELOW};
use super::limits::Limits;
use crate::value::{Buffer, Map, Value};

/// Writes one value.
pub fn encode(value: &Value) -> Document {
    let mut encoder = Encoder::new();
    encoder.value(value);
    encoder.finish()
}

/// Sets a number of a list for which [`Encoder::numbers_to_be_set`] made room at `place`.
pub(crate) fn set_number(document: &mut [u8], place: usize, index: usize, number: u32) {
    // Each number has a marker before it, and a list of up to 15 one byte.
    let begin = place + 1 + 5 * index + 1;
    document[begin..begin + 4].copy_from_slice(&number.to_be_bytes());
}

/// Writes a document piece by piece: each call writes one value, or the header of a list or map whose entries follow.
///
/// The caller writes as many entries as it declared; for a map each is a key, by [`Encoder::text`], and a value.
#[derive(Debug, Default)]
pub struct Encoder {
    bytes: Vec<u8>,
    buffers: Vec<Buffer>,
    /// The table was given: nothing is added to it, and only what lies in it is referred to.
    has_given_table: bool,
    /// The index of each block of memory in the table, once the table is too long to be searched. Not a `HashMap`, which asks
    /// for random keys when it is made, and most encoders need none.
    index: BTreeMap<usize, usize>,
    /// Scratch space for the payload of an extension type, whose length has to be written first.
    payload: Vec<u8>,
}

/// Writing to a vector can't fail.
const WRITTEN: &str = "a vector takes every byte";

/// About the bytes of an extension type beside its samples.
const EXTENSION_HEAD: usize = 128;

/// Up to this many entries the table is searched from its beginning.
const SEARCHED: usize = 8;

impl Encoder {
    /// An encoder of an empty document.
    pub fn new() -> Self {
        // Room for the completion of a small piece of work, so that writing it does not grow the memory again and
        // again.
        Self { bytes: Vec::with_capacity(256), ..Self::default() }
    }

    /// An encoder of an empty document with capacity for this many bytes.
    pub fn with_room(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), ..Self::default() }
    }

    /// An encoder of an empty document with this table: payloads in its memory are referred to by their index there,
    /// whatever their size, and all others are inside the document.
    pub fn over(table: Vec<Buffer>) -> Self {
        Self { buffers: table, has_given_table: true, ..Self::new() }
    }

    /// Nil.
    #[inline]
    pub fn nil(&mut self) -> &mut Self {
        msgpack::write_nil(&mut self.bytes).expect(WRITTEN);
        self
    }

    /// A truth value.
    #[inline]
    pub fn bool(&mut self, value: bool) -> &mut Self {
        msgpack::write_bool(&mut self.bytes, value).expect(WRITTEN);
        self
    }

    /// An integer.
    #[inline]
    pub fn int(&mut self, value: i64) -> &mut Self {
        // Short positive integers are most of what is written; each in one piece.
        match value {
            0..=0x7f => self.bytes.push(value as u8),
            0x80..=0xff => self.bytes.extend_from_slice(&[0xcc, value as u8]),
            0x100..=0xffff => self.bytes.extend_from_slice(&[0xcd, (value >> 8) as u8, value as u8]),
            _ => drop(msgpack::write_sint(&mut self.bytes, value).expect(WRITTEN)),
        }
        self
    }

    /// An integer without sign.
    #[inline]
    pub fn uint(&mut self, value: u64) -> &mut Self {
        match i64::try_from(value) {
            // Written in the same way, and that has the short forms.
            Ok(value) => self.int(value),
            Err(_) => {
                msgpack::write_uint(&mut self.bytes, value).expect(WRITTEN);
                self
            }
        }
    }

    /// A 64-bit float, with the bits that it has.
    #[inline]
    pub fn float(&mut self, value: f64) -> &mut Self {
        msgpack::write_f64(&mut self.bytes, value).expect(WRITTEN);
        self
    }

    /// Text, or the key of an entry.
    ///
    /// # Panics
    /// If it has 4 GiB or more, which msgpack can't carry. The same holds for all other lengths.
    #[inline]
    pub fn text(&mut self, value: &str) -> &mut Self {
        msgpack::write_str_len(&mut self.bytes, declared(value.len())).expect(WRITTEN);
        self.bytes.extend_from_slice(value.as_bytes());
        self
    }

    /// The header of a list of `len` items.
    #[inline]
    pub fn array(&mut self, len: usize) -> &mut Self {
        msgpack::write_array_len(&mut self.bytes, declared(len)).expect(WRITTEN);
        self
    }

    /// The header of a list whose length is not known yet: 0 in the two bytes behind its first one.
    pub fn array_to_be_counted(&mut self) -> &mut Self {
        self.bytes.extend_from_slice(&[rmp::Marker::Array16.to_u8(), 0, 0]);
        self
    }

    /// A list of `count` numbers that are not known yet: 0, five bytes each. Returns where it stands, for [`set_number`].
    pub fn numbers_to_be_set(&mut self, count: usize) -> usize {
        let place = self.bytes.len();
        self.array(count);
        for _ in 0..count {
            self.bytes.extend_from_slice(&[rmp::Marker::U32.to_u8(), 0, 0, 0, 0]);
        }
        place
    }

    /// Sets a number of a list for which [`Self::numbers_to_be_set`] made room at `place`.
    pub fn set_number(&mut self, place: usize, index: usize, number: u32) -> &mut Self {
        set_number(&mut self.bytes, place, index, number);
        self
    }

    /// The header of a map of `len` entries.
    #[inline]
    pub fn map(&mut self, len: usize) -> &mut Self {
        msgpack::write_map_len(&mut self.bytes, declared(len)).expect(WRITTEN);
        self
    }

    /// Bytes, copied into the document whatever their length.
    pub fn bin(&mut self, value: &[u8]) -> &mut Self {
        msgpack::write_bin(&mut self.bytes, value).expect(WRITTEN);
        self
    }

    /// Bytes: inside the document if they are few, else by the buffer table.
    pub fn buffer(&mut self, value: &Buffer) -> &mut Self {
        if self.is_inline(value, value.len()) {
            return self.bin(value.as_slice());
        }
        self.extension(ExtensionCode::Bytes, |payload| payload.bytes(value));
        self
    }

    /// A point in time, in the shortest of msgpack's three forms.
    pub fn timestamp(&mut self, seconds: i64, nanoseconds: u32) -> &mut Self {
        let bits = u64::try_from(seconds).ok().filter(|&seconds| seconds < 1 << 34 && nanoseconds < 1 << 30);
        let code = ExtensionCode::Timestamp as i8;
        let mut meta = |len| msgpack::write_ext_meta(&mut self.bytes, len, code).map(drop).expect(WRITTEN);
        match bits {
            Some(seconds) if nanoseconds == 0 && seconds < 1 << 32 => {
                meta(4);
                self.bytes.extend_from_slice(&(seconds as u32).to_be_bytes());
            }
            Some(seconds) => {
                meta(8);
                self.bytes.extend_from_slice(&(u64::from(nanoseconds) << 34 | seconds).to_be_bytes());
            }
            None => {
                meta(12);
                self.bytes.extend_from_slice(&nanoseconds.to_be_bytes());
                self.bytes.extend_from_slice(&seconds.to_be_bytes());
            }
        }
        self
    }

    /// A value of any kind.
    pub fn value(&mut self, value: &Value) -> &mut Self {
        self.nested(value, 0);
        self
    }

    /// How many bytes have been written so far.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing has been written.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The bytes written so far.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The buffer table so far.
    pub fn buffers(&self) -> &[Buffer] {
        &self.buffers
    }

    /// Hands out the document; the encoder is empty afterwards and can be used again.
    pub fn finish(&mut self) -> Document {
        self.index.clear();
        Document { bytes: std::mem::take(&mut self.bytes), buffers: std::mem::take(&mut self.buffers) }
    }

    /// Forgets the document but keeps its memory for the next one.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.buffers.clear();
        self.index.clear();
    }

    fn nested(&mut self, value: &Value, depth: usize) {
        match value {
            Value::List(items) if depth < Limits::MAX_DEPTH => {
                self.array(items.len());
                for item in items.iter() {
                    self.nested(item, depth + 1);
                }
            }
            Value::Map(map) if depth < Limits::MAX_DEPTH => {
                self.map(map.len());
                for (key, value) in map.iter() {
                    self.text(key);
                    self.nested(value, depth + 1);
                }
            }
            Value::List(_) | Value::Map(_) => self.deep(value),
            leaf => self.leaf(leaf),
        }
    }

    /// As [`Self::nested`], without recursion: a value that a node built may be deeper than any stack.
    fn deep(&mut self, value: &Value) {
        enum Open<'a> {
            List(std::slice::Iter<'a, Value>),
            Map(indexmap::map::Iter<'a, std::sync::Arc<str>, Value>),
        }
        fn open<'a>(encoder: &mut Encoder, value: &'a Value) -> Option<Open<'a>> {
            match value {
                Value::List(items) => {
                    encoder.array(items.len());
                    Some(Open::List(items.iter()))
                }
                Value::Map(map) => {
                    encoder.map(map.len());
                    Some(Open::Map(Map::iter(map)))
                }
                leaf => {
                    encoder.leaf(leaf);
                    None
                }
            }
        }
        let mut stack: Vec<Open<'_>> = open(self, value).into_iter().collect();
        while let Some(top) = stack.last_mut() {
            let next = match top {
                Open::List(items) => items.next(),
                Open::Map(entries) => entries.next().map(|(key, value)| {
                    self.text(key);
                    value
                }),
            };
            match next {
                Some(value) => stack.extend(open(self, value)),
                None => drop(stack.pop()),
            }
        }
    }

    #[inline]
    fn leaf(&mut self, value: &Value) {
        match value {
            Value::Null => drop(self.nil()),
            Value::Bool(value) => drop(self.bool(*value)),
            Value::Int(value) => drop(self.int(*value)),
            Value::UInt(value) => drop(self.uint(*value)),
            Value::Float(value) => drop(self.float(*value)),
            Value::Str(value) => drop(self.text(value)),
            Value::Bytes(value) => drop(self.buffer(value)),
            Value::Timestamp { seconds, nanoseconds } => drop(self.timestamp(*seconds, *nanoseconds)),
            Value::Audio(audio) => self.extension(ExtensionCode::Audio, |payload| payload.audio(audio)),
            Value::Video(video) => self.extension(ExtensionCode::Video, |payload| payload.video(video)),
            Value::Tensor(tensor) => self.extension(ExtensionCode::Tensor, |payload| payload.tensor(tensor)),
            Value::Table(table) => self.extension(ExtensionCode::Table, |payload| payload.table(table)),
            Value::File(file) => self.extension(ExtensionCode::File, |payload| payload.file(file)),
            Value::List(_) | Value::Map(_) => self.deep(value),
        }
    }

    fn extension(&mut self, code: ExtensionCode, write: impl FnOnce(&mut extension::Payload<'_>)) {
        let mut bytes = std::mem::take(&mut self.payload);
        bytes.clear();
        // Room for what comes before samples, so that it is not written into memory that grows by the byte.
        bytes.reserve(EXTENSION_HEAD);
        write(&mut extension::Payload { bytes: &mut bytes, encoder: self });
        msgpack::write_ext_meta(&mut self.bytes, declared(bytes.len()), code as i8).expect(WRITTEN);
        self.bytes.extend_from_slice(&bytes);
        self.payload = bytes;
    }

    /// Whether a payload of this length goes into the document, rather than into the buffer table.
    fn is_inline(&mut self, buffer: &Buffer, len: usize) -> bool {
        if self.has_given_table { self.place_of(buffer).is_none() } else { len < INLINE_BELOW }
    }

    /// The index of a buffer's memory in the table. New memory is appended.
    fn reference(&mut self, buffer: &Buffer) -> usize {
        self.place_of(buffer).unwrap_or_else(|| {
            let index = self.buffers.len();
            self.buffers.push(buffer.whole());
            if !self.index.is_empty() {
                self.index.insert(buffer.memory_id(), index);
            }
            index
        })
    }

    /// The index of a buffer's memory, if it is in the table.
    fn place_of(&mut self, buffer: &Buffer) -> Option<usize> {
        if self.buffers.len() <= SEARCHED {
            self.buffers.iter().position(|entry| entry.same_memory(buffer))
        } else {
            if self.index.is_empty() {
                self.index.extend(self.buffers.iter().enumerate().map(|(index, entry)| (entry.memory_id(), index)));
            }
            self.index.get(&buffer.memory_id()).copied()
        }
    }
}

fn declared(len: usize) -> u32 {
    u32::try_from(len).expect("msgpack carries less than 4 GiB in one piece")
}
