//! What comes out of whole files.

use remotemedia_core::node::Emission;
use remotemedia_core::value::{File, MediaTime, Packet, Value};
use serde_json::json;

use harness::drive::drain;
use harness::items::{decode, decode_path, decode_pieces, in_memory, node, run_item};
use harness::media;

#[test]
#[allow(clippy::print_stdout, reason = "the table of references is made of what the tests print")]
fn reference_lossless_files_come_back_bit_by_bit() {
    let reference = media::reference(16000, 8000, 2);
    let wav = media::file("tone.wav", &media::wav(&reference, 16000));
    for path in [wav, media::path("short.flac"), media::path("alac.m4a")] {
        let outcome = decode_path(&path);
        assert_eq!(media::deviation(&outcome.samples(), &reference).0, 0.0, "{path}");
        let first = outcome.chunks()[0];
        assert_eq!((first.rate(), first.layout().name()), (16000, Some("stereo")), "{path}");
    }
    println!(
        "reference | AudioDecode (WAV, FLAC, ALAC) | the sound that FFmpeg 5.1.9 encoded | 3 | 0.0e0 of full scale | 0.0e0 |"
    );
}

#[test]
#[allow(clippy::print_stdout, reason = "the table of references is made of what the tests print")]
fn reference_lossy_files_have_the_frames_of_the_original_in_their_place() {
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
        let row = format!("1 | coding noise at -{decibels:.0} dB | -{ratio:.0} dB");
        println!("reference | AudioDecode ({name}) | the sound that FFmpeg 5.1.9 encoded | {row} |");
    }
}

#[test]
fn opus_comes_out_at_48_khz_without_delay_and_padding() {
    for name in ["stereo.opus", "stereo.webm"] {
        let outcome = decode_path(&media::path(name));
        let first = outcome.chunks()[0];
        assert_eq!((first.rate(), first.layout().name()), (48_000, Some("stereo")), "{name}");
        // Coding noise: 39 dB and 0.026 as libopus decodes it as well. A shift by one frame alone would make it 24 dB.
        let (deviation, decibels) = media::deviation(&outcome.samples(), &media::reference(48_000, 24_000, 2));
        assert!(deviation <= 0.03 && decibels >= 39.0, "{name}: {deviation}, {decibels} dB");
    }
    // What was encoded from 16 kHz.
    assert_eq!(decode_path(&media::path("mono.opus")).samples()[0].len(), 48_000);
}

/// `opusdec` of opus-tools 0.2 gives 48,000 and 24,000 frames for the two files one after the other.
#[test]
fn every_stream_of_a_chain_of_opus_begins_where_its_sound_does() {
    let names = ["mono.opus", "stereo.opus", "surround.opus"];
    let alone: Vec<_> = names.iter().map(|name| decode_path(&media::path(name)).samples()).collect();
    let chain = names.map(media::bytes).concat();
    for outcome in [decode_path(&media::file("chain.opus", &chain)), decode_pieces(&chain, 1000)] {
        let mut joined: Vec<Vec<Vec<f32>>> = Vec::new();
        for chunk in outcome.chunks() {
            if joined.last().is_none_or(|planes| planes.len() != chunk.channels()) {
                joined.push(vec![Vec::new(); chunk.channels()]);
            }
            let planes = joined.last_mut().expect("one was put there");
            planes.iter_mut().zip(chunk.iter_channels()).for_each(|(plane, samples)| plane.extend_from_slice(samples));
        }
        assert!(joined == alone, "{:?}", joined.iter().map(|planes| planes[0].len()).collect::<Vec<_>>());
        assert_eq!(joined.iter().map(|planes| planes[0].len()).collect::<Vec<_>>(), [48_000, 24_000, 12_000]);
    }
}

#[test]
fn opus_of_six_channels_has_them_in_the_order_of_the_layout() {
    let outcome = decode_path(&media::path("surround.opus"));
    assert_eq!(outcome.chunks()[0].layout().name(), Some("5.1"));
    let samples = outcome.samples();
    for (channel, hertz) in samples.iter().zip([300.0, 500.0, 700.0, 40.0, 900.0, 1100.0]) {
        assert_eq!(channel.len(), 12_000);
        let power: f64 = channel.iter().map(|sample| f64::from(*sample).powi(2)).sum();
        let (mut real, mut imaginary) = (0.0, 0.0);
        for (frame, sample) in channel.iter().enumerate() {
            let phase = std::f64::consts::TAU * hertz * frame as f64 / 48_000.0;
            real += f64::from(*sample) * phase.cos();
            imaginary += f64::from(*sample) * phase.sin();
        }
        // All power of a pure tone is at its frequency; every channel has another one.
        let share = (real * real + imaginary * imaginary) * 2.0 / (12_000.0 * power);
        assert!(share > 0.98, "{hertz} Hz: {share}");
    }
}

#[test]
fn a_part_of_a_file_is_cut_to_the_sample() {
    for name in ["stereo.mp3", "stereo.ogg", "stereo.m4a", "short.flac", "stereo.opus", "stereo.webm"] {
        let whole = decode_path(&media::path(name));
        let rate = whole.chunks()[0].rate();
        let (start, frames) = (rate as usize / 5, rate as usize / 10);
        let params = json!({"start_s": 0.2, "duration_s": 0.1, "chunk_ms": 30});
        let part = run_item(
            node("AudioDecode", params).as_mut(),
            vec![Packet::new(File::from_path(media::path(name)).into())],
        );
        assert_eq!(part.chunks()[0].pts, Some(MediaTime::of_frames(start as u64, rate)), "{name}");
        let expected: Vec<Vec<f32>> =
            whole.samples().iter().map(|channel| channel[start..start + frames].to_vec()).collect();
        assert_eq!(part.samples(), expected, "{name}");
        let pieces = media::bytes(name).chunks(700).map(|piece| Packet::new(Value::bytes(piece.to_vec()))).collect();
        let arriving = run_item(node("AudioDecode", json!({"start_s": 0.2, "duration_s": 0.1})).as_mut(), pieces);
        assert_eq!(arriving.samples(), expected, "{name} in pieces");
    }
}

#[test]
fn a_part_that_begins_after_the_end_is_refused() {
    let wav = media::file("short.wav", &media::wav(&media::reference(16000, 8000, 1), 16000));
    let outcome = run_item(
        node("AudioDecode", json!({"start_s": 0.75})).as_mut(),
        vec![Packet::new(File::from_path(wav.clone()).into())],
    );
    assert_eq!(outcome.message(), format!("'{wav}' is 0.5 s long, and `start_s` is 0.75. Choose a start within it."));
}

#[test]
fn pcm_without_a_header_is_what_the_params_say() {
    let raw =
        |encoding: &str, channels: u16| json!({"raw": {"sample_format": encoding, "rate": 8000, "channels": channels}});
    let bytes: Vec<u8> = [0i16, 16384, -32768, 32767].iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let expected = vec![vec![0.0, -1.0], vec![0.5, 32767.0 / 32768.0]];
    let file = media::file("raw.pcm", &bytes);
    let by_path =
        run_item(node("AudioDecode", raw("s16", 2)).as_mut(), vec![Packet::new(File::from_path(file).into())]);
    assert_eq!(by_path.samples(), expected);
    assert_eq!((by_path.chunks()[0].rate(), by_path.chunks()[0].layout().name()), (8000, Some("stereo")));
    for len in 1..=bytes.len() {
        let pieces = bytes.chunks(len).map(|piece| Packet::new(Value::bytes(piece.to_vec()))).collect();
        let arriving = run_item(node("AudioDecode", raw("s16", 2)).as_mut(), pieces);
        assert_eq!(arriving.samples(), expected, "pieces of {len}");
    }
    // G.711: the codes of silence and of the most positive sample.
    for (encoding, codes, most) in [("mulaw", [0xff, 0x80], 32124.0), ("alaw", [0xd5, 0xaa], 32256.0)] {
        let outcome =
            run_item(node("AudioDecode", raw(encoding, 1)).as_mut(), vec![Packet::new(Value::bytes(codes.to_vec()))]);
        let samples = &outcome.samples()[0];
        assert!(samples[0].abs() <= 8.0 / 32768.0 && samples[1] == most / 32768.0, "{encoding}: {samples:?}");
    }
    let cut = run_item(node("AudioDecode", raw("s16", 2)).as_mut(), vec![Packet::new(Value::bytes(vec![0; 7]))]);
    assert_eq!(cut.samples_before_failure(), vec![vec![0.0], vec![0.0]]);
    assert_eq!(
        cut.message(),
        "the stream ends within a frame: 3 of its 4 bytes are there. Check `sample_format` and `channels` of `raw`, and that \
         all bytes were sent."
    );
}

#[test]
fn chunks_have_one_length_and_exact_times() {
    let reference = media::reference(44100, 10000, 1);
    let mut decode = node("AudioDecode", json!({"chunk_ms": 7}));
    let packet = Packet::new(in_memory(media::wav(&reference, 44100))).at(Some(1_000), None);
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
    let step = decode.process(0, Packet::new(in_memory(bytes))).expect("the file is right");
    let mut frames = Vec::new();
    let take = |emission: Emission| {
        if let Value::Audio(audio) = emission.packet.value {
            frames.push(audio.frames());
        }
    };
    drain(decode.as_mut(), step, take).expect("the file is right");
    assert_eq!(frames, [1600, 1600, 800]);
}

#[test]
fn content_and_path_give_the_same() {
    for name in ["stereo.mp3", "stereo.ogg", "stereo.m4a", "stereo.aac", "short.flac", "alac.m4a", "stereo.webm"] {
        let by_path = decode_path(&media::path(name));
        let by_content = decode(in_memory(media::bytes(name)));
        assert_eq!(by_path.values, by_content.values, "{name}");
    }
}

#[test]
fn files_of_one_stream_follow_on_each_other_and_items_begin_anew() {
    let file = || Packet::new(in_memory(media::wav(&media::reference(16000, 1000, 1), 16000)));
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
