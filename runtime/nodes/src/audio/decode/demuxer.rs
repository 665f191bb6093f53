//! From a source to decoded packets: finds the container, picks the audio track, decodes packet by packet, and notices
//! what is missing.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use remotemedia_core::exec::panic_text;
use remotemedia_core::node::NodeError;
use remotemedia_core::value::{Map, MediaTime};
use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::well_known::{CODEC_ID_OPUS, CODEC_ID_SPEEX, CODEC_ID_VORBIS};
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions, CODEC_ID_NULL_AUDIO};
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, Track, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream};
use symphonia::core::meta::MetadataOptions;
use symphonia::core::packet::Packet;

use super::chunker::{Format, Trim};
use super::container::Container;
use super::failure;
use super::info::{Head, codec_name, container_name, tags};
use super::layout::layout_of;
use super::matroska::{Blocks, Padding};
use super::mp4_gapless::Movie;
use super::opus::{self, PreSkip};

/// An open file.
pub(super) struct Demuxer {
    name: String,
    container: Container,
    reader: Box<dyn FormatReader>,
    decoder: Box<dyn AudioDecoder>,
    track: TrackFacts,
    /// The planes of the last packet.
    planes: Vec<Vec<f32>>,
    /// Frames decoded so far, encoder delay and padding included.
    decoded: u64,
    /// The timestamp that follows on the last packet, where the container has timestamps of frames.
    next_timestamp: Option<i64>,
    padding: Padding,
    /// The tags of a WAV file.
    tags: Map,
    /// Whether a Matroska file is known not to be cut off; one written live does not say how long it is.
    may_end: bool,
}

/// One step of reading.
pub(super) enum Progress {
    /// A packet of this format is in [`Demuxer::planes`]; its frames may be none.
    Packet(Format),
    /// No packet is left, or none yet where the source is still arriving.
    End,
}

/// Why reading stopped.
pub(super) enum Stop {
    /// The source ended where it must not; if it is still arriving, that is no failure.
    SourceEnded(NodeError),
    Failed(NodeError),
}

struct TrackFacts {
    id: u32,
    params: AudioCodecParameters,
    trim: Trim,
    /// All frames that the file promises, where a promise is to be trusted.
    promised: Option<u64>,
    /// How long the sound is by the head of the file, in seconds.
    duration_s: Option<f64>,
}

impl Demuxer {
    /// Opens a source. `name` is what messages call it; `first` are its first bytes, `movie` is the index of an MP4
    /// file.
    ///
    /// # Errors
    /// If it is no audio, has no audio track or holds a codec without a decoder.
    pub(super) fn open(
        source: Box<dyn MediaSource>,
        container: Container,
        name: String,
        first: &[u8],
        movie: Option<&Movie>,
    ) -> Result<Self, NodeError> {
        if let Container::Foreign(format) = container {
            return Err(failure::not_audio(&name, first, Some(format)));
        }
        if let Some((channels, most)) = wav_channels(container, first).filter(|(channels, most)| channels > most) {
            return Err(failure::too_many_channels(&name, channels, most));
        }
        let shown = name.clone();
        unbroken(move || Self::open_known(source, container, name, first, movie))
            .unwrap_or_else(|panic| Err(failure::unexpected(&shown, &panic)))
    }

    fn open_known(
        source: Box<dyn MediaSource>,
        container: Container,
        name: String,
        first: &[u8],
        movie: Option<&Movie>,
    ) -> Result<Self, NodeError> {
        let stream = MediaSourceStream::new(source, Default::default());
        let reader = symphonia::default::get_probe()
            .probe(&Hint::new(), stream, FormatOptions::default(), MetadataOptions::default())
            .map_err(|error| unopened(&error, container, &name, first))?;
        let track = choose_track(reader.as_ref(), container, movie, &name)?;
        let decoder = make_decoder(&track.params, container, &name)?;
        let padding = Padding::default();
        Ok(Self {
            name,
            container,
            reader,
            decoder,
            track,
            planes: Vec::new(),
            decoded: 0,
            next_timestamp: None,
            padding,
            tags: Map::new(),
            may_end: false,
        })
    }

    /// What messages call the file.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What the head of the file tells.
    pub(super) fn head(&mut self) -> Head {
        Head {
            container: container_name(self.container),
            codec: codec_name(self.track.params.codec),
            duration_s: self.track.duration_s,
            tags: if self.container == Container::Wav {
                self.tags.clone()
            } else {
                tags(self.reader.metadata(), self.track.id)
            },
        }
    }

    /// The number of the track that is read.
    pub(super) fn track(&self) -> u32 {
        self.track.id
    }

    /// Takes what is known of the blocks that are there: their padding, and whether the last one is whole.
    pub(super) fn learn(&mut self, blocks: &Blocks) {
        self.padding.learn(blocks.padded(self.track.id));
        self.may_end = blocks.ends_whole();
    }

    /// Takes the tags of a WAV file.
    pub(super) fn tell(&mut self, tags: Map) {
        self.tags = tags;
    }

    /// What is not sound at the start and the end.
    pub(super) fn trim(&self) -> Trim {
        self.track.trim
    }

    /// The planes of the last packet.
    pub(super) fn planes(&self) -> &[Vec<f32>] {
        &self.planes
    }

    /// Bytes that one frame takes uncompressed, for formats whose packets are cut by frames.
    pub(super) fn frame_bytes(&self) -> u64 {
        let bits = self.track.params.bits_per_coded_sample.or(self.track.params.bits_per_sample).unwrap_or(64);
        let channels = self.track.params.channels.as_ref().map_or(1, |channels| channels.count());
        u64::from(bits.div_ceil(8).max(1)) * channels as u64
    }

    /// Reads and decodes the next packet. After a failure there is no next one.
    pub(super) fn next(&mut self) -> Result<Progress, Stop> {
        unbroken(|| self.next_packet())
            .unwrap_or_else(|panic| Err(Stop::Failed(failure::unexpected(&self.name, &panic))))
    }

    fn next_packet(&mut self) -> Result<Progress, Stop> {
        loop {
            match self.reader.next_packet() {
                Ok(Some(packet)) if packet.track_id == self.track.id => return self.decode(&packet),
                Ok(Some(_)) => {}
                Ok(None) => return self.end(),
                Err(Error::ResetRequired) => self.restart().map_err(Stop::Failed)?,
                Err(Error::IoError(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return match self.end() {
                        Err(stop) => Err(stop),
                        Ok(_) if self.is_open_ended() => Ok(Progress::End),
                        Ok(_) => Err(Stop::SourceEnded(failure::truncated(&self.name, self.decoded, None))),
                    };
                }
                Err(Error::IoError(error)) => return Err(Stop::Failed(failure::unreadable(&self.name, &error))),
                Err(error) => return Err(Stop::Failed(self.damaged(&error))),
            }
        }
    }

    fn decode(&mut self, packet: &Packet) -> Result<Progress, Stop> {
        self.check_gap(packet)?;
        match self.decode_into_planes(packet) {
            Ok(format) => Ok(Progress::Packet(format)),
            Err(error) => {
                // A decoder is made for one rate and number of channels; MPEG frames may change them.
                let fresh = make_decoder(&self.track.params, self.container, &self.name).map_err(Stop::Failed)?;
                let before = std::mem::replace(&mut self.decoder, fresh);
                match self.decode_into_planes(packet) {
                    Ok(format) if self.container == Container::Mpeg && differs(before.as_ref(), &format) => {
                        Ok(Progress::Packet(format))
                    }
                    _ => {
                        self.planes.iter_mut().for_each(Vec::clear);
                        Err(Stop::Failed(self.damaged(&error)))
                    }
                }
            }
        }
    }

    fn decode_into_planes(&mut self, packet: &Packet) -> Result<Format, Error> {
        let decoded = self.decoder.decode(packet)?;
        decoded.copy_to_vecs_planar::<f32>(&mut self.planes);
        let spec = decoded.spec();
        let format =
            Format { rate: spec.rate(), channels: spec.channels().count(), layout: layout_of(spec.channels()) };
        let padding = MediaTime::to_frames(self.padding.of(packet), format.rate);
        let padding = usize::try_from(padding).unwrap_or(usize::MAX).min(decoded.frames());
        self.planes.iter_mut().for_each(|plane| plane.truncate(decoded.frames() - padding));
        self.decoded += decoded.frames() as u64;
        Ok(format)
    }

    /// Lossless and Ogg streams say where each packet belongs: a jump forward means that packets are lost.
    fn check_gap(&mut self, packet: &Packet) -> Result<(), Stop> {
        if !matches!(self.container, Container::Flac | Container::Ogg) {
            return Ok(());
        }
        let starts = packet.pts.get();
        let lost = self.next_timestamp.map_or(0, |expected| starts.saturating_sub(expected));
        let block = i64::try_from(packet.block_dur().get()).unwrap_or(i64::MAX);
        self.next_timestamp = Some(starts.saturating_add(block));
        if lost > 0 {
            let detail = format!("{lost} frames are missing");
            return Err(Stop::Failed(failure::damaged(&self.name, &detail)));
        }
        Ok(())
    }

    fn end(&self) -> Result<Progress, Stop> {
        match self.track.promised {
            Some(promised) if self.decoded < promised => {
                Err(Stop::SourceEnded(failure::truncated(&self.name, self.decoded, Some(promised))))
            }
            _ => Ok(Progress::End),
        }
    }

    /// Whether the end of the source is a regular end, because the header of the file left the length open.
    fn is_open_ended(&self) -> bool {
        self.may_end || self.container == Container::Wav && self.track.promised.is_none()
    }

    /// A new stream begins within the file, as in chained Ogg.
    fn restart(&mut self) -> Result<(), NodeError> {
        self.track = choose_track(self.reader.as_ref(), self.container, None, &self.name)?;
        self.decoder = make_decoder(&self.track.params, self.container, &self.name)?;
        self.next_timestamp = None;
        Ok(())
    }

    fn damaged(&self, error: &Error) -> NodeError {
        match error {
            Error::IoError(_) => failure::damaged(&self.name, "a packet ends too early"),
            Error::DecodeError(detail) | Error::Unsupported(detail) | Error::LimitError(detail) => {
                failure::damaged(&self.name, detail)
            }
            other => failure::damaged(&self.name, &other.to_string()),
        }
    }
}

/// The number of channels in the format chunk of a WAV file and the most that the demuxer counts rightly: it has names for
/// 26 speakers, and for the 18 of the mask of `WAVEFORMATEXTENSIBLE`. The chunk comes first but for some broadcast files.
fn wav_channels(container: Container, first: &[u8]) -> Option<(u16, u16)> {
    const EXTENSIBLE: u16 = 0xfffe;
    let chunk = first.get(12..24).filter(|chunk| container == Container::Wav && chunk.starts_with(b"fmt "))?;
    let most = if u16::from_le_bytes([chunk[8], chunk[9]]) == EXTENSIBLE { 18 } else { 26 };
    Some((u16::from_le_bytes([chunk[10], chunk[11]]), most))
}

/// Runs code of the decoders, which may panic on a file that no encoder writes. That is the file's fault and not the
/// pipeline's, which a panic would poison. Answers the text of the panic.
fn unbroken<T>(body: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(body)).map_err(|payload| panic_text(&*payload))
}

fn differs(before: &dyn AudioDecoder, format: &Format) -> bool {
    let last = before.last_decoded();
    last.spec().rate() != format.rate || last.spec().channels().count() != format.channels
}

fn unopened(error: &Error, container: Container, name: &str, first: &[u8]) -> NodeError {
    // The demuxer of Ogg looks for a codec that it knows until the file ends. The first page names the one that is there:
    // its header is 28 bytes long.
    let begins =
        |name: &[u8]| container == Container::Ogg && first.get(28..).is_some_and(|page| page.starts_with(name));
    if begins(b"Speex") {
        return failure::codec_unsupported(name, CODEC_ID_SPEEX, None);
    }
    if begins(b"\x80theora") {
        return failure::no_audio_track(name);
    }
    match (error, container) {
        (Error::IoError(error), _) if error.kind() != io::ErrorKind::UnexpectedEof => failure::unreadable(name, error),
        (_, Container::Unknown) => failure::not_audio(name, first, None),
        // The demuxer looks for a frame at once.
        (Error::IoError(_), Container::Flac) => failure::without_frames(name),
        (Error::IoError(_), _) => failure::truncated(name, 0, None),
        (Error::Unsupported("isomp4: missing moov atom"), _) => failure::no_index(name),
        (Error::DecodeError(detail) | Error::LimitError(detail), _) => failure::damaged(name, detail),
        (
            Error::Unsupported(detail),
            Container::Ogg | Container::Matroska | Container::Mp4 | Container::Wav | Container::Flac,
        ) => failure::damaged(name, detail),
        _ => failure::not_audio(name, first, None),
    }
}

fn choose_track(
    reader: &dyn FormatReader,
    container: Container,
    movie: Option<&Movie>,
    name: &str,
) -> Result<TrackFacts, NodeError> {
    let audio = |track: &&Track| matches!(track.codec_params, Some(CodecParameters::Audio(_)));
    let track = reader
        .default_track(TrackType::Audio)
        .or_else(|| reader.tracks().iter().find(audio))
        .ok_or_else(|| failure::no_audio_track(name))?;
    let Some(CodecParameters::Audio(params)) = &track.codec_params else {
        return Err(failure::no_audio_track(name));
    };
    if params.codec == CODEC_ID_NULL_AUDIO {
        return Err(failure::codec_unsupported(name, params.codec, None));
    }
    let delay = u64::from(track.delay.unwrap_or(0));
    let padding = u64::from(track.padding.unwrap_or(0));
    let (trim, promised) = match container {
        // Only the tag of LAME and its kin gives a delay; without one the number of frames is an estimate.
        Container::Mpeg if delay > 0 => {
            let end = track.num_frames.map(|sound| (sound, padding));
            (Trim { delay, end }, track.num_frames.map(|sound| sound.saturating_add(delay).saturating_add(padding)))
        }
        Container::Wav => (Trim::default(), track.num_frames.filter(|frames| !is_placeholder(*frames, params))),
        Container::Flac => (Trim::default(), track.num_frames),
        Container::Mp4 => {
            let rate = params.sample_rate.unwrap_or(1);
            let trim = movie.map(|movie| movie.trim(track.id, rate, track.num_frames));
            (trim.unwrap_or_default(), track.num_frames.filter(|_| !movie.is_some_and(Movie::is_fragmented)))
        }
        _ => (Trim::default(), None),
    };
    let frames = match container {
        Container::Wav | Container::Flac => promised,
        Container::Mpeg | Container::Mp4 => {
            trim.end.map(|(sound, _)| sound).or(promised.map(|promised| promised.saturating_sub(trim.delay)))
        }
        // The last page, which a stream that arrives has not shown yet, counts what the first one holds too much.
        Container::Ogg if params.codec == CODEC_ID_OPUS => {
            track.num_frames.map(|frames| frames.saturating_sub(u64::from(opus::pre_skip(params))))
        }
        Container::Ogg => track.num_frames,
        _ => None,
    };
    let duration_s = match (frames, params.sample_rate) {
        (Some(frames), Some(rate)) => Some(frames as f64 / f64::from(rate)),
        _ if container == Container::Matroska => seconds_of(reader),
        _ => None,
    };
    Ok(TrackFacts { id: track.id, params: params.clone(), trim, promised, duration_s })
}

/// The length that a Matroska file gives for all its tracks together.
fn seconds_of(reader: &dyn FormatReader) -> Option<f64> {
    let media = reader.media_info();
    Some(media.time_base?.calc_duration(media.duration?)?.as_secs_f64())
}

/// Whether a WAV header was written before the length was known: programs that write to a pipe put about 2^31 or 2^32
/// bytes there.
fn is_placeholder(frames: u64, params: &AudioCodecParameters) -> bool {
    let channels = params.channels.as_ref().map_or(1, |channels| channels.count() as u64);
    let bytes = frames * channels * u64::from(params.bits_per_coded_sample.unwrap_or(16).div_ceil(8));
    (0x7fff_0000..=0x7fff_ffff).contains(&bytes) || bytes >= 0xffff_0000
}

fn make_decoder(
    params: &AudioCodecParameters,
    container: Container,
    name: &str,
) -> Result<Box<dyn AudioDecoder>, NodeError> {
    // The Vorbis decoder undoes the coupling of channels first to last, where Vorbis I, 4.3.5 says last to first. With two
    // channels that is the same; with more the sound would be wrong.
    let channels = params.channels.as_ref().map_or(0, |channels| channels.count());
    if params.codec == CODEC_ID_VORBIS && channels > 2 {
        return Err(failure::codec_unsupported(name, params.codec, Some("more than two channels")));
    }
    if params.codec == CODEC_ID_OPUS {
        // In MP4 the edit list says what is sound.
        let pre_skip = if container == Container::Mp4 { PreSkip::Kept } else { PreSkip::LeftOut };
        return match opus::Decoder::new(params, pre_skip) {
            Ok(decoder) => Ok(Box::new(decoder)),
            Err(Error::DecodeError(detail)) => Err(failure::damaged(name, detail)),
            Err(error) => Err(failure::codec_unsupported(name, params.codec, Some(&error.to_string()))),
        };
    }
    // Where the demuxer says packet by packet what to leave out, it is right; for MPEG see `Trim`.
    let options = AudioDecoderOptions::default().gapless(container == Container::Ogg);
    symphonia::default::get_codecs().make_audio_decoder(params, &options).map_err(|error| match error {
        Error::Unsupported("aac: aac too complex") => {
            failure::codec_unsupported(name, params.codec, Some("HE-AAC, or more than two channels"))
        }
        Error::Unsupported("core (codec): unsupported audio codec") => {
            failure::codec_unsupported(name, params.codec, None)
        }
        Error::Unsupported(detail) => failure::codec_unsupported(name, params.codec, Some(detail)),
        other => failure::damaged(name, &other.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_a_decoder_is_a_failure_of_the_file() {
        let panic = unbroken(|| [1u8, 2].get(5).copied().expect("a third byte")).unwrap_err();
        let failure = failure::unexpected("'a.flac'", &panic);
        assert_eq!(
            format!("{}. {}", failure.cause, failure.cure),
            "'a.flac' is damaged in a way that its decoder does not expect: a third byte. Fetch or copy it again, or cut the \
             damaged part out."
        );
    }
}
