//! Signal processing that several families use: filters, loudness, peaks, mel filters, random numbers, noise, and what was
//! designed lately. It knows samples and formats of audio, and nothing of nodes or packets.

pub(crate) mod filter_design;
pub(crate) mod logarithm;
pub(crate) mod loudness;
pub(crate) mod low_pass;
pub(crate) mod mel;
pub(crate) mod noise;
pub(crate) mod partitioned;
pub(crate) mod random;
pub(crate) mod recent;
pub(crate) mod speakers;
pub(crate) mod state_variable;
pub(crate) mod true_peak;
