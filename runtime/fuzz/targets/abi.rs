//! The C ABI: the bytes are a program of calls, in any order that the header allows: NULLs, wrong documents, work on a
//! runtime that is shut down, replies nobody waits for, objects freed in any order.
//!
//! What must hold: outputs and errors as the status says; each accepted submit ends in exactly one completion; each
//! borrowed memory is released exactly once; at the end nothing is alive. ASan watches the memory.
#![no_main]

#[path = "abi/host.rs"]
mod host;

use std::ptr::{null, null_mut};

use host::{Call, Host};
use libfuzzer_sys::fuzz_target;
use remotemedia::*;
use remotemedia_core::value::Value;
use remotemedia_fuzz::{Input, abort_on_panics};

const CONFIGS: [&str; 6] =
    ["", r#"{"workers": 1}"#, r#"{"workers": 2, "limits": {"output_bytes": 100}}"#, "{", "[]", r#"{"workers": 0}"#];

const MANIFESTS: [&str; 8] = [
    r#"{"version": "v1", "nodes": [{"id": "a", "node_type": "PassThrough"}]}"#,
    r#"{"version": "v1", "nodes": [{"id": "a", "node_type": "mine"}]}"#,
    "version: v1\nnodes: [{id: a, node_type: Echo}, {id: b, node_type: mine}, {id: c, node_type: PassThrough}]\nconnections: [{from: a, to: b}, {from: b, to: c}]",
    "version: v1\nnodes: [{id: a, node_type: PassThrough}, {id: b, node_type: mine}, {id: c, node_type: Echo}]\nconnections: [{from: a, to: b}, {from: a, to: c}]",
    r#"{"version": "v1", "nodes": [{"id": "a", "node_type": "AudioDecode"}]}"#,
    r#"{"version": "v1", "nodes": [{"id": "a", "node_type": "Calculator", "params": {"operation": "add", "operand": 5}}]}"#,
    r#"{"version": "v1", "nodes": [{"id": "a", "node_type": "nobody"}]}"#,
    r#"{"version": "v1", "nodes": [{"id": "a", "node_type": "mine"}, {"id": "b", "node_type": "mine"}], "connections": [{"from": "a", "to": "b"}]}"#,
];

const OPTIONS: [&str; 4] = [
    r#"{"host_nodes": {"mine": {"token": 7}}}"#,
    r#"{"host_nodes": {"mine": {"token": 8, "batch": 1}}}"#,
    "",
    r#"{"host": 1}"#,
];

/// msgpack: `[]`, nil, `[1, "a"]`, `[<bytes in buffer 0>]` small and large, 12 items, and no list.
const INPUTS: [&[u8]; 7] = [
    b"\x90",
    b"\xc0",
    b"\x92\x01\xa1a",
    b"\x91\xc7\x04\x06\x93\x00\x00\x03",
    b"\x91\xc7\x06\x06\x93\x00\x00\xcd\x50\x00",
    b"\x9c\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c",
    b"\x81\xa1a\x01",
];

/// msgpack: `[[1]]`, `[[1, nil, nil], ["a", 5, 7]]`, `[[<bytes in buffer 0>]]` small and large, `[]`, and no packets.
const PACKETS: [&[u8]; 6] = [
    b"\x91\x91\x01",
    b"\x92\x93\x01\xc0\xc0\x93\xa1a\x05\x07",
    b"\x91\x91\xc7\x04\x06\x93\x00\x00\x03",
    b"\x91\x91\xc7\x06\x06\x93\x00\x00\xcd\x50\x00",
    b"\x90",
    b"\x92\x01\x91",
];

const SESSION_OPTIONS: [&str; 5] = [
    "",
    r#"{"buffer": {"packets": 1}}"#,
    r#"{"outputs": ["a"], "buffer": {"packets": 2, "bytes": 10, "ms": 1}}"#,
    r#"{"deadline_us": 1}"#,
    r#"{"outputs": ["nobody"]}"#,
];

const BELLS: [&str; 5] =
    ["", r#"{"bell": "eventfd"}"#, r#"{"bell": "socketpair"}"#, r#"{"bell": "none"}"#, r#"{"bell": "doorbell"}"#];

const MOST: [usize; 4] = [0, 1, 3, usize::MAX];

const TIMEOUTS: [i64; 6] = [-1, 0, 1, 1000, i64::MIN, i64::MAX];

fuzz_target!(
    init: {
        // SAFETY: NULL is refused. The first call sets the library's own hook for panics, which is then replaced.
        unsafe { rm_live_objects(null_mut(), null_mut()) };
        abort_on_panics(&["symphonia"]);
    },
    |bytes: &[u8]| {
        let mut input = Input::new(bytes);
        let mut host = Host::new();
        for _ in 0..200 {
            if input.is_empty() {
                break;
            }
            step(&mut host, &mut input);
        }
        host.finish();
    }
);

/// One call. Objects are chosen by a byte; a place where none lives is NULL.
fn step(host: &mut Host, input: &mut Input<'_>) {
    match input.byte() % 33 {
        0 => {
            let config = text(input, &CONFIGS);
            let mut made = null_mut();
            // SAFETY: the slice and the places are live.
            let status = host.call(|err| unsafe { rm_runtime_new(config.as_ptr(), config.len(), &raw mut made, err) });
            host.keep_runtime(status, made, input.byte());
        }
        1 => {
            let runtime = host.runtimes.get(input.byte());
            let bell = text(input, &BELLS);
            let mut made = null_mut();
            // SAFETY: live or NULL; the slice is live.
            let status =
                host.call(|err| unsafe { rm_port_new(runtime, bell.as_ptr(), bell.len(), &raw mut made, err) });
            host.keep_port(status, made, input.byte());
        }
        2 | 3 => {
            let runtime = host.runtimes.get(input.byte());
            let (manifest, options) = (text(input, &MANIFESTS), text(input, &OPTIONS));
            let mut made = null_mut();
            // SAFETY: live or NULL; the slices and places are live.
            let status = host.call(|err| unsafe {
                let (manifest, len) = (manifest.as_ptr(), manifest.len());
                rm_pipeline_new(runtime, manifest, len, options.as_ptr(), options.len(), &raw mut made, err)
            });
            host.pipelines.keep(status, made, input.byte());
        }
        4..=6 => submit(host, input),
        7 => {
            let pipeline = host.pipelines.get(input.byte());
            let inputs = document(input);
            let table = host.table(input);
            let timeout = input.choose(&TIMEOUTS);
            // SAFETY: live or NULL; the slices are live.
            let (_, completion) = host.output(input.byte(), |out, err| unsafe {
                let (inputs, len) = (inputs.as_ptr(), inputs.len());
                rm_pipeline_execute(pipeline, inputs, len, table.as_ptr(), table.len(), timeout, out, err)
            });
            host.released_with(&completion);
        }
        8..=10 => _ = host.next(input.byte(), input.choose(&[0, 100, 2000])),
        11 => {
            let port = host.ports.get(input.byte());
            // SAFETY: live or NULL.
            host.call(|err| unsafe { rm_port_wake(port, err) });
        }
        12 => {
            let port = host.ports.get(input.byte());
            let token = u64::from(input.byte() % 8);
            // SAFETY: live or NULL.
            host.call(|err| unsafe { rm_port_cancel(port, token, err) });
        }
        13 | 14 => reply(host, input),
        15 => {
            let port = host.ports.take(input.byte());
            host.forget_port(port);
            // SAFETY: live or NULL, and not used afterwards.
            unsafe { rm_port_free(port) };
        }
        16 => {
            let pipeline = host.pipelines.take(input.byte());
            // SAFETY: as above.
            unsafe { rm_pipeline_free(pipeline) };
        }
        17 => {
            let runtime = host.runtimes.take(input.byte());
            host.forget_runtime(runtime);
            // SAFETY: as above.
            unsafe { rm_runtime_free(runtime) };
        }
        18 => {
            let runtime = host.runtimes.get(input.byte());
            let patience = input.choose(&[0, 1000, -1, i64::MIN]);
            // SAFETY: live or NULL.
            host.call(|err| unsafe { rm_runtime_shutdown(runtime, patience, err) });
        }
        19 => documents(host, input),
        20 => {
            let memory = host.memories.get(input.byte());
            let mut kept = null_mut();
            // SAFETY: live or NULL.
            let status = host.call(|err| unsafe { rm_memory_retain(memory, &raw mut kept, err) });
            host.memories.keep(status, kept, input.byte());
        }
        21 => {
            let memory = host.memories.take(input.byte());
            // SAFETY: live or NULL, and not used afterwards.
            unsafe { rm_memory_free(memory) };
        }
        22 => describe(host, input),
        23 => sound(host, input),
        24 => open_session(host, input),
        25 | 26 => send(host, input),
        27 => receive(host, input),
        28 => {
            let session = host.sessions.get(input.byte());
            // SAFETY: live or NULL.
            host.call(|err| unsafe {
                if input.byte() & 1 == 0 { rm_session_finish(session, err) } else { rm_session_cancel(session, err) }
            });
        }
        29 => {
            let session = host.sessions.take(input.byte());
            // SAFETY: live or NULL, and not used afterwards.
            unsafe { rm_session_free(session) };
        }
        30 => {
            let port = host.ports.get(input.byte());
            // SAFETY: live or NULL.
            host.call(|err| unsafe { rm_port_shutdown(port, err) });
        }
        31 => {
            let place = input.byte();
            host.collect(place);
        }
        _ => {
            let len = input.choose(&[0, 1, 100, 1 << 20, usize::MAX]);
            let (mut data, mut made) = (null_mut::<u8>(), null_mut());
            // SAFETY: the places are live.
            let status = host.call(|err| unsafe { rm_memory_new(len, &raw mut data, &raw mut made, err) });
            if status == RM_OK {
                assert!(data.addr() % 64 == 0);
                // SAFETY: it has `len` bytes, which are this host's to write.
                unsafe { data.write_bytes(7, len) };
            }
            host.memories.keep(status, made, input.byte());
        }
    }
}

fn submit(host: &mut Host, input: &mut Input<'_>) {
    let pipeline = host.pipelines.get(input.byte());
    let port = host.ports.get(input.byte());
    let token = u64::from(input.byte() % 8);
    let inputs = document(input);
    let table = host.table(input);
    let (timeout, budget) = (input.choose(&TIMEOUTS), input.choose(&[0, 2000, -1, i64::MAX]));
    // SAFETY: live or NULL; the slices are live.
    let (status, completion) = host.output(input.byte(), |out, err| unsafe {
        let (inputs, len) = (inputs.as_ptr(), inputs.len());
        rm_pipeline_submit(pipeline, port, token, inputs, len, table.as_ptr(), table.len(), timeout, budget, out, err)
    });
    if status == RM_PENDING {
        host.expect_completion(port);
    } else {
        host.released_with(&completion);
    }
}

fn open_session(host: &mut Host, input: &mut Input<'_>) {
    let pipeline = host.pipelines.get(input.byte());
    let port = host.ports.get(input.byte());
    let token = u64::from(input.byte() % 8);
    let options = text(input, &SESSION_OPTIONS);
    let mut made = null_mut();
    // SAFETY: live or NULL; the slice and the places are live.
    let status = host.call(|err| unsafe {
        rm_session_new(pipeline, port, token, options.as_ptr(), options.len(), &raw mut made, err)
    });
    if status == RM_OK {
        host.expect_completion(port);
    }
    host.sessions.keep(status, made, input.byte());
}

fn send(host: &mut Host, input: &mut Input<'_>) {
    let session = host.sessions.get(input.byte());
    let which = usize::from(input.byte());
    let packets = PACKETS.get(which % (PACKETS.len() + 1)).copied().unwrap_or_else(|| input.take(which));
    let table = host.table(input);
    let (budget, most) = (input.choose(&[0, 2000, -1, i64::MAX]), input.choose(&MOST));
    // SAFETY: live or NULL; the slices are live.
    let (_, answer) = host.output(input.byte(), |out, err| unsafe {
        let (packets, len) = (packets.as_ptr(), packets.len());
        rm_session_send(session, packets, len, table.as_ptr(), table.len(), budget, most, out, err)
    });
    host.released_in(&answer, 2);
}

fn receive(host: &mut Host, input: &mut Input<'_>) {
    let session = host.sessions.get(input.byte());
    let (sink, most) = (input.choose(&[-1, 0, 1, i64::MAX, i64::MIN]), input.choose(&MOST));
    // SAFETY: live or NULL.
    let (_, answer) =
        host.output(input.byte(), |out, err| unsafe { rm_session_receive(session, sink, most, out, err) });
    host.released_in(&answer, 1);
}

fn reply(host: &mut Host, input: &mut Input<'_>) {
    let place = input.byte();
    let Call { port, number } = match host.calls.get(usize::from(place)) {
        Some(call) => *call,
        None => Call { port: host.ports.get(place), number: u64::from(place) },
    };
    let table = host.table(input);
    let error = host.borrow_token();
    let reply = match input.byte() % 8 {
        0 => r#"{"outputs": [[0, 1]], "final": true}"#.to_owned(),
        1 => r#"{"outputs": [[0, 1], [0, [2]]], "final": false}"#.to_owned(),
        2 => format!(
            r#"{{"error": {{"entry": 0, "node": 0, "message": "no", "type": "E", "chain": ["x"], "token": {error}}}}}"#
        ),
        3 => format!(r#"{{"outputs": 3, "error": {{"message": "no", "token": {error}}}}}"#),
        4 => r#"{"outputs": [[9, 1]]}"#.to_owned(),
        5 => r#"{"outputs": [[0, 1, -5, 7]], "final": true}"#.to_owned(),
        6 => "{}".to_owned(),
        _ => String::from_utf8_lossy(input.take(20)).into_owned(),
    };
    if !reply.contains("token") {
        host.unborrow(error);
    }
    let bytes = host::from_json(&reply).unwrap_or_else(|| reply.into_bytes());
    let port = if host.ports.lives(port) { port } else { null_mut() };
    // SAFETY: live or NULL; the slices are live.
    let (status, next) = host.output(input.byte(), |next, err| unsafe {
        rm_port_reply(port, number, bytes.as_ptr(), bytes.len(), table.as_ptr(), table.len(), next, err)
    });
    host.released_in(&next, 2);
    if let Value::List(next) = &next {
        host.calls.push(Call { port, number: host::number(&next[0]) });
    }
    // Without a port the reply is not read, so its error is nobody's.
    if port.is_null() {
        assert_eq!(status, RM_INVALID_ARGUMENT);
        host.unborrow(error);
    }
}

fn documents(host: &mut Host, input: &mut Input<'_>) {
    let place = input.byte();
    match input.byte() % 4 {
        0 => _ = host::view(host.documents.get(place)),
        1 => {
            let document = host.documents.take(place);
            // SAFETY: live or NULL, and not used afterwards.
            unsafe { rm_document_free(document) };
        }
        2 => {
            let bytes = document(input);
            let table = host.table(input);
            let flags = u32::from(input.byte() % 3);
            // SAFETY: the slices are live.
            host.output(place, |out, err| unsafe {
                rm_document_to_json(bytes.as_ptr(), bytes.len(), table.as_ptr(), table.len(), flags, out, err)
            });
            host.unlend(&table);
        }
        _ => {
            let text = text(input, &MANIFESTS);
            let table = host.table(input);
            // SAFETY: the slices are live.
            host.output(place, |out, err| unsafe {
                rm_document_from_json(text.as_ptr(), text.len(), table.as_ptr(), table.len(), out, err)
            });
            host.unlend(&table);
        }
    }
}

fn describe(host: &mut Host, input: &mut Input<'_>) {
    let place = input.byte();
    let (runtime, pipeline, port) = (host.runtimes.get(place), host.pipelines.get(place), host.ports.get(place));
    // SAFETY: each is live or NULL; the places are live.
    match input.byte() % 5 {
        0 => _ = host.output(place, |out, err| unsafe { rm_runtime_describe(runtime, out, err) }),
        1 => _ = host.output(place, |out, err| unsafe { rm_pipeline_describe(pipeline, out, err) }),
        2 => _ = host.output(place, |out, err| unsafe { rm_live_objects(out, err) }),
        3 => {
            let mut descriptor = -1;
            let status = host.call(|err| unsafe { rm_port_fd(port, &raw mut descriptor, err) });
            assert_eq!(status == RM_OK, descriptor >= 0);
            assert!(status == RM_OK || status == RM_UNSUPPORTED || port.is_null());
        }
        _ => {
            let name = rm_status_name(input.word() as i32);
            assert!(!unsafe { std::ffi::CStr::from_ptr(name) }.is_empty());
        }
    }
}

fn sound(host: &mut Host, input: &mut Input<'_>) {
    let format = input.choose(&["u8", "s16", "s24", "s32", "f32", "mulaw", "alaw", "odd", ""]);
    let place = input.byte();
    if place & 1 == 0 {
        let (rate, channels) = (input.word(), u32::from(input.byte()));
        let bytes = input.take(usize::from(place));
        let data = if bytes.is_empty() { null() } else { bytes.as_ptr() };
        // SAFETY: the slices are live.
        host.output(place, |out, err| unsafe {
            rm_audio_from_pcm(data, bytes.len(), format.as_ptr(), format.len(), rate, channels, out, err)
        });
    } else {
        let bytes = document(input);
        let table = host.table(input);
        // SAFETY: as above.
        host.output(place, |out, err| unsafe {
            let (data, len) = (bytes.as_ptr(), bytes.len());
            rm_audio_to_pcm(data, len, table.as_ptr(), table.len(), format.as_ptr(), format.len(), out, err)
        });
        host.unlend(&table);
    }
}

/// One of the texts, or bytes of the input.
fn text<'a>(input: &mut Input<'a>, texts: &[&'static str]) -> &'a [u8] {
    let which = usize::from(input.byte());
    match texts.get(which % (texts.len() + 1)) {
        Some(text) => text.as_bytes(),
        None => input.take(which),
    }
}

/// One of the documents, or bytes of the input.
fn document<'a>(input: &mut Input<'a>) -> &'a [u8] {
    let which = usize::from(input.byte());
    INPUTS.get(which % (INPUTS.len() + 1)).copied().unwrap_or_else(|| input.take(which))
}
