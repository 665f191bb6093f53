//! The promises of the C ABI that hold whatever else fails, driven through the extern functions as a host would.

mod handle;
mod host;
mod release;
