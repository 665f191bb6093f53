//! `AudioEncode`: odd sound (any bits as samples, any rate, many channels, empty packets, changes on the way) is refused with a
//! sentence, or comes out of the decoder again as it was quantized.
#![no_main]

use libfuzzer_sys::fuzz_target;
use remotemedia_core::value::{Audio, Buffer, File, Layout, Packet, Value};
use remotemedia_fuzz::{Input, abort_on_panics, node, run_item};
use remotemedia_nodes::audio::pcm::quantize;
use serde_json::json;

const MOST_BYTES: usize = 64 << 20;

fuzz_target!(
    init: abort_on_panics(&["symphonia"]),
    |bytes: &[u8]| {
        let mut input = Input::new(bytes);
        let (format, samples) =
            input.choose(&[("wav", "s16"), ("wav", "s24"), ("wav", "f32"), ("flac", "s16"), ("flac", "s24")]);
        let mut encoder = node("AudioEncode", json!({"format": format, "sample_format": samples})).expect("it is made");
        let sounds = sounds(&mut input);
        let packets = sounds.iter().cloned().map(|audio| Packet::new(Value::from(audio))).collect();
        let encoded = run_item(encoder.as_mut(), packets, MOST_BYTES);
        if encoded.failure.is_some() || sounds.is_empty() {
            assert!(encoded.values.is_empty(), "nothing is left of a file that failed");
            return;
        }
        let [Value::Bytes(file)] = &encoded.values[..] else { panic!("one file comes out") };
        assert_decodes(file, &sounds, samples);
    }
);

/// Packets of one format; a byte now and then changes it.
fn sounds(input: &mut Input<'_>) -> Vec<Audio> {
    const RATES: [u32; 8] = [8000, 16_000, 44_100, 48_000, 96_000, 96_001, 1, u32::MAX];
    const LAYOUTS: [&str; 4] = ["stereo", "5.1", "mono", "odd"];
    let how = input.byte();
    let mut channels = usize::from(how % 10) + 1;
    let mut rate = if how < 200 { RATES[usize::from(how / 10) % 8] } else { input.word().max(1) };
    let mut sounds = Vec::new();
    while !input.is_empty() && sounds.len() < 16 {
        match input.byte() {
            250.. => channels = usize::from(input.byte() % 70) + 1,
            240..250 => rate = input.word().max(1),
            how => {
                let frames = usize::from(how % 64) * if how >= 128 { 97 } else { 1 };
                // Short patterns repeat, so that a few bytes are long sound.
                let pattern = input.take(usize::from(how % 24) * 4 + 4);
                let words: Vec<u32> =
                    pattern.chunks_exact(4).map(|word| u32::from_le_bytes(word.try_into().unwrap())).collect();
                let sample = |place: usize| {
                    let word = words.get(place % words.len().max(1)).copied().unwrap_or(0);
                    // Half of the samples within full scale, the others any bits.
                    if how & 64 == 0 { word as i32 as f32 / 2_147_483_648.0 } else { f32::from_bits(word) }
                };
                let planar = (0..frames * channels).map(sample).collect();
                let layout = Layout::Named(LAYOUTS[usize::from(how) % 4].into());
                let audio = Audio::from_planar(planar, channels, rate).expect("it is sound");
                sounds.push(if how & 1 == 0 { audio.with_layout(layout) } else { audio });
            }
        }
    }
    sounds
}

fn assert_decodes(file: &Buffer, sounds: &[Audio], samples: &str) {
    let frames: usize = sounds.iter().map(Audio::frames).sum();
    let mut decoder = node("AudioDecode", json!({})).expect("it is made");
    let given = vec![Packet::new(Value::from(File::from_bytes(file.clone())))];
    let decoded = run_item(decoder.as_mut(), given, usize::MAX);
    if frames == 0 && file.as_slice().starts_with(b"fLaC") {
        assert!(decoded.failure.is_some(), "there is no FLAC file without a frame");
        return;
    }
    if let Some(failure) = &decoded.failure {
        panic!("what was written can be read: {failure:?}");
    }
    let chunks: Vec<&Audio> = decoded
        .values
        .iter()
        .map(|value| match value {
            Value::Audio(audio) => &**audio,
            other => panic!("sound comes out, not {}", other.kind().name()),
        })
        .collect();
    assert_eq!(chunks.iter().map(|chunk| chunk.frames()).sum::<usize>(), frames, "frames");
    // What has no frames changes nothing, unless nothing else comes.
    let sounding = || sounds.iter().filter(|audio| audio.frames() > 0);
    let first = sounding().next().unwrap_or(&sounds[0]);
    assert!(chunks.iter().all(|chunk| (chunk.rate(), chunk.channels()) == (first.rate(), first.channels())));
    for channel in 0..first.channels() {
        let written = sounding().flat_map(|audio| audio.channel(channel));
        let read = chunks.iter().flat_map(|audio| audio.channel(channel));
        for (written, read) in written.zip(read) {
            let is_same = match samples {
                "s16" => quantize(*written, 16) == (read * 32_768.0) as i32,
                "s24" => quantize(*written, 24) == (read * 8_388_608.0) as i32,
                _ => written.to_bits() == read.to_bits() || written.is_nan() && read.is_nan(),
            };
            assert!(is_same, "{written} was read as {read}");
        }
    }
}
