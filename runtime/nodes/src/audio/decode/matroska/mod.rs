//! The elements of Matroska and WebM (RFC 8794, RFC 9559), as far as the demuxer leaves them to others: which blocks of
//! a stream are whole, what they say of their packets, which track is meant, and the tags.
//!
//! It may know nothing of codecs.

mod alone;
pub(super) mod encoding;
pub(super) mod jump;
pub(super) mod order;
pub(super) mod packets;
pub(super) mod tags;
pub(super) mod tracks;
pub(super) mod walk;

use std::collections::BTreeMap;

use remotemedia_core::value::Map;

use self::alone::unlaced;
use self::encoding::Encoding;
use self::packets::PacketFacts;
use self::tags::MatroskaTags;
use self::tracks::{Entry, chosen, entries};
use self::walk::{
    ATTACHMENTS, BLOCK, BLOCK_GROUP, CHAPTERS, CLUSTER, CUES, DISCARD_PADDING, EBML, Element, INFO, LONGEST_HEAD,
    LONGEST_HEADER, LostElement, SEEK_HEAD, SEGMENT, SIMPLE_BLOCK, TAGS, TIMESTAMP, TRACKS, Walk, element_at, hidden,
    unsigned, vint,
};
use super::failure;
use super::refusal::Refusal;

/// The longest description of a file, and of its tracks, that is read.
const LONGEST_TABLE: u64 = 1 << 24;

/// Follows the elements from the start of a file, as far as bytes are there.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    walk: Walk,
    /// The packets of each track whose blocks are whole.
    packets: BTreeMap<u64, u64>,
    facts: PacketFacts,
    /// The header of the file, and where the segment begins.
    head: Vec<u8>,
    segment_at: Option<u64>,
    ends_whole: bool,
    /// The place at which the elements that were seen end, of which the last may be cut off.
    full_len: u64,
    /// Whether the element that describes the tracks came before their blocks.
    has_tracks: bool,
    /// The same of what tells the units of times.
    has_info: bool,
    /// Where the clusters of a whole file begin.
    clusters: Vec<u64>,
    /// Where elements begin that are of no use to the demuxer, and their ids.
    unused: Vec<(u64, u64)>,
    described: Vec<Entry>,
    tags: MatroskaTags,
    /// Whether FFmpeg reads the file, and the bytes that it finds instead of those at which it would drop blocks.
    is_for_ffmpeg: bool,
    instead: Vec<(u64, u8)>,
}

impl Blocks {
    /// Those of a file whose first element begins at a place.
    pub(super) fn new(begins: u64) -> Self {
        Self { walk: Walk::new(begins), ..Self::default() }
    }

    /// The same, adding what it finds of packets to these facts.
    pub(super) fn noting(facts: PacketFacts, begins: u64) -> Self {
        Self { facts, ..Self::new(begins) }
    }

    /// Those of a file that FFmpeg reads. It drops the rest of a cluster behind a block of a track that is not described: so that
    /// is an element which can't be there.
    pub(super) fn for_ffmpeg(begins: u64) -> Self {
        Self { is_for_ffmpeg: true, ..Self::new(begins) }
    }

    /// Finds what a whole file has beside its blocks, with a look at the first ones alone. `read` gives up to so many bytes of a
    /// place.
    pub(super) fn of_file(mut read: impl FnMut(u64, usize) -> Vec<u8>, begins: u64, end: u64) -> Self {
        let mut blocks = Self::new(begins);
        while let Some(element) = blocks.walk.look(&mut read, end) {
            if element.id == CLUSTER {
                blocks.clusters.push(blocks.walk.next());
            }
            match element.after() {
                Some(after) if element.id == CLUSTER && blocks.has_block() => {
                    blocks.full_len = blocks.full_len.max(after);
                    blocks.walk.pass(&element);
                }
                _ if !blocks.step(&mut read, end) => break,
                _ => {}
            }
        }
        blocks.ends_whole = blocks.walk.next() == end && !blocks.is_cut(end);
        blocks
    }

    /// Goes over all elements that are whole before `end`.
    pub(super) fn advance(&mut self, mut read: impl FnMut(u64, usize) -> Vec<u8>, end: u64) {
        while self.step(&mut read, end) {}
        self.ends_whole = self.walk.next() == end && !self.is_cut(end);
    }

    /// The place of the first element that was not whole yet.
    pub(super) fn next(&self) -> u64 {
        self.walk.next()
    }

    /// The number of packets of a track whose blocks are whole.
    pub(super) fn whole(&self, track: u32) -> u64 {
        self.packets.get(&u64::from(track)).copied().unwrap_or(0)
    }

    /// What is found of packets.
    pub(super) fn facts(&self) -> PacketFacts {
        self.facts.clone()
    }

    /// Why the track that is meant can't be decoded, whatever its codec.
    pub(super) fn refusal(&self, name: &str) -> Option<Refusal> {
        chosen(&self.described).and_then(|(_, entry)| failure::encoded(name, &entry.encoding))
    }

    /// Whether a block of any track is whole.
    pub(super) fn has_block(&self) -> bool {
        !self.packets.is_empty()
    }

    /// Whether what describes the tracks comes before their blocks, so that these can be decoded as they arrive.
    pub(super) fn has_tracks(&self) -> bool {
        self.has_tracks
    }

    /// The number of the track that is decoded.
    pub(super) fn wanted(&self) -> Option<u32> {
        chosen(&self.described).map(|(_, entry)| entry.number)
    }

    /// Its place among the tracks of sound.
    pub(super) fn wanted_sound(&self) -> Option<usize> {
        chosen(&self.described).map(|(place, _)| place)
    }

    /// What the file tells the decoder of a track.
    pub(super) fn private(&self, track: u32) -> &[u8] {
        self.described.iter().find(|entry| entry.number == track).map_or(&[], |entry| &entry.private)
    }

    /// The tags of a track and of the file, as far as they have come.
    pub(super) fn tags(&self, track: u32) -> Map {
        let entry = self.described.iter().find(|entry| entry.number == track);
        self.tags.of_track(entry.map_or(0, |entry| entry.uid))
    }

    /// Where another file begins that was put behind the first.
    pub(super) fn joined_at(&self) -> Option<u64> {
        self.walk.joined_at()
    }

    /// Where the clusters of a whole file begin.
    pub(super) fn clusters(&self) -> &[u64] {
        &self.clusters
    }

    /// Where the demuxer finds the header of the file: right before the segment, as it takes nothing between them.
    pub(super) fn begins(&self) -> u64 {
        let before_segment = self.segment_at.and_then(|place| place.checked_sub(self.head.len() as u64));
        before_segment.filter(|_| !self.head.is_empty()).unwrap_or(self.walk.begins())
    }

    /// The bytes that the demuxer finds in a file of this length instead of those at which it would fail, and their places.
    pub(super) fn patches(&self, len: u64) -> Vec<(u64, u8)> {
        let head = (self.begins()..).zip(self.head.iter().copied());
        let is_moved = self.begins() != self.walk.begins();
        self.hidden(len).into_iter().chain(head.filter(|_| is_moved)).collect()
    }

    /// The bytes by which chapters, attachments, cues and tags become elements that no reader knows, and that it therefore
    /// passes over: what is wrong in them, or left out, is not to decide on the sound. So do the tables of what stands where, if
    /// what describes the sound comes before it, or the file of so many bytes is cut off.
    fn hidden(&self, len: u64) -> Vec<(u64, u8)> {
        let is_described = self.has_tracks && self.has_info;
        let unused = self.unused.iter().filter(|(_, id)| *id != SEEK_HEAD || is_described || self.is_cut(len));
        unused.map(|(begins, id)| (begins + 3, hidden(*id) as u8)).collect()
    }

    /// The length that a file of so many bytes should have, by its elements.
    pub(super) fn full_len(&self, len: u64) -> u64 {
        self.full_len.max(len)
    }

    fn is_cut(&self, len: u64) -> bool {
        self.full_len > len
    }

    /// Whether no element is cut off.
    pub(super) fn ends_whole(&self) -> bool {
        self.ends_whole
    }

    /// The first element that can't be where it is, behind which nothing is known.
    pub(super) fn lost(&self) -> Option<LostElement> {
        self.walk.lost()
    }

    /// Takes one element, if it is whole or one that holds others.
    pub(super) fn step(&mut self, read: &mut impl FnMut(u64, usize) -> Vec<u8>, end: u64) -> bool {
        let begins = self.walk.next();
        let seen = self.walk.step(read, end);
        if let Some(after) = seen.as_ref().and_then(Element::after).or_else(|| self.walk.look(read, end)?.after()) {
            self.full_len = self.full_len.max(after);
        }
        let Some(element) = seen else { return false };
        let is_table = element.len.is_some_and(|len| len <= LONGEST_TABLE);
        let mut table = || if is_table { read(element.data, element.len.unwrap_or(0) as usize) } else { Vec::new() };
        match element.id {
            EBML => {
                let len = self.walk.next() - begins;
                self.head = if len <= LONGEST_HEAD { read(begins, len as usize) } else { Vec::new() };
            }
            SEGMENT => self.segment_at = Some(begins),
            SIMPLE_BLOCK => {
                let block = read(element.data, LONGEST_HEADER);
                self.suit(begins, &element, &block);
                self.take_block(&block, 0);
            }
            BLOCK_GROUP => {
                let after = element.after().unwrap_or(element.data);
                let (mut place, mut block, mut padding) = (element.data, Vec::new(), 0);
                while let Some(child) = element_at(read, place, after) {
                    match child.id {
                        BLOCK => {
                            block = read(child.data, LONGEST_HEADER);
                            self.suit(place, &child, &block);
                        }
                        DISCARD_PADDING => padding = padding_ns(&read(child.data, 8), child.len),
                        _ => {}
                    }
                    place = child.data.saturating_add(child.len.unwrap_or(u64::MAX));
                }
                self.take_block(&block, padding);
            }
            INFO => {
                self.has_info |= !self.has_block();
                self.tags.read_info(&table());
            }
            TRACKS => {
                self.has_tracks |= !self.has_block();
                self.described = entries(&table());
                for entry in &self.described {
                    if let Encoding::Stripped(head) = &entry.encoding {
                        self.facts.strip(entry.number, head);
                    }
                }
            }
            TAGS => {
                self.tags.read_tags(read, &element);
                self.unused.push((begins, element.id));
            }
            CHAPTERS | ATTACHMENTS | CUES | SEEK_HEAD => self.unused.push((begins, element.id)),
            _ => {}
        }
        true
    }

    /// Puts a block, whose content begins with these bytes, so that FFmpeg reads it, if it is for that.
    fn suit(&mut self, begins: u64, block: &Element, start: &[u8]) {
        if !self.is_for_ffmpeg {
            return;
        }
        let track = vint(start, true).map(|(track, _)| track);
        if self.has_tracks && self.described.iter().all(|entry| Some(u64::from(entry.number)) != track) {
            self.walk.lose_at(begins);
        }
        self.instead.extend((begins..).zip(unlaced(begins, block, start).unwrap_or_default()));
    }

    /// Puts what FFmpeg is to find among bytes of a place.
    fn cover(&self, place: u64, bytes: &mut [u8]) {
        let end = place + bytes.len() as u64;
        let from = self.instead.partition_point(|(at, _)| *at < place);
        for (at, byte) in self.instead[from..].iter().take_while(|(at, _)| *at < end) {
            bytes[(at - place) as usize] = *byte;
        }
    }

    /// Takes a block that begins with these bytes (RFC 9559, 10): its track, a time, its flags and, if it holds several packets,
    /// their number less one.
    fn take_block(&mut self, start: &[u8], padding_ns: u64) {
        let Some((track, len)) = vint(start, true) else { return };
        let Some(flags) = start.get(len + 2) else { return };
        let is_laced = flags & 6 != 0;
        let packets = 1 + start.get(len + 3).filter(|_| is_laced).map_or(0, |more| u64::from(*more));
        *self.packets.entry(track).or_default() += packets;
        self.facts.find(packets, padding_ns);
    }
}

/// The length that a file should have, by the elements that hold all others; `len` where they don't tell.
pub(super) fn stated_len(mut read: impl FnMut(u64, usize) -> Vec<u8>, len: u64) -> u64 {
    let mut place = 0;
    while let Some(element) = element_at(&mut read, place, len) {
        let Some(after) = element.len.and_then(|len| element.data.checked_add(len)) else { return len };
        place = after;
    }
    place.max(len)
}

/// The time of a cluster that begins with these bytes, in ticks.
pub(super) fn cluster_time(bytes: &[u8]) -> Option<i64> {
    let end = bytes.len() as u64;
    let mut read = |place: u64, len: usize| {
        let start = usize::try_from(place).map_or(bytes.len(), |place| place.min(bytes.len()));
        bytes[start..].iter().copied().take(len).collect()
    };
    let cluster = element_at(&mut read, 0, end).filter(|element| element.id == CLUSTER)?;
    let mut place = cluster.data;
    while let Some(element) = element_at(&mut read, place, end) {
        let len = element.len?;
        if element.id == TIMESTAMP {
            return i64::try_from(number(&read(element.data, 8), Some(len))).ok();
        }
        place = element.data.checked_add(len)?;
    }
    None
}

/// The nanoseconds of padding at the end of a block. Negative ones are at its start (RFC 9559, 5.1.3.5.7), which no Opus stream
/// has.
fn padding_ns(bytes: &[u8], len: Option<u64>) -> u64 {
    const MOST: u64 = 1_000_000_000;
    let is_negative = bytes.first().is_some_and(|first| first & 0x80 != 0);
    Some(number(bytes, len)).filter(|padding| !is_negative && *padding < MOST).unwrap_or(0)
}

fn number(bytes: &[u8], len: Option<u64>) -> u64 {
    let len = len.and_then(|len| usize::try_from(len).ok()).unwrap_or(0).min(bytes.len());
    unsigned(&bytes[..len])
}
