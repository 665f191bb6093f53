//! The reader of MPEG audio frames of layer I to III, bare or from a place within another container.
//!
//! After foreign bytes, it goes on where a chain of frames begins.

use std::io;

use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::errors::{Error, Result};
use symphonia::core::formats::prelude::{Duration, FormatInfo, FormatOptions, FormatReader, MediaInfo, Timestamp};
use symphonia::core::formats::probe::{ProbeDataMatchSpec, ProbeFormatData, ProbeableFormat, Score, Scoreable};
use symphonia::core::formats::well_known::FORMAT_ID_MP3;
use symphonia::core::formats::{SeekMode, SeekTo, SeekedTo, Track};
use symphonia::core::io::{MediaSourceStream, ReadBytes, ScopedStream};
use symphonia::core::meta::MetadataLog;
use symphonia::core::packet::Packet;

use self::header::{Chain, Header, NOT_ALLOWED, chain};
use self::tag::{Facts, facts};
use super::layout::front;
use super::symphonia_reader::{
    format_reader_fields, is_all_there, jumped_to, leave_out_tags, read_ahead, wanted_frame,
};

mod constant;
pub(super) mod header;
pub(super) mod layer3;
pub(super) mod layers_1_2;
pub(super) mod tag;

const INFO: FormatInfo = FormatInfo { format: FORMAT_ID_MP3, short_name: "mpeg", long_name: "MPEG audio" };
/// Foreign bytes end where so many frames follow on each other.
const SURE: usize = 2;

/// A reader of frames.
pub(super) struct MpegReader<'s> {
    reader: MediaSourceStream<'s>,
    /// The place where the frames end, if it is known.
    end: Option<u64>,
    media: MediaInfo,
    tracks: Vec<Track>,
    metadata: MetadataLog,
    /// Bytes that were read and not given away.
    waiting: Vec<u8>,
    /// The header of the frame before, if nothing foreign came after it.
    last: Option<Header>,
    /// The length of a frame of free format.
    free: Option<usize>,
    position: i64,
    /// Bytes of a tag that are still to be left out.
    foreign: u64,
    /// The tag at the start, if it gives the number of frames.
    tagged: Option<constant::Tagged>,
}

impl<'s> MpegReader<'s> {
    /// A reader of what comes next in this source. `len` is that of the frames, if another container states it.
    ///
    /// # Errors
    /// If no frame comes.
    pub(super) fn new(reader: MediaSourceStream<'s>, len: Option<u64>, metadata: MetadataLog) -> Result<Self> {
        let mut mpeg = Self {
            end: len.map(|len| reader.pos().saturating_add(len)),
            reader,
            media: MediaInfo::default(),
            tracks: Vec::new(),
            metadata,
            waiting: Vec::new(),
            last: None,
            free: None,
            position: 0,
            foreign: 0,
            tagged: None,
        };
        let (header, len) = mpeg.next_frame()?.ok_or_else(|| Error::IoError(io::ErrorKind::UnexpectedEof.into()))?;
        if !header.is_allowed() {
            return Err(Error::Unsupported(NOT_ALLOWED));
        }
        let facts = facts(&mpeg.waiting[..len], &header);
        if let Some(facts) = facts {
            mpeg.waiting.drain(..len);
            let begins = mpeg.reader.pos() - mpeg.waiting.len() as u64;
            let end = facts.bytes.map(|bytes| begins - len as u64 + u64::from(bytes));
            mpeg.tagged =
                facts.frames.map(|frames| constant::Tagged { begins, frames: frames.into(), end, like: header });
        }
        mpeg.announce(&header, facts.unwrap_or_default());
        Ok(mpeg)
    }

    fn announce(&mut self, header: &Header, facts: Facts) {
        let mut params = AudioCodecParameters::new();
        params.for_codec(header.codec()).with_sample_rate(header.rate).with_channels(front(header.channels.into()));
        let mut track = Track::new(0);
        track.with_codec_params(CodecParameters::Audio(params));
        let samples = facts.frames.map(|frames| u64::from(frames) * u64::from(header.samples()));
        // Of short files LAME 3.97 notes more padding than there are frames: such a note is of no use.
        let unheard = |(delay, padding)| u64::from(delay) + u64::from(padding);
        let gap = facts.gap.filter(|gap| samples.is_none_or(|samples| unheard(*gap) <= samples));
        if let Some((delay, padding)) = gap {
            track.with_delay(delay).with_padding(padding);
        }
        if let Some(samples) = samples {
            track.with_num_frames(samples - gap.map_or(0, unheard));
        }
        self.media = MediaInfo::from_track(&track);
        self.tracks = vec![track];
    }

    /// Whether the source ended before the frames do, as far as something tells how many there are.
    fn is_cut_off(&self) -> bool {
        let here = self.reader.pos();
        if self.end.is_some_and(|end| here < end) {
            return true;
        }
        // Without the delay of LAME and its kin the number of frames is an estimate.
        let is_sure = self.tracks.iter().any(|track| track.delay.is_some());
        let Some(tagged) = self.tagged.filter(|_| is_sure) else { return false };
        let read = u64::try_from(self.position).unwrap_or(0) / u64::from(tagged.like.samples());
        // LAME up to 3.70 and of 3.94 counts the frame of the tag too: then the length tells that none is missing.
        let is_there = tagged.end.is_some_and(|end| here >= end);
        read + u64::from(is_there) < tagged.frames
    }

    /// Reads on until so many bytes are waiting; fewer are where the source ends. Whether it does.
    fn fill(&mut self, wanted: usize) -> Result<bool> {
        const PIECE: usize = 1024;
        read_ahead(&mut self.reader, &mut self.waiting, wanted, PIECE, usize::MAX)
    }

    /// The header and the length of the next frame, which then is whole in front of what is waiting; `None` if the source
    /// ends before. What has not become a frame by then stays where it is.
    fn next_frame(&mut self) -> Result<Option<(Header, usize)>> {
        loop {
            self.fill(if self.foreign > 0 { 0 } else { 4 })?;
            let header = Header::read(&self.waiting).filter(|_| self.foreign == 0);
            if let (Some(header), Some(last)) = (header, self.last)
                && header.is_kin(&last)
                && let Some(len) = header.len().or(self.free.map(|len| len + header.padding()))
            {
                let is_cut = self.fill(len)?;
                return Ok((!is_cut).then_some((header, len)));
            }
            // Behind foreign bytes a header alone makes no frame, even if the search for a chain waits for more bytes.
            if self.foreign > 0 || self.waiting.len() >= 4 {
                self.last = None;
            }
            if !leave_out_tags(&mut self.reader, &mut self.waiting, &mut self.foreign)? || !self.search()? {
                return Ok(None);
            }
        }
    }

    /// Leaves out what is foreign, up to where frames begin. Whether there are any.
    fn search(&mut self) -> Result<bool> {
        let mut place = 0;
        loop {
            let next = self.waiting[place..].iter().position(|byte| *byte == 0xff);
            let Some(next) = next.filter(|next| place + next + 4 <= self.waiting.len()) else {
                // Fewer than four bytes may begin a header.
                place = next.map_or(self.waiting.len(), |next| place + next);
                self.waiting.drain(..place);
                place = 0;
                let kept = self.waiting.len();
                self.fill(kept + 4)?;
                if self.waiting.len() == kept {
                    return Ok(false);
                }
                continue;
            };
            place += next;
            let mut found = chain(&self.waiting[place..], SURE, false);
            if let Chain::Needs(len) = found {
                self.waiting.drain(..place);
                place = 0;
                if !self.fill(len)? {
                    continue;
                }
                if !is_all_there(&self.reader) {
                    return Ok(false);
                }
                // Here the file ends: what looks like a header may be none, and the frames begin behind it.
                let starts = (0..self.waiting.len()).filter(|start| self.waiting[*start] == 0xff);
                let whole = |start| (start, chain(&self.waiting[start..], SURE, true));
                match starts.map(whole).find(|(_, chain)| *chain != Chain::Broken) {
                    Some(told) => (place, found) = told,
                    None => return Ok(false),
                }
            }
            match found {
                Chain::Frames(len) => {
                    self.waiting.drain(..place);
                    self.last = Header::read(&self.waiting);
                    self.free = self.last.filter(Header::is_free).map(|_| len);
                    return Ok(true);
                }
                Chain::Broken | Chain::Needs(_) => place += 1,
            }
        }
    }
}

impl FormatReader for MpegReader<'_> {
    format_reader_fields!(&INFO);

    fn seek(&mut self, _: SeekMode, to: SeekTo) -> Result<SeekedTo> {
        let frame = wanted_frame(to)?;
        let found = self.go_near(frame)?.ok_or(Error::Unsupported("a jump in frames of several lengths"))?;
        Ok(jumped_to(found, frame))
    }

    fn next_packet(&mut self) -> Result<Option<Packet>> {
        loop {
            let Some((header, len)) = self.next_frame()? else {
                let error = Error::IoError(io::ErrorKind::UnexpectedEof.into());
                return if self.is_cut_off() { Err(error) } else { Ok(None) };
            };
            let frame: Box<[u8]> = self.waiting[..len].into();
            self.waiting.drain(..len);
            self.last = Some(header);
            // The tag of another file, which was put behind the first, is no sound.
            if facts(&frame, &header).is_some() {
                continue;
            }
            let starts = Timestamp::from(self.position);
            self.position = self.position.saturating_add(i64::from(header.samples()));
            return Ok(Some(Packet::new(0, starts, Duration::from(header.samples()), frame)));
        }
    }
}

impl Scoreable for MpegReader<'_> {
    fn score(_: ScopedStream<&mut MediaSourceStream<'_>>) -> Result<Score> {
        Ok(Score::Supported(255))
    }
}

impl ProbeableFormat<'_> for MpegReader<'_> {
    fn try_probe_new(stream: MediaSourceStream<'_>, options: FormatOptions) -> Result<Box<dyn FormatReader + '_>> {
        Ok(Box::new(MpegReader::new(stream, None, options.external_data.metadata.unwrap_or_default())?))
    }

    fn probe_data() -> &'static [ProbeFormatData] {
        // The versions and layers that there are, without and with a checksum.
        const MARKERS: &[&[u8]] = &[
            &[0xff, 0xff],
            &[0xff, 0xfe],
            &[0xff, 0xfd],
            &[0xff, 0xfc],
            &[0xff, 0xfb],
            &[0xff, 0xfa],
            &[0xff, 0xf7],
            &[0xff, 0xf6],
            &[0xff, 0xf5],
            &[0xff, 0xf4],
            &[0xff, 0xf3],
            &[0xff, 0xf2],
            &[0xff, 0xe7],
            &[0xff, 0xe6],
            &[0xff, 0xe5],
            &[0xff, 0xe4],
            &[0xff, 0xe3],
            &[0xff, 0xe2],
        ];
        &[ProbeFormatData {
            spec: ProbeDataMatchSpec { extensions: &["mp3"], mime_types: &["audio/mpeg"], markers: MARKERS },
            info: INFO,
        }]
    }
}
