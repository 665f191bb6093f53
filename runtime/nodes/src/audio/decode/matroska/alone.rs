//! Blocks that hold one packet and lace it as EBML does several (RFC 9559, 10.3.3): FFmpeg looks for its size, which they do not
//! have, and drops them without an error.

use super::walk::{Element, vint};

/// The bytes that make such a block one without lacing, from where the element begins on; `None` for others. `start` is what
/// its content begins with.
///
/// The number of packets goes, so that the header is a byte longer.
pub(super) fn unlaced(begins: u64, element: &Element, start: &[u8]) -> Option<Vec<u8>> {
    const LACING: u8 = 6;
    const LONGEST_SIZE: usize = 8;
    const VOID: [u8; 2] = [0xec, 0x80];
    let (_, track) = vint(start, true)?;
    let (head, rest) = start.split_at_checked(track + 3)?;
    let (flags, head) = head.split_last()?;
    if flags & LACING != LACING || *rest.first()? != 0 {
        return None;
    }
    let size_len = usize::try_from(element.data.checked_sub(begins + 1)?).ok()?;
    let (void, size_len) = if size_len < LONGEST_SIZE { (&[][..], size_len + 1) } else { (&VOID[..], size_len - 1) };
    let size = (element.len?.checked_sub(1)? | 1 << (7 * size_len)).to_be_bytes();
    let id = u8::try_from(element.id).ok()?;
    Some([void, &[id], &size[LONGEST_SIZE - size_len..], head, &[flags & !LACING]].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_of_one_packet_keeps_its_length_without_lacing() {
        let block = |size: &[u8], content: &[u8]| {
            let (data, len) = (1 + size.len() as u64, Some(content.len() as u64));
            unlaced(0, &Element { id: 0xa3, len, data }, content)
        };
        let rest = [7; 96];
        let content = [&[0x81, 0, 5, 0x86, 0][..], &rest].concat();
        assert_eq!(block(&[0x80 | 101], &content), Some(vec![0xa3, 0x40, 100, 0x81, 0, 5, 0x80]));
        let long = [&[1][..], &[0; 6], &[101]].concat();
        assert_eq!(
            block(&long, &content),
            Some([&[0xec, 0x80, 0xa3, 2][..], &[0; 5], &[100, 0x81, 0, 5, 0x80]].concat())
        );
        let far = [&[0x40, 0x81, 0, 5, 6, 0][..], &rest].concat();
        assert_eq!(block(&[0x80 | 102], &far), Some(vec![0xa3, 0x40, 101, 0x40, 0x81, 0, 5, 0]));
        // Without lacing, of several packets, and with other sizes, which FFmpeg reads.
        for (flags, more) in [(0x80, 0), (0x86, 1), (0x82, 0), (0x84, 0)] {
            assert_eq!(block(&[0x80 | 101], &[&[0x81, 0, 5, flags, more][..], &rest].concat()), None);
        }
        assert_eq!(block(&[0x84], &[0x81, 0, 5, 0x86]), None);
    }
}
