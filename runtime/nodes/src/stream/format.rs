//! One format for the audio of several inputs: what the params `rate` and `channels` ask for, and the refusal of audio in
//! another one.

use remotemedia_core::node::{AudioFormat, Form, NodeError};
use remotemedia_core::value::{Audio, Layout};

/// Rate, channels and layout, as the first packet has them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Format {
    pub(crate) rate: u32,
    pub(crate) channels: usize,
    pub(crate) layout: Layout,
}

impl Format {
    pub(crate) fn of(audio: &Audio) -> Self {
        Self { rate: audio.rate(), channels: audio.channels(), layout: audio.layout().clone() }
    }

    /// Checks that the audio of input `port` has this rate and this number of channels. `has_it` names in a message what has
    /// this format: "that at 'in0'".
    ///
    /// # Errors
    /// If it has others.
    pub(crate) fn check(&self, audio: &Audio, port: usize, pts: Option<i64>, has_it: &str) -> Result<(), NodeError> {
        if (self.rate, self.channels) == (audio.rate(), audio.channels()) {
            return Ok(());
        }
        let cause = format!(
            "the sound at 'in{port}' has {} channels of {} Hz, {has_it} {} of {} Hz",
            audio.channels(),
            audio.rate(),
            self.channels,
            self.rate,
        );
        let cure = "Set the params 'rate' and 'channels' of this node: converters are put before it then.";
        Err(NodeError::new(cause).cure(cure).at(pts))
    }
}

/// What the params `rate` and `channels` ask for, if they ask for anything.
pub(crate) fn wanted_format(rate: Option<u32>, channels: Option<u16>) -> Option<AudioFormat> {
    let format = AudioFormat { rate, channels: channels.map(usize::from) };
    (format != AudioFormat::default()).then_some(format)
}

/// The form of the one sound that a node with the params `rate` and `channels` makes of its inputs.
pub(crate) fn joined_form(rate: Option<u32>, channels: Option<u16>, input: Form) -> Form {
    let given = input.audio();
    Form::Audio(AudioFormat { rate: rate.or(given.rate), channels: channels.map(usize::from).or(given.channels) })
}
