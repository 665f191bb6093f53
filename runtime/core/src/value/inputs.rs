//! The inputs of a run, as a host gives them.

use std::sync::Arc;

use super::Value;

/// The inputs of a run that are there when it begins.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Inputs {
    /// None: for a graph that has only sources.
    #[default]
    None,
    /// One value for each item, for a graph with one input.
    List(Vec<Value>),
    /// By the names of the inputs: item `i` is the `i`-th value of each.
    Named(NamedInputs),
}

/// Values by the names of the inputs that take them.
pub type NamedInputs = Vec<(Arc<str>, Vec<Value>)>;

impl From<Option<Vec<Value>>> for Inputs {
    fn from(values: Option<Vec<Value>>) -> Self {
        values.map_or(Self::None, Self::List)
    }
}
