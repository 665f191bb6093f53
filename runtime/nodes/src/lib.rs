//! The built-in nodes of remotemedia, one file each, in families.
#![forbid(unsafe_code)]

pub mod audio;
pub mod basic;
pub mod spectral;
pub mod speech;

use remotemedia_core::node::Registry;

/// Every built-in node.
pub fn registry() -> Registry {
    let mut registry = Registry::new();
    registry.add::<basic::PassThrough>().add::<basic::Echo>().add::<basic::Calculator>();
    registry.add::<audio::AudioDecode>().add::<audio::AudioMix>().add::<audio::AudioResample>();
    registry.add::<audio::AudioLevel>().add::<audio::AudioEncode>();
    registry.add::<speech::Vad>().add::<speech::SpeechSegments>().add_old_name::<speech::SileroVad>();
    registry.add::<spectral::Stft>().add::<spectral::MelSpectrogram>();
    registry.add::<audio::AudioGain>().add::<audio::AudioChunk>().add::<audio::AudioConcat>();
    registry.add::<audio::AudioPad>().add::<audio::AudioTrim>();
    registry
}

/// Compiles and runs the example of the guide.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/adding-a-node.md")]
mod adding_a_node {}
