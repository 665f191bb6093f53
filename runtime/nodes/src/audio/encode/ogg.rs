//! Pages of one logical stream in Ogg (RFC 3533).

/// What a page may hold: 255 segments of up to 255 bytes.
const MOST_SEGMENTS: usize = 255;

/// Puts whole packets on pages. No packet goes over the end of a page, so one has at most 65,024 bytes.
pub(super) struct PageWriter {
    serial: u32,
    sequence: u32,
    /// The lengths of the segments of the page that is not written yet, and their bytes.
    segments: Vec<u8>,
    body: Vec<u8>,
    granule: u64,
}

impl PageWriter {
    /// A stream of this number within its file.
    pub(super) fn new(serial: u32) -> Self {
        Self { serial, sequence: 0, segments: Vec::with_capacity(MOST_SEGMENTS), body: Vec::new(), granule: 0 }
    }

    /// Adds a packet after which the stream is at this position. A page that has no room for it goes to `out` first.
    pub(super) fn push(&mut self, packet: &[u8], granule: u64, out: &mut Vec<u8>) {
        // A packet ends with a segment of less than 255 bytes, which may be empty.
        let full = packet.len() / 255;
        debug_assert!(full < MOST_SEGMENTS);
        if self.segments.len() + full + 1 > MOST_SEGMENTS {
            self.end_page(false, out);
        }
        self.segments.extend(std::iter::repeat_n(255, full));
        self.segments.push((packet.len() % 255) as u8);
        self.body.extend_from_slice(packet);
        self.granule = granule;
    }

    /// Writes what was added as a page.
    pub(super) fn end_page(&mut self, is_last: bool, out: &mut Vec<u8>) {
        /// The first and the last page of a stream.
        const BEGINS: u8 = 2;
        const ENDS: u8 = 4;
        let flags = if self.sequence == 0 { BEGINS } else { 0 } | if is_last { ENDS } else { 0 };
        let start = out.len();
        out.extend(b"OggS\0");
        out.push(flags);
        out.extend(self.granule.to_le_bytes());
        out.extend(self.serial.to_le_bytes());
        out.extend(self.sequence.to_le_bytes());
        out.extend([0; 4]);
        out.push(self.segments.len() as u8);
        out.append(&mut self.segments);
        out.append(&mut self.body);
        let checksum = checksum(&out[start..]);
        out[start + 22..start + 26].copy_from_slice(&checksum.to_le_bytes());
        self.sequence += 1;
    }
}

/// The checksum of a page whose own field is zero: polynomial 0x04c11db7, not reflected, from zero.
fn checksum(page: &[u8]) -> u32 {
    const TABLE: [u32; 256] = table();
    page.iter().fold(0, |sum, byte| sum << 8 ^ TABLE[usize::from((sum >> 24) as u8 ^ byte)])
}

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut value = (index as u32) << 24;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 0x8000_0000 != 0 { value << 1 ^ 0x04c1_1db7 } else { value << 1 };
            bit += 1;
        }
        table[index] = value;
        index += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_its_kin_with_bits_inverted() {
        // CRC-32/BZIP2 begins and ends inverted; of as many zeros as the polynomial is long, so does this one.
        assert_eq!(checksum(b"\0\0\0\0"), 0);
        let inverted: Vec<u8> =
            b"123456789".iter().enumerate().map(|(at, byte)| if at < 4 { !byte } else { *byte }).collect();
        assert_eq!(!checksum(&inverted), 0xfc89_1918);
    }

    #[test]
    fn packets_keep_their_lengths_and_pages_their_room() {
        let mut pages = PageWriter::new(7);
        let mut out = Vec::new();
        for (granule, len) in [0, 1, 254, 255, 256, 60_000, 10_000].into_iter().enumerate() {
            pages.push(&vec![granule as u8; len], granule as u64, &mut out);
        }
        pages.end_page(true, &mut out);
        // The last packet did not fit: it has a page of its own.
        let second = out[1..].windows(4).position(|window| window == b"OggS").unwrap() + 1;
        let (first, second) = out.split_at(second);
        assert_eq!((first[5], second[5]), (2, 4));
        assert_eq!((first[6], second[6]), (5, 6));
        assert_eq!(first[27..34], [0, 1, 254, 255, 0, 255, 1]);
        assert_eq!(second.len(), 27 + 40 + 10_000);
    }
}
