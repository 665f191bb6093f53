//! The nodes that change sound: their results, counts, times and messages, and that the division of the sound into
//! packets changes nothing.

#[path = "../drive/mod.rs"]
mod drive;
mod stream;

mod chunk;
mod concat;
mod convolve;
mod exact_filters;
mod filter;
mod gain;
mod loudness;
mod mix;
mod pad;
mod reference;
mod resample;
mod sources;
mod trim;
