//! What node types say of their outputs before anything runs, beside what comes out of them.

use remotemedia_core::node::{AudioFormat, Form, Kinds, NodeType, PreparedNode};
use remotemedia_core::value::{Audio, Buffer, DataType, File, Kind, Packet, Tensor, Value};
use serde_json::{Value as Json, json};

use harness::drive::{drain, feed, registry};
use harness::{items, media};

/// Params that decide on the form, besides the examples and none.
fn deciding() -> Vec<(&'static str, Json)> {
    vec![
        ("AudioResample", json!({"rate": 0})),
        ("AudioResample", json!({"rate": 11_025})),
        ("AudioMix", json!({"channels": 1})),
        ("AudioMix", json!({"channels": 5})),
        ("AudioSum", json!({"rate": 16_000})),
        ("AudioSum", json!({"rate": 16_000, "wait_ms": 20})),
        ("AudioCrossfade", json!({"channels": 2})),
        ("AudioConvolve", json!({"taps": [[1, 0.5]]})),
        ("AudioConvolve", json!({"taps": [[1, 0.5], [0.5, 1]]})),
        ("AudioDecode", json!({"raw": {"sample_format": "s16", "rate": 22_050}})),
        ("AudioDecode", json!({"raw": {"sample_format": "u8", "rate": 8_000, "channels": 3}})),
        ("STFT", json!({"n_fft": 255})),
        ("STFT", json!({"value": "power"})),
        ("MelSpectrogram", json!({"preset": "kaldi"})),
        ("MelSpectrogram", json!({"preset": "whisper", "n_mels": 128})),
        ("MelSpectrogram", json!({"n_mels": 17})),
        ("MFCC", json!({})),
        ("MFCC", json!({"n_mfcc": 7})),
    ]
}

#[test]
fn what_comes_out_has_the_form_that_was_told() {
    let mut with_form = Vec::new();
    for node_type in registry().iter() {
        let own = deciding().into_iter().filter(|(name, _)| *name == node_type.name).map(|(_, params)| params);
        for params in [json!({}), node_type.example.clone()].into_iter().chain(own) {
            let Ok(prepared) = node_type.prepare(params.as_object().expect("an object").clone()) else { continue };
            for (form, packets) in inputs(node_type) {
                if checked(&prepared, form, packets, &format!("{} {params} of {form:?}", node_type.name)) {
                    with_form.push(node_type.name);
                }
            }
        }
        // What emits sound, spectra or maps must have been seen.
        let kinds = node_type.outputs.first().map(|port| port.kinds);
        let has_form = kinds.is_some_and(|kinds| ["audio", "tensor", "map"].contains(&kinds.describe().as_str()));
        assert!(!has_form || with_form.contains(&node_type.name), "{} has emitted nothing", node_type.name);
    }
}

/// Whether a node has emitted something whose form was known; panics if it is another.
fn checked(prepared: &PreparedNode, form: Form, packets: Vec<(usize, Packet)>, case: &str) -> bool {
    // Converters stand before a node that needs another format.
    let (needed, given) = (prepared.input_format(0).unwrap_or_default(), form.audio());
    if needed.rate.is_some_and(|_| needed.rate != given.rate)
        || needed.channels.is_some_and(|_| needed.channels != given.channels)
    {
        return false;
    }
    let mut node = prepared.instantiate();
    if node.initialize(&Default::default()).is_err() {
        return false;
    }
    let mut emitted = Vec::new();
    let is_source = packets.is_empty();
    let driven = match is_source {
        true => node.resume().and_then(|step| drain(&mut *node, step, |emission| emitted.push(emission))),
        false => feed(&mut *node, packets, |emission| emitted.push(emission)),
    };
    if driven.is_err() {
        // A format that the node refuses.
        return false;
    }
    let mut is_known = false;
    for emission in &emitted {
        // What is known of less is less, and not something else.
        let less = prepared.output_form(emission.port, Form::Unknown);
        for told in [prepared.output_form(emission.port, form), less] {
            is_known |= told != Form::Unknown;
            assert!(fits(told, &emission.packet.value), "{case}: {told:?}, but {:?}", emission.packet.value.kind());
        }
    }
    is_known
}

fn fits(form: Form, value: &Value) -> bool {
    match (form, value) {
        (Form::Unknown, _) => true,
        (Form::Of(kind), value) => kind == value.kind(),
        (Form::Map(fields), Value::Map(map)) => map.keys().all(|key| fields.iter().any(|(name, _)| **name == **key)),
        (Form::Audio(AudioFormat { rate, channels }), Value::Audio(audio)) => {
            rate.is_none_or(|rate| rate == audio.rate()) && channels.is_none_or(|channels| channels == audio.channels())
        }
        (Form::Rows { channels, rows, data_type }, Value::Tensor(tensor)) => {
            let (_, sizes) = tensor.shape().split_last().expect("an axis of time");
            let channels = channels.map(|channels| if channels == 1 { vec![rows] } else { vec![channels, rows] });
            data_type == tensor.data_type()
                && sizes.last() == Some(&rows)
                && channels.is_none_or(|wanted| wanted == sizes)
        }
        _ => false,
    }
}

/// What a node may be given, and its form; for a source nothing.
pub(super) fn inputs(node_type: &NodeType) -> Vec<(Form, Vec<(usize, Packet)>)> {
    let Some(port) = node_type.inputs.first() else { return vec![(Form::Unknown, Vec::new())] };
    let mut given = Vec::new();
    if port.kinds.contains(Kind::Audio) {
        for (rate, channels) in [(8_000, 1), (16_000, 1), (16_000, 2), (44_100, 3), (48_000, 2)] {
            let samples = (0..rate as usize * channels).map(|number| (number * 7_919 % 997) as f32 / 2_000.0).collect();
            let audio = Audio::from_planar(samples, channels, rate).expect("valid sound").with_pts(Some(0));
            let packets = (0..node_type.inputs.len().min(2)).map(|port| (port, Packet::new(audio.clone().into())));
            given.push((Form::Audio(AudioFormat { rate: Some(rate), channels: Some(channels) }), packets.collect()));
        }
    }
    let recording = media::of_project("examples/speech.flac");
    if port.kinds == Kinds::of(&[Kind::Audio]) {
        let speech = items::decode_path(&recording).values;
        let format = AudioFormat { rate: Some(16_000), channels: Some(1) };
        given.push((Form::Audio(format), speech.into_iter().map(|sound| (0, Packet::new(sound))).collect()));
    }
    if port.kinds.contains(Kind::File) {
        given.push((Form::Unknown, vec![(0, Packet::new(File::from_path(&*recording).into()))]));
    }
    if port.kinds.contains(Kind::Tensor) {
        for (channels, shape) in [(1, vec![40, 60]), (2, vec![2, 40, 60])] {
            let bytes = Buffer::from_bytes(vec![0; shape.iter().product::<usize>() * 4]);
            let tensor = Tensor::contiguous(DataType::Float32, shape, bytes).expect("a valid tensor");
            let form = Form::Rows { channels: Some(channels), rows: 40, data_type: DataType::Float32 };
            given.push((form, vec![(0, Packet::new(tensor.into()))]));
        }
    }
    if port.kinds.contains(Kind::Bytes) {
        given.push((Form::Unknown, vec![(0, Packet::new(Value::Bytes(Box::new(Buffer::from_bytes(vec![0; 6_000])))))]));
    }
    given
}
