//! A host that drives the ABI through its extern functions, with objects that are freed at the end.

use std::collections::BTreeMap;
use std::ffi::CStr;
use std::ptr::{null, null_mut};
use std::sync::{Mutex, MutexGuard};

use remotemedia::*;
use remotemedia_core::value::{Buffer, Value};
use remotemedia_core::wire::{self, Limits};

pub(crate) const PASS: &str = r#"{"version": "v1", "nodes": [{"id": "only", "node_type": "PassThrough"}]}"#;
pub(crate) const HOST: &str = r#"{"version": "v1", "nodes": [{"id": "mine", "node_type": "mine"}]}"#;
pub(crate) const HOST_OPTIONS: &str = r#"{"host_nodes": {"mine": {"token": 7, "batch": 1}}}"#;

/// Counts of live objects belong to the process: tests that look at them take turns.
pub(crate) fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

pub(crate) fn empty() -> rm_output {
    rm_output {
        data: null_mut(),
        capacity: 0,
        buffers: null_mut(),
        buffer_capacity: 0,
        discard: null(),
        discard_count: 0,
        len: 0,
        buffer_count: 0,
        document: null_mut(),
    }
}

/// Runtime, port and two pipelines, freed at the end.
pub(crate) struct Host {
    pub(crate) runtime: *mut rm_runtime,
    pub(crate) port: *mut rm_port,
    pub(crate) pass: *mut rm_pipeline,
    pub(crate) mine: *mut rm_pipeline,
}

impl Host {
    pub(crate) fn new() -> Self {
        let (mut runtime, mut port, mut pass, mut mine) = (null_mut(), null_mut(), null_mut(), null_mut());
        let config = br#"{"workers": 2}"#;
        // SAFETY: as each function asks; the pointers are those of slices and places that live.
        unsafe {
            assert_eq!(rm_runtime_new(config.as_ptr(), config.len(), &raw mut runtime, null_mut()), RM_OK);
            // Failures of these tests are to be seen.
            let _ = std::panic::take_hook();
            assert_eq!(rm_port_new(runtime, null(), 0, &raw mut port, null_mut()), RM_OK);
            for (manifest, options, place) in [(PASS, "", &raw mut pass), (HOST, HOST_OPTIONS, &raw mut mine)] {
                let status = rm_pipeline_new(
                    runtime,
                    manifest.as_ptr(),
                    manifest.len(),
                    options.as_ptr(),
                    options.len(),
                    place,
                    null_mut(),
                );
                assert_eq!(status, RM_OK);
            }
        }
        Self { runtime, port, pass, mine }
    }

    pub(crate) fn submit(
        &self,
        pipeline: *const rm_pipeline,
        token: u64,
        inputs: &[u8],
        table: &[rm_buffer],
    ) -> Outcome {
        self.submit_within(0, pipeline, token, inputs, table)
    }

    pub(crate) fn submit_within(
        &self,
        budget_us: i64,
        pipeline: *const rm_pipeline,
        token: u64,
        inputs: &[u8],
        table: &[rm_buffer],
    ) -> Outcome {
        Outcome::of(|out, err| {
            // SAFETY: as the function asks.
            unsafe {
                rm_pipeline_submit(
                    pipeline,
                    self.port,
                    token,
                    inputs.as_ptr(),
                    inputs.len(),
                    table.as_ptr(),
                    table.len(),
                    -1,
                    budget_us,
                    out,
                    err,
                )
            }
        })
    }

    /// The events of one drain and the releases among them.
    pub(crate) fn next(&self, timeout_us: i64) -> (rm_status, Vec<Vec<Value>>, Vec<u64>) {
        let outcome = Outcome::of(|out, err| {
            // SAFETY: as the function asks.
            unsafe { rm_port_next(self.port, timeout_us, out, err) }
        });
        let mut events = Vec::new();
        let mut released = Vec::new();
        for event in list(outcome.value()) {
            let event = list(event);
            if event[0] == Value::Int(3) {
                released.extend(list(event[1].clone()).iter().map(number));
            } else {
                events.push(event);
            }
        }
        (outcome.status, events, released)
    }

    /// Waits until as many numbers are released.
    pub(crate) fn released(&self, count: usize) -> Vec<u64> {
        let mut released = self.next(0).2;
        // A wake-up whose records another drain has taken is no news, so there may be more than one look.
        for _ in 0..100 {
            if released.len() >= count {
                break;
            }
            released.extend(self.next(1_000_000).2);
        }
        assert!(released.len() >= count, "only {released:?} came");
        released.extend(self.next(0).2);
        released
    }

    pub(crate) fn call(&self) -> u64 {
        let (_, events, _) = self.next(60_000_000);
        assert_eq!(events[0][0], Value::Int(2), "{events:?}");
        number(&events[0][1])
    }

    pub(crate) fn reply(&self, call: u64, reply: &str, table: &[rm_buffer]) -> Outcome {
        self.reply_packed(call, &from_json(reply), table)
    }

    pub(crate) fn reply_packed(&self, call: u64, reply: &[u8], table: &[rm_buffer]) -> Outcome {
        Outcome::of(|_, err| {
            // SAFETY: as the function asks.
            unsafe {
                rm_port_reply(
                    self.port,
                    call,
                    reply.as_ptr(),
                    reply.len(),
                    table.as_ptr(),
                    table.len(),
                    null_mut(),
                    err,
                )
            }
        })
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // SAFETY: live, and not used afterwards.
        unsafe {
            assert_eq!(rm_runtime_shutdown(self.runtime, 60_000_000, null_mut()), RM_OK);
            rm_runtime_free(self.runtime);
            rm_port_free(self.port);
            rm_pipeline_free(self.pass);
            rm_pipeline_free(self.mine);
        }
    }
}

/// What a call answered. Outputs of a failed call are checked to be as they were.
pub(crate) struct Outcome {
    pub(crate) status: rm_status,
    pub(crate) message: String,
    /// The tokens that the detail of a failure brings back, sorted.
    pub(crate) released: Vec<u64>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) buffers: Vec<rm_buffer>,
    pub(crate) document: *mut rm_document,
}

impl Outcome {
    pub(crate) fn of(call: impl FnOnce(*mut rm_output, *mut *mut rm_error) -> rm_status) -> Self {
        let untouched = std::ptr::dangling_mut();
        let mut out = rm_output { len: 17, buffer_count: 18, document: untouched, ..empty() };
        let mut error = null_mut();
        let status = call(&raw mut out, &raw mut error);
        assert_eq!(error.is_null(), status >= 0, "there is an error exactly if the call failed");
        // SAFETY: NULL or live; the text lives as long as the error.
        let message = unsafe { CStr::from_ptr(rm_error_message(error)) }.to_string_lossy().into_owned();
        let (mut detail, mut len) = (null(), 0);
        // SAFETY: NULL or live; the places are writable, and the bytes live as long as the error.
        let detail = unsafe {
            rm_error_detail(error, &raw mut detail, &raw mut len);
            if len == 0 { &[] } else { std::slice::from_raw_parts(detail, len) }
        };
        let mut released = Vec::new();
        if let Ok(Value::Map(detail)) = wire::decode(detail, &[], &Limits::default()) {
            released = detail.get("released").map(|tokens| list(tokens.clone())).unwrap_or_default();
        }
        let mut released: Vec<u64> = released.iter().map(number).collect();
        released.sort_unstable();
        // SAFETY: NULL or live, and not used afterwards.
        unsafe { rm_error_free(error) };
        let mut this = Self { status, message, released, bytes: Vec::new(), buffers: Vec::new(), document: null_mut() };
        if out.document == untouched {
            assert_eq!((out.len, out.buffer_count), (17, 18), "all or nothing of an output is written");
        } else {
            assert!(status >= 0, "{status}: an output was written on failure");
            assert_eq!((out.len, out.buffer_count), (0, 0), "there was no room");
            this.document = out.document;
        }
        if !this.document.is_null() {
            let (mut data, mut len, mut buffers, mut count) = (null(), 0, null(), 0);
            // SAFETY: the document is live, and so is what it shows; the places are writable.
            unsafe {
                let viewed = rm_document_view(
                    this.document,
                    &raw mut data,
                    &raw mut len,
                    &raw mut buffers,
                    &raw mut count,
                    null_mut(),
                );
                assert_eq!(viewed, RM_OK);
                this.bytes = std::slice::from_raw_parts(data, len).to_vec();
                this.buffers =
                    if count == 0 { Vec::new() } else { std::slice::from_raw_parts(buffers, count).to_vec() };
            }
        }
        this
    }

    pub(crate) fn value(&self) -> Value {
        // Nobody looks at the content of buffers here.
        let buffers: Vec<Buffer> = self.buffers.iter().map(|entry| Buffer::from_bytes(vec![0; entry.len])).collect();
        wire::decode(&self.bytes, &buffers, &Limits::default()).expect("a document")
    }
}

impl Drop for Outcome {
    fn drop(&mut self) {
        // SAFETY: NULL or live, and not used afterwards.
        unsafe { rm_document_free(self.document) };
    }
}

pub(crate) fn list(value: Value) -> Vec<Value> {
    match value {
        Value::List(entries) => entries.to_vec(),
        other => panic!("expected a list, got {other:?}"),
    }
}

pub(crate) fn number(value: &Value) -> u64 {
    match value {
        Value::Int(number) => u64::try_from(*number).expect("not negative"),
        Value::UInt(number) => *number,
        other => panic!("expected a number, got {other:?}"),
    }
}

pub(crate) fn from_json(text: &str) -> Vec<u8> {
    wire::json::document_from_json(text.as_bytes(), &[], &Limits::default()).expect("valid").bytes
}

/// The inputs `[<bytes in buffer 0>]`: an ext value of code 6 that holds `[0, 0, len]`.
pub(crate) fn bytes_in_a_buffer(len: u8) -> Vec<u8> {
    vec![0x91, 0xc7, 4, 6, 0x93, 0, 0, len]
}

/// The inputs `[<bytes in buffer 0>]` for any length.
pub(crate) fn many_bytes_in_a_buffer(len: usize) -> Vec<u8> {
    let mut inputs = vec![0x91, 0xc7, 8, 6, 0x93, 0, 0, 0xce];
    inputs.extend((len as u32).to_be_bytes());
    inputs
}

pub(crate) fn borrowed(bytes: &[u8], token: u64) -> rm_buffer {
    rm_buffer { data: bytes.as_ptr(), len: bytes.len(), token, memory: null_mut(), flags: 0, reserved: 0 }
}

pub(crate) fn live() -> BTreeMap<String, u64> {
    let outcome = Outcome::of(|out, err| {
        // SAFETY: as the function asks.
        unsafe { rm_live_objects(out, err) }
    });
    let Value::Map(counts) = outcome.value() else { panic!("expected a map") };
    counts.iter().map(|(name, count)| (name.to_string(), number(count))).collect()
}
