//! Nodes that wait for the system, for ever if need be: they take no worker away from others.

use remotemedia_core::node::{Cost, Define, Node, NodeError, Port as NodePort, Step, documented, may_block, wait};
use remotemedia_core::value::Packet;
use schemars::JsonSchema;
use serde::Deserialize;

use super::nodes::{open, pass_gate};
use super::*;

documented! {
/// Waits as for a mount that does not respond, or as for the other end of a pipe, until its gate is opened.
pub(crate) struct Mount {
    gate: usize,
    is_pipe: bool,
}
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MountParams {
    gate: usize,
    is_pipe: bool,
}

impl Define for Mount {
    type Params = MountParams;
    const NAME: &'static str = "Mount";
    const COST: Cost = Cost::Blocking;
    const INPUTS: &'static [NodePort] = &[NodePort::ANY_IN];
    const OUTPUTS: &'static [NodePort] = &[NodePort::ANY_OUT];

    fn new(params: &MountParams) -> Self {
        Self { gate: params.gate, is_pipe: params.is_pipe }
    }
}

impl Node for Mount {
    fn process(&mut self, _port: usize, packet: Packet) -> Result<Step, NodeError> {
        let call = || pass_gate(self.gate);
        if self.is_pipe {
            wait(call)
        } else {
            may_block(call)
        }
        Ok(Step::emit(packet))
    }
}

/// Lets so many runs wait at a gate, runs another one beside them, and then lets them all through.
fn beside_waiting(count: u64, gate: usize, is_pipe: bool) {
    let runtime = runtime();
    let mount = pipeline(&runtime, &[("mount", "Mount", &format!(r#""gate": {gate}, "is_pipe": {is_pipe}"#))], &[]);
    let port = Port::new(None);
    for token in 0..count {
        let submitted = mount.submit(&port, submission(token, Start::Workers, integers(0..1))).expect("accepted");
        assert!(matches!(submitted, Submitted::Pending), "nobody has opened the gate");
    }
    let other = pipeline(&runtime, &[("worker", "Worker", "")], &[]);
    for _ in 0..3 {
        assert_eq!(integers_of(&run(&other, Start::Workers, integers(0..3))), [0, 1, 2]);
    }
    open(gate);
    let mut completed = 0;
    while completed < count {
        let batch = port.next(Some(PATIENCE));
        assert!(!batch.events.is_empty(), "{} completions are missing", count - completed);
        for event in batch.events {
            let Event::Completed { completion, .. } = event else { panic!("unexpected {event:?}") };
            assert_eq!(integers_of(&completion), [0]);
            completed += 1;
        }
    }
    assert!(runtime.shut_down(PATIENCE), "no thread is left behind");
}

#[test]
fn work_goes_on_beside_a_mount_that_does_not_answer() {
    beside_waiting(20, 24, false);
}

#[test]
fn work_goes_on_beside_pipes_that_nobody_writes_to() {
    beside_waiting(20, 25, true);
}

#[test]
fn if_too_many_wait_only_their_kind_waits_behind_them() {
    beside_waiting(600, 26, false);
}
