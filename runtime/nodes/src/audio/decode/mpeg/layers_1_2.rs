//! MPEG audio of layers I and II by Symphonia's decoder, which takes no free format (ISO/IEC 11172-3, 2.4.2.3), and of MPEG-2
//! only the bit rates that MPEG-1 has for layer II. Such frames are written anew at a bit rate that it takes: one is
//! longer, and what it has too much is filled with zeros.

use std::borrow::Cow;

use symphonia::core::audio::GenericAudioBufferRef;
use symphonia::core::codecs::CodecInfo;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions, FinalizeResult};
use symphonia::core::errors::{Error, Result};
use symphonia::core::packet::PacketRef;

use super::header::Header;

/// A decoder of frames of any bit rate.
pub(in crate::audio::decode) struct Decoder {
    inner: Box<dyn AudioDecoder>,
}

impl Decoder {
    /// A decoder of this description.
    ///
    /// # Errors
    /// If Symphonia has none for it.
    pub(in crate::audio::decode) fn new(params: &AudioCodecParameters, options: &AudioDecoderOptions) -> Result<Self> {
        Ok(Self { inner: symphonia::default::get_codecs().make_audio_decoder(params, options)? })
    }
}

impl AudioDecoder for Decoder {
    fn reset(&mut self) {
        self.inner.reset();
    }

    fn codec_info(&self) -> &CodecInfo {
        self.inner.codec_info()
    }

    fn codec_params(&self) -> &AudioCodecParameters {
        self.inner.codec_params()
    }

    fn decode_ref(&mut self, packet: &PacketRef<'_>) -> Result<GenericAudioBufferRef<'_>> {
        let data = taken(packet.data)?;
        let mut packet = *packet;
        packet.data = &data;
        self.inner.decode_ref(&packet)
    }

    fn finalize(&mut self) -> FinalizeResult {
        self.inner.finalize()
    }

    fn last_decoded(&self) -> GenericAudioBufferRef<'_> {
        self.inner.last_decoded()
    }
}

/// The frame at a bit rate that the decoder takes. MPEG-2 has one table of quantizers for all (ISO/IEC 13818-3, B.1), so that
/// a frame of its layer II means the same at each; for MPEG-1 only those of free format change theirs.
fn taken(frame: &[u8]) -> Result<Cow<'_, [u8]>> {
    let Some(header) = Header::read(frame) else { return Ok(Cow::Borrowed(frame)) };
    if !header.is_free() && (header.is_mpeg_1() || header.is_taken()) {
        return Ok(Cow::Borrowed(frame));
    }
    let mut rates = (1..15).map(|index| (index, header.at(index))).filter(|(_, header)| header.is_taken());
    let room = rates.find_map(|(index, header)| Some((index, header.len().filter(|len| *len >= frame.len())?)));
    let Some((bit_rate, len)) = room else {
        return Err(Error::Unsupported("it is of free format at a bit rate that its decoder does not have"));
    };
    let mut frame = frame.to_vec();
    frame[2] = frame[2] & 0x0f | bit_rate << 4;
    frame.resize(len, 0);
    Ok(Cow::Owned(frame))
}
