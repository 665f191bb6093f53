//! The payloads of extension types to media values.
//!
//! No number is trusted: every window is checked against its memory before a value is made.

use std::sync::Arc;

use super::super::error::{WireError, WireErrorKind};
use super::super::extension::{ExtensionCode, plane_extent};
use super::super::limits::Limits;
use super::super::reader::{Fields, Head, Reader};
use super::super::samples::{audio_in_memory, check_extent};
use super::Context;
use crate::outside::beginning;
use crate::value::{
    Buffer, Column, DataType, File, FileSource, Kind, Layout, PixelFormat, Plane, Table, Tensor, Value, Video,
};

/// Reads the value of the extension type `code` from its payload.
pub(super) fn read(code: i8, payload: Reader<'_>, context: &Context<'_>) -> Result<Value, WireError> {
    let Some(extension) = ExtensionCode::from_code(code) else {
        return Err(payload.error(WireErrorKind::UnknownExtension { code }));
    };
    let fields = |payload| Fields::new(payload, extension.kind());
    match extension {
        ExtensionCode::Timestamp => timestamp(payload),
        ExtensionCode::Tensor => tensor(fields(payload), context),
        ExtensionCode::Audio => audio(fields(payload), context),
        ExtensionCode::Video => video(fields(payload), context),
        ExtensionCode::Table => table(fields(payload), context),
        ExtensionCode::File => file(fields(payload), context),
        ExtensionCode::Bytes => bytes(fields(payload), context),
    }
}

/// The three forms of msgpack's timestamp: 32 bits of seconds; 30 bits of nanoseconds and 34 of seconds; 32 bits of
/// nanoseconds and 64 of seconds with sign.
fn timestamp(mut payload: Reader<'_>) -> Result<Value, WireError> {
    let wrong = |payload: &Reader<'_>, field, expected, found: String| {
        Err(payload.error(WireErrorKind::Field { kind: Kind::Timestamp, field, expected, found }))
    };
    let whole = payload.left();
    let bytes = payload.take(whole, "a timestamp")?;
    let number = |bytes: &[u8]| bytes.iter().fold(0u64, |number, &byte| number << 8 | u64::from(byte));
    let (seconds, nanoseconds) = match bytes.len() {
        4 => (number(bytes) as i64, 0),
        8 => ((number(bytes) & 0x3_ffff_ffff) as i64, (number(bytes) >> 34) as u32),
        12 => (number(&bytes[4..]) as i64, number(&bytes[..4]) as u32),
        other => return wrong(&payload, "payload", "4, 8 or 12 bytes", other.to_string()),
    };
    if nanoseconds > 999_999_999 {
        return wrong(&payload, "nanoseconds", "an integer from 0 to 999999999", nanoseconds.to_string());
    }
    Ok(Value::Timestamp { seconds, nanoseconds })
}

fn tensor(mut fields: Fields<'_>, context: &Context<'_>) -> Result<Value, WireError> {
    fields.open(5)?;
    let name = fields.text("dtype")?;
    let Some(data_type) = DataType::from_name(name) else {
        return Err(fields.wrong_text(
            "dtype",
            "the name of a data type such as float32",
            format!("{:?}", beginning(name)),
        ));
    };
    let dimensions = fields.list("shape", "a list")?;
    if dimensions > Limits::MAX_DIMENSIONS {
        return Err(fields.wrong_text("shape", "a list of at most 64 sizes", format!("a list of {dimensions}")));
    }
    let mut shape = Vec::with_capacity(dimensions);
    for _ in 0..dimensions {
        shape.push(fields.size("shape")?);
    }
    let strides = match fields.reader.head()? {
        Head::Nil => None,
        Head::List(len) if len == dimensions => {
            let mut strides = Vec::with_capacity(len);
            for _ in 0..len {
                strides.push(fields.signed("strides")? as isize);
            }
            Some(strides)
        }
        Head::List(len) => {
            let found = format!("a list of {len}");
            return Err(fields.wrong_text("strides", "nil or a list as long as the shape", found));
        }
        other => return Err(fields.wrong("strides", "nil or a list as long as the shape", &other)),
    };
    let payload = fields.payload("data", context)?;
    let offset = fields.size("offset")?;
    let strides = match strides {
        Some(strides) => Ok(strides),
        None => Tensor::contiguous_strides(data_type, &shape),
    };
    let tensor = strides.and_then(|strides| Tensor::new(data_type, shape, strides, payload, offset));
    let tensor = tensor.map_err(|error| fields.reader.error(error.into()))?;
    fields.extent(tensor.element_count() as u128 * data_type.size() as u128, tensor.buffer().len(), context)?;
    fields.close()?;
    Ok(tensor.into())
}

fn audio(mut fields: Fields<'_>, context: &Context<'_>) -> Result<Value, WireError> {
    fields.open(8)?;
    let rate = fields.u32("rate")?;
    let layout = fields.optional_text("layout")?.map_or(Layout::Unspecified, |name| Layout::Named(name.into()));
    let pts = fields.optional_signed("pts")?;
    let channels = fields.size("channels")?;
    let frames = fields.size("frames")?;
    let channel_stride = fields.size("channel stride")?;
    let buffer = fields.payload("samples", context)?;
    let offset = fields.size("offset")?;
    let audio = audio_in_memory(buffer, offset, channel_stride, channels, frames, rate, context.limits);
    let audio = audio.map_err(|error| fields.reader.error(error))?;
    fields.close()?;
    Ok(audio.with_layout(layout).with_pts(pts).into())
}

fn video(mut fields: Fields<'_>, context: &Context<'_>) -> Result<Value, WireError> {
    fields.open(5)?;
    let name = fields.text("format")?;
    let Some(format) = PixelFormat::from_name(name) else {
        return Err(fields.wrong_text(
            "format",
            "gray, rgb24, rgba, yuv420p or nv12",
            format!("{:?}", beginning(name)),
        ));
    };
    let width = fields.u32("width")?;
    let height = fields.u32("height")?;
    let pts = fields.optional_signed("pts")?;
    let sizes = format.planes(width, height);
    let found = fields.list("planes", "a list")?;
    if found != sizes.len() {
        let found = format!("a list of {found}");
        return Err(fields.wrong_text("planes", "a list with each plane of the format", found));
    }
    let mut planes = Vec::with_capacity(sizes.len());
    for (rows, row_bytes) in sizes {
        planes.push(plane(&mut fields, rows, row_bytes, context)?);
    }
    fields.close()?;
    Ok(Value::Video(Box::new(Video { format, width, height, planes, pts })))
}

fn plane(fields: &mut Fields<'_>, rows: usize, row_bytes: usize, context: &Context<'_>) -> Result<Plane, WireError> {
    let count = fields.list("planes", "lists of 3 fields")?;
    if count != 3 {
        return Err(fields.wrong_text("planes", "lists of 3 fields", format!("a list of {count}")));
    }
    let buffer = fields.payload("samples", context)?;
    let offset = fields.size("offset")?;
    let stride = fields.size("stride")?;
    if rows > 1 && stride < row_bytes {
        return Err(fields.wrong_text("stride", "at least the bytes of a row", stride.to_string()));
    }
    let extent = plane_extent(rows, row_bytes, stride).unwrap_or(usize::MAX);
    Ok(Plane { buffer: fields.window(&buffer, offset, extent)?, stride })
}

fn table(mut fields: Fields<'_>, context: &Context<'_>) -> Result<Value, WireError> {
    fields.open(3)?;
    let rows = fields.size("rows")?;
    let metadata = fields.bin("metadata")?.to_vec();
    let columns = columns(&mut fields, "columns", 1, context)?;
    fields.close()?;
    Ok(Value::Table(Box::new(Table { rows, columns, metadata })))
}

fn columns(
    fields: &mut Fields<'_>,
    field: &'static str,
    depth: usize,
    context: &Context<'_>,
) -> Result<Vec<Column>, WireError> {
    let len = fields.list(field, "a list of columns")?;
    let mut columns = Vec::new();
    for _ in 0..len {
        match fields.reader.head()? {
            Head::List(10) => columns.push(column(fields, depth, context)?),
            other => return Err(fields.wrong(field, "lists of 10 fields", &other)),
        }
    }
    Ok(columns)
}

/// A column whose list header has been read.
fn column(fields: &mut Fields<'_>, depth: usize, context: &Context<'_>) -> Result<Column, WireError> {
    let limit = context.limits.effective_depth();
    if depth > limit {
        return Err(fields.reader.error(WireErrorKind::Depth { limit }));
    }
    let name = fields.text("column name")?.into();
    let format = fields.text("column format")?.into();
    let flags = fields.signed("column flags")?;
    let metadata = fields.bin("column metadata")?.to_vec();
    let length = fields.size("column length")?;
    let null_count = fields.signed("null count")?;
    let offset = fields.size("column offset")?;
    let count = fields.list("column buffers", "a list")?;
    let mut buffers = Vec::new();
    for _ in 0..count {
        buffers.push(column_buffer(fields, context)?);
    }
    let children = columns(fields, "children", depth + 1, context)?;
    let dictionary = match fields.reader.head()? {
        Head::Nil => None,
        Head::List(10) => Some(Box::new(column(fields, depth + 1, context)?)),
        other => return Err(fields.wrong("dictionary", "nil or a list of 10 fields", &other)),
    };
    Ok(Column { name, format, flags, metadata, length, null_count, offset, buffers, children, dictionary })
}

/// `nil | bin | index | [index, offset, len]`
fn column_buffer(fields: &mut Fields<'_>, context: &Context<'_>) -> Result<Option<Buffer>, WireError> {
    match fields.reader.head()? {
        Head::Nil => Ok(None),
        Head::List(3) => {
            let index = fields.size("buffer index")?;
            let buffer = fields.entry(index as u64, context)?;
            let offset = fields.size("offset")?;
            let len = fields.size("length")?;
            fields.window(&buffer, offset, len).map(Some)
        }
        other => fields.payload_of(other, "column buffer", context).map(Some),
    }
}

fn file(mut fields: Fields<'_>, context: &Context<'_>) -> Result<Value, WireError> {
    let has_name = fields.open_with(5, 1)? == 1;
    let path = fields.optional_text("path")?;
    let mime = fields.optional_text("mime")?.map(Arc::from);
    let head = fields.reader.head()?;
    let content = match head {
        Head::Nil => None,
        other => Some(fields.payload_of(other, "content", context)?),
    };
    let offset = fields.size("offset")?;
    let len = fields.size("length")?;
    let source = match (path, content) {
        (Some(path), None) => FileSource::Path(path.into()),
        (None, Some(content)) => FileSource::Bytes(fields.window(&content, offset, len)?),
        (Some(_), Some(_)) => {
            return Err(fields.wrong_text("content", "nil where there is a path", "there as well".into()));
        }
        (None, None) => return Err(fields.wrong_text("content", "bytes where there is no path", "nil".into())),
    };
    let raw_name = if has_name { Some(fields.bin("name")?.into()) } else { None };
    fields.close()?;
    Ok(Value::File(Box::new(File { source, mime, raw_name })))
}

fn bytes(mut fields: Fields<'_>, context: &Context<'_>) -> Result<Value, WireError> {
    fields.open(3)?;
    let index = fields.size("buffer index")?;
    let buffer = fields.entry(index as u64, context)?;
    let offset = fields.size("offset")?;
    let len = fields.size("length")?;
    let window = fields.window(&buffer, offset, len)?;
    fields.close()?;
    Ok(Value::Bytes(Box::new(window)))
}

impl Fields<'_> {
    /// `index | bin`: an entry of the buffer table, or bytes that are copied into aligned memory.
    fn payload(&mut self, field: &'static str, context: &Context<'_>) -> Result<Buffer, WireError> {
        let head = self.reader.head()?;
        self.payload_of(head, field, context)
    }

    fn payload_of(&mut self, head: Head, field: &'static str, context: &Context<'_>) -> Result<Buffer, WireError> {
        match head {
            Head::Bin(len) => self.reader.take(len, "bytes").map(Buffer::aligned_copy),
            Head::Int(index) if index >= 0 => self.entry(index as u64, context),
            Head::UInt(index) => self.entry(index, context),
            other => Err(self.wrong(field, "a buffer index or bytes", &other)),
        }
    }

    fn entry(&self, index: u64, context: &Context<'_>) -> Result<Buffer, WireError> {
        let buffer = usize::try_from(index).ok().and_then(|index| context.buffers.get(index));
        buffer.cloned().ok_or_else(|| {
            let count = context.buffers.len();
            self.reader.error(WireErrorKind::BufferIndex { kind: self.kind, index, count })
        })
    }

    fn window(&self, buffer: &Buffer, offset: usize, len: usize) -> Result<Buffer, WireError> {
        buffer.slice(offset, len).ok_or_else(|| {
            let (offset, len, held) = (offset as u64, len as u64, buffer.len());
            self.reader.error(WireErrorKind::BufferRange { kind: self.kind, offset, len, held })
        })
    }

    /// Refuses a huge array on little memory, which strides of zero allow.
    fn extent(&self, found: u128, held: usize, context: &Context<'_>) -> Result<(), WireError> {
        check_extent(self.kind, found, held, context.limits).map_err(|error| self.reader.error(error))
    }
}
