//! The nodes that make one stream of the audio of several inputs.

mod crossfade;
mod inputs;
mod sum;
