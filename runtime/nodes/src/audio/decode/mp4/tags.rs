//! The tags of QuickTime, which Symphonia passes over: international texts in the box `udta`, and metadata by keys in the box
//! `meta` (Apple, "QuickTime File Format", User data atoms and Metadata). Those of iTunes it reads. What is not as expected
//! is as if it were not there.

use remotemedia_core::value::Map;

use super::gapless::{Movie, child, children, number};
use crate::audio::decode::iff::wave_tags::text;
use crate::audio::decode::info::{add, merged};

/// The text under its usual names, others under their own in lower case.
pub(in crate::audio::decode) fn mp4_tags(movie: &Movie) -> Map {
    let user_data = children(movie.content()).filter(|(kind, _)| kind == b"udta").map(|(_, content)| content);
    let user_data: Vec<&[u8]> = user_data.collect();
    let around = user_data.iter().copied().chain([&movie.content()[..]]);
    let by_keys = around.filter_map(|around| keyed(child(around, b"meta")?));
    merged(by_keys.chain(user_data.iter().map(|content| texts(content))))
}

/// The metadata of a box whose handler is `mdta`: a list of keys, and values by their numbers in it.
fn keyed(meta: &[u8]) -> Option<Map> {
    const TEXT: u64 = 1;
    // In MP4 the boxes have a version before them, in QuickTime none.
    let boxes = if meta.get(4..8) == Some(b"hdlr") { meta } else { meta.get(4..)? };
    if child(boxes, b"hdlr")?.get(8..12) != Some(b"mdta") {
        return None;
    }
    let keys: Vec<String> = children(child(boxes, b"keys")?.get(8..)?).map(|(_, key)| text(key)).collect();
    let mut tags = Map::new();
    for (place, item) in children(child(boxes, b"ilst")?) {
        let key = keys.get((u32::from_be_bytes(place) as usize).wrapping_sub(1));
        let data = child(item, b"data").filter(|data| data.get(..4).map(number) == Some(TEXT));
        if let (Some(key), Some(value)) = (key, data.and_then(|data| data.get(8..))) {
            put(&mut tags, key_name(&key.to_lowercase()), &text(value));
        }
    }
    Some(tags)
}

/// The texts of user data. Each has a length and a language before it; of several the first counts.
fn texts(user_data: &[u8]) -> Map {
    let mut tags = Map::new();
    for (kind, content) in children(user_data).filter(|(kind, _)| kind[0] == 0xa9) {
        let Some(([high, low, _, _], rest)) = content.split_first_chunk() else { continue };
        let len = usize::from(u16::from_be_bytes([*high, *low]));
        put(&mut tags, &text_name(kind), &text(rest.get(..len).unwrap_or_default()));
    }
    tags
}

fn put(tags: &mut Map, name: &str, text: &str) {
    if !name.is_empty() && !text.is_empty() {
        add(tags, name.to_owned(), text);
    }
}

fn key_name(key: &str) -> &str {
    match key.strip_prefix("com.apple.quicktime.").unwrap_or(key) {
        "creationdate" | "year" => "date",
        "displayname" => "title",
        "software" => "encoder",
        "track_number" => "track",
        other => other,
    }
}

fn text_name([_, name @ ..]: [u8; 4]) -> String {
    match &name {
        b"nam" => "title".to_owned(),
        b"ART" => "artist".to_owned(),
        b"alb" => "album".to_owned(),
        b"day" => "date".to_owned(),
        b"gen" => "genre".to_owned(),
        b"cmt" => "comment".to_owned(),
        b"des" => "description".to_owned(),
        b"cpy" => "copyright".to_owned(),
        b"wrt" => "composer".to_owned(),
        b"trk" => "track".to_owned(),
        b"swr" | b"too" => "encoder".to_owned(),
        b"enc" => "encoded_by".to_owned(),
        other => other.iter().map(|byte| char::from(byte.to_ascii_lowercase())).collect(),
    }
}
