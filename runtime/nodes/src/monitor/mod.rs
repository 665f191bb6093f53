//! Nodes that watch a stream and report its condition. They all measure windows of time, never packets. All but `Loudness`,
//! which only measures, judge what they measure: the fields `health` and `faults`, or with `changes_only` the changes of faults.

mod balance;
mod clipping;
mod digital_gap;
mod dropout;
mod energy;
mod flat_tops;
mod gate;
mod health;
mod level;
mod loudness;
mod noise_gate;
mod saturation;
mod silence;
mod step;

pub use balance::{ChannelBalance, ChannelBalanceParams};
pub use clipping::{ClippingDetector, ClippingDetectorParams};
pub use level::{AudioLevel, AudioLevelParams};
pub use loudness::{Loudness, LoudnessParams};
pub use silence::{SilenceDetector, SilenceDetectorParams};

use remotemedia_core::node::Registry;

/// Adds the nodes of this family.
pub(crate) fn register(registry: &mut Registry) {
    registry
        .add::<AudioLevel>()
        .add::<SilenceDetector>()
        .add::<ClippingDetector>()
        .add::<ChannelBalance>()
        .add::<Loudness>();
}
