//! Joint stereo (ISO/IEC 11172-3, 2.4.3.4.9, and 13818-3, 2.4.3.2): middle and side, or one channel and where it stands.

use std::f32::consts::FRAC_1_SQRT_2;
use std::sync::LazyLock;

use super::head::{Head, Version};
use super::scale::Scales;
use super::side::Part;
use super::spectrum::Spectrum;

/// The amplitudes left and right of what stands at an intensity position.
type Sides = [f32; 2];

/// Makes left and right of what two channels hold. `right` and `scales` say how the second is coded.
pub(crate) fn join(spectra: &mut [Spectrum; 2], right: &Part, scales: &Scales, head: &Head) {
    let end = spectra[0].end.max(spectra[1].end);
    if head.has_intensity() {
        join_bands(spectra, right, scales, head);
    } else if head.has_mid_side() {
        join_mid_side(spectra, 0, end);
    } else {
        return;
    }
    spectra.iter_mut().for_each(|spectrum| spectrum.end = end);
}

/// From above: as long as the second channel has nothing, the first stands where the scale factors of the second say.
fn join_bands(spectra: &mut [Spectrum; 2], right: &Part, scales: &Scales, head: &Head) {
    let layout = right.layout(head);
    let bands = layout.edges.len() - 1;
    let windows = if layout.long < bands { 3 } else { 1 };
    let mut has_values = [false; 3];
    for (number, (start, end, window)) in layout.bands().enumerate().rev() {
        let is_coded = |from: usize, to: usize| spectra[1].values[from..to].iter().any(|value| *value != 0.0);
        let has_values = match window {
            Some(window) => {
                has_values[window] |= is_coded(start, end);
                has_values[window]
            }
            None => {
                has_values = [is_coded(start, end) || has_values != [false; 3]; 3];
                has_values[0]
            }
        };
        let position = if has_values {
            None
        } else if number + windows < bands {
            scales.position(number)
        } else {
            // The last band has no scale factor. It stands where the one before does, or else in the middle: test
            // streams of MPEG-2 have it so, and the standard does not say it.
            let before = number - windows;
            let is_single = is_coded(layout.edges[before], layout.edges[before + 1]);
            if is_single { Some(middle(head)) } else { scales.position(before) }
        };
        match position {
            Some(position) => {
                let sides = SIDES.of(position, right, head);
                let [left, right] = spectra.each_mut().map(|spectrum| &mut spectrum.values[start..end]);
                for (left, right) in left.iter_mut().zip(right) {
                    [*left, *right] = sides.map(|side| side * *left);
                }
            }
            None if head.has_mid_side() => join_mid_side(spectra, start, end),
            None => {}
        }
    }
}

fn join_mid_side(spectra: &mut [Spectrum; 2], start: usize, end: usize) {
    let [left, right] = spectra.each_mut().map(|spectrum| &mut spectrum.values[start..end]);
    for (left, right) in left.iter_mut().zip(right) {
        let [middle, side] = [*left, *right];
        *left = (middle + side) * FRAC_1_SQRT_2;
        *right = (middle - side) * FRAC_1_SQRT_2;
    }
}

/// The position that is as loud left as right.
fn middle(head: &Head) -> usize {
    if head.version == Version::One { 3 } else { 0 }
}

static SIDES: LazyLock<Positions> = LazyLock::new(Positions::new);

struct Positions {
    one: [Sides; 7],
    /// For steps of a quarter and of half a power of two.
    two: [[Sides; 32]; 2],
}

impl Positions {
    fn of(&self, position: usize, right: &Part, head: &Head) -> Sides {
        match head.version {
            Version::One => self.one[position],
            _ => self.two[usize::from(right.scale_lengths & 1)][position],
        }
    }

    fn new() -> Self {
        // By sine and cosine, which unlike a tangent are never infinite.
        let one = std::array::from_fn(|position| {
            let (left, right) = (std::f64::consts::PI / 12.0 * position as f64).sin_cos();
            [left, right].map(|side| (side / (left + right)) as f32)
        });
        let two = [0.25, 0.5].map(|step| {
            std::array::from_fn(|position| {
                let less = 2f64.powf(-step * position.div_ceil(2) as f64) as f32;
                if position % 2 == 1 { [less, 1.0] } else { [1.0, less] }
            })
        });
        Self { one, two }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame of MPEG-2 or MPEG-1 with intensity alone, whose right channel has a value at one place.
    fn joined(version: u8, right_value: usize, factors: &[(usize, u8)]) -> [Spectrum; 2] {
        let head = Head::read(&[0xff, 0xe3 | version << 3, 0x90, 0x50]).expect("it is a head");
        let mut spectra: [Spectrum; 2] = Default::default();
        spectra[0].values = [1.0; 576];
        spectra[1].values[right_value] = 0.5;
        spectra[0].end = 576;
        spectra[1].end = right_value + 1;
        let mut scales = Scales::default();
        factors.iter().for_each(|(band, factor)| scales.factors[*band] = *factor);
        join(&mut spectra, &Part::default(), &scales, &head);
        spectra
    }

    #[test]
    fn the_last_band_stands_where_the_one_before_it_does_or_in_the_middle() {
        // Of MPEG-1 at 44.1 kHz band 20 begins at value 342, and band 21 at 418.
        let check = |spectra: &[Spectrum; 2], expected: &[(usize, Sides)]| {
            for (value, sides) in expected {
                for (spectrum, side) in spectra.iter().zip(sides) {
                    assert!(
                        (spectrum.values[*value] - side).abs() < 1e-6,
                        "{value}: {}, not {side}",
                        spectrum.values[*value]
                    );
                }
            }
        };
        let left = [1.0, 0.0];
        let sides = [0.366_025_4, 0.633_974_6];
        let low = joined(3, 100, &[(20, 2), (19, 6)]);
        check(&low, &[(90, left), (340, left), (342, sides), (417, sides), (418, sides), (575, sides)]);
        check(&joined(3, 342, &[(20, 2)]), &[(343, left), (418, [0.5; 2]), (575, [0.5; 2])]);
        // Of MPEG-2 at 22.05 kHz band 20 begins at 464, and band 21 at 522.
        check(&joined(2, 464, &[(20, 2)]), &[(465, left), (522, [1.0; 2])]);
        check(&joined(2, 463, &[(20, 3)]), &[(465, [0.707_106_77, 1.0]), (522, [0.707_106_77, 1.0])]);
    }
}
