//! Media values to the payloads of extension types: a header, and samples inside or by the buffer table.

use rmp::encode as msgpack;

use super::super::extension::plane_extent;
use super::{Encoder, WRITTEN, declared};
use crate::value::{Audio, Buffer, Column, File, FileSource, Table, Tensor, Video};

/// The payload that is being written, and the encoder whose buffer table it refers to.
pub(super) struct Payload<'a> {
    pub(super) bytes: &'a mut Vec<u8>,
    pub(super) encoder: &'a mut Encoder,
}

impl Payload<'_> {
    pub(super) fn bytes(&mut self, buffer: &Buffer) {
        self.array(3);
        self.index(buffer);
        self.size(buffer.offset());
        self.size(buffer.len());
    }

    pub(super) fn tensor(&mut self, tensor: &Tensor) {
        self.array(5);
        self.text(tensor.data_type().name());
        self.array(tensor.shape().len());
        for &extent in tensor.shape() {
            self.size(extent);
        }
        let len = tensor.element_count().saturating_mul(tensor.data_type().size());
        if self.encoder.is_inline(tensor.buffer(), len) {
            self.nil();
            self.bin(&tensor.gathered());
            self.size(0);
            return;
        }
        if tensor.is_contiguous() {
            self.nil();
        } else {
            self.array(tensor.strides().len());
            for &stride in tensor.strides() {
                self.signed(stride as i64);
            }
        }
        self.index(tensor.buffer());
        self.size(tensor.buffer().offset() + tensor.offset());
    }

    pub(super) fn audio(&mut self, audio: &Audio) {
        self.array(8);
        self.size(audio.rate() as usize);
        self.optional_text(audio.layout().name());
        self.optional_signed(audio.pts);
        self.size(audio.channels());
        self.size(audio.frames());
        let row = audio.frames() * 4;
        let len = row.saturating_mul(audio.channels());
        if self.encoder.is_inline(audio.buffer(), len) {
            self.size(row);
            msgpack::write_bin_len(&mut self.bytes, declared(len)).expect(WRITTEN);
            for channel in audio.iter_channels() {
                self.bytes.extend_from_slice(bytemuck::cast_slice(channel));
            }
            self.size(0);
        } else {
            self.size(audio.channel_stride());
            self.index(audio.buffer());
            self.size(audio.buffer().offset() + audio.offset());
        }
    }

    pub(super) fn video(&mut self, video: &Video) {
        self.array(5);
        self.text(video.format.name());
        self.size(video.width as usize);
        self.size(video.height as usize);
        self.optional_signed(video.pts);
        let sizes = video.format.planes(video.width, video.height);
        self.array(video.planes.len());
        for (number, plane) in video.planes.iter().enumerate() {
            let extent = sizes.get(number).and_then(|&(rows, row)| plane_extent(rows, row, plane.stride));
            let extent = extent.unwrap_or(usize::MAX).min(plane.buffer.len());
            self.array(3);
            if self.encoder.is_inline(&plane.buffer, extent) {
                self.bin(&plane.buffer.as_slice()[..extent]);
                self.size(0);
            } else {
                self.index(&plane.buffer);
                self.size(plane.buffer.offset());
            }
            self.size(plane.stride);
        }
    }

    pub(super) fn table(&mut self, table: &Table) {
        self.array(3);
        self.size(table.rows);
        self.bin(&table.metadata);
        self.columns(&table.columns);
    }

    fn columns(&mut self, columns: &[Column]) {
        self.array(columns.len());
        for column in columns {
            self.column(column);
        }
    }

    fn column(&mut self, column: &Column) {
        self.array(10);
        self.text(&column.name);
        self.text(&column.format);
        self.signed(column.flags);
        self.bin(&column.metadata);
        self.size(column.length);
        self.signed(column.null_count);
        self.size(column.offset);
        self.array(column.buffers.len());
        for buffer in &column.buffers {
            match buffer {
                None => self.nil(),
                Some(buffer) if self.encoder.is_inline(buffer, buffer.len()) => self.bin(buffer.as_slice()),
                Some(buffer) if buffer.len() == buffer.whole().len() => self.index(buffer),
                Some(buffer) => self.bytes(buffer),
            }
        }
        self.columns(&column.children);
        match &column.dictionary {
            None => self.nil(),
            Some(dictionary) => self.column(dictionary),
        }
    }

    pub(super) fn file(&mut self, file: &File) {
        self.array(5 + usize::from(file.raw_name.is_some()));
        let (path, content) = match &file.source {
            FileSource::Path(path) => (Some(path), None),
            FileSource::Bytes(content) => (None, Some(content)),
        };
        self.optional_text(path.map(|path| &**path));
        self.optional_text(file.mime.as_deref());
        match content {
            None => {
                self.nil();
                self.size(0);
                self.size(0);
            }
            Some(content) if self.encoder.is_inline(content, content.len()) => {
                self.bin(content.as_slice());
                self.size(0);
                self.size(content.len());
            }
            Some(content) => {
                self.index(content);
                self.size(content.offset());
                self.size(content.len());
            }
        }
        if let Some(name) = &file.raw_name {
            self.bin(name);
        }
    }

    fn index(&mut self, buffer: &Buffer) {
        let index = self.encoder.reference(buffer);
        self.size(index);
    }

    fn nil(&mut self) {
        msgpack::write_nil(&mut self.bytes).expect(WRITTEN);
    }

    fn size(&mut self, size: usize) {
        msgpack::write_uint(&mut self.bytes, size as u64).expect(WRITTEN);
    }

    fn signed(&mut self, value: i64) {
        msgpack::write_sint(&mut self.bytes, value).expect(WRITTEN);
    }

    fn text(&mut self, text: &str) {
        msgpack::write_str_len(&mut self.bytes, declared(text.len())).expect(WRITTEN);
        self.bytes.extend_from_slice(text.as_bytes());
    }

    fn bin(&mut self, bytes: &[u8]) {
        msgpack::write_bin_len(&mut self.bytes, declared(bytes.len())).expect(WRITTEN);
        self.bytes.extend_from_slice(bytes);
    }

    fn array(&mut self, len: usize) {
        msgpack::write_array_len(&mut self.bytes, declared(len)).expect(WRITTEN);
    }

    fn optional_text(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.text(text),
            None => self.nil(),
        }
    }

    fn optional_signed(&mut self, value: Option<i64>) {
        match value {
            Some(value) => self.signed(value),
            None => self.nil(),
        }
    }
}
