//! The tags of a WAV file, which the demuxer passes over: its chunk `LIST` of the form `INFO` (IBM and Microsoft,
//! "Multimedia Programming Interface and Data Specifications 1.0", 1991). What is not as expected is as if it were not
//! there.

use remotemedia_core::value::Map;

use super::info::add;

/// The most chunks that are looked at, and the most bytes of a list.
const MOST_CHUNKS: usize = 1_000;
const LONGEST: u32 = 1 << 20;

/// The text under its usual names, others under their own in lower case. `read` gives up to so many bytes of a place. Of
/// a file that is still arriving only what stands before its sound is looked at, however much is there.
pub(super) fn wav_tags(mut read: impl FnMut(u64, usize) -> Vec<u8>, is_whole: bool) -> Map {
    if read(0, 4) != b"RIFF" {
        return Map::new();
    }
    let mut place = 12;
    for _ in 0..MOST_CHUNKS {
        let header = read(place, 12);
        let Some((id, len, form)) = chunk(&header) else { break };
        if id == b"LIST" && form.starts_with(b"INFO") && (4..=LONGEST).contains(&len) {
            return entries(&read(place + 12, len as usize - 4));
        }
        if id == b"data" && !is_whole {
            break;
        }
        place += 8 + padded(len);
    }
    Map::new()
}

fn entries(mut list: &[u8]) -> Map {
    let mut tags = Map::new();
    while let Some((id, len, rest)) = chunk(list) {
        let Some(content) = rest.get(..len as usize) else { break };
        let text = text(content);
        if !text.is_empty() {
            add(&mut tags, name(id), &text);
        }
        list = rest.get(padded(len) as usize..).unwrap_or_default();
    }
    tags
}

/// What a chunk is, its length, and what follows.
fn chunk(bytes: &[u8]) -> Option<(&[u8; 4], u32, &[u8])> {
    let (id, bytes) = bytes.split_first_chunk::<4>()?;
    let (len, rest) = bytes.split_first_chunk::<4>()?;
    Some((id, u32::from_le_bytes(*len), rest))
}

/// The next chunk begins at an even place.
fn padded(len: u32) -> u64 {
    u64::from(len).next_multiple_of(2)
}

/// Up to the first zero, as UTF-8; where it is none, as Latin-1.
fn text(content: &[u8]) -> String {
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
