//! The data model: every kind of value that a packet can carry.
//!
//! Values are cheap to clone: text, lists, maps and the bytes of media are shared, only headers are copied.

mod audio;
mod buffer;
mod file;
mod footprint;
mod inputs;
mod packet;
mod table;
mod tensor;
mod video;

use std::sync::Arc;

use indexmap::IndexMap;

pub use audio::{Audio, AudioError, Layout};
pub use buffer::{Buffer, ForeignMemory};
pub use file::{File, FileSource};
pub(crate) use footprint::Footprint;
pub use inputs::{Inputs, NamedInputs};
pub use packet::{MediaTime, Packet};
pub use table::{Column, Table};
pub use tensor::{DataType, Tensor, TensorError};
pub use video::{PixelFormat, Plane, Video};

/// A map with text keys that keeps the order in which they were inserted.
pub type Map = IndexMap<Arc<str>, Value>;

/// A value of any kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// A truth value.
    Bool(bool),
    /// An integer from -2^63 to 2^63 - 1.
    Int(i64),
    /// An integer from 2^63 to 2^64 - 1. Smaller ones are always [`Value::Int`]; see [`Value::from_u64`].
    UInt(u64),
    /// A 64-bit float; NaN and infinities included.
    Float(f64),
    /// Unicode text.
    Str(Arc<str>),
    /// Bytes.
    Bytes(Box<Buffer>),
    /// A list.
    List(Arc<Vec<Value>>),
    /// A map with text keys, in order.
    Map(Arc<Map>),
    /// A point in time: seconds and nanoseconds since the Unix epoch, as in msgpack's timestamp.
    Timestamp {
        /// Whole seconds since 1970-01-01T00:00:00Z; negative before it.
        seconds: i64,
        /// Nanoseconds within the second, 0 to 999,999,999.
        nanoseconds: u32,
    },
    /// Planar float32 audio.
    Audio(Box<Audio>),
    /// One picture of a video.
    Video(Box<Video>),
    /// An n-dimensional array of numbers.
    Tensor(Box<Tensor>),
    /// Columns of equal length, in Arrow's memory layout.
    Table(Box<Table>),
    /// A file, by path or by content.
    File(Box<File>),
}

/// The kind of a value, without its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// See [`Value::Null`].
    Null,
    /// See [`Value::Bool`].
    Bool,
    /// See [`Value::Int`] and [`Value::UInt`].
    Int,
    /// See [`Value::Float`].
    Float,
    /// See [`Value::Str`].
    Str,
    /// See [`Value::Bytes`].
    Bytes,
    /// See [`Value::List`].
    List,
    /// See [`Value::Map`].
    Map,
    /// See [`Value::Timestamp`].
    Timestamp,
    /// See [`Value::Audio`].
    Audio,
    /// See [`Value::Video`].
    Video,
    /// See [`Value::Tensor`].
    Tensor,
    /// See [`Value::Table`].
    Table,
    /// See [`Value::File`].
    File,
}

impl Kind {
    /// Every kind, in the order of its number.
    pub const ALL: [Kind; 14] = [
        Kind::Null,
        Kind::Bool,
        Kind::Int,
        Kind::Float,
        Kind::Str,
        Kind::Bytes,
        Kind::List,
        Kind::Map,
        Kind::Timestamp,
        Kind::Audio,
        Kind::Video,
        Kind::Tensor,
        Kind::Table,
        Kind::File,
    ];

    /// The name as it appears in messages and documents, such as `audio`.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Null => "null",
            Kind::Bool => "bool",
            Kind::Int => "int",
            Kind::Float => "float",
            Kind::Str => "str",
            Kind::Bytes => "bytes",
            Kind::List => "list",
            Kind::Map => "map",
            Kind::Timestamp => "timestamp",
            Kind::Audio => "audio",
            Kind::Video => "video",
            Kind::Tensor => "tensor",
            Kind::Table => "table",
            Kind::File => "file",
        }
    }
}

impl Value {
    /// Text.
    pub fn text(text: impl Into<Arc<str>>) -> Self {
        Value::Str(text.into())
    }

    /// Bytes that this process owns.
    pub fn bytes(bytes: Vec<u8>) -> Self {
        Value::Bytes(Box::new(Buffer::from_bytes(bytes)))
    }

    /// A list.
    pub fn list(items: Vec<Value>) -> Self {
        Value::List(Arc::new(items))
    }

    /// A map of the given entries, in their order; a repeated key keeps its last value.
    pub fn map<K: Into<Arc<str>>>(entries: impl IntoIterator<Item = (K, Value)>) -> Self {
        Value::Map(Arc::new(entries.into_iter().map(|(key, value)| (key.into(), value)).collect()))
    }

    /// An unsigned integer, as [`Value::Int`] where it fits.
    pub fn from_u64(value: u64) -> Self {
        i64::try_from(value).map_or(Value::UInt(value), Value::Int)
    }

    /// The kind of this value.
    pub fn kind(&self) -> Kind {
        match self {
            Value::Null => Kind::Null,
            Value::Bool(_) => Kind::Bool,
            Value::Int(_) | Value::UInt(_) => Kind::Int,
            Value::Float(_) => Kind::Float,
            Value::Str(_) => Kind::Str,
            Value::Bytes(_) => Kind::Bytes,
            Value::List(_) => Kind::List,
            Value::Map(_) => Kind::Map,
            Value::Timestamp { .. } => Kind::Timestamp,
            Value::Audio(_) => Kind::Audio,
            Value::Video(_) => Kind::Video,
            Value::Tensor(_) => Kind::Tensor,
            Value::Table(_) => Kind::Table,
            Value::File(_) => Kind::File,
        }
    }

    /// The approximate number of bytes of memory that this value keeps alive; queues are bounded by it.
    pub fn weight(&self) -> usize {
        const HEADER: usize = 32;
        HEADER
            + match self {
                Value::Str(text) => text.len(),
                Value::Bytes(buffer) => buffer.len(),
                Value::List(items) => items.iter().map(Value::weight).sum(),
                Value::Map(map) => map.iter().map(|(key, value)| key.len() + value.weight()).sum(),
                Value::Audio(audio) => audio.weight(),
                Value::Video(video) => video.weight(),
                Value::Tensor(tensor) => tensor.weight(),
                Value::Table(table) => table.weight(),
                Value::File(file) => file.weight(),
                Value::Null
                | Value::Bool(_)
                | Value::Int(_)
                | Value::UInt(_)
                | Value::Float(_)
                | Value::Timestamp { .. } => 0,
            }
    }
}

impl From<Audio> for Value {
    fn from(audio: Audio) -> Self {
        Value::Audio(Box::new(audio))
    }
}

impl From<Tensor> for Value {
    fn from(tensor: Tensor) -> Self {
        Value::Tensor(Box::new(tensor))
    }
}

impl From<File> for Value {
    fn from(file: File) -> Self {
        Value::File(Box::new(file))
    }
}

/// What JSON has, values have too: every key and number stays as it is.
impl From<serde_json::Value> for Value {
    fn from(json: serde_json::Value) -> Self {
        use serde_json::Value as Json;
        match json {
            Json::Null => Value::Null,
            Json::Bool(value) => Value::Bool(value),
            Json::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(value), _) => Value::Int(value),
                (None, Some(value)) => Value::UInt(value),
                (None, None) => number.as_f64().map_or(Value::Null, Value::Float),
            },
            Json::String(text) => Value::text(text),
            Json::Array(items) => Value::list(items.into_iter().map(Value::from).collect()),
            Json::Object(entries) => Value::map(entries.into_iter().map(|(key, entry)| (key, Value::from(entry)))),
        }
    }
}
