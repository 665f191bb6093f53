//! The nodes that change sound: their results, counts, times and messages, and that the division of the sound into
//! packets changes nothing.

mod stream;

mod add_noise;
mod chunk;
mod concat;
mod convolve;
mod exact_filters;
mod filter;
mod gain;
mod loudness;
mod mix;
mod pad;
mod random_crop;
mod reference;
mod resample;
mod sources;
mod speed_perturb;
mod trim;
