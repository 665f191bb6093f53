//! `AddNoise`: the ratio that it promises, where its noise comes from, and that the division into packets changes nothing.

use std::path::PathBuf;

use proptest::prelude::*;
use remotemedia_core::node::Context;
use remotemedia_core::value::{Audio, Packet};
use remotemedia_fourier::{Complex, RealForward};
use serde_json::{Value as Json, json};

use crate::stream::{bits, cuts, divide, joined, mono, noise, noises, print_row, sound, sounds, whole};
use harness::drive::{prepare, refusal, run, run_item};

/// A folder of this test, which is removed with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("remotemedia-add-noise-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        Self(folder)
    }

    /// Writes sound into a file of floats; returns its path.
    fn write(&self, name: &str, sound: &Audio) -> String {
        let path = self.0.join(name).to_str().expect("UTF-8").to_owned();
        let params = json!({"format": "wav", "sample_format": "f32", "path": path});
        let mut encode = prepare("AudioEncode", params).expect("valid params");
        run(&mut *encode, [Packet::new(sound.clone().into())]).expect("it writes");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).expect("it was there");
    }
}

/// Sound with pauses in it, quieter than full scale.
fn speech_like(channels: usize, frames: usize, rate: u32) -> Audio {
    let loudness = |frame: usize| if (frame / 2_000).is_multiple_of(3) { 0.0 } else { 0.125 };
    let of_channel = |channel: usize| -> Vec<f32> {
        let samples = noise(channel as u64 + 50, 0, frames).into_iter().enumerate();
        samples.map(|(frame, sample)| sample * loudness(frame)).collect()
    };
    let channels: Vec<Vec<f32>> = (0..channels).map(of_channel).collect();
    Audio::from_channels(&channels, rate).expect("valid sound")
}

/// What was added to each channel, in float64.
fn added(params: Json, sound: &Audio) -> Vec<Vec<f64>> {
    let made = whole("AddNoise", params, sound);
    let difference = |(made, sound): (&Vec<f32>, &[f32])| -> Vec<f64> {
        made.iter().zip(sound).map(|(made, sound)| f64::from(*made) - f64::from(*sound)).collect()
    };
    made.iter().zip(sound.iter_channels()).map(difference).collect()
}

fn mean_square<'a>(samples: impl Iterator<Item = &'a f64>) -> f64 {
    let (sum, count) = samples.fold((0.0, 0.0), |(sum, count), sample| (sum + sample * sample, count + 1.0));
    sum / count
}

/// The ratio in decibels, measured on what came out.
fn snr_db(params: Json, sound: &Audio) -> f64 {
    let noise = added(params, sound);
    let samples: Vec<f64> = sound.iter_channels().flatten().copied().map(f64::from).collect();
    10.0 * (mean_square(samples.iter()) / mean_square(noise.iter().flatten())).log10()
}

#[test]
fn reference_ratios_are_those_that_were_asked_for() {
    let folder = Folder::new("ratios");
    let paths = [
        folder.write("short.wav", &mono(noise(1, 0, 700), 16_000)),
        folder.write("stereo.wav", &noises(2, 50_000, 16_000)),
        folder.write("faster.wav", &mono(noise(3, 0, 90_000), 44_100)),
    ];
    let (mut cases, mut worst) = (0, 0.0f64);
    for ratio in [-5.0, 0.0, 12.5, 40.0] {
        for channels in [1, 2] {
            let sound = speech_like(channels, 20_000, 16_000);
            let files = paths.iter().map(|path| json!({"paths": [path]}));
            for mut params in files.chain([json!({"color": "white"}), json!({"color": "pink"})]) {
                params["snr_db"] = json!([ratio, ratio]);
                let measured = snr_db(params.clone(), &sound);
                // At 40 dB the rounding of the sums to float32 is part of what is measured.
                assert!((measured - ratio).abs() < 1e-3, "{measured} dB for {params}");
                (cases, worst) = (cases + 1, worst.max((measured - ratio).abs()));
            }
        }
    }
    print_row("AddNoise", "mean powers of what was added and of the sound, float64", cases, (worst, "dB"), 1e-3);
}

#[test]
fn ratios_are_drawn_evenly_for_each_item() {
    let sound_in = speech_like(1, 2_400, 8_000);
    let mut node = prepare("AddNoise", json!({"snr_db": [5, 15], "seed": 9})).expect("valid params");
    let mut counts = [0u32; 5];
    for number in 0..250 {
        let made = run_item(&mut *node, (number, None), [Packet::new(sound_in.clone().into())]).expect("it works");
        let samples: Vec<f32> = made.iter().flat_map(|packet| sound(packet).channel(0).to_vec()).collect();
        let power = |samples: &mut dyn Iterator<Item = f64>| samples.map(|sample| sample * sample).sum::<f64>();
        let mut differences = samples.iter().zip(sound_in.channel(0)).map(|(made, sample)| f64::from(made - sample));
        let noise = power(&mut differences);
        let ratio = 10.0 * (power(&mut sound_in.channel(0).iter().copied().map(f64::from)) / noise).log10();
        assert!((4.99..15.01).contains(&ratio), "{ratio}");
        counts[((ratio - 5.0) / 2.0).clamp(0.0, 4.0) as usize] += 1;
    }
    // Chi-squared of four degrees of freedom: 18.5 is exceeded once in a thousand seeds.
    let chi: f64 = counts.iter().map(|count| (f64::from(*count) - 50.0).powi(2) / 50.0).sum();
    assert!(chi < 18.5, "{counts:?}");
}

#[test]
fn noise_of_a_file_is_a_part_of_it_or_goes_round() {
    let folder = Folder::new("parts");
    let file = noise(4, 0, 30_000);
    let long = folder.write("long.wav", &mono(file.clone(), 16_000));
    let sound = speech_like(1, 9_000, 16_000);
    let mut firsts = Vec::new();
    for seed in 0..6 {
        let noise = added(json!({"paths": [long], "snr_db": [0, 0], "seed": seed}), &sound).remove(0);
        // In a pause of the sound nothing is rounded twice: there the first frames tell where they come from.
        let gain = |first: usize| noise[0] / f64::from(file[first]);
        let fits = |first: &usize| {
            let gain = gain(*first);
            gain > 0.0
                && (0..200).all(|at| (noise[at] - gain * f64::from(file[(first + at) % file.len()])).abs() < 1e-6)
        };
        let first = (0..file.len()).find(fits).expect("it is in the file");
        let gain = gain(first);
        let of_file = |at: usize| f64::from(file[(first + at) % file.len()]);
        assert!((0..9_000).all(|at| (noise[at] - gain * of_file(at)).abs() < 1e-6), "from {first} on");
        firsts.push(first);
    }
    firsts.sort_unstable();
    firsts.dedup();
    assert_eq!(firsts.len(), 6);
    let short = folder.write("short.wav", &mono(noise(5, 0, 777), 16_000));
    let round = added(json!({"paths": [short], "snr_db": [0, 0]}), &sound).remove(0);
    assert!((0..9_000 - 777).all(|at| (round[at] - round[at + 777]).abs() < 1e-6));
}

#[test]
fn a_pattern_is_all_its_files() {
    let folder = Folder::new("pattern");
    for (name, hertz) in [("a.wav", 500.0), ("b.wav", 1_000.0), ("c.wav", 2_000.0)] {
        let tone = |n: usize| (std::f64::consts::TAU * hertz * n as f64 / 8_000.0).sin() as f32;
        folder.write(name, &mono((0..8_000).map(tone).collect(), 8_000));
    }
    let pattern = folder.0.join("*.wav").to_str().expect("UTF-8").to_owned();
    let input = mono(noise(3, 0, 800), 8_000);
    let mut periods: Vec<usize> = (0..20)
        .map(|seed| {
            let tone = added(json!({"paths": [pattern], "snr_db": [0, 0], "seed": seed}), &input).remove(0);
            tone.windows(2).filter(|pair| pair[0] < 0.0 && pair[1] >= 0.0).count() / 45
        })
        .collect();
    periods.sort_unstable();
    periods.dedup();
    // 50, 100 and 200 periods in 100 ms.
    assert_eq!(periods, [1, 2, 4]);
}

/// The powers of the octaves from 125 Hz to 4 kHz at 16 kHz, in decibels.
fn octaves(samples: &[f64]) -> Vec<f64> {
    let mut spectrum = vec![Complex::default(); samples.len() / 2 + 1];
    RealForward::new(samples.len()).process(samples, &mut spectrum, &mut Vec::new());
    let bin = |hertz: usize| hertz * samples.len() / 16_000;
    let bins: Vec<usize> = [125, 250, 500, 1_000, 2_000, 4_000].map(bin).to_vec();
    let power = |pair: &[usize]| spectrum[pair[0]..pair[1]].iter().map(|bin| bin.norm_sqr()).sum::<f64>();
    bins.windows(2).map(|pair| 10.0 * power(pair).log10()).collect()
}

#[test]
fn white_noise_is_normal_and_doubles_by_the_octave_and_pink_noise_is_level() {
    let input = mono(vec![1e-3; 1 << 16], 16_000);
    for (color, step) in [("white", 10.0 * 2f64.log10()), ("pink", 0.0)] {
        let noise = added(json!({"color": color, "snr_db": [-60, -60]}), &input).remove(0);
        let octaves = octaves(&noise);
        for pair in octaves.windows(2) {
            // The lowest octave has 512 bins: a standard deviation of 0.2 dB.
            assert!((pair[1] - pair[0] - step).abs() < 1.0, "{color}: {octaves:?}");
        }
        let power = mean_square(noise.iter());
        let kurtosis = noise.iter().map(|sample| sample.powi(4)).sum::<f64>() / noise.len() as f64 / (power * power);
        assert!((kurtosis - 3.0).abs() < 0.2, "{color}: {kurtosis}");
    }
}

#[test]
fn channels_have_noise_of_their_own_unless_a_file_has_one() {
    let folder = Folder::new("channels");
    let input = speech_like(2, 4_000, 16_000);
    let made = added(json!({"snr_db": [0, 0]}), &input);
    let correlation: f64 = made[0].iter().zip(&made[1]).map(|(left, right)| left * right).sum::<f64>()
        / (4_000.0 * mean_square(made.iter().flatten()));
    assert!(correlation.abs() < 0.1, "{correlation}");
    let path = folder.write("mono.wav", &mono(noise(6, 0, 5_000), 16_000));
    let same = added(json!({"paths": [path], "snr_db": [0, 0]}), &input);
    assert!(same[0].iter().zip(&same[1]).all(|(left, right)| (left - right).abs() < 1e-6));
}

#[test]
fn silence_stays_and_noise_that_is_silent_is_refused() {
    let silence = mono(vec![0.0; 500], 16_000).with_pts(Some(8));
    assert_eq!(sounds("AddNoise", json!({}), [silence.clone()]), [silence]);
    let empty = sounds("AddNoise", json!({}), [mono(Vec::new(), 8_000)]);
    assert_eq!(empty.iter().map(Audio::frames).collect::<Vec<_>>(), [0]);
    let folder = Folder::new("silence");
    let path = folder.write("silent.wav", &mono(vec![0.0; 900], 16_000));
    let mut node = prepare("AddNoise", json!({"paths": [path]})).expect("valid params");
    let input = speech_like(1, 3_000, 16_000).with_pts(Some(2_000_000_000));
    let error = run(&mut *node, [Packet::new(input.into())]).expect_err("a refusal");
    assert_eq!(
        format!("{}. {}", error.cause, error.cure),
        format!(
            "the noise in '{path}' is digital silence where it was to be added. \
             Cut the silence out of the file, or leave the file out."
        )
    );
    assert_eq!(error.position, Some(2_000_000_000));
}

#[test]
fn what_it_can_not_use_is_refused() {
    let wrong = |params| refusal("AddNoise", params);
    let expected = "snr_db: expected two numbers from -100 to 100, the first not the greater one, got";
    for (numbers, got) in [(json!([3]), "[3.0]"), (json!([5, 4]), "[5.0, 4.0]"), (json!([0, 101]), "[0.0, 101.0]")] {
        assert_eq!(wrong(json!({"snr_db": numbers})), format!("{expected} {got}"));
    }
    assert_eq!(wrong(json!({"paths": []})), "paths: expected at least one path, got none");
    assert_eq!(wrong(json!({"paths": [""]})), "paths: expected paths, got \"\"");
    let both = json!({"paths": ["noise.wav"], "color": "pink"});
    assert_eq!(wrong(both), "color: expected no such param with 'paths', got pink");
    let registry = harness::drive::registry();
    let refused = |path: &str| {
        let params = json!({"paths": [path]}).as_object().cloned().expect("an object");
        let mut node =
            registry.get("AddNoise").expect("a built-in node").prepare(params).expect("params").instantiate();
        let error =
            node.initialize(&Context { node_id: "here".into(), ..Context::default() }).expect_err("no such file");
        format!("{}. {}", error.cause, error.cure)
    };
    assert_eq!(refused("/nowhere/noise.wav"), "no such file '/nowhere/noise.wav'. Check the path.");
    assert_eq!(refused("/nowhere/*.wav"), "no file matches '/nowhere/*.wav'. Check the param 'paths'.");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn the_division_into_packets_changes_nothing(
        cuts in cuts(2_000),
        color in prop::sample::select(vec!["white", "pink"]),
    ) {
        let input = speech_like(2, 2_000, 16_000).with_pts(Some(3));
        let params = json!({"color": color, "seed": 5});
        let parts = joined(&sounds("AddNoise", params.clone(), divide(&input, &cuts)));
        let made = whole("AddNoise", params, &input);
        prop_assert_eq!(made[0].len(), 2_000);
        prop_assert_eq!(bits(&parts), bits(&made));
    }
}
