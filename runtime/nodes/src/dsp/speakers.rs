//! Where the channels of a named layout sound, and what follows from it. It knows nothing of nodes.

use std::f64::consts::FRAC_1_SQRT_2;

use remotemedia_core::value::Layout;

/// One channel's place around the listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speaker {
    Left,
    Right,
    Centre,
    /// The effects below 120 Hz, played 10 dB louder.
    LowFrequency,
    BackLeft,
    BackRight,
    BackCentre,
    SideLeft,
    SideRight,
}

use Speaker::{BackCentre, BackLeft, BackRight, Centre, Left, LowFrequency, Right, SideLeft, SideRight};

/// The speakers by FFmpeg's names of layouts, in the order of the mask of `WAVEFORMATEXTENSIBLE`.
const LAYOUTS: [(&str, &[Speaker]); 16] = [
    ("mono", &[Centre]),
    ("stereo", &[Left, Right]),
    ("2.1", &[Left, Right, LowFrequency]),
    ("3.0", &[Left, Right, Centre]),
    ("3.0(back)", &[Left, Right, BackCentre]),
    ("3.1", &[Left, Right, Centre, LowFrequency]),
    ("4.0", &[Left, Right, Centre, BackCentre]),
    ("quad", &[Left, Right, BackLeft, BackRight]),
    ("quad(side)", &[Left, Right, SideLeft, SideRight]),
    ("5.0", &[Left, Right, Centre, BackLeft, BackRight]),
    ("5.0(side)", &[Left, Right, Centre, SideLeft, SideRight]),
    ("5.1", &[Left, Right, Centre, LowFrequency, BackLeft, BackRight]),
    ("5.1(side)", &[Left, Right, Centre, LowFrequency, SideLeft, SideRight]),
    ("6.1", &[Left, Right, Centre, LowFrequency, BackCentre, SideLeft, SideRight]),
    ("7.0", &[Left, Right, Centre, BackLeft, BackRight, SideLeft, SideRight]),
    ("7.1", &[Left, Right, Centre, LowFrequency, BackLeft, BackRight, SideLeft, SideRight]),
];

/// The speakers of so many channels with a layout, if it has a name that says where they are.
pub(crate) fn speakers(layout: &Layout, channels: usize) -> Option<&'static [Speaker]> {
    let (_, speakers) = LAYOUTS.iter().find(|(name, _)| layout.name() == Some(name))?;
    Some(*speakers).filter(|speakers| speakers.len() == channels)
}

/// How much a channel counts for loudness: table 4 of ITU-R BS.1770-5, 1.41 between 60 and 120 degrees. Surrounds are at
/// 110 degrees; where there are both, those at the side are at 90 and those at the back at 135.
pub(crate) fn loudness_weight(speaker: Speaker, layout: &[Speaker]) -> f64 {
    match speaker {
        LowFrequency => 0.0,
        SideLeft | SideRight => 1.41,
        BackLeft | BackRight if !layout.contains(&SideLeft) => 1.41,
        _ => 1.0,
    }
}

/// The gains of a speaker in the left and the right of stereo, and in mono: table 2 of ITU-R BS.775-4, which leaves the low
/// frequencies out. A single surround has half of its power on each side, as in FFmpeg.
pub(crate) fn downmix(speaker: Speaker) -> ([f64; 2], f64) {
    match speaker {
        Left => ([1.0, 0.0], FRAC_1_SQRT_2),
        Right => ([0.0, 1.0], FRAC_1_SQRT_2),
        Centre => ([FRAC_1_SQRT_2; 2], 1.0),
        BackLeft | SideLeft => ([FRAC_1_SQRT_2, 0.0], 0.5),
        BackRight | SideRight => ([0.0, FRAC_1_SQRT_2], 0.5),
        BackCentre => ([0.5; 2], 0.5),
        LowFrequency => ([0.0; 2], 0.0),
    }
}
