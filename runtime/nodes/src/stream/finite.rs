//! The check for samples that are NaN or infinite: a node that computes with audio refuses them, one that hands it on does
//! not check.

use remotemedia_core::node::NodeError;
use remotemedia_core::value::Audio;
use remotemedia_vectors::{Kernel, Simd, run_wide};

/// Checks that every sample of `frames` frames from `first` on is a number. `time` returns the time of a frame, counted from
/// `first`.
///
/// # Errors
/// If one is NaN or infinite; the position is that of the first such frame.
pub(crate) fn check_finite(
    audio: &Audio,
    first: usize,
    frames: usize,
    time: impl FnOnce(u64) -> Option<i64>,
) -> Result<(), NodeError> {
    if audio.iter_channels().all(|samples| are_finite(&samples[first..first + frames])) {
        return Ok(());
    }
    let place = |samples: &[f32]| samples[first..first + frames].iter().position(|sample| !sample.is_finite());
    let frame = audio.iter_channels().filter_map(place).min().unwrap_or(0);
    let error = NodeError::new("the sound has samples that are NaN or infinite");
    Err(error.cure("Replace them before this node.").at(time(frame as u64)))
}

/// Whether all samples are numbers.
pub(crate) fn are_finite(samples: &[f32]) -> bool {
    run_wide(Exponents(samples)) & 0x8000_0000 == 0
}

/// Sets the highest bit if an exponent has all bits set, so that it takes a few instructions for many samples.
struct Exponents<'a>(&'a [f32]);

impl Kernel for Exponents<'_> {
    type Output = u32;

    #[inline(always)]
    fn run<S: Simd>(self) -> u32 {
        let overflow = |sample: &f32| (sample.to_bits() & 0x7fff_ffff) + 0x0080_0000;
        self.0.iter().fold(0, |bits, sample| bits | overflow(sample))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_pattern_is_judged_as_the_language_judges_it() {
        for high in 0..=u16::MAX {
            for low in [0, 1, 0xffff] {
                let sample = f32::from_bits(u32::from(high) << 16 | low);
                assert_eq!(are_finite(&[0.0, sample]), sample.is_finite(), "{sample}");
            }
        }
    }

    #[test]
    fn the_first_frame_of_all_channels_is_the_place() {
        let audio = Audio::from_planar(vec![0.0, 1.0, f32::NAN, 0.0, f32::INFINITY, 0.0], 2, 1000).unwrap();
        let time = |frame| Some(frame as i64 + 5);
        assert_eq!(check_finite(&audio, 0, 3, time).unwrap_err().position, Some(6));
        assert_eq!(check_finite(&audio, 2, 1, time).unwrap_err().position, Some(5));
        assert_eq!(check_finite(&audio, 0, 1, time), Ok(()));
    }
}
