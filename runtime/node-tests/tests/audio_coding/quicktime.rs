//! PCM in QuickTime: the order of bytes that a description names, and bytes with a sign. (Apple, "QuickTime File Format".)

use remotemedia_core::value::{Packet, Value};
use serde_json::json;

use harness::items::{decode, decode_pieces, in_memory, node, run_port};
use harness::media;
use harness::remux::{Stream, boxed};

const FRAMES: usize = 1000;

/// A file with a description of a version, the bits of a sample in its first fields, and what follows on these.
fn movie(kind: &'static [u8; 4], (version, bits, more): (u8, u8, Vec<u8>), data: &[u8]) -> Vec<u8> {
    let packets = data.chunks(data.len() / FRAMES).map(|frame| (frame.to_vec(), 1)).collect();
    let (headers, matroska) = (Vec::new(), ("", Vec::new()));
    let mut file = Stream { rate: 8000, channels: 2, headers, matroska, mp4: (kind, more), packets }.mp4(100, None);
    let entry =
        4 + file.windows(8).rposition(|bytes| bytes == [*kind, [0; 4]].as_flattened()).expect("it is described");
    file[entry + 9] = version;
    file[entry + 19] = bits;
    file
}

/// A description of version 1, whose samples take so many bytes.
fn long(bytes: u32, boxes: &[u8]) -> (u8, u8, Vec<u8>) {
    (1, 16, [&[1, bytes, 2 * bytes, 2].map(u32::to_be_bytes).concat(), boxes].concat())
}

/// Both channels, and the same as interleaved samples.
fn sound() -> (Vec<Vec<f32>>, Vec<f32>) {
    let planes: Vec<Vec<f32>> = media::reference(8000, FRAMES, 2)
        .iter()
        .map(|plane| plane.iter().map(|sample| f32::from(*sample) / 32768.0).collect())
        .collect();
    let interleaved = (0..FRAMES).flat_map(|frame| [planes[0][frame], planes[1][frame]]).collect();
    (planes, interleaved)
}

#[track_caller]
fn check(name: &str, file: Vec<u8>, codec: &str, expected: &[Vec<f32>]) {
    assert_eq!(decode(in_memory(file.clone())).samples(), expected, "{name}");
    assert_eq!(decode_pieces(&file, 333).samples(), expected, "{name} in pieces");
    let told = run_port(node("AudioDecode", json!({})).as_mut(), vec![Packet::new(in_memory(file))], 1);
    let Some(Value::Map(map)) = told.values.first() else { panic!("{name}: a map is expected") };
    assert_eq!(map["codec"], Value::Str(codec.into()), "{name}");
}

#[test]
fn the_most_significant_byte_is_first_unless_the_description_says_otherwise() {
    let (planes, samples) = sound();
    let wide = |bytes: usize| -> Vec<u8> {
        samples.iter().flat_map(|sample| ((sample * 2f32.powi(31)) as i32).to_be_bytes()[..bytes].to_vec()).collect()
    };
    let floats: Vec<u8> = samples.iter().flat_map(|sample| sample.to_be_bytes()).collect();
    let doubles: Vec<u8> = samples.iter().flat_map(|sample| f64::from(*sample).to_be_bytes()).collect();
    for (kind, bytes, data, codec) in [
        (b"in24", 3, wide(3), "pcm_s24"),
        (b"in32", 4, wide(4), "pcm_s32"),
        (b"fl32", 4, floats, "pcm_f32"),
        (b"fl64", 8, doubles, "pcm_f64"),
    ] {
        let little: Vec<u8> = data.chunks(bytes).flat_map(|sample| sample.iter().rev().copied()).collect();
        let wave = |order: u8| boxed(b"wave", &[boxed(b"frma", kind), boxed(b"enda", &[0, order])].concat());
        let size = bytes as u32;
        for (boxes, is_little) in [(Vec::new(), false), (boxed(b"wave", b""), false), (wave(0), false), (wave(1), true)]
        {
            let file = movie(kind, long(size, &boxes), if is_little { &little } else { &data });
            let order = if is_little { "le" } else { "be" };
            check(&format!("{codec}{order}"), file, &format!("{codec}{order}"), &planes);
        }
        let short = movie(kind, (0, 8 * bytes as u8, Vec::new()), &data);
        check(&format!("{codec} without boxes"), short, &format!("{codec}be"), &planes);
    }
}

#[test]
fn bytes_have_a_sign_by_both_names_of_an_order() {
    let samples: Vec<i8> = (0..2 * FRAMES).map(|sample| (sample * 37 % 256) as u8 as i8).collect();
    let data: Vec<u8> = samples.iter().map(|sample| *sample as u8).collect();
    let planes: Vec<Vec<f32>> = (0..2)
        .map(|channel| samples.iter().skip(channel).step_by(2).map(|sample| f32::from(*sample) / 128.0).collect())
        .collect();
    for kind in [b"sowt", b"twos"] {
        for description in [(0, 8, Vec::new()), long(1, &[])] {
            check("signed", movie(kind, description, &data), "pcm_s8", &planes);
        }
    }
    let unsigned: Vec<u8> = data.iter().map(|byte| byte ^ 0x80).collect();
    check("unsigned", movie(b"raw ", (0, 8, Vec::new()), &unsigned), "pcm_u8", &planes);
}

/// A description of version 2, which alone has more than two channels.
#[test]
fn three_and_more_channels_have_speakers_if_the_description_says_which() {
    const FLAGS: u32 = 4; // Integers with a sign, little-endian.
    let layout = |tag: u32, mask: u32| boxed(b"chan", &[0, tag, mask, 0].map(u32::to_be_bytes).concat());
    for (channels, boxes, expected) in [
        (2, Vec::new(), Some("stereo")),
        (4, Vec::new(), None),
        (6, Vec::new(), None),
        (6, layout(121 << 16 | 6, 0), Some("5.1")),
        (6, layout(1 << 16, 0x60f), Some("5.1(side)")),
        (6, layout(1 << 16, 0x3), None),
        (6, layout(147 << 16 | 6, 0), None),
    ] {
        let data = vec![0; FRAMES * 2 * channels as usize];
        let rate = 8000f64.to_be_bytes();
        let numbers = [channels, 0x7f00_0000, 16, FLAGS, 2 * channels, 1].map(u32::to_be_bytes).concat();
        let entry = [&72u32.to_be_bytes()[..], &rate, &numbers, &boxes].concat();
        let told = decode(in_memory(movie(b"lpcm", (2, 16, entry), &data)));
        assert_eq!(told.chunks()[0].channels(), channels as usize);
        assert_eq!(told.chunks()[0].layout().name(), expected, "{channels} channels");
    }
}
