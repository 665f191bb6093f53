//! The residual of a subframe in Rice codes (RFC 9639, 9.2.7): the block in equal parts, each with the parameter that
//! suits it.

use super::bits::BitWriter;

/// A block has at most 2 to this many parts.
const FINEST: u32 = 6;

/// How a residual is to be written.
#[derive(Default)]
pub(super) struct Partitions {
    /// The block has 2 to this many parts.
    order: u32,
    parameters: Vec<u32>,
    /// The bits that a parameter takes: 4, or 5 where one is above 14.
    width: u32,
    /// What all takes, nearly.
    pub(super) bits: u64,
    /// The same with one parameter for all of the block.
    pub(super) undivided: u64,
}

impl Partitions {
    /// The cheapest division for the residual of a block, whose first `order` samples are predicted by nothing and left out.
    pub(super) fn of(residual: &[i32], order: usize, wide: bool) -> Self {
        let len = residual.len();
        let (width, largest) = if wide { (5u32, 30) } else { (4, 14) };
        // Parts are equal, and the first is longer than what it leaves out.
        let finest =
            (0..=FINEST).rev().find(|&parts| len.is_multiple_of(1 << parts) && len >> parts > order).unwrap_or(0);
        let mut sums: Vec<u64> = residual
            .chunks_exact(len >> finest)
            .enumerate()
            .map(|(part, residual)| sum_of_folded(&residual[if part == 0 { order } else { 0 }..]))
            .collect();
        let mut best = Self { bits: u64::MAX, ..Self::default() };
        let mut parameters = Vec::with_capacity(sums.len());
        for parts in (0..=finest).rev() {
            parameters.clear();
            let mut bits = 6;
            for (part, sum) in sums.iter().enumerate() {
                let count = (len >> parts) - if part == 0 { order } else { 0 };
                let (parameter, cost) = cheapest(*sum, count as u64, largest);
                parameters.push(parameter);
                bits += u64::from(width) + cost;
            }
            best.undivided = bits;
            if bits < best.bits {
                best.order = parts;
                best.bits = bits;
                best.parameters.clone_from(&parameters);
            }
            sums = sums.chunks_exact(2).map(|pair| pair[0] + pair[1]).collect();
        }
        let needs_five = best.parameters.iter().any(|&parameter| parameter > 14);
        best.width = if needs_five { 5 } else { 4 };
        best
    }

    /// The bits that all takes.
    pub(super) fn exact_bits(&self, residual: &[i32], order: usize) -> u64 {
        let mut bits = 6;
        self.each(residual, order, |parameter, part| {
            bits += u64::from(self.width) + part.len() as u64 * u64::from(parameter + 1);
            bits += part.iter().map(|&value| u64::from(folded(value) >> parameter)).sum::<u64>();
        });
        bits
    }

    pub(super) fn write(&self, residual: &[i32], order: usize, out: &mut BitWriter) {
        out.put(self.width - 4, 2);
        out.put(self.order, 4);
        self.each(residual, order, |parameter, part| {
            out.put(parameter, self.width);
            part.iter().for_each(|&value| out.put_rice(folded(value), parameter));
        });
    }

    fn each(&self, residual: &[i32], order: usize, mut take: impl FnMut(u32, &[i32])) {
        let parts = residual.chunks_exact(residual.len() >> self.order);
        for (index, (part, &parameter)) in parts.zip(&self.parameters).enumerate() {
            take(parameter, &part[if index == 0 { order } else { 0 }..]);
        }
    }
}

/// The parameter with the shortest codes for so many numbers of this sum, and how many bits they take, nearly.
pub(super) fn cheapest(sum: u64, count: u64, largest: u32) -> (u32, u64) {
    // The lowest bits of a number are written as they are; of its share in the sum they are half of their range.
    let sum = sum + count / 2;
    let cost = |parameter: u32| count * u64::from(parameter) + count / 2 + (sum >> parameter);
    // The best one is within one of the logarithm of the mean.
    let near = (sum / count.max(1)).checked_ilog2().unwrap_or(0).min(largest);
    let candidates = near.saturating_sub(1)..=(near + 1).min(largest);
    candidates.map(|parameter| (parameter, cost(parameter))).min_by_key(|&(_, cost)| cost).unwrap_or_default()
}

/// Numbers near 0 to small ones: 0, -1, 1, -2, 2 become 0, 1, 2, 3, 4.
#[inline]
fn folded(value: i32) -> u32 {
    (value << 1 ^ value >> 31) as u32
}

fn sum_of_folded(residual: &[i32]) -> u64 {
    residual.iter().map(|&value| u64::from(folded(value))).sum()
}
