//! Vorbis, FLAC and Opus in Ogg: pages are found by their positions.

use remotemedia_core::value::{Buffer, File, Packet, Value};
use serde_json::json;

use crate::codecs::{flac, opus, vorbis};
use crate::cuts::{Subject, check, total};
use crate::near::{check_near, spoilt};
use harness::items::{decode_path, decode_pieces, node, run_port};
use harness::remux::{Stream, checksum};
use harness::{media, ogg};

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

/// As converters count that round times to milliseconds. From so many frames on, a packet may be lost.
#[test]
fn pages_may_count_less_than_a_packet_too_many() {
    for (more, is_lost) in [(1, false), (44, false), (45, true)] {
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

/// Only the last page of a stream may leave frames out (RFC 7845, 4.4; Vorbis I, A.2).
#[test]
fn pages_that_count_fewer_frames_than_they_hold_cost_no_sound() {
    let number = |position: &[u8]| u64::from_le_bytes(*position.first_chunk().expect("a position"));
    // Parts of Opus only come near.
    let decoded = |name: &str, bytes: Vec<u8>| match name {
        "Opus" => Subject { name, bytes, params: json!({}) }.part(json!({})),
        _ => check(name, bytes),
    };
    for (name, stream, rate) in
        [("Vorbis", vorbis(), 44_100), ("Opus", opus(96, 2, 8), 48_000), ("FLAC", flac(40), 16_000)]
    {
        let file = stream.ogg(DRAWN, 4, 100);
        let whole = Subject { name, bytes: file.clone(), params: json!({}) }.part(json!({})).samples();
        for fewer in [1, 30, 500, 3000] {
            let file = changed(&file, |index, header| {
                let position = number(&header[6..14]);
                header[6..14].copy_from_slice(&(position - if index == 5 { fewer } else { 0 }).to_le_bytes());
            });
            assert!(decoded(name, file.clone()).samples() == whole, "{name}, {fewer} fewer");
            assert!(decode_pieces(&file, 1000).samples() == whole, "{name}, {fewer} fewer, as it arrives");
        }
        let rounded = changed(&file, |index, header| {
            let position = number(&header[6..14]);
            let ms = (position * 1000 + rate / 2) / rate;
            let rounded = if index == 0 { position } else { (ms * rate + 500) / 1000 };
            header[6..14].copy_from_slice(&rounded.to_le_bytes());
        });
        let outcome = decoded(name, rounded.clone());
        let ends = outcome.samples()[0].len().abs_diff(whole[0].len()) as u64;
        assert!(ends <= rate / 1000, "{name}: {ends} frames at the end");
        assert!(outcome.samples().iter().zip(&whole).all(|(rounded, whole)| {
            let common = rounded.len().min(whole.len());
            rounded[..common] == whole[..common]
        }));
        assert!(decode_pieces(&rounded, 1000).samples() == outcome.samples(), "{name}, rounded, as it arrives");
    }
}

/// A position is that of the packets which end on a page: without one it means nothing, and neither oggdec, opusdec, flac nor
/// FFmpeg cuts anything off by it.
#[test]
fn a_last_page_without_sound_only_ends_the_stream() {
    for (name, mut stream) in [("Vorbis", vorbis()), ("Opus", opus(96, 2, 8)), ("FLAC", flac(40))] {
        let decoded = |bytes: Vec<u8>| match name {
            "Opus" => Subject { name, bytes, params: json!({}) }.part(json!({})),
            _ => check(name, bytes),
        };
        let file = stream.ogg(DRAWN, 1, 0);
        let whole = decoded(file.clone()).samples();
        let position = stream.packets.iter().map(|(_, frames)| frames).sum::<u64>() - 100;
        let number = file.windows(4).filter(|mark| mark == b"OggS").count() as u32;
        let numbers = [&position.to_le_bytes()[..], &DRAWN.to_le_bytes(), &number.to_le_bytes()].concat();
        let empty_page = changed(&[&file, &b"OggS\0\x04"[..], &numbers, &[0; 5]].concat(), |index, header| {
            header[5] &= if index == 0 { 4 } else { 3 };
        });
        stream.packets.push((Vec::new(), 0));
        for (form, file) in [("page", empty_page), ("packet", stream.ogg(DRAWN, 1, 100))] {
            let outcome = decoded(file.clone());
            assert_eq!(outcome.failure, None, "{name}, an empty {form}");
            assert!(outcome.samples() == whole, "{name}, an empty {form}");
            assert!(decode_pieces(&file, 1000).samples() == whole, "{name}, an empty {form}, as it arrives");
        }
    }
}

/// As programs cut streams without encoding them again. More packets on the first page are of one that counts wrong.
#[test]
fn vorbis_whose_second_packet_ends_the_first_page_begins_at_zero() {
    let stream = vorbis();
    let whole = Subject { name: "Vorbis", bytes: stream.ogg(DRAWN, 2, 0), params: json!({}) }.part(json!({})).samples();
    let most = stream.packets[1].1;
    for (per_page, before, cut) in [(2, 1, 1), (2, most - 1, most - 1), (2, most, most), (3, 100, 0)] {
        let file = changed(&stream.ogg(DRAWN, per_page, 0), |_, header| move_position(header, -(before as i64)));
        let cut = cut as usize;
        let expected: Vec<_> = whole.iter().map(|samples| samples[cut..].to_vec()).collect();
        assert!(check("Vorbis, cut", file.clone()).samples() == expected, "{before} of {per_page} packets");
        assert!(decode_pieces(&file, 1000).samples() == expected, "{before} of {per_page} packets, as it arrives");
    }
}

/// The other pages tell where a part begins.
#[test]
fn a_first_page_that_counts_wrong_moves_no_part() {
    for (name, stream, per_page) in [("Vorbis", vorbis().repeated(4), 8), ("FLAC", flac(100), 1)] {
        let file = stream.ogg(DRAWN, per_page, 100);
        let whole = Subject { name, bytes: file.clone(), params: json!({}) }.part(json!({})).samples();
        let first = stream.packets.chunks(per_page).count() - 1;
        for more in [-1000, -1, 1, 1000, 1 << 40] {
            let file = changed(&file, |index, header| move_position(header, if index == first { more } else { 0 }));
            assert!(check(name, file.clone()).samples() == whole, "{name}, {more} more");
            assert!(decode_pieces(&file, 1000).samples() == whole, "{name}, {more} more, as it arrives");
        }
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
    for (name, numbers) in [("drawn", [DRAWN, DRAWN + 1]), ("given", [GIVEN, GIVEN]), ("put together", [DRAWN, DRAWN])]
    {
        let file = [first.ogg(numbers[0], 4, 0), second.ogg(numbers[1], 4, 0)].concat();
        assert_eq!(check(&format!("a chain, {name}"), file).failure, None, "{name}");
    }
}

/// The pages of a file, with what a change makes of each header, from the last page on.
fn changed(file: &[u8], mut change: impl FnMut(usize, &mut [u8])) -> Vec<u8> {
    let mut file = file.to_vec();
    let marks = file.windows(4).enumerate().filter(|(_, mark)| *mark == b"OggS");
    let places: Vec<usize> = marks.map(|(place, _)| place).chain([file.len()]).collect();
    for (index, ends) in places.windows(2).rev().enumerate() {
        let page = &mut file[ends[0]..ends[1]];
        change(index, &mut page[..27]);
        page[22..26].fill(0);
        let sum = checksum(page, 32, 0x04c1_1db7);
        page[22..26].copy_from_slice(&sum.to_le_bytes());
    }
    file
}

/// Moves the position of a page of sound.
fn move_position(header: &mut [u8], by: i64) {
    let position = i64::from_le_bytes(*header[6..].first_chunk().expect("a position"));
    header[6..14].copy_from_slice(&if position > 0 { position + by } else { 0 }.to_le_bytes());
}

fn length(packet: Packet) -> Option<f64> {
    match &run_port(node("AudioDecode", json!({})).as_mut(), vec![packet], 1).values[..] {
        [Value::Map(map)] => map.get("duration_s").map(|length| match length {
            Value::Float(seconds) => *seconds,
            other => panic!("expected a number, got {}", other.kind().name()),
        }),
        _ => panic!("expected one map"),
    }
}

fn in_memory(bytes: Vec<u8>) -> Packet {
    Packet::new(File::from_bytes(Buffer::from_bytes(bytes)).into())
}

/// As where the source of a live stream breaks off and comes again.
#[test]
fn links_without_sound_are_passed_over() {
    let (sound, opus) = (vorbis(), opus(96, 1, 2));
    let silent = |serial| Stream { packets: Vec::new(), ..vorbis() }.ogg(serial, 1, 0);
    let frames: u64 = sound.packets.iter().map(|(_, frames)| frames).sum();
    for numbers in [[DRAWN, DRAWN + 1, DRAWN + 2, DRAWN + 3, DRAWN + 4], [GIVEN; 5]] {
        let [a, b, c, d, e] = numbers;
        let links = [silent(a), silent(a), sound.ogg(b, 4, 0), silent(c), sound.ogg(d, 4, 0), silent(e)];
        let whole = check("links without sound", links.concat());
        assert_eq!((whole.failure.as_ref(), total(&whole) as u64), (None, 2 * frames));
    }
    let links = [silent(DRAWN), opus.ogg(DRAWN + 1, 20, 0)].concat();
    let decoded = |bytes| Subject { name: "Opus", bytes, params: json!({}) }.part(json!({})).samples();
    assert!(decoded(links) == decoded(opus.ogg(DRAWN, 20, 0)));
    let message = Subject { name: "nothing", bytes: silent(DRAWN), params: json!({}) }.part(json!({})).message();
    assert!(message.contains(" ends before its first frame of sound. "), "{message}");
}

/// So ends a live stream. Only what is torn was cut off.
#[test]
fn the_last_page_need_not_say_that_it_is_one() {
    for (name, file) in [("Vorbis", vorbis().ogg(DRAWN, 4, 0)), ("FLAC", flac(40).ogg(DRAWN, 1, 0))] {
        let live = changed(&file, |_, header| header[5] &= !4);
        let decoded = |bytes: &[u8]| Subject { name, bytes: bytes.to_vec(), params: json!({}) };
        let expected = decoded(&file).part(json!({})).samples();
        assert!(check(name, live.clone()).samples() == expected, "{name}");
        assert!(decoded(&live).arriving(json!({})).samples() == expected, "{name}, as it arrives");
        assert!(decoded(&[&live[..], b"some tag"].concat()).part(json!({})).samples() == expected, "{name}, tagged");
        let last = live.windows(4).rposition(|mark| mark == b"OggS").expect("a page");
        let mut spoilt = live.clone();
        spoilt[last + 30] ^= 1;
        for torn in [&live[..live.len() - 1], &live[..last + 2], &live[..last + 27], &spoilt] {
            for outcome in [decoded(torn).part(json!({})), decoded(torn).arriving(json!({}))] {
                assert!(outcome.message().contains(" ends too early: "), "{name}, {} bytes", torn.len());
            }
        }
    }
}

#[test]
fn the_length_counts_from_the_first_position_and_of_a_chain_is_not_told() {
    const BEGINS: i64 = 48_000_007;
    for (name, file) in [("Vorbis", vorbis().ogg(DRAWN, 4, 100)), ("Opus", opus(96, 1, 2).ogg(DRAWN, 10, 100))] {
        let later = changed(&file, |_, header| move_position(header, BEGINS));
        let whole = Subject { name, bytes: later.clone(), params: json!({}) }.part(json!({}));
        let expected = total(&whole) as f64 / f64::from(whole.chunks()[0].rate());
        assert_eq!(
            (length(in_memory(file.clone())), length(in_memory(later))),
            (Some(expected), Some(expected)),
            "{name}"
        );
        for (number, repeated) in [(DRAWN + 1, 1), (DRAWN, 1), (DRAWN, 4)] {
            let next = vorbis().repeated(repeated).ogg(number, 1, 0);
            for chain in [[&file[..], &next].concat(), [&next[..], &file].concat()] {
                assert_eq!(length(in_memory(chain)), None, "{name}, {number}, {repeated}");
            }
        }
    }
}

/// All sound before them comes out, by path, by content and as it arrives, and nothing of what follows.
#[test]
fn pages_that_are_damaged_or_missing_end_the_sound() {
    for (name, stream, per_page, heads) in
        [("Vorbis", vorbis(), 8, 3), ("Opus", opus(96, 1, 2), 10, 2), ("FLAC", flac(24), 4, 2)]
    {
        let file = stream.ogg(DRAWN, per_page, 100);
        let pages = ogg::pages(&file, DRAWN);
        let whole = Subject { name, bytes: file, params: json!({}) }.part(json!({})).samples();
        let sound = pages.len() - heads;
        for (index, how) in
            [0, sound / 2, sound - 2].into_iter().flat_map(|index| ["lost", "spoilt", "short"].map(|how| (index, how)))
        {
            let mut pages = pages.clone();
            let page = &mut pages[heads + index];
            let place = page.len() - 70;
            match how {
                // It may be a live stream, of which the head came before the middle.
                "lost" if index == 0 => continue,
                "lost" => page.clear(),
                "spoilt" => page[place] ^= 1,
                _ => drop(page.drain(place..place + 20)),
            }
            let bytes = pages.concat();
            let file = media::file("spoilt.ogg", &bytes);
            for outcome in [
                decode_path(&file),
                Subject { name, bytes: bytes.clone(), params: json!({}) }.part(json!({})),
                decode_pieces(&bytes, 1000),
            ] {
                let expected = format!(" is damaged: page {} is damaged or missing. ", heads + index);
                assert!(outcome.message().contains(&expected), "{name}, {how}: {}", outcome.message());
                let before = outcome.samples_before_failure();
                let frames: u64 = stream.packets[..index * per_page].iter().map(|(_, frames)| frames).sum();
                let skip = if name == "Opus" {
                    u64::from(u16::from_le_bytes([stream.headers[0][10], stream.headers[0][11]]))
                } else {
                    0
                };
                assert_eq!(before.first().map_or(0, Vec::len) as u64, frames.saturating_sub(skip), "{name}, {how}");
                assert!(before.iter().zip(&whole).all(|(before, whole)| whole.starts_with(before)), "{name}, {how}");
            }
        }
    }
}

#[test]
fn a_chain_with_pictures_loses_no_sound() {
    let sound = vorbis();
    let frames: u64 = sound.packets.iter().map(|(_, frames)| frames).sum();
    let film = |number| beside_pictures(ogg::pages(&sound.ogg(number, 4, 0), number), number + 1).concat();
    let pictures = ogg::pages(&pictures().ogg(DRAWN + 4, 1, 0), DRAWN + 4).concat();
    for (name, links, count) in [
        ("pictures and sound", [film(DRAWN), film(DRAWN + 2)].concat(), 2),
        ("then pictures alone", [film(DRAWN), pictures.clone(), film(DRAWN + 2)].concat(), 2),
        ("first pictures alone", [pictures, sound.ogg(DRAWN, 4, 0)].concat(), 1),
    ] {
        let whole = Subject { name, bytes: links.clone(), params: json!({}) }.part(json!({}));
        for outcome in [whole, decode_pieces(&links, 100), decode_pieces(&links, 4096)] {
            assert_eq!((outcome.failure.as_ref(), total(&outcome) as u64), (None, count * frames), "{name}");
        }
    }
}

/// Whether FFmpeg is there or not, such a head of Speex is an error.
#[test]
fn a_link_of_pictures_and_other_sound_is_met_however_it_arrives() {
    let speex = Stream { headers: vec![b"Speex   1.2".to_vec()], ..vorbis() };
    let (speex, pictures) = (ogg::pages(&speex.ogg(2, 4, 0), 2), ogg::pages(&pictures().ogg(3, 1, 0), 3));
    let link = [&pictures[..1], &speex[..1], &pictures[1..], &speex[1..]].concat().concat();
    let bytes = [vorbis().ogg(DRAWN, 4, 0), link].concat();
    let frames: u64 = vorbis().packets.iter().map(|(_, frames)| frames).sum();
    for len in [10, 30, 64, 1000, bytes.len()] {
        let outcome = decode_pieces(&bytes, len);
        let before = outcome.samples_before_failure();
        assert_eq!((outcome.failure.is_some(), before[0].len() as u64), (true, frames), "{len}");
    }
}

#[test]
fn a_damaged_page_of_sound_beside_pictures_or_at_the_start_of_a_link_is_told() {
    let sound = vorbis();
    let frames: usize = sound.packets.iter().map(|(_, frames)| *frames as usize).sum();
    let pages = |spoilt: Option<usize>| {
        let mut pages = ogg::pages(&sound.ogg(DRAWN, 4, 0), DRAWN);
        if let Some(page) = spoilt.map(|page| &mut pages[page]) {
            *page.last_mut().expect("there is a page") ^= 1;
        }
        pages
    };
    let mut unnamed = pages(None);
    assert_eq!(&unnamed[0][28..35], b"\x01vorbis");
    unnamed[0][30] ^= 1;
    for (spoilt, bytes, before) in [
        (0, [sound.ogg(DRAWN + 1, 4, 0), unnamed.concat()].concat(), frames),
        (0, [sound.ogg(DRAWN + 1, 4, 0), unnamed.concat(), sound.ogg(DRAWN + 2, 4, 0)].concat(), frames),
        (3, beside_pictures(pages(Some(3)), DRAWN + 1).concat(), 0),
        (0, [sound.ogg(DRAWN + 1, 4, 0), pages(Some(0)).concat()].concat(), frames),
        (0, [pages(None), pages(Some(0))].concat().concat(), frames),
    ] {
        let whole = Subject { name: "spoilt", bytes: bytes.clone(), params: json!({}) }.part(json!({}));
        for outcome in [whole, decode_pieces(&bytes, 1000)] {
            let expected = format!(" is damaged: page {spoilt} is damaged or missing. ");
            assert!(outcome.message().contains(&expected), "{}", outcome.message());
            let samples = outcome.samples_before_failure();
            assert_eq!(samples.first().map_or(0, Vec::len), before);
        }
    }
    let bytes = [unnamed.concat(), sound.ogg(DRAWN + 1, 4, 0)].concat();
    let whole = Subject { name: "spoilt", bytes: bytes.clone(), params: json!({}) }.part(json!({}));
    for outcome in [whole, decode_pieces(&bytes, 1000)] {
        assert!(outcome.message().contains(" is damaged: "), "{}", outcome.message());
        assert!(outcome.values.is_empty());
    }
}

/// A program that edits the head may leave such bytes behind, and a page in them may say that it is long.
#[test]
fn bytes_between_pages_that_begin_as_a_page_cost_no_sound() {
    let long = [b"OggS\0\0".as_slice(), &[0; 20], &[255; 256]].concat();
    for (name, stream, heads) in [("Vorbis", vorbis(), 3), ("Opus", opus(96, 1, 2), 2), ("FLAC", flac(24), 2)] {
        let file = stream.ogg(DRAWN, 4, 0);
        let whole = Subject { name, bytes: file.clone(), params: json!({}) }.part(json!({})).samples();
        let pages = ogg::pages(&file, DRAWN);
        for (index, foreign) in [(heads, &b"OggS"[..]), (heads + 3, b"OggS"), (heads, &long), (heads + 3, &long)] {
            let bytes = [&pages[..index].concat(), foreign, &pages[index..].concat()].concat();
            let by_path = check(name, bytes.clone());
            for outcome in [by_path, decode_pieces(&bytes, 100), decode_pieces(&bytes, 4096)] {
                assert_eq!(outcome.failure, None, "{name}, {} bytes before page {index}", foreign.len());
                assert!(outcome.samples() == whole, "{name}, {} bytes before page {index}", foreign.len());
            }
        }
    }
}

/// As where it was written or sent twice.
#[test]
fn a_page_that_comes_twice_is_heard_once() {
    for (name, stream, heads) in [("Vorbis", vorbis(), 3), ("Opus", opus(96, 1, 2), 2), ("FLAC", flac(24), 2)] {
        let file = stream.ogg(DRAWN, 4, 100);
        let whole = Subject { name, bytes: file.clone(), params: json!({}) }.part(json!({})).samples();
        let pages = ogg::pages(&file, DRAWN);
        for index in [0, 1, heads - 1, heads, heads + 2, pages.len() - 1] {
            let bytes = [&pages[..=index], &pages[index..]].concat().concat();
            let by_path = match name {
                // Parts of Opus only come near.
                "Opus" => decode_path(&media::file("twice.ogg", &bytes)),
                _ => check(name, bytes.clone()),
            };
            for outcome in [by_path, decode_pieces(&bytes, 100), decode_pieces(&bytes, bytes.len())] {
                assert_eq!(outcome.failure, None, "{name}, page {index}");
                assert!(outcome.samples() == whole, "{name}, page {index}");
            }
            assert_eq!(length(in_memory(bytes)), length(in_memory(file.clone())), "{name}, page {index}");
        }
    }
}

/// Who looks for the last page in as many bytes as a page may have meets it first.
#[test]
fn bytes_near_the_end_that_begin_as_a_page_cost_no_sound() {
    const LONGEST: usize = 65_307;
    let foreign = [b"OggS\0\0".as_slice(), &[0; 20], &[255; 256]].concat();
    for (name, stream) in [("Vorbis", vorbis().repeated(3)), ("Opus", opus(96, 1, 10)), ("FLAC", flac(40))] {
        let file = stream.ogg(DRAWN, 4, 0);
        let whole = Subject { name, bytes: file.clone(), params: json!({}) }.part(json!({})).samples();
        let looks_from = (file.len() + foreign.len()).checked_sub(LONGEST).expect("a longer file");
        let marks = file.windows(4).enumerate().filter(|(_, mark)| *mark == b"OggS");
        let (place, _) = marks.skip(3).find(|(place, _)| *place >= looks_from).expect("a page near the end");
        let bytes = [&file[..place], &foreign, &file[place..]].concat();
        let by_content = Subject { name, bytes: bytes.clone(), params: json!({}) }.part(json!({}));
        for outcome in [decode_path(&media::file("near.ogg", &bytes)), by_content, decode_pieces(&bytes, 4096)] {
            assert_eq!(outcome.failure, None, "{name}");
            assert!(outcome.samples() == whole, "{name}");
        }
    }
}

/// A page is at most 65,307 bytes long, and the last ones are looked for in twice as many at first.
#[test]
fn foreign_bytes_behind_the_last_page_cost_no_sound() {
    let unmarked = changed(&vorbis().ogg(DRAWN, 4, 0), |_, header| header[5] &= !4);
    for (name, file) in [
        ("Vorbis", vorbis().ogg(DRAWN, 4, 0)),
        ("Vorbis of a live stream", unmarked),
        ("Opus", opus(96, 1, 2).ogg(DRAWN, 4, 0)),
        ("FLAC", flac(24).ogg(DRAWN, 4, 0)),
    ] {
        let whole = Subject { name, bytes: file.clone(), params: json!({}) }.part(json!({})).samples();
        let expected = length(in_memory(file.clone()));
        for foreign in [100, 65_000, 66_000, 100_000, 125_000, 140_000, 300_000] {
            let bytes = [&file[..], &vec![7; foreign]].concat();
            let by_path = decode_path(&media::file("tail.ogg", &bytes));
            let by_content = Subject { name, bytes: bytes.clone(), params: json!({}) }.part(json!({}));
            for outcome in [by_path, by_content, decode_pieces(&bytes, 4096)] {
                assert_eq!(outcome.failure, None, "{name}, {foreign} bytes");
                assert!(outcome.samples() == whole, "{name}, {foreign} bytes");
            }
            assert_eq!(length(in_memory(bytes)), expected, "{name}, {foreign} bytes");
        }
    }
}

/// As where a transfer broke off, and the next file was put behind.
#[test]
fn flac_that_is_cut_off_before_another_link_comes_out() {
    let stream = flac(40);
    let (first, second) = (stream.ogg(DRAWN, 4, 0), stream.ogg(DRAWN + 1, 4, 0));
    for part in 3..8 {
        let bytes = [&first[..first.len() / 8 * part], &second].concat();
        let outcome = Subject { name: "cut", bytes: bytes.clone(), params: json!({}) }.part(json!({}));
        assert!(outcome.message().contains(" damaged or missing. "), "{}", outcome.message());
        assert_eq!(outcome.samples_before_failure(), decode_pieces(&bytes, 1000).samples_before_failure());
    }
}

fn pictures() -> Stream {
    let picture = (vec![7; 5000], 100);
    Stream { headers: vec![b"\x80theora\x03\x02\x01".to_vec()], packets: vec![picture; 9], ..vorbis() }
}

/// The pages of a stream of sound of which three are its head, with pictures that come before it.
fn beside_pictures(sound: Vec<Vec<u8>>, serial: u32) -> Vec<Vec<u8>> {
    let pictures = ogg::pages(&pictures().ogg(serial, 1, 0), serial);
    [&pictures[..1], &sound[..3], &pictures[1..], &sound[3..]].concat()
}

/// As where the last pages of a file are gone. What says that it ends is not asked how long it should be.
#[test]
fn flac_without_its_last_page_is_as_long_as_its_head_says() {
    let mut stream = flac(8);
    let frames: u64 = stream.packets.iter().map(|(_, frames)| frames).sum();
    // The total is the last of the numbers before the checksum (RFC 9639, 8.2).
    let total = 17 + 13 + 1..17 + 13 + 5;
    for (promised, is_marked, fails) in
        [(frames, true, false), (frames + 1, true, false), (frames, false, false), (frames + 1, false, true)]
    {
        stream.headers[0][total.clone()].copy_from_slice(&(promised as u32).to_be_bytes());
        let file = stream.ogg(DRAWN, 1, 0);
        let file = if is_marked { file } else { changed(&file, |_, header| header[5] &= !4) };
        for outcome in [
            Subject { name: "FLAC", bytes: file.clone(), params: json!({}) }.part(json!({})),
            decode_pieces(&file, 1000),
        ] {
            assert_eq!(outcome.failure.is_some(), fails, "{promised} frames");
            if fails {
                let expected = format!(" ends too early: {frames} of {promised} frames are there. ");
                assert!(outcome.message().contains(&expected), "{}", outcome.message());
            }
        }
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
