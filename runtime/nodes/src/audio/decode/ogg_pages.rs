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

/// The length of the page that begins with this header, if it is one and its table of segments is there.
pub(super) fn page_len(header: &[u8]) -> Option<u64> {
    if !header.starts_with(b"OggS") {
        return None;
    }
    let segments = usize::from(*header.get(26)?);
    let table = header.get(27..27 + segments)?;
    Some(27 + segments as u64 + table.iter().map(|len| u64::from(*len)).sum::<u64>())
}
