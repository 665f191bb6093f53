//! `ToneSource` and `NoiseSource`.

use remotemedia_core::node::{Form, Node};
use remotemedia_core::value::{Audio, MediaTime};
use serde_json::{Value as Json, json};

use crate::stream::{joined, sound};
use harness::drive::{drain, prepare, refusal};

fn item(node: &mut dyn Node) -> Vec<Audio> {
    let step = node.flush().expect("a step");
    let mut emitted = Vec::new();
    drain(node, step, |emission| emitted.push(sound(&emission.packet).clone())).expect("a step");
    emitted
}

fn emitted(node_type: &str, params: Json) -> Vec<Audio> {
    item(&mut *prepare(node_type, params).expect("valid params"))
}

#[test]
fn a_source_has_no_input_and_a_certain_format() {
    for name in ["ToneSource", "NoiseSource"] {
        let registry = harness::drive::registry();
        let source = registry.get(name).expect("a built-in node");
        assert!(source.inputs.is_empty());
        let params = json!({"rate": 8000, "channels": 2}).as_object().expect("an object").clone();
        let format = source.prepare(params).expect("valid params").output_form(0, Form::Unknown).audio();
        assert_eq!((format.rate, format.channels), (Some(8_000), Some(2)));
    }
}

#[test]
fn sources_emit_exactly_as_much_as_is_asked_for_at_exact_times() {
    for name in ["ToneSource", "NoiseSource"] {
        let made = emitted(name, json!({"rate": 11_025, "duration_s": 0.7531, "channels": 3}));
        let mut frames = 0;
        for part in &made {
            assert_eq!(part.pts, Some(MediaTime::of_frames(frames, 11_025)));
            frames += part.frames() as u64;
        }
        assert_eq!((frames, made[0].frames()), (8_303, 1_102), "{name}: round(0.7531 * 11025), 100 ms");
        assert!(emitted(name, json!({"duration_s": 0})).is_empty());
    }
}

#[test]
fn an_item_is_like_the_one_before() {
    for name in ["ToneSource", "NoiseSource"] {
        let mut node = prepare(name, json!({"duration_s": 0.25})).expect("valid params");
        let first = item(&mut *node);
        assert_eq!((item(&mut *node), first.len()), (first, 3));
    }
}

#[test]
fn noise_has_the_level_asked_for_and_channels_of_its_own() {
    let made = joined(&emitted("NoiseSource", json!({"level_db": -12, "duration_s": 2, "channels": 2})));
    let mean = |products: &mut dyn Iterator<Item = f64>| products.sum::<f64>() / 96_000.0;
    let square = |x: &f32| f64::from(*x).powi(2);
    for channel in &made {
        // The mean square of n uniform samples varies by 0.9 / sqrt n: 0.3 %, here thrice that.
        let level = 10.0 * mean(&mut channel.iter().map(square)).log10();
        assert!((level + 12.0).abs() < 0.04, "{level}");
    }
    let product = mean(&mut made[0].iter().zip(&made[1]).map(|(l, r)| f64::from(*l) * f64::from(*r)));
    assert!(product.abs() < 0.01 * 10f64.powf(-1.2), "they are independent: {product}");
    let other = joined(&emitted("NoiseSource", json!({"level_db": -12, "duration_s": 2, "channels": 2, "seed": 1})));
    assert_ne!(made, other);
}

#[test]
fn a_tone_that_the_rate_can_not_carry_is_refused() {
    assert_eq!(
        refusal("ToneSource", json!({"frequency_hz": 4000, "rate": 8000})),
        "frequency_hz: expected less than half of 'rate', which is 4000, got 4000"
    );
}
