//! Where the channels of a FLAC file are, if it says that they are not where FLAC has so many: its comment
//! `WAVEFORMATEXTENSIBLE_CHANNEL_MASK` (RFC 9639, 8.6.2).

use symphonia::core::audio::{Channels, Position};
use symphonia::core::io::BufReader;
use symphonia::core::meta::{Metadata, MetadataBuilder, MetadataRevision, RawValue, Tag};
use symphonia::default::meta::embedded::flac::{FLAC_METADATA_INFO, read_flac_comment_block};

/// Whether a tag is this comment, which is for decoders and no text.
pub(in crate::audio::decode) fn is_channel_mask(tag: &Tag) -> bool {
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

/// The same by the head of a FLAC file, as Matroska keeps it for the decoder.
pub(in crate::audio::decode) fn places_of_head(head: &[u8], channels: u8) -> Option<Channels> {
    const COMMENTS: u8 = 4;
    let mut blocks = head.strip_prefix(b"fLaC")?;
    loop {
        let ([kind, high, middle, low], rest) = blocks.split_first_chunk::<4>()?;
        let len = usize::from(*high) << 16 | usize::from(*middle) << 8 | usize::from(*low);
        let (block, behind) = rest.split_at_checked(len)?;
        if kind & 0x7f == COMMENTS {
            let mut builder = MetadataBuilder::new(FLAC_METADATA_INFO);
            let _ = read_flac_comment_block(&mut BufReader::new(block), &mut builder);
            return commented_places(&builder.build(), channels);
        }
        blocks = behind;
    }
}

/// The same by the comments that a reader found last.
pub(in crate::audio::decode) fn places_of_comments(mut metadata: Metadata<'_>, channels: u8) -> Option<Channels> {
    metadata.skip_to_latest().and_then(|comments| commented_places(comments, channels))
}
