//! The heads of FLAC: that of a stream (RFC 9639, 8.2), and those of its frames (9.1).

use crate::audio::flac_checksum::crc_8;

/// The longest header of a frame.
pub(super) const MOST_HEADER: usize = 16;

/// The format of a frame. What its header leaves to the head of the stream is `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::audio::decode) struct FrameHeader {
    pub(in crate::audio::decode) rate: Option<u32>,
    pub(in crate::audio::decode) channels: u8,
    pub(in crate::audio::decode) bits: Option<u8>,
    pub(in crate::audio::decode) block: u32,
    /// Whether [`FrameHeader::number`] is that of the first sample, and not that of the frame.
    pub(in crate::audio::decode) counts_samples: bool,
    pub(in crate::audio::decode) number: u64,
    /// What stands in place of one of its two channels, if something does.
    pub(in crate::audio::decode) difference: Option<Difference>,
    /// The length of the header in bytes.
    pub(in crate::audio::decode) len: usize,
}

/// What a frame of two channels has in place of one of them: left minus right, which takes a bit more than a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::audio::decode) enum Difference {
    /// Left, and the difference.
    LeftSide,
    /// The difference, and right.
    SideRight,
    /// Half the sum, and the difference.
    MidSide,
}

impl Difference {
    /// The number of the channel that it stands for.
    pub(in crate::audio::decode) fn channel(self) -> usize {
        usize::from(self != Difference::SideRight)
    }
}

/// The facts of a stream that its frames may leave out (RFC 9639, 8.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::audio::decode) struct StreamInfo {
    pub(super) least_block: u16,
    pub(super) most_block: u16,
    pub(in crate::audio::decode) rate: u32,
    pub(in crate::audio::decode) channels: u8,
    pub(in crate::audio::decode) bits: u8,
    /// How many samples each channel has; 0 if that is not known.
    pub(in crate::audio::decode) frames: u64,
}

impl StreamInfo {
    /// The length of the block in a file.
    pub(in crate::audio::decode) const LEN: usize = 34;

    pub(in crate::audio::decode) fn read(block: &[u8]) -> Option<Self> {
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
}

/// The header that these bytes begin with, if its checksum is right.
pub(in crate::audio::decode) fn frame_header(bytes: &[u8]) -> Option<FrameHeader> {
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
    let (channels, difference) = match kind >> 4 {
        code @ 0..=7 => (code + 1, None),
        8 => (2, Some(Difference::LeftSide)),
        9 => (2, Some(Difference::SideRight)),
        10 => (2, Some(Difference::MidSide)),
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
        difference,
        len: len + 1,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::flac_checksum::crc_16;

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
