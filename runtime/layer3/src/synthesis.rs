//! The polyphase filter bank (ISO/IEC 11172-3, 2.4.3.2.2): from a sample of each of 32 subbands to 32 samples of sound,
//! 18 times in a granule.
//!
//! The standard asks for 64 sums over the subbands, of which 32 differ: `c(n) = sum of S(k) cos(pi / 64 n (2k + 1))`.
//! Even ones are sums over `S(k) + S(31 - k)`, odd ones over `S(k) - S(31 - k)`, so all that follows is done for even and
//! for odd samples apart, as lanes of vectors.

use std::f64::consts::PI;
use std::sync::LazyLock;

use remotemedia_vectors::{Kernel, LANES as WIDTH, Line, Simd};

use super::block::SIZE;
use super::hybrid::{LANES, Overlap, ROWS, Rows, transform};
use super::side::Part;
use super::window::window;

// Even samples, or odd ones, of a slot are a line.
const _: () = assert!(2 * WIDTH == LANES);

/// What later slots need of one: the standard's `V` at 0 to 31, then at 32 to 63, both even and odd, without its signs.
type Slot = [Line; 4];

/// A slot needs those before it.
const BEFORE: usize = 15;

/// The slots of a granule behind those that it needs.
pub(crate) struct Filter([Slot; BEFORE + ROWS]);

impl Default for Filter {
    fn default() -> Self {
        Self([[Line::default(); 4]; BEFORE + ROWS])
    }
}

/// A granule of a channel on its way from amplitudes to sound.
pub(crate) struct Granule<'a> {
    pub(crate) rows: &'a mut Rows,
    /// From this subband on all amplitudes are 0.
    pub(crate) reach: usize,
    pub(crate) part: &'a Part,
    pub(crate) overlap: &'a mut Overlap,
    pub(crate) filter: &'a mut Filter,
    pub(crate) out: &'a mut [f32; SIZE],
}

impl Kernel for Granule<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        transform::<S>(self.rows, self.reach, self.part, self.overlap);
        let tables: &Tables = &TABLES;
        let Filter(slots) = self.filter;
        slots.copy_within(ROWS.., 0);
        const AT_ONCE: usize = 3;
        let rows = self.rows.as_chunks::<AT_ONCE>().0;
        for (rows, slots) in rows.iter().zip(slots[BEFORE..].as_chunks_mut::<AT_ONCE>().0) {
            fill::<S, AT_ONCE>(rows, slots, tables);
        }
        for (slots, out) in slots.windows(BEFORE + 1).zip(self.out.as_chunks_mut::<LANES>().0) {
            weigh::<S>(slots, out, tables);
        }
    }
}

/// Makes slots of the samples of all subbands.
#[inline(always)]
fn fill<S: Simd, const SLOTS: usize>(rows: &[[f32; LANES]; SLOTS], slots: &mut [Slot; SLOTS], tables: &Tables) {
    let mut sums = [[Line::default(); 2]; SLOTS];
    for (band, [even, odd]) in tables.cosines.iter().enumerate() {
        for ([even_sums, odd_sums], row) in sums.iter_mut().zip(rows) {
            let [low, high] = [row[band], row[LANES - 1 - band]];
            even_sums.add_product::<S>(even, low + high);
            odd_sums.add_product::<S>(odd, low - high);
        }
    }
    // `V(i)` is `c(16 + i)`, where `c(64 - n)` is `-c(n)`, `c(32)` is 0 and `c(64 + n)` is `-c(n)`.
    for (slot, [Line(even), Line(odd)]) in slots.iter_mut().zip(sums) {
        let low_even = std::array::from_fn(|at| match at {
            0..8 => even[8 + at],
            8 => 0.0,
            _ => even[24 - at],
        });
        let low_odd = std::array::from_fn(|at| if at < 8 { odd[8 + at] } else { odd[23 - at] });
        let high_even = std::array::from_fn(|at| if at <= 8 { even[8 - at] } else { even[at - 8] });
        let high_odd = std::array::from_fn(|at| if at < 8 { odd[7 - at] } else { odd[at - 8] });
        *slot = [low_even, low_odd, high_even, high_odd].map(Line);
    }
}

/// The samples of the last of these slots.
#[inline(always)]
fn weigh<S: Simd>(slots: &[Slot], out: &mut [f32; LANES], tables: &Tables) {
    let mut even = Line::default();
    let mut odd = Line::default();
    for (pair, weights) in slots.rchunks_exact(2).zip(&tables.weights) {
        let [earlier, later] = pair else { continue };
        even.add_products::<S>(&later[0], &weights[0]);
        odd.add_products::<S>(&later[1], &weights[1]);
        even.add_products::<S>(&earlier[2], &weights[2]);
        odd.add_products::<S>(&earlier[3], &weights[3]);
    }
    for (pair, (even, odd)) in out.as_chunks_mut::<2>().0.iter_mut().zip(even.0.iter().zip(&odd.0)) {
        *pair = [*even, *odd];
    }
}

static TABLES: LazyLock<Tables> = LazyLock::new(Tables::new);

struct Tables {
    /// For each of the lower subbands the cosines of the even sums and of the odd ones.
    cosines: [[Line; 2]; WIDTH],
    /// The window for two slots, for what [`Slot`] has, with the signs of `V`.
    weights: [Slot; 8],
}

impl Tables {
    fn new() -> Self {
        let cosine = |sum: usize, band: usize| (PI / 64.0 * (sum * (2 * band + 1)) as f64).cos() as f32;
        let window = window();
        let signed = |at: usize, is_positive: bool| if is_positive { window[at] } else { -window[at] };
        Self {
            cosines: std::array::from_fn(|band| {
                [0, 1].map(|odd| Line(std::array::from_fn(|lane| cosine(2 * lane + odd, band))))
            }),
            weights: std::array::from_fn(|pair| {
                [(0, 0), (0, 1), (32, 0), (32, 1)].map(|(half, odd)| {
                    Line(std::array::from_fn(|lane| {
                        let at = 2 * lane + odd;
                        signed(64 * pair + half + at, half == 0 && at <= 16)
                    }))
                })
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use remotemedia_vectors::Exact;

    use super::*;
    use crate::block::Block;
    use crate::chance::Chance;
    use crate::hybrid::SILENT;

    /// The filter banks as the standard writes them down, in float64.
    struct Definition {
        overlap: [[f64; ROWS]; LANES],
        v: [f64; 1024],
    }

    impl Definition {
        fn run(&mut self, rows: &Rows, part: &Part) -> Vec<f64> {
            let mut bands = [[0.0; ROWS]; LANES];
            let mut values: Vec<[f64; ROWS]> = (0..LANES).map(|band| rows.map(|row| f64::from(row[band]))).collect();
            let boundaries = if part.block != Block::Short { LANES - 1 } else { usize::from(part.is_mixed) };
            for band in 0..boundaries {
                for (at, c) in
                    [-0.6, -0.535, -0.33, -0.185, -0.095, -0.041, -0.0142, -0.0037f64].into_iter().enumerate()
                {
                    let [low, high] = [values[band][ROWS - 1 - at], values[band + 1][at]];
                    let (cs, ca) = (1.0 / (1.0 + c * c).sqrt(), c / (1.0 + c * c).sqrt());
                    values[band][ROWS - 1 - at] = low * cs - high * ca;
                    values[band + 1][at] = high * cs + low * ca;
                }
            }
            for (band, values) in values.iter().enumerate() {
                let block = if part.is_mixed && band < 2 { Block::Long } else { part.block };
                let samples = windowed(values, block);
                for at in 0..ROWS {
                    let sum = samples[at] + self.overlap[band][at];
                    bands[band][at] = if band % 2 == 1 && at % 2 == 1 { -sum } else { sum };
                }
                self.overlap[band].copy_from_slice(&samples[ROWS..]);
            }
            (0..ROWS).flat_map(|slot| self.slot(&bands.map(|band| band[slot]))).collect()
        }

        fn slot(&mut self, samples: &[f64; LANES]) -> Vec<f64> {
            self.v.copy_within(..960, 64);
            for i in 0..64 {
                let cosine = |k: usize| (PI / 64.0 * ((16 + i) * (2 * k + 1)) as f64).cos();
                self.v[i] = samples.iter().enumerate().map(|(k, sample)| cosine(k) * sample).sum();
            }
            let window = window();
            let u = |at: usize| self.v[at / 64 * 128 + if at % 64 < 32 { at % 64 } else { 64 + at % 64 }];
            (0..32).map(|j| (0..16).map(|i| u(j + 32 * i) * f64::from(window[j + 32 * i])).sum()).collect()
        }
    }

    /// The 36 samples of a subband.
    fn windowed(values: &[f64; ROWS], block: Block) -> [f64; 36] {
        let transform = |values: &[f64], i: usize| -> f64 {
            let n = 2 * values.len();
            let cosine = |k: usize| (PI / (2 * n) as f64 * ((2 * i + 1 + n / 2) * (2 * k + 1)) as f64).cos();
            values.iter().enumerate().map(|(k, value)| value * cosine(k)).sum()
        };
        let sine = |i: usize, size: f64| (PI / size * (i as f64 + 0.5)).sin();
        let mut samples = [0.0; 36];
        if block == Block::Short {
            for window in 0..3 {
                let own: Vec<f64> = (0..6).map(|k| values[3 * k + window]).collect();
                (0..12).for_each(|i| samples[6 + 6 * window + i] += transform(&own, i) * sine(i, 12.0));
            }
            return samples;
        }
        for (i, sample) in samples.iter_mut().enumerate() {
            let window = match (block, i) {
                (Block::Start, 18..24) | (Block::Stop, 12..18) => 1.0,
                (Block::Start, 24..30) => sine(i - 18, 12.0),
                (Block::Stop, 6..12) => sine(i - 6, 12.0),
                (Block::Start, 30..) | (Block::Stop, ..6) => 0.0,
                _ => sine(i, 36.0),
            };
            *sample = window * transform(values, i);
        }
        samples
    }

    #[test]
    fn granules_sound_as_the_standard_defines_them_and_the_same_with_vectors_of_each_width() {
        let mut chance = Chance(1);
        let mut definition = Definition { overlap: [[0.0; ROWS]; LANES], v: [0.0; 1024] };
        let [mut wide, mut narrow] = [(); 2].map(|()| (Overlap::default(), Filter::default()));
        let blocks = [Block::Long, Block::Start, Block::Short, Block::Stop];
        for (number, reach) in [32, 5, 31, 16, 15, 17, 1, 0, 32, 2, 24].into_iter().cycle().take(88).enumerate() {
            let part = Part { block: blocks[number % 4], is_mixed: number % 8 > 3, ..Part::default() };
            let mut rows = SILENT;
            rows.iter_mut().for_each(|row| row[..reach].fill_with(|| chance.amplitude()));
            let expected = definition.run(&rows, &part);
            let mut outputs = [[0.0; SIZE]; 2];
            let run = |(overlap, filter): &mut (Overlap, Filter), out: &mut [f32; SIZE], is_wide: bool| {
                let granule = Granule { rows: &mut rows.clone(), reach, part: &part, overlap, filter, out };
                if is_wide { remotemedia_vectors::run_wide(granule) } else { granule.run::<Exact>() }
            };
            run(&mut wide, &mut outputs[0], true);
            run(&mut narrow, &mut outputs[1], false);
            assert!(outputs[0].map(f32::to_bits) == outputs[1].map(f32::to_bits), "{number}");
            for (at, (sample, expected)) in outputs[0].iter().zip(&expected).enumerate() {
                // The largest samples are about 20; each is a sum of some hundred products.
                assert!((f64::from(*sample) - expected).abs() < 2e-5, "{number}, {at}: {sample} for {expected}");
            }
        }
    }
}
