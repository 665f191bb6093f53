//! The port: the queue of events that a host drains, with a notifier that an event loop can watch.
//!
//! It lists the jobs whose events arrive here and the host calls that are open, so that the host can address both by their
//! numbers.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use super::event::{Batch, Event};
use super::job::Job;
use super::pending_calls::PendingCalls;
use crate::exec::error::SubmitError;
use crate::exec::host::host_call::{Backpressure, HostCall, Reply, ReplyError};
use crate::exec::measures::histogram::{Histogram, Snapshot};
use crate::exec::measures::progress::Progress;
use crate::exec::outputs::completion::Completion;
use crate::exec::workers::delays;
use crate::lock::{Guard, Monitor};

/// Wakes an event loop when a port has events, such as by a file descriptor that becomes readable.
pub trait Notifier: Send + Sync {
    /// The port has events. Called while no lock of this crate is held.
    fn notify(&self);

    /// The port is empty.
    fn clear(&self);
}

/// Notifies a port's event loop when it is dropped, which has to be where no lock is held: the thread that wakes up may
/// preempt this one on the same core and want the same lock.
pub(in crate::exec) struct DeferredNotify {
    port: Port,
    /// There was no notification since the port was last empty.
    is_due: bool,
}

/// A place where events arrive. Clones are the same port.
///
/// It belongs to one runtime, the first that it is attached to or that gets work for it, and takes no work of another: a
/// shutdown ends the work of its runtime, and no memory that came by its ports is read after that.
#[derive(Clone)]
pub struct Port(Arc<Shared>);

struct Shared {
    state: Monitor<State>,
    /// The number of the runtime that it belongs to.
    runtime: OnceLock<u64>,
    notifier: Option<Box<dyn Notifier>>,
    /// How long the oldest event of each drain had waited.
    lag: Histogram,
}

#[derive(Default)]
struct State {
    events: VecDeque<Event>,
    jobs: HashMap<u64, Arc<dyn Job>>,
    calls: PendingCalls,
    /// When the oldest event arrived, or the first one after the last drain.
    waits_since: Option<Instant>,
    is_notified: bool,
    /// No more work is accepted: the port is being shut down.
    is_ending: bool,
    is_closed: bool,
    is_woken: bool,
}

impl Port {
    /// The most events of one drain, so that many small results don't block an event loop for long.
    pub const MOST_EVENTS: usize = 256;

    /// After the first event a drain takes no further one that would make its document longer than this.
    pub const MOST_BYTES: usize = 1 << 20;

    /// An open port. Without a notifier it can only be waited on.
    pub fn new(notifier: Option<Box<dyn Notifier>>) -> Self {
        Self(Arc::new(Shared { state: Monitor::default(), runtime: OnceLock::new(), notifier, lag: Histogram::new() }))
    }

    /// Takes the events that have arrived; waits at most `timeout` for the first one, without limit if that is `None`.
    ///
    /// The batch is empty if nothing came in time, if [`Port::wake`] was called, or if the port is closed.
    pub fn next(&self, timeout: Option<Duration>) -> Batch {
        let mut state = self.wait_locked(timeout);
        state.is_woken = false;
        let count = state.batch_len();
        let events = state.events.drain(..count).collect();
        if let Some(since) = state.waits_since.take() {
            self.0.lag.record(since.elapsed());
        }
        // A drain that finds nothing was caused by a notification that came after its event had been taken, or by none.
        if state.events.is_empty() && !state.is_closed && (std::mem::take(&mut state.is_notified) || count == 0) {
            self.0.clear();
        }
        if !state.events.is_empty() {
            // This drain may have used up the wake-up of another thread that waits here.
            self.0.state.notify_one();
        }
        let is_closed = state.is_closed && state.events.is_empty();
        Batch { events, is_closed }
    }

    /// Waits at most `timeout`, without limit if that is `None`, until [`Port::next`] would not wait, and takes nothing.
    ///
    /// Returns whether it would not wait now.
    pub fn wait(&self, timeout: Option<Duration>) -> bool {
        let state = self.wait_locked(timeout);
        let is_ready = state.is_ready();
        drop(state);
        if is_ready {
            // What woke this thread is still there for one that takes it.
            self.0.state.notify_one();
        }
        is_ready
    }

    /// Makes one waiting [`Port::next`] return now, or the next one return without waiting, and notifies the event loop.
    pub fn wake(&self) {
        let mut state = self.0.state.lock();
        state.is_woken = true;
        let notify = self.announce(&mut state);
        drop(state);
        drop(notify);
    }

    /// Cancels the piece of work with this number. Returns whether it had not ended before.
    pub fn cancel(&self, token: u64) -> bool {
        self.job(token).is_some_and(Job::cancel)
    }

    /// The progress of the piece of work with this number; `None` if it has ended.
    pub fn progress(&self, token: u64) -> Option<Progress> {
        self.job(token).and_then(|job| job.progress())
    }

    /// Takes a reply of the host, or a part of one. Returns whether there is room for the next part.
    ///
    /// # Errors
    /// If the call is over, or the reply names an entry, port or node that the call does not have.
    pub fn reply(&self, call: u64, reply: Reply) -> Result<Backpressure, ReplyError> {
        self.take_reply(call, reply, false).map(|(flow, _)| flow)
    }

    /// Takes a reply as [`Self::reply`] does, and returns the next call to the same nodes with it, if that is there already.
    /// The host replies to that as to any call; no event announces it.
    ///
    /// # Errors
    /// As [`Self::reply`].
    pub fn reply_for_next(&self, call: u64, reply: Reply) -> Result<(Backpressure, Option<HostCall>), ReplyError> {
        self.take_reply(call, reply, true)
    }

    fn wait_locked(&self, timeout: Option<Duration>) -> Guard<'_, State> {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        delays::pause();
        self.0.state.wait_for(self.0.state.lock(), deadline, State::is_ready)
    }

    fn take_reply(
        &self,
        call: u64,
        reply: Reply,
        wants_next: bool,
    ) -> Result<(Backpressure, Option<HostCall>), ReplyError> {
        let (job, stage) = self.0.state.lock().calls.target(call, &reply)?;
        // The call may be interrupted here.
        delays::pause();
        job.take_reply(stage, call, reply, wants_next)
    }

    /// Closes the port: cancels its work, drops the events that were not taken and wakes all threads that wait here.
    pub fn close(&self) {
        let jobs = {
            let mut state = self.0.state.lock();
            state.is_closed = true;
            state.calls.clear();
            state.jobs.drain().map(|(_, job)| job).collect::<Vec<_>>()
        };
        for job in jobs {
            job.cancel();
        }
        let mut state = self.0.state.lock();
        let untaken = std::mem::take(&mut state.events);
        let notify = self.announce(&mut state);
        drop(state);
        drop((untaken, notify));
        self.0.state.notify_all();
    }

    /// Ends the port: accepts no more work, and cancels what it has. Threads that wait here get the events that have arrived,
    /// the completions among them, and then the end.
    pub fn end(&self) {
        let jobs = {
            let mut state = self.0.state.lock();
            state.is_ending = true;
            state.jobs.values().cloned().collect::<Vec<_>>()
        };
        for job in jobs {
            job.cancel();
        }
        self.shut_down();
    }

    /// Closes the port once the events that have arrived have been taken.
    pub(in crate::exec) fn shut_down(&self) {
        let mut state = self.0.state.lock();
        state.is_closed = true;
        state.calls.clear();
        let notify = self.announce(&mut state);
        drop(state);
        drop(notify);
        self.0.state.notify_all();
    }

    /// Whether no event will arrive here any more.
    pub fn is_closed(&self) -> bool {
        self.0.state.lock().is_closed
    }

    /// Whether no event will be handed out here any more.
    pub fn is_over(&self) -> bool {
        let state = self.0.state.lock();
        state.is_closed && state.events.is_empty()
    }

    pub(in crate::exec) fn post_completion(&self, token: u64, completion: Completion) -> DeferredNotify {
        let mut state = self.0.state.lock();
        // Dropped after `post_locked` has released the lock.
        let _job = state.jobs.remove(&token);
        self.post_locked(state, Event::Completed { token, completion })
    }

    /// Queues an event; a closed port drops it.
    pub(in crate::exec) fn post(&self, event: Event) -> DeferredNotify {
        self.post_locked(self.0.state.lock(), event)
    }

    fn post_locked(&self, mut state: Guard<'_, State>, event: Event) -> DeferredNotify {
        if state.is_closed {
            drop(state);
            return DeferredNotify { port: self.clone(), is_due: false };
        }
        if state.waits_since.is_none() {
            state.waits_since = Some(Instant::now());
        }
        state.events.push_back(event);
        self.announce(&mut state)
    }

    /// Accepts replies to a call from now on.
    pub(in crate::exec) fn expect_reply(&self, call: &HostCall, job: Weak<dyn Job>, stage: usize) {
        self.0.state.lock().calls.insert(call, job, stage);
    }

    /// Accepts no more replies to a call. Returns whether the call was open, and its event if that was not handed out: to be
    /// dropped where no lock is held, since that may release the host's memory.
    pub(in crate::exec) fn forget_call(&self, call: u64) -> (bool, Option<Event>) {
        let mut state = self.0.state.lock();
        let was_open = state.calls.remove(call);
        let is_it = |event: &Event| matches!(event, Event::Call(its) if its.id == call);
        let place = state.events.iter().position(is_it);
        (was_open, place.and_then(|place| state.events.remove(place)))
    }

    /// Lists a piece of work. Returns `false` if the number is in use or the port closed.
    pub(in crate::exec) fn list(&self, token: u64, job: Arc<dyn Job>) -> bool {
        let mut state = self.0.state.lock();
        if state.is_closed || state.is_ending || state.jobs.contains_key(&token) {
            return false;
        }
        state.jobs.insert(token, job);
        true
    }

    /// Gives the port to the runtime with this number, unless it belongs to one. Returns whether it is that one's.
    pub(in crate::exec) fn belong_to(&self, runtime: u64) -> bool {
        *self.0.runtime.get_or_init(|| runtime) == runtime
    }

    /// Checks that work with this number may be submitted here.
    pub(in crate::exec) fn admit(&self, token: u64) -> Result<(), SubmitError> {
        let state = self.0.state.lock();
        if state.is_closed || state.is_ending {
            return Err(SubmitError::PortClosed);
        }
        if state.jobs.contains_key(&token) {
            return Err(SubmitError::TokenInUse { token });
        }
        Ok(())
    }

    /// How long events have waited until the host took them, so far.
    pub(in crate::exec) fn lag(&self) -> Snapshot {
        self.0.lag.snapshot()
    }

    /// A reference that does not keep the port alive.
    pub fn downgrade(&self) -> WeakPort {
        WeakPort(Arc::downgrade(&self.0))
    }

    /// The piece of work with this number. The host may know one by its first call before it is listed, while the thread
    /// that submits it is still at work.
    fn job(&self, token: u64) -> Option<Arc<dyn Job>> {
        let state = self.0.state.lock();
        state.jobs.get(&token).cloned().or_else(|| state.calls.job(token))
    }

    /// The notification for an event, due once the lock is released.
    fn announce(&self, state: &mut State) -> DeferredNotify {
        DeferredNotify { port: self.clone(), is_due: !std::mem::replace(&mut state.is_notified, true) }
    }
}

/// A reference to a port that does not keep it alive.
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

impl DeferredNotify {
    /// Takes over what the other one was to notify of.
    pub(in crate::exec) fn merge(&mut self, mut other: DeferredNotify) {
        self.is_due |= std::mem::take(&mut other.is_due);
    }
}

impl Drop for DeferredNotify {
    fn drop(&mut self) {
        delays::pause();
        self.port.0.state.notify_one();
        if let (Some(notifier), true) = (&self.port.0.notifier, self.is_due) {
            notifier.notify();
        }
    }
}

impl State {
    /// Whether a drain finds something, or is not to wait for it.
    fn is_ready(&self) -> bool {
        !self.events.is_empty() || self.is_closed || self.is_woken
    }

    /// How many events one drain takes now: no more than [`Port::MOST_EVENTS`], and after the first as many as fit in
    /// [`Port::MOST_BYTES`].
    fn batch_len(&self) -> usize {
        let mut left = Port::MOST_BYTES;
        let fits = |event: &&Event| {
            let weight = event.weight(left);
            left = left.saturating_sub(weight);
            left > 0
        };
        let most = self.events.len().min(Port::MOST_EVENTS);
        self.events.iter().take(most).take_while(fits).count().max(usize::from(most > 0))
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
    use std::sync::mpsc;

    use super::*;
    use crate::exec::{BufferOptions, Config, HostOutput, Received, Runtime, SessionOptions, TakeLimit};
    use crate::manifest::HostNodeType;
    use crate::node::Registry;
    use crate::value::{Packet, Value};

    #[derive(Clone, Default)]
    struct Flag(Arc<AtomicBool>);

    impl Notifier for Flag {
        fn notify(&self) {
            self.0.store(true, Ordering::SeqCst);
        }

        fn clear(&self) {
            self.0.store(false, Ordering::SeqCst);
        }
    }

    #[test]
    fn a_notification_that_comes_after_its_event_was_taken_is_cleared_by_the_drain_that_finds_nothing() {
        let flag = Flag::default();
        let port = Port::new(Some(Box::new(flag.clone())));
        let is_notified = || flag.0.load(Ordering::SeqCst);
        let taken = || port.next(Some(Duration::ZERO)).events.len();

        let late = port.post(Event::Room { token: 1 });
        assert!(!is_notified(), "not while a lock may be held");
        assert_eq!(taken(), 1);
        let next = port.post(Event::Room { token: 2 });
        drop(late);
        assert!(is_notified());
        assert_eq!(taken(), 1, "the drain for the first finds the second");
        assert!(!is_notified());
        drop(next);
        assert!(is_notified());
        assert_eq!(taken(), 0);
        assert!(!is_notified(), "or the loop would look again and again");
    }

    #[test]
    fn who_only_waits_takes_nothing() {
        let port = Port::new(None);
        assert!(!port.wait(Some(Duration::ZERO)));
        port.wake();
        for _ in 0..2 {
            assert!(port.wait(None), "the wake-up is for one that takes");
        }
        assert!(port.next(None).events.is_empty());
        assert!(!port.wait(Some(Duration::ZERO)));
        drop(port.post(Event::Room { token: 1 }));
        for _ in 0..2 {
            assert!(port.wait(None));
        }
        assert_eq!(port.next(None).events.len(), 1);
        assert!(!port.wait(Some(Duration::ZERO)));
        port.close();
        assert!(port.wait(None));
    }

    #[test]
    fn who_only_waits_uses_up_no_wake_up_of_one_that_takes() {
        for _ in 0..200 {
            let port = &Port::new(None);
            std::thread::scope(|scope| {
                let waiters = [(); 3].map(|()| scope.spawn(|| port.wait(None)));
                // Without a timeout, at the end of which it would find the event by itself.
                let (taken, counts) = mpsc::channel();
                scope.spawn(move || taken.send(port.next(None).events.len()).is_ok());
                drop(port.post(Event::Room { token: 1 }));
                let count = counts.recv_timeout(Duration::from_secs(20));
                port.close();
                assert_eq!(count, Ok(1), "the taker sleeps on beside an event");
                assert!(waiters.into_iter().all(|waiter| waiter.join().expect("it does not panic")));
            });
        }
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
        let (job, _) = port.0.state.lock().calls.target(first, &part()).expect("it is open");
        session.interrupt();
        let off = port.next(Some(Duration::from_secs(60))).events;
        assert!(matches!(off[..], [Event::CallCancelled { call }] if call == first), "{off:?}");
        send();
        let second = call_of(&port);
        assert_eq!(port.reply(second, part()), Ok(Backpressure::Full));
        let late = job.take_reply(0, first, part(), false);
        assert_eq!(late.map(|(flow, _)| flow), Err(ReplyError::Gone { call: first }));
        let got = session.receive(None, TakeLimit { packets: 9, bytes: 9 });
        assert!(matches!(&got, Received::Outputs(outputs) if outputs.len() == 1), "{got:?}");
        let events = port.next(Some(Duration::from_secs(60))).events;
        assert!(matches!(events[..], [Event::Resume { call }] if call == second), "{events:?}");
    }
}
