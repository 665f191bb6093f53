//! Jumps in Matroska and WebM (RFC 9559): finds the last cluster before a frame by its time, and opens the file anew as if
//! that cluster were its first.
//!
//! Times are rounded, to a millisecond as a rule. Which frame one means follows from the packets: their places are multiples
//! of their length, or as good as that. Where a time lies between such places, or they are too close for it, packets are read
//! from the start instead. Of several packets in one block only the first has a time.

use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::codecs::audio::well_known::CODEC_ID_OPUS;
use symphonia::core::errors::Result;
use symphonia::core::formats::prelude::{Duration, TimeBase, Timestamp};
use symphonia::core::packet::Packet;

use super::packets::{PacketFacts, has_own_time};
use super::{Blocks, cluster_time};
use crate::audio::decode::container::Container;
use crate::audio::decode::container_reader::open_reader;
use crate::audio::decode::flac::frame::frame_header;
use crate::audio::decode::jump_reader::{Jump, Landed};
use crate::audio::decode::packet_frames::{PacketFrames, UNKNOWN};
use crate::audio::decode::source::gap::{Gap, GapSource, VOID_HEAD};
use crate::audio::opus_head::RATE;

/// Jumps in one track.
pub(in crate::audio::decode) struct MatroskaJump {
    track: u32,
    /// Where the file begins, behind tags.
    begins: u64,
    /// Where the clusters begin.
    clusters: Vec<u64>,
    frames: PacketFrames,
    /// Frames that the decoder leaves out at the start.
    skip: u64,
    /// The frames of a tick.
    tick: f64,
    /// The frames before the next packet.
    place: u64,
    first: Option<First>,
    clock: Option<Clock>,
}

/// The first packet that has a time of its own and gives frames.
#[derive(Clone, Copy)]
struct Clock {
    time: i64,
    /// The frames before it.
    place: u64,
}

/// The first packet that gives frames.
#[derive(Clone, Copy)]
struct First {
    frames: u64,
    /// The block before it, of Vorbis; the number in its header, of FLAC.
    mark: u64,
}

/// The frames of a tick of a track.
pub(super) fn frames_of_tick(params: &AudioCodecParameters, base: TimeBase) -> Option<f64> {
    // Some writers give the rate of what was encoded.
    let rate = if params.codec == CODEC_ID_OPUS { RATE } else { params.sample_rate? };
    Some(f64::from(rate) * f64::from(base.numer.get()) / f64::from(base.denom.get()))
}

impl MatroskaJump {
    /// Jumps between the clusters of these blocks; `None` if packets of the track don't say how many frames they hold.
    pub(in crate::audio::decode) fn new(
        track: u32,
        params: &AudioCodecParameters,
        time_base: Option<TimeBase>,
        blocks: &Blocks,
        skip: u64,
    ) -> Option<Self> {
        let tick = frames_of_tick(params, time_base?)?;
        let (frames, clusters) = (PacketFrames::of(params)?, blocks.clusters().to_vec());
        let begins = blocks.begins();
        Some(Self { track, begins, clusters, frames, skip, tick, place: 0, first: None, clock: None })
    }

    /// The bytes before the last cluster that begins at or before a time.
    fn gap(&self, file: &GapSource, time: i64) -> Result<Option<Gap>> {
        const HEAD: usize = 64;
        let mut view = file.view(None);
        let (mut low, mut high) = (0, self.clusters.len());
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            let Some(begins) = cluster_time(&view.bytes_at(self.clusters[middle], HEAD)?) else { return Ok(None) };
            if begins <= time { low = middle } else { high = middle }
        }
        let Some((&from, &to)) = self.clusters.first().zip(self.clusters.get(low)) else { return Ok(None) };
        Ok((to >= from + VOID_HEAD).then_some(Gap::Void { from, to }))
    }

    /// The clock of a file whose first packet that gives frames has no time of its own, as of Vorbis behind another packet in
    /// its block.
    fn read_clock(&self, file: &GapSource) -> Option<Clock> {
        const MOST_PACKETS: usize = 512;
        let facts = PacketFacts::default();
        let mut reader = open_reader(Box::new(file.view(None)), Container::Matroska, self.begins, facts).ok()?;
        let (mut frames, mut place, mut is_first) = (self.frames.clone(), 0, true);
        frames.restart();
        for _ in 0..MOST_PACKETS {
            let packet = reader.next_packet().ok()??;
            if packet.track_id == self.track {
                let count = frames.next(&packet.data)?;
                is_first &= count == 0;
                if !is_first && has_own_time(&packet) {
                    return Some(Clock { time: packet.pts.get(), place });
                }
                place += count;
            }
        }
        None
    }

    /// What marks a packet, as far as its place follows from that; `before` is the one before it.
    fn mark(&self, before: Option<&Packet>, packet: &[u8]) -> Option<u64> {
        match &self.frames {
            PacketFrames::Vorbis(blocks) => blocks.block(&before?.data),
            PacketFrames::Flac => frame_header(packet).map(|header| header.number),
            _ => Some(0),
        }
    }

    /// The frames before a packet from the start of the track.
    fn place_of(&self, before: Option<&Packet>, packet: &Packet, frames: u64) -> Option<u64> {
        let (first, clock) = (self.first?, self.clock?);
        let about = clock.place as f64 + packet.pts.get().checked_sub(clock.time)? as f64 * self.tick;
        let mark = self.mark(before, &packet.data)?;
        let near = |step: u64, phase: u64| {
            let count = ((about - phase as f64) / step as f64).round().max(0.0);
            (self.tick * 2.0 < step as f64).then_some(count as u64 * step + phase)
        };
        let place = match &self.frames {
            PacketFrames::Same(step) => near(*step, 0),
            // The shortest packet.
            PacketFrames::Opus if frames != first.frames => near(120, 0),
            PacketFrames::Opus | PacketFrames::Mpeg => near(frames, 0),
            PacketFrames::Pcm(_) => near(frames, 0).filter(|_| frames == first.frames),
            PacketFrames::Flac => {
                let counts_samples = frame_header(&packet.data)?.counts_samples;
                let number = mark.checked_sub(first.mark)?;
                number.checked_mul(if counts_samples { 1 } else { first.frames })
            }
            PacketFrames::Vorbis(blocks) => near(blocks.step(), (first.mark + mark) / 4 % blocks.step()),
        };
        // Both times are rounded.
        place.filter(|place| (*place as f64 - about).abs() <= self.tick + 1.0)
    }
}

impl Jump for MatroskaJump {
    fn see(&mut self, packet: &mut Packet) {
        let mark = match &self.frames {
            // Its own block, until the next packet comes.
            PacketFrames::Vorbis(blocks) => blocks.block(&packet.data),
            _ => self.mark(None, &packet.data),
        };
        let frames = self.frames.next(&packet.data);
        match (&mut self.first, frames, mark) {
            (None, Some(0), Some(_)) => {}
            (first @ None, Some(frames), Some(mark)) => {
                let mark = match &self.frames {
                    // What it gives is a quarter of both blocks.
                    PacketFrames::Vorbis(_) => 4 * frames - mark,
                    _ => mark,
                };
                *first = Some(First { frames, mark });
            }
            _ => {}
        }
        if self.first.is_some() && has_own_time(packet) {
            self.clock.get_or_insert(Clock { time: packet.pts.get(), place: self.place });
        }
        packet.dts = Timestamp::from(i64::try_from(self.place).unwrap_or(i64::MAX));
        packet.dur = Duration::from(frames.unwrap_or(UNKNOWN));
        self.place = self.place.saturating_add(packet.dur.get());
    }

    fn land(&mut self, file: &GapSource, frame: u64) -> Result<Option<Landed>> {
        self.clock = self.clock.or_else(|| self.read_clock(file));
        let Some(clock) = self.clock else { return Ok(None) };
        let ticks = ((frame + self.skip) as f64 - clock.place as f64) / self.tick;
        let Some(gap) = self.gap(file, clock.time.saturating_add(ticks.floor() as i64))? else { return Ok(None) };
        let Ok(mut reader) =
            open_reader(Box::new(file.view(Some(gap))), Container::Matroska, self.begins, PacketFacts::default())
        else {
            return Ok(None);
        };
        let mut frames = self.frames.clone();
        frames.restart();
        let (mut packets, mut passed): (Vec<Packet>, u64) = (Vec::new(), 0);
        let place = loop {
            let Ok(Some(packet)) = reader.next_packet() else { break None };
            if packet.track_id != self.track {
                continue;
            }
            let Some(frames) = frames.next(&packet.data) else { break None };
            let is_placed = frames > 0 && has_own_time(&packet);
            let place = is_placed.then(|| self.place_of(packets.last(), &packet, frames));
            packets.push(packet);
            if let Some(place) = place {
                break place.and_then(|place| place.checked_sub(passed));
            }
            passed = passed.saturating_add(frames);
        };
        let place = place.and_then(|place| place.checked_sub(self.skip)).filter(|place| *place <= frame);
        Ok(place.map(|frame| {
            self.frames.restart();
            self.place = frame;
            Landed { reader, packets, frame }
        }))
    }
}
