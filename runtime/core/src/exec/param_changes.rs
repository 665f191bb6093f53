//! Changes of params while a session runs. A change takes effect from the packet on that is sent next: packets that were sent
//! before it are processed with the old values, however long they wait on their way. What nodes hold back of those when that
//! packet comes meets the new values: of it nobody knows which packet it is from.
//!
//! A change is not sent through the graph. It is stored with the number of that packet; a stage knows from which sent packet
//! each of its packets comes, and applies the changes that are due before it processes one.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::lock::Lock;
use crate::node::PreparedNode;

/// The changes of all stages of a session.
#[derive(Default)]
pub(super) struct ParamChanges {
    stages: Box<[StageChanges]>,
}

struct StageChanges {
    /// The packet from which on the next change holds; [`NEVER`] if there is none.
    due: AtomicU64,
    lists: Lock<Lists>,
}

#[derive(Default)]
struct Lists {
    /// In the order in which they were made, and so in that of their packets.
    pending: VecDeque<Change>,
    /// The params that nodes have by now, where they are not those of the manifest.
    applied: Vec<(usize, PreparedNode)>,
}

struct Change {
    node: usize,
    from: u64,
    prepared: PreparedNode,
}

const NEVER: u64 = u64::MAX;

/// So many changes wait for their packet at one stage; beyond that an older one of the same node is dropped.
const MOST_PENDING: usize = 1024;

impl ParamChanges {
    /// No changes, for so many stages.
    pub(super) fn new(stages: usize) -> Self {
        let stage = |_| StageChanges { due: AtomicU64::new(NEVER), lists: Lock::default() };
        Self { stages: (0..stages).map(stage).collect() }
    }

    /// Sets the live params of a node of this stage to those of `prepared`, from packet `from` on.
    pub(super) fn add(&self, stage: usize, node: usize, from: u64, prepared: PreparedNode) {
        let StageChanges { due, lists } = &self.stages[stage];
        let mut lists = lists.lock();
        let pending = &mut lists.pending;
        // Each change has all params of its node, so a later one contains an earlier one.
        pending.retain(|change| change.node != node || change.from != from);
        pending.push_back(Change { node, from, prepared });
        if pending.len() > MOST_PENDING
            && let Some(old) =
                (0..pending.len()).find(|&old| pending.range(old + 1..).any(|change| change.node == pending[old].node))
        {
            pending.remove(old);
        }
        due.store(pending.front().map_or(NEVER, |change| change.from), Ordering::Release);
    }

    /// Takes the changes of this stage that hold for packet `item`, oldest first; usually none.
    pub(super) fn take_due(&self, stage: usize, item: u64) -> Vec<(usize, PreparedNode)> {
        let StageChanges { due, lists } = &self.stages[stage];
        if due.load(Ordering::Acquire) > item {
            return Vec::new();
        }
        let mut lists = lists.lock();
        let Lists { pending, applied } = &mut *lists;
        let count = pending.iter().take_while(|change| change.from <= item).count();
        let taken: Vec<_> = pending.drain(..count).map(|change| (change.node, change.prepared)).collect();
        for (node, prepared) in &taken {
            applied.retain(|(other, _)| other != node);
            applied.push((*node, prepared.clone()));
        }
        due.store(pending.front().map_or(NEVER, |change| change.from), Ordering::Release);
        taken
    }

    /// The params that a node has by now, if they are not those of the manifest.
    pub(super) fn applied(&self, stage: usize, node: usize) -> Option<PreparedNode> {
        let lists = self.stages[stage].lists.lock();
        lists.applied.iter().find(|(other, _)| *other == node).map(|(_, prepared)| prepared.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::{Cost, Define, Node, NodeError, Params, Port, Registry, Step, documented};
    use crate::value::Packet;

    documented! {
    /// A node for tests.
    struct Any;
    }

    #[derive(serde::Deserialize, schemars::JsonSchema)]
    struct AnyParams {}

    impl Node for Any {
        fn process(&mut self, _port: usize, packet: Packet) -> Result<Step, NodeError> {
            Ok(Step::emit(packet))
        }
    }

    impl Define for Any {
        type Params = AnyParams;
        const NAME: &'static str = "Any";
        const COST: Cost = Cost::Light;
        const INPUTS: &'static [Port] = &[Port::ANY_IN];
        const OUTPUTS: &'static [Port] = &[Port::ANY_OUT];

        fn new(_params: &AnyParams) -> Self {
            Any
        }
    }

    fn prepared() -> PreparedNode {
        let mut registry = Registry::new();
        registry.add::<Any>().get("Any").expect("it was added").prepare(Params::new()).expect("there are no params")
    }

    fn nodes(taken: &[(usize, PreparedNode)]) -> Vec<usize> {
        taken.iter().map(|(node, _)| *node).collect()
    }

    #[test]
    fn a_change_is_due_from_its_packet_on_and_once() {
        let changes = ParamChanges::new(2);
        changes.add(1, 7, 3, prepared());
        changes.add(1, 8, 5, prepared());
        assert!(changes.take_due(0, 9).is_empty() && changes.take_due(1, 2).is_empty());
        assert!(changes.applied(1, 7).is_none());
        assert_eq!(nodes(&changes.take_due(1, 4)), [7]);
        assert!(changes.applied(1, 7).is_some() && changes.applied(1, 8).is_none());
        assert_eq!(nodes(&changes.take_due(1, 9)), [8]);
        assert!(changes.take_due(1, u64::MAX - 1).is_empty());
    }

    #[test]
    fn what_waits_for_packets_that_never_come_stays_bounded() {
        let changes = ParamChanges::new(1);
        changes.add(0, 1, 0, prepared());
        for from in 0..MOST_PENDING as u64 * 3 {
            changes.add(0, 2, from, prepared());
            changes.add(0, 2, from, prepared());
        }
        let taken = nodes(&changes.take_due(0, NEVER - 1));
        assert_eq!((taken.len(), taken[0]), (MOST_PENDING, 1), "the only change of another node stays");
    }
}
