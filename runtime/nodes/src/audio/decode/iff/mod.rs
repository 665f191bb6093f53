//! Containers of the family of IFF, a row of chunks each: WAV and its kin, AIFF and CAF; and Sun audio, which has only a head.
//! Their sound lies in blocks whose lengths the head tells.

pub(super) mod aiff;
pub(super) mod aiff_tags;
pub(super) mod blocks;
pub(super) mod caf;
pub(super) mod caf_tags;
pub(super) mod tags;
pub(super) mod wave;
pub(super) mod wave_codec;
pub(super) mod wave_tags;
