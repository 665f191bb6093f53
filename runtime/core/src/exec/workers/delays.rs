//! Random pauses where threads of the scheduler meet, so that tests see orders of events that a machine at rest never
//! shows. Only in builds with debug assertions, and only if `REMOTEMEDIA_DELAYS` is set to a seed.

#[cfg(not(debug_assertions))]
#[inline(always)]
pub(in crate::exec) fn pause() {}

#[cfg(debug_assertions)]
pub(in crate::exec) use self::at_random::pause;

#[cfg(debug_assertions)]
mod at_random {
    use std::cell::Cell;
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    static SEED: LazyLock<Option<u64>> = LazyLock::new(|| std::env::var("REMOTEMEDIA_DELAYS").ok()?.parse().ok());

    thread_local! {
        static STATE: Cell<u64> = const { Cell::new(0) };
    }

    /// Lets other threads go first: mostly not at all, seldom for milliseconds.
    pub(in crate::exec) fn pause() {
        let Some(seed) = *SEED else { return };
        match next(seed) % 4096 {
            0 => std::thread::sleep(Duration::from_millis(2)),
            1..=32 => std::thread::sleep(Duration::from_micros(1 + next(seed) % 200)),
            33..=512 => std::thread::yield_now(),
            _ => {}
        }
    }

    /// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014), one stream a thread.
    fn next(seed: u64) -> u64 {
        static THREADS: AtomicU64 = AtomicU64::new(1);
        STATE.with(|state| {
            if state.get() == 0 {
                let thread = THREADS.fetch_add(1, Ordering::Relaxed);
                state.set(mix(seed ^ mix(thread)) | 1);
            }
            state.set(state.get().wrapping_add(0x9e37_79b9_7f4a_7c15));
            mix(state.get())
        })
    }

    fn mix(state: u64) -> u64 {
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
