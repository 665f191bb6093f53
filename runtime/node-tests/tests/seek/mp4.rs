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
