//! The parts of Symphonia's trait for decoders that are the same for all of ours.

/// The methods of Symphonia's `AudioDecoder` that tell of a decoder with the fields `params` and `frames`, which has nothing
/// to say at the end. `$short` and `$long` are the names of its codec.
macro_rules! audio_decoder_fields {
    ($short:literal, $long:literal) => {
        fn codec_info(&self) -> &symphonia::core::codecs::CodecInfo {
            &symphonia::core::codecs::CodecInfo { short_name: $short, long_name: $long, profiles: &[] }
        }

        fn codec_params(&self) -> &symphonia::core::codecs::audio::AudioCodecParameters {
            &self.params
        }

        fn finalize(&mut self) -> symphonia::core::codecs::audio::FinalizeResult {
            symphonia::core::codecs::audio::FinalizeResult::default()
        }

        fn last_decoded(&self) -> symphonia::core::audio::GenericAudioBufferRef<'_> {
            symphonia::core::audio::AsGenericAudioBufferRef::as_generic_audio_buffer_ref(&self.frames)
        }
    };
}
pub(super) use audio_decoder_fields;

/// The method that decodes by `decode_into_frames`, after whose failure there are no frames.
macro_rules! decode_ref_into_frames {
    () => {
        fn decode_ref(
            &mut self,
            packet: &symphonia::core::packet::PacketRef<'_>,
        ) -> symphonia::core::errors::Result<symphonia::core::audio::GenericAudioBufferRef<'_>> {
            if let Err(error) = self.decode_into_frames(packet) {
                self.frames.clear();
                return Err(error);
            }
            Ok(symphonia::core::audio::AsGenericAudioBufferRef::as_generic_audio_buffer_ref(&self.frames))
        }
    };
}
pub(super) use decode_ref_into_frames;
