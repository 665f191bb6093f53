//! Whether pages of sound are missing in Ogg, or come twice: each stream numbers its pages (RFC 3533, 6). A page whose checksum
//! is wrong is none, so it is missing too.

use std::error::Error;
use std::fmt;
use std::io::{self, Read, Seek, SeekFrom};

use symphonia::core::io::MediaSource;

use super::links::{HIDDEN, Link};
use super::pages::{
    self, FIRST, FIXED, HEADER, LAST_OF_STREAM, MARK, counts_sound, is_right, number, page_len, serial,
};
use crate::audio::decode::source::GoesOn;
use crate::audio::decode::source::hidden_bytes::HiddenBytes;

/// The pages that were seen of the streams in a link.
#[derive(Default)]
pub(super) struct PageOrder {
    sounds: Vec<Sound>,
    /// The numbers of the streams that are no sound.
    others: Vec<u32>,
    /// Whether the last page was the first one of a stream.
    begins: bool,
    /// How often bytes were met that begin as a page and are none, since the last page of sound or the first one of a stream.
    spoilt: u32,
}

struct Sound {
    /// The fixed part of the header of its last page.
    last: [u8; FIXED],
    /// Whether its head is over, and whether it said that it ends.
    has_begun: bool,
    has_ended: bool,
}

/// Pages that are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::audio::decode) struct LostPages {
    first: u32,
    last: u32,
}

impl PageOrder {
    /// Whether a page is the last one of its stream once more, as where it was written or sent twice. Its number alone does not
    /// tell that, since some writers give all pages one; with its position and its checksum it does.
    pub(super) fn is_repeated(&self, page: &[u8]) -> bool {
        self.sounds.iter().any(|sound| page.starts_with(&sound.last))
    }

    /// Takes the next page.
    ///
    /// # Errors
    /// If pages before it are missing. A live stream may begin with its head and then go on in its middle: there nothing
    /// is missing.
    pub(in crate::audio::decode) fn take(&mut self, page: &[u8]) -> Result<(), LostPages> {
        let last = std::array::from_fn(|index| page[index]);
        let is_first = page[5] & FIRST != 0;
        if is_first {
            let is_link = !std::mem::replace(&mut self.begins, true);
            if is_link && self.spoilt > 0 && self.sounds.iter().any(|sound| sound.has_begun && !sound.has_ended) {
                return Err(self.next());
            }
            if is_link {
                self.sounds.clear();
                self.others.clear();
            }
            // What is not built in beside what is decoded is of no use.
            match pages::Sound::of(page) {
                Some(sound) if sound == pages::Sound::BuiltIn || self.sounds.is_empty() => {
                    self.sounds.push(Sound { last, has_begun: false, has_ended: false });
                }
                _ => self.others.push(serial(page)),
            }
            self.spoilt = 0;
            return Ok(());
        }
        self.begins = false;
        let is_known = !self.sounds.is_empty() || !self.others.is_empty();
        let Some(sound) = self.sounds.iter_mut().find(|sound| serial(&sound.last) == serial(page)) else {
            // Of a stream whose first page is among what was spoilt no one knows what it is.
            let is_new = is_known && !self.others.contains(&serial(page));
            return if is_new && self.spoilt > 0 { Err(LostPages::before(page)) } else { Ok(()) };
        };
        let before = number(&sound.last);
        if number(page) < before && self.spoilt > 0 {
            return Err(LostPages::before(page));
        }
        let lost = LostPages { first: before.saturating_add(1), last: number(page).saturating_sub(1) };
        let may_begin = !sound.has_begun && self.spoilt == 0;
        self.spoilt = 0;
        sound.last = last;
        sound.has_begun |= counts_sound(page);
        sound.has_ended = page[5] & LAST_OF_STREAM != 0;
        // Some writers give all pages one number.
        if lost.first <= lost.last && !may_begin { Err(lost) } else { Ok(()) }
    }

    /// Whether a page begins another link than the first one.
    pub(super) fn begins_another(&self, page: &[u8]) -> bool {
        let has_begun = !self.sounds.is_empty() || !self.others.is_empty();
        page[5] & FIRST != 0 && has_begun && !self.begins
    }

    /// Bytes that begin as a page and are none.
    ///
    /// # Errors
    /// If there were very many, since to see it takes as long as to read a page.
    pub(super) fn pass_spoilt(&mut self) -> Result<(), LostPages> {
        const MOST: u32 = 1 << 8;
        self.spoilt += 1;
        if self.spoilt < MOST { Ok(()) } else { Err(self.next()) }
    }

    /// Whether a page belongs to a stream of sound of this link; of one without sound each page might.
    pub(super) fn may_be_sound(&self, page: &[u8]) -> bool {
        self.sounds.is_empty() || self.sounds.iter().any(|sound| serial(&sound.last) == serial(page))
    }

    /// Whether a stream of sound has begun in this link.
    pub(super) fn has_sound(&self) -> bool {
        !self.sounds.is_empty()
    }

    fn next(&self) -> LostPages {
        let page = self.sounds.first().map_or(0, |sound| number(&sound.last).saturating_add(1));
        LostPages { first: page, last: page }
    }
}

impl LostPages {
    /// All pages of a stream before this one.
    fn before(page: &[u8]) -> Self {
        Self { first: 0, last: number(page).saturating_sub(1) }
    }
}

impl fmt::Display for LostPages {
    fn fmt(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self { first, last } if first == last => write!(text, "page {first} is damaged or missing"),
            Self { first, last } => write!(text, "pages {first} to {last} are damaged or missing"),
        }
    }
}

impl Error for LostPages {}

/// A source that fails with [`LostPages`] where pages are missing, so that nothing behind them is read as if it followed on
/// what is before them, and with [`GoesOn`] where a link begins that is not built in. It judges what is read from front to
/// back, and no page twice.
pub(in crate::audio::decode) struct OrderedPages<S> {
    source: S,
    /// Where the source stands.
    source_at: u64,
    place: u64,
    /// Bytes from `ahead_at` on that were read already, of which the first `judged` may be given.
    ahead: Vec<u8>,
    ahead_at: u64,
    judged: usize,
    hidden: HiddenBytes,
    order: PageOrder,
    lost: Option<LostPages>,
    outside: Option<GoesOn>,
    /// So many bytes of the file are not in the source, before what is judged.
    cut: u64,
}

impl<S: Read + Seek> OrderedPages<S> {
    /// The source stands at its start. So many bytes of the file are left out of it, behind its head.
    pub(in crate::audio::decode) fn new(source: S, cut: u64) -> Self {
        Self {
            source,
            cut,
            source_at: 0,
            place: 0,
            ahead: Vec::new(),
            ahead_at: 0,
            judged: 0,
            hidden: HiddenBytes::default(),
            order: PageOrder::default(),
            lost: None,
            outside: None,
        }
    }

    /// Reads at a place.
    fn read_at(&mut self, place: u64, target: &mut [u8]) -> io::Result<usize> {
        if self.source_at != place {
            self.source_at = self.source.seek(SeekFrom::Start(place))?;
        }
        let count = self.source.read(target)?;
        self.source_at += count as u64;
        self.hidden.cover(place, &mut target[..count]);
        Ok(count)
    }

    /// Reads ahead until there are so many bytes, fewer only at the end.
    fn fill(&mut self, len: usize) -> io::Result<()> {
        const BLOCK: usize = 1 << 13;
        while self.ahead.len() < len {
            let (start, place) = (self.ahead.len(), self.ahead_at + self.ahead.len() as u64);
            let mut ahead = std::mem::take(&mut self.ahead);
            ahead.resize(len.next_multiple_of(BLOCK), 0);
            let read = self.read_at(place, &mut ahead[start..]);
            ahead.truncate(start + read.as_ref().map_or(0, |count| *count));
            self.ahead = ahead;
            if read? == 0 {
                break;
            }
        }
        Ok(())
    }

    /// Whether the link that begins at a place is for another reader.
    fn is_outside(&mut self, place: u64) -> bool {
        let ahead = |place, len| {
            let mut bytes = vec![0; len];
            let mut there = 0;
            while there < len {
                match self.read_at(place + there as u64, &mut bytes[there..]) {
                    Ok(count @ 1..) => there += count,
                    _ => break,
                }
            }
            bytes.truncate(there);
            bytes
        };
        Link::read(ahead, place).is_outside()
    }

    /// Keeps what begins there, of the bytes ahead, from looking like a page.
    fn hide(&mut self, from: usize) {
        self.ahead[from] = HIDDEN[0];
        self.hidden.hide(self.ahead_at + from as u64);
    }

    /// Judges the page that begins behind what was judged, or the bytes up to where the next one may begin.
    fn judge(&mut self) -> io::Result<()> {
        let from = self.judged;
        self.fill(from + HEADER)?;
        let is_hidden = self.ahead[from..].starts_with(HIDDEN);
        if is_hidden {
            self.ahead[from] = MARK[0];
        }
        let len = page_len(&self.ahead[from..]).and_then(|len| usize::try_from(len).ok());
        if is_hidden {
            self.ahead[from] = HIDDEN[0];
        }
        if let Some(len) = len {
            self.fill(from + len)?;
            if let Some(page) = self.ahead.get(from..from + len).filter(|page| is_hidden || is_right(page)) {
                if !is_hidden && self.order.is_repeated(page) {
                    self.hide(from);
                    self.judged += len;
                    return Ok(());
                }
                let begins_another = !is_hidden && self.order.begins_another(page);
                match if is_hidden { Ok(()) } else { self.order.take(page) } {
                    Ok(()) if begins_another => {
                        let place = self.ahead_at + from as u64;
                        match self.is_outside(place) {
                            true => self.outside = Some(GoesOn { place: place + self.cut }),
                            false => self.judged += len,
                        }
                    }
                    Ok(()) => self.judged += len,
                    Err(lost) => self.lost = Some(lost),
                }
                return Ok(());
            }
        }
        if from < self.ahead.len() {
            if self.ahead[from..].starts_with(MARK) {
                self.lost = self.order.pass_spoilt().err();
                // The reader would skip as much as it says that it is long.
                self.hide(from);
            }
            let rest = &self.ahead[from + 1..];
            let next = rest.windows(MARK.len()).position(|mark| mark == MARK || mark == HIDDEN);
            let room = rest.len().saturating_sub(MARK.len() - 1);
            self.judged += 1 + next.unwrap_or(if self.ahead.len() < from + HEADER { rest.len() } else { room });
        }
        Ok(())
    }
}

impl<S: Read + Seek> Read for OrderedPages<S> {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        let Some(start) = self.place.checked_sub(self.ahead_at) else {
            let most = usize::try_from(self.ahead_at - self.place).unwrap_or(usize::MAX).min(target.len());
            let count = self.read_at(self.place, &mut target[..most])?;
            self.place += count as u64;
            return Ok(count);
        };
        let Some(start) = usize::try_from(start).ok().filter(|start| *start <= self.judged) else {
            let count = self.read_at(self.place, target)?;
            self.place += count as u64;
            return Ok(count);
        };
        self.ahead.drain(..start);
        self.ahead_at = self.place;
        self.judged -= start;
        if self.judged == 0 {
            if self.lost.is_none() && self.outside.is_none() {
                self.judge()?;
            }
            if let Some(lost) = self.lost {
                return Err(io::Error::new(io::ErrorKind::InvalidData, lost));
            }
            if let Some(outside) = self.outside {
                return Err(outside.into());
            }
        }
        let count = self.judged.min(target.len());
        target[..count].copy_from_slice(&self.ahead[..count]);
        self.place += count as u64;
        Ok(count)
    }
}

impl<S: Seek> Seek for OrderedPages<S> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.place = match to {
            SeekFrom::Start(place) => place,
            SeekFrom::Current(offset) => {
                let place = self.place.checked_add_signed(offset);
                place.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?
            }
            SeekFrom::End(_) => {
                self.source_at = self.source.seek(to)?;
                self.source_at
            }
        };
        Ok(self.place)
    }
}

impl<S: MediaSource> MediaSource for OrderedPages<S> {
    fn is_seekable(&self) -> bool {
        self.source.is_seekable()
    }

    /// For those who look for tags behind the sound, before a page is read. The reader of pages would look at the last ones
    /// first, which were not judged, and gives the whole file up where it finds none: so it reads as if the file arrived.
    fn byte_len(&self) -> Option<u64> {
        let has_begun = self.ahead_at > 0 || self.judged > 0;
        self.source.byte_len().filter(|_| !has_begun)
    }
}
