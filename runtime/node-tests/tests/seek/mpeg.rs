//! MPEG audio of the three layers and AAC in ADTS: what their decoders remember is there when a part begins.

use serde_json::json;

use crate::cuts::{Subject, check, check_changing, random, total};
use harness::items::{decode, decode_pieces, in_memory};
use harness::media;

/// The frames of sound of a file, without its tag.
fn bare(name: &str) -> Vec<u8> {
    let bytes = media::bytes(name);
    let is_named = |window: &[u8]| window == b"Info" || window == b"Xing";
    let name = bytes.windows(4).position(is_named).expect("it has a tag");
    let is_frame = |place: &usize| bytes[*place] == 0xff && bytes[place + 1] & 0xe6 == 0xe2;
    let tag = (0..name).rfind(is_frame).expect("the tag is in a frame");
    let header = bytes[tag..tag + 2].to_vec();
    let first = (name..bytes.len() - 4).find(|place| bytes[*place..].starts_with(&header)).expect("there is sound");
    bytes[first..].to_vec()
}

/// Frames of layer I at 96 kbit/s and 32 kHz with samples of 2 bits in all subbands: noise.
fn layer_1(frames: usize) -> Vec<u8> {
    let mut random = random("layer I");
    let mut file = Vec::new();
    for _ in 0..frames {
        let mut bits: Vec<(usize, u32)> = vec![(1, 4); 32];
        bits.extend((0..32).map(|_| (24 + random(30), 6)));
        bits.extend((0..32 * 12).map(|_| (random(3), 2)));
        let mut frame = vec![0xff, 0xff, 0x38, 0xc0];
        let (mut waiting, mut count) = (0usize, 0);
        for (value, width) in bits {
            (waiting, count) = (waiting << width | value, count + width);
            while count >= 8 {
                count -= 8;
                frame.push((waiting >> count) as u8);
            }
        }
        frame.resize(144, 0);
        file.extend(frame);
    }
    file
}

#[test]
fn layer_three_gets_the_room_that_frames_before_lent() {
    for name in ["stereo.mp3", "mono.mp3", "bare.mp3"] {
        assert_eq!(check(name, media::bytes(name)).failure, None, "{name}");
    }
    for name in ["stereo.mp3", "mono.mp3"] {
        let (file, bare) = (media::bytes(name), bare(name));
        let joined = check(&format!("{name} four times"), file.repeat(4));
        assert_eq!(joined.failure, None, "{name}");
        assert_eq!(check(&format!("bare {name}"), bare.repeat(4)).failure, None, "{name}");
        let half = bare.len() / 2;
        let junk = b"this is no frame \xff\xfb".repeat(50);
        let foreign = [&file[..], &bare[..half], &junk, &bare[half..]].concat();
        assert_eq!(check(&format!("{name} with foreign bytes"), foreign).failure, None, "{name}");
        let begun = check(&format!("{name} from its middle on"), bare[half..].repeat(3));
        assert!(total(&begun) > 10_000, "{name}");
    }
    let cut = check("cut off", media::bytes("stereo.mp3")[..12_000].to_vec());
    assert!(cut.failure.is_some());
    let changing = [media::bytes("bare.mp3"), bare("mono.mp3")].concat();
    crate::cuts::check_changing("changing", changing);
}

/// Frames behind a tag that gives their number.
fn tagged(frames: &[u8], count: u32) -> Vec<u8> {
    let mut tag = frames[..4].to_vec();
    tag.extend([0; 9]);
    tag.extend([b"Info\0\0\0\x01", &count.to_be_bytes()[..]].concat());
    // 64 kbit/s at 16 kHz.
    tag.resize(288, 0);
    [&tag[..], frames].concat()
}

#[test]
fn frames_of_one_length_are_found_by_it() {
    let frames = bare("mono.mp3").repeat(20);
    let count = frames.len() as u32 / 288;
    assert_eq!((frames.len() % 288, count > 500), (0, true));
    let behind = [&tagged(&frames, count)[..], b"TAGtitle", &[0; 120]].concat();
    for (name, bytes) in [("constant", tagged(&frames, count)), ("with a tag behind it", behind)] {
        assert_eq!(total(&check(name, bytes)), 576 * count as usize, "{name}");
    }
    // A number that the file does not have, and bytes that are lost or too many.
    assert_eq!(check("wrong number", tagged(&frames, count - 7)).failure, None);
    let lost = [&frames[..288 * 200 + 100], &frames[288 * 201 + 90..]].concat();
    assert_eq!(check("lost bytes", tagged(&lost, count)).failure, None);
    let more = [&frames[..288 * 200], b"this is no frame", &frames[288 * 200..]].concat();
    assert_eq!(check("foreign bytes", tagged(&more, count)).failure, None);
}

#[test]
fn layers_one_and_two_get_what_their_filters_hold() {
    assert_eq!(total(&check("layer I", layer_1(100))), 38_400);
    let layer_2 = media::bytes("stereo.mp2");
    assert_eq!(check("layer II", layer_2.repeat(4)).failure, None);
    assert_eq!(check("layer II of free format", freed(&layer_2)).failure, None);
    assert_eq!(check("layer III of free format", freed(&media::bytes("bare.mp3"))).failure, None);
}

/// A stream of one bit rate says the same in free format.
fn freed(bytes: &[u8]) -> Vec<u8> {
    let mut freed = bytes.to_vec();
    for place in 0..bytes.len() - 4 {
        let is_header = bytes[place..place + 2] == bytes[..2] && bytes[place + 2] >> 4 == bytes[2] >> 4;
        if is_header && bytes[place + 2] & 1 == 0 {
            freed[place + 2] &= 0x0f;
        }
    }
    freed
}

/// The frames of AAC as of another rate, whose bands are the same.
fn of_48_khz(mut aac: Vec<u8>) -> Vec<u8> {
    let mut place = 0;
    while let Some([third, fourth, fifth, sixth]) = aac.get_mut(place + 2..place + 6) {
        *third = *third & !0x3c | 3 << 2;
        place += usize::from(*fourth & 3) << 11 | usize::from(*fifth) << 3 | usize::from(*sixth >> 5);
    }
    aac
}

#[test]
fn aac_of_another_rate_behind_the_first_is_heard_at_its_own() {
    let aac = media::bytes("stereo.aac");
    let joined = [&aac[..], &of_48_khz(aac.clone())].concat();
    let frames = total(&Subject { name: "one", bytes: aac, params: json!({}) }.part(json!({})));
    check_changing("AAC of two rates", joined.clone());
    for outcome in [decode(in_memory(joined.clone())), decode_pieces(&joined, 1000)] {
        assert_eq!(outcome.failure, None);
        let of = |rate| {
            outcome.chunks().iter().filter(|audio| audio.rate() == rate).map(|audio| audio.frames()).sum::<usize>()
        };
        assert_eq!((of(44_100), of(48_000)), (frames, frames));
    }
}

#[test]
fn aac_that_was_cut_within_a_frame_goes_on_behind_it() {
    let aac = media::bytes("stereo.aac").repeat(2);
    let whole = total(&Subject { name: "whole", bytes: aac.clone(), params: json!({}) }.part(json!({})));
    for from in (2000..16_000).step_by(613) {
        let cut = [&aac[..from], &aac[from + 700..]].concat();
        let outcome = decode(in_memory(cut.clone()));
        assert_eq!(outcome.failure, None, "{from}");
        assert!((whole - 6 * 1024..whole).contains(&total(&outcome)), "{from}: {} of {whole}", total(&outcome));
        assert!(decode_pieces(&cut, 777).samples() == outcome.samples(), "{from}");
    }
}

#[test]
fn a_frame_of_aac_that_is_cut_costs_no_other_frame() {
    let aac = media::bytes("stereo.aac");
    let whole = total(&decode(in_memory(aac.clone())));
    let places = places_of_frames(&aac);
    for kept in [1, 2, 3, 4, 5, 6, 7, 8, 50] {
        for frame in places[3..places.len() - 3].windows(2) {
            let cut = [&aac[..frame[0] + kept], &aac[frame[1]..]].concat();
            let outcome = decode(in_memory(cut.clone()));
            assert_eq!((outcome.failure.as_ref(), total(&outcome)), (None, whole - 1024), "{kept} of {frame:?}");
        }
    }
}

#[test]
fn aac_that_begins_within_a_frame_begins_with_the_next_one() {
    let aac = media::bytes("stereo.aac");
    let whole = total(&decode(in_memory(aac.clone())));
    let places = places_of_frames(&aac);
    // What is left of the first frame holds the header of a long one, and what can be decoded.
    let false_header = [0xff, 0xf1, 0x50, 0x83, 0xff, 0xff, 0xfc];
    let begins = [&[7; 30][..], &false_header, &aac[7..places[1]], &aac[places[1]..]].concat();
    for outcome in [decode(in_memory(begins.clone())), decode_pieces(&begins, 777)] {
        assert_eq!((outcome.failure.as_ref(), total(&outcome)), (None, whole - 1024));
    }
}

fn places_of_frames(aac: &[u8]) -> Vec<usize> {
    let next = |place: &usize| {
        let head = aac.get(place + 3..place + 6)?;
        Some(place + (usize::from(head[0] & 3) << 11 | usize::from(head[1]) << 3 | usize::from(head[2] >> 5)))
    };
    std::iter::successors(Some(0), next).collect()
}

#[test]
fn aac_in_adts() {
    let aac = media::bytes("stereo.aac");
    assert_eq!(check("AAC", aac.clone()).failure, None);
    assert_eq!(check("AAC four times", aac.repeat(4)).failure, None);
    // Noise, of which the encoder writes only the power: what is made for it is other from one time to the next.
    let noise = media::bytes("noise.aac");
    let repeated = check("noise", noise.repeat(4)).samples();
    let quarter = repeated[0].len() / 4;
    assert_ne!(repeated[0][4096..quarter], repeated[0][quarter + 4096..2 * quarter]);
}
