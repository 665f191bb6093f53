//! Pipelines: manifests made ready to run, and the work that is given to them.

use std::sync::Arc;
use std::time::Duration;

use remotemedia_core::exec::{
    Completion, Outcome, Pipeline, PipelineOptions, Submission, Submitted, add_released, write_returned_completion,
};
use remotemedia_core::node::HostToken;
use remotemedia_core::value::{Buffer, Inputs, Value};
use remotemedia_core::wire::{self, Encoder};

use crate::buffer::{import, rm_buffer};
use crate::counters::Counter;
use crate::document::{Destination, copied, rm_output};
use crate::error::rm_error;
use crate::failure::Failure;
use crate::guard::{guarded, lending};
use crate::handle::{Handle, Header, borrow, free, into_raw, place};
use crate::port::rm_port;
use crate::release::{Lender, Records, RuntimeRecords};
use crate::runtime::rm_runtime;
use crate::status::{RM_OK, RM_PENDING, of_outcome, rm_status};

/// A validated manifest, ready to run any number of times, also at the same time. Any thread may use it.
pub struct rm_pipeline {
    header: Header,
    pub(crate) pipeline: Pipeline,
    /// Where tokens come back that are given without a port.
    records: Arc<RuntimeRecords>,
}

impl Handle for rm_pipeline {
    const NAME: &'static str = "pipeline";
    const COUNTER: Counter = Counter::Pipelines;

    fn header(&self) -> &Header {
        &self.header
    }
}

/// Makes a pipeline. `manifest` is JSON text, YAML text or a msgpack map, told apart by the first byte. `options` is a
/// map as JSON text or msgpack, or `(NULL, 0)`: `{"host_nodes": {"my_type": {"token": 7, "batch": 32}}}` declares node
/// types that the host runs itself. Each `token` comes back by a release record once no call can name it any more: the
/// pipeline is freed and its work has ended, or this call fails. `RM_INVALID_MANIFEST` comes with every problem at
/// once.
///
/// # Safety
/// `runtime` is live; the slices are readable, or NULL with 0; `out` is writable; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rm_pipeline_new(
    runtime: *const rm_runtime,
    manifest: *const u8,
    len: usize,
    options: *const u8,
    options_len: usize,
    out: *mut *mut rm_pipeline,
    err: *mut *mut rm_error,
) -> rm_status {
    // SAFETY: live or NULL, as the caller promises.
    let runtime = unsafe { borrow(runtime) };
    let records = runtime.as_ref().ok().map(|runtime| Records::Runtime(&runtime.records));
    lending!(err, records, |lender| {
        // SAFETY: readable, as the caller promises.
        let options = unsafe { copied(options, options_len, "options") }?;
        let mut tokens = Vec::new();
        let options =
            PipelineOptions::parse(&options, |token| tokens.push(HostToken::new(token, lender.release_token())))?;
        let host_nodes = options.host_nodes;
        let runtime = runtime?;
        // SAFETY: writable or NULL, as the caller promises.
        let out = unsafe { place(out, "out") }?;
        // SAFETY: readable, as the caller promises.
        let manifest = unsafe { copied(manifest, len, "manifest") }?;
        let pipeline = runtime.runtime.compile_for_host(&manifest, &host_nodes, tokens)?;
        let records = Arc::clone(&runtime.records);
        *out = into_raw(rm_pipeline { header: Header::new::<rm_pipeline>(), pipeline, records });
        Ok(RM_OK)
    })
}

/// Writes the plan: nodes with the stage that runs them, what joins them, what the planner inserted; see docs/abi.md.
///
/// # Safety
/// `pipeline` is live; `plan` is writable; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rm_pipeline_describe(
    pipeline: *const rm_pipeline,
    plan: *mut rm_output,
    err: *mut *mut rm_error,
) -> rm_status {
    guarded!(err, {
        // SAFETY: writable, as the caller promises.
        let mut destination = unsafe { Destination::new(plan) }?;
        // SAFETY: live or NULL, as the caller promises.
        let pipeline = &unsafe { borrow(pipeline) }?.pipeline;
        destination.write(wire::encode(&Value::from(pipeline.graph().describe())), ());
        Ok(RM_OK)
    })
}

/// Runs a pipeline and waits for its end. `inputs` is a msgpack list with a value for each item, or a map of such lists
/// by the names of the inputs (`{"mic": [...], "reference": [...]}`, of one length); for a graph that has only sources
/// an empty list or nil. `timeout_us` below 0 means none. On success `out` holds the completion; on failure nothing is
/// written and `err` says why. A pipeline with nodes of the host needs `rm_pipeline_submit`.
///
/// # Safety
/// `pipeline` is live; the slices are readable, or NULL with 0; `out` is writable; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rm_pipeline_execute(
    pipeline: *const rm_pipeline,
    inputs: *const u8,
    len: usize,
    buffers: *const rm_buffer,
    buffer_count: usize,
    timeout_us: i64,
    out: *mut rm_output,
    err: *mut *mut rm_error,
) -> rm_status {
    // SAFETY: live or NULL, as the caller promises.
    let pipeline = unsafe { borrow(pipeline) };
    let records = pipeline.as_ref().ok().map(|pipeline| Records::Runtime(&pipeline.records));
    lending!(err, records, |lender| {
        // SAFETY: as the caller promises.
        let buffers = unsafe { import(buffers, buffer_count, lender) };
        // SAFETY: writable, as the caller promises.
        let mut destination = unsafe { Destination::new(out) }?;
        let pipeline = &pipeline?.pipeline;
        // SAFETY: readable, as the caller promises.
        let bytes = unsafe { copied(inputs, len, "inputs") }?;
        let (inputs, input_bytes) = read_inputs(pipeline, &bytes, buffers?)?;
        let mut completion = pipeline.execute(inputs, input_bytes, timeout(timeout_us))?;
        if completion.outcome != Outcome::Finished && !completion.errors.is_empty() {
            return Err(completion.errors.swap_remove(0).into());
        }
        write(&mut destination, pipeline, completion, lender);
        Ok(RM_OK)
    })
}

/// Gives a pipeline a piece of work, which ends in exactly one completion. Short work is done on the calling thread
/// within `budget_us` microseconds: `RM_OK`, and the completion, also a failed one, is in `out`. Else `RM_PENDING`: it
/// will arrive at `port` under `token`, as will calls to nodes of the host, perhaps before this function has returned.
/// With a budget of 0 or less the calling thread does nothing of it, and the status is always `RM_PENDING`. Below 0 it
/// was not accepted: `RM_INVALID_ARGUMENT` if `port` is one of another runtime than `pipeline`. `inputs` is as for
/// `rm_pipeline_execute`; `timeout_us` below 0 means none.
///
/// # Safety
/// `pipeline` and `port` are live; the slices are readable, or NULL with 0; `out` is writable; `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rm_pipeline_submit(
    pipeline: *const rm_pipeline,
    port: *const rm_port,
    token: u64,
    inputs: *const u8,
    len: usize,
    buffers: *const rm_buffer,
    buffer_count: usize,
    timeout_us: i64,
    budget_us: i64,
    out: *mut rm_output,
    err: *mut *mut rm_error,
) -> rm_status {
    // SAFETY: live or NULL, as the caller promises.
    let (pipeline, port) = unsafe { (borrow(pipeline), borrow(port)) };
    let records = match (&port, &pipeline) {
        (Ok(port), _) => Some(Records::Port(&port.records)),
        (Err(_), Ok(pipeline)) => Some(Records::Runtime(&pipeline.records)),
        (Err(_), Err(_)) => None,
    };
    lending!(err, records, |lender| {
        // SAFETY: as the caller promises.
        let buffers = unsafe { import(buffers, buffer_count, lender) };
        // SAFETY: writable, as the caller promises.
        let mut destination = unsafe { Destination::new(out) }?;
        let (pipeline, port) = (&pipeline?.pipeline, &port?.port);
        // SAFETY: readable, as the caller promises.
        let bytes = unsafe { copied(inputs, len, "inputs") }?;
        let (inputs, input_bytes) = read_inputs(pipeline, &bytes, buffers?)?;
        let budget = Duration::from_micros(u64::try_from(budget_us).unwrap_or(0));
        let submission = Submission { token, inputs, input_bytes, timeout: timeout(timeout_us), budget };
        match pipeline.submit(port, submission)? {
            Submitted::Pending => {
                destination.write_nothing();
                Ok(RM_PENDING)
            }
            Submitted::Finished(completion) => {
                write(&mut destination, pipeline, completion, lender);
                Ok(RM_OK)
            }
        }
    })
}

/// Frees a pipeline; NULL is fine. Work that it was given goes on.
///
/// # Safety
/// `pipeline` is NULL or live, and nobody uses it any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rm_pipeline_free(pipeline: *mut rm_pipeline) {
    // SAFETY: as the caller promises.
    unsafe { free(pipeline) };
}

fn read_inputs(pipeline: &Pipeline, bytes: &[u8], buffers: Vec<Buffer>) -> Result<(Inputs, usize), Failure> {
    let input_bytes = bytes.len() + buffers.iter().map(Buffer::len).sum::<usize>();
    let inputs = wire::decode_inputs(bytes, &buffers, &pipeline.runtime().config().wire)?;
    Ok((inputs, input_bytes))
}

/// Hands out a completion, with the tokens that this releases.
fn write(destination: &mut Destination<'_>, pipeline: &Pipeline, mut completion: Completion, lender: &Lender<'_>) {
    let mut encoder = Encoder::new();
    let has_offsets = pipeline.runtime().config().has_offsets;
    let offsets = write_returned_completion(&mut encoder, &completion, of_outcome, has_offsets);
    let mut released = Vec::new();
    completion.end_tokens(&mut released);
    destination.write_ended(encoder.finish(), completion, |document, mut ended| {
        released.append(&mut ended);
        lender.drain(&mut released);
        add_released(document, &released, offsets);
    });
}

fn timeout(timeout_us: i64) -> Option<Duration> {
    u64::try_from(timeout_us).ok().map(Duration::from_micros)
}
