//! One network: its layers, and one step from a window to a probability.

use std::fmt;
use std::sync::Arc;

use once_cell::race::OnceBox;
use remotemedia_fourier::{Complex32, RealForward};
use remotemedia_vectors::{Kernel, run_wide};

use super::Rate;
use super::activation::{sigmoid, tanh};
use super::dense::Dense;
use super::weights::Tensors;

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

/// The weights of one rate, unpacked.
pub(super) struct Network {
    window: usize,
    bins: usize,
    fft: RealForward<f32>,
    /// The window function of the spectra.
    taper: Vec<f32>,
    convolutions: (Dense<1>, Dense<2>, Dense<4>, Dense<4>),
    /// The input, forget, cell and output gates of the recurrent cell, for its input and its last output.
    gates: Dense<4>,
    output: [f32; HIDDEN],
    output_bias: f32,
}

/// Memory of a step. The layers keep a frame of zeros before and after their frames: what convolutions see there.
#[derive(Debug)]
pub(super) struct Scratch {
    /// The context, the window, and its end mirrored.
    sound: Vec<f32>,
    tapered: Vec<f32>,
    spectrum: Vec<Complex32>,
    transform: Vec<Complex32>,
    magnitudes: Vec<f32>,
    first: [f32; CHANNELS[0] * (SPECTRA + 2)],
    second: [f32; CHANNELS[1] * SPECTRA / 2],
    third: [f32; CHANNELS[2]],
    /// The input of the recurrent cell, then its last output.
    cell: [f32; CHANNELS[3] + HIDDEN],
    gates: [[f32; HIDDEN]; 4],
}

/// The work of one step.
struct Window<'a> {
    network: &'a Network,
    samples: &'a [f32],
    state: &'a mut [[f32; HIDDEN]; 2],
    scratch: &'a mut Scratch,
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
        let (of_input, of_last) = (tensors.take(4 * HIDDEN * HIDDEN), tensors.take(4 * HIDDEN * HIDDEN));
        let biases = (tensors.take(4 * HIDDEN), tensors.take(4 * HIDDEN));
        let bias: Vec<f32> = biases.0.iter().zip(&biases.1).map(|(of_input, of_last)| of_input + of_last).collect();
        let gates = Dense::new(&bias, 2 * HIDDEN, |output, input| match input.checked_sub(HIDDEN) {
            None => of_input[output * HIDDEN + input],
            Some(input) => of_last[output * HIDDEN + input],
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

    /// The probability of speech in a window that comes after its context; `state` is output and memory of the cell.
    pub(super) fn step(&self, samples: &[f32], state: &mut [[f32; HIDDEN]; 2], scratch: &mut Scratch) -> f32 {
        run_wide(Window { network: self, samples, state, scratch })
    }

    #[inline(always)]
    fn probability(&self, samples: &[f32], state: &mut [[f32; HIDDEN]; 2], scratch: &mut Scratch) -> f32 {
        self.spectra(samples, scratch);
        let Scratch { magnitudes, first, second, third, cell, gates, .. } = scratch;
        let (convolution, bins) = (&self.convolutions, self.bins);
        let columns: [&[f32]; SPECTRA] = std::array::from_fn(|frame| &magnitudes[frame * bins..]);
        convolution.0.apply_to_frames::<SPECTRA, 1>(columns, |frame, output, values| {
            put(&mut first[(frame + 1) * CHANNELS[0] + output..], values.map(relu));
        });
        let columns: [&[f32]; SPECTRA / 2] = std::array::from_fn(|frame| &first[2 * frame * CHANNELS[0]..]);
        convolution.1.apply_to_frames::<{ SPECTRA / 2 }, 0>(columns, |frame, output, values| {
            put(&mut second[frame * CHANNELS[1] + output..], values.map(relu));
        });
        convolution.2.apply([second], |_, output, values| put(&mut third[output..], values.map(relu)));
        convolution.3.apply([third], |_, output, values| put(&mut cell[output..], values.map(relu)));
        let [last, memory] = state;
        put(&mut cell[CHANNELS[3]..], *last);
        self.gates.apply([cell], |_, output, values| put(&mut gates[output / HIDDEN][output % HIDDEN..], values));

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

    /// The magnitude spectra, frame after frame.
    #[inline(always)]
    fn spectra(&self, samples: &[f32], scratch: &mut Scratch) {
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
            let magnitudes = &mut magnitudes[(frame + 1) * self.bins..][..self.bins];
            for (magnitude, bin) in magnitudes.iter_mut().zip(spectrum.iter()) {
                *magnitude = (bin.re * bin.re + bin.im * bin.im).sqrt();
            }
        }
    }
}

impl Kernel for Window<'_> {
    type Output = f32;

    #[inline(always)]
    fn run(self) -> f32 {
        self.network.probability(self.samples, self.state, self.scratch)
    }
}

impl Scratch {
    /// Memory for this network.
    pub(super) fn new(network: &Network) -> Self {
        Self {
            sound: Vec::with_capacity(network.window + 2 * network.context()),
            tapered: vec![0.0; network.taper.len()],
            spectrum: vec![Complex32::default(); network.bins],
            transform: Vec::new(),
            magnitudes: vec![0.0; network.bins * (SPECTRA + 2)],
            first: [0.0; CHANNELS[0] * (SPECTRA + 2)],
            second: [0.0; CHANNELS[1] * SPECTRA / 2],
            third: [0.0; CHANNELS[2]],
            cell: [0.0; CHANNELS[3] + HIDDEN],
            gates: [[0.0; HIDDEN]; 4],
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
    use super::*;
    use crate::dsp::random::split_mix;

    #[test]
    fn wider_vectors_change_no_bit() {
        for rate in [Rate::Hz8000, Rate::Hz16000] {
            let network = Network::shared(rate);
            let length = network.context() + network.window();
            let mut states = [[[0.0; HIDDEN]; 2]; 2];
            let mut scratch = Scratch::new(&network);
            for window in 0..200 {
                // Noise whose level goes up to full scale and down again, with a window that holds what is no number.
                let level = f64::from(i32::abs(window % 40 - 20)) / 20.0;
                let noise = (0..length as u64).map(|at| split_mix(window as u64, at) as f64 / u64::MAX as f64 - 0.5);
                let mut samples: Vec<f32> = noise.map(|value| (value * level) as f32).collect();
                if window == 199 {
                    samples[7] = f32::NAN;
                }
                let [wide, narrow] = &mut states;
                let wide = network.step(&samples, wide, &mut scratch);
                let narrow = network.probability(&samples, narrow, &mut scratch);
                assert_eq!(wide.to_bits(), narrow.to_bits(), "{rate:?}, window {window}");
                assert_eq!(wide.is_nan(), window == 199);
            }
        }
    }
}
