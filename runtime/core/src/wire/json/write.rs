//! Values to JSON text.

use std::collections::HashMap;
use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::value::{Audio, Buffer, Column, File, FileSource, Kind, Table, Tensor, Value, Video};
use crate::wire::extension::plane_extent;

/// A value as JSON text on one line. Payloads in memory of the table are written as their place there.
pub(super) fn text(value: &Value, table: &[Buffer]) -> String {
    let places = (0..).zip(table).map(|(index, buffer)| (buffer.memory_id(), index)).collect();
    let mut writer = Writer { out: String::new(), places };
    writer.value(value);
    writer.out
}

/// The bits of the usual NaN, which is written without its bits.
pub(super) const PLAIN_NAN: u64 = 0x7ff8_0000_0000_0000;

struct Writer {
    out: String,
    /// The place of each memory in the table.
    places: HashMap<usize, usize>,
}

impl Writer {
    fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.out.push_str("null"),
            Value::Bool(value) => self.out.push_str(if *value { "true" } else { "false" }),
            Value::Int(value) => self.number(value),
            Value::UInt(value) => self.number(value),
            Value::Float(value) => self.float(*value),
            Value::Str(text) => self.string(text),
            Value::List(items) => {
                self.out.push('[');
                for (position, item) in items.iter().enumerate() {
                    self.comma(position);
                    self.value(item);
                }
                self.out.push(']');
            }
            Value::Map(map) => {
                self.out.push('{');
                for (position, (key, value)) in map.iter().enumerate() {
                    self.comma(position);
                    if is_reserved(key) {
                        self.string(&format!("${key}"));
                    } else {
                        self.string(key);
                    }
                    self.out.push(':');
                    self.value(value);
                }
                self.out.push('}');
            }
            Value::Bytes(buffer) => {
                self.tag(Kind::Bytes);
                self.bytes(buffer);
                self.out.push('}');
            }
            Value::Timestamp { seconds, nanoseconds } => {
                self.tag(Kind::Timestamp);
                self.integer("seconds", seconds);
                self.integer("nanoseconds", nanoseconds);
                self.out.push('}');
            }
            Value::Audio(audio) => self.audio(audio),
            Value::Video(video) => self.video(video),
            Value::Tensor(tensor) => self.tensor(tensor),
            Value::Table(table) => self.table(table),
            Value::File(file) => self.file(file),
        }
    }

    /// Rust's debug form is the shortest text that reads back as the same float, always with a point or an exponent.
    fn float(&mut self, value: f64) {
        if value.is_finite() {
            write!(self.out, "{value:?}").expect(WRITTEN);
            return;
        }
        self.tag(Kind::Float);
        self.key("value");
        self.string(match value {
            f64::INFINITY => "Infinity",
            f64::NEG_INFINITY => "-Infinity",
            _ => "NaN",
        });
        if value.is_nan() && value.to_bits() != PLAIN_NAN {
            self.key("bits");
            self.string(&format!("{:016x}", value.to_bits()));
        }
        self.out.push('}');
    }

    fn audio(&mut self, audio: &Audio) {
        self.tag(Kind::Audio);
        self.integer("rate", audio.rate());
        self.optional_text("layout", audio.layout().name());
        self.optional_integer("pts", audio.pts);
        self.integer("channels", audio.channels());
        self.integer("frames", audio.frames());
        if self.reference(audio.buffer(), audio.offset()) {
            if audio.channel_stride() != audio.frames() * 4 {
                self.integer("stride", audio.channel_stride());
            }
        } else {
            let samples: Vec<u8> = audio.iter_channels().flat_map(bytemuck::cast_slice).copied().collect();
            self.base64("base64", &samples);
        }
        self.out.push('}');
    }

    fn video(&mut self, video: &Video) {
        self.tag(Kind::Video);
        self.optional_text("format", Some(video.format.name()));
        self.integer("width", video.width);
        self.integer("height", video.height);
        self.optional_integer("pts", video.pts);
        self.key("planes");
        self.out.push('[');
        let sizes = video.format.planes(video.width, video.height);
        for (position, plane) in video.planes.iter().enumerate() {
            self.comma(position);
            self.out.push_str("{\"stride\":");
            self.number(plane.stride);
            let extent = sizes.get(position).and_then(|&(rows, row)| plane_extent(rows, row, plane.stride));
            let extent = extent.unwrap_or(usize::MAX).min(plane.buffer.len());
            if !self.reference(&plane.buffer, 0) {
                self.base64("base64", &plane.buffer.as_slice()[..extent]);
            }
            self.out.push('}');
        }
        self.out.push_str("]}");
    }

    fn tensor(&mut self, tensor: &Tensor) {
        self.tag(Kind::Tensor);
        self.optional_text("dtype", Some(tensor.data_type().name()));
        self.key("shape");
        self.out.push('[');
        for (position, extent) in tensor.shape().iter().enumerate() {
            self.comma(position);
            self.number(extent);
        }
        self.out.push(']');
        if self.reference(tensor.buffer(), tensor.offset()) {
            if !tensor.is_contiguous() {
                self.key("strides");
                self.out.push('[');
                for (position, stride) in tensor.strides().iter().enumerate() {
                    self.comma(position);
                    self.number(stride);
                }
                self.out.push(']');
            }
        } else {
            self.base64("base64", &tensor.gathered());
        }
        self.out.push('}');
    }

    fn table(&mut self, table: &Table) {
        self.tag(Kind::Table);
        self.integer("rows", table.rows);
        self.base64("metadata", &table.metadata);
        self.key("columns");
        self.columns(&table.columns);
        self.out.push('}');
    }

    fn columns(&mut self, columns: &[Column]) {
        self.out.push('[');
        for (position, column) in columns.iter().enumerate() {
            self.comma(position);
            self.column(column);
        }
        self.out.push(']');
    }

    fn column(&mut self, column: &Column) {
        self.out.push_str("{\"name\":");
        self.string(&column.name);
        self.optional_text("format", Some(&column.format));
        self.integer("flags", column.flags);
        self.base64("metadata", &column.metadata);
        self.integer("length", column.length);
        self.integer("null_count", column.null_count);
        self.integer("offset", column.offset);
        self.key("buffers");
        self.out.push('[');
        for (position, buffer) in column.buffers.iter().enumerate() {
            self.comma(position);
            match buffer {
                Some(buffer) if self.places.contains_key(&buffer.memory_id()) => {
                    // Its first key has no comma before it.
                    let begin = self.out.len();
                    self.bytes(buffer);
                    self.out.replace_range(begin..=begin, "{");
                    self.out.push('}');
                }
                Some(buffer) => self.base64_text(buffer.as_slice()),
                None => self.out.push_str("null"),
            }
        }
        self.out.push(']');
        self.key("children");
        self.columns(&column.children);
        self.key("dictionary");
        match &column.dictionary {
            Some(dictionary) => self.column(dictionary),
            None => self.out.push_str("null"),
        }
        self.out.push('}');
    }

    fn file(&mut self, file: &File) {
        self.tag(Kind::File);
        match &file.source {
            FileSource::Path(path) => self.optional_text("path", Some(path)),
            FileSource::Bytes(content) => self.bytes(content),
        }
        self.optional_text("mime", file.mime.as_deref());
        if let Some(name) = &file.raw_name {
            self.base64("name", name);
        }
        self.out.push('}');
    }

    /// A payload of bytes: its place in the table with its length, if that is not the rest of the buffer, or the bytes.
    fn bytes(&mut self, buffer: &Buffer) {
        if !self.reference(buffer, 0) {
            self.base64("base64", buffer.as_slice());
        } else if buffer.offset() + buffer.len() != buffer.whole().len() {
            self.integer("length", buffer.len());
        }
    }

    /// The place of a payload in the table, `offset` bytes after the begin of the buffer. Returns whether it lies there.
    fn reference(&mut self, buffer: &Buffer, offset: usize) -> bool {
        let Some(&index) = self.places.get(&buffer.memory_id()) else { return false };
        self.integer("buffer", index);
        let offset = buffer.offset() + offset;
        if offset > 0 {
            self.integer("offset", offset);
        }
        true
    }

    /// The beginning of a tagged object.
    fn tag(&mut self, kind: Kind) {
        write!(self.out, "{{\"$rm\":\"{}\"", kind.name()).expect(WRITTEN);
    }

    /// The key of a field that is not the first.
    fn key(&mut self, key: &str) {
        write!(self.out, ",\"{key}\":").expect(WRITTEN);
    }

    fn number(&mut self, value: impl std::fmt::Display) {
        write!(self.out, "{value}").expect(WRITTEN);
    }

    fn integer(&mut self, key: &str, value: impl std::fmt::Display) {
        self.key(key);
        self.number(value);
    }

    fn optional_integer(&mut self, key: &str, value: Option<i64>) {
        self.key(key);
        match value {
            Some(value) => self.number(value),
            None => self.out.push_str("null"),
        }
    }

    fn optional_text(&mut self, key: &str, value: Option<&str>) {
        self.key(key);
        match value {
            Some(value) => self.string(value),
            None => self.out.push_str("null"),
        }
    }

    fn base64(&mut self, key: &str, bytes: &[u8]) {
        self.key(key);
        self.base64_text(bytes);
    }

    fn base64_text(&mut self, bytes: &[u8]) {
        self.out.push('"');
        STANDARD.encode_string(bytes, &mut self.out);
        self.out.push('"');
    }

    fn comma(&mut self, position: usize) {
        if position > 0 {
            self.out.push(',');
        }
    }

    fn string(&mut self, text: &str) {
        self.out.push('"');
        let mut rest = text;
        while let Some(at) = rest.find(|each| matches!(each, '"' | '\\' | '\0'..='\u{1f}')) {
            self.out.push_str(&rest[..at]);
            match rest.as_bytes()[at] {
                b'"' => self.out.push_str("\\\""),
                b'\\' => self.out.push_str("\\\\"),
                b'\n' => self.out.push_str("\\n"),
                b'\r' => self.out.push_str("\\r"),
                b'\t' => self.out.push_str("\\t"),
                control => write!(self.out, "\\u{control:04x}").expect(WRITTEN),
            }
            rest = &rest[at + 1..];
        }
        self.out.push_str(rest);
        self.out.push('"');
    }
}

/// Writing to a string can't fail.
const WRITTEN: &str = "a string takes every character";

/// Whether a key is `rm...` after one or more `$`.
pub(super) fn is_reserved(key: &str) -> bool {
    key.starts_with('$') && key.trim_start_matches('$').starts_with("rm")
}
