//! What was designed lately, for all nodes of the process. Clips of a data set come with the same few rates, and to design a
//! filter and its transforms takes longer than to let a second of sound pass through them.

use std::sync::{Arc, Mutex, TryLockError};

/// How many designs are kept. Those that were not used for longest go first.
const KEPT: usize = 8;

/// Designs by what they are for; the one that was used last is at the end.
pub(crate) struct Recent<K, V: ?Sized>(Mutex<Vec<(K, Arc<V>)>>);

impl<K: PartialEq, V: ?Sized> Recent<K, V> {
    /// None yet.
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    /// The design for this key: the one that is kept, or what `design` makes.
    pub(crate) fn get(&self, key: K, design: impl FnOnce() -> Arc<V>) -> Arc<V> {
        let find = |kept: &mut Vec<(K, Arc<V>)>| {
            let place = kept.iter().position(|(known, _)| *known == key)?;
            kept[place..].rotate_left(1);
            kept.last().map(|(_, known)| Arc::clone(known))
        };
        if let Some(known) = self.look(find).flatten() {
            return known;
        }
        let made = design();
        self.look(|kept| {
            if kept.len() == KEPT {
                kept.remove(0);
            }
            kept.push((key, Arc::clone(&made)));
        });
        made
    }

    /// Looks at what is kept. Nobody waits: if another thread looks just now, or did when this process was forked, this
    /// one goes on as if nothing were kept.
    fn look<R>(&self, look: impl FnOnce(&mut Vec<(K, Arc<V>)>) -> R) -> Option<R> {
        match self.0.try_lock() {
            Ok(mut kept) => Some(look(&mut kept)),
            Err(TryLockError::Poisoned(kept)) => Some(look(&mut kept.into_inner())),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_designed_is_not_designed_again() {
        let recent = Recent::new();
        let get = |key: usize| recent.get(key, || Arc::new(key.to_string()));
        let first = get(7);
        assert_eq!(*first, "7");
        assert!(Arc::ptr_eq(&first, &get(7)));
        // Others are designed; the first one is used in between, and so stays.
        for key in 100..100 + 3 * KEPT {
            assert_eq!(*get(key), key.to_string());
            assert!(Arc::ptr_eq(&first, &get(7)));
        }
        for key in 200..200 + KEPT {
            get(key);
        }
        assert!(!Arc::ptr_eq(&first, &get(7)));
        assert_eq!(Arc::strong_count(&first), 1);
    }

    #[test]
    fn nobody_waits_for_another_thread() {
        let recent = Recent::new();
        let kept = recent.get(1, || Arc::new("kept"));
        let _taken = recent.0.lock().expect("not poisoned");
        let made = recent.get(1, || Arc::new("made"));
        assert_eq!((*kept, *made), ("kept", "made"));
    }

    #[test]
    fn a_design_that_panics_spoils_nothing() {
        let recent = Recent::<u32, str>::new();
        let failed = std::panic::catch_unwind(|| recent.get(1, || panic!("no such filter")));
        assert!(failed.is_err());
        assert_eq!(&*recent.get(1, || "made".into()), "made");
    }
}
