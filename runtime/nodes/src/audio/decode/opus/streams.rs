//! Packets of several Opus streams (RFC 7845, 3): all but the last one are self-delimiting (RFC 6716, appendix B).

/// The next packet in front of others: its bytes without the length that delimits it, in two parts, and what follows.
pub(super) struct Delimited<'a> {
    pub(in crate::audio::decode) head: &'a [u8],
    pub(in crate::audio::decode) body: &'a [u8],
    pub(in crate::audio::decode) rest: &'a [u8],
}

impl<'a> Delimited<'a> {
    /// Takes the packet at the start of these bytes; `None` if they do not hold one.
    pub(in crate::audio::decode) fn split(bytes: &'a [u8]) -> Option<Self> {
        let toc = *bytes.first()?;
        // Where the length is that only a delimited packet has, where its frames end from there, and their padding.
        let mut place = 1;
        let (mut before, mut padding, mut times) = (0, 0, 1);
        match toc & 3 {
            0 => {}
            1 => times = 2,
            2 => before = length(bytes, &mut place)?,
            _ => {
                const IS_VARIABLE: u8 = 0x80;
                const IS_PADDED: u8 = 0x40;
                let count = *bytes.get(place)?;
                place += 1;
                let frames = usize::from(count & 0x3f);
                if frames == 0 {
                    return None;
                }
                if count & IS_PADDED != 0 {
                    loop {
                        let more = *bytes.get(place)?;
                        place += 1;
                        padding += usize::from(more.min(254));
                        if more < 255 {
                            break;
                        }
                    }
                }
                if count & IS_VARIABLE == 0 {
                    times = frames;
                } else {
                    for _ in 1..frames {
                        before += length(bytes, &mut place)?;
                    }
                }
            }
        }
        let head = &bytes[..place];
        let last = length(bytes, &mut place)?;
        let end = place + before + last * times + padding;
        Some(Self { head, body: bytes.get(place..end)?, rest: &bytes[end..] })
    }
}

/// The length of a frame (RFC 6716, 3.2.1), of one or two bytes.
fn length(bytes: &[u8], place: &mut usize) -> Option<usize> {
    let first = usize::from(*bytes.get(*place)?);
    *place += 1;
    if first < 252 {
        return Some(first);
    }
    let second = usize::from(*bytes.get(*place)?);
    *place += 1;
    Some(4 * second + first)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is in front of the bytes, without what delimits it, and how many bytes follow.
    fn split(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
        Delimited::split(bytes).map(|packet| ([packet.head, packet.body].concat(), packet.rest.len()))
    }

    #[test]
    fn every_kind_of_packet_is_delimited() {
        // One frame; two of one length; two of their own; three of one length, padded; three of their own, padded.
        assert_eq!(split(&[0x48, 2, 7, 8, 9]), Some((vec![0x48, 7, 8], 1)));
        assert_eq!(split(&[0x49, 2, 1, 2, 3, 4, 5]), Some((vec![0x49, 1, 2, 3, 4], 1)));
        assert_eq!(split(&[0x4a, 1, 2, 7, 8, 9, 5]), Some((vec![0x4a, 1, 7, 8, 9], 1)));
        assert_eq!(split(&[0x4b, 0x43, 2, 1, 7, 8, 9, 0, 0, 5]), Some((vec![0x4b, 0x43, 2, 7, 8, 9, 0, 0], 1)));
        assert_eq!(split(&[0x4b, 0xc3, 1, 1, 0, 2, 7, 8, 9, 0, 5]), Some((vec![0x4b, 0xc3, 1, 1, 0, 7, 8, 9, 0], 1)));
        // Frames of no bytes, as silence has them.
        assert_eq!(split(&[0x48, 0]), Some((vec![0x48], 0)));
    }

    #[test]
    fn long_frames_and_long_padding_are_counted_as_they_are_written() {
        let frame = [7; 1275];
        let bytes = [&[0x48, 255, 255][..], &frame, &[1]].concat();
        assert_eq!(split(&bytes), Some(([&[0x48][..], &frame].concat(), 1)));
        let padded = [&[0x4b, 0x41, 255, 1, 1, 9][..], &[0; 255]].concat();
        assert_eq!(split(&padded), Some(([&[0x4b, 0x41, 255, 1, 9][..], &[0; 255]].concat(), 0)));
    }

    #[test]
    fn what_is_cut_off_is_none() {
        let whole = [0x4b, 0xc3, 1, 1, 0, 2, 7, 8, 9, 0];
        for len in 0..whole.len() {
            assert_eq!(split(&whole[..len]), None, "{len} bytes");
        }
        assert_eq!(split(&[0x4b, 0x80, 1, 1, 1]), None, "no frames");
    }
}
