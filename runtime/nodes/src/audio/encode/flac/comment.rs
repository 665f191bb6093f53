//! The block of comments (RFC 9639, 8.6), which a file has where its channels are not where FLAC has so many.

use remotemedia_core::node::NodeError;
use remotemedia_core::value::Audio;

use super::super::channel_mask::channel_mask;

/// The block that says where the channels are; nothing where that goes without saying.
///
/// # Errors
/// If their layout is none that a mask of speakers can say.
pub(super) fn comment_of(audio: &Audio) -> Result<Vec<u8>, NodeError> {
    /// The layouts of 3 to 8 channels (RFC 9639, 9.1.3).
    const OWN: [&str; 6] = ["3.0", "quad", "5.0", "5.1", "6.1", "7.1"];
    let (layout, channels) = (audio.layout(), audio.channels());
    let Some(own) = channels.checked_sub(3).and_then(|index| OWN.get(index)) else { return Ok(Vec::new()) };
    let mask = match layout.name() {
        Some(name) if name == *own => return Ok(Vec::new()),
        Some(name) => channel_mask(layout, channels).ok_or_else(|| {
            NodeError::new(format!(
                "FLAC has no places for the layout {name} of {channels} channels; of so many it has {own}"
            ))
            .cure("Mix it with AudioMix, or use format \"wav\".")
        })?,
        // Channels without speakers (8.6.2).
        None => 0,
    };
    Ok(block(&format!("WAVEFORMATEXTENSIBLE_CHANNEL_MASK={mask:#x}")))
}

/// The last block before the frames, with one comment. Its lengths have their low bytes first, as in Vorbis.
fn block(comment: &str) -> Vec<u8> {
    const LAST_OF_COMMENTS: u8 = 0x84;
    const VENDOR: &str = "remotemedia";
    let text = |text: &str| [&(text.len() as u32).to_le_bytes(), text.as_bytes()].concat();
    let content = [text(VENDOR), 1u32.to_le_bytes().to_vec(), text(comment)].concat();
    let [_, len @ ..] = (content.len() as u32).to_be_bytes();
    [&[LAST_OF_COMMENTS], &len[..], &content].concat()
}
