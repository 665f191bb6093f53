//! One network: its layers, and the way from windows to probabilities.

use std::fmt;
use std::sync::Arc;

use once_cell::race::OnceBox;
use remotemedia_fourier::{Complex32, RealForward};
use remotemedia_vectors::{Kernel, LANES, Simd, run_wide};

use crate::Rate;
use crate::activation::{sigmoid, tanh};
use crate::dense::Dense;
use crate::weights::Tensors;

/// The width of the recurrent cell.
pub(super) const HIDDEN: usize = 128;
/// Spectra of one window; they overlap by half.
const SPECTRA: usize = 4;
/// Channels after each convolution.
const CHANNELS: [usize; 4] = [128, 64, 64, HIDDEN];
/// Numbers that each convolution sees of a channel: the frame, the one before and the one after.
const TAPS: usize = 3;
/// Samples of the previous window before each window, as a part of the window.
const CONTEXT_PART: usize = 8;
/// Windows that go through the layers together, where there are as many.
pub(super) const AT_ONCE: usize = 8;

/// The weights of one rate, unpacked.
pub(super) struct Network {
    window: usize,
    bins: usize,
    fft: RealForward<f32>,
    /// The window function of the spectra.
    taper: Vec<f32>,
    convolutions: (Dense<1>, Dense<2>, Dense<4>, Dense<4>),
    /// The input, forget, cell and output gates of the recurrent cell, by its input and by its last output.
    gates: [Dense<4>; 2],
    output: [f32; HIDDEN],
    output_bias: f32,
}

/// Memory of the layers, for as many windows as came at once. They keep a frame of zeros before and after their frames: what
/// convolutions see there.
#[derive(Debug)]
pub(super) struct Scratch {
    /// The context, the window, and its end mirrored.
    sound: Vec<f32>,
    tapered: Vec<f32>,
    spectrum: Vec<Complex32>,
    transform: Vec<Complex32>,
    magnitudes: Vec<Vec<f32>>,
    first: Vec<[f32; CHANNELS[0] * (SPECTRA + 2)]>,
    second: Vec<[f32; CHANNELS[1] * SPECTRA / 2]>,
    third: Vec<[f32; CHANNELS[2]]>,
    fourth: Vec<[f32; CHANNELS[3]]>,
    gates: Vec<Gates>,
}

/// Before their functions.
type Gates = [[f32; HIDDEN]; 4];

/// Windows after one another, with the context of the first, on their way to probabilities.
struct Windows<'a> {
    network: &'a Network,
    samples: &'a [f32],
    state: &'a mut [[f32; HIDDEN]; 2],
    scratch: &'a mut Scratch,
    probabilities: &'a mut Vec<f32>,
}

impl Network {
    /// The network of this rate, the same for everybody. That of a rate that is not asked for takes no memory, and its
    /// weights are not even read.
    pub(super) fn shared(rate: Rate) -> Arc<Self> {
        // Two threads that are the first may both unpack it, so that none waits: a child that is forked meanwhile would
        // wait for ever.
        static WIDE: OnceBox<Arc<Network>> = OnceBox::new();
        static NARROW: OnceBox<Arc<Network>> = OnceBox::new();
        let (network, before) = match rate {
            Rate::Hz16000 => (&WIDE, 0),
            Rate::Hz8000 => (&NARROW, Self::numbers(Rate::Hz16000)),
        };
        Arc::clone(network.get_or_init(|| Box::new(Arc::new(Self::unpack(rate, &mut Tensors::after(before))))))
    }

    /// How many numbers the tensors of one network are.
    fn numbers(rate: Rate) -> usize {
        let inputs = [Self::bins(rate), CHANNELS[0], CHANNELS[1], CHANNELS[2]];
        let convolutions: usize =
            CHANNELS.iter().zip(inputs).map(|(outputs, inputs)| outputs * (inputs * TAPS + 1)).sum();
        let gates = 2 * 4 * HIDDEN * (HIDDEN + 1);
        convolutions + gates + HIDDEN + 1
    }

    /// The bins of a spectrum of half a window.
    fn bins(rate: Rate) -> usize {
        rate.window() / 4 + 1
    }

    /// Reads the tensors of one network. A convolution is a linear layer of the frames it sees, and where it sees frames of
    /// zeros alone its weights are left out.
    fn unpack(rate: Rate, tensors: &mut Tensors) -> Self {
        let length = rate.window() / 2;
        let bins = Self::bins(rate);
        let taper = (0..length).map(|at| 0.5 - 0.5 * (std::f64::consts::TAU * at as f64 / length as f64).cos());
        let convolutions = (
            convolution(tensors, CHANNELS[0], bins, 0..3),
            convolution(tensors, CHANNELS[1], CHANNELS[0], 0..3),
            // One frame comes out, from two.
            convolution(tensors, CHANNELS[2], CHANNELS[1], 1..3),
            convolution(tensors, CHANNELS[3], CHANNELS[2], 1..2),
        );
        let weights = [(); 2].map(|()| tensors.take(4 * HIDDEN * HIDDEN));
        let gates = weights.map(|weights| {
            let bias = tensors.take(4 * HIDDEN);
            Dense::new(&bias, HIDDEN, |output, input| weights[output * HIDDEN + input])
        });
        Network {
            window: rate.window(),
            bins,
            fft: RealForward::new(length),
            taper: taper.map(|value| value as f32).collect(),
            convolutions,
            gates,
            output: tensors.take(HIDDEN).try_into().expect("as many as asked for"),
            output_bias: tensors.take(1)[0],
        }
    }

    /// The samples of a window.
    pub(super) fn window(&self) -> usize {
        self.window
    }

    /// The samples of the previous window that come before a window.
    pub(super) fn context(&self) -> usize {
        self.window / CONTEXT_PART
    }

    /// Adds the probability of speech in each of these windows, at most [`AT_ONCE`], which come after the context of the
    /// first; `state` is output and memory of the cell. Each is what it would be if the window came by itself.
    pub(super) fn listen(
        &self,
        samples: &[f32],
        state: &mut [[f32; HIDDEN]; 2],
        scratch: &mut Scratch,
        probabilities: &mut Vec<f32>,
    ) {
        run_wide(Windows { network: self, samples, state, scratch, probabilities });
    }

    /// Goes from samples to the gates by the input of the cell. Returns how many windows there are.
    #[inline(always)]
    fn convolve<S: Simd>(&self, samples: &[f32], scratch: &mut Scratch) -> usize {
        let windows = (samples.len() - self.context()) / self.window;
        scratch.make_room(windows, self.bins);
        for (number, begin) in (0..windows).map(|number| (number, number * self.window)) {
            self.spectra(&samples[begin..][..self.context() + self.window], number, scratch);
        }
        let Scratch { magnitudes, first, second, third, fourth, gates, .. } = scratch;
        let (convolution, bins) = (&self.convolutions, self.bins);
        convolution.0.apply_to_frames::<S, SPECTRA, 1>(
            windows,
            |window| std::array::from_fn(|frame| &magnitudes[window][frame * bins..]),
            |window, frame, output, values| {
                put(&mut first[window][(frame + 1) * CHANNELS[0] + output..], values.map(relu));
            },
        );
        convolution.1.apply_to_frames::<S, { SPECTRA / 2 }, 0>(
            windows,
            |window| std::array::from_fn(|frame| &first[window][2 * frame * CHANNELS[0]..]),
            |window, frame, output, values| {
                put(&mut second[window][frame * CHANNELS[1] + output..], values.map(relu));
            },
        );
        convolution.2.apply::<S>(
            windows,
            |window| &second[window],
            |window, output, values| put(&mut third[window][output..], values.map(relu)),
        );
        convolution.3.apply::<S>(
            windows,
            |window| &third[window],
            |window, output, values| put(&mut fourth[window][output..], values.map(relu)),
        );
        self.gates[0].apply::<S>(
            windows,
            |window| &fourth[window],
            |window, output, values| put(&mut gates[window].as_flattened_mut()[output..], values),
        );
        windows
    }

    /// One step of the cell, and the probability.
    #[inline(always)]
    fn step<S: Simd>(&self, gates: &mut Gates, [last, memory]: &mut [[f32; HIDDEN]; 2]) -> f32 {
        self.gates[1].apply::<S>(
            1,
            |_| last,
            |_, output, values| {
                for (sum, value) in gates.as_flattened_mut()[output..][..LANES].iter_mut().zip(values) {
                    *sum += value;
                }
            },
        );
        let [input, forget, candidate, output] = gates;
        let (input, forget, output) = (sigmoid(input), sigmoid(forget), sigmoid(output));
        let candidate = tanh(candidate);
        for (index, memory) in memory.iter_mut().enumerate() {
            *memory = forget[index] * *memory + input[index] * candidate[index];
        }
        let shown = tanh(memory);
        *last = std::array::from_fn(|index| output[index] * shown[index]);
        let sum: f32 = last.iter().zip(&self.output).map(|(value, weight)| relu(*value) * weight).sum();
        sigmoid(&[sum + self.output_bias])[0]
    }

    /// The magnitude spectra of the window of this number, frame after frame.
    #[inline(always)]
    fn spectra(&self, samples: &[f32], number: usize, scratch: &mut Scratch) {
        let Scratch { sound, tapered, spectrum, transform, magnitudes, .. } = scratch;
        sound.clear();
        sound.extend_from_slice(samples);
        sound.extend(samples.iter().rev().skip(1).take(self.context()));
        let length = self.taper.len();
        for frame in 0..SPECTRA {
            let part = &sound[frame * length / 2..][..length];
            for (tapered, (sample, weight)) in tapered.iter_mut().zip(part.iter().zip(&self.taper)) {
                *tapered = sample * weight;
            }
            self.fft.process(tapered, spectrum, transform);
            let magnitudes = &mut magnitudes[number][(frame + 1) * self.bins..][..self.bins];
            for (magnitude, bin) in magnitudes.iter_mut().zip(spectrum.iter()) {
                *magnitude = (bin.re * bin.re + bin.im * bin.im).sqrt();
            }
        }
    }
}

impl Kernel for Windows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let windows = self.network.convolve::<S>(self.samples, self.scratch);
        for gates in &mut self.scratch.gates[..windows] {
            self.probabilities.push(self.network.step::<S>(gates, self.state));
        }
    }
}

impl Scratch {
    /// Memory for this network, for no window yet: most live streams come window by window.
    pub(super) fn new(network: &Network) -> Self {
        Self {
            sound: Vec::with_capacity(network.window + 2 * network.context()),
            tapered: vec![0.0; network.taper.len()],
            spectrum: vec![Complex32::default(); network.bins],
            transform: Vec::new(),
            magnitudes: Vec::new(),
            first: Vec::new(),
            second: Vec::new(),
            third: Vec::new(),
            fourth: Vec::new(),
            gates: Vec::new(),
        }
    }

    /// Makes room for so many windows, unless there is.
    fn make_room(&mut self, windows: usize, bins: usize) {
        if self.gates.len() < windows {
            self.magnitudes.resize_with(windows, || vec![0.0; bins * (SPECTRA + 2)]);
            self.first.resize(windows, [0.0; CHANNELS[0] * (SPECTRA + 2)]);
            self.second.resize(windows, [0.0; CHANNELS[1] * SPECTRA / 2]);
            self.third.resize(windows, [0.0; CHANNELS[2]]);
            self.fourth.resize(windows, [0.0; CHANNELS[3]]);
            self.gates.resize(windows, [[0.0; HIDDEN]; 4]);
        }
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Network({} samples)", self.window)
    }
}

/// The next tensors as a convolution over some of its taps. Its input is frame after frame, the channels of each together.
fn convolution<const N: usize>(
    tensors: &mut Tensors,
    outputs: usize,
    inputs: usize,
    taps: std::ops::Range<usize>,
) -> Dense<N> {
    let weights = tensors.take(outputs * inputs * TAPS);
    let bias = tensors.take(outputs);
    Dense::new(&bias, taps.len() * inputs, |output, input| {
        let (tap, channel) = (taps.start + input / inputs, input % inputs);
        weights[(output * inputs + channel) * TAPS + tap]
    })
}

#[inline(always)]
fn put<const N: usize>(target: &mut [f32], values: [f32; N]) {
    target[..N].copy_from_slice(&values);
}

/// What is below zero becomes zero; a NaN stays.
#[inline(always)]
fn relu(value: f32) -> f32 {
    if value < 0.0 { 0.0 } else { value }
}

#[cfg(test)]
mod tests {
    use remotemedia_vectors::Exact;

    use super::*;

    /// Noise whose level goes up to full scale and down again, with a window that holds what is no number.
    fn noise(network: &Network, windows: usize) -> Vec<f32> {
        let mut state = 5u32;
        let sample = |at: usize| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let level = i32::abs((at / network.window() % 40) as i32 - 20) as f32 / 20.0;
            (state as f32 / u32::MAX as f32 - 0.5) * level
        };
        let mut samples: Vec<f32> = (0..network.context() + windows * network.window()).map(sample).collect();
        *samples.last_mut().expect("there is a context") = f32::NAN;
        samples
    }

    #[test]
    fn neither_wider_vectors_nor_windows_that_come_together_change_a_bit() {
        const WINDOWS: usize = 8 * AT_ONCE + 1;
        for rate in [Rate::Hz8000, Rate::Hz16000] {
            let network = Network::shared(rate);
            let samples = noise(&network, WINDOWS);
            let part = |begin: usize, end: usize| {
                &samples[begin * network.window()..][..network.context() + (end - begin) * network.window()]
            };
            let mut expected = Vec::new();
            let (mut state, mut scratch) = ([[0.0; HIDDEN]; 2], Scratch::new(&network));
            for window in 0..WINDOWS {
                let samples = part(window, window + 1);
                let (state, scratch, probabilities) = (&mut state, &mut scratch, &mut expected);
                Windows { network: &network, samples, state, scratch, probabilities }.run::<Exact>();
            }
            assert!(expected.iter().rev().skip(1).all(|value| (0.0..=1.0).contains(value)));
            assert!(expected[WINDOWS - 1].is_nan());
            for together in 1..=AT_ONCE {
                let mut probabilities = Vec::new();
                let (mut state, mut scratch) = ([[0.0; HIDDEN]; 2], Scratch::new(&network));
                for begin in (0..WINDOWS).step_by(together) {
                    let samples = part(begin, WINDOWS.min(begin + together));
                    network.listen(samples, &mut state, &mut scratch, &mut probabilities);
                }
                // All that is no number is the same: Rust leaves the bits of it open.
                let bits_of = |value: &f32| if value.is_nan() { f32::NAN.to_bits() } else { value.to_bits() };
                let bits = |values: &[f32]| values.iter().map(bits_of).collect::<Vec<_>>();
                assert_eq!(bits(&probabilities), bits(&expected), "{rate:?}, {together} together");
            }
        }
    }
}
