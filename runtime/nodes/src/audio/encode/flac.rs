//! FLAC (RFC 9639): blocks of 4096 frames, written as they come, with lengths and checksum put into the header at the
//! end.

use std::io::{self, Seek as _, SeekFrom, Write as _};

use flacenc::bitsink::ByteSink;
use flacenc::component::{BitRepr as _, Stream, StreamInfo};
use flacenc::config;
use flacenc::error::{Verified, Verify as _};
use flacenc::source::{Context, Fill as _, FrameBuf};
use remotemedia_core::node::NodeError;
use remotemedia_core::value::Audio;

use super::super::pcm::{SampleFormat, quantize};
use crate::io::{Output, unwritten};

const BLOCK: usize = 4096;

/// What a frame has beside its samples: 16 bytes of header, 2 bytes for each subframe, 2 bytes of checksum.
const MOST_HEADER_BITS: usize = (16 + 2 * 8 + 2) * 8;

/// Encodes frames block by block.
pub(super) struct FlacWriter {
    bits: u32,
    config: Verified<config::Encoder>,
    /// Predicts nothing: samples are written as they are.
    verbatim: Verified<config::Encoder>,
    info: StreamInfo,
    context: Context,
    block: FrameBuf,
    /// Interleaved integers that wait for a whole block.
    waiting: Vec<i32>,
    channels: usize,
}

impl FlacWriter {
    pub(super) fn new(audio: &Audio, format: SampleFormat, output: &mut Output, name: &str) -> Result<Self, NodeError> {
        const MOST_CHANNELS: usize = 8;
        /// What the encoder underneath takes.
        const FASTEST_RATE: u32 = 96_000;
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
        let mut plain = config::Encoder::default();
        plain.subframe_coding.use_fixed = false;
        plain.subframe_coding.use_lpc = false;
        let (config, verbatim) = (verified(config::Encoder::default())?, verified(plain)?);
        let info = StreamInfo::new(rate as usize, channels, bits as usize).map_err(|error| refused(&error))?;
        let block = FrameBuf::with_size(channels, BLOCK).map_err(|error| refused(&error))?;
        let mut writer = Self {
            bits,
            config,
            verbatim,
            info,
            context: Context::new(bits as usize, channels),
            block,
            waiting: Vec::new(),
            channels,
        };
        writer.write_header(output, name)?;
        Ok(writer)
    }

    pub(super) fn write(&mut self, audio: &Audio, output: &mut Output, name: &str) -> Result<(), NodeError> {
        let channels: Vec<&[f32]> = audio.iter_channels().collect();
        for frame in 0..audio.frames() {
            self.waiting.extend(channels.iter().map(|channel| quantize(channel[frame], self.bits)));
        }
        let whole = self.waiting.len() / (BLOCK * self.channels) * BLOCK * self.channels;
        let blocks: Vec<i32> = self.waiting.drain(..whole).collect();
        blocks.chunks_exact(BLOCK * self.channels).try_for_each(|block| self.encode(block, output, name))
    }

    pub(super) fn finish(&mut self, output: &mut Output, name: &str) -> Result<(), NodeError> {
        let last = std::mem::take(&mut self.waiting);
        if !last.is_empty() {
            self.encode(&last, output, name)?;
        }
        if !output.can_seek() {
            // The header at the beginning says that length and checksum are unknown (RFC 9639, 8.2).
            return Ok(());
        }
        self.info.set_md5_digest(&self.context.md5_digest());
        output.seek(SeekFrom::Start(0)).map_err(|error| unwritten(name, &error))?;
        self.write_header(output, name)?;
        output.seek(SeekFrom::End(0)).map_err(|error| unwritten(name, &error))?;
        Ok(())
    }

    fn encode(&mut self, interleaved: &[i32], output: &mut Output, name: &str) -> Result<(), NodeError> {
        self.block.fill_interleaved(interleaved).map_err(|error| refused(&error))?;
        self.context.fill_interleaved(interleaved).map_err(|error| refused(&error))?;
        let number = self.context.current_frame_number().unwrap_or(0);
        let with = |config| flacenc::encode_fixed_size_frame(config, &self.block, number, &self.info);
        let mut frame = with(&self.config).map_err(|error| refused(&error))?;
        // The encoder takes a few samples far from all others for cheap, and writes megabytes of zeros for each: more than
        // a frame may have (RFC 9639, 8.2). Samples as they are are the most that a frame needs.
        let most = interleaved.len() * self.bits as usize + MOST_HEADER_BITS;
        if frame.count_bits() > most {
            frame = with(&self.verbatim).map_err(|error| refused(&error))?;
        }
        self.info.update_frame_info(&frame);
        let mut sink = ByteSink::new();
        frame.write(&mut sink).map_err(|error| refused(&error))?;
        output.write_all(sink.as_slice()).map_err(|error| unwritten(name, &error))
    }

    fn write_header(&mut self, output: &mut Output, name: &str) -> Result<(), NodeError> {
        let mut info = self.info.clone();
        // All blocks but the last have one size (RFC 9639, 8.2), whatever the encoder counted.
        info.set_block_sizes(BLOCK, BLOCK).map_err(|error| refused(&error))?;
        if info.total_samples() == 0 {
            info.set_frame_sizes(0, 0).map_err(|error| refused(&error))?;
        }
        let mut sink = ByteSink::new();
        Stream::with_stream_info(info).write(&mut sink).map_err(|error| refused(&error))?;
        let result: io::Result<()> = output.write_all(sink.as_slice());
        result.map_err(|error| unwritten(name, &error))
    }
}

fn verified(settings: config::Encoder) -> Result<Verified<config::Encoder>, NodeError> {
    settings
        .into_verified()
        .map_err(|(_, error)| NodeError::new("the FLAC encoder refuses its settings").because(&error))
}

fn refused(error: &dyn std::error::Error) -> NodeError {
    NodeError::new("the FLAC encoder refuses this sound").because(error)
}
