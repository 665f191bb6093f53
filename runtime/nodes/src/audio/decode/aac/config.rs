//! The description of an AAC stream for its decoder: AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1).

use std::cell::Cell;

/// The facts of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::audio::decode) struct AacConfig {
    /// The kind of object; 2 is AAC-LC, 5 and 29 are HE-AAC.
    pub(in crate::audio::decode) object: u8,
    /// Frames per second of the core, in Hz.
    pub(in crate::audio::decode) rate: u32,
    /// Whether a note at the end says that HE-AAC's upper band is there as well, which decoders of AAC-LC pass over.
    pub(in crate::audio::decode) has_upper_band: bool,
    /// The description without the note that another coder's frames are needed, of which files of AAC-LC carry none.
    pub(in crate::audio::decode) alone: Option<[u8; 5]>,
}

const RATES: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8000, 7350];

impl AacConfig {
    /// Reads the beginning of a description.
    pub(in crate::audio::decode) fn read(config: &[u8]) -> Option<Self> {
        let place = Cell::new(0);
        let mut take = |count: usize| {
            let bits = (place.get()..place.get() + count).try_fold(0u32, |number, bit| {
                config.get(bit / 8).map(|byte| number << 1 | u32::from(byte >> (7 - bit % 8) & 1))
            });
            place.set(place.get() + count);
            bits
        };
        let object = match take(5)? {
            31 => 32 + take(6)?,
            object => object,
        };
        let rate = match take(4)? {
            15 => take(24)?,
            index => *RATES.get(index as usize)?,
        };
        let channels = take(4)?;
        let _short_frames = take(1)?;
        let depends_on_core = take(1)? == 1;
        let head_bits = place.get();
        let has_upper_band = object == 2 && channels > 0 && has_note(&mut take, depends_on_core).unwrap_or(false);
        let alone = (depends_on_core && object == 2).then(|| {
            let mut alone = [0; 5];
            // All up to the channels, and no flag: there are 13 bits of it, or 37 with the rate in full.
            for bit in 0..head_bits - 2 {
                alone[bit / 8] |= config[bit / 8] & 0x80 >> (bit % 8);
            }
            alone
        });
        Some(Self { object: u8::try_from(object).ok()?, rate, has_upper_band, alone }).filter(|config| config.rate > 0)
    }
}

/// Whether the rest of a description ends in the note of an upper band: the extension of type 0x2b7 for the object 5, and a
/// flag.
fn has_note(take: &mut impl FnMut(usize) -> Option<u32>, depends_on_core: bool) -> Option<bool> {
    if depends_on_core {
        take(14)?;
    }
    take(1)?;
    Some(take(11)? == 0x2b7 && take(5)? == 5 && take(1)? == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_by_index_and_in_full() {
        for (config, object, rate) in [
            (&[0x12, 0x10][..], 2, 44_100),
            (&[0x10, 0x10], 2, 96_000),
            (&[0x10, 0x90], 2, 88_200),
            (&[0x17, 0x80, 0x56, 0x22, 0x10], 2, 44_100),
            (&[0x2b, 0x92, 0x08, 0x00], 5, 22_050),
        ] {
            assert_eq!(
                AacConfig::read(config),
                Some(AacConfig { object, rate, has_upper_band: false, alone: None }),
                "{config:02x?}"
            );
        }
        // AAC-LC of 22.05 kHz and the note of SBR, as FFmpeg's encoders and iTunes write it; the flag is bit 0 behind it.
        let noted = |flag: u8| AacConfig::read(&[0x13, 0x90, 0x56, 0xe5, flag]).map(|config| config.has_upper_band);
        assert_eq!((noted(0xa0), noted(0x00)), (Some(true), Some(false)));
        assert_eq!(AacConfig::read(&[0x12]), None);
        let core = AacConfig::read(&[0x12, 0x12]).expect("it is a description");
        assert_eq!((core.rate, core.alone), (44_100, Some([0x12, 0x10, 0, 0, 0])));
        assert_eq!(AacConfig::read(&[0x16, 0x90]), None);
    }
}
