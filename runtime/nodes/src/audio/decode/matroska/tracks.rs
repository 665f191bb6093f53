//! Which of the tracks of a Matroska or WebM file is decoded (RFC 9559, 5.1.4.1): of those of sound the first that is marked
//! as default, which is also what has no mark, else the first.

use super::encoding::Encoding;
use super::walk::{children, unsigned};

/// What the element `Tracks` says of one track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// The number that blocks have.
    pub(in crate::audio::decode) number: u32,
    /// The one that tags have.
    pub(super) uid: u64,
    /// What its decoder is told.
    pub(in crate::audio::decode) private: Vec<u8>,
    pub(in crate::audio::decode) encoding: Encoding,
    is_sound: bool,
    is_default: bool,
}

/// The tracks that the content of the element describes.
pub(super) fn entries(tracks: &[u8]) -> Vec<Entry> {
    const TRACK_ENTRY: u64 = 0xae;
    children(tracks).filter(|(id, _)| *id == TRACK_ENTRY).filter_map(|(_, entry)| Entry::read(entry)).collect()
}

/// The track that is decoded, and its place among those of sound.
pub(super) fn chosen(entries: &[Entry]) -> Option<(usize, &Entry)> {
    let mut sounds = entries.iter().filter(|entry| entry.is_sound).enumerate();
    let first = sounds.clone().next();
    sounds.find(|(_, entry)| entry.is_default).or(first)
}

impl Entry {
    fn read(entry: &[u8]) -> Option<Self> {
        const NUMBER: u64 = 0xd7;
        const UID: u64 = 0x73c5;
        const PRIVATE: u64 = 0x63a2;
        const ENCODINGS: u64 = 0x6d80;
        const KIND: u64 = 0x83;
        const SOUND: u64 = 2;
        const DEFAULT: u64 = 0x88;
        let content = |wanted| children(entry).find(|(id, _)| *id == wanted).map(|(_, content)| content);
        let field = |wanted| content(wanted).map(unsigned);
        Some(Self {
            number: u32::try_from(field(NUMBER)?).ok()?,
            uid: field(UID).unwrap_or(0),
            private: content(PRIVATE).unwrap_or_default().to_vec(),
            encoding: content(ENCODINGS).map(Encoding::read).unwrap_or_default(),
            is_sound: field(KIND) == Some(SOUND),
            is_default: field(DEFAULT).is_none_or(|mark| mark != 0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_track_of_sound_that_is_marked_or_has_no_mark() {
        let track = |number: u8, kind: u8, mark: Option<u8>| {
            let mark = mark.map(|mark| vec![0x88, 0x81, mark]).unwrap_or_default();
            let fields = [&[0xd7, 0x81, number, 0x73, 0xc5, 0x81, number + 100, 0x83, 0x81, kind][..], &mark].concat();
            [&[0xae, 0x80 | fields.len() as u8][..], &fields].concat()
        };
        const VIDEO: u8 = 1;
        const SOUND: u8 = 2;
        for (tracks, expected) in [
            (vec![track(1, SOUND, None), track(2, SOUND, Some(1))], Some((0, 1))),
            (vec![track(1, VIDEO, None), track(7, SOUND, Some(0)), track(2, SOUND, Some(1))], Some((1, 2))),
            (vec![track(1, SOUND, Some(0)), track(2, SOUND, None), track(3, SOUND, None)], Some((1, 2))),
            (vec![track(1, VIDEO, None), track(5, SOUND, Some(0)), track(6, SOUND, Some(0))], Some((0, 5))),
            (vec![track(1, VIDEO, None)], None),
        ] {
            let entries = entries(&tracks.concat());
            let found = chosen(&entries);
            assert_eq!(found.map(|(place, entry)| (place, entry.number)), expected);
            assert!(found.is_none_or(|(_, entry)| entry.uid == u64::from(entry.number) + 100));
        }
    }
}
