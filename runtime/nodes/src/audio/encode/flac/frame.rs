//! A block of all channels as a frame (RFC 9639, 9): its header, a subframe for each channel or, of stereo, for a channel
//! and the difference, and a checksum.

use super::bits::BitWriter;
use super::fixed::roughness;
use super::subframe::SubframeEncoder;
use crate::audio::flac_checksum::{crc_8, crc_16};

/// Encodes blocks one after the other.
pub(super) struct FrameEncoder {
    rate: u32,
    /// 16 or 24.
    bits: u32,
    number: u32,
    subframes: SubframeEncoder,
    mid: Vec<i32>,
    side: Vec<i32>,
    out: BitWriter,
}

impl FrameEncoder {
    pub(super) fn new(rate: u32, bits: u32) -> Self {
        Self {
            rate,
            bits,
            number: 0,
            subframes: SubframeEncoder::default(),
            mid: Vec::new(),
            side: Vec::new(),
            out: BitWriter::default(),
        }
    }

    /// The next frame: 1 to 65,536 samples of each of 1 to 8 channels.
    pub(super) fn encode(&mut self, planes: &[&[i32]]) -> &[u8] {
        self.out.clear();
        let Self { subframes, out, bits, .. } = self;
        if let [left, right] = *planes {
            let stereo = stereo_of(left, right, &mut self.mid, &mut self.side);
            write_header(stereo as u32, left.len(), self.rate, *bits, self.number, out);
            let wider = *bits + 1;
            let (one, other) = match stereo {
                Stereo::LeftRight => ((left, *bits), (right, *bits)),
                Stereo::LeftSide => ((left, *bits), (&*self.side, wider)),
                Stereo::SideRight => ((&*self.side, wider), (right, *bits)),
                Stereo::MidSide => ((&*self.mid, *bits), (&*self.side, wider)),
            };
            subframes.encode(one.0, one.1, out);
            subframes.encode(other.0, other.1, out);
        } else {
            let len = planes.first().map_or(0, |plane| plane.len());
            write_header(planes.len() as u32 - 1, len, self.rate, *bits, self.number, out);
            planes.iter().for_each(|plane| subframes.encode(plane, *bits, out));
        }
        self.number += 1;
        let frame = out.align();
        let checksum = crc_16(0, frame);
        frame.extend(checksum.to_be_bytes());
        frame
    }
}

/// How two channels stand in a frame; its header has the number.
#[derive(Clone, Copy)]
enum Stereo {
    LeftRight = 1,
    LeftSide = 8,
    SideRight = 9,
    MidSide = 10,
}

/// What will take the fewest bits, as far as second differences show. It fills `mid` and `side`.
fn stereo_of(left: &[i32], right: &[i32], mid: &mut Vec<i32>, side: &mut Vec<i32>) -> Stereo {
    mid.clear();
    mid.extend(left.iter().zip(right).map(|(left, right)| (left + right) >> 1));
    side.clear();
    side.extend(left.iter().zip(right).map(|(left, right)| left - right));
    // The bits of a code grow with the logarithm of the mean.
    let bits = |samples: &[i32]| ((roughness(samples) + 1) as f64).log2();
    let (left, right, mid, side) = (bits(left), bits(right), bits(mid), bits(side));
    // Near a tie samples stay as they are: those of a difference have one bit more.
    let mut fewest = (Stereo::LeftRight, left + right - 0.1);
    for (stereo, bits) in
        [(Stereo::LeftSide, left + side), (Stereo::SideRight, side + right), (Stereo::MidSide, mid + side)]
    {
        if bits < fewest.1 {
            fewest = (stereo, bits);
        }
    }
    fewest.0
}

fn write_header(channels: u32, len: usize, rate: u32, bits: u32, number: u32, out: &mut BitWriter) {
    out.put(0xfff8, 16);
    let last = len as u32 - 1;
    let len_code = match len {
        4096 => 12,
        1..=256 => 6,
        _ => 7,
    };
    out.put(len_code, 4);
    let (rate_code, rate_bits, rate_value) = rate_of(rate);
    out.put(rate_code, 4);
    out.put(channels, 4);
    out.put(if bits == 24 { 6 } else { 4 }, 3);
    out.put(0, 1);
    write_number(number, out);
    match len_code {
        6 => out.put(last, 8),
        7 => out.put(last, 16),
        _ => {}
    }
    out.put(rate_value, rate_bits);
    let checksum = crc_8(out.align());
    out.put(u32::from(checksum), 8);
}

/// A rate as the header has it: its code, and how many bits follow with what value.
fn rate_of(rate: u32) -> (u32, u32, u32) {
    match rate {
        88_200 => (1, 0, 0),
        176_400 => (2, 0, 0),
        192_000 => (3, 0, 0),
        8000 => (4, 0, 0),
        16_000 => (5, 0, 0),
        22_050 => (6, 0, 0),
        24_000 => (7, 0, 0),
        32_000 => (8, 0, 0),
        44_100 => (9, 0, 0),
        48_000 => (10, 0, 0),
        96_000 => (11, 0, 0),
        _ if rate.is_multiple_of(1000) && rate <= 255_000 => (12, 8, rate / 1000),
        _ if rate <= 0xffff => (13, 16, rate),
        _ if rate.is_multiple_of(10) && rate <= 655_350 => (14, 16, rate / 10),
        // The file's header has it.
        _ => (0, 0, 0),
    }
}

/// Writes a number of up to 31 bits as UTF-8 would, of which it has the long forms too (RFC 9639, 9.1.5).
fn write_number(number: u32, out: &mut BitWriter) {
    if number < 0x80 {
        return out.put(number, 8);
    }
    // A first byte and n - 1 others hold 5 n + 1 bits.
    let others = (number.ilog2() - 1) / 5;
    let mark = 0xff80 >> others & 0xff;
    out.put(mark | number >> (6 * others), 8);
    for other in (0..others).rev() {
        out.put(0x80 | number >> (6 * other) & 0x3f, 8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(number: u32) -> Vec<u8> {
        let mut out = BitWriter::default();
        write_number(number, &mut out);
        out.align().clone()
    }

    #[test]
    fn numbers_of_frames_are_utf_8() {
        for number in [0, 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xffff, 0x1_0000, 0x10_ffff] {
            let character = char::from_u32(number).expect("it is a character");
            assert_eq!(written(number), character.to_string().as_bytes(), "{number:#x}");
        }
        // Longer ones by the table of RFC 2279, 2.
        assert_eq!(written(0x1f_ffff), [0xf7, 0xbf, 0xbf, 0xbf]);
        assert_eq!(written(0x20_0000), [0xf8, 0x88, 0x80, 0x80, 0x80]);
        assert_eq!(written(0x3ff_ffff), [0xfb, 0xbf, 0xbf, 0xbf, 0xbf]);
        assert_eq!(written(0x400_0000), [0xfc, 0x84, 0x80, 0x80, 0x80, 0x80]);
        assert_eq!(written(0x7fff_ffff), [0xfd, 0xbf, 0xbf, 0xbf, 0xbf, 0xbf]);
    }
}
