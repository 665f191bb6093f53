//! Tags that stand before or behind a file of any container, and are taken out before its reader looks.

pub(super) mod ape;
pub(super) mod behind;
pub(super) mod id3;
