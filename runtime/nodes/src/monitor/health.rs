//! The verdicts that monitors give in one word, in their field `health`, and the level below which all of them take audio for
//! silence.

use remotemedia_core::value::Value;

/// The level that stands for digital silence, in dBFS.
pub(super) const FLOOR_DB: f64 = -120.0;

/// Audio with a lower RMS, in dBFS, is silence for every monitor whose params give no other threshold.
pub(super) const SILENCE_DB: f64 = -60.0;

/// A verdict. `Ok`, or what is wrong; where several things are, the worse one. `Unknown` where there has not been enough
/// sound for a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Health {
    Ok,
    Unknown,
    Gated,
    LowVolume,
    Silence,
    Dropouts,
    Clipping,
    Imbalance,
    DeadChannel,
}

impl Health {
    /// The word.
    pub(super) fn value(self) -> Value {
        Value::text(match self {
            Health::Ok => "ok",
            Health::Unknown => "unknown",
            Health::Gated => "gated",
            Health::LowVolume => "low_volume",
            Health::Silence => "silence",
            Health::Dropouts => "dropouts",
            Health::Clipping => "clipping",
            Health::Imbalance => "imbalance",
            Health::DeadChannel => "dead_channel",
        })
    }
}

/// 10 log10 of a mean square, not under [`FLOOR_DB`].
pub(super) fn power_db(mean_square: f64) -> f64 {
    (10.0 * mean_square.log10()).max(FLOOR_DB)
}

/// 20 log10 of a magnitude, not under [`FLOOR_DB`].
pub(super) fn amplitude_db(magnitude: f64) -> f64 {
    (20.0 * magnitude.log10()).max(FLOOR_DB)
}
