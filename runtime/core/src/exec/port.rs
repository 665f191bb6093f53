//! Where a host learns what happened: a queue of events that it drains, with a bell that a loop can watch.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, MutexGuard, Weak};
use std::time::{Duration, Instant};

use super::completion::{Completion, RunError};
use super::delays;
use super::durations::{Durations, Noted};
use super::host_call::{Backpressure, HostCall, Reply, ReplyError};
use super::progress::Progress;
use super::run::Run;
use super::runtime::SubmitError;
use crate::lock::Monitor;

/// Something that the host should know.
#[derive(Debug)]
pub enum Event {
    /// A piece of work ended.
    Completed {
        /// The host's number for it.
        token: u64,
        /// How.
        completion: Completion,
    },
    /// Packets for nodes of the host.
    Call(HostCall),
    /// There is room again behind a call whose answer in parts was told to wait.
    Resume {
        /// The number of the call.
        call: u64,
    },
    /// A call that the host has received was cancelled before its reply, because its session was interrupted.
    CallCancelled {
        /// The number of the call.
        call: u64,
    },
    /// A node has dropped what it failed at; told of the errors that the completion will have.
    Skipped {
        /// The host's number for the piece of work.
        token: u64,
        /// The error.
        error: RunError,
        /// Whether it is the first of its node in this piece of work.
        is_first: bool,
    },
    /// A session that refused packets has room again.
    Room {
        /// The host's number for it.
        token: u64,
    },
    /// A session that had no outputs has some, or has ended.
    Outputs {
        /// The host's number for it.
        token: u64,
    },
}

/// What one drain of a port hands out.
#[derive(Debug)]
pub struct Batch {
    /// The events, oldest first.
    pub events: Vec<Event>,
    /// The port is closed and will never hand out anything again.
    pub is_closed: bool,
}

/// Wakes an event loop when a port has events, such as by a file descriptor that becomes readable.
pub trait Notifier: Send + Sync {
    /// The port has events. Called while no lock of this crate is held.
    fn notify(&self);

    /// The port is empty.
    fn clear(&self);
}

/// Rings when it is dropped, which is to be where no lock is held: whoever it wakes may have the same core and want the
/// same lock, and would have to wait for the thread that it keeps from going on.
pub(super) struct Ring {
    port: Port,
    /// Nobody has rung since the port was last empty.
    is_due: bool,
}

/// A place where events arrive. Clones are the same port.
#[derive(Clone)]
pub struct Port(Arc<Shared>);

struct Shared {
    state: Monitor<State>,
    notifier: Option<Box<dyn Notifier>>,
    /// How long the oldest event waited, at each drain that found one.
    lag: Durations,
}

#[derive(Default)]
struct State {
    events: VecDeque<Event>,
    jobs: HashMap<u64, Arc<Run>>,
    calls: HashMap<u64, PendingCall>,
    /// Since when the first of these events is there, or the first one after the last drain.
    waits_since: Option<Instant>,
    is_ringing: bool,
    is_closed: bool,
    is_woken: bool,
}

/// A call that the host has not answered to the end.
struct PendingCall {
    run: Weak<Run>,
    stage: usize,
    entries: usize,
    /// How many outputs the last of its nodes has.
    ports: usize,
    nodes: usize,
    /// The last entry that was answered; answers never go back behind it.
    answered: usize,
}

impl Port {
    /// The most events that one drain hands out, so that a flood of small results can't hold a loop for long.
    pub const MOST_EVENTS: usize = 256;

    /// An open port. Without a notifier it can only be waited on.
    pub fn new(notifier: Option<Box<dyn Notifier>>) -> Self {
        Self(Arc::new(Shared { state: Monitor::default(), notifier, lag: Durations::new() }))
    }

    /// Takes what is there; waits at most `timeout` for the first event, for ever if there is none.
    ///
    /// The batch is empty if nothing came in time, if [`Port::wake`] was called, or if the port is closed.
    pub fn next(&self, timeout: Option<Duration>) -> Batch {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        delays::pause();
        let is_there = |state: &State| !state.events.is_empty() || state.is_closed || state.is_woken;
        let mut state = self.0.state.wait_for(self.0.state.lock(), deadline, is_there);
        state.is_woken = false;
        let count = state.events.len().min(Self::MOST_EVENTS);
        let events = state.events.drain(..count).collect();
        if let Some(since) = state.waits_since.take() {
            self.0.lag.note(since.elapsed());
        }
        // Who finds nothing was woken by a ring that came after its event had been taken, or was not woken by one.
        if state.events.is_empty() && !state.is_closed && (std::mem::take(&mut state.is_ringing) || count == 0) {
            self.0.clear();
        }
        if !state.events.is_empty() {
            // Somebody else may wait here too, whose wake-up this drain has used.
            self.0.state.notify_one();
        }
        let is_closed = state.is_closed && state.events.is_empty();
        Batch { events, is_closed }
    }

    /// Makes one waiting [`Port::next`] return now, or the next one return without waiting, and notifies the event loop.
    pub fn wake(&self) {
        let mut state = self.0.state.lock();
        state.is_woken = true;
        let ring = self.announce(&mut state);
        drop(state);
        drop(ring);
    }

    /// Cancels the piece of work with this number. Answers whether it was still going on.
    pub fn cancel(&self, token: u64) -> bool {
        let run = self.0.state.lock().jobs.get(&token).cloned();
        run.is_some_and(|run| run.cancel())
    }

    /// How far the piece of work with this number is; `None` if it has ended.
    pub fn progress(&self, token: u64) -> Option<Progress> {
        let run = self.0.state.lock().jobs.get(&token).cloned();
        run.and_then(|run| run.progress())
    }

    /// Takes the host's answer to a call, and says whether the next part of it may be made at once.
    ///
    /// # Errors
    /// If the call is over, or the answer names a packet or node that it does not have.
    pub fn reply(&self, call: u64, reply: Reply) -> Result<Backpressure, ReplyError> {
        self.take_reply(call, reply, false).map(|(flow, _)| flow)
    }

    /// Does what [`Self::reply`] does, and answers the next call to the same nodes too, if that is there already: it is to
    /// be answered like any, and no event tells of it.
    ///
    /// # Errors
    /// As [`Self::reply`].
    pub fn reply_for_next(&self, call: u64, reply: Reply) -> Result<(Backpressure, Option<HostCall>), ReplyError> {
        self.take_reply(call, reply, true)
    }

    fn take_reply(
        &self,
        call: u64,
        reply: Reply,
        wants_next: bool,
    ) -> Result<(Backpressure, Option<HostCall>), ReplyError> {
        let (run, stage) = {
            let mut state = self.0.state.lock();
            let pending = state.calls.get_mut(&call).ok_or(ReplyError::Gone { call })?;
            pending.answered = reply.check(pending.entries, pending.ports, pending.nodes, pending.answered)?;
            let target = (pending.run.upgrade().ok_or(ReplyError::Gone { call })?, pending.stage);
            if reply.is_last() {
                state.calls.remove(&call);
            }
            target
        };
        // The call may be interrupted here.
        delays::pause();
        run.take_reply(stage, call, reply, wants_next)
    }

    /// Closes the port: cancels its work, drops what nobody fetched and wakes everybody who waits.
    pub fn close(&self) {
        let jobs = {
            let mut state = self.0.state.lock();
            state.is_closed = true;
            state.calls.clear();
            state.jobs.drain().map(|(_, run)| run).collect::<Vec<_>>()
        };
        for run in jobs {
            run.cancel();
        }
        let mut state = self.0.state.lock();
        let unfetched = std::mem::take(&mut state.events);
        let ring = self.announce(&mut state);
        drop(state);
        drop((unfetched, ring));
        self.0.state.notify_all();
    }

    /// Ends the port after what is already there has been fetched.
    pub(super) fn shut_down(&self) {
        let mut state = self.0.state.lock();
        state.is_closed = true;
        state.calls.clear();
        let ring = self.announce(&mut state);
        drop(state);
        drop(ring);
        self.0.state.notify_all();
    }

    /// Whether nothing will ever arrive here again.
    pub fn is_closed(&self) -> bool {
        self.0.state.lock().is_closed
    }

    /// Whether nothing will ever be handed out here again.
    pub fn is_over(&self) -> bool {
        let state = self.0.state.lock();
        state.is_closed && state.events.is_empty()
    }

    pub(super) fn post_completion(&self, token: u64, completion: Completion) -> Ring {
        let mut state = self.0.state.lock();
        // Dropped behind the lock, which `post_in` gives back.
        let _job = state.jobs.remove(&token);
        self.post_in(state, Event::Completed { token, completion })
    }

    /// Puts an event in line, to be rung for; a closed port drops it.
    pub(super) fn post(&self, event: Event) -> Ring {
        self.post_in(self.0.state.lock(), event)
    }

    fn post_in(&self, mut state: MutexGuard<'_, State>, event: Event) -> Ring {
        if state.is_closed {
            drop(state);
            return Ring { port: self.clone(), is_due: false };
        }
        if state.waits_since.is_none() {
            state.waits_since = Some(Instant::now());
        }
        state.events.push_back(event);
        self.announce(&mut state)
    }

    /// Takes answers to a call from now on.
    pub(super) fn expect_reply(&self, call: &HostCall, run: Weak<Run>, stage: usize) {
        let (entries, ports, nodes) = (call.entries.len(), call.ports, call.nodes.len());
        let pending = PendingCall { run, stage, entries, ports, nodes, answered: 0 };
        self.0.state.lock().calls.insert(call.id, pending);
    }

    /// Takes no more answers to a call. Answers whether one was still to come, and the event of the call if that was not
    /// handed out: to be dropped where no lock is held, since that may give the host's memory back.
    pub(super) fn forget_call(&self, call: u64) -> (bool, Option<Event>) {
        let mut state = self.0.state.lock();
        let was_open = state.calls.remove(&call).is_some();
        let is_it = |event: &Event| matches!(event, Event::Call(its) if its.id == call);
        let place = state.events.iter().position(is_it);
        (was_open, place.and_then(|place| state.events.remove(place)))
    }

    /// Lists a piece of work; answers whether the number was free and the port open.
    pub(super) fn enlist(&self, token: u64, run: &Arc<Run>) -> bool {
        let mut state = self.0.state.lock();
        if state.is_closed || state.jobs.contains_key(&token) {
            return false;
        }
        state.jobs.insert(token, Arc::clone(run));
        true
    }

    /// Whether work with this number may be submitted here.
    pub(super) fn admit(&self, token: u64) -> Result<(), SubmitError> {
        let state = self.0.state.lock();
        if state.is_closed {
            return Err(SubmitError::PortClosed);
        }
        if state.jobs.contains_key(&token) {
            return Err(SubmitError::TokenInUse { token });
        }
        Ok(())
    }

    /// How long events have waited here until the host took them, so far.
    pub(super) fn lag(&self) -> Noted {
        self.0.lag.noted()
    }

    /// The same port, without keeping it alive.
    pub fn downgrade(&self) -> WeakPort {
        WeakPort(Arc::downgrade(&self.0))
    }

    /// What to do about an event once the lock is released.
    fn announce(&self, state: &mut State) -> Ring {
        Ring { port: self.clone(), is_due: !std::mem::replace(&mut state.is_ringing, true) }
    }
}

/// A port that is only remembered.
#[derive(Clone)]
pub struct WeakPort(Weak<Shared>);

impl WeakPort {
    /// The port, if it still exists.
    pub fn upgrade(&self) -> Option<Port> {
        self.0.upgrade().map(Port)
    }

    /// Whether it is this port.
    pub fn is(&self, port: &Port) -> bool {
        std::ptr::eq(self.0.as_ptr(), Arc::as_ptr(&port.0))
    }
}

impl Ring {
    /// Rings for what the other one was to ring for, too.
    pub(super) fn take_over(&mut self, mut other: Ring) {
        self.is_due |= std::mem::take(&mut other.is_due);
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        delays::pause();
        self.port.0.state.notify_one();
        if let (Some(notifier), true) = (&self.port.0.notifier, self.is_due) {
            notifier.notify();
        }
    }
}

impl Shared {
    fn clear(&self) {
        if let Some(notifier) = &self.notifier {
            notifier.clear();
        }
    }
}

impl std::fmt::Debug for Port {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = self.0.state.lock();
        write!(formatter, "Port({} events, {} jobs)", state.events.len(), state.jobs.len())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::exec::{BufferOptions, Config, HostOutput, Received, Runtime, SessionOptions, TakeLimit};
    use crate::manifest::HostNodeType;
    use crate::node::Registry;
    use crate::value::{Packet, Value};

    #[derive(Clone, Default)]
    struct Bell(Arc<AtomicBool>);

    impl Notifier for Bell {
        fn notify(&self) {
            self.0.store(true, Ordering::SeqCst);
        }

        fn clear(&self) {
            self.0.store(false, Ordering::SeqCst);
        }
    }

    #[test]
    fn a_bell_that_rings_after_its_event_was_taken_is_silenced_by_who_finds_nothing() {
        let bell = Bell::default();
        let port = Port::new(Some(Box::new(bell.clone())));
        let rings = || bell.0.load(Ordering::SeqCst);
        let taken = || port.next(Some(Duration::ZERO)).events.len();

        let late = port.post(Event::Room { token: 1 });
        assert!(!rings(), "not while somebody may hold a lock");
        assert_eq!(taken(), 1);
        let next = port.post(Event::Room { token: 2 });
        drop(late);
        assert!(rings());
        assert_eq!(taken(), 1, "whoever was woken for the first finds the second");
        assert!(!rings());
        drop(next);
        assert!(rings());
        assert_eq!(taken(), 0);
        assert!(!rings(), "or the loop would look again and again");
    }

    fn call_of(port: &Port) -> u64 {
        match port.next(Some(Duration::from_secs(60))).events.pop() {
            Some(Event::Call(call)) => call.id,
            other => panic!("expected a call, got {other:?}"),
        }
    }

    #[test]
    fn a_reply_that_an_interruption_overtakes_is_refused_and_takes_nothing_from_the_next_call() {
        let runtime = Runtime::new(Config::default(), Registry::default());
        let manifest =
            br#"{"version": "v1", "metadata": {"name": "test"}, "nodes": [{"id": "n", "node_type": "Mine"}]}"#;
        let hosts = [("Mine".to_owned(), HostNodeType::new(1, 1))].into();
        let pipeline = runtime.compile(manifest, &hosts).expect("valid");
        let port = Port::new(None);
        let buffer = BufferOptions { packets: Some(1), ..BufferOptions::default() };
        let session = pipeline.session(&port, 1, &SessionOptions { buffer, ..SessionOptions::default() });
        let session = session.expect("accepted");
        let most = TakeLimit { packets: 0, bytes: 0 };
        let send = || {
            let sent = session.send(&mut [Packet::new(Value::Null)].into(), 0, Duration::ZERO, most);
            assert_eq!(sent.expect("taken").taken, 1);
        };
        let part = || Reply {
            outputs: vec![HostOutput { entry: 0, value: Value::Null, pts: None, duration: None, port: 0 }],
            is_final: false,
            failure: None,
        };
        send();
        let first = call_of(&port);
        // A reply that has found its call, and is about to be taken.
        let run = port.0.state.lock().calls[&first].run.upgrade().expect("it goes on");
        session.interrupt();
        let off = port.next(Some(Duration::from_secs(60))).events;
        assert!(matches!(off[..], [Event::CallCancelled { call }] if call == first), "{off:?}");
        send();
        let second = call_of(&port);
        assert_eq!(port.reply(second, part()), Ok(Backpressure::Full));
        let late = run.take_reply(0, first, part(), false);
        assert_eq!(late.map(|(flow, _)| flow), Err(ReplyError::Gone { call: first }));
        let got = session.receive(None, TakeLimit { packets: 9, bytes: 9 });
        assert!(matches!(&got, Received::Outputs(outputs) if outputs.len() == 1), "{got:?}");
        let told = port.next(Some(Duration::from_secs(60))).events;
        assert!(matches!(told[..], [Event::Resume { call }] if call == second), "{told:?}");
    }
}
