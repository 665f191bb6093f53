//! The faults that a meter finds, and their changes: when each began, when it ended, and how bad it was. The one place that
//! turns windows into changes; it knows nothing of what is measured.

use std::collections::VecDeque;
use std::sync::Arc;

use remotemedia_core::node::{Field, Shape, field_names};
use remotemedia_core::value::{Packet, Value};

/// A fault in one window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Finding {
    /// The word for the fault, the same in all monitors.
    pub(crate) fault: &'static str,
    /// The field that shows how bad it is, its value in this window, and what is worse.
    pub(crate) measure: &'static str,
    pub(crate) value: f64,
    pub(crate) worse: Worse,
    /// How long the fault has lasted at the end of the window, in nanoseconds, if it was found late. Else it begins with
    /// the window.
    pub(crate) lasted: Option<i64>,
    /// How long before the end of the window the fault ended, in nanoseconds; 0 if it is still there.
    pub(crate) ended: i64,
}

/// Which of two values is the worse one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Worse {
    Higher,
    Lower,
    /// The one that is farther from 0.
    Farther,
}

/// Follows faults from window to window, and emits a map for each change.
#[derive(Debug)]
pub(crate) struct Changes {
    /// How long a fault has to be gone, in nanoseconds.
    hold: i64,
    /// The faults that have begun and not ended, in the order in which they began.
    open: Vec<Open>,
    /// What is to be emitted.
    emitted: VecDeque<Packet>,
    /// Where the last window ended, and since when windows have followed on one another.
    now: i64,
    unbroken_since: i64,
    keys: Vec<Arc<str>>,
}

/// A fault that has begun.
#[derive(Debug)]
struct Open {
    start: i64,
    /// Its end in the last window that had it.
    end: i64,
    /// The worst finding.
    worst: Finding,
}

/// A window follows on the one before if its begin is no farther than this from the other's end, in nanoseconds. One that
/// begins still earlier stands on a timeline of its own.
const JITTER: i64 = 20_000_000;

/// The maps of changes.
pub(crate) const FIELDS: &[Field] = &[
    ("type", Shape::TEXT),
    ("fault", Shape::TEXT),
    ("start_s", Shape::FLOAT),
    ("end_s", Shape::FLOAT),
    ("worst", Shape::FLOAT),
    ("measure", Shape::TEXT),
];

/// The default of the param `hold_ms` of all monitors.
pub(crate) fn default_hold_ms() -> u32 {
    1_000
}

impl Changes {
    /// What the params `changes_only` and `hold_ms` ask for.
    pub(crate) fn new(changes_only: bool, hold_ms: u32) -> Option<Self> {
        changes_only.then(|| Self {
            hold: i64::from(hold_ms) * 1_000_000,
            open: Vec::new(),
            emitted: VecDeque::new(),
            now: i64::MIN,
            unbroken_since: i64::MIN,
            keys: field_names(FIELDS),
        })
    }

    /// Takes what was found in the window from `begin` to `end`.
    pub(crate) fn add(&mut self, begin: i64, end: i64, findings: &[Finding]) {
        let ahead = begin.saturating_sub(self.now);
        if ahead < -JITTER {
            self.finish();
        }
        if ahead.saturating_abs() > JITTER {
            self.unbroken_since = begin;
        }
        self.now = end;
        let hold = self.hold;
        self.close(|open| {
            let is_found = findings.iter().any(|finding| finding.fault == open.worst.fault);
            // In a gap there is nothing to be found, so a fault that is still there behind it has to be gone for longer.
            if is_found { begin.saturating_sub(open.end) > hold } else { end.saturating_sub(open.end) >= hold }
        });
        for finding in findings {
            if let Some(open) = self.open.iter_mut().find(|open| open.worst.fault == finding.fault) {
                open.end = end.saturating_sub(finding.ended);
                if finding.is_worse_than(&open.worst) {
                    open.worst = *finding;
                }
                continue;
            }
            // What lasted longer was before a gap.
            let since = |lasted| end.saturating_sub(lasted).clamp(self.unbroken_since.min(begin), begin);
            let start = finding.lasted.map_or(begin, since);
            let open = Open { start, end: end.saturating_sub(finding.ended), worst: *finding };
            self.emitted.push_back(self.map(&open, false));
            self.open.push(open);
        }
    }

    /// Ends the item, and all faults with it.
    pub(crate) fn finish(&mut self) {
        self.close(|_| true);
        self.now = i64::MIN;
    }

    /// Whether there is something to emit.
    pub(crate) fn is_pending(&self) -> bool {
        !self.emitted.is_empty()
    }

    /// The next change.
    pub(crate) fn take(&mut self) -> Option<Packet> {
        self.emitted.pop_front()
    }

    /// Ends the faults for which `is_over` holds.
    fn close(&mut self, is_over: impl Fn(&Open) -> bool) {
        let (mut over, open): (Vec<Open>, Vec<Open>) = std::mem::take(&mut self.open).into_iter().partition(is_over);
        self.open = open;
        over.sort_by_key(|open| open.end);
        for open in over {
            let packet = self.map(&open, true);
            self.emitted.push_back(packet);
        }
    }

    fn map(&self, open: &Open, is_end: bool) -> Packet {
        let seconds = |nanoseconds: i64| Value::Float(nanoseconds as f64 / 1e9);
        let values = [
            Value::text(if is_end { "end" } else { "start" }),
            Value::text(open.worst.fault),
            seconds(open.start),
            if is_end { seconds(open.end) } else { Value::Null },
            Value::Float(open.worst.value),
            Value::text(open.worst.measure),
        ];
        let at = if is_end { open.end } else { open.start };
        Packet::new(Value::map(self.keys.iter().cloned().zip(values))).at(Some(at), None)
    }
}

impl Finding {
    fn is_worse_than(&self, other: &Self) -> bool {
        match self.worse {
            Worse::Higher => self.value > other.value,
            Worse::Lower => self.value < other.value,
            Worse::Farther => self.value.abs() > other.value.abs(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    fn finding(value: f64) -> Finding {
        Finding { fault: "hum", measure: "hum_db", value, worse: Worse::Higher, lasted: None, ended: 0 }
    }

    /// Windows of 100 ms with the values found in them; what is emitted, as type, start, end in milliseconds and worst value.
    fn changes(hold_ms: u32, windows: &[Option<f64>]) -> Vec<(String, i64, Option<i64>, f64)> {
        let mut changes = Changes::new(true, hold_ms).expect("asked for");
        for (begin, found) in (0..).map(|window| window * 100 * MS).zip(windows) {
            changes.add(begin, begin + 100 * MS, found.map(finding).as_slice());
        }
        changes.finish();
        taken(&mut changes)
    }

    fn taken(changes: &mut Changes) -> Vec<(String, i64, Option<i64>, f64)> {
        let mut taken = Vec::new();
        while let Some(packet) = changes.take() {
            let Value::Map(map) = packet.value else { panic!("a map") };
            let milliseconds = |key: &str| match map[key] {
                Value::Float(seconds) => Some((seconds * 1e3).round() as i64),
                _ => None,
            };
            let (Value::Str(kind), Value::Float(worst)) = (&map["type"], &map["worst"]) else { panic!("{map:?}") };
            taken.push((kind.to_string(), milliseconds("start_s").expect("a start"), milliseconds("end_s"), *worst));
        }
        taken
    }

    fn start(at: i64, worst: f64) -> (String, i64, Option<i64>, f64) {
        ("start".to_owned(), at, None, worst)
    }

    fn end(start: i64, end: i64, worst: f64) -> (String, i64, Option<i64>, f64) {
        ("end".to_owned(), start, Some(end), worst)
    }

    #[test]
    fn a_fault_that_comes_and_goes_within_the_hold_time_is_one() {
        let windows = [None, Some(1.0), None, Some(3.0), None, None, Some(2.0), None, None, None];
        assert_eq!(changes(300, &windows), [start(100, 1.0), end(100, 700, 3.0)]);
        let in_two = [start(100, 1.0), end(100, 400, 3.0), start(600, 2.0), end(600, 700, 2.0)];
        assert_eq!(changes(200, &windows), in_two);
        assert_eq!(changes(0, &windows).len(), 6);
        assert_eq!(changes(100, &windows).len(), 6);
    }

    #[test]
    fn a_fault_ends_with_the_item_if_not_before() {
        assert_eq!(changes(1_000, &[Some(1.0), Some(0.5)]), [start(0, 1.0), end(0, 200, 1.0)]);
        assert_eq!(changes(1_000, &[Some(1.0), None]), [start(0, 1.0), end(0, 100, 1.0)]);
        assert_eq!(changes(1_000, &[None, None]), []);
    }

    #[test]
    fn a_gap_longer_than_the_hold_time_and_a_timeline_that_begins_anew_end_a_fault() {
        for (begin, is_one) in [(100, true), (600, true), (601, false), (90, true), (70, false), (-5_000, false)] {
            let mut changes = Changes::new(true, 500).expect("asked for");
            changes.add(0, 100 * MS, &[finding(1.0)]);
            changes.add(begin * MS, (begin + 100) * MS, &[finding(1.0)]);
            assert_eq!(taken(&mut changes).len() == 1, is_one, "{begin} ms");
        }
    }

    #[test]
    fn what_was_found_late_is_dated_back() {
        let mut changes = Changes::new(true, 0).expect("asked for");
        changes.add(500 * MS, 600 * MS, &[Finding { lasted: Some(480 * MS), ..finding(1.0) }]);
        assert_eq!(taken(&mut changes), [start(500, 1.0)], "not to a time that nothing is known of");
        let mut changes = Changes::new(true, 0).expect("asked for");
        for window in 0..6 {
            let late = Finding { lasted: Some(480 * MS), ..finding(1.0) };
            changes.add(
                window * 100 * MS,
                (window + 1) * 100 * MS,
                if window == 5 { std::slice::from_ref(&late) } else { &[] },
            );
        }
        assert_eq!(taken(&mut changes), [start(120, 1.0)]);
    }

    #[test]
    fn what_ended_within_a_window_ends_there() {
        let mut changes = Changes::new(true, 300).expect("asked for");
        let windows = [Some(finding(1.0)), Some(Finding { ended: 70 * MS, ..finding(2.0) }), None, None, None];
        for (begin, found) in (0..).map(|window| window * 100 * MS).zip(windows) {
            changes.add(begin, begin + 100 * MS, found.as_slice());
        }
        assert_eq!(taken(&mut changes), [start(0, 1.0), end(0, 130, 2.0)]);
    }

    #[test]
    fn what_is_worse_is_up_to_the_measure() {
        for (worse, values, worst) in [
            (Worse::Higher, [1.0, 3.0, -5.0], 3.0),
            (Worse::Lower, [1.0, 3.0, -5.0], -5.0),
            (Worse::Farther, [1.0, -5.0, 4.0], -5.0),
        ] {
            let mut changes = Changes::new(true, 0).expect("asked for");
            for (window, value) in (0..).zip(values) {
                changes.add(window * MS, (window + 1) * MS, &[Finding { worse, ..finding(value) }]);
            }
            changes.finish();
            assert_eq!(taken(&mut changes)[1].3, worst, "{worse:?}");
        }
    }
}
