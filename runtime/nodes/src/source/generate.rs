//! Emits sound that is made frame by frame, in packets of equal length. It knows nothing of what is made.

use remotemedia_core::node::{NodeError, ParamError, Step};
use remotemedia_core::value::{Audio, MediaTime, Value};

/// Makes samples. Each depends on its number alone.
pub(super) trait Generator: Send {
    /// Appends the samples of one channel, from frame `first` on.
    fn make(&self, channel: usize, first: u64, frames: usize, samples: &mut Vec<f32>);
}

/// Sound of a certain length, on its way.
#[derive(Debug)]
pub(super) struct Generated<G> {
    generator: G,
    rate: u32,
    channels: usize,
    frames: u64,
    packet: u64,
    position: u64,
}

/// The most samples of one packet.
const PACKET_SAMPLES: u64 = 1 << 14;

/// That the rate can carry a tone.
///
/// # Errors
/// If it can't.
pub(super) fn check_frequency(frequency_hz: f64, rate: u32) -> Result<(), ParamError> {
    let most = f64::from(rate) / 2.0;
    if frequency_hz < most {
        return Ok(());
    }
    Err(ParamError {
        param: "frequency_hz".to_owned(),
        expected: format!("less than half of 'rate', which is {most}"),
        got: frequency_hz.to_string(),
    })
}

impl<G: Generator> Generated<G> {
    /// Packets last 100 ms, or less where that would be many samples.
    pub(super) fn new(generator: G, rate: u32, channels: usize, duration_s: f64) -> Self {
        let frames = MediaTime::to_frames((duration_s * 1e9).round() as u64, rate);
        let packet = (u64::from(rate) / 10).min(PACKET_SAMPLES / channels as u64).max(1);
        Self { generator, rate, channels, frames, packet, position: 0 }
    }

    /// An item begins.
    pub(super) fn start(&mut self) -> Result<Step, NodeError> {
        self.position = 0;
        self.step()
    }

    /// The next packet.
    pub(super) fn step(&mut self) -> Result<Step, NodeError> {
        let frames = self.packet.min(self.frames - self.position);
        if frames == 0 {
            return Ok(Step::DONE);
        }
        let mut samples = Vec::with_capacity(frames as usize * self.channels);
        for channel in 0..self.channels {
            self.generator.make(channel, self.position, frames as usize, &mut samples);
        }
        let audio = Audio::from_planar(samples, self.channels, self.rate)
            .map_err(|error| NodeError::new("the sound is not valid").because(&error))?
            .with_pts(Some(MediaTime::of_frames(self.position, self.rate)));
        self.position += frames;
        let packet = Value::from(audio);
        Ok(if self.position < self.frames { Step::emit_more(packet) } else { Step::emit(packet) })
    }
}
