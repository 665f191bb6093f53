//! Which sections make a filter: Butterworth's of any order, the cookbook's, and one that takes an offset away. It
//! knows nothing of samples.
//!
//! Sources: Butterworth filters as in Oppenheim and Schafer, "Discrete-Time Signal Processing", by the bilinear transform
//! with prewarped frequencies; R. Bristow-Johnson, "Cookbook formulae for audio EQ biquad filter coefficients", as the
//! analog filters that they transform.

use std::f64::consts::PI;

use super::state_variable::Section;

/// The kinds of the cookbook that need no more than a frequency, a quality and a gain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Lowpass,
    Highpass,
    /// With a gain of 1 at its centre.
    Bandpass,
    Notch,
    Allpass,
    Peaking,
    LowShelf,
    HighShelf,
}

/// Where a Butterworth filter passes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Band {
    Below(Frequency),
    Above(Frequency),
    Between(Frequency, Frequency),
}

/// A frequency in Hz, more than 0 and less than half the rate of the sound.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Frequency {
    pub(crate) hz: f64,
    pub(crate) rate: f64,
}

impl Frequency {
    /// As a part of the rate.
    fn part(self) -> f64 {
        self.hz / self.rate
    }

    /// What is left up to half the rate, as a part of it. The difference is exact where it is small, which a sum of parts
    /// would not be.
    fn to_half(self) -> f64 {
        (self.rate / 2.0 - self.hz) / self.rate
    }

    /// The frequency of the analog filter, which the bilinear transform bends to this one.
    fn warped(self) -> f64 {
        if self.part() <= 0.25 { (PI * self.part()).tan() } else { 1.0 / (PI * self.to_half()).tan() }
    }

    /// The sine of the angle that one frame turns.
    fn sin(self) -> f64 {
        (2.0 * PI * self.part().min(self.to_half())).sin()
    }
}

/// A section of the cookbook.
pub(crate) fn cookbook(shape: Shape, frequency: Frequency, q: f64, gain_db: f64) -> Section {
    let (w, k) = (frequency.warped(), 1.0 / q);
    let a = 10f64.powf(gain_db / 40.0);
    match shape {
        Shape::Lowpass => Section::second_order(w, k, [1.0, 0.0, 0.0]),
        Shape::Highpass => Section::second_order(w, k, [0.0, 0.0, 1.0]),
        Shape::Bandpass => Section::second_order(w, k, [0.0, k, 0.0]),
        Shape::Notch => Section::second_order(w, k, [1.0, 0.0, 1.0]),
        Shape::Allpass => Section::second_order(w, k, [1.0, -k, 1.0]),
        Shape::Peaking => Section::second_order(w, k / a, [1.0, k * a, 1.0]),
        // The poles of a shelf lie beside its frequency.
        Shape::LowShelf => Section::second_order(w / a.sqrt(), k, [a * a, a * k, 1.0]),
        Shape::HighShelf => Section::second_order(w * a.sqrt(), k, [1.0, a * k, a * a]),
    }
}

/// Takes away what does not change: a zero at 0 Hz and the pole `exp(-2 pi hz / rate)`, which makes -3 dB there as long
/// as the frequency is low; the gain is 1 at half the rate.
pub(crate) fn dc_block(frequency: Frequency) -> Section {
    Section::first_order((PI * frequency.part()).tanh(), [0.0, 1.0])
}

/// The sections of a Butterworth filter of this order; a band-pass has twice as many poles. The gain is 1 at 0 Hz, at half
/// the rate, or at the centre of the band. Those that resonate most come last, so that no section sees what a resonance
/// before it has made large.
pub(crate) fn butterworth(band: Band, order: usize) -> Vec<Section> {
    let mut sections = Vec::new();
    match band {
        Band::Below(_) | Band::Above(_) if order.is_multiple_of(2) => {}
        Band::Below(cut) => sections.push(Section::first_order(cut.warped(), [1.0, 0.0])),
        Band::Above(cut) => sections.push(Section::first_order(cut.warped(), [0.0, 1.0])),
        Band::Between(low, high) => return band_pass(low, high, order),
    }
    let damping = |pair: usize| 2.0 * angle(pair, order).sin();
    sections.extend((0..order / 2).rev().map(|pair| match band {
        Band::Above(cut) => Section::second_order(cut.warped(), damping(pair), [0.0, 0.0, 1.0]),
        Band::Below(cut) | Band::Between(cut, _) => Section::second_order(cut.warped(), damping(pair), [1.0, 0.0, 0.0]),
    }));
    sections
}

/// How far the pole of a pair of the prototype is turned from the imaginary axis.
fn angle(pair: usize, order: usize) -> f64 {
    PI * (2 * pair + 1) as f64 / (2 * order) as f64
}

/// Each pair of poles of the prototype becomes one below the centre of the band and one above it, of one damping. A zero
/// belongs to the poles that are nearest to it: those at 0 Hz to the lower ones, which makes high-passes of them, those at
/// half the rate to the upper ones. Any other choice gives wide bands sections that raise what others lower.
fn band_pass(low: Frequency, high: Frequency, order: usize) -> Vec<Section> {
    let center = low.warped().sqrt() * high.warped().sqrt();
    // The width of the band as a part of its centre, for the analog filter, without a difference of tangents.
    let distance = (high.hz - low.hz) / low.rate;
    let width = 2.0 * (PI * distance).sin() / (low.sin().sqrt() * high.sin().sqrt());
    let mut sections = Vec::new();
    if order % 2 == 1 {
        let half = width / 2.0;
        if half < 1.0 {
            sections.push(Section::second_order(center, width, [0.0, width, 0.0]));
        } else {
            let ratio = half + ((half - 1.0) * (half + 1.0)).sqrt();
            sections.push(Section::first_order(center / ratio, [0.0, 1.0]));
            sections.push(Section::first_order(center * ratio, [width / ratio, 0.0]));
        }
    }
    for pair in (0..order / 2).rev() {
        let (ratio, damping) = split(angle(pair, order), width);
        let gain = width / ratio;
        sections.push(Section::second_order(center / ratio, damping, [0.0, 0.0, gain]));
        sections.push(Section::second_order(center * ratio, damping, [gain, 0.0, 0.0]));
    }
    sections
}

/// What the transform to a band of this width makes of the pole `-sin + i cos` of the prototype: how far the new poles lie
/// from the centre, as a ratio, and their damping. They solve `s + 1/s = width * pole`.
fn split(angle: f64, width: f64) -> (f64, f64) {
    let (re, im) = (-angle.sin() * width / 2.0, angle.cos() * width / 2.0);
    // The root of the discriminant, by the half of it that does not cancel; the signs are those of the larger solution.
    let (square_re, square_im) = ((re - im) * (re + im) - 1.0, 2.0 * re * im);
    let larger = ((square_re.hypot(square_im) + square_re.abs()) / 2.0).sqrt();
    let smaller = square_im.abs() / (2.0 * larger);
    let (root_re, root_im) = if square_re >= 0.0 { (larger, smaller) } else { (smaller, larger) };
    let (re, im) = (re - root_re, im + root_im);
    let ratio = re.hypot(im);
    (ratio, -2.0 * re / ratio)
}
