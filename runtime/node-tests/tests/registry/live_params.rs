//! Params that change while a node runs, without a glitch.

use remotemedia_core::node::{Node, Params, PreparedNode, Step};
use remotemedia_core::value::{Audio, Packet, Value};
use serde_json::{Value as Json, json};

use harness::drive::prepare;

fn prepared(node_type: &str, params: Json) -> PreparedNode {
    let params: Params = params.as_object().expect("params are an object").clone();
    harness::drive::registry().get(node_type).expect("a built-in node").prepare(params).expect("right params")
}

/// What comes out for so many frames of full scale at 48 kHz.
fn gained(node: &mut dyn Node, frames: usize) -> Vec<f32> {
    gained_at(48_000, node, frames)
}

/// The same at a rate.
fn gained_at(rate: u32, node: &mut dyn Node, frames: usize) -> Vec<f32> {
    let audio = Audio::from_channels(&[vec![1.0f32; frames]], rate).expect("sound");
    match node.process(0, Packet::new(Value::from(audio))).expect("it works") {
        Step::Done(Some(emission)) => match emission.packet.value {
            Value::Audio(audio) => audio.channel(0).to_vec(),
            other => panic!("expected sound, got {other:?}"),
        },
        other => panic!("expected sound, got {other:?}"),
    }
}

#[test]
fn a_gain_glides_for_20_ms_however_the_sound_is_cut() {
    for size in [1, 7, 480, 1920] {
        let mut node = prepare("AudioGain", json!({})).expect("right params");
        assert!(gained(&mut *node, 480).iter().all(|sample| *sample == 1.0));
        prepared("AudioGain", json!({ "gain_db": -120 })).set_live_params(&mut *node);
        let mut samples = Vec::new();
        while samples.len() < 1920 {
            let frames = size.min(1920 - samples.len());
            samples.extend(gained(&mut *node, frames));
        }
        let expected: Vec<f32> = (0..1920).map(|frame| (1.0 - f64::from(frame.min(960)) / 960.0) as f32).collect();
        assert_eq!(samples, expected, "{size}");
    }
}

#[test]
fn a_gain_that_changes_again_goes_on_from_where_it_is() {
    let mut node = prepare("AudioGain", json!({})).expect("right params");
    gained(&mut *node, 480);
    prepared("AudioGain", json!({ "gain_db": -120 })).set_live_params(&mut *node);
    let last = *gained(&mut *node, 480).last().expect("samples");
    prepared("AudioGain", json!({ "gain_db": 0 })).set_live_params(&mut *node);
    let samples = gained(&mut *node, 1920);
    assert!((samples[0] - last).abs() <= 1.0 / 960.0, "{} after {last}", samples[0]);
    assert!(samples.is_sorted() && samples[960..].iter().all(|sample| *sample == 1.0));
}

#[test]
fn a_glide_goes_on_at_its_time_where_the_rate_changes() {
    for (before, after) in [(8_000, 16_000), (48_000, 8_000), (44_100, 48_000)] {
        let mut node = prepare("AudioGain", json!({})).expect("right params");
        gained_at(before, &mut *node, 80);
        prepared("AudioGain", json!({ "gain_db": -120 })).set_live_params(&mut *node);
        // Half of the 20 ms at one rate, the rest at the other.
        gained_at(before, &mut *node, before as usize / 100);
        let samples = gained_at(after, &mut *node, after as usize / 50);
        for (frame, sample) in samples.iter().enumerate() {
            let expected = (0.5 - frame as f64 / f64::from(after) / 0.02).max(0.0);
            // Within a frame, into which the time of the other rate need not fit.
            assert!((f64::from(*sample) - expected).abs() <= 50.0 / f64::from(after), "{before} {after}: {frame}");
        }
    }
}

#[test]
fn a_gain_that_changes_before_the_first_frame_holds_at_once() {
    let mut node = prepare("AudioGain", json!({})).expect("right params");
    prepared("AudioGain", json!({ "gain_db": -120 })).set_live_params(&mut *node);
    assert!(gained(&mut *node, 480).iter().all(|sample| *sample == 0.0));
}

#[test]
fn an_operand_changes_alone() {
    let mut node = prepare("Calculator", json!({ "operation": "add", "operand": 1 })).expect("right params");
    prepared("Calculator", json!({ "operation": "multiply", "operand": 5 })).set_live_params(&mut *node);
    let step = node.process(0, Packet::new(Value::Int(2))).expect("it works");
    assert!(matches!(step, Step::Done(Some(emission)) if matches!(emission.packet.value, Value::Int(7))));
}

#[test]
fn every_live_param_is_a_param() {
    for node_type in harness::drive::registry().iter() {
        for live in &node_type.live {
            assert!(node_type.params_schema["properties"].get(live).is_some(), "{}: {live}", node_type.name);
        }
    }
}
