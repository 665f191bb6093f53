//! Nodes for sound.

mod decode;
mod encode;
mod finite;
mod level;
mod mix;
pub mod pcm;
mod resample;

pub use decode::{AudioDecode, AudioDecodeParams};
pub use encode::{AudioEncode, AudioEncodeParams};
pub use level::{AudioLevel, AudioLevelParams};
pub use mix::{AudioMix, AudioMixParams};
pub use resample::{AudioResample, AudioResampleParams};
