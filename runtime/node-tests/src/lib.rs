//! What the tests of the nodes share: driving a node as the scheduler does, items of audio files, and the files.

#![forbid(unsafe_code)]

pub mod drive;
pub mod items;
pub mod media;
pub mod ogg;
pub mod pcm_files;
pub mod remux;
