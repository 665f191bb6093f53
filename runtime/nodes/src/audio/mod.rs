//! Nodes for sound.

mod chunk;
mod concat;
mod decode;
mod encode;
mod filter;
mod filter_design;
pub(crate) mod finite;
mod gain;
pub(crate) mod held;
mod mix;
mod normalize;
mod opus_head;
mod pad;
pub mod pcm;
pub(crate) mod r128;
pub(crate) mod reader;
mod resample;
mod speakers;
mod state_variable;
mod trim;
pub(crate) mod true_peak;

pub use chunk::{AudioChunk, AudioChunkParams, LastChunk};
pub use concat::{AudioConcat, AudioConcatParams};
pub use decode::{AudioDecode, AudioDecodeParams};
pub(crate) use encode::FileFormat;
pub use encode::{AudioEncode, AudioEncodeParams};
pub use filter::{AudioFilter, AudioFilterParams, FilterKind};
pub use gain::{AudioGain, AudioGainParams, RampShape};
pub use mix::{AudioMix, AudioMixParams};
pub use normalize::{LoudnessNormalize, LoudnessNormalizeParams, NormalizeMode};
pub use pad::{AudioPad, AudioPadParams};
pub(crate) use resample::SAME_RATE;
pub use resample::{AudioResample, AudioResampleParams, ResampleQuality};
pub use trim::{AudioTrim, AudioTrimParams, TrimEnds};
