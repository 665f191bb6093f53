//! Decoding and encoding of audio files, through the nodes as a scheduler runs them.

mod arriving;
mod decode;
mod drive;
mod encode;
mod failures;
mod info;
mod media;
