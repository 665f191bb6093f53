//! Facts about extension types that encoder and decoder share: their codes, the threshold for buffers, sizes of
//! payloads.

use crate::value::Kind;

/// Payloads below this many bytes travel inside the document, others in the buffer table.
pub const INLINE_BELOW: usize = 16 * 1024;

/// The codes of msgpack's extension types in documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i8)]
pub enum ExtensionCode {
    /// msgpack's own timestamp.
    Timestamp = -1,
    /// See [`crate::value::Tensor`].
    Tensor = 1,
    /// See [`crate::value::Audio`].
    Audio = 2,
    /// See [`crate::value::Video`].
    Video = 3,
    /// See [`crate::value::Table`].
    Table = 4,
    /// See [`crate::value::File`].
    File = 5,
    /// Bytes that are held in a buffer.
    Bytes = 6,
}

impl ExtensionCode {
    /// Every code.
    pub const ALL: [ExtensionCode; 7] = [
        ExtensionCode::Timestamp,
        ExtensionCode::Tensor,
        ExtensionCode::Audio,
        ExtensionCode::Video,
        ExtensionCode::Table,
        ExtensionCode::File,
        ExtensionCode::Bytes,
    ];

    /// The kind of the values that it carries.
    pub fn kind(self) -> Kind {
        match self {
            ExtensionCode::Timestamp => Kind::Timestamp,
            ExtensionCode::Tensor => Kind::Tensor,
            ExtensionCode::Audio => Kind::Audio,
            ExtensionCode::Video => Kind::Video,
            ExtensionCode::Table => Kind::Table,
            ExtensionCode::File => Kind::File,
            ExtensionCode::Bytes => Kind::Bytes,
        }
    }

    /// The extension type with this code.
    pub fn from_code(code: i8) -> Option<Self> {
        Self::ALL.into_iter().find(|extension| *extension as i8 == code)
    }
}

/// The bytes from the first sample of a plane to its last; `None` if no memory has so many.
pub(super) fn plane_extent(rows: usize, row_bytes: usize, stride: usize) -> Option<usize> {
    if rows == 0 || row_bytes == 0 {
        return Some(0);
    }
    (rows - 1).checked_mul(stride)?.checked_add(row_bytes)
}
