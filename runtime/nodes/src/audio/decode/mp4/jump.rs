//! Jumps in MP4 and QuickTime by the table of samples of one track, and the reader that goes on from there.
//!
//! Boxes are those of ISO/IEC 14496-12: `stts` 8.6.1.2, `stsz` 8.7.3, `stsc` 8.7.4, `stco` and `co64` 8.7.5. A table that is
//! not as expected leads nowhere: then packets are read from the start.

use std::io::{self, Seek as _, SeekFrom};
use std::sync::Arc;

use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::errors::{Error, Result};
use symphonia::core::formats::prelude::{Duration, FormatInfo, FormatReader, MediaInfo, Timestamp};
use symphonia::core::formats::{FORMAT_ID_NULL, SeekMode, SeekTo, SeekedTo, Track};
use symphonia::core::io::{MediaSource as _, MediaSourceStream, ReadBytes as _};
use symphonia::core::meta::MetadataLog;
use symphonia::core::packet::Packet;

use super::gapless::{Movie, child, media_scale, number, same_duration, sample_table, track_box};
use crate::audio::decode::jump_reader::{Jump, Landed};
use crate::audio::decode::packet_frames::{PacketFrames, UNKNOWN};
use crate::audio::decode::pcm_packet::is_pcm;
use crate::audio::decode::source::gap::GapSource;
use crate::audio::decode::symphonia_reader::format_reader_fields;

/// Jumps in one track.
pub(in crate::audio::decode) struct Mp4Jump {
    movie: Arc<Vec<u8>>,
    is_fragmented: bool,
    track: u32,
    frames: PacketFrames,
    /// Whether the durations of samples are frames, as long as they agree with the first packet.
    counts_frames: bool,
    is_pcm: bool,
    /// The frames of the first packet, and those before the next one.
    first: Option<u64>,
    place: u64,
}

impl Mp4Jump {
    /// Jumps in the track of this number; `None` if its packets don't say how many frames they hold.
    pub(in crate::audio::decode) fn new(movie: &Movie, track: u32, params: &AudioCodecParameters) -> Option<Self> {
        let scale = media_scale(track_box(movie.content(), track)?)?;
        Some(Self {
            movie: Arc::clone(movie.content()),
            is_fragmented: movie.is_fragmented(),
            track,
            frames: PacketFrames::of(params)?,
            counts_frames: params.sample_rate.map(u64::from) == Some(scale),
            is_pcm: is_pcm(params.codec),
            first: None,
            place: 0,
        })
    }

    fn find(&self, len: u64, frame: u64) -> Option<(Samples, Place)> {
        let frames = match &self.frames {
            PacketFrames::Same(frames) => Some(*frames),
            _ if self.counts_frames => None,
            _ => return None,
        };
        let samples = Samples::read(track_box(&self.movie, self.track)?, frames)?;
        let wanted = u32::try_from(frame / samples.frames).unwrap_or(u32::MAX);
        let place = samples.find(wanted, len).filter(|_| self.first == Some(samples.frames))?;
        Some((samples, place))
    }
}

impl Jump for Mp4Jump {
    fn see(&mut self, packet: &mut Packet) {
        let frames = self.frames.next(&packet.data);
        self.first = self.first.or(frames);
        packet.dts = timestamp(self.place);
        packet.dur = Duration::from(frames.unwrap_or(UNKNOWN));
        self.place = self.place.saturating_add(packet.dur.get());
    }

    /// The table has a sample for each frame of PCM, and Symphonia makes a packet of each.
    fn go_on(&mut self, file: &GapSource) -> Result<Option<Landed>> {
        if !self.is_pcm {
            return Ok(None);
        }
        let place = self.place;
        let landed = self.land(file, place)?;
        self.place = place;
        Ok(landed.filter(|landed| landed.frame == place))
    }

    fn land(&mut self, file: &GapSource, frame: u64) -> Result<Option<Landed>> {
        let len = file.byte_len().unwrap_or(u64::MAX);
        let Some((samples, place)) = (!self.is_fragmented).then(|| self.find(len, frame)).flatten() else {
            return Ok(None);
        };
        let frame = u64::from(place.sample) * samples.frames;
        self.place = frame;
        let reader = MediaSourceStream::new(Box::new(file.view(None)), Default::default());
        let track = Track::new(self.track);
        let reader = SampleReader {
            reader,
            media: MediaInfo::from_track(&track),
            tracks: vec![track],
            metadata: MetadataLog::default(),
            samples,
            place,
            len,
            most: if self.is_pcm { 1152 } else { 1 },
        };
        Ok(Some(Landed { reader: Box::new(reader), packets: Vec::new(), frame }))
    }
}

fn timestamp(frame: u64) -> Timestamp {
    Timestamp::from(i64::try_from(frame).unwrap_or(i64::MAX))
}

/// The samples of a track, as MP4 calls packets.
struct Samples {
    /// The frames of each; the last one may have fewer.
    frames: u64,
    count: u32,
    sizes: Sizes,
    /// The places of the chunks, and from which one on they hold how many samples.
    chunks: Vec<u64>,
    runs: Vec<(u32, u32)>,
}

enum Sizes {
    Same(u32),
    Each(Vec<u32>),
}

/// Where a sample lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    sample: u32,
    /// Its chunk, the samples of that from this one on, and the first byte.
    chunk: usize,
    left: u32,
    byte: u64,
}

impl Samples {
    /// Reads the tables of a track whose packets all have so many frames, or as many as the tables say.
    fn read(track: &[u8], packet_frames: Option<u64>) -> Option<Self> {
        let table = sample_table(track)?;
        let sizes = child(table, b"stsz")?;
        let word = |bytes: &[u8], place: usize| bytes.get(place..place + 4).map(|bytes| number(bytes) as u32);
        let count = word(sizes, 8)?;
        let sizes = match word(sizes, 4)? {
            0 => Sizes::Each(numbers(sizes.get(12..)?, 4, count).map(|size| size as u32).collect()),
            same => Sizes::Same(same),
        };
        let chunks = match (child(table, b"stco"), child(table, b"co64")) {
            (Some(places), _) => numbers(places.get(8..)?, 4, word(places, 4)?).collect(),
            (None, Some(places)) => numbers(places.get(8..)?, 8, word(places, 4)?).collect(),
            (None, None) => return None,
        };
        let runs = child(table, b"stsc")?;
        let runs: Vec<(u32, u32)> = runs
            .get(8..)?
            .chunks_exact(12)
            .take(word(runs, 4)? as usize)
            .map(|run| (number(&run[..4]) as u32, number(&run[4..8]) as u32))
            .collect();
        let frames = match packet_frames {
            Some(frames) => frames,
            None => same_duration(child(table, b"stts")?)?,
        };
        let is_whole = match &sizes {
            Sizes::Same(_) => true,
            Sizes::Each(sizes) => sizes.len() == count as usize,
        };
        (is_whole && frames > 0 && runs.first()?.0 == 1).then_some(Self { frames, count, sizes, chunks, runs })
    }

    /// The place of a sample, or of the last one before it that there is and that lies in a file of this length.
    fn find(&self, wanted: u32, len: u64) -> Option<Place> {
        let wanted = wanted.min(self.count.saturating_sub(1));
        let mut found = self.enter(0, 0)?;
        while found.sample < wanted {
            let passed = match self.sizes {
                Sizes::Same(size) => {
                    let behind = (len.saturating_sub(found.byte) / u64::from(size.max(1))).saturating_sub(1);
                    u32::try_from(behind).unwrap_or(u32::MAX).clamp(1, found.left).min(wanted - found.sample)
                }
                Sizes::Each(_) => 1,
            };
            match self.after(found, passed) {
                Some(next) if next.byte.saturating_add(self.size(next.sample).into()) <= len => found = next,
                _ => break,
            }
        }
        Some(found)
    }

    /// The first sample of a chunk.
    fn enter(&self, chunk: usize, sample: u32) -> Option<Place> {
        let number = u32::try_from(chunk).ok()?.checked_add(1)?;
        let run = self.runs.partition_point(|(first, _)| *first <= number).checked_sub(1)?;
        let left = self.runs[run].1;
        (left > 0).then_some(Place { sample, chunk, left, byte: *self.chunks.get(chunk)? })
    }

    /// The place of the sample that comes so many after another one, at most those that are left of its chunk.
    fn after(&self, place: Place, passed: u32) -> Option<Place> {
        let sample = place.sample.checked_add(passed)?;
        if passed >= place.left {
            return self.enter(place.chunk + 1, sample);
        }
        let bytes = match &self.sizes {
            Sizes::Same(size) => u64::from(*size) * u64::from(passed),
            Sizes::Each(sizes) => {
                sizes.get(place.sample as usize..sample as usize)?.iter().map(|size| u64::from(*size)).sum()
            }
        };
        Some(Place { sample, chunk: place.chunk, left: place.left - passed, byte: place.byte.checked_add(bytes)? })
    }

    fn size(&self, sample: u32) -> u32 {
        match &self.sizes {
            Sizes::Same(size) => *size,
            Sizes::Each(sizes) => sizes.get(sample as usize).copied().unwrap_or(0),
        }
    }
}

/// The numbers of a table, of so many bytes each.
fn numbers(table: &[u8], width: usize, count: u32) -> impl Iterator<Item = u64> {
    table.chunks_exact(width).take(count as usize).map(number)
}

/// Reads the samples of a track from one on.
struct SampleReader {
    reader: MediaSourceStream<'static>,
    media: MediaInfo,
    tracks: Vec<Track>,
    metadata: MetadataLog,
    samples: Samples,
    place: Place,
    len: u64,
    /// The most samples in a packet: those of uncompressed sound are its frames.
    most: u32,
}

const INFO: FormatInfo = FormatInfo { format: FORMAT_ID_NULL, short_name: "samples", long_name: "samples" };

impl FormatReader for SampleReader {
    format_reader_fields!(&INFO);

    fn seek(&mut self, _: SeekMode, _: SeekTo) -> Result<SeekedTo> {
        Err(Error::Unsupported("a second jump"))
    }

    fn next_packet(&mut self) -> Result<Option<Packet>> {
        let place = self.place;
        if place.sample >= self.samples.count {
            return Ok(None);
        }
        let size = u64::from(self.samples.size(place.sample));
        let there = self.len.saturating_sub(place.byte) / size.max(1);
        let count = if self.most > 1 {
            let samples = place.left.min(self.most).min(self.samples.count - place.sample);
            samples.min(u32::try_from(there).unwrap_or(u32::MAX))
        } else {
            u32::from(there > 0 || size == 0)
        };
        if count == 0 {
            return Err(Error::IoError(io::ErrorKind::UnexpectedEof.into()));
        }
        if self.reader.pos() != place.byte {
            self.reader.seek(SeekFrom::Start(place.byte))?;
        }
        let data =
            self.reader.read_boxed_slice_exact(usize::try_from(size * u64::from(count)).unwrap_or(usize::MAX))?;
        let frame = u64::from(place.sample) * self.samples.frames;
        let frames = self.samples.frames * u64::from(count);
        self.place = match self.samples.after(place, count) {
            Some(after) => after,
            None if place.sample + count >= self.samples.count => Place { sample: self.samples.count, ..place },
            None => return Err(Error::DecodeError("its table names samples that it gives no place")),
        };
        Ok(Some(Packet::new(self.tracks[0].id, timestamp(frame), Duration::from(frames), data)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(sizes: Sizes, count: u32) -> Samples {
        Samples { frames: 10, count, sizes, chunks: vec![100, 500, 300], runs: vec![(1, 3), (2, 2)] }
    }

    #[test]
    fn samples_lie_one_after_the_other_in_their_chunks() {
        let samples = samples(Sizes::Each(vec![5, 6, 7, 8, 9, 10, 11]), 7);
        let bytes: Vec<u64> = (0..7).map(|sample| samples.find(sample, 1000).unwrap().byte).collect();
        assert_eq!(bytes, [100, 105, 111, 500, 508, 300, 310]);
        assert_eq!(samples.find(5, 1000).unwrap(), Place { sample: 5, chunk: 2, left: 2, byte: 300 });
        assert_eq!(samples.find(7, 1000).unwrap().sample, 6, "the last one");
        assert_eq!(samples.find(6, 507).unwrap().sample, 2, "the fourth one ends at 508");
    }

    #[test]
    fn samples_of_one_size_are_passed_over_by_the_chunk() {
        let samples = samples(Sizes::Same(4), 7);
        let bytes: Vec<u64> = (0..7).map(|sample| samples.find(sample, 1000).unwrap().byte).collect();
        assert_eq!(bytes, [100, 104, 108, 500, 504, 300, 304]);
        assert_eq!(samples.find(7, 1000).unwrap().sample, 6, "the last one");
        assert_eq!(samples.find(6, 507).unwrap().sample, 3, "the fifth one ends at 508");
        assert_eq!(samples.find(2, 109).unwrap().sample, 1, "the third one ends at 112");
    }
}
