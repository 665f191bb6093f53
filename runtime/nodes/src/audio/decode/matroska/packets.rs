//! What Matroska says of packets beside their bytes, and its demuxer leaves out. It is found ahead of the demuxer, block by
//! block, and put to each packet as it comes.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use symphonia::core::errors::{Error, Result};
use symphonia::core::formats::{FormatReader, SeekMode, SeekTo, SeekedTo};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::packet::Packet;
use symphonia::core::units::{Duration, Timestamp};
use symphonia::default::formats::MkvReader;

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

/// The reader of Matroska whose packets are as their encoder made them. What is to be trimmed at their end is in nanoseconds.
pub(in crate::audio::decode) struct MatroskaReader {
    reader: MkvReader<'static>,
    facts: PacketFacts,
}

impl MatroskaReader {
    /// A reader that stands before its first packet, and the facts that are found of what it reads.
    pub(in crate::audio::decode) fn new(reader: MkvReader<'static>, facts: PacketFacts) -> Self {
        Self { reader, facts }
    }
}

impl FormatReader for MatroskaReader {
    inner_reader_fields!();

    fn seek(&mut self, _: SeekMode, _: SeekTo) -> Result<SeekedTo> {
        // The facts are those of packets one behind the other.
        Err(Error::Unsupported("jumps in this file"))
    }

    fn next_packet(&mut self) -> Result<Option<Packet>> {
        let mut next = self.reader.next_packet()?;
        if let Some(packet) = &mut next {
            self.facts.complete(packet);
        }
        Ok(next)
    }

    fn into_inner<'inner>(self: Box<Self>) -> MediaSourceStream<'inner>
    where
        Self: 'inner,
    {
        Box::new(self.reader).into_inner()
    }
}
