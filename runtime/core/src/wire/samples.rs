//! Audio in memory that someone else laid out: a value over that memory, or over a copy where its samples are not aligned.

use super::error::WireErrorKind;
use super::limits::Limits;
use crate::value::{Audio, Buffer, Kind};

/// Audio whose first sample is at `offset`, and whose channels are `stride` bytes apart.
pub(super) fn audio_in_memory(
    mut buffer: Buffer,
    mut offset: usize,
    mut stride: usize,
    channels: usize,
    frames: usize,
    rate: u32,
    limits: &Limits,
) -> Result<Audio, WireErrorKind> {
    check_extent(Kind::Audio, channels as u128 * frames as u128 * 4, buffer.len(), limits)?;
    let first = buffer.as_slice().as_ptr().addr().wrapping_add(offset);
    let is_aligned = first.is_multiple_of(4) && stride.is_multiple_of(4);
    if !is_aligned && let Some(gathered) = gather_channels(&buffer, offset, stride, channels, frames) {
        (buffer, offset, stride) = (Buffer::from_samples(gathered), 0, frames * 4);
    }
    Ok(Audio::new(buffer, offset, stride, channels, frames, rate)?)
}

/// Refuses a huge array on little memory, which strides of zero allow.
pub(super) fn check_extent(kind: Kind, found: u128, held: usize, limits: &Limits) -> Result<(), WireErrorKind> {
    let limit = limits.extent;
    if found <= held as u128 || found <= limit as u128 {
        return Ok(());
    }
    Err(WireErrorKind::Extent { kind, found, held, limit })
}

/// The samples of misaligned channels, channel after channel; `None` if there are none or one lies outside the buffer.
fn gather_channels(buffer: &Buffer, offset: usize, stride: usize, channels: usize, frames: usize) -> Option<Vec<f32>> {
    if channels > Audio::MAX_CHANNELS || frames == 0 {
        return None;
    }
    let len = frames.checked_mul(4)?;
    let last = channels.checked_sub(1)?.checked_mul(stride)?.checked_add(offset)?;
    buffer.as_slice().get(last..last.checked_add(len)?)?;
    let mut samples = Vec::with_capacity(channels.checked_mul(frames)?);
    for channel in 0..channels {
        let start = offset + channel * stride;
        let (frames, _) = buffer.as_slice()[start..start + len].as_chunks::<4>();
        samples.extend(frames.iter().map(|&bytes| f32::from_le_bytes(bytes)));
    }
    Some(samples)
}
