//! Which demuxers of FFmpeg may read a file, by the container that its first bytes tell. FFmpeg is never left to guess: a
//! list of pictures or a playlist, which name further files, must not be taken for audio.

use crate::audio::decode::container::Container;

/// The names of the demuxers for a container; `None` for one that holds no audio, or is not known.
pub(in crate::audio::decode) fn system_formats(container: Container) -> Option<&'static str> {
    Some(match container {
        Container::Wav => "wav",
        Container::W64 => "w64",
        Container::Aiff => "aiff",
        Container::Sun => "au",
        Container::Caf => "caf",
        Container::Flac => "flac",
        Container::Ogg => "ogg",
        Container::Mpeg => "mp3",
        Container::Adts => "aac",
        Container::Mp4 => "mov",
        Container::Matroska => "matroska",
        Container::Foreign(name) => return foreign(name),
        Container::Unknown => return None,
    })
}

/// Whether the frames stand in the file alone, so that its length is a guess.
pub(super) fn is_bare(format: &str) -> bool {
    matches!(format, "aac" | "ac3" | "amr" | "dts" | "dtshd" | "eac3" | "loas" | "mp3" | "mpeg" | "mpegts" | "truehd")
}

/// Whether frames stand in a file alone, so that whoever writes tags into it can only put them behind.
pub(super) fn stands_alone(container: Container) -> bool {
    matches!(container, Container::Foreign("AC-3" | "AMR" | "DTS"))
}

/// By the names that [`crate::audio::decode::container`] has for them.
fn foreign(name: &str) -> Option<&'static str> {
    FOREIGN.iter().find(|(known, _)| *known == name).map(|(_, formats)| *formats)
}

const FOREIGN: [(&str, &str); 26] = [
    ("8SVX", "iff"),
    ("AAC in LOAS", "loas"),
    ("AC-3", "ac3,eac3"),
    ("AMR", "amr,amrnb,amrwb"),
    ("AVI", "avi"),
    ("Creative Voice", "voc"),
    ("DSD", "dsf"),
    ("DSDIFF", "iff"),
    ("DTS", "dts"),
    ("DTS-HD", "dtshd"),
    ("Flash Video", "flv"),
    ("IRCAM", "ircam"),
    ("MPEG program stream", "mpeg"),
    ("MPEG transport stream", "mpegts"),
    ("Monkey's Audio", "ape"),
    ("Musepack", "mpc,mpc8"),
    ("NIST SPHERE", "nistsphere"),
    ("QCP", "qcp"),
    ("QOA", "qoa"),
    ("RealAudio", "rm"),
    ("RealMedia", "rm"),
    ("Shorten", "shn"),
    ("TAK", "tak"),
    ("TTA", "tta"),
    ("WMA or ASF", "asf,asf_o"),
    ("WavPack", "wv"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_audio_has_no_demuxer() {
        assert!(FOREIGN.is_sorted_by_key(|(name, _)| *name));
        assert_eq!(system_formats(Container::Foreign("WavPack")), Some("wv"));
        for name in ["PNG", "playlist", "ZIP", "MIDI"] {
            assert_eq!(system_formats(Container::Foreign(name)), None);
        }
        assert_eq!(system_formats(Container::Unknown), None);
    }
}
