//! Monitors on human speech: never a verdict on what is untouched, and one on what a saturation has pressed or cuts have
//! torn.

mod drive;

use drive::{prepare, run};
use remotemedia_core::value::{Audio, File, Packet, Value};
use serde_json::json;

const CLIPS: [&str; 5] = [
    "examples/speech.flac",
    "tests/media/librivox/0880.flac",
    "tests/media/librivox/0890.flac",
    "tests/media/librivox/0920.flac",
    "tests/media/librivox/0930.flac",
];

/// A clip, with a peak of 1.
fn clip(path: &str) -> (Vec<f32>, u32) {
    let path = format!("{}/../../{path}", env!("CARGO_MANIFEST_DIR"));
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
