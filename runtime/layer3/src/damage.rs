//! What is wrong with a frame.

/// Why a frame can't be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// It is another layer or no frame at all.
    Head,
    /// It ends before its side information does.
    Short,
    /// A granule has more values than there is room for.
    Pairs,
    /// A granule switches to the kind of block that stands for none.
    Block,
    /// A granule ends where the frame already did, or before its scale factors do.
    Length,
}

impl Damage {
    /// What is wrong, as a part of a sentence.
    pub fn text(self) -> &'static str {
        match self {
            Self::Head => "a packet is no frame of MPEG layer III",
            Self::Short => "a frame of MPEG layer III is shorter than its side information",
            Self::Pairs => "a granule of MPEG layer III has more than 576 values",
            Self::Block => "a granule of MPEG layer III has a kind of block that does not exist",
            Self::Length => "a granule of MPEG layer III is longer or shorter than its data",
        }
    }
}
