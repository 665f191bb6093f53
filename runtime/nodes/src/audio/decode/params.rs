//! What `AudioDecode` can be asked for: its params, and the part of each file that they name.

use schemars::JsonSchema;
use serde::Deserialize;

use super::chunker::Part;
use super::raw::{Bytes, RawSound};
use crate::audio::pcm::SampleFormat;

/// Params of [`AudioDecode`].
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AudioDecodeParams {
    /// The length of the chunks that come out, in milliseconds of sound. The last one of a file is shorter.
    #[serde(default = "default_chunk_ms")]
    #[schemars(range(min = 1, max = 60000))]
    pub chunk_ms: u32,
    /// Where to start in each file, in seconds. The cut is exact: the samples are those that decoding from the start gives.
    /// Damage before it is not looked for.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1e9))]
    pub start_s: f64,
    /// How much of each file to give from `start_s` on, in seconds; all of it if left out.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1e9))]
    pub duration_s: Option<f64>,
    /// What the bytes are, if they are PCM without a header. Else the container says it.
    #[serde(default)]
    pub raw: Option<RawParams>,
}

/// PCM without a header: little-endian, interleaved.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawParams {
    /// How a sample is written.
    pub sample_format: RawSamples,
    /// Frames per second, in Hz.
    #[schemars(range(min = 1, max = 768000))]
    pub rate: u32,
    /// The number of channels.
    #[serde(default = "default_raw_channels")]
    #[schemars(range(min = 1, max = 64))]
    pub channels: u16,
}

/// How a sample of PCM is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RawSamples {
    /// Unsigned 8-bit integers; 128 is silence.
    U8,
    /// Signed 16-bit integers.
    S16,
    /// Signed 24-bit integers in three bytes.
    S24,
    /// Signed 32-bit integers.
    S32,
    /// 32-bit floats.
    F32,
    /// G.711 mu-law, as telephony in America and Japan has it.
    MuLaw,
    /// G.711 A-law, as telephony elsewhere has it.
    ALaw,
}

fn default_raw_channels() -> u16 {
    1
}

fn default_chunk_ms() -> u32 {
    100
}

/// The part of each file that is wanted.
#[derive(Clone, Copy)]
pub(super) struct Range {
    pub(super) start_s: f64,
    pub(super) duration_s: Option<f64>,
}

impl RawParams {
    /// A decoder of such bytes, which come from `reader`, or as they are pushed. `name` is what messages call them.
    pub(super) fn sound(&self, name: String, reader: Option<Box<dyn Bytes>>) -> RawSound {
        let format = match self.sample_format {
            RawSamples::U8 => SampleFormat::U8,
            RawSamples::S16 => SampleFormat::S16,
            RawSamples::S24 => SampleFormat::S24,
            RawSamples::S32 => SampleFormat::S32,
            RawSamples::F32 => SampleFormat::F32,
            RawSamples::MuLaw => SampleFormat::MuLaw,
            RawSamples::ALaw => SampleFormat::ALaw,
        };
        RawSound::new(format, self.rate, usize::from(self.channels), name, reader)
    }
}

impl Range {
    /// The part in frames of sound that begins so many nanoseconds after the file does.
    pub(super) fn part(self, elapsed: i64, rate: u32) -> Part {
        let frames = |seconds: f64| ((seconds - elapsed as f64 / 1e9) * f64::from(rate)).round().max(0.0) as u64;
        Part { start: frames(self.start_s), end: self.duration_s.map(|duration_s| frames(self.start_s + duration_s)) }
    }
}
