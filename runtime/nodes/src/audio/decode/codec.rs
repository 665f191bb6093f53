//! The decoder for a track.

use symphonia::core::codecs::audio::well_known::{
    CODEC_ID_AAC, CODEC_ID_FLAC, CODEC_ID_MP1, CODEC_ID_MP2, CODEC_ID_MP3, CODEC_ID_OPUS, CODEC_ID_VORBIS,
};
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;

use super::container::Container;
use super::flac::decoder::{self as flac_decoder, ChecksumBy};
use super::mpeg::{layer3, layers_1_2};
use super::opus::PreSkip;
use super::refusal::Refusal;
use super::{aac, failure, opus, pcm_packet, vorbis};

/// A decoder that takes the packets of a container.
///
/// # Errors
/// If there is none for the codec, or for what it is asked to do.
pub(super) fn make_decoder(
    params: &AudioCodecParameters,
    container: Container,
    name: &str,
) -> Result<Box<dyn AudioDecoder>, Refusal> {
    // The Vorbis decoder undoes the coupling of channels first to last, where Vorbis I, 4.3.5 says last to first. With two
    // channels that is the same; with more the sound would be wrong.
    let channels = params.channels.as_ref().map_or(0, |channels| channels.count());
    if params.codec == CODEC_ID_VORBIS && channels > 2 {
        return Err(failure::codec_unsupported(name, params.codec, Some("more than two channels")));
    }
    if params.codec == CODEC_ID_VORBIS {
        let headers = params.extra_data.as_deref().unwrap_or_default();
        vorbis::setup::check(headers).map_err(|_too_large| failure::codebooks_too_large(name))?;
    }
    let own: Option<Result<Box<dyn AudioDecoder>, Error>> = match params.codec {
        CODEC_ID_OPUS => {
            // In MP4 the edit list says what is sound.
            let pre_skip = if container == Container::Mp4 { PreSkip::Kept } else { PreSkip::LeftOut };
            Some(opus::Decoder::new(params, pre_skip).map(|decoder| Box::new(decoder) as _))
        }
        CODEC_ID_FLAC => {
            let checksum_by = if container == Container::Flac { ChecksumBy::Reader } else { ChecksumBy::Decoder };
            Some(flac_decoder::Decoder::new(params, checksum_by).map(|decoder| Box::new(decoder) as _))
        }
        CODEC_ID_MP3 => Some(Ok(Box::new(layer3::Decoder::new(params)) as _)),
        _ => pcm_packet::Decoder::new(params).map(|decoder| Ok(Box::new(decoder) as _)),
    };
    if let Some(own) = own {
        return own.map_err(|error| match error {
            Error::DecodeError(detail) => failure::damaged(name, detail).into(),
            error => failure::codec_unsupported(name, params.codec, Some(&error.to_string())),
        });
    }
    // Where the demuxer says packet by packet what to leave out, it is right; for MPEG see `Trim`. The first packet of
    // Vorbis is never sound: it only is what the second one overlaps with (Vorbis I, 4.3.8).
    let options =
        AudioDecoderOptions::default().gapless(container == Container::Ogg || params.codec == CODEC_ID_VORBIS);
    let made = match params.codec {
        CODEC_ID_AAC => aac::Decoder::new(params).map(|decoder| Box::new(decoder) as _),
        CODEC_ID_MP1 | CODEC_ID_MP2 => layers_1_2::Decoder::new(params, &options).map(|decoder| Box::new(decoder) as _),
        _ => symphonia::default::get_codecs().make_audio_decoder(params, &options),
    };
    made.map_err(|error| match error {
        Error::Unsupported("aac: aac too complex") => {
            failure::codec_unsupported(name, params.codec, Some("HE-AAC, or more than two channels"))
        }
        Error::Unsupported("core (codec): unsupported audio codec") => {
            failure::codec_unsupported(name, params.codec, None)
        }
        Error::Unsupported(detail) => failure::codec_unsupported(name, params.codec, Some(detail)),
        other => failure::damaged(name, &other.to_string()).into(),
    })
}
