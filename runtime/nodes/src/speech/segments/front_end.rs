//! Sound of any format to probabilities: the converters that a plan puts before `VAD`, and the detector, in one.

use std::fmt;

use remotemedia_core::node::{Define as _, Node, NodeError, Step};
use remotemedia_core::value::{Audio, Packet, Value};

use crate::audio::{AudioMix, AudioMixParams, AudioResample, AudioResampleParams, ResampleQuality};
use crate::stream::timeline::Gaps;
use remotemedia_silero::{Detector, Rate};

/// Hears one recording.
pub(super) struct FrontEnd {
    mix: AudioMix,
    /// None where the detector hears the rate as it is.
    resample: Option<Box<AudioResample>>,
    detector: Detector,
}

impl FrontEnd {
    /// For sound of this rate: 8 kHz has a network of its own, all else is heard at 16 kHz.
    pub(super) fn new(rate: u32) -> Self {
        let network = if rate == Rate::Hz8000.hz() { Rate::Hz8000 } else { Rate::Hz16000 };
        let resample = (rate != network.hz()).then(|| {
            Box::new(AudioResample::new(&AudioResampleParams {
                rate: network.hz(),
                quality: ResampleQuality::High,
                gaps: Gaps::Ignore,
            }))
        });
        let mix = AudioMix::new(&AudioMixParams { channels: 1, gains: None });
        Self { mix, resample, detector: Detector::new(network) }
    }

    /// Hears sound; returns the probabilities of the windows that it completes.
    pub(super) fn hear(&mut self, audio: Audio) -> Result<Vec<f32>, NodeError> {
        let Self { mix, resample, detector } = self;
        let mut probabilities = Vec::new();
        let step = mix.process(0, Value::from(audio).into())?;
        drain(mix, step, &mut |mono| match resample {
            None => {
                listen(detector, mono, &mut probabilities);
                Ok(())
            }
            Some(resample) => {
                let step = resample.process(0, mono)?;
                drain(&mut **resample, step, &mut |converted| {
                    listen(detector, converted, &mut probabilities);
                    Ok(())
                })
            }
        })?;
        Ok(probabilities)
    }

    /// The recording ends; returns the probabilities of the last windows.
    pub(super) fn finish(&mut self) -> Result<Vec<f32>, NodeError> {
        let mut probabilities = Vec::new();
        if let Some(resample) = &mut self.resample {
            let step = resample.flush()?;
            drain(&mut **resample, step, &mut |converted| {
                listen(&mut self.detector, converted, &mut probabilities);
                Ok(())
            })?;
        }
        probabilities.extend(self.detector.finish());
        Ok(probabilities)
    }
}

impl fmt::Debug for FrontEnd {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("FrontEnd").field("detector", &self.detector).finish_non_exhaustive()
    }
}

/// All that a node emits until it is done.
fn drain<N: Node>(
    node: &mut N,
    mut step: Step,
    take: &mut dyn FnMut(Packet) -> Result<(), NodeError>,
) -> Result<(), NodeError> {
    loop {
        let (emission, has_more) = match step {
            Step::Done(emission) => (emission, false),
            Step::More(emission) => (emission, true),
        };
        if let Some(emission) = emission {
            take(emission.packet)?;
        }
        if !has_more {
            return Ok(());
        }
        step = node.resume()?;
    }
}

fn listen(detector: &mut Detector, mono: Packet, probabilities: &mut Vec<f32>) {
    let Value::Audio(audio) = mono.value else { return };
    detector.hear(audio.channel(0), probabilities);
}
