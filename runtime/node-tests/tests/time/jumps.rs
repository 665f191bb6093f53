//! A stream with holes, overlaps and late packets, and the streams that it has to be equal to.

use proptest::prelude::*;
use remotemedia_core::value::{Audio, MediaTime};

/// How a stream is cut and what happens to it on the way. All in frames of 16 kHz; one millisecond is 16.
#[derive(Clone, Debug)]
pub(crate) struct Accidents {
    /// The lengths of packets, one after the other, again and again.
    pub(crate) sizes: Vec<usize>,
    /// What is lost: where it begins, counted from the end of the hole before, and how long it is.
    pub(crate) holes: Vec<(usize, usize)>,
    /// Which packets begin earlier than they should, and by how much.
    pub(crate) overlaps: Vec<(usize, usize)>,
    /// Behind which packet something comes that has been there, or that was lost, and from how long ago.
    pub(crate) late: Vec<(usize, usize)>,
}

/// Streams of one second.
pub(crate) fn accidents() -> impl Strategy<Value = Accidents> {
    let sizes = prop_oneof![
        Just(vec![320]),
        Just(vec![16_000]),
        Just(vec![1, 7, 3]),
        prop::collection::vec(1usize..2_000, 1..12),
    ];
    // A hole is longer than any tolerance, and what lies between two is long enough for a late packet.
    let holes = prop::collection::vec((1_000usize..5_000, 176usize..4_000), 0..4);
    let overlaps = prop::collection::vec((1usize..40, 176usize..900), 0..4);
    let late = prop::collection::vec((1usize..40, 200usize..8_000), 0..4);
    (sizes, holes, overlaps, late).prop_map(|(sizes, holes, overlaps, late)| Accidents { sizes, holes, overlaps, late })
}

/// What a node gets, and what it should make of it.
pub(crate) struct Streams {
    /// With all accidents.
    pub(crate) packets: Vec<Audio>,
    /// The stretches between the holes, each a packet.
    pub(crate) islands: Vec<Audio>,
    /// In the same packets, without overlaps and late ones, and with silence in the holes.
    pub(crate) filled: Vec<Audio>,
    /// In the same packets as the filled one, without the silence, each at the end of the one before.
    pub(crate) closed: Vec<Audio>,
    /// How many gaps and overlaps there are.
    pub(crate) gaps: u64,
    pub(crate) overlaps: u64,
}

/// When the first frame sounds.
pub(crate) const ORIGIN: i64 = 5_000_000_000;

/// The accidents of a stream.
pub(crate) fn happen(audio: &Audio, accidents: &Accidents) -> Streams {
    let rate = audio.rate();
    let per_unit = |frames: usize| frames * rate as usize / 16_000;
    let at = |frame: usize| Some(ORIGIN + MediaTime::of_frames(frame as u64, rate));
    let part = |from: usize, to: usize| audio.slice(from, to - from).with_pts(at(from));
    // Stretches that arrive.
    let mut stretches = Vec::new();
    let mut from = 0;
    for (until, length) in &accidents.holes {
        let to = from + per_unit(*until);
        if to + per_unit(*length) + per_unit(1_000) > audio.frames() {
            break;
        }
        stretches.push((from, to));
        from = to + per_unit(*length);
    }
    stretches.push((from, audio.frames()));
    let mut streams = Streams {
        packets: Vec::new(),
        islands: stretches.iter().map(|(from, to)| part(*from, *to)).collect(),
        filled: Vec::new(),
        closed: Vec::new(),
        gaps: stretches.len() as u64 - 1,
        overlaps: 0,
    };
    let (mut number, mut arrived, mut position) = (0, 0, 0);
    let mut sizes = accidents.sizes.iter().cycle();
    for (from, to) in stretches {
        if from > position {
            let silence = Audio::from_planar(vec![0.0; (from - position) * audio.channels()], audio.channels(), rate);
            streams
                .filled
                .push(silence.expect("valid audio").with_layout(audio.layout().clone()).with_pts(at(position)));
        }
        position = from;
        while position < to {
            let end = to.min(position + per_unit(*sizes.next().expect("they go round")).max(1));
            let back = accidents.overlaps.iter().find(|(packet, _)| *packet == number).map_or(0, |(_, back)| *back);
            let back = per_unit(back);
            // What begins earlier begins after the hole.
            let back = if back > 0 && position >= from + back { back } else { 0 };
            streams.overlaps += u64::from(back > 0);
            streams.packets.push(part(position - back, end));
            streams.filled.push(part(position, end));
            streams.closed.push(audio.slice(position, end - position).with_pts(at(arrived)));
            arrived += end - position;
            position = end;
            for (_, ago) in accidents.late.iter().filter(|(packet, _)| *packet == number) {
                let ago = per_unit(*ago);
                if position >= ago {
                    // Not up to the end, so that all of it has been there.
                    streams.packets.push(part(position - ago, position - ago + ago.min(per_unit(180))));
                    streams.overlaps += 1;
                }
            }
            number += 1;
        }
    }
    streams
}
