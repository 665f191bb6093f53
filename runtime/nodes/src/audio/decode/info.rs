//! What the head of a file tells: container, codec, format, length and tags, as one map.

use std::sync::Arc;

use remotemedia_core::value::{Map, Value};
use symphonia::core::codecs::audio::AudioCodecId;
use symphonia::core::codecs::audio::well_known::CODEC_ID_OPUS;
use symphonia::core::meta::{Metadata, RawValue, StandardTag, Tag};

use super::super::pcm::SampleFormat;
use super::container::Container;

/// The facts of one file, without its format, which its first packet tells.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Head {
    pub(super) container: &'static str,
    pub(super) codec: &'static str,
    /// The length that the file promises, in seconds.
    pub(super) duration_s: Option<f64>,
    pub(super) tags: Map,
}

/// The most tags of a file, and the most bytes of one; others are left out. A head is not the place for a book.
const MOST_TAGS: usize = 256;
const MOST_TAG_BYTES: usize = 16 << 10;

impl Head {
    /// The map `{container, codec, rate, channels, duration_s?, tags}`.
    pub(super) fn value(&self, rate: u32, channels: usize) -> Value {
        let text = |text: &str| Value::Str(text.into());
        let mut map = Map::new();
        map.insert("container".into(), text(self.container));
        map.insert("codec".into(), text(self.codec));
        map.insert("rate".into(), Value::Int(rate.into()));
        map.insert("channels".into(), Value::Int(channels as i64));
        if let Some(duration_s) = self.duration_s {
            map.insert("duration_s".into(), Value::Float(duration_s));
        }
        map.insert("tags".into(), Value::Map(Arc::new(self.tags.clone())));
        Value::Map(Arc::new(map))
    }
}

/// The name of a container in the map.
pub(super) fn container_name(container: Container) -> &'static str {
    match container {
        Container::Wav => "wav",
        Container::Flac => "flac",
        Container::Ogg => "ogg",
        Container::Mpeg => "mp3",
        Container::Adts => "adts",
        Container::Mp4 => "mp4",
        Container::Matroska => "matroska",
        Container::Foreign(_) | Container::Unknown => "unknown",
    }
}

/// The name of a codec in the map: `mp3`, `pcm_s16le`.
pub(super) fn codec_name(codec: AudioCodecId) -> &'static str {
    if codec == CODEC_ID_OPUS {
        return "opus";
    }
    symphonia::default::get_codecs().get_audio_decoder(codec).map_or("unknown", |decoder| decoder.codec.info.short_name)
}

/// The tags of a file: text under the usual names, others under the name that the file gives them, in lower case. Of two
/// with one name, those of one block of tags are put together, and the first block counts.
pub(super) fn tags(mut metadata: Metadata<'_>, track: u32) -> Map {
    let mut tags = Map::new();
    loop {
        if let Some(revision) = metadata.current() {
            let of_track = revision.per_track.iter().filter(|of| of.track_id == u64::from(track));
            let all = revision.media.tags.iter().chain(of_track.flat_map(|of| &of.metadata.tags));
            let mut block = Map::new();
            for (name, text) in all.filter_map(named) {
                add(&mut block, name, &text);
            }
            for (name, text) in block {
                if tags.len() < MOST_TAGS {
                    tags.entry(name).or_insert(text);
                }
            }
        }
        if metadata.pop().is_none() {
            return tags;
        }
    }
}

/// Puts a tag into a block of them, unless there is too much of it.
pub(super) fn add(block: &mut Map, name: String, text: &str) {
    let joined = match block.get(name.as_str()) {
        Some(Value::Str(first)) if &**first != text => format!("{first}; {text}"),
        Some(_) => return,
        None => text.to_owned(),
    };
    if joined.len() <= MOST_TAG_BYTES && block.len() < MOST_TAGS {
        block.insert(name.into(), Value::Str(joined.into()));
    }
}

fn named(tag: &Tag) -> Option<(String, String)> {
    let raw = match &tag.raw.value {
        RawValue::String(text) => text.to_string(),
        RawValue::StringList(texts) => texts.join("; "),
        RawValue::Boolean(is_set) => is_set.to_string(),
        RawValue::Float(number) => number.to_string(),
        RawValue::SignedInt(number) => number.to_string(),
        RawValue::UnsignedInt(number) => number.to_string(),
        // Bytes and flags are no text.
        _ => return None,
    };
    let (name, text) = match &tag.std {
        Some(StandardTag::TrackNumber(number)) => ("track", number.to_string()),
        Some(StandardTag::TrackTotal(number)) => ("track_total", number.to_string()),
        Some(StandardTag::DiscNumber(number)) => ("disc", number.to_string()),
        Some(StandardTag::DiscTotal(number)) => ("disc_total", number.to_string()),
        Some(standard) => match usual_name(standard) {
            Some(name) => (name, raw),
            None => return Some((tag.raw.key.to_lowercase(), raw)),
        },
        None => return Some((tag.raw.key.to_lowercase(), raw)),
    };
    Some((name.to_owned(), text))
}

fn usual_name(tag: &StandardTag) -> Option<&'static str> {
    Some(match tag {
        StandardTag::TrackTitle(_) => "title",
        StandardTag::Artist(_) => "artist",
        StandardTag::Album(_) => "album",
        StandardTag::AlbumArtist(_) => "album_artist",
        StandardTag::Composer(_) => "composer",
        StandardTag::Conductor(_) => "conductor",
        StandardTag::Performer(_) => "performer",
        StandardTag::Genre(_) => "genre",
        StandardTag::Comment(_) => "comment",
        StandardTag::Description(_) => "description",
        StandardTag::Copyright(_) => "copyright",
        StandardTag::License(_) => "license",
        StandardTag::Language(_) => "language",
        StandardTag::Lyrics(_) => "lyrics",
        StandardTag::Encoder(_) => "encoder",
        StandardTag::EncodedBy(_) => "encoded_by",
        StandardTag::IdentIsrc(_) => "isrc",
        StandardTag::RecordingDate(_)
        | StandardTag::RecordingYear(_)
        | StandardTag::ReleaseDate(_)
        | StandardTag::ReleaseYear(_) => "date",
        _ => return None,
    })
}

/// The name of PCM without a header in the map, which is that of PCM with one.
pub(super) fn raw_codec_name(encoding: SampleFormat) -> &'static str {
    match encoding {
        SampleFormat::U8 => "pcm_u8",
        SampleFormat::S16 => "pcm_s16le",
        SampleFormat::S24 => "pcm_s24le",
        SampleFormat::S32 => "pcm_s32le",
        SampleFormat::F32 => "pcm_f32le",
        SampleFormat::MuLaw => "pcm_mulaw",
        SampleFormat::ALaw => "pcm_alaw",
    }
}
