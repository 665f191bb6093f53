//! The bit reservoir: the main data of a frame may begin in the room that earlier frames had left.

use remotemedia_bits::Bits;

/// How far a frame may look back, in bytes.
const MOST_BACK: usize = 511;

/// The main data of a frame, behind the end of that of the frames before.
#[derive(Default)]
pub(crate) struct Reservoir {
    bytes: Vec<u8>,
    /// Where the main data of the frame begins.
    begins: usize,
}

impl Reservoir {
    /// Takes the main data that a frame holds, which begins so many bytes earlier. How many bits of it are missing.
    pub(crate) fn fill(&mut self, main: &[u8], back: usize) -> usize {
        let known = self.bytes.len().min(MOST_BACK);
        self.bytes.drain(..self.bytes.len() - known);
        self.begins = known.saturating_sub(back);
        self.bytes.extend_from_slice(main);
        8 * back.saturating_sub(known)
    }

    /// A reader of the bits of the frame's main data from one up to another; `None` if it ends before.
    pub(crate) fn bits(&self, from: usize, to: usize) -> Option<Bits<'_>> {
        let main = &self.bytes[self.begins..];
        (to <= 8 * main.len()).then(|| Bits::new(main, from, to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn main_data_begins_in_frames_before() {
        let mut reservoir = Reservoir::default();
        assert_eq!(reservoir.fill(&[1, 2, 3], 0), 0);
        assert_eq!(reservoir.fill(&[4, 5], 2), 0);
        let mut bits = reservoir.bits(8, 32).expect("it is there");
        assert_eq!((bits.read(8), bits.read(16), bits.rest()), (3, 0x0405, 0));
        assert!(reservoir.bits(0, 33).is_none());
        // Of seven bytes before, five are known.
        assert_eq!(reservoir.fill(&[6], 7), 16);
        assert_eq!(reservoir.bits(0, 48).map(|mut bits| bits.read(8)), Some(1));
        reservoir.fill(&[7; 2000], 0);
        assert_eq!(reservoir.fill(&[8], 511), 0);
        assert_eq!(reservoir.bits(511 * 8, 512 * 8).map(|mut bits| bits.read(8)), Some(8));
    }
}
