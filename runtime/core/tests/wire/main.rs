//! Documents: round trips, limits, hostile bytes, exact error texts, and the vectors that every language runs.

mod differential;
mod errors;
mod hostile;
mod identical;
mod json;
mod layout;
mod roundtrip;
mod values;
mod vectors;
