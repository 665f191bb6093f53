//! The names of the codecs of WAV files, by their format tags (Microsoft's `mmreg.h`, RFC 2361).

/// The name of the codec with this tag. `bits` is how many a sample has.
pub(super) fn codec_name(tag: u16, bits: u16) -> String {
    match tag {
        1 => format!("PCM of {bits} bits"),
        2 | 0x11 if bits != 4 => format!("{} of {bits} bits", name(tag).unwrap_or("ADPCM")),
        3 => format!("floats of {bits} bits"),
        _ => name(tag).map_or_else(|| format!("the codec 0x{tag:04x}"), str::to_owned),
    }
}

/// Whether FFmpeg takes the codec with this tag for another one: NMS's for AMR.
pub(super) fn is_mistaken(tag: u16) -> bool {
    tag == 0x38
}

fn name(tag: u16) -> Option<&'static str> {
    TAGS.binary_search_by_key(&tag, |(known, _)| *known).ok().map(|place| TAGS[place].1)
}

const TAGS: [(u16, &str); 76] = [
    (0x0002, "Microsoft ADPCM"),
    (0x0004, "VSELP"),
    (0x0005, "CVSD"),
    (0x0008, "DTS"),
    (0x0009, "DRM"),
    (0x000a, "Windows Media Voice"),
    (0x0010, "OKI ADPCM"),
    (0x0011, "IMA ADPCM"),
    (0x0012, "Mediaspace ADPCM"),
    (0x0013, "Sierra ADPCM"),
    (0x0014, "G.723 ADPCM"),
    (0x0015, "DIGISTD"),
    (0x0016, "DIGIFIX"),
    (0x0017, "OKI ADPCM"),
    (0x0020, "Yamaha ADPCM"),
    (0x0021, "Sonarc"),
    (0x0022, "TrueSpeech"),
    (0x0024, "Audiofile AF36"),
    (0x0028, "LRC"),
    (0x0030, "Dolby AC-2"),
    (0x0031, "GSM 6.10"),
    (0x0032, "MSN Audio"),
    (0x0033, "Antex ADPCM"),
    (0x0034, "Control Resources VQLPC"),
    (0x0036, "DIGIADPCM"),
    (0x0038, "NMS VBX ADPCM"),
    (0x0039, "Roland RDAC"),
    (0x003b, "Rockwell ADPCM"),
    (0x003c, "Rockwell DIGITALK"),
    (0x0040, "G.721 ADPCM"),
    (0x0041, "G.728 CELP"),
    (0x0042, "G.723.1"),
    (0x0045, "G.726 ADPCM"),
    (0x0050, "MPEG layer I or II"),
    (0x0055, "MP3"),
    (0x0061, "Duck DK4 ADPCM"),
    (0x0062, "Duck DK3 ADPCM"),
    (0x0064, "G.726 ADPCM"),
    (0x0065, "G.722"),
    (0x0069, "IMA ADPCM by Xbox"),
    (0x0070, "Lernout & Hauspie CELP"),
    (0x0075, "Voxware MetaSound"),
    (0x0083, "G.729"),
    (0x0085, "DF G.726"),
    (0x0092, "Dolby AC-3 by SPDIF"),
    (0x0097, "ZyXEL ADPCM"),
    (0x00a1, "Lucent G.723"),
    (0x00ff, "AAC"),
    (0x0111, "Vivo G.723"),
    (0x0112, "Vivo Siren"),
    (0x0125, "Sanyo LD-ADPCM"),
    (0x0130, "Sipro ACELP"),
    (0x0140, "G.726 ADPCM"),
    (0x0160, "WMA 1"),
    (0x0161, "WMA 2"),
    (0x0162, "WMA Pro"),
    (0x0163, "WMA Lossless"),
    (0x0164, "WMA over SPDIF"),
    (0x0180, "Unisys ADPCM"),
    (0x0200, "Creative ADPCM"),
    (0x0270, "ATRAC3"),
    (0x028e, "Siren"),
    (0x028f, "G.722"),
    (0x0401, "Indeo Audio"),
    (0x1600, "AAC in ADTS"),
    (0x1602, "AAC in LATM"),
    (0x1610, "AAC"),
    (0x2000, "AC-3"),
    (0x2001, "DTS"),
    (0x2048, "Sonic"),
    (0x566f, "Vorbis"),
    (0x674f, "Vorbis"),
    (0x706d, "AAC"),
    (0x77a1, "TTA"),
    (0xa109, "Speex"),
    (0xf1ac, "FLAC"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_in_order_so_that_each_is_found() {
        assert!(TAGS.is_sorted_by_key(|(tag, _)| *tag));
        assert_eq!(codec_name(0x65, 4), "G.722");
        assert_eq!(codec_name(0x1234, 4), "the codec 0x1234");
        assert_eq!(codec_name(1, 40), "PCM of 40 bits");
        assert_eq!(codec_name(2, 3), "Microsoft ADPCM of 3 bits");
    }
}
