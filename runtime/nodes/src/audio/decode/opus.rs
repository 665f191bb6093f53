//! Opus (RFC 6716) behind the interface that the other codecs have: one packet in, its frames out, always at 48 kHz.
//!
//! It may know the head of an Opus stream (RFC 7845, 5.1), which Ogg, WebM and MP4 carry alike, but nothing of files.

use ruopus::ogg::{ChannelMapping, OpusHead};
use ruopus::{MultistreamDecoder, OpusDecoder, PacketError};
use symphonia::core::audio::{
    AsGenericAudioBufferRef as _, AudioBuffer, AudioMut as _, AudioSpec, Channels, GenericAudioBufferRef, Position,
};
use symphonia::core::codecs::CodecInfo;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, FinalizeResult};
use symphonia::core::errors::{Error, Result};
use symphonia::core::packet::PacketRef;

/// The one rate that Opus is decoded at, in Hz.
const RATE: u32 = 48_000;
/// A packet holds up to 120 ms (RFC 6716, 3.2.5).
const LONGEST_PACKET: usize = 5760;

/// What the head of a stream says.
pub(super) struct Head {
    /// Frames that only let the decoder converge, and are no sound.
    pub(super) pre_skip: u16,
}

impl Head {
    /// Reads the head that a container keeps beside its Opus track, if there is one.
    pub(super) fn of(params: &AudioCodecParameters) -> Option<Self> {
        let head = OpusHead::parse(params.extra_data.as_deref()?).ok()?;
        Some(Self { pre_skip: head.pre_skip })
    }
}

/// Decodes the packets of one track.
pub(super) struct Decoder {
    params: AudioCodecParameters,
    streams: Streams,
    /// For each channel of a decoded packet, the plane that it goes to.
    planes: &'static [usize],
    gain: f32,
    frames: AudioBuffer<f32>,
}

enum Streams {
    One(Box<OpusDecoder>),
    /// Several, as surround sound has them; kept with what makes them anew.
    Several(Box<MultistreamDecoder>, ChannelMapping),
}

impl Decoder {
    /// A decoder for a track with this head.
    ///
    /// # Errors
    /// If the head is damaged, or maps its channels to no known places.
    pub(super) fn new(params: &AudioCodecParameters) -> Result<Self> {
        let head = params.extra_data.as_deref().unwrap_or_default();
        let head = OpusHead::parse(head).map_err(|_| Error::DecodeError("its Opus head is not valid"))?;
        let count = usize::from(head.channel_count);
        let (planes, positions) = match head.channel_mapping {
            ChannelMapping::Family0 | ChannelMapping::Table { family: 1, .. } => {
                *CHANNELS.get(count - 1).ok_or(Error::DecodeError("its Opus head names too many channels"))?
            }
            ChannelMapping::Table { .. } => return Err(Error::Unsupported("channels without places")),
        };
        // A container may leave the places out, or say them in another way; the head is what the packets follow.
        let channels = Channels::Positioned(positions);
        // Q7.8 decibels (RFC 7845, 5.1).
        let gain = 10f32.powf(f32::from(head.output_gain_q8) / (20.0 * 256.0));
        Ok(Self {
            params: params.clone(),
            streams: Streams::new(head.channel_mapping, count),
            planes,
            gain,
            frames: AudioBuffer::new(AudioSpec::new(RATE, channels), LONGEST_PACKET),
        })
    }

    fn decode_into_frames(&mut self, packet: &PacketRef<'_>) -> Result<()> {
        let interleaved = self.streams.decode(packet.data).map_err(|error| Error::DecodeError(explain(error)))?;
        let count = self.planes.len();
        self.frames.clear();
        self.frames.render_uninit(Some(interleaved.len() / count));
        for (channel, &plane) in self.planes.iter().enumerate() {
            let samples = interleaved[channel..].iter().step_by(count);
            for (frame, sample) in self.frames.plane_mut(plane).into_iter().flatten().zip(samples) {
                *frame = sample * self.gain;
            }
        }
        let trim = |frames: symphonia::core::units::Duration| usize::try_from(frames.get()).unwrap_or(usize::MAX);
        self.frames.trim(trim(packet.trim_start), trim(packet.trim_end));
        Ok(())
    }
}

impl AudioDecoder for Decoder {
    fn reset(&mut self) {
        self.streams.reset(self.planes.len());
    }

    fn codec_info(&self) -> &CodecInfo {
        &CodecInfo { short_name: "opus", long_name: "Opus", profiles: &[] }
    }

    fn codec_params(&self) -> &AudioCodecParameters {
        &self.params
    }

    fn decode_ref(&mut self, packet: &PacketRef<'_>) -> Result<GenericAudioBufferRef<'_>> {
        if let Err(error) = self.decode_into_frames(packet) {
            self.frames.clear();
            return Err(error);
        }
        Ok(self.frames.as_generic_audio_buffer_ref())
    }

    fn finalize(&mut self) -> FinalizeResult {
        FinalizeResult::default()
    }

    fn last_decoded(&self) -> GenericAudioBufferRef<'_> {
        self.frames.as_generic_audio_buffer_ref()
    }
}

impl Streams {
    fn new(mapping: ChannelMapping, channels: usize) -> Self {
        match &mapping {
            ChannelMapping::Table { stream_count, coupled_count, mapping: table, .. } => {
                let (streams, coupled) = (usize::from(*stream_count), usize::from(*coupled_count));
                let decoder = MultistreamDecoder::with_rate(RATE, streams, coupled, table);
                Streams::Several(Box::new(decoder), mapping)
            }
            ChannelMapping::Family0 => Streams::One(Box::new(OpusDecoder::new(channels))),
        }
    }

    fn reset(&mut self, channels: usize) {
        let mapping = match self {
            Streams::One(_) => ChannelMapping::Family0,
            Streams::Several(_, mapping) => mapping.clone(),
        };
        *self = Self::new(mapping, channels);
    }

    /// Interleaved frames of one packet, in the order of the stream.
    fn decode(&mut self, packet: &[u8]) -> std::result::Result<Vec<f32>, PacketError> {
        match self {
            Streams::One(decoder) => decoder.decode_packet(packet),
            Streams::Several(decoder, _) => decoder.decode_packet(packet),
        }
    }
}

const FRONT: Position = Position::FRONT_LEFT.union(Position::FRONT_RIGHT);
const THREE: Position = FRONT.union(Position::FRONT_CENTER);
const REAR: Position = Position::REAR_LEFT.union(Position::REAR_RIGHT);
const SIDE: Position = Position::SIDE_LEFT.union(Position::SIDE_RIGHT);

/// Where the channels of Vorbis order (RFC 7845, 5.1.1.2) are in the order of `WAVEFORMATEXTENSIBLE`, and their places.
const CHANNELS: [(&[usize], Position); 8] = [
    (&[0], Position::FRONT_LEFT),
    (&[0, 1], FRONT),
    (&[0, 2, 1], THREE),
    (&[0, 1, 2, 3], FRONT.union(REAR)),
    (&[0, 2, 1, 3, 4], THREE.union(REAR)),
    (&[0, 2, 1, 4, 5, 3], THREE.union(REAR).union(Position::LFE1)),
    (&[0, 2, 1, 5, 6, 4, 3], THREE.union(SIDE).union(Position::REAR_CENTER).union(Position::LFE1)),
    (&[0, 2, 1, 6, 7, 4, 5, 3], THREE.union(SIDE).union(REAR).union(Position::LFE1)),
];

fn explain(error: PacketError) -> &'static str {
    match error {
        PacketError::Empty => "an Opus packet is empty",
        PacketError::FrameTooLarge => "a frame of an Opus packet is longer than 1275 bytes",
        PacketError::InvalidFrameCount => "an Opus packet has no frames, or more than 120 ms of them",
        _ => "the frames of an Opus packet do not fill it",
    }
}
