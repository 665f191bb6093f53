//! The items of a run: their numbers and names, known to every stage.
//!
//! Each input of a one-shot is an item. A source that is the only entry brings as many items as it has, and names them. In a
//! session an item is the stream from one end to the next.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::graph::Graph;
use crate::lock::Lock;
use crate::node::Item;
use crate::value::Value;

/// What the stages of a run know of its items.
#[derive(Debug)]
pub(super) enum Items {
    /// The names of the inputs of a run; empty if none has one.
    Given(Box<[Option<Arc<str>>]>),
    /// Items that begin while the run goes on: the name of each, by the number of its first packet.
    Begun {
        names: Lock<BTreeMap<u64, Option<Arc<str>>>>,
        /// The stage whose source decides how many there are.
        source: Option<usize>,
    },
}

/// How many of the items that have begun are kept: more than the queues of a run hold.
const MOST_NAMES: usize = 4096;

impl Items {
    /// The items of a run over inputs.
    /// Where an item has several values, it has the name of the first file among them.
    pub(super) fn given(columns: &[Vec<Value>]) -> Self {
        let Some(first) = columns.first() else { return Items::Given(Box::default()) };
        let is_file = |value: &Value| matches!(value, Value::File(_));
        let name = |item: usize| columns.iter().filter_map(|column| column.get(item)).find_map(name_of);
        let is_named = columns.iter().flatten().any(is_file);
        Items::Given(if is_named { (0..first.len()).map(name).collect() } else { Box::default() })
    }

    /// The items of a run without inputs, or of one whose inputs come while it runs.
    pub(super) fn begun(graph: &Graph) -> Self {
        let mut entries = graph.edges.iter().filter(|edge| edge.from.is_none()).map(|edge| edge.to);
        let source = match (entries.next(), entries.next()) {
            (Some(stage), None) if graph.begins_with_source(stage) => Some(stage),
            _ => None,
        };
        Items::Begun { names: Lock::default(), source }
    }

    /// Whether the first node of this stage decides how many items there are.
    pub(super) fn come_from(&self, stage: usize) -> bool {
        matches!(self, Items::Begun { source: Some(source), .. } if *source == stage)
    }

    /// Begins an item with packet `number`.
    pub(super) fn begin(&self, number: u64, name: Option<Arc<str>>) {
        if let Items::Begun { names, .. } = self {
            let mut names = names.lock();
            names.insert(number, name);
            if names.len() > MOST_NAMES {
                names.pop_first();
            }
        }
    }

    /// Begins the item of a session's stream, whose first packet this is.
    pub(super) fn begin_stream(&self, number: u64, first: &Value) {
        self.begin(number, name_of(first));
    }

    /// The item of packet `number`.
    pub(super) fn at(&self, number: u64) -> Item {
        match self {
            Items::Given(names) => {
                let name = usize::try_from(number).ok().and_then(|index| names.get(index)?.clone());
                Item { number, name }
            }
            Items::Begun { names, .. } => match names.lock().range(..=number).next_back() {
                Some((&number, name)) => Item { number, name: name.clone() },
                None => Item { number, name: None },
            },
        }
    }
}

/// The name of an input, if it is a file.
fn name_of(input: &Value) -> Option<Arc<str>> {
    match input {
        Value::File(file) => file.name().map(Arc::from),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::File;

    fn begun() -> Items {
        Items::Begun { names: Lock::default(), source: None }
    }

    #[test]
    fn an_input_is_an_item_with_the_name_of_its_file() {
        let items = Items::given(&[vec![Value::Int(1), Value::from(File::from_path("calls/one.wav"))]]);
        assert_eq!(items.at(0), Item { number: 0, name: None });
        assert_eq!(items.at(1), Item { number: 1, name: Some("one.wav".into()) });
        assert_eq!(items.at(2), Item { number: 2, name: None });
    }

    #[test]
    fn an_item_of_several_values_has_the_name_of_its_first_file() {
        let file = |name: &str| Value::from(File::from_path(name));
        let items = Items::given(&[vec![Value::Int(1), file("a.wav")], vec![file("b.wav"), file("c.wav")]]);
        assert_eq!([0, 1].map(|item| items.at(item).name.expect("it is named").to_string()), ["b.wav", "a.wav"]);
    }

    #[test]
    fn every_packet_of_a_stream_belongs_to_the_item_that_its_first_one_began() {
        let items = begun();
        items.begin_stream(0, &Value::from(File::from_path("a.wav")));
        items.begin_stream(5, &Value::Int(1));
        assert_eq!(items.at(4), Item { number: 0, name: Some("a.wav".into()) });
        assert_eq!(items.at(5), Item { number: 5, name: None });
        assert_eq!(items.at(900), Item { number: 5, name: None });
    }

    #[test]
    fn memory_does_not_grow_with_the_number_of_items() {
        let items = begun();
        for number in 0..10_000 {
            items.begin(number, Some("x".into()));
        }
        let Items::Begun { names, .. } = &items else { unreachable!() };
        assert_eq!(names.lock().len(), MOST_NAMES);
        assert_eq!(items.at(9_999).name.as_deref(), Some("x"));
    }
}
