//! The contract of a node: what the scheduler calls, what a node may return, and how it declares itself.
//!
//! A node is sync and used by one thread at a time. It knows packets and its [`Context`], never threads or queues.

mod blocking;
mod context;
mod documented;
mod error;
mod form;
mod item;
mod params;
mod port;
mod registry;
mod taken_names;
mod time_breaks;

pub(crate) use blocking::{WorkerPlace, take_place};
pub use blocking::{may_block, wait};
pub(crate) use context::Shared;
pub use context::{CancelFlag, Context};
pub use documented::Documented;
#[doc(hidden)]
pub use documented::checked_doc;
pub use error::{HostToken, NodeError};
pub use form::{Field, Form, Shape, field_names};
pub use item::Item;
pub use params::{ParamError, Params, PreparedNode};
pub use port::{AudioFormat, Kinds, Port};
pub(crate) use registry::SPELLING_OF;
pub use registry::{NodeType, Registry};
pub use taken_names::{TakenName, TakenNames};
pub use time_breaks::{TimeBreakCounts, TimeBreaks};

use std::any::Any;
use std::time::Duration;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

pub use crate::documented;
use crate::value::Packet;

/// One instance of a node within one run.
///
/// The scheduler calls `connect` and `initialize` once. Then for each item it calls `begin_item`, `process` any number of
/// times and `flush` once, and after every call that returned [`Step::More`] it calls `resume` until that returns
/// [`Step::Done`]. At last it calls `cleanup`, exactly once if `initialize` succeeded, also after an error, a cancel or a
/// panic. An instance lives for one run, so its fields are per-run state; `flush` resets what belongs to one item.
pub trait Node: Any + Send {
    /// Receives the numbers of the input ports at which packets can come; for nodes with optional ports.
    fn connect(&mut self, inputs: &[usize]) {
        let _ = inputs;
    }

    /// Input port `port` gets nothing but what this node has emitted itself, around a loop and at the earliest `delay`
    /// later; for nodes that [align](Define::ALIGNS) their inputs. Called after `connect`.
    fn connect_loop(&mut self, port: usize, delay: Duration) {
        let _ = (port, delay);
    }

    /// Prepares the node: opens, allocates, keeps what it needs of the context.
    ///
    /// # Errors
    /// Anything that keeps the node from working; nothing is processed then.
    fn initialize(&mut self, context: &Context) -> Result<(), NodeError> {
        let _ = context;
        Ok(())
    }

    /// Begins an item, before its first packet; also if it turns out to have none.
    fn begin_item(&mut self, item: &Item) {
        let _ = item;
    }

    /// For a source: begins item `number` if there is another one, which `flush` then emits. Its number stays this one.
    ///
    /// Called before every item, but only for a source that is the only entry of its graph, in a run without inputs.
    /// The first item takes place whatever this returns. A source for which it is not called emits all it has in each
    /// item.
    fn next_item(&mut self, number: u64) -> Option<Item> {
        let _ = number;
        None
    }

    /// Takes the next packet of input port `port` and does one bounded piece of work.
    ///
    /// # Errors
    /// What is wrong with the packet; the item fails.
    fn process(&mut self, port: usize, packet: Packet) -> Result<Step, NodeError>;

    /// Whether the node, which [aligns](Define::ALIGNS) its inputs, can use more of input port `port` before something
    /// comes at another one. Called between two steps. If it can't, packets of this port stay in their queue where no
    /// other work has to wait for that; otherwise they come all the same.
    fn wants(&self, port: usize) -> bool {
        let _ = port;
        true
    }

    /// Takes the end of this item at input port `port`, while packets may still come at others; for nodes that
    /// [align](Define::ALIGNS) their inputs. Does one bounded piece of work. For an input that has ended for good it is
    /// called at the start of each item.
    ///
    /// # Errors
    /// What went wrong; the item fails.
    fn end_input(&mut self, port: usize) -> Result<Step, NodeError> {
        let _ = port;
        Ok(Step::DONE)
    }

    /// Continues after [`Step::More`], once the emitted packet has been taken. Does one bounded piece of work.
    ///
    /// # Errors
    /// What went wrong; the item fails.
    fn resume(&mut self) -> Result<Step, NodeError> {
        Ok(Step::DONE)
    }

    /// Ends the item: emits what is left and resets to the state before its first packet. A source emits all it has
    /// from here on.
    ///
    /// # Errors
    /// What went wrong; the item fails.
    fn flush(&mut self) -> Result<Step, NodeError> {
        Ok(Step::DONE)
    }

    /// Releases what `initialize` acquired.
    fn cleanup(&mut self) {}
}

/// The result of one call: at most one emission, and whether more follows without new input.
#[derive(Debug)]
#[must_use]
pub enum Step {
    /// The node has emitted all that it can without new input.
    Done(Option<Emission>),
    /// The node wants to be resumed.
    More(Option<Emission>),
}

/// A packet on its way out of an output port.
#[derive(Debug)]
pub struct Emission {
    /// The index of the port among the node's outputs.
    pub port: usize,
    /// The packet.
    pub packet: Packet,
}

impl Step {
    /// Emits nothing and is done.
    pub const DONE: Step = Step::Done(None);

    /// Emits a packet on the first port and is done.
    pub fn emit(packet: impl Into<Packet>) -> Self {
        Step::Done(Some(Emission { port: 0, packet: packet.into() }))
    }

    /// Emits a packet on the first port and asks to be resumed.
    pub fn emit_more(packet: impl Into<Packet>) -> Self {
        Step::More(Some(Emission { port: 0, packet: packet.into() }))
    }

    /// Emits a packet on the first port, if there is one, and is done.
    pub fn maybe(packet: Option<Packet>) -> Self {
        Step::Done(packet.map(|packet| Emission { port: 0, packet }))
    }
}

/// How much a node's steps cost, so that the scheduler knows what may run on a caller's thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cost {
    /// A step is a matter of microseconds, whatever the size of its packet.
    Light,
    /// A step is a matter of microseconds for a small packet and grows with it: it runs on an event loop only where the
    /// inputs are small.
    Proportional,
    /// A step may take up to milliseconds: it never runs on an event loop.
    Heavy,
    /// A step may wait for a disk or a network: it never runs on an event loop. It waits within [`may_block`] or
    /// [`wait`], so that another worker can take its place.
    Blocking,
}

impl Cost {
    /// The name in documents.
    pub const fn name(self) -> &'static str {
        match self {
            Cost::Light => "light",
            Cost::Proportional => "proportional",
            Cost::Heavy => "heavy",
            Cost::Blocking => "blocking",
        }
    }
}

/// The declaration of a built-in node; [`Registry::add`] makes a [`NodeType`] of it.
///
/// Its doc comment is shown to users of every language: the first line in lists of nodes, all of it in the docs.
pub trait Define: Node + Documented + Sized + 'static {
    /// Its params, from which the schema, the docs and the typed classes of the bindings are generated.
    type Params: DeserializeOwned + JsonSchema + Send + Sync + 'static;

    /// The name in a manifest, in PascalCase.
    const NAME: &'static str;
    /// How much a step costs.
    const COST: Cost;
    /// The input ports; none for a source.
    const INPUTS: &'static [Port];
    /// The output ports; none for a sink.
    const OUTPUTS: &'static [Port];
    /// An example of params for the docs, as JSON text of an object.
    const EXAMPLE: &'static str = "{}";
    /// The params that may change while a session runs; see [`Define::set_params`].
    const LIVE: &'static [&'static str] = &[];

    /// Whether it aligns several inputs by time into one stream. Its emissions then have one order, whichever input
    /// they come from, and the scheduler treats each input by itself; see [`Node::wants`] and [`Node::end_input`].
    const ALIGNS: bool = false;

    /// The audio format that an input port needs with these params, where it needs a certain one. If the port accepts
    /// audio alone, the planner inserts the converters for it.
    fn input_format(params: &Self::Params, port: usize) -> Option<AudioFormat> {
        let _ = params;
        Self::INPUTS.get(port)?.format
    }

    /// What these params make certain of what an output port emits, for what comes in at all inputs: `input`. The planner
    /// asks for it, to see whether converters are needed, and tells of each output of a graph. By default a port that is
    /// [like the input](Port::like_input) has its form.
    fn output_form(params: &Self::Params, port: usize, input: Form) -> Form {
        let _ = params;
        Self::OUTPUTS.get(port).map_or(Form::Unknown, |port| Form::declared(port, input))
    }

    /// Checks what the schema can't say, such as one param that depends on another. Runs once, at validation.
    ///
    /// # Errors
    /// The param at fault, what was expected and what it was.
    fn check(params: &Self::Params) -> Result<(), ParamError> {
        let _ = params;
        Ok(())
    }

    /// A new instance, for one run. Cheap: heavy work belongs in `initialize`.
    fn new(params: &Self::Params) -> Self;

    /// Applies new values of the params in [`Define::LIVE`] while a session runs: between two steps, also in the middle
    /// of an item. The other params are unchanged. The output must not jump where it could be noticed: a gain glides to
    /// its new value.
    fn set_params(&mut self, params: &Self::Params) {
        let _ = params;
    }
}

/// An old name of a built-in node, kept with the params and defaults that it had;
/// [`Registry::add_old_name`] makes a [`NodeType`] of it.
pub trait OldName: Documented + 'static {
    /// The node that does the work.
    type Node: Define;
    /// The params under their old names.
    type Params: DeserializeOwned + JsonSchema + Send + Sync + 'static;

    /// The old name.
    const NAME: &'static str;
    /// An example of params for the docs, as JSON text of an object.
    const EXAMPLE: &'static str = "{}";

    /// The params of the node for these old ones.
    ///
    /// # Errors
    /// A value that the node can't use.
    fn translate(params: Self::Params) -> Result<<Self::Node as Define>::Params, ParamError>;

    /// The old name of a param, for errors about its value.
    fn old_param(param: &str) -> &str {
        param
    }
}
