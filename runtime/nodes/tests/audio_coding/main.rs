//! Decoding and encoding of audio files, through the nodes as a scheduler runs them.

mod arriving;
mod cancel;
mod containers;
mod decode;
#[path = "../drive/mod.rs"]
mod drive;
mod encode;
mod failures;
mod flac_encoded;
mod flac_files;
mod flac_written;
mod info;
mod items;
mod layer3;
mod media;
mod odd_files;
mod pcm_files;
