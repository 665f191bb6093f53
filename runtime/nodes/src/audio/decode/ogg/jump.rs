//! Jumps in Ogg (RFC 3533): finds a page whose position, as its header counts frames, lies before a frame, and opens the
//! stream anew as if that page followed on its head.
//!
//! Positions are those that Symphonia's reader gives packets as timestamps. It may know nothing of codecs.

use std::collections::VecDeque;
use std::io;

use symphonia::core::errors::Result;
use symphonia::core::formats::FormatReader;
use symphonia::core::packet::Packet;
use symphonia::core::units::Duration;

use super::order::OrderedPages;
use super::pages::{FIXED, HEADER, MARK, is_right, packets_ended, page_len};
use crate::audio::decode::container::Container;
use crate::audio::decode::container_reader::open_reader;
use crate::audio::decode::jump_reader::{Jump, Landed};
use crate::audio::decode::matroska::packets::PacketFacts;
use crate::audio::decode::source::gap::{Gap, GapSource};

/// Jumps in the first stream of a file.
pub(in crate::audio::decode) struct OggJump {
    track: u32,
    /// Frames that the decoder leaves out at the start.
    skip: u64,
    /// The position at which the decoder's first frame lies.
    origin: Option<i64>,
    /// Whether other streams follow, which may have the same number.
    is_chain: bool,
}

impl OggJump {
    /// Jumps in the stream of this number, of which the decoder leaves out so many frames at the start.
    pub(in crate::audio::decode) fn new(track: u32, skip: u64, is_chain: bool) -> Self {
        Self { track, skip, origin: None, is_chain }
    }

    fn frame_of(&self, packet: &Packet) -> Option<u64> {
        let place = packet.pts.get().checked_add_unsigned(packet.trim_start.get())?;
        u64::try_from(place.checked_sub(self.origin?)?).ok()
    }

    /// Reads pages as if they followed on the head, and those of other streams between them.
    fn read(&self, file: &GapSource, head: u64, pages: &[Page]) -> Option<Run> {
        let to = pages.first()?.place;
        let mut reader = reader_from(file, head, to)?;
        let (mut packets, mut fits) = (Vec::new(), true);
        let mut positions = pages.iter().map(|page| page.position).peekable();
        while let Some(position) = positions.peek().filter(|_| fits).copied() {
            let packet = reader.next_packet().ok()??;
            if packet.track_id == self.track {
                let end = packet.pts.get().saturating_add_unsigned(packet.block_dur().get());
                packets.push(packet);
                fits = end <= position;
                positions.next_if_eq(&end);
            }
        }
        Some(Run { reader, packets, fits })
    }

    /// Whether one of the next pages counts on from the first one as the packets do.
    fn counts_on(&self, file: &GapSource, first: &Page, next: &[Page]) -> bool {
        let Some(mut reader) = reader_from(file, first.place, first.place) else { return false };
        let mut left = first.packets + next.iter().map(|page| page.packets).sum::<u64>();
        let mut end = None;
        while left > 0
            && let Ok(Some(packet)) = reader.next_packet()
        {
            if packet.track_id == self.track {
                let starts = end.unwrap_or(packet.pts.get());
                let ends = starts.saturating_add_unsigned(packet.block_dur().get());
                if next.iter().any(|page| page.position == ends) {
                    return true;
                }
                (end, left) = (Some(ends), left - 1);
            }
        }
        false
    }
}

/// A reader of what follows on a place as if it followed on the head.
fn reader_from(file: &GapSource, head: u64, to: u64) -> Option<Box<dyn FormatReader>> {
    let source = Box::new(OrderedPages::new(file.view(Some(Gap::Cut { from: head, to })), to - head));
    open_reader(source, Container::Ogg, 0, PacketFacts::default()).ok()
}

impl Jump for OggJump {
    fn see(&mut self, packet: &mut Packet) {
        if packet.dur > Duration::ZERO {
            let place = packet.pts.get().saturating_add_unsigned(packet.trim_start.get());
            self.origin.get_or_insert(place.saturating_add_unsigned(self.skip));
        }
    }

    fn land(&mut self, file: &GapSource, frame: u64) -> Result<Option<Landed>> {
        let Some(position) = self.origin.and_then(|origin| origin.checked_add_unsigned(frame)) else { return Ok(None) };
        let mut pages = Pages { file: file.view(None), known: Vec::new() };
        let Some(Landing { first, next, pages }) = pages.landing(self.track, position, self.is_chain)? else {
            return Ok(None);
        };
        // The position of the first frame is that of the first page.
        if !self.counts_on(file, &first, &next) {
            return Ok(None);
        }
        let head = first.place;
        // Where one of them can't be read, there is none to compare the last one with.
        let runs = [&pages[..], &pages[pages.len() - 1..]];
        let Some(Run { reader, packets, fits }) = runs.into_iter().find_map(|run| self.read(file, head, run)) else {
            return Ok(None);
        };
        let frame = packets.first().filter(|_| fits).and_then(|packet| self.frame_of(packet));
        Ok(frame.map(|frame| Landed { reader, packets, frame }))
    }
}

/// Where to land in a file.
struct Landing {
    /// The first page of sound, behind the head, and some next ones.
    first: Page,
    next: Vec<Page>,
    /// What may follow on the head.
    pages: Vec<Page>,
}

/// Pages that were read.
struct Run {
    reader: Box<dyn FormatReader>,
    packets: Vec<Packet>,
    /// Whether packets end at the positions of all pages: those of times that were rounded do not tell the place.
    fits: bool,
}

/// The pages of a file.
struct Pages {
    file: GapSource,
    /// The numbers of the streams that begin with the file.
    known: Vec<u32>,
}

/// The header of a page.
#[derive(Clone, Copy, Debug)]
struct Page {
    place: u64,
    len: u64,
    serial: u32,
    /// The position after the last packet that ends on it; -1 where none does.
    position: i64,
    is_first: bool,
    is_last: bool,
    /// How long the header is, and how many packets end on the page.
    head_len: u64,
    packets: u64,
    /// By which it is known where it comes twice.
    fixed: [u8; FIXED],
}

impl Pages {
    /// Pages of the stream, up to whose end there are no frames behind a position. None is the last one, whose position
    /// leaves padding out.
    fn landing(&mut self, track: u32, position: i64, is_chain: bool) -> io::Result<Option<Landing>> {
        /// Below this distance page after page is looked at.
        const NEAR: u64 = 1 << 16;
        /// So many pages are compared with their packets, of those in so many bytes: a page has up to 64 KiB.
        const COMPARED: usize = 8;
        /// So many pages are compared with the first one, of which one may be wrong.
        const NEXT: usize = 2;
        const ROOM: u64 = 1 << 18;
        /// Tools draw the numbers of streams. A writer that does not may give one number to all that it writes, and in a
        /// chain of these only a look at each page shows where the first one ends.
        const DRAWN: u32 = 1 << 16;
        let end = symphonia::core::io::MediaSource::byte_len(&self.file).unwrap_or(0);
        let Some(first) = self.first_of_sound(track, end)? else { return Ok(None) };
        let is_before = |page: &Page| page.position <= position && !page.is_last;
        let (mut low, mut high) = (first.place + first.len, end);
        while track >= DRAWN && !is_chain && high.saturating_sub(low) > NEAR {
            let middle = low + (high - low) / 2;
            match self.next_of(track, middle, high, end)?.filter(is_before) {
                Some(page) => low = page.place + page.len,
                None => high = middle,
            }
        }
        low = low.saturating_sub(ROOM).max(first.place);
        let mut pages = VecDeque::new();
        while let Some(page) = self.next_of(track, low, high, end)?.filter(is_before) {
            low = page.place + page.len;
            if !pages.back().is_some_and(|before: &Page| page.repeats(before)) {
                pages.push_back(page);
            }
            pages.drain(..pages.len().saturating_sub(COMPARED));
        }
        // From the first one on, nothing would be left out.
        let is_behind = pages.front().is_some_and(|page| page.place > first.place);
        if !is_behind {
            return Ok(None);
        }
        let (mut place, mut next) = (first.place + first.len, Vec::new());
        while next.len() < NEXT
            && let Some(page) = self.next_of(track, place, end, end)?
        {
            place = page.place + page.len;
            if !page.repeats(next.last().unwrap_or(&first)) {
                next.push(page);
            }
        }
        Ok(Some(Landing { first, next, pages: pages.into() }))
    }

    /// The page after those of the head of a stream, on which the first packet of sound begins.
    fn first_of_sound(&mut self, track: u32, end: u64) -> io::Result<Option<Page>> {
        let (mut place, mut heads, mut before) = (0, None, None);
        while let Some(page) = self.next(place, end, end)? {
            place = page.place + page.len;
            if page.is_first {
                self.known.push(page.serial);
            }
            let is_repeated = before.is_some_and(|before| page.repeats(&before));
            if page.serial != track || is_repeated {
                continue;
            }
            before = Some(page);
            heads = match heads {
                None => head_packets(&self.file.bytes_at(page.place + page.head_len, 9)?),
                Some(0) => return Ok(Some(page)),
                left => left,
            };
            let Some(left) = heads.and_then(|left| left.checked_sub(page.packets)) else { return Ok(None) };
            heads = Some(left);
        }
        Ok(None)
    }

    /// The next page of a stream on which a packet ends, if it begins from `place` to `limit`, and before a new stream.
    fn next_of(&mut self, track: u32, mut place: u64, limit: u64, end: u64) -> io::Result<Option<Page>> {
        while let Some(page) = self.next(place, limit, end)? {
            if page.is_first || !self.known.contains(&page.serial) {
                return Ok(None);
            }
            if page.serial == track && page.position > 0 {
                return Ok(Some(page));
            }
            place = page.place + page.len;
        }
        Ok(None)
    }

    /// The next page that begins from `place` to `limit`. Another one must follow, or the end of the file, or its checksum
    /// must be right: four bytes alone are no proof.
    fn next(&mut self, mut place: u64, limit: u64, end: u64) -> io::Result<Option<Page>> {
        const BLOCK: usize = 1 << 13;
        while place < limit {
            let header = self.file.bytes_at(place, HEADER)?;
            if let Some(page) = Page::read(place, &header) {
                let after = self.file.bytes_at(page.place + page.len, MARK.len())?;
                if after == MARK || page.place + page.len >= end || self.is_right(&page)? {
                    return Ok(Some(page));
                }
            }
            place += 1;
            while place < limit {
                let block = self.file.bytes_at(place, BLOCK)?;
                if let Some(found) = block.windows(MARK.len()).position(|window| window == MARK) {
                    place += found as u64;
                    break;
                }
                if block.len() < MARK.len() {
                    return Ok(None);
                }
                place += (block.len() - MARK.len() + 1) as u64;
            }
        }
        Ok(None)
    }

    fn is_right(&mut self, page: &Page) -> io::Result<bool> {
        let bytes = self.file.bytes_at(page.place, usize::try_from(page.len).unwrap_or(0))?;
        Ok(bytes.len() as u64 == page.len && is_right(&bytes))
    }
}

/// How many packets the head of a stream is, from the first one: Vorbis I, 4.2; RFC 7845, 3; RFC 9639, 10.1.
fn head_packets(first: &[u8]) -> Option<u64> {
    match first {
        [1, b'v', b'o', b'r', b'b', b'i', b's', ..] => Some(3),
        [b'O', b'p', b'u', b's', b'H', b'e', b'a', b'd', ..] => Some(2),
        [0x7f, b'F', b'L', b'A', b'C', _, _, high, low] => {
            let others = u64::from(u16::from_be_bytes([*high, *low]));
            (others > 0).then_some(1 + others)
        }
        _ => None,
    }
}

impl Page {
    /// Whether it is another one once more, of which only one is read.
    fn repeats(&self, before: &Page) -> bool {
        self.fixed == before.fixed
    }

    fn read(place: u64, header: &[u8]) -> Option<Self> {
        let len = page_len(header)?;
        let fixed = *header.first_chunk::<FIXED>()?;
        let [_, _, _, _, _, flags, a, b, c, d, e, f, g, h, i, j, k, l, ..] = fixed;
        Some(Self {
            place,
            len,
            serial: u32::from_le_bytes([i, j, k, l]),
            position: i64::from_le_bytes([a, b, c, d, e, f, g, h]),
            is_first: flags & 2 != 0,
            is_last: flags & 4 != 0,
            head_len: FIXED as u64 + u64::from(header[26]),
            fixed,
            packets: packets_ended(header) as u64,
        })
    }
}
