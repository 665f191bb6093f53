//! What a run tells of itself: counts and times, a trace, progress, what is alive.

pub(super) mod histogram;
pub(super) mod live_objects;
pub(super) mod metrics;
pub(super) mod progress;
pub(super) mod trace;
