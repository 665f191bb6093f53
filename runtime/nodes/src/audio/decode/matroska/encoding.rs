//! What was done to the packets of a track of Matroska behind its encoder (RFC 9559, 5.1.4.1.31): they were compressed or
//! encrypted.

use super::walk::{children, unsigned};

/// What was done to them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::audio::decode) enum Encoding {
    /// Nothing.
    #[default]
    Plain,
    /// The bytes were left out that all of them begin with.
    Stripped(Vec<u8>),
    /// They were compressed by this, which codecs of the system undo.
    Compressed(&'static str),
    /// What no decoder undoes; this is what the sound is.
    Locked(&'static str),
}

impl Encoding {
    /// Reads the content of an element `ContentEncodings`.
    pub(in crate::audio::decode) fn read(encodings: &[u8]) -> Self {
        const ENCODING: u64 = 0x6240;
        let mut encodings = children(encodings).filter(|(id, _)| *id == ENCODING).map(|(_, encoding)| encoding);
        match (encodings.next(), encodings.next()) {
            (None, _) => Self::Plain,
            (Some(encoding), None) => Self::of(encoding),
            // FFmpeg would take the packets for plain ones, as it does with those that are encrypted.
            (Some(_), Some(_)) => Self::Locked("sound that is encoded several times"),
        }
    }

    fn of(encoding: &[u8]) -> Self {
        const SCOPE: u64 = 0x5032;
        /// Bits of the scope.
        const PACKETS: u64 = 1;
        const PRIVATE: u64 = 2;
        const KIND: u64 = 0x5033;
        const ENCRYPTION: u64 = 1;
        const COMPRESSION: u64 = 0x5034;
        const ALGORITHM: u64 = 0x4254;
        const SETTINGS: u64 = 0x4255;
        let scope = number(encoding, SCOPE).unwrap_or(PACKETS);
        let compression = field(encoding, COMPRESSION).unwrap_or_default();
        match (number(encoding, KIND).unwrap_or(0), number(compression, ALGORITHM).unwrap_or(0)) {
            _ if scope & (PACKETS | PRIVATE) == 0 => Self::Plain,
            (ENCRYPTION, _) => Self::Locked("encrypted sound"),
            (0, 0) => Self::Compressed("zlib"),
            (0, 1) => Self::Compressed("bzip2"),
            (0, 2) => Self::Compressed("LZO"),
            (0, 3) if scope & PRIVATE == 0 => Self::Stripped(field(compression, SETTINGS).unwrap_or_default().to_vec()),
            (0, 3) => Self::Compressed("header stripping"),
            _ => Self::Locked("sound that is encoded in an unknown way"),
        }
    }
}

fn field(content: &[u8], wanted: u64) -> Option<&[u8]> {
    children(content).find(|(id, _)| *id == wanted).map(|(_, content)| content)
}

fn number(content: &[u8], wanted: u64) -> Option<u64> {
    field(content, wanted).map(unsigned)
}
