//! From the samples of a frame, in any of FFmpeg's formats, to planes of floats. Integers are divided by the power of two
//! that is full scale, as FFmpeg's own converter does.

use super::layout::{field, frame};

/// Full scale of 64-bit integers, 2^63.
const I64_SCALE: f64 = 9_223_372_036_854_775_808.0;

/// One of `AVSampleFormat`.
#[derive(Clone, Copy)]
enum Sample {
    U8,
    S16,
    S32,
    F32,
    F64,
    S64,
}

/// The format of this number, and whether each channel has a plane of its own.
fn format(number: i32) -> Option<(Sample, bool)> {
    Some(match number {
        0 => (Sample::U8, false),
        1 => (Sample::S16, false),
        2 => (Sample::S32, false),
        3 => (Sample::F32, false),
        4 => (Sample::F64, false),
        5 => (Sample::U8, true),
        6 => (Sample::S16, true),
        7 => (Sample::S32, true),
        8 => (Sample::F32, true),
        9 => (Sample::F64, true),
        10 => (Sample::S64, false),
        11 => (Sample::S64, true),
        _ => return None,
    })
}

/// Copies the samples of a frame, one vector for each of so many channels. `None` if the frame has a format that is not
/// known, and nothing in it.
///
/// # Safety
/// It is an `AVFrame` of audio with so many channels.
pub(super) unsafe fn copy(av_frame: *const u8, channels: usize, planes: &mut Vec<Vec<f32>>) -> Option<()> {
    // SAFETY: the fields lie at these places in every version; the data is as long as they say.
    let (frames, number, data) = unsafe {
        let frames: i32 = field(av_frame, frame::SAMPLE_COUNT);
        let data: *const *const u8 = field(av_frame, frame::EXTENDED_DATA);
        (usize::try_from(frames).ok()?, field::<i32>(av_frame, frame::FORMAT), data)
    };
    let (sample, is_planar) = format(number)?;
    if data.is_null() || channels == 0 {
        return None;
    }
    planes.resize_with(channels, Vec::new);
    for (channel, plane) in planes.iter_mut().enumerate() {
        plane.clear();
        plane.reserve(frames);
        let (part, first, step) = if is_planar { (channel, 0, 1) } else { (0, channel, channels) };
        // SAFETY: a planar frame has a pointer for each channel, another one has one.
        let base = unsafe { *data.add(part) };
        if base.is_null() {
            return None;
        }
        // SAFETY: the plane has `frames` samples of this type, or `frames` times `channels` if channels take turns.
        unsafe {
            match sample {
                Sample::U8 => fill(plane, base, frames, first, step, |v: u8| (f32::from(v) - 128.0) / 128.0),
                Sample::S16 => fill(plane, base, frames, first, step, |v: i16| f32::from(v) / 32768.0),
                Sample::S32 => fill(plane, base, frames, first, step, |v: i32| v as f32 / 2_147_483_648.0),
                Sample::F32 => fill(plane, base, frames, first, step, |v: f32| v),
                Sample::F64 => fill(plane, base, frames, first, step, |v: f64| v as f32),
                Sample::S64 => fill(plane, base, frames, first, step, |v: i64| (v as f64 / I64_SCALE) as f32),
            }
        }
    }
    Some(())
}

/// Appends `frames` samples: the one at `first`, and each `step` further on.
///
/// # Safety
/// They are there. They need not be aligned.
unsafe fn fill<T: Copy>(
    plane: &mut Vec<f32>,
    base: *const u8,
    frames: usize,
    first: usize,
    step: usize,
    convert: impl Fn(T) -> f32,
) {
    let base = base.cast::<T>();
    // SAFETY: as this function's caller promises.
    plane.extend((0..frames).map(|frame| convert(unsafe { base.add(first + frame * step).read_unaligned() })));
}
