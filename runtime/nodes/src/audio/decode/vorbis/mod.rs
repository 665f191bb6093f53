//! What the headers and packets of Vorbis tell without decoding them.

pub(super) mod blocks;
pub(super) mod setup;
