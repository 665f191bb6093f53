//! Where the channels of a FLAC file are, if it says that they are not where FLAC has so many: its comment
//! `WAVEFORMATEXTENSIBLE_CHANNEL_MASK` (RFC 9639, 8.6.2).

use symphonia::core::audio::{Channels, Position};
use symphonia::core::meta::{MetadataRevision, RawValue, Tag};

/// Whether a tag is this comment, which is for decoders and no text.
pub(super) fn is_channel_mask(tag: &Tag) -> bool {
    tag.raw.key.eq_ignore_ascii_case("WAVEFORMATEXTENSIBLE_CHANNEL_MASK")
}

/// The channels by the comment; `None` if it is missing, or names more or fewer. A mask of 0 names no speakers: there are none.
pub(super) fn commented_places(comments: &MetadataRevision, channels: u8) -> Option<Channels> {
    let tag = comments.media.tags.iter().find(|tag| is_channel_mask(tag))?;
    let RawValue::String(text) = &tag.raw.value else { return None };
    let digits = text.trim().to_ascii_lowercase();
    match u32::from_str_radix(digits.strip_prefix("0x")?, 16).ok()? {
        0 => Some(Channels::Discrete(channels.into())),
        mask => Position::from_wave_channel_mask(mask)
            .filter(|positions| positions.bits().count_ones() == u32::from(channels))
            .map(Channels::Positioned),
    }
}
