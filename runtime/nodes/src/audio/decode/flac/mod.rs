//! The reader of FLAC files (RFC 9639): finds one frame after the other by their headers and checksums.
//!
//! The blocks before the sound only inform: what is wrong in them does not keep a frame from being read. The rate, the
//! number of channels and the width may change from frame to frame, and a file may follow on another. A frame ends where
//! the next one begins, or else where its own content does, whatever stands behind it.

use std::io;

use symphonia::core::audio::Channels;
use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::codecs::audio::well_known::CODEC_ID_FLAC;
use symphonia::core::errors::{Error, Result};
use symphonia::core::formats::prelude::{
    Duration, FormatInfo, FormatOptions, FormatReader, MediaInfo, TimeBase, Timestamp,
};
use symphonia::core::formats::probe::{ProbeDataMatchSpec, ProbeFormatData, ProbeableFormat, Score, Scoreable};
use symphonia::core::formats::well_known::FORMAT_ID_FLAC;
use symphonia::core::formats::{SeekMode, SeekTo, SeekedTo, Track};
use symphonia::core::io::{BufReader, MediaSourceStream, ReadBytes, ScopedStream};
use symphonia::core::meta::{MetadataBuilder, MetadataLog};
use symphonia::core::packet::Packet;
use symphonia::default::meta::embedded::flac::{FLAC_METADATA_INFO, read_flac_comment_block};

use self::decoder::frame_len;
use self::frame::{FrameHeader, MOST_HEADER, StreamInfo, frame_header};
use self::places::commented_places;
use super::symphonia_reader::{
    format_reader_fields, is_all_there, jumped_to, leave_out_tags, read_ahead, wanted_frame,
};
use crate::audio::flac_checksum::crc_16;

pub(super) mod decoder;
pub(super) mod frame;
pub(super) mod places;
mod search;

const INFO: FormatInfo = FormatInfo { format: FORMAT_ID_FLAC, short_name: "flac", long_name: "FLAC" };
/// How many bytes that are no frame may stand before the first one.
const MOST_BEFORE: u64 = 1 << 20;
/// The longest comments that are read.
const MOST_COMMENTS: usize = 1 << 20;
/// The least bytes of a frame.
const LEAST_FRAME: usize = 8;

/// A reader of frames.
pub(super) struct FlacReader<'s> {
    reader: MediaSourceStream<'s>,
    media: MediaInfo,
    tracks: Vec<Track>,
    metadata: MetadataLog,
    stream: StreamInfo,
    /// Where the channels are, if a comment says it.
    places: Option<Channels>,
    /// Bytes that were read and not given away. The next frame begins with the first of them.
    waiting: Vec<u8>,
    /// How many of them are in the checksum beside.
    searched: usize,
    sum: u16,
    /// The samples before the next frame, lost ones included; of them those before this stream.
    position: u64,
    before: u64,
    last: Option<FrameHeader>,
    /// Bytes of a tag that are still to be left out.
    foreign: u64,
    /// What came since the last frame.
    since: Since,
    /// The first frame of the stream, and its place.
    first: Option<(u64, FrameHeader)>,
}

/// Where a frame ends.
enum End {
    /// After so many bytes, whose checksum is right.
    At(usize),
    /// Its checksum is wrong, and the next frame begins after so many bytes.
    Damaged(usize),
    /// Its end is not among as many bytes as a frame can have.
    Lost,
    /// The source ends within it.
    Cut,
}

/// What is between two frames, or behind the last one.
#[derive(Clone, Copy, PartialEq)]
enum Since {
    /// Nothing but tags and filling.
    Tags,
    /// Bytes of which is not known what they are.
    Strange,
    /// A frame whose checksum is wrong.
    Damaged,
}

/// What stands where a frame may begin.
enum Found {
    Frame(FrameHeader),
    /// The head of another file.
    Head,
    Nothing,
}

impl<'s> FlacReader<'s> {
    fn new(reader: MediaSourceStream<'s>, options: FormatOptions) -> Result<Self> {
        let mut flac = Self {
            reader,
            media: MediaInfo::default(),
            tracks: Vec::new(),
            metadata: options.external_data.metadata.unwrap_or_default(),
            stream: StreamInfo { least_block: 0, most_block: 0, rate: 0, channels: 1, bits: 16, frames: 0 },
            places: None,
            waiting: Vec::new(),
            searched: 0,
            sum: 0,
            position: 0,
            before: 0,
            last: None,
            foreign: 0,
            since: Since::Tags,
            first: None,
        };
        flac.begin()?;
        Ok(flac)
    }

    /// Reads the head that begins here, if one does, and goes to the first frame.
    fn begin(&mut self) -> Result<()> {
        let stream = if matches!(self.found()?, Found::Head) { self.read_head()? } else { None };
        let first = self.first_frame()?;
        self.first = Some((self.offset(), first));
        self.stream = stream
            .or_else(|| StreamInfo::of_frame(&first))
            .ok_or(Error::DecodeError("the block STREAMINFO is missing, which gives its rate"))?;
        self.announce();
        Ok(())
    }

    /// Reads the blocks before the first frame. It is there that a block ends which is shorter than it says.
    fn read_head(&mut self) -> Result<Option<StreamInfo>> {
        const STREAMINFO: u8 = 0;
        const COMMENT: u8 = 4;
        let mut stream = None;
        let mut builder = MetadataBuilder::new(FLAC_METADATA_INFO);
        self.pass(4)?;
        loop {
            if let Found::Frame(_) = self.found()? {
                break;
            }
            let header = *self.waiting.first_chunk::<4>().ok_or_else(ended)?;
            let len = u32::from_be_bytes([0, header[1], header[2], header[3]]) as usize;
            let is_read = match header[0] & 0x7f {
                STREAMINFO => stream.is_none(),
                COMMENT => len <= MOST_COMMENTS,
                // No block is of this kind (RFC 9639, 8.1): what comes is found by its own marks.
                0x7f => break,
                _ => false,
            };
            self.pass(4)?;
            if is_read {
                self.fill(len)?;
                let block = self.waiting.get(..len).ok_or_else(ended)?;
                if header[0] & 0x7f == STREAMINFO {
                    stream = StreamInfo::read(block).filter(|info| info.rate > 0);
                } else {
                    // What is wrong in a comment costs the rest of the comment.
                    let _ = read_flac_comment_block(&mut BufReader::new(block), &mut builder);
                }
            }
            self.pass(len)?;
            if header[0] & 0x80 != 0 {
                break;
            }
        }
        let comments = builder.build();
        self.places = stream.and_then(|stream| commented_places(&comments, stream.channels));
        self.metadata.push(comments);
        Ok(stream)
    }

    /// Leaves out so many bytes.
    fn pass(&mut self, count: usize) -> Result<()> {
        let there = count.min(self.waiting.len());
        self.waiting.drain(..there);
        Ok(self.reader.ignore_bytes((count - there) as u64)?)
    }

    /// Goes to the first frame.
    fn first_frame(&mut self) -> Result<FrameHeader> {
        let mut passed = 0;
        loop {
            match self.found()? {
                Found::Frame(header) => return Ok(header),
                _ if self.waiting.is_empty() => return Err(ended()),
                _ if passed >= MOST_BEFORE => return Err(Error::DecodeError("no frame follows on its head")),
                _ => {}
            }
            let next =
                self.waiting[1..].iter().position(|byte| *byte == 0xff).map_or(self.waiting.len(), |place| place + 1);
            self.waiting.drain(..next);
            passed += next as u64;
        }
    }

    /// Tells of the stream whose first frame is the next.
    fn announce(&mut self) {
        let stream = &self.stream;
        let mut params = AudioCodecParameters::new();
        let mut block = vec![0; StreamInfo::LEN];
        let packed =
            u64::from(stream.rate) << 44 | u64::from(stream.channels - 1) << 41 | u64::from(stream.bits - 1) << 36;
        block[2..4].copy_from_slice(&stream.most_block.to_be_bytes());
        block[10..18].copy_from_slice(&packed.to_be_bytes());
        params.for_codec(CODEC_ID_FLAC).with_sample_rate(stream.rate).with_extra_data(block.into_boxed_slice());
        params.with_bits_per_sample(u32::from(stream.bits));
        if let Some(places) = &self.places {
            params.with_channels(places.clone());
        }
        let mut track = Track::new(0);
        track.with_codec_params(CodecParameters::Audio(params));
        if let Some(base) = TimeBase::try_from_recip(stream.rate) {
            track.with_time_base(base);
        }
        if stream.frames > 0 {
            track.with_num_frames(stream.frames).with_duration(Duration::from(stream.frames));
        }
        self.media = MediaInfo::from_track(&track);
        self.tracks = vec![track];
        (self.before, self.last, self.since) = (self.position, None, Since::Tags);
    }

    /// Reads on until so many bytes are waiting; fewer are where the source ends.
    fn fill(&mut self, wanted: usize) -> Result<()> {
        const PIECE: usize = 4096;
        read_ahead(&mut self.reader, &mut self.waiting, wanted, PIECE, 1 << 16).map(|_| ())
    }

    fn found(&mut self) -> Result<Found> {
        if self.foreign > 0 {
            return Ok(Found::Nothing);
        }
        self.fill(MOST_HEADER)?;
        if self.waiting.starts_with(b"fLaC") {
            return Ok(Found::Head);
        }
        Ok(frame_header(&self.waiting).map_or(Found::Nothing, Found::Frame))
    }

    fn end_of_frame(&mut self, header: &FrameHeader) -> Result<End> {
        // One that did not compress holds its samples as they are, of at most 33 bits.
        let most = header.block as usize * usize::from(header.channels) * 33 / 8 + 64;
        (self.searched, self.sum) = (0, 0);
        let mut place = LEAST_FRAME;
        loop {
            self.fill(place + MOST_HEADER + 1)?;
            let is_end = self.waiting.len() <= place + MOST_HEADER;
            let limit = if is_end { self.waiting.len() } else { self.waiting.len() - MOST_HEADER };
            while place < limit {
                let Some(next) = first_mark(&self.waiting[place..limit]) else {
                    place = limit;
                    break;
                };
                place += next;
                let next = frame_header(&self.waiting[place..]);
                let begins = next.is_some() || self.waiting[place..].starts_with(b"fLaC");
                if begins && self.sum_to(place) == 0 {
                    return Ok(End::At(place));
                }
                if next.is_some_and(|next| follows(header, &next)) {
                    return Ok(self.own_end(header).unwrap_or(End::Damaged(place)));
                }
                place += 1;
            }
            if is_end && !is_all_there(&self.reader) {
                return Ok(End::Cut);
            }
            if is_end && self.waiting.len() >= LEAST_FRAME && crc_16(0, &self.waiting) == 0 {
                return Ok(End::At(self.waiting.len()));
            }
            if is_end || place > most {
                let lost = if is_end { End::Cut } else { End::Lost };
                return Ok(self.own_end(header).unwrap_or(lost));
            }
        }
    }

    /// The end of the frame in front where no other one begins: that of what it holds.
    fn own_end(&self, header: &FrameHeader) -> Option<End> {
        frame_len(&self.waiting, header, self.stream.bits).map(End::At)
    }

    /// The checksum of the bytes up to this place.
    fn sum_to(&mut self, place: usize) -> u16 {
        self.sum = crc_16(self.sum, &self.waiting[self.searched..place]);
        self.searched = place;
        self.sum
    }

    /// How many samples are lost before this frame, by its number and that of the frame before. Old encoders number frames
    /// of different lengths by samples without saying so.
    fn lost(&self, header: &FrameHeader) -> u64 {
        let Some(last) = self.last.filter(|last| last.counts_samples == header.counts_samples) else { return 0 };
        if header.counts_samples || header.number == last.number.saturating_add(u64::from(last.block)) {
            return header.number.saturating_sub(last.number.saturating_add(u64::from(last.block)));
        }
        let lost = header.number.saturating_sub(last.number.saturating_add(1));
        lost.saturating_mul(u64::from(last.block))
    }

    fn give(&mut self, len: usize, header: FrameHeader) -> Packet {
        let rest = self.waiting.split_off(len);
        let data = std::mem::replace(&mut self.waiting, rest).into_boxed_slice();
        let starts = self.position.saturating_add(self.lost(&header));
        self.position = starts.saturating_add(u64::from(header.block));
        (self.last, self.since) = (Some(header), Since::Tags);
        let starts = i64::try_from(starts).unwrap_or(i64::MAX);
        Packet::new(0, Timestamp::from(starts), Duration::from(u64::from(header.block)), data)
    }

    /// Leaves out some of the bytes that are no frame. Whether any were there.
    fn pass_foreign(&mut self) -> Result<bool> {
        let place = self.offset();
        if !leave_out_tags(&mut self.reader, &mut self.waiting, &mut self.foreign)? {
            return Ok(false);
        }
        if self.offset() > place {
            return Ok(true);
        }
        match self.waiting.iter().take_while(|byte| **byte == 0).count() {
            0 if self.waiting.is_empty() => return Ok(false),
            0 => self.pass_strange(Since::Strange),
            filling => drop(self.waiting.drain(..filling)),
        }
        Ok(true)
    }

    /// Leaves out bytes up to what may be the next frame or head. What they are counts if nothing worse came before.
    fn pass_strange(&mut self, what: Since) {
        if self.since == Since::Tags {
            self.since = what;
        }
        let begins = |place: &usize| {
            let bytes = &self.waiting[*place..];
            matches!(bytes[0], 0xff | b'f') && (bytes.starts_with(b"fLaC") || frame_header(bytes).is_some())
        };
        // The last bytes may begin a header.
        let end = self.waiting.len().saturating_sub(MOST_HEADER - 1).max(1);
        let next = (1..end).find(begins).unwrap_or(end);
        self.waiting.drain(..next);
    }

    /// Where no frame follows: whether one is missing. What is strange is none where all frames are there that the head names.
    fn end(&self) -> Result<Option<Packet>> {
        let are_all_there = self.stream.frames > 0 && self.position - self.before >= self.stream.frames;
        match self.since {
            _ if !is_all_there(&self.reader) => Ok(None),
            Since::Damaged => Err(Error::DecodeError("the checksum of a frame does not match")),
            Since::Strange if !are_all_there => Err(ended()),
            Since::Strange | Since::Tags => Ok(None),
        }
    }
}

/// The place of the first byte with which a frame or the head of a file may begin.
fn first_mark(bytes: &[u8]) -> Option<usize> {
    const AT_ONCE: usize = 32;
    let is_mark = |byte: &u8| matches!(byte, 0xff | b'f');
    // Most have none, which is seen without a branch for each byte.
    let has_mark = |bytes: &[u8; AT_ONCE]| bytes.iter().fold(false, |has, byte| has | is_mark(byte));
    let without = AT_ONCE * bytes.as_chunks::<AT_ONCE>().0.iter().take_while(|bytes| !has_mark(bytes)).count();
    bytes[without..].iter().position(is_mark).map(|place| without + place)
}

/// Whether a frame is numbered as the one after another, and of its format.
fn follows(before: &FrameHeader, next: &FrameHeader) -> bool {
    let step = if before.counts_samples { u64::from(before.block) } else { 1 };
    (next.counts_samples, next.channels, next.rate, next.bits, next.number)
        == (before.counts_samples, before.channels, before.rate, before.bits, before.number.saturating_add(step))
}

fn ended() -> Error {
    Error::IoError(io::ErrorKind::UnexpectedEof.into())
}

impl FormatReader for FlacReader<'_> {
    format_reader_fields!(&INFO);

    fn seek(&mut self, _: SeekMode, to: SeekTo) -> Result<SeekedTo> {
        let frame = wanted_frame(to)?;
        let found = self.go_near(frame)?.ok_or(Error::Unsupported("a search of this file"))?;
        Ok(jumped_to(found, frame))
    }

    fn next_packet(&mut self) -> Result<Option<Packet>> {
        loop {
            match self.found()? {
                Found::Frame(header) => match self.end_of_frame(&header)? {
                    End::At(len) => return Ok(Some(self.give(len, header))),
                    End::Damaged(place) => drop(self.waiting.drain(..place)),
                    // Among strange bytes some look like a header.
                    End::Cut if self.since == Since::Tags || !is_all_there(&self.reader) => return Err(ended()),
                    End::Cut | End::Lost => self.pass_strange(Since::Damaged),
                },
                Found::Head => {
                    self.begin()?;
                    return Err(Error::ResetRequired);
                }
                Found::Nothing if self.pass_foreign()? => {}
                Found::Nothing => return self.end(),
            }
        }
    }
}

impl Scoreable for FlacReader<'_> {
    fn score(_: ScopedStream<&mut MediaSourceStream<'_>>) -> Result<Score> {
        Ok(Score::Supported(255))
    }
}

impl ProbeableFormat<'_> for FlacReader<'_> {
    fn try_probe_new(stream: MediaSourceStream<'_>, options: FormatOptions) -> Result<Box<dyn FormatReader + '_>> {
        Ok(Box::new(FlacReader::new(stream, options)?))
    }

    fn probe_data() -> &'static [ProbeFormatData] {
        const MARKERS: &[&[u8]] = &[b"fLaC", &[0xff, 0xf8], &[0xff, 0xf9]];
        &[ProbeFormatData {
            spec: ProbeDataMatchSpec { extensions: &["flac"], mime_types: &["audio/flac"], markers: MARKERS },
            info: INFO,
        }]
    }
}
