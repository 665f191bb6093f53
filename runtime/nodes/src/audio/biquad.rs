//! Second-order sections: their design, and their work on samples. It knows nothing of nodes.
//!
//! Sources: R. Bristow-Johnson, "Cookbook formulae for audio EQ biquad filter coefficients"; Butterworth filters as in
//! Oppenheim and Schafer, "Discrete-Time Signal Processing", by the bilinear transform with prewarped frequencies.

use std::f64::consts::PI;

/// `y = (b0 x + b1 x' + b2 x'') - (a1 y' + a2 y'')`, with a0 = 1. A section of first order has b2 = a2 = 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Section {
    pub(crate) b: [f64; 3],
    pub(crate) a: [f64; 2],
}

/// The memory of a section, in the transposed direct form II.
type State = [f64; 2];

/// Sections in series, and their memory for one channel.
#[derive(Clone, Debug)]
pub(crate) struct Cascade {
    sections: Vec<Section>,
    states: Vec<State>,
    /// Frames since the memory was last looked at.
    age: usize,
}

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

/// Where a Butterworth filter passes; frequencies as parts of the rate, below 0.5.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Band {
    Below(f64),
    Above(f64),
    Between(f64, f64),
}

/// A complex number, as far as the design of filters needs it.
#[derive(Clone, Copy, Debug)]
struct Complex {
    re: f64,
    im: f64,
}

impl Section {
    /// A section of the cookbook. `frequency` is a part of the rate.
    pub(crate) fn cookbook(shape: Shape, frequency: f64, q: f64, gain_db: f64) -> Self {
        let (sin, cos) = (2.0 * PI * frequency).sin_cos();
        let alpha = sin / (2.0 * q);
        let amplitude = 10f64.powf(gain_db / 40.0);
        let shelf = 2.0 * amplitude.sqrt() * alpha;
        let (up, down) = (amplitude + 1.0, amplitude - 1.0);
        let (b, a) = match shape {
            Shape::Lowpass => {
                ([(1.0 - cos) / 2.0, 1.0 - cos, (1.0 - cos) / 2.0], [1.0 + alpha, -2.0 * cos, 1.0 - alpha])
            }
            Shape::Highpass => {
                ([(1.0 + cos) / 2.0, -(1.0 + cos), (1.0 + cos) / 2.0], [1.0 + alpha, -2.0 * cos, 1.0 - alpha])
            }
            Shape::Bandpass => ([alpha, 0.0, -alpha], [1.0 + alpha, -2.0 * cos, 1.0 - alpha]),
            Shape::Notch => ([1.0, -2.0 * cos, 1.0], [1.0 + alpha, -2.0 * cos, 1.0 - alpha]),
            Shape::Allpass => ([1.0 - alpha, -2.0 * cos, 1.0 + alpha], [1.0 + alpha, -2.0 * cos, 1.0 - alpha]),
            Shape::Peaking => (
                [1.0 + alpha * amplitude, -2.0 * cos, 1.0 - alpha * amplitude],
                [1.0 + alpha / amplitude, -2.0 * cos, 1.0 - alpha / amplitude],
            ),
            Shape::LowShelf => (
                [
                    amplitude * (up - down * cos + shelf),
                    2.0 * amplitude * (down - up * cos),
                    amplitude * (up - down * cos - shelf),
                ],
                [up + down * cos + shelf, -2.0 * (down + up * cos), up + down * cos - shelf],
            ),
            Shape::HighShelf => (
                [
                    amplitude * (up + down * cos + shelf),
                    -2.0 * amplitude * (down + up * cos),
                    amplitude * (up + down * cos - shelf),
                ],
                [up - down * cos + shelf, 2.0 * (down - up * cos), up - down * cos - shelf],
            ),
        };
        Self { b: b.map(|value| value / a[0]), a: [a[1] / a[0], a[2] / a[0]] }
    }

    /// Takes away what does not change: a zero at 0 Hz and a pole that makes -3 dB at `frequency`, for low ones; the
    /// gain is 1 at half the rate.
    pub(crate) fn dc_block(frequency: f64) -> Self {
        let pole = (-2.0 * PI * frequency).exp();
        let gain = (1.0 + pole) / 2.0;
        Self { b: [gain, -gain, 0.0], a: [-pole, 0.0] }
    }

    /// The magnitude of its response at a frequency, a part of the rate.
    fn magnitude(&self, frequency: f64) -> f64 {
        let delay = Complex::from_polar(1.0, -2.0 * PI * frequency);
        let of = |c: [f64; 3]| Complex::real(c[0]).plus(delay.times(Complex::real(c[1]).plus(delay.scaled(c[2]))));
        of(self.b).magnitude() / of([1.0, self.a[0], self.a[1]]).magnitude()
    }

    fn scaled(self, gain: f64) -> Self {
        Self { b: self.b.map(|value| value * gain), ..self }
    }
}

/// The sections of a Butterworth filter of this order; a band-pass has twice as many poles. The gain is 1 at 0 Hz, at half
/// the rate, or at the centre of the band.
pub(crate) fn butterworth(band: Band, order: usize) -> Vec<Section> {
    // Frequencies of the analog filter, for a rate of 1.
    let warp = |frequency: f64| 2.0 * (PI * frequency).tan();
    let prototype = (0..order).map(|k| Complex::from_polar(1.0, PI * (2 * k + order + 1) as f64 / (2 * order) as f64));
    let (poles, numerator, reference): (Vec<Complex>, _, _) = match band {
        Band::Below(cut) => (prototype.map(|pole| pole.scaled(warp(cut))).collect(), 1.0, 0.0),
        Band::Above(cut) => (prototype.map(|pole| Complex::real(warp(cut)).over(pole)).collect(), -1.0, 0.5),
        Band::Between(low, high) => {
            let (low, high) = (warp(low), warp(high));
            let split = |pole: Complex| {
                let half = pole.scaled((high - low) / 2.0);
                let root = half.times(half).plus(Complex::real(-low * high)).sqrt();
                [half.plus(root), half.plus(root.scaled(-1.0))]
            };
            (prototype.flat_map(split).collect(), 0.0, ((low * high).sqrt() / 2.0).atan() / PI)
        }
    };
    let digital = |pole: &Complex| Complex::real(2.0).plus(*pole).over(Complex::real(2.0).plus(pole.scaled(-1.0)));
    let sections = paired(poles.iter().map(digital).collect()).into_iter().map(|poles| {
        let (b, a) = match poles {
            (first, Some(second)) => {
                let b = if numerator == 0.0 { [1.0, 0.0, -1.0] } else { [1.0, 2.0 * numerator, 1.0] };
                (b, [-(first.re + second.re), first.times(second).re])
            }
            (only, None) => ([1.0, numerator, 0.0], [-only.re, 0.0]),
        };
        let section = Section { b, a };
        section.scaled(1.0 / section.magnitude(reference))
    });
    sections.collect()
}

/// Each complex pole with its conjugate, real ones with one another, one perhaps alone. Poles near the unit circle come
/// last, so that no section sees what a resonance before it has made large.
fn paired(poles: Vec<Complex>) -> Vec<(Complex, Option<Complex>)> {
    /// Rounding leaves this much of an imaginary part to a real pole.
    const REAL: f64 = 1e-12;
    let (real, complex): (Vec<Complex>, Vec<Complex>) = poles.into_iter().partition(|pole| pole.im.abs() < REAL);
    let upper = complex.into_iter().filter(|pole| pole.im > 0.0);
    let mut pairs: Vec<_> = upper.map(|pole| (pole, Some(Complex { im: -pole.im, ..pole }))).collect();
    pairs.extend(real.chunks(2).map(|pair| (pair[0], pair.get(1).copied())));
    pairs.sort_by(|left, right| left.0.magnitude().total_cmp(&right.0.magnitude()));
    pairs
}

impl Cascade {
    pub(crate) fn new(sections: Vec<Section>) -> Self {
        let states = vec![[0.0; 2]; sections.len()];
        Self { sections, states, age: 0 }
    }

    /// Filters the next samples in place.
    pub(crate) fn run(&mut self, mut samples: &mut [f64]) {
        /// Every so many frames, counted from the first, a memory that has died away is cleared: numbers this small make
        /// the processor slow, and no float32 shows them.
        const LIFE: usize = 4096;
        const DEAD: f64 = 1e-100;
        while !samples.is_empty() {
            let (now, later) = samples.split_at_mut(samples.len().min(LIFE - self.age));
            self.run_sections(now);
            self.age += now.len();
            if self.age == LIFE {
                self.age = 0;
                self.states.iter_mut().flatten().filter(|value| value.abs() < DEAD).for_each(|value| *value = 0.0);
            }
            samples = later;
        }
    }

    fn run_sections(&mut self, samples: &mut [f64]) {
        let mut done = 0;
        while done < self.sections.len() {
            let (sections, states) = (&self.sections[done..], &mut self.states[done..]);
            // Sections side by side overlap in the processor, where each by itself waits for its own last result.
            done += match sections.len() {
                1 => run::<1>(sections, states, samples),
                2 => run::<2>(sections, states, samples),
                3 => run::<3>(sections, states, samples),
                _ => run::<4>(sections, states, samples),
            };
        }
    }
}

/// Runs the first `N` sections and says how many that were.
fn run<const N: usize>(sections: &[Section], states: &mut [State], samples: &mut [f64]) -> usize {
    let sections: &[Section; N] = sections.first_chunk().expect("as many sections as were counted");
    let states: &mut [State; N] = states.first_chunk_mut().expect("a memory for each section");
    let mut memory = *states;
    for sample in samples {
        let mut value = *sample;
        for (section, memory) in sections.iter().zip(&mut memory) {
            let output = section.b[0] * value + memory[0];
            memory[0] = section.b[1] * value - section.a[0] * output + memory[1];
            memory[1] = section.b[2] * value - section.a[1] * output;
            value = output;
        }
        *sample = value;
    }
    *states = memory;
    N
}

impl Complex {
    fn real(re: f64) -> Self {
        Self { re, im: 0.0 }
    }

    fn from_polar(magnitude: f64, angle: f64) -> Self {
        Self { re: magnitude * angle.cos(), im: magnitude * angle.sin() }
    }

    fn magnitude(self) -> f64 {
        self.re.hypot(self.im)
    }

    fn scaled(self, factor: f64) -> Self {
        Self { re: self.re * factor, im: self.im * factor }
    }

    fn plus(self, other: Self) -> Self {
        Self { re: self.re + other.re, im: self.im + other.im }
    }

    fn times(self, other: Self) -> Self {
        Self { re: self.re * other.re - self.im * other.im, im: self.re * other.im + self.im * other.re }
    }

    fn over(self, other: Self) -> Self {
        let square = other.re * other.re + other.im * other.im;
        self.times(Self { re: other.re, im: -other.im }).scaled(1.0 / square)
    }

    /// The root in the right half plane.
    fn sqrt(self) -> Self {
        let magnitude = self.magnitude();
        let re = ((magnitude + self.re) / 2.0).max(0.0).sqrt();
        let im = ((magnitude - self.re) / 2.0).max(0.0).sqrt();
        Self { re, im: im.copysign(self.im) }
    }
}
