//! Nodes for sound.
