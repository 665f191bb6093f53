//! How an open file goes on at a later frame without decoding what lies before it: the reader jumps where it can, the
//! packets up to the frame are read and dropped, and those that its decoder remembers are kept to prime it.
//!
//! It knows nothing of decoders, and of containers only which of their readers can jump and which count frames.

use std::collections::VecDeque;

use symphonia::core::codecs::audio::AudioCodecId;
use symphonia::core::codecs::audio::well_known::{CODEC_ID_FLAC, CODEC_ID_MP1, CODEC_ID_MP2, CODEC_ID_MP3};
use symphonia::core::errors::{Error, Result};
use symphonia::core::formats::{FormatReader, SeekMode, SeekTo};
use symphonia::core::packet::Packet;
use symphonia::core::units::Timestamp;

use super::container::Container;
use super::flac::frame::frame_header;
use super::memory::Memory;
use super::mpeg::header::Header;

/// Where a file goes on.
pub(super) struct Landing {
    /// The decoded frames of the file, delay included, that lie before the first packet which counts.
    pub(super) frame: u64,
    /// What the reader gave already, to be taken before it is asked for more.
    pub(super) read: VecDeque<Result<Option<Packet>>>,
    /// So many of the packets come before the first which counts: they only prime the decoder.
    pub(super) priming: usize,
    /// Whether nothing was left out, so that the decoder goes on as it is.
    pub(super) is_continuous: bool,
    /// The timestamp that follows on the last packet before the first which counts.
    pub(super) next_timestamp: Option<i64>,
    /// Whether the first packet which counts holds the frame.
    pub(super) is_there: bool,
}

/// Where a file is: so many frames were decoded, and this timestamp follows, where that is known.
#[derive(Clone, Copy)]
pub(super) struct Start {
    pub(super) codec: AudioCodecId,
    pub(super) format: PacketFormat,
    pub(super) decoded: u64,
    pub(super) next_timestamp: Option<i64>,
}

/// The rate and the number of channels of a packet.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct PacketFormat {
    pub(super) rate: u32,
    pub(super) channels: usize,
}

impl PacketFormat {
    /// As the header of a packet gives it; what that leaves out is as before.
    fn of(codec: AudioCodecId, packet: &[u8], before: Self) -> Self {
        let (rate, channels) = match codec {
            CODEC_ID_MP1 | CODEC_ID_MP2 | CODEC_ID_MP3 => match Header::read(packet) {
                Some(header) => (Some(header.rate), header.channels),
                None => return before,
            },
            CODEC_ID_FLAC => match frame_header(packet) {
                Some(header) => (header.rate, header.channels),
                None => return before,
            },
            _ => return before,
        };
        Self { rate: rate.unwrap_or(before.rate), channels: usize::from(channels) }
    }
}

/// Whether the packets of a container say how many frames they hold. Those of the others do so where their reader jumps.
pub(super) fn counts_frames(container: Container) -> bool {
    match container {
        Container::Wav | Container::W64 | Container::Aiff | Container::Sun | Container::Caf => true,
        Container::Flac | Container::Mpeg | Container::Adts => true,
        Container::Ogg | Container::Mp4 | Container::Matroska => false,
        Container::Foreign(_) | Container::Unknown => false,
    }
}

/// Goes to the packet that holds a frame. Lands before it where the file ends, has a gap, or goes on in another format or
/// with a new stream before the frame comes: what the reader said then is said again.
///
/// # Errors
/// If the source can't be read.
pub(super) fn land(
    reader: &mut dyn FormatReader,
    container: Container,
    memory: Memory,
    start: Start,
    frame: u64,
) -> Result<Landing> {
    let first = memory.start(frame);
    let jumped = if first > start.decoded { jump(reader, container, first)? } else { None };
    let mut passed = Passed {
        place: jumped.unwrap_or(start.decoded),
        next_timestamp: start.next_timestamp.filter(|_| jumped.is_none()),
        remembered: VecDeque::new(),
        is_continuous: jumped.is_none(),
    };
    // Those of the others are in units of their own.
    let has_times = !matches!(container, Container::Mp4 | Container::Matroska);
    // The last packet of all is decoded in any case: it may be one of which only its decoder knows how many frames count.
    let mut held: Option<Packet> = None;
    loop {
        let next = reader.next_packet();
        if next.as_ref().is_ok_and(Option::is_some)
            && let Some(packet) = held.take()
        {
            passed.pass(packet, memory);
        }
        let is_next = next.as_ref().ok().and_then(Option::as_ref).is_some_and(|packet| {
            (!has_times || passed.next_timestamp.is_none_or(|expected| packet.pts.get() <= expected))
                && PacketFormat::of(start.codec, &packet.data, start.format) == start.format
        });
        match next {
            // The last packet may hold fewer frames than its length says: a jump then lands on what was decoded.
            Ok(Some(packet)) if passed.place < start.decoded => {
                passed.pass(packet, memory);
                passed.place = passed.place.min(start.decoded);
            }
            Ok(Some(packet)) if is_next && passed.place.saturating_add(packet.dur.get()) <= frame => {
                held = Some(packet);
            }
            last => {
                let Passed { place, next_timestamp, remembered, is_continuous } = passed;
                let priming = if is_continuous { 0 } else { remembered.len() };
                let read = remembered.into_iter().chain(held).map(|packet| Ok(Some(packet))).chain([last]).collect();
                let (frame, next_timestamp) =
                    if is_continuous { (start.decoded, start.next_timestamp) } else { (place, next_timestamp) };
                return Ok(Landing { frame, read, priming, is_continuous, next_timestamp, is_there: is_next });
            }
        }
    }
}

/// What was passed over: so many frames of the file lie before the next packet.
struct Passed {
    place: u64,
    next_timestamp: Option<i64>,
    /// The packets of which a decoder remembers something, and whether these are all.
    remembered: VecDeque<Packet>,
    is_continuous: bool,
}

impl Passed {
    fn pass(&mut self, packet: Packet, memory: Memory) {
        self.place = self.place.saturating_add(packet.dur.get());
        self.next_timestamp = Some(packet.pts.get().saturating_add_unsigned(packet.block_dur().get()));
        self.remembered.push_back(packet);
        let forgotten = memory.forgotten(&self.remembered);
        self.remembered.drain(..forgotten);
        self.is_continuous &= forgotten == 0;
    }
}

/// Lets the reader jump to a packet at or before a frame. The decoded frames before that packet, or `None` where it stays.
///
/// Readers of our own do so by [`FormatReader::seek`], whose timestamps are decoded frames from the start of the file,
/// delay included. They land on the last packet that is there, if the frame lies beyond it.
fn jump(reader: &mut dyn FormatReader, container: Container, frame: u64) -> Result<Option<u64>> {
    match container {
        Container::Wav | Container::W64 | Container::Aiff | Container::Sun | Container::Caf => {}
        Container::Flac | Container::Mpeg => {}
        Container::Ogg | Container::Mp4 | Container::Matroska => {}
        _ => return Ok(None),
    }
    let ts = Timestamp::from(i64::try_from(frame).unwrap_or(i64::MAX));
    match reader.seek(SeekMode::Accurate, SeekTo::Timestamp { ts, track_id: 0 }) {
        Ok(seeked) => Ok(u64::try_from(seeked.actual_ts.get()).ok()),
        Err(Error::Unsupported(_) | Error::SeekError(_)) => Ok(None),
        Err(error) => Err(error),
    }
}
