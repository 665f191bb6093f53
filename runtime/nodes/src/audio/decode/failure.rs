//! The errors of the decoder: one function for each kind of failure.

use std::io;

use remotemedia_core::node::NodeError;
use symphonia::core::codecs::audio::{AudioCodecId, well_known as codec};

use super::matroska::encoding::Encoding;
use super::matroska::walk::LostElement;
use super::ogg::order::LostPages;
use super::refusal::Refusal;
use super::system::codecs::SystemError;
use super::vorbis;

pub(super) use crate::io::{empty, unreadable};

const SUPPORTED: &str =
    "Use WAV, AIFF, CAF, FLAC, MP3, Vorbis or Opus (Ogg or WebM), AAC-LC (M4A, MP4 or ADTS) or ALAC (M4A)";
const AGAIN: &str = "Fetch or copy it again";

/// Bytes that no demuxer knows.
pub(super) fn not_audio(name: &str, first: &[u8], format: Option<&str>) -> NodeError {
    let known = format.map(|format| format!(" ({format})")).unwrap_or_default();
    NodeError::new(format!("{name} is not audio that remotemedia knows; it begins with {}{known}", beginning(first)))
        .cure(format!("{SUPPORTED}."))
}

pub(super) fn no_audio_track(name: &str) -> Refusal {
    Refusal::of_track(without_audio(name))
}

fn without_audio(name: &str) -> NodeError {
    NodeError::new(format!("{name} holds no audio track")).cure("Use a file with sound.")
}

pub(super) fn codec_unsupported(name: &str, id: AudioCodecId, detail: Option<&str>) -> Refusal {
    kind_unsupported(name, &codec_name(id), detail)
}

/// A codec by its name, or of it only what the detail says.
pub(super) fn kind_unsupported(name: &str, codec: &str, detail: Option<&str>) -> Refusal {
    let detail = detail.map(|detail| format!(" ({detail})")).unwrap_or_default();
    refused(name, &format!("{codec}{detail}"))
}

/// A codec that the header of a file names.
pub(super) fn refused(name: &str, codec: &str) -> Refusal {
    let error =
        NodeError::new(format!("{name} holds {codec}, which remotemedia can't decode")).cure(format!("{SUPPORTED}."));
    Refusal::of_codec(error, format!("holds {codec}"))
}

/// Sound whose packets were encoded once more, if that is not undone here.
pub(super) fn encoded(name: &str, encoding: &Encoding) -> Option<Refusal> {
    let refused = |sound: &str| NodeError::new(format!("{name} holds {sound}, which remotemedia can't decode"));
    match encoding {
        Encoding::Plain | Encoding::Stripped(_) => None,
        Encoding::Compressed(by) => {
            let sound = format!("sound that is compressed by {by}");
            let error =
                refused(&sound).cure("Write it without that: `mkvmerge -o new.mkv --compression -1:none old.mkv`.");
            Some(Refusal::of_codec(error, format!("holds {sound}")))
        }
        Encoding::Locked(sound) => {
            Some(refused(sound).cure("Use a copy that is neither encrypted nor compressed.").into())
        }
    }
}

/// What the system's codecs would decode if there were any; `is` is what the file is or holds, and `cure` what can be done.
pub(super) fn not_built_in(name: &str, is: &str, cure: &str) -> NodeError {
    NodeError::new(format!("{name} {is}, which is not built in")).cure(cure)
}

/// An error of the system's codecs, which messages call `shown`; `is` is what the file is or holds.
pub(super) fn of_system(name: &str, shown: &str, is: &str, error: SystemError) -> NodeError {
    match error {
        SystemError::Io(error) => broken_off(name, &error),
        SystemError::NoAudio => without_audio(name),
        SystemError::Codec(codec) => {
            // FFmpeg has no name for a codec that it does not know.
            let is = if codec == "none" { is.to_owned() } else { format!("holds {codec}") };
            NodeError::new(format!("{name} {is}, which neither remotemedia nor {shown} can decode"))
                .cure(format!("{SUPPORTED}."))
        }
        SystemError::Damaged(detail) => damaged(name, &format!("it {is}, and {detail}")),
    }
}

/// The file ends before its sound does.
pub(super) fn truncated(name: &str, there: u64, expected: Option<u64>) -> NodeError {
    let count = match expected {
        Some(expected) if expected > there => format!(": {there} of {expected} frames are there"),
        _ => ": its last packet is not whole".to_owned(),
    };
    NodeError::new(format!("{name} ends too early{count}")).cure(format!("{AGAIN}; it was cut off."))
}

/// A file with a head and nothing behind it.
pub(super) fn without_frames(name: &str) -> NodeError {
    NodeError::new(format!("{name} ends before its first frame of sound"))
        .cure("Fetch or copy it again if it was cut off; else nothing was written to it.")
}

/// An MP4 file whose edits go back in the sound, which is decoded in one go.
pub(super) fn not_in_order(name: &str) -> Refusal {
    const HAS: &str = "has an edit list that plays sound twice or in another order";
    let error = NodeError::new(format!("{name} {HAS}, which remotemedia does not follow"))
        .cure("Save it with its edits done, or convert it with FFmpeg.");
    Refusal::of_codec(error, HAS.to_owned())
}

/// PCM without a header that ends within a frame.
pub(super) fn cut_frame(name: &str, there: usize, frame: usize) -> NodeError {
    NodeError::new(format!("{name} ends within a frame: {there} of its {frame} bytes are there"))
        .cure("Check `sample_format` and `channels` of `raw`, and that all bytes were sent.")
}

/// A part was asked for that begins after the end.
pub(super) fn starts_too_late(name: &str, start_s: f64, end_s: f64) -> NodeError {
    NodeError::new(format!("{name} is {end_s} s long, and `start_s` is {start_s}")).cure("Choose a start within it.")
}

/// An MP4 file without its index, which often comes last.
pub(super) fn no_index(name: &str) -> NodeError {
    NodeError::new(format!("{name} has no index (moov), without which M4A and MP4 can't be read"))
        .cure(format!("{AGAIN}; it was cut off or not finished."))
}

pub(super) fn damaged(name: &str, detail: &str) -> NodeError {
    NodeError::new(format!("{name} is damaged: {detail}")).cure(format!("{AGAIN}, or cut the damaged part out."))
}

/// Whether a source fails since its next pages or elements are missing.
pub(super) fn is_lost(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<LostPages>() || inner.is::<LostElement>())
}

/// A source that can't be read on, or whose next pages or elements are missing.
pub(super) fn broken_off(name: &str, error: &io::Error) -> NodeError {
    match error.get_ref().filter(|_| is_lost(error)) {
        Some(lost) => damaged(name, &lost.to_string()),
        None => unreadable(name, error),
    }
}

/// Matroska that goes on with a file of its own.
pub(super) fn joined(name: &str) -> NodeError {
    NodeError::new(format!("{name} is several files one behind the other, of which the first is decoded"))
        .cure("Decode them one by one, or join them with a program that makes one file of them.")
}

/// A file at which a decoder panicked.
pub(super) fn unexpected(name: &str, panic: &str) -> NodeError {
    NodeError::new(format!("{name} is damaged in a way that its decoder does not expect: {panic}"))
        .cure(format!("{AGAIN}, or cut the damaged part out."))
}

/// A Vorbis stream whose header describes more than its encoder could mean.
pub(super) fn codebooks_too_large(name: &str) -> NodeError {
    NodeError::new(format!("the Vorbis codebooks of {name} take more than {} MiB", vorbis::setup::MOST >> 20))
        .cure(format!("{AGAIN}; those of libvorbis take at most 4 MiB."))
}

/// A stream of bytes of which too much would have to be kept.
pub(super) fn too_long(name: &str, most: u64) -> NodeError {
    NodeError::new(format!("more than {} MiB of {name} would have to be kept before they can be decoded", most >> 20))
        .cure("Send it as a file, which is read where it lies.")
}

pub(super) fn mixed_inputs() -> NodeError {
    NodeError::new("a file arrives in the middle of a stream of bytes")
        .cure("Send each file and each stream of bytes as an item of its own.")
}

/// Text in quotes, anything else in hex.
fn beginning(first: &[u8]) -> String {
    let first = &first[..first.len().min(12)];
    match std::str::from_utf8(first) {
        Ok(text) if !text.contains(|letter: char| letter.is_control() && !letter.is_whitespace()) => {
            format!("{text:?}")
        }
        _ => first.iter().take(8).map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" "),
    }
}

fn codec_name(id: AudioCodecId) -> String {
    let name = match id {
        codec::CODEC_ID_OPUS => "Opus",
        codec::CODEC_ID_SPEEX => "Speex",
        codec::CODEC_ID_MP1 => "MPEG layer I",
        codec::CODEC_ID_MP2 => "MPEG layer II",
        codec::CODEC_ID_MP3 => "MP3",
        codec::CODEC_ID_AAC => "AAC",
        codec::CODEC_ID_AC3 => "AC-3",
        codec::CODEC_ID_EAC3 => "E-AC-3",
        codec::CODEC_ID_AC4 => "AC-4",
        codec::CODEC_ID_DCA => "DTS",
        codec::CODEC_ID_WMA => "WMA",
        codec::CODEC_ID_ADPCM_MS | codec::CODEC_ID_ADPCM_IMA_WAV | codec::CODEC_ID_ADPCM_IMA_QT => "ADPCM",
        codec::CODEC_ID_ADPCM_G722 => "G.722",
        codec::CODEC_ID_ADPCM_G726 | codec::CODEC_ID_ADPCM_G726LE => "G.726",
        codec::CODEC_ID_VORBIS => "Vorbis",
        codec::CODEC_ID_FLAC => "FLAC",
        codec::CODEC_ID_ALAC => "ALAC",
        _ => "a codec",
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_codec_is_called_by_its_name() {
        assert_eq!(
            codec_unsupported("'a.m4a'", codec::CODEC_ID_AAC, Some("HE-AAC, or more than two channels")).error.cause,
            "'a.m4a' holds AAC (HE-AAC, or more than two channels), which remotemedia can't decode"
        );
        assert_eq!(
            codec_unsupported("'a.rm'", codec::CODEC_ID_COOK, None).error.cause,
            "'a.rm' holds a codec, which remotemedia can't decode"
        );
        let unknown =
            of_system("'a.wav'", "FFmpeg 5", "holds floats of 16 bits in WAV", SystemError::Codec("none".into()));
        assert_eq!(
            unknown.cause,
            "'a.wav' holds floats of 16 bits in WAV, which neither remotemedia nor FFmpeg 5 can decode"
        );
    }
}
