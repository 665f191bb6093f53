//! The links of a chain in Ogg that hold no sound, which are kept from the reader: it looks for the sound of a link, and would go
//! through the next one to the end of the file. A live stream has such links where its source broke off and came again.

use std::io::{self, Read, Seek, SeekFrom};

use symphonia::core::io::MediaSource;

use super::hidden_bytes::HiddenBytes;
use super::ogg_pages::{FIRST, HEADER, MARK, MOST_SILENT, counts_sound, is_sound, is_speex, page_len, serial};

/// What a page that is kept from the reader begins with.
pub(super) const HIDDEN: &[u8; 4] = b"\0ggS";

/// A source in which the pages of such links are none: their marks are spoilt. All bytes keep their places.
pub(super) struct SoundingLinks<S, A> {
    source: S,
    /// Gives up to so many bytes of a place, wherever the source stands.
    ahead: A,
    place: u64,
    /// Up to here it is known which pages are spoilt, and those that come.
    judged: u64,
    spoilt: HiddenBytes,
}

impl<S, A: FnMut(u64, usize) -> Vec<u8>> SoundingLinks<S, A> {
    /// The source stands at its start.
    pub(super) fn new(source: S, ahead: A) -> Self {
        Self { source, ahead, place: 0, judged: 0, spoilt: HiddenBytes::default() }
    }

    /// Spoils what of the bytes of a place begins such a page.
    fn spoil(&mut self, place: u64, bytes: &mut [u8]) {
        let mut at = 0;
        while let Some(found) = bytes[at..].iter().position(|byte| *byte == MARK[0]) {
            at += found;
            let may_begin = match &bytes[at..bytes.len().min(at + HEADER)] {
                [b'O', b'g', b'g', b'S', _, flags, ..] => flags & FIRST != 0,
                known => MARK.starts_with(&known[..known.len().min(MARK.len())]),
            };
            if may_begin && place + at as u64 >= self.judged {
                let (pages, end) = silent_pages(&mut self.ahead, place + at as u64);
                pages.into_iter().for_each(|page| self.spoilt.hide(page));
                self.judged = end;
            }
            at += 1;
        }
        self.spoilt.cover(place, bytes);
        self.spoilt.forget_before(place + bytes.len() as u64);
    }
}

/// Where the first link of a file begins that holds sound, or might.
pub(super) fn first_sounding(mut ahead: impl FnMut(u64, usize) -> Vec<u8>, mut begins: u64) -> u64 {
    loop {
        match silent_pages(&mut ahead, begins) {
            (pages, _) if pages.is_empty() => return begins,
            (_, end) => begins = end,
        }
    }
}

/// The pages of the link that begins at a place, if another one follows before sound comes; and up to where that is known.
fn silent_pages(ahead: &mut impl FnMut(u64, usize) -> Vec<u8>, begins: u64) -> (Vec<u64>, u64) {
    let (mut place, mut has_begun, mut pages, mut sounds) = (begins, false, Vec::new(), Vec::new());
    while pages.len() < MOST_SILENT as usize {
        let header = ahead(place, HEADER);
        let Some(len) = page_len(&header) else { break };
        match header[5] & FIRST != 0 {
            true if has_begun => return (pages, place),
            // A file that begins with Speex is for codecs of the system, or refused.
            true if is_sound(&header) || (begins == 0 && is_speex(&header)) => sounds.push(serial(&header)),
            true => {}
            false if pages.is_empty() || (counts_sound(&header) && sounds.contains(&serial(&header))) => break,
            false => has_begun = true,
        }
        pages.push(place);
        place += len;
    }
    (Vec::new(), place.max(begins + 1))
}

impl<S: Read, A: FnMut(u64, usize) -> Vec<u8>> Read for SoundingLinks<S, A> {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(target)?;
        self.spoil(self.place, &mut target[..count]);
        self.place += count as u64;
        Ok(count)
    }
}

impl<S: Seek, A> Seek for SoundingLinks<S, A> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = self.source.seek(to)?;
        if place != self.place {
            (self.judged, self.place) = (place, place);
            self.spoilt = HiddenBytes::default();
        }
        Ok(place)
    }
}

impl<S: MediaSource, A: FnMut(u64, usize) -> Vec<u8> + Send + Sync> MediaSource for SoundingLinks<S, A> {
    fn is_seekable(&self) -> bool {
        self.source.is_seekable()
    }

    fn byte_len(&self) -> Option<u64> {
        self.source.byte_len()
    }
}
