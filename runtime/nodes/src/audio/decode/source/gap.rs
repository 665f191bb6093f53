//! A file that several readers share, each with its own place, and one of them perhaps without a part of it: so the reader
//! of a container goes on at a later packet, as if the head of the file were right before it.
//!
//! It may know nothing of formats, but for the element by which Matroska marks bytes to be passed over.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};

use symphonia::core::io::MediaSource;

use super::sought;

/// The part of a file that a reader does not see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::audio::decode) enum Gap {
    /// The bytes from here to there are not there: what follows has moved up.
    Cut { from: u64, to: u64 },
    /// All bytes keep their place, and those from here to there are an element `Void` (RFC 8794, 11.3.2).
    Void { from: u64, to: u64 },
}

/// A reader's view of the file.
pub(in crate::audio::decode) struct GapSource {
    shared: Arc<Mutex<Shared>>,
    is_seekable: bool,
    len: Option<u64>,
    gap: Option<Gap>,
    place: u64,
}

struct Shared {
    source: Box<dyn MediaSource>,
    /// Where the source stands; `None` after a failure.
    at: Option<u64>,
}

/// The length of an element `Void` without what it holds: its id, and a size of eight bytes.
pub(in crate::audio::decode) const VOID_HEAD: u64 = 9;

impl GapSource {
    /// The whole of a file, which stands at its start.
    pub(in crate::audio::decode) fn new(source: Box<dyn MediaSource>) -> Self {
        let (is_seekable, len) = (source.is_seekable(), source.byte_len());
        Self { shared: Arc::new(Mutex::new(Shared { source, at: Some(0) })), is_seekable, len, gap: None, place: 0 }
    }

    /// Lets readers take another place for the end, or none, so that they only read on.
    pub(in crate::audio::decode) fn end_at(&mut self, end: Option<u64>) {
        self.len = end;
        self.is_seekable &= end.is_some();
    }

    /// Another view of the same file, from its start.
    pub(in crate::audio::decode) fn view(&self, gap: Option<Gap>) -> Self {
        let (shared, is_seekable, len) = (Arc::clone(&self.shared), self.is_seekable, self.len);
        Self { shared, is_seekable, len, gap, place: 0 }
    }

    /// Up to so many bytes of a place; fewer at the end.
    ///
    /// # Errors
    /// If the file can't be read.
    pub(in crate::audio::decode) fn bytes_at(&mut self, place: u64, len: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(len);
        self.place = place;
        self.take(len as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

impl Shared {
    fn read(&mut self, place: u64, target: &mut [u8]) -> io::Result<usize> {
        if self.at != Some(place) {
            self.at = None;
            self.source.seek(SeekFrom::Start(place))?;
        }
        self.at = None;
        let count = self.source.read(target)?;
        self.at = Some(place + count as u64);
        Ok(count)
    }
}

impl Read for GapSource {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        let mut place = self.place;
        let mut most = target.len();
        let up_to = |limit: u64| usize::try_from(limit.saturating_sub(place)).unwrap_or(usize::MAX);
        match self.gap {
            Some(Gap::Cut { from, .. }) if place < from => most = most.min(up_to(from)),
            Some(Gap::Cut { from, to }) => place = place.saturating_add(to - from),
            Some(Gap::Void { from, to }) if place >= from && place < from + VOID_HEAD => {
                let size = to.saturating_sub(from + VOID_HEAD).to_be_bytes();
                let [_, rest @ ..] = size;
                let mut head = [0xec, 0x01, 0, 0, 0, 0, 0, 0, 0];
                head[2..].copy_from_slice(&rest);
                let mut bytes = &head[usize::try_from(place - from).unwrap_or(0)..];
                let count = bytes.read(target)?;
                self.place += count as u64;
                return Ok(count);
            }
            Some(Gap::Void { from, .. }) if place < from => most = most.min(up_to(from)),
            Some(Gap::Void { .. }) | None => {}
        }
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let count = shared.read(place, &mut target[..most])?;
        self.place += count as u64;
        Ok(count)
    }
}

impl Seek for GapSource {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.place = sought(to, self.place, || {
            // A file that was cut off may say that its end is elsewhere.
            let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
            shared.at = None;
            Ok(shared.source.seek(SeekFrom::End(0))?.saturating_sub(self.cut_len()))
        })?;
        Ok(self.place)
    }
}

impl GapSource {
    fn cut_len(&self) -> u64 {
        match self.gap {
            Some(Gap::Cut { from, to }) => to - from,
            Some(Gap::Void { .. }) | None => 0,
        }
    }
}

impl MediaSource for GapSource {
    fn is_seekable(&self) -> bool {
        self.is_seekable
    }

    fn byte_len(&self) -> Option<u64> {
        self.len.map(|len| len.saturating_sub(self.cut_len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(source: &mut GapSource) -> Vec<u8> {
        let mut bytes = Vec::new();
        source.read_to_end(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn each_view_has_its_own_place_and_gap() {
        let mut whole = GapSource::new(Box::new(io::Cursor::new((0..40u8).collect::<Vec<_>>())));
        let mut cut = whole.view(Some(Gap::Cut { from: 3, to: 35 }));
        let mut void = whole.view(Some(Gap::Void { from: 2, to: 30 }));
        assert_eq!(cut.byte_len(), Some(8));
        let mut first = [0; 5];
        whole.read_exact(&mut first).unwrap();
        assert_eq!(all(&mut cut), [0, 1, 2, 35, 36, 37, 38, 39]);
        assert_eq!(cut.seek(SeekFrom::End(-6)).unwrap(), 2);
        assert_eq!(all(&mut cut), [2, 35, 36, 37, 38, 39]);
        let seen = all(&mut void);
        assert_eq!(seen[..12], [0, 1, 0xec, 0x01, 0, 0, 0, 0, 0, 0, 19, 11]);
        assert_eq!((seen.len(), seen[30]), (40, 30));
        assert_eq!((first, whole.bytes_at(38, 9).unwrap(), all(&mut whole)), ([0, 1, 2, 3, 4], vec![38, 39], vec![]));
    }
}
