//! The C ABI of remotemedia, as `include/remotemedia.h` has it. The only crate with unsafe code, and no logic of its own:
//! it checks what comes in, calls the core, and writes out what the core returns.
//!
//! Conventions are in `docs/abi.md`; `SAFETY` comments refer to them: the caller passes live handles or NULL, slices
//! that are readable for their length or `(NULL, 0)`, and places that are writable or, where said, NULL.
#![allow(non_camel_case_types, reason = "the names are those of the C header")]

mod audio;
mod bell;
mod buffer;
mod build_info;
mod counters;
mod deferred_free;
mod document;
mod error;
mod failure;
#[cfg(unix)]
mod ffmpeg;
mod generation;
mod guard;
mod handle;
mod leaked_once;
mod live_objects;
mod memory;
mod pipeline;
#[cfg(feature = "planted")]
pub mod planted;
mod port;
mod process;
mod release;
mod runtime;
mod sched_slice;
mod session;
mod status;
mod threads;

pub use audio::*;
pub use buffer::*;
pub use build_info::*;
pub use document::*;
pub use error::*;
pub use live_objects::*;
pub use memory::*;
pub use pipeline::*;
pub use port::*;
pub use runtime::*;
pub use session::*;
pub use status::*;
