//! Ports: queues from which the host takes events, and where it replies to calls to its own nodes.

use std::sync::Arc;
use std::time::Duration;

use remotemedia_core::exec::{
    Backpressure, HostCall, Port, PortOptions, Runtime, end_events, end_list, event_kind, read_reply, write_events,
    write_next_call, write_progress,
};
use remotemedia_core::wire::{self, Encoder, Limits};

use crate::bell::Bell;
use crate::buffer::{Imported, import_each, rm_buffer};
use crate::counters::Counter;
use crate::document::{Destination, copied, rm_output};
use crate::error::rm_error;
use crate::failure::Failure;
use crate::guard::{guarded, lending};
use crate::handle::{Handle, Header, borrow, free, into_raw, place};
use crate::release::{PortRecords, Records};
use crate::runtime::rm_runtime;
use crate::status::{RM_END, RM_GONE, RM_OK, RM_TIMEOUT, RM_UNSUPPORTED, RM_WOULD_BLOCK, of_outcome, rm_status};

/// `[1, token, completion]`: the work that was submitted with this token has ended.
pub const RM_EVENT_COMPLETED: i32 = 1;
/// `[2, call, {...}]`: packets for nodes of the host, to be answered by `rm_port_reply`.
pub const RM_EVENT_CALL: i32 = 2;
/// `[3, [token, ...]]`: the host may release what these tokens stand for.
pub const RM_EVENT_RELEASED: i32 = 3;
/// `[4]`: the port has ended; no event follows.
pub const RM_EVENT_PORT_ENDED: i32 = 4;
/// `[5, token]`: the session has room for packets that it did not take.
pub const RM_EVENT_ROOM: i32 = 5;
/// `[6, token]`: the session has outputs, or has ended.
pub const RM_EVENT_OUTPUTS: i32 = 6;
/// `[7, call]`: there is room for the next part of the reply to this call.
pub const RM_EVENT_REPLY_ROOM: i32 = 7;
/// `[8, call]`: the call is over before its reply.
pub const RM_EVENT_CALL_OVER: i32 = 8;
/// `[9, token, detail, first]`: a node of the work with this token has dropped a packet after an error.
pub const RM_EVENT_SKIPPED: i32 = 9;

const _: () = {
    use event_kind::*;
    let of_the_core = [COMPLETED, CALL, RELEASED, PORT_ENDED, ROOM, OUTPUTS, REPLY_ROOM, CALL_OVER, SKIPPED];
    let mut kind = 0;
    while kind < of_the_core.len() {
        assert!(of_the_core[kind] == kind as i64 + RM_EVENT_COMPLETED as i64);
        kind += 1;
    }
    assert!(RM_EVENT_SKIPPED as usize == of_the_core.len());
};

/// A port: one for each event loop or serving thread. Any thread may use it. Where several wait at it, each event goes
/// to one of them, and all return at its end.
pub struct rm_port {
    header: Header,
    pub(crate) port: Port,
    bell: Option<Bell>,
    runtime: Runtime,
    pub(crate) records: Arc<PortRecords>,
}

impl Drop for rm_port {
    fn drop(&mut self) {
        self.records.free();
    }
}

impl Handle for rm_port {
    const NAME: &'static str = "port";
    const COUNTER: Counter = Counter::Ports;

    fn header(&self) -> &Header {
        &self.header
    }
}

/// Makes a port. `options` is a map as JSON text or msgpack, or `(NULL, 0)`: `{"bell": "eventfd" | "socketpair" |
/// "none"}` chooses what `rm_port_fd` gives, by default the best that the system has. `RM_UNSUPPORTED` if it does not
/// have the chosen one.
///
/// # Safety
/// `runtime` is live; `options` is readable for `len` bytes, or NULL with 0; `out` is writable; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rm_port_new(
    runtime: *const rm_runtime,
    options: *const u8,
    len: usize,
    out: *mut *mut rm_port,
    err: *mut *mut rm_error,
) -> rm_status {
    guarded!(err, {
        // SAFETY: live or NULL, as the caller promises.
        let rm_runtime { runtime, records, .. } = unsafe { borrow(runtime) }?;
        // SAFETY: writable or NULL, as the caller promises.
        let out = unsafe { place(out, "out") }?;
        // SAFETY: readable, as the caller promises.
        let options = PortOptions::parse(&unsafe { copied(options, len, "options") }?)?;
        let bell = Bell::chosen(options.bell)?;
        let port = Port::new(bell.clone().map(|bell| Box::new(bell) as _));
        runtime.attach(&port);
        let (runtime, records) = (runtime.clone(), PortRecords::new(&port, records));
        *out = into_raw(rm_port { header: Header::new::<rm_port>(), port, bell, runtime, records });
        Ok(RM_OK)
    })
}

/// The descriptor to watch: it is readable while something is there. It belongs to the port: don't read, write or close
/// it, and stop watching it before `rm_port_free`. `rm_port_next` clears it; while events remain it stays readable. It
/// may become readable just after another thread has taken what was there. `RM_UNSUPPORTED` for a port without a bell.
///
/// # Safety
/// `port` is live; `handle` is writable; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rm_port_fd(port: *const rm_port, handle: *mut isize, err: *mut *mut rm_error) -> rm_status {
    guarded!(err, {
        // SAFETY: live or NULL, as the caller promises.
        let port = unsafe { borrow(port) }?;
        // SAFETY: writable or NULL, as the caller promises.
        let handle = unsafe { place(handle, "handle") }?;
        let Some(bell) = &port.bell else {
            return Err(Failure::new(RM_UNSUPPORTED, "this port has no bell; wait for its events with `rm_port_next`"));
        };
        *handle = bell.descriptor();
        Ok(RM_OK)
    })
}

/// Hands out what has happened, as a list of events: at most 256, and after the first no more than make up 1 MiB of
/// document. Waits at most `timeout_us` microseconds for the first (0: not at all; below 0: for ever): `RM_OK`;
/// `RM_TIMEOUT` if nothing came, if `rm_port_wake` was called, or if another thread has taken what woke this one;
/// `RM_END` if the port has ended and this was the last batch. The list is written in all three cases.
///
/// With `events` NULL it waits alone, and takes nothing: `RM_OK` once a call with a place for them would not wait,
/// `RM_TIMEOUT` if that did not happen in time.
///
/// # Safety
/// `port` is live; `events` is NULL or writable; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rm_port_next(
    port: *const rm_port,
    timeout_us: i64,
    events: *mut rm_output,
    err: *mut *mut rm_error,
) -> rm_status {
    guarded!(err, {
        // SAFETY: NULL or writable, as the caller promises.
        let destination = if events.is_null() { None } else { Some(unsafe { Destination::new(events) }?) };
        // SAFETY: live or NULL, as the caller promises.
        let port = unsafe { borrow(port) }?;
        let timeout = if port.records.are_waiting() {
            Some(Duration::ZERO)
        } else {
            u64::try_from(timeout_us).ok().map(Duration::from_micros)
        };
        let Some(mut destination) = destination else {
            let is_ready = port.port.wait(timeout) || port.records.are_waiting();
            return Ok(if is_ready { RM_OK } else { RM_TIMEOUT });
        };
        let mut batch = port.port.next(timeout);
        let mut encoder = Encoder::new();
        write_events(&mut encoder, &batch.events, of_outcome);
        let (count, is_closed) = (batch.events.len(), batch.is_closed);
        let mut is_empty = count == 0;
        let mut released = Vec::new();
        batch.end_tokens(&mut released);
        destination.write_ended(encoder.finish(), batch, |document, mut ended| {
            released.append(&mut ended);
            port.records.drain(&mut released);
            is_empty &= released.is_empty();
            end_events(document, count, &released, is_closed);
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
    // SAFETY: live or NULL, as the caller promises.
    let port = unsafe { borrow(port) };
    let records = port.as_ref().ok().map(|port| Records::Port(&port.records));
    lending!(err, records, |lender| {
        // SAFETY: as the caller promises.
        let imported = unsafe { import_each(buffers, buffer_count, lender) };
        let Imported { buffers, refused } = imported;
        // SAFETY: NULL or writable, as the caller promises.
        let next = if next.is_null() { None } else { Some(unsafe { Destination::new(next) }) };
        // Read even if the port or a buffer is wrong: a token in the reply has to be released also if the reply is refused.
        let limits = port.as_ref().map_or_else(|_| Limits::default(), |port| port.runtime.config().wire.clone());
        // SAFETY: readable, as the caller promises.
        let reply = unsafe { copied(data, len, "data") }
            .and_then(|bytes| Ok(wire::decode(&bytes, &buffers, &limits)?))
            .and_then(|document| Ok(read_reply(&document, || lender.release_token())?));
        let port = port?;
        if let Some(refusal) = refused {
            return Err(refusal);
        }
        let (mut next, reply) = (next.transpose()?, reply?);
        // Only its values have the memory now, so that who takes them finds that nothing else does.
        drop(buffers);
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

/// Ends a port: its work is cancelled, it takes no more, and replies to its calls are `RM_GONE`. `rm_port_next` still
/// hands out what has arrived, the completions and the release records among it, then `[4]` and `RM_END`. A record of
/// memory that a node reads at the moment comes later, here or at the runtime. May be called again, and from any
/// thread; freeing is separate.
///
/// # Safety
/// `port` is live; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rm_port_shutdown(port: *const rm_port, err: *mut *mut rm_error) -> rm_status {
    guarded!(err, {
        // SAFETY: live or NULL, as the caller promises.
        unsafe { borrow(port) }?.port.end();
        Ok(RM_OK)
    })
}

/// Cancels the work of a port and frees it; NULL is fine. Its tokens that are not back yet come back at the runtime.
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

/// Hands out the call that follows the one that was answered, with the tokens of memory that it alone named. Other
/// records wait for a drain, since a document that names them may have been handed out there and not been read yet.
fn write_next(destination: &mut Destination<'_>, call: HostCall) {
    let mut encoder = Encoder::new();
    write_next_call(&mut encoder, &call);
    destination.write_ended(encoder.finish(), call, |document, released| end_list(document, &released));
}

fn gone(token: u64) -> Failure {
    Failure::new(RM_GONE, format!("no work with token {token} is going on at this port"))
}
