//! Frames of free format (ISO/IEC 11172-3, 2.4.2.3) as frames of a listed bit rate. A frame of such a rate is longer;
//! what it has too much is filled with zeros. Those of layer III, which lend each other room, get what belongs to them.

use symphonia::core::errors::{Error, Result};

use super::mpeg_header::Header;

/// How far a frame of layer III may look back, in bytes.
const MOST_BACK: usize = 511;

/// Rewrites the frames of one stream.
#[derive(Default)]
pub(super) struct Rewriter {
    /// The main data of the frames before.
    before: Vec<u8>,
}

impl Rewriter {
    /// The frame at a listed bit rate.
    ///
    /// # Errors
    /// If no listed bit rate has room for it.
    pub(super) fn rewritten(&mut self, frame: &[u8], header: &Header) -> Result<Vec<u8>> {
        let content = if header.layer == 3 { self.with_main_data(frame, header)? } else { frame.to_vec() };
        let room = (1..15).find(|index| header.is_allowed(*index) && header.len_at(*index) >= content.len());
        let Some(bit_rate) = room else {
            return Err(Error::Unsupported("it is of free format at a bit rate that its decoder does not have"));
        };
        let mut frame = content;
        frame[2] = frame[2] & 0x0f | bit_rate << 4;
        frame.resize(header.len_at(bit_rate), 0);
        Ok(frame)
    }

    /// A frame of layer III that holds all of its main data, which may begin in frames before, and no more.
    fn with_main_data(&mut self, frame: &[u8], header: &Header) -> Result<Vec<u8>> {
        let short = || Error::DecodeError("a frame is shorter than its side information");
        let start = header.head_len() + header.side_len();
        let own = frame.get(start..).ok_or_else(short)?;
        let side = &frame[header.head_len()..start];
        let back_bits = if header.is_mpeg_1() { 9 } else { 8 };
        let back = bits(side, 0, back_bits) as usize;
        let known = self.before.len() >= back;
        let mut main = self.before[self.before.len().saturating_sub(back)..].to_vec();
        main.extend_from_slice(own);
        self.before.extend_from_slice(own);
        self.before.drain(..self.before.len().saturating_sub(MOST_BACK));
        main.truncate(main_len(side, header).div_ceil(8));
        let mut whole = frame[..start].to_vec();
        let side = &mut whole[header.head_len()..];
        if known {
            // It begins at the beginning.
            side[0] = 0;
            if header.is_mpeg_1() {
                side[1] &= 0x7f;
            }
            whole.extend_from_slice(&main);
        } else {
            // What it looks back to was cut off: the decoder finds that out by itself.
            whole.extend_from_slice(own);
        }
        Ok(whole)
    }
}

/// The bits of main data of all granules and channels, by the side information.
fn main_len(side: &[u8], header: &Header) -> usize {
    let channels = usize::from(header.channels);
    let (start, granules, step) = match (header.is_mpeg_1(), channels) {
        (true, 1) => (9 + 5 + 4, 2, 59),
        (true, _) => (9 + 3 + 8, 2, 59),
        (false, 1) => (8 + 1, 1, 63),
        (false, _) => (8 + 2, 1, 63),
    };
    (0..granules * channels).map(|part| bits(side, start + part * step, 12) as usize).sum()
}

fn bits(bytes: &[u8], start: usize, count: usize) -> u32 {
    (start..start + count)
        .fold(0, |number, bit| number << 1 | u32::from(bytes.get(bit / 8).map_or(0, |byte| byte >> (7 - bit % 8) & 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_counted_from_the_upper_one() {
        assert_eq!(bits(&[0b1010_0000, 0b1100_0000], 0, 3), 0b101);
        assert_eq!(bits(&[0b0000_0001, 0b1100_0000], 7, 3), 0b111);
        assert_eq!(bits(&[0xff], 4, 8), 0xf0);
    }

    #[test]
    fn a_frame_gets_the_data_that_an_earlier_one_had_room_for() {
        let header = Header::read(&[0xff, 0xfb, 0x00, 0xc0]).expect("it is free format, mono");
        let frame = |back: u16, bits: u16, fill: u8| {
            let mut frame = vec![0xff, 0xfb, 0x00, 0xc0];
            let mut side = [0; 17];
            side[0] = (back >> 1) as u8;
            side[1] = (back << 7) as u8;
            // Twelve bits from bit 18 on.
            side[2] = (bits >> 6) as u8;
            side[3] = (bits << 2) as u8;
            frame.extend(side);
            frame.extend(vec![fill; 100]);
            frame
        };
        let mut rewriter = Rewriter::default();
        let first = rewriter.rewritten(&frame(0, 400, 1), &header).expect("there is room");
        assert_eq!((first[2], first.len()), (0x10, 104));
        assert_eq!((&first[21..71], first[71]), (&[1; 50][..], 0));
        let second = rewriter.rewritten(&frame(50, 800, 2), &header).expect("there is room");
        assert_eq!((second[4], second[5], second.len()), (0, 0, 130));
        assert_eq!((&second[21..71], &second[71..121], second[121]), (&[1; 50][..], &[2; 50][..], 0));
    }
}
