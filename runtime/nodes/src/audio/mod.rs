//! Nodes for sound.

pub mod resample;
