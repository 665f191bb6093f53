//! Which container some bytes begin, so that a stream is read the right way and a file that is no audio is called by
//! its name.

use super::flac::frame::frame_header;
use super::mpeg::header::{Chain, adts_chain, chain};
use super::tags::ape::ApePart;
use super::tags::id3::tag_len;

/// A container that can be read, or what was found instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Container {
    /// Also RIFX, RF64 and BW64.
    Wav,
    /// Sony's Wave64.
    W64,
    Aiff,
    /// Sun's `.au`, NeXT's `.snd`.
    Sun,
    Caf,
    Flac,
    Ogg,
    /// MPEG audio frames without a container: layer I, layer II, MP3.
    Mpeg,
    /// AAC frames with a header each.
    Adts,
    /// Also QuickTime.
    Mp4,
    /// Also WebM.
    Matroska,
    /// A known format that holds no audio, or none that can be read here.
    Foreign(&'static str),
    /// No format has this beginning, and no frames of audio are near it.
    Unknown,
}

/// What the first bytes of a file tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sniffed {
    /// The container begins at this place; before it are tags, or junk.
    Found(Container, u64),
    /// It takes the bytes up to this place to tell.
    Needs(u64),
}

/// The number of bytes that tell every container with a mark of its own, and the codec of an Ogg stream, of Opus also how its
/// channels are mapped.
pub(super) const SNIFF_LEN: usize = 48;
/// How far frames without a container may be behind bytes that are none, and how far a chain of them can reach.
const SEARCHED: usize = 1 << 16;
const CHAIN_LEN: usize = 1 << 15;
/// So many frames on each other's heels are no chance: right at the beginning, and somewhere.
const FRAMES: usize = 2;
const FRAMES_AMONG_JUNK: usize = 5;

/// Looks at the bytes that `read` gives for a place and a length, fewer only at the end.
pub(super) fn sniff(mut read: impl FnMut(u64, usize) -> Vec<u8>, is_whole: bool) -> Sniffed {
    let mut place = 0;
    loop {
        let bytes = read(place, SNIFF_LEN);
        if bytes.len() < SNIFF_LEN && !is_whole {
            return Sniffed::Needs(place + SNIFF_LEN as u64);
        }
        if let Some(len) = tag_len(&bytes).or_else(|| ApePart::read(&bytes).map(ApePart::len_ahead)) {
            place += len;
            continue;
        }
        return match marked(&bytes) {
            Some(container) => Sniffed::Found(container, place),
            None => unmarked(&read(place, SEARCHED + CHAIN_LEN), place, is_whole),
        };
    }
}

/// The container by what repeats itself.
fn unmarked(bytes: &[u8], place: u64, is_whole: bool) -> Sniffed {
    if is_transport(bytes) {
        Sniffed::Found(Container::Foreign("MPEG transport stream"), place)
    } else if is_loas(bytes) {
        Sniffed::Found(Container::Foreign("AAC in LOAS"), place)
    } else {
        frames(bytes, place, is_whole)
    }
}

/// Whether these are frames of AAC as they are broadcast (ISO/IEC 14496-3, 1.7.2).
fn is_loas(mut bytes: &[u8]) -> bool {
    const FRAMES: usize = 4;
    (0..FRAMES).all(|_| {
        let &[0x56, high @ 0xe0..=0xff, low, ..] = bytes else { return false };
        let len = 3 + (usize::from(high & 0x1f) << 8 | usize::from(low));
        bytes = bytes.get(len..).unwrap_or_default();
        true
    })
}

/// Whether these are packets of an MPEG transport stream (ISO/IEC 13818-1, 2.4.3.2), on discs with a time before each.
fn is_transport(bytes: &[u8]) -> bool {
    const SYNC: u8 = 0x47;
    const PACKETS: usize = 5;
    [(0, 188), (4, 192)].into_iter().any(|(first, len)| {
        let syncs = bytes.iter().skip(first).step_by(len).take(PACKETS);
        syncs.clone().count() == PACKETS && syncs.clone().all(|byte| *byte == SYNC)
    })
}

/// The container by its own mark.
fn marked(bytes: &[u8]) -> Option<Container> {
    const W64: &[u8] = b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00";
    /// The boxes with which files of QuickTime and MP4 begin.
    const BOXES: [&[u8; 4]; 8] = [b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"uuid"];
    let starts = |magic: &[u8]| bytes.starts_with(magic);
    let form = |ids: &[&[u8]], kind: &[u8]| ids.iter().any(|id| starts(id)) && bytes.get(8..12) == Some(kind);
    if form(&[b"RIFF", b"RIFX", b"RF64", b"BW64"], b"WAVE") {
        return Some(Container::Wav);
    }
    if form(&[b"FORM"], b"AIFF") || form(&[b"FORM"], b"AIFC") {
        return Some(Container::Aiff);
    }
    for (magic, container) in [
        (W64, Container::W64),
        (b".snd", Container::Sun),
        (b"caff", Container::Caf),
        (b"fLaC", Container::Flac),
        (b"OggS", Container::Ogg),
        (b"\x1a\x45\xdf\xa3", Container::Matroska),
    ] {
        if starts(magic) {
            return Some(container);
        }
    }
    if bytes.get(4..8).is_some_and(|kind| BOXES.iter().any(|known| known[..] == *kind)) {
        let len = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        if !(2..8).contains(&len) {
            return Some(Container::Mp4);
        }
    }
    if frame_header(bytes).is_some() {
        return Some(Container::Flac);
    }
    for (id, kind, name) in FORMS {
        if form(&[id], kind) {
            return Some(Container::Foreign(name));
        }
    }
    FOREIGN.iter().find(|(magic, _)| starts(magic)).map(|(_, name)| Container::Foreign(name))
}

/// Where frames without a container begin, in bytes from a place on.
fn frames(bytes: &[u8], place: u64, is_whole: bool) -> Sniffed {
    let searched = SEARCHED.min(bytes.len());
    let mut start = 0;
    while let Some(next) = bytes[start..searched].iter().position(|byte| *byte == 0xff) {
        start += next;
        let wanted = if start == 0 { FRAMES } else { FRAMES_AMONG_JUNK };
        let is_end = is_whole && bytes.len() < SEARCHED + CHAIN_LEN;
        let rest = &bytes[start..];
        let chains =
            [(adts_chain(rest, wanted, is_end), Container::Adts), (chain(rest, wanted, is_end), Container::Mpeg)];
        for (found, container) in chains {
            match found {
                Chain::Frames(_) => return Sniffed::Found(container, place + start as u64),
                Chain::Needs(len) if start == 0 && !is_whole => return Sniffed::Needs(place + len as u64),
                Chain::Needs(_) | Chain::Broken => {}
            }
        }
        start += 1;
    }
    Sniffed::Found(Container::Unknown, 0)
}

const FORMS: [(&[u8], &[u8], &str); 7] = [
    (b"RIFF", b"AVI ", "AVI"),
    (b"RIFF", b"QLCM", "QCP"),
    (b"RIFF", b"WEBP", "WebP"),
    (b"RIFF", b"RMID", "MIDI"),
    (b"RIFF", b"sfbk", "SoundFont"),
    (b"FORM", b"8SVX", "8SVX"),
    (b"FORM", b"MAUD", "MAUD"),
];

const FOREIGN: [(&[u8], &str); 64] = [
    // Audio.
    (b"tBaK", "TAK"),
    (b"TTA1", "TTA"),
    (b"TTA2", "TTA"),
    (b"OFR ", "OptimFROG"),
    (b"MP+", "Musepack"),
    (b"MPCK", "Musepack"),
    (b"MAC ", "Monkey's Audio"),
    (b"wvpk", "WavPack"),
    (b"ajkg", "Shorten"),
    (b"LA02", "LA"),
    (b"LA03", "LA"),
    (b"LA04", "LA"),
    (b"DSD ", "DSD"),
    (b"FRM8", "DSDIFF"),
    (b"#!AMR", "AMR"),
    (b"#!SILK", "SILK"),
    (b"\x02#!SILK", "SILK"),
    (b"qoaf", "QOA"),
    (b"NIST_1A", "NIST SPHERE"),
    (b"Creative Voice File", "Creative Voice"),
    (b"\x64\xa3", "IRCAM"),
    (b".ra\xfd", "RealAudio"),
    (b".RMF", "RealMedia"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "WMA or ASF"),
    (b"\x0b\x77", "AC-3"),
    (b"\x7f\xfe\x80\x01", "DTS"),
    (b"\xfe\x7f\x01\x80", "DTS"),
    (b"\x1f\xff\xe8\x00", "DTS"),
    (b"\xff\x1f\x00\xe8", "DTS"),
    (b"DTSHDHDR", "DTS-HD"),
    (b"ADIF", "AAC in ADIF"),
    (b"MThd", "MIDI"),
    (b"MMMD", "SMAF"),
    (b"Extended Module: ", "XM"),
    (b"IMPM", "Impulse Tracker"),
    (b"\0\0\x01\xba", "MPEG program stream"),
    (b"FLV\x01", "Flash Video"),
    // No audio.
    (b"\x89PNG", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF8", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"%PDF", "PDF"),
    (b"PK\x03\x04", "ZIP"),
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"Rar!", "RAR"),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip"),
    (b"\x28\xb5\x2f\xfd", "Zstandard"),
    (b"\xfd7zXZ", "xz"),
    (b"\x7fELF", "ELF"),
    (b"MZ\x90\0", "Windows program"),
    (b"SQLite format 3", "SQLite"),
    (b"\x93NUMPY", "NumPy"),
    (b"\x89HDF", "HDF5"),
    (b"PAR1", "Parquet"),
    (b"<!DOCTYPE html", "HTML"),
    (b"<!doctype html", "HTML"),
    (b"<html", "HTML"),
    (b"<HTML", "HTML"),
    (b"<?xml", "XML"),
    (b"#EXTM3U", "playlist"),
    (b"[playlist]", "playlist"),
    (b"version https://git-lfs", "Git LFS pointer"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(bytes: &[u8]) -> Sniffed {
        sniff(|place, len| bytes.iter().skip(place as usize).take(len).copied().collect(), true)
    }

    fn mp3() -> Vec<u8> {
        let mut frame = vec![0; 417];
        frame[..4].copy_from_slice(b"\xff\xfb\x90\x64");
        frame.repeat(6)
    }

    #[test]
    fn a_transport_stream_is_known_by_its_packets_of_one_length() {
        let is_ts =
            |bytes: &[u8]| unmarked(bytes, 0, true) == Sniffed::Found(Container::Foreign("MPEG transport stream"), 0);
        for (head, len) in
            [(&[0x47, 0x40, 0, 0x10][..], 188), (&[0x47, 0x60, 0, 0x31], 188), (&[0, 1, 2, 3, 0x47], 192)]
        {
            let mut packet = vec![0xff; len];
            packet[..head.len()].copy_from_slice(head);
            assert!(is_ts(&packet.repeat(5)), "{head:02x?}");
            assert!(!is_ts(&packet.repeat(4)), "{head:02x?}");
            packet[len - 1] = 0x47;
            assert!(!is_ts(&[&packet[1..], &packet.repeat(4)].concat()), "{head:02x?}");
        }
    }

    #[test]
    fn broadcast_aac_is_known_by_its_frames() {
        let frames = [&[0x56, 0xe0, 4][..], &[9; 4], &[0x56, 0xe1, 2], &[7; 258]].concat().repeat(2);
        assert!(is_loas(&frames));
        assert!(!is_loas(&frames[..frames.len() - 259]));
        assert!(!is_loas(&[&frames[..7], b"V\x40", &frames[9..]].concat()));
        assert_eq!(whole(&frames), Sniffed::Found(Container::Foreign("AAC in LOAS"), 0));
    }

    #[test]
    fn containers_are_told_by_their_first_bytes() {
        for (bytes, container) in [
            (&b"RIFF\0\0\0\0WAVEfmt "[..], Container::Wav),
            (b"RIFX\0\0\0\0WAVEfmt ", Container::Wav),
            (b"RF64\xff\xff\xff\xffWAVEds64", Container::Wav),
            (b"BW64\xff\xff\xff\xffWAVEds64", Container::Wav),
            (b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\0\0", Container::W64),
            (b"FORM\0\0\0\0AIFFCOMM", Container::Aiff),
            (b"FORM\0\0\0\0AIFCFVER", Container::Aiff),
            (b".snd\0\0\0\x18", Container::Sun),
            (b"caff\0\x01\0\0desc", Container::Caf),
            (b"fLaC\0\0\0\x22", Container::Flac),
            (b"\xff\xf8\x69\x18\0\0\xbf\x03\x58", Container::Flac),
            (b"OggS\0\x02", Container::Ogg),
            (b"\0\0\0\x20ftypM4A ", Container::Mp4),
            (b"\0\0\0\x08wide\0\0\0\0mdat", Container::Mp4),
            (b"\0\0\x12\x34moov\0\0\0\x6cmvhd", Container::Mp4),
            (b"\x1a\x45\xdf\xa3", Container::Matroska),
            (b"\x89PNG\r\n", Container::Foreign("PNG")),
            (b"tBaK\x01\0\0", Container::Foreign("TAK")),
            (b"RIFF\0\0\0\0AVI LIST", Container::Foreign("AVI")),
            (b"hello", Container::Unknown),
            // A letter of text in UTF-16 looks like layer I, as one of TAK's frames does.
            (b"\xff\xfeh\0e\0l\0l\0o\0", Container::Unknown),
            (b"\xff\xfb\x90\x64 and no frame more, but text", Container::Unknown),
        ] {
            assert_eq!(whole(bytes), Sniffed::Found(container, 0), "{bytes:?}");
        }
        assert_eq!(whole(&mp3()), Sniffed::Found(Container::Mpeg, 0));
    }

    #[test]
    fn tags_and_junk_are_passed_over() {
        let mut bytes = b"ID3\x04\0\0\0\0\x01\x02".to_vec();
        bytes.extend(vec![0; 130]);
        bytes.extend(b"APETAGEX\xd0\x07\0\0\x40\0\0\0\x01\0\0\0\0\0\0\xa0\0\0\0\0\0\0\0\0");
        bytes.extend(vec![1; 64]);
        bytes.extend(mp3());
        assert_eq!(whole(&bytes), Sniffed::Found(Container::Mpeg, 236));
        let needs = sniff(|place, len| bytes[..80].iter().skip(place as usize).take(len).copied().collect(), false);
        assert_eq!(needs, Sniffed::Needs(140 + SNIFF_LEN as u64));
        let junk = [&b"\xff\xfb junk \xff\xf1"[..], &mp3()].concat();
        assert_eq!(whole(&junk), Sniffed::Found(Container::Mpeg, 10));
    }
}
