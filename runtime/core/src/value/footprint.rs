//! The memory that values take while they are kept.

use std::collections::HashSet;

use super::buffer::ALLOCATION;
use super::{Buffer, Column, File, FileSource, Map, Plane, Table, Tensor, Value, Video};
use crate::value::Audio;

/// Adds up what values take in this process: their bytes, and the allocations that hold them. Windows on a part of a memory
/// keep all of it, which counts once; values that share in another way count each by itself. It is right for as long as the
/// values are kept.
#[derive(Debug, Default)]
pub(crate) struct Footprint {
    bytes: usize,
    /// The numbers of the memories of which windows on a part have been counted.
    in_parts: HashSet<usize>,
}

impl Footprint {
    /// The bytes so far.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds a value, and `beside` for the place where it is kept.
    pub(crate) fn add(&mut self, value: &Value, beside: usize) {
        self.bytes = self.bytes.saturating_add(beside);
        self.value(value);
    }

    fn value(&mut self, value: &Value) {
        const COUNTS: usize = 2 * size_of::<usize>();
        match value {
            Value::Null
            | Value::Bool(_)
            | Value::Int(_)
            | Value::UInt(_)
            | Value::Float(_)
            | Value::Timestamp { .. } => {}
            Value::Str(text) => self.allocated(COUNTS + text.len()),
            Value::Bytes(buffer) => {
                self.allocated(size_of::<Buffer>());
                self.buffer(buffer, buffer.len());
            }
            Value::List(items) => {
                self.allocated(COUNTS + size_of::<Vec<Value>>());
                self.allocated(items.capacity() * size_of::<Value>());
                items.iter().for_each(|item| self.value(item));
            }
            Value::Map(map) => {
                // An entry, its hash and its place in the index.
                const ENTRY: usize = size_of::<(std::sync::Arc<str>, Value)>() + 3 * size_of::<usize>();
                self.allocated(COUNTS + size_of::<Map>());
                self.allocated(map.len() * ENTRY);
                for (key, value) in map.iter() {
                    self.allocated(COUNTS + key.len());
                    self.value(value);
                }
            }
            Value::Audio(audio) => {
                self.allocated(size_of::<Audio>());
                self.buffer(audio.buffer(), audio.weight());
            }
            Value::Video(video) => {
                self.allocated(size_of::<Video>() + video.planes.len() * size_of::<Plane>());
                video.planes.iter().for_each(|plane| self.buffer(&plane.buffer, plane.buffer.len()));
            }
            Value::Tensor(tensor) => {
                // Shape and strides are two more.
                self.allocated(size_of::<Tensor>() + 2 * ALLOCATION + 2 * size_of_val(tensor.shape()));
                self.buffer(tensor.buffer(), tensor.weight());
            }
            Value::Table(table) => {
                self.allocated(size_of::<Table>() + table.metadata.len());
                table.columns.iter().for_each(|column| self.column(column));
            }
            Value::File(file) => {
                self.allocated(size_of::<File>());
                if let Some(name) = &file.raw_name {
                    self.allocated(COUNTS + name.len());
                }
                match &file.source {
                    FileSource::Path(path) => self.allocated(COUNTS + path.len()),
                    FileSource::Bytes(buffer) => self.buffer(buffer, buffer.len()),
                }
            }
        }
    }

    fn column(&mut self, column: &Column) {
        self.allocated(size_of::<Column>() + column.metadata.len());
        for buffer in column.buffers.iter().flatten() {
            self.buffer(buffer, buffer.len());
        }
        column.children.iter().for_each(|child| self.column(child));
        if let Some(dictionary) = &column.dictionary {
            self.column(dictionary);
        }
    }

    /// Adds the memory behind a window of which `used` bytes are looked at. Of a host's own memory, those.
    fn buffer(&mut self, buffer: &Buffer, used: usize) {
        let kept = match buffer.owned_bytes() {
            None => used,
            Some(owned) if used >= buffer.whole_len() => owned,
            Some(owned) if self.in_parts.insert(buffer.memory_id()) => owned,
            Some(_) => 0,
        };
        self.bytes = self.bytes.saturating_add(kept);
    }

    fn allocated(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(ALLOCATION + bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn footprint<'a>(values: impl IntoIterator<Item = &'a Value>) -> usize {
        let mut footprint = Footprint::default();
        values.into_iter().for_each(|value| footprint.add(value, 1));
        footprint.bytes()
    }

    #[test]
    fn what_a_value_keeps_is_its_memory_with_the_room_that_it_has() {
        let audio = |samples| Value::from(Audio::from_planar(samples, 1, 8000).expect("it is sound"));
        let mut roomy = Vec::with_capacity(10_000);
        roomy.push(0.0);
        let (tight, roomy) = (footprint([&audio(vec![0.0])]), footprint([&audio(roomy)]));
        assert_eq!(roomy - tight, 9_999 * 4);
        assert!((150..400).contains(&tight), "{tight} bytes for one sample with all that is around it");
        assert_eq!(footprint([&Value::Int(1), &Value::Null]), 2);
        let map = Value::map([("key", Value::list(vec![Value::text("text"); 100]))]);
        assert!((5000..8000).contains(&footprint([&map])), "{}", footprint([&map]));
    }

    #[test]
    fn a_memory_of_which_parts_are_kept_counts_once() {
        let whole = Audio::from_planar(vec![0.0; 100_000], 1, 8000).expect("it is sound");
        let parts: Vec<Value> = (0..100).map(|part| whole.slice(part * 10, 10).into()).collect();
        let bytes = footprint(&parts);
        assert!((400_000..440_000).contains(&bytes), "{bytes}");
        assert!(footprint([&whole.clone().into(), &Value::from(whole)]) > 800_000, "each by itself");
    }
}
