//! Nodes that make the scheduler's behaviour visible.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Condvar, Mutex};

use super::PATIENCE;
use remotemedia_core::node::{
    CancelFlag, Context, Cost, Define, Documented, Item, Kinds, Node, NodeError, Port, Registry, Step, documented,
};
use remotemedia_core::value::{Packet, Value};
use schemars::JsonSchema;
use serde::Deserialize;

pub(crate) fn registry() -> Registry {
    let mut registry = Registry::new();
    registry
        .add::<Pass>()
        .add::<Worker>()
        .add::<Hoard>()
        .add::<Repeat>()
        .add::<Count>()
        .add::<Fail>()
        .add::<Gate>()
        .add::<Stubborn>()
        .add::<Stillborn>()
        .add::<Slow>()
        .add::<Source>()
        .add::<Offset>()
        .add::<super::items::Label>()
        .add::<super::items::Shelf>()
        .add::<super::waiting::Mount>()
        .add::<Ear>()
        .add::<Wide>()
        .add::<Trip>()
        .add::<Spring>();
    #[cfg(target_os = "linux")]
    registry.add::<super::nice::Nice>();
    registry
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

macro_rules! define {
    ($name:ident, $params:ty, $cost:ident, $new:expr) => {
        impl Documented for $name {
            const DOC: &'static str = "A node for tests.";
        }

        impl Define for $name {
            type Params = $params;
            const NAME: &'static str = stringify!($name);
            const COST: Cost = Cost::$cost;
            const INPUTS: &'static [Port] = &[Port::ANY_IN];
            const OUTPUTS: &'static [Port] = &[Port::ANY_OUT];

            fn new(params: &$params) -> Self {
                let new: fn(&$params) -> Self = $new;
                new(params)
            }
        }
    };
}

/// Emits what it gets.
pub(crate) struct Pass;
define!(Pass, Nothing, Light, |_| Pass);

impl Node for Pass {
    fn process(&mut self, _port: usize, packet: Packet) -> Result<Step, NodeError> {
        Ok(Step::emit(packet))
    }
}

/// Emits what it gets, but never on the caller's thread.
pub(crate) struct Worker;
define!(Worker, Nothing, Heavy, |_| Worker);

impl Node for Worker {
    fn process(&mut self, _port: usize, packet: Packet) -> Result<Step, NodeError> {
        Ok(Step::emit(packet))
    }
}

documented! {
/// Adds `by`, which may change while it runs, to integers.
pub(crate) struct Offset {
    by: i64,
}
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OffsetParams {
    by: i64,
    /// Has no effect, and may not change.
    #[serde(default)]
    #[allow(dead_code, reason = "it only has to be there")]
    fixed: bool,
}

impl Define for Offset {
    type Params = OffsetParams;
    const NAME: &'static str = "Offset";
    const COST: Cost = Cost::Light;
    const INPUTS: &'static [Port] = &[Port::ANY_IN];
    const OUTPUTS: &'static [Port] = &[Port::ANY_OUT];
    const LIVE: &'static [&'static str] = &["by"];

    fn new(params: &OffsetParams) -> Self {
        Offset { by: params.by }
    }

    fn set_params(&mut self, params: &OffsetParams) {
        self.by = params.by;
    }
}

impl Node for Offset {
    fn process(&mut self, _port: usize, packet: Packet) -> Result<Step, NodeError> {
        match packet.value {
            Value::Int(value) => Ok(Step::emit(Packet { value: Value::Int(value + self.by), ..packet })),
            _ => Err(NodeError::new("expected an integer")),
        }
    }
}

/// Keeps `packets` packets back before it emits the oldest; the rest at the end of the item.
pub(crate) struct Hoard {
    packets: usize,
    kept: std::collections::VecDeque<Packet>,
    is_flushing: bool,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HoardParams {
    packets: usize,
}

define!(Hoard, HoardParams, Heavy, |params| Hoard {
    packets: params.packets,
    kept: Default::default(),
    is_flushing: false
});

impl Node for Hoard {
    fn process(&mut self, _port: usize, packet: Packet) -> Result<Step, NodeError> {
        self.kept.push_back(packet);
        Ok(Step::maybe(if self.kept.len() > self.packets { self.kept.pop_front() } else { None }))
    }

    fn flush(&mut self) -> Result<Step, NodeError> {
        self.is_flushing = true;
        self.resume()
    }

    fn resume(&mut self) -> Result<Step, NodeError> {
        Ok(match self.kept.pop_front() {
            Some(packet) => Step::emit_more(packet),
            None => Step::DONE,
        })
    }
}

/// Emits each packet `times` times, one a step, and counts the steps that it has taken.
pub(crate) struct Repeat {
    times: u64,
    left: u64,
    packet: Option<Packet>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RepeatParams {
    times: u64,
}

define!(Repeat, RepeatParams, Light, |params| Repeat { times: params.times, left: 0, packet: None });

/// The steps of all `Repeat` nodes whose packets are 1000 and above, so that one test can watch its own.
pub(crate) static REPEATED: AtomicI64 = AtomicI64::new(0);

impl Node for Repeat {
    fn process(&mut self, _port: usize, packet: Packet) -> Result<Step, NodeError> {
        self.left = self.times;
        self.packet = Some(packet);
        self.resume()
    }

    fn resume(&mut self) -> Result<Step, NodeError> {
        let Some(packet) = self.packet.clone().filter(|_| self.left > 0) else { return Ok(Step::DONE) };
        if matches!(packet.value, Value::Int(1000..)) {
            REPEATED.fetch_add(1, Ordering::SeqCst);
        }
        self.left -= 1;
        Ok(if self.left > 0 { Step::emit_more(packet) } else { Step::emit(packet) })
    }
}

/// Emits the number of packets of each item at its end, and the number of items before it in this run times 1000.
pub(crate) struct Count {
    packets: i64,
    items: i64,
}
define!(Count, Nothing, Light, |_| Count { packets: 0, items: 0 });

impl Node for Count {
    fn process(&mut self, _port: usize, _packet: Packet) -> Result<Step, NodeError> {
        self.packets += 1;
        Ok(Step::DONE)
    }

    fn flush(&mut self) -> Result<Step, NodeError> {
        let count = self.items * 1000 + std::mem::take(&mut self.packets);
        self.items += 1;
        Ok(Step::emit(Value::Int(count)))
    }
}

/// Fails, or panics, at a method or a value; counts the instances that are initialized and not cleaned up.
pub(crate) struct Fail {
    at: FailAt,
    panics: bool,
    ledger: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FailAt {
    Never,
    Initialize,
    Process,
    Flush,
    Cleanup,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FailParams {
    at: FailAt,
    #[serde(default)]
    panics: bool,
    /// Which of [`LEDGERS`] this node writes to, so that tests don't disturb each other.
    ledger: usize,
}

define!(Fail, FailParams, Light, |params| Fail { at: params.at, panics: params.panics, ledger: params.ledger });

/// Initializations, and cleanups.
pub(crate) struct Ledger {
    pub(crate) initialized: AtomicI64,
    pub(crate) cleaned: AtomicI64,
}

pub(crate) static LEDGERS: [Ledger; 48] =
    [const { Ledger { initialized: AtomicI64::new(0), cleaned: AtomicI64::new(0) } }; 48];

impl Fail {
    fn fail(&self, here: FailAt) -> Result<(), NodeError> {
        match (self.at == here, self.panics) {
            (false, _) => Ok(()),
            (true, false) => Err(NodeError::new("it was told to fail").cure("Tell it not to.")),
            (true, true) => panic!("it was told to panic"),
        }
    }
}

impl Node for Fail {
    fn initialize(&mut self, _context: &Context) -> Result<(), NodeError> {
        self.fail(FailAt::Initialize)?;
        LEDGERS[self.ledger].initialized.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn process(&mut self, _port: usize, packet: Packet) -> Result<Step, NodeError> {
        if packet.value == Value::Int(3) {
            self.fail(FailAt::Process)?;
        }
        Ok(Step::emit(packet))
    }

    fn flush(&mut self) -> Result<Step, NodeError> {
        self.fail(FailAt::Flush)?;
        Ok(Step::DONE)
    }

    fn cleanup(&mut self) {
        LEDGERS[self.ledger].cleaned.fetch_add(1, Ordering::SeqCst);
        if self.at == FailAt::Cleanup {
            panic!("it was told to panic");
        }
    }
}

/// Blocks in `process` until its gate is opened, and reports that it has come there. A gate belongs to one test.
pub(crate) struct Gate {
    gate: usize,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GateParams {
    gate: usize,
}

define!(Gate, GateParams, Blocking, |params| Gate { gate: params.gate });

#[derive(Default)]
struct GateState {
    is_reached: bool,
    is_open: bool,
}

static GATES: [(Mutex<GateState>, Condvar); 39] =
    [const { (Mutex::new(GateState { is_reached: false, is_open: false }), Condvar::new()) }; 39];

pub(crate) fn wait_until_reached(gate: usize) {
    let (state, changed) = &GATES[gate];
    let state = state.lock().expect("no test panics with it");
    let waited = changed.wait_timeout_while(state, PATIENCE, |state| !state.is_reached);
    let timed_out = waited.expect("no test panics with it").1.timed_out();
    assert!(!timed_out, "nobody came to gate {gate}");
}

pub(crate) fn is_reached(gate: usize) -> bool {
    GATES[gate].0.lock().expect("no test panics with it").is_reached
}

pub(crate) fn open(gate: usize) {
    let (state, changed) = &GATES[gate];
    state.lock().expect("no test panics with it").is_open = true;
    changed.notify_all();
}

fn reach(gate: usize) {
    let (state, changed) = &GATES[gate];
    state.lock().expect("no test panics with it").is_reached = true;
    changed.notify_all();
}

pub(crate) fn pass_gate(gate: usize) {
    reach(gate);
    let (state, changed) = &GATES[gate];
    let mut state = state.lock().expect("no test panics with it");
    while !state.is_open {
        state = changed.wait(state).expect("no test panics with it");
    }
}

impl Node for Gate {
    fn process(&mut self, _port: usize, packet: Packet) -> Result<Step, NodeError> {
        pass_gate(self.gate);
        Ok(Step::emit(packet))
    }
}

/// Reports that it is at work, as if it had come to a gate, waits until its run stops, and then blocks like
/// [`Gate`].
pub(crate) struct Stubborn {
    work: usize,
    gate: usize,
    cancel: CancelFlag,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StubbornParams {
    work: usize,
    gate: usize,
}

define!(Stubborn, StubbornParams, Blocking, |params| Stubborn {
    work: params.work,
    gate: params.gate,
    cancel: CancelFlag::default(),
});

impl Node for Stubborn {
    fn initialize(&mut self, context: &Context) -> Result<(), NodeError> {
        self.cancel = context.cancel.clone();
        Ok(())
    }

    fn process(&mut self, _port: usize, packet: Packet) -> Result<Step, NodeError> {
        reach(self.work);
        while !self.cancel.is_cancelled() {
            std::thread::yield_now();
        }
        pass_gate(self.gate);
        Ok(Step::emit(packet))
    }
}

/// Panics before it exists, or after.
pub(crate) struct Stillborn;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StillbornParams {
    in_drop: bool,
}

define!(Stillborn, StillbornParams, Light, |params| {
    assert!(params.in_drop, "it was told to panic");
    Stillborn
});

impl Node for Stillborn {
    fn process(&mut self, _port: usize, packet: Packet) -> Result<Step, NodeError> {
        Ok(Step::emit(packet))
    }
}

impl Drop for Stillborn {
    fn drop(&mut self) {
        panic!("it was told to panic");
    }
}

/// Passes its gate, and works for longer than a time slice in each step.
pub(crate) struct Slow {
    gate: usize,
}

define!(Slow, GateParams, Heavy, |params| Slow { gate: params.gate });

impl Node for Slow {
    fn process(&mut self, _port: usize, packet: Packet) -> Result<Step, NodeError> {
        pass_gate(self.gate);
        let begin = std::time::Instant::now();
        while begin.elapsed() < std::time::Duration::from_millis(3) {
            std::hint::spin_loop();
        }
        Ok(Step::emit(packet))
    }
}

documented! {
/// A source: emits 0 to `count` - 1.
pub(crate) struct Source {
    count: i64,
    next: i64,
}
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SourceParams {
    count: i64,
}

impl Define for Source {
    type Params = SourceParams;
    const NAME: &'static str = "Source";
    const COST: Cost = Cost::Light;
    const INPUTS: &'static [Port] = &[];
    const OUTPUTS: &'static [Port] = &[Port::ANY_OUT];

    fn new(params: &SourceParams) -> Self {
        Source { count: params.count, next: 0 }
    }
}

impl Node for Source {
    fn process(&mut self, _port: usize, _packet: Packet) -> Result<Step, NodeError> {
        Err(NodeError::new("a source got a packet"))
    }

    fn flush(&mut self) -> Result<Step, NodeError> {
        self.next = 0;
        self.resume()
    }

    fn resume(&mut self) -> Result<Step, NodeError> {
        if self.next == self.count {
            return Ok(Step::DONE);
        }
        self.next += 1;
        Ok(Step::emit_more(Value::Int(self.next - 1)))
    }
}

documented! {
/// Emits what comes at `in`, and nothing for what comes at `back`.
pub(crate) struct Ear;
}

impl Define for Ear {
    type Params = Nothing;
    const NAME: &'static str = "Ear";
    const COST: Cost = Cost::Light;
    const INPUTS: &'static [Port] = EAR_INPUTS;
    const OUTPUTS: &'static [Port] = &[Port::ANY_OUT];

    fn new(_: &Nothing) -> Self {
        Ear
    }
}

/// The inputs of [`Ear`], and of a node of the host that does the same.
pub(crate) const EAR_INPUTS: &[Port] = &[Port::ANY_IN, Port::new("back", Kinds::ANY, "What comes back.")];

impl Node for Ear {
    fn process(&mut self, port: usize, packet: Packet) -> Result<Step, NodeError> {
        Ok(Step::maybe((port == 0).then_some(packet)))
    }
}

/// Emits as many bytes as the number that it gets.
pub(crate) struct Wide;
define!(Wide, Nothing, Light, |_| Wide);

impl Node for Wide {
    fn process(&mut self, _port: usize, packet: Packet) -> Result<Step, NodeError> {
        let Value::Int(bytes) = packet.value else { return Err(NodeError::new("not a number")) };
        Ok(Step::emit(Value::bytes(vec![0; bytes as usize])))
    }
}

/// Emits each packet `steps` times, as value * 100 + its number among the packets of this instance * 10 + the step; trips
/// after that over the values `at`, as often as `times` says.
pub(crate) struct Trip {
    params: TripParams,
    packets: i64,
    value: i64,
    step: i64,
}

#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TripParams {
    at: Vec<i64>,
    #[serde(default)]
    steps: i64,
    #[serde(default = "always")]
    times: i64,
    /// Which of [`TRIPS`] this node counts in.
    #[serde(default)]
    ledger: usize,
}

fn always() -> i64 {
    i64::MAX
}

pub(crate) static TRIPS: [AtomicI64; 16] = [const { AtomicI64::new(0) }; 16];

define!(Trip, TripParams, Light, |params| Trip { params: params.clone(), packets: 0, value: 0, step: 0 });

impl Node for Trip {
    fn process(&mut self, _port: usize, packet: Packet) -> Result<Step, NodeError> {
        let Value::Int(value) = packet.value else { return Err(NodeError::new("not a number")) };
        (self.value, self.step) = (value, 0);
        self.packets += 1;
        self.resume()
    }

    fn resume(&mut self) -> Result<Step, NodeError> {
        if self.step < self.params.steps {
            self.step += 1;
            return Ok(Step::emit_more(Value::Int(self.value * 100 + self.packets * 10 + self.step)));
        }
        let trips = &TRIPS[self.params.ledger];
        if self.params.at.contains(&self.value) && trips.fetch_add(1, Ordering::SeqCst) < self.params.times {
            return Err(NodeError::new(format!("it tripped over {}", self.value)));
        }
        Ok(Step::DONE)
    }
}

documented! {
/// A source: brings two items, emits 0 to 4 in each, and dries up in the first one.
pub(crate) struct Spring {
    items: u64,
    next: i64,
}
}

impl Define for Spring {
    type Params = Nothing;
    const NAME: &'static str = "Spring";
    const COST: Cost = Cost::Light;
    const INPUTS: &'static [Port] = &[];
    const OUTPUTS: &'static [Port] = &[Port::ANY_OUT];

    fn new(_params: &Nothing) -> Self {
        Spring { items: 0, next: 0 }
    }
}

impl Node for Spring {
    fn process(&mut self, _port: usize, _packet: Packet) -> Result<Step, NodeError> {
        Err(NodeError::new("a source got a packet"))
    }

    fn next_item(&mut self, number: u64) -> Option<Item> {
        self.items += 1;
        (self.items <= 2).then_some(Item::unnamed(number))
    }

    fn flush(&mut self) -> Result<Step, NodeError> {
        self.next = 0;
        self.resume()
    }

    fn resume(&mut self) -> Result<Step, NodeError> {
        if self.next == 2 && self.items == 1 {
            return Err(NodeError::new("it dried up"));
        }
        if self.next == 5 {
            return Ok(Step::DONE);
        }
        self.next += 1;
        Ok(Step::emit_more(Value::Int(self.next - 1)))
    }
}
