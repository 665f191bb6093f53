//! The nodes that make one stream of the audio of several inputs.

mod crossfade;
#[path = "../drive/mod.rs"]
mod drive;
mod inputs;
mod sum;
