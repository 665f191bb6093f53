//! Ogg Opus (RFC 7845) by libopus: packets of 20 ms, pages of one second.
//!
//! The settings are those of `opusenc`: the best complexity, a variable rate that is free to follow the sound, and modes
//! and bandwidths as the encoder picks them.

use std::io::Write as _;

use opusic_c::multistream::{Config, Encoder};
use opusic_c::{Application, Bitrate, ErrorCode, SampleRate};
use remotemedia_core::node::{Define as _, Node as _, NodeError, Step};
use remotemedia_core::value::{Audio, Packet, Value};

use super::super::opus_head::{Mapping, OpusHead, RATE, planes};
use super::super::resample::{AudioResample, AudioResampleParams, ResampleQuality};
use super::ogg::PageWriter;
use crate::io::{Output, unwritten};
use crate::stream::timeline::Gaps;

/// The rate of a stream in kbit/s: below this the encoder sends no sound, and a packet of 20 ms has no room for more.
const LEAST_KBPS: u32 = 6;
const MOST_KBPS: u32 = 510;
/// Frames of a packet, 20 ms, at 48 kHz.
const PACKET: u64 = 960;
const PACKETS_OF_PAGE: u32 = 50;
/// The one stream of the file needs a number, and the same sound should give the same file.
const SERIAL: u32 = 1;
/// What a packet of 20 ms may take in each stream (RFC 6716, 3.2.1), with its own length.
const LONGEST_PACKET: usize = 1277;

/// Encodes packet by packet; the last one waits, because it carries the end.
pub(super) struct OpusWriter {
    encoder: Encoder,
    resample: Option<AudioResample>,
    pages: PageWriter,
    /// Bytes of pages that are not written yet.
    ready: Vec<u8>,
    /// Room for one packet.
    packet: Vec<u8>,
    /// Interleaved frames that wait for a packet, at the rate and in the order of the encoder.
    waiting: Vec<f32>,
    /// For each channel of the encoder that of the sound.
    order: &'static [usize],
    /// So many frames at 48 kHz is one of the encoder.
    frame: u64,
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
        let (Some(mapping), Some(order)) = (Mapping::of_speakers(channels), planes(channels)) else {
            return Err(NodeError::new(format!("Opus is written with up to 8 channels, got {channels}"))
                .cure("Mix it down with AudioMix, or use format \"wav\"."));
        };
        check_layout(audio)?;
        let kbps = kbps(bitrate_kbps, &mapping, channels)?;
        // Speech from a telephone stays what it is; other rates have none of their own.
        let native = native_rate(rate);
        let frame = u64::from(RATE / native as u32);
        let (encoder, look_ahead) = encoder(&mapping, native, kbps).map_err(refused)?;
        let resample = (rate != native as u32).then(|| {
            AudioResample::new(&AudioResampleParams { rate: RATE, quality: ResampleQuality::High, gaps: Gaps::Ignore })
        });
        let pre_skip = u64::from(look_ahead) * frame;
        let streams = usize::from(mapping.streams);
        let head = OpusHead {
            channels: channels as u8,
            pre_skip: u16::try_from(pre_skip).unwrap_or(u16::MAX),
            input_rate: rate,
            gain: 0,
            mapping,
        };
        let mut writer = Self {
            encoder,
            resample,
            pages: PageWriter::new(SERIAL),
            ready: Vec::new(),
            packet: vec![0; LONGEST_PACKET * streams],
            waiting: Vec::new(),
            order,
            frame,
            pre_skip,
            taken: 0,
            encoded: 0,
            packets: 0,
        };
        for header in [head.to_bytes(), tags()] {
            writer.pages.push(&header, 0, &mut writer.ready);
            writer.pages.end_page(false, &mut writer.ready);
        }
        writer.put(output, name)?;
        Ok(writer)
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
            let mut pcm = std::mem::take(&mut self.waiting);
            pcm.resize(self.packet_samples(), 0.0);
            let is_last = self.encoded + PACKET >= end;
            self.encode(&pcm, is_last.then_some(end), output, name)?;
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

    /// Takes frames at the rate of the encoder, and encodes all whole packets but the last.
    fn take(&mut self, audio: &Audio, output: &mut Output, name: &str) -> Result<(), NodeError> {
        let given: Vec<&[f32]> = audio.iter_channels().collect();
        let channels: Vec<&[f32]> = self.order.iter().map(|channel| given[*channel]).collect();
        self.taken += audio.frames() as u64 * self.frame;
        self.waiting.reserve(audio.frames() * channels.len());
        for frame in 0..audio.frames() {
            self.waiting.extend(channels.iter().map(|samples| samples[frame]));
        }
        let samples = self.packet_samples();
        let waiting = std::mem::take(&mut self.waiting);
        let mut rest = &waiting[..];
        while rest.len() > samples {
            self.encode(&rest[..samples], None, output, name)?;
            rest = &rest[samples..];
        }
        self.waiting = rest.to_vec();
        Ok(())
    }

    /// Encodes one packet; the last one of the file says where the sound ends.
    fn encode(&mut self, pcm: &[f32], end: Option<u64>, output: &mut Output, name: &str) -> Result<(), NodeError> {
        let len = self.encoder.encode_float_to_slice(pcm, &mut self.packet).map_err(refused)?;
        self.encoded += PACKET;
        self.packets += 1;
        self.pages.push(&self.packet[..len], end.unwrap_or(self.encoded), &mut self.ready);
        if end.is_some() || self.packets.is_multiple_of(PACKETS_OF_PAGE) {
            self.pages.end_page(end.is_some(), &mut self.ready);
        }
        self.put(output, name)
    }

    fn put(&mut self, output: &mut Output, name: &str) -> Result<(), NodeError> {
        output.write_all(&self.ready).map_err(|error| unwritten(name, &error))?;
        self.ready.clear();
        Ok(())
    }

    /// Samples of all channels in one packet.
    fn packet_samples(&self) -> usize {
        (PACKET / self.frame) as usize * self.order.len()
    }
}

/// Refuses channels that Opus has no places for in this number, and those that have none: Opus would take what one of six
/// microphones hears for a bass and leave the rest of it out.
fn check_layout(audio: &Audio) -> Result<(), NodeError> {
    const LAYOUTS: [&[&str]; 8] = [
        &["mono"],
        &["stereo"],
        &["3.0"],
        &["quad", "quad(side)"],
        &["5.0", "5.0(side)"],
        &["5.1", "5.1(side)"],
        &["6.1"],
        &["7.1"],
    ];
    let channels = audio.channels();
    let Some(known) = LAYOUTS.get(channels - 1).filter(|_| channels > 2) else { return Ok(()) };
    match audio.layout().name() {
        Some(layout) if known.contains(&layout) => Ok(()),
        Some(layout) => Err(NodeError::new(format!(
            "Opus has no places for the layout {layout}; of {channels} channels it has {}",
            known[0]
        ))
        .cure("Mix it with AudioMix, or use format \"wav\".")),
        None => Err(NodeError::new(format!(
            "Opus needs to know where each of {channels} channels is, and the sound has no layout"
        ))
        .cure(format!("Give it one, such as {}, or use format \"flac\" or \"wav\".", known[0]))),
    }
}

/// The rate of all streams together.
fn kbps(asked: Option<u32>, mapping: &Mapping, channels: usize) -> Result<u32, NodeError> {
    let (streams, coupled) = (u32::from(mapping.streams), u32::from(mapping.coupled));
    let (least, most) = (LEAST_KBPS * streams, MOST_KBPS * streams);
    match asked {
        None => Ok(64 * streams + 32 * coupled),
        Some(kbps) if (least..=most).contains(&kbps) => Ok(kbps),
        Some(kbps) => {
            let channels = if channels == 1 { "1 channel".to_owned() } else { format!("{channels} channels") };
            Err(NodeError::new(format!("Opus of {channels} has {least} to {most} kbit/s, got {kbps}"))
                .cure(format!("Set bitrate_kbps to {}, or leave it out.", kbps.clamp(least, most))))
        }
    }
}

/// The rate that sound of this one is encoded at.
fn native_rate(rate: u32) -> SampleRate {
    match rate {
        8_000 => SampleRate::Hz8000,
        12_000 => SampleRate::Hz12000,
        16_000 => SampleRate::Hz16000,
        24_000 => SampleRate::Hz24000,
        _ => SampleRate::Hz48000,
    }
}

/// The encoder, and by how many frames of its rate the decoded sound is late.
fn encoder(mapping: &Mapping, rate: SampleRate, kbps: u32) -> Result<(Encoder, u32), ErrorCode> {
    let mut encoder = match mapping.table.len() {
        1 => of_channels::<1>(mapping, rate),
        2 => of_channels::<2>(mapping, rate),
        3 => of_channels::<3>(mapping, rate),
        4 => of_channels::<4>(mapping, rate),
        5 => of_channels::<5>(mapping, rate),
        6 => of_channels::<6>(mapping, rate),
        7 => of_channels::<7>(mapping, rate),
        _ => of_channels::<8>(mapping, rate),
    }?;
    encoder.set_bitrate(Bitrate::Value(kbps * 1000))?;
    encoder.set_complexity(10)?;
    // What is below is the noise of rounding; at low rates it would be taken for sound that needs all the bandwidth.
    encoder.set_lsb_depth(16)?;
    encoder.set_vbr(true)?;
    encoder.set_vbr_constraint(false)?;
    let look_ahead = encoder.get_look_ahead()?;
    Ok((encoder, look_ahead))
}

fn of_channels<const CHANNELS: usize>(mapping: &Mapping, rate: SampleRate) -> Result<Encoder, ErrorCode> {
    let table = <[u8; CHANNELS]>::try_from(&mapping.table[..]).map_err(|_| ErrorCode::BadArg)?;
    let config = Config::try_new(mapping.streams, mapping.coupled, table).ok_or(ErrorCode::BadArg)?;
    Encoder::new(config, rate, Application::Audio)
}

/// The second header (RFC 7845, 5.2): who wrote it, and no comments.
fn tags() -> Vec<u8> {
    const VENDOR: &[u8] = b"remotemedia";
    let mut tags = b"OpusTags".to_vec();
    tags.extend((VENDOR.len() as u32).to_le_bytes());
    tags.extend(VENDOR);
    tags.extend([0; 4]);
    tags
}

fn refused(error: ErrorCode) -> NodeError {
    NodeError::new(format!("the Opus encoder refuses this sound: {}", error.message()))
}
