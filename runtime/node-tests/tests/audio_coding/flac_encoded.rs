//! FLAC of another encoder, whose samples are known, in all its ways of prediction and of joining channels.

use serde::Deserialize;

use crate::flac_files::checksum_16;
use harness::items::{decode, decode_pieces, in_memory};
use harness::media::fixture;

#[derive(Deserialize)]
struct Files {
    against: String,
    frames: usize,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    sound: String,
    bits: u32,
    channels: usize,
    bytes: usize,
}

/// The samples of `make_flac.py`.
fn sound(name: &str, bits: u32, channel: usize, frames: usize) -> Vec<i64> {
    let mut state = 12345 + channel as u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        i64::from(state >> (32 - bits)) - (1 << (bits - 1))
    };
    let least = -(1i64 << (bits - 1));
    (0..frames)
        .map(|frame| match name {
            "noise" => noise(),
            "edges" if frame >= frames / 2 => 0,
            "edges" if (frame / 40 + channel).is_multiple_of(2) => least,
            "edges" => -least - 1,
            "slope" | "wasted" => {
                let place = frame as i64 % 200;
                let triangle = place.min(200 - place) - 50;
                let alike = if frame < frames / 2 { channel as i64 + 1 } else { 1 };
                let steps = (triangle << (bits - 2)).div_euclid(50).div_euclid(alike);
                let number = steps + (noise() >> (bits - 4));
                if name == "wasted" { number >> 5 << 5 } else { number }
            }
            name => panic!("no sound is called {name}"),
        })
        .collect()
}

#[test]
#[allow(clippy::print_stdout, reason = "a row of docs/accuracy.md")]
fn reference_flac_of_another_encoder_is_what_went_in() {
    let files: Files = serde_json::from_slice(&fixture("flac.json")).expect("cases");
    let bytes = fixture("flac.bin");
    let mut bytes = &bytes[..];
    for case in &files.cases {
        let (own, rest) = bytes.split_at(case.bytes);
        bytes = rest;
        let decoded = decode(in_memory(own)).samples();
        let full_scale = (1u64 << (case.bits - 1)) as f64;
        let expected: Vec<Vec<f32>> = (0..case.channels)
            .map(|channel| sound(&case.sound, case.bits, channel, files.frames))
            .map(|plane| plane.iter().map(|number| (*number as f64 / full_scale) as f32).collect())
            .collect();
        assert!(decoded == expected, "{}", case.name);
        assert!(decode_pieces(own, 333).samples() == expected, "{} in pieces", case.name);
    }
    assert!(bytes.is_empty());
    println!("reference | AudioDecode (FLAC of all kinds) | {} | {} | 0 | 0 |", files.against, files.cases.len());
}

#[test]
fn whatever_a_frame_holds_it_is_sound_or_damage() {
    /// The mark, the header of its block and STREAMINFO; then the longest header of a frame.
    const HEAD: usize = 4 + 4 + 34;
    const FRAME_HEAD: usize = 16;
    const ROUNDS: u32 = 5;
    let files: Files = serde_json::from_slice(&fixture("flac.json")).expect("cases");
    let bytes = fixture("flac.bin");
    let mut bytes = &bytes[..];
    let mut state = 7u32;
    let mut chance = |limit: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as usize % limit
    };
    let (mut sounds, mut damaged) = (0, 0);
    for case in &files.cases {
        let (own, rest) = bytes.split_at(case.bytes);
        bytes = rest;
        for _ in 0..ROUNDS {
            let mut own = own.to_vec();
            let begins = HEAD + FRAME_HEAD;
            let ends = own.len() - 2;
            for _ in 0..=chance(8) {
                // More often near the start, where the heads of subframes are.
                let reach = [8, 40, ends][chance(3)].min(ends - begins);
                own[begins + chance(reach)] = [0, 0xff, chance(256) as u8][chance(3)];
            }
            if chance(8) == 0 {
                own.truncate(begins + chance(ends - begins) + 2);
            }
            // As an encoder would have written it: the decoder sees what is in it.
            let ends = own.len() - 2;
            let sum = checksum_16(&own[HEAD..ends]);
            own[ends..].copy_from_slice(&sum.to_be_bytes());
            let outcome = decode(in_memory(own.as_slice()));
            let of_file = outcome.samples_before_failure().first().map_or(0, Vec::len);
            if outcome.failure.is_some() {
                damaged += 1;
                assert!(!outcome.message().contains("does not expect"), "{}: {}", case.name, outcome.message());
                assert_eq!(of_file, 0, "{}", case.name);
            } else {
                sounds += 1;
                assert_eq!(of_file, files.frames, "{}", case.name);
            }
        }
    }
    assert!(sounds > 100 && damaged > 100, "{sounds} sounds, {damaged} damaged");
}
