//! PCM without a header, as telephony and capture devices deliver it: only params say what it is.

use std::io::Read;

use remotemedia_core::node::NodeError;
use remotemedia_core::value::{Buffer, Layout};

use super::super::pcm::{SampleFormat, from_pcm};
use super::chunker::Format;
use super::failure;

/// Bytes of PCM, from a file or as they arrive.
pub(super) struct RawSound {
    sample_format: SampleFormat,
    format: Format,
    name: String,
    /// Where more bytes come from, if they do not arrive.
    reader: Option<Box<dyn Read + Send>>,
    waiting: Vec<u8>,
    has_ended: bool,
    planes: Vec<Vec<f32>>,
}

impl RawSound {
    /// Audio in this format of samples. Without a reader its bytes arrive by [`RawSound::push`].
    pub(super) fn new(
        sample_format: SampleFormat,
        rate: u32,
        channels: usize,
        name: String,
        reader: Option<Box<dyn Read + Send>>,
    ) -> Self {
        let format = Format { rate, channels, layout: Layout::for_channels(channels) };
        Self { sample_format, format, name, reader, waiting: Vec::new(), has_ended: false, planes: Vec::new() }
    }

    pub(super) fn push(&mut self, piece: &Buffer) {
        self.waiting.extend_from_slice(piece.as_slice());
    }

    /// No more bytes come.
    pub(super) fn finish(&mut self) {
        self.has_ended = true;
    }

    /// Whether its bytes arrive by [`RawSound::push`].
    pub(super) fn arrives(&self) -> bool {
        self.reader.is_none()
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn sample_format(&self) -> SampleFormat {
        self.sample_format
    }

    pub(super) fn has_ended(&self) -> bool {
        self.has_ended
    }

    pub(super) fn format(&self) -> &Format {
        &self.format
    }

    /// The next frames, plane by plane; `None` if no whole frame is there.
    ///
    /// # Errors
    /// If the bytes can't be read, or end within a frame.
    pub(super) fn next(&mut self) -> Result<Option<&[Vec<f32>]>, NodeError> {
        const PIECE: u64 = 1 << 16;
        if let Some(reader) = &mut self.reader {
            let read = reader.take(PIECE).read_to_end(&mut self.waiting);
            self.has_ended = read.map_err(|error| failure::unreadable(&self.name, &error))? == 0;
        }
        let frame = self.sample_format.bytes() * self.format.channels;
        let whole = self.waiting.len() / frame * frame;
        if whole == 0 {
            if self.has_ended && !self.waiting.is_empty() {
                return Err(failure::cut_frame(&self.name, self.waiting.len(), frame));
            }
            return Ok(None);
        }
        let samples = from_pcm(&self.waiting[..whole], self.sample_format, self.format.channels)
            .map_err(|error| NodeError::new("the params describe no sound").because(&error))?;
        self.waiting.drain(..whole);
        self.planes = samples.chunks_exact(whole / frame).map(<[f32]>::to_vec).collect();
        Ok(Some(&self.planes))
    }
}
