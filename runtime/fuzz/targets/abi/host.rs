//! The host in the test: the objects that it holds, the memory that it lent, the completions that it waits for, and
//! what each call must leave behind.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::CStr;
use std::ptr::{null, null_mut};

use remotemedia::*;
use remotemedia_core::value::{Buffer, Value};
use remotemedia_core::wire::{self, Limits};
use remotemedia_fuzz::Input;

/// What is lent to the library: it stays where it is, as it is.
static MEMORY: [u8; 0x5000] = [9; 0x5000];

const PLACES: usize = 3;

/// Tokens below this are those of node types in the options.
const NODE_TYPES: u64 = 100;

/// Objects of one type by places; those that are freed or pushed out are NULL.
pub(crate) struct Objects<T> {
    places: [*mut T; PLACES],
    free: unsafe extern "C" fn(*mut T),
}

/// A call to nodes of the host that waits for a reply.
#[derive(Clone, Copy)]
pub(crate) struct Call {
    pub(crate) port: *mut rm_port,
    pub(crate) number: u64,
}

/// All that a host knows.
pub(crate) struct Host {
    pub(crate) runtimes: Objects<rm_runtime>,
    pub(crate) ports: Objects<rm_port>,
    pub(crate) pipelines: Objects<rm_pipeline>,
    pub(crate) sessions: Objects<rm_session>,
    pub(crate) documents: Objects<rm_document>,
    pub(crate) memories: Objects<rm_memory>,
    errors: Objects<rm_error>,
    pub(crate) calls: Vec<Call>,
    lent: BTreeSet<u64>,
    next_token: u64,
    /// A runtime was freed: what waited there comes back by no record.
    has_freed_runtime: bool,
    pending: BTreeMap<*mut rm_port, u64>,
}

impl<T> Objects<T> {
    fn new(free: unsafe extern "C" fn(*mut T)) -> Self {
        Self { places: [null_mut(); PLACES], free }
    }

    pub(crate) fn get(&self, place: u8) -> *mut T {
        self.places[usize::from(place) % PLACES]
    }

    pub(crate) fn take(&mut self, place: u8) -> *mut T {
        std::mem::replace(&mut self.places[usize::from(place) % PLACES], null_mut())
    }

    pub(crate) fn lives(&self, object: *mut T) -> bool {
        self.places.contains(&object)
    }

    /// Keeps what a call made, in place of what was there.
    pub(crate) fn keep(&mut self, status: rm_status, made: *mut T, place: u8) {
        assert_eq!(status == RM_OK, !made.is_null(), "an object comes with RM_OK and only then");
        if !made.is_null() {
            let before = std::mem::replace(&mut self.places[usize::from(place) % PLACES], made);
            // SAFETY: live or NULL, and not used afterwards.
            unsafe { (self.free)(before) };
        }
    }

    fn free_all(&mut self) {
        for place in &mut self.places {
            // SAFETY: live or NULL, and not used afterwards.
            unsafe { (self.free)(std::mem::replace(place, null_mut())) };
        }
    }
}

impl Host {
    pub(crate) fn new() -> Self {
        Self {
            runtimes: Objects::new(rm_runtime_free),
            ports: Objects::new(rm_port_free),
            pipelines: Objects::new(rm_pipeline_free),
            sessions: Objects::new(rm_session_free),
            documents: Objects::new(rm_document_free),
            memories: Objects::new(rm_memory_free),
            errors: Objects::new(rm_error_free),
            calls: Vec::new(),
            lent: BTreeSet::new(),
            next_token: NODE_TYPES,
            has_freed_runtime: false,
            pending: BTreeMap::new(),
        }
    }

    /// Makes a call; there is an error exactly if it failed, and its accessors agree.
    pub(crate) fn call(&mut self, call: impl FnOnce(*mut *mut rm_error) -> rm_status) -> rm_status {
        let mut error = null_mut();
        let status = call(&raw mut error);
        assert_eq!(error.is_null(), status >= 0, "there is an error exactly if the call failed");
        assert_ne!(status, RM_PANIC);
        // SAFETY: NULL or live; what it shows lives as long.
        unsafe {
            assert_eq!(rm_error_status(error), status.min(0));
            assert_eq!(CStr::from_ptr(rm_error_message(error)).is_empty(), status >= 0);
            let (mut data, mut len) = (null(), 0);
            rm_error_detail(error, &raw mut data, &raw mut len);
            if status < 0 {
                let detail = std::slice::from_raw_parts(data, len);
                let Ok(Value::Map(detail)) = wire::decode(detail, &[], &Limits::default()) else {
                    panic!("the detail is a map")
                };
                assert_eq!(detail.get("status"), Some(&Value::Int(i64::from(status))));
                if let Some(tokens) = detail.get("released") {
                    self.released(tokens);
                }
            }
        }
        if status < 0 {
            self.errors.keep(RM_OK, error, status as u8);
        }
        status
    }

    /// Makes a call that answers with a document: as an object, in room that is too small, or in room enough. Nothing of
    /// the place changes if the call fails. What is answered is copied and read.
    pub(crate) fn output(
        &mut self,
        how: u8,
        call: impl FnOnce(*mut rm_output, *mut *mut rm_error) -> rm_status,
    ) -> (rm_status, Value) {
        if how == 255 {
            return (self.call(|err| call(null_mut(), err)), Value::Null);
        }
        let mut room = vec![0u8; [0, 8, 4096][usize::from(how) % 3]];
        let mut table = vec![EMPTY; [0, 1, 8][usize::from(how / 3) % 3]];
        let untouched: *mut rm_document = std::ptr::dangling_mut();
        let discard = if how & 1 == 0 { [null_mut(), null_mut()] } else { [null_mut(), self.memories.take(how)] };
        let mut out = rm_output {
            data: room.as_mut_ptr(),
            capacity: room.len(),
            buffers: table.as_mut_ptr(),
            buffer_capacity: table.len(),
            discard: discard.as_ptr(),
            discard_count: 2,
            len: 17,
            buffer_count: 18,
            document: untouched,
        };
        let status = self.call(|err| call(&raw mut out, err));
        assert_eq!(out.discard_count, 0);
        if status < 0 {
            assert!((out.len, out.buffer_count, out.document) == (17, 18, untouched), "nothing is written");
            return (status, Value::Null);
        }
        let value = if out.document.is_null() {
            assert!(out.len <= room.len() && out.buffer_count <= table.len());
            let value = read(&room[..out.len], &table[..out.buffer_count]);
            for buffer in &table[..out.buffer_count] {
                if buffer.flags == RM_BUFFER_WRITABLE {
                    // SAFETY: it was handed out as writable, and the library does not use it any more.
                    unsafe { buffer.data.cast_mut().write_bytes(1, buffer.len) };
                }
                // SAFETY: handed over to this host, and not used afterwards.
                unsafe { rm_memory_free(buffer.memory) };
            }
            value
        } else {
            assert_eq!((out.len, out.buffer_count), (0, 0));
            let value = view(out.document);
            self.documents.keep(RM_OK, out.document, how / 9);
            value
        };
        (status, value)
    }

    /// Keeps a runtime, in place of the one that was there.
    pub(crate) fn keep_runtime(&mut self, status: rm_status, made: *mut rm_runtime, place: u8) {
        if status == RM_OK {
            self.forget_runtime(self.runtimes.get(place));
        }
        self.runtimes.keep(status, made, place);
    }

    /// A runtime is freed.
    pub(crate) fn forget_runtime(&mut self, runtime: *mut rm_runtime) {
        self.has_freed_runtime |= !runtime.is_null();
    }

    /// Takes back what waits at the runtime at this place.
    pub(crate) fn collect(&mut self, place: u8) {
        let runtime = self.runtimes.get(place);
        // SAFETY: live or NULL.
        let (status, tokens) = self.output(place, |out, err| unsafe { rm_runtime_released(runtime, out, err) });
        if status >= 0 {
            let is_empty = matches!(&tokens, Value::List(tokens) if tokens.is_empty());
            assert_eq!(status == RM_WOULD_BLOCK, is_empty);
            self.released(&tokens);
        }
    }

    /// Keeps a port; what was in its place is freed, and its work with it.
    pub(crate) fn keep_port(&mut self, status: rm_status, made: *mut rm_port, place: u8) {
        let before = self.ports.get(place);
        self.ports.keep(status, made, place);
        if status == RM_OK {
            self.forget_port(before);
        }
    }

    /// A port is freed: its completions and calls never come.
    pub(crate) fn forget_port(&mut self, port: *mut rm_port) {
        self.pending.remove(&port);
        self.calls.retain(|call| call.port != port);
    }

    pub(crate) fn expect_completion(&mut self, port: *mut rm_port) {
        *self.pending.entry(port).or_default() += 1;
    }

    /// Drains the port at this place once.
    pub(crate) fn next(&mut self, place: u8, timeout: i64) -> rm_status {
        let port = self.ports.get(place);
        // SAFETY: live or NULL.
        let (status, events) = self.output(place, |out, err| unsafe { rm_port_next(port, timeout, out, err) });
        let Value::List(events) = events else {
            assert!(status < 0 || place == 255);
            return status;
        };
        for event in events.iter() {
            let Value::List(event) = event else { panic!("an event is a list") };
            match number(&event[0]) {
                1 => {
                    let pending = self.pending.get_mut(&port).filter(|pending| **pending > 0);
                    *pending.expect("a completion comes once for each submit that is pending") -= 1;
                    assert!(matches!(&event[2], Value::Map(_)));
                }
                2 => self.calls.push(Call { port, number: number(&event[1]) }),
                3 => self.released(&event[1]),
                4 => assert_eq!(status, RM_END),
                5..=8 => assert!(event.len() == 2),
                9 => assert!(event.len() == 4 && matches!(&event[2], Value::Map(_))),
                other => panic!("there is no event {other}"),
            }
        }
        if status == RM_END {
            assert_eq!(self.pending.remove(&port).unwrap_or(0), 0, "every submit is completed before the end");
        }
        status
    }

    /// Takes back what release records name.
    pub(crate) fn released(&mut self, tokens: &Value) {
        let Value::List(tokens) = tokens else { panic!("tokens are a list") };
        for token in tokens.iter().map(number).filter(|token| *token >= NODE_TYPES) {
            assert!(self.lent.remove(&token), "{token} is released and was not lent");
        }
    }

    /// Takes back what rides with a completion that was handed out at once.
    pub(crate) fn released_with(&mut self, completion: &Value) {
        if let Value::Map(completion) = completion
            && let Some((_, released)) = completion.iter().find(|(key, _)| &***key == "released")
        {
            self.released(released);
        }
    }

    /// Takes back what an answer names at this place, if it names anything.
    pub(crate) fn released_in(&mut self, answer: &Value, place: usize) {
        if let Value::List(entries) = answer
            && let Some(tokens) = entries.get(place)
        {
            self.released(tokens);
        }
    }

    /// A new number that a release record will name.
    pub(crate) fn borrow_token(&mut self) -> u64 {
        self.next_token += 1;
        self.lent.insert(self.next_token);
        self.next_token
    }

    /// The number was not passed on after all.
    pub(crate) fn unborrow(&mut self, token: u64) {
        self.lent.remove(&token);
    }

    /// Nothing was lent by a call that only reads its table.
    pub(crate) fn unlend(&mut self, table: &[rm_buffer]) {
        for entry in table {
            self.lent.remove(&entry.token);
        }
    }

    /// A table of up to three buffers: lent, to be copied, empty, or wrong.
    pub(crate) fn table(&mut self, input: &mut Input<'_>) -> Vec<rm_buffer> {
        let how = input.byte();
        let mut table = Vec::new();
        for place in 0..how % 4 {
            let token = if how & 4 << place == 0 { 0 } else { self.borrow_token() };
            let (data, len) = match how >> 5 {
                0 if place == 1 => (null(), 8),
                1 if place == 1 => (MEMORY.as_ptr(), usize::MAX),
                2 => (null(), 0),
                3 => (MEMORY.as_ptr(), 3),
                _ => (MEMORY.as_ptr(), MEMORY.len()),
            };
            let memory = if how >> 5 == 4 { self.memories.get(place) } else { null_mut() };
            let flags = if how >> 5 == 5 { u32::from(how) } else { 0 };
            table.push(rm_buffer { data, len, token, memory, flags, ..EMPTY });
        }
        table
    }

    /// Ends everything, takes back all that was lent, and checks that nothing is alive.
    pub(crate) fn finish(mut self) {
        for place in 0..PLACES as u8 {
            let runtime = self.runtimes.get(place);
            // SAFETY: live or NULL.
            let status = self.call(|err| unsafe { rm_runtime_shutdown(runtime, 60_000_000, err) });
            assert_eq!(status, if runtime.is_null() { RM_INVALID_ARGUMENT } else { RM_OK });
        }
        let mut looks = 0;
        for place in 0..PLACES as u8 {
            while !self.ports.get(place).is_null() && self.next(place, 0) != RM_END {
                looks += 1;
                assert!(looks < 1_000_000, "a port of a runtime that is shut down comes to its end");
            }
        }
        self.ports.free_all();
        self.pipelines.free_all();
        self.sessions.free_all();
        // All work of these runtimes has ended, and their ports have left what waited there.
        for place in 0..PLACES as u8 {
            self.collect(place);
        }
        self.runtimes.free_all();
        self.documents.free_all();
        self.memories.free_all();
        self.errors.free_all();
        assert!(self.has_freed_runtime || self.lent.is_empty(), "{:?} are not released", self.lent);
        // Work of a runtime that was freed lets go when its step ends.
        while let Some((name, count)) = alive(&mut self) {
            assert!(["runs", "nodes", "host_buffers"].contains(&&*name), "{count} {name} are left");
            std::thread::yield_now();
        }
    }
}

/// The first count that is not 0.
fn alive(host: &mut Host) -> Option<(String, u64)> {
    // SAFETY: the places are live.
    let (_, counts) = host.output(2, |out, err| unsafe { rm_live_objects(out, err) });
    let Value::Map(counts) = counts else { panic!("counts are a map") };
    counts.iter().map(|(name, count)| (name.to_string(), number(count))).find(|(_, count)| *count > 0)
}

const EMPTY: rm_buffer = rm_buffer { data: null(), len: 0, token: 0, memory: null_mut(), flags: 0, reserved: 0 };

/// What a document object shows.
pub(crate) fn view(document: *mut rm_document) -> Value {
    let (mut data, mut len, mut buffers, mut count) = (null(), 0, null(), 0);
    // SAFETY: live or NULL; the places are live, and what is shown lives as long as the document.
    unsafe {
        let status =
            rm_document_view(document, &raw mut data, &raw mut len, &raw mut buffers, &raw mut count, null_mut());
        assert_eq!(status == RM_OK, !document.is_null());
        if status != RM_OK {
            return Value::Null;
        }
        let table = if count == 0 { &[] } else { std::slice::from_raw_parts(buffers, count) };
        read(std::slice::from_raw_parts(data, len), table)
    }
}

/// The value of a document that came out; JSON text is not one, and is looked at all the same.
fn read(bytes: &[u8], table: &[rm_buffer]) -> Value {
    let memory = |entry: &rm_buffer| {
        assert_eq!(entry.memory.is_null(), entry.token != 0, "memory is the runtime's or the host's");
        // SAFETY: what a table names is readable while its handle, or the loan, lives.
        let bytes = if entry.len == 0 { &[] } else { unsafe { std::slice::from_raw_parts(entry.data, entry.len) } };
        Buffer::from_bytes(bytes.to_vec())
    };
    let buffers: Vec<Buffer> = table.iter().map(memory).collect();
    if bytes.first().is_some_and(|first| matches!(first, b'{' | b'[' | b'"')) && std::str::from_utf8(bytes).is_ok() {
        return Value::Null;
    }
    wire::decode(bytes, &buffers, &Limits::default()).unwrap_or(Value::Null)
}

pub(crate) fn number(value: &Value) -> u64 {
    match value {
        Value::Int(number) => u64::try_from(*number).expect("not negative"),
        Value::UInt(number) => *number,
        other => panic!("expected a number, got {other:?}"),
    }
}

/// The document of a JSON text.
pub(crate) fn from_json(text: &str) -> Option<Vec<u8>> {
    wire::json::document_from_json(text.as_bytes(), &[], &Limits::default()).ok().map(|document| document.bytes)
}
