//! Frames of FLAC (RFC 9639, 9): their headers, and a decoder for those of any container. Symphonia's is made for one
//! rate, one number of channels and one width; this one makes it anew where a frame has others.

use symphonia::core::audio::GenericAudioBufferRef;
use symphonia::core::codecs::CodecInfo;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions, FinalizeResult};
use symphonia::core::errors::{Error, Result};
use symphonia::core::packet::PacketRef;
use symphonia::default::codecs::FlacDecoder;

use crate::audio::flac_checksum::{crc_8, crc_16};

/// The longest header of a frame.
pub(super) const MOST_HEADER: usize = 16;

/// The format of a frame. What its header leaves to the head of the stream is `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameHeader {
    pub(super) rate: Option<u32>,
    pub(super) channels: u8,
    pub(super) bits: Option<u8>,
    pub(super) block: u32,
    /// Whether [`FrameHeader::number`] is that of the first sample, and not that of the frame.
    pub(super) counts_samples: bool,
    pub(super) number: u64,
    /// Whether one of its two channels is a difference, which takes a bit more than a sample.
    has_difference: bool,
}

/// The facts of a stream that its frames may leave out (RFC 9639, 8.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StreamInfo {
    pub(super) least_block: u16,
    pub(super) most_block: u16,
    pub(super) rate: u32,
    pub(super) channels: u8,
    pub(super) bits: u8,
    /// How many samples each channel has; 0 if that is not known.
    pub(super) frames: u64,
}

impl StreamInfo {
    /// The length of the block in a file.
    pub(super) const LEN: usize = 34;

    pub(super) fn read(block: &[u8]) -> Option<Self> {
        let block = block.first_chunk::<{ Self::LEN }>()?;
        let packed = block[10..18].iter().fold(0u64, |number, byte| number << 8 | u64::from(*byte));
        Some(Self {
            least_block: u16::from_be_bytes([block[0], block[1]]),
            most_block: u16::from_be_bytes([block[2], block[3]]),
            rate: (packed >> 44) as u32,
            channels: (packed >> 41 & 7) as u8 + 1,
            bits: (packed >> 36 & 31) as u8 + 1,
            frames: packed & 0xf_ffff_ffff,
        })
    }

    /// The facts as a frame tells them, where the head of the stream is missing.
    pub(super) fn of_frame(frame: &FrameHeader) -> Option<Self> {
        let block = u16::try_from(frame.block).unwrap_or(u16::MAX);
        let (rate, bits) = (frame.rate?, frame.bits?);
        Some(Self { least_block: block, most_block: block, rate, channels: frame.channels, bits, frames: 0 })
    }

    /// The block as a decoder reads it, for frames of up to so many samples.
    fn written(&self, most_block: u16) -> Box<[u8]> {
        let packed = u64::from(self.rate) << 44
            | u64::from(self.channels.wrapping_sub(1) & 7) << 41
            | u64::from(self.bits.wrapping_sub(1) & 31) << 36;
        let mut block = vec![0; Self::LEN];
        block[..2].copy_from_slice(&16u16.to_be_bytes());
        block[2..4].copy_from_slice(&most_block.max(16).to_be_bytes());
        block[10..18].copy_from_slice(&packed.to_be_bytes());
        block.into_boxed_slice()
    }
}

/// The header that these bytes begin with, if its checksum is right.
pub(super) fn frame_header(bytes: &[u8]) -> Option<FrameHeader> {
    let [0xff, second @ (0xf8 | 0xf9), codes, kind, ..] = *bytes else { return None };
    if kind & 1 != 0 {
        return None;
    }
    let mut rest = &bytes[4..];
    let number = coded_number(&mut rest)?;
    let mut take = |count: usize| {
        let (taken, after) = rest.split_at_checked(count)?;
        rest = after;
        Some(taken.iter().fold(0u32, |number, byte| number << 8 | u32::from(*byte)))
    };
    let block = match codes >> 4 {
        0 => return None,
        1 => 192,
        code @ 2..=5 => 576 << (code - 2),
        6 => take(1)? + 1,
        7 => take(2)? + 1,
        code => 256 << (code - 8),
    };
    const RATES: [u32; 11] = [88_200, 176_400, 192_000, 8000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000];
    let rate = match codes & 15 {
        0 => None,
        code @ 1..=11 => Some(RATES[usize::from(code) - 1]),
        12 => Some(take(1)? * 1000),
        13 => Some(take(2)?),
        14 => Some(take(2)? * 10),
        _ => return None,
    };
    let channels = match kind >> 4 {
        code @ 0..=7 => code + 1,
        8..=10 => 2,
        _ => return None,
    };
    let bits = match kind >> 1 & 7 {
        0 => None,
        1 => Some(8),
        2 => Some(12),
        4 => Some(16),
        5 => Some(20),
        6 => Some(24),
        7 => Some(32),
        _ => return None,
    };
    let len = bytes.len() - rest.len();
    (rest.first() == Some(&crc_8(&bytes[..len])) && rate != Some(0)).then_some(FrameHeader {
        rate,
        channels,
        bits,
        block,
        counts_samples: second & 1 == 1,
        number,
        has_difference: kind >> 4 >= 8,
    })
}

/// A number of up to 36 bits, coded as UTF-8 codes letters.
fn coded_number(rest: &mut &[u8]) -> Option<u64> {
    let (first, after) = rest.split_first()?;
    let more = match first.leading_ones() {
        0 => 0,
        1 | 8 => return None,
        ones => ones as usize - 1,
    };
    let (bytes, after) = after.split_at_checked(more)?;
    *rest = after;
    let start = u64::from(first & if more == 0 { 0x7f } else { (0x3f_u32 >> more) as u8 });
    bytes.iter().try_fold(start, |number, byte| (byte & 0xc0 == 0x80).then_some(number << 6 | u64::from(byte & 0x3f)))
}

/// The format that Symphonia's decoder is made for.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Shape {
    rate: u32,
    channels: u8,
    bits: u8,
}

/// Who compares the checksums of frames, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChecksumBy {
    /// The reader, to whom they say where a frame ends.
    Reader,
    /// The decoder, because the container says where its packets end.
    Decoder,
}

/// A decoder of frames from any container.
pub(super) struct Decoder {
    inner: FlacDecoder,
    params: AudioCodecParameters,
    stream: StreamInfo,
    shape: Shape,
    most_block: u16,
    checksum_by: ChecksumBy,
}

impl Decoder {
    /// A decoder of the stream whose facts are the extra data of `params`.
    ///
    /// # Errors
    /// If they are not there or can't be.
    pub(super) fn new(params: &AudioCodecParameters, checksum_by: ChecksumBy) -> Result<Self> {
        // Matroska keeps the whole head of the file.
        let extra = params.extra_data.as_deref().ok_or(Error::DecodeError("the facts of its stream are missing"))?;
        let stream =
            StreamInfo::read(extra.strip_prefix(b"fLaC").map_or(extra, |blocks| blocks.get(4..).unwrap_or(&[])))
                .filter(|stream| stream.rate > 0)
                .ok_or(Error::DecodeError("the facts of its stream are not as they were written"))?;
        let shape = Shape { rate: stream.rate, channels: stream.channels, bits: stream.bits };
        let inner = decoder(params, &stream, shape, stream.most_block)?;
        Ok(Self { inner, params: params.clone(), stream, shape, most_block: stream.most_block.max(16), checksum_by })
    }

    fn prepare(&mut self, packet: &PacketRef<'_>) -> Result<()> {
        let header =
            frame_header(packet.data).ok_or(Error::DecodeError("the header of a frame is not as it was written"))?;
        if self.checksum_by == ChecksumBy::Decoder && crc_16(0, packet.data) != 0 {
            return Err(Error::DecodeError("the checksum of a frame does not match"));
        }
        let shape = Shape {
            rate: header.rate.unwrap_or(self.stream.rate),
            channels: header.channels,
            bits: header.bits.unwrap_or(self.stream.bits),
        };
        if shape.bits == 32 && header.has_difference {
            return Err(Error::Unsupported("differences of channels of 32 bits"));
        }
        let block =
            u16::try_from(header.block).map_err(|_| Error::DecodeError("a frame holds more than 65535 samples"))?;
        if shape != self.shape || block > self.most_block {
            let most_block = self.most_block.max(block);
            self.inner = decoder(&self.params, &self.stream, shape, most_block)?;
            (self.shape, self.most_block) = (shape, most_block);
        }
        Ok(())
    }
}

fn decoder(params: &AudioCodecParameters, stream: &StreamInfo, shape: Shape, most_block: u16) -> Result<FlacDecoder> {
    let facts = StreamInfo { rate: shape.rate, channels: shape.channels, bits: shape.bits, ..*stream };
    let mut params = params.clone();
    params.with_extra_data(facts.written(most_block));
    FlacDecoder::try_new(&params, &AudioDecoderOptions::default())
}

impl AudioDecoder for Decoder {
    fn reset(&mut self) {
        self.inner.reset();
    }

    fn codec_info(&self) -> &CodecInfo {
        self.inner.codec_info()
    }

    fn codec_params(&self) -> &AudioCodecParameters {
        &self.params
    }

    fn decode_ref(&mut self, packet: &PacketRef<'_>) -> Result<GenericAudioBufferRef<'_>> {
        self.prepare(packet)?;
        self.inner.decode_ref(packet)
    }

    fn finalize(&mut self) -> FinalizeResult {
        self.inner.finalize()
    }

    fn last_decoded(&self) -> GenericAudioBufferRef<'_> {
        self.inner.last_decoded()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first frame of the examples of RFC 9639, appendix D.1.
    const FRAME: [u8; 15] = [0xff, 0xf8, 0x69, 0x18, 0x00, 0x00, 0xbf, 0x03, 0x58, 0xfd, 0x03, 0x12, 0x8b, 0xaa, 0x9a];

    #[test]
    fn the_frame_of_the_standard() {
        let header = frame_header(&FRAME).expect("it is a header");
        assert_eq!((header.rate, header.channels, header.bits, header.block), (Some(44_100), 2, Some(16), 1));
        assert_eq!((header.counts_samples, header.number), (false, 0));
        assert_eq!(crc_16(0, &FRAME), 0);
        assert_eq!(crc_16(crc_16(0, &FRAME[..7]), &FRAME[7..]), 0);
    }

    #[test]
    fn any_changed_bit_of_a_header_is_noticed() {
        for bit in 0..7 * 8 {
            let mut frame = FRAME;
            frame[bit / 8] ^= 0x80 >> (bit % 8);
            assert_eq!(frame_header(&frame), None, "bit {bit}");
        }
    }

    #[test]
    fn numbers_of_any_length() {
        for (bytes, number) in [
            (&[0x7f][..], Some(0x7f)),
            (&[0xc2, 0x80], Some(0x80)),
            (&[0xef, 0xbf, 0xbf], Some(0xffff)),
            (&[0xfe, 0xbf, 0xbf, 0xbf, 0xbf, 0xbf, 0xbf], Some(0xf_ffff_ffff)),
            (&[0xc2, 0x40], None),
            (&[0x80], None),
            (&[0xff], None),
            (&[0xe2, 0x80], None),
        ] {
            assert_eq!(coded_number(&mut &bytes[..]), number, "{bytes:?}");
        }
    }
}
