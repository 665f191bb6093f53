//! Tables: named columns in the memory layout of the Arrow C data interface.
//!
//! The runtime moves columns; it does not interpret them. So every Arrow type is carried without loss, by its format
//! string, as <https://arrow.apache.org/docs/format/CDataInterface.html> defines it.

use std::sync::Arc;

use super::Buffer;

/// Columns of equal length.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// The rows of each column.
    pub rows: usize,
    /// The columns, in order.
    pub columns: Vec<Column>,
    /// The schema's metadata in Arrow's encoding; empty if there is none.
    pub metadata: Vec<u8>,
}

/// One array of the Arrow C data interface, with its schema.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// The name of the field.
    pub name: Arc<str>,
    /// The type, as an Arrow format string.
    pub format: Arc<str>,
    /// Arrow's flags: 1 dictionary ordered, 2 nullable, 4 map keys sorted.
    pub flags: i64,
    /// The field's metadata in Arrow's encoding; empty if there is none.
    pub metadata: Vec<u8>,
    /// Logical length.
    pub length: usize,
    /// The number of nulls, or -1 if they were not counted.
    pub null_count: i64,
    /// Logical offset into the buffers.
    pub offset: usize,
    /// The buffers that the type has; `None` where Arrow allows a null pointer.
    pub buffers: Vec<Option<Buffer>>,
    /// Child arrays of nested types.
    pub children: Vec<Column>,
    /// The values of a dictionary-encoded type.
    pub dictionary: Option<Box<Column>>,
}

impl Table {
    /// The bytes of memory that this table keeps alive.
    pub fn weight(&self) -> usize {
        self.columns.iter().map(Column::weight).sum()
    }
}

impl Column {
    fn weight(&self) -> usize {
        let own: usize = self.buffers.iter().flatten().map(Buffer::len).sum();
        let dictionary = self.dictionary.as_ref().map_or(0, |dictionary| dictionary.weight());
        own + dictionary + self.children.iter().map(Column::weight).sum::<usize>()
    }
}
