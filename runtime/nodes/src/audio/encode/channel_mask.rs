//! The speakers of layouts as the mask of `WAVEFORMATEXTENSIBLE` has them (Microsoft, "Multiple channel audio data and WAVE
//! files").

use remotemedia_core::value::Layout;

/// The mask of a layout of so many channels; `None` where it has no name, or none of a known layout.
pub(super) fn channel_mask(layout: &Layout, channels: usize) -> Option<u32> {
    const NAMES: [(&str, u32); 16] = [
        ("mono", 0x004),
        ("stereo", 0x003),
        ("2.1", 0x00b),
        ("3.0", 0x007),
        ("3.0(back)", 0x103),
        ("3.1", 0x00f),
        ("4.0", 0x107),
        ("quad", 0x033),
        ("quad(side)", 0x603),
        ("5.0", 0x037),
        ("5.0(side)", 0x607),
        ("5.1", 0x03f),
        ("5.1(side)", 0x60f),
        ("6.1", 0x70f),
        ("7.0", 0x637),
        ("7.1", 0x63f),
    ];
    let (_, mask) = NAMES.iter().find(|(name, _)| layout.name() == Some(name))?;
    Some(*mask).filter(|mask| mask.count_ones() as usize == channels)
}
