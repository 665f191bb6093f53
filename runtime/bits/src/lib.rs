//! A reader of bits, the upper ones of a byte first, for decoders that take some billions of them.

#![forbid(unsafe_code)]

/// Reads bits of some bytes. After their end come zeros.
#[derive(Clone, Debug)]
pub struct Bits<'a> {
    bytes: &'a [u8],
    /// The byte that is read next.
    next: usize,
    /// Bits that were read and not taken yet, from the highest on. Below them there may be others.
    cache: u64,
    /// How many of them.
    left: u32,
    end: usize,
}

/// The most bits that can be taken after one [`Bits::refill`].
pub const MOST: u32 = 56;

impl<'a> Bits<'a> {
    /// A reader from one bit up to another one.
    pub fn new(bytes: &'a [u8], start: usize, end: usize) -> Self {
        let mut bits = Self { bytes, next: start / 8, cache: 0, left: 0, end };
        bits.refill();
        bits.take((start % 8) as u32);
        bits
    }

    /// Bits that are left up to the end, less than none if more were taken.
    #[inline(always)]
    pub fn rest(&self) -> isize {
        self.end as isize - (8 * self.next) as isize + self.left as isize
    }

    /// Lets at least [`MOST`] bits be taken.
    #[inline(always)]
    pub fn refill(&mut self) {
        let word = match self.bytes.get(self.next..) {
            Some(&[a, b, c, d, e, f, g, h, ..]) => u64::from_be_bytes([a, b, c, d, e, f, g, h]),
            rest => last_word(rest.unwrap_or_default()),
        };
        self.cache |= word >> self.left;
        self.next += ((63 - self.left) / 8) as usize;
        self.left |= MOST;
    }

    /// How many of the bits that [`peek`](Self::peek) shows are surely those of the bytes.
    #[inline(always)]
    pub fn loaded(&self) -> u32 {
        self.left
    }

    /// The bits that come next, from the highest on.
    #[inline(always)]
    pub fn peek(&self) -> u64 {
        self.cache
    }

    /// Goes on by some of the bits that the last refill let be taken.
    #[inline(always)]
    pub fn take(&mut self, count: u32) {
        self.cache <<= count;
        self.left -= count;
    }

    /// The number that the next bits are, at most 32.
    #[inline(always)]
    pub fn read(&mut self, count: u32) -> u32 {
        self.refill();
        let number = self.cache >> 32 >> (32 - count);
        self.take(count);
        number as u32
    }

    /// The number, with a sign, that the next bits are: 1 to [`MOST`].
    #[inline(always)]
    pub fn read_signed(&mut self, count: u32) -> i64 {
        self.refill();
        let number = self.cache as i64 >> (64 - count);
        self.take(count);
        number
    }

    /// Whether the next bit is set.
    pub fn read_flag(&mut self) -> bool {
        self.read(1) == 1
    }
}

#[cold]
fn last_word(rest: &[u8]) -> u64 {
    let mut word = [0; 8];
    let len = rest.len().min(8);
    word[..len].copy_from_slice(&rest[..len]);
    u64::from_be_bytes(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_come_in_their_order_and_zeros_after_them() {
        let bytes: Vec<u8> = (0..40u8).map(|byte| byte.wrapping_mul(73) ^ 0x5a).collect();
        let expected = |from: usize, count: u32| {
            (from..from + count as usize).fold(0u64, |number, bit| {
                number << 1 | u64::from(bytes.get(bit / 8).map_or(0, |byte| byte >> (7 - bit % 8) & 1))
            })
        };
        for start in 0..17 {
            let mut bits = Bits::new(&bytes, start, 320);
            let mut place = start;
            for count in (0..=32).cycle().take(60) {
                assert_eq!(bits.rest(), 320 - place as isize);
                assert_eq!(u64::from(bits.read(count)), expected(place, count), "{count} bits from {place} on");
                place += count as usize;
                let count = count + 1;
                let number = (expected(place, count) << (64 - count)) as i64 >> (64 - count);
                assert_eq!(bits.read_signed(count), number, "{count} bits from {place} on");
                place += count as usize;
            }
            assert!(place > 700);
        }
    }
}
