//! Sessions: a pipeline that runs beside its host, which sends packets and takes outputs as it likes.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use remotemedia_core::exec::{
    Received, Session, SessionOptions, TakeLimit, encoder_of_outputs, end_list, read_control, read_packets,
    write_metrics, write_received, write_sent, write_trace,
};
use remotemedia_core::value::Buffer;
use remotemedia_core::wire::{Encoder, Limits};
use smallvec::SmallVec;

use crate::buffer::{import, rm_buffer};
use crate::counters::Counter;
use crate::document::{Destination, copied, copied_into, rm_output};
use crate::error::rm_error;
use crate::failure::Failure;
use crate::guard::{guarded, lending};
use crate::handle::{Handle, Header, borrow, free, into_raw, place};
use crate::pipeline::rm_pipeline;
use crate::port::rm_port;
use crate::release::{PortRecords, Records};
use crate::status::{RM_END, RM_GONE, RM_INVALID_ARGUMENT, RM_OK, RM_WOULD_BLOCK, rm_status};

/// A session: a pipeline at work on one stream. Any thread may use it, also one that sends beside one that receives.
pub struct rm_session {
    header: Header,
    session: Session,
    /// Where the tokens that it is given come back.
    records: Arc<PortRecords>,
    limits: Limits,
}

impl Handle for rm_session {
    const NAME: &'static str = "session";
    const COUNTER: Counter = Counter::Sessions;

    fn header(&self) -> &Header {
        &self.header
    }
}

/// One document of outputs holds at most this many bytes of values, or one output.
const MOST_BYTES: usize = 1 << 20;

/// Packets of at most this many bytes are read before it is known whether there is room: cheaper than to ask first.
const SMALL_BYTES: usize = 4 << 10;

/// Opens a session. Its one completion arrives at `port` under `token`, without outputs; so do calls to nodes of the
/// host, and the events that there is room again or that outputs are there. `options` is a map as JSON text or msgpack,
/// or `(NULL, 0)`: `{"outputs": ["name", ...], "buffer": {"packets", "bytes", "ms"}, "deadline_us",
/// "packet_deadline_us", "clock"}`, see docs/abi.md. `RM_INVALID_ARGUMENT` if `port` is one of another runtime than
/// `pipeline`.
///
/// # Safety
/// `pipeline` and `port` are live; `options` is readable for `len` bytes, or NULL with 0; `out` is writable; `err` is NULL
/// or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rm_session_new(
    pipeline: *const rm_pipeline,
    port: *const rm_port,
    token: u64,
    options: *const u8,
    len: usize,
    out: *mut *mut rm_session,
    err: *mut *mut rm_error,
) -> rm_status {
    guarded!(err, {
        // SAFETY: live or NULL, as the caller promises.
        let (pipeline, port) = unsafe { (&borrow(pipeline)?.pipeline, borrow(port)?) };
        // SAFETY: writable or NULL, as the caller promises.
        let out = unsafe { place(out, "out") }?;
        // SAFETY: readable, as the caller promises.
        let options = SessionOptions::parse(&unsafe { copied(options, len, "options") }?)?;
        let session = pipeline.session(&port.port, token, &options)?;
        let limits = pipeline.runtime().config().wire.clone();
        let records = Arc::clone(&port.records);
        *out = into_raw(rm_session { header: Header::new::<rm_session>(), session, records, limits });
        Ok(RM_OK)
    })
}

/// Sends packets: a msgpack list of `[value, pts?, duration?, input?]`, times in nanoseconds or nil, `input` the number
/// of an input in the order of the plan, 0 by default. Takes them in their order as far as each finds room at its
/// input, and writes `[taken, outputs, released?]`: `RM_OK` if that is all; else `RM_WOULD_BLOCK`, and one event `[5,
/// token]` says when to send the others again. Light work is done on the calling thread within `budget_us`
/// microseconds, and outputs that are there come along, at most `most_outputs`; with a budget of 0 or less it does no
/// work. Below 0 nothing was taken; `RM_GONE` if the session has ended.
///
/// # Safety
/// `session` is live; the slices are readable, or NULL with 0; `out` is writable; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rm_session_send(
    session: *const rm_session,
    packets: *const u8,
    len: usize,
    buffers: *const rm_buffer,
    buffer_count: usize,
    budget_us: i64,
    most_outputs: usize,
    out: *mut rm_output,
    err: *mut *mut rm_error,
) -> rm_status {
    // SAFETY: live or NULL, as the caller promises.
    let session = unsafe { borrow(session) };
    let records = session.as_ref().ok().map(|session| Records::Port(&session.records));
    lending!(err, records, |lender| {
        // SAFETY: as the caller promises.
        let buffers = unsafe { import(buffers, buffer_count, lender) };
        // SAFETY: writable, as the caller promises.
        let mut destination = unsafe { Destination::new(out) }?;
        let session = session?;
        let mut room = SmallVec::new();
        // SAFETY: readable, as the caller promises.
        let bytes = unsafe { copied_into(&mut room, packets, len, "packets") }?;
        let buffers = buffers?;
        let packet_bytes = bytes.len() + buffers.iter().map(Buffer::len).sum::<usize>();
        // Large packets without room need not be read yet.
        let has_room = packet_bytes <= SMALL_BYTES || session.session.has_room()?;
        let mut packets = VecDeque::new();
        if has_room {
            packets = read_packets::<Failure>(bytes, &buffers, &session.limits)?;
        }
        drop(buffers);
        let budget = Duration::from_micros(u64::try_from(budget_us).unwrap_or(0));
        let sent = session.session.send(&mut packets, packet_bytes, budget, most(most_outputs))?;
        let is_all = has_room && packets.is_empty();
        drop(packets);
        let mut encoder = encoder_of_outputs(&sent.outputs);
        write_sent(&mut encoder, &sent, &session.session);
        destination.write_ended(encoder.finish(), sent, |document, mut released| {
            lender.drain(&mut released);
            end_list(document, &released);
        });
        Ok(if is_all { RM_OK } else { RM_WOULD_BLOCK })
    })
}

/// Takes outputs that are there, at most `most_outputs`, 0 for as many as one document holds: of all outputs of the graph
/// in the order in which they came, or of the one at place `sink` among those that the options chose; below 0 means all.
/// Writes `[[[value, pts, duration, seq, stream, output, item], ...], released?]`, `output` the number of an output in
/// the order of the plan: `RM_OK`; `RM_WOULD_BLOCK` if there are none, and one event `[6, token]` says when there are;
/// `RM_END` if there will never be one again. With each of the three the document is written, and may hold `released`
/// without an output.
///
/// # Safety
/// `session` is live; `out` is writable; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rm_session_receive(
    session: *const rm_session,
    sink: i64,
    most_outputs: usize,
    out: *mut rm_output,
    err: *mut *mut rm_error,
) -> rm_status {
    guarded!(err, {
        // SAFETY: writable, as the caller promises.
        let mut destination = unsafe { Destination::new(out) }?;
        // SAFETY: live or NULL, as the caller promises.
        let session = unsafe { borrow(session) }?;
        let only = usize::try_from(sink).ok();
        let count = session.session.outputs().len();
        if let Some(place) = only.filter(|&place| place >= count) {
            let message = format!("the session has no output {place}; it hands out {count}, counted from 0");
            return Err(Failure::new(RM_INVALID_ARGUMENT, message));
        }
        let most_outputs = if most_outputs == 0 { usize::MAX } else { most_outputs };
        let (status, outputs) = match session.session.receive(only, most(most_outputs)) {
            Received::Outputs(outputs) => (RM_OK, outputs),
            Received::WouldBlock => (RM_WOULD_BLOCK, Vec::new()),
            Received::End => (RM_END, Vec::new()),
        };
        let mut encoder = encoder_of_outputs(&outputs);
        write_received(&mut encoder, &outputs, &session.session);
        destination.write_ended(encoder.finish(), outputs, |document, mut released| {
            session.records.drain(&mut released);
            end_list(document, &released);
        });
        Ok(status)
    })
}

/// Says that no more packets come: what was sent is worked off in order and flushed, then the session ends. May be said
/// again. `RM_GONE` if the session has ended before its time.
///
/// # Safety
/// `session` is live; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rm_session_finish(session: *const rm_session, err: *mut *mut rm_error) -> rm_status {
    guarded!(err, {
        // SAFETY: live or NULL, as the caller promises.
        unsafe { borrow(session) }?.session.finish()?;
        Ok(RM_OK)
    })
}

/// Asks a session for more than packets, by a map as msgpack or JSON text. `{"flush": true}` ends the stream behind
/// what was sent: everything that nodes hold back comes out, and another stream may begin. `{"interrupt": true}` drops
/// everything that was sent and not received, and lets nodes begin anew; what is sent afterwards is not touched by it.
/// Of a session that has ended it drops what was not received, and is `RM_OK` too. With `"at": "id"` only what waits
/// before this node or behind it is dropped, and only these nodes begin anew; ends that are on their way stay.
///
/// # Safety
/// `session` is live; `control` is readable for `len` bytes, or NULL with 0; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rm_session_control(
    session: *const rm_session,
    control: *const u8,
    len: usize,
    err: *mut *mut rm_error,
) -> rm_status {
    guarded!(err, {
        // SAFETY: live or NULL, as the caller promises.
        let session = unsafe { borrow(session) }?;
        // SAFETY: readable, as the caller promises.
        let bytes = unsafe { copied(control, len, "control") }?;
        session.session.control(read_control::<Failure>(&bytes, &session.limits)?)?;
        Ok(RM_OK)
    })
}

/// Writes what goes on in a session: `{sent, nodes: [{id, packets, errors, late, waiting, fill, waits_for, ...}],
/// edges: [...], lag: {...}, inputs: [...], unread: {output: count}}`; see docs/abi.md. Also after it has ended.
///
/// # Safety
/// `session` is live; `out` is writable; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rm_session_metrics(
    session: *const rm_session,
    out: *mut rm_output,
    err: *mut *mut rm_error,
) -> rm_status {
    guarded!(err, {
        // SAFETY: writable, as the caller promises.
        let mut destination = unsafe { Destination::new(out) }?;
        // SAFETY: live or NULL, as the caller promises.
        let session = &unsafe { borrow(session) }?.session;
        let mut encoder = Encoder::new();
        write_metrics(&mut encoder, &session.metrics(), session);
        destination.write(encoder.finish(), ());
        Ok(RM_OK)
    })
}

/// Writes what a session that was opened with `"trace": true` has recorded since this was last called:
/// `{records: [[kind, node id, ...], ...], lost}`, see docs/abi.md. Also after it has ended.
///
/// # Safety
/// `session` is live; `out` is writable; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rm_session_trace(
    session: *const rm_session,
    out: *mut rm_output,
    err: *mut *mut rm_error,
) -> rm_status {
    guarded!(err, {
        // SAFETY: writable, as the caller promises.
        let mut destination = unsafe { Destination::new(out) }?;
        // SAFETY: live or NULL, as the caller promises.
        let session = &unsafe { borrow(session) }?.session;
        let mut encoder = Encoder::new();
        write_trace(&mut encoder, &session.trace(), session);
        destination.write(encoder.finish(), ());
        Ok(RM_OK)
    })
}

/// Ends a session now and drops what is on its way: `RM_OK`, and its completion is on its way; or `RM_GONE` if it has
/// ended already.
///
/// # Safety
/// `session` is live; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rm_session_cancel(session: *const rm_session, err: *mut *mut rm_error) -> rm_status {
    guarded!(err, {
        // SAFETY: live or NULL, as the caller promises.
        if unsafe { borrow(session) }?.session.cancel() {
            return Ok(RM_OK);
        }
        Err(Failure::new(RM_GONE, "the session has ended before"))
    })
}

/// Cancels a session that still goes on, and frees it; NULL is fine.
///
/// # Safety
/// `session` is NULL or live, and nobody uses it any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rm_session_free(session: *mut rm_session) {
    // SAFETY: live or NULL, as the caller promises; a session of the parent process is left alone.
    if let Ok(session) = unsafe { borrow(session.cast_const()) } {
        let _ = crate::guard::catch(|| {
            session.session.cancel();
            Ok(RM_OK)
        });
    }
    // SAFETY: as the caller promises.
    unsafe { free(session) };
}

fn most(packets: usize) -> TakeLimit {
    TakeLimit { packets, bytes: MOST_BYTES }
}
