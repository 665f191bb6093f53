//! The tags of containers that are a row of chunks, which their readers pass over.

use remotemedia_core::value::Map;

use super::aiff_tags::aiff_tags;
use super::caf_tags::caf_tags;
use super::wave_tags::wav_tags;
use crate::audio::decode::container::Container;

/// The text under its usual names. `read` gives up to so many bytes of a place from where the container begins. Of a file
/// that is still arriving only what stands before its sound is looked at.
pub(in crate::audio::decode) fn chunk_tags(
    container: Container,
    read: impl FnMut(u64, usize) -> Vec<u8>,
    is_whole: bool,
) -> Map {
    match container {
        Container::Wav => wav_tags(read, is_whole),
        Container::Aiff => aiff_tags(read, is_whole),
        Container::Caf => caf_tags(read, is_whole),
        _ => Map::new(),
    }
}
