//! The pages of an Ogg stream (RFC 3533, 6): how long one is, and up to where they are whole while they arrive.

use symphonia::core::checksum::Crc32;
use symphonia::core::io::Monitor as _;

use super::source::Arriving;

/// What a page begins with.
pub(super) const MARK: &[u8; 4] = b"OggS";
/// The fixed part of a page's header and the longest table of segments.
pub(super) const HEADER: usize = 27 + 255;
/// The flag of the first page of a stream.
pub(super) const FIRST: u8 = 2;
/// Room for two of the longest pages.
const LAST: usize = 1 << 17;

/// Follows the pages of a stream that arrives.
#[derive(Default)]
pub(super) struct OggPages {
    /// The place after the last page that may be read.
    limit: u64,
    /// The place of the page to look at next.
    next: u64,
    /// The place of the last page that is whole.
    last: u64,
    /// Pages of sound still to be seen before the head of a stream, which began at `limit`, may be read.
    awaited: u32,
}

impl OggPages {
    /// The place up to which all pages are whole. The head of a stream counts only with two pages of sound after it,
    /// because the reader takes them in one go.
    pub(super) fn whole(&mut self, bytes: &Arriving) -> u64 {
        while self.next < bytes.end() {
            let header = bytes.peek(self.next, HEADER);
            let Some(len) = page_len(&header) else {
                if header.starts_with(b"OggS") || b"OggS".starts_with(&header) {
                    break;
                }
                self.next = bytes.find(self.next + 1, b"OggS");
                continue;
            };
            if self.next + len > bytes.end() {
                break;
            }
            let is_last_of_stream = header[5] & 4 != 0;
            self.last = self.next;
            self.next += len;
            if header[5] & FIRST != 0 {
                self.awaited = 2;
            } else if self.awaited > 0 && counts_sound(&header) {
                self.awaited = if is_last_of_stream { 0 } else { self.awaited - 1 };
            }
            if self.awaited == 0 {
                self.limit = self.next;
            }
        }
        self.limit
    }

    /// The place up to which nothing is looked at again.
    pub(super) fn seen(&self) -> u64 {
        self.last
    }

    /// The end of a stream of which all has arrived.
    pub(super) fn end(&mut self, bytes: &Arriving) -> Option<LastPage> {
        self.whole(bytes);
        LastPage::read(&bytes.peek(self.last, LAST))
    }
}

/// The last page that is whole and has the right checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LastPage {
    serial: u32,
    /// Whether a packet ends with it, and no other page begins behind it. So ends what is not cut off: a live stream has no last
    /// page that says that it is one.
    pub(super) ends_whole: bool,
}

impl LastPage {
    /// That of a file of this length.
    pub(super) fn of_file(mut read: impl FnMut(u64, usize) -> Vec<u8>, len: u64) -> Option<Self> {
        Self::read(&read(len.saturating_sub(LAST as u64), LAST))
    }

    /// That of the last bytes of a file.
    fn read(bytes: &[u8]) -> Option<Self> {
        /// So many marks may be none of a page that is whole.
        const TRIED: usize = 64;
        let marks = bytes.windows(MARK.len()).enumerate().rev().filter(|(_, mark)| mark == MARK).take(TRIED);
        marks.map(|(place, _)| &bytes[place..]).find_map(|from| {
            let (page, behind) = from.split_at_checked(usize::try_from(page_len(from)?).ok()?)?;
            let is_torn = !behind.is_empty() && (behind.starts_with(MARK) || MARK.starts_with(behind));
            let goes_on = page[26].checked_sub(1).is_some_and(|last| page[27 + usize::from(last)] == 255);
            is_right(page).then(|| Self { serial: serial(page), ends_whole: !is_torn && !goes_on })
        })
    }
}

/// What the first pages of a file show of its streams.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Streams {
    /// The number of the first stream of sound, where there is one. The numbers are drawn by lot, so the order of these pages is
    /// the only one that whoever wrote the file has chosen.
    pub(super) sound: Option<u32>,
    /// The numbers of all that begin with the file.
    numbers: Vec<u32>,
}

impl Streams {
    /// Reads those that begin at a place, each with its first page.
    pub(super) fn read(mut read: impl FnMut(u64, usize) -> Vec<u8>, begins: u64) -> Self {
        /// The most streams that are looked at.
        const MOST: usize = 64;
        /// The fixed part of a page's header, a table of one segment, and the mark of a codec.
        const HEAD: usize = 27 + 1 + 8;
        /// As RFC 7845 and RFC 9639 have them, and section 4.2.1 of the specification of Vorbis I.
        const SOUND: [&[u8]; 3] = [b"OpusHead", b"\x7fFLAC", b"\x01vorbis"];
        let (mut place, mut streams) = (begins, Self::default());
        while streams.numbers.len() < MOST {
            let page = read(place, HEAD);
            let Some(len) = page_len(&page).filter(|_| page[5] & FIRST != 0) else { break };
            let mark = page.get(27 + usize::from(page[26])..).unwrap_or_default();
            if streams.sound.is_none() && SOUND.iter().any(|sound| mark.starts_with(sound)) {
                streams.sound = Some(serial(&page));
            }
            streams.numbers.push(serial(&page));
            place += len;
        }
        streams
    }

    /// Whether the stream that ends the file began later: the file is a chain.
    pub(super) fn are_chained(&self, last: LastPage) -> bool {
        !self.numbers.contains(&last.serial)
    }
}

/// The number of the stream of a page, of which the fixed part of its header is there.
fn serial(page: &[u8]) -> u32 {
    u32::from_le_bytes([page[14], page[15], page[16], page[17]])
}

/// Whether a page, of which the fixed part of its header is there, counts frames of sound, as those of a head do not.
pub(super) fn counts_sound(header: &[u8]) -> bool {
    header[6..14].iter().any(|byte| *byte != 0 && *byte != 0xff)
}

/// Whether the checksum of a page is that of its bytes (RFC 3533, 6).
pub(super) fn is_right(page: &[u8]) -> bool {
    let mut checksum = Crc32::new(0);
    checksum.process_buf_bytes(&page[..22]);
    checksum.process_buf_bytes(&[0; 4]);
    checksum.process_buf_bytes(&page[26..]);
    page[22..26] == checksum.crc().to_le_bytes()
}

/// The length of the page that begins with this header, if it is one and its table of segments is there.
pub(super) fn page_len(header: &[u8]) -> Option<u64> {
    if !header.starts_with(b"OggS") {
        return None;
    }
    let segments = usize::from(*header.get(26)?);
    let table = header.get(27..27 + segments)?;
    Some(27 + segments as u64 + table.iter().map(|len| u64::from(*len)).sum::<u64>())
}
