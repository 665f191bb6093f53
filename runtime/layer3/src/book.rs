//! A table of Huffman codes, looked up by the bits that come next.

use remotemedia_bits::Bits;

/// The bits that are looked at at once.
const FIRST: u32 = 9;

/// The longest code of all tables.
const LONGEST: u32 = 19;

/// What a code stands for.
#[derive(Clone, Copy, Default)]
pub(crate) struct Leaf {
    /// The bits of the code.
    pub(crate) length: u8,
    /// The bits of the code and of the signs after it.
    pub(crate) taken: u8,
    pub(crate) values: u8,
    /// How many of the values in the upper half of [`Leaf::values`] are not 0, and so have a sign.
    pub(crate) signs: u8,
}

/// The codes of a table.
pub(crate) struct Book {
    /// By the first [`FIRST`] bits, where the code is not longer; no bits are taken where it is.
    first: [Leaf; 1 << FIRST],
    /// By the first bits of longer codes: where in `rest` these are, and how many bits more there are to look at.
    links: [(u16, u8); 1 << FIRST],
    rest: Vec<Leaf>,
}

impl Book {
    /// A book of codes in their order, each with its length and what it stands for. `signs` tells how many signs come
    /// with the upper and with the lower half of the values.
    pub(crate) fn new(codes: &[u16], signs: impl Fn(u8) -> [u8; 2]) -> Self {
        let mut book = Self { first: [Leaf::default(); 1 << FIRST], links: [(0, 0); 1 << FIRST], rest: Vec::new() };
        // Codes in their order fill all numbers of the longest length, one range beside the other.
        let mut start = 0;
        for code in codes {
            let (length, values) = ((code >> 8) as u8, *code as u8);
            let [upper, lower] = signs(values);
            let leaf = Leaf { length, taken: length + upper + lower, values, signs: upper };
            let end = start + (1 << (LONGEST - u32::from(length)));
            book.insert(start, end, leaf, codes);
            start = end;
        }
        book
    }

    fn insert(&mut self, start: usize, end: usize, leaf: Leaf, codes: &[u16]) {
        let shift = LONGEST - FIRST;
        let prefix = start >> shift;
        if u32::from(leaf.length) <= FIRST {
            self.first[prefix..end >> shift].fill(leaf);
            return;
        }
        let base = prefix << shift;
        if start == base {
            let more = longest_in(codes, base..base + (1 << shift)) - FIRST;
            self.links[prefix] = (self.rest.len() as u16, more as u8);
            self.rest.resize(self.rest.len() + (1 << more), Leaf::default());
        }
        let (begins, more) = self.links[prefix];
        let inner = |number: usize| usize::from(begins) + ((number - base) >> (shift - u32::from(more)));
        self.rest[inner(start)..inner(end)].fill(leaf);
    }

    /// The leaf of the code that comes next.
    #[inline(always)]
    pub(crate) fn leaf(&self, bits: &Bits<'_>) -> Leaf {
        let next = bits.peek();
        let prefix = (next >> (64 - FIRST)) as usize;
        let leaf = self.first[prefix];
        if leaf.taken > 0 {
            return leaf;
        }
        let (begins, more) = self.links[prefix];
        self.rest[usize::from(begins) + (next << FIRST >> (64 - more)) as usize]
    }
}

/// The bits of the longest code among those that begin in a range.
fn longest_in(codes: &[u16], range: std::ops::Range<usize>) -> u32 {
    let mut start = 0;
    let lengths = codes.iter().map(|code| u32::from(code >> 8)).filter(|length| {
        let begins = start;
        start += 1 << (LONGEST - length);
        range.contains(&begins)
    });
    lengths.max().unwrap_or(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes::{PAIRS_2, PAIRS_13, PAIRS_16};

    #[test]
    fn each_code_is_found_whatever_comes_after_it() {
        for codes in [&PAIRS_2[..], &PAIRS_13, &PAIRS_16] {
            let book = Book::new(codes, |_| [0, 0]);
            let mut start = 0u64;
            for code in codes {
                let (length, values) = (u32::from(code >> 8), *code as u8);
                for after in [0, u64::MAX] {
                    let word = start << (64 - LONGEST) | after >> length;
                    let bytes = word.to_be_bytes();
                    let leaf = book.leaf(&Bits::new(&bytes, 0, 64));
                    assert_eq!((u32::from(leaf.length), leaf.values), (length, values), "{word:064b}");
                }
                start += 1 << (LONGEST - length);
            }
            assert_eq!(start, 1 << LONGEST);
        }
    }
}
