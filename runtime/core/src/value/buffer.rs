//! Shared memory behind bytes, samples and arrays: a window on memory of this runtime or of the host.
//!
//! Knows nothing of what the bytes mean.

use std::fmt;
use std::sync::Arc;

/// What an allocation takes beside its bytes, about.
pub(super) const ALLOCATION: usize = 16;

/// Memory that belongs to a host, such as an array. Dropping the value releases the memory and reports that.
pub trait ForeignMemory: Send + Sync {
    /// The bytes, unchanged and at the same address for as long as the value lives.
    fn bytes(&self) -> &[u8];

    /// The number by which the owner knows this memory.
    fn token(&self) -> u64;

    /// Releases the memory and returns its number, which the caller reports: the value itself reports nothing then.
    fn end(self: Box<Self>) -> u64;
}

/// An immutable window on shared memory. Cloning and slicing share it.
#[derive(Clone)]
pub struct Buffer {
    memory: Shared,
    offset: usize,
    len: usize,
}

/// Memory that windows share.
#[derive(Clone)]
enum Shared {
    /// Bytes in one allocation with the count of their windows, rather than two for each small message.
    Copied(Arc<[u8]>),
    Whole(Arc<Memory>),
}

/// Memory that came as it is.
enum Memory {
    Bytes(Vec<u8>),
    Samples(Vec<f32>),
    /// Storage aligned for every data type; the bytes past the window of the first buffer are padding.
    Words(Vec<u64>),
    Foreign(Box<dyn ForeignMemory>),
}

impl Buffer {
    /// Takes ownership of bytes; their alignment is one.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        let len = bytes.len();
        Self::over(Memory::Bytes(bytes), len)
    }

    /// Copies bytes; their alignment is one.
    pub fn copied(bytes: &[u8]) -> Self {
        Self { memory: Shared::Copied(bytes.into()), offset: 0, len: bytes.len() }
    }

    /// Takes ownership of float32 samples.
    pub fn from_samples(samples: Vec<f32>) -> Self {
        let len = samples.len() * size_of::<f32>();
        Self::over(Memory::Samples(samples), len)
    }

    /// Copies bytes into memory that is aligned for every data type.
    pub fn aligned_copy(bytes: &[u8]) -> Self {
        let mut words = vec![0u64; bytes.len().div_ceil(size_of::<u64>())];
        bytemuck::cast_slice_mut::<u64, u8>(&mut words)[..bytes.len()].copy_from_slice(bytes);
        Self::over(Memory::Words(words), bytes.len())
    }

    /// Borrows a host's memory until the last clone is dropped.
    pub fn from_foreign(memory: Box<dyn ForeignMemory>) -> Self {
        let len = memory.bytes().len();
        Self::over(Memory::Foreign(memory), len)
    }

    /// The length in bytes.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        &self.memory.bytes()[self.offset..self.offset + self.len]
    }

    /// A window on a part of the same memory, or `None` if the part is not inside this window.
    pub fn slice(&self, offset: usize, len: usize) -> Option<Self> {
        let end = offset.checked_add(len)?;
        (end <= self.len).then(|| Self { memory: self.memory.clone(), offset: self.offset + offset, len })
    }

    /// The host's number for this memory, if the host owns it.
    pub fn token(&self) -> Option<u64> {
        match &self.memory {
            Shared::Whole(memory) => memory.token(),
            Shared::Copied(_) => None,
        }
    }

    /// Drops this window. If it was the last one on memory of the host, returns the number of that memory, which the caller
    /// reports as released: so no other thread can report it first.
    pub fn end_loan(self) -> Option<u64> {
        let Shared::Whole(memory) = self.memory else { return None };
        match Arc::into_inner(memory)? {
            Memory::Foreign(memory) => Some(memory.end()),
            Memory::Bytes(_) | Memory::Samples(_) | Memory::Words(_) => None,
        }
    }

    /// Where this window begins within the memory that it shares, in bytes.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// The window on the whole memory that this one is a part of.
    pub fn whole(&self) -> Self {
        Self { memory: self.memory.clone(), offset: 0, len: self.memory.bytes().len() }
    }

    /// The length of the whole memory, in bytes.
    pub(super) fn whole_len(&self) -> usize {
        self.memory.bytes().len()
    }

    /// What the whole memory takes, with its room and what is around it; `None` if a host owns it.
    pub(super) fn owned_bytes(&self) -> Option<usize> {
        const COUNTS: usize = 2 * size_of::<usize>();
        let (memory, room) = match &self.memory {
            Shared::Copied(bytes) => return Some(ALLOCATION + COUNTS + bytes.len()),
            Shared::Whole(memory) => match &**memory {
                Memory::Bytes(bytes) => (memory, bytes.capacity()),
                Memory::Samples(samples) => (memory, samples.capacity() * size_of::<f32>()),
                Memory::Words(words) => (memory, words.capacity() * size_of::<u64>()),
                Memory::Foreign(_) => return None,
            },
        };
        Some(2 * ALLOCATION + COUNTS + size_of_val(&**memory) + room)
    }

    /// Whether both windows share one memory.
    pub fn same_memory(&self, other: &Self) -> bool {
        self.memory.id() == other.memory.id()
    }

    /// A number that all windows on this memory share and no other living memory has.
    pub fn memory_id(&self) -> usize {
        self.memory.id()
    }

    /// How many buffers share this memory, this one included. May be outdated at once if other threads have some.
    pub fn shares(&self) -> usize {
        match &self.memory {
            Shared::Copied(bytes) => Arc::strong_count(bytes),
            Shared::Whole(memory) => Arc::strong_count(memory),
        }
    }

    /// Whether the runtime owns this memory and no other buffer shares it, so that it may be written.
    pub fn is_exclusive(&mut self) -> bool {
        self.memory.bytes_mut().is_some()
    }

    /// The bytes to write to, if [`Buffer::is_exclusive`].
    pub fn as_mut_slice(&mut self) -> Option<&mut [u8]> {
        Some(&mut self.memory.bytes_mut()?[self.offset..self.offset + self.len])
    }

    fn over(memory: Memory, len: usize) -> Self {
        Self { memory: Shared::Whole(Arc::new(memory)), offset: 0, len }
    }
}

impl Shared {
    #[inline]
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Copied(bytes) => bytes,
            Self::Whole(memory) => memory.bytes(),
        }
    }

    /// The bytes to write to, if the runtime owns them and there is no other window.
    fn bytes_mut(&mut self) -> Option<&mut [u8]> {
        match self {
            Self::Copied(bytes) => Arc::get_mut(bytes),
            Self::Whole(memory) => Arc::get_mut(memory)?.bytes_mut(),
        }
    }

    /// The address behind the counts of an allocation: no two that live have the same, whatever is in them.
    fn id(&self) -> usize {
        match self {
            Self::Copied(bytes) => Arc::as_ptr(bytes).addr(),
            Self::Whole(memory) => Arc::as_ptr(memory).addr(),
        }
    }
}

impl Memory {
    fn token(&self) -> Option<u64> {
        match self {
            Memory::Foreign(memory) => Some(memory.token()),
            Memory::Bytes(_) | Memory::Samples(_) | Memory::Words(_) => None,
        }
    }

    fn bytes_mut(&mut self) -> Option<&mut [u8]> {
        match self {
            Memory::Bytes(bytes) => Some(bytes),
            Memory::Samples(samples) => Some(bytemuck::cast_slice_mut(samples)),
            Memory::Words(words) => Some(bytemuck::cast_slice_mut(words)),
            Memory::Foreign(_) => None,
        }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Memory::Bytes(bytes) => bytes,
            Memory::Samples(samples) => bytemuck::cast_slice(samples),
            Memory::Words(words) => bytemuck::cast_slice(words),
            Memory::Foreign(memory) => memory.bytes(),
        }
    }
}

impl PartialEq for Buffer {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Buffer({} bytes)", self.len)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    struct Host {
        bytes: Vec<u8>,
        released: Arc<AtomicUsize>,
    }

    impl ForeignMemory for Host {
        fn bytes(&self) -> &[u8] {
            &self.bytes
        }

        fn token(&self) -> u64 {
            7
        }

        fn end(self: Box<Self>) -> u64 {
            7
        }
    }

    impl Drop for Host {
        fn drop(&mut self) {
            self.released.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn slices_share_memory_and_know_their_place() {
        let whole = Buffer::from_bytes((0..10).collect());
        let part = whole.slice(3, 5).expect("it is inside");
        let inner = part.slice(1, 2).expect("it is inside");
        assert_eq!(inner.as_slice(), [4, 5]);
        assert_eq!((inner.offset(), inner.len()), (4, 2));
        assert!(inner.same_memory(&whole) && inner.memory_id() == whole.memory_id());
        assert_eq!(inner.whole(), whole);
        assert!(whole.slice(10, 0).is_some_and(|end| end.is_empty()));
    }

    #[test]
    fn slices_past_the_window_are_refused() {
        let part = Buffer::from_bytes(vec![0; 10]).slice(2, 4).expect("it is inside");
        assert!(part.slice(0, 5).is_none(), "past the window, though inside the memory");
        assert!(part.slice(5, 0).is_none());
        assert!(part.slice(usize::MAX, 2).is_none());
        assert!(part.slice(1, usize::MAX).is_none());
    }

    #[test]
    fn equal_bytes_are_equal_but_not_the_same_memory() {
        let (left, right) = (Buffer::from_bytes(vec![1, 2]), Buffer::aligned_copy(&[1, 2]));
        assert_eq!(left, right);
        assert!(!left.same_memory(&right));
        assert_ne!(left.memory_id(), right.memory_id());
    }

    #[test]
    fn aligned_copies_are_aligned_and_may_have_padding() {
        for len in 0..20u8 {
            let copy = Buffer::aligned_copy(&(0..len).collect::<Vec<u8>>());
            assert_eq!(copy.as_slice(), (0..len).collect::<Vec<u8>>());
            assert!(copy.as_slice().as_ptr().addr().is_multiple_of(8));
            assert_eq!(copy.whole().len(), usize::from(len).next_multiple_of(8));
        }
    }

    #[test]
    fn only_an_unshared_buffer_can_be_written() {
        let mut buffer = Buffer::from_samples(vec![0.0; 2]);
        buffer.as_mut_slice().expect("nobody shares it")[..4].copy_from_slice(&1f32.to_le_bytes());
        assert_eq!(buffer.as_slice(), [0, 0, 0x80, 0x3f, 0, 0, 0, 0]);
        let mut part = buffer.slice(1, 2).expect("it is inside");
        assert!(!buffer.is_exclusive() && part.as_mut_slice().is_none());
        drop(buffer);
        assert!(part.is_exclusive());
        assert_eq!(part.as_mut_slice().expect("the other is gone").len(), 2);
    }

    #[test]
    fn copied_bytes_are_shared_sliced_and_written_as_any() {
        let bytes: Vec<u8> = (0..10).collect();
        let mut whole = Buffer::copied(&bytes);
        assert_eq!((whole.as_slice(), whole.shares(), whole.token()), (&bytes[..], 1, None));
        let part = whole.slice(3, 5).and_then(|part| part.slice(1, 2)).expect("it is inside");
        assert_eq!((part.as_slice(), part.offset(), whole.shares()), (&[4, 5][..], 4, 2));
        assert!(part.same_memory(&whole) && part.memory_id() == whole.memory_id());
        assert!(part.whole() == whole && !whole.is_exclusive() && whole.as_mut_slice().is_none());
        assert_eq!(part.end_loan(), None);
        whole.as_mut_slice().expect("nobody shares it")[0] = 9;
        assert!(whole.is_exclusive() && whole.as_slice()[0] == 9 && bytes[0] == 0);
    }

    #[test]
    fn memory_without_bytes_is_told_from_other_memory() {
        let empty: Vec<Buffer> = (0..4).map(|_| Buffer::copied(&[])).collect();
        let mut ids: Vec<usize> = empty.iter().map(Buffer::memory_id).collect();
        ids.push(Buffer::from_bytes(Vec::new()).memory_id());
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 5);
        assert!(!empty[0].same_memory(&empty[1]) && empty[0].same_memory(&empty[0].clone()));
    }

    #[test]
    fn only_the_last_window_ends_the_loan_of_host_memory() {
        let buffer = Buffer::from_foreign(Box::new(Host { bytes: vec![1, 2, 3], released: Arc::default() }));
        let part = buffer.slice(1, 1).expect("it is inside");
        assert_eq!((part.end_loan(), buffer.end_loan()), (None, Some(7)));
        assert_eq!(Buffer::from_bytes(vec![1]).end_loan(), None);
    }

    #[test]
    fn host_memory_is_released_once_and_never_written() {
        let released = Arc::new(AtomicUsize::new(0));
        let mut buffer = Buffer::from_foreign(Box::new(Host { bytes: vec![1, 2, 3], released: Arc::clone(&released) }));
        let part = buffer.slice(1, 1).expect("it is inside");
        assert_eq!((buffer.token(), part.token()), (Some(7), Some(7)));
        assert_eq!(Buffer::from_bytes(vec![]).token(), None);
        assert!(!buffer.is_exclusive() && buffer.as_mut_slice().is_none());
        drop(buffer);
        assert_eq!(released.load(Ordering::SeqCst), 0);
        let mut last = part;
        assert!(!last.is_exclusive() && last.as_mut_slice().is_none());
        drop(last);
        assert_eq!(released.load(Ordering::SeqCst), 1);
    }
}
