//! The headers of MPEG audio frames (ISO/IEC 11172-3, 2.4.1.3 and 13818-3) and of AAC frames in ADTS (ISO/IEC 14496-3,
//! 1.A.2.2), and whether bytes are such frames: eleven set bits stand in any file, a chain of headers does not.

use symphonia::core::codecs::audio::AudioCodecId;
use symphonia::core::codecs::audio::well_known::{CODEC_ID_MP1, CODEC_ID_MP2, CODEC_ID_MP3};

/// The header of an MPEG audio frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::audio::decode) struct Header {
    /// The bits of the version: 3 is MPEG-1, 2 is MPEG-2, 0 is MPEG-2.5.
    version: u8,
    /// 1 to 3.
    pub(in crate::audio::decode) layer: u8,
    /// The index of the bit rate; 0 is free format.
    bit_rate: u8,
    pub(in crate::audio::decode) rate: u32,
    is_padded: bool,
    pub(in crate::audio::decode) channels: u8,
}

/// The longest frame that is looked for in free format: 640 kbit/s at 8 kHz.
const LONGEST_FREE: usize = 5760;
const SHORTEST: usize = 24;

/// What sound is called whose bit rate is not allowed: the decoder does not take it, but some programs write it.
pub(in crate::audio::decode) const NOT_ALLOWED: &str =
    "MPEG layer II of a bit rate that the standard does not have for so many channels";

/// Bit rates in kbit/s by their index, for layer I to III of MPEG-1, then for layer I and for II and III of MPEG-2.
const BIT_RATES: [[u16; 15]; 5] = [
    [0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
    [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
    [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
    [0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
    [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
];

impl Header {
    /// The header that these bytes begin with.
    pub(in crate::audio::decode) fn read(bytes: &[u8]) -> Option<Self> {
        let [0xff, second, third, fourth, ..] = *bytes else { return None };
        let (version, layer) = (second >> 3 & 3, 4 - (second >> 1 & 3));
        let (bit_rate, rate) = (third >> 4, third >> 2 & 3);
        if second & 0xe0 != 0xe0 || version == 1 || layer == 4 || bit_rate == 15 || rate == 3 {
            return None;
        }
        let rate = [44_100, 48_000, 32_000][usize::from(rate)] >> [2, 0, 1, 0][usize::from(version)];
        let channels = if fourth >> 6 == 3 { 1 } else { 2 };
        let is_padded = third & 2 != 0;
        Some(Self { version, layer, bit_rate, rate, is_padded, channels })
    }

    pub(super) fn is_mpeg_1(&self) -> bool {
        self.version == 3
    }

    pub(super) fn is_free(&self) -> bool {
        self.bit_rate == 0
    }

    /// The bytes of the frame, which in free format the distance of its headers tells.
    pub(in crate::audio::decode) fn len(&self) -> Option<usize> {
        let slots = self.slots_for(kilobits(self, self.bit_rate) * 1000) + usize::from(self.is_padded);
        (!self.is_free()).then_some(slots * self.slot())
    }

    /// The bytes of a frame on average, where padding makes up for what the rate leaves over: a fraction.
    pub(super) fn exact_len(&self) -> Option<(u64, u64)> {
        let bits = u64::from(kilobits(self, self.bit_rate)) * 1000;
        (bits > 0).then(|| (u64::from(self.factor()) * bits * self.slot() as u64, u64::from(self.rate)))
    }

    fn slots_for(&self, bits: u32) -> usize {
        (self.factor() * bits / self.rate) as usize
    }

    fn factor(&self) -> u32 {
        match self.layer {
            1 => 12,
            3 if !self.is_mpeg_1() => 72,
            _ => 144,
        }
    }

    /// The bytes that padding adds.
    pub(super) fn slot(&self) -> usize {
        if self.layer == 1 { 4 } else { 1 }
    }

    /// The bytes that padding adds to this frame.
    pub(in crate::audio::decode) fn padding(&self) -> usize {
        if self.is_padded { self.slot() } else { 0 }
    }

    /// Whether the standard has its bit rate for so many channels.
    pub(super) fn is_allowed(&self) -> bool {
        !self.is_mpeg_1() || self.is_taken()
    }

    /// Whether its bit rate, or free format, is one that MPEG-1 has with so many channels (ISO/IEC 11172-3, 2.4.2.3): of layer
    /// II Symphonia's decoder takes no others.
    pub(super) fn is_taken(&self) -> bool {
        let kilobits = kilobits(self, self.bit_rate);
        self.layer != 2 || if self.channels == 1 { kilobits < 224 } else { !matches!(kilobits, 32 | 48 | 56 | 80) }
    }

    /// The header at the bit rate of this index.
    pub(in crate::audio::decode) fn at(&self, bit_rate: u8) -> Self {
        Self { bit_rate, ..*self }
    }

    /// The frames of sound in it.
    pub(in crate::audio::decode) fn samples(&self) -> u32 {
        match self.layer {
            1 => 384,
            3 if !self.is_mpeg_1() => 576,
            _ => 1152,
        }
    }

    /// What Symphonia calls the layer.
    pub(in crate::audio::decode) fn codec(&self) -> AudioCodecId {
        [CODEC_ID_MP1, CODEC_ID_MP2, CODEC_ID_MP3][usize::from(self.layer) - 1]
    }

    /// Whether both may be of one stream.
    pub(in crate::audio::decode) fn is_kin(&self, other: &Self) -> bool {
        (self.version, self.layer, self.rate, self.is_free())
            == (other.version, other.layer, other.rate, other.is_free())
    }
}

fn kilobits(header: &Header, bit_rate: u8) -> u32 {
    let table = match (header.is_mpeg_1(), header.layer) {
        (true, layer) => usize::from(layer) - 1,
        (false, 1) => 3,
        (false, _) => 4,
    };
    u32::from(BIT_RATES[table][usize::from(bit_rate)])
}

/// Whether bytes are what they look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::audio::decode) enum Chain {
    /// They are: a frame of so many bytes without its padding, and others of its kind after it.
    Frames(usize),
    Broken,
    /// It takes so many bytes to tell.
    Needs(usize),
}

/// Whether so many frames begin here, one after the other. `is_whole` if no byte comes after these; then there may be
/// fewer, up to the end or to a tag.
pub(in crate::audio::decode) fn chain(bytes: &[u8], frames: usize, is_whole: bool) -> Chain {
    let Some(first) = Header::read(bytes) else { return Chain::Broken };
    let (mut place, mut header, mut free) = (0, first, None);
    if first.is_free() {
        match free_len(bytes, &first) {
            Some(len) => free = Some(len),
            None if bytes.len() < 2 * LONGEST_FREE && !is_whole => return Chain::Needs(2 * LONGEST_FREE),
            None => return Chain::Broken,
        }
    }
    let len_of =
        |header: &Header| header.len().or(free.map(|len| len + header.padding())).filter(|len| *len >= SHORTEST);
    let Some(first_len) = len_of(&first) else { return Chain::Broken };
    let right = Chain::Frames(first_len - first.padding());
    for _ in 1..frames {
        let Some(len) = len_of(&header) else { return Chain::Broken };
        place += len;
        if bytes.len() < place + 4 {
            return match is_whole {
                true if bytes.len() == place => right,
                true => Chain::Broken,
                false => Chain::Needs(place + 4),
            };
        }
        match Header::read(&bytes[place..]) {
            Some(next) if next.is_kin(&first) => header = next,
            _ if is_tag(&bytes[place..]) => return right,
            _ => return Chain::Broken,
        }
    }
    right
}

/// Whether these bytes begin a tag that stands after the sound.
pub(in crate::audio::decode) fn is_tag(bytes: &[u8]) -> bool {
    [&b"TAG"[..], b"APETAGEX", b"LYRICSBEGIN", b"ID3"].iter().any(|tag| bytes.starts_with(tag))
}

/// The bytes of a frame of free format without its padding: the distance to the next header like it, if a third follows
/// at the same distance.
fn free_len(bytes: &[u8], first: &Header) -> Option<usize> {
    let is_like = |place: usize| bytes.get(place..).and_then(Header::read).filter(|header| header.is_kin(first));
    (SHORTEST..=LONGEST_FREE).find_map(|distance| {
        let second = is_like(distance)?;
        let len = distance.checked_sub(first.padding())?;
        is_like(distance + len + second.padding()).map(|_| len)
    })
}

/// The header of an AAC frame in ADTS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::audio::decode) struct AdtsHeader {
    /// Its bytes, and those of the frame with it.
    pub(in crate::audio::decode) head_len: usize,
    pub(in crate::audio::decode) len: usize,
    pub(in crate::audio::decode) rate: u32,
    profile: u8,
    /// The number of an arrangement of channels; 0 where the frames say it.
    arrangement: u8,
    /// Whether it holds several packets.
    pub(in crate::audio::decode) has_several: bool,
}

impl AdtsHeader {
    /// The bytes of a header without a checksum.
    pub(in crate::audio::decode) const LEN: usize = 7;

    /// The header that these bytes begin with.
    pub(in crate::audio::decode) fn read(bytes: &[u8]) -> Option<Self> {
        const RATES: [u32; 13] =
            [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8000, 7350];
        let [0xff, second, third, fourth, fifth, sixth, seventh, ..] = *bytes else { return None };
        if second & 0xf6 != 0xf0 {
            return None;
        }
        let head_len = if second & 1 == 0 { Self::LEN + 2 } else { Self::LEN };
        let len = usize::from(fourth & 3) << 11 | usize::from(fifth) << 3 | usize::from(sixth >> 5);
        (len >= head_len).then_some(Self {
            head_len,
            len,
            rate: *RATES.get(usize::from(third >> 2 & 15))?,
            profile: third >> 6,
            arrangement: (third & 1) << 2 | fourth >> 6,
            has_several: seventh & 3 != 0,
        })
    }

    /// How many channels there are, unless the frames say it.
    pub(in crate::audio::decode) fn channels(&self) -> Option<u8> {
        match self.arrangement {
            0 => None,
            7 => Some(8),
            count => Some(count),
        }
    }

    /// Whether both are of one stream.
    pub(in crate::audio::decode) fn is_kin(&self, other: &Self) -> bool {
        (self.rate, self.profile, self.arrangement) == (other.rate, other.profile, other.arrangement)
    }
}

/// Whether so many AAC frames begin here, one after the other; see [`chain`].
pub(in crate::audio::decode) fn adts_chain(bytes: &[u8], frames: usize, is_whole: bool) -> Chain {
    let Some(first) = AdtsHeader::read(bytes) else { return Chain::Broken };
    let mut place = first.len;
    for found in 1..frames {
        if bytes.len() < place + AdtsHeader::LEN {
            return match is_whole {
                // The last frame may be cut, but one header alone is too little to know it by.
                true if bytes.len() == place || (bytes.len() < place && found > 1) => Chain::Frames(first.len),
                true => Chain::Broken,
                false => Chain::Needs(place + AdtsHeader::LEN),
            };
        }
        match AdtsHeader::read(&bytes[place..]).filter(|next| next.is_kin(&first)) {
            Some(next) => place += next.len,
            None if is_tag(&bytes[place..]) => break,
            None => return Chain::Broken,
        }
    }
    Chain::Frames(first.len)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(header: [u8; 4], len: usize, count: usize) -> Vec<u8> {
        let mut frame = vec![0; len];
        frame[..4].copy_from_slice(&header);
        frame.repeat(count)
    }

    #[test]
    fn lengths_of_frames() {
        for (header, len, samples) in [
            ([0xff, 0xfb, 0x90, 0x64], 417, 1152),
            ([0xff, 0xfb, 0x92, 0x64], 418, 1152),
            ([0xff, 0xf3, 0x88, 0xc4], 288, 576),
            ([0xff, 0xfd, 0x80, 0x04], 417, 1152),
            ([0xff, 0xff, 0x80, 0x04], 276, 384),
        ] {
            let read = Header::read(&header).expect("it is a header");
            assert_eq!((read.len(), read.samples()), (Some(len), samples), "{header:02x?}");
            let (bytes, per) = read.exact_len().expect("it has a bit rate");
            assert!((bytes / per).abs_diff(len as u64) <= read.slot() as u64, "{header:02x?}");
        }
    }

    #[test]
    fn headers_count_only_in_a_chain() {
        let mp3 = frames([0xff, 0xfb, 0x90, 0x64], 417, 3);
        assert_eq!(chain(&mp3, 3, false), Chain::Frames(417));
        assert_eq!(chain(&mp3, 4, true), Chain::Frames(417));
        assert_eq!(chain(&mp3, 4, false), Chain::Needs(1255));
        assert_eq!(chain(&[&mp3[..], b"TAG and so on"].concat(), 5, true), Chain::Frames(417));
        assert_eq!(chain(&[&mp3[..], b"something"].concat(), 4, true), Chain::Broken);
        assert_eq!(chain(&mp3[..400], 2, true), Chain::Broken);
        let text: Vec<u8> = "\u{feff}Dear diary, today I went".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(chain(&text, 2, true), Chain::Broken);
        assert_eq!(chain(&frames([0xff, 0xfb, 0x00, 0x64], 500, 3), 3, true), Chain::Frames(500));
        assert_eq!(chain(&frames([0xff, 0xfb, 0x00, 0x64], 500, 2), 2, true), Chain::Broken);
        let aac = frames([0xff, 0xf1, 0x50, 0x80], 64, 3);
        let aac: Vec<u8> = aac.chunks(64).flat_map(|frame| [&frame[..4], &[8, 0], &frame[6..]].concat()).collect();
        assert_eq!(adts_chain(&aac, 3, false), Chain::Frames(64));
        assert_eq!(adts_chain(&aac[..64], 3, true), Chain::Frames(64));
        assert_eq!(adts_chain(&aac[..100], 3, true), Chain::Frames(64));
        assert_eq!(adts_chain(&aac[..50], 3, true), Chain::Broken);
    }
}
