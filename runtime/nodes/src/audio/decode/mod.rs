//! `AudioDecode`: from files and streams of bytes to chunks of planar float32 sound.
//!
//! The node itself only sequences: it opens what arrives, asks for packets until a chunk is full, and keeps what it
//! must still say for the next step.

mod aac_config;
mod aiff;

mod blocks;
mod caf;
mod chunker;
mod codec;
mod container;
mod demuxer;
mod failure;
mod flac;
mod flac_frame;
mod incremental;
mod info;
mod layout;
mod matroska;
mod mp4_gapless;
mod mpeg;
mod mpeg_free;
mod mpeg_header;
mod mpeg_tag;
mod open;
mod opus;
mod opus_streams;
mod raw;
mod source;
mod track;
mod wav_tags;
mod wave;
mod wave_codec;

use std::io::{BufReader, Cursor, Read, Seek, SeekFrom};

use remotemedia_core::node::{Cost, Define, Emission, Kinds, Node, NodeError, Port, Step, documented};
use remotemedia_core::value::{Audio, Buffer, FileSource, Kind, Map, Packet, Value};
use schemars::JsonSchema;
use serde::Deserialize;
use symphonia::core::io::MediaSource;

use self::chunker::{Chunker, Format, Part, Trim};
use self::container::{Container, SNIFF_LEN, Sniffed, sniff};
use self::demuxer::{Demuxer, Progress, Stop};
use self::incremental::ByteStream;
use self::info::{Head, raw_codec_name};
use self::matroska::Blocks;
use self::mp4_gapless::Movie;
use self::raw::RawSound;
use self::source::{BufferBytes, CutSource, DiskSource, TailedSource};
use self::wav_tags::wav_tags;
use super::pcm::SampleFormat;
use crate::io::{Arrival, Incoming, Input, open};

/// Params of [`AudioDecode`].
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AudioDecodeParams {
    /// The length of the chunks that come out, in milliseconds of sound. The last one of a file is shorter.
    #[serde(default = "default_chunk_ms")]
    #[schemars(range(min = 1, max = 60000))]
    pub chunk_ms: u32,
    /// Where to start in each file, in seconds. What is before it is decoded and left out, so the cut is exact.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1e9))]
    pub start_s: f64,
    /// How much of each file to give from `start_s` on, in seconds; all of it if left out.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1e9))]
    pub duration_s: Option<f64>,
    /// What the bytes are, if they are PCM without a header. Else the container says it.
    #[serde(default)]
    pub raw: Option<RawParams>,
}

/// PCM without a header: little-endian, interleaved.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawParams {
    /// How a sample is written.
    pub encoding: RawEncoding,
    /// Frames per second, in Hz.
    #[schemars(range(min = 1, max = 768000))]
    pub rate: u32,
    /// The number of channels.
    #[serde(default = "default_raw_channels")]
    #[schemars(range(min = 1, max = 64))]
    pub channels: u16,
}

/// How a sample of PCM is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RawEncoding {
    /// Unsigned 8-bit integers; 128 is silence.
    U8,
    /// Signed 16-bit integers.
    S16,
    /// Signed 24-bit integers in three bytes.
    S24,
    /// Signed 32-bit integers.
    S32,
    /// 32-bit floats.
    F32,
    /// G.711 mu-law, as telephony in America and Japan has it.
    MuLaw,
    /// G.711 A-law, as telephony elsewhere has it.
    ALaw,
}

fn default_raw_channels() -> u16 {
    1
}

fn default_chunk_ms() -> u32 {
    100
}

documented! {
/// Decodes audio files, or bytes as they arrive, to float32 sound in chunks.
///
/// It knows WAV, AIFF, CAF, FLAC (also in Ogg), MP3, Vorbis and Opus (in Ogg, WebM or Matroska), AAC-LC and ALAC, and emits one
/// chunk for each step. Vorbis and AAC may have up to two channels. Opus comes out at 48 kHz, whatever its encoder was given.
///
/// | container | what it may hold |
/// |---|---|
/// | WAV (RIFF, RIFX, RF64, BW64) and Wave64 | PCM of 8 to 32 bits, floats, A-law, mu-law, ADPCM (Microsoft's and IMA), MPEG audio |
/// | AIFF and AIFF-C, Sun audio (`.au`, `.snd`) | PCM of 8 to 32 bits, floats, A-law, mu-law; AIFF-C also IMA ADPCM |
/// | Core Audio (CAF) | PCM, floats, A-law, mu-law, IMA ADPCM, ALAC, AAC-LC, MPEG audio |
/// | FLAC | FLAC; the rate, the number of channels and the width may change |
/// | bare frames | MPEG audio (layer I, layer II, MP3; also of free format), AAC-LC in ADTS |
/// | Ogg | Vorbis, Opus, FLAC |
/// | WebM and Matroska | Vorbis, Opus, FLAC, AAC-LC, MP3, ALAC, PCM |
/// | MP4, M4A, M4B and QuickTime | AAC-LC, ALAC, FLAC, MP3, PCM |
///
/// What a file is, is known by its content and not by its name; a codec that can't be decoded is called by its name.
///
/// - A file by path is read as it is decoded, a file by content is decoded in place; either way only about one chunk of
///   sound is alive at a time.
/// - A path may lead to a pipe, a terminal or another device, as `/dev/stdin` and `<(command)` of a shell do: it is read as its
///   bytes come, like packets of bytes, and to wait for them takes nobody's worker.
/// - Bytes packets are the pieces of one file, cut anywhere. All containers are decoded while they arrive, as soon as a
///   whole packet is certain to be there, but MP4 and M4A, and CAF that holds no PCM: they keep their index where it
///   suits them, so they are collected and decoded when the stream ends. AIFF can arrive if its description comes first.
/// - PCM without a header is what the param `raw` says, in files as in bytes.
/// - Port `info` tells of each file what its head says, as soon as it is known: `duration_s` is there where the file gives
///   its length, and `tags` are text under `title`, `artist`, `album`, `album_artist`, `date`, `genre`, `comment`, `track` and so
///   on, others under the file's own name for them in lower case (those of ID3v2's `TXXX` under their description). Where
///   a file has several kinds of tags, its own count first, then ID3v2, APE, and last ID3v1. Of WAV files the list INFO
///   and ID3v2 are read: wherever they stand in files, before the sound where bytes arrive.
/// - Encoder delay and padding are left out where the file says how much they are: MP3 with a LAME tag, Vorbis and Opus
///   always, M4A with an edit list or a gapless note of iTunes. Bare MP3 and ADTS keep both. The lossless formats have neither.
/// - WAV, AIFF, CAF and Sun audio whose lengths were never written, as by a program that writes into a pipe, are read to
///   their end. FLAC frames are decoded only if their checksums are right, in any container.
/// - MPEG and ADTS frames that follow after foreign bytes (a tag, a cut) are found again and decoding goes on. Anything
///   else that is damaged, missing or cut off ends the file with an error, after all sound before it came out.
///
/// The map at the port `info`:
///
/// | key | value |
/// |---|---|
/// | `container` | `wav`, `w64`, `aiff`, `au`, `caf`, `flac`, `ogg`, `mp1`, `mp2`, `mp3`, `adts`, `mp4` or `matroska` |
/// | `codec` | its name, such as `pcm_s16le`, `mp3`, `aac` or `opus` |
/// | `rate`, `channels` | of the sound that comes out, in Hz and as a number |
/// | `duration_s` | the length in seconds; missing where the file does not give it |
/// | `tags` | a map of text, at most 256 tags of at most 16 KiB each |
pub struct AudioDecode {
    chunk_ms: u32,
    range: Range,
    raw: Option<RawParams>,
    work: Work,
    /// Where the bytes of a stream come from that is a file by path.
    incoming: Option<Incoming>,
    chunker: Option<Chunker>,
    /// Where the next file of this item begins, in nanoseconds.
    origin: i64,
    /// Said once the sound before it is out.
    failure: Option<NodeError>,
    /// A packet in a new format, which waits until the sound before it is out.
    format_change: Option<Format>,
    /// What the head of the file tells, not said yet.
    info: Option<Packet>,
}
}

enum Work {
    Idle,
    File(Box<Demuxer>),
    Stream(Box<ByteStream>),
    Raw(Box<RawSound>),
}

/// The part of each file that is wanted.
#[derive(Clone, Copy)]
struct Range {
    start_s: f64,
    duration_s: Option<f64>,
}

/// What one look for a packet gave.
enum Fetched {
    Sound,
    /// Nothing before more bytes arrive.
    Waiting,
    End,
}

impl Define for AudioDecode {
    type Params = AudioDecodeParams;

    const NAME: &'static str = "AudioDecode";
    const COST: Cost = Cost::Blocking;
    const INPUTS: &'static [Port] = &[Port::new(
        "in",
        Kinds::of(&[Kind::File, Kind::Bytes]),
        "Files by path or content, or the bytes of one file in pieces.",
    )];
    const OUTPUTS: &'static [Port] = &[
        Port::AUDIO_OUT.usual(),
        Port::new(
            "info",
            Kinds::of(&[Kind::Map]),
            "For each file, before its sound: `{container, codec, rate, channels, duration_s?, tags}`.",
        ),
    ];
    const EXAMPLE: &'static str = r#"{"chunk_ms": 100}"#;

    fn new(params: &Self::Params) -> Self {
        Self {
            chunk_ms: params.chunk_ms,
            range: Range { start_s: params.start_s, duration_s: params.duration_s },
            raw: params.raw.clone(),
            work: Work::Idle,
            incoming: None,
            chunker: None,
            origin: 0,
            failure: None,
            format_change: None,
            info: None,
        }
    }
}

impl Node for AudioDecode {
    fn process(&mut self, _port: usize, packet: Packet) -> Result<Step, NodeError> {
        match packet.value {
            Value::File(file) => {
                if !matches!(self.work, Work::Idle) {
                    return Err(failure::mixed_inputs());
                }
                self.origin = packet.pts.unwrap_or(self.origin);
                self.work = match (&file.source, &self.raw) {
                    (FileSource::Path(path), _) => self.open_path(path)?,
                    (FileSource::Bytes(buffer), Some(raw)) => {
                        let reader = Cursor::new(BufferBytes(buffer.clone()));
                        Work::Raw(Box::new(raw.sound("the file".to_owned(), Some(Box::new(reader)))))
                    }
                    (FileSource::Bytes(buffer), None) => Work::File(Box::new(open_buffer(buffer.clone(), "the file")?)),
                };
            }
            Value::Bytes(bytes) => {
                if matches!(self.work, Work::Idle) {
                    self.origin = packet.pts.unwrap_or(self.origin);
                    self.work = match &self.raw {
                        None => Work::Stream(Box::new(ByteStream::new("the stream".to_owned()))),
                        Some(raw) => Work::Raw(Box::new(raw.sound("the stream".to_owned(), None))),
                    };
                }
                match &mut self.work {
                    // The part that was asked for is out.
                    _ if self.chunker.as_ref().is_some_and(Chunker::is_complete) => return Ok(Step::DONE),
                    Work::Stream(stream) => stream.push(*bytes),
                    Work::Raw(sound) => sound.push(&bytes),
                    _ => return Err(failure::mixed_inputs()),
                }
            }
            other => {
                return Err(NodeError::new(format!("expected file or bytes, got {}", other.kind().name())));
            }
        }
        self.resume()
    }

    fn resume(&mut self) -> Result<Step, NodeError> {
        loop {
            if let Some(packet) = self.info.take() {
                return Ok(Step::More(Some(Emission { port: 1, packet })));
            }
            if let Some(audio) = self.whole_chunk()? {
                return Ok(Step::emit_more(Value::from(audio)));
            }
            if self.chunker.as_ref().is_some_and(Chunker::is_complete)
                && let Some(audio) = self.rest()?
            {
                return Ok(Step::emit_more(Value::from(audio)));
            }
            if self.failure.is_some() || self.format_change.is_some() {
                if let Some(audio) = self.rest()? {
                    return Ok(Step::emit_more(Value::from(audio)));
                }
                if let Some(failure) = self.failure.take() {
                    self.reset();
                    return Err(failure);
                }
                self.change_format();
                continue;
            }
            match self.fetch() {
                Ok(Fetched::Sound) => {}
                Ok(Fetched::Waiting) if self.incoming.is_some() => match self.take_in() {
                    Ok(()) => return Ok(Step::More(None)),
                    Err(failure) => self.failure = Some(failure.at(self.position())),
                },
                Ok(Fetched::Waiting) => return Ok(Step::DONE),
                Ok(Fetched::End) => return self.finish_file(),
                Err(failure) => {
                    self.failure = Some(failure.at(self.position()));
                }
            }
        }
    }

    fn flush(&mut self) -> Result<Step, NodeError> {
        match &mut self.work {
            Work::Stream(stream) => stream.finish(),
            Work::Raw(sound) => sound.finish(),
            Work::Idle | Work::File(_) => {
                self.reset();
                return Ok(Step::DONE);
            }
        }
        self.resume()
    }

    fn cleanup(&mut self) {
        self.reset();
    }
}

impl AudioDecode {
    /// Opens what a path leads to.
    fn open_path(&mut self, path: &str) -> Result<Work, NodeError> {
        let name = format!("'{path}'");
        Ok(match (open(path)?, &self.raw) {
            (Input::File(_, 0), _) => return Err(failure::empty(&name)),
            (Input::File(file, len), None) => Work::File(Box::new(open_file(DiskSource { file, len }, name)?)),
            (Input::File(file, _), Some(raw)) => {
                Work::Raw(Box::new(raw.sound(name, Some(Box::new(BufReader::new(file))))))
            }
            (Input::Stream(incoming), raw) => {
                self.incoming = Some(incoming);
                match raw {
                    None => Work::Stream(Box::new(ByteStream::new(name))),
                    Some(raw) => Work::Raw(Box::new(raw.sound(name, None))),
                }
            }
        })
    }

    /// Takes what has come of a stream by path, after a wait that is not long.
    fn take_in(&mut self) -> Result<(), NodeError> {
        let Some(incoming) = &mut self.incoming else { return Ok(()) };
        match (incoming.next()?, &mut self.work) {
            (Arrival::Bytes(bytes), Work::Stream(stream)) => stream.push(Buffer::from_bytes(bytes)),
            (Arrival::Bytes(bytes), Work::Raw(sound)) => sound.push(&Buffer::from_bytes(bytes)),
            (Arrival::End, Work::Stream(stream)) => stream.finish(),
            (Arrival::End, Work::Raw(sound)) => sound.finish(),
            (_, Work::Stream(_) | Work::Raw(_) | Work::Idle | Work::File(_)) => {}
        }
        Ok(())
    }

    /// Whether more packets of the item may come that belong to the same file.
    fn is_arriving(&self) -> bool {
        match &self.work {
            Work::Stream(_) | Work::Raw(_) if self.incoming.is_some() => false,
            Work::Stream(stream) => !stream.is_finished(),
            Work::Raw(sound) => sound.arrives() && !sound.has_ended(),
            Work::Idle | Work::File(_) => false,
        }
    }

    fn whole_chunk(&mut self) -> Result<Option<Audio>, NodeError> {
        self.chunker.as_mut().map_or(Ok(None), Chunker::whole)
    }

    fn rest(&mut self) -> Result<Option<Audio>, NodeError> {
        self.chunker.as_mut().map_or(Ok(None), Chunker::rest)
    }

    /// Gets one packet and puts it before the chunker, unless its format is a new one.
    fn fetch(&mut self) -> Result<Fetched, NodeError> {
        if self.chunker.as_ref().is_some_and(Chunker::is_complete) {
            return Ok(if self.is_arriving() { Fetched::Waiting } else { Fetched::End });
        }
        let demuxer = match &mut self.work {
            Work::Idle => return Ok(Fetched::End),
            Work::Raw(_) => return self.fetch_raw(),
            Work::File(demuxer) => demuxer,
            Work::Stream(stream) if stream.is_over() => {
                return Ok(if stream.is_finished() { Fetched::End } else { Fetched::Waiting });
            }
            Work::Stream(stream) => match stream.ready()? {
                Some(demuxer) => demuxer,
                None => return Ok(Fetched::Waiting),
            },
        };
        let progress = demuxer.next();
        let format = match progress {
            Ok(Progress::Packet(format)) => format,
            Ok(Progress::End) => return Ok(self.starved().unwrap_or_else(|| self.ended())),
            Err(Stop::SourceEnded(failure)) => return self.starved().ok_or(failure),
            Err(Stop::Failed(failure)) => return Err(failure),
        };
        match &mut self.chunker {
            Some(chunker) if *chunker.format() == format => chunker.push(demuxer.planes()),
            Some(_) => self.format_change = Some(format),
            None => {
                let part = self.range.part(0, format.rate);
                let info = demuxer.head().value(format.rate, format.channels);
                self.info = Some(Packet::new(info).at(Some(self.origin), None));
                let mut chunker = Chunker::new(format, self.chunk_ms, demuxer.trim(), part, self.origin);
                chunker.push(demuxer.planes());
                self.chunker = Some(chunker);
            }
        }
        Ok(Fetched::Sound)
    }

    fn fetch_raw(&mut self) -> Result<Fetched, NodeError> {
        let Work::Raw(sound) = &mut self.work else { return Ok(Fetched::End) };
        let chunker = self.chunker.get_or_insert_with(|| {
            let format = sound.format().clone();
            let head =
                Head { container: "raw", codec: raw_codec_name(sound.encoding()), duration_s: None, tags: Map::new() };
            self.info = Some(Packet::new(head.value(format.rate, format.channels)).at(Some(self.origin), None));
            let part = self.range.part(0, format.rate);
            Chunker::new(format, self.chunk_ms, Trim::default(), part, self.origin)
        });
        if let Some(planes) = sound.next()? {
            chunker.push(planes);
            return Ok(Fetched::Sound);
        }
        Ok(if sound.has_ended() { Fetched::End } else { Fetched::Waiting })
    }

    /// The time after the sound that came out; `None` before the file is open.
    fn position(&self) -> Option<i64> {
        let is_open = match &self.work {
            Work::Idle => false,
            Work::File(_) | Work::Raw(_) => true,
            Work::Stream(stream) => stream.demuxer().is_some(),
        };
        self.chunker.as_ref().map(Chunker::position).or(is_open.then_some(self.origin))
    }

    /// The sound is out. Chunks and tags may follow that are still arriving.
    fn ended(&mut self) -> Fetched {
        let Work::Stream(stream) = &mut self.work else { return Fetched::End };
        stream.end();
        if stream.is_finished() { Fetched::End } else { Fetched::Waiting }
    }

    /// If the end that the reader met is only the end of what has arrived.
    fn starved(&mut self) -> Option<Fetched> {
        let Work::Stream(stream) = &mut self.work else { return None };
        stream.step_back_if_starved().then_some(Fetched::Waiting)
    }

    /// Goes on with the packet that waited, in its own format.
    fn change_format(&mut self) {
        let Some(format) = self.format_change.take() else { return };
        let origin = self.chunker.as_ref().map_or(self.origin, Chunker::position);
        let part = self.range.part(origin.saturating_sub(self.origin), format.rate);
        let mut chunker = Chunker::new(format, self.chunk_ms, Trim::default(), part, origin);
        match &self.work {
            Work::File(demuxer) => chunker.push(demuxer.planes()),
            Work::Stream(stream) => {
                if let Some(demuxer) = stream.demuxer() {
                    chunker.push(demuxer.planes());
                }
            }
            Work::Idle | Work::Raw(_) => {}
        }
        self.chunker = Some(chunker);
    }

    fn finish_file(&mut self) -> Result<Step, NodeError> {
        let audio = self.rest()?;
        let begun = self.origin;
        let mut is_too_short = false;
        if let Some(chunker) = self.chunker.take() {
            self.origin = chunker.position();
            is_too_short = chunker.is_before_part();
        }
        let (ended_item, name) = match &self.work {
            Work::Stream(stream) => (self.incoming.is_none(), stream.name()),
            Work::Raw(sound) => (sound.arrives() && self.incoming.is_none(), sound.name()),
            Work::File(demuxer) => (false, demuxer.name()),
            Work::Idle => (false, ""),
        };
        if is_too_short {
            let seconds = (self.origin - begun) as f64 / 1e9;
            let failure = failure::starts_too_late(name, self.range.start_s, seconds);
            self.reset();
            return Err(failure);
        }
        self.work = Work::Idle;
        self.incoming = None;
        if ended_item {
            self.reset();
        }
        Ok(Step::maybe(audio.map(|audio| Packet::new(Value::from(audio)))))
    }

    fn reset(&mut self) {
        self.work = Work::Idle;
        self.incoming = None;
        self.chunker = None;
        self.origin = 0;
        self.failure = None;
        self.format_change = None;
        self.info = None;
    }
}

impl RawParams {
    fn sound(&self, name: String, reader: Option<Box<dyn Read + Send>>) -> RawSound {
        let encoding = match self.encoding {
            RawEncoding::U8 => SampleFormat::U8,
            RawEncoding::S16 => SampleFormat::S16,
            RawEncoding::S24 => SampleFormat::S24,
            RawEncoding::S32 => SampleFormat::S32,
            RawEncoding::F32 => SampleFormat::F32,
            RawEncoding::MuLaw => SampleFormat::MuLaw,
            RawEncoding::ALaw => SampleFormat::ALaw,
        };
        RawSound::new(encoding, self.rate, usize::from(self.channels), name, reader)
    }
}

impl Range {
    /// The part in frames of sound that begins so many nanoseconds after the file does.
    fn part(self, elapsed: i64, rate: u32) -> Part {
        let frames = |seconds: f64| ((seconds - elapsed as f64 / 1e9) * f64::from(rate)).round().max(0.0) as u64;
        Part { start: frames(self.start_s), end: self.duration_s.map(|duration_s| frames(self.start_s + duration_s)) }
    }
}

fn open_file(mut file: DiskSource, name: String) -> Result<Demuxer, NodeError> {
    let mut first = Vec::new();
    let mut failed = None;
    let read = |place: u64, len: usize| {
        let mut bytes = Vec::new();
        let result =
            file.seek(SeekFrom::Start(place)).and_then(|_| (&mut file).take(len as u64).read_to_end(&mut bytes));
        if let Err(error) = result {
            failed = Some(error);
        }
        if place == 0 && first.is_empty() {
            first.clone_from(&bytes);
        }
        bytes
    };
    let sniffed = sniff(read, true);
    if let Some(error) = failed {
        return Err(failure::unreadable(&name, &error));
    }
    let (container, begins) = container_of(sniffed);
    let (mut movie, mut blocks, mut tags) = (None, None, Map::new());
    let end = file.len;
    if container == Container::Mp4 {
        movie = Movie::read(&mut file).map_err(|error| failure::unreadable(&name, &error))?;
    }
    if container == Container::Matroska {
        let mut reader = BufReader::new(&mut file);
        blocks = Some(Blocks::of_file(|place, len| read_at(&mut reader, place, len), end));
    }
    if container == Container::Wav {
        tags = wav_tags(|place, len| read_at(&mut file, place, len), true);
    }
    file.rewind().map_err(|error| failure::unreadable(&name, &error))?;
    let source = at_full_length(file, end, movie.as_ref());
    let mut demuxer = Demuxer::open(source, container, begins, name, &first, movie.as_ref())?;
    if let Some(blocks) = &blocks {
        demuxer.learn(blocks);
    }
    demuxer.tell(tags);
    Ok(demuxer)
}

fn open_buffer(buffer: Buffer, name: &str) -> Result<Demuxer, NodeError> {
    if buffer.is_empty() {
        return Err(failure::empty(name));
    }
    let mut source = Cursor::new(BufferBytes(buffer));
    let bytes = source.get_ref().as_ref();
    let read = |place: u64, len: usize| {
        let start = usize::try_from(place).map_or(bytes.len(), |place| place.min(bytes.len()));
        bytes[start..bytes.len().min(start + len)].to_vec()
    };
    let (container, begins) = container_of(sniff(read, true));
    let first = bytes[..bytes.len().min(SNIFF_LEN)].to_vec();
    let movie = if container == Container::Mp4 { Movie::read(&mut source).ok().flatten() } else { None };
    let end = source.get_ref().0.len() as u64;
    let blocks =
        (container == Container::Matroska).then(|| Blocks::of_file(|place, len| read_at(&mut source, place, len), end));
    let tags = if container == Container::Wav {
        wav_tags(|place, len| read_at(&mut source, place, len), true)
    } else {
        Map::new()
    };
    source.set_position(0);
    let source = at_full_length(source, end, movie.as_ref());
    let mut demuxer = Demuxer::open(source, container, begins, name.to_owned(), &first, movie.as_ref())?;
    if let Some(blocks) = &blocks {
        demuxer.learn(blocks);
    }
    demuxer.tell(tags);
    Ok(demuxer)
}

/// Up to so many bytes of a place; fewer at the end, and where reading fails, which the demuxer will meet as well.
fn read_at(source: &mut (impl Read + Seek), place: u64, len: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(len);
    if source.seek(SeekFrom::Start(place)).is_ok() {
        let _ = source.take(len as u64).read_to_end(&mut bytes);
    }
    bytes
}

/// The demuxer of MP4 reads nothing of a file that is shorter than its boxes, unless it does not see that.
fn at_full_length(source: impl MediaSource + 'static, end: u64, movie: Option<&Movie>) -> Box<dyn MediaSource> {
    match movie {
        Some(movie) if movie.file_len > end => Box::new(CutSource { source, full_len: movie.file_len }),
        // Nor anything of one without the box `ftyp`, which old files of QuickTime do not have.
        Some(movie) if !movie.has_type => Box::new(TailedSource::new(source, end, b"\0\0\0\x10ftypqt  \0\0\0\0")),
        _ => Box::new(source),
    }
}

fn container_of(sniffed: Sniffed) -> (Container, u64) {
    match sniffed {
        Sniffed::Found(container, begins) => (container, begins),
        Sniffed::Needs(_) => (Container::Unknown, 0),
    }
}
