//! The tags of a WAV file, which the demuxer passes over: its chunks `LIST` of the form `INFO` (IBM and Microsoft,
//! "Multimedia Programming Interface and Data Specifications 1.0", 1991), and chunks that hold a tag of ID3v2, which
//! count first. What is not as expected is as if it were not there.

use remotemedia_core::value::Map;

use crate::audio::decode::info::{add, block_of, merged};
use crate::audio::decode::tags::id3::{self, read_tag};

/// The most chunks that are looked at, the most bytes of a list, and of a tag, which may hold pictures.
const MOST_CHUNKS: usize = 1_000;
const LONGEST: u32 = 1 << 20;
const LONGEST_ID3: u32 = id3::LONGEST as u32;

/// The text under its usual names, others under their own in lower case. `read` gives up to so many bytes of a place. Of
/// a file that is still arriving only what stands before its sound is looked at, however much is there.
pub(super) fn wav_tags(mut read: impl FnMut(u64, usize) -> Vec<u8>, is_whole: bool) -> Map {
    /// The length of the sound in files of more than 4 GiB, and of a stream that was not measured.
    const UNKNOWN: u32 = u32::MAX;
    let form = read(0, 4);
    if !matches!(&form[..], b"RIFF" | b"RF64" | b"BW64") {
        return Map::new();
    }
    let (mut id3, mut info, mut long_data) = (Vec::new(), Vec::new(), None);
    let mut place = 12;
    for _ in 0..MOST_CHUNKS {
        let header = read(place, 24);
        let Some((id, len, start)) = chunk(&header) else { break };
        let mut end = u64::from(len);
        match id {
            b"LIST" if start.starts_with(b"INFO") && (4..=LONGEST).contains(&len) => {
                info.push(entries(&read(place + 12, len as usize - 4)));
            }
            b"id3 " | b"ID3 " | b"Id3 " if len <= LONGEST_ID3 => {
                let tag = read_tag(read(place + 8, len as usize));
                id3.extend(tag.map(|tag| block_of(&tag.revision, None)));
            }
            // EBU Tech 3306: the length of the sound is the second number of 64 bits.
            b"ds64" => long_data = start.get(8..16).and_then(|len| len.try_into().ok()).map(u64::from_le_bytes),
            b"data" => {
                if !is_whole {
                    break;
                }
                match long_data {
                    Some(len) if end == u64::from(UNKNOWN) => end = len,
                    _ => {}
                }
            }
            _ => {}
        }
        let next = place.saturating_add(8).saturating_add(end);
        place = if end % 2 == 1 && !is_unpadded(&read(next, 4)) { next.saturating_add(1) } else { next };
    }
    merged(id3.into_iter().chain(info))
}

/// Whether a chunk begins with these four bytes where one of an odd length ended: some programs leave out the zero that
/// makes it even.
fn is_unpadded(bytes: &[u8]) -> bool {
    bytes.len() == 4 && bytes.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ')
}

fn entries(mut list: &[u8]) -> Map {
    let mut tags = Map::new();
    while let Some((id, len, rest)) = chunk(list) {
        let Some(content) = rest.get(..len as usize) else { break };
        let text = text(content);
        if !text.is_empty() {
            add(&mut tags, name(id), &text);
        }
        list = rest.get(len as usize..).unwrap_or_default();
        if len % 2 == 1 && !is_unpadded(list.get(..4).unwrap_or_default()) {
            list = list.get(1..).unwrap_or_default();
        }
    }
    tags
}

/// What a chunk is, its length, and what follows.
fn chunk(bytes: &[u8]) -> Option<(&[u8; 4], u32, &[u8])> {
    let (id, bytes) = bytes.split_first_chunk::<4>()?;
    let (len, rest) = bytes.split_first_chunk::<4>()?;
    Some((id, u32::from_le_bytes(*len), rest))
}

/// Up to the first zero, as UTF-8; where it is none, as Latin-1.
pub(in crate::audio::decode) fn text(content: &[u8]) -> String {
    let content = content.split(|byte| *byte == 0).next().unwrap_or_default();
    let text = match std::str::from_utf8(content) {
        Ok(text) => text.to_owned(),
        Err(_) => content.iter().map(|byte| char::from(*byte)).collect(),
    };
    text.trim().to_owned()
}

fn name(id: &[u8; 4]) -> String {
    match id {
        b"INAM" => "title".to_owned(),
        b"IART" => "artist".to_owned(),
        b"IPRD" => "album".to_owned(),
        b"ICRD" => "date".to_owned(),
        b"IGNR" => "genre".to_owned(),
        b"ICMT" => "comment".to_owned(),
        b"IPRT" | b"ITRK" => "track".to_owned(),
        b"ICOP" => "copyright".to_owned(),
        b"ILNG" => "language".to_owned(),
        b"ISFT" => "encoder".to_owned(),
        b"ITCH" => "encoded_by".to_owned(),
        other => other.iter().map(|byte| char::from(byte.to_ascii_lowercase())).collect(),
    }
}
