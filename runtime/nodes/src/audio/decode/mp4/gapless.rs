//! What of an MP4 track is sound: the edit list and Apple's gapless note, which the demuxer passes over.
//!
//! Boxes are those of ISO/IEC 14496-12: `moov` 8.2.1, `elst` 8.6.6, `mdhd` 8.4.2, `mvhd` 8.2.2, `tkhd` 8.3.2. What is
//! not as expected is as if it were not there: the demuxer is the one to complain.

use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::slice;
use std::sync::Arc;

use crate::audio::decode::chunker::Trim;
use crate::audio::decode::cuts::Cuts;

/// The index of a file.
pub(in crate::audio::decode) struct Movie {
    content: Arc<Vec<u8>>,
    /// Where its content begins in the file.
    pub(in crate::audio::decode) begins: u64,
    /// The length that the file should have.
    pub(in crate::audio::decode) file_len: u64,
    /// Whether it has the box `ftyp`.
    pub(in crate::audio::decode) has_type: bool,
}

impl Movie {
    /// Finds and reads the index; `None` if there is none of a sensible size.
    pub(in crate::audio::decode) fn read(source: &mut (impl Read + Seek)) -> io::Result<Option<Self>> {
        const LONGEST: u64 = 256 << 20;
        let (mut found, mut has_type) = (None, false);
        let file_len = walk(source, |source, kind, begins, len| {
            has_type |= kind == *b"ftyp";
            if kind == *b"moov" && len <= LONGEST && found.is_none() {
                let mut bytes = Vec::new();
                source.seek(SeekFrom::Start(begins))?;
                source.by_ref().take(len).read_to_end(&mut bytes)?;
                found = Some((bytes, begins));
            }
            Ok(())
        })?;
        Ok(found.map(|(content, begins)| Self { content: Arc::new(content), begins, file_len, has_type }))
    }

    /// Whether the sound comes in fragments, so that the index does not count it.
    pub(super) fn is_fragmented(&self) -> bool {
        child(&self.content, b"mvex").is_some()
    }

    /// Whether the durations of the index are frames of sound. Those that the camera of a phone notes are the times between
    /// packets by a clock: a little more or less than what a packet holds.
    pub(in crate::audio::decode) fn counts_frames(&self, track_id: u32) -> bool {
        let table = track_box(&self.content, track_id).and_then(sample_table).and_then(|table| child(table, b"stts"));
        !self.is_fragmented() && table.is_none_or(|table| same_duration(table).is_some())
    }

    /// The content of the box `moov`.
    pub(in crate::audio::decode) fn content(&self) -> &Arc<Vec<u8>> {
        &self.content
    }

    /// What of a track's decoded frames is sound. `frames` is the length of all its samples, `delay` that of the codec by
    /// its own description, which counts where the file has no edit.
    ///
    /// # Errors
    /// If the edits are not in the order of the sound, or all begin behind its end.
    pub(in crate::audio::decode) fn sound(
        &self,
        track_id: u32,
        rate: u32,
        frames: Option<u64>,
        delay: u64,
    ) -> Result<Sound, WrongEdits> {
        let all = frames.filter(|frames| *frames > 0 && self.counts_frames(track_id));
        let runs = runs(self.edits(track_id, rate).unwrap_or_default())?;
        if let Some((delay, sound)) = self.gapless_note().filter(|_| runs.len() < 2) {
            return Ok(Sound::of_runs(slice::from_ref(&(delay..delay.saturating_add(sound)))));
        }
        let Some((last, before)) = runs.split_last() else {
            // The last packet of AAC is whole, though its duration in the index may say that not all of it counts.
            let trim = Trim { delay, end: all.map(|all| (all.saturating_sub(delay), 2048)) };
            return Ok(Sound { trim, cuts: Cuts::default() });
        };
        if all.is_some_and(|all| runs.iter().all(|run| run.start > all)) {
            return Err(WrongEdits::BehindEnd);
        }
        // An edit of what the index counts, to a packet, does not end the fragments behind it.
        let counted = frames.filter(|_| self.is_fragmented()).map_or(0, |frames| frames + 2048);
        let end = if last.end > counted { last.end } else { u64::MAX };
        let there = |frame: u64| frame.min(all.unwrap_or(u64::MAX));
        let runs = before.iter().cloned().chain(Some(last.start..end));
        Ok(Sound::of_runs(&runs.map(|run| there(run.start)..there(run.end)).collect::<Vec<_>>()))
    }

    /// The track's edits that play something. One without a length, which is the last, goes on to the end.
    fn edits(&self, track_id: u32, rate: u32) -> Option<Vec<Edit>> {
        let track = track_box(&self.content, track_id)?;
        let media_scale = media_scale(track).filter(|scale| *scale > 0)?;
        let movie_scale = versioned(child(&self.content, b"mvhd")?, 12, 20, 4).filter(|scale| *scale > 0)?;
        let list = child(child(track, b"edts")?, b"elst")?;
        let width = if *list.first()? == 1 { 8 } else { 4 };
        let count = usize::try_from(number(list.get(4..8)?)).ok()?;
        let entries = list[8..].chunks_exact(2 * width + 4).take(count);
        let entries = entries.map(|entry| (number(&entry[..width]), number(&entry[width..2 * width])));
        // A start of -1 is silence, which times leave out.
        let silence = if width == 8 { u64::MAX } else { u32::MAX.into() };
        let mut entries = entries.filter(|(_, start)| *start != silence).peekable();
        let frames = |units: u64, scale: u64| {
            u64::try_from((u128::from(units) * u128::from(rate)).div_ceil(u128::from(scale))).unwrap_or(u64::MAX)
        };
        // A scale coarser than the rate can't say the last frame: one unit more, and what follows knows better.
        let slack = u64::from(movie_scale < u64::from(rate));
        let unit = frames(1, movie_scale);
        let (mut edits, mut played) = (Vec::new(), 0u64);
        while let Some((duration, start)) = entries.next() {
            let start = frames(start, media_scale);
            let before = frames(played, movie_scale);
            played = played.saturating_add(duration);
            let end = start.saturating_add(frames(played, movie_scale) - before);
            let latest = start.saturating_add(frames(duration.saturating_add(slack), movie_scale));
            match duration {
                0 if entries.peek().is_some() => {}
                0 => edits.push(Edit { start, end: u64::MAX, latest: u64::MAX, unit }),
                _ => edits.push(Edit { start, end, latest, unit }),
            }
        }
        Some(edits)
    }

    /// Delay and length as iTunes notes them: text of hexadecimal numbers, of which the second is the delay, the third
    /// the padding and the fourth the length.
    fn gapless_note(&self) -> Option<(u64, u64)> {
        let name = find(&self.content, b"iTunSMPB")?;
        let after = &self.content[name..];
        let data = &after[find(after, b"data")? + 12..];
        let text = std::str::from_utf8(data.get(..64.min(data.len()))?).ok()?;
        let mut numbers = text.split_ascii_whitespace().map(|number| u64::from_str_radix(number, 16));
        let delay = numbers.nth(1)?.ok()?;
        let sound = numbers.nth(1)?.ok()?;
        (sound > 0).then_some((delay, sound))
    }
}

/// What of decoded frames is sound: the trim at both ends is of what the cuts leave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::audio::decode) struct Sound {
    pub(in crate::audio::decode) trim: Trim,
    pub(in crate::audio::decode) cuts: Cuts,
}

impl Sound {
    /// Of runs in their order, of which the last one may have no end.
    fn of_runs(runs: &[Range<u64>]) -> Self {
        let delay = runs.first().map_or(0, |run| run.start);
        let ends = runs.last().is_some_and(|run| run.end < u64::MAX);
        let sound = || runs.iter().fold(0u64, |sound, run| sound.saturating_add(run.end - run.start));
        let next = runs.iter().skip(1).map(|run| run.start).chain(Some(u64::MAX));
        let gaps = runs.iter().zip(next).map(|(run, next)| run.end..next).filter(|gap| gap.start < gap.end);
        Self { trim: Trim { delay, end: ends.then(|| (sound(), u64::MAX / 2)) }, cuts: Cuts::new(gaps) }
    }
}

/// Edits that can't be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::audio::decode) enum WrongEdits {
    /// They play sound twice or out of order.
    NotInOrder,
    /// They play nothing of the sound that is there.
    BehindEnd,
}

/// An edit, in decoded frames.
struct Edit {
    start: u64,
    /// Where it ends, and where at the latest: lengths are told in units of so many frames.
    end: u64,
    latest: u64,
    unit: u64,
}

/// The edits as runs of decoded frames, without those that follow on each other.
fn runs(edits: Vec<Edit>) -> Result<Vec<Range<u64>>, WrongEdits> {
    let mut runs: Vec<Range<u64>> = Vec::new();
    let mut edits = edits.into_iter().peekable();
    let mut begins = None;
    while let Some(edit) = edits.next() {
        let start = begins.take().unwrap_or(edit.start);
        match edits.peek() {
            None => runs.push(start..edit.latest),
            Some(next) if next.start.abs_diff(edit.end) <= edit.unit => begins = Some(start),
            Some(next) if next.start > edit.end => runs.push(start..edit.end),
            Some(_) => return Err(WrongEdits::NotInOrder),
        }
    }
    Ok(runs)
}

/// The length that a file should have, by its boxes.
pub(in crate::audio::decode) fn stated_len(source: &mut (impl Read + Seek)) -> io::Result<u64> {
    walk(source, |_, _, _, _| Ok(()))
}

/// Shows the boxes of a file: the kind of each, where its content begins and how long that is. Answers the length that the
/// file should have.
fn walk<S: Read + Seek>(
    source: &mut S,
    mut show: impl FnMut(&mut S, [u8; 4], u64, u64) -> io::Result<()>,
) -> io::Result<u64> {
    const MOST_BOXES: usize = 10_000;
    let end = source.seek(SeekFrom::End(0))?;
    let mut place = 0;
    for _ in 0..MOST_BOXES {
        let mut header = Vec::new();
        source.seek(SeekFrom::Start(place))?;
        source.by_ref().take(16).read_to_end(&mut header)?;
        let Some((kind, header_len, len)) = box_header(&header, end.saturating_sub(place)) else { break };
        show(source, kind, place + header_len, len - header_len)?;
        place = place.saturating_add(len);
        if place >= end {
            break;
        }
    }
    Ok(end.max(place))
}

/// Kind, length of the header and length of a box that begins here; `rest` is what is left of the file or box around it.
fn box_header(bytes: &[u8], rest: u64) -> Option<([u8; 4], u64, u64)> {
    let kind = bytes.get(4..8)?.try_into().ok()?;
    let (header, len) = match number(&bytes[..4]) {
        0 => (8, rest),
        1 => (16, number(bytes.get(8..16)?)),
        len => (8, len),
    };
    (len >= header).then_some((kind, header, len))
}

/// The content of the box of a track.
pub(super) fn track_box(movie: &[u8], track_id: u32) -> Option<&[u8]> {
    let is_it = |track: &[u8]| track_number(track) == Some(track_id.into());
    children(movie).find(|(kind, track)| kind == b"trak" && is_it(track)).map(|(_, track)| track)
}

/// The number of a track.
pub(super) fn track_number(track: &[u8]) -> Option<u64> {
    versioned(child(track, b"tkhd")?, 12, 20, 4)
}

/// The ticks of a track's clock in a second.
pub(super) fn media_scale(track: &[u8]) -> Option<u64> {
    versioned(child(child(track, b"mdia")?, b"mdhd")?, 12, 20, 4)
}

/// The tables of a track's samples.
pub(super) fn sample_table(track: &[u8]) -> Option<&[u8]> {
    child(child(child(track, b"mdia")?, b"minf")?, b"stbl")
}

/// The duration of each sample by the table of these, if all have the same but for the last one, which may be shorter.
pub(super) fn same_duration(table: &[u8]) -> Option<u64> {
    let mut entries = table.get(8..)?.chunks_exact(8).map(|entry| (number(&entry[..4]), number(&entry[4..])));
    let (_, duration) = entries.next()?;
    let mut others = entries.filter(|(_, other)| *other != duration);
    let last = others.next();
    let is_same = last.is_none_or(|(count, other)| count == 1 && other < duration) && others.next().is_none();
    let ends = table.chunks_exact(8).next_back().map(|entry| number(&entry[4..]));
    (is_same && last.is_none_or(|(_, other)| ends == Some(other))).then_some(duration)
}

/// A box in another, with the places there at which it and its content begin.
pub(super) struct Child<'movie> {
    pub(in crate::audio::decode) kind: [u8; 4],
    pub(in crate::audio::decode) begins: usize,
    pub(super) content_begins: usize,
    pub(in crate::audio::decode) content: &'movie [u8],
}

/// The boxes in another one.
pub(super) fn placed_children(content: &[u8]) -> impl Iterator<Item = Child<'_>> {
    let mut begins = 0;
    std::iter::from_fn(move || {
        let rest = content.get(begins..)?;
        let (kind, header, len) = box_header(rest, rest.len() as u64)?;
        let (header, len) = (usize::try_from(header).ok()?, usize::try_from(len).ok()?);
        let child = Child { kind, begins, content_begins: begins + header, content: rest.get(header..len)? };
        begins += len;
        Some(child)
    })
}

pub(super) fn children(content: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    placed_children(content).map(|child| (child.kind, child.content))
}

pub(super) fn child<'a>(content: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    children(content).find(|(other, _)| other == kind).map(|(_, content)| content)
}

/// A number whose place depends on the version of the box.
fn versioned(content: &[u8], place: usize, place_in_version_1: usize, len: usize) -> Option<u64> {
    let place = if *content.first()? == 1 { place_in_version_1 } else { place };
    content.get(place..place + len).map(number)
}

pub(super) fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn find(bytes: &[u8], pattern: &[u8]) -> Option<usize> {
    bytes.windows(pattern.len()).position(|window| window == pattern)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxed(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
        [&(content.len() as u32 + 8).to_be_bytes()[..], kind, content].concat()
    }

    /// A movie of one track at 44100 Hz with one edit, in a movie scale.
    fn movie(movie_scale: u32, duration: u32, start: i32, extra: &[u8]) -> Movie {
        edited(movie_scale, &[(duration, start)], extra)
    }

    /// With several edits: how long each is, and where it begins.
    fn edited(movie_scale: u32, edits: &[(u32, i32)], extra: &[u8]) -> Movie {
        let words = |words: &[u32]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>();
        let entries = edits.iter().flat_map(|(duration, start)| [*duration, *start as u32, 0x10000]);
        let list = words(&[0, edits.len() as u32].into_iter().chain(entries).collect::<Vec<_>>());
        let track = [
            boxed(b"tkhd", &words(&[0, 0, 0, 7])),
            boxed(b"edts", &boxed(b"elst", &list)),
            boxed(b"mdia", &boxed(b"mdhd", &words(&[0, 0, 0, 44100]))),
        ]
        .concat();
        let content =
            [boxed(b"mvhd", &words(&[0, 0, 0, movie_scale])), boxed(b"trak", &track), extra.to_vec()].concat();
        let file = [boxed(b"ftyp", b"M4A "), boxed(b"moov", &content)].concat();
        Movie::read(&mut io::Cursor::new(file)).unwrap().unwrap()
    }

    #[test]
    fn the_edit_gives_the_delay_and_the_index_the_end() {
        let trim = movie(1000, 1000, 1024, &[]).sound(7, 44100, Some(45124), 0).unwrap().trim;
        assert_eq!(trim, Trim { delay: 1024, end: Some((44100, u64::MAX / 2)) });
    }

    #[test]
    fn an_exact_edit_gives_the_end() {
        let trim = movie(44100, 40000, 2112, &[]).sound(7, 44100, Some(45056), 0).unwrap().trim;
        assert_eq!(trim, Trim { delay: 2112, end: Some((40000, u64::MAX / 2)) });
    }

    #[test]
    fn the_gapless_note_goes_first() {
        let note = boxed(b"data", b"\0\0\0\x01\0\0\0\0 00000000 00000840 000001C0 0000000000008000 00000000");
        let trim =
            movie(1000, 1000, 0, &[&b"iTunSMPB"[..], &note].concat()).sound(7, 44100, Some(45056), 0).unwrap().trim;
        assert_eq!(trim, Trim { delay: 0x840, end: Some((0x8000, u64::MAX / 2)) });
    }

    #[test]
    fn without_an_edit_all_is_sound_but_the_fill_of_the_last_packet() {
        let unknown = movie(1000, 1000, 0, &[]).sound(9, 44100, Some(45000), 0).unwrap().trim;
        assert_eq!(unknown, Trim { delay: 0, end: Some((45000, 2048)) });
        let silence_before = movie(1000, 1000, -1, &[]).sound(7, 44100, Some(45000), 0).unwrap().trim;
        assert_eq!(silence_before, Trim { delay: 0, end: Some((45000, 2048)) });
        let fragmented = movie(1000, 0, 1024, &boxed(b"mvex", &[])).sound(7, 44100, Some(45000), 0).unwrap().trim;
        assert_eq!(fragmented, Trim { delay: 1024, end: None });
    }

    #[test]
    fn the_edit_of_a_first_part_does_not_end_the_fragments() {
        let fragments = boxed(b"mvex", &[]);
        // An edit of the part that is in the index, and one of the whole; a length in milliseconds may be one more.
        for (seconds, expected) in [(15_000, None), (20_000, Some((882_000, u64::MAX / 2)))] {
            let trim = movie(1000, seconds, 1024, &fragments).sound(7, 44100, Some(15 * 44100 + 1024), 0).unwrap().trim;
            let expected = expected.map(|(sound, padding): (u64, u64)| (sound + 45, padding));
            assert_eq!(trim, Trim { delay: 1024, end: expected });
        }
    }

    #[test]
    fn without_an_edit_the_codec_says_its_delay() {
        let whole = movie(1000, 1000, 0, &[]).sound(9, 48000, Some(48960), 312).unwrap().trim;
        assert_eq!(whole, Trim { delay: 312, end: Some((48648, 2048)) });
        let fragmented = movie(1000, 0, -1, &boxed(b"mvex", &[])).sound(7, 48000, None, 312).unwrap().trim;
        assert_eq!(fragmented, Trim { delay: 312, end: None });
        let edited = movie(1000, 0, 1024, &boxed(b"mvex", &[])).sound(7, 44100, None, 312).unwrap().trim;
        assert_eq!(edited, Trim { delay: 1024, end: None });
    }

    #[test]
    fn edits_that_follow_on_each_other_are_one_and_what_lies_between_others_is_cut_out() {
        let sound = |edits: &[(u32, i32)], extra: &[u8]| edited(1000, edits, extra).sound(7, 44100, Some(148_000), 0);
        let of = |runs: &[Range<u64>]| Ok(Sound::of_runs(runs));
        let one = |run: Range<u64>| of(slice::from_ref(&run));
        assert_eq!(sound(&[(1000, 1024), (2000, 45124)], &[]), one(1024..45124 + 88_245));
        assert_eq!(sound(&[(1000, 1024), (9000, 45124)], &[]), one(1024..148_000), "no more than there is");
        // A millisecond is 44 frames: so much two edits may overlap, or be apart.
        assert_eq!(sound(&[(1000, 1024), (1000, 45100), (500, 89_240)], &[]), one(1024..89_240 + 22_095));
        assert_eq!(sound(&[(700, -1), (1000, 1024), (0, 9), (300, -1), (10, 90_000)], &[]), {
            of(&[1024..45124, 90_000..90_486])
        });
        let note = boxed(b"data", b"\0\0\0\x01\0\0\0\0 00000000 00000840 000001C0 0000000000008000 00000000");
        let note = [&b"iTunSMPB"[..], &note].concat();
        assert_eq!(sound(&[(1000, 1024), (10, 90_000)], &note), of(&[1024..45124, 90_000..90_486]));
        assert_eq!(sound(&[(1000, 0), (1000, 44_100)], &note), one(0x840..0x8840));
        assert_eq!(sound(&[(1000, 148_000)], &[]), one(148_000..148_000), "nothing, by intent");
        assert_eq!(sound(&[(1000, 148_001), (1000, 200_000)], &[]), Err(WrongEdits::BehindEnd));
        assert_eq!(sound(&[(1000, -2)], &[]), Err(WrongEdits::BehindEnd));
        for backwards in [[(1000, 1024), (1000, 1024)], [(100, 90_000), (100, 1024)]] {
            assert_eq!(sound(&backwards, &[]), Err(WrongEdits::NotInOrder));
        }
    }

    #[test]
    fn durations_are_frames_if_only_the_last_one_differs() {
        let table = |entries: &[[u32; 2]]| -> Vec<u8> {
            let words = [&[0, entries.len() as u32][..], &entries.concat()].concat();
            words.iter().flat_map(|word| word.to_be_bytes()).collect()
        };
        assert_eq!(same_duration(&table(&[[40, 4096]])), Some(4096));
        assert_eq!(same_duration(&table(&[[40, 4096], [1, 7]])), Some(4096));
        assert_eq!(same_duration(&table(&[[1, 4096], [1, 7], [3, 4096]])), None);
        assert_eq!(same_duration(&table(&[[4, 4096], [2, 7]])), None);
        assert_eq!(same_duration(&table(&[[4, 1024], [1, 4096]])), None);
    }
}
