//! Pages of Ogg (RFC 3533, 6), to make files of them that no encoder here writes.

/// The checksum of a page whose own field is zero: polynomial 0x04c11db7, first bit first, no inversion.
pub fn checksum(page: &[u8]) -> u32 {
    page.iter().fold(0, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte) << 24, |sum, _| {
            if sum & 0x8000_0000 == 0 { sum << 1 } else { sum << 1 ^ 0x04c1_1db7 }
        })
    })
}

/// The pages of a file of one stream, which gets this number.
pub fn pages(mut file: &[u8], serial: u32) -> Vec<Vec<u8>> {
    let mut pages = Vec::new();
    while !file.is_empty() {
        let segments = usize::from(file[26]);
        let len = 27 + segments + file[27..27 + segments].iter().map(|len| usize::from(*len)).sum::<usize>();
        let mut page = file[..len].to_vec();
        page[14..18].copy_from_slice(&serial.to_le_bytes());
        page[22..26].fill(0);
        let sum = checksum(&page);
        page[22..26].copy_from_slice(&sum.to_le_bytes());
        pages.push(page);
        file = &file[len..];
    }
    pages
}
