//! What the first frame of an MP3 file may tell in the place of sound: how many frames follow, and how many samples the
//! encoder put before and after the sound (the tags of Xing and of LAME, and the one of Fraunhofer's encoder).

use remotemedia_layer3::Head;

use super::header::Header;

/// The facts of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::audio::decode) struct Facts {
    /// Frames of MPEG after this one.
    pub(in crate::audio::decode) frames: Option<u32>,
    /// Bytes from the start of this one to the end of the file.
    pub(in crate::audio::decode) bytes: Option<u32>,
    /// Samples of delay and padding.
    pub(in crate::audio::decode) gap: Option<(u32, u32)>,
}

/// Reads the tag, if this frame is one.
pub(super) fn facts(frame: &[u8], header: &Header) -> Option<Facts> {
    if header.layer != 3 {
        return None;
    }
    xing(frame).or_else(|| vbri(frame))
}

fn xing(frame: &[u8]) -> Option<Facts> {
    /// What the samples of the filter bank add to the delay of the encoder.
    const DECODER_DELAY: u32 = 529;
    /// The last revision of the part of LAME.
    const REVISION: u8 = 1;
    // The checksum of the frame is not counted.
    let head = Head::read(frame)?;
    let start = 4 + head.side_len();
    let tag = frame.get(start..)?;
    let is_silent = frame[head.head_len()..start].iter().all(|byte| *byte == 0);
    if !is_silent || !(tag.starts_with(b"Xing") || tag.starts_with(b"Info")) {
        return None;
    }
    let flags = number(tag.get(4..8)?);
    let mut place = 8;
    let mut take = |flag: u32, len: usize| {
        let start = place;
        if flags & flag != 0 {
            place += len;
        }
        (flags & flag != 0).then_some(start)
    };
    let frames = take(1, 4);
    let bytes = take(2, 4);
    let _contents = take(4, 100);
    let _quality = take(8, 4);
    let read = |place: Option<usize>| match place {
        Some(place) => tag.get(place..place + 4).map(|bytes| Some(number(bytes))),
        None => Some(None),
    };
    let mut facts = Facts { frames: read(frames)?, bytes: read(bytes)?, gap: None };
    // The part of LAME: its name and version of nine bytes, its settings, and in three bytes delay and padding.
    let Some(lame) = tag.get(place..place + 24) else { return Some(facts) };
    if [&b"LAME"[..], b"Lavf", b"Lavc"].iter().any(|name| lame.starts_with(name)) {
        // FFmpeg copies the name of LAME and writes a checksum of its own making, or none, so that one tells nothing. Where
        // LAME before 3.90 has no such part, its name goes on or there is filling, which would be later revisions.
        if lame[9] >> 4 <= REVISION {
            let both = number(&lame[21..24]);
            facts.gap = Some((DECODER_DELAY + (both >> 12), (both & 0xfff).saturating_sub(DECODER_DELAY)));
        }
    }
    Some(facts)
}

fn vbri(frame: &[u8]) -> Option<Facts> {
    let tag = frame.get(36..)?;
    let is_tag = tag.starts_with(b"VBRI") && tag.get(4..6)? == [0, 1];
    is_tag.then(|| Facts { frames: tag.get(14..18).map(number), bytes: tag.get(10..14).map(number), gap: None })
}

fn number(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first frame of a file, with a part of LAME that begins like this and has a checksum that is none.
    fn told(header: [u8; 4], lame: &[u8]) -> Option<(u32, u32)> {
        let side = 4 + Head::read(&header.repeat(50)).expect("a header").side_len();
        let mut frame = [&header[..], &[0; 400]].concat();
        frame[side..side + 8].copy_from_slice(b"Info\0\0\0\0");
        frame[side + 8..][..lame.len()].copy_from_slice(lame);
        frame[side + 8 + 34] = 1;
        facts(&frame, &Header::read(&frame).expect("a header")).expect("a tag").gap
    }

    #[test]
    fn delay_and_padding_are_told_whatever_the_checksum_is() {
        let lame = b"LAME3.100\x04\xb9\0\0\0\0\0\0\0\0\0\x20\x24\x05\x00";
        // MPEG-1 in stereo and mono, MPEG-2 and MPEG-2.5.
        for header in
            [[0xff, 0xfb, 0x90, 0x44], [0xff, 0xfb, 0x90, 0xc4], [0xff, 0xf3, 0x90, 0xc4], [0xff, 0xe3, 0x90, 0xc4]]
        {
            assert_eq!(told(header, lame), Some((576 + 529, 0x500 - 529)));
        }
    }

    #[test]
    fn a_name_that_goes_on_and_filling_are_no_delay() {
        const STEREO: [u8; 4] = [0xff, 0xfb, 0x90, 0x44];
        assert_eq!(told(STEREO, b"LAME3.88 (beta)UUUUUUUUU"), None);
        assert_eq!(told(STEREO, b"LAME3.70UUUUUUUUUUUUUUUUUUUU"), None);
    }
}
