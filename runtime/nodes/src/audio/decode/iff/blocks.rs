//! Sound that lies in a file in blocks or packets whose lengths the header tells: the reader behind the headers of WAV,
//! AIFF, CAF and Sun audio.
//!
//! It may know nothing of these headers.

use std::io::{self, Seek, SeekFrom};

use symphonia::core::audio::Channels;
use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::{AudioCodecId, AudioCodecParameters};
use symphonia::core::errors::{Error, Result};
use symphonia::core::formats::prelude::{Duration, FormatInfo, FormatReader, MediaInfo, Timestamp};
use symphonia::core::formats::{FORMAT_ID_NULL, SeekMode, SeekTo, SeekedTo, Track};
use symphonia::core::io::{MediaSource, MediaSourceStream, ReadBytes};
use symphonia::core::meta::MetadataLog;
use symphonia::core::packet::Packet;

use crate::audio::decode::layout::front;
use crate::audio::decode::symphonia_reader::{format_reader_fields, is_all_there, jumped_to, read_ahead, wanted_frame};

/// What a header says of the sound behind it.
pub(in crate::audio::decode) struct Sound {
    pub(in crate::audio::decode) codec: AudioCodecId,
    pub(in crate::audio::decode) rate: u32,
    pub(in crate::audio::decode) channels: Channels,
    /// What the decoder gets besides.
    pub(in crate::audio::decode) extra: Option<Box<[u8]>>,
    pub(in crate::audio::decode) cut: Cut,
    /// The bytes with which a block begins before its samples of 4 bits, if the last one may have fewer of these.
    pub(in crate::audio::decode) head: Option<u32>,
    /// The bytes of sound; `None` up to the end of the file, where its header was written before the length was known.
    pub(in crate::audio::decode) len: Option<u64>,
    /// The frames of delay before the sound, where the header says how many.
    pub(in crate::audio::decode) delay: u32,
    /// The frames that are sound, where the header says that the last block holds more.
    pub(in crate::audio::decode) frames: Option<u64>,
}

/// How bytes become packets.
pub(in crate::audio::decode) enum Cut {
    /// Blocks of so many bytes, each of so many frames. A frame of PCM is a block.
    Blocks { bytes: u32, frames: u32 },
    /// Packets of so many bytes and frames.
    Packets(Vec<(u32, u32)>),
}

/// Why a header is of no use.
pub(in crate::audio::decode) enum HeadError {
    /// The bytes can't be read, or end.
    Io(io::Error),
    /// The header contradicts itself.
    Damaged(&'static str),
    /// It is right and names a codec that can't be decoded: "G.722 in WAV".
    Codec(String),
    /// The same, of a codec that libraries of the system take for another one.
    Mistaken(String),
}

impl From<io::Error> for HeadError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Sound {
    /// Uncompressed sound: samples of so many bytes.
    pub(in crate::audio::decode) fn pcm(
        codec: AudioCodecId,
        rate: u32,
        channels: Channels,
        sample_bytes: u32,
        len: Option<u64>,
    ) -> Self {
        let bytes = sample_bytes.saturating_mul(u32::try_from(channels.count()).unwrap_or(u32::MAX));
        Self {
            codec,
            rate,
            channels,
            extra: None,
            cut: Cut::Blocks { bytes, frames: 1 },
            head: None,
            len,
            delay: 0,
            frames: None,
        }
    }

    /// The frames of all blocks, if their number is known. The last of several frames may be cut where the sound ends.
    fn coded_frames(&self) -> Option<u64> {
        match &self.cut {
            Cut::Blocks { bytes, frames } => self.len.map(|len| {
                let bytes = u64::from((*bytes).max(1));
                let blocks = if *frames > 1 { len.div_ceil(bytes) } else { len / bytes };
                blocks.saturating_mul(u64::from(*frames))
            }),
            Cut::Packets(packets) => Some(packets.iter().map(|(_, frames)| u64::from(*frames)).sum()),
        }
    }
}

/// The channels of a file that does not say where its speakers are: mono and stereo are meant, more are just channels, as those
/// of an array of microphones.
pub(super) fn plain_channels(count: u16) -> Channels {
    match count {
        1 | 2 => front(count.into()),
        _ => Channels::Discrete(count),
    }
}

/// Reads packets from where the sound begins.
pub(in crate::audio::decode) struct BlockReader {
    reader: MediaSourceStream<'static>,
    media: MediaInfo,
    tracks: Vec<Track>,
    metadata: MetadataLog,
    cut: Cut,
    head: Option<u32>,
    channels: u32,
    /// The place of the first byte of the sound, and how many there are, if that is known.
    begins: u64,
    len: Option<u64>,
    /// The next of the packets.
    packet: usize,
    left: Option<u64>,
    /// The beginning of a block whose rest did not arrive yet.
    part: Vec<u8>,
    frames: u64,
}

const INFO: FormatInfo = FormatInfo { format: FORMAT_ID_NULL, short_name: "blocks", long_name: "blocks" };
/// A packet of uncompressed sound holds so many frames, fewer of what arrives, which is not to wait for them; but it is no
/// longer than so many bytes. Of coded sound it is one block, so that a damaged one takes no others with it.
const MOST_FRAMES: u32 = 2048;
const MOST_ARRIVING: u32 = 1152;
const MOST_BYTES: u32 = 1 << 18;

impl BlockReader {
    /// A reader whose source stands at the first byte of the sound.
    pub(in crate::audio::decode) fn new(
        reader: MediaSourceStream<'static>,
        sound: Sound,
    ) -> std::result::Result<Self, HeadError> {
        let block_frames = match &sound.cut {
            Cut::Blocks { bytes, frames } if *bytes == 0 || *frames == 0 || *bytes > (16 << 20) => {
                return Err(HeadError::Damaged("its header gives blocks of no sensible length"));
            }
            Cut::Blocks { frames, .. } => *frames,
            Cut::Packets(packets) => packets.iter().map(|(_, frames)| *frames).max().unwrap_or(1),
        };
        if sound.rate == 0 {
            return Err(HeadError::Damaged("its header gives a rate of 0 Hz"));
        }
        if sound.channels.count() == 0 {
            return Err(HeadError::Damaged("its header gives no channels"));
        }
        let mut params = AudioCodecParameters::new();
        params
            .for_codec(sound.codec)
            .with_sample_rate(sound.rate)
            .with_channels(sound.channels.clone())
            .with_frames_per_block(u64::from(block_frames))
            .with_max_frames_per_packet(u64::from(block_frames.max(MOST_FRAMES)));
        let coded = sound.coded_frames();
        if let Some(extra) = sound.extra {
            params.with_extra_data(extra);
        }
        let mut track = Track::new(0);
        track.with_codec_params(CodecParameters::Audio(params)).with_delay(sound.delay);
        if let Some(coded) = coded {
            track.with_num_frames(coded);
            let unheard =
                sound.frames.map_or(0, |frames| coded.saturating_sub(frames).saturating_sub(sound.delay.into()));
            track.with_padding(u32::try_from(unheard).unwrap_or(0));
        }
        Ok(Self {
            begins: reader.pos(),
            len: sound.len,
            reader,
            media: MediaInfo::from_track(&track),
            tracks: vec![track],
            metadata: MetadataLog::default(),
            cut: sound.cut,
            head: sound.head,
            channels: u32::try_from(sound.channels.count()).unwrap_or(u32::MAX),
            packet: 0,
            left: sound.len,
            part: Vec::new(),
            frames: 0,
        })
    }

    /// Puts the next bytes after those that are waiting, up to so many in all; fewer where the source ends.
    fn fill(&mut self, wanted: usize) -> Result<()> {
        read_ahead(&mut self.reader, &mut self.part, wanted, 0, 1 << 16).map(|_| ())
    }

    /// The last block, of which so many bytes are there; the rest is no sound.
    fn last_block(&mut self, there: usize, bytes: usize, frames: u32) -> Result<Option<Packet>> {
        self.fill(there)?;
        if self.part.len() < there {
            return Err(Error::IoError(io::ErrorKind::UnexpectedEof.into()));
        }
        self.part.resize(bytes, 0);
        Ok(Some(self.packet(bytes, u64::from(frames))))
    }

    /// The last block where the length is open, if the file ends in it and some of its frames are there.
    fn open_block(&mut self, bytes: u32, frames: u32) -> Option<Packet> {
        const SAMPLES_IN_BYTE: u32 = 2;
        let there = u32::try_from(self.part.len()).unwrap_or(u32::MAX);
        let is_last = self.left.is_none() && is_all_there(&self.reader);
        let missing = bytes.checked_sub(there).filter(|_| is_last && self.head.is_some_and(|head| head <= there))?;
        let missing = (missing * SAMPLES_IN_BYTE).div_ceil(self.channels).min(frames);
        self.part.resize(bytes as usize, 0);
        let mut packet = self.packet(bytes as usize, u64::from(frames - missing));
        packet.trim_end = Duration::from(missing);
        Some(packet)
    }

    /// The packet that holds a frame, of those that are there as a whole; if the frame lies beyond, the block after the last
    /// of them, or the last of the table. Its number in the table of packets, the bytes and the frames before it.
    fn find(&self, frame: u64, there: u64) -> (usize, u64, u64) {
        match &self.cut {
            Cut::Blocks { bytes, frames } => {
                let (bytes, frames) = (u64::from(*bytes), u64::from(*frames));
                let block = (frame / frames).min(self.len.unwrap_or(there).min(there) / bytes);
                (0, block * bytes, block * frames)
            }
            Cut::Packets(packets) => {
                let mut found = (0, 0u64, 0u64);
                // The last one may hold fewer frames than the table says, so it has to be decoded.
                let last = packets.len().saturating_sub(1);
                for (bytes, frames) in &packets[..last] {
                    let (place, passed) = (found.1 + u64::from(*bytes), found.2 + u64::from(*frames));
                    if passed > frame || place > there {
                        break;
                    }
                    found = (found.0 + 1, place, passed);
                }
                found
            }
        }
    }

    fn packet(&mut self, bytes: usize, frames: u64) -> Packet {
        let rest = self.part.split_off(bytes);
        let data = std::mem::replace(&mut self.part, rest).into_boxed_slice();
        if let Some(left) = &mut self.left {
            *left = left.saturating_sub(bytes as u64);
        }
        let starts = i64::try_from(self.frames).unwrap_or(i64::MAX);
        self.frames = self.frames.saturating_add(frames);
        Packet::new(0, Timestamp::from(starts), Duration::from(frames), data)
    }
}

impl FormatReader for BlockReader {
    format_reader_fields!(&INFO);

    fn seek(&mut self, _: SeekMode, to: SeekTo) -> Result<SeekedTo> {
        let frame = wanted_frame(to)?;
        let Some(end) = self.reader.byte_len().filter(|_| self.reader.is_seekable()) else {
            return Err(Error::Unsupported("jumps in what arrives"));
        };
        let (packet, bytes, frames) = self.find(frame, end.saturating_sub(self.begins));
        self.reader.seek(SeekFrom::Start(self.begins + bytes))?;
        self.part.clear();
        (self.packet, self.frames) = (packet, frames);
        self.left = self.len.map(|len| len.saturating_sub(bytes));
        Ok(jumped_to(frames, frame))
    }

    fn next_packet(&mut self) -> Result<Option<Packet>> {
        let ended = || Err(Error::IoError(io::ErrorKind::UnexpectedEof.into()));
        match &self.cut {
            Cut::Blocks { bytes, frames } => {
                let (bytes, frames) = (*bytes, *frames);
                let most = match frames {
                    1 if self.reader.is_seekable() => MOST_FRAMES,
                    1 => MOST_ARRIVING,
                    _ => 1,
                };
                let blocks = most.min(MOST_BYTES / bytes).max(1);
                let left = self.left.map_or(u64::MAX, |left| left / u64::from(bytes));
                let blocks = u64::from(blocks).min(left);
                if blocks == 0 {
                    let last = self.left.filter(|left| frames > 1 && *left > 0);
                    return last.map_or(Ok(None), |last| self.last_block(last as usize, bytes as usize, frames));
                }
                self.fill(usize::try_from(blocks * u64::from(bytes)).unwrap_or(usize::MAX))?;
                let there = self.part.len() / bytes as usize;
                if there == 0 {
                    // Where the length is open, what is left of a frame is no sound.
                    return self.open_block(bytes, frames).map_or_else(ended, |last| Ok(Some(last)));
                }
                Ok(Some(self.packet(there * bytes as usize, there as u64 * u64::from(frames))))
            }
            Cut::Packets(packets) => {
                let Some((bytes, frames)) = packets.get(self.packet).copied() else { return Ok(None) };
                self.fill(bytes as usize)?;
                if self.part.len() < bytes as usize {
                    return Err(Error::DecodeError("it ends before the last packet of its table"));
                }
                self.packet += 1;
                Ok(Some(self.packet(bytes as usize, u64::from(frames))))
            }
        }
    }
}
