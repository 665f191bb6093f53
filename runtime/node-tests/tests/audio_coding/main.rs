//! Decoding and encoding of audio files, through the nodes as a scheduler runs them.

mod arriving;
mod cancel;
mod containers;
mod decode;
mod encode;
mod failures;
mod flac_encoded;
mod flac_files;
mod flac_written;
mod info;
mod layer3;
mod odd_files;
mod quicktime;
