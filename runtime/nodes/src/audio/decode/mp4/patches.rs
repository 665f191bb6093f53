//! The bytes of an MP4 file that are to be others, so that Symphonia's demuxer reads it: it wants all of the index to be
//! right, and to be known to it.
//!
//! Boxes are those of ISO/IEC 14496-12: `hdlr` 8.4.3, `stsc` 8.7.4, `stsd` 8.5.2, `stsz` 8.7.3, `stts` 8.6.1.2, `trex` 8.8.3.

use super::gapless::{Child, Movie, child, children, number, placed_children, track_number};
use super::pcm;

/// The bytes that are to be others, so that the demuxer reads the file: tracks without sound become free space, over
/// which it passes, of several descriptions of a sound the first is the only one where the others are of no use,
/// bytes with a sign are bytes, and samples that are all in fragments have no durations in the index. What is wrong in
/// them, or not known to it, is not to decide on the sound.
pub(in crate::audio::decode) fn patches(movie: &Movie) -> Vec<(u64, u8)> {
    [silent_tracks(movie), further_descriptions(movie), signed_bytes(movie), durations_of_none(movie)].concat()
}

/// The counts of durations in the index of a file with fragments, where the index has no samples: FFmpeg gives those of
/// the first fragment there, if it is PCM.
fn durations_of_none(movie: &Movie) -> Vec<(u64, u8)> {
    let counts = sounds(movie).filter(|_| movie.is_fragmented()).filter_map(|track| {
        let (table, content) = descend(track.content, &[b"mdia", b"minf", b"stbl"])?;
        let (durations, stts) = descend(content, &[b"stts"])?;
        stts.get(4..8)?;
        let samples = child(content, b"stsz")?.get(8..12).map(number)?;
        (samples == 0).then_some(track.content_begins + table + durations + 4)
    });
    counts.flat_map(|count| word(movie, count, 0)).collect()
}

/// The names of descriptions of bytes with a sign.
fn signed_bytes(movie: &Movie) -> Vec<(u64, u8)> {
    let kinds = sounds(movie).filter_map(|track| {
        let (descriptions, stsd) = descend(track.content, &[b"mdia", b"minf", b"stbl", b"stsd"])?;
        let entry = placed_children(stsd.get(8..)?).next()?;
        let kind = track.content_begins + descriptions + 8 + entry.begins + 4;
        pcm::is_signed_bytes(&entry.kind, entry.content).then_some(kind)
    });
    kinds.flat_map(|kind| (movie.begins + kind as u64..).zip(pcm::BYTES)).collect()
}

/// The counts of descriptions, where one is enough.
fn further_descriptions(movie: &Movie) -> Vec<(u64, u8)> {
    let counts = sounds(movie).filter_map(|track| {
        let (table, content) = descend(track.content, &[b"mdia", b"minf", b"stbl"])?;
        let (descriptions, stsd) = descend(content, &[b"stsd"])?;
        has_one_description(stsd, child(content, b"stsc")?).then_some(track.content_begins + table + descriptions + 4)
    });
    counts.flat_map(|count| word(movie, count, 1)).collect()
}

/// A number in place of the one at a place of the index.
fn word(movie: &Movie, place: usize, number: u32) -> impl Iterator<Item = (u64, u8)> {
    (movie.begins + place as u64..).zip(number.to_be_bytes())
}

fn sounds(movie: &Movie) -> impl Iterator<Item = Child<'_>> {
    placed_children(movie.content()).filter(|child| child.kind == *b"trak" && is_sound(child.content))
}

/// The names of tracks without sound, and of what describes their fragments.
fn silent_tracks(movie: &Movie) -> Vec<(u64, u8)> {
    /// A file with more tracks is none.
    const MOST_TRACKS: usize = 1000;
    let is_silent = |child: &Child<'_>| child.kind == *b"trak" && !is_sound(child.content);
    let tracks: Vec<_> = placed_children(movie.content()).filter(is_silent).take(MOST_TRACKS).collect();
    let fragments = fragments_of(movie, &tracks);
    // The demuxer wants as many tracks with fragments as without.
    if movie.is_fragmented() && fragments.len() != tracks.len() {
        return Vec::new();
    }
    let free =
        |begins: usize| (4..).zip(*b"free").map(move |(offset, byte)| (movie.begins + (begins + offset) as u64, byte));
    tracks.iter().map(|track| track.begins).chain(fragments).flat_map(free).collect()
}

/// Where the boxes begin that describe the fragments of these tracks.
fn fragments_of(movie: &Movie, tracks: &[Child<'_>]) -> Vec<usize> {
    let numbers: Vec<_> = tracks.iter().filter_map(|track| track_number(track.content)).collect();
    let is_of_track = |child: &Child<'_>| child.content.get(4..8).is_some_and(|id| numbers.contains(&number(id)));
    let Some(extends) = placed_children(movie.content()).find(|child| child.kind == *b"mvex") else {
        return Vec::new();
    };
    let these = placed_children(extends.content).filter(|child| child.kind == *b"trex" && is_of_track(child));
    these.map(|child| extends.content_begins + child.begins).collect()
}

/// The content of a box within others, and the place where it begins.
fn descend<'a>(mut content: &'a [u8], path: &[&[u8; 4]]) -> Option<(usize, &'a [u8])> {
    let mut begins = 0;
    for kind in path {
        let child = placed_children(content).find(|child| child.kind == **kind)?;
        begins += child.content_begins;
        content = child.content;
    }
    Some((begins, content))
}

/// Whether of several descriptions only the first is used, or the others are the same.
fn has_one_description(descriptions: &[u8], chunks: &[u8]) -> bool {
    let entries = || children(descriptions.get(8..).unwrap_or_default());
    let mut runs = chunks.get(8..).unwrap_or_default().chunks_exact(12);
    let is_only_first = runs.len() > 0 && runs.all(|run| number(&run[8..]) == 1);
    entries().nth(1).is_some() && (is_only_first || entries().all(|entry| entries().next() == Some(entry)))
}

fn is_sound(track: &[u8]) -> bool {
    let handler = child(track, b"mdia").and_then(|media| child(media, b"hdlr"));
    handler.and_then(|handler| handler.get(8..12)) == Some(b"soun")
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn boxed(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
        [&(content.len() as u32 + 8).to_be_bytes()[..], kind, content].concat()
    }

    fn patches_of(file: &[u8]) -> Vec<(u64, u8)> {
        patches(&Movie::read(&mut Cursor::new(file)).expect("it is in memory").expect("it has an index"))
    }

    #[test]
    fn tracks_without_sound_become_free_space() {
        let track = |number: u8, handler: &[u8; 4]| {
            let header = boxed(b"tkhd", &[&[0; 15][..], &[number]].concat());
            let handler = boxed(b"hdlr", &[&[0; 8][..], handler].concat());
            boxed(b"trak", &[header, boxed(b"mdia", &handler)].concat())
        };
        let extends = |number: u8| boxed(b"trex", &[0, 0, 0, 0, 0, 0, 0, number]);
        let read = |parts: &[Vec<u8>]| {
            let file = [boxed(b"ftyp", b"M4A "), boxed(b"moov", &parts.concat())].concat();
            let mut seen = file.clone();
            patches_of(&file).iter().for_each(|(place, byte)| seen[*place as usize] = *byte);
            let boxes = |name: &[u8; 4]| seen.windows(4).filter(|kind| kind == name).count();
            (boxes(b"trak"), boxes(b"trex"), boxes(b"free"))
        };
        let (video, sound, text) = (track(1, b"vide"), track(2, b"soun"), track(3, b"text"));
        assert_eq!(read(std::slice::from_ref(&sound)), (1, 0, 0));
        assert_eq!(read(&[video.clone(), sound.clone(), text.clone()]), (1, 0, 2));
        let table = boxed(b"mvex", &[extends(3), extends(2), extends(1)].concat());
        assert_eq!(read(&[video.clone(), sound.clone(), text, table]), (1, 1, 4));
        // As many fragments as tracks are wanted, and one is missing.
        assert_eq!(read(&[video, sound, boxed(b"mvex", &extends(2))]), (2, 1, 0));
    }

    #[test]
    fn of_descriptions_that_are_not_used_the_first_is_left() {
        let words = |words: &[u32]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>();
        let is_left = |entries: &[&[u8]], runs: &[[u32; 3]]| {
            let entries: Vec<u8> = entries.iter().flat_map(|entry| boxed(b"mp4a", entry)).collect();
            let descriptions = boxed(b"stsd", &[words(&[0, 2]), entries].concat());
            let chunks = boxed(b"stsc", &[words(&[0, runs.len() as u32]), words(&runs.concat())].concat());
            let tables = boxed(b"minf", &boxed(b"stbl", &[descriptions, chunks].concat()));
            let media = boxed(b"mdia", &[boxed(b"hdlr", b"\0\0\0\0\0\0\0\0soun"), tables].concat());
            let file = [boxed(b"ftyp", b"M4A "), boxed(b"moov", &boxed(b"trak", &media))].concat();
            let patches = patches_of(&file);
            let count = file.windows(4).position(|kind| kind == b"stsd").expect("it is there") as u64 + 8;
            assert!(patches.is_empty() || patches == [(count, 0), (count + 1, 0), (count + 2, 0), (count + 3, 1)]);
            !patches.is_empty()
        };
        assert!(is_left(&[b"one", b"two"], &[[1, 5, 1], [9, 2, 1]]));
        assert!(!is_left(&[b"one", b"two"], &[[1, 5, 1], [9, 2, 2]]));
        assert!(is_left(&[b"one", b"one"], &[[1, 5, 2]]));
        assert!(is_left(&[b"one", b"one"], &[]));
        assert!(!is_left(&[b"one", b"two"], &[]));
        assert!(!is_left(&[b"one"], &[[1, 5, 1]]));
    }

    #[test]
    fn an_index_without_samples_has_no_durations_of_them() {
        let table =
            |kind, words: &[u32]| boxed(kind, &words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>());
        let is_patched = |samples: u32, extends: &[u8]| {
            let tables = [table(b"stts", &[0, 1, 8192, 1]), table(b"stsz", &[0, 2, samples])].concat();
            let tables = boxed(b"minf", &boxed(b"stbl", &tables));
            let media = boxed(b"mdia", &[boxed(b"hdlr", b"\0\0\0\0\0\0\0\0soun"), tables].concat());
            let file = [boxed(b"ftyp", b"qt  "), boxed(b"moov", &[&boxed(b"trak", &media), extends].concat())].concat();
            let patches = patches_of(&file);
            let count = file.windows(4).position(|kind| kind == b"stts").expect("it is there") as u64 + 8;
            assert!(patches.is_empty() || patches == [0, 1, 2, 3].map(|byte| (count + byte, 0)));
            !patches.is_empty()
        };
        let extends = boxed(b"mvex", &[]);
        assert!(is_patched(0, &extends));
        assert!(!is_patched(8192, &extends));
        assert!(!is_patched(0, &[]), "a file without sound");
    }
}
