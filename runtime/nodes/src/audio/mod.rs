//! Nodes that decode, convert, change, join and encode audio.

mod add_noise;
mod chunk;
mod concat;
mod convolve;
mod crossfade;
mod decode;
mod encode;
mod filter;
mod flac_checksum;
mod gain;
mod mix;
mod noise_bed;
mod normalize;
mod opus_head;
mod pad;
pub mod pcm;
mod random_crop;
mod resample;
mod sound_file;
mod sum;
mod trim;

pub use add_noise::{AddNoise, AddNoiseParams, NoiseColor};
pub use chunk::{AudioChunk, AudioChunkParams, LastChunk};
pub use concat::{AudioConcat, AudioConcatParams};
pub use convolve::{AudioConvolve, AudioConvolveParams};
pub use crossfade::{AudioCrossfade, AudioCrossfadeParams, FadeCurve};
pub use decode::{
    AudioDecode, AudioDecodeParams, SystemCodecs, SystemDecoder, SystemError, SystemFormat, SystemHead, SystemList,
    SystemSource, SystemState, codecs, install_system_codecs,
};
pub(crate) use encode::FileFormat;
pub use encode::{AudioEncode, AudioEncodeParams};
pub use filter::{AudioFilter, AudioFilterParams, FilterKind};
pub use gain::{AudioGain, AudioGainParams, RampShape};
pub use mix::{AudioMix, AudioMixParams};
pub use normalize::{LoudnessNormalize, LoudnessNormalizeParams, NormalizeMode};
pub use pad::{AudioPad, AudioPadParams};
pub use random_crop::{CropPad, RandomCrop, RandomCropParams};
pub(crate) use resample::SAME_RATE;
pub use resample::{AudioResample, AudioResampleParams, ResampleQuality, SpeedPerturb, SpeedPerturbParams};
pub use sum::{AudioSum, AudioSumParams};
pub use trim::{AudioTrim, AudioTrimParams, TrimEnds};

use remotemedia_core::node::Registry;

/// Adds the nodes of this family.
pub(crate) fn register(registry: &mut Registry) {
    registry
        .add::<AudioDecode>()
        .add::<AudioEncode>()
        .add::<AudioMix>()
        .add::<AudioResample>()
        .add::<AudioGain>()
        .add::<AudioChunk>()
        .add::<AudioConcat>()
        .add::<AudioPad>()
        .add::<AudioTrim>()
        .add::<AudioFilter>()
        .add::<LoudnessNormalize>()
        .add::<AudioSum>()
        .add::<AudioCrossfade>()
        .add::<AudioConvolve>()
        .add::<SpeedPerturb>()
        .add::<AddNoise>()
        .add::<RandomCrop>();
}
