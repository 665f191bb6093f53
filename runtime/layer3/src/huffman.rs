//! The values of a granule, coded by Huffman (ISO/IEC 11172-3, 2.4.3.4): pairs by up to three tables, then quads of values
//! that are at most 1, then zeros.

use std::sync::LazyLock;

use remotemedia_bits::Bits;

use super::block::SIZE;
use super::book::Book;
use super::codes::{
    PAIRS_1, PAIRS_2, PAIRS_3, PAIRS_5, PAIRS_6, PAIRS_7, PAIRS_8, PAIRS_9, PAIRS_10, PAIRS_11, PAIRS_12, PAIRS_13,
    PAIRS_15, PAIRS_16, PAIRS_24, QUADS_A, QUADS_B,
};
use super::side::Part;
use super::spectrum::{POWERS, Spectrum};

/// Reads the values of a granule up to the end of these bits, as the powers that they stand for.
pub(crate) fn read(bits: &mut Bits<'_>, part: &Part, spectrum: &mut Spectrum) {
    let tables: &Tables = &TABLES;
    let values = &mut spectrum.values;
    let mut at = 0;
    let edges = [part.edges[0], part.edges[1], SIZE];
    for (edge, table) in edges.into_iter().zip(part.tables) {
        let region = &mut values[at..edge.min(part.paired).max(at)];
        at += match &tables.pairs[usize::from(table)] {
            Some(book) => read_pairs(bits, book, LINEAR_BITS[usize::from(table)], &tables.signed, region),
            None => {
                region.fill(0.0);
                region.len()
            }
        };
    }
    let book = &tables.quads[usize::from(part.has_quads_b)];
    while bits.rest() > 0
        && let Some(quad) = values.get_mut(at..).and_then(|rest| rest.first_chunk_mut::<4>())
    {
        read_quad(bits, book, &tables.signed, quad);
        // Some encoders say a few bits too many: what runs over the end was not meant.
        if bits.rest() < 0 {
            break;
        }
        at += 4;
    }
    values[at..].fill(0.0);
    spectrum.end = at;
}

/// Reads pairs up to the end of the bits. How many values that were.
fn read_pairs(bits: &mut Bits<'_>, book: &Book, linear_bits: u32, signed: &Signed, values: &mut [f32]) -> usize {
    let pairs = values.as_chunks_mut::<2>().0;
    for (number, pair) in pairs.iter_mut().enumerate() {
        if bits.rest() <= 0 {
            return 2 * number;
        }
        bits.refill();
        let leaf = book.leaf(bits);
        let [x, y] = [usize::from(leaf.values >> 4), usize::from(leaf.values & 15)];
        if linear_bits > 0 && (x == 15 || y == 15) {
            bits.take(u32::from(leaf.length));
            *pair = [x, y].map(|value| read_open(bits, value, linear_bits));
            continue;
        }
        let signs = bits.peek() << leaf.length;
        bits.take(u32::from(leaf.taken));
        // A value of 0 has no sign: whichever bit is there, it stays 0.
        *pair = [signed[2 * x + (signs >> 63) as usize], signed[2 * y + (signs << leaf.signs >> 63) as usize]];
    }
    2 * pairs.len()
}

/// A value that may be beyond what its table has, with its sign.
fn read_open(bits: &mut Bits<'_>, value: usize, linear_bits: u32) -> f32 {
    let value = value + if value == 15 { bits.read(linear_bits) as usize } else { 0 };
    match value {
        0 => 0.0,
        _ if bits.read_flag() => -POWERS[value],
        _ => POWERS[value],
    }
}

fn read_quad(bits: &mut Bits<'_>, book: &Book, signed: &Signed, quad: &mut [f32; 4]) {
    bits.refill();
    let leaf = book.leaf(bits);
    let mut signs = bits.peek() << leaf.length;
    bits.take(u32::from(leaf.taken));
    for (value, bit) in quad.iter_mut().zip([8, 4, 2, 1]) {
        let is_one = leaf.values & bit != 0;
        *value = signed[2 * usize::from(is_one) + (signs >> 63) as usize];
        signs <<= u32::from(is_one);
    }
}

/// The powers of the values that tables have, each without and with a sign.
type Signed = [f32; 32];

/// The bits that a value of 15 has beside it in each table.
const LINEAR_BITS: [u32; 32] =
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 6, 8, 10, 13, 4, 5, 6, 7, 8, 9, 11, 13];

static TABLES: LazyLock<Tables> = LazyLock::new(Tables::new);

struct Tables {
    /// By their numbers. Without a book all values are 0.
    pairs: [Option<Book>; 32],
    quads: [Book; 2],
    signed: Signed,
}

impl Tables {
    fn new() -> Self {
        let pairs = |table| {
            let codes: &[u16] = match table {
                0 | 4 | 14 => return None,
                1 => &PAIRS_1,
                2 => &PAIRS_2,
                3 => &PAIRS_3,
                5 => &PAIRS_5,
                6 => &PAIRS_6,
                7 => &PAIRS_7,
                8 => &PAIRS_8,
                9 => &PAIRS_9,
                10 => &PAIRS_10,
                11 => &PAIRS_11,
                12 => &PAIRS_12,
                13 => &PAIRS_13,
                15 => &PAIRS_15,
                16..24 => &PAIRS_16,
                _ => &PAIRS_24,
            };
            Some(Book::new(codes, |values| [u8::from(values > 15), u8::from(values & 15 > 0)]))
        };
        let quads = |codes: &[u16]| Book::new(codes, |values| [values.count_ones() as u8, 0]);
        let signed = |at: usize| match (at / 2, at % 2) {
            (0, _) => 0.0,
            (value, 0) => POWERS[value],
            (value, _) => -POWERS[value],
        };
        Self {
            pairs: std::array::from_fn(pairs),
            quads: [quads(&QUADS_A), quads(&QUADS_B)],
            signed: std::array::from_fn(signed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quad_that_runs_over_the_end_is_not_there() {
        // By table B four zeros stand for four ones, with a sign each.
        let bytes = [0b0000_0101, 0b0000_0000];
        let part = Part { has_quads_b: true, ..Part::default() };
        let read_up_to = |end| {
            let mut spectrum = Spectrum { values: [9.0; SIZE], end: SIZE };
            read(&mut Bits::new(&bytes, 0, end), &part, &mut spectrum);
            assert!(spectrum.values[spectrum.end..].iter().all(|value| *value == 0.0));
            spectrum.values[..spectrum.end].to_vec()
        };
        assert_eq!(read_up_to(8), [1.0, -1.0, 1.0, -1.0]);
        assert_eq!(read_up_to(15), [1.0, -1.0, 1.0, -1.0]);
        assert_eq!(read_up_to(16), [1.0, -1.0, 1.0, -1.0, 1.0, 1.0, 1.0, 1.0]);
        assert_eq!(read_up_to(7), [0.0; 0]);
    }

    #[test]
    fn values_beyond_a_table_have_bits_beside_it() {
        // Table 24, whose values have four bits more: 0011 is a pair of 15, then come 1 and minus, 15 and plus.
        let bytes = [0b0011_0001, 0b1111_1000];
        let part = Part { paired: 2, edges: [SIZE; 2], tables: [24; 3], ..Part::default() };
        let mut spectrum = Spectrum::default();
        read(&mut Bits::new(&bytes, 0, 14), &part, &mut spectrum);
        assert_eq!(spectrum.end, 2);
        let power = |value: f64| value.powf(4.0 / 3.0) as f32;
        assert_eq!(spectrum.values[..2], [-power(16.0), power(30.0)]);
    }
}
