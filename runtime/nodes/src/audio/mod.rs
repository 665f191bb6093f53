//! Nodes for sound.

mod chunk;
mod concat;
mod decode;
mod encode;
pub(crate) mod finite;
mod gain;
pub(crate) mod held;
mod level;
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
pub use gain::{AudioGain, AudioGainParams, RampShape};
pub use level::{AudioLevel, AudioLevelParams};
pub use mix::{AudioMix, AudioMixParams};
pub use pad::{AudioPad, AudioPadParams};
pub use resample::{AudioResample, AudioResampleParams, ResampleQuality};
pub use trim::{AudioTrim, AudioTrimParams, TrimEnds};
