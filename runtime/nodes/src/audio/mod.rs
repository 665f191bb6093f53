//! Nodes for sound.

pub mod decode;
pub mod encode;
pub mod pcm;
