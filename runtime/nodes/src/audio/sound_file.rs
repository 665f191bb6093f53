//! The sound of a file as a whole, decoded step by step: for nodes that have a file beside their input.

use remotemedia_core::node::{Define as _, Node as _, NodeError, Step};
use remotemedia_core::value::{Audio, File, Packet, Value};
use serde_json::json;

use super::decode::AudioDecode;
use crate::stream::audio_fifo::AudioFifo;
use crate::stream::finite::check_finite;

/// A file that is being decoded.
pub(super) struct SoundFile {
    path: String,
    decoder: AudioDecode,
    held: AudioFifo,
    /// The most frames.
    most: usize,
    has_begun: bool,
}

/// What one step of decoding gave.
pub(super) enum Decoding {
    /// There is more to decode.
    Goes,
    /// All of it. It has frames.
    Done(Audio),
    /// More frames than are allowed.
    TooLong,
}

impl SoundFile {
    /// The file at a path, which is opened by the first step. It may have so many frames.
    pub(super) fn new(path: &str, most: usize) -> Self {
        let params = serde_json::from_value(json!({})).expect("its params have defaults");
        let decoder = AudioDecode::new(&params);
        Self { path: path.to_owned(), decoder, held: AudioFifo::default(), most, has_begun: false }
    }

    /// Decodes one chunk.
    ///
    /// # Errors
    /// If the file can't be read or decoded, changes its format, has samples that are no numbers, or has no sound.
    pub(super) fn step(&mut self) -> Result<Decoding, NodeError> {
        let mut step = if std::mem::replace(&mut self.has_begun, true) {
            self.decoder.resume()?
        } else {
            self.decoder.process(0, Packet::new(Value::from(File::from_path(&*self.path))))?
        };
        let (Step::Done(emission) | Step::More(emission)) = &mut step;
        if let Some(Value::Audio(audio)) = emission.take().map(|emission| emission.packet.value) {
            check_finite(&audio, 0, audio.frames(), |_| audio.pts)?;
            self.push(*audio)?;
        }
        if self.held.frames() > self.most {
            return Ok(Decoding::TooLong);
        }
        if let Step::More(_) = step {
            return Ok(Decoding::Goes);
        }
        if self.held.frames() == 0 {
            return Err(NodeError::new(format!("'{}' has no sound in it", self.path)).cure("Name a file with sound."));
        }
        Ok(Decoding::Done(self.held.peek(self.held.frames())))
    }

    fn push(&mut self, audio: Audio) -> Result<(), NodeError> {
        if self.held.frames() > 0 {
            let first = self.held.peek(1);
            if (first.rate(), first.channels()) != (audio.rate(), audio.channels()) {
                let cause = format!("'{}' changes its rate or its channels", self.path);
                return Err(NodeError::new(cause).cure("Convert it to one format first.").at(audio.pts));
            }
        }
        self.held.push(audio);
        Ok(())
    }
}
