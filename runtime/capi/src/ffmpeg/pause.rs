//! Pauses in AMR: packets in which nobody speaks, with a description of the noise or without one (3GPP TS 26.101, 4.1 and
//! 26.201, 4.1). FFmpeg's own decoders make nothing of them, not even time; here they are silence.

/// The frames of silence, and their rate, that a packet of this codec stands for; `None` if it is one of speech.
pub(super) fn silence(codec: &str, packet: &[u8]) -> Option<(usize, u32)> {
    // The four bits of a packet's header that say what it holds: behind the modes of speech come descriptions of noise, and
    // the last two are sound that was lost, and none.
    let kind = packet.first()? >> 3 & 15;
    let is_single = packet.len() <= LONGEST;
    match codec {
        "amr_nb" if is_single && matches!(kind, 8..=11 | 15) => Some((160, 8000)),
        "amr_wb" if is_single && matches!(kind, 9 | 14 | 15) => Some((320, 16_000)),
        _ => None,
    }
}

/// A description of noise has 39 bits in narrow band and 40 in wide band, after the header.
const LONGEST: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_without_speech_are_silence_of_their_length() {
        for (codec, packet, expected) in [
            ("amr_nb", &[0x04; 13][..], None),
            ("amr_nb", &[0x44, 1, 2, 3, 4, 5], Some((160, 8000))),
            ("amr_nb", &[0x7c], Some((160, 8000))),
            ("amr_wb", &[0x44; 61], None),
            ("amr_wb", &[0x4c, 1, 2, 3, 4, 5], Some((320, 16_000))),
            ("amr_wb", &[0x74], Some((320, 16_000))),
            ("amr_nb", &[], None),
            ("mp3", &[0x7c], None),
        ] {
            assert_eq!(silence(codec, packet), expected, "{codec} {packet:02x?}");
        }
    }
}
