//! The tags of AIFF: its text chunks (Apple, "Audio Interchange File Format 1.3"), and chunks that hold a tag of ID3v2,
//! which count first. What is not as expected is as if it were not there.

use remotemedia_core::value::Map;

use super::wave_tags::text;
use crate::audio::decode::info::{add, block_of, merged};
use crate::audio::decode::tags::id3::{self, read_tag};

/// The most chunks that are looked at, and the most bytes of a text.
const MOST_CHUNKS: usize = 1_000;
const LONGEST: u64 = 1 << 20;

/// The text under its usual names. `read` gives up to so many bytes of a place. Of a file that is still arriving only what
/// stands before its sound is looked at, however much is there.
pub(super) fn aiff_tags(mut read: impl FnMut(u64, usize) -> Vec<u8>, is_whole: bool) -> Map {
    const FORM: u64 = 12;
    let (mut id3, mut texts) = (Vec::new(), Map::new());
    let mut place = FORM;
    for _ in 0..MOST_CHUNKS {
        let Ok([a, b, c, d, len @ ..]) = <[u8; 8]>::try_from(read(place, 8)) else { break };
        let len = u64::from(u32::from_be_bytes(len));
        let name = match &[a, b, c, d] {
            b"ID3 " | b"id3 " if len <= id3::LONGEST as u64 => {
                let tag = read_tag(read(place + 8, len as usize));
                id3.extend(tag.map(|tag| block_of(&tag.revision, None)));
                None
            }
            b"NAME" => Some("title"),
            b"AUTH" => Some("artist"),
            b"ANNO" => Some("comment"),
            b"(c) " => Some("copyright"),
            b"SSND" if !is_whole => break,
            _ => None,
        };
        if let Some(name) = name.filter(|_| len <= LONGEST) {
            let text = text(&read(place + 8, len as usize));
            if !text.is_empty() {
                add(&mut texts, name.to_owned(), &text);
            }
        }
        place = place.saturating_add(8).saturating_add(len.next_multiple_of(2));
    }
    merged(id3.into_iter().chain([texts]))
}
