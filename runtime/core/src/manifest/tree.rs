//! A manifest as it was read from any notation: plain values, each with its place.
//!
//! Knows nothing of what a manifest means.

use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::{Number, Value as Json};

pub(super) use crate::outside::{named, quoted, shown};

/// A value and where it begins: the offset of its first byte.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) offset: usize,
    pub(super) data: Data,
}

/// The kinds of value that JSON has.
#[derive(Clone, Debug)]
pub(super) enum Data {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Item>),
    Map(Map),
}

/// The entries of a map by name, in their order.
pub(super) type Map = IndexMap<String, Entry>;

/// One entry of a map.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Where the name begins.
    pub(super) offset: usize,
    pub(super) value: Item,
}

/// A path into the tree, from the root. Paths share their common beginning, so that many problems deep inside long
/// names cost no more memory than the names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Path(Option<Arc<Link>>);

#[derive(Debug, PartialEq, Eq, Hash)]
struct Link {
    parent: Path,
    step: Step,
    depth: usize,
}

/// One step of a path, from a value to one inside it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Step {
    Name(String),
    Index(usize),
}

impl Item {
    pub(super) fn to_json(&self) -> Json {
        match &self.data {
            Data::Null => Json::Null,
            Data::Bool(value) => Json::Bool(*value),
            Data::Number(number) => Json::Number(number.clone()),
            Data::Text(text) => Json::String(text.clone()),
            Data::List(items) => Json::Array(items.iter().map(Item::to_json).collect()),
            Data::Map(entries) => {
                Json::Object(entries.iter().map(|(name, entry)| (name.clone(), entry.value.to_json())).collect())
            }
        }
    }

    /// The value of an entry, if this is a map that has it.
    pub(super) fn get(&self, name: &str) -> Option<&Item> {
        self.entry(name).map(|entry| &entry.value)
    }

    pub(super) fn text(&self) -> Option<&str> {
        match &self.data {
            Data::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The items of a list; nothing of anything else.
    pub(super) fn items(&self) -> &[Item] {
        match &self.data {
            Data::List(items) => items,
            _ => &[],
        }
    }

    /// The offset of the value at the path, or of the nearest value around it that exists.
    pub(super) fn value_offset(&self, path: &Path) -> usize {
        self.walk(path).0
    }

    /// The offset of the name of the entry at the path, or of the nearest value around it that exists.
    pub(super) fn name_offset(&self, path: &Path) -> usize {
        self.walk(path).1
    }

    fn walk(&self, path: &Path) -> (usize, usize) {
        let (mut item, mut name_offset) = (self, self.offset);
        for step in path.steps() {
            let next = match step {
                Step::Name(name) => item.entry(name).map(|entry| (&entry.value, entry.offset)),
                Step::Index(index) => item.items().get(*index).map(|item| (item, item.offset)),
            };
            let Some((value, offset)) = next else {
                return (item.offset, item.offset);
            };
            (item, name_offset) = (value, offset);
        }
        (item.offset, name_offset)
    }

    fn entry(&self, name: &str) -> Option<&Entry> {
        match &self.data {
            Data::Map(entries) => entries.get(name),
            _ => None,
        }
    }
}

impl Path {
    /// The root.
    pub(super) fn root() -> Self {
        Self::default()
    }

    pub(super) fn push(&mut self, step: Step) {
        let depth = self.depth() + 1;
        self.0 = Some(Arc::new(Link { parent: std::mem::take(self), step, depth }));
    }

    pub(super) fn pop(&mut self) {
        if let Some(link) = self.0.take() {
            *self = link.parent.clone();
        }
    }

    /// How many steps it has.
    pub(super) fn depth(&self) -> usize {
        self.0.as_ref().map_or(0, |link| link.depth)
    }

    /// The steps, from the root.
    pub(super) fn steps(&self) -> Vec<&Step> {
        let mut steps = Vec::with_capacity(self.depth());
        let mut at = &self.0;
        while let Some(link) = at {
            steps.push(&link.step);
            at = &link.parent.0;
        }
        steps.reverse();
        steps
    }

    #[must_use]
    pub(super) fn name(&self, name: impl Into<String>) -> Self {
        let mut path = self.clone();
        path.push(Step::Name(name.into()));
        path
    }

    #[must_use]
    pub(super) fn index(&self, index: usize) -> Self {
        let mut path = self.clone();
        path.push(Step::Index(index));
        path
    }

    #[must_use]
    pub(super) fn join(&self, inner: &Path) -> Self {
        let mut path = self.clone();
        inner.steps().into_iter().for_each(|step| path.push(step.clone()));
        path
    }
}

impl FromIterator<Step> for Path {
    fn from_iter<I: IntoIterator<Item = Step>>(steps: I) -> Self {
        let mut path = Path::root();
        steps.into_iter().for_each(|step| path.push(step));
        path
    }
}

impl std::fmt::Display for Path {
    /// `nodes[1].params.operand`; a name that is not a plain word is quoted: `params["my key"]`. Of a long name the
    /// beginning is shown, of a long path both ends.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        /// The number of steps that are shown at either end.
        const SHOWN: usize = 6;
        let steps = self.steps();
        for (position, step) in steps.iter().enumerate() {
            if steps.len() > 2 * SHOWN && (SHOWN..steps.len() - SHOWN).contains(&position) {
                if position == SHOWN {
                    formatter.write_str("…")?;
                }
                continue;
            }
            match step {
                Step::Index(index) => write!(formatter, "[{index}]")?,
                Step::Name(name) if is_plain(name) => {
                    let dot = if position == 0 { "" } else { "." };
                    write!(formatter, "{dot}{}", shown(name))?;
                }
                Step::Name(name) => write!(formatter, "[{}]", quoted(name))?,
            }
        }
        Ok(())
    }
}

fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-')
}

/// A value in words, for `got ...`: `the text "five"`, `5`, `a list`.
pub(super) fn describe(value: &Json) -> String {
    match value {
        Json::Null => "null".to_owned(),
        Json::Bool(_) | Json::Number(_) => shown(&value.to_string()),
        Json::String(text) if text.is_empty() => "an empty text".to_owned(),
        Json::String(text) => format!("the text {}", quoted(text)),
        Json::Array(items) if items.is_empty() => "an empty list".to_owned(),
        Json::Array(_) => "a list".to_owned(),
        Json::Object(map) if map.is_empty() => "an empty map".to_owned(),
        Json::Object(_) => "a map".to_owned(),
    }
}
