//! Which readers of Symphonia's jump, and how.

use symphonia::core::formats::FormatReader;

use super::container::Container;
use super::jump_reader::{Jump, JumpReader};
use super::matroska::Blocks;
use super::matroska::jump::MatroskaJump;
use super::mp4::gapless::Movie;
use super::mp4::jump::Mp4Jump;
use super::ogg::jump::OggJump;
use super::opus;
use super::source::gap::GapSource;
use super::track::TrackFacts;

/// The reader of a track in a file that is there as a whole, so that it jumps.
///
/// # Errors
/// The same reader as it is, where its packets don't say how many frames they hold.
pub(super) fn jumping(
    reader: Box<dyn FormatReader>,
    file: GapSource,
    container: Container,
    track: &TrackFacts,
    movie: Option<&Movie>,
    blocks: Option<&Blocks>,
    is_chain: bool,
) -> Result<Box<dyn FormatReader>, Box<dyn FormatReader>> {
    let TrackFacts { id, params, .. } = track;
    let skip = u64::from(opus::pre_skip(params));
    let jump: Option<Box<dyn Jump>> = match (container, movie, blocks) {
        (Container::Ogg, ..) => Some(Box::new(OggJump::new(*id, skip, is_chain))),
        (Container::Mp4, Some(movie), _) => Mp4Jump::new(movie, *id, params).map(|jump| Box::new(jump) as _),
        (Container::Matroska, _, Some(blocks)) => {
            let time_base = reader.tracks().iter().find(|track| track.id == *id).and_then(|track| track.time_base);
            MatroskaJump::new(*id, params, time_base, blocks, skip).map(|jump| Box::new(jump) as _)
        }
        _ => None,
    };
    match jump {
        Some(jump) => Ok(Box::new(JumpReader::new(file, reader, jump, *id))),
        None => Err(reader),
    }
}
