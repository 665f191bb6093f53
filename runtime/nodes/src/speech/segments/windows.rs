//! The probabilities that are still to be judged, each with its time from the start of the item. It knows nothing of sound.

use std::collections::VecDeque;

use remotemedia_core::node::NodeError;
use remotemedia_core::value::{DataType, Packet, Value};

/// The probability of speech in a window, which begins and ends so many nanoseconds after the item.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub(super) probability: f32,
    pub(super) start: i64,
    pub(super) end: i64,
}

/// Windows, oldest first.
#[derive(Debug, Default)]
pub(super) struct Windows {
    pub(super) waiting: VecDeque<Window>,
    /// Where the sound of the last window that came as a packet ended.
    end: i64,
    /// The time of the item's start by the packets, once one has said it.
    begin: Option<i64>,
}

const MILLISECOND: f64 = 1e6;
/// A smaller deviation of a packet's time is one of rounding.
const NEAR: i64 = 1_000_000;
/// A packet that begins earlier than this before the end of the last one begins a timeline of its own.
const MOST_LATE: i64 = 1_000_000_000;

impl Windows {
    /// The oldest window, with its times counted from `offset`.
    pub(super) fn front(&self, offset: i64) -> Option<Window> {
        let Window { probability, start, end } = *self.waiting.front()?;
        Some(Window { probability, start: start - offset, end: end - offset })
    }

    /// Takes what `VAD` emits.
    ///
    /// # Errors
    /// If it is something else.
    pub(super) fn take(&mut self, packet: &Packet) -> Result<(), NodeError> {
        let refused = |cause: String| {
            Err(NodeError::new(cause).cure("Connect the output of a VAD node to 'vad'.").at(packet.pts))
        };
        let Value::Map(map) = &packet.value else {
            return refused(format!("'vad' expects a map, got {}", packet.value.kind().name()));
        };
        let tensor = match map.get("probabilities") {
            Some(Value::Tensor(tensor)) if tensor.data_type() == DataType::Float32 && tensor.shape().len() == 1 => {
                tensor
            }
            _ => return refused("'vad' expects 'probabilities', a float32 tensor of one dimension".to_owned()),
        };
        let milliseconds = match map.get("window_ms") {
            Some(Value::Int(milliseconds)) => *milliseconds as f64,
            Some(Value::Float(milliseconds)) => *milliseconds,
            _ => f64::NAN,
        };
        if !(0.1..=60_000.0).contains(&milliseconds) {
            return refused("'vad' expects 'window_ms', a number of milliseconds from 0.1 to 60000".to_owned());
        }
        self.end = self.start_of(packet.pts);
        let length = (milliseconds * MILLISECOND).round() as i64;
        for bytes in tensor.gather().as_chunks().0 {
            let (start, probability) = (self.end, f32::from_le_bytes(*bytes));
            self.end = start.saturating_add(length);
            self.waiting.push_back(Window { probability, start, end: self.end });
        }
        // The last window of a recording is completed by silence, which a timeline that follows does not begin behind.
        let all = length.saturating_mul(tensor.shape()[0] as i64);
        let silence = packet.duration.map_or(0, |duration| all.saturating_sub(duration));
        self.end -= if (0..length).contains(&silence) { silence } else { 0 };
        Ok(())
    }

    /// Where the windows of a packet begin: at its time, else behind the last one.
    fn start_of(&mut self, pts: Option<i64>) -> i64 {
        let Some(pts) = pts else { return self.end };
        let begin = *self.begin.get_or_insert(pts.saturating_sub(self.end));
        let start = pts.saturating_sub(begin);
        if start < self.end.saturating_sub(MOST_LATE) {
            self.begin = Some(pts.saturating_sub(self.end));
            return self.end;
        }
        if start.abs_diff(self.end) <= NEAR.unsigned_abs() { self.end } else { start }
    }
}
