//! The spectrum of a granule of one channel: from coded values to amplitudes in the places that the filter bank has for
//! them (ISO/IEC 11172-3, 2.4.3.4.7 and 2.4.3.4.8).

use std::sync::LazyLock;

use super::bands::Layout;
use super::block::SIZE;
use super::head::Head;
use super::hybrid::{ROWS, Rows};
use super::scale::Scales;
use super::side::Part;

/// The power of 4/3 of each value that can be coded: 15 and 13 bits beside it.
pub(crate) static POWERS: LazyLock<Vec<f32>> =
    LazyLock::new(|| (0..15 + (1 << 13)).map(|value| (f64::from(value) * f64::from(value).cbrt()) as f32).collect());

/// What high bands have more (table B.6).
const EMPHASIS: [u8; 22] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 3, 2, 0];

/// The values of a granule in the order in which they are coded.
pub(crate) struct Spectrum {
    pub(crate) values: [f32; SIZE],
    /// From here on all values are 0.
    pub(crate) end: usize,
}

impl Default for Spectrum {
    fn default() -> Self {
        Self { values: [0.0; SIZE], end: 0 }
    }
}

impl Spectrum {
    /// Makes it silence.
    pub(crate) fn clear(&mut self) {
        self.values.fill(0.0);
        self.end = 0;
    }

    /// Gives the values of each band their amplitude.
    pub(crate) fn scale(&mut self, part: &Part, scales: &Scales, head: &Head) {
        // In steps of a quarter of a power of two.
        let gain = i32::from(part.gain) - 210;
        let shift = if part.is_coarse { 2 } else { 1 };
        for (number, (start, end, window)) in part.layout(head).bands().enumerate() {
            if start >= self.end {
                break;
            }
            let factor = i32::from(scales.factors[number]);
            let steps = match window {
                Some(window) => gain - 8 * i32::from(part.window_gains[window]) - (factor << shift),
                None => {
                    let emphasis = if scales.is_emphasized { i32::from(EMPHASIS[number]) } else { 0 };
                    gain - ((factor + emphasis) << shift)
                }
            };
            let amplitude = quarter_power(steps);
            self.values[start..end.min(self.end)].iter_mut().for_each(|value| *value *= amplitude);
        }
    }

    /// Lays the values out as the filter bank takes them. From the subband on that is answered all are 0.
    pub(crate) fn lay_out(&self, layout: &Layout, rows: &mut Rows) -> usize {
        let flat = rows.as_flattened_mut();
        flat.fill(0.0);
        let coded = &self.values[..self.end];
        for (value, place) in coded.iter().zip(&layout.places) {
            flat[usize::from(*place)] = *value;
        }
        layout.end_of_band(self.end).div_ceil(ROWS)
    }
}

/// Two to the power of a number of quarters.
fn quarter_power(quarters: i32) -> f32 {
    const QUARTERS: [f32; 4] = [1.0, 1.189_207_1, std::f32::consts::SQRT_2, 1.681_792_8];
    let exponent = quarters >> 2;
    QUARTERS[(quarters & 3) as usize] * f32::from_bits(((exponent + 127) as u32) << 23)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::Block;
    use crate::hybrid::SILENT;

    #[test]
    fn nothing_lies_beyond_the_subband_that_values_reach() {
        let blocks = [(Block::Long, false), (Block::Short, false), (Block::Short, true)];
        let mut rows = SILENT;
        for (version, rate) in [3u8, 2, 0].into_iter().flat_map(|version| (0..3u8).map(move |rate| (version, rate))) {
            let head = Head::read(&[0xff, 0xe3 | version << 3, rate << 2, 0]).expect("it is a head");
            for (block, is_mixed) in blocks {
                let layout = Part { block, is_mixed, ..Part::default() }.layout(&head);
                for end in 0..=SIZE {
                    let mut spectrum = Spectrum::default();
                    spectrum.values[..end].fill(1.0);
                    spectrum.end = end;
                    let reach = spectrum.lay_out(layout, &mut rows);
                    let laid = rows.as_flattened().iter().filter(|value| **value != 0.0).count();
                    assert_eq!(laid, end);
                    assert!(rows.iter().all(|row| row[reach..].iter().all(|value| *value == 0.0)), "{head:?}, {end}");
                }
            }
        }
    }

    #[test]
    fn amplitudes_are_powers_of_two() {
        for quarters in -400..=46 {
            let expected = 2f64.powf(f64::from(quarters) / 4.0) as f32;
            assert_eq!(quarter_power(quarters), expected, "{quarters}");
        }
    }
}
