//! Each node keeps the time of its input: what comes out after a gap, an overlap or a late packet is where it belongs, to the
//! sample, however the audio is divided into packets.

mod jumps;
mod nodes;
