//! Monitors on human speech: never a verdict on what is untouched, and one on what a saturation has pressed or cuts have
//! torn.

use remotemedia_core::value::{Audio, File, Packet, Value};
use serde_json::json;

use harness::drive::{prepare, run};
use harness::media;

const CLIPS: [&str; 5] = [
    "examples/speech.flac",
    "tests/media/librivox/0880.flac",
    "tests/media/librivox/0890.flac",
    "tests/media/librivox/0920.flac",
    "tests/media/librivox/0930.flac",
];

/// A clip, with a peak of 1.
fn clip(path: &str) -> (Vec<f32>, u32) {
    let path = media::of_project(path);
    let mut node = prepare("AudioDecode", json!({})).expect("valid params");
    let packets = run(&mut *node, [Value::from(File::from_path(path)).into()]).expect("it decodes");
    node.cleanup();
    let (mut samples, mut rate) = (Vec::new(), 0);
    for packet in packets {
        let Value::Audio(audio) = packet.value else { panic!("expected audio") };
        rate = audio.rate();
        samples.extend_from_slice(audio.channel(0));
    }
    let peak = samples.iter().fold(0f32, |peak, sample| peak.max(sample.abs()));
    (samples.into_iter().map(|sample| sample / peak).collect(), rate)
}

/// Whether the health in any report is this word; packets of every usual length say the same.
fn says(word: &str, monitor: &str, samples: impl Iterator<Item = f32>, rate: u32) -> bool {
    let sound = Audio::from_planar(samples.collect(), 1, rate).expect("valid sound");
    let reports = |frames: usize| {
        let mut node = prepare(monitor, json!({})).expect("valid params");
        let part = |first| sound.slice(first, frames.min(sound.frames() - first));
        let packets = (0..sound.frames()).step_by(frames).map(|first| Packet::new(part(first).into()));
        run(&mut *node, packets).expect("reports")
    };
    let whole = reports(sound.frames());
    for milliseconds in [20, 100, 250, 1000] {
        assert_eq!(reports(rate as usize * milliseconds / 1000), whole, "{milliseconds} ms");
    }
    whole.iter().any(|report| {
        let Value::Map(map) = &report.value else { panic!("expected a map") };
        map["health"] == Value::text(word)
    })
}

fn by_mu_law(x: f32) -> f32 {
    let code = (x.signum() * (255.0 * x.abs()).ln_1p() / 256f32.ln() * 127.0).round() / 127.0;
    code.signum() * (256f32.powf(code.abs()) - 1.0) / 255.0
}

#[test]
#[allow(clippy::print_stdout, reason = "the table of references is made of what the tests print")]
fn reference_soft_clipping_of_speech() {
    let (mut cases, mut wrong) = (0, Vec::new());
    for path in CLIPS {
        let (samples, rate) = clip(path);
        let mut judge = |name: &str, change: &dyn Fn(f32) -> f32, expected: bool| {
            cases += 1;
            if says("clipping", "ClippingDetector", samples.iter().map(|x| change(*x)), rate) != expected {
                wrong.push(format!("{path}, {name}: expected {expected}"));
            }
        };
        for level in [1.0, 0.5, 0.1, 0.01] {
            judge(&format!("untouched, peak {level}"), &|x| level * x, false);
        }
        judge("16 bits at -40 dBFS", &|x| (327.68 * x).round() / 32_768.0, false);
        judge("8 bits", &|x| (127.0 * x).round() / 128.0, false);
        judge("8 bits, peak 13 steps", &|x| (13.0 * x).round() / 128.0, false);
        judge("mu-law", &by_mu_law, false);
        for drive in [1.5f32, 2.0, 3.0, 4.0, 8.0] {
            judge(&format!("tanh {drive}"), &|x| (drive * x).tanh(), true);
            judge(&format!("tanh {drive} at -20 dBFS"), &|x| 0.1 * (drive * x).tanh(), true);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let truth = "five clips of speech, untouched and by tanh of 1.5 to 8, in 4 divisions";
    println!("reference | ClippingDetector | {truth} | {cases} | 0 wrong verdicts | 0 |");
}

/// Cuts a gap of so many milliseconds every 300 ms.
fn with_gaps(samples: &[f32], rate: u32, gap_ms: usize) -> Vec<f32> {
    let (period, gap) = (rate as usize * 3 / 10, rate as usize * gap_ms / 1000);
    let cut = |(frame, x): (usize, &f32)| if (frame + period / 2) % period < gap { 0.0 } else { *x };
    samples.iter().enumerate().map(cut).collect()
}

#[test]
#[allow(clippy::print_stdout, reason = "as above")]
fn reference_dropouts_in_speech() {
    let (mut cases, mut wrong) = (0, Vec::new());
    for path in CLIPS {
        let (samples, rate) = clip(path);
        let mut judge = |name: &str, samples: &[f32], change: &dyn Fn(f32) -> f32, expected: bool| {
            cases += 1;
            if says("dropouts", "SilenceDetector", samples.iter().map(|x| change(*x)), rate) != expected {
                wrong.push(format!("{path}, {name}: expected {expected}"));
            }
        };
        for level in [1.0, 0.25, 0.06] {
            judge(&format!("untouched, peak {level}"), &samples, &|x| level * x, false);
            judge(&format!("8 bits, peak {level}"), &samples, &|x| (127.0 * level * x).round() / 128.0, false);
            judge(
                &format!("8 bits turned down, peak {level}"),
                &samples,
                &|x| level * (127.0 * x).round() / 128.0,
                false,
            );
        }
        judge("mu-law", &samples, &by_mu_law, false);
        for gap_ms in [10, 20, 40] {
            let torn = with_gaps(&samples, rate, gap_ms);
            judge(&format!("gaps of {gap_ms} ms"), &torn, &|x| x, true);
            judge(&format!("gaps of {gap_ms} ms, 8 bits"), &torn, &|x| (127.0 * x).round() / 128.0, true);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let truth = "five clips of speech, untouched, of 8 bits and with gaps, in 4 divisions";
    println!("reference | SilenceDetector | {truth} | {cases} | 0 wrong verdicts | 0 |");
}

/// The places of the dropouts that the monitor finds, in frames, and whether it ever calls the material gated.
fn dropouts(samples: &[f32], rate: u32) -> (Vec<(usize, usize)>, bool) {
    let sound = Audio::from_planar(samples.to_vec(), 1, rate).expect("valid sound");
    let mut node = prepare("SilenceDetector", json!({})).expect("valid params");
    let (mut places, mut is_gated) = (Vec::new(), false);
    for report in run(&mut *node, [Packet::new(sound.into())]).expect("reports") {
        let Value::Map(map) = &report.value else { panic!("expected a map") };
        let Value::List(gaps) = &map["dropouts"] else { panic!("a list") };
        is_gated |= map["is_gated"] == Value::Bool(true);
        for gap in gaps.iter() {
            let Value::Map(gap) = gap else { panic!("a map") };
            let [Value::Int(pts), Value::Int(duration)] = [&gap["pts"], &gap["duration"]] else { panic!("integers") };
            let frame = |time: i64| (time as f64 * f64::from(rate) / 1e9).round() as usize;
            places.push((frame(*pts), frame(pts + duration)));
        }
    }
    (places, is_gated)
}

/// What ten lines find: 8 to 400 ms below -70 dBFS with more than -40 dBFS within 5 ms on both sides.
fn dropouts_by_ten_lines(samples: &[f32], rate: u32) -> Vec<(usize, usize)> {
    let (limit, beside) = (10f32.powf(-3.5), rate as usize / 200);
    let milliseconds = |ms: usize| rate as usize * ms / 1000;
    let mut found = Vec::new();
    let mut start = 0;
    for run in samples.chunk_by(|a, b| (a.abs() < limit) == (b.abs() < limit)) {
        let end = start + run.len();
        let is_loud = |part: &[f32]| part.iter().any(|x| x.abs() > 0.01);
        let is_gap = run[0].abs() < limit && (milliseconds(8)..=milliseconds(400)).contains(&run.len());
        if is_gap
            && is_loud(&samples[start.saturating_sub(beside)..start])
            && is_loud(&samples[end..(end + beside).min(samples.len())])
        {
            found.push((start, end));
        }
        start = end;
    }
    found
}

/// A gate: it opens at once where a sample reaches the threshold, holds for `hold_ms`, and closes within `release_ms`.
fn gated(samples: &[f32], rate: u32, threshold_db: f32, hold_ms: usize, release_ms: usize) -> Vec<f32> {
    let (threshold, frames) = (10f32.powf(threshold_db / 20.0), rate as usize / 1000);
    let (hold, release) = (hold_ms * frames, (release_ms * frames).max(1));
    let mut since = hold + release;
    let pass = |x: &f32| {
        since = if x.abs() >= threshold { 0 } else { since + 1 };
        x * (1.0 - since.saturating_sub(hold).min(release) as f32 / release as f32)
    };
    samples.iter().map(pass).collect()
}

/// Threshold, hold and release.
const GATES: [(f32, usize, usize); 8] = [
    (-50.0, 20, 5),
    (-40.0, 5, 0),
    (-40.0, 20, 5),
    (-34.0, 5, 0),
    (-34.0, 20, 5),
    (-34.0, 50, 20),
    (-28.0, 5, 0),
    (-28.0, 20, 5),
];

#[test]
#[allow(clippy::print_stdout, reason = "as above")]
fn reference_single_gaps_in_speech() {
    let mut state = 11u64;
    let mut random = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / f64::from(1u32 << 31)
    };
    let rms = |part: &[f32]| (part.iter().map(|x| f64::from(x * x)).sum::<f64>() / part.len() as f64).sqrt();
    let (mut gaps, mut ours, mut exact, mut ten_lines) = (0, 0, 0, 0);
    for path in CLIPS {
        let (samples, rate) = clip(path);
        assert_eq!(dropouts(&samples, rate), (Vec::new(), false), "{path}, untouched");
        let beside = rate as usize / 50;
        let mut cut = 0;
        while cut < 40 {
            // 8 to 400 ms, short ones as often as long ones; inside speech: 20 ms on both sides and what is cut are above -40 dBFS.
            let length = (0.008 * 50f64.powf(random()) * f64::from(rate)) as usize;
            let start = (random() * samples.len() as f64) as usize;
            if start < beside || start + length + beside > samples.len() {
                continue;
            }
            let parts = [start - beside..start, start..start + length, start + length..start + length + beside];
            if parts.into_iter().any(|part| rms(&samples[part]) < 0.01) {
                continue;
            }
            cut += 1;
            let mut torn = samples.clone();
            torn[start..start + length].fill(0.0);
            // Samples beside the gap may be zero of themselves.
            let zeros = |frames: &mut dyn Iterator<Item = &f32>| frames.take_while(|x| x.abs() <= 1e-6).count();
            let first = start - zeros(&mut torn[..start].iter().rev());
            let end = start + zeros(&mut torn[start..].iter());
            let (found, _) = dropouts(&torn, rate);
            ours += usize::from(!found.is_empty());
            exact += usize::from(found == [(first, end)]);
            ten_lines += usize::from(!dropouts_by_ten_lines(&torn, rate).is_empty());
        }
        gaps += cut;
    }
    println!("{gaps} gaps: {ours} found, {exact} exactly; ten lines find {ten_lines}");
    assert!(ours * 100 >= gaps * 98 && exact == ours, "{ours} of {gaps}, {exact} exactly");
    let truth = "single zeroed gaps in five clips of speech; ten lines find";
    println!(
        "reference | SilenceDetector | {truth} {ten_lines} | {gaps} | {} missed, 0 misplaced | 2 % |",
        gaps - ours
    );
}

#[test]
#[allow(clippy::print_stdout, reason = "as above")]
fn reference_digital_silence_between_words() {
    let (mut seconds, mut alarms, mut ten_lines) = (0.0, 0, 0);
    // The last one leaves a faint noise in most of its gaps, and is too short to be called gated.
    for (name, is_gated) in [("english", true), ("german", true), ("variant", false)] {
        let (samples, rate) = clip(&format!("tests/media/espeak/{name}.flac"));
        assert_eq!(dropouts(&samples, rate), (Vec::new(), is_gated), "{name}");
        ten_lines += dropouts_by_ten_lines(&samples, rate).len();
        seconds += samples.len() as f64 / f64::from(rate);
    }
    let speech: Vec<f32> = CLIPS.iter().flat_map(|path| clip(path).0).collect();
    for (threshold_db, hold_ms, release_ms) in GATES {
        let samples = gated(&speech, 16_000, threshold_db, hold_ms, release_ms);
        alarms += dropouts(&samples, 16_000).0.len();
        ten_lines += dropouts_by_ten_lines(&samples, 16_000).len();
        seconds += samples.len() as f64 / 16_000.0;
    }
    let truth = format!("{seconds:.0} s of synthetic and of gated speech; ten lines alarm {ten_lines} times");
    let hourly = f64::from(u32::try_from(alarms).expect("a small number")) * 3600.0 / seconds;
    assert!(hourly <= 60.0, "{alarms} alarms in {seconds:.0} s");
    println!("reference | SilenceDetector | {truth} | 11 | {hourly:.0} alarms an hour | 60 |");
}

/// Two seconds show no more than a few gaps: each has to show for itself what it is.
#[test]
#[allow(clippy::print_stdout, reason = "as above")]
fn reference_gates_in_short_files() {
    let (mut files, mut seconds, mut alarms, mut ten_lines) = (0, 0.0, 0, 0);
    for path in CLIPS {
        let (samples, rate) = clip(path);
        for (threshold_db, hold_ms, release_ms) in GATES {
            let samples = gated(&samples, rate, threshold_db, hold_ms, release_ms);
            for file in samples.chunks(2 * rate as usize) {
                alarms += dropouts(file, rate).0.len();
                ten_lines += dropouts_by_ten_lines(file, rate).len();
                seconds += file.len() as f64 / f64::from(rate);
                files += 1;
            }
        }
    }
    let hourly = f64::from(u32::try_from(alarms).expect("a small number")) * 3600.0 / seconds;
    assert!(hourly <= 60.0, "{alarms} alarms in {seconds:.0} s");
    let truth = format!("gated speech in files of 2 s; ten lines alarm {ten_lines} times");
    println!("reference | SilenceDetector | {truth} | {files} | {hourly:.0} alarms an hour | 60 |");
}
