//! Files that are not as most encoders write them, and that other programs read: FLAC that changes its format or has wrong
//! blocks before its sound, MPEG frames behind tags and in free format, MP4 without its first box.

use remotemedia_core::value::{Audio, MediaTime};

use crate::flac_files::{Frame, file, stream_info};
use harness::items::{Outcome, decode, decode_path, decode_pieces, in_memory};
use harness::media;
use harness::remux::{Stream, matroska_of_tracks};

/// The same file as a whole and as it arrives.
fn both(bytes: &[u8]) -> [Outcome; 3] {
    [decode(in_memory(bytes.to_vec())), decode_pieces(bytes, 7), decode_pieces(bytes, 5000)]
}

fn noise(frames: usize, bits: u8, seed: u32) -> Vec<i32> {
    let mut state = seed;
    (0..frames)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state as i32 >> (32 - bits)
        })
        .collect()
}

fn floats(plane: &[i32], bits: u8) -> Vec<f32> {
    plane.iter().map(|sample| *sample as f32 / 2f32.powi(i32::from(bits) - 1)).collect()
}

#[test]
fn flac_that_changes_its_format_goes_on_in_it() {
    let parts =
        [(16_000, 16u8, 1usize), (44_100, 16, 1), (44_100, 16, 3), (44_100, 24, 2), (8000, 8, 2), (16_000, 16, 1)];
    let planes: Vec<Vec<Vec<i32>>> = (0u32..)
        .zip(&parts)
        .map(|(part, (_, bits, channels))| {
            (0..*channels).map(|channel| noise(200, *bits, part * 8 + channel as u32)).collect()
        })
        .collect();
    let frames: Vec<Vec<u8>> = (0u8..)
        .zip(parts.iter().zip(&planes))
        .map(|(number, ((rate, bits, _), planes))| Frame { rate: *rate, bits: *bits, number, planes }.bytes())
        .collect();
    let whole = file(&[(0, 34, stream_info(16_000, 1, 16, 1200))], &frames);
    for outcome in both(&whole) {
        assert_eq!(outcome.failure, None);
        let chunks = outcome.chunks();
        let found: Vec<Vec<f32>> = chunks
            .iter()
            .flat_map(|audio| (0..audio.channels()).map(|channel| audio.channel(channel).to_vec()))
            .collect();
        // What follows in one format comes out as one.
        let expected: Vec<Vec<f32>> = parts
            .iter()
            .zip(&planes)
            .flat_map(|((_, bits, _), planes)| planes.iter().map(|plane| floats(plane, *bits)))
            .collect();
        assert_eq!(found, expected);
        assert_eq!(chunks.iter().map(|audio| audio.rate()).collect::<Vec<_>>(), parts.map(|(rate, ..)| rate));
        let elapsed = MediaTime::of_frames(200, 16_000) + MediaTime::of_frames(200, 44_100);
        assert!((chunks[2].pts.unwrap() - elapsed).abs() <= 1);
    }
}

#[test]
fn a_flac_file_behind_another_goes_on() {
    let of = |rate, channels: u8, seed| {
        let planes: Vec<Vec<i32>> = (0..u32::from(channels)).map(|channel| noise(300, 16, seed + channel)).collect();
        let frames: Vec<Vec<u8>> =
            (0..3).map(|number| Frame { rate, bits: 16, number, planes: &planes }.bytes()).collect();
        file(&[(0, 34, stream_info(rate, channels, 16, 900))], &frames)
    };
    let chained = [of(16_000, 1, 1), of(8000, 2, 9), of(8000, 2, 20)].concat();
    for outcome in both(&chained) {
        assert_eq!(outcome.failure, None);
        let frames = |rate| {
            outcome.chunks().iter().filter(|audio| audio.rate() == rate).map(|audio| audio.frames()).sum::<usize>()
        };
        assert_eq!((frames(16_000), frames(8000)), (900, 1800));
    }
}

#[test]
fn a_comment_of_flac_says_where_its_channels_are_if_it_names_so_many() {
    let planes: Vec<Vec<i32>> = (0..4).map(|channel| noise(100, 16, channel)).collect();
    let frames = [Frame { rate: 16_000, bits: 16, number: 0, planes: &planes }.bytes()];
    for (comment, layout) in [
        ("WAVEFORMATEXTENSIBLE_CHANNEL_MASK=0x0107", Some("4.0")),
        ("WaveFormatExtensible_Channel_Mask=0X00F", Some("3.1")),
        ("WAVEFORMATEXTENSIBLE_CHANNEL_MASK=0x0", None),
        ("WAVEFORMATEXTENSIBLE_CHANNEL_MASK=0x3", Some("quad")),
        ("WAVEFORMATEXTENSIBLE_CHANNEL_MASK=263", Some("quad")),
        ("WAVEFORMATEXTENSIBLE_CHANNEL_MASK=0xF00000", Some("quad")),
        ("TITLE=0x0107", Some("quad")),
    ] {
        let lens = [0, 1, comment.len() as u32].map(u32::to_le_bytes).concat();
        let content = [&lens[..], comment.as_bytes()].concat();
        let blocks = [(0, 34, stream_info(16_000, 4, 16, 100)), (4, content.len() as u32, content)];
        let head = file(&blocks, &[]);
        let ogg_head = [&b"\x7fFLAC\x01\0\0\x01"[..], &head[..42]].concat();
        let stream = Stream {
            rate: 16_000,
            channels: 4,
            headers: vec![ogg_head, head[42..].to_vec()],
            matroska: ("A_FLAC", head),
            mp4: (b"none", Vec::new()),
            packets: vec![(frames[0].clone(), 100)],
        };
        for bytes in [file(&blocks, &frames), stream.ogg(1, 1, 0), stream.matroska(1000, false)] {
            for outcome in both(&bytes) {
                assert_eq!(outcome.samples(), planes.iter().map(|plane| floats(plane, 16)).collect::<Vec<_>>());
                assert_eq!(outcome.chunks()[0].layout().name(), layout, "{comment}");
            }
        }
    }
}

#[test]
fn what_stands_before_the_sound_of_flac_does_not_decide_on_it() {
    let planes = [noise(400, 16, 3)];
    let frames: Vec<Vec<u8>> =
        (0..4).map(|number| Frame { rate: 16_000, bits: 16, number, planes: &planes }.bytes()).collect();
    let expected = vec![floats(&planes[0], 16).repeat(4)];
    let info = || (0u8, 34u32, stream_info(16_000, 1, 16, 1600));
    let mut cue_sheet = vec![0; 396];
    // One track that begins between two sectors, where none of a compact disc does.
    cue_sheet[136] = 0x80;
    cue_sheet[395] = 1;
    cue_sheet.extend(1234u64.to_be_bytes());
    cue_sheet.extend([1; 28]);
    let seek_table = vec![0xee; 17];
    let picture = [&[0, 0, 0, 3, 0, 0, 1, 0][..], &[b'x'; 30]].concat();
    for (name, blocks) in [
        ("a cue sheet off the grid", vec![info(), (5, cue_sheet.len() as u32, cue_sheet.clone())]),
        ("a table that ends within an entry", vec![info(), (3, 17, seek_table)]),
        ("a picture that is longer than its block", vec![info(), (6, 38, picture.clone())]),
        ("a block that is longer than it says", vec![info(), (6, 20, picture)]),
        ("a comment of no sensible length", vec![info(), (4, 8, vec![0xff; 8])]),
        ("a reserved kind", vec![info(), (99, 4, vec![1; 4])]),
        ("other blocks before the one that describes it", vec![(1, 10, vec![0; 10]), info()]),
        ("two descriptions", vec![info(), (0, 34, stream_info(8000, 2, 24, 3))]),
    ] {
        for outcome in both(&file(&blocks, &frames)) {
            assert_eq!(outcome.failure, None, "{name}");
            assert_eq!(outcome.samples(), expected, "{name}");
        }
    }
    // Frames tell their rate themselves.
    for outcome in both(&frames.concat()) {
        assert_eq!(outcome.samples(), expected);
    }
    for outcome in both(&file(&[info()], &[frames.concat(), [b"TAG".to_vec(), vec![0; 125]].concat()])) {
        assert_eq!(outcome.samples(), expected, "a tag behind");
    }
}

/// Whatever is in it: a picture may be longer than a frame and hold what looks like one.
#[test]
fn what_stands_behind_the_sound_of_flac_costs_none_of_it() {
    let planes = [noise(400, 16, 3)];
    let frames: Vec<Vec<u8>> =
        (0..4).map(|number| Frame { rate: 16_000, bits: 16, number, planes: &planes }.bytes()).collect();
    let of = |total: u64| file(&[(0, 34, stream_info(16_000, 1, 16, total))], &frames);
    let picture = [&frames[1][..100], b"fLaCTAG", &[7; 30_000]].concat().repeat(3);
    let id3v1 = [b"TAG".to_vec(), vec![0; 125]].concat();
    for (name, behind) in [
        ("ID3v1", id3v1.clone()),
        ("APEv2", ape_tag_of(2000, true, &picture)),
        ("APEv2 without a header", ape_tag_of(2000, false, &picture)),
        ("APEv1", ape_tag_of(1000, false, &picture)),
        ("both", [ape_tag_of(2000, true, &picture), id3v1.clone()].concat()),
        ("both, the other way round", [id3v1, ape_tag_of(2000, false, b"x")].concat()),
        ("filling", vec![0; 50_000]),
        ("a bit of filling", vec![0; 9]),
    ] {
        for total in [1600, 0] {
            let tagged = [of(total), behind.clone()].concat();
            for (outcome, times) in both(&tagged).into_iter().map(|outcome| (outcome, 4)).chain(
                // Another file may follow.
                both(&[&tagged[..], &of(1600)].concat()).into_iter().map(|outcome| (outcome, 8)),
            ) {
                assert_eq!(outcome.failure, None, "{name}, {total}");
                assert_eq!(outcome.samples(), [floats(&planes[0], 16).repeat(times)], "{name}, {total}");
            }
        }
    }
    // Bytes of no kind are a lost frame, unless the head says that there is no other.
    let last = frames[3].iter().map(|byte| byte ^ 0x10).collect();
    for (total, behind, count) in [(1600, vec![0x55; 40_000], 4), (0, vec![0x55; 40_000], 4), (0, last, 3)] {
        let sound = file(&[(0, 34, stream_info(16_000, 1, 16, total))], &frames[..count]);
        for outcome in both(&[sound, behind.clone()].concat()) {
            assert_eq!(outcome.samples_before_failure(), [floats(&planes[0], 16).repeat(count)]);
            assert_eq!(outcome.failure.is_some(), total == 0);
        }
    }
}

#[test]
fn a_changed_bit_of_flac_is_noticed_in_any_container() {
    for name in ["short.flac", "flac.mp4", "flac.mka"] {
        let original = media::bytes(name);
        let whole = decode_path(&media::path(name)).samples();
        assert_eq!(media::deviation(&whole, &media::reference(16_000, 8000, 2)).0, 0.0, "{name}");
        // The sound is in the second half of each, and before an index at the end.
        for place in [original.len() - 2500, original.len() - 4000] {
            let mut bytes = original.clone();
            bytes[place] ^= 4;
            for outcome in [decode(in_memory(bytes.clone())), decode_pieces(&bytes, 600)] {
                let message = outcome.message();
                assert!(
                    message.contains("the checksum of a frame does not match")
                        || message.contains("frames are missing"),
                    "{message}"
                );
                let before = outcome.samples_before_failure();
                assert!(before[0].len() < 8000 && before[0][..] == whole[0][..before[0].len()], "{name}");
            }
        }
    }
}

#[test]
fn aac_of_high_rates_has_the_rate_of_its_description() {
    for (name, rate, ratio) in [("rate-96000.m4a", 96_000, 31.0), ("rate-88200.m4a", 88_200, 31.0)] {
        let outcome = decode_path(&media::path(name));
        assert_eq!(outcome.chunks()[0].rate(), rate, "{name}");
        // A shift by one frame would bring the ratio down to 29 dB.
        let (_, decibels) = media::deviation(&outcome.samples(), &media::reference(rate, rate as usize / 4, 1));
        assert!(decibels > ratio, "{name}: {decibels} dB");
    }
}

#[test]
fn vorbis_in_webm_has_the_frames_of_the_original_in_their_place() {
    let outcome = decode_path(&media::path("vorbis.webm"));
    // Of how many frames of the last packet are sound, nothing is said: FFmpeg gives as many.
    let samples = outcome.samples();
    assert_eq!(samples[0].len(), 22_080);
    let placed: Vec<Vec<f32>> = samples.iter().map(|plane| plane[..22_050].to_vec()).collect();
    let (_, decibels) = media::deviation(&placed, &media::reference(44_100, 22_050, 2));
    assert!(decibels > 25.0, "{decibels} dB");
    for len in [100, 3000] {
        assert_eq!(decode_pieces(&media::bytes("vorbis.webm"), len).samples(), outcome.samples(), "pieces of {len}");
    }
}

#[test]
fn mp4_is_known_without_its_first_box() {
    for name in ["mono.m4a", "stereo.m4a", "alac.m4a"] {
        let whole = decode_path(&media::path(name)).samples();
        for kind in [b"free", b"skip", b"wide"] {
            let mut bytes = media::bytes(name);
            bytes[4..8].copy_from_slice(kind);
            for outcome in both(&bytes) {
                assert_eq!(outcome.samples(), whole, "{name} with {kind:?}");
            }
        }
        let path = media::file("quick.mov", &[&media::bytes(name)[..4], b"free", &media::bytes(name)[8..]].concat());
        assert_eq!(decode_path(&path).samples(), whole, "{name}");
    }
}

/// As those of cameras may have what no reader of sound knows, such as a description of the picture of many kilobytes.
#[test]
fn a_track_without_sound_that_is_not_as_expected_does_not_decide_on_it() {
    let boxed =
        |kind: &[u8; 4], content: &[u8]| [&(content.len() as u32 + 8).to_be_bytes()[..], kind, content].concat();
    let whole = decode_path(&media::path("stereo.m4a")).samples();
    let bytes = media::bytes("stereo.m4a");
    let index = bytes.windows(4).position(|kind| kind == b"moov").expect("it has an index") - 4;
    // It has neither a number nor descriptions.
    let picture = boxed(b"trak", &boxed(b"mdia", &boxed(b"hdlr", b"\0\0\0\0\0\0\0\0vide")));
    for index in [[&bytes[index + 8..], &picture].concat(), [&picture, &bytes[index + 8..]].concat()] {
        let file = [&bytes[..bytes.len() - index.len() + picture.len() - 8], &boxed(b"moov", &index)].concat();
        for outcome in both(&file) {
            assert_eq!(outcome.samples(), whole);
        }
    }
}

/// As editors leave them that join sounds.
#[test]
fn a_description_that_no_sample_has_does_not_decide_on_the_sound() {
    let bytes = media::bytes("stereo.m4a");
    let place = |kind: &[u8; 4]| bytes.windows(4).position(|found| found == kind).expect("it is there") - 4;
    let length = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes")) as usize;
    let table = place(b"stsd");
    let second = bytes[table + 16..table + length(table)].to_vec();
    let mut longer = [&bytes[..table + length(table)], &second, &bytes[table + length(table)..]].concat();
    longer[table + 15] = 2;
    // The index comes last, so that the samples stay where they are; the file has one track.
    for kind in [b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd"] {
        let at = place(kind);
        longer[at..at + 4].copy_from_slice(&((length(at) + second.len()) as u32).to_be_bytes());
    }
    for outcome in both(&longer) {
        assert_eq!(outcome.samples(), decode_path(&media::path("stereo.m4a")).samples());
    }
}

fn ape_tag() -> Vec<u8> {
    ape_tag_of(2000, true, b"")
}

/// With a title, and a picture if there is one.
fn ape_tag_of(version: u32, has_header: bool, picture: &[u8]) -> Vec<u8> {
    let item = |flags: u32, key: &[u8], value: &[u8]| {
        [&(value.len() as u32).to_le_bytes()[..], &flags.to_le_bytes(), key, b"\0", value].concat()
    };
    let cover = if picture.is_empty() { Vec::new() } else { item(2, b"Cover Art (Front)", picture) };
    let items = [item(0, b"Title", b"hello"), cover].concat();
    let part = |flags: u32| {
        let flags = if has_header { 0x8000_0000 | flags } else { 0 };
        let numbers = [version, items.len() as u32 + 32, 1, flags].map(u32::to_le_bytes).concat();
        [b"APETAGEX", &numbers[..], &[0; 8]].concat()
    };
    let header = if has_header { part(0x2000_0000) } else { Vec::new() };
    [header, items.clone(), part(0)].concat()
}

#[test]
fn tags_around_mp3_do_not_hide_how_much_of_it_is_sound() {
    let mp3 = media::bytes("stereo.mp3");
    let start = mp3.windows(2).position(|pair| pair == [0xff, 0xfb]).expect("there is a frame");
    let frames = &mp3[start..];
    let whole = decode_path(&media::path("stereo.mp3")).samples();
    assert_eq!(whole[0].len(), 44_100);
    let id3 = |len: usize| [b"ID3\x03\0\0\0\0", &[(len >> 7) as u8, (len & 0x7f) as u8][..], &vec![0; len]].concat();
    let id3v1 = [b"TAGtitle".to_vec(), vec![0; 120]].concat();
    for (name, before, after) in [
        ("APEv2 in front", ape_tag(), Vec::new()),
        ("APEv2 behind", Vec::new(), ape_tag()),
        ("ID3v2 and APEv2 in front", [id3(100), ape_tag()].concat(), Vec::new()),
        ("APEv2 and ID3v2 in front", [ape_tag(), id3(100)].concat(), Vec::new()),
        ("two of ID3v2", [id3(30), id3(300)].concat(), Vec::new()),
        (
            "ID3v2.4 with an extended header of a wrong length",
            b"ID3\x04\0\x40\0\0\0\x08\0\0\x01\x76TIT2".to_vec(),
            Vec::new(),
        ),
        ("ID3v2 of a version that does not exist", b"ID3\x09\0\0\0\0\0\x04what".to_vec(), Vec::new()),
        ("ID3v2 that is longer than it says", [id3(200), vec![0; 1000]].concat(), Vec::new()),
        ("the last part of one in front", ape_tag()[ape_tag().len() - 32..].to_vec(), Vec::new()),
        ("all of them", [id3(3), ape_tag()].concat(), [ape_tag(), id3v1.clone()].concat()),
        ("junk", b"\xff\xfbjunk\xff\xff\xff that is no frame".repeat(20), id3v1),
    ] {
        for outcome in both(&[&before[..], frames, &after].concat()) {
            assert_eq!(outcome.failure, None, "{name}");
            assert_eq!(outcome.samples(), whole, "{name}");
        }
    }
}

/// However a file arrives: what waits for more bytes is no frame by its header alone.
#[test]
fn what_looks_like_frames_behind_mpeg_and_adts_is_no_sound() {
    let id3v1 = [b"TAGtitle".to_vec(), vec![0; 120]].concat();
    for (name, header) in [("bare.mp3", [0xff, 0xfb, 0x90, 0x64]), ("stereo.aac", [0xff, 0xf1, 0x50, 0x80])] {
        let frames = media::bytes(name);
        let whole = decode_path(&media::path(name)).samples();
        let picture: Vec<u8> =
            (0..20_000u32).flat_map(|number| [&header[..], &[(number % 251) as u8]].concat()).collect();
        for (what, behind) in [
            ("ID3v1 and APEv2", [id3v1.clone(), ape_tag_of(2000, true, &picture)].concat()),
            ("APEv2 without a header", ape_tag_of(2000, false, &picture)),
            // Of AAC some would be a chain.
            ("no tag", if name == "bare.mp3" { [&[0; 9], &picture[..]].concat() } else { Vec::new() }),
        ] {
            let bytes = [&frames[..], &behind].concat();
            for outcome in both(&bytes).into_iter().chain([decode_pieces(&bytes, 1000)]) {
                assert_eq!(outcome.failure, None, "{name}, {what}");
                assert!(outcome.samples() == whole, "{name}, {what}");
            }
        }
    }
}

/// Where frames of 128 kbit/s at 44.1 kHz begin.
fn frame_starts(bytes: &[u8]) -> Vec<usize> {
    (0..bytes.len() - 4).filter(|at| bytes[*at..].starts_with(&[0xff, 0xfb]) && bytes[at + 2] & !2 == 0x90).collect()
}

#[test]
fn a_short_file_is_found_behind_what_looks_like_the_header_of_a_long_frame() {
    let mp3 = media::bytes("bare.mp3");
    let frames = &mp3[..frame_starts(&mp3)[3]];
    // 320 kbit/s would be 1044 bytes, and free format may be more than the file has.
    for header in [[0xff, 0xfb, 0xe0, 0x64], [0xff, 0xfb, 0x00, 0x64]] {
        let junk = [&[0x55; 10][..], &header, &[0x55; 400]].concat();
        for outcome in both(&[&junk, frames].concat()) {
            assert_eq!(outcome.failure, None, "{header:02x?}");
            assert_eq!(outcome.samples(), decode(in_memory(frames.to_vec())).samples(), "{header:02x?}");
        }
    }
}

#[test]
fn a_note_of_more_padding_than_there_are_frames_is_passed_over() {
    let mp3 = media::bytes("stereo.mp3");
    let place = |text: &[u8]| mp3.windows(text.len()).position(|found| found == text).expect("it has a tag");
    let first = mp3.windows(2).position(|pair| pair == [0xff, 0xfb]).expect("there is a frame");
    let mut short = mp3[first..].to_vec();
    let (info, lame) = (place(b"Info") - first, place(b"Lavc") - first);
    // Two frames, as the tag counts them, and 1000 + 2000 frames of sound that are none.
    short[info + 8..info + 12].copy_from_slice(&2u32.to_be_bytes());
    short[lame + 21..lame + 24].copy_from_slice(&[0x3e, 0x87, 0xd0]);
    short.truncate(frame_starts(&short)[3]);
    for outcome in both(&short) {
        assert_eq!(outcome.failure, None);
        assert_eq!(outcome.samples()[0].len(), 2 * 1152);
    }
}

/// As LAME up to 3.70 and of 3.94 counted.
#[test]
fn a_count_that_holds_the_frame_of_the_tag_too_cuts_nothing_off() {
    let mp3 = media::bytes("stereo.mp3");
    let whole = decode(in_memory(mp3.clone())).samples();
    let count = mp3.windows(4).position(|found| found == b"Info").expect("it has a tag") + 8;
    assert_eq!(mp3[count..count + 4], 40u32.to_be_bytes());
    let mut counted = mp3.clone();
    counted[count..count + 4].copy_from_slice(&41u32.to_be_bytes());
    for outcome in both(&counted) {
        assert_eq!(outcome.failure, None);
        assert_eq!(outcome.samples()[0][..whole[0].len()], whole[0]);
    }
    // The length that the tag states, of all but what stands before it, is what tells.
    let one_byte_less = &counted[..counted.len() - 1];
    let two_too_many = [&counted[..count], &42u32.to_be_bytes(), &counted[count + 4..]].concat();
    let next = frame_starts(&counted)[1];
    let mut without_length = [&counted[..count + 4], &counted[count + 8..next], &[0; 4], &counted[next..]].concat();
    without_length[count - 1] ^= 2;
    for bytes in [one_byte_less, &two_too_many, &without_length] {
        for outcome in both(bytes) {
            assert!(outcome.message().contains(" frames are there"), "{}", outcome.message());
        }
    }
}

/// A stream of frames of one bit rate says the same in free format, where the distance of headers is what counts.
fn freed(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let (first, index) = (bytes[1], bytes[2] >> 4);
    for place in 0..bytes.len() - 4 {
        if bytes[place] == 0xff
            && bytes[place + 1] == first
            && bytes[place + 2] >> 4 == index
            && bytes[place + 2] & 1 == 0
        {
            bytes[place + 2] &= 0x0f;
        }
    }
    bytes
}

#[test]
fn free_format_is_what_a_listed_bit_rate_is() {
    for name in ["bare.mp3", "stereo.mp2"] {
        let original = media::bytes(name);
        let bytes = freed(&original);
        assert_ne!(bytes, original);
        let expected = decode_path(&media::path(name)).samples();
        for outcome in both(&bytes) {
            assert_eq!(outcome.failure, None, "{name}");
            assert_eq!(outcome.samples(), expected, "{name}");
        }
    }
}

/// ISO/IEC 13818-3, 2.4.2.3: MPEG-2 has all its bit rates for both numbers of channels, where MPEG-1 has four for one alone.
#[test]
fn layer_two_of_mpeg_2_has_any_bit_rate() {
    let frame_of = |frame: &[u8], index: u8, len: usize| {
        let mut frame = frame.to_vec();
        frame[2] = frame[2] & 0x0f | index << 4;
        frame.resize(len, 0);
        frame
    };
    // 64 kbit/s at 16 kHz are 576 bytes, 80 are 720.
    let file = media::bytes("stereo.mp2");
    let frames: Vec<Vec<u8>> = file.chunks(576).map(|frame| frame_of(frame, 9, 720)).collect();
    let expected = decode_path(&media::path("stereo.mp2")).samples();
    let packets = frames.iter().map(|frame| (frame.clone(), 1152)).collect();
    let (headers, matroska) = (Vec::new(), ("A_MPEG/L2", Vec::new()));
    let stream = Stream { rate: 16_000, channels: 2, headers, matroska, mp4: (b".mp3", Vec::new()), packets };
    for file in [frames.concat(), stream.matroska(200, false)] {
        for outcome in both(&file) {
            assert_eq!(outcome.samples(), expected);
        }
    }
    // Frames without a sample in any subband are silence.
    for (index, len) in [(4, 288), (6, 432), (7, 504)] {
        for outcome in both(&frame_of(&[0xff, 0xf5, 0x08, 0x04], index, len).repeat(20)) {
            assert_eq!(outcome.samples(), vec![vec![0.0; 1152 * 20]; 2], "{len} bytes");
        }
    }
}

#[test]
fn mpeg_layers_one_and_two_are_decoded() {
    let outcome = decode_path(&media::path("stereo.mp2"));
    let samples = outcome.samples();
    // The filter bank's delay of 481 frames stays, as in any bare MPEG stream.
    let reference = media::reference(16_000, 8000, 2);
    let placed: Vec<Vec<f32>> = samples.iter().map(|plane| plane[481..8481.min(plane.len())].to_vec()).collect();
    let reference: Vec<Vec<i16>> = reference.iter().map(|plane| plane[..placed[0].len()].to_vec()).collect();
    let (_, decibels) = media::deviation(&placed, &reference);
    // 22 dB are the noise of 64 kbit/s; a shift by one frame would leave 13.
    assert!(decibels > 20.0, "{decibels} dB");
    // Layer I at 32 kbit/s and 32 kHz: frames of 48 bytes without a sample in any subband are silence.
    let mut frame = [0; 48];
    frame[..4].copy_from_slice(&[0xff, 0xff, 0x18, 0xc0]);
    for outcome in both(&frame.repeat(20)) {
        assert_eq!(outcome.samples(), [vec![0.0; 384 * 20]]);
        assert_eq!(outcome.chunks()[0].rate(), 32_000);
    }
}

#[test]
fn bytes_that_only_look_like_mpeg_frames_are_no_sound() {
    let text: Vec<u8> =
        "\u{feff}Dear diary, today I went to the lake.".repeat(90).encode_utf16().flat_map(u16::to_le_bytes).collect();
    let tak = [
        b"tBaK\x01\x0a\0\0".to_vec(),
        noise(3000, 16, 5).iter().flat_map(|sample| [0xff, 0xfb, *sample as u8]).collect(),
    ]
    .concat();
    for (bytes, ends) in [(text, "begins with ff fe"), (tak, "(TAK)")] {
        for outcome in both(&bytes) {
            assert!(outcome.message().contains("is not audio that remotemedia knows"), "{}", outcome.message());
            assert!(outcome.message().contains(ends), "{}", outcome.message());
        }
    }
}

#[test]
fn no_decoder_gives_sound_far_beyond_full_scale() {
    // Scale factors and gains as large as a frame can say: sound that no encoder makes.
    let mut bytes = media::bytes("bare.mp3");
    let starts: Vec<usize> =
        (0..bytes.len() - 4).filter(|place| bytes[*place..].starts_with(&[0xff, 0xfb, 0x90])).collect();
    for start in starts.iter().skip(10).take(3) {
        // The global gain of the first channel of the first granule.
        bytes[start + 4 + 5] |= 0x07;
        bytes[start + 4 + 6] |= 0xf0;
    }
    for outcome in both(&bytes) {
        let largest = outcome.chunks().iter().map(|audio| peak(audio)).fold(0.0, f32::max);
        assert!(largest <= 16.0, "{largest}");
    }
}

fn peak(audio: &Audio) -> f32 {
    (0..audio.channels())
        .flat_map(|channel| audio.channel(channel).iter())
        .fold(0.0, |peak, sample| peak.max(sample.abs()))
}

/// RFC 9559, 5.1.4.1.5: a track without the mark is marked.
#[test]
fn of_several_tracks_of_matroska_the_first_marked_one_is_decoded() {
    const PCM: &str = "A_PCM/INT/LIT";
    let (first, second) = ([&[0, 0x10][..]; 8000].concat(), [&[0, 0x20][..]; 8000].concat());
    for (marks, expected) in [
        ([None, None], 0.125),
        ([Some(1), Some(1)], 0.125),
        ([Some(0), Some(1)], 0.25),
        ([Some(0), None], 0.25),
        ([Some(0), Some(0)], 0.125),
        ([None, Some(1)], 0.125),
    ] {
        for outcome in both(&matroska_of_tracks(&[(PCM, marks[0], &first), (PCM, marks[1], &second)])) {
            assert_eq!(outcome.samples(), [vec![expected; 8000]], "{marks:?}");
        }
    }
    // Also where its codec is not built in.
    let outcome = decode(in_memory(matroska_of_tracks(&[("A_AC3", None, &first), (PCM, Some(0), &second)])));
    assert!(outcome.message().contains(" holds AC-3, which remotemedia can't decode"), "{}", outcome.message());
}

#[test]
fn matroska_behind_matroska_is_an_error_behind_the_sound_of_the_first() {
    let packets = (0..50).map(|packet| (vec![packet; 320], 160)).collect();
    let (headers, matroska) = (Vec::new(), ("A_PCM/INT/LIT", Vec::new()));
    let stream = Stream { rate: 8000, channels: 1, headers, matroska, mp4: (b"sowt", Vec::new()), packets };
    let file = stream.matroska(200, false);
    let expected = decode(in_memory(file.clone())).samples();
    assert_eq!(expected[0].len(), 8000);
    let joined = [&file[..], &file].concat();
    for (name, outcome) in
        [("the file", &decode(in_memory(joined.clone()))), ("the stream", &decode_pieces(&joined, 700))]
    {
        assert_eq!(outcome.samples_before_failure(), expected, "{name}");
        assert_eq!(
            outcome.message(),
            format!(
                "{name} is several files one behind the other, of which the first is decoded. Decode them one by one, or join \
                 them with a program that makes one file of them."
            )
        );
    }
    let live = stream.matroska(200, true).repeat(2);
    for outcome in both(&live) {
        assert_eq!(outcome.samples_before_failure(), expected);
        assert!(outcome.failure.is_some());
    }
}
