//! The side information of a frame (ISO/IEC 11172-3, 2.4.1.7): how each granule of each channel is coded.

use remotemedia_bits::Bits;

use super::bands::{Layout, layout, long_edges};
use super::block::{Block, SIZE};
use super::damage::Damage;
use super::head::{Head, Version};

/// How a channel of a granule is coded.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Part {
    /// The bits of its scale factors and its values.
    pub(crate) bits: usize,
    /// The values that are coded in pairs.
    pub(crate) paired: usize,
    /// Where among these the second and the third table begin.
    pub(crate) edges: [usize; 2],
    pub(crate) tables: [u8; 3],
    /// Whether quads are coded by table B.
    pub(crate) has_quads_b: bool,
    pub(crate) gain: u8,
    /// What each window of short blocks has less.
    pub(crate) window_gains: [u8; 3],
    pub(crate) block: Block,
    /// Whether the lowest two subbands are as in a [`Block::Long`].
    pub(crate) is_mixed: bool,
    /// How long the scale factors are.
    pub(crate) scale_lengths: u16,
    /// Whether high bands have more than their scale factors say; MPEG-2 has that with the lengths of them.
    pub(crate) is_emphasized: bool,
    /// Whether a scale factor counts twice.
    pub(crate) is_coarse: bool,
}

/// The side information of a frame.
pub(crate) struct Side {
    /// Bytes of earlier frames that its main data begins with.
    pub(crate) back: usize,
    /// The groups of scale factors of a channel that its second granule has from the first.
    pub(crate) shared: [[bool; 4]; 2],
    pub(crate) granules: [[Part; 2]; 2],
}

impl Side {
    /// The side information that these bytes are.
    pub(crate) fn read(bytes: &[u8], head: &Head) -> Result<Self, Damage> {
        let mut bits = Bits::new(bytes, 0, 8 * bytes.len());
        let channels = head.channels();
        let is_one = head.version == Version::One;
        let back = bits.read(if is_one { 9 } else { 8 }) as usize;
        // Private bits.
        bits.read(match (is_one, channels) {
            (true, 1) => 5,
            (true, _) => 3,
            (false, 1) => 1,
            (false, _) => 2,
        });
        let mut side = Self { back, shared: Default::default(), granules: Default::default() };
        if is_one {
            for shared in &mut side.shared[..channels] {
                *shared = std::array::from_fn(|_| bits.read_flag());
            }
        }
        for granule in &mut side.granules[..head.granules()] {
            for part in &mut granule[..channels] {
                *part = Part::read(&mut bits, head)?;
            }
        }
        Ok(side)
    }
}

impl Part {
    /// The bands of its values.
    pub(crate) fn layout(&self, head: &Head) -> &'static Layout {
        layout(head, self.block, self.is_mixed)
    }

    fn read(bits: &mut Bits<'_>, head: &Head) -> Result<Self, Damage> {
        let is_one = head.version == Version::One;
        let mut part = Self {
            bits: bits.read(12) as usize,
            paired: 2 * bits.read(9) as usize,
            gain: bits.read(8) as u8,
            scale_lengths: bits.read(if is_one { 4 } else { 9 }) as u16,
            ..Self::default()
        };
        if part.paired > SIZE {
            return Err(Damage::Pairs);
        }
        if bits.read_flag() {
            part.block = match bits.read(2) {
                1 => Block::Start,
                2 => Block::Short,
                3 => Block::Stop,
                _ => return Err(Damage::Block),
            };
            part.is_mixed = bits.read_flag();
            part.tables = [bits.read(5) as u8, bits.read(5) as u8, 0];
            part.window_gains = std::array::from_fn(|_| bits.read(3) as u8);
            part.edges = [switched_edge(head, &part), SIZE];
        } else {
            part.tables = std::array::from_fn(|_| bits.read(5) as u8);
            let first = bits.read(4) as usize + 1;
            let second = first + bits.read(3) as usize + 1;
            let edges = long_edges(head);
            part.edges = [edges[first], edges.get(second).copied().unwrap_or(SIZE)];
        }
        part.is_emphasized = is_one && bits.read_flag();
        part.is_coarse = bits.read_flag();
        part.has_quads_b = bits.read_flag();
        Ok(part)
    }
}

/// Where the second table begins if the kind of block is not [`Block::Long`], which leaves no room to say so. That of
/// MPEG-2.5 is not in a standard: it is as encoders have it.
fn switched_edge(head: &Head, part: &Part) -> usize {
    match (head.version, part.block) {
        (Version::TwoAndHalf, Block::Short) if !part.is_mixed => long_edges(head)[6],
        (Version::TwoAndHalf, _) => long_edges(head)[8],
        (Version::Two, Block::Start | Block::Stop) => 54,
        _ => 36,
    }
}
