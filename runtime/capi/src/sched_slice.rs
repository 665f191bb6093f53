//! Requests long scheduler slices (Linux >= 6.12) for threads of this library, so that a thread that wakes up, such as an
//! event loop, preempts them at once. Their share of the core stays the same: they run longer, and later.

/// Several times the default of Linux, and far below a wait that could be noticed.
#[cfg(target_os = "linux")]
const SLICE_NANOSECONDS: u64 = 10_000_000;

/// Requests long slices for this thread. Does nothing where the system has no such request.
pub(crate) fn request_long() {
    #[cfg(target_os = "linux")]
    {
        const SIZE: u32 = size_of::<libc::sched_attr>() as u32;
        // SAFETY: all bits zero is a valid value of this struct of integers.
        let mut attributes: libc::sched_attr = unsafe { std::mem::zeroed() };
        // SAFETY: the kernel writes at most `SIZE` bytes to a struct of that size, for the calling thread (0).
        let is_known = unsafe { libc::syscall(libc::SYS_sched_getattr, 0, &raw mut attributes, SIZE, 0) } == 0;
        let is_fair = [libc::SCHED_OTHER, libc::SCHED_BATCH].contains(&attributes.sched_policy.cast_signed());
        if is_known && is_fair {
            attributes.sched_runtime = SLICE_NANOSECONDS;
            // SAFETY: the kernel reads the struct, whose size it has filled in. What it refuses stays as it was.
            unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0) };
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_thread_keeps_its_policy_and_priority() {
        let of_this_thread = || {
            // SAFETY: as above.
            unsafe {
                let mut attributes: libc::sched_attr = std::mem::zeroed();
                assert_eq!(libc::syscall(libc::SYS_sched_getattr, 0, &raw mut attributes, 48, 0), 0);
                attributes
            }
        };
        let before = of_this_thread();
        request_long();
        let after = of_this_thread();
        assert_eq!(
            (after.sched_policy, after.sched_nice, after.sched_priority),
            (before.sched_policy, before.sched_nice, before.sched_priority)
        );
        // A kernel before 6.12 has no slices and reports 0.
        assert!(before.sched_runtime == 0 || after.sched_runtime == SLICE_NANOSECONDS, "{}", after.sched_runtime);
    }
}
