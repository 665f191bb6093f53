//! Bits of a FLAC stream, the highest first (RFC 9639, 5).

/// Collects bits to bytes.
#[derive(Default)]
pub(super) struct BitWriter {
    bytes: Vec<u8>,
    /// The lowest `count` bits are not in `bytes` yet.
    pending: u64,
    /// Below 32 between calls.
    count: u32,
}

impl BitWriter {
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        (self.pending, self.count) = (0, 0);
    }

    /// Writes the lowest `width` bits of a value, which has none above them; at most 32.
    #[inline]
    pub(super) fn put(&mut self, value: u32, width: u32) {
        debug_assert!(width <= 32 && u64::from(value) >> width == 0, "{value} in {width} bits");
        self.pending = self.pending << width | u64::from(value);
        self.count += width;
        if self.count >= 32 {
            self.count -= 32;
            self.bytes.extend_from_slice(&((self.pending >> self.count) as u32).to_be_bytes());
        }
    }

    /// Writes a number in two's complement of `width` bits, 1 to 32.
    pub(super) fn put_signed(&mut self, value: i32, width: u32) {
        self.put(value as u32 & (u32::MAX >> (32 - width)), width);
    }

    /// Writes a number as so many zeros and a one.
    pub(super) fn put_unary(&mut self, value: u32) {
        self.put_rice(value, 0);
    }

    /// Writes a number by a Rice code: all but its lowest `parameter` bits, 0 to 30, in unary, then those.
    #[inline]
    pub(super) fn put_rice(&mut self, value: u32, parameter: u32) {
        let code = 1 << parameter | value & ((1 << parameter) - 1);
        let mut zeros = value >> parameter;
        if zeros + parameter < 32 {
            return self.put(code, zeros + parameter + 1);
        }
        while zeros > 0 {
            let some = zeros.min(32);
            self.put(0, some);
            zeros -= some;
        }
        self.put(code, parameter + 1);
    }

    /// Fills the last byte with zeros; returns all that was written.
    pub(super) fn align(&mut self) -> &mut Vec<u8> {
        self.put(0, self.count.wrapping_neg() % 8);
        while self.count > 0 {
            self.count -= 8;
            self.bytes.push((self.pending >> self.count) as u8);
        }
        &mut self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_any_length_are_written() {
        let mut out = BitWriter::default();
        out.put(1, 1);
        // 2 in unary, then 01; 40 in unary.
        out.put_rice(9, 2);
        out.put_unary(40);
        out.put_signed(-1, 3);
        let written: String = out.align().iter().map(|byte| format!("{byte:08b}")).collect();
        let expected = format!("100101{}1111", "0".repeat(40));
        assert_eq!(written, format!("{expected:0<56}"));
    }
}
