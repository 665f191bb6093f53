//! Tags behind the last frame of a file whose frames stand alone, such as AC-3: they are no frames, and the readers of
//! codecs of the system take them for damaged ones.

use std::io::{self, Read, Seek, SeekFrom};

use super::ape::ApePart;
use crate::audio::decode::source::Part;

/// A file up to the tags of APEv2 and ID3v1 at its end.
///
/// # Errors
/// If the file can't be read.
pub(in crate::audio::decode) fn without_tags<S: Read + Seek>(mut source: S) -> io::Result<Part<S>> {
    let mut end = source.seek(SeekFrom::End(0))?;
    while let Some(len) = tag_len(&mut source, end)? {
        end -= len;
    }
    Part::new(source, 0, end)
}

/// The length of the tag that ends at a place, if one does.
fn tag_len(source: &mut (impl Read + Seek), end: u64) -> io::Result<Option<u64>> {
    const ID3V1: u64 = 128;
    const APE_PART: u64 = 32;
    let mut at = |place: Option<u64>| -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        if let Some(place) = place {
            source.seek(SeekFrom::Start(place))?;
            source.by_ref().take(APE_PART).read_to_end(&mut bytes)?;
        }
        Ok(bytes)
    };
    if at(end.checked_sub(ID3V1))?.starts_with(b"TAG") {
        return Ok(Some(ID3V1));
    }
    let footer = at(end.checked_sub(APE_PART))?;
    let Some(len) = ApePart::read(&footer).map(ApePart::tag_len) else { return Ok(None) };
    Ok((APE_PART..=end).contains(&len).then_some(len))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn ape(content: &[u8], has_header: bool) -> Vec<u8> {
        let flags: u32 = if has_header { 1 << 31 } else { 0 };
        let part = [
            &b"APETAGEX\xd0\x07\0\0"[..],
            &(content.len() as u32 + 32).to_le_bytes(),
            &[0; 4],
            &flags.to_le_bytes(),
            &[0; 8],
        ]
        .concat();
        [if has_header { part.clone() } else { Vec::new() }, content.to_vec(), part].concat()
    }

    #[test]
    fn a_file_ends_before_its_tags() {
        let frames: Vec<u8> = (0..200).collect();
        let id3 = [&b"TAG"[..], &[b' '; 125]].concat();
        for tags in [vec![], id3.clone(), ape(b"title", true), ape(b"", false), [ape(&[7; 300], true), id3].concat()] {
            let mut file = without_tags(Cursor::new([&frames[..], &tags].concat())).expect("it can be read");
            let mut read = Vec::new();
            file.read_to_end(&mut read).expect("it can be read");
            assert_eq!(read, frames);
            assert_eq!(file.seek(SeekFrom::End(-3)).ok(), Some(197));
            assert_eq!(file.read(&mut [0; 9]).ok(), Some(3));
            assert_eq!(file.seek(SeekFrom::Start(500)).ok(), Some(500));
            assert_eq!(file.read(&mut [0; 9]).ok(), Some(0));
        }
    }

    #[test]
    fn what_is_no_tag_stays() {
        let longer_than_all = [&b"APETAGEX\xd0\x07\0\0\xff\0\0\0"[..], &[0; 16]].concat();
        for bytes in
            [b"".to_vec(), b"TAG".to_vec(), b"APETAGEX".to_vec(), longer_than_all, ape(b"title", true)[..40].to_vec()]
        {
            let mut file = without_tags(Cursor::new(bytes.clone())).expect("it can be read");
            assert_eq!(file.seek(SeekFrom::End(0)).ok(), Some(bytes.len() as u64));
        }
    }
}
