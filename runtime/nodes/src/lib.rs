//! The built-in nodes of remotemedia, one file each, in families.
#![forbid(unsafe_code)]

pub mod audio;
pub mod basic;
pub mod file;
pub mod monitor;
mod old_names;
mod random;
pub mod source;
pub mod spectral;
pub mod speech;
pub mod text;

use remotemedia_core::node::Registry;

/// Every built-in node.
pub fn registry() -> Registry {
    let mut registry = Registry::new();
    registry.add::<basic::PassThrough>().add::<basic::Echo>().add::<basic::Calculator>();
    registry.add::<audio::AudioDecode>().add::<audio::AudioMix>().add::<audio::AudioResample>();
    registry.add::<monitor::AudioLevel>().add::<audio::AudioEncode>();
    registry.add::<speech::Vad>().add::<speech::SpeechSegments>();
    registry.add::<audio::AudioGain>().add::<audio::AudioChunk>().add::<audio::AudioConcat>();
    registry.add::<monitor::SilenceDetector>().add::<monitor::ClippingDetector>().add::<monitor::ChannelBalance>();
    registry.add::<audio::AudioPad>().add::<audio::AudioTrim>().add::<audio::AudioFilter>();
    registry.add::<monitor::Loudness>().add::<audio::LoudnessNormalize>();
    registry.add::<source::ToneSource>().add::<source::NoiseSource>().add::<text::TextCollector>();
    registry.add::<file::FileSource>().add::<file::FileSink>();
    registry.add::<audio::AudioSum>().add::<audio::AudioCrossfade>().add::<audio::AudioConvolve>();
    registry.add::<spectral::Stft>().add::<spectral::MelSpectrogram>();
    old_names::add(&mut registry);
    registry
}

/// Compiles and runs the example of the guide.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/adding-a-node.md")]
mod adding_a_node {}
