//! The scale factors of a granule (ISO/IEC 11172-3, 2.4.2.7, and 13818-3, 2.4.3.2), which in bands that only one channel
//! has are intensity positions.

use remotemedia_bits::Bits;

use super::block::Block;
use super::damage::Damage;
use super::head::{Head, Version};
use super::side::Part;

/// The most bands that a block has: short ones have 13, three times.
const BANDS: usize = 39;

/// The groups of bands that the second granule may have from the first.
const SHARED: [std::ops::Range<usize>; 4] = [0..6, 6..11, 11..16, 16..21];

/// The scale factors of a granule, band after band. The last bands have none, which is 0.
#[derive(Clone, Copy)]
pub(crate) struct Scales {
    pub(crate) factors: [u8; BANDS],
    /// Whether the factor, as an intensity position, stands for none.
    is_no_position: [bool; BANDS],
    /// Whether high bands have more than their factors say.
    pub(crate) is_emphasized: bool,
}

impl Default for Scales {
    fn default() -> Self {
        Self { factors: [0; BANDS], is_no_position: [false; BANDS], is_emphasized: false }
    }
}

impl Scales {
    /// Reads those of a granule; these are of the granule before. `shared` says which groups are the same,
    /// `is_position` that MPEG-2 codes intensity positions in their stead.
    pub(crate) fn read(
        &mut self,
        bits: &mut Bits<'_>,
        part: &Part,
        head: &Head,
        shared: [bool; 4],
        is_position: bool,
    ) -> Result<(), Damage> {
        let before = std::mem::take(self);
        if head.version == Version::One {
            self.is_emphasized = part.is_emphasized;
            self.read_one(bits, part, shared, &before);
        } else {
            self.read_two(bits, part, is_position);
        }
        if bits.rest() < 0 { Err(Damage::Length) } else { Ok(()) }
    }

    /// Where a band stands if only one channel has it.
    pub(crate) fn position(&self, band: usize) -> Option<usize> {
        (!self.is_no_position[band]).then(|| self.factors[band].into())
    }

    fn read_one(&mut self, bits: &mut Bits<'_>, part: &Part, shared: [bool; 4], before: &Self) {
        /// Of the lower and of the upper bands.
        const LENGTHS: [[u32; 2]; 16] = [
            [0, 0],
            [0, 1],
            [0, 2],
            [0, 3],
            [3, 0],
            [1, 1],
            [1, 2],
            [1, 3],
            [2, 1],
            [2, 2],
            [2, 3],
            [3, 1],
            [3, 2],
            [3, 3],
            [4, 2],
            [4, 3],
        ];
        let [lower, upper] = LENGTHS[usize::from(part.scale_lengths)];
        let switch = match (part.block, part.is_mixed) {
            (Block::Short, false) => 18,
            (Block::Short, true) => 17,
            _ => {
                for (group, (bands, is_shared)) in SHARED.into_iter().zip(shared).enumerate() {
                    if is_shared {
                        self.factors[bands.clone()].copy_from_slice(&before.factors[bands]);
                    } else {
                        let length = if group < 2 { lower } else { upper };
                        self.factors[bands].fill_with(|| bits.read(length) as u8);
                    }
                }
                self.note_positions(7);
                return;
            }
        };
        self.factors[..switch].fill_with(|| bits.read(lower) as u8);
        self.factors[switch..switch + 18].fill_with(|| bits.read(upper) as u8);
        self.note_positions(7);
    }

    fn note_positions(&mut self, none: u8) {
        self.is_no_position = self.factors.map(|factor| factor >= none);
    }

    fn read_two(&mut self, bits: &mut Bits<'_>, part: &Part, is_position: bool) {
        let (lengths, counts) = groups(part, is_position);
        self.is_emphasized = !is_position && part.scale_lengths >= 500;
        let mut band = 0;
        for (length, count) in lengths.into_iter().zip(counts) {
            for _ in 0..count {
                let factor = bits.read(length);
                self.factors[band] = factor as u8;
                // The largest one stands for none (13818-3, 2.4.3.2).
                self.is_no_position[band] = length > 0 && factor == (1 << length) - 1;
                band += 1;
            }
        }
    }
}

/// The lengths of the four groups of scale factors of MPEG-2, and of how many bands they are.
fn groups(part: &Part, is_position: bool) -> ([u32; 4], [usize; 4]) {
    let value = u32::from(part.scale_lengths);
    let (lengths, counts) = if is_position {
        match value >> 1 {
            value @ ..180 => {
                ([value / 36, value % 36 / 6, value % 6, 0], [[7, 7, 7, 0], [12, 12, 12, 0], [6, 15, 12, 0]])
            }
            value @ 180..244 => {
                let value = value - 180;
                ([value >> 4, value >> 2 & 3, value & 3, 0], [[6, 6, 6, 3], [12, 9, 9, 6], [6, 12, 9, 6]])
            }
            value => {
                let value = value - 244;
                ([value / 3, value % 3, 0, 0], [[8, 8, 5, 0], [15, 12, 9, 0], [6, 18, 9, 0]])
            }
        }
    } else {
        match value {
            ..400 => (
                [(value >> 4) / 5, (value >> 4) % 5, value >> 2 & 3, value & 3],
                [[6, 5, 5, 5], [9, 9, 9, 9], [6, 9, 9, 9]],
            ),
            400..500 => {
                let value = value - 400;
                ([(value >> 2) / 5, (value >> 2) % 5, value & 3, 0], [[6, 5, 7, 3], [9, 9, 12, 6], [6, 9, 12, 6]])
            }
            _ => {
                let value = value - 500;
                ([value / 3, value % 3, 0, 0], [[11, 10, 0, 0], [18, 18, 0, 0], [15, 18, 0, 0]])
            }
        }
    };
    let counts = match (part.block, part.is_mixed) {
        (Block::Short, false) => counts[1],
        (Block::Short, true) => counts[2],
        _ => counts[0],
    };
    (lengths, counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_factor_of_its_length_is_no_position_in_mpeg_2() {
        // Three groups of seven bands, of 1, 0 and 3 bits: the first alone in all of them, then all others.
        let head = Head::read(&[0xff, 0xf3, 0x90, 0x50]).expect("it is a head of MPEG-2");
        let part = Part { scale_lengths: (36 + 3) << 1, ..Part::default() };
        let bytes = [0b1000_0001, 0b1111_1101, 0b1111_1111, 0b1111_0000];
        let mut bits = Bits::new(&bytes, 0, 28);
        let mut scales = Scales::default();
        scales.read(&mut bits, &part, &head, [false; 4], true).expect("there are enough bits");
        assert_eq!(bits.rest(), 0);
        assert_eq!(scales.factors[..21], [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 7, 5, 7, 7, 7, 7]);
        let positions: Vec<usize> = (0..21).filter(|band| scales.position(*band).is_some()).collect();
        assert_eq!(positions, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 16]);
        assert_eq!(scales.read(&mut Bits::new(&bytes, 0, 27), &part, &head, [false; 4], true), Err(Damage::Length));
    }
}
