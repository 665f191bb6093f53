//! `MelSpectrogram`: spectra on the mel scale.

use std::sync::Arc;

use remotemedia_core::node::{AudioFormat, Cost, Define, Form, Kinds, ParamError, Port, documented};
use remotemedia_core::value::{DataType, Kind};
use remotemedia_fourier::Complex32;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::PadMode;
use super::analysis::{Analysis, MakeProjection, Projection};
use super::filters::{check_range, filters};
use super::frames::{Edges, Framing};
use super::kaldi;
use super::stft::check_window;
use super::windows::{hann, povey};
use crate::dsp::logarithm::log10;
use crate::dsp::mel::{MelDesign, MelFilter, MelNorm, MelScale, MelSlopes};
use crate::stream::segment_node::{SegmentNode, impl_node};
use crate::stream::timeline::Gaps;

documented! {
/// Computes spectra of sound on the mel scale, as librosa, Whisper or Kaldi does.
///
/// It emits float32 tensors of shape `(n_mels, frames)`, or `(channels, n_mels, frames)` if there are several channels: for
/// each packet the frames that it completes, or with `whole` all of an item at its end. Params that are not given have the
/// values of the `preset`:
///
/// | param | `librosa` | `whisper` | `kaldi` |
/// |---|---|---|---|
/// | `rate` | that of the sound | 16000, and mono | 16000 |
/// | `win_length` | `n_fft` | `n_fft` | 25 ms: 400 at 16 kHz |
/// | `n_fft` | 2048 | 400 | the power of two that holds `win_length`: 512 |
/// | `hop_length` | 512 | 160 | 10 ms: 160 at 16 kHz |
/// | `n_mels` | 128 | 80; large-v3 needs 128 | 80 |
/// | `fmin_hz` | 0 | 0 | 20 |
/// | `center`, `pad_mode` | true, `constant` | true, `reflect` | no such params |
/// | `power`, `mel_scale`, `norm` | 2, `slaney`, `slaney` | 2, `slaney`, `slaney` | no such params |
/// | `snip_edges`, `full_scale` | no such params | no such params | true, 32768 |
/// | `scale` | `linear` | `whisper` | `ln` |
/// | `whole` | false | true | false |
///
/// `librosa` gives what `librosa.feature.melspectrogram` gives. `whisper` gives what `log_mel_spectrogram` of
/// openai-whisper gives: `n // 160` frames for `n` samples, without the padding to 30 s. With any other `scale` than
/// `whisper` there are as many frames as `STFT` has. Where the plan needs converters for `rate`, it shows them.
///
/// `kaldi` gives what `compute-fbank-feats` of Kaldi gives with `--dither=0` and 80 filters, of which Kaldi itself has 23: frames
/// of `win_length` samples without their mean, with a pre-emphasis of 0.97, a Povey window and zeros up to `n_fft`; power;
/// triangles on the mel scale of HTK; natural logarithms. Frames begin at sample `k * hop_length` and lie in the sound;
/// without `snip_edges` there are `(n + hop_length / 2) // hop_length` for `n` samples, centred on the middle of each hop, and
/// the sound is mirrored at its ends. Kaldi reads 16-bit samples, hence `full_scale`. What lhotse's `Fbank` and
/// `torchaudio.compliance.kaldi.fbank` make of sound within ±1 has a `full_scale` of 1, and lhotse's no `snip_edges` and an
/// `fmax_hz` of 7600.
///
/// The window is a periodic Hann window unless it is Kaldi's, the arithmetic float32. The time of a packet is that of its first
/// frame: of its centre, or of its first sample if `center` is false, or with `kaldi` of the first sample of its hop. How the
/// sound is divided into packets changes no value. A change of rate or layout ends one recording and begins the next.
///
/// With many filters for a short `n_fft` some hold no bin, and give the same number for any sound. It is so in librosa, which
/// warns of it, and in torchaudio: of the 128 of Kaldi's kind that AST, BEATs and EAT take, one does, the fourth. Kaldi itself
/// refuses them. Fewer filters, or a larger `n_fft`, leave none empty.
///
/// NaN and infinity are an error, and so are sums that are too large for float32, as a high `power` can make them, and an
/// `fmin_hz` of half the rate or more. With `whole` the spectra of one item may fill 1 GiB; more is an error.
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
    /// The length of the transform, in samples; but for `kaldi` that of a frame too.
    #[serde(default)]
    #[schemars(range(min = 2, max = 65_536))]
    pub n_fft: Option<u32>,
    /// From one frame to the next, in samples.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub hop_length: Option<u32>,
    /// The length of the window, in samples, in the middle of the frame; for `kaldi` of the frame. Not more than `n_fft`.
    #[serde(default)]
    #[schemars(range(min = 1, max = 65_536))]
    pub win_length: Option<u32>,
    /// Whether frame `k` is centred on sample `k * hop_length`; else it begins there.
    #[serde(default)]
    pub center: Option<bool>,
    /// What stands before the first sample and after the last one if `center` is true.
    #[serde(default)]
    pub pad_mode: Option<PadMode>,
    /// The exponent of the magnitudes that are summed: 1 for magnitudes, 2 for power.
    #[serde(default)]
    #[schemars(range(min = 0.1, max = 10.0))]
    pub power: Option<f64>,
    /// The number of filters. Where the bins of `n_fft` lie too far apart for so many, a filter holds none and gives the same
    /// number for any sound.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1024))]
    pub n_mels: Option<u32>,
    /// Where the first filter begins.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 384_000.0))]
    pub fmin_hz: Option<f64>,
    /// Where the last filter ends. By default half the rate.
    #[serde(default)]
    #[schemars(range(min = 1.0, max = 384_000.0))]
    pub fmax_hz: Option<f64>,
    /// How frequencies become mels.
    #[serde(default)]
    pub mel_scale: Option<MelScale>,
    /// How filters are weighted.
    #[serde(default)]
    pub norm: Option<MelNorm>,
    /// Whether all frames lie in the sound; else there are as many as hops, and sound is mirrored at the ends.
    #[serde(default)]
    pub snip_edges: Option<bool>,
    /// The number for which a sample of 1 stands.
    #[serde(default)]
    #[schemars(range(min = 0.001, max = 1e9))]
    pub full_scale: Option<f64>,
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
    /// The filter banks of Kaldi's `compute-fbank-feats`, which k2, WeNet and others take.
    Kaldi,
}

/// How the sums of the filters are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LevelScale {
    /// As they are.
    Linear,
    /// In decibels: 20 / `power` times log10 of the sum, not below -100 dB.
    Db,
    /// Their natural logarithm, not below -15.94: that of the epsilon of float32, as Kaldi has it.
    Ln,
    /// Their logarithm to base 10, not below -10.
    Log10,
    /// That logarithm, not more than 8 below the largest of the item, plus 4, divided by 4. Needs `whole`, and leaves out
    /// the last frame.
    Whisper,
}

impl MelSpectrogramParams {
    fn is_whisper(&self) -> bool {
        self.preset == MelPreset::Whisper
    }

    fn is_kaldi(&self) -> bool {
        self.preset == MelPreset::Kaldi
    }

    fn of_preset<T>(&self, given: Option<T>, librosa: T, whisper: T, kaldi: T) -> T {
        given.unwrap_or(match self.preset {
            MelPreset::Librosa => librosa,
            MelPreset::Whisper => whisper,
            MelPreset::Kaldi => kaldi,
        })
    }

    fn wanted_rate(&self) -> Option<u32> {
        self.of_preset(self.rate.map(Some), None, Some(16_000), Some(kaldi::RATE))
    }

    fn win_length(&self) -> u32 {
        self.win_length.unwrap_or_else(|| {
            if self.is_kaldi() { kaldi::samples(self.wanted_rate(), kaldi::WINDOW_MS) } else { self.n_fft() }
        })
    }

    fn n_fft(&self) -> u32 {
        self.n_fft.unwrap_or_else(|| match self.preset {
            MelPreset::Librosa => 2_048,
            MelPreset::Whisper => 400,
            MelPreset::Kaldi => self.win_length().next_power_of_two(),
        })
    }

    fn fmin_hz(&self) -> f64 {
        self.of_preset(self.fmin_hz, 0.0, 0.0, kaldi::LOW_HZ)
    }

    fn n_mels(&self) -> u32 {
        self.of_preset(self.n_mels, 128, 80, 80)
    }

    fn scale(&self) -> LevelScale {
        self.of_preset(self.scale, LevelScale::Linear, LevelScale::Whisper, LevelScale::Ln)
    }

    fn is_whole(&self) -> bool {
        self.of_preset(self.whole, false, true, false)
    }

    fn edges(&self) -> Edges {
        if self.is_kaldi() {
            return kaldi::edges(self.snip_edges);
        }
        let pad_mode = self.of_preset(self.pad_mode, PadMode::Constant, PadMode::Reflect, PadMode::Constant);
        Edges::centred(self.center.unwrap_or(true), pad_mode)
    }
}

struct Mels {
    filters: Arc<[MelFilter]>,
    power: f64,
    scale: LevelScale,
    /// What a sample of 1 stands for, if frames are made as Kaldi makes them.
    kaldi: Option<f32>,
    powers: Vec<f32>,
}

impl Projection for Mels {
    fn data_type(&self) -> DataType {
        DataType::Float32
    }

    fn rows(&self) -> usize {
        self.filters.len()
    }

    fn too_large_cure(&self) -> &'static str {
        "Lower 'power', or the level of the sound before this node."
    }

    fn prepare(&mut self, frame: &mut [f32]) {
        if let Some(full_scale) = self.kaldi {
            kaldi::remove_mean(frame, full_scale);
            kaldi::emphasize(frame);
        }
    }

    fn project(&mut self, spectrum: &[Complex32], values: &mut Vec<f32>) {
        /// What the logarithm does not go below, for power.
        const FLOOR: f32 = 1e-10;
        const FLOOR_DB: f32 = -100.0;
        let Self { filters, power, scale, powers, .. } = self;
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
                // Of high powers the floor is no normal number, or 0: so it is that of the decibels too.
                let (factor, floor) = (20.0 / *power as f32, FLOOR.powf(*power as f32 / 2.0));
                values.extend(sums.map(|sum| sum.max(if floor.is_normal() { floor } else { 0.0 })));
                log10(&mut values[first..]);
                values[first..].iter_mut().for_each(|value| *value = (*value * factor).max(FLOOR_DB));
            }
            LevelScale::Ln => values.extend(sums.map(|sum| sum.max(kaldi::FLOOR).ln())),
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

    fn output_form(params: &MelSpectrogramParams, _port: usize, input: Form) -> Form {
        let (channels, rows) = (input.audio().channels, params.n_mels() as usize);
        Form::Rows { channels, rows, data_type: DataType::Float32 }
    }

    fn check(params: &MelSpectrogramParams) -> Result<(), ParamError> {
        let error =
            |param: &str, expected: String, got: String| Err(ParamError { param: param.to_owned(), expected, got });
        check_window(Some(params.win_length()), params.n_fft())?;
        if params.is_kaldi() && params.win_length() < 2 {
            return error("win_length", "at least 2 with the preset kaldi".to_owned(), params.win_length().to_string());
        }
        check_range(params.fmin_hz(), params.fmax_hz, params.wanted_rate())?;
        let given = [
            ("center", params.center.is_some(), false),
            ("pad_mode", params.pad_mode.is_some(), false),
            ("power", params.power.is_some(), false),
            ("mel_scale", params.mel_scale.is_some(), false),
            ("norm", params.norm.is_some(), false),
            ("snip_edges", params.snip_edges.is_some(), true),
            ("full_scale", params.full_scale.is_some(), true),
        ];
        for (param, is_given, of_kaldi) in given {
            if is_given && of_kaldi != params.is_kaldi() {
                let expected = if of_kaldi {
                    "no such param unless the preset is kaldi"
                } else {
                    "no such param with the preset kaldi"
                };
                return error(param, expected.to_owned(), "one".to_owned());
            }
        }
        if params.scale() == LevelScale::Whisper && !params.is_whole() {
            return error("whole", "true for the scale whisper, which needs all frames".to_owned(), "false".to_owned());
        }
        Ok(())
    }

    fn new(params: &MelSpectrogramParams) -> Self {
        let (win_length, n_fft) = (params.win_length() as usize, params.n_fft() as usize);
        let taper = if params.is_kaldi() { povey(win_length) } else { hann(win_length, n_fft) };
        let framing = Framing {
            length: taper.len(),
            hop: params.of_preset(params.hop_length, 512, 160, kaldi::samples(params.wanted_rate(), kaldi::HOP_MS))
                as usize,
            edges: params.edges(),
        };
        let drops_last = params.scale() == LevelScale::Whisper;
        let make = projection(params, n_fft);
        let analysis = Analysis::new(framing, taper, n_fft, params.is_whole(), drops_last, make);
        MelSpectrogram(SegmentNode::new(analysis, params.gaps))
    }
}

/// Makes the filters for the rate of the sound, and what follows them.
fn projection(params: &MelSpectrogramParams, n_fft: usize) -> MakeProjection {
    let is_kaldi = params.is_kaldi();
    let design = MelDesign {
        count: params.n_mels() as usize,
        low_hz: params.fmin_hz(),
        high_hz: params.fmax_hz.unwrap_or(f64::INFINITY),
        scale: params.of_preset(params.mel_scale, MelScale::Slaney, MelScale::Slaney, MelScale::Htk),
        norm: params.of_preset(params.norm, MelNorm::Slaney, MelNorm::Slaney, MelNorm::None),
        slopes: if is_kaldi { MelSlopes::Mels } else { MelSlopes::Hertz },
    };
    let (power, scale) = (params.power.unwrap_or(2.0), params.scale());
    let kaldi = is_kaldi.then(|| params.full_scale.unwrap_or(kaldi::FULL_SCALE) as f32);
    Box::new(move |rate: u32| {
        let filters = filters(design, rate, n_fft)?;
        Ok(Box::new(Mels { filters, power, scale, kaldi, powers: Vec::new() }) as Box<dyn Projection>)
    })
}
