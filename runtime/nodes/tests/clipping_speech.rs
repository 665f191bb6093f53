//! `ClippingDetector` on human speech: never a verdict on what is untouched, and one on all that a saturation has pressed.

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

/// Whether any report says clipping; packets of every usual length say the same.
fn is_clipping(samples: impl Iterator<Item = f32>, rate: u32) -> bool {
    let sound = Audio::from_planar(samples.collect(), 1, rate).expect("valid sound");
    let reports = |frames: usize| {
        let mut node = prepare("ClippingDetector", json!({})).expect("valid params");
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
        map["is_clipping"] == Value::Bool(true)
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
            if is_clipping(samples.iter().map(|x| change(*x)), rate) != expected {
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
