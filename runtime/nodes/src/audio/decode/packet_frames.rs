//! How many frames are in a packet, by its own bytes, for containers that only give times.

use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::codecs::audio::well_known as codec;

use super::aac;
use super::flac::frame::frame_header;
use super::mpeg::header::Header;
use super::pcm_packet::is_pcm;
use super::vorbis::blocks::VorbisBlocks;

/// The duration of a packet that does not say how long it is: longer than anything, so that it is not passed over.
pub(super) const UNKNOWN: u64 = u64::MAX / 2;

/// The packets of a codec.
#[derive(Clone)]
pub(super) enum PacketFrames {
    /// All have the same number, but perhaps the last one.
    Same(u64),
    /// Frames of so many bytes.
    Pcm(u64),
    Opus,
    Flac,
    Mpeg,
    Vorbis(VorbisBlocks),
}

impl PacketFrames {
    /// The packets of a track; `None` if they don't say how many frames they hold.
    pub(super) fn of(params: &AudioCodecParameters) -> Option<Self> {
        let extra = params.extra_data.as_deref().unwrap_or_default();
        Some(match params.codec {
            codec::CODEC_ID_AAC => Self::Same(aac::FRAMES),
            codec::CODEC_ID_ALAC => {
                let frames = u32::from_be_bytes(*extra.first_chunk()?);
                Self::Same(Some(frames).filter(|frames| (1..=1 << 16).contains(frames))?.into())
            }
            codec::CODEC_ID_OPUS => Self::Opus,
            codec::CODEC_ID_FLAC => Self::Flac,
            codec::CODEC_ID_MP1 | codec::CODEC_ID_MP2 | codec::CODEC_ID_MP3 => Self::Mpeg,
            codec::CODEC_ID_VORBIS => Self::Vorbis(VorbisBlocks::read(extra)?),
            id if is_pcm(id) => {
                let bytes = u64::from(params.bits_per_sample?.div_ceil(8)) * params.channels.as_ref()?.count() as u64;
                Self::Pcm(Some(bytes).filter(|bytes| *bytes > 0)?)
            }
            _ => return None,
        })
    }

    /// The frames of the next packet; `None` if it is not as it must be.
    pub(super) fn next(&mut self, packet: &[u8]) -> Option<u64> {
        match self {
            Self::Same(frames) => Some(*frames),
            Self::Pcm(bytes) => {
                let len = packet.len() as u64;
                len.is_multiple_of(*bytes).then_some(len / *bytes)
            }
            Self::Opus => opus_frames(packet),
            Self::Flac => frame_header(packet).map(|header| header.block.into()),
            Self::Mpeg => Header::read(packet).map(|header| header.samples().into()),
            Self::Vorbis(blocks) => blocks.frames(packet),
        }
    }

    /// Begins anew with the packet that comes next.
    pub(super) fn restart(&mut self) {
        if let Self::Vorbis(blocks) = self {
            blocks.restart();
        }
    }
}

/// The frames of a packet of Opus at 48 kHz (RFC 6716, 3.1 and 3.2).
fn opus_frames(packet: &[u8]) -> Option<u64> {
    let toc = *packet.first()?;
    let frame = match toc >> 3 {
        silk @ 0..=11 => [480, 960, 1920, 2880][usize::from(silk & 3)],
        hybrid @ 12..=15 => [480, 960][usize::from(hybrid & 1)],
        celt => 120 << (celt & 3),
    };
    let count = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u64::from(*packet.get(1)? & 0x3f),
    };
    Some(frame * count).filter(|frames| (1..=5760).contains(frames))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As libopus counts them.
    #[test]
    fn opus_packets_say_their_frames() {
        let decoder = opusic_c::Decoder::new(opusic_c::Channels::Mono, opusic_c::SampleRate::Hz48000).unwrap();
        for toc in 0..=255u8 {
            for second in [1, 2, 6, 40, 48, 49] {
                let packet = [toc, second, 0, 0];
                let expected = decoder.get_nb_samples(&packet).ok().map(|frames| frames as u64);
                assert_eq!(opus_frames(&packet), expected, "{toc:#x} {second}");
            }
        }
    }
}
