//! Energy and peak of one window of sound, bit for bit the same however the frames arrive.

use remotemedia_core::value::Audio;

/// Sums in as many parts as the processor adds at once. Which part a frame belongs to is decided by its number within
/// the window, so the order of additions does not depend on how the frames are divided.
const LANES: usize = 8;

/// What a window has heard so far.
#[derive(Debug, Default)]
pub(super) struct Window {
    channels: Vec<Channel>,
    frames: usize,
}

/// One channel's sums of squares and peaks, in float64 and float32.
#[derive(Clone, Copy, Debug, Default)]
struct Channel {
    squares: [f64; LANES],
    peaks: [f32; LANES],
}

impl Window {
    pub(super) fn new(channels: usize) -> Self {
        Self { channels: vec![Channel::default(); channels], frames: 0 }
    }

    pub(super) fn clear(&mut self) {
        self.channels.fill(Channel::default());
        self.frames = 0;
    }

    /// Adds frames of sound with as many channels as the window has.
    pub(super) fn add(&mut self, audio: &Audio) {
        for (channel, samples) in self.channels.iter_mut().zip(audio.iter_channels()) {
            channel.add(self.frames % LANES, samples);
        }
        self.frames += audio.frames();
    }

    /// The mean of the squared samples over all channels; not finite if one of them is not.
    pub(super) fn mean_square(&self) -> f64 {
        let sum: f64 = self.channels.iter().flat_map(|channel| channel.squares).sum();
        sum / (self.frames * self.channels.len()) as f64
    }

    /// The mean of the squared samples of one channel.
    pub(super) fn mean_square_of(&self, channel: usize) -> f64 {
        self.channels[channel].squares.iter().sum::<f64>() / self.frames as f64
    }

    /// The largest magnitude.
    pub(super) fn peak(&self) -> f64 {
        self.channels.iter().flat_map(|channel| channel.peaks).fold(0f32, f32::max).into()
    }
}

impl Channel {
    fn add(&mut self, lane: usize, samples: &[f32]) {
        let (head, samples) = samples.split_at(samples.len().min((LANES - lane) % LANES));
        head.iter().enumerate().for_each(|(index, &sample)| self.add_to(lane + index, sample));
        let (blocks, tail) = samples.as_chunks::<LANES>();
        for block in blocks {
            for (lane, &sample) in block.iter().enumerate() {
                self.add_to(lane, sample);
            }
        }
        tail.iter().enumerate().for_each(|(lane, &sample)| self.add_to(lane, sample));
    }

    fn add_to(&mut self, lane: usize, sample: f32) {
        let magnitude = sample.abs();
        if magnitude > self.peaks[lane] {
            self.peaks[lane] = magnitude;
        }
        let sample = f64::from(sample);
        self.squares[lane] += sample * sample;
    }
}
