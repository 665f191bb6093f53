//! PCM without a header, as telephony and capture devices deliver it: only params say what it is.

use std::io::{self, Read, Seek, SeekFrom};

use remotemedia_core::node::NodeError;
use remotemedia_core::value::{Buffer, Layout};

use super::super::pcm::{SampleFormat, from_pcm};
use super::chunker::Format;
use super::failure;

/// Where bytes come from that are there as a whole.
pub(super) trait Bytes: Read + Seek + Send {}

impl<T: Read + Seek + Send> Bytes for T {}

/// Bytes of PCM, from a file or as they arrive.
pub(super) struct RawSound {
    sample_format: SampleFormat,
    format: Format,
    name: String,
    /// Where more bytes come from, if they do not arrive.
    reader: Option<Box<dyn Bytes>>,
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
        reader: Option<Box<dyn Bytes>>,
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

    /// Leaves out up to so many of the frames that come next; fewer where the bytes end, and none of bytes that arrive.
    /// How many were left out.
    ///
    /// # Errors
    /// If the bytes can't be read.
    pub(super) fn pass_over(&mut self, frames: u64) -> Result<u64, NodeError> {
        let frame = (self.sample_format.bytes() * self.format.channels) as u64;
        let Some(reader) = self.reader.as_mut().filter(|_| frames > 0 && self.waiting.is_empty()) else {
            return Ok(0);
        };
        pass_over(reader, frames, frame).map_err(|error| failure::unreadable(&self.name, &error))
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

fn pass_over(reader: &mut dyn Bytes, frames: u64, frame: u64) -> io::Result<u64> {
    let place = reader.stream_position()?;
    let left = reader.seek(SeekFrom::End(0))?.saturating_sub(place);
    let frames = frames.min(left / frame);
    reader.seek(SeekFrom::Start(place + frames * frame))?;
    Ok(frames)
}
