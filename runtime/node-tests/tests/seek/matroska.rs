//! Vorbis, Opus, FLAC, AAC, MP3 and PCM in Matroska: clusters are found by their times, and blocks may hold several packets.

use serde_json::json;

use crate::codecs::{aac, flac, mp3, opus, pcm, vorbis};
use crate::cuts::{Subject, check, total};
use crate::near::{check_near, spoilt};
use harness::items::{Outcome, decode_pieces};
use harness::media;
use harness::remux::{Matroska, element, matroska_compression, matroska_encodings};

/// The table of what stands where has entries of an id and a place.
#[test]
fn a_wrong_table_of_places_does_not_decide_on_the_sound() {
    for name in ["flac.mka", "stereo.webm"] {
        let file = media::bytes(name);
        let expected = Subject { name, bytes: file.clone(), params: json!({}) }.part(json!({})).samples();
        let entry = [0x53, 0xab, 0x84, 0x1c, 0x53, 0xbb, 0x6b];
        let cues = file.windows(entry.len()).position(|bytes| bytes == entry).expect("an entry of the cues");
        for (place, bits) in [(0, 1), (3, 0x80), (8, 6), (10, 1), (10, 0x7f)] {
            let mut wrong = file.clone();
            wrong[cues + place] ^= bits;
            let outcome = Subject { name, bytes: wrong, params: json!({}) }.part(json!({}));
            assert!(outcome.samples() == expected, "{name}, {place}");
        }
    }
}

#[test]
fn every_codec_in_clusters() {
    for (name, stream) in [
        ("Vorbis", vorbis()),
        ("FLAC", flac(40)),
        ("AAC", aac()),
        ("MP3", mp3()),
        ("PCM", pcm(200, 320)),
        ("PCM of packets shorter than times can tell", pcm(500, 13)),
    ] {
        let frames: u64 = stream.packets.iter().map(|(_, frames)| frames).sum();
        let whole = check(name, stream.matroska(700, false));
        assert_eq!((whole.failure.as_ref(), total(&whole) as u64), (None, frames), "{name}");
    }
    assert_eq!(check("FLAC, live", flac(30).matroska(1000, true)).failure, None);
    assert_eq!(check("FLAC of one cluster", flac(30).matroska(30_000, false)).failure, None);
    for name in ["vorbis.webm", "flac.mka"] {
        assert_eq!(check(name, media::bytes(name)).failure, None, "{name}");
    }
    check_near("Opus", opus(96, 2, 8).matroska(900, false), 0.0);
    check_near("stereo.webm", media::bytes("stereo.webm"), 0.0);
}

/// All packets of a block have one time, which is that of the first: of Vorbis the one that gives no frames after a jump.
#[test]
fn several_packets_in_a_block() {
    for (name, stream) in [("Vorbis", vorbis()), ("MP3", mp3()), ("FLAC", flac(40))] {
        let alone = check(name, stream.matroska(700, false));
        for per_block in [2, 5] {
            let laced = check(name, stream.matroska_as(&Matroska { per_block, ..Matroska::default() }));
            assert_eq!((laced.failure.as_ref(), laced.samples()), (None, alone.samples()), "{name}, {per_block}");
        }
    }
}

/// As where a program struck a track out of the list. Where sound is missing then, it was a block of the sound, which is damaged.
#[test]
fn blocks_of_a_track_that_is_not_described_are_no_sound() {
    const NUMBER: usize = 9;
    let plain = element(&[0xa3], &[0x82, 0, 0, 0x80, 7]);
    let laced = element(&[0xa3], &[0x82, 0, 0, 0x82, 2, 1, 1, 7, 8, 9]);
    let group = element(&[0xa0], &element(&[0xa1], &[0x82, 0, 0, 0, 7]));
    for (name, stream) in [("Vorbis", vorbis()), ("AAC", aac()), ("FLAC", flac(40))] {
        for per_block in [1, 3] {
            let name = format!("{name}, {per_block} in a block");
            // Without lengths, so that blocks can come between others.
            let form = Matroska { is_live: true, per_block, ..Matroska::default() };
            let file = stream.matroska_as(&form);
            let heard = |bytes: Vec<u8>| Subject { name: &name, bytes, params: json!({}) }.part(json!({}));
            let whole = heard(file.clone()).samples();
            let begins = |from: &[u8]| from.starts_with(&[0xa3, 1, 0, 0, 0]) && from[NUMBER] == 0x81;
            let blocks: Vec<usize> = (0..file.len() - NUMBER).filter(|place| begins(&file[*place..])).collect();
            let mut others = file.clone();
            for (place, other) in blocks.iter().rev().zip([&plain, &laced, &group, &plain].into_iter().cycle()) {
                others.splice(*place..*place, other.iter().copied());
            }
            assert!(check(&name, others.clone()).samples() == whole, "{name}");
            assert!(decode_pieces(&others, 1000).samples() == whole, "{name}, as it arrives");
            for place in [blocks[2], blocks[blocks.len() / 2], blocks[blocks.len() - 2]] {
                let mut damaged = file.clone();
                damaged[place + NUMBER] = 0x82;
                for outcome in [heard(damaged.clone()), decode_pieces(&damaged, 1000)] {
                    assert!(outcome.message().contains("is damaged: sound is missing where a block"), "{name}");
                    let before = &outcome.samples_before_failure()[0];
                    assert!(before[..] == whole[0][..before.len()] && before.len() < whole[0].len(), "{name}");
                }
            }
        }
    }
}

#[test]
fn padding_is_that_of_the_last_packet_of_its_block_whatever_follows() {
    let stream = mp3();
    let whole = check("all of it", stream.matroska(700, false)).samples();
    let heard: Vec<&[f32]> = whole.iter().map(|plane| &plane[..plane.len() - 441]).collect();
    for (per_block, empty_clusters) in [(1, 0), (1, 2), (3, 0), (4, 1)] {
        let form = Matroska { per_block, empty_clusters, padding_ns: Some(10_000_000), ..Matroska::default() };
        let bytes = stream.matroska_as(&form);
        let name = format!("{per_block} in a block, {empty_clusters} clusters behind");
        assert_eq!(check(&name, bytes.clone()).samples(), heard, "{name}");
        let arriving = Subject { name: &name, bytes, params: json!({}) }.arriving(json!({}));
        assert_eq!(arriving.samples(), heard, "{name}, as it arrives");
    }
}

/// As mkvmerge did by default for years.
#[test]
fn bytes_that_packets_begin_with_may_be_left_out() {
    for (name, stream, len) in [("MP3", mp3(), 2), ("FLAC", flac(40), 4)] {
        let expected = check(name, stream.matroska(700, false)).samples();
        let head = stream.packets[0].0[..len].to_vec();
        let mut stripped = stream.clone();
        stripped.packets.iter_mut().for_each(|(packet, _)| drop(packet.drain(..len)));
        let encodings = matroska_encodings(&[matroska_compression(3, &head)]);
        let bytes = stripped.matroska_as(&Matroska { encodings, per_block: 2, ..Matroska::default() });
        assert_eq!(check(name, bytes.clone()).samples(), expected, "{name}");
        let arriving = Subject { name, bytes, params: json!({}) }.arriving(json!({}));
        assert_eq!(arriving.samples(), expected, "{name}, as it arrives");
    }
}

/// Elements to be passed over may be anywhere (RFC 8794, 11.3.2).
#[test]
fn a_void_before_the_segment() {
    let file = flac(40).matroska(700, false);
    let expected = check("without it", file.clone()).samples();
    let segment = file.windows(4).position(|bytes| bytes == [0x18, 0x53, 0x80, 0x67]).expect("it is there");
    for len in [1, 1000] {
        let bytes = [&file[..segment], &element(&[0xec], &vec![0; len]), &file[segment..]].concat();
        assert_eq!(check("with it", bytes.clone()).samples(), expected);
        let arriving = Subject { name: "it arrives", bytes, params: json!({}) }.arriving(json!({}));
        assert_eq!(arriving.samples(), expected);
    }
}

/// The table in front leads to places that are no longer there. One cut is in a block, one between two of them.
#[test]
fn a_file_that_was_cut_off_is_an_error_behind_its_sound() {
    let file = media::bytes("flac.mka");
    let blocks: Vec<usize> = (0..file.len()).filter(|place| file[*place..].starts_with(&[0xff, 0xf8])).collect();
    assert_eq!(blocks.len(), 7);
    const BEFORE_FRAME: usize = 7;
    for (name, cut) in [("in a block", blocks[4] + 100), ("between blocks", blocks[4] - BEFORE_FRAME)] {
        let bytes = file[..cut].to_vec();
        let whole = check(name, bytes.clone());
        assert_eq!((total(&whole), whole.failure.is_some()), (4 * 1152, true), "{name}");
        let arriving = Subject { name, bytes, params: json!({}) }.arriving(json!({}));
        let position = |outcome: &Outcome| outcome.failure.as_ref().map(|failure| failure.position);
        assert_eq!((total(&arriving), position(&arriving)), (4 * 1152, position(&whole)), "{name}");
    }
}

/// A table in front says where they are. What arrives is collected, as no block can be decoded before they come.
#[test]
fn tracks_may_be_described_behind_the_sound() {
    const INFO: [u8; 4] = [0x15, 0x49, 0xa9, 0x66];
    const TRACKS: [u8; 4] = [0x16, 0x54, 0xae, 0x6b];
    const CLUSTER: [u8; 4] = [0x1f, 0x43, 0xb6, 0x75];
    const SEGMENT: [u8; 4] = [0x18, 0x53, 0x80, 0x67];
    const SEGMENT_HEADER: usize = 12;
    let file = flac(40).matroska(700, false);
    let place = |id: [u8; 4]| file.windows(4).position(|bytes| bytes == id).expect("it is there");
    let (info, tracks, cluster) = (place(INFO), place(TRACKS), place(CLUSTER));
    let table = |position: usize| {
        let position = (position as u64).to_be_bytes();
        let entry = [element(&[0x53, 0xab], &TRACKS), element(&[0x53, 0xac], &position)].concat();
        element(&[0x11, 0x4d, 0x9b, 0x74], &element(&[0x4d, 0xbb], &entry))
    };
    let before = table(0).len() + (tracks - info) + (file.len() - cluster);
    let segment = [&table(before), &file[info..tracks], &file[cluster..], &file[tracks..cluster]].concat();
    let late = [&file[..info - SEGMENT_HEADER], &element(&SEGMENT, &segment)].concat();
    let whole = check("tracks behind the sound", late.clone());
    assert_eq!(whole.failure, None);
    assert_eq!(whole.samples(), check("tracks before the sound", file).samples());
    let arriving = Subject { name: "it arrives", bytes: late, params: json!({}) }.arriving(json!({}));
    assert_eq!((arriving.failure.as_ref(), arriving.samples()), (None, whole.samples()));
}

/// Times that jump tell nothing of decoded frames: a part is that of the whole decode all the same.
#[test]
fn times_that_are_not_those_of_the_packets_are_not_trusted() {
    let mut stream = aac();
    for index in [50, 120] {
        stream.packets[index].1 += 300;
    }
    assert_eq!(check("AAC with gaps", stream.matroska(700, false)).failure, None);
}

#[test]
fn what_lies_before_is_not_decoded() {
    let stream = vorbis().repeated(10);
    let file = stream.matroska(1000, false);
    let params = json!({"start_s": 40.0, "duration_s": 1.0});
    let part = |bytes: Vec<u8>| Subject { name: "spoilt", bytes, params: json!({}) }.part(params.clone());
    // Half a second at the beginning of a cluster that lies in the first half.
    let spoilt = (0..30).fold(file.clone(), |file, cluster| {
        let place = file.len() * (cluster + 3) / 80;
        let mark = [0x1f, 0x43, 0xb6, 0x75];
        let begins = place + file[place..].windows(4).position(|bytes| bytes == mark).expect("a cluster follows");
        spoilt(&file, begins + 100, begins + 4000)
    });
    assert_ne!(spoilt, file);
    assert_eq!(part(spoilt).samples(), part(file).samples());
}
