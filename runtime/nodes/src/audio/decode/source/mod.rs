//! Where a demuxer reads from: a file, a buffer that is shared, not copied, or bytes that are still arriving.
//!
//! It may know nothing of formats.

pub(super) mod gap;
pub(super) mod hidden_bytes;

use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use remotemedia_core::value::Buffer;
use symphonia::core::io::MediaSource;

use self::hidden_bytes::HiddenBytes;
use crate::io::DiskFile;

/// A buffer as something that `std::io::Cursor` reads without a copy.
pub(super) struct BufferBytes(pub(super) Buffer);

impl AsRef<[u8]> for BufferBytes {
    fn as_ref(&self) -> &[u8] {
        self.0.as_slice()
    }
}

/// Where a source ends since another reader goes on there: what its error holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct GoesOn {
    pub(super) place: u64,
}

impl GoesOn {
    /// That of an error, if it is one.
    pub(super) fn of(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref().copied()
    }
}

impl From<GoesOn> for io::Error {
    fn from(goes_on: GoesOn) -> Self {
        io::Error::new(io::ErrorKind::InvalidData, goes_on)
    }
}

impl fmt::Display for GoesOn {
    fn fmt(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(text, "another reader goes on at byte {}", self.place)
    }
}

impl Error for GoesOn {}

/// A part of a source.
pub(super) struct Part<S> {
    source: S,
    begins: u64,
    end: u64,
    /// In the part.
    place: u64,
}

impl<S: Seek> Part<S> {
    /// The bytes of a source from a place up to another one, at their start.
    ///
    /// # Errors
    /// If the source can't be read.
    pub(super) fn new(mut source: S, begins: u64, end: u64) -> io::Result<Self> {
        source.seek(SeekFrom::Start(begins))?;
        Ok(Self { source, begins, end, place: 0 })
    }
}

impl<S: Read> Read for Part<S> {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        let left = self.end.saturating_sub(self.begins).saturating_sub(self.place);
        let count = self.source.by_ref().take(left).read(target)?;
        self.place += count as u64;
        Ok(count)
    }
}

impl<S: Seek> Seek for Part<S> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = sought(to, self.place, || Ok(self.end.saturating_sub(self.begins)))?;
        self.source.seek(SeekFrom::Start(self.begins.saturating_add(place)))?;
        self.place = place;
        Ok(place)
    }
}

impl<S: MediaSource> MediaSource for Part<S> {
    fn is_seekable(&self) -> bool {
        self.source.is_seekable()
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.end.saturating_sub(self.begins))
    }
}

/// A file on disk from a place on, and the length of that.
pub(super) struct DiskSource {
    file: DiskFile,
    begins: u64,
    pub(super) len: u64,
}

impl DiskSource {
    /// A file of this length, which stands at its start.
    pub(super) fn new(file: DiskFile, len: u64) -> Self {
        Self { file, begins: 0, len }
    }

    /// The same from a place on.
    ///
    /// # Errors
    /// If it can't be read.
    pub(super) fn from(mut self, place: u64) -> io::Result<Self> {
        self.begins += place;
        self.len = self.len.saturating_sub(place);
        self.rewind()?;
        Ok(self)
    }

    /// Seeks where the system does not: no file can be so long, but a damaged length leads there. A read finds the end.
    fn seek_too_far(&mut self, to: SeekFrom) -> io::Result<u64> {
        let here = self.file.stream_position()?.saturating_sub(self.begins);
        let place = sought(to, here, || Ok(self.len))?;
        self.file.seek(SeekFrom::End(0))?;
        Ok(place)
    }
}

impl Read for DiskSource {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        self.file.read(target)
    }
}

impl Seek for DiskSource {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let of_file = match to {
            SeekFrom::Start(place) => SeekFrom::Start(self.begins.saturating_add(place)),
            other => other,
        };
        match self.file.seek(of_file) {
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => self.seek_too_far(to),
            sought => Ok(sought?.saturating_sub(self.begins)),
        }
    }
}

impl MediaSource for DiskSource {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.len)
    }
}

/// Where a seek leads from a place. `end` is asked where the sought place counts from there.
///
/// # Errors
/// If it is before the start; that of `end`.
pub(super) fn sought(to: SeekFrom, place: u64, end: impl FnOnce() -> io::Result<u64>) -> io::Result<u64> {
    let place = match to {
        SeekFrom::Start(place) => Some(place),
        SeekFrom::Current(offset) => place.checked_add_signed(offset),
        SeekFrom::End(offset) => end()?.checked_add_signed(offset),
    };
    place.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))
}

/// Up to so many bytes of a place; fewer at the end, and where reading fails, which the demuxer will meet as well.
pub(super) fn read_at(source: &mut (impl Read + Seek), place: u64, len: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(len);
    if source.seek(SeekFrom::Start(place)).is_ok() {
        let _ = source.take(len as u64).read_to_end(&mut bytes);
    }
    bytes
}

/// A source that was cut off, with the end that it should have, so that a demuxer reads what is there.
pub(super) struct CutSource<S> {
    pub(super) source: S,
    pub(super) full_len: u64,
}

impl<S: Read> Read for CutSource<S> {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        self.source.read(target)
    }
}

impl<S: Seek> Seek for CutSource<S> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.source.seek(match to {
            SeekFrom::End(offset) => SeekFrom::Start(self.full_len.saturating_add_signed(offset)),
            other => other,
        })
    }
}

impl<S: MediaSource> MediaSource for CutSource<S> {
    fn is_seekable(&self) -> bool {
        self.source.is_seekable()
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.full_len)
    }
}

/// A source of a known length with bytes after its end that it does not have.
pub(super) struct TailedSource<S> {
    source: S,
    len: u64,
    tail: &'static [u8],
    place: u64,
}

impl<S> TailedSource<S> {
    /// The source stands at its start.
    pub(super) fn new(source: S, len: u64, tail: &'static [u8]) -> Self {
        Self { source, len, tail, place: 0 }
    }

    fn whole_len(&self) -> u64 {
        self.len.saturating_add(self.tail.len() as u64)
    }
}

impl<S: Read> Read for TailedSource<S> {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        let count = if self.place < self.len {
            self.source.read(target)?
        } else {
            let start = usize::try_from(self.place - self.len).unwrap_or(usize::MAX).min(self.tail.len());
            let mut rest = &self.tail[start..];
            rest.read(target)?
        };
        self.place += count as u64;
        Ok(count)
    }
}

impl<S: Seek> Seek for TailedSource<S> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = sought(to, self.place, || Ok(self.whole_len()))?;
        self.source.seek(SeekFrom::Start(place.min(self.len)))?;
        self.place = place;
        Ok(place)
    }
}

impl<S: MediaSource> MediaSource for TailedSource<S> {
    fn is_seekable(&self) -> bool {
        self.source.is_seekable()
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.whole_len())
    }
}

/// A source in which some bytes are others: their places, and what they are.
pub(super) struct PatchedSource<S> {
    source: S,
    patches: Vec<(u64, u8)>,
    place: u64,
}

impl<S> PatchedSource<S> {
    /// The source stands at its start.
    pub(super) fn new(source: S, mut patches: Vec<(u64, u8)>) -> Self {
        patches.sort_unstable();
        Self { source, patches, place: 0 }
    }
}

impl<S: Read> Read for PatchedSource<S> {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(target)?;
        let end = self.place + count as u64;
        // A file that means harm has many of them.
        let from = self.patches.partition_point(|(place, _)| *place < self.place);
        for (place, byte) in self.patches[from..].iter().take_while(|(place, _)| *place < end) {
            target[(place - self.place) as usize] = *byte;
        }
        self.place = end;
        Ok(count)
    }
}

impl<S: Seek> Seek for PatchedSource<S> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.place = self.source.seek(to)?;
        Ok(self.place)
    }
}

impl<S: MediaSource> MediaSource for PatchedSource<S> {
    fn is_seekable(&self) -> bool {
        self.source.is_seekable()
    }

    fn byte_len(&self) -> Option<u64> {
        self.source.byte_len()
    }
}

/// Bytes that arrive in pieces: the node's end of an [`ArrivingSource`].
///
/// The reader sees an end of file at the limit, so the node moves the limit only to places where that does no harm,
/// and asks [`Arriving::starved`] whether an end that the reader reports was one.
#[derive(Clone, Default)]
pub(super) struct Arriving(Arc<Mutex<Window>>);

/// The reader's end of [`Arriving`].
pub(super) struct ArrivingSource {
    window: Arc<Mutex<Window>>,
    tells_len: bool,
}

#[derive(Default)]
struct Window {
    /// Each with its place in the stream.
    pieces: VecDeque<(u64, Piece)>,
    /// The place of the first byte of the first piece in the stream.
    start: u64,
    /// The place after the last byte that arrived.
    end: u64,
    /// The place of the next byte to read.
    read: u64,
    /// The place up to which may be read.
    limit: u64,
    /// The place before which bytes may be let go of.
    keep: u64,
    hidden: HiddenBytes,
    /// Where the reader ends, whatever comes behind it.
    goes_on: Option<GoesOn>,
    finished: bool,
    starved: bool,
}

/// Bytes as they came, or small ones put together.
enum Piece {
    Shared(Buffer),
    Joined(Vec<u8>),
}

impl Arriving {
    pub(super) fn source(&self) -> ArrivingSource {
        ArrivingSource { window: Arc::clone(&self.0), tells_len: true }
    }

    /// One of which nobody knows where it ends, for a reader that refuses elements that end behind that.
    pub(super) fn endless_source(&self) -> ArrivingSource {
        ArrivingSource { tells_len: false, ..self.source() }
    }

    pub(super) fn push(&self, piece: Buffer) {
        self.window().push(piece);
    }

    /// No more bytes come.
    pub(super) fn finish(&self) {
        let mut window = self.window();
        window.finished = true;
        window.limit = window.end;
    }

    /// No more bytes come, and those from a place on do not count.
    pub(super) fn finish_at(&self, place: u64) {
        let mut window = self.window();
        window.end = window.end.min(place);
        window.finished = true;
        window.limit = window.end;
    }

    /// Another reader goes on at a place: this one ends there, and the bytes behind it are kept.
    pub(super) fn go_on_at(&self, place: u64) {
        self.window().goes_on = Some(GoesOn { place });
    }

    /// What has arrived from a place on, for another reader.
    pub(super) fn rest(&self, place: u64) -> Self {
        let rest = Self::default();
        rest.push(Buffer::from_bytes(self.peek(place, usize::MAX)));
        if self.is_finished() {
            rest.finish();
        }
        rest
    }

    pub(super) fn is_finished(&self) -> bool {
        self.window().finished
    }

    /// The number of bytes that arrived so far.
    pub(super) fn end(&self) -> u64 {
        self.window().end
    }

    /// The place of the next byte that the reader takes.
    pub(super) fn read_position(&self) -> u64 {
        self.window().read
    }

    /// Lets the reader go up to `limit` and no further.
    pub(super) fn allow(&self, limit: u64) {
        let mut window = self.window();
        window.limit = limit.min(window.end);
        window.starved = false;
    }

    /// Whether the reader met the limit before the real end since the last [`Arriving::allow`].
    pub(super) fn starved(&self) -> bool {
        self.window().starved
    }

    /// Makes the reader go on at `place`, which must not be let go of yet.
    pub(super) fn rewind(&self, place: u64) {
        let mut window = self.window();
        window.read = place.clamp(window.start, window.end);
    }

    /// Hides a byte from the reader.
    pub(super) fn hide(&self, place: u64) {
        self.window().hidden.hide(place);
    }

    /// Lets go of the pieces that lie before `place` and have been read.
    pub(super) fn release(&self, place: u64) {
        self.window().release(place);
    }

    /// A copy of up to `len` bytes from `place` on; shorter where fewer are there.
    pub(super) fn peek(&self, place: u64, len: usize) -> Vec<u8> {
        let window = self.window();
        let mut bytes = vec![0; len.min(usize::try_from(window.end.saturating_sub(place)).unwrap_or(usize::MAX))];
        let copied = window.copy(place, &mut bytes);
        bytes.truncate(copied);
        bytes
    }

    /// How many bytes are kept: those that arrived and were not let go of.
    pub(super) fn kept(&self) -> u64 {
        let window = self.window();
        window.end - window.start
    }

    /// The place of the next `pattern` from `place` on; where there is none, the first place at which one may begin
    /// once more has arrived.
    pub(super) fn find(&self, mut place: u64, pattern: &[u8]) -> u64 {
        const BLOCK: usize = 1 << 16;
        let overlap = pattern.len() - 1;
        loop {
            let block = self.peek(place, BLOCK);
            if let Some(found) = block.windows(pattern.len()).position(|window| window == pattern) {
                return place + found as u64;
            }
            place += block.len().saturating_sub(overlap) as u64;
            if block.len() < BLOCK {
                return place;
            }
        }
    }

    /// All bytes in one piece, for a format that is not read from front to back. The window is empty afterwards.
    pub(super) fn take_all(&self) -> Buffer {
        let mut window = self.window();
        if let [(_, Piece::Shared(only))] = window.pieces.make_contiguous() {
            let only = only.clone();
            window.pieces.clear();
            return only;
        }
        let mut bytes = Vec::with_capacity(usize::try_from(window.end - window.start).unwrap_or(0));
        for (_, piece) in window.pieces.drain(..) {
            bytes.extend_from_slice(piece.as_slice());
        }
        Buffer::from_bytes(bytes)
    }

    fn window(&self) -> MutexGuard<'_, Window> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Piece {
    fn as_slice(&self) -> &[u8] {
        match self {
            Piece::Shared(buffer) => buffer.as_slice(),
            Piece::Joined(bytes) => bytes,
        }
    }
}

impl Window {
    fn push(&mut self, piece: Buffer) {
        if self.finished {
            return;
        }
        /// Up to this length a copy costs less than a piece of its own.
        const SMALL: usize = 1024;
        const JOINED: usize = 4 * SMALL;
        let start = self.end;
        self.end += piece.len() as u64;
        match self.pieces.back_mut() {
            _ if piece.is_empty() => {}
            Some((_, Piece::Joined(bytes))) if piece.len() <= SMALL && bytes.len() + piece.len() <= JOINED => {
                bytes.extend_from_slice(piece.as_slice());
            }
            _ if piece.len() <= SMALL => {
                let mut bytes = Vec::with_capacity(JOINED);
                bytes.extend_from_slice(piece.as_slice());
                self.pieces.push_back((start, Piece::Joined(bytes)));
            }
            _ => self.pieces.push_back((start, Piece::Shared(piece))),
        }
    }

    fn copy(&self, place: u64, target: &mut [u8]) -> usize {
        let mut copied = 0;
        // The piece in which the place lies is the last that begins at or before it.
        let first = self.pieces.partition_point(|(start, _)| *start <= place).saturating_sub(1);
        for (start, piece) in self.pieces.range(first.min(self.pieces.len())..) {
            let skipped = (place + copied as u64).checked_sub(*start).and_then(|skipped| usize::try_from(skipped).ok());
            let bytes = skipped.and_then(|skipped| piece.as_slice().get(skipped..)).unwrap_or_default();
            let count = bytes.len().min(target.len() - copied);
            if count == 0 {
                break;
            }
            target[copied..copied + count].copy_from_slice(&bytes[..count]);
            copied += count;
        }
        copied
    }

    fn release(&mut self, place: u64) {
        self.keep = self.keep.max(place.min(self.read));
        while let Some((start, first)) = self.pieces.front() {
            let piece_end = start + first.as_slice().len() as u64;
            if piece_end > self.keep {
                break;
            }
            self.start = piece_end;
            self.pieces.pop_front();
        }
        self.hidden.forget_before(self.start);
    }
}

impl Read for ArrivingSource {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        /// Small reads keep what the reader holds in its own buffer small, so that little must arrive ahead of time.
        const MOST: usize = 1024;
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let end = window.goes_on.map_or(window.limit, |goes_on| goes_on.place.min(window.limit));
        let there = usize::try_from(end.saturating_sub(window.read)).unwrap_or(usize::MAX);
        if there == 0 {
            if let Some(goes_on) = window.goes_on.filter(|goes_on| goes_on.place <= window.read) {
                return Err(goes_on.into());
            }
            window.starved |= !(window.finished && window.limit == window.end);
            return Ok(0);
        }
        let count = target.len().min(there).min(MOST);
        let from = window.read;
        let copied = window.copy(from, &mut target[..count]);
        window.hidden.cover(from, &mut target[..copied]);
        window.read += copied as u64;
        Ok(copied)
    }
}

impl Seek for ArrivingSource {
    fn seek(&mut self, _: SeekFrom) -> io::Result<u64> {
        Err(io::Error::from(io::ErrorKind::NotSeekable))
    }
}

impl MediaSource for ArrivingSource {
    fn is_seekable(&self) -> bool {
        false
    }

    /// Known once all has arrived: so a reader knows whether the end that it meets is that of the file.
    fn byte_len(&self) -> Option<u64> {
        let window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        (window.finished && self.tells_len).then_some(window.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reader_stops_at_the_limit_and_goes_on_after_it() {
        let arriving = Arriving::default();
        let mut source = arriving.source();
        let mut target = [0; 16];
        arriving.push(Buffer::from_bytes(vec![1, 2, 3]));
        arriving.push(Buffer::from_bytes(vec![4, 5]));
        arriving.allow(4);
        assert_eq!((source.read(&mut target).unwrap(), &target[..4]), (4, &[1, 2, 3, 4][..]));
        assert!(!arriving.starved());
        assert_eq!((source.read(&mut target).unwrap(), source.byte_len()), (0, None));
        assert!(arriving.starved());
        arriving.finish();
        arriving.allow(5);
        assert_eq!((source.read(&mut target).unwrap(), target[0]), (1, 5));
        assert_eq!((source.read(&mut target).unwrap(), source.byte_len()), (0, Some(5)));
        assert!(!arriving.starved(), "the real end is no lack");
    }

    #[test]
    fn only_what_is_not_read_yet_is_kept() {
        let arriving = Arriving::default();
        let mut source = arriving.source();
        let mut target = vec![0; 4096];
        for _ in 0..1000 {
            arriving.push(Buffer::from_bytes(vec![0; 4096]));
            arriving.allow(arriving.end());
            while source.read(&mut target).unwrap() > 0 {}
            arriving.release(arriving.read_position());
            assert!(arriving.kept() <= 4096, "{} bytes are kept", arriving.kept());
        }
        assert_eq!(arriving.end(), 4_096_000);
    }

    #[test]
    fn a_pattern_is_found_wherever_pieces_are_cut() {
        let mut bytes = vec![b'O'; 200_000];
        bytes[131_000..131_004].copy_from_slice(b"OggS");
        for len in [1, 1000, 65_536, 131_002, 200_000] {
            let arriving = Arriving::default();
            bytes.chunks(len).for_each(|piece| arriving.push(Buffer::from_bytes(piece.to_vec())));
            assert_eq!(arriving.find(0, b"OggS"), 131_000, "pieces of {len}");
            assert_eq!(arriving.find(131_001, b"OggS"), 199_997, "pieces of {len}");
            assert_eq!(arriving.find(200_000, b"OggS"), 200_000);
            for place in [0, 999, 130_999, 199_990] {
                let expected = &bytes[place..bytes.len().min(place + 300)];
                assert_eq!(arriving.peek(place as u64, 300), expected, "pieces of {len}");
            }
        }
    }
}
