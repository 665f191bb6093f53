//! Names that the nodes of a run have taken, such as the paths of files that they wrote. A run has them, not an instance: a
//! new instance after an error or an interruption knows what the old one finished, and so does every other node.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use super::Item;
use crate::lock::Lock;

/// The names of a run, each taken for one item. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct TakenNames(Arc<Lock<Names>>);

/// A name that a node has taken. It is free again when this is dropped, unless it was kept.
#[derive(Debug)]
pub struct TakenName {
    names: TakenNames,
    name: Arc<str>,
    is_kept: bool,
}

#[derive(Debug, Default)]
struct Names {
    taken: HashMap<Arc<str>, Item>,
    /// How many names each node has kept, by its id.
    kept: HashMap<Arc<str>, u64>,
}

impl TakenNames {
    /// Takes a name for an item.
    ///
    /// # Errors
    /// The item that it is taken for already.
    pub fn take(&self, name: &Arc<str>, item: &Item) -> Result<TakenName, Item> {
        match self.0.lock().taken.entry(Arc::clone(name)) {
            Entry::Occupied(taken) => Err(taken.get().clone()),
            Entry::Vacant(free) => {
                free.insert(item.clone());
                Ok(TakenName { names: self.clone(), name: Arc::clone(name), is_kept: false })
            }
        }
    }

    /// How many names a node has kept.
    pub fn kept_by(&self, node_id: &str) -> u64 {
        self.0.lock().kept.get(node_id).copied().unwrap_or_default()
    }
}

impl TakenName {
    /// Keeps the name until the run ends, for a node.
    pub fn keep(mut self, node_id: &Arc<str>) {
        self.is_kept = true;
        *self.names.0.lock().kept.entry(Arc::clone(node_id)).or_default() += 1;
    }
}

impl Drop for TakenName {
    fn drop(&mut self) {
        if !self.is_kept {
            self.names.0.lock().taken.remove(&self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_taken_until_it_is_dropped_and_for_ever_once_kept() {
        let names = TakenNames::default();
        let (name, node) = (Arc::from("a.wav"), Arc::from("sink"));
        let (first, second) = (Item::unnamed(1), Item::unnamed(2));
        let taken = names.take(&name, &first).expect("it is free");
        assert_eq!(names.clone().take(&name, &second).expect_err("it is taken"), first);
        drop(taken);
        let taken = names.take(&name, &second).expect("it is free again");
        assert_eq!(names.kept_by("sink"), 0);
        taken.keep(&node);
        assert_eq!(names.take(&name, &first).expect_err("it is kept"), second);
        assert_eq!((names.kept_by("sink"), names.kept_by("other")), (1, 0));
    }
}
