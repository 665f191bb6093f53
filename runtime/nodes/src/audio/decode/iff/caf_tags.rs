//! The tags of a CAF file: its chunk `info` (Apple, "Core Audio Format Specification 1.0", Information chunk). What is not as
//! expected is as if it were not there.

use remotemedia_core::value::Map;

use super::wave_tags::text;
use crate::audio::decode::info::add;

/// The most chunks that are looked at, and the longest one that is read.
const MOST_CHUNKS: usize = 1_000;
const LONGEST: u64 = 1 << 20;

/// The text under its usual names. `read` gives up to so many bytes of a place. Of a file that is still arriving only what
/// stands before its sound is looked at, however much is there.
pub(super) fn caf_tags(mut read: impl FnMut(u64, usize) -> Vec<u8>, is_whole: bool) -> Map {
    const FILE_HEAD: u64 = 8;
    const CHUNK_HEAD: u64 = 12;
    let mut tags = Map::new();
    let mut place = FILE_HEAD;
    for _ in 0..MOST_CHUNKS {
        let Ok([a, b, c, d, len @ ..]) = <[u8; 12]>::try_from(read(place, CHUNK_HEAD as usize)) else { break };
        // That of sound without an end is negative.
        let Ok(len) = u64::try_from(i64::from_be_bytes(len)) else { break };
        match &[a, b, c, d] {
            b"info" if len <= LONGEST => take(&mut tags, &read(place + CHUNK_HEAD, len as usize)),
            b"data" if !is_whole => break,
            _ => {}
        }
        place = place.saturating_add(CHUNK_HEAD).saturating_add(len);
    }
    tags
}

/// Takes the keys and texts of a chunk, each of which ends in a zero, behind their number.
fn take(tags: &mut Map, content: &[u8]) {
    let mut parts = content.get(4..).unwrap_or_default().split(|byte| *byte == 0);
    while let (Some(key), Some(value)) = (parts.next(), parts.next()) {
        let (key, value) = (text(key).to_lowercase(), text(value));
        if !key.is_empty() && !value.is_empty() {
            add(tags, usual_name(&key).to_owned(), &value);
        }
    }
}

fn usual_name(key: &str) -> &str {
    match key {
        "comments" => "comment",
        "encoding application" => "encoder",
        "recorded date" | "year" => "date",
        "track number" => "track",
        other => other,
    }
}
