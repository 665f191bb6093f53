//! MPEG audio layer III, behind the interface that the other codecs have: one frame in, its samples out.

use remotemedia_layer3::{Damage, Decoder as FrameDecoder, Head};
use symphonia::core::audio::{AudioBuffer, AudioMut as _, AudioSpec};
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder};
use symphonia::core::errors::{Error, Result};
use symphonia::core::packet::PacketRef;

use super::header::Header;
use crate::audio::decode::layout::front;
use crate::audio::decode::symphonia_decoder::{audio_decoder_fields, decode_ref_into_frames};

/// Decodes the frames of one track.
pub(in crate::audio::decode) struct Decoder {
    params: AudioCodecParameters,
    inner: Box<FrameDecoder>,
    /// What the frames decoded so far were like.
    head: Option<Head>,
    frames: AudioBuffer<f32>,
}

impl Decoder {
    pub(in crate::audio::decode) fn new(params: &AudioCodecParameters) -> Self {
        Self { params: params.clone(), inner: FrameDecoder::new(), head: None, frames: AudioBuffer::default() }
    }

    fn decode_into_frames(&mut self, packet: &PacketRef<'_>) -> Result<()> {
        let head = Head::read(packet.data).ok_or(Error::DecodeError(Damage::Head.text()))?;
        let len = Header::read(packet.data).and_then(|header| header.len());
        if len.is_some_and(|len| len != packet.data.len()) {
            return Err(Error::DecodeError("a frame of MPEG audio has another length than its head says"));
        }
        if !self.head.is_some_and(|before| before.is_like(&head)) {
            // Another stream begins.
            self.inner.reset();
            self.frames = AudioBuffer::new(AudioSpec::new(head.rate(), front(head.channels())), head.frames());
            self.head = Some(head);
        }
        self.frames.clear();
        let planes = self.inner.decode(packet.data).map_err(|damage| Error::DecodeError(damage.text()))?;
        self.frames.render_uninit(Some(head.frames()));
        for (channel, plane) in planes.into_iter().take(head.channels()).enumerate() {
            if let Some(frames) = self.frames.plane_mut(channel) {
                frames.copy_from_slice(plane);
            }
        }
        Ok(())
    }
}

impl AudioDecoder for Decoder {
    fn reset(&mut self) {
        self.inner.reset();
    }

    audio_decoder_fields!("mp3", "MPEG audio layer III");

    decode_ref_into_frames!();
}
