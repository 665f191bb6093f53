//! Defects on purpose, in builds with the feature `planted` alone: `build.py prove` shows with them that each of its
//! tools sees what it is there for, and that a panic of a node stays inside its run. Nothing of this is in a library
//! for users.

use std::sync::Barrier;
use std::thread;

use remotemedia_core::node::{Context, Cost, Define, Item, Node, NodeError, Port, Registry, Step, documented};
use remotemedia_core::value::Packet;
use schemars::JsonSchema;
use serde::Deserialize;

/// Commits one mistake: 1 reads memory after it was freed, 2 loses memory, 3 decides by memory that was never written, 4
/// writes from two threads at once. Others do nothing. Returns something that depends on what was read.
#[unsafe(no_mangle)]
pub extern "C" fn rm_planted_defect(kind: u32) -> u32 {
    match kind {
        1 => read_after_free(),
        2 => lose_memory(),
        3 => read_before_write(),
        4 => race(),
        _ => 0,
    }
}

fn read_after_free() -> u32 {
    let place = Box::into_raw(Box::new([7u32; 64]));
    // SAFETY: none, on purpose: the second line reads what the first has freed.
    unsafe {
        drop(Box::from_raw(place));
        std::ptr::read_volatile(place.cast::<u32>().add(16))
    }
}

fn lose_memory() -> u32 {
    let lost = vec![1u8; 12_345];
    let len = lost.len();
    std::hint::black_box(lost.leak().as_mut_ptr());
    len as u32
}

fn read_before_write() -> u32 {
    let layout = std::alloc::Layout::new::<[u32; 16]>();
    // SAFETY: none, on purpose: the memory is read before anything was written there.
    unsafe {
        let place = std::alloc::alloc(layout);
        let read = std::ptr::read_volatile(place.cast::<u32>());
        std::alloc::dealloc(place, layout);
        if read == 12_345 { 1 } else { 2 }
    }
}

fn race() -> u32 {
    struct Shared(*mut u32);
    // SAFETY: none, on purpose: two threads write there without a lock.
    unsafe impl Sync for Shared {}
    let mut number = 0;
    let (shared, both) = (Shared(&mut number), Barrier::new(2));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let shared = &shared;
                both.wait();
                for _ in 0..1000 {
                    // SAFETY: none, on purpose.
                    unsafe { std::ptr::write_volatile(shared.0, std::ptr::read_volatile(shared.0) + 1) };
                }
            });
        }
    });
    number
}

documented! {
/// Panics in the method that its params name.
#[derive(Debug)]
pub struct PlantedPanic {
    when: Method,
}
}

/// A method of a node.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// `connect`.
    Connect,
    /// `initialize`.
    Initialize,
    /// `begin_item`.
    BeginItem,
    /// `process`.
    Process,
    /// `resume`.
    Resume,
    /// `flush`.
    Flush,
    /// `cleanup`.
    Cleanup,
    /// The drop of the node itself.
    Drop,
}

/// The params of [`PlantedPanic`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlantedPanicParams {
    when: Method,
}

impl PlantedPanic {
    fn at(&self, method: Method) {
        if self.when == method {
            panic!("planted in {method:?}");
        }
    }
}

impl Drop for PlantedPanic {
    fn drop(&mut self) {
        self.at(Method::Drop);
    }
}

impl Node for PlantedPanic {
    fn connect(&mut self, _inputs: &[usize]) {
        self.at(Method::Connect);
    }

    fn initialize(&mut self, _context: &Context) -> Result<(), NodeError> {
        self.at(Method::Initialize);
        Ok(())
    }

    fn begin_item(&mut self, _item: &Item) {
        self.at(Method::BeginItem);
    }

    fn process(&mut self, _port: usize, packet: Packet) -> Result<Step, NodeError> {
        self.at(Method::Process);
        Ok(Step::emit_more(packet))
    }

    fn resume(&mut self) -> Result<Step, NodeError> {
        self.at(Method::Resume);
        Ok(Step::DONE)
    }

    fn flush(&mut self) -> Result<Step, NodeError> {
        self.at(Method::Flush);
        Ok(Step::DONE)
    }

    fn cleanup(&mut self) {
        self.at(Method::Cleanup);
    }
}

impl Define for PlantedPanic {
    type Params = PlantedPanicParams;

    const NAME: &'static str = "PlantedPanic";
    const COST: Cost = Cost::Light;
    const INPUTS: &'static [Port] = &[Port::ANY_IN];
    const OUTPUTS: &'static [Port] = &[Port::ANY_OUT];
    const EXAMPLE: &'static str = r#"{"when": "process"}"#;

    fn new(params: &PlantedPanicParams) -> Self {
        PlantedPanic { when: params.when }
    }
}

/// Adds the node that panics.
pub(crate) fn register(registry: &mut Registry) {
    registry.add::<PlantedPanic>();
}
