//! Limits on the size of a document. Everything that is decoded is checked against them.

/// Bounds on what a decoder accepts. Over a limit is an error, never a silent cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Lists and maps inside each other; 128 by default, the depth that common JSON parsers accept as well.
    /// More than [`Limits::MAX_DEPTH`] counts as that.
    pub depth: usize,
    /// Entries of all lists and maps of a document together; 10,000,000 by default. An entry costs 24 bytes of memory
    /// in a list and about 100 in a map. Larger series of numbers belong in a tensor.
    pub items: usize,
    /// Bytes of the document itself, without its buffers; 256 MiB by default.
    pub bytes: usize,
    /// Entries of the buffer table; 65,536 by default.
    pub buffers: usize,
    /// Bytes that an array, audio value or picture may have when it is laid out in full, where this is more than the
    /// memory behind it (strides of zero repeat memory); 256 MiB by default.
    pub extent: usize,
}

impl Limits {
    /// The deepest nesting that can be allowed: reading, writing, comparing and dropping such a value takes less than
    /// 512 KiB of stack.
    pub const MAX_DEPTH: usize = 512;

    /// The most dimensions that a tensor has, as in numpy 2.
    pub const MAX_DIMENSIONS: usize = 64;

    pub(super) fn effective_depth(&self) -> usize {
        self.depth.min(Self::MAX_DEPTH)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth: 128, items: 10_000_000, bytes: 256 << 20, buffers: 65_536, extent: 256 << 20 }
    }
}
