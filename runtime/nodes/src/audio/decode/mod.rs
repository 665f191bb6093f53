//! `AudioDecode`: from files and streams of bytes to chunks of planar float32 sound.
//!
//! The node itself only sequences: it opens what arrives, asks for packets until a chunk is full, and keeps what it
//! must still say for the next step. The way of a file is `work`, `whole_file` or `incremental`, `opened`,
//! `demuxer`, `chunker`. What knows one container or codec stands in the folder of its name.

mod aac;
mod chunker;
mod codec;
mod codecs;
mod container;
mod container_reader;
mod cut_off;
mod cuts;
mod demuxer;
mod failure;
mod flac;
mod iff;
mod incremental;
mod info;
mod jump_reader;
mod jumps;
mod landing;
mod layout;
mod matroska;
mod memory;
mod mp4;
mod mpeg;
mod ogg;
mod opened;
mod opus;
mod packet_frames;
mod params;
mod pcm_packet;
mod raw;
mod refusal;
mod source;
mod symphonia_decoder;
mod symphonia_reader;
mod system;
mod tags;
mod track;
mod vorbis;
mod whole_file;
mod work;

use remotemedia_core::node::{
    AudioFormat, Cost, Define, Emission, Form, Kinds, Node, NodeError, Port, Step, documented,
};
use remotemedia_core::value::{Audio, Buffer, FileSource, Kind, Map, Packet, Value};

use self::chunker::{Chunker, Format, Trim};
pub use self::codecs::codecs;
use self::info::{Head, raw_codec_name};
pub use self::params::AudioDecodeParams;
use self::params::{Range, RawParams};
pub use self::system::codecs::{
    SystemCodecs, SystemDecoder, SystemError, SystemFormat, SystemHead, SystemList, SystemSource, SystemState,
    install_system_codecs,
};
use self::work::{Got, Work};
use crate::io::{Arrival, Incoming};

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
/// | bare frames | MPEG audio (layer I, layer II, MP3; also of free format), AAC-LC in ADTS; the rate and the number of channels may change |
/// | Ogg, also chains of these | Vorbis, Opus, FLAC |
/// | WebM and Matroska | Vorbis, Opus, FLAC, AAC-LC, MP3, ALAC, PCM |
/// | MP4, M4A, M4B and QuickTime | AAC-LC, ALAC, FLAC, MP3, MPEG audio of layer II, Opus, PCM |
///
/// What a file is, is known by its content and not by its name. Other codecs and formats are decoded by the libraries of FFmpeg, if
/// they are on the machine; a codec that can't be decoded is called by its name. HE-AAC that does not say openly that it is
/// comes out at half its rate without FFmpeg. Vorbis of three and more channels, which FFmpeg decodes, keeps the padding at its end
/// where all of its sound is on one page.
///
/// - A file by path is read as it is decoded, a file by content is decoded in place; either way only about one chunk of
///   sound is alive at a time.
/// - `start_s` is gone to without decoding what lies before it, in files by path and by content: in WAV and its kin, AIFF,
///   CAF, Sun audio, FLAC and PCM without a header it is found, in MPEG audio and ADTS the headers up to it are read. The
///   samples are those of the whole decode all the same. Bytes that arrive are decoded from the start.
/// - A path may lead to a pipe, a terminal or another device, as `/dev/stdin` and `<(command)` of a shell do: it is read as its
///   bytes come, like packets of bytes, and to wait for them takes nobody's worker.
/// - Bytes packets are the pieces of one file, cut anywhere. All containers are decoded while they arrive, as soon as a
///   whole packet is certain to be there, but MP4 and M4A, CAF that holds no PCM, and AIFF and Matroska whose description
///   follows on the sound: they keep their index where it suits them, so they are collected and decoded when the stream
///   ends.
/// - PCM without a header is what the param `raw` says, in files as in bytes.
/// - Port `info` tells of each file what its head says, as soon as it is known: `duration_s` is there where the file gives
///   its length, and `tags` are text under `title`, `artist`, `album`, `album_artist`, `date`, `genre`, `comment`, `track` and so
///   on, others under the file's own name for them in lower case (those of ID3v2's `TXXX` under their description). Where
///   a file has several kinds of tags, its own count first, then ID3v2, APE, and last ID3v1; of WAV and AIFF ID3v2 is first.
///   Which tags are read is in the table below. Those of WAV, AIFF, CAF and Matroska are read wherever they stand in files,
///   before the sound where bytes arrive.
/// - The layout of sound is what the file says of its speakers. Mono and stereo are meant by their number, and FLAC, Opus and
///   others have places of their own for more channels; three and more of WAV, AIFF, CAF, Sun audio and PCM elsewhere have no
///   layout where the file names none, as those of an array of microphones.
///   FLAC may name others by its comments, in Ogg and Matroska too; AIFF and CAF have layouts of Core Audio.
/// - Of several tracks of sound in Matroska the first is decoded that is marked as default, which is also what has no mark
///   (RFC 9559, 5.1.4.1.5), else the first; by FFmpeg as by the built-in decoders. In Ogg it is the one that begins first in
///   the file. A Matroska file behind another is an error behind the sound of the first, but where FFmpeg reads them.
/// - The first sample has the time 0, and times count the samples that are out: that the sound of a video begins later than its
///   picture, or has gaps, which containers say by their own times, is left out.
/// - Encoder delay and padding are left out where the file says how much they are: MP3 with a LAME tag, Vorbis and Opus
///   always, M4A with an edit list or a gapless note of iTunes. Bare MP3 and ADTS keep both. The lossless formats have neither.
/// - The edits of an MP4 are played one after the other, at rate 1, and what lies between them is left out, but silence that
///   they ask for is left out too. A list that plays sound twice or in another order is left to FFmpeg, and else an error.
/// - WAV, AIFF, CAF and Sun audio whose lengths were never written, as by a program that writes into a pipe, are read to
///   their end. FLAC frames are decoded only if their checksums are right, in any container.
/// - MPEG and ADTS frames that follow after foreign bytes (a tag, a cut) are found again and decoding goes on; a frame of ADTS that
///   was cut is left out. What is wrong in tags, chapters and tables of places costs these alone. Ogg numbers its pages: one that
///   comes twice in a row is heard once, and where some are missing or have a wrong checksum, the sound ends with an error before
///   them. Anything else that is damaged, missing or cut off ends the file with an error, after all sound before it came out.
///   Without checksums, as in Matroska, MP4 and WAV, that is noticed of the structure: what a damaged packet decodes to is up to
///   its codec, and a packet that looks like something else
///   to pass over is missing. Where nothing tells how long a file is, no end is too early, but within a packet
///   it may be: in bare frames of MPEG audio, AC-3 and AMR, MPEG's transport and program streams, Flash Video, RealMedia,
///   Creative Voice and IRCAM. Of MPEG audio and AC-3 a frame that is not whole at the end is left out. In Ogg, where a live stream
///   ends as it was left and may begin in its middle, a page that is not whole ends too early, and FLAC without a last page that has
///   fewer frames than its head says.
/// - A chain in Ogg may go on in another codec, rate and number of channels. A link that is not built in (Speex, Opus of channels
///   without places, Vorbis of three and more) is decoded by FFmpeg in its place, and the built-in decoders go on behind it; of
///   bytes that arrive, what begins with such a link is collected. Without FFmpeg the sound ends there with an error that names
///   the codec. Links without sound are passed over.
/// - Packets of AMR in which nobody speaks are silence, without the noise that other decoders make.
///
/// What lies before `start_s` is not decoded, and mostly not even read, in files that are there as a whole, by path or by
/// content; bytes that arrive are decoded from their beginning. The start is found by
///
/// | in | by |
/// |---|---|
/// | WAV and its kin, AIFF, AU, CAF | arithmetic, or the table of packets |
/// | FLAC | the numbers in its frames |
/// | Ogg | the positions of its pages; of a chain only the first stream, of the others each packet is read but not decoded. Where the first ones, or those right before a part, count more or less than their packets hold, as converters do that round times, each packet is read; where all from one on are off, so is a part behind it |
/// | MP4, M4A, MOV | the tables of the index; in fragments each packet is read but not decoded |
/// | WebM, Matroska | the times of clusters. Where a time does not tell one frame, because of a gap or of packets shorter than times are exact, each packet is read but not decoded. A gap of whole packets is not noticed: then the times count |
/// | MPEG audio, ADTS | the headers of frames, which are read but not decoded |
///
/// The part is cut to the sample, and its samples are those of the whole file, bit by bit: a decoder that remembers what was
/// before gets that first, such as a packet of Vorbis or up to 129 of AAC. Only Opus never forgets for certain. Its decoder gets
/// a second, where RFC 7845 asks for 80 ms. After that music in CELT was the same in all of 1000 cuts at 64 to 256 kbit/s.
/// Speech in SILK, alone or with CELT, was the same in 950 of 1600 cuts at 8 to 36 kbit/s; the others had noise 45 dB or more
/// below the sound, of at most 0.022 of full scale.
///
/// | container | tags that are read |
/// |---|---|
/// | WAV | ID3v2, the list `INFO` |
/// | AIFF | ID3v2, `NAME`, `AUTH`, `ANNO`, `(c) ` |
/// | CAF | the chunk `info` |
/// | FLAC, Ogg | comments; ID3 and APE around the file |
/// | MPEG audio, ADTS | ID3 and APE |
/// | MP4, M4A, MOV | those of iTunes; of QuickTime the user data and the metadata by keys |
/// | WebM, Matroska | the title of the segment, those of the file and of the track |
/// | Wave64, Sun audio | none |
///
/// The map at the port `info`:
///
/// | key | value |
/// |---|---|
/// | `container` | `wav`, `w64`, `aiff`, `au`, `caf`, `flac`, `ogg`, `mp1`, `mp2`, `mp3`, `adts`, `mp4` or `matroska`, `raw` with that param; else FFmpeg's name |
/// | `codec` | its name, such as `pcm_s16le`, `mp3`, `aac` or `opus` |
/// | `rate`, `channels` | of the sound that comes out, in Hz and as a number |
/// | `duration_s` | the length in seconds; missing where the file does not give it, as a chain in Ogg |
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

/// So many frames are decoded in a step, then others have their turn, also while a longer chunk is not full.
const MOST_IN_A_STEP: u64 = 480_000;

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

    fn output_form(params: &Self::Params, port: usize, _input: Form) -> Form {
        let raw = params.raw.as_ref();
        let format = AudioFormat { rate: raw.map(|raw| raw.rate), channels: raw.map(|raw| raw.channels.into()) };
        if port == 0 { Form::Audio(format) } else { Form::Map(info::FIELDS) }
    }

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
                if !self.work.is_idle() {
                    return Err(failure::mixed_inputs());
                }
                self.origin = packet.pts.unwrap_or(self.origin);
                self.work = match &file.source {
                    FileSource::Path(path) => {
                        let (work, incoming) = Work::of_path(path, self.raw.as_ref())?;
                        self.incoming = incoming;
                        work
                    }
                    FileSource::Bytes(buffer) => Work::of_content(buffer, self.raw.as_ref())?,
                };
            }
            Value::Bytes(bytes) => {
                if self.work.is_idle() {
                    self.origin = packet.pts.unwrap_or(self.origin);
                    self.work = Work::of_stream("the stream".to_owned(), self.raw.as_ref());
                }
                if self.is_part_out() {
                    return Ok(Step::DONE);
                }
                if !self.work.push(*bytes) {
                    return Err(failure::mixed_inputs());
                }
            }
            other => {
                return Err(NodeError::new(format!("expected file or bytes, got {}", other.kind().name())));
            }
        }
        self.resume()
    }

    fn resume(&mut self) -> Result<Step, NodeError> {
        /// So many packets that are not wanted are decoded in one step, which a cancel can't end: some seconds of sound.
        const MOST_PASSED: u32 = 64;
        let (mut passed, mut begun) = (0, None);
        loop {
            if let Some(packet) = self.info.take() {
                return Ok(Step::More(Some(Emission { port: 1, packet })));
            }
            if let Some(audio) = self.whole_chunk()? {
                return Ok(Step::emit_more(Value::from(audio)));
            }
            if self.is_part_out()
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
                Ok(Fetched::Sound) => {
                    let is_cut = || self.work.opened().is_some_and(|opened| opened.planes().iter().all(Vec::is_empty));
                    let is_before = self.chunker.as_ref().is_some_and(|chunker| chunker.unwanted() > 0);
                    passed += u32::from(is_before || is_cut());
                    let there = self.chunker.as_ref().map_or(0, Chunker::frames);
                    let decoded = there.saturating_sub(*begun.get_or_insert(there));
                    if passed == MOST_PASSED || decoded >= MOST_IN_A_STEP {
                        return Ok(Step::More(None));
                    }
                }
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
        if self.work.finish() {
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
    /// Takes what has come of a stream by path, after a wait that is not long.
    fn take_in(&mut self) -> Result<(), NodeError> {
        let Some(incoming) = &mut self.incoming else { return Ok(()) };
        match incoming.next()? {
            Arrival::Bytes(bytes) => self.work.push(Buffer::from_bytes(bytes)),
            Arrival::End => self.work.finish(),
            Arrival::Nothing => false,
        };
        Ok(())
    }

    /// Whether all of the part that was asked for has gone through the chunker.
    fn is_part_out(&self) -> bool {
        self.chunker.as_ref().is_some_and(Chunker::is_complete)
    }

    fn whole_chunk(&mut self) -> Result<Option<Audio>, NodeError> {
        self.chunker.as_mut().map_or(Ok(None), Chunker::whole)
    }

    fn rest(&mut self) -> Result<Option<Audio>, NodeError> {
        self.chunker.as_mut().map_or(Ok(None), Chunker::rest)
    }

    /// Gets one packet and puts it before the chunker, unless its format is a new one.
    fn fetch(&mut self) -> Result<Fetched, NodeError> {
        if self.is_part_out() {
            let is_arriving = self.incoming.is_none() && self.work.is_arriving();
            return Ok(if is_arriving { Fetched::Waiting } else { Fetched::End });
        }
        if let Some(chunker) = &mut self.chunker {
            chunker.pass_over(self.work.pass_over(chunker.unwanted())?);
        }
        if let Work::Raw(_) = self.work {
            return self.fetch_raw();
        }
        let format = match self.work.fetch()? {
            Got::Packet(format) => format,
            Got::Waiting => return Ok(Fetched::Waiting),
            Got::End => return Ok(Fetched::End),
        };
        let Some(demuxer) = self.work.opened_mut() else { return Ok(Fetched::End) };
        match &mut self.chunker {
            Some(chunker) if *chunker.format() == format => chunker.push(demuxer.planes()),
            Some(_) => self.format_change = Some(format),
            None => {
                let part = self.range.part(0, format.rate);
                let head = demuxer.head();
                let expected = head.duration_s.map(|seconds| (seconds * f64::from(format.rate)).round() as u64);
                let info = head.value(format.rate, format.channels);
                self.info = Some(Packet::new(info).at(Some(self.origin), None));
                let chunker = Chunker::new(format, self.chunk_ms, demuxer.trim(), part, self.origin);
                let mut chunker = chunker.expecting(expected);
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
            let head = Head {
                container: "raw".into(),
                codec: raw_codec_name(sound.sample_format()).into(),
                duration_s: None,
                tags: Map::new(),
            };
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
        self.chunker.as_ref().map(Chunker::position).or(self.work.is_open().then_some(self.origin))
    }

    /// Goes on with the packet that waited, in its own format.
    fn change_format(&mut self) {
        let Some(format) = self.format_change.take() else { return };
        let origin = self.chunker.as_ref().map_or(self.origin, Chunker::position);
        let part = self.range.part(origin.saturating_sub(self.origin), format.rate);
        let mut chunker = Chunker::new(format, self.chunk_ms, Trim::default(), part, origin);
        if let Some(demuxer) = self.work.opened() {
            chunker.push(demuxer.planes());
        }
        self.chunker = Some(chunker);
    }

    fn finish_file(&mut self) -> Result<Step, NodeError> {
        let audio = self.rest()?;
        let mut missed = None;
        if let Some(chunker) = self.chunker.take() {
            missed = chunker.is_before_part().then(|| chunker.end_of_sound() - self.origin);
            self.origin = chunker.position();
        }
        let ended_item = self.incoming.is_none() && self.work.is_of_packets();
        if let Some(duration) = missed {
            let failure = failure::starts_too_late(self.work.name(), self.range.start_s, duration as f64 / 1e9);
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
