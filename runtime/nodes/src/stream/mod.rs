//! What nodes need to follow a stream of audio from packet to packet, whatever they do with it: segments, windows, inputs
//! that are aligned, times as they came, a FIFO, the check for NaN, random draws. It knows packets, and nothing of files or of any one node.

pub(crate) mod align;
pub(crate) mod arrival;
pub(crate) mod audio_fifo;
pub(crate) mod changes;
pub(crate) mod draws;
pub(crate) mod finite;
pub(crate) mod format;
pub(crate) mod reader;
pub(crate) mod segment_node;
pub(crate) mod timeline;
pub(crate) mod windows;
