//! A granule: how many values it has, and the kinds of blocks that these may be.

/// The values of a granule.
pub(crate) const SIZE: usize = 576;

/// How the values of a granule become sound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Block {
    #[default]
    Long,
    /// Long, before short ones.
    Start,
    /// Three windows.
    Short,
    /// Long, after short ones.
    Stop,
}
