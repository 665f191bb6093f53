//! The nice value of worker threads: how far they step back for other threads. On Linux each thread has one of its own;
//! elsewhere a process has one for all of its threads, which belongs to the host.

/// The highest nice value that systems know, and so the most steps that make a difference.
pub(in crate::exec) const MOST: u8 = 19;

/// Whether a thread has a nice value of its own on this system.
pub(in crate::exec) const IS_PER_THREAD: bool = cfg!(target_os = "linux");

/// Raises the nice value of the calling thread to `steps` above that of the process, at most to 19; never lowers it. Where
/// the system refuses, as a filter of system calls may, the thread keeps what it has.
#[cfg(target_os = "linux")]
pub(in crate::exec) fn step_back(steps: u8) {
    use rustix::process::{getpid, getpriority_process, setpriority_process};

    if steps == 0 {
        return;
    }
    // Above the process, not above this thread: a worker that starts a spare one hands on what it has added already.
    let (Ok(of_process), Ok(own)) = (getpriority_process(Some(getpid())), getpriority_process(None)) else { return };
    let wanted = of_process.saturating_add(i32::from(steps)).min(i32::from(MOST));
    if wanted > own {
        let _ = setpriority_process(None, wanted);
    }
}

/// Does nothing: no other value than 0 is accepted here.
#[cfg(not(target_os = "linux"))]
pub(in crate::exec) fn step_back(_steps: u8) {}
