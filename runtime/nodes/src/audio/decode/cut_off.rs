//! Whether a file was cut off, by the lengths that its container states.
//!
//! The readers of codecs of the system end where the bytes do, without a word. What tells no length is never cut off here:
//! bare frames, transport streams, and what was written live.

use std::io::{Read, Seek, SeekFrom};

use super::container::{Container, Sniffed, sniff};
use super::iff::wave::is_placeholder;
use super::source::read_at;
use super::{matroska, mp4};

/// Whether a file ends before its container says that its sound does. What can't be read is left to the reader to meet.
pub(super) fn is_cut_off<S: Read + Seek>(source: &mut S) -> bool {
    let Ok(len) = source.seek(SeekFrom::End(0)) else { return false };
    let mut file = Bytes { source, begins: 0, len };
    let Sniffed::Found(container, begins) = sniff(|place, len| file.at(place, len), true) else { return false };
    file = Bytes { begins, len: len.saturating_sub(begins), ..file };
    let stated = match container {
        Container::Mp4 => mp4::gapless::stated_len(file.source).ok().map(|len| len.saturating_sub(begins)),
        Container::Matroska => {
            let len = file.len;
            Some(matroska::stated_len(|place, len| file.at(place, len), len))
        }
        Container::Wav | Container::Foreign("AVI") => file.riff(),
        Container::W64 => file.w64(),
        Container::Foreign("Musepack") => file.musepack(),
        Container::Foreign("WMA or ASF") => file.asf(),
        _ => None,
    };
    stated.is_some_and(|stated| stated > file.len)
}

/// A file from where its container begins.
struct Bytes<'file, S> {
    source: &'file mut S,
    begins: u64,
    len: u64,
}

/// A file with more parts than this is left to its reader.
const MOST_PARTS: usize = 1_000_000;

impl<S: Read + Seek> Bytes<'_, S> {
    /// Up to so many bytes of a place; fewer at the end, and where reading fails.
    fn at(&mut self, place: u64, len: usize) -> Vec<u8> {
        read_at(self.source, self.begins.saturating_add(place), len)
    }

    /// The bytes of a place, if all are there.
    fn array<const LEN: usize>(&mut self, place: u64) -> Option<[u8; LEN]> {
        self.at(place, LEN).try_into().ok()
    }

    /// Where the last list of packets of an AVI file ends (one for each gigabyte or so), or the sound of a WAV file.
    fn riff(&mut self) -> Option<u64> {
        const HEAD: u64 = 8;
        const FORM: u64 = 4;
        let (mut place, mut sound_end) = (0, None);
        for _ in 0..MOST_PARTS {
            let Some(head) = self.array::<12>(place) else { break };
            let [a, b, c, d, size @ .., _, _, _, _] = head;
            let size = u64::from(u32::from_le_bytes(size));
            let end = place + HEAD + size;
            match &[a, b, c, d] {
                b"RIFF" | b"RF64" | b"BW64" => {
                    place += HEAD + FORM;
                    continue;
                }
                _ if size == 0 || is_placeholder(size) => {}
                b"data" => sound_end = Some(end),
                b"LIST" if head[8..] == *b"movi" => sound_end = Some(end),
                _ => {}
            }
            place = end.next_multiple_of(2);
        }
        sound_end
    }

    /// Where the sound of a Wave64 file ends.
    fn w64(&mut self) -> Option<u64> {
        const FORM: u64 = 40;
        let mut place = FORM;
        for _ in 0..MOST_PARTS {
            let head = self.array::<24>(place)?;
            let end = place.checked_add(u64::from_le_bytes(head[16..].try_into().ok()?))?;
            if head.starts_with(b"data") {
                return Some(end);
            }
            place = end.checked_next_multiple_of(8).filter(|next| *next > place)?;
        }
        None
    }

    /// Where the packets of an ASF file end (ASF specification of 2012, 3.2 and 5), unless it was broadcast: by the length of
    /// all, or by their number and length. Where these differ, a writer of tags may have spoilt one.
    fn asf(&mut self) -> Option<u64> {
        const DATA: [u8; 16] = *b"\x36\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\0\xaa\0\x62\xce\x6c";
        const DATA_HEAD: u64 = 50;
        const PROPERTIES: [u8; 16] = *b"\xa1\xdc\xab\x8c\x47\xa9\xcf\x11\x8e\xe4\0\xc0\x0c\x20\x53\x65";
        const COUNT: usize = 56;
        const FLAGS: usize = 88;
        const LEAST: usize = 92;
        const MOST: usize = 96;
        const BROADCAST: u32 = 1;
        const MOST_HEADER: u64 = 1 << 24;
        let header = u64::from_le_bytes(self.array(16)?);
        let content = self.at(0, usize::try_from(header.min(MOST_HEADER)).ok()?);
        let properties = &content[content.windows(16).position(|id| *id == PROPERTIES)?..];
        let short = |place: usize| Some(u32::from_le_bytes(properties.get(place..place + 4)?.try_into().ok()?));
        let data = self.array::<24>(header)?;
        if short(FLAGS)? & BROADCAST != 0 || !data.starts_with(&DATA) {
            return None;
        }
        let end = header.checked_add(u64::from_le_bytes(data[16..].try_into().ok()?))?;
        let count = u64::from_le_bytes(properties.get(COUNT..COUNT + 8)?.try_into().ok()?);
        let len = Some(u64::from(short(LEAST)?)).filter(|len| Some(*len) == short(MOST).map(u64::from));
        let counted = len.and_then(|len| len.checked_mul(count)).filter(|len| *len > 0);
        let counted = counted.and_then(|packets| packets.checked_add(header + DATA_HEAD));
        Some(counted.map_or(end, |counted| counted.min(end)))
    }

    /// Where the packets of a Musepack file of version 8 end, of which the last one has the key `SE`.
    fn musepack(&mut self) -> Option<u64> {
        const MARK: u64 = 4;
        const KEY: usize = 2;
        const LONGEST_HEAD: usize = 11;
        if self.array(0)? != *b"MPCK" {
            return None;
        }
        let mut place = MARK;
        for _ in 0..MOST_PARTS {
            let head = self.at(place, LONGEST_HEAD);
            let last = head.iter().skip(KEY).position(|byte| byte & 0x80 == 0);
            let Some((key, size)) = last.map(|last| head[..=KEY + last].split_at(KEY)) else {
                return (head.len() < LONGEST_HEAD).then_some(self.len + 1);
            };
            let size = size.iter().fold(0, |size, byte| size << 7 | u64::from(byte & 0x7f));
            if !key.iter().all(u8::is_ascii_uppercase) || size < 3 {
                return None;
            }
            place = place.checked_add(size)?;
            if key == b"SE" || place > self.len {
                return Some(place);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn chunk(id: &[u8], content: &[u8]) -> Vec<u8> {
        [id, &(content.len() as u32).to_le_bytes(), content].concat()
    }

    /// A chunk or an object with a length of eight bytes, which counts its header.
    fn long(id: &[u8; 16], content: &[u8]) -> Vec<u8> {
        [&id[..], &(content.len() as u64 + 24).to_le_bytes(), content].concat()
    }

    fn is_cut(bytes: &[u8]) -> bool {
        is_cut_off(&mut Cursor::new(bytes))
    }

    /// It is cut off up to the place where its sound ends.
    fn ends_at(name: &str, file: &[u8], sound_end: usize, told_from: usize) {
        for len in told_from..=file.len() {
            assert_eq!(is_cut(&file[..len]), len < sound_end, "{name}: {len} of {} bytes", file.len());
        }
    }

    fn wav(sound: &[u8]) -> Vec<u8> {
        let format = [0x00, 0x20, 2, 0, 0x40, 0x1f, 0, 0, 0, 0x7d, 0, 0, 4, 0, 0, 0];
        [b"WAVE".to_vec(), chunk(b"fmt ", &format), sound.to_vec()].concat()
    }

    #[test]
    fn files_of_riff_end_with_their_sound() {
        let file = chunk(b"RIFF", &wav(&chunk(b"data", &[7; 16])));
        ends_at("WAV", &file, file.len(), 48);
        let tagged =
            chunk(b"RIFF", &wav(&[chunk(b"data", &[7; 15]), b"\0".to_vec(), chunk(b"LIST", b"INFO")].concat()));
        ends_at("tags behind", &tagged, file.len() - 1, 48);
        // A length that was never written, as 0 or as large as can be.
        for length in [[0; 4], [0xff; 4], [0xff, 0xff, 0xff, 0x7f]] {
            let mut live = file.clone();
            live[40..44].copy_from_slice(&length);
            assert!(!is_cut(&live), "{length:?}");
        }
        let mut long = file.clone();
        long[40..44].copy_from_slice(&0x9000_0000u32.to_le_bytes());
        assert!(is_cut(&long));
        let list = |packets: &[u8]| chunk(b"LIST", &[b"movi", packets].concat());
        let head = chunk(b"LIST", b"hdrlavih");
        let first = chunk(b"RIFF", &[b"AVI ".to_vec(), head, list(&[1; 20]), chunk(b"idx1", &[0; 8])].concat());
        let second = chunk(b"RIFF", &[b"AVIX".to_vec(), list(&[2; 20])].concat());
        ends_at("AVI", &first, first.len() - 16, 44);
        let both = [first.clone(), second].concat();
        ends_at("AVI in two parts", &both[..], both.len(), first.len() + 24);
    }

    #[test]
    fn files_of_wave64_end_with_their_sound() {
        let id = |name: &[u8; 4], tail: &[u8; 12]| [&name[..], tail].concat().try_into().expect("16 bytes");
        const TAIL: [u8; 12] = *b"\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a";
        let content = [&b"wave"[..], &TAIL].concat();
        let content =
            [content, long(&id(b"fmt ", &TAIL), &[0; 20]), vec![0; 4], long(&id(b"data", &TAIL), &[7; 9])].concat();
        let file = long(&id(b"riff", b"\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00"), &content);
        ends_at("Wave64", &file, file.len(), file.len() - 9);
    }

    #[test]
    fn files_of_asf_end_with_their_packets() {
        const HEADER: [u8; 16] = *b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\0\xaa\0\x62\xce\x6c";
        const DATA: [u8; 16] = *b"\x36\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\0\xaa\0\x62\xce\x6c";
        const PROPERTIES: [u8; 16] = *b"\xa1\xdc\xab\x8c\x47\xa9\xcf\x11\x8e\xe4\0\xc0\x0c\x20\x53\x65";
        let file = |flags: u8, count: u64, len: u32| {
            let times = [[0; 32].as_slice(), &count.to_le_bytes(), &[0; 24]].concat();
            let properties = [&times[..], &[flags, 0, 0, 0], &len.to_le_bytes(), &len.to_le_bytes(), &[0; 4]].concat();
            let header = long(&HEADER, &[vec![1, 0, 0, 0, 1, 2], long(&PROPERTIES, &properties)].concat());
            [header, long(&DATA, &[9; 86])].concat()
        };
        for (count, len) in [(3, 20), (0, 0), (3, 0), (700, 20)] {
            let whole = file(2, count, len);
            ends_at("ASF", &[whole.clone(), vec![0; 30]].concat(), whole.len(), whole.len() - 86);
        }
        // The length of all that a writer of tags spoilt.
        let mut spoilt = file(2, 3, 20);
        let data = spoilt.len() - 86 - 8;
        spoilt[data + 6] = 0x45;
        ends_at("ASF", &spoilt, spoilt.len(), spoilt.len() - 86);
        let broadcast = file(1, 3, 20);
        assert!(!is_cut(&broadcast[..broadcast.len() - 60]));
    }

    #[test]
    fn files_of_musepack_end_with_the_last_packet() {
        let file = [&b"MPCK"[..], b"SH\x07abcd", b"AP\x81\x04", &[5; 128], b"AP\x04a", b"SE\x03"].concat();
        ends_at("Musepack", &[&file[..], b"TAG and more"].concat(), file.len(), 40);
        let tag = b"ID3\x03\0\0\0\0\0\x0a0123456789";
        ends_at("behind a tag", &[&tag[..], &file].concat(), file.len() + tag.len(), 60);
    }

    #[test]
    fn files_of_matroska_and_mp4_end_with_their_elements_and_boxes() {
        let file = [&b"\x1a\x45\xdf\xa3\x84abcd"[..], b"\x18\x53\x80\x67\xbc", &[0xec; 60]].concat();
        ends_at("Matroska", &file, file.len(), 40);
        let live = [&b"\x1a\x45\xdf\xa3\x84abcd"[..], b"\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff", &[0xec; 60]];
        assert!(!is_cut(&live.concat()));
        let boxes =
            [&b"\0\0\0\x10ftypM4A \0\0\0\0"[..], b"\0\0\0\x10moov01234567", b"\0\0\0\x28mdat", &[6; 32]].concat();
        ends_at("MP4", &boxes, boxes.len(), 40);
    }

    #[test]
    fn what_tells_no_length_is_never_cut_off() {
        for bytes in [
            &b""[..],
            b"\x0b\x77 AC-3",
            b"#!AMR\n\x04",
            b"fLaC",
            b"hello",
            b"MPCKAP\x80\x80\x80\x80\x80\x80\x80\x80\x80",
        ] {
            assert!(!is_cut(bytes), "{bytes:?}");
        }
    }
}
