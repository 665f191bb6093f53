//! Nodes that compute spectra of audio.

mod analysis;
mod bandwidth;
mod filters;
mod frames;
mod kaldi;
mod mel_spectrogram;
mod mfcc;
mod stft;
mod time_frequency_mask;
mod windows;

pub use crate::dsp::mel::{MelNorm, MelScale};
pub use bandwidth::{Bandwidth, BandwidthParams};
pub use mel_spectrogram::{LevelScale, MelPreset, MelSpectrogram, MelSpectrogramParams};
pub use mfcc::{Mfcc, MfccConvention, MfccParams};
pub use stft::{Stft, StftParams, StftValue};
pub use time_frequency_mask::{MaskFill, TimeFrequencyMask, TimeFrequencyMaskParams};

use remotemedia_core::node::Registry;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What stands before the first sample and after the last one where frames are centred.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PadMode {
    /// Silence.
    #[default]
    Constant,
    /// The sound in a mirror that stands on its first or last sample.
    Reflect,
}

/// Adds the nodes of this family.
pub(crate) fn register(registry: &mut Registry) {
    registry.add::<Stft>().add::<MelSpectrogram>().add::<Mfcc>().add::<TimeFrequencyMask>().add::<Bandwidth>();
}
