//! A part of a graph: a node and everything behind it, which can be interrupted without the rest.

use std::sync::Arc;

use super::{Graph, Runner, Stage};

/// A node and all nodes behind it. A chain of native nodes may belong to it from its middle on.
#[derive(Clone, Debug)]
pub struct Part {
    /// For each stage the position of its first node in the part.
    from: Vec<Option<usize>>,
    is_whole: bool,
}

/// A node of the host that shares a call with the one before it, and so can't be interrupted without that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedCall {
    /// The id of the node.
    pub node: Arc<str>,
    /// The id of the node before it.
    pub before: Arc<str>,
}

impl Part {
    /// All of a graph.
    pub fn whole(graph: &Graph) -> Self {
        Self { from: vec![Some(0); graph.stages.len()], is_whole: true }
    }

    /// Whether it was made as all of its graph.
    pub fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// The position of the first node of a stage that belongs to the part; none if none of its nodes does.
    pub fn from(&self, stage: usize) -> Option<usize> {
        self.from[stage]
    }

    /// Whether all nodes of a stage belong to the part.
    pub fn has_all_of(&self, stage: usize) -> bool {
        self.from[stage] == Some(0)
    }
}

impl Graph {
    /// The part that begins with a node of the manifest. Converters that the planner put before the node belong to it, since
    /// what waits for them waits for the node.
    ///
    /// # Errors
    /// If the host runs the node in one call with the node before it.
    pub fn part(&self, node: usize) -> Result<Part, SharedCall> {
        let mut part = Part { from: vec![None; self.stages.len()], is_whole: false };
        let Some((stage, position)) = self.place_of(node) else { return Ok(part) };
        let links = &self.stages[stage].links;
        if position > 0 && self.stages[stage].runner != Runner::Native {
            let id = |position: usize| Arc::clone(&self.nodes[links[position].node].id);
            return Err(SharedCall { node: id(position), before: id(position - 1) });
        }
        self.begin(&mut part, stage, position);
        // Stages come after those that feed them.
        for behind in 0..self.stages.len() {
            let is_fed = |&input: &usize| self.edges[input].from.is_some_and(|from| part.from[from].is_some());
            if part.from[behind].is_none() && self.stages[behind].inputs.iter().any(is_fed) {
                part.from[behind] = Some(0);
            }
        }
        Ok(part)
    }

    /// Whether an output of the graph, by its index, comes out of a part.
    pub fn is_output_of(&self, output: usize, part: &Part) -> bool {
        let comes_out = |stage: &Stage| stage.exits.iter().any(|&(_, exit)| exit == output);
        self.stages.iter().position(comes_out).is_some_and(|stage| part.from(stage).is_some())
    }

    /// Begins a part at this position of a stage, or at the converters before it.
    fn begin(&self, part: &mut Part, stage: usize, position: usize) {
        let links = &self.stages[stage].links;
        let is_inserted = |position: usize| self.nodes[links[position].node].inserted.is_some();
        let mut first = position;
        while first > 0 && is_inserted(first - 1) {
            first -= 1;
        }
        part.from[stage] = Some(first);
        if first > 0 {
            return;
        }
        for producer in self.stages[stage].inputs.iter().filter_map(|&input| self.edges[input].from) {
            let links = &self.stages[producer].links;
            if links.last().is_some_and(|link| self.nodes[link.node].inserted.is_some()) {
                self.begin(part, producer, links.len() - 1);
            }
        }
    }

    /// The stage of a node, and its position there.
    fn place_of(&self, node: usize) -> Option<(usize, usize)> {
        self.stages.iter().enumerate().find_map(|(index, stage)| {
            stage.links.iter().position(|link| link.node == node).map(|position| (index, position))
        })
    }
}
