//! A few node types of every form that a manifest can meet. They do nothing: only their declarations matter.
#![allow(dead_code, unreachable_pub, missing_docs)]

use remotemedia_core::manifest::{HostNodeType, HostNodes};
use remotemedia_core::node::{
    AudioFormat, Cost, Define, Documented, Form, Kinds, Node, NodeError, ParamError, Port, Registry, Step,
};
use remotemedia_core::value::{Kind, Packet};
use schemars::JsonSchema;
use serde::Deserialize;

/// A node that swallows everything.
struct Idle;

impl Node for Idle {
    fn process(&mut self, _port: usize, _packet: Packet) -> Result<Step, NodeError> {
        Ok(Step::DONE)
    }
}

macro_rules! node {
    ($name:ident, $params:ty, $inputs:expr, $outputs:expr $(, $($extra:item)*)?) => {
        pub struct $name(Idle);

        impl Node for $name {
            fn process(&mut self, port: usize, packet: Packet) -> Result<Step, NodeError> {
                self.0.process(port, packet)
            }
        }

        impl Documented for $name {
            const DOC: &'static str = "For tests.";
        }

        impl Define for $name {
            type Params = $params;
            const NAME: &'static str = stringify!($name);
            const COST: Cost = Cost::Light;
            const INPUTS: &'static [Port] = $inputs;
            const OUTPUTS: &'static [Port] = $outputs;
            $($($extra)*)?

            fn new(_params: &Self::Params) -> Self {
                Self(Idle)
            }
        }
    };
}

const NUMBERS: Kinds = Kinds::of(&[Kind::Int, Kind::Float, Kind::List]);
const SPEECH_IN: Port = Port {
    format: Some(AudioFormat { rate: Some(16_000), channels: Some(1) }),
    ..Port::new("in", Kinds::of(&[Kind::Audio]), "Speech.")
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoParams {}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CalculatorParams {
    /// What to do.
    pub operation: Operation,
    /// The second number.
    pub operand: f64,
    /// How often.
    #[serde(default)]
    #[schemars(range(min = 1, max = 8))]
    pub times: Option<u32>,
    /// An exact offset.
    #[serde(default)]
    pub offset: u32,
    /// An exact number.
    #[serde(default)]
    pub seed: u64,
    #[serde(default)]
    pub label: String,
    #[serde(default)]
    pub verbose: bool,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Plus.
    Add,
    /// Minus.
    Subtract,
    /// Times.
    Multiply,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DetectorParams {
    #[serde(default = "half")]
    #[schemars(range(min = 0, max = 1))]
    pub threshold: f64,
    #[serde(default)]
    pub smoothing: Option<Smoothing>,
    /// The shortest and the longest segment.
    #[serde(default)]
    #[schemars(length(max = 2))]
    pub segment_ms: Vec<u32>,
}

fn half() -> f64 {
    0.5
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Smoothing {
    pub window: u16,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GateParams {
    pub open_db: f64,
    pub close_db: f64,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FilterParams {
    pub shape: Shape,
}

#[derive(Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Shape {
    /// Lets low frequencies pass.
    LowPass { cutoff_hz: f64 },
    /// Lets a band pass.
    BandPass { low_hz: f64, high_hz: f64 },
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResampleParams {
    #[schemars(range(min = 1))]
    pub rate: u32,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MixParams {
    #[schemars(range(min = 1))]
    pub channels: u32,
}

node!(PassThrough, NoParams, &[Port::ANY_IN], &[Port::ANY_OUT.like_input()]);
node!(
    Calculator,
    CalculatorParams,
    &[Port::new("in", NUMBERS, "Numbers.")],
    &[Port::new("out", NUMBERS, "Numbers.")],
    const EXAMPLE: &'static str = r#"{"operation": "add", "operand": 5}"#;
);
node!(Decoder, NoParams, &[Port::new("in", Kinds::of(&[Kind::File, Kind::Bytes]), "Files.")], &[Port::AUDIO_OUT]);
node!(Encoder, NoParams, &[Port::AUDIO_IN], &[Port::new("out", Kinds::of(&[Kind::Bytes]), "A file.")]);
node!(
    Microphone,
    NoParams,
    &[],
    &[Port::AUDIO_OUT],
    fn output_form(_params: &NoParams, _port: usize, _input: Form) -> Form {
        Form::Audio(AudioFormat { rate: Some(48_000), channels: Some(1) })
    }
);
node!(Log, NoParams, &[Port::ANY_IN], &[]);
node!(
    Detector,
    DetectorParams,
    &[SPEECH_IN],
    &[Port::new("speech", Kinds::of(&[Kind::Audio]), "Speech."), Port::new("event", Kinds::of(&[Kind::Map]), "What.")]
);
node!(
    Gate,
    GateParams,
    &[Port::AUDIO_IN],
    &[Port::AUDIO_OUT],
    fn check(params: &GateParams) -> Result<(), ParamError> {
        match params.close_db <= params.open_db {
            true => Ok(()),
            false => Err(ParamError {
                param: "close_db".to_owned(),
                expected: format!("at most open_db, which is {}", params.open_db),
                got: params.close_db.to_string(),
            }),
        }
    }
);
node!(Filter, FilterParams, &[Port::AUDIO_IN], &[Port::AUDIO_OUT]);
node!(
    Merge,
    NoParams,
    &[Port::new("left", Kinds::of(&[Kind::Audio]), "Left."), Port::new("right", Kinds::of(&[Kind::Audio]), "Right.")],
    &[Port::AUDIO_OUT]
);
node!(
    AudioResample,
    ResampleParams,
    &[Port::AUDIO_IN],
    &[Port::AUDIO_OUT],
    fn output_form(params: &ResampleParams, _port: usize, _input: Form) -> Form {
        Form::Audio(AudioFormat { rate: Some(params.rate), channels: None })
    }
);
node!(
    AudioMix,
    MixParams,
    &[Port::AUDIO_IN],
    &[Port::AUDIO_OUT],
    fn output_form(params: &MixParams, _port: usize, _input: Form) -> Form {
        Form::Audio(AudioFormat { rate: None, channels: Some(params.channels as usize) })
    }
);

/// Every node type above but the converters.
pub fn without_converters() -> Registry {
    let mut registry = Registry::new();
    registry.add::<PassThrough>().add::<Calculator>().add::<Decoder>().add::<Encoder>().add::<Microphone>();
    registry.add::<Log>().add::<Detector>().add::<Gate>().add::<Filter>().add::<Merge>();
    registry
}

/// Every node type above.
pub fn registry() -> Registry {
    let mut registry = without_converters();
    registry.add::<AudioResample>().add::<AudioMix>();
    registry
}

/// One node type of the host.
pub fn hosts() -> HostNodes {
    [("Whisper".to_owned(), HostNodeType::new(7, 32))].into_iter().collect()
}

/// A value as msgpack, as any encoder would write it.
pub fn msgpack(value: &serde_json::Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    rmpv::encode::write_value(&mut bytes, &to_msgpack(value)).expect("a vector takes everything");
    bytes
}

fn to_msgpack(value: &serde_json::Value) -> rmpv::Value {
    use serde_json::Value as Json;
    match value {
        Json::Null => rmpv::Value::Nil,
        Json::Bool(value) => (*value).into(),
        Json::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(value), _) => value.into(),
            (_, Some(value)) => value.into(),
            _ => number.as_f64().expect("a float").into(),
        },
        Json::String(text) => text.as_str().into(),
        Json::Array(items) => rmpv::Value::Array(items.iter().map(to_msgpack).collect()),
        Json::Object(map) => {
            rmpv::Value::Map(map.iter().map(|(name, value)| (name.as_str().into(), to_msgpack(value))).collect())
        }
    }
}
