//! WAV: a header and PCM (Microsoft, "Multiple channel audio data and WAVE files").
//!
//! Mono and stereo of 16 bits or floats have the plain header, all else `WAVEFORMATEXTENSIBLE` with the channel mask.

use std::io::{self, Seek as _, SeekFrom, Write as _};

use remotemedia_core::value::{Audio, Layout};

use super::super::pcm::{SampleFormat, to_pcm};
use crate::io::Output;

/// Writes frames and, at the end, the header anew with the lengths, where what was written can be written anew.
pub(super) struct WavWriter {
    format: SampleFormat,
    rate: u32,
    channels: usize,
    mask: u32,
    data_len: u64,
    pcm: Vec<u8>,
}

impl WavWriter {
    /// The most bytes of PCM that a file holds: its lengths are 32-bit numbers, and the header counts too.
    pub(super) const MOST_DATA: u64 = u32::MAX as u64 - 128;

    pub(super) fn new(audio: &Audio, format: SampleFormat, output: &mut Output) -> io::Result<Self> {
        let mask = channel_mask(audio.layout(), audio.channels());
        let writer =
            Self { format, rate: audio.rate(), channels: audio.channels(), mask, data_len: 0, pcm: Vec::new() };
        output.write_all(&writer.header(output.can_seek()))?;
        Ok(writer)
    }

    /// Whether so many more frames fit.
    pub(super) fn has_room(&self, frames: usize) -> bool {
        self.data_len + (frames * self.block()) as u64 <= Self::MOST_DATA
    }

    pub(super) fn write(&mut self, audio: &Audio, output: &mut Output) -> io::Result<()> {
        self.pcm.clear();
        let channels: Vec<&[f32]> = audio.iter_channels().collect();
        to_pcm(&channels, self.format, &mut self.pcm);
        output.write_all(&self.pcm)?;
        self.data_len += self.pcm.len() as u64;
        Ok(())
    }

    pub(super) fn finish(&mut self, output: &mut Output) -> io::Result<()> {
        if !self.data_len.is_multiple_of(2) {
            output.write_all(&[0])?;
        }
        if !output.can_seek() {
            return Ok(());
        }
        output.seek(SeekFrom::Start(0))?;
        output.write_all(&self.header(true))?;
        output.seek(SeekFrom::End(0))?;
        Ok(())
    }

    /// As if so many bytes were written.
    #[cfg(test)]
    pub(super) fn pretend_len(&mut self, len: u64) {
        self.data_len = len;
    }

    fn block(&self) -> usize {
        self.channels * self.format.bytes()
    }

    /// The header. Without a length, which nobody knows at the beginning of a stream, it has the largest ones that there are.
    fn header(&self, has_length: bool) -> Vec<u8> {
        const PCM: u16 = 1;
        const FLOAT: u16 = 3;
        const EXTENSIBLE: u16 = 0xfffe;
        /// What follows on the format code in the sub-format of `WAVEFORMATEXTENSIBLE`.
        const SUBFORMAT: [u8; 14] = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];
        let kind = if self.format == SampleFormat::F32 { FLOAT } else { PCM };
        let bits = (self.format.bytes() * 8) as u16;
        let is_plain = self.channels <= 2 && self.format != SampleFormat::S24;
        let data_len = if has_length { self.data_len as u32 } else { u32::MAX };
        let block = self.block() as u32;

        let mut format = Vec::with_capacity(40);
        format.extend(if is_plain { kind } else { EXTENSIBLE }.to_le_bytes());
        format.extend((self.channels as u16).to_le_bytes());
        format.extend(self.rate.to_le_bytes());
        format.extend(self.rate.saturating_mul(block).to_le_bytes());
        format.extend((block as u16).to_le_bytes());
        format.extend(bits.to_le_bytes());
        if is_plain && kind == FLOAT {
            // Nothing is added to the format, but whatever is no PCM says so.
            format.extend(0u16.to_le_bytes());
        }
        if !is_plain {
            format.extend(22u16.to_le_bytes());
            format.extend(bits.to_le_bytes());
            format.extend(self.mask.to_le_bytes());
            format.extend(kind.to_le_bytes());
            format.extend(SUBFORMAT);
        }
        let mut chunks = Vec::with_capacity(80);
        chunks.extend(b"WAVE");
        chunk(&mut chunks, b"fmt ", &format);
        if kind == FLOAT {
            chunk(&mut chunks, b"fact", &(data_len / block).to_le_bytes());
        }
        chunks.extend(b"data");
        chunks.extend(data_len.to_le_bytes());

        let mut header = Vec::with_capacity(96);
        header.extend(b"RIFF");
        header.extend((chunks.len() as u32).saturating_add(data_len).saturating_add(data_len % 2).to_le_bytes());
        header.extend(chunks);
        header
    }
}

fn chunk(target: &mut Vec<u8>, id: &[u8; 4], content: &[u8]) {
    target.extend(id);
    target.extend((content.len() as u32).to_le_bytes());
    target.extend(content);
}

/// The speakers of a layout as the mask has them; none where they are not known.
fn channel_mask(layout: &Layout, channels: usize) -> u32 {
    const NAMES: [(&str, u32); 16] = [
        ("mono", 0x004),
        ("stereo", 0x003),
        ("2.1", 0x00b),
        ("3.0", 0x007),
        ("3.0(back)", 0x103),
        ("3.1", 0x00f),
        ("4.0", 0x107),
        ("quad", 0x033),
        ("quad(side)", 0x603),
        ("5.0", 0x037),
        ("5.0(side)", 0x607),
        ("5.1", 0x03f),
        ("5.1(side)", 0x60f),
        ("6.1", 0x70f),
        ("7.0", 0x637),
        ("7.1", 0x63f),
    ];
    let mask = NAMES.iter().find(|(name, _)| layout.name() == Some(name)).map_or(0, |(_, mask)| *mask);
    if mask.count_ones() as usize == channels { mask } else { 0 }
}
