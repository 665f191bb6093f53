//! The faults that monitors find, each with the word that all monitors have for it, and what all of them take for silence.

use remotemedia_core::node::{Field, Form, Shape};
use remotemedia_core::value::Value;

use crate::stream::changes::{self, Finding, Worse};
use crate::stream::windows::Reading;

/// The level that stands for digital silence, in dBFS.
pub(super) const FLOOR_DB: f64 = -120.0;

/// What has a lower RMS, in dBFS, is silence for every monitor, unless its params say something else.
pub(super) const SILENCE_DB: f64 = -60.0;

/// What all monitors that judge have at the end of their maps: the worst fault, or that there is none, and all faults.
pub(super) const HEALTH: Field = ("health", Shape::TEXT);
pub(super) const FAULTS: Field = ("faults", Shape::List(&Shape::TEXT));

/// What such a monitor emits: its own fields, or the changes of faults.
pub(super) fn judged_form(changes_only: bool, fields: &'static [Field]) -> Form {
    Form::Map(if changes_only { changes::FIELDS } else { fields })
}

/// A fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Silence,
    LowVolume,
    Dropouts,
    Gated,
    Clipping,
    Imbalance,
    DeadChannel,
}

impl Fault {
    /// The word for it in `health`, in `faults` and in changes.
    const fn word(self) -> &'static str {
        match self {
            Fault::Silence => "silence",
            Fault::LowVolume => "low_volume",
            Fault::Dropouts => "dropouts",
            Fault::Gated => "gated",
            Fault::Clipping => "clipping",
            Fault::Imbalance => "imbalance",
            Fault::DeadChannel => "dead_channel",
        }
    }

    /// Finds it in a window in which the measure that shows it has this value.
    pub(super) fn found(self, measure: &'static str, value: f64, worse: Worse) -> Finding {
        Finding { fault: self.word(), measure, value, worse, lasted: None, ended: 0 }
    }
}

/// What a monitor reads in a window: its own values, then `health` and `faults`. The worst fault comes first and makes `health`;
/// without one that is `ok`, or `unknown` where there is no verdict.
pub(super) fn judged(mut values: Vec<Value>, has_verdict: bool, findings: Vec<Finding>) -> Reading {
    let health = match findings.first() {
        Some(worst) => worst.fault,
        None if has_verdict => "ok",
        None => "unknown",
    };
    values.push(Value::text(health));
    values.push(Value::list(findings.iter().map(|finding| Value::text(finding.fault)).collect()));
    Reading { values, findings }
}

/// 10 log10 of a mean square, not under [`FLOOR_DB`].
pub(super) fn power_db(mean_square: f64) -> f64 {
    (10.0 * mean_square.log10()).max(FLOOR_DB)
}

/// 20 log10 of a magnitude, not under [`FLOOR_DB`].
pub(super) fn amplitude_db(magnitude: f64) -> f64 {
    (20.0 * magnitude.log10()).max(FLOOR_DB)
}
