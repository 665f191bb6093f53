//! Files that are written, read back by this decoder and by an independent one.

use std::io::Cursor;

use remotemedia_core::node::{NodeType, Params};
use remotemedia_core::value::{Audio, Layout, Packet, Value};
use remotemedia_nodes::audio::pcm::quantize;
use serde_json::{Value as Json, json};
use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::{AudioDecoder as _, AudioDecoderOptions};
use symphonia::core::formats::{FormatOptions, FormatReader as _};
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions};
use symphonia_bundle_flac::{FlacDecoder, FlacReader};

use harness::items::{Outcome, decode, decode_path, decode_pieces, in_memory, node, run_item};
use harness::media;

pub(crate) fn sound(planes: &[Vec<i16>], rate: u32) -> Audio {
    let planes: Vec<Vec<f32>> =
        planes.iter().map(|plane| plane.iter().map(|sample| f32::from(*sample) / 32768.0).collect()).collect();
    Audio::from_channels(&planes, rate).expect("the planes are alike")
}

pub(crate) fn encode(params: Json, audio: &Audio, chunk: usize) -> Outcome {
    let packets = (0..audio.frames())
        .step_by(chunk)
        .map(|first| Packet::new(audio.slice(first, chunk.min(audio.frames() - first)).into()))
        .collect();
    run_item(node("AudioEncode", params).as_mut(), packets)
}

pub(crate) fn only_bytes(outcome: &Outcome) -> Vec<u8> {
    assert_eq!(outcome.failure, None);
    let [Value::Bytes(bytes)] = &outcome.values[..] else { panic!("expected bytes, got {:?}", outcome.values) };
    bytes.as_slice().to_vec()
}

#[test]
fn what_is_encoded_comes_back_bit_by_bit() {
    let reference = media::reference(44100, 20_000, 2);
    let audio = sound(&reference, 44100);
    for params in [
        json!({"format": "wav"}),
        json!({"format": "wav", "sample_format": "s24"}),
        json!({"format": "wav", "sample_format": "f32"}),
        json!({"format": "flac"}),
        json!({"format": "flac", "sample_format": "s24"}),
    ] {
        for chunk in [333, 4096, 20_000] {
            let bytes = only_bytes(&encode(params.clone(), &audio, chunk));
            let back = decode(Value::bytes(bytes)).samples();
            assert_eq!(media::deviation(&back, &reference).0, 0.0, "{params} in chunks of {chunk}");
        }
    }
}

/// The layouts of Opus, by their number of channels.
const LAYOUTS: [&str; 8] = ["mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1"];

#[derive(serde::Deserialize)]
struct Encoded {
    against: String,
    /// `reference`, `tones` or `speech`.
    sound: String,
    rate: u32,
    channels: usize,
    params: Json,
    noise_db: f64,
    /// PESQ of speech, of this encoder and of `opusenc`.
    pesq: Option<f64>,
    pesq_of_opusenc: Option<f64>,
}

impl Encoded {
    /// What is encoded, and what should come back at its rate or at 48 kHz.
    fn planes(&self) -> (Vec<Vec<i16>>, Vec<Vec<i16>>) {
        let (rate, channels) = (self.rate, self.channels);
        let integer = |sample: f64| (sample * 32768.0).round_ties_even() as i16;
        match &self.sound[..] {
            "reference" => {
                (media::reference(rate, rate as usize / 2, channels), media::reference(48_000, 24_000, channels))
            }
            "tones" => {
                let plane =
                    |channel| -> Vec<i16> { tone(channel, channels).map(|sample| integer(0.3 * sample)).collect() };
                let planes: Vec<_> = (0..channels).map(plane).collect();
                (planes.clone(), planes)
            }
            _ => {
                let clips = ["0880", "0890", "0920", "0930"].map(|name| media::path(&format!("librivox/{name}.flac")));
                let samples = clips.iter().flat_map(|path| decode_path(path).samples().remove(0));
                let plane: Vec<i16> = samples.map(|sample| integer(f64::from(sample))).collect();
                (vec![plane.clone()], vec![plane])
            }
        }
    }
}

/// Half a second of a tone at 48 kHz, another one for each channel, that of low frequency where there is a channel for it.
fn tone(channel: usize, channels: usize) -> impl Iterator<Item = f64> {
    let step = std::f64::consts::TAU * hertz(channel, channels) / 48_000.0;
    (0..24_000).map(move |frame| (step * f64::from(frame)).sin())
}

fn hertz(channel: usize, channels: usize) -> f64 {
    if channel == 3 && channels >= 6 { 60.0 } else { 300.0 + 130.0 * channel as f64 }
}

/// How much noise libopus finds in these files was measured once, and how good speech is by PESQ, beside `opusenc`; this
/// decoder must find as much noise in what is written now, to half a decibel: the last bits of samples decide what an
/// encoder writes.
#[test]
#[allow(clippy::print_stdout, reason = "as above")]
fn reference_opus_has_the_noise_that_libopus_finds() {
    let cases: Vec<Encoded> = serde_json::from_slice(&media::fixture("encoded.json")).expect("cases");
    for case in cases {
        let (planes, expected) = case.planes();
        let sound = sound(&planes, case.rate).with_layout(Layout::Named(LAYOUTS[case.channels - 1].into()));
        let back = decode(Value::bytes(only_bytes(&encode(case.params.clone(), &sound, 1000))));
        let mut samples = back.samples();
        // Speech is compared at its own rate.
        let step = samples[0].len() / expected[0].len();
        samples.iter_mut().for_each(|plane| *plane = plane.iter().copied().step_by(step).collect());
        let (_, decibels) = media::deviation(&samples, &expected);
        let bitrate =
            case.params["bitrate_kbps"].as_u64().map_or("default".to_owned(), |kbps| format!("{kbps} kbit/s"));
        let name =
            format!("AudioEncode (Opus, {bitrate}, {} Hz, {} channels, {})", case.rate, case.channels, case.sound);
        assert!((decibels + case.noise_db).abs() <= 0.5, "{name}: -{decibels} dB, not {} dB", case.noise_db);
        let row = format!(
            "1 | coding noise at {:.0} dB; here {:+.3} dB beside that",
            case.noise_db,
            -decibels - case.noise_db
        );
        println!("reference | {name} | the sound, as {} reads it | {row} | 0.5 dB |", case.against);
        if let (Some(ours), Some(theirs)) = (case.pesq, case.pesq_of_opusenc) {
            assert!(ours - theirs >= -0.05 - 1e-9, "{name}: PESQ of {ours}, where opusenc has {theirs}");
            let row = format!("opusenc 0.2 | 1 | {ours:.2} beside {theirs:.2} | 0.05 less |");
            println!("reference | {name}, PESQ-WB | {row}");
        }
    }
}

#[test]
fn opus_has_the_length_and_the_place_of_the_sound() {
    for (rate, channels, params, ratio) in [
        (48_000, 2, json!({"format": "opus"}), 30.0),
        (44_100, 2, json!({"format": "opus", "bitrate_kbps": 128}), 30.0),
        (16_000, 1, json!({"format": "opus", "bitrate_kbps": 24}), 15.0),
    ] {
        let frames = rate as usize / 2 + 7;
        let audio = sound(&media::reference(rate, frames, channels), rate);
        let bytes = only_bytes(&encode(params.clone(), &audio, 1000));
        let back = decode(Value::bytes(bytes));
        let expected = (frames as f64 * 48_000.0 / f64::from(rate)).round() as usize;
        // A shift by one frame alone would leave 24 dB of the stereo signals, of the mono one 25 dB.
        let (_, decibels) = media::deviation(&back.samples(), &media::reference(48_000, expected, channels));
        assert!(decibels >= ratio, "{params} at {rate} Hz: {decibels} dB");
    }
}

/// The share of a channel's power that is at this frequency.
fn share(samples: &[f32], hertz: f64) -> f64 {
    let (mut power, mut real, mut imaginary) = (0.0, 0.0, 0.0);
    for (frame, sample) in samples.iter().enumerate() {
        let (sample, phase) = (f64::from(*sample), std::f64::consts::TAU * hertz * frame as f64 / 48_000.0);
        power += sample * sample;
        real += sample * phase.cos();
        imaginary += sample * phase.sin();
    }
    (real * real + imaginary * imaginary) * 2.0 / (samples.len() as f64 * power)
}

#[test]
fn opus_keeps_every_channel_in_its_place() {
    for (channels, layout) in (1..).zip(LAYOUTS) {
        let plane = |channel| -> Vec<f32> { tone(channel, channels).map(|sample| 0.3 * sample as f32).collect() };
        let planes: Vec<_> = (0..channels).map(plane).collect();
        let audio = Audio::from_channels(&planes, 48_000).expect("the planes are alike");
        let audio = audio.with_layout(Layout::Named(layout.into()));
        let back = decode(Value::bytes(only_bytes(&encode(json!({"format": "opus"}), &audio, 1000))));
        assert_eq!(back.chunks()[0].layout().name(), Some(layout));
        for (channel, samples) in back.samples().iter().enumerate() {
            assert_eq!(samples.len(), 24_000, "{layout}");
            let share = share(samples, hertz(channel, channels));
            assert!(share > 0.98, "channel {channel} of {layout}: {share}");
        }
    }
}

#[test]
fn opus_has_the_length_of_the_sound_at_every_rate() {
    for rate in [8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000] {
        for frames in [1, 7, rate / 50, rate / 50 + 1, rate / 3] {
            let audio = sound(&media::reference(rate, frames as usize, 1), rate);
            let back = decode(Value::bytes(only_bytes(&encode(json!({"format": "opus"}), &audio, 500))));
            let expected = (f64::from(frames) * 48_000.0 / f64::from(rate)).round() as usize;
            assert_eq!(back.samples()[0].len(), expected, "{frames} frames at {rate} Hz");
        }
    }
}

#[test]
fn an_opus_file_of_no_sound_is_a_file() {
    let audio = Audio::from_channels(&[Vec::new()], 48_000).expect("no frames are no harm");
    let bytes =
        only_bytes(&run_item(node("AudioEncode", json!({"format": "opus"})).as_mut(), vec![Packet::new(audio.into())]));
    assert_eq!(decode(Value::bytes(bytes)).values.len(), 0);
}

#[test]
fn a_flac_file_of_no_sound_is_told_of_when_it_is_read() {
    let audio = Audio::from_channels(&[Vec::new()], 48_000).expect("no frames are no harm");
    let bytes =
        only_bytes(&run_item(node("AudioEncode", json!({"format": "flac"})).as_mut(), vec![Packet::new(audio.into())]));
    assert_eq!(
        decode(in_memory(bytes)).message(),
        "the file ends before its first frame of sound. Fetch or copy it again if it was cut off; else nothing was \
         written to it."
    );
}

#[test]
fn dither_makes_hiss_of_what_rounding_would_lose() {
    // A tone of a third of a step: without dither it rounds to nothing.
    let tone: Vec<f32> = (0..48_000).map(|frame| (frame as f32 * 0.1).sin() / (3.0 * 32768.0)).collect();
    let audio = Audio::from_channels(std::slice::from_ref(&tone), 48_000).expect("it is one channel");
    let plain = decode(Value::bytes(only_bytes(&encode(json!({"format": "wav"}), &audio, 4096)))).samples();
    assert!(plain[0].iter().all(|sample| *sample == 0.0));
    for format in ["wav", "flac"] {
        let params = json!({"format": format, "dither": "triangular"});
        let dithered = decode(Value::bytes(only_bytes(&encode(params, &audio, 4096)))).samples();
        let along: f64 =
            dithered[0].iter().zip(&tone).map(|(sample, tone)| f64::from(*sample) * f64::from(*tone)).sum();
        let power: f64 = tone.iter().map(|tone| f64::from(*tone).powi(2)).sum();
        // The error is white and uncorrelated, of a quarter of a step squared: 4 % is five standard deviations.
        assert!((along / power - 1.0).abs() < 0.05, "{format}: {}", along / power);
    }
}

#[test]
fn how_sound_is_cut_into_chunks_does_not_matter() {
    let audio = sound(&media::reference(16000, 10_000, 1), 16000);
    for params in [
        json!({"format": "wav"}),
        json!({"format": "wav", "dither": "triangular"}),
        json!({"format": "flac"}),
        json!({"format": "opus"}),
    ] {
        let whole = only_bytes(&encode(params.clone(), &audio, 10_000));
        for chunk in [1, 160, 5000] {
            assert_eq!(only_bytes(&encode(params.clone(), &audio, chunk)), whole, "{params} {chunk}");
        }
    }
}

/// Noise of every size, up to full scale, in whole steps of so many bits (a linear congruential generator of Knuth).
fn noise(bits: u32, frames: usize) -> Vec<Vec<i32>> {
    let mut state = 1u64;
    let mut next = |frame: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state.cast_signed() >> (64 - bits)) as i32 >> (frame * bits as usize / frames)
    };
    (0..2).map(|_| (0..frames).map(&mut next).collect()).collect()
}

/// The bytes of a file that holds noise of so many bits.
fn file_of(format: &str, sample_format: &str, planes: &[Vec<i32>], bits: u32) -> Vec<u8> {
    let scale = 1.0 / (1u32 << (bits - 1)) as f32;
    let planes: Vec<Vec<f32>> =
        planes.iter().map(|plane| plane.iter().map(|sample| *sample as f32 * scale).collect()).collect();
    let audio = Audio::from_channels(&planes, 22_050).expect("the planes are alike");
    only_bytes(&encode(json!({"format": format, "sample_format": sample_format}), &audio, 1000))
}

/// What another decoder of FLAC reads, which also compares the MD5 of the file.
fn read_by_symphonia(bytes: Vec<u8>, bits: u32) -> Vec<Vec<i32>> {
    let stream = MediaSourceStream::new(Box::new(Cursor::new(bytes)), MediaSourceStreamOptions::default());
    let mut reader = FlacReader::try_new(stream, FormatOptions::default()).expect("a FLAC file");
    let Some(CodecParameters::Audio(params)) = reader.tracks()[0].codec_params.clone() else { panic!("no audio") };
    let mut decoder = FlacDecoder::try_new(&params, &AudioDecoderOptions::default().verify(true)).expect("FLAC");
    let (mut planes, mut packet_planes) = (Vec::new(), Vec::<Vec<i32>>::new());
    while let Some(packet) = reader.next_packet().expect("the file is whole") {
        decoder.decode(&packet).expect("a frame").copy_to_vecs_planar(&mut packet_planes);
        planes.resize_with(packet_planes.len(), Vec::new);
        for (plane, packet) in planes.iter_mut().zip(&packet_planes) {
            plane.extend(packet.iter().map(|sample| sample >> (32 - bits)));
        }
    }
    assert_eq!(decoder.finalize().verify_ok, Some(true), "the MD5 of its sound");
    planes
}

#[test]
#[allow(clippy::print_stdout, reason = "the table of references is made of what the tests print")]
fn reference_readers_find_every_step() {
    for (name, bits) in [("s16", 16), ("s24", 24)] {
        let planes = noise(bits, 3001);
        let interleaved: Vec<i32> = (0..3001).flat_map(|frame| [planes[0][frame], planes[1][frame]]).collect();
        let mut wav = hound::WavReader::new(Cursor::new(file_of("wav", name, &planes, bits))).expect("a WAV file");
        let spec = wav.spec();
        assert_eq!((spec.channels, spec.sample_rate, u32::from(spec.bits_per_sample)), (2, 22_050, bits));
        let samples: Vec<i32> = wav.samples::<i32>().map(|sample| sample.expect("the file is whole")).collect();
        assert_eq!(samples, interleaved, "WAV {name}");
        assert_eq!(read_by_symphonia(file_of("flac", name, &planes, bits), bits), planes, "FLAC {name}");
    }
    let planes = noise(24, 3001);
    let mut wav = hound::WavReader::new(Cursor::new(file_of("wav", "f32", &planes, 24))).expect("a WAV file");
    let samples: Vec<f32> = wav.samples::<f32>().map(|sample| sample.expect("the file is whole")).collect();
    let expected = |index: usize| planes[index % 2][index / 2] as f32 / (1 << 23) as f32;
    assert_eq!(samples, (0..6002).map(expected).collect::<Vec<f32>>(), "WAV f32");
    println!(
        "reference | AudioEncode (WAV) | what hound 3.5.1 reads of s16, s24 and f32 | 3 | 0.0e0 of full scale | 0.0e0 |"
    );
    println!(
        "reference | AudioEncode (FLAC) | what Symphonia 0.6.1 reads of s16 and s24 | 2 | 0.0e0 of full scale | 0.0e0 |"
    );
}

#[test]
fn floats_above_full_scale_stay_as_they_are_in_a_wav_file() {
    let loud = Audio::from_channels(&[vec![1.5, -2.0, 0.1]], 8000).expect("the planes are alike");
    let bytes = only_bytes(&encode(json!({"format": "wav", "sample_format": "f32"}), &loud, 3));
    let mut reader = hound::WavReader::new(Cursor::new(bytes)).expect("it is a WAV file");
    let samples: Vec<f32> = reader.samples::<f32>().map(|sample| sample.expect("the file is whole")).collect();
    assert_eq!(samples, [1.5, -2.0, 0.1]);
}

#[test]
fn integers_are_rounded_and_saturate() {
    let step = 1.0 / 32768.0;
    let audio = Audio::from_channels(&[vec![0.6 * step, -0.6 * step, 0.4 * step, 1.0, 3.0, -1.0, -3.0]], 8000);
    let audio = audio.expect("the planes are alike");
    for format in ["wav", "flac"] {
        let back = decode(Value::bytes(only_bytes(&encode(json!({"format": format}), &audio, 7)))).samples();
        let integers: Vec<i32> = back[0].iter().map(|sample| quantize(*sample, 16)).collect();
        assert_eq!(integers, [1, -1, 0, 32767, 32767, -32768, -32768], "{format}");
    }
}

#[test]
fn noise_silence_and_many_channels_survive_flac() {
    // A linear congruential generator (Knuth, MMIX): noise that no predictor shortens, at full scale.
    let mut state = 1u64;
    let mut noise = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 48) as i16
    };
    let planes: Vec<Vec<i16>> =
        (0..6).map(|channel| (0..9001).map(|_| if channel == 3 { 0 } else { noise() }).collect()).collect();
    let audio = sound(&planes, 48000).with_layout(Layout::Named("5.1".into()));
    for format in ["flac", "wav"] {
        let outcome = decode(Value::bytes(only_bytes(&encode(json!({"format": format}), &audio, 1234))));
        assert_eq!(media::deviation(&outcome.samples(), &planes).0, 0.0);
        assert_eq!(outcome.chunks()[0].layout().name(), Some("5.1"), "{format}");
    }
}

#[test]
fn every_layout_survives_wav_and_flac() {
    let named = [
        (3, "2.1"),
        (3, "3.0"),
        (3, "3.0(back)"),
        (4, "3.1"),
        (4, "4.0"),
        (4, "quad"),
        (4, "quad(side)"),
        (5, "5.0"),
        (5, "5.0(side)"),
        (6, "5.1"),
        (6, "5.1(side)"),
        (7, "6.1"),
        (7, "7.0"),
        (8, "7.1"),
    ];
    let layouts = named.map(|(channels, name)| (channels, Layout::Named(name.into())));
    let unspecified = (3..=8).map(|channels| (channels, Layout::Unspecified));
    for (channels, layout) in layouts.into_iter().chain(unspecified) {
        let planes: Vec<Vec<i16>> = (0..channels).map(|channel| vec![channel as i16 * 100; 50]).collect();
        let audio = sound(&planes, 48000).with_layout(layout.clone());
        for format in ["wav", "flac"] {
            let file = only_bytes(&encode(json!({"format": format}), &audio, 50));
            for outcome in [decode(in_memory(file.clone())), decode_pieces(&file, 100)] {
                assert_eq!(media::deviation(&outcome.samples(), &planes).0, 0.0);
                assert_eq!(*outcome.chunks()[0].layout(), layout, "{channels} channels in {format}");
            }
        }
    }
}

/// As `flac` writes it (RFC 9639, 8.6.2 and 8.6.3).
#[test]
fn a_mask_of_speakers_is_a_comment_of_flac_where_it_has_other_places() {
    const MASK: &str = "WAVEFORMATEXTENSIBLE_CHANNEL_MASK=";
    for (channels, layout, mask) in [(6, Some("5.1"), None), (7, Some("7.0"), Some("0x637")), (4, None, Some("0x0"))] {
        let layout = layout.map_or(Layout::Unspecified, |name| Layout::Named(name.into()));
        let audio = sound(&vec![vec![1; 50]; channels], 48000).with_layout(layout);
        let file = only_bytes(&encode(json!({"format": "flac"}), &audio, 50));
        let comment = mask.map(|mask| {
            let text = format!("{MASK}{mask}");
            let lens = [11, 1, text.len() as u32].map(u32::to_le_bytes);
            let content = [&lens[0][..], b"remotemedia", &lens[1], &lens[2], text.as_bytes()].concat();
            [&[0x84, 0, 0, content.len() as u8], &content[..]].concat()
        });
        assert_eq!(file[4], if mask.is_some() { 0 } else { 0x80 });
        assert!(file[42..].starts_with(&comment.unwrap_or(vec![0xff, 0xf8])), "{mask:?}");
    }
}

#[test]
fn a_short_sound_is_a_file_too() {
    for frames in [1, 15, 16, 17] {
        let planes = vec![vec![5i16; frames]];
        for format in ["wav", "flac"] {
            let back = decode(Value::bytes(only_bytes(&encode(json!({"format": format}), &sound(&planes, 8000), 100))));
            assert_eq!(media::deviation(&back.samples(), &planes).0, 0.0, "{format} {frames}");
        }
    }
}

#[test]
fn an_item_without_sound_gives_nothing() {
    let outcome = run_item(node("AudioEncode", json!({"format": "wav"})).as_mut(), Vec::new());
    assert_eq!((outcome.values, outcome.failure), (Vec::new(), None));
}

#[test]
fn a_path_holds_the_file_when_it_is_whole() {
    let directory = media::directory();
    let path = directory.join("out.flac");
    let path = path.to_str().expect("the path is UTF-8");
    let reference = media::reference(16000, 5000, 1);
    let mut encode = node("AudioEncode", json!({"path": path}));
    let step = encode.process(0, Packet::new(sound(&reference, 16000).into())).expect("the sound fits");
    assert!(matches!(step, remotemedia_core::node::Step::Done(None)));
    assert!(!std::path::Path::new(path).exists(), "the file must not be there before it is whole");
    let step = encode.flush().expect("the disk has room");
    let remotemedia_core::node::Step::Done(Some(emission)) = step else { panic!("the file comes out") };
    let Value::File(file) = &emission.packet.value else { panic!("a file comes out") };
    assert_eq!((file.name(), file.mime.as_deref()), (Some("out.flac"), Some("audio/flac")));
    assert_eq!(media::deviation(&decode_path(path).samples(), &reference).0, 0.0);
    assert_eq!(entries(&directory), ["out.flac"]);

    let second = run_item(encode.as_mut(), vec![Packet::new(sound(&reference, 16000).into())]);
    assert_eq!(
        second.message(),
        format!(
            "'{path}' holds an earlier item of this run. Leave `path` out to get each item as bytes, or run once for each item."
        )
    );
}

#[test]
fn nothing_is_left_of_a_file_that_was_not_finished() {
    let directory = media::directory();
    let path = directory.join("out.wav");
    let audio = sound(&media::reference(16000, 500, 1), 16000);
    let mut cancelled = node("AudioEncode", json!({"path": path}));
    let _ = cancelled.process(0, Packet::new(audio.clone().into())).expect("the sound fits");
    assert_eq!(entries(&directory).len(), 1);
    cancelled.cleanup();
    assert_eq!(entries(&directory), [""; 0]);

    let other = sound(&media::reference(8000, 500, 1), 8000);
    let packets = vec![Packet::new(audio.into()), Packet::new(other.into())];
    let changed = run_item(node("AudioEncode", json!({"path": path})).as_mut(), packets);
    assert_eq!(
        changed.message(),
        "the sound changes from 16000 Hz to 8000 Hz within one file. Put an AudioResample before it."
    );
    assert_eq!(entries(&directory), [""; 0]);
}

#[test]
fn what_can_not_be_written_is_said() {
    let mono = sound(&media::reference(8000, 10, 1), 8000);
    let stereo = sound(&media::reference(8000, 10, 2), 8000);
    let packets = vec![Packet::new(mono.clone().into()), Packet::new(stereo.into())];
    assert_eq!(
        run_item(node("AudioEncode", json!({"format": "wav"})).as_mut(), packets).message(),
        "the sound changes from 1 to 2 channels within one file. Put an AudioMix before it."
    );
    assert_eq!(
        encode(json!({"path": "/nowhere/out.wav"}), &mono, 10).message(),
        "no such directory '/nowhere'. Create it first."
    );
    let directory = media::directory().join("taken.wav");
    std::fs::create_dir(&directory).expect("the directory can be made");
    assert_eq!(
        encode(json!({"path": directory}), &mono, 10).message(),
        format!("'{}' is a directory. Name a file in it.", directory.display())
    );
    let wide = Audio::from_planar(vec![0.0; 9], 9, 8000).expect("nine channels are allowed");
    assert_eq!(
        encode(json!({"format": "flac"}), &wide, 1).message(),
        "FLAC holds up to 8 channels, got 9. Mix it down with AudioMix, or use format \"wav\"."
    );
    assert_eq!(
        encode(json!({"format": "opus"}), &wide, 1).message(),
        "Opus is written with up to 8 channels, got 9. Mix it down with AudioMix, or use format \"wav\"."
    );
    let three = Audio::from_planar(vec![0.0; 9], 3, 8000).expect("three channels are allowed");
    assert_eq!(
        encode(json!({"format": "opus"}), &three.clone().with_layout(Layout::Named("2.1".into())), 3).message(),
        "Opus has no places for the layout 2.1; of 3 channels it has 3.0. Mix it with AudioMix, or use format \"wav\"."
    );
    assert_eq!(
        encode(json!({"format": "flac"}), &three.clone().with_layout(Layout::Named("5.1".into())), 3).message(),
        "FLAC has no places for the layout 5.1 of 3 channels; of so many it has 3.0. Mix it with AudioMix, or use format \
         \"wav\"."
    );
    assert_eq!(
        encode(json!({"format": "opus"}), &three, 3).message(),
        "Opus needs to know where each of 3 channels is, and the sound has no layout. Give it one, such as 3.0, or use format \
         \"flac\" or \"wav\"."
    );
    let three = three.with_layout(Layout::Named("3.0".into()));
    assert_eq!(
        encode(json!({"format": "opus", "bitrate_kbps": 11}), &three, 3).message(),
        "Opus of 3 channels has 12 to 1020 kbit/s, got 11. Set bitrate_kbps to 12, or leave it out."
    );
    assert_eq!(
        encode(json!({"format": "opus", "bitrate_kbps": 511}), &mono, 10).message(),
        "Opus of 1 channel has 6 to 510 kbit/s, got 511. Set bitrate_kbps to 510, or leave it out."
    );
    let fast = Audio::from_planar(vec![0.0; 9], 1, 768_000).expect("one channel is allowed");
    assert_eq!(
        encode(json!({"format": "flac"}), &fast, 9).message(),
        "FLAC is written up to 655350 Hz, got 768000 Hz. Put an AudioResample before it, or use format \"wav\"."
    );
    let six = Audio::from_planar(vec![0.0; 60], 6, 16_000).expect("six channels are allowed");
    let [front, side] = ["5.1", "5.1(side)"].map(|layout| six.clone().with_layout(Layout::Named(layout.into())));
    for (first, second, change) in
        [(&front, &side, "5.1 to 5.1(side)"), (&six, &front, "none to 5.1"), (&side, &six, "5.1(side) to none")]
    {
        let packets = [first, second].map(|sound| Packet::new(sound.clone().into())).to_vec();
        assert_eq!(
            run_item(node("AudioEncode", json!({"format": "wav"})).as_mut(), packets).message(),
            format!("the sound changes from the layout {change} within one file. Put an AudioMix before it.")
        );
    }
}

#[test]
fn params_that_do_not_go_together_are_refused() {
    let registry = harness::drive::registry();
    let encode: &NodeType = registry.get("AudioEncode").expect("the node is registered");
    for (params, message) in [
        (
            json!({}),
            "format: expected \"wav\", \"flac\" or \"opus\", or a path that ends in .wav, .flac or .opus, got neither",
        ),
        (
            json!({"path": "a.mp3"}),
            "format: expected \"wav\", \"flac\" or \"opus\", or a path that ends in .wav, .flac or .opus, got the path 'a.mp3'",
        ),
        (
            json!({"path": "a.wav", "format": "flac"}),
            "path: expected a path that ends in .flac, got a path that ends in .wav",
        ),
        (
            json!({"format": "flac", "sample_format": "f32"}),
            "sample_format: expected \"s16\" or \"s24\", because FLAC holds integers, got \"f32\"",
        ),
        (
            json!({"format": "opus", "sample_format": "s16"}),
            "sample_format: expected nothing, because Opus holds no samples, got \"s16\"",
        ),
        (
            json!({"format": "wav", "sample_format": "f32", "dither": "triangular"}),
            "dither: expected \"none\", because no integers are written, got \"triangular\"",
        ),
        (
            json!({"format": "wav", "bitrate_kbps": 64}),
            "bitrate_kbps: expected nothing, because only Opus has a bitrate, got 64",
        ),
        (json!({"format": "wav", "path": ""}), "path: expected a path, got \"\""),
    ] {
        let params: Params = params.as_object().expect("params are an object").clone();
        assert_eq!(encode.prepare(params).err().map(|error| error.to_string()).as_deref(), Some(message));
    }
}

fn entries(directory: &std::path::Path) -> Vec<String> {
    std::fs::read_dir(directory)
        .expect("the directory is there")
        .map(|entry| entry.expect("the entry is there").file_name().to_string_lossy().into_owned())
        .collect()
}
