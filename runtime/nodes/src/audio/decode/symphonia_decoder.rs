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
