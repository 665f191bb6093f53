//! The speech detector Silero VAD, version 6: a small recurrent network, written out for this one architecture.
//!
//! Source: <https://github.com/snakers4/silero-vad> (MIT), the model `silero_vad.onnx` of its release 6.2.3. For every
//! window of 32 ms it gives the probability that somebody speaks in it. A window and the eighth of a window before it
//! become four magnitude spectra; four convolutions, a recurrent cell and a linear layer follow.

#![forbid(unsafe_code)]

mod activation;
mod dense;
mod network;
mod weights;

use std::sync::Arc;

use network::{AT_ONCE, HIDDEN, Network, Scratch};

/// How long a window is, in milliseconds, at both rates.
pub const WINDOW_MS: u32 = 32;

/// Larger samples, which no recording has, count as this: the spectra square them, and what overflows there stays in the
/// memory of the recurrent cell.
const LOUDEST: f32 = 1e6;

/// A rate at which the detector hears. Each has a network of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    /// 8000 Hz.
    Hz8000,
    /// 16000 Hz.
    Hz16000,
}

/// Listens to one stream of mono sound.
#[derive(Debug)]
pub struct Detector {
    network: Arc<Network>,
    scratch: Box<Scratch>,
    /// What the recurrent cell remembers: its output and its memory.
    state: [[f32; HIDDEN]; 2],
    /// The end of the last window, then the samples of the next one.
    samples: Vec<f32>,
}

impl Rate {
    /// The rate in Hz.
    pub const fn hz(self) -> u32 {
        match self {
            Rate::Hz8000 => 8_000,
            Rate::Hz16000 => 16_000,
        }
    }

    /// The samples of a window.
    pub const fn window(self) -> usize {
        (self.hz() * WINDOW_MS / 1_000) as usize
    }
}

impl Detector {
    /// A detector at the start of a stream. The weights are unpacked once per process, by whoever comes first.
    pub fn new(rate: Rate) -> Self {
        let network = Network::shared(rate);
        let samples = vec![0.0; network.context()];
        Self { scratch: Box::new(Scratch::new(&network)), network, state: [[0.0; HIDDEN]; 2], samples }
    }

    /// How many more samples complete the window, at least one.
    pub fn missing(&self) -> usize {
        self.network.context() + self.network.window() - self.samples.len()
    }

    /// Whether the window has samples already.
    fn has_begun(&self) -> bool {
        self.samples.len() > self.network.context()
    }

    /// Takes samples, and adds the probabilities of the windows that they complete.
    pub fn hear(&mut self, samples: &[f32], probabilities: &mut Vec<f32>) {
        let (context, window) = (self.network.context(), self.network.window());
        let mut samples = samples;
        while !samples.is_empty() {
            let room = context + AT_ONCE * window - self.samples.len();
            let (next, later) = samples.split_at(samples.len().min(room));
            self.samples.extend(next.iter().map(|sample| sample.clamp(-LOUDEST, LOUDEST)));
            let complete = (self.samples.len() - context) / window * window;
            if complete > 0 {
                let whole = &self.samples[..context + complete];
                self.network.listen(whole, &mut self.state, &mut self.scratch, probabilities);
                self.samples.drain(..complete);
            }
            samples = later;
        }
    }

    /// Ends the stream: completes the last window with silence, if it has begun, and goes back to the start.
    pub fn finish(&mut self) -> Option<f32> {
        let mut last = Vec::new();
        if self.has_begun() {
            let silence = [0.0; Rate::Hz16000.window()];
            self.hear(&silence[..self.missing()], &mut last);
        }
        self.samples.fill(0.0);
        self.state = [[0.0; HIDDEN]; 2];
        last.pop()
    }
}
