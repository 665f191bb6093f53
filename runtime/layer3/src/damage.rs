//! What is wrong with a frame.

/// Why a frame can't be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// It is another layer or no frame at all.
    Head,
    /// It ends before its side information does.
    Short,
    /// A granule has more values than there is room for.
    Pairs,
    /// A granule switches to the kind of block that stands for none.
    Block,
    /// A granule ends where the frame already did, or before its scale factors do.
    Length,
}

impl Damage {
    /// What is wrong, as a part of a sentence.
    pub fn text(self) -> &'static str {
        match self {
            Self::Head => "a packet is no frame of MPEG layer III",
            Self::Short => "a frame of MPEG layer III is shorter than its side information",
            Self::Pairs => "a granule of MPEG layer III has more than 576 values",
            Self::Block => "a granule of MPEG layer III has a kind of block that does not exist",
            Self::Length => "a granule of MPEG layer III is longer or shorter than its data",
        }
    }
}

/// Frames that are damaged, and bytes that never were frames.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::Chance;
    use crate::{Decoder, Head};

    /// A frame of MPEG-1 in stereo without a checksum, its side information by these bytes, and zeros.
    fn frame(side: &[u8], main: usize) -> Vec<u8> {
        [&[0xff, 0xfb, 0x90, 0x00][..], side, &vec![0; main]].concat()
    }

    #[test]
    fn what_is_wrong_with_a_frame_has_a_name() {
        let silent = [0; 32];
        let with = |bits: std::ops::Range<usize>, value: u16| {
            let mut side = silent;
            for (number, bit) in bits.clone().rev().enumerate() {
                side[bit / 8] |= ((value >> number & 1) as u8) << (7 - bit % 8);
            }
            side
        };
        let decoded = |frame: &[u8]| Decoder::new().decode(frame).map(|planes| planes.map(<[f32]>::len));
        assert_eq!(decoded(&frame(&silent, 100)), Ok([1152; 2]));
        assert_eq!(decoded(&frame(&silent, 0)), Ok([1152; 2]));
        assert_eq!(decoded(&frame(&silent[..31], 0)), Err(Damage::Short));
        assert_eq!(decoded(&[0xff, 0xfd, 0x90, 0]), Err(Damage::Head), "layer II");
        assert_eq!(decoded(&[0xff, 0xfb, 0x9c, 0]), Err(Damage::Head), "no rate");
        assert_eq!(decoded(&[0xff, 0xeb, 0x90, 0]), Err(Damage::Head), "no version");
        assert_eq!(decoded(b""), Err(Damage::Head));
        // The first granule of the first channel begins at bit 20: 12 bits of length, 9 of pairs.
        assert_eq!(decoded(&frame(&with(32..41, 288), 100)), Ok([1152; 2]));
        assert_eq!(decoded(&frame(&with(32..41, 289), 100)), Err(Damage::Pairs));
        assert_eq!(decoded(&frame(&with(53..54, 1), 100)), Err(Damage::Block));
        assert_eq!(decoded(&frame(&with(20..32, 800), 100)), Ok([1152; 2]));
        assert_eq!(decoded(&frame(&with(20..32, 801), 100)), Err(Damage::Length));
        // Scale factors of 4 and 3 bits, and a granule without bits.
        assert_eq!(decoded(&frame(&with(49..53, 15), 100)), Err(Damage::Length));
    }

    #[test]
    fn a_frame_after_a_damaged_one_is_decoded_as_the_first() {
        let mut decoder = Decoder::new();
        let good = frame(&[0; 32], 100);
        decoder.decode(&good).expect("it is right");
        decoder.decode(&frame(&[0xff; 31], 0)).expect_err("it is cut");
        // It looks back by 100 bytes, which are forgotten: what begins there is silent, and no error.
        let mut back = good;
        back[4] = 100 >> 1;
        assert_eq!(decoder.decode(&back).map(|planes| planes[0].iter().all(|sample| *sample == 0.0)), Ok(true));
    }

    #[test]
    fn whatever_the_bytes_samples_are_finite() {
        let mut chance = Chance(7);
        let mut decoder = Decoder::new();
        let (mut right, mut wrong) = (0, 0);
        for number in 0..6000 {
            let len = 4 + (chance.next() % 1500) as usize;
            let mut bytes = chance.bytes(len);
            bytes[0] = 0xff;
            bytes[1] = [0xfb, 0xf3, 0xe3, 0xfa][number % 4];
            bytes[2] = bytes[2] & 0xf3 | [0, 4, 8][number % 3];
            if let Some(side) = bytes.get_mut(4..38).filter(|_| number % 5 > 0) {
                // Shorter granules, with fewer values, are more often right.
                side.iter_mut().for_each(|byte| *byte &= [0xff, 0x5d, 0x3e, 0x19, 0x82][number % 5]);
            }
            match decoder.decode(&bytes) {
                Ok(planes) => {
                    right += 1;
                    let head = Head::read(&bytes).expect("it was decoded");
                    let planes = &planes[..head.channels()];
                    assert!(planes.iter().all(|plane| plane.len() == head.frames()), "{number}");
                    assert!(planes.iter().all(|plane| plane.iter().all(|sample| sample.is_finite())), "{number}");
                }
                Err(_) => wrong += 1,
            }
        }
        assert!(right > 1000 && wrong > 1000, "{right} are right, {wrong} are wrong");
    }
}
