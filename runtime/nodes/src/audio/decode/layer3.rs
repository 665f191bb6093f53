//! MPEG audio layer III, behind the interface that the other codecs have: one frame in, its samples out.

use remotemedia_layer3::{Damage, Decoder as FrameDecoder, Head};
use symphonia::core::audio::{
    AsGenericAudioBufferRef as _, AudioBuffer, AudioMut as _, AudioSpec, Channels, GenericAudioBufferRef, Position,
};
use symphonia::core::codecs::CodecInfo;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, FinalizeResult};
use symphonia::core::errors::{Error, Result};
use symphonia::core::packet::PacketRef;

use super::mpeg_header::Header;

/// Decodes the frames of one track.
pub(super) struct Decoder {
    params: AudioCodecParameters,
    inner: Box<FrameDecoder>,
    /// What the frames decoded so far were like.
    head: Option<Head>,
    frames: AudioBuffer<f32>,
}

impl Decoder {
    pub(super) fn new(params: &AudioCodecParameters) -> Self {
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
            let front = if head.channels() == 1 {
                Position::FRONT_LEFT
            } else {
                Position::FRONT_LEFT.union(Position::FRONT_RIGHT)
            };
            self.inner.reset();
            self.frames = AudioBuffer::new(AudioSpec::new(head.rate(), Channels::Positioned(front)), head.frames());
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

    fn codec_info(&self) -> &CodecInfo {
        &CodecInfo { short_name: "mp3", long_name: "MPEG audio layer III", profiles: &[] }
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
