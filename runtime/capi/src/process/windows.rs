//! Keeps the library loaded until the process ends: threads, and objects that the host still holds, run code of it.

use std::ffi::c_void;
use std::ptr;

/// Pins the library that holds this function. Its linker has no flag for that.
pub(super) fn prepare() {
    const FROM_ADDRESS: u32 = 4;
    const PIN: u32 = 1;
    unsafe extern "system" {
        fn GetModuleHandleExW(flags: u32, address: *const c_void, module: *mut *mut c_void) -> i32;
    }
    let mut module = ptr::null_mut();
    // SAFETY: the address is one of this library, and the handle is writable. If it fails, a host that unloads the library
    // while it works has the fault that it would have without this.
    let _ = unsafe { GetModuleHandleExW(FROM_ADDRESS | PIN, prepare as *const c_void, &raw mut module) };
}
