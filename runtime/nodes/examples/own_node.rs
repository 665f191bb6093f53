//! A node of one's own, used in a pipeline: a recording that fades in, and its level every half second.
//!
//! `cargo run -p remotemedia-nodes --example own_node examples/speech.flac`
//!
//! A node that is to be built in goes into `runtime/nodes/src` instead: docs/adding-a-node.md has the steps.

use std::error::Error;

use remotemedia_core::exec::{Config, Runtime};
use remotemedia_core::manifest::HostNodes;
use remotemedia_core::node::{Cost, Define, Node, NodeError, Port, Step, documented};
use remotemedia_core::value::{Audio, File, Packet, Value};
use schemars::JsonSchema;
use serde::Deserialize;

documented! {
/// Fades each item in, linearly in amplitude.
#[derive(Debug)]
struct FadeIn {
    duration_ms: u32,
    /// How far the item has come.
    frames: usize,
}
}

/// The params of [`FadeIn`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FadeInParams {
    /// How long it takes to reach the full amplitude.
    #[schemars(range(min = 1, max = 60_000))]
    duration_ms: u32,
}

impl Define for FadeIn {
    type Params = FadeInParams;

    const NAME: &'static str = "FadeIn";
    // A step takes as long as its packet is large.
    const COST: Cost = Cost::Proportional;
    const INPUTS: &'static [Port] = &[Port::AUDIO_IN];
    const OUTPUTS: &'static [Port] = &[Port::AUDIO_OUT];
    const EXAMPLE: &'static str = r#"{"duration_ms": 500}"#;

    fn new(params: &FadeInParams) -> Self {
        FadeIn { duration_ms: params.duration_ms, frames: 0 }
    }
}

impl Node for FadeIn {
    fn process(&mut self, _port: usize, packet: Packet) -> Result<Step, NodeError> {
        let Value::Audio(audio) = &packet.value else {
            let cause = format!("expected audio, got {}", packet.value.kind().name());
            return Err(NodeError::new(cause).cure("Send sound."));
        };
        // Frames are counted, so that the division into packets changes nothing.
        let length = self.duration_ms as f32 * audio.rate() as f32 / 1000.0;
        let gain = |frame: usize| ((self.frames + frame) as f32 / length).min(1.0);
        let faded = |channel: &[f32]| channel.iter().enumerate().map(|(frame, sample)| sample * gain(frame)).collect();
        let channels: Vec<Vec<f32>> = audio.iter_channels().map(faded).collect();
        let louder = Audio::from_channels(&channels, audio.rate())
            .map_err(|error| NodeError::new(error.to_string()).at(packet.pts))?
            .with_layout(audio.layout().clone());
        self.frames += audio.frames();
        // The place in time stays that of the packet.
        Ok(Step::emit(Packet { value: Value::from(louder), ..packet }))
    }

    fn flush(&mut self) -> Result<Step, NodeError> {
        self.frames = 0;
        Ok(Step::DONE)
    }
}

const MANIFEST: &str = "
version: v1
nodes:
  - {id: decode, node_type: AudioDecode}
  - {id: fade, node_type: FadeIn, params: {duration_ms: 4000}}
  - {id: level, node_type: AudioLevel, params: {window_ms: 500}}
connections:
  - {from: decode, to: fade}
  - {from: fade, to: level}
";

#[allow(clippy::print_stdout, reason = "an example shows what it found")]
fn main() -> Result<(), Box<dyn Error>> {
    let recording = std::env::args().nth(1).ok_or("usage: own_node RECORDING")?;
    let mut registry = remotemedia_nodes::registry();
    registry.add::<FadeIn>();
    let runtime = Runtime::new(Config::default(), registry);
    let pipeline = runtime.compile(MANIFEST.as_bytes(), &HostNodes::new())?;
    let completion = pipeline.execute(Some(vec![Value::from(File::from_path(recording))]), 0, None)?;
    if let Some(error) = completion.errors.first() {
        return Err(format!("{}. {}", error.cause, error.cure).into());
    }
    for output in completion.sinks.iter().flat_map(|sink| &sink.outputs) {
        let (Some(pts), Value::Map(level)) = (output.pts, &output.value) else { continue };
        if let Some(Value::Float(rms_db)) = level.get("rms_db") {
            println!("{:5.1} s {rms_db:7.1} dBFS", pts as f64 / 1e9);
        }
    }
    Ok(())
}
