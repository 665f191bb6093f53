//! The decoder of FLAC (RFC 9639): from the frames of any container to samples. The rate, the number of channels and the
//! width may change from frame to frame.

use remotemedia_bits::Bits;
use symphonia::core::audio::{Audio as _, AudioBuffer, AudioMut as _, AudioSpec, Channels};
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder};
use symphonia::core::errors::{Error, Result};
use symphonia::core::packet::PacketRef;

use self::subframe::Damage;
use super::frame::{FrameHeader, StreamInfo, frame_header};
use crate::audio::decode::layout::places;
use crate::audio::decode::symphonia_decoder::{audio_decoder_fields, decode_ref_into_frames};
use crate::audio::flac_checksum::crc_16;

mod channels;
mod prediction;
mod residual;
mod subframe;

/// The widest samples that are decoded as numbers of 32 bits. Wider is only the difference of two channels of 32 bits.
const MOST_NARROW: u32 = 32;

/// Who compares the checksums of frames, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::audio::decode) enum ChecksumBy {
    /// The reader, to whom they say where a frame ends.
    Reader,
    /// The decoder, because the container says where its packets end.
    Decoder,
}

/// Decodes the frames of one track.
pub(in crate::audio::decode) struct Decoder {
    params: AudioCodecParameters,
    stream: StreamInfo,
    checksum_by: ChecksumBy,
    /// The numbers of one frame, channel after channel.
    narrow: Vec<i32>,
    wide: Vec<i64>,
    frames: AudioBuffer<f32>,
}

impl Decoder {
    /// A decoder of the stream whose facts are the extra data of `params`.
    ///
    /// # Errors
    /// If they are not there or can't be.
    pub(in crate::audio::decode) fn new(params: &AudioCodecParameters, checksum_by: ChecksumBy) -> Result<Self> {
        // Matroska keeps the whole head of the file.
        let extra = params.extra_data.as_deref().ok_or(Error::DecodeError("the facts of its stream are missing"))?;
        let stream =
            StreamInfo::read(extra.strip_prefix(b"fLaC").map_or(extra, |blocks| blocks.get(4..).unwrap_or(&[])))
                .filter(|stream| stream.rate > 0)
                .ok_or(Error::DecodeError("the facts of its stream are not as they were written"))?;
        let params = params.clone();
        Ok(Self { params, stream, checksum_by, narrow: Vec::new(), wide: Vec::new(), frames: AudioBuffer::default() })
    }

    fn decode_into_frames(&mut self, packet: &PacketRef<'_>) -> Result<()> {
        let header =
            frame_header(packet.data).ok_or(Error::DecodeError("the header of a frame is not as it was written"))?;
        if self.checksum_by == ChecksumBy::Decoder && crc_16(0, packet.data) != 0 {
            return Err(Error::DecodeError("the checksum of a frame does not match"));
        }
        if header.block > u32::from(u16::MAX) {
            return Err(Error::DecodeError("a frame holds more than 65535 samples"));
        }
        let width = u32::from(header.bits.unwrap_or(self.stream.bits));
        self.make_room(&header);
        let end = packet.data.len().saturating_sub(size_of::<u16>());
        let mut bits = Bits::new(packet.data, 8 * header.len, 8 * end);
        let (narrow, wide, frames) = (&mut self.narrow, &mut self.wide, &mut self.frames);
        let decoded = if width + u32::from(header.difference.is_some()) <= MOST_NARROW {
            decode(&mut bits, &header, width, narrow, frames)
        } else {
            decode(&mut bits, &header, width, wide, frames)
        };
        decoded.map_err(|damage| Error::DecodeError(damage.text()))
    }

    /// Makes room for the samples of a frame, in its format.
    fn make_room(&mut self, header: &FrameHeader) {
        let (rate, channels) = (header.rate.unwrap_or(self.stream.rate), usize::from(header.channels));
        let (block, spec) = (header.block as usize, self.frames.spec());
        if (spec.rate(), spec.channels().count()) != (rate, channels) || self.frames.capacity() < block {
            let most_block = usize::from(self.stream.most_block).max(block);
            let named = self.params.channels.clone().filter(|named| named.count() == channels);
            let places = named.or_else(|| places(channels)).unwrap_or(Channels::Discrete(header.channels.into()));
            self.frames = AudioBuffer::new(AudioSpec::new(rate, places), most_block);
        }
        self.frames.clear();
    }
}

/// The length of the frame that these bytes begin with, by what it holds, if its checksum is right. `width` is the one of the
/// stream, in bits.
pub(super) fn frame_len(bytes: &[u8], header: &FrameHeader, width: u8) -> Option<usize> {
    let width = u32::from(header.bits.unwrap_or(width));
    let mut bits = Bits::new(bytes, 8 * header.len, 8 * bytes.len());
    if width + u32::from(header.difference.is_some()) <= MOST_NARROW {
        read_channels::<i32>(&mut bits, header, width, &mut Vec::new()).ok()?;
    } else {
        read_channels::<i64>(&mut bits, header, width, &mut Vec::new()).ok()?;
    }
    let len = bytes.len() - usize::try_from(bits.rest()).ok()? / 8 + size_of::<u16>();
    (crc_16(0, bytes.get(..len)?) == 0).then_some(len)
}

/// Reads the numbers of the channels of a frame, one channel after the other.
fn read_channels<T: channels::Number>(
    bits: &mut Bits<'_>,
    header: &FrameHeader,
    width: u32,
    numbers: &mut Vec<T>,
) -> std::result::Result<(), Damage> {
    let block = header.block as usize;
    numbers.resize(block * usize::from(header.channels), T::default());
    for (number, channel) in numbers.chunks_exact_mut(block).enumerate() {
        let is_difference = header.difference.is_some_and(|difference| difference.channel() == number);
        subframe::read(bits, width + u32::from(is_difference), channel)?;
    }
    Ok(())
}

/// Decodes the channels of a frame by numbers of type `T`, and puts its samples into `frames`, which are empty.
fn decode<T: channels::Number>(
    bits: &mut Bits<'_>,
    header: &FrameHeader,
    width: u32,
    numbers: &mut Vec<T>,
    frames: &mut AudioBuffer<f32>,
) -> std::result::Result<(), Damage> {
    read_channels(bits, header, width, numbers)?;
    let block = header.block as usize;
    frames.render_uninit(Some(block));
    if let (Some(difference), Some((left, right))) = (header.difference, frames.plane_pair_mut(0, 1)) {
        channels::join(difference, numbers.split_at(block), width, left, right);
    } else {
        for (number, channel) in numbers.chunks_exact(block).enumerate() {
            if let Some(samples) = frames.plane_mut(number) {
                channels::scale(channel, width, samples);
            }
        }
    }
    Ok(())
}

impl AudioDecoder for Decoder {
    fn reset(&mut self) {
        // A frame has nothing to do with the one before.
    }

    audio_decoder_fields!("flac", "FLAC");

    decode_ref_into_frames!();
}
