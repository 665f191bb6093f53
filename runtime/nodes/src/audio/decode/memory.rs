//! What a decoder remembers of the packets before the one that it decodes. A decoder that begins in the middle of a file
//! must get these first, or it would give other samples than one that began at the start.

use std::collections::VecDeque;

use remotemedia_layer3::Head;
use symphonia::core::codecs::audio::{AudioCodecId, well_known as codec};
use symphonia::core::packet::Packet;

use super::aac;
use super::pcm_packet::is_pcm;

/// What a decoder of Opus gets first, in frames: a second. RFC 7845, 4.6 asks for 80 ms, after which the sound is only some
/// 25 dB away from that of the whole stream. After a second CELT at 64 to 256 kbit/s and 5 to 20 ms was the same bit by bit,
/// in all of 1000 cuts. SILK and hybrid at 8 to 36 kbit/s were 45 to 63 dB away, and 0.022 of full scale at most; eight seconds
/// bring them nearer by 3 dB at most, as its filters are of integers, whose rounding goes on and on.
const OPUS: u64 = 48_000;

/// The memory of a decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Memory {
    /// So many packets.
    Packets(usize),
    /// So many frames.
    Frames(u64),
    /// That of layer III, whose frames lend each other room: the main data of a frame may begin in frames before.
    Reservoir,
    /// That of [`aac::Decoder`].
    Aac,
}

impl Memory {
    /// The memory of the decoder of a codec, where it is known and ends.
    pub(super) fn of(id: AudioCodecId) -> Option<Self> {
        match id {
            codec::CODEC_ID_FLAC | codec::CODEC_ID_ALAC => Some(Self::Packets(0)),
            codec::CODEC_ID_ADPCM_MS | codec::CODEC_ID_ADPCM_IMA_WAV | codec::CODEC_ID_ADPCM_IMA_QT => {
                Some(Self::Packets(0))
            }
            // The filter bank holds 480 samples (ISO/IEC 11172-3, 2.4.3.2.2), and the shortest frame has 384.
            codec::CODEC_ID_MP1 | codec::CODEC_ID_MP2 => Some(Self::Packets(2)),
            codec::CODEC_ID_MP3 => Some(Self::Reservoir),
            codec::CODEC_ID_AAC => Some(Self::Aac),
            codec::CODEC_ID_VORBIS => Some(Self::Packets(1)),
            codec::CODEC_ID_OPUS => Some(Self::Frames(OPUS)),
            id if is_pcm(id) => Some(Self::Packets(0)),
            _ => None,
        }
    }

    /// The frame to jump to, so that what is remembered of a frame lies behind it.
    pub(super) fn start(self, frame: u64) -> u64 {
        /// The most frames of a packet of a codec whose packets overlap: half of a block of Vorbis.
        const LONGEST: u64 = 4096;
        /// 64 frames, of which the shortest are 24 bytes long.
        const RESERVOIR: u64 = 64 * 1152;
        match self {
            Self::Packets(count) => frame.saturating_sub(count as u64 * LONGEST),
            Self::Frames(frames) => frame.saturating_sub(frames),
            Self::Reservoir => frame.saturating_sub(RESERVOIR),
            Self::Aac => aac::first_packet(frame),
        }
    }

    /// How many of the first of these packets are forgotten before the packet after the last of them is decoded.
    pub(super) fn forgotten(self, packets: &VecDeque<Packet>) -> usize {
        match self {
            Self::Packets(count) => packets.len().saturating_sub(count),
            Self::Frames(frames) => {
                let mut kept = 0;
                let count = packets.iter().rev().take_while(|packet| {
                    let is_kept = kept < frames;
                    kept += packet.dur.get();
                    is_kept
                });
                packets.len() - count.count()
            }
            Self::Reservoir => forgotten_by_layer_3(packets),
            Self::Aac => packets.iter().rposition(|packet| aac::ends_period(&packet.as_packet_ref())).unwrap_or(0),
        }
    }
}

/// The transform of layer III overlaps with one granule before, and the filter bank with another one: these are in two
/// frames, as one of MPEG-2 has only one granule. The spectra of both must be right, so the room that they were lent
/// (up to 511 bytes, ISO/IEC 11172-3, 2.4.1.7) has to be there as well. Twice that is kept, and a frame more: the room of
/// the first frames that are decoded lacks what lies before them.
fn forgotten_by_layer_3(packets: &VecDeque<Packet>) -> usize {
    const FRAMES: usize = 3;
    const ROOM: usize = 2 * 511;
    let mut room = 0;
    for (index, packet) in packets.iter().enumerate().rev().skip(FRAMES) {
        room += main_data(&packet.data);
        if room >= ROOM {
            return index;
        }
    }
    0
}

/// The bytes of main data in a frame.
fn main_data(frame: &[u8]) -> usize {
    Head::read(frame).map_or(0, |head| frame.len().saturating_sub(head.head_len() + head.side_len()))
}
