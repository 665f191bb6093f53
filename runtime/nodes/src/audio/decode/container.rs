//! Which container some bytes begin, so that a stream is read the right way and a file that is no audio is called by
//! its name.

/// A container that the demuxers know, or what was found instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Container {
    Wav,
    Flac,
    Ogg,
    /// MPEG audio frames without a container: MP3.
    Mpeg,
    /// AAC frames with a header each.
    Adts,
    Mp4,
    /// Also WebM.
    Matroska,
    /// A known format that holds no audio, or none that can be read here.
    Foreign(&'static str),
    /// No format has this beginning; audio may follow after junk.
    Unknown,
}

/// What the first bytes of a file tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sniffed {
    /// The container begins at this place; what is before it is an ID3v2 tag.
    Found(Container, u64),
    /// It takes the bytes up to this place to tell.
    Needs(u64),
}

/// The number of bytes that tell every container, and the codec of an Ogg stream.
pub(super) const SNIFF_LEN: usize = 40;

/// Looks at the bytes that `read` gives for a place: up to [`SNIFF_LEN`] of them, fewer only at the end.
pub(super) fn sniff(mut read: impl FnMut(u64) -> Vec<u8>, is_whole: bool) -> Sniffed {
    let mut place = 0;
    loop {
        let bytes = read(place);
        if bytes.len() < SNIFF_LEN && !is_whole {
            return Sniffed::Needs(place + SNIFF_LEN as u64);
        }
        match id3_len(&bytes) {
            Some(len) => place += len,
            None => return Sniffed::Found(container(&bytes), place),
        }
    }
}

/// The length of an ID3v2 tag from its header (id3.org, ID3v2.4.0 structure, 3.1): a syncsafe integer.
fn id3_len(bytes: &[u8]) -> Option<u64> {
    let header = bytes.strip_prefix(b"ID3")?.get(..7)?;
    let size = &header[3..];
    if size.iter().any(|byte| *byte >= 0x80) {
        return None;
    }
    let body = size.iter().fold(0, |sum, byte| sum << 7 | u64::from(*byte));
    let footer = if header[2] & 0x10 == 0 { 0 } else { 10 };
    Some(10 + body + footer)
}

fn container(bytes: &[u8]) -> Container {
    let starts = |magic: &[u8]| bytes.starts_with(magic);
    let form = |id: &[u8], kind: &[u8]| starts(id) && bytes.get(8..12) == Some(kind);
    if form(b"RIFF", b"WAVE") {
        return Container::Wav;
    }
    if form(b"RIFF", b"AVI ") {
        return Container::Foreign("AVI");
    }
    if form(b"RIFF", b"WEBP") {
        return Container::Foreign("WebP");
    }
    if form(b"FORM", b"AIFF") || form(b"FORM", b"AIFC") {
        return Container::Foreign("AIFF");
    }
    if starts(b"fLaC") {
        return Container::Flac;
    }
    if starts(b"OggS") {
        return Container::Ogg;
    }
    if bytes.get(4..8) == Some(b"ftyp") {
        return Container::Mp4;
    }
    if starts(b"\x1a\x45\xdf\xa3") {
        return Container::Matroska;
    }
    if let [0xff, second, ..] = bytes {
        // ISO/IEC 11172-3, 2.4.2.3 and ISO/IEC 14496-3, 1.A.2.2: eleven or twelve set bits, then the layer; 00 is ADTS.
        if second & 0xf6 == 0xf0 {
            return Container::Adts;
        }
        if second & 0xe0 == 0xe0 && second & 0x06 != 0 && second & 0x18 != 0x08 {
            return Container::Mpeg;
        }
    }
    FOREIGN.iter().find(|(magic, _)| starts(magic)).map_or(Container::Unknown, |(_, name)| Container::Foreign(name))
}

const FOREIGN: [(&[u8], &str); 25] = [
    (b"RF64", "RF64, a WAV file of more than 4 GiB"),
    (b"BW64", "BW64, a WAV file of more than 4 GiB"),
    (b"\x89PNG", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF8", "GIF"),
    (b"%PDF", "PDF"),
    (b"PK\x03\x04", "ZIP"),
    (b"\x1f\x8b", "gzip"),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip"),
    (b"\x28\xb5\x2f\xfd", "Zstandard"),
    (b"\xfd7zXZ", "xz"),
    (b"\x7fELF", "ELF"),
    (b"SQLite format 3", "SQLite"),
    (b"\x93NUMPY", "NumPy"),
    (b"PAR1", "Parquet"),
    (b"#!AMR", "AMR"),
    (b"caff", "Core Audio Format"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "WMA or ASF"),
    (b"FLV\x01", "Flash Video"),
    (b"MThd", "MIDI"),
    (b"MAC ", "Monkey's Audio"),
    (b"wvpk", "WavPack"),
    (b"DSD ", "DSD"),
    (b".snd", "Sun audio"),
    (b"\x0b\x77", "AC-3"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(bytes: &[u8]) -> Sniffed {
        sniff(|place| bytes.iter().skip(place as usize).take(SNIFF_LEN).copied().collect(), true)
    }

    #[test]
    fn containers_are_told_by_their_first_bytes() {
        for (bytes, container) in [
            (&b"RIFF\0\0\0\0WAVEfmt "[..], Container::Wav),
            (b"fLaC\0\0\0\x22", Container::Flac),
            (b"OggS\0\x02", Container::Ogg),
            (b"\0\0\0\x20ftypM4A ", Container::Mp4),
            (b"\xff\xfb\x90\x64", Container::Mpeg),
            (b"\xff\xf1\x50\x80", Container::Adts),
            (b"\x89PNG\r\n", Container::Foreign("PNG")),
            (b"\x1a\x45\xdf\xa3", Container::Matroska),
            (b"hello", Container::Unknown),
        ] {
            assert_eq!(whole(bytes), Sniffed::Found(container, 0), "{bytes:?}");
        }
    }

    #[test]
    fn an_id3_tag_is_passed_over() {
        let mut bytes = b"ID3\x04\0\0\0\0\x01\x02".to_vec();
        bytes.extend(vec![0; 130]);
        bytes.extend(b"\xff\xfb\x90\x64");
        assert_eq!(whole(&bytes), Sniffed::Found(Container::Mpeg, 140));
        let needs = sniff(|place| bytes[..80].iter().skip(place as usize).take(SNIFF_LEN).copied().collect(), false);
        assert_eq!(needs, Sniffed::Needs(180));
    }
}
