//! Making, borrowing, checking and freeing the objects of the ABI, the same for all of them.

use crate::counters::Counter;
use crate::failure::Failure;
use crate::generation;
use crate::status::{RM_FORKED, RM_INVALID_ARGUMENT};

/// An object that a caller holds by pointer. Made by [`into_raw`], freed by [`free`].
pub(crate) trait Handle: Sized {
    /// The name of the object in messages.
    const NAME: &'static str;
    /// The counter of its live objects.
    const COUNTER: Counter;

    fn header(&self) -> &Header;
}

/// The process in which an object was made, so that a forked child leaves it alone.
pub(crate) struct Header {
    generation: u32,
}

impl Header {
    pub(crate) fn new<T: Handle>() -> Self {
        T::COUNTER.add(1);
        Self { generation: generation::current() }
    }

    fn is_of_this_process(&self) -> bool {
        self.generation == generation::current()
    }
}

/// Hands an object to the caller.
pub(crate) fn into_raw<T: Handle>(object: T) -> *mut T {
    Box::into_raw(Box::new(object))
}

/// The object behind a pointer of the caller.
///
/// # Safety
/// `pointer` is NULL or came from [`into_raw`] and was not freed; it stays so while the borrow lives.
pub(crate) unsafe fn borrow<'a, T: Handle>(pointer: *const T) -> Result<&'a T, Failure> {
    // SAFETY: NULL or live, as this function's caller promises.
    let object = unsafe { pointer.as_ref() }
        .ok_or_else(|| Failure::new(RM_INVALID_ARGUMENT, format!("the {} is NULL", T::NAME)))?;
    if !object.header().is_of_this_process() {
        let message = format!("the {} belongs to the parent process; make a new one after a fork", T::NAME);
        return Err(Failure::new(RM_FORKED, message));
    }
    Ok(object)
}

/// Frees an object; NULL and an object of the parent process are left alone.
///
/// # Safety
/// As that of [`take`].
pub(crate) unsafe fn free<T: Handle>(pointer: *mut T) {
    // SAFETY: as this function's caller promises.
    if let Some(object) = unsafe { take(pointer) } {
        // A panic of a destructor must not cross the boundary.
        let dropped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(object)));
        debug_assert!(dropped.is_ok(), "the destructor of a {} panicked", T::NAME);
    }
}

/// Takes an object back from the caller; NULL and an object of the parent process are left alone.
///
/// # Safety
/// `pointer` is NULL or came from [`into_raw`], was not taken back, and nobody uses it any more.
pub(crate) unsafe fn take<T: Handle>(pointer: *mut T) -> Option<Box<T>> {
    // SAFETY: NULL or live, as this function's caller promises.
    let is_ours = unsafe { pointer.as_ref() }.is_some_and(|object| object.header().is_of_this_process());
    is_ours.then(|| {
        T::COUNTER.add(-1);
        // SAFETY: it came from `Box::into_raw` and nobody uses it any more, as this function's caller promises.
        unsafe { Box::from_raw(pointer) }
    })
}

/// A place of the caller to write to.
///
/// # Safety
/// `pointer` is NULL or writable, and nothing else refers to it while the borrow lives.
pub(crate) unsafe fn place<'a, T>(pointer: *mut T, name: &str) -> Result<&'a mut T, Failure> {
    // SAFETY: NULL or writable, as this function's caller promises.
    unsafe { pointer.as_mut() }.ok_or_else(|| Failure::new(RM_INVALID_ARGUMENT, format!("`{name}` is NULL")))
}

/// A slice of the caller; `(NULL, 0)` is the empty one.
///
/// # Safety
/// `data` is NULL or readable for `len` elements and unchanged while the borrow lives.
pub(crate) unsafe fn slice<'a, T>(data: *const T, len: usize, name: &str) -> Result<&'a [T], Failure> {
    if len == 0 {
        return Ok(&[]);
    }
    if data.is_null() {
        return Err(Failure::new(RM_INVALID_ARGUMENT, format!("`{name}` is NULL but its length is {len}")));
    }
    if len.checked_mul(size_of::<T>()).is_none_or(|bytes| isize::try_from(bytes).is_err()) {
        return Err(Failure::new(RM_INVALID_ARGUMENT, format!("`{name}` is longer than memory can be")));
    }
    // SAFETY: not NULL, readable for `len` elements as this function's caller promises, and no longer than a slice may
    // be.
    Ok(unsafe { std::slice::from_raw_parts(data, len) })
}
