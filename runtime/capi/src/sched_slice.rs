//! Requests long scheduler slices (Linux >= 6.12) for threads of this library, so that a thread that wakes up, such as an
//! event loop, preempts them at once. Their share of the core stays the same: they run longer, and later.

/// Several times the default of Linux, and far below a wait that could be noticed.
#[cfg(target_os = "linux")]
const SLICE_NANOSECONDS: u64 = 10_000_000;

/// Requests long slices for this thread. Does nothing where the system has no such request.
pub(crate) fn request_long() {
    #[cfg(target_os = "linux")]
    request(None);
}

/// Requests long slices for this thread, and that it interrupts nobody when it wakes up (`SCHED_BATCH`): the thread that has
/// given it work continues, where otherwise the two would take turns at each piece.
pub(crate) fn request_batch() {
    #[cfg(target_os = "linux")]
    request(Some(libc::SCHED_BATCH.cast_unsigned()));
}

#[cfg(target_os = "linux")]
fn request(policy: Option<u32>) {
    const SIZE: u32 = size_of::<libc::sched_attr>() as u32;
    // SAFETY: all bits zero is a valid value of this struct of integers.
    let mut attributes: libc::sched_attr = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel writes at most `SIZE` bytes to a struct of that size, for the calling thread (0).
    let is_known = unsafe { libc::syscall(libc::SYS_sched_getattr, 0, &raw mut attributes, SIZE, 0) } == 0;
    let is_fair = [libc::SCHED_OTHER, libc::SCHED_BATCH].contains(&attributes.sched_policy.cast_signed());
    if is_known && is_fair {
        attributes.sched_policy = policy.unwrap_or(attributes.sched_policy);
        attributes.sched_runtime = SLICE_NANOSECONDS;
        // SAFETY: the kernel reads the struct, whose size it has filled in. What it refuses stays as it was.
        unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0) };
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    fn attributes_of_this_thread() -> libc::sched_attr {
        // SAFETY: as above.
        unsafe {
            let mut attributes: libc::sched_attr = std::mem::zeroed();
            assert_eq!(libc::syscall(libc::SYS_sched_getattr, 0, &raw mut attributes, 48, 0), 0);
            attributes
        }
    }

    #[test]
    fn a_thread_keeps_its_policy_and_priority() {
        let before = attributes_of_this_thread();
        request_long();
        let after = attributes_of_this_thread();
        assert_eq!(
            (after.sched_policy, after.sched_nice, after.sched_priority),
            (before.sched_policy, before.sched_nice, before.sched_priority)
        );
        // A kernel before 6.12 has no slices and reports 0.
        assert!(before.sched_runtime == 0 || after.sched_runtime == SLICE_NANOSECONDS, "{}", after.sched_runtime);
    }

    #[test]
    fn a_batch_thread_keeps_its_priority() {
        let before = attributes_of_this_thread();
        request_batch();
        let after = attributes_of_this_thread();
        assert_eq!(after.sched_policy, libc::SCHED_BATCH.cast_unsigned());
        assert_eq!((after.sched_nice, after.sched_priority), (before.sched_nice, before.sched_priority));
    }
}
