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
}

#[derive(Deserialize)]
pub(crate) struct Reference {
    pub(crate) signals: Vec<Signal>,
}

pub(crate) fn reference() -> Reference {
    let json: Json = serde_json::from_str(include_str!("reference.json")).expect("JSON");
    serde_json::from_value(json).expect("the form that reference.py writes")
}
