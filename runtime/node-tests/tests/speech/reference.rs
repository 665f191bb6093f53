//! What `reference.py` has found out.

use serde::Deserialize;
use serde_json::Value as Json;

/// A signal of `signals.rs` at one rate.
#[derive(Deserialize)]
pub(crate) struct Signal {
    pub(crate) name: String,
    pub(crate) rate: u32,
    pub(crate) samples: usize,
    pub(crate) probabilities: Vec<f32>,
    pub(crate) cases: Vec<Case>,
}

/// What `get_speech_timestamps` finds with these params: the first sample of each segment and the one after its last.
#[derive(Deserialize)]
pub(crate) struct Case {
    pub(crate) params: Json,
    pub(crate) segments: Vec<[usize; 2]>,
}

/// What it finds in the probabilities of `signals::wandering` for so many samples at 16 kHz.
#[derive(Deserialize)]
pub(crate) struct Synthetic {
    pub(crate) samples: usize,
    pub(crate) cases: Vec<Case>,
}

#[derive(Deserialize)]
pub(crate) struct Reference {
    pub(crate) signals: Vec<Signal>,
    pub(crate) synthetic: Synthetic,
}

pub(crate) fn reference() -> Reference {
    let json: Json = serde_json::from_str(include_str!("reference.json")).expect("JSON");
    serde_json::from_value(json).expect("the form that reference.py writes")
}
