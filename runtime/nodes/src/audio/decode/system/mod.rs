//! Codecs of the system: the interface that a back end fills in, and the files that it decodes.

pub(super) mod codecs;
pub(super) mod file;
pub(super) mod formats;
