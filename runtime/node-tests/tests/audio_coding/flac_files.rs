//! FLAC files (RFC 9639) with subframes that hold their samples as they are, so that a test can write any stream.

/// A frame of 16-bit samples or of others whose width is a multiple of eight.
pub(crate) struct Frame<'a> {
    /// One of the rates with a code of their own: 8000, 16000 or 44100 Hz.
    pub(crate) rate: u32,
    /// 8, 16 or 24.
    pub(crate) bits: u8,
    pub(crate) number: u8,
    pub(crate) planes: &'a [Vec<i32>],
}

impl Frame<'_> {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let samples = self.planes[0].len() as u16;
        let rate = match self.rate {
            8000 => 4,
            16_000 => 5,
            44_100 => 9,
            _ => panic!("this rate has no code here"),
        };
        let bits = match self.bits {
            8 => 1,
            16 => 4,
            24 => 6,
            _ => panic!("this width has no code here"),
        };
        let mut frame = vec![0xff, 0xf8, 0x70 | rate, (self.planes.len() as u8 - 1) << 4 | bits << 1, self.number];
        frame.extend((samples - 1).to_be_bytes());
        frame.push(checksum_8(&frame));
        for plane in self.planes {
            // A verbatim subframe without wasted bits.
            frame.push(0x02);
            for sample in plane {
                frame.extend_from_slice(&sample.to_be_bytes()[4 - usize::from(self.bits / 8)..]);
            }
        }
        frame.extend(checksum_16(&frame).to_be_bytes());
        frame
    }
}

/// The block STREAMINFO of a stream.
pub(crate) fn stream_info(rate: u32, channels: u8, bits: u8, frames: u64) -> Vec<u8> {
    let mut block = [16u16.to_be_bytes(), 4096u16.to_be_bytes()].concat();
    block.extend([0; 6]);
    let packed = u64::from(rate) << 44 | u64::from(channels - 1) << 41 | u64::from(bits - 1) << 36 | frames;
    block.extend(packed.to_be_bytes());
    block.extend([0; 16]);
    block
}

/// A file of these blocks, each with its kind and the length that it claims, and frames.
pub(crate) fn file(blocks: &[(u8, u32, Vec<u8>)], frames: &[Vec<u8>]) -> Vec<u8> {
    let mut file = b"fLaC".to_vec();
    for (index, (kind, len, content)) in blocks.iter().enumerate() {
        let last = if index + 1 == blocks.len() { 0x80 } else { 0 };
        file.push(kind | last);
        file.extend_from_slice(&len.to_be_bytes()[1..]);
        file.extend_from_slice(content);
    }
    [file, frames.concat()].concat()
}

fn checksum_8(bytes: &[u8]) -> u8 {
    bytes
        .iter()
        .fold(0, |sum, byte| (0..8).fold(sum ^ byte, |sum, _| if sum & 0x80 == 0 { sum << 1 } else { sum << 1 ^ 0x07 }))
}

pub(crate) fn checksum_16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |sum, byte| {
        (0..8).fold(sum ^ u16::from(*byte) << 8, |sum, _| if sum & 0x8000 == 0 { sum << 1 } else { sum << 1 ^ 0x8005 })
    })
}
