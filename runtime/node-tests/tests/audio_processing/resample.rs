//! `AudioResample` against what it promises: lengths, times, independence of chunks, and the filter.

use std::f64::consts::PI;

use proptest::prelude::*;
use remotemedia_core::node::{AudioFormat, Context, Emission, Form, Node, Params, Step};
use remotemedia_core::value::{Audio, Layout, MediaTime, Packet, Value};
use serde_json::json;

use harness::drive::{feed, prepare};
use harness::media::fixture;

/// Runs a node over one item and returns what it emits.
fn drive(node: &mut dyn Node, packets: impl IntoIterator<Item = Audio>) -> Vec<Audio> {
    let mut emitted = Vec::new();
    let take = |emission: Emission| {
        assert_eq!(emission.port, 0);
        let Value::Audio(audio) = emission.packet.value else { panic!("not audio") };
        assert_eq!(emission.packet.pts, audio.pts);
        emitted.push(*audio);
    };
    feed(node, packets.into_iter().map(|audio| (0, Packet::new(audio.into()))), take).unwrap();
    emitted
}

fn node(rate: u32, quality: &str) -> Box<dyn Node> {
    let registry = harness::drive::registry();
    let params: Params = serde_json::from_value(serde_json::json!({"rate": rate, "quality": quality})).unwrap();
    let mut node = registry.get("AudioResample").unwrap().prepare(params).unwrap().instantiate();
    node.initialize(&Context { node_id: "resample".into(), ..Context::default() }).unwrap();
    node
}

/// All frames of one channel.
fn samples(audio: &[Audio], channel: usize) -> Vec<f32> {
    audio.iter().flat_map(|audio| audio.channel(channel).iter().copied()).collect()
}

fn resample(input: &[f32], from: u32, to: u32, quality: &str) -> Vec<f32> {
    let audio = Audio::from_planar(input.to_vec(), 1, from).unwrap();
    samples(&drive(&mut *node(to, quality), [audio]), 0)
}

/// White noise, the same every time (xorshift32), full scale ±0.5.
fn noise(frames: usize) -> Vec<f32> {
    let mut state = 0x9e37_79b9_u32;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state
    };
    (0..frames).map(|_| next() as f32 / u32::MAX as f32 - 0.5).collect()
}

const PAIRS: [(u32, u32); 18] = [
    (48000, 16000),
    (16000, 48000),
    (44100, 48000),
    (48000, 44100),
    (44100, 16000),
    (11025, 16000),
    (96000, 44100),
    (8000, 192_000),
    (192_000, 8000),
    (8000, 16000),
    (22050, 48000),
    (32000, 44100),
    (48000, 47999),
    (47999, 48000),
    (8000, 44101),
    (176_400, 8001),
    (44056, 44100),
    (12000, 11999),
];

#[test]
fn lengths_are_the_rounded_ratio() {
    let input = noise(9601);
    for (from, to) in PAIRS {
        for frames in [0, 1, 2, 3, 5, 479, 480, 481, 959, 960, 961, 4410, 9601] {
            let expected = (2 * frames as u64 * u64::from(to) + u64::from(from)) / (2 * u64::from(from));
            let got = resample(&input[..frames], from, to, "high").len();
            assert_eq!(got as u64, expected, "{frames} frames, {from} -> {to}");
        }
    }
}

/// The filter as its definition says, frame by frame in float64: `pass` and `attenuation_db` as documented.
fn reference(input: &[f32], from: u32, to: u32, pass: f64, attenuation_db: f64) -> Vec<f64> {
    fn i0(x: f64) -> f64 {
        let (mut sum, mut term, mut n) = (1.0, 1.0, 1.0);
        while term > 1e-17 * sum {
            term *= x * x / (4.0 * n * n);
            sum += term;
            n += 1.0;
        }
        sum
    }
    let nyquist = f64::from(from.min(to)) / 2.0 / f64::from(from);
    let half = (attenuation_db - 7.95) / (2.285 * 2.0 * PI * nyquist * (1.0 - pass)) / 2.0;
    let (cutoff, beta) = (nyquist * (1.0 + pass) / 2.0, 0.1102 * (attenuation_db - 8.7));
    let peak = i0(beta);
    let frames = (2 * input.len() as u64 * u64::from(to) + u64::from(from)) / (2 * u64::from(from));
    let frame = |n: u64| {
        let (whole, rest) = (n * u64::from(from) / u64::from(to), n * u64::from(from) % u64::from(to));
        let (whole, part) = (whole as i64, rest as f64 / f64::from(to));
        let reach = half.ceil() as i64 + 1;
        let tap = |i: i64| {
            let time = (whole - i) as f64 + part;
            if time.abs() > half {
                return 0.0;
            }
            let angle = 2.0 * PI * cutoff * time;
            let sinc = if angle == 0.0 { 1.0 } else { angle.sin() / angle };
            2.0 * cutoff * sinc * i0(beta * (1.0 - (time / half).powi(2)).sqrt()) / peak
        };
        let (first, end) = ((whole - reach).max(0), (whole + reach + 1).min(input.len() as i64));
        (first..end).map(|i| f64::from(input[i as usize]) * tap(i)).sum()
    };
    (0..frames).map(frame).collect()
}

fn largest_deviation(got: &[f32], expected: impl IntoIterator<Item = f64>) -> f64 {
    got.iter().zip(expected).map(|(&got, expected)| (f64::from(got) - expected).abs()).fold(0.0, f64::max)
}

/// White noise of peak 0.5 is the hardest input: all of the stop-band counts. What is cut off instead of filtered is at
/// the level of the stop-band, and rounding adds some 1e-7 in float32 and 3e-8 (half a unit of the output) in float64.
#[test]
#[allow(clippy::print_stdout, reason = "the table of references is made of what the tests print")]
fn reference_is_the_direct_form() {
    for (quality, pass, attenuation_db, tolerance) in
        [("fast", 0.8, 96.0, 2e-5), ("high", 0.9125, 132.0, 1e-6), ("best", 0.95, 150.0, 8e-8)]
    {
        let mut largest = 0f64;
        for (from, to) in PAIRS {
            let frames = (from / 10).clamp(1500, 4000) as usize;
            let input = noise(frames);
            let got = resample(&input, from, to, quality);
            let expected = reference(&input, from, to, pass, attenuation_db);
            assert_eq!(got.len(), expected.len());
            let deviation = largest_deviation(&got, expected);
            assert!(deviation < tolerance, "{quality} {from} -> {to}: {deviation:e}");
            largest = largest.max(deviation);
        }
        let row = format!("{} | {largest:.1e} of full scale | {tolerance:.1e}", PAIRS.len());
        println!("reference | AudioResample ({quality}) | its filter by definition, float64 | {row} |");
    }
}

/// The input of `tests/reference/make_resample.py`: 64 sines from 100 Hz to 7 kHz under a Hann window of 100 ms.
fn sines(rate: u32) -> Vec<f32> {
    let golden = (5f64.sqrt() - 1.0) / 2.0;
    let frames = rate as usize / 10;
    let sample = |frame: usize| -> f32 {
        let sine = |number: u32| {
            let number = f64::from(number);
            let frequency = 100.0 + 6900.0 * (number * golden).fract();
            let cycles = frequency * frame as f64 / f64::from(rate) + (number * number * golden).fract();
            (2.0 * PI * cycles.fract()).sin()
        };
        let window = 0.5 - 0.5 * (2.0 * PI * frame as f64 / frames as f64).cos();
        ((1..=64).map(sine).sum::<f64>() / 64.0 * window) as f32
    };
    (0..frames).map(sample).collect()
}

#[derive(serde::Deserialize)]
struct Case {
    against: String,
    from: u32,
    to: u32,
    first: usize,
    count: usize,
}

/// Both pass these frequencies with ripples of their own: those of "high" are 126 dB down, 5e-7. "fast" passes less than
/// 7 kHz at 16 kHz.
#[test]
#[allow(clippy::print_stdout, reason = "as above")]
fn reference_of_soxr() {
    let cases: Vec<Case> = serde_json::from_slice(&fixture("resample.json")).unwrap();
    let bytes = fixture("resample.f32");
    let values: Vec<f32> = bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    let tolerance = 5e-7;
    for quality in ["high", "best"] {
        let mut largest = 0f64;
        for case in &cases {
            let got = resample(&sines(case.from), case.from, case.to, quality);
            let expected = &values[case.first..case.first + case.count];
            assert_eq!(got.len(), expected.len());
            let deviation = largest_deviation(&got, expected.iter().map(|sample| f64::from(*sample)));
            assert!(deviation < tolerance, "{quality} {} -> {}: {deviation:e}", case.from, case.to);
            largest = largest.max(deviation);
        }
        let row = format!("{} | {largest:.1e} of full scale | {tolerance:.1e}", cases.len());
        println!("reference | AudioResample ({quality}, below 7 kHz) | {} | {row} |", cases[0].against);
    }
}

fn tone(frequency: f64, rate: u32, frames: usize) -> Vec<f32> {
    let sample = |n: usize| (2.0 * PI * (frequency * n as f64 / f64::from(rate)).fract()).sin() as f32;
    (0..frames).map(sample).collect()
}

fn rms_db(samples: impl ExactSizeIterator<Item = f64>) -> f64 {
    let frames = samples.len() as f64;
    10.0 * (samples.map(|sample| sample * sample).sum::<f64>() / frames).log10()
}

/// The level of what is left of a tone far from both ends, relative to the tone, in dB.
fn remaining_db(frequency: f64, from: u32, to: u32, quality: &str) -> f64 {
    let got = resample(&tone(frequency, from, 2 * from as usize), from, to, quality);
    let middle = &got[to as usize / 2..to as usize * 3 / 2];
    rms_db(middle.iter().map(|&sample| f64::from(sample))) - rms_db([0.5f64.sqrt()].into_iter())
}

/// The level of everything that is not the tone itself, at its own time and level, relative to the tone, in dB.
fn residue_db(frequency: f64, from: u32, to: u32, quality: &str) -> f64 {
    let got = resample(&tone(frequency, from, 2 * from as usize), from, to, quality);
    let ideal = |n: usize| (2.0 * PI * (frequency * n as f64 / f64::from(to)).fract()).sin();
    let range = to as usize / 2..to as usize * 3 / 2;
    rms_db(range.map(|n| f64::from(got[n]) - ideal(n))) - rms_db([0.5f64.sqrt()].into_iter())
}

#[test]
fn tones_above_the_new_band_vanish() {
    for (quality, limit) in [("fast", -94.0), ("high", -125.0), ("best", -145.0)] {
        for frequency in [8000.0, 8001.0, 8500.0, 10_000.0, 15_999.0, 16_000.0, 23_000.0] {
            let left = remaining_db(frequency, 48000, 16000, quality);
            assert!(left < limit, "{quality}, {frequency} Hz: {left} dB");
        }
        for (from, to) in [(96000, 44100), (44100, 16000), (48000, 16001)] {
            let frequency = f64::from(to) / 2.0 + 100.0;
            let left = remaining_db(frequency, from, to, quality);
            assert!(left < limit, "{quality}, {from} -> {to}: {left} dB");
        }
    }
}

/// From the lower Nyquist frequency on nothing is left but what was promised, for every pair of rates: by how much the worst
/// of some frequencies around the edge of the stop-band is down.
#[test]
#[allow(clippy::print_stdout, reason = "the table of references is made of what the tests print")]
fn reference_of_the_stop_band_at_its_edge() {
    for (quality, limit) in [("fast", -90.0), ("high", -120.0), ("best", -140.0)] {
        let mut worst = (f64::MIN, (0, 0), 0.0);
        for (from, to) in PAIRS.into_iter().filter(|(from, to)| from > to) {
            for share in [1.0, 1.0004, 1.0013, 1.0027, 1.006, 1.011, 1.03, 1.2] {
                let frequency = f64::from(to) / 2.0 * share;
                if frequency < f64::from(from) / 2.0 {
                    let left = remaining_db(frequency, from, to, quality);
                    worst = if left > worst.0 { (left, (from, to), share) } else { worst };
                }
            }
        }
        let (left, (from, to), share) = worst;
        assert!(left <= limit, "{quality}: {left} dB at {share} of Nyquist, {from} -> {to}");
        let row = format!("80 | {left:.1} dB left at {share} of Nyquist, {from} to {to} Hz | {limit:.1} dB");
        println!("reference | AudioResample ({quality}, stop-band) | tones by definition | {row} |");
    }
}

/// In the pass-band a sine comes out as the same sine: right level, right time, no images. In float32 the arithmetic
/// leaves noise near -135 dB, and the float32 input of the test has -150 dB of its own.
#[test]
fn tones_inside_the_band_stay_what_they_are() {
    for (quality, pass, limit) in [("fast", 0.8, -92.0), ("high", 0.9125, -122.0), ("best", 0.95, -143.0)] {
        for (from, to) in
            [(48000, 16000), (16000, 48000), (44100, 48000), (8000, 44100), (48000, 47999), (48000, 16001)]
        {
            for share in [0.01, 0.4, pass] {
                let frequency = (f64::from(from.min(to)) / 2.0 * share).floor();
                let residue = residue_db(frequency, from, to, quality);
                assert!(residue < limit, "{quality} {from} -> {to}, {frequency} Hz: {residue} dB");
            }
        }
    }
    let level = remaining_db(7000.0, 48000, 16000, "high");
    assert!(level.abs() < 1e-4, "7 kHz: {level} dB");
}

#[test]
fn a_constant_stays_constant() {
    for (from, to) in PAIRS {
        let got = resample(&vec![0.5; from as usize], from, to, "high");
        let middle = &got[got.len() / 4..got.len() * 3 / 4];
        let deviation = largest_deviation(middle, std::iter::repeat(0.5));
        // The ripple of the pass-band is half of 126 dB down, plus rounding.
        assert!(deviation < 5e-7, "{from} -> {to}: {deviation:e}");
    }
}

#[test]
fn an_impulse_keeps_its_place() {
    for (from, to, place) in [(48000, 16000, 4800), (16000, 48000, 1600), (44100, 48000, 4410), (8000, 16001, 8000)] {
        let mut input = vec![0.0; 2 * place];
        input[place] = 1.0;
        let got = resample(&input, from, to, "high");
        let peak = place * to as usize / from as usize;
        assert_eq!((0..got.len()).max_by(|&a, &b| got[a].total_cmp(&got[b])), Some(peak), "{from} -> {to}");
        for distance in 1..peak / 2 {
            let difference = (got[peak - distance] - got[peak + distance]).abs();
            assert!(difference < 1e-6, "{from} -> {to}, {distance} frames off: {difference:e}");
        }
    }
}

#[test]
fn channels_do_not_touch_each_other() {
    for (from, to) in [(48000, 16000), (48000, 47999)] {
        let whole = noise(3 * 20_000);
        let channels: Vec<Vec<f32>> = whole.chunks(20_000).map(<[f32]>::to_vec).collect();
        let together = drive(&mut *node(to, "high"), [Audio::from_channels(&channels, from).unwrap()]);
        for (index, channel) in channels.iter().enumerate() {
            assert_eq!(samples(&together, index), resample(channel, from, to, "high"), "{from} -> {to}, {index}");
        }
        assert!(together.iter().all(|audio| audio.layout() == &Layout::Unspecified && audio.channels() == 3));
    }
}

/// Cuts sound at these lengths, over and over.
fn cut(audio: &Audio, lengths: &[usize]) -> Vec<Audio> {
    let mut packets = Vec::new();
    let mut first = 0;
    for &length in lengths.iter().cycle() {
        if first == audio.frames() {
            return packets;
        }
        let length = length.min(audio.frames() - first);
        packets.push(audio.slice(first, length));
        first += length;
    }
    packets
}

#[test]
fn twenty_milliseconds_or_single_frames_make_no_difference() {
    for (from, to) in PAIRS {
        for quality in ["fast", "high", "best"] {
            let audio = Audio::from_planar(noise(5003), 1, from).unwrap();
            let whole = samples(&drive(&mut *node(to, quality), [audio.clone()]), 0);
            for length in [1, from as usize / 50, 1999] {
                let got = samples(&drive(&mut *node(to, quality), cut(&audio, &[length])), 0);
                assert!(got == whole, "{from} -> {to} at {quality} in packets of {length} frames");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_way_of_cutting_makes_a_difference(
        pair in 0..PAIRS.len(),
        quality in prop::sample::select(vec!["fast", "high", "best"]),
        channels in 1usize..4,
        frames in 0usize..12_000,
        lengths in prop::collection::vec(prop_oneof![0usize..40, 0usize..4000], 1..12)
            .prop_filter("must get on", |lengths| lengths.iter().any(|&length| length > 0)),
    ) {
        let (from, to) = PAIRS[pair];
        let audio = Audio::from_planar(noise(frames * channels), channels, from).unwrap();
        let whole = drive(&mut *node(to, quality), [audio.clone()]);
        let pieces = drive(&mut *node(to, quality), cut(&audio, &lengths));
        for channel in 0..channels {
            prop_assert!(samples(&whole, channel) == samples(&pieces, channel), "channel {}", channel);
        }
    }
}

#[test]
fn each_item_starts_afresh() {
    let mut node = node(16000, "high");
    let (first, second) = (noise(10_007), tone(1000.0, 48000, 7001));
    let sound = |samples: &[f32]| [Audio::from_planar(samples.to_vec(), 1, 48000).unwrap()];
    let before = samples(&drive(&mut *node, sound(&second)), 0);
    drive(&mut *node, sound(&first));
    assert_eq!(samples(&drive(&mut *node, sound(&second)), 0), before);
}

#[test]
fn times_count_from_the_first_packet() {
    let origin = 1_000_000_007;
    let audio = Audio::from_planar(noise(200_000), 1, 44100).unwrap().with_pts(Some(origin));
    let emitted = drive(&mut *node(16000, "high"), cut(&audio, &[882, 5000, 1]));
    assert!(emitted.len() > 20);
    let mut frames = 0;
    for audio in emitted {
        assert_eq!(audio.pts, Some(origin + MediaTime::of_frames(frames, 16000)));
        assert_eq!(audio.rate(), 16000);
        frames += audio.frames() as u64;
    }
    let without = drive(&mut *node(16000, "high"), [Audio::from_planar(noise(5000), 1, 44100).unwrap()]);
    assert!(without.iter().all(|audio| audio.pts.is_none()));
}

#[test]
fn a_new_format_inside_a_stream_ends_one_recording_and_begins_the_next() {
    let mono = |frames, rate| Audio::from_planar(noise(frames), 1, rate).unwrap();
    let stereo = |frames: usize, rate| Audio::from_planar(noise(2 * frames), 2, rate).unwrap();
    let parts = [
        mono(4801, 48000).with_pts(Some(0)),
        mono(2205, 22050),
        mono(777, 16000).with_pts(Some(500_000_000)),
        stereo(1000, 8000),
        stereo(1000, 8000).with_layout(Layout::Named("dual".into())),
    ];
    let emitted = drive(&mut *node(16000, "high"), parts.clone());
    let mut expected: Vec<Audio> = Vec::new();
    for part in &parts {
        expected.extend(drive(&mut *node(16000, "high"), [part.clone()]));
    }
    assert_eq!(emitted.len(), expected.len());
    for (emitted, expected) in emitted.iter().zip(&expected) {
        assert!(emitted.iter_channels().eq(expected.iter_channels()));
        assert_eq!(emitted.layout(), expected.layout());
    }
    let lengths_and_times: Vec<_> = emitted.iter().map(|audio| (audio.frames(), audio.pts)).collect();
    let total = |channels, layout: &str| -> usize {
        let same = |audio: &&Audio| audio.channels() == channels && audio.layout().name() == Some(layout);
        emitted.iter().filter(same).map(Audio::frames).sum()
    };
    assert_eq!(total(1, "mono"), 1600 + 1600 + 777, "{lengths_and_times:?}");
    assert_eq!((total(2, "stereo"), total(2, "dual")), (2000, 2000), "{lengths_and_times:?}");
    // Where a packet has no time, its recording begins where the last one ended.
    let times = [0, 100_020_833, 500_000_000, 548_562_500, 673_562_500];
    for time in times {
        assert!(lengths_and_times.iter().any(|&(_, pts)| pts == Some(time)), "{time} in {lengths_and_times:?}");
    }
}

#[test]
fn sound_at_the_right_rate_passes_untouched() {
    let audio = Audio::from_planar(noise(100_000), 2, 16000).unwrap().with_pts(Some(3));
    let emitted = drive(&mut *node(16000, "high"), [audio.clone()]);
    assert_eq!(emitted, std::slice::from_ref(&audio));
    assert!(emitted[0].buffer().same_memory(audio.buffer()));
}

/// What comes out of every other rate has the same times and lengths.
#[test]
fn jumps_in_time_are_those_of_other_rates_where_the_rate_is_right() {
    const MS: i64 = 1_000_000;
    for (gaps, seconds_ms) in [("restart", 80), ("fill", 180), ("ignore", 100)] {
        let stretches = [8_000, 16_000].map(|rate| {
            let audio = |pts: i64| Audio::from_planar(noise(rate as usize / 50), 1, rate).unwrap().with_pts(Some(pts));
            // One comes twice, and 100 ms are missing.
            let packets = [0, 20, 20, 40, 160].map(|pts| audio(pts * MS));
            let mut node = prepare("AudioResample", json!({"rate": 16_000, "gaps": gaps})).unwrap();
            let mut stretches: Vec<(i64, i64)> = Vec::new();
            for made in drive(&mut *node, packets) {
                let (begin, end) = (made.pts.unwrap(), made.pts.unwrap() + made.duration());
                match stretches.last_mut().filter(|last| last.1 == begin) {
                    Some(last) => last.1 = end,
                    None => stretches.push((begin, end)),
                }
            }
            stretches
        });
        assert_eq!(stretches[0], stretches[1], "{gaps}");
        assert_eq!(stretches[1].iter().map(|(begin, end)| end - begin).sum::<i64>(), seconds_ms * MS, "{gaps}");
    }
}

#[test]
fn silence_that_fills_a_gap_comes_in_steps() {
    let audio = |pts| Audio::from_planar(noise(640), 2, 16_000).unwrap().with_pts(Some(pts));
    let mut node = prepare("AudioResample", json!({"rate": 16_000, "gaps": "fill"})).unwrap();
    let emitted = drive(&mut *node, [audio(0), audio(60_000_000_000)]);
    assert!(emitted.iter().all(|audio| audio.frames() * 2 <= 1 << 16));
    assert_eq!(emitted.iter().map(Audio::frames).sum::<usize>(), 60 * 16_000 + 320);
}

#[test]
fn sound_without_frames_keeps_its_format() {
    for frames in [0, 1] {
        let audio = Audio::from_planar(noise(2 * frames), 2, 48000).unwrap().with_pts(Some(5));
        let emitted = drive(&mut *node(16000, "high"), [audio.clone(), audio.slice(frames, 0)]);
        assert_eq!(emitted, [Audio::from_planar(vec![], 2, 16000).unwrap().with_pts(Some(5))], "{frames}");
    }
    assert_eq!(drive(&mut *node(16000, "high"), []), []);
}

#[test]
fn a_long_packet_goes_in_steps() {
    for (from, to, channels, seconds) in
        [(48000, 16000, 1, 40), (8000, 192_000, 1, 10), (48000, 47999, 2, 20), (48000, 16000, 64, 4)]
    {
        let audio = Audio::from_planar(noise(seconds * from as usize * channels), channels, from).unwrap();
        let emitted = drive(&mut *node(to, "high"), [audio]);
        assert!(emitted.len() > 1, "{from} -> {to}");
        assert!(emitted.iter().all(|audio| audio.frames() * channels <= 1 << 19), "{from} -> {to}");
        assert!(emitted.iter().all(|audio| audio.frames() > 0), "{from} -> {to}");
        assert_eq!(emitted.iter().map(Audio::frames).sum::<usize>(), seconds * to as usize);
    }
}

/// Its steps are too long for an event loop where packets are.
#[test]
fn a_long_packet_is_no_work_for_the_thread_of_a_caller() {
    let registry = harness::drive::registry();
    assert_eq!(registry.get("AudioResample").expect("it is built in").cost, remotemedia_core::node::Cost::Proportional);
}

#[test]
fn live_sound_comes_out_as_it_goes_in() {
    // 20 ms in, 20 ms out, but for the filter's 6 ms.
    let mut node = node(16000, "high");
    let audio = Audio::from_planar(noise(9600), 1, 48000).unwrap();
    let mut frames = Vec::new();
    for packet in cut(&audio, &[960]) {
        match node.process(0, Packet::new(packet.into())).unwrap() {
            Step::Done(Some(emission)) => {
                let Value::Audio(audio) = emission.packet.value else { panic!("not audio") };
                frames.push(audio.frames());
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(frames[1..], [320; 9]);
    assert!((200..320).contains(&frames[0]), "{frames:?}");
}

#[test]
fn the_output_promises_its_rate() {
    let registry = harness::drive::registry();
    let params: Params = serde_json::from_value(serde_json::json!({"rate": 16000})).unwrap();
    let prepared = registry.get("AudioResample").unwrap().prepare(params).unwrap();
    assert_eq!(prepared.output_form(0, Form::Unknown).audio(), AudioFormat { rate: Some(16000), channels: None });
}

#[test]
fn errors_say_what_is_wrong() {
    for rate in [999, 768_001] {
        let audio = Audio::from_planar(vec![0.0; 10], 1, rate).unwrap();
        let error = node(16000, "high").process(0, Packet::new(audio.into())).unwrap_err();
        assert_eq!(error.cause, format!("the sound has a rate of {rate} Hz, outside 1000 to 768000 Hz"));
        assert_eq!(error.cure, "Check the rate that was given with the samples.");
    }
    let error = node(16000, "high").process(0, Packet::new(Value::Int(3))).unwrap_err();
    assert_eq!((&*error.cause, &*error.cure), ("expected audio, got int", "Connect an output that gives sound."));
}
