//! The pages of an Ogg stream (RFC 3533, 6): how long one is, and up to where they are whole while they arrive.

use symphonia::core::checksum::Crc32;
use symphonia::core::io::Monitor as _;

use super::links::Link;
use super::order::{LostPages, PageOrder};
use crate::audio::decode::opus;
use crate::audio::decode::source::Arriving;

/// What a page begins with.
pub(super) const MARK: &[u8; 4] = b"OggS";
/// The fixed part of a page's header, and with the longest table of segments.
pub(super) const FIXED: usize = 27;
pub(super) const HEADER: usize = FIXED + 255;
/// The flag of the first page of a stream.
pub(super) const FIRST: u8 = 2;
/// That of its last page.
pub(super) const LAST_OF_STREAM: u8 = 4;
/// The most pages of a link without sound, behind which another link is looked for: a head with a picture may have some hundred.
pub(super) const MOST_SILENT: u32 = 1 << 12;
/// Room for two of the longest pages.
const LAST: usize = 1 << 17;
/// So many that may be the last page are looked at: each may be none.
const TRIED: usize = 64;

/// Follows the pages of a stream that arrives.
#[derive(Default)]
pub(in crate::audio::decode) struct OggPages {
    /// The place after the last page that may be read.
    limit: u64,
    /// The place of the page to look at next.
    next: u64,
    /// The place of the last page that is whole.
    last: u64,
    /// Pages of sound, or of a link without sound, still to be seen before the head of a stream, which began at `limit`, may
    /// be read.
    awaited: u32,
    order: PageOrder,
    /// Pages that are missing at `next`, behind which nothing is looked at.
    lost: Option<LostPages>,
    /// Where a link begins that is for another reader, and at which this one ends.
    outside: Option<u64>,
}

impl OggPages {
    /// The place up to which all pages are whole. The head of a stream counts only with two pages of its sound after it,
    /// because the reader takes them in one go; a link without sound only when the next one begins, since it is left out.
    pub(in crate::audio::decode) fn whole(&mut self, bytes: &Arriving) -> u64 {
        while self.next < bytes.end() && self.lost.is_none() && self.outside.is_none() {
            let header = bytes.peek(self.next, HEADER);
            let len = page_len(&header);
            let may_begin = len.is_some() || header.starts_with(MARK) || MARK.starts_with(&header);
            let is_there = len.is_some_and(|len| self.next + len <= bytes.end());
            if may_begin && !is_there && !bytes.is_finished() {
                break;
            }
            let page = bytes.peek(self.next, usize::try_from(len.filter(|_| is_there).unwrap_or(0)).unwrap_or(0));
            if page.is_empty() || !is_right(&page) {
                if header.starts_with(MARK) {
                    self.lost = self.order.pass_spoilt().err();
                    // The reader would skip as much as it says that it is long.
                    bytes.hide(self.next);
                }
                self.next = bytes.find(self.next + 1, MARK);
                continue;
            }
            if self.order.is_repeated(&page) {
                bytes.hide(self.next);
                self.next += page.len() as u64;
                continue;
            }
            if self.order.begins_another(&page) {
                let link = Link::read(|place, len| bytes.peek(place, len), self.next);
                if link.may_be_outside() && !bytes.is_finished() {
                    break;
                }
                self.outside = link.is_outside().then_some(self.next);
            }
            self.lost = self.order.take(&page).err();
            if self.lost.is_some() || self.outside.is_some() {
                self.limit = self.next;
                break;
            }
            self.last = self.next;
            self.next += page.len() as u64;
            let is_sound = self.order.has_sound();
            if header[5] & FIRST != 0 {
                self.awaited = if is_sound { 2 } else { MOST_SILENT };
            } else if self.awaited > 0 && self.order.may_be_sound(&page) && counts_sound(&header) {
                let has_ended = is_sound && header[5] & LAST_OF_STREAM != 0;
                self.awaited = if has_ended { 0 } else { self.awaited - 1 };
            }
            if self.awaited == 0 {
                self.limit = self.next;
            }
        }
        self.limit
    }

    /// The place up to which nothing is looked at again.
    pub(in crate::audio::decode) fn seen(&self) -> u64 {
        self.last
    }

    /// Pages that are missing behind what may be read.
    pub(in crate::audio::decode) fn lost(&self) -> Option<LostPages> {
        self.lost
    }

    /// The place at which the reader ends, since the link that begins there is for another one.
    pub(in crate::audio::decode) fn outside(&self) -> Option<u64> {
        self.outside.filter(|_| self.lost.is_none())
    }

    /// The end of a stream of which all has arrived.
    pub(in crate::audio::decode) fn end(&mut self, bytes: &Arriving) -> Option<LastPage> {
        self.whole(bytes);
        LastPage::read(&bytes.peek(self.last, LAST), self.last)
    }
}

/// The last page that is whole and has the right checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::audio::decode) struct LastPage {
    serial: u32,
    number: u32,
    /// The place behind it.
    pub(in crate::audio::decode) ends_at: u64,
    /// Whether it says that it is the last one of its stream.
    pub(in crate::audio::decode) is_marked: bool,
    /// Whether a packet ends with it, and no other page begins behind it. So ends what is not cut off: a live stream has no last
    /// page that says that it is one.
    pub(in crate::audio::decode) ends_whole: bool,
}

impl LastPage {
    /// That of the last bytes of a file, which begin at a place.
    fn read(bytes: &[u8], begins: u64) -> Option<Self> {
        pages_from_behind(bytes).take(TRIED).find_map(|(page, behind)| {
            let is_marked = page[5] & LAST_OF_STREAM != 0;
            // Room that was made for bytes which never came is zero.
            let is_unwritten = !is_marked && behind.iter().all(|byte| *byte == 0);
            let is_torn = !behind.is_empty() && (behind.starts_with(MARK) || MARK.starts_with(behind) || is_unwritten);
            let goes_on = page[26].checked_sub(1).is_some_and(|last| page[FIXED + usize::from(last)] == 255);
            let ends_at = begins + (bytes.len() - behind.len()) as u64;
            is_right(page).then(|| Self {
                serial: serial(page),
                number: number(page),
                ends_at,
                is_marked,
                ends_whole: !is_torn && !goes_on,
            })
        })
    }
}

/// The last bytes of a file, or those around its last page where that is far from the end.
pub(in crate::audio::decode) struct Tail {
    begins: u64,
    bytes: Vec<u8>,
}

impl Tail {
    /// Those of a file of this length.
    pub(in crate::audio::decode) fn of_file(mut read: impl FnMut(u64, usize) -> Vec<u8>, len: u64) -> Self {
        /// As many as are kept of a stream that arrives.
        const MOST: u64 = 64 << 20;
        let begins = len.saturating_sub(LAST as u64);
        let mut tail = Self { begins, bytes: read(begins, LAST) };
        let mut tried = 0;
        while tail.begins > 0 && len - tail.begins < MOST && tried < TRIED && tail.last().is_none() {
            tried += pages_from_behind(&tail.bytes).count();
            let begins = tail.begins.saturating_sub(LAST as u64);
            tail = Self { begins, bytes: read(begins, 2 * LAST) };
        }
        tail
    }

    /// The last page among them.
    pub(in crate::audio::decode) fn last(&self) -> Option<LastPage> {
        LastPage::read(&self.bytes, self.begins)
    }

    /// The position at which a stream ends, if the page that says so is among them.
    pub(in crate::audio::decode) fn end_of(&self, stream: u32) -> Option<u64> {
        let pages = pages_from_behind(&self.bytes).map(|(page, _)| page);
        let mut ends = pages.filter(|page| page[5] & LAST_OF_STREAM != 0 && serial(page) == stream).take(TRIED);
        ends.find(|page| is_right(page)).and_then(position)
    }
}

/// What may be pages among bytes, each with the next bytes behind it, from the last one on.
fn pages_from_behind(bytes: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let marks = bytes.windows(MARK.len()).enumerate().rev().filter(|(_, mark)| mark == MARK);
    marks.filter_map(|(place, _)| {
        let from = &bytes[place..bytes.len().min(place + LAST)];
        from.split_at_checked(usize::try_from(page_len(from)?).ok()?)
    })
}

/// What the first pages of a file show of its streams.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::audio::decode) struct Streams {
    /// The number of the first stream of sound, where there is one. The numbers are drawn by lot, so the order of these pages is
    /// the only one that whoever wrote the file has chosen.
    pub(in crate::audio::decode) sound: Option<u32>,
    /// The numbers of all that begin with the file.
    numbers: Vec<u32>,
}

impl Streams {
    /// Reads those that begin at a place, each with its first page.
    pub(in crate::audio::decode) fn read(mut read: impl FnMut(u64, usize) -> Vec<u8>, begins: u64) -> Self {
        /// The most streams that are looked at.
        const MOST: usize = 64;
        let (mut place, mut streams) = (begins, Self::default());
        while streams.numbers.len() < MOST {
            let page = read(place, HEADER);
            let Some(len) = page_len(&page).filter(|_| page[5] & FIRST != 0) else { break };
            if streams.sound.is_none() && Sound::of(&page).is_some() {
                streams.sound = Some(serial(&page));
            }
            streams.numbers.push(serial(&page));
            place += len;
        }
        streams
    }

    /// Whether the stream that ends the file began later: the file is a chain. Its links may have one number, as where a file
    /// was put behind itself: then pages do not go on counting. All pages of a small file are looked at; in a larger one a
    /// link that is no longer than a fifth of what is before it, or a thirtieth of all, may be overlooked.
    pub(in crate::audio::decode) fn are_chained(
        &self,
        mut read: impl FnMut(u64, usize) -> Vec<u8>,
        begins: u64,
        last: LastPage,
    ) -> bool {
        const WALKED: usize = 128;
        const PARTS: u64 = 32;
        if !self.numbers.contains(&last.serial) {
            return true;
        }
        let (mut place, mut count) = (begins, Count::default());
        for _ in 0..WALKED {
            let header = read(place, HEADER);
            let Some(len) = page_len(&header) else { break };
            if count.begins_anew(&header, last.serial) {
                return true;
            }
            place += len;
            if place >= last.ends_at {
                return false;
            }
        }
        let (walked, all) = (place - begins, last.ends_at.saturating_sub(begins));
        let growing = std::iter::successors(Some(walked), |passed| Some(passed + passed / 4 + 1));
        let mut places: Vec<u64> = growing.take_while(|passed| *passed < all).collect();
        places.extend((1..PARTS).map(|part| all / PARTS * part).filter(|passed| *passed > walked));
        places.sort_unstable();
        places.into_iter().any(|passed| {
            let header = next_of(&mut read, begins + passed, last.serial);
            header.is_some_and(|header| count.begins_anew(&header, last.serial))
        }) || count.last.is_some_and(|page| number(&page) > last.number)
    }
}

/// How far the pages of a stream have counted.
#[derive(Default)]
struct Count {
    /// The fixed part of the header of the last page.
    last: Option<[u8; FIXED]>,
    position: u64,
}

impl Count {
    /// Takes the header of a page, and says whether the stream begins anew before or with it. One that comes twice does not.
    fn begins_anew(&mut self, header: &[u8], of: u32) -> bool {
        if serial(header) != of {
            return false;
        }
        let before = self.last.replace(std::array::from_fn(|index| header[index]));
        let is_first = header[5] & FIRST != 0 && before.is_some_and(|before| !header.starts_with(&before));
        let goes_back = before.is_some_and(|before| number(header) < number(&before));
        let position = position(header).unwrap_or(self.position);
        is_first || goes_back || position < std::mem::replace(&mut self.position, position)
    }
}

/// The header of the next page of a stream from a place on, if one is near.
fn next_of(read: &mut impl FnMut(u64, usize) -> Vec<u8>, mut place: u64, of: u32) -> Option<Vec<u8>> {
    let limit = place + LAST as u64;
    loop {
        place = next_mark(read, place, limit)?;
        let header = read(place, HEADER);
        if page_len(&header).is_some() && serial(&header) == of {
            return Some(header);
        }
        place += 1;
    }
}

/// Where a page may begin from a place on, looked for up to about another one.
pub(super) fn next_mark(read: &mut impl FnMut(u64, usize) -> Vec<u8>, mut place: u64, limit: u64) -> Option<u64> {
    const BLOCK: usize = 1 << 13;
    while place < limit {
        let block = read(place, BLOCK);
        if let Some(found) = block.windows(MARK.len()).position(|mark| mark == MARK) {
            return Some(place + found as u64);
        }
        place += block.len().checked_sub(MARK.len() - 1).filter(|passed| *passed > 0)? as u64;
    }
    None
}

/// The number of the stream of a page, of which the fixed part of its header is there.
pub(super) fn serial(page: &[u8]) -> u32 {
    u32::from_le_bytes([page[14], page[15], page[16], page[17]])
}

/// The number of such a page in its stream.
pub(super) fn number(page: &[u8]) -> u32 {
    u32::from_le_bytes([page[18], page[19], page[20], page[21]])
}

/// The sound of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::audio::decode) enum Sound {
    BuiltIn,
    /// Of a codec, or of channels, that at most codecs of the system decode.
    Outside {
        codec: &'static str,
        channels: Option<&'static str>,
    },
}

impl Sound {
    /// That of the stream which a page begins, as RFC 7845, RFC 9639 and section 4.2 of the specification of Vorbis I have
    /// it, and the header of Speex. All that tells it is in the first [`HEADER`] bytes.
    pub(in crate::audio::decode) fn of(page: &[u8]) -> Option<Self> {
        const VORBIS_CHANNELS: usize = 11;
        let packet = page.get(FIXED + usize::from(page[26])..).unwrap_or_default();
        if packet.starts_with(b"OpusHead") {
            let unplaced = |channels| Self::Outside { codec: "Opus", channels: Some(channels) };
            return Some(opus::unplaced(packet).map_or(Self::BuiltIn, unplaced));
        }
        if packet.starts_with(b"\x01vorbis") {
            let is_wide = packet.get(VORBIS_CHANNELS).is_some_and(|channels| *channels > 2);
            let wide = Self::Outside { codec: "Vorbis", channels: Some("more than two channels") };
            return Some(if is_wide { wide } else { Self::BuiltIn });
        }
        if packet.starts_with(b"\x7fFLAC") {
            return Some(Self::BuiltIn);
        }
        let outside = [(&b"Speex"[..], "Speex"), (b"CELT    ", "CELT"), (b"\x01audio", "audio of OGM")];
        let outside = outside.iter().find(|(mark, _)| packet.starts_with(mark));
        outside.map(|(_, codec)| Self::Outside { codec, channels: None })
    }
}

/// Whether a page, of which the fixed part of its header is there, counts frames of sound, as those of a head do not.
pub(super) fn counts_sound(header: &[u8]) -> bool {
    header[6..14].iter().any(|byte| *byte != 0 && *byte != 0xff)
}

/// The position after the last packet that ends on such a page, if one does.
fn position(header: &[u8]) -> Option<u64> {
    let position = header[6..14].iter().rev().fold(0, |position, byte| position << 8 | u64::from(*byte));
    i64::try_from(position).is_ok().then_some(position)
}

/// Whether the checksum of a page is that of its bytes (RFC 3533, 6).
pub(super) fn is_right(page: &[u8]) -> bool {
    let mut checksum = Crc32::new(0);
    checksum.process_buf_bytes(&page[..22]);
    checksum.process_buf_bytes(&[0; 4]);
    checksum.process_buf_bytes(&page[26..]);
    page[22..26] == checksum.crc().to_le_bytes()
}

/// How many packets end on a page whose header is there.
pub(super) fn packets_ended(header: &[u8]) -> usize {
    header[FIXED..].iter().take(header[26].into()).filter(|len| **len < 255).count()
}

/// The length of the page that begins with this header, if it is one and its table of segments is there.
pub(super) fn page_len(header: &[u8]) -> Option<u64> {
    let [b'O', b'g', b'g', b'S', 0, 0..=7, ..] = header else { return None };
    let segments = usize::from(*header.get(26)?);
    let table = header.get(FIXED..FIXED + segments)?;
    Some((FIXED + segments) as u64 + table.iter().map(|len| u64::from(*len)).sum::<u64>())
}
