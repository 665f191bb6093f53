//! One channel of a frame (RFC 9639, 9.2).

use remotemedia_bits::Bits;

use super::channels::Number;
use super::{prediction, residual};

/// What is wrong with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Damage {
    Reserved,
    Width,
    Order,
    Shift,
    Partitions,
    Residual,
    End,
}

impl Damage {
    pub(super) fn text(self) -> &'static str {
        match self {
            Damage::Reserved => "a frame has codes that mean nothing",
            Damage::Width => "the samples of a frame have no bits",
            Damage::Order => "a frame has fewer samples than its prediction needs",
            Damage::Shift => "the prediction of a frame has a negative shift",
            Damage::Partitions => "the parts of a frame do not add up to it",
            Damage::Residual => "a frame has a number that is too large",
            Damage::End => "a frame ends too early",
        }
    }
}

/// Reads a channel whose samples have so many bits.
pub(super) fn read<T: Number>(bits: &mut Bits<'_>, width: u32, samples: &mut [T]) -> Result<(), Damage> {
    let kind = bits.read(7);
    let wasted = if bits.read(1) == 1 { unary(bits, width)? + 1 } else { 0 };
    let width = width.checked_sub(wasted).filter(|width| *width > 0).ok_or(Damage::Width)?;
    match kind {
        0 => samples.fill(T::of(bits.read_signed(width))),
        1 => read_plain(bits, width, samples),
        8..=12 => {
            let order = kind as usize - 8;
            read_plain(bits, width, samples.get_mut(..order).ok_or(Damage::Order)?);
            residual::read(bits, order, samples)?;
            prediction::fixed(order, samples);
        }
        32..=63 => {
            let order = kind as usize - 31;
            read_plain(bits, width, samples.get_mut(..order).ok_or(Damage::Order)?);
            let precision = bits.read(4) + 1;
            if precision > 15 {
                return Err(Damage::Reserved);
            }
            let shift = u32::try_from(bits.read_signed(5)).map_err(|_| Damage::Shift)?;
            let mut weights = [0; prediction::MOST];
            for weight in &mut weights[..order] {
                *weight = bits.read_signed(precision) as i32;
            }
            residual::read(bits, order, samples)?;
            prediction::linear(&weights[..order], shift, samples);
        }
        _ => return Err(Damage::Reserved),
    }
    if bits.rest() < 0 {
        return Err(Damage::End);
    }
    if wasted > 0 {
        for sample in samples {
            *sample = sample.times_two_to(wasted);
        }
    }
    Ok(())
}

fn read_plain<T: Number>(bits: &mut Bits<'_>, width: u32, samples: &mut [T]) {
    for sample in samples {
        *sample = T::of(bits.read_signed(width));
    }
}

/// How many zeros come before a one, fewer than `limit`.
fn unary(bits: &mut Bits<'_>, limit: u32) -> Result<u32, Damage> {
    bits.refill();
    let zeros = bits.peek().leading_zeros();
    if zeros >= limit {
        return Err(Damage::Width);
    }
    bits.take(zeros + 1);
    Ok(zeros)
}
