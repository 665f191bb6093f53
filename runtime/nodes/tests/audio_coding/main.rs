//! Decoding and encoding of audio files, through the nodes as a scheduler runs them.

mod arriving;
mod containers;
mod decode;
mod drive;
mod encode;
mod failures;
mod flac_files;
mod info;
mod media;
mod odd_files;
mod pcm_files;
