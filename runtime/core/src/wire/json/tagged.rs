//! `{"$rm": kind, ...}` to values.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::write::PLAIN_NAN;
use crate::value::{
    Audio, Buffer, Column, DataType, File, FileSource, Kind, Layout, Map, PixelFormat, Plane, Table, Tensor, Value,
    Video,
};
use crate::wire::error::{WireErrorKind, shortened};
use crate::wire::extension::plane_extent;
use crate::wire::limits::Limits;
use crate::wire::samples::audio_in_memory;

/// The key that names the kind.
pub(super) const TAG: &str = "$rm";

type Outcome<T> = Result<T, WireErrorKind>;

/// The value of an object with the key `"$rm"`, which may refer to `buffers`.
pub(super) fn value(map: &Map, buffers: &[Buffer], limits: &Limits) -> Outcome<Value> {
    let kinds =
        [Kind::Bytes, Kind::Float, Kind::Timestamp, Kind::Audio, Kind::Video, Kind::Tensor, Kind::Table, Kind::File];
    let tag = map.get(TAG).unwrap_or(&Value::Null);
    let kind = kinds.into_iter().find(|kind| matches!(tag, Value::Str(name) if **name == *kind.name()));
    let Some(kind) = kind else { return Err(WireErrorKind::UnknownTag { found: describe(tag) }) };
    let object = Object { kind, map, buffers };
    match kind {
        Kind::Bytes => {
            object.only(&[TAG, "base64", "buffer", "offset", "length"])?;
            Ok(Value::Bytes(Box::new(object.bytes()?)))
        }
        Kind::Float => float(&object),
        Kind::Timestamp => timestamp(&object),
        Kind::Audio => audio(&object, limits),
        Kind::Video => video(&object),
        Kind::Tensor => tensor(&object),
        Kind::Table => table(&object, limits),
        _ => file(&object),
    }
}

fn float(object: &Object<'_>) -> Outcome<Value> {
    object.only(&[TAG, "value", "bits"])?;
    let value = match object.text("value")? {
        "NaN" => f64::from_bits(PLAIN_NAN),
        "Infinity" => f64::INFINITY,
        "-Infinity" => f64::NEG_INFINITY,
        other => return Err(object.wrong("value", "\"NaN\", \"Infinity\" or \"-Infinity\"", format!("{other:?}"))),
    };
    let Some(bits) = object.optional_text("bits")? else { return Ok(Value::Float(value)) };
    let valid = bits.len() == 16 && bits.bytes().all(|byte| byte.is_ascii_hexdigit());
    match u64::from_str_radix(bits, 16).map(f64::from_bits) {
        Ok(float) if valid && value.is_nan() && float.is_nan() => Ok(Value::Float(float)),
        _ => Err(object.wrong("bits", "16 hexadecimal digits of a NaN", format!("{:?}", shortened(bits)))),
    }
}

fn timestamp(object: &Object<'_>) -> Outcome<Value> {
    object.only(&[TAG, "seconds", "nanoseconds"])?;
    let seconds = object.signed("seconds")?;
    let nanoseconds = object.u32("nanoseconds")?;
    if nanoseconds > 999_999_999 {
        return Err(object.wrong("nanoseconds", "an integer from 0 to 999999999", nanoseconds.to_string()));
    }
    Ok(Value::Timestamp { seconds, nanoseconds })
}

fn audio(object: &Object<'_>, limits: &Limits) -> Outcome<Value> {
    object.only(&[TAG, "rate", "layout", "pts", "channels", "frames", "base64", "buffer", "offset", "stride"])?;
    let rate = object.u32("rate")?;
    let layout = object.optional_text("layout")?.map_or(Layout::Unspecified, |name| Layout::Named(name.into()));
    let pts = object.optional_signed("pts")?;
    let channels = object.size("channels")?;
    let frames = object.size("frames")?;
    let row = frames.saturating_mul(4);
    let audio = match object.payload(&["stride"])? {
        Payload::InText(bytes) => {
            object.exactly("base64", &bytes, channels as u128 * frames as u128 * 4)?;
            Audio::new(Buffer::aligned_copy(&bytes), 0, row, channels, frames, rate)?
        }
        Payload::Referred(buffer, offset) => {
            let stride = if map_has(object.map, "stride") { object.size("stride")? } else { row };
            audio_in_memory(buffer, offset, stride, channels, frames, rate, limits)?
        }
    };
    Ok(audio.with_layout(layout).with_pts(pts).into())
}

fn tensor(object: &Object<'_>) -> Outcome<Value> {
    object.only(&[TAG, "dtype", "shape", "base64", "buffer", "offset", "strides"])?;
    let name = object.text("dtype")?;
    let Some(data_type) = DataType::from_name(name) else {
        return Err(object.wrong("dtype", "the name of a data type such as float32", format!("{:?}", shortened(name))));
    };
    let items = object.list("shape")?;
    if items.len() > Limits::MAX_DIMENSIONS {
        return Err(object.wrong("shape", "a list of at most 64 sizes", format!("a list of {}", items.len())));
    }
    let shape: Vec<usize> = items.iter().map(|item| object.size_of("shape", item)).collect::<Outcome<_>>()?;
    let bytes = match object.payload(&["strides"])? {
        Payload::InText(bytes) => bytes,
        Payload::Referred(buffer, offset) => {
            let strides = match object.map.get("strides") {
                None => Tensor::contiguous_strides(data_type, &shape)?,
                Some(_) => object.list("strides")?.iter().map(|item| object.stride(item)).collect::<Outcome<_>>()?,
            };
            return Ok(Tensor::new(data_type, shape, strides, buffer, offset)?.into());
        }
    };
    let strides = Tensor::contiguous_strides(data_type, &shape)?;
    let needed: u128 = shape.iter().map(|&extent| extent as u128).product();
    object.exactly("base64", &bytes, needed * data_type.size() as u128)?;
    Ok(Tensor::new(data_type, shape, strides, Buffer::aligned_copy(&bytes), 0)?.into())
}

fn video(object: &Object<'_>) -> Outcome<Value> {
    object.only(&[TAG, "format", "width", "height", "pts", "planes"])?;
    let name = object.text("format")?;
    let Some(format) = PixelFormat::from_name(name) else {
        return Err(object.wrong("format", "gray, rgb24, rgba, yuv420p or nv12", format!("{:?}", shortened(name))));
    };
    let (width, height) = (object.u32("width")?, object.u32("height")?);
    let sizes = format.planes(width, height);
    let items = object.list("planes")?;
    if items.len() != sizes.len() {
        let found = format!("a list of {}", items.len());
        return Err(object.wrong("planes", "a list with each plane of the format", found));
    }
    let mut planes = Vec::with_capacity(sizes.len());
    for (item, (rows, row_bytes)) in items.iter().zip(sizes) {
        let plane = object.object("planes", item)?;
        plane.only(&["stride", "base64", "buffer", "offset"])?;
        let stride = plane.size("stride")?;
        if rows > 1 && stride < row_bytes {
            return Err(plane.wrong("stride", "at least the bytes of a row", stride.to_string()));
        }
        let extent = plane_extent(rows, row_bytes, stride).unwrap_or(usize::MAX);
        let buffer = match plane.payload(&[])? {
            Payload::InText(bytes) => {
                plane.exactly("base64", &bytes, extent as u128)?;
                Buffer::aligned_copy(&bytes)
            }
            Payload::Referred(buffer, offset) => plane.part(&buffer, offset, extent)?,
        };
        planes.push(Plane { buffer, stride });
    }
    Ok(Value::Video(Box::new(Video { format, width, height, planes, pts: object.optional_signed("pts")? })))
}

fn table(object: &Object<'_>, limits: &Limits) -> Outcome<Value> {
    object.only(&[TAG, "rows", "metadata", "columns"])?;
    let rows = object.size("rows")?;
    let metadata = object.base64("metadata")?;
    let columns = columns(object, "columns", 1, limits)?;
    Ok(Value::Table(Box::new(Table { rows, columns, metadata })))
}

fn columns(object: &Object<'_>, field: &'static str, depth: usize, limits: &Limits) -> Outcome<Vec<Column>> {
    object.list(field)?.iter().map(|item| column(&object.object(field, item)?, depth, limits)).collect()
}

fn column(object: &Object<'_>, depth: usize, limits: &Limits) -> Outcome<Column> {
    let limit = limits.effective_depth();
    if depth > limit {
        return Err(WireErrorKind::Depth { limit });
    }
    object.only(&[
        "name",
        "format",
        "flags",
        "metadata",
        "length",
        "null_count",
        "offset",
        "buffers",
        "children",
        "dictionary",
    ])?;
    let buffers = object.list("buffers")?.iter().map(|item| match item {
        Value::Null => Ok(None),
        Value::Str(text) => object.base64_of("buffers", text).map(|bytes| Some(Buffer::aligned_copy(&bytes))),
        Value::Map(_) => {
            let place = object.object("buffers", item)?;
            place.only(&["buffer", "offset", "length"])?;
            place.bytes().map(Some)
        }
        other => {
            Err(object.wrong("buffers", "a list of base64 text, places in the buffer table or null", describe(other)))
        }
    });
    let dictionary = match object.field("dictionary")? {
        Value::Null => None,
        other => Some(Box::new(column(&object.object("dictionary", other)?, depth + 1, limits)?)),
    };
    Ok(Column {
        name: object.text("name")?.into(),
        format: object.text("format")?.into(),
        flags: object.signed("flags")?,
        metadata: object.base64("metadata")?,
        length: object.size("length")?,
        null_count: object.signed("null_count")?,
        offset: object.size("offset")?,
        buffers: buffers.collect::<Outcome<_>>()?,
        children: columns(object, "children", depth + 1, limits)?,
        dictionary,
    })
}

fn file(object: &Object<'_>) -> Outcome<Value> {
    object.only(&[TAG, "path", "base64", "mime", "name", "buffer", "offset", "length"])?;
    let mime = object.optional_text("mime")?.map(Arc::from);
    let has_content = object.optional_text("base64")?.is_some() || map_has(object.map, "buffer");
    let source = match (object.optional_text("path")?, has_content) {
        (Some(path), false) => FileSource::Path(path.into()),
        (None, true) => FileSource::Bytes(object.bytes()?),
        (Some(_), true) => {
            let field = if map_has(object.map, "buffer") { "buffer" } else { "base64" };
            return Err(object.wrong(field, "left out where there is a path", "there".into()));
        }
        (None, false) => return Err(WireErrorKind::MissingField { kind: Kind::File, field: "path" }),
    };
    let raw_name = match object.optional_text("name")? {
        Some(_) => Some(object.base64("name")?.into()),
        None => None,
    };
    Ok(Value::File(Box::new(File { source, mime, raw_name })))
}

/// An object whose fields are read by name; a field of the wrong type is named in the error.
struct Object<'a> {
    kind: Kind,
    map: &'a Map,
    /// The buffers to which it may refer.
    buffers: &'a [Buffer],
}

/// A payload: the bytes of the text, or a buffer of the table and where in it the payload begins.
enum Payload {
    InText(Vec<u8>),
    Referred(Buffer, usize),
}

impl<'a> Object<'a> {
    fn only(&self, fields: &[&str]) -> Outcome<()> {
        match self.map.keys().find(|key| !fields.contains(&&***key)) {
            Some(key) => Err(WireErrorKind::UnknownField { kind: self.kind, field: shortened(key) }),
            None => Ok(()),
        }
    }

    fn wrong(&self, field: &'static str, expected: &'static str, found: String) -> WireErrorKind {
        WireErrorKind::Field { kind: self.kind, field, expected, found }
    }

    fn field(&self, field: &'static str) -> Outcome<&'a Value> {
        self.map.get(field).ok_or(WireErrorKind::MissingField { kind: self.kind, field })
    }

    fn text(&self, field: &'static str) -> Outcome<&'a str> {
        match self.field(field)? {
            Value::Str(text) => Ok(text),
            other => Err(self.wrong(field, "text", describe(other))),
        }
    }

    fn optional_text(&self, field: &'static str) -> Outcome<Option<&'a str>> {
        match self.map.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Str(text)) => Ok(Some(text)),
            Some(other) => Err(self.wrong(field, "text or null", describe(other))),
        }
    }

    fn signed(&self, field: &'static str) -> Outcome<i64> {
        match self.field(field)? {
            Value::Int(value) => Ok(*value),
            other => Err(self.wrong(field, "an integer of 64 bits with sign", describe(other))),
        }
    }

    fn optional_signed(&self, field: &'static str) -> Outcome<Option<i64>> {
        match self.map.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Int(value)) => Ok(Some(*value)),
            Some(other) => Err(self.wrong(field, "an integer of 64 bits with sign, or null", describe(other))),
        }
    }

    fn size(&self, field: &'static str) -> Outcome<usize> {
        self.size_of(field, self.field(field)?)
    }

    fn size_of(&self, field: &'static str, value: &Value) -> Outcome<usize> {
        let size = if let Value::Int(value) = value { usize::try_from(*value).ok() } else { None };
        size.ok_or_else(|| self.wrong(field, "an integer from 0 to 2^63-1", describe(value)))
    }

    fn u32(&self, field: &'static str) -> Outcome<u32> {
        let value = self.field(field)?;
        let number = if let Value::Int(value) = value { u32::try_from(*value).ok() } else { None };
        number.ok_or_else(|| self.wrong(field, "an integer from 0 to 2^32-1", describe(value)))
    }

    fn list(&self, field: &'static str) -> Outcome<&'a [Value]> {
        match self.field(field)? {
            Value::List(items) => Ok(items),
            other => Err(self.wrong(field, "a list", describe(other))),
        }
    }

    fn object(&self, field: &'static str, value: &'a Value) -> Outcome<Object<'a>> {
        match value {
            Value::Map(map) => Ok(Object { kind: self.kind, map, buffers: self.buffers }),
            other => Err(self.wrong(field, "made of objects", describe(other))),
        }
    }

    /// The payload of the object. `places` are further fields that only a payload of the buffer table has.
    fn payload(&self, places: &[&'static str]) -> Outcome<Payload> {
        let found = |field: &str| self.map.get(field).is_some_and(|value| !matches!(value, Value::Null));
        if !found("buffer") {
            if let Some(place) = ["offset", "length"].iter().chain(places).find(|place| map_has(self.map, place)) {
                return Err(self.wrong(place, "left out where there is no buffer", "there".into()));
            }
            return self.base64("base64").map(Payload::InText);
        }
        if found("base64") {
            return Err(self.wrong("base64", "left out where there is a buffer", "there".into()));
        }
        let index = self.size("buffer")?;
        let Some(buffer) = self.buffers.get(index) else {
            let found = format!("{index}, and {} came with the text", self.buffers.len());
            return Err(self.wrong("buffer", "the index of a buffer", found));
        };
        let offset = if map_has(self.map, "offset") { self.size("offset")? } else { 0 };
        Ok(Payload::Referred(buffer.clone(), offset))
    }

    /// A payload of bytes: all of it, or `length` bytes from `offset` on.
    fn bytes(&self) -> Outcome<Buffer> {
        match self.payload(&[])? {
            Payload::InText(bytes) => Ok(Buffer::aligned_copy(&bytes)),
            Payload::Referred(buffer, offset) => {
                let rest = buffer.len().saturating_sub(offset);
                let length = if map_has(self.map, "length") { self.size("length")? } else { rest };
                self.part(&buffer, offset, length)
            }
        }
    }

    fn part(&self, buffer: &Buffer, offset: usize, length: usize) -> Outcome<Buffer> {
        buffer.slice(offset, length).ok_or_else(|| {
            let found = format!("{length} bytes from {offset} on, of {}", buffer.len());
            self.wrong("buffer", "a part of the buffer", found)
        })
    }

    fn stride(&self, item: &Value) -> Outcome<isize> {
        let stride = if let Value::Int(stride) = item { isize::try_from(*stride).ok() } else { None };
        stride.ok_or_else(|| self.wrong("strides", "a list of integers", describe(item)))
    }

    fn base64(&self, field: &'static str) -> Outcome<Vec<u8>> {
        self.base64_of(field, self.text(field)?)
    }

    fn base64_of(&self, field: &'static str, text: &str) -> Outcome<Vec<u8>> {
        STANDARD
            .decode(text)
            .map_err(|_| self.wrong(field, "base64 of RFC 4648 with padding", format!("{:?}", shortened(text))))
    }

    fn exactly(&self, field: &'static str, bytes: &[u8], needed: u128) -> Outcome<()> {
        if bytes.len() as u128 == needed {
            return Ok(());
        }
        Err(WireErrorKind::PayloadLength { kind: self.kind, field, needed, found: bytes.len() })
    }
}

fn map_has(map: &Map, field: &str) -> bool {
    map.contains_key(field)
}

/// A value in words, with its content where that is short.
fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::UInt(value) => value.to_string(),
        Value::Float(value) => format!("{value:?}"),
        Value::Str(text) => format!("{:?}", shortened(text)),
        Value::List(_) => "a list".to_owned(),
        Value::Map(_) => "an object".to_owned(),
        other => format!("a tagged {}", other.kind().name()),
    }
}
