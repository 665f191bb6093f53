//! `MelSpectrogram`: spectra on the mel scale.

use remotemedia_core::node::{AudioFormat, Cost, Define, Kinds, NodeError, ParamError, Port, documented};
use remotemedia_core::value::{DataType, Kind};
use remotemedia_fourier::Complex32;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::PadMode;
use super::analysis::{Analysis, Projection};
use super::frames::{Edges, Framing};
use super::stft::check_window;
use crate::dsp::logarithm::log10;
use crate::dsp::mel::{MelDesign, MelFilter, MelNorm, MelScale, MelSlopes};
use crate::stream::segment_node::{SegmentNode, impl_node};
use crate::stream::timeline::Gaps;

documented! {
/// Computes spectra of sound on the mel scale, as librosa or as Whisper does.
///
/// It emits float32 tensors of shape `(n_mels, frames)`, or `(channels, n_mels, frames)` if there are several channels: for
/// each packet the frames that it completes, or with `whole` all of an item at its end. Params that are not given have the
/// values of the `preset`:
///
/// | param | `librosa` | `whisper` |
/// |---|---|---|
/// | `rate` | that of the sound | 16000, and mono |
/// | `n_fft` | 2048 | 400 |
/// | `hop_length` | 512 | 160 |
/// | `n_mels` | 128 | 80; large-v3 needs 128 |
/// | `pad_mode` | `constant` | `reflect` |
/// | `scale` | `linear` | `whisper` |
/// | `whole` | false | true |
///
/// `librosa` gives what `librosa.feature.melspectrogram` gives. `whisper` gives what `log_mel_spectrogram` of
/// openai-whisper gives: `n // 160` frames for `n` samples, without the padding to 30 s. With any other `scale` than
/// `whisper` there are as many frames as `STFT` has. Where the plan needs converters for `rate`, it shows them.
///
/// The window is a periodic Hann window, the arithmetic float32. The time of a packet is that of its first frame: of its
/// centre, or of its first sample if `center` is false. How the sound is divided into packets changes no value. A change
/// of rate or layout ends one recording and begins the next.
///
/// NaN and infinity are an error, and so is an `fmin_hz` of half the rate or more. With `whole` the spectra of one item may fill
/// 1 GiB; more is an error.
pub struct MelSpectrogram(SegmentNode<Analysis>);
}

/// The params of [`MelSpectrogram`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MelSpectrogramParams {
    /// Where params that are not given come from.
    #[serde(default)]
    pub preset: MelPreset,
    /// The rate at which the sound is looked at, in Hz.
    #[serde(default)]
    #[schemars(range(min = 1000, max = 768_000))]
    pub rate: Option<u32>,
    /// The length of a frame, in samples.
    #[serde(default)]
    #[schemars(range(min = 2, max = 65_536))]
    pub n_fft: Option<u32>,
    /// From one frame to the next, in samples.
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
    pub pad_mode: Option<PadMode>,
    /// The exponent of the magnitudes that are summed: 1 for magnitudes, 2 for power.
    #[serde(default = "default_power")]
    #[schemars(range(min = 0.1, max = 10.0))]
    pub power: f64,
    /// The number of filters.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1024))]
    pub n_mels: Option<u32>,
    /// Where the first filter begins.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 384_000.0))]
    pub fmin_hz: f64,
    /// Where the last filter ends. By default half the rate.
    #[serde(default)]
    #[schemars(range(min = 1.0, max = 384_000.0))]
    pub fmax_hz: Option<f64>,
    /// How frequencies become mels.
    #[serde(default)]
    pub mel_scale: MelScale,
    /// How filters are weighted.
    #[serde(default)]
    pub norm: MelNorm,
    /// How the sums are given.
    #[serde(default)]
    pub scale: Option<LevelScale>,
    /// Whether all frames of an item come in one tensor at its end. They may fill 1 GiB.
    #[serde(default)]
    pub whole: Option<bool>,
    /// What the node does where the times of its input jump, as after a packet that was lost.
    #[serde(default)]
    pub gaps: Gaps,
}

/// Where params come from that are not given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MelPreset {
    /// The defaults of `librosa.feature.melspectrogram`.
    #[default]
    Librosa,
    /// What the speech recognizer Whisper takes.
    Whisper,
}

/// How the sums of the filters are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LevelScale {
    /// As they are.
    Linear,
    /// In decibels: 10 log10 of a sum of power, not below -100 dB.
    Db,
    /// Their logarithm to base 10, not below -10.
    Log10,
    /// That logarithm, not more than 8 below the largest of the item, plus 4, divided by 4. Needs `whole`, and leaves out
    /// the last frame.
    Whisper,
}

fn default_center() -> bool {
    true
}

fn default_power() -> f64 {
    2.0
}

impl MelSpectrogramParams {
    fn is_whisper(&self) -> bool {
        self.preset == MelPreset::Whisper
    }

    fn of_preset<T>(&self, given: Option<T>, librosa: T, whisper: T) -> T {
        given.unwrap_or(if self.is_whisper() { whisper } else { librosa })
    }

    fn wanted_rate(&self) -> Option<u32> {
        self.rate.or(self.is_whisper().then_some(16_000))
    }

    fn n_fft(&self) -> u32 {
        self.of_preset(self.n_fft, 2_048, 400)
    }

    fn scale(&self) -> LevelScale {
        self.of_preset(self.scale, LevelScale::Linear, LevelScale::Whisper)
    }

    fn is_whole(&self) -> bool {
        self.of_preset(self.whole, false, true)
    }
}

struct Mels {
    filters: Vec<MelFilter>,
    power: f64,
    scale: LevelScale,
    powers: Vec<f32>,
}

impl Projection for Mels {
    fn data_type(&self) -> DataType {
        DataType::Float32
    }

    fn rows(&self) -> usize {
        self.filters.len()
    }

    fn project(&mut self, spectrum: &[Complex32], values: &mut Vec<f32>) {
        /// What the logarithm does not go below, for power.
        const FLOOR: f32 = 1e-10;
        let Self { filters, power, scale, powers } = self;
        powers.clear();
        if *power == 2.0 {
            powers.extend(spectrum.iter().map(|bin| bin.norm_sqr()));
        } else {
            let half = *power as f32 / 2.0;
            powers.extend(spectrum.iter().map(|bin| bin.norm_sqr().powf(half)));
        }
        let first = values.len();
        let sums = filters.iter().map(|filter| filter.apply(powers));
        match scale {
            LevelScale::Linear => values.extend(sums),
            LevelScale::Db => {
                let (factor, floor) = (20.0 / *power as f32, FLOOR.powf(*power as f32 / 2.0));
                values.extend(sums.map(|sum| sum.max(floor)));
                log10(&mut values[first..]);
                values[first..].iter_mut().for_each(|value| *value *= factor);
            }
            LevelScale::Log10 | LevelScale::Whisper => {
                values.extend(sums.map(|sum| sum.max(FLOOR)));
                log10(&mut values[first..]);
            }
        }
    }

    fn complete(&self, values: &mut [f32]) {
        if self.scale == LevelScale::Whisper {
            let floor = values.iter().copied().fold(f32::MIN, f32::max) - 8.0;
            values.iter_mut().for_each(|value| *value = (value.max(floor) + 4.0) / 4.0);
        }
    }
}

impl_node!(MelSpectrogram);

impl Define for MelSpectrogram {
    type Params = MelSpectrogramParams;

    const NAME: &'static str = "MelSpectrogram";
    const COST: Cost = Cost::Proportional;
    const INPUTS: &'static [Port] = &[Port::AUDIO_IN];
    const OUTPUTS: &'static [Port] = &[Port::new(
        "out",
        Kinds::of(&[Kind::Tensor]),
        "Float32 tensors (n_mels, frames), with several channels (channels, n_mels, frames).",
    )];
    const EXAMPLE: &'static str = r#"{"preset": "whisper"}"#;

    fn input_format(params: &MelSpectrogramParams, _port: usize) -> Option<AudioFormat> {
        Some(AudioFormat { rate: params.wanted_rate(), channels: params.is_whisper().then_some(1) })
    }

    fn check(params: &MelSpectrogramParams) -> Result<(), ParamError> {
        let error =
            |param: &str, expected: String, got: String| Err(ParamError { param: param.to_owned(), expected, got });
        check_window(params.win_length, params.n_fft())?;
        let highest = params.fmax_hz.or(params.wanted_rate().map(|rate| f64::from(rate) / 2.0));
        if let Some(highest) = highest.filter(|highest| *highest <= params.fmin_hz) {
            return error("fmin_hz", format!("less than {highest}, where the filters end"), params.fmin_hz.to_string());
        }
        if params.scale() == LevelScale::Whisper && !params.is_whole() {
            return error("whole", "true for the scale whisper, which needs all frames".to_owned(), "false".to_owned());
        }
        Ok(())
    }

    fn new(params: &MelSpectrogramParams) -> Self {
        let n_fft = params.n_fft();
        let framing = Framing {
            length: n_fft as usize,
            hop: params.of_preset(params.hop_length, 512, 160) as usize,
            edges: Edges::centred(
                params.center,
                params.of_preset(params.pad_mode, PadMode::Constant, PadMode::Reflect),
            ),
        };
        let design = MelDesign {
            count: params.of_preset(params.n_mels, 128, 80) as usize,
            low_hz: params.fmin_hz,
            high_hz: params.fmax_hz.unwrap_or(f64::INFINITY),
            scale: params.mel_scale,
            norm: params.norm,
            slopes: MelSlopes::Hertz,
        };
        let (power, scale) = (params.power, params.scale());
        let make = Box::new(move |rate: u32| {
            let half = f64::from(rate) / 2.0;
            if design.low_hz >= half {
                let cause = format!("'fmin_hz' is {}, but sound of {rate} Hz ends at {half} Hz", design.low_hz);
                return Err(NodeError::new(cause).cure("Lower 'fmin_hz', or set 'rate'."));
            }
            let high_hz = if design.high_hz.is_finite() { design.high_hz } else { half };
            let filters = MelDesign { high_hz, ..design }.filters(rate, n_fft as usize);
            Ok(Box::new(Mels { filters, power, scale, powers: Vec::new() }) as Box<dyn Projection>)
        });
        let win_length = params.win_length.unwrap_or(n_fft) as usize;
        MelSpectrogram(SegmentNode::new(
            Analysis::new(framing, win_length, params.is_whole(), scale == LevelScale::Whisper, make),
            params.gaps,
        ))
    }
}
