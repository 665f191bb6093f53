//! A source of Matroska that fails where the elements that hold the sound are damaged, so that nothing behind that place is
//! read as if it followed on what is before it.

use std::io::{self, Read, Seek, SeekFrom};

use symphonia::core::io::MediaSource;

use super::Blocks;

/// A source that fails with a [`LostElement`](super::walk::LostElement) at an element that can't be where it is, and
/// tells of packets before they are read. It judges what is read from front to back, and not where a reader looks ahead.
pub(in crate::audio::decode) struct OrderedElements<S> {
    source: S,
    len: u64,
    place: u64,
    blocks: Blocks,
    /// Bytes that were read to judge elements beyond those that were asked for, and their place.
    ahead: Vec<u8>,
    ahead_at: u64,
}

impl<S: Read + Seek> OrderedElements<S> {
    /// The source, of so many bytes, stands at its start; of its blocks nothing was looked at.
    pub(in crate::audio::decode) fn new(source: S, len: u64, blocks: Blocks) -> Self {
        Self { source, len, place: 0, blocks, ahead: Vec::new(), ahead_at: 0 }
    }

    /// Judges all elements that begin before the end of these bytes, which were read at a place.
    fn judge(&mut self, place: u64, bytes: &[u8]) -> io::Result<()> {
        const BLOCK: usize = 1 << 13;
        let (source, ahead, ahead_at) = (&mut self.source, &mut self.ahead, &mut self.ahead_at);
        let mut failed = None;
        let mut has_moved = false;
        let mut read = |at: u64, len: usize| {
            let part = |bytes: &[u8], place: u64| {
                let start = usize::try_from(at.checked_sub(place)?).ok()?;
                bytes.get(start..start.checked_add(len)?).map(<[u8]>::to_vec)
            };
            if let Some(bytes) = part(bytes, place).or_else(|| part(ahead, *ahead_at)) {
                return bytes;
            }
            has_moved = true;
            ahead.clear();
            *ahead_at = at;
            let result = source
                .seek(SeekFrom::Start(at))
                .and_then(|_| source.by_ref().take(len.max(BLOCK) as u64).read_to_end(ahead));
            failed = failed.take().or(result.err());
            ahead[..ahead.len().min(len)].to_vec()
        };
        let end = place + bytes.len() as u64;
        while self.blocks.next() < end && self.blocks.step(&mut read, self.len) {}
        if has_moved {
            self.source.seek(SeekFrom::Start(end))?;
        }
        failed.map_or(Ok(()), Err)
    }
}

impl<S: Read + Seek> Read for OrderedElements<S> {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        let place = self.place;
        let mut count = self.source.read(target)?;
        self.place += count as u64;
        if place <= self.blocks.next() {
            self.judge(place, &target[..count])?;
        }
        self.blocks.cover(place, &mut target[..count]);
        if let Some(lost) = self.blocks.lost() {
            count = count.min(usize::try_from(lost.at.saturating_sub(place)).unwrap_or(usize::MAX));
            if count == 0 && !target.is_empty() {
                return Err(io::Error::new(io::ErrorKind::InvalidData, lost));
            }
            self.place = place + count as u64;
            self.source.seek(SeekFrom::Start(self.place))?;
        }
        Ok(count)
    }
}

impl<S: Seek> Seek for OrderedElements<S> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.place = self.source.seek(to)?;
        Ok(self.place)
    }
}

impl MediaSource for OrderedElements<Box<dyn MediaSource>> {
    fn is_seekable(&self) -> bool {
        self.source.is_seekable()
    }

    fn byte_len(&self) -> Option<u64> {
        self.source.byte_len()
    }
}
