//! The pages of an Ogg stream (RFC 3533, 6): how long one is, and up to where they are whole while they arrive.

use super::source::Arriving;

/// Follows the pages of a stream that arrives.
#[derive(Default)]
pub(super) struct OggPages {
    /// The place after the last page that may be read.
    limit: u64,
    /// The place of the page to look at next.
    next: u64,
    /// Pages of sound still to be seen before the head of a stream, which began at `limit`, may be read.
    awaited: u32,
}

impl OggPages {
    /// The place up to which all pages are whole. The head of a stream counts only with two pages of sound after it,
    /// because the reader takes them in one go.
    pub(super) fn whole(&mut self, bytes: &Arriving) -> u64 {
        /// The fixed part of a page's header and the longest table of segments.
        const HEADER: usize = 27 + 255;
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
            let is_first_of_stream = header[5] & 2 != 0;
            let granule = header[6..14].iter().any(|byte| *byte != 0 && *byte != 0xff);
            let is_last_of_stream = header[5] & 4 != 0;
            self.next += len;
            if is_first_of_stream {
                self.awaited = 2;
            } else if self.awaited > 0 && granule {
                self.awaited = if is_last_of_stream { 0 } else { self.awaited - 1 };
            }
            if self.awaited == 0 {
                self.limit = self.next;
            }
        }
        self.limit
    }
}

/// The number of the first stream of sound of a file that begins at a place, where there is one that its first pages show.
/// The numbers are drawn by lot, so the order of these pages is the only one that whoever wrote the file has chosen.
pub(super) fn first_sound(mut read: impl FnMut(u64, usize) -> Vec<u8>, begins: u64) -> Option<u32> {
    /// The fixed part of a page's header, a table of one segment, and the mark of a codec.
    const HEAD: usize = 27 + 1 + 8;
    /// As RFC 7845 and RFC 9639 have them, and section 4.2.1 of the specification of Vorbis I.
    const SOUND: [&[u8]; 3] = [b"OpusHead", b"\x7fFLAC", b"\x01vorbis"];
    let mut place = begins;
    loop {
        let page = read(place, HEAD);
        let len = page_len(&page).filter(|_| page[5] & 2 != 0)?;
        let mark = page.get(27 + usize::from(page[26])..)?;
        if SOUND.iter().any(|sound| mark.starts_with(sound)) {
            return page[14..18].try_into().ok().map(u32::from_le_bytes);
        }
        place += len;
    }
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
