//! The clock of a run: the machine's, or a virtual one that stands still until the next packet arrives.
//!
//! Virtual time is the media time that has arrived. A packet arrives at its end, at `pts + duration`; one without a `pts`
//! follows what came before it at the same input. So nothing waits for a machine, and what a run does depends on its input alone.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::timer_event::TimerEvent;
use crate::lock::Lock;
use crate::value::Packet;

/// The clock of a run.
pub(super) enum Clock {
    Real,
    Virtual(Box<VirtualTime>),
}

/// A time that only [`VirtualTime::move_to`] and due timer events move, and the timer events that are still to come.
pub(super) struct VirtualTime {
    begin: Instant,
    passed_ns: AtomicU64,
    pending: Lock<Pending>,
}

/// When a packet arrives, and where it ends in nanoseconds of virtual time: earlier than it arrives, if it is late.
#[derive(Clone, Copy)]
pub(super) struct Arrival {
    pub(super) at: Instant,
    end: i64,
}

#[derive(Default)]
struct Pending {
    /// By their time, and in the order in which they were set where that is the same.
    events: BTreeMap<(Instant, u64), TimerEvent>,
    next_number: u64,
    /// The `pts` at which virtual time began: the first packet begins now, whatever its `pts`.
    origin: Option<i64>,
    /// Where the last packet of each input ended, in nanoseconds of virtual time.
    ends: Vec<i64>,
}

impl Clock {
    /// A virtual clock for so many inputs, which begins now.
    pub(super) fn still(inputs: usize) -> Self {
        Self::Virtual(Box::new(VirtualTime {
            begin: Instant::now(),
            passed_ns: AtomicU64::new(0),
            pending: Lock::new(Pending { ends: vec![0; inputs], ..Pending::default() }),
        }))
    }

    pub(super) fn now(&self) -> Instant {
        match self {
            Self::Real => Instant::now(),
            Self::Virtual(time) => time.now(),
        }
    }
}

impl VirtualTime {
    fn now(&self) -> Instant {
        self.begin + Duration::from_nanos(self.passed_ns.load(Ordering::Acquire))
    }

    /// Moves time forward, and never back: what comes too late comes now.
    pub(super) fn move_to(&self, at: Instant) {
        let passed = u64::try_from(at.saturating_duration_since(self.begin).as_nanos()).unwrap_or(u64::MAX);
        self.passed_ns.fetch_max(passed, Ordering::AcqRel);
    }

    /// Sets a timer event.
    pub(super) fn set(&self, at: Instant, event: TimerEvent) {
        let mut pending = self.pending.lock();
        let number = pending.next_number;
        pending.next_number += 1;
        pending.events.insert((at, number), event);
    }

    /// The time at which a packet arrives at an input.
    pub(super) fn arrival(&self, packet: &Packet, input: usize) -> Arrival {
        let passed = i64::try_from(self.passed_ns.load(Ordering::Acquire)).unwrap_or(i64::MAX);
        let mut pending = self.pending.lock();
        let begin = match packet.pts {
            // No other input has moved time on.
            None if pending.ends.len() < 2 => passed,
            None => pending.ends[input],
            Some(pts) => {
                let origin = *pending.origin.get_or_insert(pts.saturating_sub(passed));
                pts.saturating_sub(origin)
            }
        };
        let end = begin.saturating_add(packet.duration.unwrap_or(0).max(0));
        Arrival { at: self.begin + Duration::from_nanos(end.max(passed).unsigned_abs()), end }
    }

    /// A packet has arrived at an input.
    pub(super) fn arrive(&self, Arrival { at, end }: Arrival, input: usize) {
        self.move_to(at);
        self.pending.lock().ends[input] = end;
    }

    /// Takes the next timer event, if it is due by `until`; time moves on to it.
    pub(super) fn next(&self, until: Option<Instant>) -> Option<TimerEvent> {
        let mut pending = self.pending.lock();
        let entry = pending.events.first_entry()?;
        let at = entry.key().0;
        if until.is_some_and(|until| at > until) {
            return None;
        }
        let event = entry.remove();
        drop(pending);
        self.move_to(at);
        Some(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;

    #[test]
    fn a_packet_arrives_at_its_end_counted_from_the_first() {
        let Clock::Virtual(time) = Clock::still(1) else { panic!("it is virtual") };
        let arrive = |pts, duration| {
            let arrival = time.arrival(&Packet::new(Value::Null).at(pts, duration), 0);
            time.arrive(arrival, 0);
            (time.now() - time.begin).as_nanos()
        };
        assert_eq!(arrive(None, Some(5)), 5, "without a time it follows what came before");
        assert_eq!(arrive(Some(1_000_000), Some(20)), 25, "the stream begins now");
        assert_eq!(arrive(Some(1_000_020), Some(20)), 45);
        assert_eq!(arrive(None, Some(5)), 50);
        assert_eq!(arrive(Some(1_000_000), Some(1)), 50, "what is late comes now");
        assert_eq!(arrive(Some(1_000_100), None), 105);
        assert_eq!(arrive(Some(i64::MAX), Some(i64::MAX)), i64::MAX as u128);
    }

    #[test]
    fn a_packet_without_a_time_follows_the_one_before_it_at_its_input() {
        let Clock::Virtual(time) = Clock::still(2) else { panic!("it is virtual") };
        let arrive = |input, pts, duration| {
            let arrival = time.arrival(&Packet::new(Value::Null).at(pts, Some(duration)), input);
            time.arrive(arrival, input);
            (time.now() - time.begin).as_nanos()
        };
        assert_eq!([arrive(0, None, 20), arrive(1, None, 20)], [20, 20], "they come at the same time");
        assert_eq!([arrive(0, None, 20), arrive(0, None, 20)], [40, 60]);
        assert_eq!([arrive(1, None, 5), arrive(1, Some(1000), 70)], [60, 130], "what is late comes now");
    }

    #[test]
    fn timer_events_fire_by_their_time_and_then_in_their_order() {
        let Clock::Virtual(time) = Clock::still(1) else { panic!("it is virtual") };
        let at = |ns| time.begin + Duration::from_nanos(ns);
        for (ns, stage) in [(30, 0), (10, 1), (30, 2), (20, 3)] {
            time.set(at(ns), TimerEvent::Wake(stage));
        }
        assert_eq!(time.next(Some(at(9))), None);
        let fired: Vec<_> = std::iter::from_fn(|| time.next(Some(at(30)))).collect();
        assert_eq!(fired, [1, 3, 0, 2].map(TimerEvent::Wake));
        assert_eq!(time.now(), at(30));
        assert_eq!(time.next(None), None);
    }
}
