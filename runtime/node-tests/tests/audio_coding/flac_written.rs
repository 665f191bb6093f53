//! FLAC files that are written: any block is read back, their headers are right, and they are as short as those of libFLAC.

use std::f32::consts::TAU;

use remotemedia_core::value::{Audio, Value};
use remotemedia_nodes::audio::pcm::quantize;
use serde_json::json;

use crate::encode::{encode, only_bytes, sound};
use harness::items::{decode, decode_path};
use harness::media;

/// Full scale but for the last step.
const FULL: f32 = 1.0 - 1.0 / 65_536.0;

#[test]
fn any_block_is_read_back() {
    let mut state = 1u64;
    let mut noise = move |_: usize| {
        // Knuth's generator for MMIX, from -1 to 1.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / 8_388_608.0 - 1.0
    };
    let mut position = 0.0f32;
    let mut steps = noise;
    let mut walk = move |frame: usize| {
        position = (position + steps(frame) / 300.0).clamp(-1.0, FULL);
        position
    };
    let alternating = |frame: usize| if frame.is_multiple_of(2) { FULL } else { -1.0 };
    let low = |frame: usize| FULL * (frame as f32 * TAU / 5000.0).sin();
    let chirp = |frame: usize| 0.9 * ((frame * frame) as f32 * 2e-5).sin();
    let click = |frame: usize| if frame % 1000 == 500 { -1.0f32 } else { 0.0 };
    let coarse = |frame: usize| (60.0 * (frame as f32 * 0.02).sin()).round() / 128.0;
    let plane = |signal: &mut dyn FnMut(usize) -> f32| (0..9001).map(signal).collect::<Vec<f32>>();
    let mut planes = vec![plane(&mut noise), plane(&mut walk)];
    for mut signal in [alternating, low, chirp, click, coarse] {
        planes.push(plane(&mut signal));
    }
    let opposite = |plane: &[f32]| plane.iter().map(|sample| -sample).collect::<Vec<f32>>();
    let mut sounds: Vec<Vec<Vec<f32>>> = Vec::new();
    for (index, plane) in planes.iter().enumerate() {
        sounds.push(vec![plane.clone()]);
        sounds.push(vec![plane.clone(), opposite(plane)]);
        sounds.push(vec![plane.clone(), planes[(index + 1) % planes.len()].clone()]);
        sounds.push(vec![plane.clone(), plane.clone()]);
    }
    // Blocks too short for some predictors or for more than one part.
    for frames in [1, 2, 3, 4, 5, 8, 9, 10, 17, 255, 256, 257, 4095, 4097, 4101] {
        sounds.push(planes.iter().map(|plane| plane[..frames].to_vec()).collect());
    }
    for (index, planes) in sounds.iter().enumerate() {
        let audio = Audio::from_channels(planes, 44_100).expect("the planes are alike");
        for (samples, bits) in [("s16", 16), ("s24", 24)] {
            let encoded = encode(json!({"format": "flac", "sample_format": samples}), &audio, 4000);
            let back = decode(Value::bytes(only_bytes(&encoded))).samples();
            let steps = |planes: &[Vec<f32>]| -> Vec<Vec<i32>> {
                planes.iter().map(|plane| plane.iter().map(|sample| quantize(*sample, bits)).collect()).collect()
            };
            assert!(steps(&back) == steps(planes), "sound {index} of {samples}");
        }
    }
}

#[test]
fn the_header_has_lengths_and_checksum() {
    let left: Vec<i16> = (0..5000i32).map(|frame| (frame * frame % 20_011 - 10_000) as i16).collect();
    let right: Vec<i16> = (0..5000i32).map(|frame| (frame * 7 % 901 - 450) as i16).collect();
    // MD5 of the interleaved samples in 2 and in 3 bytes each, the lowest first, by Python's hashlib.
    for (samples, bits, checksum) in
        [("s16", 16, "c1f98ce29d016a1c71d9bcc63176ef47"), ("s24", 24, "60ef234929b462ab644839f41e7118b5")]
    {
        let audio = sound(&[left.clone(), right.clone()], 44_100);
        let file = only_bytes(&encode(json!({"format": "flac", "sample_format": samples}), &audio, 700));
        // RFC 9639, 8.1 and 8.2: the mark, a last block of 34 bytes, and then these.
        assert_eq!(file[..8], *b"fLaC\x80\0\0\x22");
        let number = |from: usize, to: usize| file[from..to].iter().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
        assert_eq!((number(8, 10), number(10, 12)), (4096, 4096));
        let (shortest, longest) = (number(12, 15), number(15, 18));
        assert!(0 < shortest && shortest < longest);
        assert_eq!(42 + shortest + longest, file.len() as u64, "there are two frames");
        assert_eq!(number(18, 26), 44_100 << 44 | 1 << 41 | (bits - 1) << 36 | 5000);
        let written: String = file[26..42].iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(written, checksum);
    }
}

#[test]
fn speech_takes_what_libflac_makes_of_it() {
    // The sizes of the files by `flac -5 --no-padding --no-seektable` (1.4.2).
    for (name, theirs) in [("0880", 50_001), ("0890", 92_174), ("0920", 104_956), ("0930", 56_899)] {
        let original = decode_path(&media::path(&format!("librivox/{name}.flac"))).samples();
        let audio = Audio::from_channels(&original, 16_000).expect("the planes are alike");
        let encoded = only_bytes(&encode(json!({"format": "flac"}), &audio, 5000));
        assert!(encoded.len() * 100 < theirs * 101, "{name}: {} bytes", encoded.len());
    }
}

#[test]
fn stereo_is_no_longer_than_one_channel_of_it() {
    let plane: Vec<i16> = media::reference(44_100, 20_000, 1).remove(0);
    let size = |planes: &[Vec<i16>]| only_bytes(&encode(json!({"format": "flac"}), &sound(planes, 44_100), 5000)).len();
    let inverse: Vec<i16> = plane.iter().map(|sample| -sample).collect();
    let mono = size(std::slice::from_ref(&plane));
    assert!(size(&[plane.clone(), plane.clone()]) < mono + 200);
    // What is left of the one with the other has twice its amplitude.
    assert!(size(&[plane.clone(), inverse]) < mono + 20_000 / 8 + 200);
}

#[test]
fn flac_is_no_larger_than_its_samples() {
    // Silence, with a few samples at full scale: the most that predicting it could cost.
    let samples: Vec<f32> = (0..4096).map(|frame| if frame % 1000 == 500 { 1.0 } else { 0.0 }).collect();
    let found = [1.0, -1.0, 0.0, 0.0];
    for (planes, sample_format, bytes) in [
        (vec![samples.clone(), samples.iter().map(|sample| -sample).collect()], "s24", 3),
        (
            vec![(0..3066).map(|frame| if frame < 59 { found[frame % 4] } else { 1e-5 }).collect::<Vec<f32>>(); 2],
            "s24",
            3,
        ),
        (vec![samples], "s16", 2),
    ] {
        let audio = Audio::from_channels(&planes, 8000).expect("the planes are alike");
        let encoded = only_bytes(&encode(json!({"format": "flac", "sample_format": sample_format}), &audio, 4096));
        assert!(encoded.len() <= planes.len() * planes[0].len() * bytes + 100, "{} bytes", encoded.len());
        let back = decode(Value::bytes(encoded)).samples();
        let bits = bytes as u32 * 8;
        let same = |(read, written): (&f32, &f32)| quantize(*read, bits) == quantize(*written, bits);
        assert!(back.iter().flatten().zip(planes.iter().flatten()).all(same));
    }
}

#[test]
fn flac_is_read_back_at_every_rate() {
    // Frame headers hold kHz, Hz up to 16 bits, tens of Hz, or leave the rate to the file's header (RFC 9639, 9.1.2).
    // Samples of full scale hold the sign by which frames are found.
    let planes = vec![(0..4200).map(|frame| [0, i16::MAX, i16::MIN][frame % 3]).collect::<Vec<i16>>()];
    for rate in
        [1, 2, 9, 10, 999, 1000, 44_099, 65_535, 65_536, 65_540, 88_200, 96_000, 192_000, 255_000, 384_000, 655_350]
    {
        let encoded = only_bytes(&encode(json!({"format": "flac"}), &sound(&planes, rate), 4200));
        let outcome = decode(Value::bytes(encoded));
        assert_eq!(media::deviation(&outcome.samples(), &planes).0, 0.0, "{rate} Hz");
        assert!(outcome.chunks().iter().all(|chunk| chunk.rate() == rate), "{rate} Hz");
    }
}
