//! Frames of free format (ISO/IEC 11172-3, 2.4.2.3) of layers I and II as frames of a listed bit rate, which alone their
//! decoder takes. A frame of such a rate is longer; what it has too much is filled with zeros.

use symphonia::core::errors::{Error, Result};

use super::mpeg_header::Header;

/// The frame at a listed bit rate.
///
/// # Errors
/// If no listed bit rate has room for it.
pub(super) fn rewritten(frame: &[u8], header: &Header) -> Result<Vec<u8>> {
    let room = (1..15).find(|index| header.is_allowed(*index) && header.len_at(*index) >= frame.len());
    let Some(bit_rate) = room else {
        return Err(Error::Unsupported("it is of free format at a bit rate that its decoder does not have"));
    };
    let mut frame = frame.to_vec();
    frame[2] = frame[2] & 0x0f | bit_rate << 4;
    frame.resize(header.len_at(bit_rate), 0);
    Ok(frame)
}
