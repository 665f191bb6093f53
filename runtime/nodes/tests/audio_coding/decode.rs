//! What comes out of whole files.

use remotemedia_core::node::Step;
use remotemedia_core::value::{Buffer, File, FileSource, MediaTime, Packet, Value};
use serde_json::json;

use crate::drive::{decode, decode_path, node, run_item};
use crate::media;

fn in_memory(bytes: Vec<u8>) -> File {
    File { source: FileSource::Bytes(Buffer::from_bytes(bytes)), mime: None }
}

#[test]
fn lossless_files_come_back_bit_by_bit() {
    let reference = media::reference(16000, 8000, 2);
    let wav = media::file("tone.wav", &media::wav(&reference, 16000));
    for path in [wav, media::path("short.flac"), media::path("alac.m4a")] {
        let outcome = decode_path(&path);
        assert_eq!(media::deviation(&outcome.samples(), &reference).0, 0.0, "{path}");
        let first = outcome.chunks()[0];
        assert_eq!((first.rate(), first.layout().name()), (16000, Some("stereo")), "{path}");
    }
}

#[test]
fn lossy_files_have_the_frames_of_the_original_in_their_place() {
    // LAME scales its input by 0.95. What is left is coding noise, about half of what is allowed here, and an attack that
    // the AAC encoder of FFmpeg smears. A shift by one frame alone would bring the ratio down to 20 dB.
    for (name, rate, channels, scale, largest, ratio) in [
        ("stereo.mp3", 44100, 2, 0.95, 0.013, 56.0),
        ("mono.mp3", 16000, 1, 0.95, 0.008, 66.0),
        ("stereo.ogg", 44100, 2, 1.0, 0.05, 34.0),
        ("mono.ogg", 16000, 1, 1.0, 0.035, 33.0),
        ("stereo.m4a", 44100, 2, 1.0, 0.6, 25.0),
        ("mono.m4a", 16000, 1, 1.0, 0.2, 26.0),
    ] {
        let mut decoded = decode_path(&media::path(name)).samples();
        decoded.iter_mut().flatten().for_each(|sample| *sample /= scale);
        let (deviation, decibels) = media::deviation(&decoded, &media::reference(rate, rate as usize, channels));
        assert!(deviation <= largest && decibels >= ratio, "{name}: {deviation}, {decibels} dB");
    }
}

#[test]
fn chunks_have_one_length_and_exact_times() {
    let reference = media::reference(44100, 10000, 1);
    let mut decode = node("AudioDecode", json!({"chunk_ms": 7}));
    let packet = Packet::new(in_memory(media::wav(&reference, 44100)).into()).at(Some(1_000), None);
    let outcome = run_item(decode.as_mut(), vec![packet]);
    let chunks = outcome.chunks();
    let frames: Vec<usize> = chunks.iter().map(|audio| audio.frames()).collect();
    // 7 ms are 308.7 frames, so 309.
    let (last, whole) = frames.split_last().expect("there are chunks");
    assert!(whole.iter().all(|frames| *frames == 309), "{frames:?}");
    assert_eq!((whole.len(), *last), (32, 10000 - 32 * 309));
    for (index, audio) in chunks.iter().enumerate() {
        assert_eq!(audio.pts, Some(1_000 + MediaTime::of_frames(index as u64 * 309, 44100)));
    }
    assert_eq!(media::deviation(&outcome.samples(), &reference).0, 0.0);
}

#[test]
fn a_step_emits_one_chunk_and_asks_to_be_resumed() {
    let bytes = media::wav(&media::reference(16000, 4000, 1), 16000);
    let mut decode = node("AudioDecode", json!({}));
    let mut step = decode.process(0, Packet::new(in_memory(bytes).into())).expect("the file is right");
    let mut frames = Vec::new();
    loop {
        let (emission, is_done) = match step {
            Step::More(emission) => (emission, false),
            Step::Done(emission) => (emission, true),
        };
        if let Some(Value::Audio(audio)) = emission.map(|emission| emission.packet.value) {
            frames.push(audio.frames());
        }
        if is_done {
            break;
        }
        step = decode.resume().expect("the file is right");
    }
    assert_eq!(frames, [1600, 1600, 800]);
}

#[test]
fn content_and_path_give_the_same() {
    for name in ["stereo.mp3", "stereo.ogg", "stereo.m4a", "stereo.aac", "short.flac", "alac.m4a"] {
        let by_path = decode_path(&media::path(name));
        let by_content = decode(in_memory(media::bytes(name)));
        assert_eq!(by_path.values, by_content.values, "{name}");
    }
}

#[test]
fn files_of_one_stream_follow_on_each_other_and_items_begin_anew() {
    let file = || Packet::new(in_memory(media::wav(&media::reference(16000, 1000, 1), 16000)).into());
    let mut decode = node("AudioDecode", json!({}));
    for _ in 0..2 {
        let outcome = run_item(decode.as_mut(), vec![file(), file()]);
        let pts: Vec<_> = outcome.chunks().iter().map(|audio| audio.pts).collect();
        assert_eq!(pts, [Some(0), Some(62_500_000)]);
    }
}

#[test]
fn a_chained_ogg_stream_goes_on_in_its_new_format() {
    let chained = [media::bytes("mono.ogg"), media::bytes("stereo.ogg")].concat();
    let outcome = decode(in_memory(chained));
    assert_eq!(outcome.failure, None);
    let (mono, stereo): (Vec<_>, Vec<_>) = outcome.chunks().into_iter().partition(|audio| audio.channels() == 1);
    let frames = |chunks: &[&remotemedia_core::value::Audio]| chunks.iter().map(|audio| audio.frames()).sum::<usize>();
    assert_eq!((frames(&mono), frames(&stereo)), (16000, 44100));
    assert_eq!((mono[0].rate(), stereo[0].rate()), (16000, 44100));
    assert_eq!(stereo[0].pts, Some(1_000_000_000));
}

#[test]
fn mp3_frames_that_change_their_format_go_on_in_it() {
    // Without the tag frames both are bare sequences of MPEG frames.
    let joined = [media::bytes("bare.mp3"), media::bytes("mono.mp3")].concat();
    let outcome = decode(in_memory(joined));
    assert_eq!(outcome.failure, None);
    let chunks = outcome.chunks();
    let change = chunks.iter().position(|audio| audio.channels() == 1).expect("the second part comes out");
    let frames: usize = chunks[..change].iter().map(|audio| audio.frames()).sum();
    assert_eq!((frames, chunks[change].rate()), (46080, 16000));
    assert_eq!(chunks[change].pts, Some(MediaTime::of_frames(46080, 44100)));
    // The tag of the second file is no sound and left out; its delay and padding stay, because it is not at the start.
    assert_eq!(chunks[change..].iter().map(|audio| audio.frames()).sum::<usize>(), 30 * 576);
}
