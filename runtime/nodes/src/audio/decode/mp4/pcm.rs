//! PCM in QuickTime (Apple, "QuickTime File Format", Sound sample descriptions), as far as Symphonia's demuxer does not
//! know it: it takes floats and integers of 24 and 32 bits for little-endian, those of 8 bits for ones of 16, and does not
//! ask where the speakers are.

use symphonia::core::audio::Channels;
use symphonia::core::codecs::audio::AudioCodecId;
use symphonia::core::codecs::audio::well_known as codec;

use super::gapless::{Movie, child, children, number, sample_table, track_box};
use crate::audio::decode::iff::caf;

/// The kind of an entry that the demuxer reads as bytes without a sign.
pub(super) const BYTES: [u8; 4] = *b"raw ";

/// The codec of a track of PCM, where the demuxer names another.
pub(in crate::audio::decode) fn codec_of(movie: &Movie, track_id: u32) -> Option<AudioCodecId> {
    let (kind, entry) = entry_of(movie, track_id)?;
    if is_signed_bytes(&kind, entry) {
        return Some(codec::CODEC_ID_PCM_S8);
    }
    if is_little_endian(entry) {
        return None;
    }
    Some(match &kind {
        b"in24" => codec::CODEC_ID_PCM_S24BE,
        b"in32" => codec::CODEC_ID_PCM_S32BE,
        b"fl32" => codec::CODEC_ID_PCM_F32BE,
        b"fl64" => codec::CODEC_ID_PCM_F64BE,
        _ => return None,
    })
}

/// The channels of a track of PCM, of which the demuxer makes the first speakers that there are.
pub(in crate::audio::decode) fn channels_of(movie: Option<&Movie>, track_id: u32, count: u16) -> Channels {
    let entry = movie.and_then(|movie| entry_of(movie, track_id)).map(|(_, entry)| entry);
    // Behind its version and flags.
    let layout = entry.and_then(|entry| child(boxes(entry)?, b"chan")?.get(4..)?.first_chunk::<8>());
    caf::channels_of(count, layout.copied())
}

/// The first description of a track, and its kind.
fn entry_of(movie: &Movie, track_id: u32) -> Option<([u8; 4], &[u8])> {
    let descriptions = child(sample_table(track_box(movie.content(), track_id)?)?, b"stsd")?;
    children(descriptions.get(8..)?).next()
}

/// Whether the samples are bytes with a sign: their order has no meaning, and both names of one are used.
pub(super) fn is_signed_bytes(kind: &[u8; 4], entry: &[u8]) -> bool {
    let bits = match version(entry) {
        Some(0) => entry.get(18..20).map(number),
        Some(1) => entry.get(32..36).map(|bytes| number(bytes).saturating_mul(8)),
        _ => None,
    };
    matches!(kind, b"sowt" | b"twos") && bits == Some(8)
}

/// Whether the box `enda` in the box `wave` says so; without it the most significant byte is first.
fn is_little_endian(entry: &[u8]) -> bool {
    let order = boxes(entry).and_then(|boxes| child(child(boxes, b"wave")?, b"enda")?.get(..2));
    order == Some(&[0, 1])
}

/// The boxes within an entry.
fn boxes(entry: &[u8]) -> Option<&[u8]> {
    let begins = [28, 44, 64];
    entry.get(*begins.get(usize::try_from(version(entry)?).ok()?)?..)
}

fn version(entry: &[u8]) -> Option<u64> {
    entry.get(8..10).map(number)
}
