//! The elements of Matroska and WebM (RFC 8794, RFC 9559), as far as the demuxer leaves them to others: which blocks of
//! a stream are whole, how much of a block is padding and no sound, which track is meant, and the tags.
//!
//! It may know nothing of codecs.

use std::collections::BTreeMap;

use remotemedia_core::value::Map;
use symphonia::core::packet::Packet;

use super::matroska_tags::MatroskaTags;
use super::matroska_tracks::{Entry, chosen, entries};

const EBML: u64 = 0x1a45_dfa3;
const SEGMENT: u64 = 0x1853_8067;
const SEEK_HEAD: u64 = 0x114d_9b74;
const INFO: u64 = 0x1549_a966;
const CHAPTERS: u64 = 0x1043_a770;
const TRACKS: u64 = 0x1654_ae6b;
const ATTACHMENTS: u64 = 0x1941_a469;
const CUES: u64 = 0x1c53_bb6b;
const TAGS: u64 = 0x1254_c367;
const CLUSTER: u64 = 0x1f43_b675;
const TIMESTAMP: u64 = 0xe7;
const SIMPLE_BLOCK: u64 = 0xa3;
const BLOCK_GROUP: u64 = 0xa0;
const BLOCK: u64 = 0xa1;
const DISCARD_PADDING: u64 = 0x75a2;
/// The longest header: an id of 4 bytes and a size of 8.
const LONGEST_HEADER: usize = 12;
/// The longest description of tracks, and the longest tags, that are read.
const LONGEST_TABLE: u64 = 1 << 20;

/// Follows the elements from the start of a file, as far as bytes are there.
#[derive(Clone, Debug, Default)]
pub(super) struct Blocks {
    next: u64,
    cluster_time: i64,
    tracks: BTreeMap<u64, TrackBlocks>,
    is_lost: bool,
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
    /// Where another file begins that was put behind the first.
    joined_at: Option<u64>,
}

/// The blocks of one track.
#[derive(Clone, Debug, Default)]
struct TrackBlocks {
    whole: u64,
    first_time: i64,
    /// The times since the first block, in ticks, of those that end in padding, and its nanoseconds.
    padded: Vec<(i64, u64)>,
}

/// What the packets of one track end in that is no sound.
#[derive(Debug, Default)]
pub(super) struct Padding {
    padded: Vec<(i64, u64)>,
    first_time: Option<i64>,
}

struct Element {
    id: u64,
    /// Unknown while it is written live.
    len: Option<u64>,
    data: u64,
}

impl Blocks {
    /// Finds the first and the last blocks of a whole file without a look at those between. `read` gives up to so many
    /// bytes of a place.
    pub(super) fn of_file(mut read: impl FnMut(u64, usize) -> Vec<u8>, end: u64) -> Self {
        let mut blocks = Self::default();
        let mut last_cluster = None;
        while let Some(element) = element_at(&mut read, blocks.next, end) {
            let after = element.len.map(|len| element.data.saturating_add(len));
            if element.id == CLUSTER {
                blocks.clusters.push(blocks.next);
            }
            match after {
                Some(after) if element.id == CLUSTER && !blocks.tracks.is_empty() => {
                    blocks.full_len = blocks.full_len.max(after);
                    last_cluster = Some((element.data, after.min(end)));
                    blocks.next = after;
                }
                _ if !blocks.step(&mut read, &element, end) => break,
                _ => {}
            }
        }
        let ends_whole = blocks.next == end && !blocks.is_cut(end);
        if let Some((start, end)) = last_cluster {
            blocks.next = start;
            blocks.advance(&mut read, end);
        }
        blocks.ends_whole = ends_whole;
        blocks
    }

    /// Goes over all elements that are whole before `end`.
    pub(super) fn advance(&mut self, mut read: impl FnMut(u64, usize) -> Vec<u8>, end: u64) {
        while let Some(element) = element_at(&mut read, self.next, end) {
            if !self.step(&mut read, &element, end) {
                break;
            }
        }
        self.ends_whole = self.next == end && !self.is_cut(end);
        let header = read(self.next, LONGEST_HEADER);
        self.is_lost = self.next < end && header.len() == LONGEST_HEADER && header_of(&header).is_none();
    }

    /// The place of the first element that was not whole yet.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// The number of blocks of a track that are whole.
    pub(super) fn whole(&self, track: u32) -> u64 {
        self.tracks.get(&u64::from(track)).map_or(0, |blocks| blocks.whole)
    }

    /// Whether a block of any track is whole.
    pub(super) fn has_block(&self) -> bool {
        !self.tracks.is_empty()
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
        self.joined_at
    }

    /// Where the clusters of a whole file begin.
    pub(super) fn clusters(&self) -> &[u64] {
        &self.clusters
    }

    /// The bytes by which chapters, attachments, cues and tags become elements that no reader knows, and that it therefore
    /// passes over: what is wrong in them, or left out, is not to decide on the sound. So do the tables of what stands where, if
    /// what describes the sound comes before it, or the file of so many bytes is cut off.
    pub(super) fn hidden(&self, len: u64) -> Vec<(u64, u8)> {
        let is_described = self.has_tracks && self.has_info;
        let unused = self.unused.iter().filter(|(_, id)| *id != SEEK_HEAD || is_described || self.is_cut(len));
        unused.map(|(begins, id)| (begins + 3, *id as u8 ^ 0x80)).collect()
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

    /// Whether what follows is no element, so that only the demuxer can say what it is.
    pub(super) fn is_lost(&self) -> bool {
        self.is_lost
    }

    /// What the packets of this track end in, as far as its blocks were seen.
    pub(super) fn padded(&self, track: u32) -> &[(i64, u64)] {
        self.tracks.get(&u64::from(track)).map_or(&[], |blocks| &blocks.padded)
    }

    /// Takes one element, if it is whole or one that holds others.
    fn step(&mut self, read: &mut impl FnMut(u64, usize) -> Vec<u8>, element: &Element, end: u64) -> bool {
        let after = element.len.and_then(|len| element.data.checked_add(len));
        let is_table = element.len.is_some_and(|len| len <= LONGEST_TABLE);
        let mut table = || if is_table { read(element.data, element.len.unwrap_or(0) as usize) } else { Vec::new() };
        self.full_len = self.full_len.max(after.unwrap_or(0));
        if element.id == EBML && self.next > 0 {
            self.joined_at = Some(self.next);
            return false;
        }
        if matches!(element.id, SEGMENT | CLUSTER) {
            self.next = element.data;
            return true;
        }
        let Some(after) = after.filter(|after| *after <= end) else { return false };
        match element.id {
            TIMESTAMP => self.cluster_time = i64::try_from(number(&read(element.data, 8), element.len)).unwrap_or(0),
            SIMPLE_BLOCK => self.take_block(&read(element.data, LONGEST_HEADER), None),
            BLOCK_GROUP => {
                let (mut place, mut block, mut padding) = (element.data, Vec::new(), None);
                while let Some(child) = element_at(read, place, after) {
                    match child.id {
                        BLOCK => block = read(child.data, LONGEST_HEADER),
                        DISCARD_PADDING => padding = Some(number(&read(child.data, 8), child.len)),
                        _ => {}
                    }
                    place = child.data.saturating_add(child.len.unwrap_or(u64::MAX));
                }
                self.take_block(&block, padding);
            }
            INFO => {
                self.has_info |= self.tracks.is_empty();
                self.tags.read_info(&table());
            }
            TRACKS => {
                self.has_tracks |= self.tracks.is_empty();
                self.described = entries(&table());
            }
            TAGS => {
                self.tags.read_tags(&table());
                self.unused.push((self.next, element.id));
            }
            CHAPTERS | ATTACHMENTS | CUES | SEEK_HEAD => self.unused.push((self.next, element.id)),
            _ => {}
        }
        self.next = after;
        true
    }

    fn take_block(&mut self, start: &[u8], padding: Option<u64>) {
        let Some((track, len)) = vint(start, true) else { return };
        let Some(&[high, low]) = start.get(len..len + 2) else { return };
        let time = self.cluster_time.saturating_add(i64::from(i16::from_be_bytes([high, low])));
        let blocks = self.tracks.entry(track).or_insert_with(|| TrackBlocks { first_time: time, ..Default::default() });
        blocks.whole += 1;
        // A negative padding is one at the start (RFC 9559, 5.1.3.5.7), which no Opus stream has.
        if let Some(padding) = padding.filter(|padding| *padding > 0 && *padding < 1_000_000_000) {
            blocks.padded.push((time.saturating_sub(blocks.first_time), padding));
        }
    }
}

impl Padding {
    /// Takes what is known by now.
    pub(super) fn learn(&mut self, padded: &[(i64, u64)]) {
        if padded.len() > self.padded.len() {
            self.padded = padded.to_vec();
        }
    }

    /// The nanoseconds at the end of a packet that are no sound.
    pub(super) fn of(&mut self, packet: &Packet) -> u64 {
        let time = packet.pts.get();
        let since_first = time.saturating_sub(*self.first_time.get_or_insert(time));
        self.padded.iter().find(|(time, _)| *time == since_first).map_or(0, |(_, padding)| *padding)
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

fn element_at(read: &mut impl FnMut(u64, usize) -> Vec<u8>, place: u64, end: u64) -> Option<Element> {
    if place >= end {
        return None;
    }
    let (id, len, header) = header_of(&read(place, LONGEST_HEADER))?;
    let data = place + header as u64;
    (data <= end).then_some(Element { id, len, data })
}

/// The id, the length if it is known, and the bytes that both take.
fn header_of(bytes: &[u8]) -> Option<(u64, Option<u64>, usize)> {
    let (id, id_len) = vint(bytes, false).filter(|(_, len)| *len <= 4)?;
    let (size, size_len) = vint(&bytes[id_len..], true)?;
    let unknown = (1 << (7 * size_len)) - 1;
    Some((id, (size != unknown).then_some(size), id_len + size_len))
}

/// A number of variable length (RFC 8794, 4), without the bit that marks its length or, as ids are written, with it.
fn vint(bytes: &[u8], without_marker: bool) -> Option<(u64, usize)> {
    let first = *bytes.first()?;
    let len = first.leading_zeros() as usize + 1;
    if len > 8 {
        return None;
    }
    let start = if without_marker { u64::from(first) & ((1 << (8 - len)) - 1) } else { u64::from(first) };
    let number = bytes.get(1..len)?.iter().fold(start, |number, byte| number << 8 | u64::from(*byte));
    Some((number, len))
}

fn number(bytes: &[u8], len: Option<u64>) -> u64 {
    let len = len.and_then(|len| usize::try_from(len).ok()).unwrap_or(0).min(bytes.len());
    unsigned(&bytes[..len])
}

/// The number that is the content of an element.
pub(super) fn unsigned(content: &[u8]) -> u64 {
    content.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// The ids and contents of the elements within another one, as far as they are whole.
pub(super) fn children(mut content: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    std::iter::from_fn(move || {
        let (id, len, header) = header_of(content)?;
        let (child, rest) = content[header..].split_at_checked(usize::try_from(len?).ok()?)?;
        content = rest;
        Some((id, child))
    })
}
