//! Finds the frame of a FLAC file that holds a sample, by the numbers in the headers of a few frames.
//!
//! A file that does not number its frames as its head says, such as two files one after the other, is not searched.

use std::io::{Seek, SeekFrom};

use symphonia::core::errors::Result;
use symphonia::core::io::{MediaSource, ReadBytes};

use super::frame::{FrameHeader, MOST_HEADER, frame_header};
use super::{End, FlacReader, Found, Since};

/// A frame, and where it is.
#[derive(Clone, Copy)]
struct Place {
    /// Its first byte, and the one after its last.
    begins: u64,
    ends: u64,
    /// The samples before it.
    sample: u64,
    block: u32,
}

/// More headers are not looked at.
const MOST_LOOKS: u32 = 40;
/// A frame that so many frames at the most lie before is near enough.
const NEAR: u64 = 4;
/// The longest frame that is looked for, and the farthest that the last frame may be from the end.
const MOST_FRAME: u64 = 1 << 18;

impl FlacReader<'_> {
    /// Goes to a frame at or before the one that holds a sample, or the last frame. The samples before it; `None` if the
    /// file can't be searched, and then stays where it was.
    pub(super) fn go_near(&mut self, sample: u64) -> Result<Option<u64>> {
        let Some(end) = self.reader.byte_len().filter(|_| self.reader.is_seekable()) else { return Ok(None) };
        let here = (self.offset(), self.position, self.before, self.last);
        let found = self.search(sample, end)?;
        // The numbers of frames are those of this stream.
        let (place, position, before, last) = found.map_or(here, |found| (found.begins, found.sample, 0, None));
        self.go_to(place)?;
        (self.position, self.before, self.last) = (position, before, last);
        Ok(found.map(|found| found.sample))
    }

    /// The place of the first byte that is waiting.
    pub(super) fn offset(&self) -> u64 {
        self.reader.pos() - self.waiting.len() as u64
    }

    fn go_to(&mut self, place: u64) -> Result<()> {
        self.waiting.clear();
        self.reader.seek(SeekFrom::Start(place))?;
        (self.foreign, self.since) = (0, Since::Tags);
        Ok(())
    }

    fn search(&mut self, sample: u64, end: u64) -> Result<Option<Place>> {
        let Some((first, header)) = self.first else { return Ok(None) };
        let Some(mut low) = self.look(first, &header, end)? else { return Ok(None) };
        let Some(mut high) = self.last_frame(&header, end)? else { return Ok(None) };
        if high.sample + u64::from(high.block) != self.stream.frames {
            return Ok(None);
        }
        // The numbers of two files of the same length, one after the other, do not rise all the way.
        let (start, quarter, last) = (low.begins, (high.begins - low.begins) / 4, high);
        let mut before = low;
        for part in 1..4 {
            let Some(found) = self.look(start + part * quarter, &header, end)? else { return Ok(None) };
            if found.begins > before.begins && found.sample <= before.sample || found.sample > last.sample {
                return Ok(None);
            }
            before = found;
            if found.sample <= sample {
                low = found;
            } else if found.begins < high.begins {
                high = found;
            }
        }
        if sample >= last.sample {
            return Ok(Some(last));
        }
        // Between these no frame begins that is not known yet.
        let mut limit = high.begins;
        for look in 0..MOST_LOOKS {
            let near = NEAR * u64::from(header.block);
            if sample - low.sample < near || limit <= low.ends {
                break;
            }
            // Where the frame would be if all were of one length, and a bit before; each third time in the middle.
            let wanted = (sample - low.sample).saturating_sub(near / 2);
            let share = u128::from(limit - low.ends) * u128::from(wanted) / u128::from(high.sample - low.sample);
            let step = if look % 3 == 2 { (limit - low.ends) / 2 } else { share as u64 };
            let place = low.ends + step;
            let Some(found) = self.look(place, &header, end)? else { return Ok(None) };
            if found.sample <= sample && found.begins >= low.ends {
                low = found;
            } else if found.sample > sample && found.begins < high.begins {
                (high, limit) = (found, place);
            } else if found.begins == high.begins {
                limit = place;
            } else {
                return Ok(None);
            }
        }
        Ok(Some(low))
    }

    /// The first whole frame that begins at a place or after it, and is like the first one of the file.
    fn look(&mut self, place: u64, first: &FrameHeader, end: u64) -> Result<Option<Place>> {
        self.go_to(place)?;
        // What was looked at among the bytes that are waiting; they are only moved up where a frame may begin.
        let mut passed = 0;
        while self.offset() + (passed as u64) < end.min(place + MOST_FRAME) {
            self.fill(passed + 2 * MOST_HEADER)?;
            let header = self.waiting.get(passed..).and_then(frame_header).filter(|header| is_like(header, first));
            if let Some(header) = header {
                self.waiting.drain(..passed);
                passed = 0;
                if let Some(found) = self.verified(&header, first)? {
                    return Ok(Some(found));
                }
            }
            match self.waiting.iter().skip(passed + 1).position(|byte| *byte == 0xff) {
                Some(next) => passed += next + 1,
                None if self.waiting.len() <= passed => break,
                None => {
                    self.waiting.clear();
                    passed = 0;
                }
            }
        }
        Ok(None)
    }

    /// The frame with this header that begins with what is waiting, if its checksum is right.
    fn verified(&mut self, header: &FrameHeader, first: &FrameHeader) -> Result<Option<Place>> {
        let End::At(len) = self.end_of_frame(header)? else { return Ok(None) };
        let step = if header.counts_samples { 1 } else { u64::from(first.block) };
        let sample = header.number.checked_sub(first.number).and_then(|number| number.checked_mul(step));
        let begins = self.offset();
        Ok(sample.map(|sample| Place { begins, ends: begins + len as u64, sample, block: header.block }))
    }

    /// The last frame of the file.
    fn last_frame(&mut self, first: &FrameHeader, end: u64) -> Result<Option<Place>> {
        let Some((start, _)) = self.first else { return Ok(None) };
        let back = u64::from(first.block) * u64::from(first.channels) * 4 + 4096;
        let mut found = self.look(end.saturating_sub(back.min(MOST_FRAME)).max(start), first, end)?;
        while let Some(place) = found {
            self.waiting.drain(..(place.ends - place.begins) as usize);
            match self.found()? {
                Found::Frame(header) if is_like(&header, first) => match self.verified(&header, first)? {
                    Some(next) if next.sample == place.sample + u64::from(place.block) => found = Some(next),
                    _ => return Ok(None),
                },
                // Tags may follow, but no other sound.
                Found::Nothing => break,
                _ => return Ok(None),
            }
        }
        Ok(found)
    }
}

/// Whether both may be of one stream.
fn is_like(header: &FrameHeader, first: &FrameHeader) -> bool {
    let is_block_right = header.counts_samples || header.block <= first.block;
    (header.rate, header.channels, header.bits, header.counts_samples)
        == (first.rate, first.channels, first.bits, first.counts_samples)
        && is_block_right
}
