//! What Matroska says of packets beside their bytes, and its demuxer leaves out. It is found ahead of the demuxer, block by
//! block, and put to each packet as it comes.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::errors::{Error, Result};
use symphonia::core::formats::{FormatReader, SeekMode, SeekTo, SeekedTo};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::packet::Packet;
use symphonia::core::units::{Duration, TimeBase, Timestamp};
use symphonia::default::formats::MkvReader;

use super::jump::frames_of_tick;
use crate::audio::decode::packet_frames::PacketFrames;
use crate::audio::decode::symphonia_reader::inner_reader_fields;

/// The facts of the packets of all tracks, shared by who finds them and by the reader.
#[derive(Clone, Debug, Default)]
pub(in crate::audio::decode) struct PacketFacts(Arc<Mutex<Facts>>);

#[derive(Debug, Default)]
struct Facts {
    /// What all packets of a track begin with, and was left out.
    stripped: BTreeMap<u32, Vec<u8>>,
    /// Blocks of several packets, and those that end in padding.
    blocks: VecDeque<Block>,
    /// The packets of all blocks that were found, and those that the reader has given.
    found: u64,
    given: u64,
}

/// A block by the numbers of its packets in the file.
#[derive(Debug)]
struct Block {
    first: u64,
    last: u64,
    padding_ns: u64,
}

impl PacketFacts {
    /// The bytes were left out that all packets of a track begin with.
    pub(super) fn strip(&self, track: u32, head: &[u8]) {
        self.lock().stripped.insert(track, head.to_vec());
    }

    /// The next block has so many packets, and ends in so many nanoseconds of padding.
    pub(in crate::audio::decode) fn find(&self, packets: u64, padding_ns: u64) {
        let mut facts = self.lock();
        let first = facts.found;
        facts.found += packets;
        if packets > 1 || padding_ns > 0 {
            facts.blocks.push_back(Block { first, last: first + packets - 1, padding_ns });
        }
    }

    /// Puts to the next packet what is known of it.
    fn complete(&self, packet: &mut Packet) {
        let mut facts = self.lock();
        let number = facts.given;
        facts.given += 1;
        if let Some(head) = facts.stripped.get(&packet.track_id) {
            packet.data = [head, &packet.data[..]].concat().into();
        }
        while facts.blocks.pop_front_if(|block| block.last < number).is_some() {}
        let Some(block) = facts.blocks.front().filter(|block| block.first <= number) else { return };
        if block.first < number {
            packet.dts = WITHIN_BLOCK;
        }
        if block.last == number {
            packet.trim_end = Duration::from(block.padding_ns);
        }
    }

    /// The reader has passed over the next block.
    fn pass_over(&self) {
        let mut facts = self.lock();
        let number = facts.given;
        while facts.blocks.pop_front_if(|block| block.last < number).is_some() {}
        let last = facts.blocks.front().filter(|block| block.first == number).map_or(number, |block| block.last);
        facts.given = last + 1;
    }

    fn lock(&self) -> MutexGuard<'_, Facts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The decoding time of a packet that is not the first of its block.
const WITHIN_BLOCK: Timestamp = Timestamp::MIN;

/// Whether the time of a packet is its own: that of its block, and not a guess from there on.
pub(super) fn has_own_time(packet: &Packet) -> bool {
    packet.dts != WITHIN_BLOCK
}

/// What Symphonia's reader says of a block whose track is not described. It has read the block then, and may go on.
const OTHER_TRACK: &str = "mkv: unvalid track number for block";
/// What is to be trimmed at the start of a packet before which a block of its track may be missing: of others that is nothing.
const BEHIND_MISSING: Duration = Duration::new(1);

/// Whether a block of the track of a packet may be missing before it.
pub(in crate::audio::decode) fn is_behind_missing(packet: &Packet) -> bool {
    packet.trim_start == BEHIND_MISSING
}

/// The reader of Matroska whose packets are as their encoder made them. What is to be trimmed at their end is in nanoseconds.
///
/// Blocks of a track that is not described are passed over: a program may have struck it out of the list. But a block of the
/// sound whose number is damaged looks the same, so the packet that follows must be at its time.
pub(in crate::audio::decode) struct MatroskaReader {
    reader: MkvReader<'static>,
    facts: PacketFacts,
    /// So many blocks were passed over.
    passed: u64,
    /// Those of the tracks of sound, where their packets say how many frames they hold.
    clocks: BTreeMap<u32, Option<Clock>>,
}

/// How far the packets of a track have counted.
struct Clock {
    frames: PacketFrames,
    /// The frames of a tick, and those by which two times may be off: both are rounded, perhaps to milliseconds as they were in
    /// another file.
    tick: f64,
    rounded: f64,
    /// The last packet that has a time of its own.
    last: Option<Timed>,
}

struct Timed {
    time: i64,
    /// The frames from it on, if all packets have told them.
    frames: Option<u64>,
    /// The frames by which its time may be early, once that is known: the first packet of Vorbis gives none, and some writers have
    /// it begin as much earlier as the second one gives.
    early: Option<u64>,
    /// The blocks that were passed over before it.
    passed: u64,
}

impl MatroskaReader {
    /// A reader that stands before its first packet, and the facts that are found of what it reads.
    pub(in crate::audio::decode) fn new(reader: MkvReader<'static>, facts: PacketFacts) -> Self {
        let sounds = reader.tracks().iter().filter_map(|track| match &track.codec_params {
            Some(CodecParameters::Audio(params)) => Some((track.id, Clock::of(params, track.time_base))),
            _ => None,
        });
        let clocks = sounds.collect();
        Self { reader, facts, passed: 0, clocks }
    }
}

impl Clock {
    fn of(params: &AudioCodecParameters, time_base: Option<TimeBase>) -> Option<Self> {
        let base = time_base?;
        let tick = frames_of_tick(params, base)?;
        let ms = tick * f64::from(base.denom.get()) / f64::from(base.numer.get()) / 1000.0;
        Some(Self { frames: PacketFrames::of(params)?, tick, rounded: tick + ms + 1.0, last: None })
    }

    /// Takes the next packet. Whether sound is missing before it, where blocks were passed over; so many were so far.
    fn lacks(&mut self, packet: &Packet, passed: u64) -> bool {
        let frames = self.frames.next(&packet.data);
        if !has_own_time(packet) {
            if let Some(last) = &mut self.last {
                last.frames = last.frames.zip(frames).map(|(told, frames)| told.saturating_add(frames));
                last.early = last.early.or(frames);
            }
            return false;
        }
        let (time, early) = (packet.pts.get(), (frames != Some(0)).then_some(0));
        let Some(last) = self.last.replace(Timed { time, frames, early, passed }) else { return false };
        let told = last.frames.zip(last.early.or(frames)).map(|(told, early)| told.saturating_add(early) as f64);
        let by_time = time.saturating_sub(last.time) as f64 * self.tick - self.rounded;
        last.passed != passed && told.is_none_or(|told| by_time > told)
    }
}

impl FormatReader for MatroskaReader {
    inner_reader_fields!();

    fn seek(&mut self, _: SeekMode, _: SeekTo) -> Result<SeekedTo> {
        // The facts are those of packets one behind the other.
        Err(Error::Unsupported("jumps in this file"))
    }

    fn next_packet(&mut self) -> Result<Option<Packet>> {
        loop {
            let mut next = self.reader.next_packet();
            match &mut next {
                Err(Error::DecodeError(OTHER_TRACK)) => {
                    self.facts.pass_over();
                    self.passed += 1;
                    continue;
                }
                Ok(Some(packet)) => {
                    self.facts.complete(packet);
                    let clock = self.clocks.get_mut(&packet.track_id);
                    let is_behind_missing = clock.is_some_and(|clock| match clock {
                        Some(clock) => clock.lacks(packet, self.passed),
                        None => self.passed > 0,
                    });
                    if is_behind_missing {
                        packet.trim_start = BEHIND_MISSING;
                    }
                }
                _ => {}
            }
            return next;
        }
    }

    fn into_inner<'inner>(self: Box<Self>) -> MediaSourceStream<'inner>
    where
        Self: 'inner,
    {
        Box::new(self.reader).into_inner()
    }
}
