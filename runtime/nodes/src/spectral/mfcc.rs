//! `MFCC`: mel-frequency cepstral coefficients, as librosa or as Kaldi has them.

use std::f64::consts::PI;
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
use crate::dsp::recent::Recent;
use crate::stream::segment_node::{SegmentNode, impl_node};
use crate::stream::timeline::Gaps;

documented! {
/// Computes mel-frequency cepstral coefficients, as librosa or as Kaldi does.
///
/// It emits float32 tensors of shape `(n_mfcc, frames)`, or `(channels, n_mfcc, frames)` if there are several channels: for
/// each packet the frames that it completes, or with `whole` all of an item at its end. Params that are not given have the
/// values of the `convention`:
///
/// | param | `librosa` | `kaldi` |
/// |---|---|---|
/// | `rate` | that of the sound | 16000 |
/// | `n_mfcc` | 20 | 13 |
/// | `n_mels` | 128 | 23 |
/// | `win_length` | `n_fft` | 25 ms: 400 at 16 kHz |
/// | `hop_length` | 512 | 10 ms: 160 at 16 kHz |
/// | `n_fft` | 2048 | the power of two that holds `win_length`: 512 |
/// | `fmin_hz` | 0 | 20 |
/// | `lifter` | 0 | 22 |
/// | `full_scale` | 1 | 32768 |
/// | `use_energy`, `snip_edges` | no such params | true, true |
/// | `mel_scale`, `norm`, `pad_mode` | `slaney`, `slaney`, `constant` | no such params |
/// | `top_db` | 80 if `whole`, else none | no such param |
/// | `whole` | true | false |
///
/// `librosa` gives what `librosa.feature.mfcc` gives: frames of `n_fft` samples that are centred on sample `k * hop_length`,
/// a periodic Hann window, power, mel filters, decibels not more than `top_db` below the largest of the item, and the first
/// `n_mfcc` numbers of an orthonormal cosine transform (type II); coefficient `k` is multiplied by
/// `1 + lifter / 2 * sin(pi * (k + 1) / lifter)`. What lies `top_db` below the largest is known at the end of an item, so
/// with `whole` off there is no `top_db`.
///
/// `kaldi` gives what `compute-mfcc-feats` of Kaldi gives with `--dither=0`: frames of `win_length` samples that begin at
/// sample `k * hop_length` and lie in the sound, without their mean, with a pre-emphasis of 0.97, a Povey window and zeros up to
/// `n_fft`; triangles on the mel scale of HTK, natural logarithms, the same cosine transform, and a factor of
/// `1 + lifter / 2 * sin(pi * k / lifter)`. Without `snip_edges`, as lhotse has it, `n` samples have
/// `(n + hop_length / 2) // hop_length` frames, frame `k` is centred on sample `k * hop_length + hop_length / 2`, and the
/// sound is mirrored at its ends. With `use_energy` the first coefficient is the logarithm of the frame's energy before
/// pre-emphasis and window. Kaldi reads 16-bit samples, hence `full_scale`: for what `torchaudio.compliance.kaldi.mfcc`
/// gives for sound within ±1, set it to 1 and `use_energy` to false.
///
/// The arithmetic is float32. The time of a packet is that of its first frame: of its centre, or with `kaldi` of the first
/// sample of its hop. How the sound is divided into packets changes no value. A change of rate or layout ends one recording and
/// begins the next.
///
/// NaN and infinity are an error, and so is an `fmin_hz` of half the rate or more. With `whole` the numbers of one item may
/// fill 1 GiB; more is an error.
pub struct Mfcc(SegmentNode<Analysis>);
}

/// The params of [`Mfcc`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MfccParams {
    /// Whose coefficients they are, and where params that are not given come from.
    #[serde(default)]
    pub convention: MfccConvention,
    /// The rate at which the sound is looked at, in Hz.
    #[serde(default)]
    #[schemars(range(min = 1000, max = 768_000))]
    pub rate: Option<u32>,
    /// The number of coefficients, at most `n_mels`.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1024))]
    pub n_mfcc: Option<u32>,
    /// The number of mel filters. Where the bins of `n_fft` lie too far apart for so many, a filter holds none, and its level is
    /// the same for any sound.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1024))]
    pub n_mels: Option<u32>,
    /// The length of the transform, in samples.
    #[serde(default)]
    #[schemars(range(min = 2, max = 65_536))]
    pub n_fft: Option<u32>,
    /// The length of the window, in samples. Not more than `n_fft`.
    #[serde(default)]
    #[schemars(range(min = 2, max = 65_536))]
    pub win_length: Option<u32>,
    /// From one frame to the next, in samples.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub hop_length: Option<u32>,
    /// Where the first filter begins.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 384_000.0))]
    pub fmin_hz: Option<f64>,
    /// Where the last filter ends. By default half the rate.
    #[serde(default)]
    #[schemars(range(min = 1.0, max = 384_000.0))]
    pub fmax_hz: Option<f64>,
    /// How much higher coefficients are raised; 0 leaves them as they are.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1000.0))]
    pub lifter: Option<f64>,
    /// The number for which a sample of 1 stands.
    #[serde(default)]
    #[schemars(range(min = 0.001, max = 1e9))]
    pub full_scale: Option<f64>,
    /// Whether the first coefficient is the energy of the frame.
    #[serde(default)]
    pub use_energy: Option<bool>,
    /// Whether all frames lie in the sound; else there are as many as hops, and sound is mirrored at the ends.
    #[serde(default)]
    pub snip_edges: Option<bool>,
    /// How frequencies become mels.
    #[serde(default)]
    pub mel_scale: Option<MelScale>,
    /// How filters are weighted.
    #[serde(default)]
    pub norm: Option<MelNorm>,
    /// What stands before the first sample and after the last one.
    #[serde(default)]
    pub pad_mode: Option<PadMode>,
    /// How far below the largest of the item decibels may lie, in decibels.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1000.0))]
    pub top_db: Option<f64>,
    /// Whether all frames of an item come in one tensor at its end. They may fill 1 GiB.
    #[serde(default)]
    pub whole: Option<bool>,
    /// What the node does where the times of its input jump, as after a packet that was lost.
    #[serde(default)]
    pub gaps: Gaps,
}

/// Whose coefficients they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MfccConvention {
    /// Those of `librosa.feature.mfcc`.
    #[default]
    Librosa,
    /// Those of Kaldi's `compute-mfcc-feats`.
    Kaldi,
}

impl MfccParams {
    fn is_kaldi(&self) -> bool {
        self.convention == MfccConvention::Kaldi
    }

    fn of_convention<T>(&self, given: Option<T>, librosa: T, kaldi: T) -> T {
        given.unwrap_or(if self.is_kaldi() { kaldi } else { librosa })
    }

    fn wanted_rate(&self) -> Option<u32> {
        self.rate.or(self.is_kaldi().then_some(kaldi::RATE))
    }

    fn win_length(&self) -> u32 {
        self.win_length.unwrap_or_else(|| {
            if self.is_kaldi() { kaldi::samples(self.wanted_rate(), kaldi::WINDOW_MS) } else { self.n_fft() }
        })
    }

    fn n_fft(&self) -> u32 {
        self.n_fft.unwrap_or_else(|| if self.is_kaldi() { self.win_length().next_power_of_two() } else { 2_048 })
    }

    fn n_mels(&self) -> u32 {
        self.of_convention(self.n_mels, 128, 23)
    }

    fn n_mfcc(&self) -> u32 {
        self.of_convention(self.n_mfcc, 20, 13)
    }

    fn fmin_hz(&self) -> f64 {
        self.of_convention(self.fmin_hz, 0.0, kaldi::LOW_HZ)
    }

    fn is_whole(&self) -> bool {
        self.of_convention(self.whole, true, false)
    }

    fn top_db(&self) -> Option<f64> {
        if self.is_kaldi() || !self.is_whole() { None } else { Some(self.top_db.unwrap_or(80.0)) }
    }
}

/// Makes coefficients of spectra.
struct Cepstrum {
    filters: Arc<[MelFilter]>,
    /// The cosine transform with the lifter in it: a row for each coefficient.
    transform: Arc<[Vec<f32>]>,
    full_scale: f32,
    kind: CepstrumKind,
    powers: Vec<f32>,
    levels: Vec<f32>,
}

enum CepstrumKind {
    /// Levels in decibels, not more than so many below the largest.
    Librosa { top_db: Option<f64>, largest: f32 },
    /// Natural logarithms; the first coefficient may be that of the energy of the frame.
    Kaldi { use_energy: bool, energy: f32 },
}

impl Cepstrum {
    fn apply(transform: &[Vec<f32>], levels: &[f32], values: &mut Vec<f32>) {
        values.extend(
            transform.iter().map(|row| row.iter().zip(levels).map(|(weight, level)| weight * level).sum::<f32>()),
        );
    }
}

impl Projection for Cepstrum {
    fn data_type(&self) -> DataType {
        DataType::Float32
    }

    fn rows(&self) -> usize {
        self.transform.len()
    }

    fn prepare(&mut self, frame: &mut [f32]) {
        let CepstrumKind::Kaldi { energy, .. } = &mut self.kind else {
            frame.iter_mut().for_each(|sample| *sample *= self.full_scale);
            return;
        };
        kaldi::remove_mean(frame, self.full_scale);
        *energy = (frame.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() as f32).max(kaldi::FLOOR).ln();
        kaldi::emphasize(frame);
    }

    fn project(&mut self, spectrum: &[Complex32], values: &mut Vec<f32>) {
        /// What the logarithm of power does not go below in librosa.
        const FLOOR: f32 = 1e-10;
        let Self { filters, transform, kind, powers, levels, .. } = self;
        powers.clear();
        powers.extend(spectrum.iter().map(|bin| bin.norm_sqr()));
        let sums = filters.iter().map(|filter| filter.apply(powers));
        levels.clear();
        match kind {
            CepstrumKind::Librosa { top_db, largest } => {
                levels.extend(sums.map(|sum| sum.max(FLOOR)));
                log10(levels);
                levels.iter_mut().for_each(|level| *level *= 10.0);
                if top_db.is_some() {
                    *largest = levels.iter().copied().fold(*largest, f32::max);
                    values.extend_from_slice(levels);
                } else {
                    Self::apply(transform, levels, values);
                }
            }
            CepstrumKind::Kaldi { use_energy, energy } => {
                levels.extend(sums.map(|sum| sum.max(kaldi::FLOOR).ln()));
                let first = values.len();
                Self::apply(transform, levels, values);
                if *use_energy {
                    values[first] = *energy;
                }
            }
        }
    }

    fn draft_rows(&self) -> Option<usize> {
        match self.kind {
            CepstrumKind::Librosa { top_db: Some(_), .. } => Some(self.filters.len()),
            _ => None,
        }
    }

    fn settle(&self, drafts: &[f32], values: &mut Vec<f32>) {
        let CepstrumKind::Librosa { top_db: Some(top_db), largest } = self.kind else { return };
        let floor = largest - top_db as f32;
        let mut levels = Vec::with_capacity(self.filters.len());
        for draft in drafts.chunks(self.filters.len()) {
            levels.clear();
            levels.extend(draft.iter().map(|level| level.max(floor)));
            Self::apply(&self.transform, &levels, values);
        }
    }
}

impl_node!(Mfcc);

impl Define for Mfcc {
    type Params = MfccParams;

    const NAME: &'static str = "MFCC";
    const COST: Cost = Cost::Proportional;
    const INPUTS: &'static [Port] = &[Port::AUDIO_IN];
    const OUTPUTS: &'static [Port] = &[Port::new(
        "out",
        Kinds::of(&[Kind::Tensor]),
        "Float32 tensors (n_mfcc, frames), with several channels (channels, n_mfcc, frames).",
    )];
    const EXAMPLE: &'static str = r#"{"convention": "kaldi"}"#;

    fn input_format(params: &MfccParams, _port: usize) -> Option<AudioFormat> {
        params.wanted_rate().map(|rate| AudioFormat { rate: Some(rate), channels: None })
    }

    fn output_form(params: &MfccParams, _port: usize, input: Form) -> Form {
        let (channels, rows) = (input.audio().channels, params.n_mfcc() as usize);
        Form::Rows { channels, rows, data_type: DataType::Float32 }
    }

    fn check(params: &MfccParams) -> Result<(), ParamError> {
        let error =
            |param: &str, expected: String, got: String| Err(ParamError { param: param.to_owned(), expected, got });
        check_window(Some(params.win_length()), params.n_fft())?;
        if params.n_mfcc() > params.n_mels() {
            let expected = format!("at most n_mels, which is {}", params.n_mels());
            return error("n_mfcc", expected, params.n_mfcc().to_string());
        }
        check_range(params.fmin_hz(), params.fmax_hz, params.wanted_rate())?;
        let given = [
            ("mel_scale", params.mel_scale.is_some(), MfccConvention::Librosa),
            ("norm", params.norm.is_some(), MfccConvention::Librosa),
            ("pad_mode", params.pad_mode.is_some(), MfccConvention::Librosa),
            ("top_db", params.top_db.is_some(), MfccConvention::Librosa),
            ("use_energy", params.use_energy.is_some(), MfccConvention::Kaldi),
            ("snip_edges", params.snip_edges.is_some(), MfccConvention::Kaldi),
        ];
        for (param, is_given, convention) in given {
            if is_given && convention != params.convention {
                let (this, other) = if params.is_kaldi() { ("kaldi", "librosa") } else { ("librosa", "kaldi") };
                let expected = format!("no such param with the convention {this}");
                return error(param, expected, format!("one of {other}"));
            }
        }
        if params.top_db.is_some() && !params.is_whole() {
            return error("top_db", "no such param unless 'whole' is true".to_owned(), "both".to_owned());
        }
        Ok(())
    }

    fn new(params: &MfccParams) -> Self {
        let (win_length, n_fft) = (params.win_length() as usize, params.n_fft() as usize);
        let taper = if params.is_kaldi() { povey(win_length) } else { hann(win_length, n_fft) };
        let framing = Framing {
            length: taper.len(),
            hop: params.of_convention(params.hop_length, 512, kaldi::samples(params.wanted_rate(), kaldi::HOP_MS))
                as usize,
            edges: if params.is_kaldi() {
                kaldi::edges(params.snip_edges)
            } else {
                Edges::Centred(params.pad_mode.unwrap_or_default())
            },
        };
        let make = projection(params, n_fft);
        Mfcc(SegmentNode::new(Analysis::new(framing, taper, n_fft, params.is_whole(), false, make), params.gaps))
    }
}

/// Makes the filters for the rate of the sound, and what follows them.
fn projection(params: &MfccParams, n_fft: usize) -> MakeProjection {
    let is_kaldi = params.is_kaldi();
    let design = MelDesign {
        count: params.n_mels() as usize,
        low_hz: params.fmin_hz(),
        high_hz: params.fmax_hz.unwrap_or(f64::INFINITY),
        scale: params.mel_scale.unwrap_or(if is_kaldi { MelScale::Htk } else { MelScale::Slaney }),
        norm: params.norm.unwrap_or(if is_kaldi { MelNorm::None } else { MelNorm::Slaney }),
        slopes: if is_kaldi { MelSlopes::Mels } else { MelSlopes::Hertz },
    };
    let lifter = params.of_convention(params.lifter, 0.0, 22.0);
    // The phase of the lifter is one coefficient further in librosa.
    let transform = cosines(params.n_mfcc() as usize, design.count, lifter, if is_kaldi { 0 } else { 1 });
    let full_scale = params.of_convention(params.full_scale, 1.0, kaldi::FULL_SCALE) as f32;
    let (top_db, use_energy) = (params.top_db(), params.use_energy.unwrap_or(true));
    Box::new(move |rate: u32| {
        let kind = if is_kaldi {
            CepstrumKind::Kaldi { use_energy, energy: 0.0 }
        } else {
            CepstrumKind::Librosa { top_db, largest: f32::NEG_INFINITY }
        };
        Ok(Box::new(Cepstrum {
            filters: filters(design, rate, n_fft)?,
            transform: Arc::clone(&transform),
            full_scale,
            kind,
            powers: Vec::new(),
            levels: Vec::new(),
        }) as Box<dyn Projection>)
    })
}

/// The first rows of the orthonormal cosine transform of type II, each multiplied by its lifter.
fn cosines(rows: usize, columns: usize, lifter: f64, phase: usize) -> Arc<[Vec<f32>]> {
    static LATELY: Recent<(usize, usize, f64, usize), [Vec<f32>]> = Recent::new();
    let row = |row: usize| {
        let scale = if row == 0 { 1.0 } else { 2.0 } / columns as f64;
        let raised = if lifter > 0.0 { 1.0 + lifter / 2.0 * (PI * (row + phase) as f64 / lifter).sin() } else { 1.0 };
        let cosine = |column: usize| (PI * row as f64 * (column as f64 + 0.5) / columns as f64).cos();
        (0..columns).map(|column| (scale.sqrt() * raised * cosine(column)) as f32).collect()
    };
    LATELY.get((rows, columns, lifter, phase), || (0..rows).map(row).collect())
}
