//! How an open file goes on at a later frame without decoding what lies before it: the reader jumps where it can, the
//! packets up to the frame are read and dropped, and those that its decoder remembers are kept to prime it.
//!
//! It knows nothing of decoders, and of containers only which of their readers can jump and which count frames.

use std::collections::VecDeque;

use symphonia::core::errors::{Error, Result};
use symphonia::core::formats::{FormatReader, SeekMode, SeekTo};
use symphonia::core::packet::Packet;
use symphonia::core::units::Timestamp;

use super::container::Container;
use super::memory::Memory;

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
}

/// Where a file is: so many frames were decoded, and this timestamp follows, where that is known.
#[derive(Clone, Copy)]
pub(super) struct Start {
    pub(super) decoded: u64,
    pub(super) next_timestamp: Option<i64>,
}

/// Whether the packets of a container say how many frames they hold.
pub(super) fn counts_frames(container: Container) -> bool {
    match container {
        Container::Wav | Container::W64 | Container::Aiff | Container::Sun | Container::Caf => true,
        Container::Flac | Container::Mpeg | Container::Adts => true,
        Container::Ogg | Container::Mp4 | Container::Matroska => false,
        Container::Foreign(_) | Container::Unknown => false,
    }
}

/// Goes to the packet that holds a frame. Lands before it where the file ends, has a gap or goes on with a new stream
/// before the frame comes: what the reader said then is said again.
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
    let jumped = jump(reader, container, memory.start(frame))?;
    let mut place = jumped.unwrap_or(start.decoded);
    let mut is_continuous = jumped.is_none();
    let mut next_timestamp = start.next_timestamp.filter(|_| is_continuous);
    let mut before = VecDeque::new();
    loop {
        let next = reader.next_packet();
        let (len, is_next) = match &next {
            Ok(Some(packet)) => {
                let is_next = next_timestamp.is_none_or(|expected| packet.pts.get() <= expected);
                (packet.block_dur().get(), is_next)
            }
            _ => (0, false),
        };
        let packet = match next {
            Ok(Some(packet)) if is_next && place.saturating_add(len) <= frame => packet,
            last => {
                let read = before.into_iter().map(|packet| Ok(Some(packet))).chain([last]).collect::<VecDeque<_>>();
                if is_continuous {
                    let Start { decoded, next_timestamp } = start;
                    return Ok(Landing { frame: decoded, read, priming: 0, is_continuous, next_timestamp });
                }
                let priming = read.len() - 1;
                return Ok(Landing { frame: place, read, priming, is_continuous, next_timestamp });
            }
        };
        place += len;
        let len = i64::try_from(len).unwrap_or(i64::MAX);
        next_timestamp = Some(packet.pts.get().saturating_add(len));
        before.push_back(packet);
        let forgotten = memory.forgotten(&before);
        before.drain(..forgotten);
        is_continuous &= forgotten == 0;
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
        _ => return Ok(None),
    }
    let ts = Timestamp::from(i64::try_from(frame).unwrap_or(i64::MAX));
    match reader.seek(SeekMode::Accurate, SeekTo::Timestamp { ts, track_id: 0 }) {
        Ok(seeked) => Ok(u64::try_from(seeked.actual_ts.get()).ok()),
        Err(Error::Unsupported(_) | Error::SeekError(_)) => Ok(None),
        Err(error) => Err(error),
    }
}
