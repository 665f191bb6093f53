//! The elements of Matroska and WebM one behind the other (RFC 8794, RFC 9559), up to the first that can't be where it is.
//!
//! Readers must pass over elements that they don't know, and the demuxer does so with whatever is no element as well: with what
//! damage made of a block, or of the length of a cluster. But all elements of the versions that exist are known.

use std::error::Error;
use std::fmt;

pub(super) const EBML: u64 = 0x1a45_dfa3;
pub(super) const SEGMENT: u64 = 0x1853_8067;
pub(super) const SEEK_HEAD: u64 = 0x114d_9b74;
pub(super) const INFO: u64 = 0x1549_a966;
pub(super) const CHAPTERS: u64 = 0x1043_a770;
pub(super) const TRACKS: u64 = 0x1654_ae6b;
pub(super) const ATTACHMENTS: u64 = 0x1941_a469;
pub(super) const CUES: u64 = 0x1c53_bb6b;
pub(super) const TAGS: u64 = 0x1254_c367;
pub(super) const CLUSTER: u64 = 0x1f43_b675;
pub(super) const TIMESTAMP: u64 = 0xe7;
pub(super) const SIMPLE_BLOCK: u64 = 0xa3;
pub(super) const BLOCK_GROUP: u64 = 0xa0;
pub(super) const BLOCK: u64 = 0xa1;
pub(super) const DISCARD_PADDING: u64 = 0x75a2;
const POSITION: u64 = 0xa7;
const PREVIOUS_SIZE: u64 = 0xab;
const ENCRYPTED_BLOCK: u64 = 0xaf;
const SILENT_TRACKS: u64 = 0x5854;
const CHECKSUM: u64 = 0xbf;
/// Those that may be anywhere; the last one is of signatures, which is long gone.
const GLOBAL: [u64; 3] = [0xec, CHECKSUM, 0x1b53_8667];
const IN_SEGMENT: [u64; 8] = [SEEK_HEAD, INFO, TRACKS, CHAPTERS, CLUSTER, CUES, ATTACHMENTS, TAGS];
const IN_CLUSTER: [u64; 7] =
    [TIMESTAMP, SILENT_TRACKS, POSITION, PREVIOUS_SIZE, SIMPLE_BLOCK, BLOCK_GROUP, ENCRYPTED_BLOCK];
/// Additions, the duration, what is referred to, the state of the codec, padding, and what is long gone.
const IN_GROUP: [u64; 12] =
    [BLOCK, 0xa2, 0x75a1, 0x9b, 0xfa, 0xfb, 0xfd, 0xa4, DISCARD_PADDING, 0x8e, 0xc8, ENCRYPTED_BLOCK];
/// The longest header: an id of 4 bytes and a size of 8.
pub(super) const LONGEST_HEADER: usize = 12;

/// What a reader does not see of an element that is of no use: an id that is none.
pub(super) fn hidden(id: u64) -> u64 {
    id ^ 0x80
}

pub(super) struct Element {
    pub(in crate::audio::decode) id: u64,
    /// Unknown while it is written live.
    pub(in crate::audio::decode) len: Option<u64>,
    pub(in crate::audio::decode) data: u64,
}

impl Element {
    /// The place behind it.
    pub(in crate::audio::decode) fn after(&self) -> Option<u64> {
        self.len.map(|len| self.data.saturating_add(len))
    }
}

/// Follows the elements as far as bytes are there, into segments and clusters.
#[derive(Clone, Debug, Default)]
pub(super) struct Walk {
    begins: u64,
    next: u64,
    /// The segment and the cluster in which the next element is: the id, and the end where it is known.
    within: Vec<(u64, Option<u64>)>,
    has_segment: bool,
    /// Whether the cluster has told its time.
    has_time: bool,
    /// Whether the file is of a version, or has extensions, whose elements are not all known.
    has_others: bool,
    lost: Option<LostElement>,
    joined_at: Option<u64>,
}

/// An element that can't be where it is, or that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::audio::decode) struct LostElement {
    pub(in crate::audio::decode) at: u64,
}

impl fmt::Display for LostElement {
    fn fmt(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(text, "what begins at byte {} can't be there", self.at)
    }
}

impl Error for LostElement {}

impl Walk {
    /// Begins where the first element does.
    pub(in crate::audio::decode) fn new(begins: u64) -> Self {
        Self { begins, next: begins, ..Self::default() }
    }

    /// The place of the first element.
    pub(in crate::audio::decode) fn begins(&self) -> u64 {
        self.begins
    }

    /// The place of the next element.
    pub(in crate::audio::decode) fn next(&self) -> u64 {
        self.next
    }

    /// The first element that can't be where it is. Behind it nothing is known.
    pub(in crate::audio::decode) fn lost(&self) -> Option<LostElement> {
        self.lost
    }

    /// Where another file begins that was put behind the first.
    pub(in crate::audio::decode) fn joined_at(&self) -> Option<u64> {
        self.joined_at
    }

    /// The next element, if its header begins before `end` and is there. `read` gives up to so many bytes of a place.
    pub(in crate::audio::decode) fn look(
        &mut self,
        read: &mut impl FnMut(u64, usize) -> Vec<u8>,
        end: u64,
    ) -> Option<Element> {
        /// A rest that is shorter holds no element, and is left out by all readers.
        const SHORTEST: u64 = 2;
        while let Some((_, Some(ends))) = self.within.last()
            && self.next.saturating_add(SHORTEST) > *ends
        {
            self.next = self.next.max(*ends);
            self.within.pop();
        }
        if self.next >= end || self.lost.is_some() || self.joined_at.is_some() {
            return None;
        }
        let element = match header_at(read, self.next) {
            Header::Whole(element) => element,
            Header::Short => return None,
            Header::Wrong => return self.lose(),
        };
        let is_top = matches!(element.id, EBML | SEGMENT);
        // What is as long as it takes ends with what can't be in it.
        while let Some((id, None)) = self.within.last()
            && (is_top || *id == CLUSTER && is_in(&IN_SEGMENT, element.id))
        {
            self.within.pop();
        }
        if element.id == EBML && self.next > self.begins || element.id == SEGMENT && self.has_segment {
            self.joined_at = Some(self.next);
            return None;
        }
        let (parent, ends) = self.within.last().copied().unwrap_or((0, None));
        let may_be = match parent {
            SEGMENT => is_in(&IN_SEGMENT, element.id),
            CLUSTER => IN_CLUSTER.contains(&element.id),
            _ => is_top,
        };
        let is_small = matches!(element.id, TIMESTAMP | POSITION | PREVIOUS_SIZE);
        let is_block = matches!(element.id, SIMPLE_BLOCK | BLOCK_GROUP);
        let is_right = (may_be || GLOBAL.contains(&element.id) || self.is_other(element.id))
            && (element.len.is_some() || matches!(element.id, SEGMENT | CLUSTER))
            && ends.is_none_or(|ends| element.data.max(element.after().unwrap_or(0)) <= ends)
            && (!is_small || element.len <= Some(8))
            && (!is_block || self.has_time);
        if is_right { Some(element) } else { self.lose() }
    }

    /// Takes the next element, if it is whole or one that holds others.
    pub(in crate::audio::decode) fn step(
        &mut self,
        read: &mut impl FnMut(u64, usize) -> Vec<u8>,
        end: u64,
    ) -> Option<Element> {
        let element = self.look(read, end)?;
        if matches!(element.id, SEGMENT | CLUSTER) {
            self.has_segment |= element.id == SEGMENT;
            self.has_time = false;
            self.within.push((element.id, element.after()));
            self.next = element.data;
            return Some(element);
        }
        let after = element.after().filter(|after| *after <= end)?;
        let is_right = match element.id {
            EBML => {
                let head = read(element.data, element.len.unwrap_or(0).min(LONGEST_HEAD) as usize);
                self.has_others = has_others(&head);
                true
            }
            TIMESTAMP => {
                self.has_time = true;
                // The demuxer ends where times are more than it can count.
                unsigned(&read(element.data, element.len.unwrap_or(0).min(8) as usize)) >> 62 == 0
            }
            SIMPLE_BLOCK => is_right_block(read, &element),
            BLOCK_GROUP => self.is_right_group(read, &element, after),
            _ => true,
        };
        if !is_right {
            return self.lose();
        }
        self.next = after;
        Some(element)
    }

    /// Takes an element without a look into it.
    pub(in crate::audio::decode) fn pass(&mut self, element: &Element) {
        self.next = element.after().unwrap_or(element.data);
    }

    /// Whether this may be an element that others know.
    fn is_other(&self, id: u64) -> bool {
        self.has_others && !IN_CLUSTER.contains(&id) && !is_in(&IN_SEGMENT, id) && !matches!(id, EBML | SEGMENT)
    }

    /// Whether the elements of a group fill it, and one of them is the block.
    fn is_right_group(&self, read: &mut impl FnMut(u64, usize) -> Vec<u8>, group: &Element, after: u64) -> bool {
        let (mut place, mut blocks) = (group.data, 0);
        while place + 1 < after {
            let child = match header_at(read, place) {
                Header::Whole(child) => child,
                Header::Short => return true,
                Header::Wrong => return false,
            };
            let is_known = IN_GROUP.contains(&child.id) || GLOBAL.contains(&child.id) || self.is_other(child.id);
            let Some(ends) = child.after().filter(|ends| is_known && *ends <= after) else { return false };
            if child.id == BLOCK {
                blocks += 1;
                if !is_right_block(read, &child) {
                    return false;
                }
            }
            place = ends;
        }
        blocks == 1
    }

    fn lose(&mut self) -> Option<Element> {
        self.lose_at(self.next);
        None
    }

    /// Takes the element at a place for one that can't be there.
    pub(in crate::audio::decode) fn lose_at(&mut self, at: u64) {
        self.lost = Some(LostElement { at });
    }
}

/// So much of the header of a file is looked at.
pub(super) const LONGEST_HEAD: u64 = 1 << 12;

/// Whether the header of a file says that it may hold elements that are not among those of version 4, the last one.
fn has_others(head: &[u8]) -> bool {
    const VERSION: u64 = 0x4287;
    const EXTENSION: u64 = 0x4281;
    children(head).any(|(id, content)| id == EXTENSION || id == VERSION && unsigned(content) > 4)
}

/// Whether a block has a header, and its frames, which may be several, fit into it (RFC 9559, 10.3).
fn is_right_block(read: &mut impl FnMut(u64, usize) -> Vec<u8>, block: &Element) -> bool {
    /// 256 sizes of eight bytes each, and what is before them; those of Xiph may take more, which are not looked at then.
    const LONGEST_SIZES: u64 = 1 << 12;
    let len = block.len.unwrap_or(0);
    let mut start = |most: u64| {
        let wanted = len.min(most) as usize;
        let bytes = read(block.data, wanted);
        let is_cut = bytes.len() < wanted;
        (bytes, is_cut)
    };
    let (head, is_cut) = start(LONGEST_HEADER as u64);
    let track = vint(&head, true).map(|(_, track)| track);
    let Some((track, flags)) = track.and_then(|track| Some((track, *head.get(track + 2)?))) else { return is_cut };
    match flags >> 1 & 3 {
        0 => return true,
        // Frames of one size, of which FFmpeg would drop all.
        2 => {
            let frames = len.saturating_sub(track as u64 + 4);
            return head.get(track + 3).is_none_or(|more| frames.is_multiple_of(u64::from(*more) + 1));
        }
        _ => {}
    }
    let (content, is_cut) = start(LONGEST_SIZES);
    let laces = content.get(track + 3..).and_then(|laces| laces.split_first());
    match laces.and_then(|(count, sizes)| laced(sizes, *count, flags >> 1 & 3 == 1)) {
        Some((frames, sizes)) => ((track + 4 + sizes) as u64).saturating_add(frames) <= len,
        None => is_cut || len > LONGEST_SIZES,
    }
}

/// The bytes of all laced frames but the last one, and those that their sizes take.
fn laced(sizes: &[u8], count: u8, by_xiph: bool) -> Option<(u64, usize)> {
    let (mut frames, mut place, mut size) = (0u64, 0, 0i64);
    for index in 0..count {
        if by_xiph {
            let rest = sizes.get(place..)?;
            let long = rest.iter().position(|byte| *byte != 255)?;
            size = 255 * long as i64 + i64::from(rest[long]);
            place += long + 1;
        } else {
            let (number, len) = vint(sizes.get(place..)?, true)?;
            let number = i64::try_from(number).ok()?;
            // All but the first are differences to the one before.
            size =
                if index == 0 { number } else { size.saturating_add(number).saturating_sub((1 << (7 * len - 1)) - 1) };
            place += len;
        }
        // One that is less than nothing is more than any block has.
        frames = frames.saturating_add(u64::try_from(size).unwrap_or(u64::MAX));
    }
    Some((frames, place))
}

fn is_in(ids: &[u64], id: u64) -> bool {
    ids.contains(&id) || ids.contains(&hidden(id))
}

enum Header {
    Whole(Element),
    /// Its bytes are not all there.
    Short,
    /// It is none.
    Wrong,
}

fn header_at(read: &mut impl FnMut(u64, usize) -> Vec<u8>, place: u64) -> Header {
    let bytes = read(place, LONGEST_HEADER);
    match header_of(&bytes) {
        Some((id, len, header)) => Header::Whole(Element { id, len, data: place + header as u64 }),
        None if bytes.len() < LONGEST_HEADER && !is_wrong(&bytes) => Header::Short,
        None => Header::Wrong,
    }
}

/// Whether no header begins like this, however it goes on.
fn is_wrong(bytes: &[u8]) -> bool {
    let id_len = bytes.first().map_or(0, |first| first.leading_zeros() as usize + 1);
    id_len > 4 || bytes.get(id_len) == Some(&0)
}

/// The element that begins at a place before `end`, if its header is there. `read` gives up to so many bytes of a place.
pub(super) fn element_at(read: &mut impl FnMut(u64, usize) -> Vec<u8>, place: u64, end: u64) -> Option<Element> {
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
pub(super) fn vint(bytes: &[u8], without_marker: bool) -> Option<(u64, usize)> {
    let first = *bytes.first()?;
    let len = first.leading_zeros() as usize + 1;
    if len > 8 {
        return None;
    }
    let start = if without_marker { u64::from(first) & ((1 << (8 - len)) - 1) } else { u64::from(first) };
    let number = bytes.get(1..len)?.iter().fold(start, |number, byte| number << 8 | u64::from(*byte));
    Some((number, len))
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
