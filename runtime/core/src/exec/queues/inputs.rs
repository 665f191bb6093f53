//! The values of a one-shot by the inputs of its graph: checks what a host gives against what the graph takes.

use smallvec::{SmallVec, smallvec};

use crate::graph::Graph;
use crate::manifest::{did_you_mean, names};
use crate::outside::named_in_full;
use crate::value::{Inputs, NamedInputs, Value};

/// The values of each input of a graph, in the order of its inputs; all have one length. Values for a graph without inputs are
/// one column.
pub(in crate::exec) type Columns = SmallVec<[Vec<Value>; 1]>;

/// The columns of what a host gives; `None` if it gives no inputs.
///
/// # Errors
/// What does not fit the graph, and the cure.
pub(in crate::exec) fn columns(inputs: Inputs, graph: &Graph) -> Result<Option<Columns>, String> {
    let is_named = graph.inputs.iter().any(|input| !input.name.is_empty());
    match inputs {
        Inputs::None if is_named => Err(format!("inputs are missing: {}", wanted(graph))),
        Inputs::None if graph.inputs.is_empty() => Ok(None),
        Inputs::None => {
            Err("the graph takes inputs, and none were given; give a list with one entry for each item, which \
                             may be empty"
                .to_owned())
        }
        Inputs::List(values) if values.is_empty() && graph.inputs.is_empty() => Ok(None),
        Inputs::List(values) if graph.inputs.len() < 2 => Ok(Some(smallvec![values])),
        Inputs::List(_) => Err(format!("a list says nothing of where its values go: {}", wanted(graph))),
        Inputs::Named(_) if !is_named => {
            let pipeline = named_in_full(&graph.name);
            Err(format!("the inputs are a map, but pipeline {pipeline} names no inputs; give a list"))
        }
        Inputs::Named(given) => named_columns(given, graph).map(Some),
    }
}

fn named_columns(given: NamedInputs, graph: &Graph) -> Result<Columns, String> {
    let known: Vec<&str> = graph.inputs.iter().map(|input| &*input.name).collect();
    let mut columns: SmallVec<[Option<Vec<Value>>; 1]> = known.iter().map(|_| None).collect();
    for (name, values) in given {
        let Some(place) = known.iter().position(|known| **known == *name) else {
            let pipeline = named_in_full(&graph.name);
            let cure = did_you_mean(&name, known.iter().copied(), named_in_full);
            let cure = cure.unwrap_or_else(|| format!("its inputs are {}", names(&known)));
            return Err(format!("pipeline {pipeline} has no input {}; {cure}", named_in_full(&name)));
        };
        columns[place] = Some(values);
    }
    if let Some(missing) = known.iter().zip(&columns).find_map(|(name, column)| column.is_none().then_some(name)) {
        return Err(format!("the input {} is missing: {}", named_in_full(missing), wanted(graph)));
    }
    let columns: Columns = columns.into_iter().flatten().collect();
    match columns.iter().position(|column| column.len() != columns[0].len()) {
        None => Ok(columns),
        Some(other) => Err(format!(
            "the input {} has {}, but {} has {}; item i is the i-th value of each, so give lists of one length",
            named_in_full(known[0]),
            counted(columns[0].len()),
            named_in_full(known[other]),
            counted(columns[other].len())
        )),
    }
}

fn wanted(graph: &Graph) -> String {
    /// More are not written as an example.
    const SHOWN: usize = 3;
    let list = |name: &str| format!("{}: [...]", serde_json::Value::from(name));
    let mut lists: Vec<String> = graph.inputs.iter().take(SHOWN).map(|input| list(&input.name)).collect();
    if graph.inputs.len() > SHOWN {
        lists.push("...".to_owned());
    }
    let names: Vec<&str> = graph.inputs.iter().map(|input| &*input.name).collect();
    let (pipeline, names) = (named_in_full(&graph.name), crate::manifest::names(&names));
    let inputs = if graph.inputs.len() == 1 { "the input" } else { "the inputs" };
    format!("pipeline {pipeline} has {inputs} {names}; give a list for each: {{{}}}", lists.join(", "))
}

fn counted(values: usize) -> String {
    if values == 1 { "1 value".to_owned() } else { format!("{values} values") }
}
