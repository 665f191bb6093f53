//! From a source to decoded packets: finds the container, picks the audio track, decodes packet by packet, and notices
//! what is missing.

use std::collections::VecDeque;
use std::fmt::Display;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use remotemedia_core::exec::panic_text;
use remotemedia_core::node::NodeError;
use remotemedia_core::value::{Map, MediaTime};
use symphonia::core::codecs::audio::well_known::{
    CODEC_ID_AAC, CODEC_ID_ADPCM_IMA_QT, CODEC_ID_ADPCM_IMA_WAV, CODEC_ID_ADPCM_MS, CODEC_ID_MP1, CODEC_ID_MP2,
    CODEC_ID_MP3, CODEC_ID_OPUS, CODEC_ID_VORBIS,
};
use symphonia::core::codecs::audio::{AudioCodecId, AudioDecoder};
use symphonia::core::errors::Error;
use symphonia::core::formats::FormatReader;
use symphonia::core::io::MediaSource;
use symphonia::core::packet::Packet;
use symphonia::core::units::{Duration, Timestamp};

use super::aac;
use super::aac::band::Band;
use super::chunker::{Format, Trim};
use super::codec::make_decoder;
use super::container::Container;
use super::container_reader::{Unopened, open_reader};
use super::failure;
use super::flac::places::{places_of_comments, places_of_head};
use super::info::{Head, codec_name, container_name, merged, tags};
use super::jumps::jumping;
use super::landing::{PacketFormat, Start, counts_frames, land};
use super::layout::{layout_of, put_in_order};
use super::matroska::Blocks;
use super::matroska::packets::{PacketFacts, is_behind_missing};
use super::memory::Memory;
use super::mp4::gapless::Movie;
use super::mpeg::header::Header;
use super::ogg::pages::LastPage;
use super::refusal::{Refusal, foreign, unopened};
use super::source::GoesOn;
use super::source::gap::GapSource;
use super::track::{TrackFacts, choose_track};

/// An open file.
pub(super) struct Demuxer {
    name: String,
    container: Container,
    reader: Box<dyn FormatReader>,
    decoder: Box<dyn AudioDecoder>,
    track: TrackFacts,
    /// What the reader gave already, while it was looking for a later frame.
    read: VecDeque<Result<Option<Packet>, Error>>,
    /// Whether a later frame of this stream was looked for.
    has_passed_over: bool,
    /// Whether the durations of packets are decoded frames.
    counts_frames: bool,
    /// The planes of the last packet.
    planes: Vec<Vec<f32>>,
    /// Frames decoded so far, encoder delay and padding included.
    decoded: u64,
    /// The timestamp that follows on the last packet, where the container has timestamps of frames.
    next_timestamp: Option<i64>,
    /// The nanoseconds at the end of the next packet that are no sound, of Matroska.
    padding_ns: u64,
    /// The tags that the reader does not know.
    tags: Map,
    /// Whether another Matroska file was put behind the first.
    is_joined: bool,
    /// Whether a Matroska or Ogg file is known not to be cut off; one written live does not say how long it is.
    may_end: bool,
    /// Whether a stream in Ogg says where it ends, so that what its head promises does not count.
    is_marked: bool,
    /// What is missing where a file in Ogg or Matroska that arrives ends.
    lost: Option<String>,
}

/// Which track of a file is meant, and what is known of its packets before it is opened.
#[derive(Default)]
pub(super) struct Wanted {
    /// The number of the track, where that is known.
    pub(super) track: Option<u32>,
    /// What is found of packets of Matroska that arrive.
    pub(super) facts: PacketFacts,
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
    /// The link of a chain that begins at this place of the file takes another reader.
    GoesOn(u64),
}

impl Demuxer {
    /// Opens a source whose container begins at a place, after tags. `name` is what messages call it; `first` are its
    /// first bytes, `movie` is the index of an MP4 file.
    ///
    /// # Errors
    /// If it is no audio, has no audio track or holds a codec without a decoder.
    pub(super) fn open(
        source: Box<dyn MediaSource>,
        container: Container,
        begins: u64,
        name: String,
        first: &[u8],
        movie: Option<&Movie>,
        wanted: Wanted,
    ) -> Result<Self, Refusal> {
        match container {
            Container::Foreign(format) => return Err(foreign(&name, first, container, format)),
            Container::Unknown => return Err(failure::not_audio(&name, first, None).into()),
            _ => {}
        }
        let shown = name.clone();
        unbroken(move || Self::open_known(source, container, begins, name, first, movie, wanted))
            .unwrap_or_else(|panic| Err(failure::unexpected(&shown, &panic).into()))
    }

    fn open_known(
        source: Box<dyn MediaSource>,
        container: Container,
        begins: u64,
        name: String,
        first: &[u8],
        movie: Option<&Movie>,
        wanted: Wanted,
    ) -> Result<Self, Refusal> {
        let mut reader = open_reader(source, container, begins, wanted.facts).map_err(|failed| match failed {
            Unopened::Format(error) => unopened(&error, container, &name, first),
            Unopened::Damaged(detail) => failure::damaged(&name, detail).into(),
            Unopened::Codec(codec) => failure::refused(&name, &codec),
            Unopened::Mistaken(codec) => failure::refused(&name, &codec).error.into(),
        })?;
        let mut track = choose_track(reader.as_ref(), container, movie, wanted.track, &name)?;
        if container == Container::Ogg {
            track.place(|channels| places_of_comments(reader.metadata(), channels));
        }
        let decoder = make_decoder(&track.params, container, &name)?;
        let counts_frames = counts_frames(container);
        Ok(Self {
            name,
            container,
            counts_frames,
            reader,
            decoder,
            track,
            read: VecDeque::new(),
            has_passed_over: false,
            planes: Vec::new(),
            decoded: 0,
            next_timestamp: None,
            padding_ns: 0,
            tags: Map::new(),
            is_joined: false,
            may_end: false,
            is_marked: false,
            lost: None,
        })
    }

    /// What messages call the file.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What of HE-AAC is decoded.
    pub(super) fn band(&self) -> Band {
        Band::of(&self.track.params)
    }

    /// What the head of the file tells.
    pub(super) fn head(&mut self) -> Head {
        let codec = codec_name(self.track.params.codec);
        Head {
            // Bare frames are called by their layer.
            container: if self.container == Container::Mpeg { codec } else { container_name(self.container) }.into(),
            codec: codec.into(),
            duration_s: self.track.duration_s,
            tags: merged([self.tags.clone(), tags(self.reader.metadata(), self.track.id)]),
        }
    }

    /// The number of the track that is read.
    pub(super) fn track(&self) -> u32 {
        self.track.id
    }

    /// Takes what a Matroska file tells the decoder, of which its reader gives FLAC only a part.
    ///
    /// # Errors
    /// If there is no decoder for it.
    pub(super) fn learn_private(&mut self, private: &[u8]) -> Result<(), Refusal> {
        if self.track.place(|channels| places_of_head(private, channels)) {
            self.decoder = make_decoder(&self.track.params, self.container, &self.name)?;
        }
        Ok(())
    }

    /// Takes what is known of the blocks that are there: whether the last one is whole, and what is behind it.
    pub(super) fn learn(&mut self, blocks: &Blocks) {
        self.may_end = blocks.ends_whole();
        self.is_joined = blocks.joined_at().is_some();
    }

    /// Lets the reader jump in a file that is there as a whole, which must be the one that it reads. `is_chain` says of one in
    /// Ogg that other streams may follow on the first.
    pub(super) fn jumping(
        self,
        file: GapSource,
        movie: Option<&Movie>,
        blocks: Option<&Blocks>,
        is_chain: bool,
    ) -> Self {
        match jumping(self.reader, file, self.container, &self.track, movie, blocks, is_chain) {
            Ok(reader) => Self { reader, counts_frames: true, ..self },
            Err(reader) => Self { reader, ..self },
        }
    }

    /// Takes what is known of the end of a file in Ogg.
    pub(super) fn learn_end(&mut self, last: LastPage) {
        self.may_end = last.ends_whole;
        self.is_marked = last.is_marked;
    }

    /// Takes the position at which a stream in Ogg ends, if a page says it. The length of a chain is not told: of it only the
    /// first stream is known.
    pub(super) fn learn_length(&mut self, end: Option<u64>, is_chain: bool) {
        match end {
            _ if is_chain => self.track.duration_s = None,
            Some(end) => self.track.end_at(end),
            None => {}
        }
    }

    /// Takes what is missing where the source ends.
    pub(super) fn learn_lost(&mut self, lost: &dyn Display) {
        self.lost = Some(lost.to_string());
    }

    /// Takes the tags that the reader does not know, which count before its own.
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

    /// Reads and decodes the next packet. After a failure there is no next one.
    pub(super) fn next(&mut self) -> Result<Progress, Stop> {
        unbroken(|| self.next_packet())
            .unwrap_or_else(|panic| Err(Stop::Failed(failure::unexpected(&self.name, &panic))))
    }

    /// Leaves out up to so many of the frames that come next, without decoding them where the format allows that. How
    /// many were left out: fewer where a packet begins before the frame that is wanted, or the file ends.
    pub(super) fn pass_over(&mut self, frames: u64) -> Result<u64, NodeError> {
        // Before its first frame a decoder of these may still leave out what is no sound.
        let may_leave_out = matches!(self.track.params.codec, CODEC_ID_OPUS | CODEC_ID_VORBIS) && self.decoded == 0;
        let can = self.counts_frames && !self.has_passed_over && self.read.is_empty() && !may_leave_out;
        if frames == 0 || !can {
            return Ok(0);
        }
        let Some(memory) = Memory::of(self.track.params.codec) else { return Ok(0) };
        let kept = self.track.cuts.kept_before(self.decoded);
        let frame = self.track.cuts.frame_of(kept.saturating_add(frames));
        unbroken(|| self.go_to(frame, memory)).unwrap_or_else(|panic| Err(failure::unexpected(&self.name, &panic)))?;
        Ok(self.track.cuts.kept_before(self.decoded).saturating_sub(kept))
    }

    fn go_to(&mut self, frame: u64, memory: Memory) -> Result<(), NodeError> {
        let last = self.decoder.last_decoded();
        let format = PacketFormat { rate: last.spec().rate(), channels: last.spec().channels().count() };
        let (decoded, next_timestamp) = (self.decoded, self.next_timestamp);
        let start = Start { codec: self.track.params.codec, format, decoded, next_timestamp };
        let landing = land(self.reader.as_mut(), self.container, memory, start, frame);
        let landing = landing.map_err(|error| self.failed(&error))?;
        self.read = landing.read;
        self.has_passed_over = landing.is_there;
        if landing.is_continuous {
            return Ok(());
        }
        self.decoder.reset();
        for _ in 0..landing.priming {
            if let Some(Ok(Some(packet))) = self.read.pop_front() {
                self.prime(&packet)?;
            }
        }
        self.decoded = landing.frame;
        self.next_timestamp = landing.next_timestamp;
        Ok(())
    }

    /// Decodes a packet whose sound is not wanted. What is wrong in it does not matter then.
    fn prime(&mut self, packet: &Packet) -> Result<(), NodeError> {
        if self.decoder.decode(packet).is_err() {
            self.decoder = self.fresh_decoder()?;
            let _ = self.decoder.decode(packet);
        }
        Ok(())
    }

    fn next_packet(&mut self) -> Result<Progress, Stop> {
        if self.track.cuts.is_over(self.decoded) {
            return Ok(Progress::End);
        }
        loop {
            match self.read.pop_front().unwrap_or_else(|| self.reader.next_packet()) {
                Ok(Some(mut packet)) if packet.track_id == self.track.id => {
                    if !self.counts_frames && self.track.params.codec == CODEC_ID_AAC {
                        // As a reader that jumps counts, so that the same file sounds the same as it arrives.
                        packet.dts = Timestamp::from(i64::try_from(self.decoded).unwrap_or(i64::MAX));
                        packet.dur = Duration::from(aac::FRAMES);
                    }
                    if self.container == Container::Matroska {
                        if is_behind_missing(&packet) {
                            let detail = "sound is missing where a block is of a track that is not described";
                            return Err(Stop::Failed(failure::damaged(&self.name, detail)));
                        }
                        self.padding_ns = std::mem::take(&mut packet.trim_end).get();
                    }
                    return self.decode(&packet);
                }
                Ok(Some(_)) => {}
                // All that the index names was read: where bytes are missing, the reader fails. But all may be empty.
                Ok(None) if self.container == Container::Mp4 => {
                    return if self.decoded == 0 { self.end() } else { Ok(Progress::End) };
                }
                // Its reader counts the frames itself.
                Ok(None) if self.is_mpeg() => return Ok(Progress::End),
                Ok(None) => return self.end(),
                Err(Error::ResetRequired) => self.restart().map_err(Stop::Failed)?,
                Err(Error::IoError(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return match self.end() {
                        Err(stop) => Err(stop),
                        Ok(_) if self.is_open_ended() => Ok(Progress::End),
                        Ok(_) => Err(Stop::SourceEnded(failure::truncated(&self.name, self.decoded, None))),
                    };
                }
                Err(Error::IoError(error)) if let Some(GoesOn { place }) = GoesOn::of(&error) => {
                    return Err(Stop::GoesOn(place));
                }
                Err(error) => return Err(Stop::Failed(self.failed(&error))),
            }
        }
    }

    /// An error of the reader.
    fn failed(&self, error: &Error) -> NodeError {
        match error {
            Error::IoError(error) => failure::broken_off(&self.name, error),
            error => self.damaged(error),
        }
    }

    fn decode(&mut self, packet: &Packet) -> Result<Progress, Stop> {
        self.check_gap(packet)?;
        self.check_layer(packet)?;
        match self.decode_into_planes(packet) {
            Ok(format) => self.sensible(format),
            Err(error) => {
                // A decoder is made for one rate and number of channels; MPEG frames may change them.
                let fresh = self.fresh_decoder().map_err(Stop::Failed)?;
                let before = std::mem::replace(&mut self.decoder, fresh);
                match self.decode_into_planes(packet) {
                    Ok(format) if self.is_mpeg() && differs(before.as_ref(), &format) => self.sensible(format),
                    _ => {
                        self.planes.iter_mut().for_each(Vec::clear);
                        Err(Stop::Failed(self.damaged(&error)))
                    }
                }
            }
        }
    }

    /// What was decoded, if it can be meant. Real encoders go beyond full scale by a few decibels and the vectors of ISO by
    /// 18 dB; of a damaged frame a decoder may make noise of a hundred times full scale.
    fn sensible(&mut self, format: Format) -> Result<Progress, Stop> {
        const MOST: f32 = 16.0;
        let is_checked = self.is_mpeg() || self.track.params.codec == CODEC_ID_AAC;
        // Without a branch, which takes a tenth of the time. The bits of numbers without a sign are in their order, NaN last.
        let is_loud = |loud, sample: &f32| loud | (sample.abs().to_bits() > MOST.to_bits());
        if is_checked && self.planes.iter().any(|plane| plane.iter().fold(false, is_loud)) {
            self.planes.iter_mut().for_each(Vec::clear);
            let detail = format!("what its decoder makes of a packet is more than {MOST} x full scale");
            return Err(Stop::Failed(failure::damaged(&self.name, &detail)));
        }
        Ok(Progress::Packet(format))
    }

    fn decode_into_planes(&mut self, packet: &Packet) -> Result<Format, Error> {
        let decoded = self.decoder.decode(packet)?;
        decoded.copy_to_vecs_planar::<f32>(&mut self.planes);
        let spec = decoded.spec();
        put_in_order(spec.channels(), &mut self.planes);
        let format =
            Format { rate: spec.rate(), channels: spec.channels().count(), layout: layout_of(spec.channels()) };
        let padding = MediaTime::to_frames(self.padding_ns, format.rate);
        // That of ADPCM decodes a whole block, whatever is there of the last one.
        let missing = if is_adpcm(self.track.params.codec) { packet.trim_end.get() } else { 0 };
        let frames = decoded.frames().saturating_sub(usize::try_from(missing).unwrap_or(usize::MAX));
        let padding = usize::try_from(padding).unwrap_or(usize::MAX).min(frames);
        self.planes.iter_mut().for_each(|plane| plane.truncate(frames - padding));
        self.track.cuts.apply(self.decoded, &mut self.planes);
        self.decoded += frames as u64;
        Ok(format)
    }

    /// Lossless and Ogg streams say where each packet belongs: a jump forward means that packets are lost.
    fn check_gap(&mut self, packet: &Packet) -> Result<(), Stop> {
        if !matches!(self.container, Container::Flac | Container::Ogg) {
            return Ok(());
        }
        let starts = packet.pts.get();
        if self.container == Container::Ogg
            && (self.next_timestamp, self.decoded) == (None, 0)
            && let Ok(begins @ 1..) = u64::try_from(starts.saturating_add_unsigned(packet.trim_start.get()))
        {
            self.track.begin_at(begins);
        }
        let lost = self.next_timestamp.map_or(0, |expected| starts.saturating_sub(expected));
        let block = i64::try_from(packet.block_dur().get()).unwrap_or(i64::MAX);
        self.next_timestamp = Some(starts.saturating_add(block));
        if lost > 0 {
            let detail = format!("{lost} frames are missing");
            return Err(Stop::Failed(failure::damaged(&self.name, &detail)));
        }
        Ok(())
    }

    /// MP4 has one name for all layers of MPEG audio: its first packet says which one it is.
    fn check_layer(&mut self, first: &Packet) -> Result<(), Stop> {
        if self.container == Container::Mp4
            && self.is_mpeg()
            && self.decoded == 0
            && let Some(header) = Header::read(&first.data)
            && header.codec() != self.track.params.codec
        {
            self.track.params.codec = header.codec();
            self.decoder = self.fresh_decoder().map_err(Stop::Failed)?;
        }
        Ok(())
    }

    fn end(&self) -> Result<Progress, Stop> {
        if let Some(lost) = &self.lost {
            return Err(Stop::Failed(failure::damaged(&self.name, lost)));
        }
        match self.track.promised.filter(|_| !self.is_marked) {
            _ if self.is_joined => Err(Stop::Failed(failure::joined(&self.name))),
            Some(promised) if self.decoded < promised => {
                Err(Stop::SourceEnded(failure::truncated(&self.name, self.decoded, Some(promised))))
            }
            _ => Ok(Progress::End),
        }
    }

    fn is_mpeg(&self) -> bool {
        matches!(self.track.params.codec, CODEC_ID_MP1 | CODEC_ID_MP2 | CODEC_ID_MP3)
    }

    /// Whether the end of the source is a regular end, because the header of the file left the length open.
    fn is_open_ended(&self) -> bool {
        let may_be_open = matches!(
            self.container,
            Container::Wav | Container::W64 | Container::Aiff | Container::Sun | Container::Caf
        ) && !self.is_mpeg();
        self.may_end || may_be_open && self.track.promised.is_none()
    }

    /// A new stream begins within the file, as in chained Ogg.
    fn restart(&mut self) -> Result<(), NodeError> {
        self.track = choose_track(self.reader.as_ref(), self.container, None, None, &self.name)?;
        if self.container == Container::Ogg {
            self.track.place(|channels| places_of_comments(self.reader.metadata(), channels));
        }
        self.decoder = self.fresh_decoder()?;
        self.next_timestamp = None;
        self.decoded = 0;
        self.has_passed_over = false;
        Ok(())
    }

    fn fresh_decoder(&self) -> Result<Box<dyn AudioDecoder>, NodeError> {
        make_decoder(&self.track.params, self.container, &self.name).map_err(NodeError::from)
    }

    fn damaged(&self, error: &Error) -> NodeError {
        match error {
            Error::IoError(_) => failure::damaged(&self.name, "a packet ends too early"),
            // Its decoder knows all that a block may be; a block that says anything else is damaged.
            Error::Unsupported(detail) if is_adpcm(self.track.params.codec) => failure::damaged(&self.name, detail),
            Error::Unsupported(detail) => {
                failure::codec_unsupported(&self.name, self.track.params.codec, Some(detail)).error
            }
            Error::DecodeError(detail) | Error::LimitError(detail) => failure::damaged(&self.name, detail),
            other => failure::damaged(&self.name, &other.to_string()),
        }
    }
}

/// Runs code of the decoders, which may panic on a file that no encoder writes. That is the file's fault and not the
/// pipeline's, which a panic would poison. Answers the text of the panic.
pub(super) fn unbroken<T>(body: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(body)).map_err(|payload| panic_text(&*payload))
}

fn is_adpcm(codec: AudioCodecId) -> bool {
    matches!(codec, CODEC_ID_ADPCM_MS | CODEC_ID_ADPCM_IMA_WAV | CODEC_ID_ADPCM_IMA_QT)
}

fn differs(before: &dyn AudioDecoder, format: &Format) -> bool {
    let last = before.last_decoded();
    last.spec().rate() != format.rate || last.spec().channels().count() != format.channels
}

#[cfg(test)]
pub(super) mod cost;

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
