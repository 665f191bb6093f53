//! The progress of a run: how many items it has processed, and how much media has come out of it.

use crate::value::Packet;

/// The progress of a piece of work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// How many inputs are done; for a session, how many of the sent packets its first nodes have taken.
    pub items: u64,
    /// How much media has come out, in nanoseconds; `None` if no output has a time.
    pub media: Option<i64>,
}

/// How much media has reached an output: of each item from its first packet to the end of its last one.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::exec) struct MediaLength {
    /// The length of the items before this one.
    before: i64,
    item: u64,
    /// Begin and end of this item so far.
    span: Option<(i64, i64)>,
}

impl MediaLength {
    /// Adds a packet; items come in their order.
    pub(in crate::exec) fn note(&mut self, item: u64, packet: &Packet) {
        let (Some(pts), Some(duration)) = (packet.pts, packet.duration) else { return };
        if item != self.item {
            *self = Self { before: self.total().unwrap_or(0), item, span: None };
        }
        let end = pts.saturating_add(duration.max(0));
        self.span = Some(self.span.map_or((pts, end), |(begin, until)| (begin.min(pts), until.max(end))));
    }

    /// The length of all items; `None` if no packet had a time.
    pub(in crate::exec) fn total(&self) -> Option<i64> {
        let here = self.span.map(|(begin, end)| end.saturating_sub(begin));
        here.map(|here| self.before.saturating_add(here)).or((self.before > 0).then_some(self.before))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;

    #[test]
    fn the_length_of_each_item_counts_once() {
        let mut length = MediaLength::default();
        assert_eq!(length.total(), None);
        let mut note = |item, pts, duration| {
            length.note(item, &Packet::new(Value::Null).at(pts, duration));
            length.total()
        };
        assert_eq!(note(0, Some(1000), None), None);
        assert_eq!(note(0, Some(1000), Some(20)), Some(20));
        assert_eq!(note(0, Some(1010), Some(20)), Some(30), "windows that overlap");
        assert_eq!(note(3, Some(0), Some(5)), Some(35));
        assert_eq!(note(4, Some(i64::MAX), Some(i64::MAX)), Some(35));
    }
}
