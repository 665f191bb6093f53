//! The checksums of FLAC's frames (RFC 9639, 9.1.8 and 9.3), for the encoder and the decoder.

/// The checksum of a frame's header.
pub(crate) fn crc_8(bytes: &[u8]) -> u8 {
    bytes
        .iter()
        .fold(0, |sum, byte| (0..8).fold(sum ^ byte, |sum, _| if sum & 0x80 == 0 { sum << 1 } else { sum << 1 ^ 0x07 }))
}

/// The checksum of a frame, or of the bytes after those whose checksum is `before`. That of a frame with its own at the end
/// is 0.
pub(crate) fn crc_16(before: u16, bytes: &[u8]) -> u16 {
    let (whole, rest) = bytes.as_chunks::<8>();
    let sum = whole.iter().fold(before, |sum, bytes| {
        let [high, low] = sum.to_be_bytes();
        let mixed = [bytes[0] ^ high, bytes[1] ^ low, bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7]];
        mixed.iter().zip(CRC_16.iter().rev()).fold(0, |sum, (byte, table)| sum ^ table[usize::from(*byte)])
    });
    rest.iter().fold(sum, |sum, byte| sum << 8 ^ CRC_16[0][usize::from((sum >> 8) as u8 ^ byte)])
}

/// What a byte does to the checksum when as many bytes follow it as the table's index says.
static CRC_16: [[u16; 256]; 8] = crc_16_tables();

const fn crc_16_tables() -> [[u16; 256]; 8] {
    let mut tables = [[0u16; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut sum = (byte as u16) << 8;
        let mut bit = 0;
        while bit < 64 {
            sum = if sum & 0x8000 == 0 { sum << 1 } else { sum << 1 ^ 0x8005 };
            bit += 1;
            if bit % 8 == 0 {
                tables[bit / 8 - 1][byte] = sum;
            }
        }
        byte += 1;
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_the_catalogue() {
        // CRC-8/SMBUS and CRC-16/UMTS in Cook's catalogue of parametrised CRC algorithms.
        assert_eq!((crc_8(b"123456789"), crc_16(0, b"123456789")), (0xf4, 0xfee8));
    }

    #[test]
    fn a_checksum_may_be_taken_in_parts() {
        let bytes: Vec<u8> = (0..=255).cycle().take(1000).collect();
        for cut in (0..=bytes.len()).step_by(7) {
            let (first, later) = bytes.split_at(cut);
            assert_eq!(crc_16(crc_16(0, first), later), crc_16(0, &bytes), "cut at {cut}");
        }
    }
}
