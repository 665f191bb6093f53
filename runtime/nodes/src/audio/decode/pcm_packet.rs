//! PCM in packets to planar float32, behind the interface that the other codecs have: whole rows of samples at a time, where
//! Symphonia's decoder asks its reader for each byte.
//!
//! The values are those of Symphonia, which decodes what is rarer.

use symphonia::core::audio::{
    AsGenericAudioBufferRef as _, Audio as _, AudioBuffer, AudioMut as _, AudioSpec, GenericAudioBufferRef,
};
use symphonia::core::codecs::audio::well_known as codec;
use symphonia::core::codecs::audio::{AudioCodecId, AudioCodecParameters, AudioDecoder};
use symphonia::core::errors::Result;
use symphonia::core::packet::PacketRef;

use super::super::pcm::{expand_a_law, expand_mu_law};
use super::symphonia_decoder::audio_decoder_fields;

/// How a sample is written.
#[derive(Clone, Copy)]
enum Coding {
    U8,
    S8,
    S16(Order),
    S24(Order),
    S32(Order),
    F32(Order),
    F64(Order),
    ALaw,
    MuLaw,
}

/// The order of bytes.
#[derive(Clone, Copy)]
enum Order {
    Little,
    Big,
}

/// Decodes the packets of one track.
pub(super) struct Decoder {
    params: AudioCodecParameters,
    coding: Coding,
    frames: AudioBuffer<f32>,
}

/// Whether it is uncompressed sound, or as good as that.
pub(super) fn is_pcm(id: AudioCodecId) -> bool {
    Coding::of(id).is_some() || matches!(id, codec::CODEC_ID_PCM_U16LE | codec::CODEC_ID_PCM_U16BE)
}

impl Decoder {
    /// A decoder for a track of PCM; `None` if it is another codec, or one whose samples are not full numbers.
    pub(super) fn new(params: &AudioCodecParameters) -> Option<Self> {
        let coding = Coding::of(params.codec)?;
        let is_full = |bits: Option<u32>| bits.is_none_or(|bits| bits == coding.bits());
        if !is_full(params.bits_per_sample) || !is_full(params.bits_per_coded_sample) {
            return None;
        }
        let channels = params.channels.clone().filter(|channels| channels.count() > 0)?;
        let frames = AudioBuffer::new(AudioSpec::new(params.sample_rate?, channels), 0);
        Some(Self { params: params.clone(), coding, frames })
    }

    fn decode_into_frames(&mut self, bytes: &[u8]) {
        const FULL_16: f32 = 32_768.0;
        const FULL_32: f32 = 2_147_483_648.0;
        let into = &mut self.frames;
        match self.coding {
            Coding::U8 => spread(bytes, into, |[byte]| f32::from(byte) / 128.0 - 1.0),
            Coding::S8 => spread(bytes, into, |[byte]| f32::from(byte as i8) / 128.0),
            Coding::S16(Order::Little) => spread(bytes, into, |sample| f32::from(i16::from_le_bytes(sample)) / FULL_16),
            Coding::S16(Order::Big) => spread(bytes, into, |sample| f32::from(i16::from_be_bytes(sample)) / FULL_16),
            // Exact: 24 bits fit the significand, and full scale is a power of two.
            Coding::S24(Order::Little) => {
                spread(bytes, into, |[a, b, c]| i32::from_le_bytes([0, a, b, c]) as f32 / FULL_32)
            }
            Coding::S24(Order::Big) => {
                spread(bytes, into, |[a, b, c]| i32::from_be_bytes([a, b, c, 0]) as f32 / FULL_32)
            }
            Coding::S32(Order::Little) => spread(bytes, into, |sample| i32::from_le_bytes(sample) as f32 / FULL_32),
            Coding::S32(Order::Big) => spread(bytes, into, |sample| i32::from_be_bytes(sample) as f32 / FULL_32),
            Coding::F32(Order::Little) => spread(bytes, into, f32::from_le_bytes),
            Coding::F32(Order::Big) => spread(bytes, into, f32::from_be_bytes),
            Coding::F64(Order::Little) => spread(bytes, into, |sample| f64::from_le_bytes(sample) as f32),
            Coding::F64(Order::Big) => spread(bytes, into, |sample| f64::from_be_bytes(sample) as f32),
            Coding::ALaw => spread(bytes, into, |[code]| f32::from(expand_a_law(code)) / FULL_16),
            Coding::MuLaw => spread(bytes, into, |[code]| f32::from(expand_mu_law(code)) / FULL_16),
        }
    }
}

impl AudioDecoder for Decoder {
    fn reset(&mut self) {
        // A packet has nothing to do with the one before.
    }

    audio_decoder_fields!("pcm", "PCM");

    fn decode_ref(&mut self, packet: &PacketRef<'_>) -> Result<GenericAudioBufferRef<'_>> {
        self.decode_into_frames(packet.data);
        Ok(self.frames.as_generic_audio_buffer_ref())
    }
}

impl Coding {
    fn of(id: AudioCodecId) -> Option<Self> {
        Some(match id {
            codec::CODEC_ID_PCM_U8 => Self::U8,
            codec::CODEC_ID_PCM_S8 => Self::S8,
            codec::CODEC_ID_PCM_S16LE => Self::S16(Order::Little),
            codec::CODEC_ID_PCM_S16BE => Self::S16(Order::Big),
            codec::CODEC_ID_PCM_S24LE => Self::S24(Order::Little),
            codec::CODEC_ID_PCM_S24BE => Self::S24(Order::Big),
            codec::CODEC_ID_PCM_S32LE => Self::S32(Order::Little),
            codec::CODEC_ID_PCM_S32BE => Self::S32(Order::Big),
            codec::CODEC_ID_PCM_F32LE => Self::F32(Order::Little),
            codec::CODEC_ID_PCM_F32BE => Self::F32(Order::Big),
            codec::CODEC_ID_PCM_F64LE => Self::F64(Order::Little),
            codec::CODEC_ID_PCM_F64BE => Self::F64(Order::Big),
            codec::CODEC_ID_PCM_ALAW => Self::ALaw,
            codec::CODEC_ID_PCM_MULAW => Self::MuLaw,
            _ => return None,
        })
    }

    /// The bits of a sample once it is expanded.
    fn bits(self) -> u32 {
        match self {
            Self::U8 | Self::S8 => 8,
            Self::S16(_) | Self::ALaw | Self::MuLaw => 16,
            Self::S24(_) => 24,
            Self::S32(_) | Self::F32(_) => 32,
            Self::F64(_) => 64,
        }
    }
}

/// Converts interleaved samples to planes. What is left of a last frame is no sound.
fn spread<const N: usize>(bytes: &[u8], into: &mut AudioBuffer<f32>, convert: impl Fn([u8; N]) -> f32) {
    let channels = into.spec().channels().count();
    let (samples, _) = bytes.as_chunks::<N>();
    let frames = samples.len() / channels;
    into.clear();
    into.grow_capacity(frames);
    into.render_uninit(Some(frames));
    if let Some((left, right)) = into.plane_pair_mut(0, 1).filter(|_| channels == 2) {
        // Written so that it becomes vector instructions.
        let (pairs, _) = samples.as_chunks::<2>();
        for ((left, right), pair) in left.iter_mut().zip(right).zip(pairs) {
            (*left, *right) = (convert(pair[0]), convert(pair[1]));
        }
        return;
    }
    for (channel, plane) in into.iter_planes_mut().enumerate() {
        if channels == 1 {
            plane.iter_mut().zip(samples).for_each(|(frame, sample)| *frame = convert(*sample));
        } else {
            let row = samples[channel.min(samples.len())..].iter().step_by(channels);
            plane.iter_mut().zip(row).for_each(|(frame, sample)| *frame = convert(*sample));
        }
    }
}

#[cfg(test)]
mod tests {
    use symphonia::core::audio::{Channels, Position};
    use symphonia::core::codecs::audio::AudioDecoderOptions;
    use symphonia::core::packet::Packet;
    use symphonia::core::units::{Duration, Timestamp};

    use super::*;

    const CODECS: [AudioCodecId; 14] = [
        codec::CODEC_ID_PCM_U8,
        codec::CODEC_ID_PCM_S8,
        codec::CODEC_ID_PCM_S16LE,
        codec::CODEC_ID_PCM_S16BE,
        codec::CODEC_ID_PCM_S24LE,
        codec::CODEC_ID_PCM_S24BE,
        codec::CODEC_ID_PCM_S32LE,
        codec::CODEC_ID_PCM_S32BE,
        codec::CODEC_ID_PCM_F32LE,
        codec::CODEC_ID_PCM_F32BE,
        codec::CODEC_ID_PCM_F64LE,
        codec::CODEC_ID_PCM_F64BE,
        codec::CODEC_ID_PCM_ALAW,
        codec::CODEC_ID_PCM_MULAW,
    ];

    fn params(id: AudioCodecId, channels: u16) -> AudioCodecParameters {
        let places = match channels {
            1 => Channels::Positioned(Position::FRONT_LEFT),
            count => Channels::Discrete(count),
        };
        let mut params = AudioCodecParameters::new();
        params.for_codec(id).with_sample_rate(8000).with_channels(places);
        params
    }

    /// The samples of a packet, bit by bit: NaN is the same as itself.
    fn bits(decoder: &mut dyn AudioDecoder, bytes: &[u8]) -> Vec<Vec<u32>> {
        let packet = Packet::new(0, Timestamp::from(0), Duration::from(1u32), bytes.to_vec().into_boxed_slice());
        let mut planes: Vec<Vec<f32>> = Vec::new();
        decoder.decode(&packet).expect("PCM").copy_to_vecs_planar::<f32>(&mut planes);
        planes.iter().map(|plane| plane.iter().map(|sample| sample.to_bits()).collect()).collect()
    }

    #[test]
    fn samples_are_those_of_symphonia() {
        // Every value of 16 bits is among them, and its bytes stand at every place of wider samples.
        let bytes: Vec<u8> =
            (0..=u16::MAX).flat_map(|word| (word.wrapping_mul(40_503) ^ 0x1234).to_le_bytes()).collect();
        for id in CODECS {
            for channels in 1..=3 {
                let params = params(id, channels);
                let mut ours = Decoder::new(&params).expect("a decoder");
                let options = AudioDecoderOptions::default();
                let mut theirs = symphonia::default::get_codecs().make_audio_decoder(&params, &options).expect("one");
                // Also of packets that end within a frame, longer and shorter than the one before.
                for end in [96, bytes.len() - 3, 7, bytes.len(), 0] {
                    let (ours, theirs) = (bits(&mut ours, &bytes[..end]), bits(theirs.as_mut(), &bytes[..end]));
                    assert_eq!(ours.len(), usize::from(channels));
                    assert!(ours == theirs, "{id} of {channels} channels, {end} bytes");
                }
            }
        }
    }

    #[test]
    fn samples_that_are_no_full_numbers_are_left_to_symphonia() {
        let mut narrow = params(codec::CODEC_ID_PCM_S16LE, 1);
        narrow.with_bits_per_sample(16).with_bits_per_coded_sample(12);
        assert!(Decoder::new(&narrow).is_none());
        narrow.with_bits_per_coded_sample(16);
        assert!(Decoder::new(&narrow).is_some());
        assert!(Decoder::new(&params(codec::CODEC_ID_PCM_U16LE, 1)).is_none());
        assert!(Decoder::new(&params(codec::CODEC_ID_PCM_S16LE, 0)).is_none());
    }
}
