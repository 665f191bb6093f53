//! Jumps in a file of one bit rate, where the place of a frame can be computed.
//!
//! That a file is of one bit rate, no header says. It is taken for one if the number of frames in its tag ends, at this bit
//! rate, exactly where the file or its sound does, and if frames of this bit rate follow on each other where one must be.

use std::io::{Seek, SeekFrom};

use remotemedia_layer3::Head;
use symphonia::core::errors::Result;
use symphonia::core::io::{MediaSource, ReadBytes};

use super::MpegReader;
use super::header::{Header, is_tag};

/// What the tag at the start of a file tells of the frames behind it.
#[derive(Clone, Copy)]
pub(super) struct Tagged {
    /// The place of the first of them.
    pub(super) begins: u64,
    pub(super) frames: u64,
    /// The place where the file ends, if it tells that too.
    pub(super) end: Option<u64>,
    /// The header of the tag's frame, which may be of another bit rate.
    pub(super) like: Header,
}

/// So many frames from a computed place must be there.
const SURE: usize = 4;
/// The least jump that is worth it, in frames.
const LEAST: u64 = 100;

impl MpegReader<'_> {
    /// Goes so far before a frame of sound, counted from the start, that its decoder gets all that it remembers. The
    /// samples before the frame that comes next; `None` if the place can't be computed, and then stays where it was.
    pub(super) fn go_near(&mut self, sample: u64) -> Result<Option<u64>> {
        let Some(end) = self.reader.byte_len().filter(|_| self.reader.is_seekable()) else { return Ok(None) };
        let Some(tagged) = self.tagged else { return Ok(None) };
        let samples = u64::from(tagged.like.samples());
        let here = (self.reader.pos() - self.waiting.len() as u64, u64::try_from(self.position).unwrap_or(0) / samples);
        if sample / samples < here.1 + LEAST {
            return Ok(None);
        }
        let found = self.place_of(&tagged, sample / samples, end)?;
        let (place, frame) = found.unwrap_or(here);
        self.go_to(place)?;
        self.position = i64::try_from(frame * samples).unwrap_or(i64::MAX);
        Ok(found.map(|(_, frame)| frame * samples))
    }

    fn go_to(&mut self, place: u64) -> Result<()> {
        self.waiting.clear();
        self.reader.seek(SeekFrom::Start(place))?;
        Ok(())
    }

    /// The place of a frame that lies as far before this one as a decoder remembers, and its number.
    fn place_of(&mut self, tagged: &Tagged, frame: u64, end: u64) -> Result<Option<(u64, u64)>> {
        self.go_to(tagged.begins)?;
        self.fill(4)?;
        let Some(first) = Header::read(&self.waiting).filter(|first| first.is_kin(&tagged.like)) else {
            return Ok(None);
        };
        let (Some((bytes, per)), Some(head)) = (first.exact_len(), Head::read(&self.waiting)) else { return Ok(None) };
        let expected = |frame: u64| tagged.begins + (u128::from(frame) * u128::from(bytes) / u128::from(per)) as u64;
        // Twice the room that may be lent, and some frames for the filters.
        let own = (bytes / per).saturating_sub((head.head_len() + head.side_len()) as u64).max(1);
        let frame = frame.saturating_sub(6 + (2 * 511u64).div_ceil(own));
        if frame >= tagged.frames || !self.ends_at(expected(tagged.frames), end)? {
            return Ok(None);
        }
        let slot = first.slot() as u64;
        let mut found = None;
        for place in [expected(frame).saturating_sub(slot), expected(frame), expected(frame) + slot] {
            if self.are_frames(place, &first)? {
                if found.is_some() {
                    return Ok(None);
                }
                found = Some((place, frame));
            }
        }
        Ok(found)
    }

    /// Whether the sound ends here, or up to a byte before or after.
    fn ends_at(&mut self, place: u64, end: u64) -> Result<bool> {
        self.go_to(place.saturating_sub(1))?;
        self.fill(16)?;
        let is_end = |place: u64| place == end || place < end && self.is_tag_at(place);
        Ok([place.saturating_sub(1), place, place + 1].into_iter().any(is_end))
    }

    fn is_tag_at(&self, place: u64) -> bool {
        let start = self.reader.pos() - self.waiting.len() as u64;
        let skipped = place.checked_sub(start).and_then(|skipped| usize::try_from(skipped).ok());
        skipped.and_then(|skipped| self.waiting.get(skipped..)).is_some_and(is_tag)
    }

    /// Whether frames of the bit rate of this one follow on each other from a place on.
    fn are_frames(&mut self, place: u64, first: &Header) -> Result<bool> {
        self.go_to(place)?;
        let bare = |header: &Header| header.len().map(|len| len - header.padding());
        let mut next = 0;
        for _ in 0..SURE {
            self.fill(next + 4)?;
            let header = self.waiting.get(next..).and_then(Header::read);
            let Some(header) = header.filter(|header| header.is_kin(first) && bare(header) == bare(first)) else {
                return Ok(false);
            };
            next += header.len().unwrap_or(0);
        }
        Ok(true)
    }
}
