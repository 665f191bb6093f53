//! What a prediction leaves: Rice codes in partitions (RFC 9639, 9.2.7).

use remotemedia_bits::{Bits, MOST};
use remotemedia_vectors::{Kernel, Simd, run_wide};

use super::channels::Number;
use super::subframe::Damage;

/// Reads the residual of all samples of a block but the first `order`, which are predicted from.
pub(super) fn read<T: Number>(bits: &mut Bits<'_>, order: usize, samples: &mut [T]) -> Result<(), Damage> {
    let parameter_width = match bits.read(2) {
        0 => 4,
        1 => 5,
        _ => return Err(Damage::Reserved),
    };
    let partition_order = bits.read(4);
    let partition = samples.len() >> partition_order;
    if partition << partition_order != samples.len() || partition < order {
        return Err(Damage::Partitions);
    }
    let mut begins = order;
    for ends in (partition..=samples.len()).step_by(partition.max(1)) {
        let parameter = bits.read(parameter_width);
        let numbers = &mut samples[begins..ends];
        if parameter + 1 < 1 << parameter_width {
            run_wide(Codes { bits, parameter, numbers })?;
        } else {
            let width = bits.read(5);
            for number in numbers {
                *number = T::of(if width == 0 { 0 } else { bits.read_signed(width) });
            }
        }
        if bits.rest() < 0 {
            return Err(Damage::End);
        }
        begins = ends;
    }
    Ok(())
}

/// Codes of zeros, a one, and as many lower bits as the parameter says.
struct Codes<'a, 'b, T> {
    bits: &'a mut Bits<'b>,
    parameter: u32,
    numbers: &'a mut [T],
}

impl<T: Number> Kernel for Codes<'_, '_, T> {
    type Output = Result<(), Damage>;

    /// Reads them. A code is looked at before the bits that come after it are loaded: so the next one does not wait for the
    /// memory.
    #[inline(always)]
    fn run<S: Simd>(self) -> Self::Output {
        // Of more lower bits what is loaded may be a number that is too large.
        const MOST_SHORT: u32 = 26;
        let parameter = self.parameter;
        let is_short = parameter <= MOST_SHORT;
        // A copy, which stays in registers.
        let mut bits = self.bits.clone();
        for number in self.numbers {
            let word = bits.peek();
            let zeros = word.leading_zeros();
            let len = zeros + 1 + parameter;
            let code = if is_short && len <= bits.loaded() {
                bits.refill();
                bits.take(len);
                (zeros << parameter) | (word << zeros << 1 >> 1 >> (63 - parameter)) as u32
            } else {
                *self.bits = bits;
                let code = long_code(self.bits, parameter)?;
                bits = self.bits.clone();
                code
            };
            *number = T::of(i64::from((code >> 1) as i32 ^ -((code & 1) as i32)));
        }
        *self.bits = bits;
        Ok(())
    }
}

/// A code that may be longer than what is loaded at once.
#[cold]
fn long_code(bits: &mut Bits<'_>, parameter: u32) -> Result<u32, Damage> {
    let mut zeros = 0;
    loop {
        bits.refill();
        let here = bits.peek().leading_zeros();
        if here < MOST {
            bits.take(here + 1);
            zeros += here;
            break;
        }
        bits.take(MOST);
        zeros += MOST;
        if bits.rest() < 0 {
            return Err(Damage::End);
        }
    }
    let lower = bits.read(parameter);
    // Whatever is wrong with a frame: a residual has no more than 32 bits.
    zeros.checked_mul(1 << parameter).map(|upper| upper | lower).ok_or(Damage::Residual)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bits, written as text.
    fn bytes(text: &str) -> Vec<u8> {
        let mut bits: Vec<u8> = text.bytes().filter(|letter| *letter != b' ').map(|letter| letter - b'0').collect();
        bits.resize(bits.len().next_multiple_of(8), 0);
        bits.chunks(8).map(|byte| byte.iter().fold(0, |byte, bit| byte << 1 | bit)).collect()
    }

    fn read_text(text: &str, order: usize, count: usize) -> Result<Vec<i32>, Damage> {
        let bytes = bytes(text);
        let mut samples = vec![9; count];
        read(&mut Bits::new(&bytes, 0, 8 * bytes.len()), order, &mut samples).map(|()| samples)
    }

    #[test]
    fn codes_of_all_lengths() {
        for parameter in [0, 1, 7, 14, 29] {
            for zeros in [0, 1, 5, 30, 54, 55, 56, 57, 62, 63, 64, 120, 3000] {
                let Some(upper) = u32::checked_mul(zeros, 1 << parameter) else { continue };
                let lower = 0x1234_5678 & ((1 << parameter) - 1);
                let code = format!("{:0>1$}", "", zeros as usize) + "1";
                let lower_bits = if parameter == 0 {
                    String::new()
                } else {
                    format!("{lower:0width$b}", width = parameter as usize)
                };
                let text = format!("01 0000 {parameter:05b} {code}{lower_bits} 1{:0>1$}", "", parameter as usize);
                let code = upper | lower;
                let expected = (code >> 1) as i32 ^ -((code & 1) as i32);
                assert_eq!(read_text(&text, 0, 2), Ok(vec![expected, 0]), "{parameter}, {zeros}");
            }
        }
    }

    #[test]
    fn partitions_have_parameters_of_their_own() {
        // Two of two samples, the first of which is no residual; then one whose numbers are written out.
        assert_eq!(read_text("00 0001 0000 001 0010 101 0110", 1, 4), Ok(vec![9, 1, -1, 3]));
        assert_eq!(read_text("00 0000 1111 00011 101 011", 0, 2), Ok(vec![-3, 3]));
        assert_eq!(read_text("00 0000 1111 00000", 0, 2), Ok(vec![0, 0]));
    }

    #[test]
    fn what_can_not_be_is_damage() {
        assert_eq!(read_text("10 0000", 0, 2), Err(Damage::Reserved));
        assert_eq!(read_text("00 0001", 0, 3), Err(Damage::Partitions));
        assert_eq!(read_text("00 0001", 2, 2), Err(Damage::Partitions));
        assert_eq!(read_text("00 0000 0000 0000", 0, 2), Err(Damage::End));
        assert_eq!(read_text("01 0000 11110 0000", 0, 2), Err(Damage::End));
        assert_eq!(read_text(&format!("01 0000 11110 {:0>100}", "1"), 0, 1), Err(Damage::Residual));
    }
}
