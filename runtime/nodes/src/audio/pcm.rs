//! PCM as other programs have it, interleaved integers or floats, to planar float32 and back.
//!
//! Full scale is 2^(n-1): the most negative integer is -1.0, and +1.0 is one step above the most positive. To integers
//! is round to nearest, ties to even, then saturate; NaN becomes silence. It may know nothing of nodes.

use std::fmt;
use std::str::FromStr;

use remotemedia_vectors::{Kernel, Simd, run_wide};

use crate::stream::finite::are_finite;

/// How a sample is written. All are little-endian and interleaved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SampleFormat {
    /// Unsigned 8-bit integers; 128 is silence.
    U8,
    /// Signed 16-bit integers.
    S16,
    /// Signed 24-bit integers in three bytes.
    S24,
    /// Signed 32-bit integers.
    S32,
    /// 32-bit floats. They are passed on as they are, also above full scale.
    F32,
    /// G.711 mu-law, 8 bits for a range of 14.
    MuLaw,
    /// G.711 A-law, 8 bits for a range of 13.
    ALaw,
}

/// Why bytes are no PCM of a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PcmError {
    /// A frame is cut off.
    #[error("{len} bytes are no whole number of {format} frames of {channels} channels, which take {frame} bytes each")]
    PartialFrame {
        /// The bytes that were given.
        len: usize,
        /// Their format.
        format: SampleFormat,
        /// The number of channels.
        channels: usize,
        /// The bytes of one frame.
        frame: usize,
    },
    /// There are no channels.
    #[error("0 channels hold no sound")]
    NoChannels,
}

/// A name that is no sample format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no sample format '{0}'; there are u8, s16, s24, s32, f32, mulaw and alaw")]
pub struct UnknownSampleFormat(String);

impl SampleFormat {
    /// Every format.
    pub const ALL: [SampleFormat; 7] = [
        SampleFormat::U8,
        SampleFormat::S16,
        SampleFormat::S24,
        SampleFormat::S32,
        SampleFormat::F32,
        SampleFormat::MuLaw,
        SampleFormat::ALaw,
    ];

    /// The name in params, such as `s16`.
    pub const fn name(self) -> &'static str {
        match self {
            SampleFormat::U8 => "u8",
            SampleFormat::S16 => "s16",
            SampleFormat::S24 => "s24",
            SampleFormat::S32 => "s32",
            SampleFormat::F32 => "f32",
            SampleFormat::MuLaw => "mulaw",
            SampleFormat::ALaw => "alaw",
        }
    }

    /// The bytes of one sample.
    pub const fn bytes(self) -> usize {
        match self {
            SampleFormat::U8 | SampleFormat::MuLaw | SampleFormat::ALaw => 1,
            SampleFormat::S16 => 2,
            SampleFormat::S24 => 3,
            SampleFormat::S32 | SampleFormat::F32 => 4,
        }
    }
}

/// Planar float32 from interleaved PCM: all frames of the first channel, then all of the second, and so on.
///
/// # Errors
/// If there are no channels or the last frame is cut off.
pub fn from_pcm(bytes: &[u8], format: SampleFormat, channels: usize) -> Result<Vec<f32>, PcmError> {
    let frame = format.bytes() * channels;
    if frame == 0 {
        return Err(PcmError::NoChannels);
    }
    if !bytes.len().is_multiple_of(frame) {
        return Err(PcmError::PartialFrame { len: bytes.len(), format, channels, frame });
    }
    Ok(match format {
        SampleFormat::U8 => deinterleave(bytes, channels, |[byte]| (f32::from(byte) - 128.0) / 128.0),
        SampleFormat::S16 => deinterleave(bytes, channels, |sample| f32::from(i16::from_le_bytes(sample)) / 32_768.0),
        SampleFormat::S24 => deinterleave(bytes, channels, |[low, middle, high]| {
            // Exact: 24 bits fit the significand, and 2^31 is a power of two.
            i32::from_le_bytes([0, low, middle, high]) as f32 / 2_147_483_648.0
        }),
        SampleFormat::S32 => {
            deinterleave(bytes, channels, |sample| i32::from_le_bytes(sample) as f32 / 2_147_483_648.0)
        }
        SampleFormat::F32 => deinterleave(bytes, channels, f32::from_le_bytes),
        SampleFormat::MuLaw => deinterleave(bytes, channels, |[code]| f32::from(expand_mu_law(code)) / 32_768.0),
        SampleFormat::ALaw => deinterleave(bytes, channels, |[code]| f32::from(expand_a_law(code)) / 32_768.0),
    })
}

/// The first frame with a sample that is NaN or infinite, which no integer stands for.
pub fn first_not_finite(channels: &[&[f32]]) -> Option<usize> {
    let is_spoiled = |samples: &&&[f32]| !are_finite(samples);
    let first = |samples: &&[f32]| samples.iter().position(|sample| !sample.is_finite());
    channels.iter().filter(is_spoiled).filter_map(first).min()
}

/// Interleaved PCM from planar float32, one slice for each channel. Appends to `bytes`, so that a buffer can be used
/// again.
///
/// # Panics
/// If the channels differ in length.
pub fn to_pcm(channels: &[&[f32]], format: SampleFormat, bytes: &mut Vec<u8>) {
    match format {
        SampleFormat::U8 => interleave(channels, bytes, |sample| [(quantize(sample, 8) + 128) as u8]),
        SampleFormat::S16 => interleave(channels, bytes, |sample| (quantize(sample, 16) as i16).to_le_bytes()),
        SampleFormat::S24 => interleave(channels, bytes, |sample| {
            let [low, middle, high, _] = quantize(sample, 24).to_le_bytes();
            [low, middle, high]
        }),
        SampleFormat::S32 => interleave(channels, bytes, |sample| quantize(sample, 32).to_le_bytes()),
        SampleFormat::F32 => interleave(channels, bytes, f32::to_le_bytes),
        SampleFormat::MuLaw => interleave(channels, bytes, |sample| [compress_mu_law(quantize(sample, 16) as i16)]),
        SampleFormat::ALaw => interleave(channels, bytes, |sample| [compress_a_law(quantize(sample, 16) as i16)]),
    }
}

/// The integer of `bits` bits, 1 to 32, that is nearest to a sample: ties to even, saturated; NaN is 0.
#[inline(always)]
pub fn quantize(sample: f32, bits: u32) -> i32 {
    debug_assert!((1..=32).contains(&bits), "{bits} bits");
    /// Beside it float64 has whole numbers alone, so that adding it rounds, and the lowest bits are those of the integer.
    /// Unlike a cast, that has vectors on every processor.
    const WHOLE: f64 = 6_755_399_441_055_744.0;
    let full_scale = f64::from(1u32 << (bits - 1));
    // The product is exact in float64.
    let scaled = (f64::from(sample) * full_scale).clamp(-full_scale, full_scale - 1.0);
    let scaled = if scaled.is_nan() { 0.0 } else { scaled };
    (scaled + WHOLE).to_bits() as i32
}

/// Appends the integers of samples, as [`quantize`] has them.
pub fn quantize_all(samples: &[f32], bits: u32, integers: &mut Vec<i32>) {
    let begin = integers.len();
    integers.resize(begin + samples.len(), 0);
    run_wide(Quantization { samples, bits, integers: &mut integers[begin..] });
}

struct Quantization<'a> {
    samples: &'a [f32],
    bits: u32,
    integers: &'a mut [i32],
}

impl Kernel for Quantization<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        for (integer, sample) in self.integers.iter_mut().zip(self.samples) {
            *integer = quantize(*sample, self.bits);
        }
    }
}

fn deinterleave<const N: usize>(bytes: &[u8], channels: usize, convert: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    let (samples, _) = bytes.as_chunks::<N>();
    let mut planar = Vec::with_capacity(samples.len());
    match channels {
        1 => planar.extend(samples.iter().map(|sample| convert(*sample))),
        // The distance of samples is known: vectors of them are made.
        2 => {
            let (frames, _) = samples.as_chunks::<2>();
            planar.extend(frames.iter().map(|[left, _]| convert(*left)));
            planar.extend(frames.iter().map(|[_, right]| convert(*right)));
        }
        _ => {
            for channel in 0..channels.min(samples.len()) {
                planar.extend(samples[channel..].iter().step_by(channels).map(|sample| convert(*sample)));
            }
        }
    }
    debug_assert_eq!(planar.len(), samples.len());
    planar
}

fn interleave<const N: usize>(channels: &[&[f32]], bytes: &mut Vec<u8>, convert: impl Fn(f32) -> [u8; N]) {
    let frames = channels.first().map_or(0, |channel| channel.len());
    assert!(channels.iter().all(|channel| channel.len() == frames), "the channels differ in length");
    let begin = bytes.len();
    bytes.resize(begin + frames * channels.len() * N, 0);
    let (samples, _) = bytes[begin..].as_chunks_mut::<N>();
    match channels {
        [only] => {
            for (written, sample) in samples.iter_mut().zip(*only) {
                *written = convert(*sample);
            }
        }
        [left, right] => {
            let (frames, _) = samples.as_chunks_mut::<2>();
            for (written, (left, right)) in frames.iter_mut().zip(left.iter().zip(*right)) {
                *written = [convert(*left), convert(*right)];
            }
        }
        _ => {
            for (number, channel) in channels.iter().enumerate() {
                for (written, sample) in samples.iter_mut().skip(number).step_by(channels.len()).zip(*channel) {
                    *written = convert(*sample);
                }
            }
        }
    }
}

/// ITU-T G.711, table 2a, as 16-bit integers: the 14-bit values of the standard times four.
pub(super) fn expand_mu_law(code: u8) -> i16 {
    let code = !code;
    let exponent = code >> 4 & 7;
    let magnitude = ((i16::from(code & 0x0f) * 2 + 33) << exponent) - 33;
    4 * if code & 0x80 == 0 { magnitude } else { -magnitude }
}

/// ITU-T G.711, table 2a, with its decision values.
fn compress_mu_law(sample: i16) -> u8 {
    const BIAS: i32 = 33;
    const LARGEST: i32 = 8158;
    let sign = if sample < 0 { 0x80 } else { 0 };
    // Rounded to 14 bits, halves away from zero.
    let magnitude = ((i32::from(sample).abs() + 2) >> 2).min(LARGEST) + BIAS;
    let exponent = (31 - magnitude.leading_zeros()).saturating_sub(5);
    let mantissa = (magnitude >> (exponent + 1)) & 0x0f;
    !(sign | (exponent as u8) << 4 | mantissa as u8)
}

/// ITU-T G.711, table 1a, as 16-bit integers: the 13-bit values of the standard times eight.
pub(super) fn expand_a_law(code: u8) -> i16 {
    let code = code ^ 0x55;
    let exponent = code >> 4 & 7;
    let mantissa = i16::from(code & 0x0f) * 2 + 1;
    let magnitude = if exponent == 0 { mantissa } else { (mantissa + 32) << (exponent - 1) };
    8 * if code & 0x80 == 0 { -magnitude } else { magnitude }
}

/// ITU-T G.711, table 1a, with its decision values.
fn compress_a_law(sample: i16) -> u8 {
    let sign = if sample < 0 { 0 } else { 0x80 };
    // 12 bits of magnitude; the intervals of the negative side mirror those of the positive.
    let magnitude = if sample < 0 { !i32::from(sample) } else { i32::from(sample) } >> 3;
    let exponent = (32 - (magnitude >> 5).leading_zeros()).min(7);
    let mantissa = if exponent == 0 { magnitude >> 1 } else { magnitude >> exponent } & 0x0f;
    (sign | (exponent as u8) << 4 | mantissa as u8) ^ 0x55
}

impl fmt::Display for SampleFormat {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for SampleFormat {
    type Err = UnknownSampleFormat;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|format| format.name() == name).ok_or_else(|| UnknownSampleFormat(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(channels: &[&[f32]], format: SampleFormat) -> Vec<u8> {
        let mut bytes = Vec::new();
        to_pcm(channels, format, &mut bytes);
        bytes
    }

    #[test]
    fn every_16_bit_integer_survives() {
        let pcm: Vec<u8> = (i16::MIN..=i16::MAX).flat_map(i16::to_le_bytes).collect();
        let samples = from_pcm(&pcm, SampleFormat::S16, 1).unwrap();
        assert_eq!((samples[0], samples[32768]), (-1.0, 0.0));
        assert_eq!(bytes(&[&samples], SampleFormat::S16), pcm);
    }

    #[test]
    fn every_24_bit_integer_survives() {
        let integers = (-(1 << 23)..(1 << 23)).step_by(7).chain([(1 << 23) - 1]);
        let pcm: Vec<u8> = integers.flat_map(|sample: i32| sample.to_le_bytes()[..3].to_vec()).collect();
        let samples = from_pcm(&pcm, SampleFormat::S24, 1).unwrap();
        assert_eq!(samples[0], -1.0);
        assert_eq!(bytes(&[&samples], SampleFormat::S24), pcm);
    }

    #[test]
    fn every_8_bit_code_survives() {
        let pcm: Vec<u8> = (0..=255).collect();
        for format in [SampleFormat::U8, SampleFormat::ALaw] {
            let samples = from_pcm(&pcm, format, 1).unwrap();
            assert_eq!(bytes(&[&samples], format), pcm, "{format}");
        }
        // Mu-law has two zeros; both are the same sample.
        let samples = from_pcm(&pcm, SampleFormat::MuLaw, 1).unwrap();
        let mut expected = pcm.clone();
        expected[0x7f] = 0xff;
        assert_eq!(bytes(&[&samples], SampleFormat::MuLaw), expected);
    }

    #[test]
    fn companding_is_monotonic_and_decides_where_the_standard_does() {
        let integers: Vec<f32> = (i16::MIN..=i16::MAX).map(|sample| f32::from(sample) / 32_768.0).collect();
        for format in [SampleFormat::MuLaw, SampleFormat::ALaw] {
            let values = from_pcm(&bytes(&[&integers], format), format, 1).unwrap();
            assert!(values.is_sorted(), "{format}");
        }
        // ITU-T G.711, table 2a: the decision values where the segments of mu-law meet, in units of 14 bits.
        for (segment, decision) in [(1, 31), (2, 95), (3, 223), (4, 479), (5, 991), (6, 2015), (7, 4063)] {
            assert_eq!(!compress_mu_law(4 * decision) >> 4 & 7, segment, "{decision}");
            assert_eq!(!compress_mu_law(4 * (decision - 1)) >> 4 & 7, segment - 1, "{decision}");
        }
        // Table 1a: those of A-law, in units of 13 bits.
        for (segment, decision) in [(1, 32), (2, 64), (3, 128), (4, 256), (5, 512), (6, 1024), (7, 2048)] {
            assert_eq!((compress_a_law(8 * decision) ^ 0x55) >> 4 & 7, segment, "{decision}");
            assert_eq!((compress_a_law(8 * decision - 1) ^ 0x55) >> 4 & 7, segment - 1, "{decision}");
        }
    }

    #[test]
    fn companding_has_the_values_of_the_standard() {
        // ITU-T G.711, tables 2a and 1a: the largest, and the smallest but zero.
        assert_eq!((expand_mu_law(0x80), expand_mu_law(0xfe), expand_mu_law(0xff)), (4 * 8031, 4 * 2, 0));
        assert_eq!((expand_a_law(0xaa), expand_a_law(0xd5), expand_a_law(0x55)), (8 * 4032, 8, -8));
    }

    #[test]
    fn integers_round_to_even_and_saturate() {
        let step = 1.0 / 32_768.0;
        for (sample, expected) in [
            (0.5 * step, 0),
            (1.5 * step, 2),
            (-0.5 * step, 0),
            (-1.5 * step, -2),
            (0.51 * step, 1),
            (1.0, 32_767),
            (-1.0, -32_768),
            (7.0, 32_767),
            (f32::NEG_INFINITY, -32_768),
            (f32::NAN, 0),
        ] {
            assert_eq!(quantize(sample, 16), expected, "{sample}");
        }
        assert_eq!((quantize(1.0, 32), quantize(-1.0, 32)), (i32::MAX, i32::MIN));
        assert_eq!(bytes(&[&[1.0, -1.0, 0.0]], SampleFormat::U8), [255, 0, 128]);
    }

    #[test]
    fn floats_pass_unchanged() {
        let samples = [1.5, -0.0, f32::MIN_POSITIVE, f32::INFINITY];
        let back = from_pcm(&bytes(&[&samples], SampleFormat::F32), SampleFormat::F32, 1).unwrap();
        assert_eq!(back.map_bits(), samples.to_vec().map_bits());
    }

    trait MapBits {
        fn map_bits(&self) -> Vec<u32>;
    }

    impl MapBits for Vec<f32> {
        fn map_bits(&self) -> Vec<u32> {
            self.iter().map(|sample| sample.to_bits()).collect()
        }
    }

    #[test]
    fn channels_are_taken_apart_and_put_together() {
        let pcm: Vec<u8> = (1..=12i16).flat_map(i16::to_le_bytes).collect();
        for channels in [1, 2, 3, 6] {
            let frames = 12 / channels;
            let planar = from_pcm(&pcm, SampleFormat::S16, channels).unwrap();
            for (place, sample) in planar.iter().enumerate() {
                let (channel, frame) = (place / frames, place % frames);
                assert_eq!(quantize(*sample, 16) as usize, frame * channels + channel + 1, "{channels} channels");
            }
            let planes: Vec<&[f32]> = planar.chunks(frames).collect();
            assert_eq!(bytes(&planes, SampleFormat::S16), pcm, "{channels} channels");
        }
        assert_eq!(from_pcm(&[], SampleFormat::S24, 2), Ok(Vec::new()));
    }

    #[test]
    fn what_is_no_pcm_is_refused() {
        let cut = from_pcm(&[0; 7], SampleFormat::S16, 2).unwrap_err();
        assert_eq!(cut.to_string(), "7 bytes are no whole number of s16 frames of 2 channels, which take 4 bytes each");
        assert_eq!(from_pcm(&[0; 4], SampleFormat::S16, 0).unwrap_err().to_string(), "0 channels hold no sound");
        assert_eq!(
            "s20".parse::<SampleFormat>().unwrap_err().to_string(),
            "no sample format 's20'; there are u8, s16, s24, s32, f32, mulaw and alaw"
        );
    }
}
