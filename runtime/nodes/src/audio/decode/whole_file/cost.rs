//! How many bytes of a file a part of it takes, counted beneath the readers of containers that jump.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::audio::decode::demuxer::Progress;
use crate::audio::decode::demuxer::cost::Counted;

#[allow(dead_code, unreachable_pub, reason = "what these tests need of it")]
#[path = "../../../../../node-tests/src/remux.rs"]
mod remux;

use self::remux::{Stream, boxed, packets_of_ogg};

/// A file that is open, and the bytes that are read of it.
fn opened(file: Vec<u8>) -> (Demuxer, Arc<AtomicU64>) {
    let read = |place: u64, len: usize| file.iter().copied().skip(place as usize).take(len).collect::<Vec<u8>>();
    let mut found = Found::new(sniff(read, true), file[..SNIFF_LEN].to_vec(), file.len() as u64);
    let mut content = Cursor::new(file.clone());
    if found.container == Container::Mp4 {
        found.movie = Movie::read(&mut content).expect("it is in memory");
    }
    if found.container == Container::Matroska {
        found.blocks = Some(Blocks::of_file(|place, len| read_at(&mut content, place, len), found.begins, found.len));
    }
    let bytes = Arc::new(AtomicU64::new(0));
    let source = Counted(Cursor::new(file), Arc::clone(&bytes));
    let demuxer = found.open(source, "the file".to_owned()).unwrap_or_else(|failure| panic!("{failure:?}"));
    (demuxer, bytes)
}

/// The bytes that are read after the file is open to get at the packet which holds a frame, and the frames passed over.
fn cost(file: Vec<u8>, frames: u64) -> (u64, u64) {
    let (mut demuxer, bytes) = opened(file);
    let mut decoded = 0;
    while decoded == 0 {
        assert!(matches!(demuxer.next(), Ok(Progress::Packet(_))));
        decoded = demuxer.planes()[0].len() as u64;
    }
    let before = bytes.load(Ordering::Relaxed);
    let Ok(passed) = demuxer.pass_over(frames - decoded) else { panic!("the file is right") };
    assert!(matches!(demuxer.next(), Ok(Progress::Packet(_))));
    (bytes.load(Ordering::Relaxed) - before, passed + decoded)
}

fn media(name: &str) -> Vec<u8> {
    let path = format!("{}/../../tests/media/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(path).expect("the file is in tests/media")
}

/// Ten minutes of Opus at 96 kbit/s.
fn opus() -> Stream {
    let mut headers = packets_of_ogg(&media("stereo.opus"));
    let packets: Vec<_> = headers.split_off(2).into_iter().map(|packet| (packet, 960)).collect();
    let matroska = ("A_OPUS", headers[0].clone());
    let packets = packets.iter().cloned().cycle().take(30_000).collect();
    Stream { rate: 48_000, channels: 2, headers, matroska, mp4: (b"none", Vec::new()), packets }
}

/// Ten minutes of AAC at 128 kbit/s.
fn aac() -> Stream {
    let file = media("stereo.aac");
    let (mut packets, mut place) = (Vec::new(), 0);
    while place < file.len() {
        let len = usize::from(file[place + 3] & 3) << 11 | usize::from(file[place + 4]) << 3;
        let len = len | usize::from(file[place + 5] >> 5);
        packets.push((file[place + 7..place + len].to_vec(), 1024));
        place += len;
    }
    let decoder = [&[4, 17, 0x40, 0x15][..], &[0; 11], &[5, 2, 0x12, 0x10]].concat();
    let descriptor = [&[0, 0, 0, 0, 3, 25, 0, 1, 0][..], &decoder, &[6, 1, 2]].concat();
    let packets = packets.iter().cloned().cycle().take(26_000).collect();
    let mp4 = (b"mp4a", boxed(b"esds", &descriptor));
    Stream { rate: 44_100, channels: 2, headers: Vec::new(), matroska: ("A_AAC", vec![0x12, 0x10]), mp4, packets }
}

/// A second of priming is 12 KB, a page or a cluster of a second as much; a block that is read ahead up to 32 KB.
#[test]
fn a_part_costs_what_is_near_it() {
    for (name, file, packet) in [
        ("Ogg with a number that was drawn", opus().ogg(0x5eed_1234, 25, 0), 960),
        ("Matroska", opus().matroska(1000, false), 960),
        ("AAC in Matroska", aac().matroska(1000, false), 1024),
        ("MP4", aac().mp4(20, None), 1024),
    ] {
        for number in [5_000, 12_345, 25_000] {
            let frame = number * packet + 7;
            let all = file.len() as u64;
            let (bytes, passed) = cost(file.clone(), frame);
            assert!(passed <= frame && frame < passed + packet, "{name}: {passed} of {frame}");
            assert!(bytes < 600_000 && bytes < all / 10, "{name}: {bytes} of {all} bytes are read");
        }
    }
}

/// Streams of a chain may have the same number, so that each page is looked at, but not into it.
#[test]
fn pages_of_a_number_that_was_given_are_passed_over_by_their_heads() {
    let file = opus().ogg(1, 25, 0);
    let all = file.len() as u64;
    let (bytes, passed) = cost(file, 25_000 * 960 + 7);
    assert!((24_999 * 960..25_001 * 960).contains(&passed), "{passed}");
    assert!(bytes < all / 5, "{bytes} of {all} bytes are read");
}

/// Its table has a sample for each frame.
#[test]
fn pcm_in_mp4_is_read_many_samples_at_a_time() {
    let packets = (0..5000i16).map(|sample| (sample.to_le_bytes().to_vec(), 1)).collect();
    let (matroska, mp4) = (("A_PCM/INT/LIT", Vec::new()), (b"sowt", Vec::new()));
    let stream = Stream { rate: 8000, channels: 1, headers: Vec::new(), matroska, mp4, packets };
    let (mut demuxer, _) = opened(stream.mp4(700, None));
    let (mut samples, mut packets) = (Vec::new(), 0);
    while let Ok(Progress::Packet(_)) = demuxer.next() {
        samples.extend_from_slice(&demuxer.planes()[0]);
        packets += 1;
    }
    assert!(samples.iter().copied().eq((0..5000).map(|sample| sample as f32 / 32_768.0)));
    assert!(packets < 20, "{packets} packets");
}
