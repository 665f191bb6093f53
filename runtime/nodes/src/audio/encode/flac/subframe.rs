//! A channel of a block (RFC 9639, 9.2): constant, predicted by a polynomial or by linear prediction, or as it is, what
//! takes the fewest bits.

use super::bits::BitWriter;
use super::rice::{Partitions, cheapest};
use super::{fixed, lpc};

/// Encodes channels. It keeps its memory from one to the next.
#[derive(Default)]
pub(super) struct SubframeEncoder {
    analysis: lpc::Analysis,
    /// The samples without the zeros that all of them end in.
    shortened: Vec<i32>,
    linear: Vec<i32>,
    polynomial: Vec<i32>,
}

impl SubframeEncoder {
    /// Writes a channel of samples of so many bits, at most 25.
    pub(super) fn encode(&mut self, samples: &[i32], bits: u32, out: &mut BitWriter) {
        let Some(&first) = samples.first() else { return };
        if samples.iter().all(|sample| *sample == first) {
            write_header(0, 0, out);
            return out.put_signed(first, bits);
        }
        let wasted = samples.iter().fold(0, |all, sample| all | sample).trailing_zeros();
        let bits = bits - wasted;
        let samples = if wasted == 0 {
            samples
        } else {
            self.shortened.clear();
            self.shortened.extend(samples.iter().map(|sample| sample >> wasted));
            &self.shortened
        };
        // The 5 bits of a parameter are worth it where residuals can be that large.
        let wide = bits > 16;
        let verbatim = samples.len() as u64 * u64::from(bits);
        let (mut fewest, mut undivided) = (verbatim, verbatim);
        let mut choice = Choice::Verbatim;
        if samples.len() > lpc::MOST
            && let Some(predictor) = self.analysis.predictor(samples, bits)
            && self.analysis.predict(&predictor, &mut self.linear)
        {
            let partitions = Partitions::of(&self.linear, predictor.order, wide);
            let each = u64::from(bits + predictor.precision);
            let overhead = 9 + predictor.order as u64 * each;
            undivided = undivided.min(partitions.undivided + overhead);
            if partitions.bits + overhead < fewest {
                fewest = partitions.bits + overhead;
                choice = Choice::Linear(predictor, partitions);
            }
        }
        if samples.len() > fixed::MOST {
            let (order, sum) = fixed::best_order(samples);
            let overhead = order as u64 * u64::from(bits);
            // Where it is far behind with one parameter for the block, it stays behind with more of them.
            if cheapest(2 * sum, samples.len() as u64, 30).1 + overhead < undivided + undivided / 16 {
                fixed::predict(samples, order, &mut self.polynomial);
                let partitions = Partitions::of(&self.polynomial, order, wide);
                if partitions.bits + overhead < fewest {
                    fewest = partitions.bits + overhead;
                    choice = Choice::Polynomial(order, partitions);
                }
            }
        }
        // Codes can take half a bit more than it seems.
        if fewest + samples.len() as u64 / 2 >= verbatim {
            let exact = match &choice {
                Choice::Verbatim => 0,
                Choice::Polynomial(order, partitions) => {
                    partitions.exact_bits(&self.polynomial, *order) + fewest - partitions.bits
                }
                Choice::Linear(predictor, partitions) => {
                    partitions.exact_bits(&self.linear, predictor.order) + fewest - partitions.bits
                }
            };
            if exact >= verbatim {
                choice = Choice::Verbatim;
            }
        }
        choice.write(samples, bits, wasted, &self.linear, &self.polynomial, out);
    }
}

enum Choice {
    Verbatim,
    Polynomial(usize, Partitions),
    Linear(lpc::Predictor, Partitions),
}

impl Choice {
    fn write(&self, samples: &[i32], bits: u32, wasted: u32, linear: &[i32], polynomial: &[i32], out: &mut BitWriter) {
        match self {
            Choice::Verbatim => {
                write_header(1, wasted, out);
                samples.iter().for_each(|sample| out.put_signed(*sample, bits));
            }
            Choice::Polynomial(order, partitions) => {
                write_header(8 + *order as u32, wasted, out);
                samples[..*order].iter().for_each(|sample| out.put_signed(*sample, bits));
                partitions.write(polynomial, *order, out);
            }
            Choice::Linear(predictor, partitions) => {
                let order = predictor.order;
                write_header(32 + order as u32 - 1, wasted, out);
                samples[..order].iter().for_each(|sample| out.put_signed(*sample, bits));
                out.put(predictor.precision - 1, 4);
                out.put(predictor.shift, 5);
                let coefficients = &predictor.coefficients[..order];
                coefficients.iter().for_each(|coefficient| out.put_signed(*coefficient, predictor.precision));
                partitions.write(linear, order, out);
            }
        }
    }
}

fn write_header(kind: u32, wasted: u32, out: &mut BitWriter) {
    out.put(kind << 1 | u32::from(wasted > 0), 8);
    if wasted > 0 {
        out.put_unary(wasted - 1);
    }
}
