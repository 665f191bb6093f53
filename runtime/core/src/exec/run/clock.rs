//! The time of a run: that of the machine, or one that stands still until the next packet arrives.
//!
//! The time of a virtual run is what has arrived. A packet arrives when it has sounded, at `pts + duration`; one without a
//! `pts` follows what came before it. Before it is let in, the run comes to rest, the alarms that are due before it ring
//! in their order, and time moves on to it. Once nothing more comes, the alarms that are left ring whenever the run is at
//! rest. So nothing waits for a machine, and what a run does depends on what it is fed with alone.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::{Alarm, Phase, Ready, Run, Sinks, State};
use crate::lock::Lock;
use crate::value::Packet;

/// Where a run looks for the time.
pub(super) enum Clock {
    Real,
    Virtual(Box<VirtualTime>),
}

/// A time that moves when it is told to.
pub(super) struct VirtualTime {
    begin: Instant,
    passed_ns: AtomicU64,
    ahead: Lock<Ahead>,
}

#[derive(Default)]
struct Ahead {
    /// By their time, and by their number where that is the same.
    alarms: BTreeMap<(Instant, u64), Alarm>,
    next_number: u64,
    /// The `pts` that stands for the beginning: the first packet begins now, wherever its stream counts from.
    origin: Option<i64>,
}

impl Clock {
    /// A virtual one, which begins now.
    pub(super) fn still() -> Self {
        Self::Virtual(Box::new(VirtualTime {
            begin: Instant::now(),
            passed_ns: AtomicU64::new(0),
            ahead: Lock::default(),
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

    /// Never back: what comes too late comes now.
    fn move_to(&self, at: Instant) {
        let passed = u64::try_from(at.saturating_duration_since(self.begin).as_nanos()).unwrap_or(u64::MAX);
        self.passed_ns.fetch_max(passed, Ordering::AcqRel);
    }

    pub(super) fn set(&self, at: Instant, alarm: Alarm) {
        let mut ahead = self.ahead.lock();
        let number = ahead.next_number;
        ahead.next_number += 1;
        ahead.alarms.insert((at, number), alarm);
    }

    /// When a packet arrives.
    fn arrival(&self, packet: &Packet) -> Instant {
        let passed = i64::try_from(self.passed_ns.load(Ordering::Acquire)).unwrap_or(i64::MAX);
        let begin = match packet.pts {
            None => passed,
            Some(pts) => {
                let origin = *self.ahead.lock().origin.get_or_insert(pts.saturating_sub(passed));
                pts.saturating_sub(origin)
            }
        };
        let end = begin.saturating_add(packet.duration.unwrap_or(0).max(0)).max(passed);
        self.begin + Duration::from_nanos(end.unsigned_abs())
    }

    /// The next alarm, if it is due by `until`; time moves on to it.
    fn next(&self, until: Option<Instant>) -> Option<Alarm> {
        let mut ahead = self.ahead.lock();
        let entry = ahead.alarms.first_entry()?;
        let at = entry.key().0;
        if until.is_some_and(|until| at > until) {
            return None;
        }
        let alarm = entry.remove();
        drop(ahead);
        self.move_to(at);
        Some(alarm)
    }
}

impl Run {
    /// Lets time pass until a packet arrives. Answers whether it is that time: if not, the run has to come to rest first.
    pub(super) fn await_arrival(self: &Arc<Self>, state: &mut State, packet: &Packet, ready: &mut Ready) -> bool {
        let Clock::Virtual(time) = &self.clock else { return true };
        if !self.is_at_rest(state) {
            return false;
        }
        let arrival = time.arrival(packet);
        if !self.ring_until(state, Some(arrival), ready) {
            return false;
        }
        time.move_to(arrival);
        true
    }

    /// Called wherever a run may have come to rest: lets time pass if nothing else can go on, and tells whoever waits
    /// for that.
    pub(super) fn keep_time(self: &Arc<Self>, state: &mut State, ready: &mut Ready) {
        let Clock::Virtual(_) = &self.clock else { return };
        let Some(feed) = state.feed.as_deref() else { return };
        if feed.is_finished() {
            self.ring_until(state, None, ready);
        } else if feed.is_awaited() {
            self.make_room(state, ready);
            self.tell_of_room(state);
        }
    }

    /// Rings alarms, however far ahead, until there is room for a packet that nothing else would make.
    pub(super) fn make_room(self: &Arc<Self>, state: &mut State, ready: &mut Ready) {
        let Clock::Virtual(time) = &self.clock else { return };
        while self.is_at_rest(state) && !self.has_entry_room(state) {
            match time.next(None) {
                Some(alarm) => self.ring_in(state, alarm, ready),
                None => return,
            }
        }
    }

    /// Rings the alarms that are due, as long as the run is at rest. Answers whether it still is.
    fn ring_until(self: &Arc<Self>, state: &mut State, until: Option<Instant>, ready: &mut Ready) -> bool {
        let Clock::Virtual(time) = &self.clock else { return true };
        while self.is_at_rest(state) {
            match time.next(until) {
                Some(alarm) => self.ring_in(state, alarm, ready),
                None => return true,
            }
        }
        false
    }

    /// Whether only the next packet, or virtual time, can let anything go on: no stage is at work or about to be, the host has
    /// answered all calls, and nobody has to read first.
    pub(super) fn is_at_rest(&self, state: &State) -> bool {
        let (Clock::Virtual(_), Sinks::Live(outlets)) = (&self.clock, &state.sinks) else { return false };
        state.phase == Phase::Active
            && state.active == 0
            && state.open > 0
            && state.stages.iter().all(|stage| !stage.exchange.is_calling())
            && self.graph.stages.iter().all(|stage| stage.sink.is_none_or(|sink| outlets.has_credit(sink)))
    }

    /// Whether time is no reason not to let a packet in.
    pub(super) fn is_timely(&self, state: &State) -> bool {
        matches!(self.clock, Clock::Real) || self.is_at_rest(state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;

    #[test]
    fn a_packet_arrives_when_it_has_sounded_counted_from_the_first() {
        let Clock::Virtual(time) = Clock::still() else { panic!("it is virtual") };
        let arrive = |pts, duration| {
            let arrival = time.arrival(&Packet::new(Value::Null).at(pts, duration));
            time.move_to(arrival);
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
    fn alarms_ring_by_their_time_and_then_in_their_order() {
        let Clock::Virtual(time) = Clock::still() else { panic!("it is virtual") };
        let at = |ns| time.begin + Duration::from_nanos(ns);
        for (ns, stage) in [(30, 0), (10, 1), (30, 2), (20, 3)] {
            time.set(at(ns), Alarm::Wake(stage));
        }
        assert_eq!(time.next(Some(at(9))), None);
        let rung: Vec<_> = std::iter::from_fn(|| time.next(Some(at(30)))).collect();
        assert_eq!(rung, [1, 3, 0, 2].map(Alarm::Wake));
        assert_eq!(time.now(), at(30));
        assert_eq!(time.next(None), None);
    }
}
