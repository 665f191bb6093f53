//! The head of a frame (ISO/IEC 11172-3, 2.4.1.3), as far as it says how the frame is coded.

use super::block::SIZE;

/// The version of MPEG that a frame follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    One,
    Two,
    /// With the lowest rates, which no standard has.
    TwoAndHalf,
}

/// What the head of a frame says of its sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    pub(crate) version: Version,
    /// The number of the rate within its version.
    rate: u8,
    mode: u8,
    extension: u8,
    has_checksum: bool,
}

impl Head {
    /// The head that a frame of layer III begins with.
    pub fn read(frame: &[u8]) -> Option<Self> {
        let [0xff, second, third, fourth, ..] = *frame else { return None };
        let version = match second >> 3 & 3 {
            3 => Version::One,
            2 => Version::Two,
            0 => Version::TwoAndHalf,
            _ => return None,
        };
        let rate = third >> 2 & 3;
        let is_layer_3 = second & 0xe6 == 0xe2;
        (is_layer_3 && rate < 3).then_some(Self {
            version,
            rate,
            mode: fourth >> 6,
            extension: fourth >> 4 & 3,
            has_checksum: second & 1 == 0,
        })
    }

    /// Frames of sound in a second.
    pub fn rate(&self) -> u32 {
        let rate = [44_100, 48_000, 32_000][usize::from(self.rate)];
        match self.version {
            Version::One => rate,
            Version::Two => rate / 2,
            Version::TwoAndHalf => rate / 4,
        }
    }

    /// 1 or 2.
    pub fn channels(&self) -> usize {
        if self.mode == 3 { 1 } else { 2 }
    }

    /// Frames of sound in the frame: 1152 in MPEG-1, 576 in the others.
    pub fn frames(&self) -> usize {
        SIZE * self.granules()
    }

    /// Whether frames with these heads can follow on each other in one stream: of the same rate and as many channels.
    pub fn is_like(&self, other: &Self) -> bool {
        (self.version, self.rate, self.channels()) == (other.version, other.rate, other.channels())
    }

    pub(crate) fn granules(&self) -> usize {
        if self.version == Version::One { 2 } else { 1 }
    }

    /// The number of the rate among those of all versions, as tables of bands have them.
    pub(crate) fn rate_index(&self) -> usize {
        3 * self.version as usize + usize::from(self.rate)
    }

    pub(crate) fn has_mid_side(&self) -> bool {
        self.mode == 1 && self.extension & 2 != 0
    }

    pub(crate) fn has_intensity(&self) -> bool {
        self.mode == 1 && self.extension & 1 != 0
    }

    /// The bytes of the head, its checksum included.
    pub fn head_len(&self) -> usize {
        if self.has_checksum { 6 } else { 4 }
    }

    /// The bytes of the side information, which comes next; after it main data begins.
    pub fn side_len(&self) -> usize {
        match (self.version, self.channels()) {
            (Version::One, 1) => 17,
            (Version::One, _) => 32,
            (_, 1) => 9,
            (_, _) => 17,
        }
    }
}
