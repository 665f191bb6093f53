//! How many frames packets of Vorbis give (Vorbis I, 4.3.8), from the block sizes of their modes, without decoding them.
//! Matroska does not say it.

/// The blocks of a stream, and the packet before the next one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::audio::decode) struct VorbisBlocks {
    short: u64,
    long: u64,
    /// For each mode whether its block is the long one.
    modes: Vec<bool>,
    last: Option<u64>,
}

/// The length of the identification header (Vorbis I, 4.2.2).
pub(super) const IDENTIFICATION: usize = 30;

impl VorbisBlocks {
    /// Reads the identification header and the setup header that follows on it.
    pub(in crate::audio::decode) fn read(headers: &[u8]) -> Option<Self> {
        let (identification, setup) = headers.split_at_checked(IDENTIFICATION)?;
        let sizes = identification.strip_prefix(b"\x01vorbis")?[21];
        let modes = modes(setup.strip_prefix(b"\x05vorbis")?)?;
        Some(Self { short: 1 << (sizes & 15), long: 1 << (sizes >> 4), modes, last: None })
    }

    /// Forgets the packet before.
    pub(in crate::audio::decode) fn restart(&mut self) {
        self.last = None;
    }

    /// The frames that a packet gives after the one before; none if that is not known. `None` if it is no packet of sound.
    pub(in crate::audio::decode) fn frames(&mut self, packet: &[u8]) -> Option<u64> {
        let block = self.block(packet)?;
        let frames = self.last.map_or(0, |last| (last + block) / 4);
        self.last = Some(block);
        Some(frames)
    }

    /// The length of a packet's block.
    pub(in crate::audio::decode) fn block(&self, packet: &[u8]) -> Option<u64> {
        let first = *packet.first()?;
        let width = usize::BITS - (self.modes.len() - 1).leading_zeros();
        let mode = usize::from(first >> 1) & ((1 << width) - 1);
        let is_long = (first & 1 == 0).then(|| self.modes.get(mode)).flatten()?;
        Some(if *is_long { self.long } else { self.short })
    }

    /// What the places of all packets with the same first block and the same block before them differ by.
    pub(in crate::audio::decode) fn step(&self) -> u64 {
        self.short.min(self.long) / 2
    }
}

/// The modes of a setup header, which are its end (Vorbis I, 4.2.4): six bits for their number less one, for each a bit for
/// its block, 32 bits that are zero and eight for its mapping, of which there are at most 64; and a bit that is set. What is
/// before them has no length but by parsing all of it, so they are looked for from the end.
fn modes(setup: &[u8]) -> Option<Vec<bool>> {
    const MODE: usize = 41;
    const COUNT: usize = 6;
    let field = |start: usize, len: usize| {
        (start..start + len).rev().fold(0u64, |sum, bit| sum << 1 | u64::from(setup[bit / 8] >> (bit % 8) & 1))
    };
    let (index, last) = setup.iter().enumerate().rev().find(|(_, byte)| **byte != 0)?;
    let end = 8 * index + 7 - last.leading_zeros() as usize;
    let (mut modes, mut found) = (Vec::new(), None);
    while modes.len() < 64 {
        let Some(start) = end.checked_sub(MODE * (modes.len() + 1)).filter(|start| *start >= COUNT) else { break };
        if field(start + 1, 32) != 0 || field(start + 33, 8) >= 64 {
            break;
        }
        modes.insert(0, field(start, 1) == 1);
        if field(start - COUNT, COUNT) + 1 == modes.len() as u64 {
            found = Some(modes.clone());
        }
    }
    found
}

/// Bits, least one first, as numbers of so many of them.
#[cfg(test)]
pub(super) fn packed(fields: &[(u64, usize)]) -> Vec<u8> {
    let bits: Vec<u8> =
        fields.iter().flat_map(|(value, len)| (0..*len).map(move |bit| (value >> bit & 1) as u8)).collect();
    bits.chunks(8).map(|byte| byte.iter().rev().fold(0, |sum, bit| sum << 1 | bit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_found_from_the_end() {
        let mode = |is_long: u64, mapping| [(is_long, 1), (0, 32), (mapping, 8)];
        let fields = [&[(0x5a5a, 15), (1, 6)][..], &mode(0, 0), &mode(1, 1), &[(1, 1)]].concat();
        let identification = [&b"\x01vorbis"[..], &[0; 21], &[0xb8, 1]].concat();
        let headers = [identification, b"\x05vorbis".to_vec(), packed(&fields), vec![0]].concat();
        let mut blocks = VorbisBlocks::read(&headers).unwrap();
        assert_eq!((blocks.short, blocks.long, &blocks.modes[..]), (256, 2048, &[false, true][..]));
        let frames: Vec<_> = [2u8, 2, 0, 0, 2, 1].iter().map(|first| blocks.frames(&[*first])).collect();
        assert_eq!(frames, [Some(0), Some(1024), Some(576), Some(128), Some(576), None]);
        assert_eq!(VorbisBlocks::read(&headers[..40]), None);
    }
}
