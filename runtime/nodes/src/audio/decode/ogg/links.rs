//! The links of a chain in Ogg: which hold no sound, and which hold sound of a codec that is not built in, so that another
//! reader goes on with them.
//!
//! Those without sound are kept from the reader: it looks for the sound of a link, and would go through the next one to the end
//! of the file. A live stream has such links where its source broke off and came again.

use std::io::{self, Read, Seek, SeekFrom};

use symphonia::core::io::MediaSource;

use super::order::OrderedPages;
use super::pages::{FIRST, HEADER, MARK, MOST_SILENT, Sound, Tail, counts_sound, is_right, page_len, serial};
use super::runs::{Extent, Runs};
use crate::audio::decode::source::hidden_bytes::HiddenBytes;
use crate::audio::decode::source::read_at;

/// What a page that is kept from the reader begins with.
pub(super) const HIDDEN: &[u8; 4] = b"\0ggS";

/// A source in which the pages of such links are none: their marks are spoilt. All bytes keep their places.
pub(in crate::audio::decode) struct SoundingLinks<S, A> {
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
    pub(in crate::audio::decode) fn new(source: S, ahead: A) -> Self {
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
                let link = Link::read(&mut self.ahead, place + at as u64);
                link.silent.into_iter().for_each(|page| self.spoilt.hide(page));
                self.judged = link.known;
            }
            at += 1;
        }
        self.spoilt.cover(place, bytes);
        self.spoilt.forget_before(place + bytes.len() as u64);
    }
}

/// What is known of a link.
pub(in crate::audio::decode) struct Link {
    /// Where it begins.
    pub(in crate::audio::decode) begins: u64,
    sound: Option<Sound>,
    /// If another link follows before any sound: its pages.
    silent: Vec<u64>,
    /// Whether the bytes end before that is known.
    is_open: bool,
    /// Whether all its streams are known.
    has_begun: bool,
    /// Up to here it was looked at.
    known: u64,
}

impl Link {
    /// Looks at the link that begins at a place, up to its first sound or the next link. Of several streams of sound the first
    /// counts. `ahead` gives up to so many bytes of a place.
    pub(in crate::audio::decode) fn read(mut ahead: impl FnMut(u64, usize) -> Vec<u8>, begins: u64) -> Self {
        let (mut place, mut has_begun, mut pages, mut sounds) = (begins, false, Vec::new(), Vec::new());
        let mut link = Self { begins, sound: None, silent: Vec::new(), is_open: false, has_begun: false, known: 0 };
        while pages.len() < MOST_SILENT as usize {
            let header = ahead(place, HEADER);
            let Some(len) = page_len(&header) else {
                // Bytes that are no page may stand between pages.
                link.is_open = header.len() < HEADER;
                break;
            };
            if header[5] & FIRST != 0 {
                if has_begun {
                    (link.silent, link.known) = (pages, place);
                    return link;
                }
                match Sound::of(&header) {
                    Some(sound) if *link.sound.get_or_insert(sound) == sound => sounds.push(serial(&header)),
                    // A damaged page does not tell its codec: the link may sound, and its reader reports the page.
                    None if is_damaged(&ahead(place, len as usize), len) => break,
                    _ => {}
                }
            } else if pages.is_empty() || (counts_sound(&header) && sounds.contains(&serial(&header))) {
                break;
            } else {
                has_begun = true;
            }
            pages.push(place);
            place += len;
        }
        (link.known, link.has_begun) = (place.max(begins + 1), has_begun);
        link
    }

    /// The first link from a place on that holds sound, or might.
    pub(in crate::audio::decode) fn first_sounding(
        mut ahead: impl FnMut(u64, usize) -> Vec<u8>,
        mut begins: u64,
    ) -> Self {
        loop {
            let link = Self::read(&mut ahead, begins);
            if link.silent.is_empty() {
                return link;
            }
            begins = link.known;
        }
    }

    /// The codec that is not built in, and its channels, if it has one. Whether any sound of it comes may be open.
    pub(in crate::audio::decode) fn outside(&self) -> Option<(&'static str, Option<&'static str>)> {
        match self.sound {
            Some(Sound::Outside { codec, channels }) => Some((codec, channels)),
            Some(Sound::BuiltIn) | None => None,
        }
    }

    /// Whether the bytes end before its sound, or another link, begins.
    pub(in crate::audio::decode) fn is_open(&self) -> bool {
        self.is_open
    }

    /// Whether more bytes may show that it is for another reader: its first stream may be pictures.
    pub(in crate::audio::decode) fn may_be_outside(&self) -> bool {
        self.is_open && (self.outside().is_some() || (self.sound.is_none() && !self.has_begun))
    }

    /// Whether it holds sound of a codec that is not built in.
    pub(super) fn is_outside(&self) -> bool {
        self.outside().is_some() && self.silent.is_empty() && !self.is_open
    }
}

/// Whether the bytes of a page are all there and have another checksum.
fn is_damaged(page: &[u8], len: u64) -> bool {
    page.len() as u64 == len && !is_right(page)
}

/// The first link of a file that sounds, as codecs of the system read it: by itself, since they know of no next one, and not
/// beyond pages that are missing.
pub(in crate::audio::decode) struct FirstLink<S> {
    pub(in crate::audio::decode) source: OrderedPages<Runs<S>>,
    /// Where the next link with sound begins.
    pub(in crate::audio::decode) next: Option<u64>,
    /// Whether its last page is not whole.
    pub(in crate::audio::decode) is_cut_off: bool,
}

impl<S: Read + Seek> FirstLink<S> {
    /// That of a file which begins at a place, after tags.
    ///
    /// # Errors
    /// If the file can't be read.
    pub(in crate::audio::decode) fn of(mut file: S, begins: u64) -> io::Result<Self> {
        let len = file.seek(SeekFrom::End(0))?;
        let mut ahead = |place: u64, len: usize| read_at(&mut file, place, len);
        let begins = Link::first_sounding(&mut ahead, begins).begins;
        let Extent { runs, end } = Extent::of_link(&mut ahead, begins, len);
        let next = Some(Link::first_sounding(&mut ahead, end)).filter(|link| link.sound.is_some() && !link.is_open);
        let next = next.map(|link| link.begins);
        // What is behind the last link with sound may be torn.
        let up_to = if next.is_some() { end } else { len };
        let within = |place: u64, len: usize| {
            ahead(place, len.min(usize::try_from(up_to.saturating_sub(place)).unwrap_or(usize::MAX)))
        };
        let is_cut_off = Tail::of_file(within, up_to).last().is_some_and(|last| !last.ends_whole);
        Ok(Self { source: OrderedPages::new(Runs::new(file, runs), 0), next, is_cut_off })
    }
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
