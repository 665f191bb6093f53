//! The reader of AAC in ADTS (ISO/IEC 14496-3, 1.A.2.2).
//!
//! After foreign bytes, it goes on where a chain of frames begins. Where frames of another format follow, as in files that were
//! put one behind the other, a new stream begins.

use std::io;

use symphonia::core::audio::Channels;
use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::well_known::CODEC_ID_AAC;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder};
use symphonia::core::errors::{Error, Result};
use symphonia::core::formats::prelude::{Duration, FormatInfo, FormatOptions, FormatReader, MediaInfo, Timestamp};
use symphonia::core::formats::probe::{ProbeDataMatchSpec, ProbeFormatData, ProbeableFormat, Score, Scoreable};
use symphonia::core::formats::well_known::FORMAT_ID_ADTS;
use symphonia::core::formats::{SeekMode, SeekTo, SeekedTo, Track};
use symphonia::core::io::{MediaSourceStream, ScopedStream};
use symphonia::core::meta::MetadataLog;
use symphonia::core::packet::Packet;

use super::{Decoder, FRAMES};
use crate::audio::decode::layout::front;
use crate::audio::decode::mpeg::header::{AdtsHeader, Chain, adts_chain, is_tag};
use crate::audio::decode::symphonia_reader::{format_reader_fields, is_all_there, leave_out_tags, read_ahead};

const INFO: FormatInfo = FormatInfo { format: FORMAT_ID_ADTS, short_name: "aac", long_name: "AAC in ADTS" };
/// Foreign bytes end where so many frames follow on each other.
const SURE: usize = 3;
/// That many show that a file begins with frames.
const FIRST: usize = 2;
const PIECE: usize = 1024;

/// A reader of frames.
pub(in crate::audio::decode) struct AdtsReader<'s> {
    reader: MediaSourceStream<'s>,
    media: MediaInfo,
    tracks: Vec<Track>,
    metadata: MetadataLog,
    /// Bytes that were read and not given away.
    waiting: Vec<u8>,
    /// The header of a frame of the stream.
    first: AdtsHeader,
    /// Whether what is waiting begins with a frame, as far as is known.
    is_certain: bool,
    /// Bytes of a tag that are still to be left out.
    foreign: u64,
    position: i64,
}

impl<'s> AdtsReader<'s> {
    /// A reader of what comes next in this source.
    ///
    /// # Errors
    /// If no frame comes.
    pub(in crate::audio::decode) fn new(mut reader: MediaSourceStream<'s>, metadata: MetadataLog) -> Result<Self> {
        let mut waiting = Vec::new();
        if !begin(&mut reader, &mut waiting, 0, FIRST)? {
            search(&mut reader, &mut waiting)?;
        }
        let Some(first) = AdtsHeader::read(&waiting) else {
            return Err(Error::IoError(io::ErrorKind::UnexpectedEof.into()));
        };
        let mut adts = Self {
            reader,
            media: MediaInfo::default(),
            tracks: Vec::new(),
            metadata,
            waiting,
            first,
            is_certain: true,
            foreign: 0,
            position: 0,
        };
        adts.announce();
        Ok(adts)
    }

    fn announce(&mut self) {
        let mut params = AudioCodecParameters::new();
        params.for_codec(CODEC_ID_AAC).with_sample_rate(self.first.rate);
        if let Some(channels) = self.first.channels() {
            params.with_channels(match channels {
                1 | 2 => front(channels.into()),
                more => Channels::Discrete(more.into()),
            });
        }
        let mut track = Track::new(0);
        track.with_codec_params(CodecParameters::Audio(params));
        self.media = MediaInfo::from_track(&track);
        self.tracks = vec![track];
    }

    /// Reads on until so many bytes are waiting; fewer are where the source ends. Whether it does.
    fn fill(&mut self, wanted: usize) -> Result<bool> {
        read_ahead(&mut self.reader, &mut self.waiting, wanted, PIECE, usize::MAX)
    }

    /// The next frame, which then is in front of what is waiting; `None` if none follows.
    ///
    /// # Errors
    /// If the source ends within it.
    fn next_frame(&mut self) -> Result<Option<AdtsHeader>> {
        loop {
            if !leave_out_tags(&mut self.reader, &mut self.waiting, &mut self.foreign)? {
                return Ok(None);
            }
            let header = AdtsHeader::read(&self.waiting);
            let Some(header) = header.filter(|header| self.is_certain && header.is_kin(&self.first)) else {
                match search(&mut self.reader, &mut self.waiting)? {
                    true => self.is_certain = true,
                    false => return Ok(None),
                }
                let Some(header) = AdtsHeader::read(&self.waiting) else { continue };
                if !header.is_kin(&self.first) {
                    self.first = header;
                    self.announce();
                    return Err(Error::ResetRequired);
                }
                continue;
            };
            let is_there = !self.fill(header.len)?;
            let is_followed = is_there && self.is_followed(&header)?;
            // Hardly a file has frames of several packets.
            if is_followed && !header.has_several {
                return Ok(Some(header));
            }
            if let Some(place) = self.cut_at(header.len)? {
                self.waiting.drain(..place);
                continue;
            }
            if !is_there {
                return Err(Error::IoError(io::ErrorKind::UnexpectedEof.into()));
            }
            if is_followed || (!header.has_several && self.can_decode(&header)) {
                return Ok(Some(header));
            }
            self.waiting.drain(..1);
            self.is_certain = false;
        }
    }

    /// Whether another frame follows on the one with this header, or a tag, or the end.
    fn is_followed(&mut self, header: &AdtsHeader) -> Result<bool> {
        let is_end = self.fill(header.len + AdtsHeader::LEN)?;
        let behind = &self.waiting[header.len..];
        Ok((is_end && behind.is_empty()) || is_tag(behind) || AdtsHeader::read(behind).is_some())
    }

    /// Where within the next bytes, which are as many as a frame has that nothing follows, frames begin: there it was cut.
    fn cut_at(&mut self, len: usize) -> Result<Option<usize>> {
        for place in 1..len.min(self.waiting.len()) {
            if begin(&mut self.reader, &mut self.waiting, place, SURE)? {
                return Ok(Some(place));
            }
        }
        Ok(None)
    }

    /// Whether the frame in front can be decoded. So can most bytes, but foreign ones may follow on a frame that is whole.
    fn can_decode(&self, header: &AdtsHeader) -> bool {
        let Some(CodecParameters::Audio(params)) = self.tracks.first().and_then(|track| track.codec_params.as_ref())
        else {
            return true;
        };
        let data: Box<[u8]> = self.waiting[header.head_len..header.len].into();
        let packet = Packet::new(0, Timestamp::from(0), Duration::from(FRAMES), data);
        Decoder::new(params).is_ok_and(|mut decoder| AudioDecoder::decode(&mut decoder, &packet).is_ok())
    }
}

/// Whether so many frames begin at a place of what is waiting, or fewer up to the end.
fn begin(reader: &mut MediaSourceStream<'_>, waiting: &mut Vec<u8>, place: usize, frames: usize) -> Result<bool> {
    let mut found = Chain::Needs(AdtsHeader::LEN);
    while let Chain::Needs(len) = found {
        let is_end = read_ahead(reader, waiting, place + len, PIECE, usize::MAX)?;
        found = adts_chain(&waiting[place..], frames, is_end);
    }
    Ok(found != Chain::Broken)
}

/// Leaves out what is foreign, up to where frames begin. Whether there are any.
fn search(reader: &mut MediaSourceStream<'_>, waiting: &mut Vec<u8>) -> Result<bool> {
    let mut place = 0;
    loop {
        let next = waiting[place..].iter().position(|byte| *byte == 0xff);
        waiting.drain(..next.map_or(waiting.len(), |next| place + next));
        place = 0;
        let is_end = read_ahead(reader, waiting, AdtsHeader::LEN, PIECE, usize::MAX)?;
        if waiting.is_empty() {
            return Ok(false);
        }
        let mut found = adts_chain(waiting, SURE, false);
        if let Chain::Needs(len) = found {
            if !read_ahead(reader, waiting, len, PIECE, usize::MAX)? {
                continue;
            }
            if !is_all_there(reader) {
                return Ok(false);
            }
            // Here the file ends: what looks like a header may be none, and the frames begin behind it.
            let is_told = |start: &usize| adts_chain(&waiting[*start..], SURE, true) != Chain::Broken;
            let Some(start) = (0..waiting.len()).find(is_told) else { return Ok(false) };
            waiting.drain(..start);
            found = Chain::Frames(0);
        }
        match found {
            Chain::Frames(_) => return Ok(true),
            Chain::Broken | Chain::Needs(_) if is_end => return Ok(false),
            Chain::Broken | Chain::Needs(_) => place = 1,
        }
    }
}

impl FormatReader for AdtsReader<'_> {
    format_reader_fields!(&INFO);

    fn seek(&mut self, _: SeekMode, _: SeekTo) -> Result<SeekedTo> {
        Err(Error::Unsupported("a jump in frames of several lengths"))
    }

    fn next_packet(&mut self) -> Result<Option<Packet>> {
        let Some(header) = self.next_frame()? else { return Ok(None) };
        if header.has_several {
            return Err(Error::Unsupported("adts: only 1 aac frame per adts packet is supported"));
        }
        let packet: Box<[u8]> = self.waiting[header.head_len..header.len].into();
        self.waiting.drain(..header.len);
        let starts = Timestamp::from(self.position);
        self.position = self.position.saturating_add_unsigned(FRAMES);
        Ok(Some(Packet::new(0, starts, Duration::from(FRAMES), packet)))
    }
}

impl Scoreable for AdtsReader<'_> {
    fn score(_: ScopedStream<&mut MediaSourceStream<'_>>) -> Result<Score> {
        Ok(Score::Supported(255))
    }
}

impl ProbeableFormat<'_> for AdtsReader<'_> {
    fn try_probe_new(stream: MediaSourceStream<'_>, options: FormatOptions) -> Result<Box<dyn FormatReader + '_>> {
        Ok(Box::new(AdtsReader::new(stream, options.external_data.metadata.unwrap_or_default())?))
    }

    fn probe_data() -> &'static [ProbeFormatData] {
        // MPEG-4 and MPEG-2, without and with a checksum.
        const MARKERS: &[&[u8]] = &[&[0xff, 0xf1], &[0xff, 0xf0], &[0xff, 0xf9], &[0xff, 0xf8]];
        &[ProbeFormatData {
            spec: ProbeDataMatchSpec { extensions: &["aac"], mime_types: &["audio/aac"], markers: MARKERS },
            info: INFO,
        }]
    }
}
