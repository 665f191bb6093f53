//! Files of uncompressed sound, byte by byte as standards and real programs write them.

/// A chunk of RIFF: a padded content behind its id and length.
pub fn chunk(id: &[u8; 4], content: &[u8]) -> Vec<u8> {
    sized_chunk(id, content.len() as u32, content)
}

/// A chunk that claims to be so long.
pub fn sized_chunk(id: &[u8; 4], len: u32, content: &[u8]) -> Vec<u8> {
    let mut bytes = [&id[..], &len.to_le_bytes(), content].concat();
    bytes.resize(bytes.len().next_multiple_of(2), 0);
    bytes
}

/// The content of a format chunk of PCM: tag, channels, rate and the bits and bytes of a sample.
pub fn format(tag: u16, channels: u16, rate: u32, bits: u16, bytes: u16) -> Vec<u8> {
    let block = channels * bytes;
    let mut format = [tag.to_le_bytes(), channels.to_le_bytes()].concat();
    format.extend(rate.to_le_bytes());
    format.extend((rate * u32::from(block)).to_le_bytes());
    format.extend([block.to_le_bytes(), bits.to_le_bytes()].concat());
    format
}

/// A format chunk of `WAVEFORMATEXTENSIBLE`.
pub fn extensible(tag: u16, channels: u16, rate: u32, bits: u16, bytes: u16, mask: u32) -> Vec<u8> {
    let mut format = format(0xfffe, channels, rate, bytes * 8, bytes);
    format.extend([22u16.to_le_bytes(), bits.to_le_bytes()].concat());
    format.extend(mask.to_le_bytes());
    format.extend(tag.to_le_bytes());
    format.extend([0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71]);
    format
}

/// A WAV file of these chunks whose header claims this length.
pub fn riff(id: &[u8; 4], len: u32, chunks: &[Vec<u8>]) -> Vec<u8> {
    [&id[..], &len.to_le_bytes(), b"WAVE", &chunks.concat()].concat()
}

/// The chunk `ds64` of RF64 and BW64 for so many bytes and frames of sound.
pub fn ds64(bytes: u64, frames: u64) -> Vec<u8> {
    chunk(b"ds64", &[&(bytes + 100).to_le_bytes()[..], &bytes.to_le_bytes(), &frames.to_le_bytes(), &[0; 4]].concat())
}

/// A file of Wave64.
pub fn w64(format: &[u8], data_len: u64, data: &[u8]) -> Vec<u8> {
    const TAIL: &[u8] = b"\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a";
    let part = |id: &[u8; 4], len: u64, content: &[u8]| {
        let mut bytes = [&id[..], TAIL, &len.wrapping_add(24).to_le_bytes(), content].concat();
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes
    };
    let mut file = b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00".to_vec();
    file.extend((data.len() as u64 + 120).to_le_bytes());
    file.extend([b"wave", TAIL].concat());
    file.extend(part(b"fmt ", format.len() as u64, format));
    file.extend(part(b"junk", 5, b"other"));
    file.extend(part(b"data", data_len, data));
    file
}

/// The rate as a number of 80 bits.
pub fn extended(rate: u32) -> Vec<u8> {
    let shift = rate.leading_zeros();
    let exponent = 16_383 + 31 - shift as u16;
    [&exponent.to_be_bytes()[..], &(rate << shift).to_be_bytes(), &[0; 4]].concat()
}

/// A chunk of AIFF.
pub fn big_chunk(id: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let mut bytes = [&id[..], &(content.len() as u32).to_be_bytes(), content].concat();
    bytes.resize(bytes.len().next_multiple_of(2), 0);
    bytes
}

/// The chunk `COMM` of AIFF or, with the name of a codec, of AIFF-C.
pub fn comm(channels: u16, frames: u32, bits: u16, rate: u32, kind: Option<&[u8; 4]>) -> Vec<u8> {
    let mut content = [&channels.to_be_bytes()[..], &frames.to_be_bytes(), &bits.to_be_bytes()].concat();
    content.extend(extended(rate));
    content.extend(kind.into_iter().flat_map(|kind| [&kind[..], b"\x05named"].concat()));
    big_chunk(b"COMM", &content)
}

/// The chunk `SSND`, whose sound begins after so many other bytes.
pub fn ssnd(offset: u32, data: &[u8]) -> Vec<u8> {
    let junk = vec![0x55; offset as usize];
    big_chunk(b"SSND", &[&offset.to_be_bytes()[..], &[0; 4], &junk, data].concat())
}

/// An AIFF file of these chunks.
pub fn aiff(kind: &[u8; 4], chunks: &[Vec<u8>]) -> Vec<u8> {
    let content = chunks.concat();
    [b"FORM", &(content.len() as u32 + 4).to_be_bytes()[..], kind, &content].concat()
}

/// A file of Sun audio.
pub fn sun(encoding: u32, rate: u32, channels: u32, len: u32, data: &[u8]) -> Vec<u8> {
    let numbers = [32, len, encoding, rate, channels].map(u32::to_be_bytes).concat();
    [b".snd", &numbers[..], b"a note\0\0", data].concat()
}

/// A CAF file with a description, other chunks, and its sound in a chunk that claims this length.
pub struct Caf<'a> {
    /// The four letters of its codec.
    pub kind: &'a [u8; 4],
    /// Whether its numbers are floats, and little-endian.
    pub flags: u32,
    /// In hertz.
    pub rate: f64,
    /// Zero where they vary.
    pub packet_bytes: u32,
    /// Zero where they vary.
    pub packet_frames: u32,
    /// How many.
    pub channels: u32,
    /// Of a sample.
    pub bits: u32,
    /// Chunks before the sound: their names and contents.
    pub others: &'a [(&'a [u8; 4], &'a [u8])],
    /// What the chunk of sound claims.
    pub len: i64,
    /// The sound.
    pub data: &'a [u8],
}

impl Caf<'_> {
    /// The file.
    pub fn bytes(&self) -> Vec<u8> {
        let part = |id: &[u8; 4], len: i64, content: &[u8]| [&id[..], &len.to_be_bytes(), content].concat();
        let numbers = [self.flags, self.packet_bytes, self.packet_frames, self.channels, self.bits];
        let description = [&self.rate.to_be_bytes()[..], self.kind, &numbers.map(u32::to_be_bytes).concat()].concat();
        let mut file = b"caff\0\x01\0\0".to_vec();
        file.extend(part(b"desc", description.len() as i64, &description));
        for (id, content) in self.others {
            file.extend(part(id, content.len() as i64, content));
        }
        file.extend(part(b"data", self.len, &[b"\0\0\0\0", self.data].concat()));
        file
    }
}
