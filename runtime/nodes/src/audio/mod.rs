//! Nodes for sound.

pub(crate) mod biquad;
mod chunk;
mod concat;
mod decode;
mod encode;
<<<<<<< HEAD
mod finite;
=======
mod filter;
>>>>>>> nodes
mod gain;
pub(crate) mod held;
mod mix;
mod pad;
pub mod pcm;
pub(crate) mod reader;
mod resample;
mod trim;

pub use chunk::{AudioChunk, AudioChunkParams, LastChunk};
pub use concat::{AudioConcat, AudioConcatParams};
pub use decode::{AudioDecode, AudioDecodeParams};
pub use encode::{AudioEncode, AudioEncodeParams};
pub use filter::{AudioFilter, AudioFilterParams, FilterKind};
pub use gain::{AudioGain, AudioGainParams, RampShape};
pub use mix::{AudioMix, AudioMixParams};
pub use pad::{AudioPad, AudioPadParams};
pub use resample::{AudioResample, AudioResampleParams, ResampleQuality};
pub use trim::{AudioTrim, AudioTrimParams, TrimEnds};
