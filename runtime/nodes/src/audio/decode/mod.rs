//! `AudioDecode`: from files and streams of bytes to chunks of planar float32 sound.
//!
//! The node itself only sequences: it opens what arrives, asks for packets until a chunk is full, and keeps what it
//! must still say for the next step.

mod arriving;
mod chunker;
mod container;
mod demuxer;
mod failure;
mod layout;
mod matroska;
mod mp4_gapless;
mod opus;
mod source;

use std::fs;
use std::io::{BufReader, Cursor, Read, Seek, SeekFrom};

use remotemedia_core::node::{Cost, Define, Kinds, Node, NodeError, Port, Step};
use remotemedia_core::value::{Audio, Buffer, FileSource, Kind, Packet, Value};
use schemars::JsonSchema;
use serde::Deserialize;
use symphonia::core::io::MediaSource;

use self::arriving::ByteStream;
use self::chunker::{Chunker, Format};
use self::container::{Container, SNIFF_LEN, Sniffed, sniff};
use self::demuxer::{Demuxer, Progress, Stop};
use self::matroska::Blocks;
use self::mp4_gapless::Movie;
use self::source::{BufferBytes, CutSource};

/// Params of [`AudioDecode`].
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AudioDecodeParams {
    /// The length of the chunks that come out, in milliseconds of sound. The last one of a file is shorter.
    #[serde(default = "default_chunk_ms")]
    #[schemars(range(min = 1, max = 60000))]
    pub chunk_ms: u32,
}

fn default_chunk_ms() -> u32 {
    100
}

/// Decodes WAV, FLAC (also in Ogg), MP3, Vorbis and Opus (in Ogg, WebM or Matroska), AAC-LC and ALAC, one chunk for each
/// step. Vorbis and AAC may have up to two channels. Opus comes out at 48 kHz, whatever its encoder was given.
///
/// - A file by path is read as it is decoded, a file by content is decoded in place; either way only about one chunk of
///   sound is alive at a time.
/// - Bytes packets are the pieces of one file, cut anywhere. WAV, FLAC, MP3, Ogg, WebM and ADTS are decoded while they
///   arrive, as soon as a whole packet is certain to be there. MP4 and M4A keep their index where it suits them, so
///   they are collected and decoded when the stream ends.
/// - Encoder delay and padding are left out where the file says how much they are: MP3 with a LAME tag, Vorbis and Opus
///   always, M4A with an edit list or a gapless note of iTunes. Bare MP3 and ADTS keep both. The lossless formats have neither.
/// - MPEG and ADTS frames that follow after foreign bytes (a tag, a cut) are found again and decoding goes on. Anything
///   else that is damaged, missing or cut off ends the file with an error, after all sound before it came out.
pub struct AudioDecode {
    chunk_ms: u32,
    work: Work,
    chunker: Option<Chunker>,
    /// Where the next file of this item begins, in nanoseconds.
    origin: i64,
    /// Said once the sound before it is out.
    failure: Option<NodeError>,
    /// A packet in a new format, which waits until the sound before it is out.
    format_change: Option<Format>,
}

enum Work {
    Idle,
    File(Box<Demuxer>),
    Stream(Box<ByteStream>),
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
    const SUMMARY: &'static str = "Decodes audio files, or bytes as they arrive, to float32 sound in chunks.";
    const COST: Cost = Cost::Blocking;
    const INPUTS: &'static [Port] = &[Port::new(
        "in",
        Kinds::of(&[Kind::File, Kind::Bytes]),
        "Files by path or content, or the bytes of one file in pieces.",
    )];
    const OUTPUTS: &'static [Port] = &[Port::AUDIO_OUT];
    const EXAMPLE: &'static str = r#"{"chunk_ms": 100}"#;

    fn new(params: &Self::Params) -> Self {
        Self {
            chunk_ms: params.chunk_ms,
            work: Work::Idle,
            chunker: None,
            origin: 0,
            failure: None,
            format_change: None,
        }
    }
}

impl Node for AudioDecode {
    fn process(&mut self, _port: usize, packet: Packet) -> Result<Step, NodeError> {
        match packet.value {
            Value::File(file) => {
                if matches!(self.work, Work::Stream(_)) {
                    return Err(failure::mixed_inputs());
                }
                self.origin = packet.pts.unwrap_or(self.origin);
                let demuxer = match &file.source {
                    FileSource::Path(path) => open_path(path)?,
                    FileSource::Bytes(buffer) => open_buffer(buffer.clone(), "the file")?,
                };
                self.work = Work::File(Box::new(demuxer));
            }
            Value::Bytes(bytes) => {
                if matches!(self.work, Work::Idle) {
                    self.origin = packet.pts.unwrap_or(self.origin);
                    self.work = Work::Stream(Box::default());
                }
                match &mut self.work {
                    Work::Stream(stream) => stream.push(*bytes),
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
            if let Some(audio) = self.whole_chunk()? {
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
                Ok(Fetched::Waiting) => return Ok(Step::DONE),
                Ok(Fetched::End) => return self.finish_file(),
                Err(failure) => {
                    self.failure = Some(failure.at(self.position()));
                }
            }
        }
    }

    fn flush(&mut self) -> Result<Step, NodeError> {
        if let Work::Stream(stream) = &mut self.work {
            stream.finish();
            return self.resume();
        }
        self.reset();
        Ok(Step::DONE)
    }

    fn cleanup(&mut self) {
        self.reset();
    }
}

impl AudioDecode {
    fn whole_chunk(&mut self) -> Result<Option<Audio>, NodeError> {
        self.chunker.as_mut().map_or(Ok(None), Chunker::whole)
    }

    fn rest(&mut self) -> Result<Option<Audio>, NodeError> {
        self.chunker.as_mut().map_or(Ok(None), Chunker::rest)
    }

    /// Gets one packet and puts it before the chunker, unless its format is a new one.
    fn fetch(&mut self) -> Result<Fetched, NodeError> {
        let demuxer = match &mut self.work {
            Work::Idle => return Ok(Fetched::End),
            Work::File(demuxer) => demuxer,
            Work::Stream(stream) => match stream.ready()? {
                Some(demuxer) => demuxer,
                None => return Ok(Fetched::Waiting),
            },
        };
        let progress = demuxer.next();
        let format = match progress {
            Ok(Progress::Packet(format)) => format,
            Ok(Progress::End) => return Ok(self.starved().unwrap_or(Fetched::End)),
            Err(Stop::SourceEnded(failure)) => return self.starved().ok_or(failure),
            Err(Stop::Failed(failure)) => return Err(failure),
        };
        match &mut self.chunker {
            Some(chunker) if *chunker.format() == format => chunker.push(demuxer.planes()),
            Some(_) => self.format_change = Some(format),
            None => {
                let mut chunker = Chunker::new(format, self.chunk_ms, demuxer.trim(), self.origin);
                chunker.push(demuxer.planes());
                self.chunker = Some(chunker);
            }
        }
        Ok(Fetched::Sound)
    }

    /// The time after the sound that came out; `None` before the file is open.
    fn position(&self) -> Option<i64> {
        let is_open = match &self.work {
            Work::Idle => false,
            Work::File(_) => true,
            Work::Stream(stream) => stream.demuxer().is_some(),
        };
        self.chunker.as_ref().map(Chunker::position).or(is_open.then_some(self.origin))
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
        let mut chunker = Chunker::new(format, self.chunk_ms, chunker::Trim::default(), origin);
        match &self.work {
            Work::File(demuxer) => chunker.push(demuxer.planes()),
            Work::Stream(stream) => {
                if let Some(demuxer) = stream.demuxer() {
                    chunker.push(demuxer.planes());
                }
            }
            Work::Idle => {}
        }
        self.chunker = Some(chunker);
    }

    fn finish_file(&mut self) -> Result<Step, NodeError> {
        let audio = self.rest()?;
        if let Some(chunker) = self.chunker.take() {
            self.origin = chunker.position();
        }
        let ended_item = matches!(self.work, Work::Stream(_));
        self.work = Work::Idle;
        if ended_item {
            self.reset();
        }
        Ok(Step::maybe(audio.map(|audio| Packet::new(Value::from(audio)))))
    }

    fn reset(&mut self) {
        self.work = Work::Idle;
        self.chunker = None;
        self.origin = 0;
        self.failure = None;
        self.format_change = None;
    }
}

fn open_path(path: &str) -> Result<Demuxer, NodeError> {
    let name = format!("'{path}'");
    let mut file = fs::File::open(path).map_err(|error| failure::unopened(path, &error))?;
    let metadata = file.metadata().map_err(|error| failure::unopened(path, &error))?;
    if metadata.is_dir() {
        return Err(failure::directory(path));
    }
    if metadata.is_file() && metadata.len() == 0 {
        return Err(failure::empty(&name));
    }
    let mut first = Vec::new();
    let mut failed = None;
    let read = |place: u64| {
        let mut bytes = Vec::new();
        let result =
            file.seek(SeekFrom::Start(place)).and_then(|_| (&file).take(SNIFF_LEN as u64).read_to_end(&mut bytes));
        if let Err(error) = result {
            failed = Some(error);
        }
        if place == 0 {
            first.clone_from(&bytes);
        }
        bytes
    };
    let sniffed = sniff(read, true);
    if let Some(error) = failed {
        return Err(failure::unreadable(&name, &error));
    }
    let container = container_of(sniffed);
    let (mut movie, mut blocks) = (None, None);
    let end = metadata.len();
    if container == Container::Mp4 {
        movie = Movie::read(&mut file).map_err(|error| failure::unreadable(&name, &error))?;
    }
    if container == Container::Matroska && metadata.is_file() {
        let mut reader = BufReader::new(&file);
        blocks = Some(Blocks::of_file(|place, len| read_at(&mut reader, place, len), end));
    }
    file.rewind().map_err(|error| failure::unreadable(&name, &error))?;
    let mut demuxer = Demuxer::open(at_full_length(file, end, movie.as_ref()), container, name, &first, movie.as_ref())?;
    if let Some(blocks) = &blocks {
        demuxer.learn_padding(blocks);
    }
    Ok(demuxer)
}

fn open_buffer(buffer: Buffer, name: &str) -> Result<Demuxer, NodeError> {
    if buffer.is_empty() {
        return Err(failure::empty(name));
    }
    let mut source = Cursor::new(BufferBytes(buffer));
    let bytes = source.get_ref().as_ref();
    let read = |place: u64| {
        let start = usize::try_from(place).map_or(bytes.len(), |place| place.min(bytes.len()));
        bytes[start..bytes.len().min(start + SNIFF_LEN)].to_vec()
    };
    let container = container_of(sniff(read, true));
    let first = bytes[..bytes.len().min(SNIFF_LEN)].to_vec();
    let movie = if container == Container::Mp4 { Movie::read(&mut source).ok().flatten() } else { None };
    let end = source.get_ref().0.len() as u64;
    let blocks = (container == Container::Matroska)
        .then(|| Blocks::of_file(|place, len| read_at(&mut source, place, len), end));
    source.set_position(0);
    let source = at_full_length(source, end, movie.as_ref());
    let mut demuxer = Demuxer::open(source, container, name.to_owned(), &first, movie.as_ref())?;
    if let Some(blocks) = &blocks {
        demuxer.learn_padding(blocks);
    }
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
        _ => Box::new(source),
    }
}

fn container_of(sniffed: Sniffed) -> Container {
    match sniffed {
        Sniffed::Found(container, _) => container,
        Sniffed::Needs(_) => Container::Unknown,
    }
}
