//! PCM to audio values and back, for hosts that have samples rather than files.

use remotemedia_core::value::{Audio, Value};
use remotemedia_core::wire::{self, Limits};
use remotemedia_nodes::audio::pcm::{SampleFormat, first_not_finite, from_pcm, to_pcm};

use crate::buffer::{import_for_call, rm_buffer};
use crate::document::{Destination, copied, rm_output};
use crate::error::rm_error;
use crate::failure::Failure;
use crate::guard::guarded;
use crate::handle::slice;
use crate::status::{RM_INVALID_ARGUMENT, RM_INVALID_DOCUMENT, RM_OK, rm_status};

/// Writes a document with one audio value, of interleaved little-endian PCM. `format` is the name of a sample format:
/// `u8`, `s16`, `s24`, `s32`, `f32`, `mulaw` or `alaw`; full scale is 2^(n-1). `data` is copied.
///
/// # Safety
/// `data` is readable for `len` bytes and `format` for `format_len`, or NULL with 0; `out` is writable; `err` is NULL or
/// writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rm_audio_from_pcm(
    data: *const u8,
    len: usize,
    format: *const u8,
    format_len: usize,
    rate: u32,
    channels: u32,
    out: *mut rm_output,
    err: *mut *mut rm_error,
) -> rm_status {
    guarded!(err, {
        // SAFETY: writable, as the caller promises.
        let mut destination = unsafe { Destination::new(out) }?;
        // SAFETY: as the caller promises.
        let (bytes, format) = unsafe { (slice(data, len, "data")?, sample_format(format, format_len)?) };
        let samples = from_pcm(bytes, format, channels as usize)
            .map_err(|error| Failure::new(RM_INVALID_ARGUMENT, error.to_string()))?;
        let audio = Audio::from_planar(samples, channels as usize, rate)
            .map_err(|error| Failure::new(RM_INVALID_ARGUMENT, error.to_string()))?;
        let value = audio.into();
        destination.write(wire::encode(&value), value);
        Ok(RM_OK)
    })
}

/// Writes a document with one bytes value: the audio of a document with one audio value, as interleaved little-endian
/// PCM of `format`. Integers are rounded to nearest and saturated; `mulaw` and `alaw` are made of 16-bit integers by the
/// decision values of G.711, so not always with the nearest value. Samples that are NaN or infinite are refused, but for
/// `f32`. The table is read during this call: nothing is lent by it, and its tokens are not released.
///
/// # Safety
/// `data` is readable for `len` bytes, `buffers` for `buffer_count` entries and `format` for `format_len` bytes, or NULL with 0;
/// `out` is writable; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rm_audio_to_pcm(
    data: *const u8,
    len: usize,
    buffers: *const rm_buffer,
    buffer_count: usize,
    format: *const u8,
    format_len: usize,
    out: *mut rm_output,
    err: *mut *mut rm_error,
) -> rm_status {
    guarded!(err, {
        // SAFETY: writable, as the caller promises.
        let mut destination = unsafe { Destination::new(out) }?;
        // SAFETY: as the caller promises; the buffers are dropped at the end of this block.
        let buffers = unsafe { import_for_call(buffers, buffer_count) }?;
        // SAFETY: as the caller promises.
        let (bytes, format) = unsafe { (copied(data, len, "data")?, sample_format(format, format_len)?) };
        let value = wire::decode(&bytes, &buffers, &Limits::default())?;
        let Value::Audio(audio) = value else {
            let message = format!("expected an audio value, got {}", value.kind().name());
            return Err(Failure::new(RM_INVALID_DOCUMENT, message));
        };
        let channels: Vec<&[f32]> = audio.iter_channels().collect();
        if format != SampleFormat::F32
            && let Some(frame) = first_not_finite(&channels)
        {
            let message =
                format!("the sound has samples that are NaN or infinite, the first in frame {frame}; replace them");
            return Err(Failure::new(RM_INVALID_ARGUMENT, message));
        }
        let mut bytes = Vec::new();
        to_pcm(&channels, format, &mut bytes);
        let value = Value::bytes(bytes);
        destination.write(wire::encode(&value), value);
        Ok(RM_OK)
    })
}

/// The sample format with the name of the caller.
///
/// # Safety
/// `name` is NULL or readable for `len` bytes.
unsafe fn sample_format(name: *const u8, len: usize) -> Result<SampleFormat, Failure> {
    // SAFETY: as this function's caller promises.
    let name = String::from_utf8_lossy(unsafe { slice(name, len, "format") }?);
    name.parse().map_err(|error| Failure::new(RM_INVALID_ARGUMENT, format!("{error}")))
}
