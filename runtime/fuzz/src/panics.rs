//! Which panics are findings: those of this project. A decoder of another crate that panics on damaged data is caught by
//! the node that uses it; the place is printed once, so that it can be reported where it belongs.

use std::collections::BTreeSet;
use std::panic::set_hook;
use std::sync::Mutex;

/// Ends the process at a panic, but for one in a crate whose name begins with a prefix of `caught`.
pub fn abort_on_panics(caught: &'static [&'static str]) {
    static SEEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    set_hook(Box::new(move |info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        if !place.split('/').any(|folder| caught.iter().any(|prefix| folder.starts_with(prefix))) {
            eprintln!("{info}\n{}", std::backtrace::Backtrace::force_capture());
            std::process::abort();
        }
        if SEEN.lock().is_ok_and(|mut seen| seen.insert(place)) {
            eprintln!("caught: {info}");
        }
    }));
}
