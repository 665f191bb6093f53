//! Ogg Opus (RFC 7845): sound at any rate to 48 kHz, packets of 20 ms, pages of one second.

use std::io::Write as _;

use remotemedia_core::node::{Define as _, Node as _, NodeError, Step};
use remotemedia_core::value::{Audio, Packet, Value};
use ruopus::ogg::{OpusHead, OpusTags, PageWriter};
use ruopus::{Bandwidth, OpusEncoder};

use super::super::resample::{AudioResample, AudioResampleParams, ResampleQuality};
use crate::file::{Output, unwritten};

const RATE: u32 = 48_000;
/// 20 ms.
const PACKET: usize = 960;
const PACKETS_OF_PAGE: u32 = 50;
/// The one stream of the file needs a number, and the same sound should give the same file.
const SERIAL: u32 = 1;
/// What a packet of 20 ms may take (RFC 6716, 3.2.1).
const LONGEST_PACKET: usize = 1275;

/// Encodes packet by packet; the last one waits, because it carries the end.
pub(super) struct OpusWriter {
    encoder: OpusEncoder,
    resample: Option<AudioResample>,
    pages: PageWriter,
    /// Bytes of pages that are not written yet.
    ready: Vec<u8>,
    /// Interleaved frames at 48 kHz that wait for a packet.
    waiting: Vec<f32>,
    channels: usize,
    pre_skip: u64,
    /// Frames of sound that came in, and that were encoded, at 48 kHz.
    taken: u64,
    encoded: u64,
    packets: u32,
}

impl OpusWriter {
    pub(super) fn new(
        audio: &Audio,
        bitrate_kbps: Option<u32>,
        output: &mut Output,
        name: &str,
    ) -> Result<Self, NodeError> {
        let (rate, channels) = (audio.rate(), audio.channels());
        if channels > 2 {
            return Err(NodeError::new(format!("Opus is written with up to 2 channels, got {channels}"))
                .cure("Mix it down with AudioMix, or use format \"flac\"."));
        }
        let bitrate = bitrate_kbps.map_or(if channels == 1 { 64_000 } else { 96_000 }, |kbps| kbps * 1000);
        let mut encoder = OpusEncoder::new(channels);
        encoder.set_bandwidth(Bandwidth::FullBand);
        encoder.set_bitrate(Some(bitrate));
        // The delay of what the encoder picks at full band: the MDCT alone, or SILK below it.
        let pre_skip: u16 = if bitrate > 40_000 { 120 } else { 69 };
        let resample = (rate != RATE)
            .then(|| AudioResample::new(&AudioResampleParams { rate: RATE, quality: ResampleQuality::High }));
        let mut pages = PageWriter::new(SERIAL);
        let mut ready = Vec::new();
        pages.push(&mut ready, &OpusHead::family0(channels as u8, pre_skip, rate).to_bytes(), 0, false);
        pages.flush(&mut ready);
        let tags = OpusTags { vendor: b"remotemedia".to_vec(), comments: Vec::new() };
        pages.push(&mut ready, &tags.to_bytes(), 0, false);
        pages.flush(&mut ready);
        output.write_all(&ready).map_err(|error| unwritten(name, &error))?;
        ready.clear();
        Ok(Self {
            encoder,
            resample,
            pages,
            ready,
            waiting: Vec::new(),
            channels,
            pre_skip: u64::from(pre_skip),
            taken: 0,
            encoded: 0,
            packets: 0,
        })
    }

    pub(super) fn write(&mut self, audio: &Audio, output: &mut Output, name: &str) -> Result<(), NodeError> {
        if let Some(mut resample) = self.resample.take() {
            let step = resample.process(0, Packet::new(Value::from(audio.clone())))?;
            self.take_steps(&mut resample, step, output, name)?;
            self.resample = Some(resample);
            return Ok(());
        }
        self.take(audio, output, name)
    }

    pub(super) fn finish(&mut self, output: &mut Output, name: &str) -> Result<(), NodeError> {
        if let Some(mut resample) = self.resample.take() {
            let step = resample.flush()?;
            self.take_steps(&mut resample, step, output, name)?;
        }
        let end = self.pre_skip + self.taken;
        loop {
            let mut packet = std::mem::take(&mut self.waiting);
            packet.resize(PACKET * self.channels, 0.0);
            let is_last = self.encoded + PACKET as u64 >= end;
            self.encode(&packet, is_last.then_some(end), output, name)?;
            if is_last {
                return Ok(());
            }
        }
    }

    fn take_steps(
        &mut self,
        resample: &mut AudioResample,
        mut step: Step,
        output: &mut Output,
        name: &str,
    ) -> Result<(), NodeError> {
        loop {
            let (emission, is_done) = match step {
                Step::Done(emission) => (emission, true),
                Step::More(emission) => (emission, false),
            };
            if let Some(Value::Audio(audio)) = emission.map(|emission| emission.packet.value) {
                self.take(&audio, output, name)?;
            }
            if is_done {
                return Ok(());
            }
            step = resample.resume()?;
        }
    }

    /// Takes frames at 48 kHz, and encodes all whole packets but the last.
    fn take(&mut self, audio: &Audio, output: &mut Output, name: &str) -> Result<(), NodeError> {
        let channels: Vec<&[f32]> = audio.iter_channels().collect();
        self.taken += audio.frames() as u64;
        self.waiting.reserve(audio.frames() * self.channels);
        for frame in 0..audio.frames() {
            self.waiting.extend(channels.iter().map(|channel| channel[frame]));
        }
        let packet = PACKET * self.channels;
        let waiting = std::mem::take(&mut self.waiting);
        let mut rest = &waiting[..];
        while rest.len() > packet {
            self.encode(&rest[..packet], None, output, name)?;
            rest = &rest[packet..];
        }
        self.waiting = rest.to_vec();
        Ok(())
    }

    /// Encodes one packet; the last one of the file says where the sound ends.
    fn encode(&mut self, pcm: &[f32], end: Option<u64>, output: &mut Output, name: &str) -> Result<(), NodeError> {
        let packet = self
            .encoder
            .encode_auto(pcm, LONGEST_PACKET)
            .map_err(|error| NodeError::new("the Opus encoder refuses this sound").because(&error))?;
        self.encoded += PACKET as u64;
        self.packets += 1;
        self.pages.push(&mut self.ready, &packet, end.unwrap_or(self.encoded), end.is_some());
        if self.packets.is_multiple_of(PACKETS_OF_PAGE) && end.is_none() {
            self.pages.flush(&mut self.ready);
        }
        output.write_all(&self.ready).map_err(|error| unwritten(name, &error))?;
        self.ready.clear();
        Ok(())
    }
}
