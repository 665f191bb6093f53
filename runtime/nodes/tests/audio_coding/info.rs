//! Port `info` of `AudioDecode`: what the head of a file tells, against files whose content is known.

use remotemedia_core::value::{File, Map, Packet, Value};
use serde_json::{Value as Json, json};

use super::drive::{decode_path, node, run_port};
use super::media::{bytes, file, path, reference, wav};

/// The one map of a file, or of its bytes in pieces.
fn info(packets: Vec<Packet>, params: Json) -> Map {
    let outcome = run_port(node("AudioDecode", params).as_mut(), packets, 1);
    assert_eq!(outcome.failure, None);
    match &outcome.values[..] {
        [Value::Map(map)] => (**map).clone(),
        other => panic!("expected one map, got {other:?}"),
    }
}

fn info_of(path: &str) -> Map {
    info(vec![Packet::new(Value::from(File::from_path(path)))], json!({}))
}

fn arriving(bytes: &[u8]) -> Map {
    info(bytes.chunks(1000).map(|piece| Packet::new(Value::bytes(piece.to_vec()))).collect(), json!({}))
}

fn text(map: &Map, key: &str) -> String {
    match map.get(key) {
        Some(Value::Str(text)) => text.to_string(),
        other => panic!("{key}: expected text, got {other:?}"),
    }
}

fn tags(map: &Map) -> Vec<(String, String)> {
    let Value::Map(tags) = &map["tags"] else { panic!("tags are a map") };
    tags.keys().map(|key| (key.to_string(), text(tags, key))).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn every_container_tells_its_codec_format_and_length() {
    for (name, container, codec, has_length) in [
        ("short.flac", "flac", "flac", true),
        ("stereo.mp3", "mp3", "mp3", true),
        ("bare.mp3", "mp3", "mp3", false),
        ("stereo.ogg", "ogg", "vorbis", true),
        ("stereo.opus", "ogg", "opus", true),
        ("surround.opus", "ogg", "opus", true),
        ("stereo.webm", "matroska", "opus", true),
        ("stereo.m4a", "mp4", "aac", true),
        ("alac.m4a", "mp4", "alac", true),
        ("stereo.aac", "adts", "aac", false),
    ] {
        let told = info_of(&path(name));
        let decoded = decode_path(&path(name));
        let chunks = decoded.chunks();
        let frames: usize = chunks.iter().map(|chunk| chunk.frames()).sum();
        assert_eq!(
            (text(&told, "container"), text(&told, "codec")),
            (container.to_owned(), codec.to_owned()),
            "{name}"
        );
        assert_eq!(told["rate"], Value::Int(chunks[0].rate().into()), "{name}");
        assert_eq!(told["channels"], Value::Int(chunks[0].channels() as i64), "{name}");
        let decoded_s = frames as f64 / f64::from(chunks[0].rate());
        match told.get("duration_s") {
            None => assert!(!has_length, "{name} has a length"),
            // Matroska counts milliseconds, and adds what the encoder put before the sound.
            Some(Value::Float(told_s)) => {
                let tolerance = if container == "matroska" { 0.02 } else { 1e-9 };
                assert!(has_length && (told_s - decoded_s).abs() <= tolerance, "{name}: {told_s} is not {decoded_s}");
            }
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn a_wav_file_tells_the_same_by_path_and_as_it_arrives() {
    let content = wav(&reference(8000, 4000, 2), 8000);
    let told = info_of(&file("a.wav", &content));
    let expected = [
        ("container", Value::Str("wav".into())),
        ("codec", Value::Str("pcm_s16le".into())),
        ("rate", Value::Int(8000)),
        ("channels", Value::Int(2)),
        ("duration_s", Value::Float(0.5)),
        ("tags", Value::Map(Default::default())),
    ];
    assert_eq!(told, expected.into_iter().map(|(key, value)| (key.into(), value)).collect::<Map>());
    assert_eq!(arriving(&content), told);
}

#[test]
fn sound_without_a_header_is_what_the_params_say() {
    let told = info(vec![Packet::new(Value::bytes(vec![0; 160]))], json!({"raw": {"encoding": "mulaw", "rate": 8000}}));
    assert_eq!((text(&told, "container"), text(&told, "codec")), ("raw".to_owned(), "pcm_mulaw".to_owned()));
    assert!(!told.contains_key("duration_s"));
}

#[test]
fn comments_of_flac_are_tags() {
    let mut comments = Vec::new();
    let mut put = |text: &str| {
        comments.extend((text.len() as u32).to_le_bytes());
        comments.extend(text.as_bytes());
    };
    put("a maker");
    let entries =
        ["TITLE=Grüße", "ARTIST=One", "ARTIST=Two", "DATE=2026-11-25", "TRACKNUMBER=3", "GENRE=Speech", "X-House=Own"];
    let count = (entries.len() as u32).to_le_bytes();
    let mut block = {
        entries.iter().for_each(|entry| put(entry));
        comments
    };
    // The number of entries stands behind the maker.
    let place = 4 + "a maker".len();
    block.splice(place..place, count);
    let plain = bytes("short.flac");
    let mut tagged = plain[..42].to_vec();
    let was_last = tagged[4] & 0x80;
    tagged[4] &= 0x7f;
    tagged.push(4 | was_last);
    tagged.extend(&(block.len() as u32).to_be_bytes()[1..]);
    tagged.extend(block);
    // Blocks of the file's own that are comments would be there twice.
    let mut rest = &plain[42..];
    let mut is_last = was_last != 0;
    while !is_last {
        is_last = rest[0] & 0x80 != 0;
        rest = &rest[4 + u32::from_be_bytes([0, rest[1], rest[2], rest[3]]) as usize..];
    }
    let last = tagged.len() - (tagged.len() - 42);
    tagged[last] |= 0x80;
    tagged.extend(rest);
    let told = info_of(&file("tagged.flac", &tagged));
    assert_eq!(
        tags(&told),
        pairs(&[
            ("title", "Grüße"),
            ("artist", "One; Two"),
            ("date", "2026-11-25"),
            ("track", "3"),
            ("genre", "Speech"),
            ("x-house", "Own"),
        ])
    );
}

#[test]
fn id3_before_mp3_is_tags() {
    let frame = |id: &str, text: &str| {
        let size = (text.len() as u32 + 1).to_be_bytes();
        [id.as_bytes(), &size, &[0, 0, 3], text.as_bytes()].concat()
    };
    let frames = [frame("TIT2", "A title"), frame("TPE1", "Somebody"), frame("TALB", "An album")].concat();
    let size = frames.len() as u32;
    let head = [b'I', b'D', b'3', 4, 0, 0, 0, 0, (size >> 7) as u8, (size & 0x7f) as u8];
    let tagged = [&head[..], &frames, &bytes("bare.mp3")].concat();
    assert_eq!(
        tags(&info_of(&file("tagged.mp3", &tagged))),
        pairs(&[("title", "A title"), ("artist", "Somebody"), ("album", "An album")])
    );
}

#[test]
fn each_file_of_an_item_is_told_of_and_a_part_of_it_too() {
    let packets = || ["short.flac", "stereo.opus"].map(|name| Packet::new(Value::from(File::from_path(path(name)))));
    let outcome = run_port(node("AudioDecode", json!({"start_s": 0.01})).as_mut(), packets().to_vec(), 1);
    let codecs: Vec<String> = outcome
        .values
        .iter()
        .map(|value| match value {
            Value::Map(map) => text(map, "codec"),
            other => panic!("expected a map, got {other:?}"),
        })
        .collect();
    assert_eq!(codecs, ["flac", "opus"]);
}
