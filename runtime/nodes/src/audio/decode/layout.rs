//! From the speakers that a file names to the name of a layout.
//!
//! The names are those of FFmpeg. Channels come in the order of the mask of `WAVEFORMATEXTENSIBLE`: front left, front
//! right, front centre, low frequency, back left, back right, front left of centre, front right of centre, back
//! centre, side left, side right.

use remotemedia_core::value::Layout;
use symphonia::core::audio::{ChannelLabel, Channels, Position};

/// The places of one channel, or of a left and a right one.
pub(super) fn front(channels: usize) -> Channels {
    Channels::Positioned(if channels == 1 { Position::FRONT_LEFT } else { FRONT })
}

/// The places that Opus (RFC 7845, 5.1.1.2) and FLAC (RFC 9639, 9.1.3) give so many channels, 1 to 8.
pub(super) fn places(channels: usize) -> Option<Channels> {
    let three = FRONT.union(CENTRE);
    Some(Channels::Positioned(match channels {
        1 | 2 => return Some(front(channels)),
        3 => three,
        4 => FRONT.union(BACK),
        5 => three.union(BACK),
        6 => three.union(LOW).union(BACK),
        7 => three.union(LOW).union(BACK_CENTRE).union(SIDE),
        8 => three.union(LOW).union(BACK).union(SIDE),
        _ => return None,
    }))
}

/// The layout of a set of channels.
pub(super) fn layout_of(channels: &Channels) -> Layout {
    let count = channels.count();
    if count == 1 {
        return Layout::for_channels(1);
    }
    let positions = match channels {
        Channels::Positioned(positions) => *positions,
        Channels::Custom(labels) => labels.iter().filter_map(position).fold(Position::empty(), Position::union),
        _ => return Layout::Unspecified,
    };
    NAMES
        .iter()
        .find(|(_, mask)| *mask == positions)
        .map_or(Layout::Unspecified, |(name, _)| Layout::Named((*name).into()))
}

/// Brings planes, whose channels may come in an order of their own, into that of the mask.
pub(super) fn put_in_order(channels: &Channels, planes: &mut [Vec<f32>]) {
    let Channels::Custom(labels) = channels else { return };
    let mut placed: Vec<_> = labels.iter().map(position).zip(planes.iter_mut().map(std::mem::take)).collect();
    placed.sort_by_key(|(position, _)| position.map_or(0, |position| position.bits()));
    planes.iter_mut().zip(placed).for_each(|(plane, (_, samples))| *plane = samples);
}

fn position(label: &ChannelLabel) -> Option<Position> {
    match label {
        ChannelLabel::Positioned(position) => Some(*position),
        _ => None,
    }
}

const FRONT: Position = Position::FRONT_LEFT.union(Position::FRONT_RIGHT);
const BACK: Position = Position::REAR_LEFT.union(Position::REAR_RIGHT);
const SIDE: Position = Position::SIDE_LEFT.union(Position::SIDE_RIGHT);
const CENTRE: Position = Position::FRONT_CENTER;
const LOW: Position = Position::LFE1;
const BACK_CENTRE: Position = Position::REAR_CENTER;

const NAMES: [(&str, Position); 15] = [
    ("stereo", FRONT),
    ("2.1", FRONT.union(LOW)),
    ("3.0", FRONT.union(CENTRE)),
    ("3.0(back)", FRONT.union(BACK_CENTRE)),
    ("3.1", FRONT.union(CENTRE).union(LOW)),
    ("4.0", FRONT.union(CENTRE).union(BACK_CENTRE)),
    ("quad", FRONT.union(BACK)),
    ("quad(side)", FRONT.union(SIDE)),
    ("5.0", FRONT.union(CENTRE).union(BACK)),
    ("5.0(side)", FRONT.union(CENTRE).union(SIDE)),
    ("5.1", FRONT.union(CENTRE).union(LOW).union(BACK)),
    ("5.1(side)", FRONT.union(CENTRE).union(LOW).union(SIDE)),
    ("6.1", FRONT.union(CENTRE).union(LOW).union(BACK_CENTRE).union(SIDE)),
    ("7.0", FRONT.union(CENTRE).union(BACK).union(SIDE)),
    ("7.1", FRONT.union(CENTRE).union(LOW).union(BACK).union(SIDE)),
];
