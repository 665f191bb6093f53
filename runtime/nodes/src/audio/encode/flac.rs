//! FLAC (RFC 9639): blocks of 4096 frames, written as they come, with lengths and checksum put into the header at the
//! end.

mod bits;
mod comment;
mod fixed;
mod frame;
mod lpc;
mod rice;
mod subframe;

use std::io::{Seek as _, SeekFrom, Write as _};

use md5::{Digest as _, Md5};
use remotemedia_core::node::NodeError;
use remotemedia_core::value::Audio;

use self::comment::comment_of;
use self::frame::FrameEncoder;
use super::super::pcm::{SampleFormat, quantize_all};
use crate::io::{Output, unwritten};

const BLOCK: usize = 4096;

/// Encodes frames block by block.
pub(super) struct FlacWriter {
    rate: u32,
    channels: usize,
    bits: u32,
    /// The block behind STREAMINFO, if there is one.
    comment: Vec<u8>,
    encoder: FrameEncoder,
    /// For each channel the integers that wait for a whole block.
    waiting: Vec<Vec<i32>>,
    /// The samples of a block as the checksum takes them.
    packed: Vec<u8>,
    /// Of all samples. Without it where the header can't be written again.
    checksum: Option<Md5>,
    total: u64,
    /// The lengths of the shortest and the longest frame in bytes.
    shortest: u32,
    longest: u32,
}

impl FlacWriter {
    pub(super) fn new(audio: &Audio, format: SampleFormat, output: &mut Output, name: &str) -> Result<Self, NodeError> {
        const MOST_CHANNELS: usize = 8;
        /// What all readers take: headers of files hold more, those of frames do not.
        const FASTEST_RATE: u32 = 655_350;
        let (rate, channels) = (audio.rate(), audio.channels());
        if channels > MOST_CHANNELS {
            return Err(NodeError::new(format!("FLAC holds up to {MOST_CHANNELS} channels, got {channels}"))
                .cure("Mix it down with AudioMix, or use format \"wav\"."));
        }
        if rate > FASTEST_RATE {
            return Err(NodeError::new(format!("FLAC is written up to {FASTEST_RATE} Hz, got {rate} Hz"))
                .cure("Put an AudioResample before it, or use format \"wav\"."));
        }
        let bits = if format == SampleFormat::S24 { 24 } else { 16 };
        let writer = Self {
            rate,
            channels,
            bits,
            comment: comment_of(audio)?,
            encoder: FrameEncoder::new(rate, bits),
            waiting: vec![Vec::new(); channels],
            packed: Vec::new(),
            checksum: output.can_seek().then(Md5::new),
            total: 0,
            shortest: u32::MAX,
            longest: 0,
        };
        output.write_all(&writer.header([0; 16])).map_err(|error| unwritten(name, &error))?;
        Ok(writer)
    }

    pub(super) fn write(&mut self, audio: &Audio, output: &mut Output, name: &str) -> Result<(), NodeError> {
        for (waiting, samples) in self.waiting.iter_mut().zip(audio.iter_channels()) {
            quantize_all(samples, self.bits, waiting);
        }
        let mut waiting = std::mem::take(&mut self.waiting);
        let whole = waiting[0].len() / BLOCK * BLOCK;
        let result = (0..whole).step_by(BLOCK).try_for_each(|begin| {
            let planes: Vec<&[i32]> = waiting.iter().map(|plane| &plane[begin..begin + BLOCK]).collect();
            self.encode(&planes, output, name)
        });
        waiting.iter_mut().for_each(|plane| drop(plane.drain(..whole)));
        self.waiting = waiting;
        result
    }

    pub(super) fn finish(&mut self, output: &mut Output, name: &str) -> Result<(), NodeError> {
        let last = std::mem::take(&mut self.waiting);
        let planes: Vec<&[i32]> = last.iter().map(Vec::as_slice).collect();
        if !planes[0].is_empty() {
            self.encode(&planes, output, name)?;
        }
        let Some(checksum) = self.checksum.take() else {
            // The header at the beginning says that length and checksum are unknown (RFC 9639, 8.2).
            return Ok(());
        };
        let header = self.header(checksum.finalize().into());
        let written = output.seek(SeekFrom::Start(0)).and_then(|_| output.write_all(&header));
        written.and_then(|()| output.seek(SeekFrom::End(0)).map(drop)).map_err(|error| unwritten(name, &error))
    }

    fn encode(&mut self, planes: &[&[i32]], output: &mut Output, name: &str) -> Result<(), NodeError> {
        if let Some(checksum) = &mut self.checksum {
            match self.bits {
                16 => pack::<2>(planes, &mut self.packed),
                _ => pack::<3>(planes, &mut self.packed),
            }
            checksum.update(&self.packed);
        }
        let frame = self.encoder.encode(planes);
        self.total += planes[0].len() as u64;
        self.shortest = self.shortest.min(frame.len() as u32);
        self.longest = self.longest.max(frame.len() as u32);
        output.write_all(frame).map_err(|error| unwritten(name, &error))
    }

    /// The mark of a FLAC file, its block STREAMINFO (RFC 9639, 8.2), and what block comes behind.
    fn header(&self, checksum: [u8; 16]) -> Vec<u8> {
        let last = if self.comment.is_empty() { 0x80 } else { 0 };
        let mut header = [b"fLaC", &[last, 0, 0, 0x22][..]].concat();
        // All blocks but the last have one size.
        header.extend([(BLOCK as u16).to_be_bytes(); 2].as_flattened());
        let shortest = self.shortest.min(self.longest);
        header.extend_from_slice(&shortest.to_be_bytes()[1..]);
        header.extend_from_slice(&self.longest.to_be_bytes()[1..]);
        // What 36 bits can't hold counts as unknown.
        let total = if self.total >> 36 == 0 { self.total } else { 0 };
        let (channels, bits) = (self.channels as u64 - 1, u64::from(self.bits) - 1);
        header.extend((u64::from(self.rate) << 44 | channels << 41 | bits << 36 | total).to_be_bytes());
        header.extend(checksum);
        header.extend(&self.comment);
        header
    }
}

/// Samples frame by frame in bytes, the lowest first, as the checksum of a file takes them (RFC 9639, 8.2).
fn pack<const BYTES: usize>(planes: &[&[i32]], packed: &mut Vec<u8>) {
    packed.resize(planes.len() * planes[0].len() * BYTES, 0);
    for (channel, plane) in planes.iter().enumerate() {
        let frames = packed.chunks_exact_mut(planes.len() * BYTES);
        for (frame, sample) in frames.zip(*plane) {
            frame[channel * BYTES..][..BYTES].copy_from_slice(&sample.to_le_bytes()[..BYTES]);
        }
    }
}
