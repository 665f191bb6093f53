//! Bytes that arrive in pieces: the same sound as the whole file, as early as the format allows.

use remotemedia_core::node::Step;
use remotemedia_core::value::{Buffer, Packet, Value};
use serde_json::json;

use harness::items::{decode, decode_path, decode_pieces, in_memory, node, run_item};
use harness::{media, ogg};

const NAMES: [&str; 12] = [
    "stereo.mp3",
    "bare.mp3",
    "mono.mp3",
    "stereo.ogg",
    "mono.ogg",
    "stereo.m4a",
    "stereo.aac",
    "short.flac",
    "alac.m4a",
    "stereo.opus",
    "surround.opus",
    "stereo.webm",
];

#[test]
fn any_cut_gives_the_same_sound() {
    let wav = media::wav(&media::reference(16000, 9000, 2), 16000);
    let mut files: Vec<(String, Vec<u8>)> = NAMES.iter().map(|name| ((*name).to_owned(), media::bytes(name))).collect();
    files.push(("wav".to_owned(), wav));
    for (name, bytes) in files {
        let whole = decode_path(&media::file("whole", &bytes)).samples();
        for len in [1, 7, 1000, 4096, 100_000] {
            assert_eq!(decode_pieces(&bytes, len).samples(), whole, "{name} in pieces of {len}");
        }
    }
}

#[test]
fn streamable_formats_give_sound_before_the_end() {
    // What must be there beyond the sound that is out: a little more than the longest packet of the format.
    for (name, most_held_back) in [("bare.mp3", 8192), ("stereo.aac", 16_384), ("stereo.webm", 4096)] {
        let bytes = media::bytes(name);
        let mut decode = node("AudioDecode", json!({"chunk_ms": 10}));
        let first = bytes.chunks(256).position(|piece| {
            let step = decode.process(0, Packet::new(Value::bytes(piece.to_vec()))).expect("the bytes are right");
            matches!(step, Step::More(Some(_)) | Step::Done(Some(_)))
        });
        let first = first.expect("sound comes before the end");
        assert!(first * 256 <= most_held_back, "{name}: after {} bytes", first * 256);
    }
}

#[test]
fn foreign_bytes_between_mp3_frames_cost_no_sound() {
    let bare = media::bytes("bare.mp3");
    let whole = decode_path(&media::path("bare.mp3")).samples();
    // 40 kB between two frames, such as a picture in a tag; the frames of this file are all 417 or 418 bytes long.
    let cut = (4000..bare.len()).find(|place| bare[*place..].starts_with(&[0xff, 0xfb])).expect("there is a frame");
    let mut bytes = bare.clone();
    bytes.splice(cut..cut, vec![0x20; 40_000]);
    for len in [100, 3000] {
        assert_eq!(decode_pieces(&bytes, len).samples(), whole, "pieces of {len}");
    }
}

/// What is in a picture may look like frames.
#[test]
fn frames_behind_the_picture_of_a_file_go_on() {
    let picture: Vec<u8> = (0..60_000).flat_map(|number: u32| [0xff, 0xfb, 0x90, 0x64, (number % 251) as u8]).collect();
    let size = [21, 14, 7, 0].map(|bits| (picture.len() >> bits) as u8 & 0x7f);
    let tag = [&b"ID3\x04\0\0"[..], &size, &picture].concat();
    for name in ["bare.mp3", "stereo.aac"] {
        let file = media::bytes(name);
        let whole = decode_pieces(&file.repeat(2), 4096).samples();
        let joined = [&file[..], &tag, &file].concat();
        assert!(decode(in_memory(joined.clone())).samples() == whole, "{name}");
        assert!(decode_pieces(&joined, 4096).samples() == whole, "{name} in pieces");
    }
}

#[test]
fn a_stream_of_several_ogg_streams_goes_on() {
    let chained = [media::bytes("mono.ogg"), media::bytes("stereo.ogg"), media::bytes("mono.ogg")].concat();
    let outcome = decode_pieces(&chained, 333);
    assert_eq!(outcome.failure, None);
    let frames = |channels| {
        let chunks = outcome.chunks();
        chunks.iter().filter(|audio| audio.channels() == channels).map(|audio| audio.frames()).sum::<usize>()
    };
    assert_eq!((frames(1), frames(2)), (32000, 44100));
}

#[test]
fn of_two_streams_side_by_side_in_ogg_the_first_is_decoded_whatever_their_numbers() {
    for (first, second) in [("mono.ogg", "stereo.ogg"), ("stereo.opus", "mono.opus"), ("mono.ogg", "stereo.opus")] {
        let alone = decode_path(&media::path(first)).samples();
        for (one, other) in [(1, 2), (2, 1)] {
            let (first, second) = (ogg::pages(&media::bytes(first), one), ogg::pages(&media::bytes(second), other));
            let heads = [first[0].clone(), second[0].clone()].concat();
            let file = [heads, first[1..].concat(), second[1..].concat()].concat();
            assert_eq!(decode_path(&media::file("two.ogg", &file)).samples(), alone);
            assert_eq!(decode_pieces(&file, 100).samples(), alone);
        }
    }
}

#[test]
fn opus_of_a_browser_is_heard_while_it_is_short() {
    // Half a second, 2 kB.
    let bytes = media::bytes("stereo.webm");
    let mut decode = node("AudioDecode", json!({"chunk_ms": 10}));
    let first = bytes.chunks(100).position(|piece| {
        let step = decode.process(0, Packet::new(Value::bytes(piece.to_vec()))).expect("the bytes are right");
        matches!(step, Step::More(Some(_)) | Step::Done(Some(_)))
    });
    assert!(first.expect("sound comes") < 10, "after {first:?} hundred bytes");
}

#[test]
fn an_item_ends_with_its_flush() {
    let mut decode = node("AudioDecode", json!({}));
    for name in ["short.flac", "mono.mp3"] {
        let bytes = media::bytes(name);
        let pieces = bytes.chunks(999).map(|piece| Packet::new(Value::bytes(piece.to_vec()))).collect();
        let outcome = run_item(decode.as_mut(), pieces);
        assert_eq!(outcome.samples(), decode_path(&media::path(name)).samples(), "{name}");
        assert_eq!(outcome.chunks()[0].pts, Some(0), "{name}");
    }
}

#[test]
fn a_stream_that_must_be_kept_is_bounded() {
    // Shared memory, so that the test needs 8 MiB and not half a gigabyte.
    let zeros = Buffer::from_bytes(vec![0; 8 << 20]);
    let cases: [(&[u8], u64); 3] = [
        (b"\0\0\0\x18ftypM4A \0\0\0\0M4A mp42\0\0\0\0", 512),
        // A tag of 256 MiB, and an Ogg stream without a page of sound.
        (b"ID3\x04\0\0\x7f\x7f\x7f\x7f", 64),
        (b"OggS\0\x02\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\x01\x08nothing ", 64),
    ];
    for (head, mebibytes) in cases {
        let mut decode = node("AudioDecode", json!({}));
        let head = Packet::new(Value::bytes(head.to_vec()));
        let pieces = (0..).map(|_| Packet::new(Value::Bytes(Box::new(zeros.clone()))));
        let mut packets = std::iter::once(head).chain(pieces).enumerate();
        let refused = packets.find_map(|(count, packet)| decode.process(0, packet).err().map(|error| (count, error)));
        let (count, error) = refused.expect("it is refused");
        assert_eq!(
            format!("{}. {}", error.cause, error.cure),
            format!(
                "more than {mebibytes} MiB of the stream would have to be kept before they can be decoded. Send it as a \
                 file, which is read where it lies."
            )
        );
        assert!(count as u64 * 8 <= mebibytes, "{count} pieces");
    }
}
