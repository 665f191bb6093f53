//! Nodes for sound.

pub mod decode;
