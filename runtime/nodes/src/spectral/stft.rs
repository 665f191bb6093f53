//! `STFT`: the spectra of overlapping frames.

use remotemedia_core::node::{Cost, Define, Form, Kinds, ParamError, Port, documented};
use remotemedia_core::value::{DataType, Kind};
use remotemedia_fourier::Complex32;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::PadMode;
use super::analysis::{Analysis, Projection};
use super::frames::{Edges, Framing};
use super::windows::hann;
use crate::stream::segment_node::{SegmentNode, impl_node};
use crate::stream::timeline::Gaps;

documented! {
/// Computes the spectra of overlapping frames of sound, as `librosa.stft` does.
///
/// It is the short-time Fourier transform, with the params, defaults and results of `librosa.stft`.
///
/// It emits tensors of shape `(n_fft / 2 + 1, frames)`, or `(channels, n_fft / 2 + 1, frames)` if there are several
/// channels: for each packet the frames that it completes, or with `whole` all of an item at its end. Bin `i` is the
/// frequency `i * rate / n_fft`. A recording of `n` samples has `1 + n // hop_length` frames if `center` is true, or
/// `1 + (n - 1) // hop_length` if `n_fft` is odd; else `1 + (n - n_fft) // hop_length`, and none if it is shorter than `n_fft`.
///
/// The window is a periodic Hann window, the arithmetic float32. The time of a packet is that of its first frame: of its
/// centre, or of its first sample if `center` is false. How the sound is divided into packets changes no value. A change
/// of rate or layout ends one recording and begins the next.
///
/// NaN and infinity are an error. With `whole` the spectra of one item may fill 1 GiB; more is an error.
pub struct Stft(SegmentNode<Analysis>);
}

/// The params of [`Stft`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StftParams {
    /// The length of a frame, in samples.
    #[serde(default = "default_n_fft")]
    #[schemars(range(min = 2, max = 65_536))]
    pub n_fft: u32,
    /// From one frame to the next, in samples. By default a quarter of `win_length`.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub hop_length: Option<u32>,
    /// The length of the window, in samples, in the middle of the frame. By default `n_fft`; not more.
    #[serde(default)]
    #[schemars(range(min = 1, max = 65_536))]
    pub win_length: Option<u32>,
    /// Whether frame `k` is centred on sample `k * hop_length`; else it begins there.
    #[serde(default = "default_center")]
    pub center: bool,
    /// What stands before the first sample and after the last one if `center` is true.
    #[serde(default)]
    pub pad_mode: PadMode,
    /// What is emitted of each bin.
    #[serde(default)]
    pub value: StftValue,
    /// Whether all frames of an item come in one tensor at its end. They may fill 1 GiB.
    #[serde(default)]
    pub whole: bool,
    /// What the node does where the times of its input jump, as after a packet that was lost.
    #[serde(default)]
    pub gaps: Gaps,
}

/// What is emitted of each bin of a spectrum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StftValue {
    /// The complex number, as complex64.
    #[default]
    Complex,
    /// Its magnitude, as float32.
    Magnitude,
    /// The square of its magnitude, as float32.
    Power,
}

fn default_n_fft() -> u32 {
    2_048
}

fn default_center() -> bool {
    true
}

struct Bins {
    value: StftValue,
    count: usize,
}

impl StftParams {
    /// The frequencies, from 0 to half the rate.
    fn rows(&self) -> usize {
        self.n_fft as usize / 2 + 1
    }
}

impl StftValue {
    fn data_type(self) -> DataType {
        match self {
            StftValue::Complex => DataType::Complex64,
            StftValue::Magnitude | StftValue::Power => DataType::Float32,
        }
    }
}

impl Projection for Bins {
    fn data_type(&self) -> DataType {
        self.value.data_type()
    }

    fn rows(&self) -> usize {
        self.count
    }

    fn project(&mut self, spectrum: &[Complex32], values: &mut Vec<f32>) {
        match self.value {
            StftValue::Complex => values.extend(spectrum.iter().flat_map(|bin| [bin.re, bin.im])),
            StftValue::Magnitude => values.extend(spectrum.iter().map(|bin| bin.norm_sqr().sqrt())),
            StftValue::Power => values.extend(spectrum.iter().map(|bin| bin.norm_sqr())),
        }
    }
}

impl_node!(Stft);

impl Define for Stft {
    type Params = StftParams;

    const NAME: &'static str = "STFT";
    const COST: Cost = Cost::Proportional;
    const INPUTS: &'static [Port] = &[Port::AUDIO_IN];
    const OUTPUTS: &'static [Port] = &[Port::new(
        "out",
        Kinds::of(&[Kind::Tensor]),
        "Tensors (n_fft / 2 + 1, frames), with several channels (channels, n_fft / 2 + 1, frames).",
    )];
    const EXAMPLE: &'static str = r#"{"n_fft": 512, "hop_length": 128, "value": "magnitude"}"#;

    fn output_form(params: &StftParams, _port: usize, input: Form) -> Form {
        let data_type = params.value.data_type();
        Form::Rows { channels: input.audio().channels, rows: params.rows(), data_type }
    }

    fn check(params: &StftParams) -> Result<(), ParamError> {
        check_window(params.win_length, params.n_fft)
    }

    fn new(params: &StftParams) -> Self {
        let length = params.n_fft as usize;
        let win_length = params.win_length.unwrap_or(params.n_fft);
        let framing = Framing {
            length,
            hop: params.hop_length.unwrap_or((win_length / 4).max(1)) as usize,
            edges: Edges::centred(params.center, params.pad_mode),
        };
        let (value, count) = (params.value, params.rows());
        let make = Box::new(move |_rate| Ok(Box::new(Bins { value, count }) as Box<dyn Projection>));
        let taper = hann(win_length as usize, length);
        Stft(SegmentNode::new(Analysis::new(framing, taper, length, params.whole, false, make), params.gaps))
    }
}

pub(super) fn check_window(win_length: Option<u32>, n_fft: u32) -> Result<(), ParamError> {
    match win_length {
        Some(win_length) if win_length > n_fft => Err(ParamError {
            param: "win_length".to_owned(),
            expected: format!("at most n_fft, which is {n_fft}"),
            got: win_length.to_string(),
        }),
        _ => Ok(()),
    }
}
