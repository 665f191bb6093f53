//! Ogg (RFC 3533, RFC 7845), as far as Symphonia's demuxer leaves it to others: chains, damage, jumps, and where sound begins and
//! ends.

pub(super) mod jump;
pub(super) mod links;
pub(super) mod order;
pub(super) mod packets;
pub(super) mod pages;
mod runs;
