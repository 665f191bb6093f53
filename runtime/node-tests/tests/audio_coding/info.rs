//! Port `info` of `AudioDecode`: what the head of a file tells, against files whose content is known.

use remotemedia_core::value::{File, Map, Packet, Value};
use serde_json::{Value as Json, json};

use harness::items::{decode, decode_path, in_memory, node, run_port};
use harness::media::{bytes, file, fixture, path, reference, wav};
use harness::pcm_files::{Caf, aiff, big_chunk, comm, ssnd};
use harness::remux::{Stream, boxed, element};

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

/// A chunk of RIFF.
fn chunk(id: &str, content: &[u8]) -> Vec<u8> {
    let padding: &[u8] = if content.len().is_multiple_of(2) { &[] } else { &[0] };
    [id.as_bytes(), &(content.len() as u32).to_le_bytes(), content, padding].concat()
}

/// A WAV file of 4000 frames with chunks before and behind its sound.
fn wav_with(before: &[u8], behind: &[u8]) -> Vec<u8> {
    let plain = wav(&reference(8000, 4000, 1), 8000);
    let data = plain.windows(4).position(|id| id == b"data").expect("there is sound");
    let mut content = [&plain[..data], before, &plain[data..], behind].concat();
    let len = (content.len() as u32 - 8).to_le_bytes();
    content[4..8].copy_from_slice(&len);
    content
}

#[test]
fn the_list_info_of_wav_is_tags() {
    let entries = [
        chunk("INAM", "Grüße\0".as_bytes()),
        chunk("IART", b"One\0\0"),
        chunk("IART", b"Two"),
        chunk("IPRD", b"\xc4rger"),
        chunk("ICRD", b"2026-11-25 "),
        chunk("IENG", b"somebody"),
        chunk("ICMT", b"\0nothing"),
    ];
    let list = chunk("LIST", &[b"INFO", &entries.concat()[..]].concat());
    let expected = pairs(&[
        ("title", "Grüße"),
        ("artist", "One; Two"),
        ("album", "\u{c4}rger"),
        ("date", "2026-11-25"),
        ("ieng", "somebody"),
    ]);
    let other = chunk("LIST", b"adtlnote");
    let before = wav_with(&[&other[..], &list].concat(), &[]);
    assert_eq!(tags(&info_of(&file("before.wav", &before))), expected);
    assert_eq!(tags(&arriving(&before)), expected);
    let behind = wav_with(&[], &list);
    assert_eq!(tags(&info_of(&file("behind.wav", &behind))), expected);
    // How much of a file that arrives is there already must not matter.
    let whole = info(vec![Packet::new(Value::bytes(behind.clone()))], json!({}));
    assert_eq!((tags(&whole), tags(&arriving(&behind))), (pairs(&[]), pairs(&[])));
}

#[test]
fn what_is_wrong_with_the_list_info_of_wav_is_as_if_it_were_not_there() {
    let title = chunk("INAM", b"A title");
    let cut = [&title[..], &chunk("IART", b"Somebody")[..12]].concat();
    let endless = [&title[..], b"IART\xff\xff\xff\xffSomebody"].concat();
    for entries in [cut, endless] {
        let list = chunk("LIST", &[b"INFO", &entries[..]].concat());
        assert_eq!(tags(&info_of(&file("broken.wav", &wav_with(&[], &list)))), pairs(&[("title", "A title")]));
    }
    let long = chunk("LIST", &[b"INFO", &chunk("INAM", &vec![b'a'; 17 << 10])[..], &title].concat());
    assert_eq!(tags(&info_of(&file("long.wav", &wav_with(&[], &long)))), pairs(&[("title", "A title")]));
    let huge = chunk("LIST", &[b"INFO", &vec![b' '; 1 << 20][..]].concat());
    assert_eq!(tags(&info_of(&file("huge.wav", &wav_with(&[], &huge)))), pairs(&[]));
    let many: Vec<u8> = (0..1000).flat_map(|number| chunk(&format!("X{number:03}"), b"x")).collect();
    let many = chunk("LIST", &[b"INFO", &many[..]].concat());
    assert_eq!(tags(&info_of(&file("many.wav", &wav_with(&[], &many)))).len(), 256);
    assert_eq!(tags(&info_of(&file("chunks.wav", &wav_with(&[], &chunk("junk", b"").repeat(2000))))), pairs(&[]));
}

#[test]
fn sound_without_a_header_is_what_the_params_say() {
    let told =
        info(vec![Packet::new(Value::bytes(vec![0; 160]))], json!({"raw": {"sample_format": "mulaw", "rate": 8000}}));
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
    let entries = [
        "TITLE=Grüße",
        "ARTIST=One",
        "ARTIST=Two",
        "DATE=2026-11-25",
        "TRACKNUMBER=3",
        "GENRE=Speech",
        "X-House=Own",
        "WAVEFORMATEXTENSIBLE_CHANNEL_MASK=0x3",
    ];
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

#[derive(serde::Deserialize)]
struct Tagged {
    against: String,
    cases: Vec<TaggedFile>,
}

/// A piece of one of `tests/media` from `from` on, with other bytes before and after it; only those where there is no `base`.
#[derive(serde::Deserialize)]
struct TaggedFile {
    name: String,
    base: Option<String>,
    head: String,
    from: usize,
    tail: String,
    tags: std::collections::BTreeMap<String, String>,
}

impl TaggedFile {
    fn content(&self) -> Vec<u8> {
        let bytes_of = |hex: &str| -> Vec<u8> {
            let digits: Vec<u8> =
                hex.bytes().map(|digit| char::from(digit).to_digit(16).expect("a digit") as u8).collect();
            digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
        };
        let base = self.base.as_ref().map(|name| bytes(name)).unwrap_or_default();
        [&bytes_of(&self.head)[..], &base[self.from..], &bytes_of(&self.tail)].concat()
    }
}

#[test]
#[allow(clippy::print_stdout, reason = "a row of docs/accuracy.md")]
fn reference_tags_are_those_that_mutagen_reads() {
    let tagged: Tagged = serde_json::from_slice(&fixture("tags.json")).expect("cases");
    let mut wrong = Vec::new();
    for case in &tagged.cases {
        let found: std::collections::BTreeMap<_, _> = tags(&info_of(&file("tagged", &case.content())))
            .into_iter()
            .filter(|(name, _)| name != "encoder")
            .collect();
        let expected: std::collections::BTreeMap<_, _> =
            case.tags.clone().into_iter().filter(|(name, _)| name != "encoder").collect();
        if found != expected {
            wrong.push(format!("{}: expected {expected:?}, got {found:?}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let count = tagged.cases.len();
    println!("reference | AudioDecode (tags) | {} | {count} | all equal | equal |", tagged.against);
}

/// An ID3v2.4 tag with a title.
fn id3_title(title: &str) -> Vec<u8> {
    let frame = [b"TIT2", &(title.len() as u32 + 1).to_be_bytes()[..], &[0, 0, 3], title.as_bytes()].concat();
    [b"ID3\x04\0\0\0\0\0", &[frame.len() as u8][..], &frame].concat()
}

#[test]
fn chunks_of_aiff_are_tags() {
    let sound = || [comm(1, 100, 16, 8000, None), ssnd(0, &[0; 200])];
    let texts = [
        big_chunk(b"NAME", b"Emma"),
        big_chunk(b"AUTH", "Jané\0".as_bytes()),
        big_chunk(b"ANNO", b"one"),
        big_chunk(b"ANNO", b"two"),
        big_chunk(b"(c) ", b"1815"),
    ];
    let expected = pairs(&[("title", "Emma"), ("artist", "Jané"), ("comment", "one; two"), ("copyright", "1815")]);
    let before = aiff(b"AIFF", &[&texts[..], &sound()].concat());
    let behind = aiff(b"AIFF", &[&sound()[..], &texts].concat());
    assert_eq!(tags(&info_of(&file("before.aiff", &before))), expected);
    assert_eq!(tags(&info(vec![Packet::new(in_memory(behind.clone()))], json!({}))), expected);
    assert_eq!((tags(&arriving(&before)), tags(&arriving(&behind))), (expected, pairs(&[])));
    let both = aiff(b"AIFF", &[&sound()[..], &texts[..1], &[big_chunk(b"ID3 ", &id3_title("Persuasion"))]].concat());
    assert_eq!(tags(&info_of(&file("id3.aiff", &both))), pairs(&[("title", "Persuasion")]));
    let torn = [aiff(b"AIFF", &sound()), b"NAME\xff\xff\xff\xffEmma".to_vec()].concat();
    assert_eq!(tags(&info_of(&file("torn.aiff", &torn))), pairs(&[]));
}

#[test]
fn the_chunk_info_of_caf_is_tags() {
    let list = b"\0\0\0\x05title\0Emma\0artist\0Jan\xc3\xa9\0track number\x003\0year\x001815\0Key Signature\0C\0";
    let part = |id: &[u8; 4], content: &[u8]| [&id[..], &(content.len() as u64).to_be_bytes(), content].concat();
    let caf = |others: &[(&[u8; 4], &[u8])]| {
        let (packet_bytes, packet_frames, channels, bits) = (2, 1, 1, 16);
        let (rate, len, data) = (8000.0, 204, &[0; 200][..]);
        Caf { kind: b"lpcm", flags: 2, rate, packet_bytes, packet_frames, channels, bits, others, len, data }.bytes()
    };
    let expected =
        pairs(&[("title", "Emma"), ("artist", "Jané"), ("track", "3"), ("date", "1815"), ("key signature", "C")]);
    let before = caf(&[(b"info", &list[..])]);
    let behind = [caf(&[]), part(b"info", list)].concat();
    assert_eq!(tags(&info_of(&file("before.caf", &before))), expected);
    assert_eq!(tags(&info_of(&file("behind.caf", &behind))), expected);
    assert_eq!((tags(&arriving(&before)), tags(&arriving(&behind))), (expected, pairs(&[])));
    assert_eq!(tags(&info_of(&file("odd.caf", &caf(&[(b"info", b"\0\0\0\x09title")])))), pairs(&[]));
}

/// Puts a box into the index of an MP4 file, which comes last.
fn with_box(name: &str, added: &[u8]) -> Vec<u8> {
    let mut content = bytes(name);
    let begins = content.windows(4).rposition(|kind| kind == b"moov").expect("there is an index") - 4;
    let len = u32::from_be_bytes(content[begins..begins + 4].try_into().expect("four bytes")) as usize;
    assert_eq!(begins + len, content.len());
    content.extend(added);
    content[begins..begins + 4].copy_from_slice(&((len + added.len()) as u32).to_be_bytes());
    content
}

#[test]
fn user_data_and_metadata_of_quicktime_are_tags() {
    let without_encoder = |content: Vec<u8>| -> Vec<(String, String)> {
        let told = tags(&info(vec![Packet::new(in_memory(content))], json!({})));
        told.into_iter().filter(|(name, _)| name != "encoder").collect()
    };
    let international = |kind: &[u8; 4], text: &str| {
        boxed(kind, &[&(text.len() as u16).to_be_bytes()[..], &[0x55, 0xc4], text.as_bytes()].concat())
    };
    let texts =
        [international(b"\xa9nam", "Emma"), international(b"\xa9ART", "Jané"), international(b"\xa9xyz", "+51-1/")];
    let texts = with_box("stereo.m4a", &boxed(b"udta", &[&texts.concat()[..], b"\0\0\0\0"].concat()));
    assert_eq!(without_encoder(texts), pairs(&[("title", "Emma"), ("artist", "Jané"), ("xyz", "+51-1/")]));
    let keys = ["title", "com.apple.quicktime.creationdate", "com.apple.quicktime.make", "number"];
    let list = keys.iter().flat_map(|key| boxed(b"mdta", key.as_bytes())).collect::<Vec<u8>>();
    let item = |number: u32, kind: u32, value: &[u8]| {
        let data = boxed(b"data", &[&kind.to_be_bytes()[..], &[0; 4], value].concat());
        boxed(&number.to_be_bytes(), &data)
    };
    let items =
        [item(2, 1, b"1815-12-23"), item(1, 1, b"Emma"), item(3, 1, b"Own"), item(4, 21, &[7]), item(9, 1, b"x")];
    let handler = boxed(b"hdlr", &[&[0; 8][..], b"mdta", &[0; 13]].concat());
    let list = boxed(b"keys", &[&[0, 0, 0, 0, 0, 0, 0, 4][..], &list].concat());
    let meta = [handler, list, boxed(b"ilst", &items.concat())].concat();
    let expected = pairs(&[("date", "1815-12-23"), ("title", "Emma"), ("make", "Own")]);
    for (name, added) in [
        ("as phones write it", boxed(b"meta", &meta)),
        ("with a version", boxed(b"meta", &[&[0; 4][..], &meta].concat())),
        ("in user data, as FFmpeg writes it", boxed(b"udta", &boxed(b"meta", &[&[0; 4][..], &meta].concat()))),
    ] {
        assert_eq!(without_encoder(with_box("stereo.m4a", &added)), expected, "{name}");
    }
}

/// Tags of a level, of one track or of the file, as an element of Matroska (RFC 9559, 5.1.8.1).
fn matroska_tag(level: Option<u8>, track: Option<u8>, texts: &[(&str, &str)]) -> Vec<u8> {
    let number = |id: &[u8], number: Option<u8>| number.map(|number| element(id, &[number])).unwrap_or_default();
    let targets = [number(&[0x68, 0xca], level), number(&[0x63, 0xc5], track)].concat();
    let texts = texts.iter().flat_map(|(name, text)| {
        let simple = [element(&[0x45, 0xa3], name.as_bytes()), element(&[0x44, 0x87], text.as_bytes())];
        element(&[0x67, 0xc8], &simple.concat())
    });
    element(&[0x73, 0x73], &[element(&[0x63, 0xc0], &targets), texts.collect()].concat())
}

/// A Matroska file of PCM with the title of its segment, and tags before or behind its sound.
fn matroska_with(title: &str, tags: &[Vec<u8>], is_behind: bool) -> Vec<u8> {
    let packets = (0..50).map(|_| (vec![0; 320], 160)).collect();
    let (headers, matroska) = (Vec::new(), ("A_PCM/INT/LIT", Vec::new()));
    let mut file =
        Stream { rate: 8000, channels: 1, headers, matroska, mp4: (b"sowt", Vec::new()), packets }.matroska(400, false);
    let place = |file: &[u8], id: &[u8]| file.windows(id.len()).position(|bytes| bytes == id).expect("it is there");
    // The place of the name of the program that wrote it.
    let writer = element(&[0x57, 0x41], b"test");
    let info = place(&file, &writer);
    file.splice(info..info, element(&[0x7b, 0xa9], title.as_bytes()));
    let added = element(&[0x7b, 0xa9], title.as_bytes()).len();
    let tags = element(&[0x12, 0x54, 0xc3, 0x67], &tags.concat());
    let tracks = place(&file, &[0x16, 0x54, 0xae, 0x6b]);
    let begins = if is_behind { file.len() } else { tracks };
    file.splice(begins..begins, tags.iter().copied());
    for (id, more) in [(&[0x15, 0x49, 0xa9, 0x66], added), (&[0x18, 0x53, 0x80, 0x67], added + tags.len())] {
        // A size of eight bytes.
        let size = place(&file, id) + id.len() + 1;
        let len = file[size..size + 7].iter().fold(0, |len, byte| len << 8 | u64::from(*byte)) + more as u64;
        file[size..size + 7].copy_from_slice(&len.to_be_bytes()[1..]);
    }
    file
}

#[test]
fn tags_of_matroska_have_their_usual_names() {
    // As FFmpeg writes them: without a level, and of the track what it counts.
    let plain = [
        matroska_tag(
            None,
            None,
            &[
                ("ARTIST", "Austen"),
                ("ALBUM", "Novels"),
                ("ALBUM_ARTIST", "Publisher"),
                ("DATE", "1815"),
                ("PART_NUMBER", "3"),
                ("X-House", "Own"),
            ],
        ),
        matroska_tag(None, Some(1), &[("DURATION", "00:00:01.000000000"), ("ENCODER", "a maker")]),
        matroska_tag(None, Some(9), &[("ARTIST", "of another track")]),
    ];
    let expected = pairs(&[
        ("encoder", "a maker"),
        ("artist", "Austen"),
        ("album", "Novels"),
        ("album_artist", "Publisher"),
        ("date", "1815"),
        ("track", "3"),
        ("x-house", "Own"),
        ("title", "Emma"),
    ]);
    for is_behind in [false, true] {
        let file = matroska_with("Emma", &plain, is_behind);
        assert_eq!(tags(&info(vec![Packet::new(in_memory(file))], json!({}))), expected);
    }
    assert_eq!(tags(&arriving(&matroska_with("Emma", &plain, false))), expected);
    assert_eq!(tags(&arriving(&matroska_with("Emma", &plain, true))), pairs(&[("title", "Emma")]));
    // A picture among them is none.
    let picture = "x".repeat(2 << 20);
    let file = matroska_with("Emma", &[matroska_tag(None, None, &[("COVER", &picture), ("ARTIST", "Austen")])], false);
    let expected = pairs(&[("artist", "Austen"), ("title", "Emma")]);
    assert_eq!(tags(&info(vec![Packet::new(in_memory(file))], json!({}))), expected);
    // As the specification has them: 30 is the song, 50 the album.
    let leveled = [
        matroska_tag(Some(50), None, &[("TITLE", "Novels"), ("ARTIST", "Publisher"), ("TOTAL_PARTS", "7")]),
        matroska_tag(
            Some(30),
            None,
            &[("TITLE", "Emma"), ("ARTIST", "Austen"), ("PART_NUMBER", "3"), ("DATE_RELEASED", "1815")],
        ),
    ];
    let expected = pairs(&[
        ("title", "Emma"),
        ("artist", "Austen"),
        ("track", "3"),
        ("date", "1815"),
        ("album", "Novels"),
        ("album_artist", "Publisher"),
        ("track_total", "7"),
    ]);
    let file = matroska_with("Novels", &leveled, false);
    assert_eq!(tags(&info(vec![Packet::new(in_memory(file))], json!({}))), expected);
}

#[test]
fn what_is_wrong_in_tags_of_matroska_does_not_decide_on_the_sound() {
    let mut torn = matroska_tag(None, None, &[("ARTIST", "Austen"), ("ALBUM", "Novels")]);
    let album = torn.windows(5).position(|bytes| bytes == b"ALBUM").expect("it is there");
    // The size of the name.
    torn[album - 1] = 0xff;
    let file = matroska_with("Emma", &[torn], false);
    let told = info(vec![Packet::new(in_memory(file.clone()))], json!({}));
    assert_eq!(tags(&told), pairs(&[("artist", "Austen"), ("title", "Emma")]));
    assert_eq!(decode(in_memory(file)).samples(), [vec![0.0; 8000]]);
}
