//! Vorbis, FLAC and Opus in Ogg: pages are found by their positions.

use serde_json::json;

use crate::codecs::{flac, opus, vorbis};
use crate::cuts::{Subject, check, total};
use crate::near::{check_near, spoilt};

/// A number as tools draw it, and one that is given to all streams.
const DRAWN: u32 = 0x5eed_1234;
const GIVEN: u32 = 1;

#[test]
fn vorbis_begins_with_the_packet_before() {
    let stream = vorbis();
    let frames: u64 = stream.packets.iter().map(|(_, frames)| frames).sum();
    for (name, serial, per_page) in [("four on a page", GIVEN, 4), ("a packet on each page", DRAWN, 1)] {
        let whole = check(&format!("Vorbis, {name}"), stream.ogg(serial, per_page, 100));
        assert_eq!((whole.failure.as_ref(), total(&whole) as u64), (None, frames - 100), "{name}");
    }
    let file = stream.ogg(DRAWN, 4, 0);
    assert!(check("Vorbis, cut off", file[..file.len() - 1000].to_vec()).failure.is_some());
    // A program that edits the head may leave bytes behind it that are no page.
    let file = stream.ogg(DRAWN, 1, 0);
    let first = file.windows(4).enumerate().filter(|(_, mark)| *mark == b"OggS").nth(3).expect("there is sound").0;
    let whole = check("Vorbis, junk behind the head", [&file[..first], &[0; 500], &file[first..]].concat());
    assert_eq!((whole.failure.as_ref(), total(&whole) as u64), (None, frames));
}

/// As converters count that round times. From the shortest packet on, a packet may be lost.
#[test]
fn pages_may_count_less_than_a_packet_too_many() {
    for (more, is_lost) in [(1, false), (31, false), (32, true)] {
        let mut stream = vorbis();
        let frames: u64 = stream.packets.iter().map(|(_, frames)| frames).sum();
        let middle = stream.packets.len() / 2;
        stream.packets[middle].1 += more;
        let file = Subject { name: "counted", bytes: stream.ogg(DRAWN, 4, 0), params: json!({}) };
        let whole = file.part(json!({}));
        assert_eq!(whole.failure.is_some(), is_lost, "{more}");
        assert_eq!(total(&whole) as u64 == frames, !is_lost, "{more}");
    }
}

#[test]
fn flac_in_ogg() {
    let stream = flac(40);
    let frames: u64 = stream.packets.iter().map(|(_, frames)| frames).sum();
    for (name, serial, per_page) in [("drawn", DRAWN, 3), ("given", GIVEN, 1)] {
        let whole = check(&format!("FLAC, {name}"), stream.ogg(serial, per_page, 0));
        assert_eq!((whole.failure.as_ref(), total(&whole) as u64), (None, frames), "{name}");
    }
}

/// CELT is the same after a second of priming; SILK comes near.
#[test]
fn opus_converges() {
    let celt = opus(96, 2, 8);
    check_near("CELT", celt.ogg(DRAWN, 20, 500), 0.0);
    check_near("CELT, a page for each packet", celt.ogg(GIVEN, 1, 0), 0.0);
    check_near("SILK", opus(14, 1, 8).ogg(DRAWN, 10, 0), 0.025);
}

#[test]
fn streams_of_a_chain_are_told_apart() {
    let (first, second) = (vorbis(), vorbis());
    for (name, numbers) in [("drawn", [DRAWN, DRAWN + 1]), ("given", [GIVEN, GIVEN])] {
        let file = [first.ogg(numbers[0], 4, 0), second.ogg(numbers[1], 4, 0)].concat();
        assert_eq!(check(&format!("a chain, {name}"), file).failure, None, "{name}");
    }
}

/// The pages between the head and the part are noise. Whoever reads them has nothing to give.
#[test]
fn what_lies_before_is_not_decoded() {
    for (name, file, all_s, primed_s) in [
        ("Vorbis", vorbis().repeated(10).ogg(DRAWN, 4, 0), 80.0, 0.5),
        ("Opus", opus(96, 2, 20).ogg(DRAWN, 10, 0), 20.0, 1.5),
        ("FLAC", flac(100).ogg(DRAWN, 1, 0), 25.6, 0.5),
    ] {
        let params = json!({"start_s": 15.0, "duration_s": 1.0});
        let whole = Subject { name, bytes: file.clone(), params: json!({}) }.part(params.clone());
        // The rate is not quite constant.
        let share = |seconds: f64| (file.len() as f64 * seconds / all_s) as usize;
        let bytes = spoilt(&file, share(1.5).max(8000), share((15.0 - primed_s) * 0.9));
        let part = Subject { name, bytes, params: json!({}) }.part(params);
        assert_eq!(part.failure, None, "{name}");
        assert_eq!(part.samples(), whole.samples(), "{name}");
    }
}
