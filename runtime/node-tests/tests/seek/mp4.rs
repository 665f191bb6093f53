//! AAC, FLAC, MP3 and PCM in MP4: packets are found by the table of samples.

use serde_json::json;

use crate::codecs::{aac, flac, mp3, opus_of_gain, pcm};
use crate::cuts::{Subject, check, check_cuts, total};
use crate::near::{check_near, spoilt};
use harness::media;
use harness::remux::Stream;

#[test]
fn aac_begins_with_the_packet_before() {
    let stream = aac();
    let frames = stream.packets.len() * 1024;
    for (name, per_chunk, drift) in
        [("even", 20, None), ("uneven", 7, Some(0)), ("longer at first", 7, Some(330)), ("shorter", 9, Some(-330))]
    {
        let whole = check(&format!("AAC, {name}"), stream.mp4(per_chunk, drift));
        assert_eq!((whole.failure.as_ref(), total(&whole)), (None, frames), "{name}");
    }
    for name in ["stereo.m4a", "alac.m4a"] {
        assert_eq!(check(name, media::bytes(name)).failure, None, "{name}");
    }
}

#[test]
fn other_codecs_in_mp4() {
    for (name, stream, per_chunk) in [
        ("FLAC", flac(40), 3),
        ("MP3", mp3(), 10),
        ("PCM", pcm(2000, 1), 700),
        ("PCM in small chunks", pcm(2000, 1), 9),
        ("PCM in one chunk", pcm(3000, 1), 3000),
    ] {
        let frames: u64 = stream.packets.iter().map(|(_, frames)| frames).sum();
        let whole = check(name, stream.mp4(per_chunk, None));
        assert_eq!((whole.failure.as_ref(), total(&whole) as u64), (None, frames), "{name}");
    }
    assert_eq!(check_cuts("MP3, uneven", mp3().mp4(10, Some(0))).failure, None);
}

/// `stereo.m4a` with an edit list of these, each of so many milliseconds from a frame on.
fn edited(edits: &[(u32, i32)]) -> Vec<u8> {
    let mut file = media::bytes("stereo.m4a");
    let place = |file: &[u8], kind: &[u8]| file.windows(4).rposition(|four| four == kind).expect("a box") - 4;
    let entries = edits.iter().flat_map(|(duration, start)| [*duration, *start as u32, 0x10000]);
    let words = [0, edits.len() as u32].into_iter().chain(entries);
    let list = place(&file, b"elst") + 8;
    file.splice(list..list + 20, words.flat_map(u32::to_be_bytes));
    for kind in [b"elst", b"edts", b"trak", b"moov"] {
        let place = place(&file, kind);
        let len = u32::from_be_bytes(*file[place..].first_chunk().expect("a length")) + 12 * (edits.len() as u32 - 1);
        file[place..place + 4].copy_from_slice(&len.to_be_bytes());
    }
    file
}

#[test]
fn edits_are_played_one_after_the_other() {
    let whole = check("one edit", edited(&[(1000, 1024)])).samples();
    assert_eq!(check("edits without a gap", edited(&[(400, 1024), (600, 1024 + 17_640)])).samples(), whole);
    let cut = check("edits with gaps", edited(&[(50, -1), (100, 1024), (7, -1), (200, 1024 + 8820), (9, 41_000)]));
    let expected = |plane: &Vec<f32>| [&plane[..4410], &plane[8820..17_640], &plane[39_976..40_417]].concat();
    assert_eq!(cut.samples(), whole.iter().map(expected).collect::<Vec<_>>());
    let name = "back in the sound";
    let outcome = Subject { name, bytes: edited(&[(100, 9000), (100, 1024)]), params: json!({}) }.part(json!({}));
    assert!(outcome.message().contains(" has an edit list that plays sound twice or in another order, which"));
}

/// It is no damage, and codecs of the system may know it.
#[test]
fn pcm_of_more_channels_is_refused_by_name() {
    let stream = Stream { channels: 6, ..pcm(100, 1) };
    let outcome = Subject { name: "PCM", bytes: stream.mp4(100, None), params: json!({}) }.part(json!({}));
    let message = outcome.message();
    assert!(message.contains(" holds PCM of a number of channels that is not known in MP4, which"), "{message}");
}

/// As in Ogg: the end of what only lets the decoder converge, and the gain.
#[test]
fn opus_without_an_edit() {
    let stream = opus_of_gain(96, 2, 4, -1355);
    let decoded = |bytes: Vec<u8>| Subject { name: "Opus", bytes, params: json!({}) }.part(json!({})).samples();
    assert_eq!(decoded(stream.ogg(7, 10, 0)), decoded(stream.mp4(10, None)));
    check_near("Opus", stream.mp4(10, None), 0.0);
}

/// As FFmpeg writes it: the clock of the track is that of the sound which the encoder was given.
#[test]
fn opus_ends_where_a_slower_clock_says() {
    const RATIO: u64 = 3;
    let mut stream = opus_of_gain(96, 1, 1, 0);
    stream.packets.last_mut().expect("it is sound").1 = 12;
    let decoded = |bytes: Vec<u8>| Subject { name: "Opus", bytes, params: json!({}) }.part(json!({})).samples();
    let expected = decoded(stream.mp4(10, None));
    let frames: u64 = stream.packets.iter().map(|(_, frames)| frames).sum();
    assert_eq!(expected[0].len() as u64, frames - 312);
    stream.packets.iter_mut().for_each(|(_, frames)| *frames /= RATIO);
    let mut file = Stream { rate: 48_000 / RATIO as u32, ..stream }.mp4(10, None);
    // The description of Opus has its own rate.
    let place = file.windows(4).rposition(|four| four == b"Opus").expect("a description") + 4 + 24;
    file[place..place + 4].copy_from_slice(&(48_000u32 << 16).to_be_bytes());
    assert!(decoded(file) == expected);
}

#[test]
fn files_that_are_cut_off_end_where_they_are_cut() {
    let file = media::bytes("mono.m4a");
    assert!(check("cut off", file[..file.len() * 2 / 3].to_vec()).failure.is_some());
}

#[test]
fn what_lies_before_is_not_decoded() {
    let file = aac().repeated(10).mp4(20, None);
    let params = json!({"start_s": 40.0, "duration_s": 1.0});
    let part = |bytes: Vec<u8>| Subject { name: "spoilt", bytes, params: json!({}) }.part(params.clone());
    // The packet that primes is up to 32 before.
    let spoilt = spoilt(&file, 20_000, file.len() * 30 / 80);
    assert_eq!(part(spoilt).samples(), part(file).samples());
}
