//! The pages of a link in Ogg without what is between them: FFmpeg gives up where no page begins in 64 KiB.

use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

use super::pages::{FIRST, HEADER, MARK, is_right, next_mark, page_len};
use crate::audio::decode::source::sought;

/// Where a link is.
pub(super) struct Extent {
    /// Its pages, and short bytes between them.
    pub(super) runs: Vec<Range<u64>>,
    /// Where the next link begins, or the end of the file.
    pub(super) end: u64,
}

impl Extent {
    /// That of the link that begins at a place of a file of this length. `ahead` gives up to so many bytes of a place.
    pub(super) fn of_link(mut ahead: impl FnMut(u64, usize) -> Vec<u8>, begins: u64, len: u64) -> Self {
        /// Fewer bytes that are no page are not left out.
        const LEAST: u64 = 1 << 10;
        let (mut place, mut from, mut has_begun, mut runs) = (begins, begins, false, Vec::new());
        while place < len {
            let header = ahead(place, HEADER);
            if let Some(page) = page_len(&header) {
                let is_first = header[5] & FIRST != 0;
                let end = place.saturating_add(page);
                // Four bytes alone are no proof of a page.
                let is_followed = end == len || ahead(end, MARK.len()) == MARK;
                let ends_link = is_first && has_begun;
                if (is_followed && !ends_link) || is_right(&ahead(place, usize::try_from(page).unwrap_or(0))) {
                    if ends_link {
                        break;
                    }
                    has_begun |= !is_first;
                    place = end;
                    continue;
                }
            }
            let next = next_mark(&mut ahead, place + 1, len).unwrap_or(len);
            // What only begins as a page still does, so that it counts as a damaged one.
            let kept = place + MARK.len() as u64;
            if next > kept + LEAST {
                runs.push(from..kept);
                from = next;
            }
            place = next;
        }
        let end = place.min(len);
        runs.push(from..end);
        Self { runs, end }
    }
}

/// Runs of bytes of a source as one piece.
pub(in crate::audio::decode) struct Runs<S> {
    source: S,
    /// Where each begins in the piece, and where it is in the source.
    runs: Vec<(u64, Range<u64>)>,
    len: u64,
    place: u64,
}

impl<S> Runs<S> {
    pub(super) fn new(source: S, runs: Vec<Range<u64>>) -> Self {
        let mut len = 0;
        let runs = runs.into_iter().map(|run| {
            let begins = len;
            len += run.end.saturating_sub(run.start);
            (begins, run)
        });
        let runs = runs.collect();
        Self { source, runs, len, place: 0 }
    }
}

impl<S: Read + Seek> Read for Runs<S> {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        let next = self.runs.partition_point(|(begins, _)| *begins <= self.place);
        let Some((begins, run)) = next.checked_sub(1).and_then(|index| self.runs.get(index)) else { return Ok(0) };
        let at = run.start + (self.place - begins);
        if at >= run.end {
            return Ok(0);
        }
        self.source.seek(SeekFrom::Start(at))?;
        let count = self.source.by_ref().take(run.end - at).read(target)?;
        self.place += count as u64;
        Ok(count)
    }
}

impl<S> Seek for Runs<S> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.place = sought(to, self.place, || Ok(self.len))?;
        Ok(self.place)
    }
}
