//! Packets, which a graph moves: a value with its place in time and in its stream.

use std::time::Duration;

use super::Value;

/// A value on its way through a graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Packet {
    /// The value.
    pub value: Value,
    /// The start of the value, in nanoseconds from the start of its stream, if it has a place in time.
    pub pts: Option<i64>,
    /// The duration in nanoseconds, if the value has one.
    pub duration: Option<i64>,
    /// The number among the packets that the node emitted in this run, assigned by the scheduler.
    pub seq: u64,
    /// The stream to which the packet belongs; 0 unless the host has several.
    pub stream: u32,
    /// Whether a node has found that its time jumps here, so that it does not follow on the packet before however near it is.
    /// Sources leave that to the nodes behind them.
    pub discontinuity: bool,
}

/// Exact conversions between counts of frames and nanoseconds.
#[derive(Clone, Copy, Debug)]
pub struct MediaTime;

impl Packet {
    /// A packet of a value. Audio and pictures bring their own time.
    pub fn new(value: Value) -> Self {
        let (pts, duration) = match &value {
            Value::Audio(audio) => (audio.pts, Some(audio.duration())),
            Value::Video(video) => (video.pts, None),
            _ => (None, None),
        };
        Self { value, pts, duration, seq: 0, stream: 0, discontinuity: false }
    }

    /// Whether a time can jump at it: sound without frames stands nowhere.
    pub(crate) fn can_jump(&self) -> bool {
        !matches!(&self.value, Value::Audio(audio) if audio.frames() == 0)
    }

    /// The same packet at this time.
    #[must_use]
    pub fn at(mut self, pts: Option<i64>, duration: Option<i64>) -> Self {
        self.pts = pts;
        self.duration = duration;
        self
    }

    /// The same packet, whose time is also that of its value where media have none of their own.
    #[must_use]
    pub(crate) fn with_own_time(mut self) -> Self {
        match &mut self.value {
            Value::Audio(audio) => audio.pts = audio.pts.or(self.pts),
            Value::Video(video) => video.pts = video.pts.or(self.pts),
            _ => {}
        }
        self
    }

    /// The same packet so much later, as the value has it too; one without a time stays so.
    #[must_use]
    pub fn later(mut self, delay: Duration) -> Self {
        let delay = i64::try_from(delay.as_nanos()).unwrap_or(i64::MAX);
        let shift = |pts: Option<i64>| pts.map(|pts| pts.saturating_add(delay));
        self.pts = shift(self.pts);
        match &mut self.value {
            Value::Audio(audio) => audio.pts = shift(audio.pts),
            Value::Video(video) => video.pts = shift(video.pts),
            _ => {}
        }
        self
    }
}

impl MediaTime {
    /// The time of `frames` at `rate`, in nanoseconds, rounded to nearest. Add it to an origin; never accumulate it.
    pub fn of_frames(frames: u64, rate: u32) -> i64 {
        let rate = u128::from(rate.max(1));
        let nanoseconds = (u128::from(frames) * 1_000_000_000 + rate / 2) / rate;
        i64::try_from(nanoseconds).unwrap_or(i64::MAX)
    }

    /// The whole number of frames at `rate` that is nearest to `nanoseconds`.
    pub fn to_frames(nanoseconds: u64, rate: u32) -> u64 {
        let frames = (u128::from(nanoseconds) * u128::from(rate) + 500_000_000) / 1_000_000_000;
        u64::try_from(frames).unwrap_or(u64::MAX)
    }
}

impl From<Value> for Packet {
    fn from(value: Value) -> Self {
        Self::new(value)
    }
}
