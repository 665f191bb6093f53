//! The head of an Opus stream (RFC 7845, 5.1), which Ogg, WebM and, the other way round, MP4 carry, and the order of its channels.
//!
//! Both directions share it: the decoder reads heads, the encoder writes them. It may know nothing of files.

/// The one rate that heads and positions of Opus count in, in Hz.
pub(super) const RATE: u32 = 48_000;

/// The fields of a stream's head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OpusHead {
    pub(super) channels: u8,
    /// Frames at 48 kHz that only let the decoder converge, and are no sound.
    pub(super) pre_skip: u16,
    /// The rate of the sound that was encoded, in Hz; 0 if it is not known.
    pub(super) input_rate: u32,
    /// Q7.8 decibels to amplify the decoded sound by.
    pub(super) gain: i16,
    pub(super) mapping: Mapping,
}

/// How the channels lie in the streams of a packet (RFC 7845, 5.1.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mapping {
    /// 0 for one stream, 1 for speakers in the order of Vorbis, others for what has no speakers.
    pub(super) family: u8,
    pub(super) streams: u8,
    /// How many of the streams, the first ones, are stereo.
    pub(super) coupled: u8,
    /// For each channel the decoded channel that it is; 255 for silence.
    pub(super) table: Vec<u8>,
}

impl OpusHead {
    const MAGIC: &[u8; 8] = b"OpusHead";

    /// Reads a head; `None` if it is damaged, or of a later version that can't be read by this one.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(Self::MAGIC)?;
        let (fixed, rest) = rest.split_first_chunk::<11>()?;
        let [version, channels, skip_low, skip_high, rate_0, rate_1, rate_2, rate_3, gain_low, gain_high, family] =
            *fixed;
        if version >> 4 != 0 || channels == 0 {
            return None;
        }
        let mapping =
            if family == 0 { Mapping::one_stream(channels)? } else { Mapping::parse(family, channels, rest)? };
        Some(Self {
            channels,
            pre_skip: u16::from_le_bytes([skip_low, skip_high]),
            input_rate: u32::from_le_bytes([rate_0, rate_1, rate_2, rate_3]),
            gain: i16::from_le_bytes([gain_low, gain_high]),
            mapping,
        })
    }

    /// Reads a head whose numbers have their high bytes first, as the box `dOps` of MP4 has them ("Encapsulation of Opus in
    /// ISO Base Media File Format", 4.3.2), behind the same magic bytes.
    pub(super) fn of_mp4(bytes: &[u8]) -> Option<Self> {
        let head = Self::parse(bytes)?;
        Some(Self {
            pre_skip: head.pre_skip.swap_bytes(),
            input_rate: head.input_rate.swap_bytes(),
            gain: head.gain.swap_bytes(),
            ..head
        })
    }

    /// The head as Ogg and Matroska carry it.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Self::MAGIC.to_vec();
        bytes.extend([1, self.channels]);
        bytes.extend(self.pre_skip.to_le_bytes());
        bytes.extend(self.input_rate.to_le_bytes());
        bytes.extend(self.gain.to_le_bytes());
        bytes.push(self.mapping.family);
        if self.mapping.family != 0 {
            bytes.extend([self.mapping.streams, self.mapping.coupled]);
            bytes.extend(&self.mapping.table);
        }
        bytes
    }
}

impl Mapping {
    /// The mapping of speakers in the order of Vorbis, with left and right of a pair in one stream (RFC 7845, 5.1.1.2);
    /// `None` for more than eight channels.
    pub(super) fn of_speakers(channels: usize) -> Option<Self> {
        let (streams, coupled, table): (u8, u8, &[u8]) = match channels {
            1 => (1, 0, &[0]),
            2 => (1, 1, &[0, 1]),
            3 => (2, 1, &[0, 2, 1]),
            4 => (2, 2, &[0, 1, 2, 3]),
            5 => (3, 2, &[0, 4, 1, 2, 3]),
            6 => (4, 2, &[0, 4, 1, 2, 3, 5]),
            7 => (4, 3, &[0, 4, 1, 2, 3, 5, 6]),
            8 => (5, 3, &[0, 6, 1, 2, 3, 4, 5, 7]),
            _ => return None,
        };
        Some(Self { family: u8::from(channels > 2), streams, coupled, table: table.to_vec() })
    }

    fn one_stream(channels: u8) -> Option<Self> {
        Self::of_speakers(usize::from(channels)).filter(|mapping| mapping.family == 0)
    }

    fn parse(family: u8, channels: u8, bytes: &[u8]) -> Option<Self> {
        let (&[streams, coupled], rest) = bytes.split_first_chunk::<2>()?;
        let table = rest.get(..usize::from(channels))?.to_vec();
        let decoded = streams.checked_add(coupled)?;
        let is_sound = streams > 0 && coupled <= streams && table.iter().all(|index| *index < decoded || *index == 255);
        is_sound.then_some(Self { family, streams, coupled, table })
    }
}

/// For each channel of Vorbis order (RFC 7845, 5.1.1.2) its place in the order of `WAVEFORMATEXTENSIBLE`; `None` for more
/// than eight channels.
pub(super) fn planes(channels: usize) -> Option<&'static [usize]> {
    const PLANES: [&[usize]; 8] = [
        &[0],
        &[0, 1],
        &[0, 2, 1],
        &[0, 1, 2, 3],
        &[0, 2, 1, 3, 4],
        &[0, 2, 1, 4, 5, 3],
        &[0, 2, 1, 5, 6, 4, 3],
        &[0, 2, 1, 6, 7, 4, 5, 3],
    ];
    PLANES.get(channels.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_as_it_was_written() {
        for channels in 1..=8 {
            let mapping = Mapping::of_speakers(channels).unwrap();
            assert_eq!(usize::from(mapping.streams + mapping.coupled), channels);
            let head = OpusHead { channels: channels as u8, pre_skip: 312, input_rate: 44_100, gain: -256, mapping };
            let bytes = head.to_bytes();
            assert_eq!(OpusHead::parse(&bytes), Some(head));
            for len in 0..bytes.len() {
                assert_eq!(OpusHead::parse(&bytes[..len]), None, "{len} bytes of {channels} channels");
            }
            let mut order = planes(channels).unwrap().to_vec();
            order.sort_unstable();
            assert_eq!(order, (0..channels).collect::<Vec<_>>());
        }
        assert_eq!((Mapping::of_speakers(0), Mapping::of_speakers(9)), (None, None));
        assert_eq!((planes(0), planes(9)), (None, None));
    }

    #[test]
    fn a_head_that_can_not_be_is_refused() {
        let good =
            OpusHead { channels: 3, pre_skip: 0, input_rate: 0, gain: 0, mapping: Mapping::of_speakers(3).unwrap() };
        let with = |place: usize, byte: u8| {
            let mut bytes = good.to_bytes();
            bytes[place] = byte;
            OpusHead::parse(&bytes)
        };
        assert!(with(8, 15).is_some(), "minor versions are readable");
        assert_eq!(with(8, 16), None, "another major version");
        assert_eq!(with(9, 0), None, "no channels");
        assert_eq!(with(18, 0), None, "three channels in one stream");
        assert_eq!(with(19, 0), None, "no streams");
        assert_eq!(with(20, 3), None, "more pairs than streams");
        assert_eq!(with(21, 3), None, "a channel that no stream has");
        assert_eq!(with(19, 255), None, "more than 255 decoded channels");
        assert!(with(21, 255).is_some(), "silence");
    }
}
