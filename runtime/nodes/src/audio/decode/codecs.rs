//! The codecs that can be decoded, as a document: those that are built in, and those that the system has.

use serde_json::{Map, Value, json};

use super::system::codecs::installed;

/// What is built in, by the names of the map at the port `info`; of PCM and ADPCM the kinds.
const BUILT_IN: [(&str, &str); 12] = [
    ("aac", "AAC-LC, up to two channels"),
    ("adpcm", "ADPCM of Microsoft and IMA"),
    ("alac", "ALAC"),
    ("flac", "FLAC"),
    ("mp1", "MPEG audio layer I"),
    ("mp2", "MPEG audio layer II"),
    ("mp3", "MP3"),
    ("opus", "Opus"),
    ("pcm", "PCM of 8 to 32 bits, integers and floats"),
    ("pcm_alaw", "G.711 A-law"),
    ("pcm_mulaw", "G.711 mu-law"),
    ("vorbis", "Vorbis, up to two channels"),
];

/// `{built_in: {name: description}, ffmpeg: {version, license, path, libraries, decoders}}`, or `{absent}` in place of the latter
/// with what can be done about it. Loads FFmpeg where it is.
pub fn codecs() -> Value {
    let map = |entries: Vec<(String, String)>| -> Value {
        entries.into_iter().map(|(name, text)| (name, Value::from(text))).collect::<Map<_, _>>().into()
    };

    let ffmpeg = match installed().map(|codecs| codecs.list()) {
        None => json!({"absent": "This build of the library does not look for FFmpeg."}),
        Some(list) => match list.absent {
            Some(absent) => json!({"absent": absent}),
            None => json!({
                "version": list.version,
                "license": list.license,
                "path": list.path,
                "libraries": map(list.libraries),
                "decoders": map(list.decoders),
            }),
        },
    };
    let built_in = BUILT_IN.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    json!({"built_in": map(built_in), "ffmpeg": ffmpeg})
}
