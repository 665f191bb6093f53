//! What the head of a file tells: container, codec, format, length and tags, as one map.

use std::borrow::Cow;
use std::sync::Arc;

use remotemedia_core::node::{Field, Shape};
use remotemedia_core::value::{Map, Value};
use symphonia::core::codecs::audio::AudioCodecId;
use symphonia::core::codecs::audio::well_known::{CODEC_ID_FLAC, CODEC_ID_MP3, CODEC_ID_OPUS};
use symphonia::core::meta::well_known::{METADATA_ID_APEV1, METADATA_ID_APEV2, METADATA_ID_ID3V1, METADATA_ID_ID3V2};
use symphonia::core::meta::{Metadata, MetadataRevision, RawTagSubField, RawValue, StandardTag, Tag};
use symphonia_metadata::utils::id3v1::get_genre_name;

use super::super::pcm::SampleFormat;
use super::container::Container;
use super::flac::places::is_channel_mask;

/// The facts of one file, without its format, which its first packet tells.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Head {
    pub(super) container: Cow<'static, str>,
    pub(super) codec: Cow<'static, str>,
    /// The length that the file promises, in seconds.
    pub(super) duration_s: Option<f64>,
    pub(super) tags: Map,
}

/// The most tags of a file, and the most bytes of one; others are left out. A head is not the place for a book.
const MOST_TAGS: usize = 256;
const MOST_TAG_BYTES: usize = 16 << 10;

/// The map of a file; a length that is not known is missing.
pub(super) const FIELDS: &[Field] = &[
    ("container", Shape::TEXT),
    ("codec", Shape::TEXT),
    ("rate", Shape::INT),
    ("channels", Shape::INT),
    ("duration_s", Shape::FLOAT),
    ("tags", Shape::Texts),
];

impl Head {
    /// The map of these [`FIELDS`].
    pub(super) fn value(&self, rate: u32, channels: usize) -> Value {
        let text = |text: &str| Value::Str(text.into());
        let mut map = Map::new();
        map.insert("container".into(), text(&self.container));
        map.insert("codec".into(), text(&self.codec));
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
        Container::W64 => "w64",
        Container::Aiff => "aiff",
        Container::Sun => "au",
        Container::Caf => "caf",
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
    match codec {
        CODEC_ID_FLAC => "flac",
        CODEC_ID_MP3 => "mp3",
        CODEC_ID_OPUS => "opus",
        codec => symphonia::default::get_codecs()
            .get_audio_decoder(codec)
            .map_or("unknown", |decoder| decoder.codec.info.short_name),
    }
}

/// How much the tags of one kind count beside others. Of two with one name, the first kind here counts: what the container
/// itself has, then ID3v2, APE, and last ID3v1, whose texts are cut at 30 letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Own,
    Id3v2,
    Ape,
    Id3v1,
}

impl Rank {
    fn of(revision: &MetadataRevision) -> Self {
        match revision.info.metadata {
            METADATA_ID_ID3V2 => Rank::Id3v2,
            METADATA_ID_APEV1 | METADATA_ID_APEV2 => Rank::Ape,
            METADATA_ID_ID3V1 => Rank::Id3v1,
            _ => Rank::Own,
        }
    }
}

/// The tags of a file: text under the usual names, others under the name that the file gives them, in lower case. Those
/// of one block of tags with one name are put together; of several blocks see [`Rank`], and of one rank the first counts.
pub(super) fn tags(mut metadata: Metadata<'_>, track: u32) -> Map {
    let mut blocks = Vec::new();
    loop {
        if let Some(revision) = metadata.current() {
            blocks.push((Rank::of(revision), block_of(revision, Some(track))));
        }
        if metadata.pop().is_none() {
            break;
        }
    }
    // The demuxer gives blocks at the end of a file before those at its start.
    blocks.sort_by_key(|(rank, _)| *rank);
    merged(blocks.into_iter().map(|(_, block)| block))
}

/// The tags of several blocks. Of two with one name, the first counts.
pub(super) fn merged(blocks: impl IntoIterator<Item = Map>) -> Map {
    let mut tags = Map::new();
    for (name, text) in blocks.into_iter().flatten() {
        if tags.len() < MOST_TAGS {
            tags.entry(name).or_insert(text);
        }
    }
    tags
}

/// The tags of one block: those of the file, and those of one of its tracks.
pub(super) fn block_of(revision: &MetadataRevision, track: Option<u32>) -> Map {
    let of_track = revision.per_track.iter().filter(|of| track.is_some_and(|track| of.track_id == u64::from(track)));
    let all = revision.media.tags.iter().chain(of_track.flat_map(|of| &of.metadata.tags));
    let is_padded = Rank::of(revision) == Rank::Id3v1;
    let mut block = Map::new();
    for (name, text) in all.filter(|tag| !is_channel_mask(tag)).filter_map(named) {
        match text.trim_end() {
            "" => {}
            // ID3v1 has room for every tag, filled up with spaces where it is not used; a track of 0 is none.
            "0" if is_padded => {}
            trimmed if is_padded => add(&mut block, name, trimmed),
            _ => add(&mut block, name, &text),
        }
    }
    join_date(&mut block);
    block
}

/// Up to ID3v2.3 a year and its day and month are tags of their own: `2026` and `2511`.
fn join_date(block: &mut Map) {
    let Some(Value::Str(day)) = block.shift_remove(DAY_AND_MONTH) else { return };
    let is_number = |text: &str| text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(Value::Str(date)) = block.get_mut("date")
        && is_number(date)
        && is_number(&day)
    {
        *date = format!("{date}-{}-{}", &day[2..], &day[..2]).into();
    }
}

/// Puts a tag into a block of them, unless there is too much of it. A number and how many there are, `3/9`, are two tags.
pub(super) fn add(block: &mut Map, name: String, text: &str) {
    let total = match &name[..] {
        "track" => Some("track_total"),
        "disc" => Some("disc_total"),
        _ => None,
    };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if let (Some(total), Some((number, of))) = (total, text.split_once('/'))
        && is_number(number)
        && is_number(of)
    {
        add(block, name, number);
        add(block, total.to_owned(), of);
        return;
    }
    let joined = match block.get(name.as_str()) {
        Some(Value::Str(first)) if !format!("; {first}; ").contains(&format!("; {text}; ")) => {
            format!("{first}; {text}")
        }
        Some(_) => return,
        None => text.to_owned(),
    };
    if joined.len() <= MOST_TAG_BYTES && block.len() < MOST_TAGS {
        block.insert(name.into(), Value::Str(joined.into()));
    }
}

/// The name that stands for the day and month of a date until the year is known.
const DAY_AND_MONTH: &str = "tdat";

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
    // Of comments of ID3v2 those with a description are notes of programs; of its own tags the description is the name.
    let described = |key| tag.raw.sub_fields.iter().flatten().find(|field| field.field == key).map(described_by);
    let described_name = match &tag.raw.key[..] {
        "TXXX" | "TXX" => described("DESCRIPTION"),
        "COMM" | "COM" => described("SHORT_DESCRIPTION").map(|name| format!("comment:{name}")),
        "TDAT" | "TDA" => Some(DAY_AND_MONTH.to_owned()),
        "TCON" | "TCO" => return Some(("genre".to_owned(), genres(&raw))),
        _ => None,
    };
    if let Some(name) = described_name {
        return Some((name, raw));
    }
    let (name, text) = match &tag.std {
        Some(StandardTag::TrackNumber(number)) => ("track", number.to_string()),
        Some(StandardTag::TrackTotal(number)) => ("track_total", number.to_string()),
        Some(StandardTag::DiscNumber(number)) => ("disc", number.to_string()),
        Some(StandardTag::DiscTotal(number)) => ("disc_total", number.to_string()),
        // In MP4 a genre may be a number.
        Some(StandardTag::Genre(genre)) => ("genre", genre.to_string()),
        Some(standard) => match usual_name(standard) {
            Some(name) => (name, raw),
            None => return Some((own_name(&tag.raw.key), raw)),
        },
        None => return Some((own_name(&tag.raw.key), raw)),
    };
    Some((name.to_owned(), text))
}

/// The names of the genres of ID3v2. Each is a text, a number, or numbers in brackets with a text behind them, which is the
/// finer one.
fn genres(raw: &str) -> String {
    let mut names = Vec::new();
    for value in raw.split("; ") {
        let mut rest = value;
        let mut numbers = Vec::new();
        while let Some((number, behind)) = rest.strip_prefix('(').and_then(|rest| rest.split_once(')'))
            && let Some(name) = number.parse().ok().and_then(get_genre_name)
        {
            numbers.push(name);
            rest = behind;
        }
        match rest.parse().ok().and_then(get_genre_name) {
            Some(name) => names.push(name),
            None if rest.is_empty() => names.append(&mut numbers),
            // Two brackets stand for one that begins no number.
            None => names.push(rest.strip_prefix('(').filter(|rest| rest.starts_with('(')).unwrap_or(rest).to_owned()),
        }
    }
    names.join("; ")
}

/// The name of a tag that the reader knows no meaning of, as where it has several values.
fn own_name(key: &str) -> String {
    let usual = match key {
        "TIT2" | "TT2" => "title",
        "TPE1" | "TP1" => "artist",
        "TPE2" | "TP2" => "album_artist",
        "TALB" | "TAL" => "album",
        "TCOM" | "TCM" | "\u{a9}wrt" => "composer",
        "TDRC" | "TYER" | "TYE" => "date",
        "TCOP" | "TCR" => "copyright",
        "TLAN" | "TLA" => "language",
        other => return other.to_lowercase(),
    };
    usual.to_owned()
}

fn described_by(field: &RawTagSubField) -> String {
    match &field.value {
        RawValue::String(text) => text.to_lowercase(),
        other => other.to_string().to_lowercase(),
    }
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
pub(super) fn raw_codec_name(sample_format: SampleFormat) -> &'static str {
    match sample_format {
        SampleFormat::U8 => "pcm_u8",
        SampleFormat::S16 => "pcm_s16le",
        SampleFormat::S24 => "pcm_s24le",
        SampleFormat::S32 => "pcm_s32le",
        SampleFormat::F32 => "pcm_f32le",
        SampleFormat::MuLaw => "pcm_mulaw",
        SampleFormat::ALaw => "pcm_alaw",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn genres_are_called_by_their_names() {
        for (raw, names) in [
            ("(17)", "Rock"),
            ("17", "Rock"),
            ("(4)Eurodisco", "Eurodisco"),
            ("(52)(53)", "Electronic; Pop-Folk"),
            ("52; 53; Trip-Hop", "Electronic; Pop-Folk; Trip-Hop"),
            ("Pop/Rock", "Pop/Rock"),
            ("((Foo)", "(Foo)"),
            ("(255)", "(255)"),
            ("(RX)", "(RX)"),
            ("(", "("),
        ] {
            assert_eq!(genres(raw), names, "{raw}");
        }
    }

    #[test]
    fn a_number_of_so_many_is_two_tags() {
        let mut block = Map::new();
        for (name, text) in [("track", "3/9"), ("disc", "1/2"), ("title", "3/9"), ("date", "2001/02")] {
            add(&mut block, name.to_owned(), text);
        }
        let texts: Vec<String> = block.iter().map(|(name, text)| format!("{name}={text:?}")).collect();
        let expected = [
            ("track", "3"),
            ("track_total", "9"),
            ("disc", "1"),
            ("disc_total", "2"),
            ("title", "3/9"),
            ("date", "2001/02"),
        ];
        assert_eq!(texts, expected.map(|(name, text)| format!("{name}={:?}", Value::Str(text.into()))));
        let mut other = Map::new();
        for text in ["A/B", "3/", "/9", "3/9/27"] {
            add(&mut other, "track".to_owned(), text);
        }
        assert_eq!(other["track"], Value::Str("A/B; 3/; /9; 3/9/27".into()));
    }

    #[test]
    fn a_text_that_is_there_is_not_put_to_itself() {
        let mut block = Map::new();
        for text in ["one", "two", "two", "one", "three"] {
            add(&mut block, "artist".to_owned(), text);
        }
        assert_eq!(block["artist"], Value::Str("one; two; three".into()));
        // One that was put together from several.
        add(&mut block, "artist".to_owned(), "two; three");
        assert_eq!(block["artist"], Value::Str("one; two; three".into()));
    }
}
