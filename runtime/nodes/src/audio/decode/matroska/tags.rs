//! The tags of Matroska and WebM (RFC 9559, 5.1.8, and "Matroska Media Container Tag Specifications"). Each is of a level: of
//! the song, of the album or film, and wider; those that most programs write name none, and are of the second.

use std::ops::Range;

use remotemedia_core::value::Map;

use super::walk::{Element, LONGEST_HEADER, children, element_at, unsigned};
use crate::audio::decode::info::{add, merged};

/// The longest text of a tag that is read, and the most bytes of all tags.
const LONGEST_TEXT: u64 = 1 << 15;
const MOST_BYTES: u64 = 1 << 23;

/// The level of an album or a film.
const ALBUM: u64 = 50;

/// The tags of a file as they are there.
#[derive(Clone, Debug, Default)]
pub(super) struct MatroskaTags {
    /// The title of the segment.
    title: String,
    tags: Vec<Tag>,
    /// The bytes of tags that were read.
    read: u64,
}

/// Names and texts that one element `Tag` holds.
#[derive(Clone, Debug)]
struct Tag {
    level: u64,
    /// The tracks that it is of; the whole file without any.
    tracks: Vec<u64>,
    texts: Vec<(String, String)>,
}

/// Reads elements of tags, up to so many bytes of all.
struct TagReader<'tags, R> {
    read: &'tags mut R,
    count: &'tags mut u64,
}

impl<R: FnMut(u64, usize) -> Vec<u8>> TagReader<'_, R> {
    /// The places of what is in an element.
    fn places_within(&self, element: &Element) -> Range<u64> {
        element.data..element.after().unwrap_or(element.data)
    }

    /// The element that begins where these places do, which are those behind it then.
    fn next(&mut self, places: &mut Range<u64>) -> Option<Element> {
        *self.count += LONGEST_HEADER as u64;
        let element = element_at(self.read, places.start, places.end).filter(|_| *self.count < MOST_BYTES)?;
        places.start = element.after().filter(|after| *after <= places.end)?;
        Some(element)
    }

    /// What is in an element, if it is not too long.
    fn content(&mut self, element: &Element) -> Option<Vec<u8>> {
        let len = element.len.filter(|len| *len <= LONGEST_TEXT)?;
        *self.count += len;
        Some((self.read)(element.data, len as usize))
    }
}

impl MatroskaTags {
    /// Takes the content of an element `Info`.
    pub(super) fn read_info(&mut self, info: &[u8]) {
        const TITLE: u64 = 0x7ba9;
        if let Some((_, title)) = children(info).find(|(id, _)| *id == TITLE) {
            self.title = text_of(title);
        }
    }

    /// Takes an element `Tags`, but for what is too long for the text of a tag, such as a picture. `read` gives up to so many
    /// bytes of a place.
    pub(super) fn read_tags(&mut self, read: &mut impl FnMut(u64, usize) -> Vec<u8>, tags: &Element) {
        const TAG: u64 = 0x7373;
        let mut file = TagReader { read, count: &mut self.read };
        let mut places = file.places_within(tags);
        while let Some(tag) = file.next(&mut places) {
            if tag.id == TAG {
                self.tags.extend(Tag::read(&mut file, &tag));
            }
        }
    }

    /// The tags of the track with this number of tags, by their usual names. Narrower levels count first, and what a wider one
    /// calls title or artist beside them is that of the album.
    pub(in crate::audio::decode) fn of_track(&self, uid: u64) -> Map {
        let is_of = |tag: &&Tag| tag.tracks.is_empty() || tag.tracks.contains(&uid);
        let mut tags: Vec<&Tag> = self.tags.iter().filter(is_of).collect();
        tags.sort_by_key(|tag| (tag.level, tag.tracks.is_empty()));
        let mut found = Map::new();
        for level in tags.chunk_by(|one, other| one.level == other.level) {
            let blocks = level.iter().map(|tag| tag.block(&found)).collect::<Vec<_>>();
            found = merged([found].into_iter().chain(blocks));
        }
        let mut segment = Map::new();
        if !self.title.is_empty() {
            add(&mut segment, "title".to_owned(), &self.title);
        }
        merged([found, segment])
    }
}

impl Tag {
    /// Reads a tag, unless it is of something else than the file or its tracks.
    fn read<R: FnMut(u64, usize) -> Vec<u8>>(file: &mut TagReader<'_, R>, tag: &Element) -> Option<Self> {
        const TARGETS: u64 = 0x63c0;
        const LEVEL: u64 = 0x68ca;
        const TRACK: u64 = 0x63c5;
        /// Editions, chapters and attachments.
        const OTHERS: [u64; 3] = [0x63c9, 0x63c4, 0x63c6];
        const SIMPLE_TAG: u64 = 0x67c8;
        let (mut level, mut tracks, mut texts) = (ALBUM, Vec::new(), Vec::new());
        let mut places = file.places_within(tag);
        while let Some(child) = file.next(&mut places) {
            match child.id {
                TARGETS => {
                    for (id, content) in children(&file.content(&child)?) {
                        match unsigned(content) {
                            // That is all of them.
                            0 => {}
                            number if id == LEVEL => level = number,
                            number if id == TRACK => tracks.push(number),
                            _ if OTHERS.contains(&id) => return None,
                            _ => {}
                        }
                    }
                }
                SIMPLE_TAG => texts.extend(simple(file, &child)),
                _ => {}
            }
        }
        Some(Self { level, tracks, texts })
    }

    /// Its texts by their usual names, where those of narrower levels are these.
    fn block(&self, narrower: &Map) -> Map {
        let mut block = Map::new();
        for (name, text) in &self.texts {
            match usual_name(name) {
                "title" if narrower.contains_key("title") => add(&mut block, "album".to_owned(), text),
                "artist" if narrower.contains_key("artist") => add(&mut block, "album_artist".to_owned(), text),
                // Of the days of recording and of release one is enough.
                "date" if block.contains_key("date") => {}
                name => add(&mut block, name.to_owned(), text),
            }
        }
        block
    }
}

/// The name and the text of an element `SimpleTag`, unless it has none, or programs count in it what the track holds.
fn simple<R: FnMut(u64, usize) -> Vec<u8>>(file: &mut TagReader<'_, R>, tag: &Element) -> Option<(String, String)> {
    const NAME: u64 = 0x45a3;
    const TEXT: u64 = 0x4487;
    const COUNTS: [&str; 4] = ["bps", "duration", "number_of_bytes", "number_of_frames"];
    let (mut name, mut text) = (None, None);
    let mut places = file.places_within(tag);
    while let Some(child) = file.next(&mut places) {
        match child.id {
            NAME => name = name.or(Some(text_of(&file.content(&child)?))),
            TEXT => text = text.or(Some(text_of(&file.content(&child)?))),
            _ => {}
        }
    }
    let (name, text) = (name?.to_lowercase(), text?);
    let is_count = COUNTS.contains(&&*name) || name.starts_with("_statistics_");
    (!name.is_empty() && !text.is_empty() && !is_count).then_some((name, text))
}

fn usual_name(name: &str) -> &str {
    match name {
        "part_number" => "track",
        "total_parts" => "track_total",
        "date_recorded" | "date_released" | "date_release" => "date",
        "lead_performer" => "performer",
        other => other,
    }
}

/// Up to the first zero, with which texts may be filled up.
fn text_of(content: &[u8]) -> String {
    let content = content.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(content).trim().to_owned()
}
