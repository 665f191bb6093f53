//! The items of a run: their numbers, names and paths, known to every stage.
//!
//! Each input of a one-shot is an item. A source that is the only entry brings as many items as it has, and names them. In a
//! session an item is the stream from one end to the next.

use std::collections::BTreeMap;

use crate::graph::Graph;
use crate::lock::Lock;
use crate::node::Item;
use crate::value::Value;

/// What the stages of a run know of its items.
#[derive(Debug)]
pub(in crate::exec) enum Items {
    /// The inputs of a run; empty if none is a file.
    Given(Box<[Item]>),
    /// Items that begin while the run goes on, by the number of their first packet.
    Begun {
        known: Lock<Known>,
        /// The stage whose source decides how many there are.
        source: Option<usize>,
    },
}

/// The items that have begun.
#[derive(Debug, Default)]
pub(in crate::exec) struct Known {
    /// How many there were, also of those that are not kept any more.
    count: u64,
    by_number: BTreeMap<u64, Item>,
}

/// How many of the items that have begun are kept: more than the queues of a run hold.
const MOST_ITEMS: usize = 4096;

impl Items {
    /// The items of a run over inputs.
    /// Where an item has several values, it has the name of the first file among them.
    pub(in crate::exec) fn given(columns: &[Vec<Value>]) -> Self {
        let Some(first) = columns.first() else { return Items::Given(Box::default()) };
        let item = |number: usize| {
            let values = columns.iter().filter_map(|column| column.get(number));
            let named = values.map(|value| item_of(number as u64, value)).find(|item| item.name_bytes().is_some());
            named.unwrap_or(Item::unnamed(number as u64))
        };
        let has_files = columns.iter().flatten().any(|value| matches!(value, Value::File(_)));
        Items::Given(if has_files { (0..first.len()).map(item).collect() } else { Box::default() })
    }

    /// The items of a run without inputs, or of one whose inputs come while it runs.
    pub(in crate::exec) fn begun(graph: &Graph) -> Self {
        let mut entries = graph.edges.iter().filter(|edge| edge.from.is_none()).map(|edge| edge.to);
        let source = match (entries.next(), entries.next()) {
            (Some(stage), None) if graph.begins_with_source(stage) => Some(stage),
            _ => None,
        };
        Items::Begun { known: Lock::default(), source }
    }

    /// Whether the first node of this stage decides how many items there are.
    pub(in crate::exec) fn come_from(&self, stage: usize) -> bool {
        matches!(self, Items::Begun { source: Some(source), .. } if *source == stage)
    }

    /// Begins an item with the packet of its number.
    pub(in crate::exec) fn begin(&self, item: Item) {
        if let Items::Begun { known, .. } = self {
            let mut known = known.lock();
            let ordinal = known.count;
            known.count += 1;
            known.by_number.insert(item.number, Item { ordinal, ..item });
            if known.by_number.len() > MOST_ITEMS {
                known.by_number.pop_first();
            }
        }
    }

    /// Begins the item of a session's stream, whose first packet this is.
    pub(in crate::exec) fn begin_stream(&self, number: u64, first: &Value) {
        self.begin(item_of(number, first));
    }

    /// The item of packet `number`.
    pub(in crate::exec) fn at(&self, number: u64) -> Item {
        match self {
            Items::Given(known) => {
                let item = usize::try_from(number).ok().and_then(|index| known.get(index));
                item.cloned().unwrap_or(Item::unnamed(number))
            }
            Items::Begun { known, .. } => match known.lock().by_number.range(..=number).next_back() {
                Some((_, item)) => item.clone(),
                None => Item::unnamed(number),
            },
        }
    }
}

/// The item that an input begins.
fn item_of(number: u64, input: &Value) -> Item {
    match input {
        Value::File(file) => Item::of_file(number, file),
        _ => Item::unnamed(number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::File;

    fn begun() -> Items {
        Items::Begun { known: Lock::default(), source: None }
    }

    #[test]
    fn an_input_is_an_item_with_the_name_of_its_file() {
        let items = Items::given(&[vec![Value::Int(1), Value::from(File::from_path("calls/one.wav"))]]);
        assert_eq!(items.at(0), Item::unnamed(0));
        assert_eq!(items.at(1), Item { path: Some("calls/one.wav".into()), ..Item::named(1, "one.wav") });
        assert_eq!(items.at(2), Item::unnamed(2));
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
        assert_eq!(items.at(4), Item { path: Some("a.wav".into()), ..Item::named(0, "a.wav") });
        assert_eq!(items.at(5), Item { ordinal: 1, ..Item::unnamed(5) });
        assert_eq!(items.at(900), items.at(5));
    }

    #[test]
    fn memory_does_not_grow_with_the_number_of_items() {
        let items = begun();
        for number in 0..10_000 {
            items.begin(Item::named(number, "x"));
        }
        let Items::Begun { known, .. } = &items else { unreachable!() };
        assert_eq!(known.lock().by_number.len(), MOST_ITEMS);
        assert_eq!(items.at(9_999), Item::named(9_999, "x"));
    }
}
