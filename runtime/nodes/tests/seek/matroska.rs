//! Vorbis, Opus, FLAC, AAC, MP3 and PCM in Matroska: clusters are found by their times.

use serde_json::json;

use crate::codecs::{aac, flac, mp3, opus, pcm, vorbis};
use crate::cuts::{Subject, check, total};
use crate::media;
use crate::near::{check_near, spoilt};

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
