//! Opus (RFC 6716) by libopus, behind the interface that the other codecs have: one packet in, its frames out, always at
//! 48 kHz.
//!
//! It may know the head of an Opus stream, but nothing of files.

pub(super) mod streams;

use std::sync::{Mutex, PoisonError};

use opusic_c::{Channels as Coding, Decoder as StreamDecoder, ErrorCode, SampleRate};
use symphonia::core::audio::{Audio as _, AudioBuffer, AudioMut as _, AudioSpec};
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder};
use symphonia::core::errors::{Error, Result};
use symphonia::core::packet::PacketRef;

use self::streams::Delimited;
use super::super::opus_head::{Mapping, OpusHead, RATE, planes};
use super::layout::places;
use super::symphonia_decoder::{audio_decoder_fields, decode_ref_into_frames};

const UNFILLED: &str = "the frames of an Opus packet do not fill it";
/// A packet holds up to 120 ms (RFC 6716, 3.2.5).
const LONGEST_PACKET: usize = 5760;

/// Frames at the start of the track with these params that only let the decoder converge, and are no sound.
pub(super) fn pre_skip(params: &AudioCodecParameters) -> u16 {
    params.extra_data.as_deref().and_then(OpusHead::parse).map_or(0, |head| head.pre_skip)
}

/// What the channels of a stream with this head are, if it maps them to no speakers (RFC 7845, 5.1.1.3; RFC 8486, 3).
pub(super) fn unplaced(head: &[u8]) -> Option<&'static str> {
    match head.strip_prefix(b"OpusHead")?.get(10)? {
        0 | 1 => None,
        2 | 3 => Some("ambisonics"),
        _ => Some("channels without places"),
    }
}

/// Decodes the packets of one track.
pub(super) struct Decoder {
    params: AudioCodecParameters,
    mapping: Mapping,
    /// One for each stream of a packet. Decoders may go from thread to thread, but symphonia asks for more; no lock is
    /// ever taken.
    streams: Vec<Mutex<StreamDecoder>>,
    /// A packet of one stream as its decoder takes it.
    packet: Vec<u8>,
    /// Interleaved frames of one stream.
    decoded: Vec<f32>,
    /// For each channel of the stream, the plane that it goes to.
    planes: &'static [usize],
    gain: f32,
    /// Frames at the start that are still to be left out.
    skip_left: usize,
    frames: AudioBuffer<f32>,
}

/// What the first packets of a track begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PreSkip {
    /// Leave out as many frames as the head says.
    LeftOut,
    /// Keep all frames, because the container says by itself which are sound.
    Kept,
}

impl Decoder {
    /// A decoder for a track with this head.
    ///
    /// # Errors
    /// If the head is damaged, or maps its channels to no known places.
    pub(super) fn new(params: &AudioCodecParameters, pre_skip: PreSkip) -> Result<Self> {
        let head = params.extra_data.as_deref().unwrap_or_default();
        if let Some(channels) = unplaced(head) {
            return Err(Error::Unsupported(channels));
        }
        let head = OpusHead::parse(head).ok_or(Error::DecodeError("its Opus head is not valid"))?;
        let count = usize::from(head.channels);
        let (Some(planes), Some(channels)) = (planes(count), places(count)) else {
            return Err(Error::DecodeError("its Opus head names too many channels"));
        };
        let streams = stream_decoders(&head.mapping).map_err(|error| Error::DecodeError(error.message()))?;
        // A container may leave the places out, or say them in another way; the head is what the packets follow.
        Ok(Self {
            params: params.clone(),
            mapping: head.mapping,
            streams,
            packet: Vec::new(),
            decoded: vec![0.0; 2 * LONGEST_PACKET],
            planes,
            gain: 10f32.powf(f32::from(head.gain) / (20.0 * 256.0)),
            skip_left: if pre_skip == PreSkip::LeftOut { usize::from(head.pre_skip) } else { 0 },
            frames: AudioBuffer::new(AudioSpec::new(RATE, channels), LONGEST_PACKET),
        })
    }

    fn decode_into_frames(&mut self, packet: &PacketRef<'_>) -> Result<()> {
        self.frames.clear();
        let mut rest = packet.data;
        let last = self.streams.len() - 1;
        for stream in 0..=last {
            let bytes = if stream == last {
                rest
            } else {
                let delimited = Delimited::split(rest).ok_or(Error::DecodeError(UNFILLED))?;
                self.packet.clear();
                self.packet.extend_from_slice(delimited.head);
                self.packet.extend_from_slice(delimited.body);
                rest = delimited.rest;
                &self.packet
            };
            // To the decoder no bytes are a lost packet.
            if bytes.is_empty() {
                return Err(Error::DecodeError("an Opus packet is empty"));
            }
            let decoder = self.streams[stream].get_mut().unwrap_or_else(PoisonError::into_inner);
            let frames = decoder.decode_float_to_slice(bytes, &mut self.decoded, false).map_err(explain)?;
            let sides = decoder.channels() as usize;
            if stream == 0 {
                self.frames.render_silence(Some(frames));
            } else if frames != self.frames.frames() {
                return Err(Error::DecodeError("the streams of an Opus packet differ in length"));
            }
            for (index, &plane) in self.mapping.table.iter().zip(self.planes) {
                let Some(side) = side_of(*index, stream, self.mapping.coupled) else { continue };
                if let Some(plane) = self.frames.plane_mut(plane) {
                    copy_side(&self.decoded, sides, side, self.gain, plane);
                }
            }
        }
        let trim = |frames: symphonia::core::units::Duration| usize::try_from(frames.get()).unwrap_or(usize::MAX);
        self.frames.trim(trim(packet.trim_start), trim(packet.trim_end));
        let skip = self.skip_left.min(self.frames.frames());
        self.skip_left -= skip;
        self.frames.trim(skip, 0);
        Ok(())
    }
}

impl AudioDecoder for Decoder {
    fn reset(&mut self) {
        // They were made once, and what they are made of has not changed.
        if let Ok(streams) = stream_decoders(&self.mapping) {
            self.streams = streams;
        }
    }

    audio_decoder_fields!("opus", "Opus");

    decode_ref_into_frames!();
}

/// A decoder for each stream: the first ones are stereo.
fn stream_decoders(mapping: &Mapping) -> std::result::Result<Vec<Mutex<StreamDecoder>>, ErrorCode> {
    let channels = |stream| if stream < mapping.coupled { Coding::Stereo } else { Coding::Mono };
    (0..mapping.streams)
        .map(|stream| StreamDecoder::new(channels(stream), SampleRate::Hz48000).map(Mutex::new))
        .collect()
}

/// Which side of this stream is the decoded channel of this number; `None` if it is of another one, or of none.
fn side_of(index: u8, stream: usize, coupled: u8) -> Option<usize> {
    const SILENCE: u8 = 255;
    let (of, side) = match index {
        SILENCE => return None,
        index if index < 2 * coupled => (index / 2, index % 2),
        index => (index - coupled, 0),
    };
    (usize::from(of) == stream).then_some(usize::from(side))
}

/// Copies one side of interleaved frames, amplified.
fn copy_side(interleaved: &[f32], sides: usize, side: usize, gain: f32, plane: &mut [f32]) {
    if sides == 1 {
        plane.iter_mut().zip(interleaved).for_each(|(frame, sample)| *frame = sample * gain);
    } else {
        plane.iter_mut().zip(interleaved.chunks_exact(2)).for_each(|(frame, pair)| *frame = pair[side] * gain);
    }
}

fn explain(error: ErrorCode) -> Error {
    Error::DecodeError(if error == ErrorCode::InvalidPacket { UNFILLED } else { error.message() })
}
