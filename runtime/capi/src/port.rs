//! Ports: queues from which the host takes events, and where it replies to calls to its own nodes.

use std::time::Duration;

use remotemedia_core::exec::{
    Backpressure, HostCall, Port, Runtime, end_events, end_list, read_reply, write_events, write_next_call,
    write_progress,
};
use remotemedia_core::wire::{self, Encoder};

use crate::buffer::{Imported, import_each, rm_buffer};
use crate::counters::Counter;
use crate::document::{Destination, copied, rm_output};
use crate::error::rm_error;
use crate::event_fd::EventFd;
use crate::failure::Failure;
use crate::guard::guarded;
use crate::handle::{Handle, Header, borrow, free, into_raw, place};
use crate::release;
use crate::runtime::rm_runtime;
use crate::status::{RM_END, RM_GONE, RM_OK, RM_TIMEOUT, RM_WOULD_BLOCK, of_outcome, rm_status};

/// A port: one for each event loop or serving thread. Any thread may use it; one at a time should wait at it.
pub struct rm_port {
    header: Header,
    pub(crate) port: Port,
    event_fd: EventFd,
    runtime: Runtime,
}

impl Handle for rm_port {
    const NAME: &'static str = "port";
    const COUNTER: Counter = Counter::Ports;

    fn header(&self) -> &Header {
        &self.header
    }
}

/// Makes a port.
///
/// # Safety
/// `runtime` is live; `out` is writable; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rm_port_new(
    runtime: *const rm_runtime,
    out: *mut *mut rm_port,
    err: *mut *mut rm_error,
) -> rm_status {
    guarded!(err, {
        // SAFETY: live or NULL, as the caller promises.
        let runtime = &unsafe { borrow(runtime) }?.runtime;
        // SAFETY: writable or NULL, as the caller promises.
        let out = unsafe { place(out, "out") }?;
        let event_fd = EventFd::new()?;
        let port = Port::new(Some(Box::new(event_fd.clone())));
        runtime.attach(&port);
        *out = into_raw(rm_port { header: Header::new::<rm_port>(), port, event_fd, runtime: runtime.clone() });
        Ok(RM_OK)
    })
}

/// The descriptor to watch: it is readable while something is there. It belongs to the port: don't read, write or close
/// it, and stop watching it before `rm_port_free`. `rm_port_next` clears it; while events remain it stays readable. It
/// may become readable just after another thread has taken what was there.
///
/// # Safety
/// `port` is live; `fd` is writable; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rm_port_fd(port: *const rm_port, fd: *mut i32, err: *mut *mut rm_error) -> rm_status {
    guarded!(err, {
        // SAFETY: live or NULL, as the caller promises.
        let port = unsafe { borrow(port) }?;
        // SAFETY: writable or NULL, as the caller promises.
        *unsafe { place(fd, "fd") }? = port.event_fd.descriptor();
        Ok(RM_OK)
    })
}

/// Hands out what has happened, as a list of events. Waits at most `timeout_us` microseconds for the first (0: not at
/// all; below 0: for ever): `RM_OK`; `RM_TIMEOUT` if nothing came or `rm_port_wake` was called; `RM_END` if the port is
/// shut down and this was the last batch. The list is written in all three cases.
///
/// # Safety
/// `port` is live; `events` is writable; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rm_port_next(
    port: *const rm_port,
    timeout_us: i64,
    events: *mut rm_output,
    err: *mut *mut rm_error,
) -> rm_status {
    guarded!(err, {
        // SAFETY: writable, as the caller promises.
        let mut destination = unsafe { Destination::new(events) }?;
        // SAFETY: live or NULL, as the caller promises.
        let port = unsafe { borrow(port) }?;
        let timeout = if release::is_waiting(&port.port) {
            Some(Duration::ZERO)
        } else {
            u64::try_from(timeout_us).ok().map(Duration::from_micros)
        };
        let batch = port.port.next(timeout);
        let mut encoder = Encoder::new();
        write_events(&mut encoder, &batch.events, of_outcome);
        let (count, is_closed) = (batch.events.len(), batch.is_closed);
        let mut is_empty = count == 0;
        release::collected(|records| {
            destination.write_ended(encoder.finish(), batch, |document| {
                let released = records.drain(Some(&port.port));
                is_empty &= released.is_empty();
                end_events(document, count, &released, is_closed);
            });
        });
        Ok(match (is_closed, is_empty) {
            (true, _) => RM_END,
            (false, true) => RM_TIMEOUT,
            (false, false) => RM_OK,
        })
    })
}

/// Lets an `rm_port_next` that waits return `RM_TIMEOUT` now; if none waits, the next one does not wait.
///
/// # Safety
/// `port` is live; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rm_port_wake(port: *const rm_port, err: *mut *mut rm_error) -> rm_status {
    guarded!(err, {
        // SAFETY: live or NULL, as the caller promises.
        unsafe { borrow(port) }?.port.wake();
        Ok(RM_OK)
    })
}

/// Cancels the work that was submitted with this token: `RM_OK`, and its completion is on its way; or `RM_GONE` if it has
/// ended already. Buffers stay borrowed until native work has let go; release records say when.
///
/// # Safety
/// `port` is live; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rm_port_cancel(port: *const rm_port, token: u64, err: *mut *mut rm_error) -> rm_status {
    guarded!(err, {
        // SAFETY: live or NULL, as the caller promises.
        let port = unsafe { borrow(port) }?;
        if port.port.cancel(token) {
            return Ok(RM_OK);
        }
        Err(gone(token))
    })
}

/// Writes how far the work is that was submitted, or the session that was opened, with this token: `{items, media_ns?}`,
/// see docs/abi.md; `RM_GONE` if it has ended.
///
/// # Safety
/// `port` is live; `out` is writable; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rm_port_progress(
    port: *const rm_port,
    token: u64,
    out: *mut rm_output,
    err: *mut *mut rm_error,
) -> rm_status {
    guarded!(err, {
        // SAFETY: writable, as the caller promises.
        let mut destination = unsafe { Destination::new(out) }?;
        // SAFETY: live or NULL, as the caller promises.
        let port = unsafe { borrow(port) }?;
        let Some(progress) = port.port.progress(token) else { return Err(gone(token)) };
        let mut encoder = Encoder::new();
        write_progress(&mut encoder, &progress);
        destination.write(encoder.finish(), ());
        Ok(RM_OK)
    })
}

/// Answers a call to nodes of the host, see docs/abi.md. `RM_WOULD_BLOCK` if a part of an answer was taken and what comes
/// behind the nodes has no room for another: make the next part when event `[7, call]` comes. `RM_GONE` if the call is
/// over; then nothing is wrong.
///
/// With `next` the thread that answers may go on at once: where the next call to the same nodes is there already, it is
/// written to `next` as `[call, {...}, released?]`, and no event tells of it. Without one, nothing is written: neither
/// bytes nor a document.
///
/// # Safety
/// `port` is live; `data` is readable for `len` bytes and `buffers` for `buffer_count` entries, or NULL with 0; `next` and
/// `err` are NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rm_port_reply(
    port: *const rm_port,
    call: u64,
    data: *const u8,
    len: usize,
    buffers: *const rm_buffer,
    buffer_count: usize,
    next: *mut rm_output,
    err: *mut *mut rm_error,
) -> rm_status {
    guarded!(err, {
        // SAFETY: live or NULL, as the caller promises.
        let port = unsafe { borrow(port) };
        // SAFETY: as the caller promises.
        let imported = unsafe { import_each(buffers, buffer_count, port.as_ref().ok().map(|port| &port.port)) };
        let Imported { buffers, refused } = imported;
        // SAFETY: NULL or writable, as the caller promises.
        let next = if next.is_null() { None } else { Some(unsafe { Destination::new(next) }) };
        let port = port?;
        // SAFETY: readable, as the caller promises.
        let bytes = unsafe { copied(data, len, "data") }?;
        let behind = port.port.downgrade();
        // Read even if a buffer is wrong: a token in the reply has to be released also if the reply is refused.
        let reply = wire::decode(&bytes, &buffers, &port.runtime.config().wire)
            .map_err(Failure::from)
            .and_then(|document| Ok(read_reply(&document, move |token| release::record(token, behind.clone()))?));
        if let Some(refusal) = refused {
            return Err(refusal);
        }
        let (mut next, reply) = (next.transpose()?, reply?);
        let flow = match &mut next {
            None => port.port.reply(call, reply)?,
            Some(destination) => {
                let (flow, call) = port.port.reply_for_next(call, reply)?;
                match call {
                    Some(call) => write_next(destination, call),
                    None => destination.write_nothing(),
                }
                flow
            }
        };
        Ok(match flow {
            Backpressure::Ready => RM_OK,
            Backpressure::Full => RM_WOULD_BLOCK,
        })
    })
}

/// Cancels the work of a port and frees it; NULL is fine.
///
/// # Safety
/// `port` is NULL or live, nobody uses it any more and nobody watches its descriptor.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rm_port_free(port: *mut rm_port) {
    // SAFETY: live or NULL, as the caller promises; a port of the parent process is left alone.
    if let Ok(port) = unsafe { borrow(port.cast_const()) } {
        let _ = crate::guard::catch(|| {
            port.port.close();
            Ok(RM_OK)
        });
    }
    // SAFETY: as the caller promises.
    unsafe { free(port) };
}

/// Hands out the call that follows the one that was answered, with the tokens that this alone releases. Other records wait
/// for a drain, since a document that names them may have been handed out there and not been read yet.
fn write_next(destination: &mut Destination<'_>, call: HostCall) {
    let mut encoder = Encoder::new();
    write_next_call(&mut encoder, &call);
    release::collected(|records| {
        destination.write_ended(encoder.finish(), call, |document| end_list(document, &records.take()));
    });
}

fn gone(token: u64) -> Failure {
    Failure::new(RM_GONE, format!("no work with token {token} is going on at this port"))
}
