//! Nodes that compute spectra of audio.

mod analysis;
mod frames;
mod mel_spectrogram;
mod stft;

pub use crate::dsp::mel::{MelNorm, MelScale};
pub use mel_spectrogram::{LevelScale, MelPreset, MelSpectrogram, MelSpectrogramParams};
pub use stft::{Stft, StftParams, StftValue};

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
    registry.add::<Stft>().add::<MelSpectrogram>();
}
