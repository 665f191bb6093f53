//! Sections of second order as trapezoidal state-variable filters: their work on samples. It knows nothing of nodes.
//!
//! A direct form keeps its poles as sums of numbers near 2 and 1, so that a filter of 20 Hz at 48 kHz has lost half its
//! digits, and one of 0.001 Hz all of them. Here the frequency itself is the coefficient, so the precision is the same
//! at every frequency. Sections above a quarter of the rate work on the mirrored spectrum, where their frequency is the
//! distance to half the rate.
//!
//! Source: A. Simper, "Solving the continuous SVF equations using trapezoidal integration and equivalent currents",
//! 2013: the bilinear transform of `(n0 + n1 s + n2 s^2) / (1 + k s + s^2)`.

/// `(n0 + n1 s/w + n2 (s/w)^2) / (1 + k s/w + (s/w)^2)`, or without its squares, by the bilinear transform.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Section {
    /// 1, or -1 where the spectrum is mirrored.
    sign: f64,
    /// How much of the first integrator is lost, and what the input of both adds to each.
    loss: f64,
    first: f64,
    second: f64,
    /// The parts of the input and of both integrators in the output.
    mix: [f64; 3],
}

/// The two integrators of a section.
type State = [f64; 2];

/// Sections in series, and their memory for one channel.
#[derive(Clone, Debug)]
pub(crate) struct Cascade {
    sections: Vec<Section>,
    states: Vec<State>,
    /// Frames since the memory was last looked at.
    age: usize,
}

impl Section {
    /// A section of second order. `w` is the tangent of half the angle at its frequency, and the damping `k` one divided
    /// by the quality.
    pub(crate) fn second_order(w: f64, k: f64, numerator: [f64; 3]) -> Self {
        let (g, sign, [n0, n1, n2]) = turned(w, numerator);
        let scale = 1.0 / (1.0 + g * (g + k));
        Self {
            sign,
            loss: g * (g + k) * scale,
            first: g * scale,
            second: g * g * scale,
            mix: [n2, n1 - k * n2, n0 - n2],
        }
    }

    /// A section of first order, `(n0 + n1 s/w) / (1 + s/w)`: it leaves the first integrator empty.
    pub(crate) fn first_order(w: f64, [n0, n1]: [f64; 2]) -> Self {
        let (g, sign, [n0, _, n1]) = turned(w, [n0, 0.0, n1]);
        Self { sign, loss: 0.0, first: 0.0, second: g / (1.0 + g), mix: [n1, 0.0, n0 - n1] }
    }
}

/// The coefficient of the integrators, and whether the spectrum is mirrored: then what held for low frequencies holds
/// for high ones.
fn turned(w: f64, numerator: [f64; 3]) -> (f64, f64, [f64; 3]) {
    let [n0, n1, n2] = numerator;
    if w <= 1.0 { (w, 1.0, numerator) } else { (1.0 / w, -1.0, [n2, n1, n0]) }
}

impl Cascade {
    pub(crate) fn new(sections: Vec<Section>) -> Self {
        let states = vec![[0.0; 2]; sections.len()];
        Self { sections, states, age: 0 }
    }

    /// Forgets what came.
    pub(crate) fn clear(&mut self) {
        self.states.fill([0.0; 2]);
        self.age = 0;
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

/// Runs the first `N` sections; returns how many that were.
fn run<const N: usize>(sections: &[Section], states: &mut [State], samples: &mut [f64]) -> usize {
    let sections: &[Section; N] = sections.first_chunk().expect("as many sections as were counted");
    let states: &mut [State; N] = states.first_chunk_mut().expect("a memory for each section");
    let mut memory = *states;
    for sample in samples {
        let mut value = *sample;
        for (section, memory) in sections.iter().zip(&mut memory) {
            let [band, low] = *memory;
            let input = value - low;
            // What each integrator gains in half a frame.
            let band_gain = section.first * input - section.loss * band;
            let low_gain = section.first * band + section.second * input;
            value = section.mix[0] * value + section.mix[1] * (band + band_gain) + section.mix[2] * (low + low_gain);
            *memory = [section.sign * (band + 2.0 * band_gain), section.sign * (low + 2.0 * low_gain)];
        }
        *sample = value;
    }
    *states = memory;
    N
}
