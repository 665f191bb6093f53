//! Release records: every token comes back once, behind what names it, whatever else fails.

use std::ptr::{null, null_mut};

use remotemedia::*;
use remotemedia_core::value::Value;

use crate::host::*;

#[test]
fn every_failing_call_releases_its_tokens_and_writes_no_output() {
    let _turn = turn();
    let host = Host::new();
    let memory = [1u8, 2, 3];
    let table = [borrowed(&memory, 101), borrowed(&memory, 102)];
    let broken = [borrowed(&memory, 101), rm_buffer { data: null(), ..borrowed(&memory, 102) }];
    let endless = [borrowed(&memory, 101), rm_buffer { len: usize::MAX, ..borrowed(&memory, 102) }];
    let good = bytes_in_a_buffer(3);
    let expect = |outcome: &Outcome, status: rm_status, message: &str| {
        assert_eq!((outcome.status, outcome.message.as_str()), (status, message));
        assert_eq!(outcome.released, [101, 102], "after: {message}");
    };

    let null_data = "`buffers[1].data` is NULL but its length is not 0";
    let too_long = "`buffers[1].data` is longer than memory can be";
    expect(&host.submit(null(), 1, &good, &table), RM_INVALID_ARGUMENT, "the pipeline is NULL");
    expect(&host.submit(host.pass, 1, &good, &broken), RM_INVALID_ARGUMENT, null_data);
    expect(&host.submit(host.pass, 1, &good, &endless), RM_INVALID_ARGUMENT, too_long);
    let other = Host::new();
    let not_its_own = "the port belongs to another runtime than the pipeline; make both with the same one: events of a \
                       pipeline come to a port of its own runtime";
    expect(&host.submit(other.pass, 1, &good, &table), RM_INVALID_ARGUMENT, not_its_own);
    let unreadable = host.submit(host.pass, 1, &[0xc1], &table);
    assert_eq!((unreadable.status, unreadable.released.as_slice()), (RM_INVALID_DOCUMENT, &[101, 102][..]));

    // SAFETY: as each function asks.
    unsafe {
        let (data, len) = (good.as_ptr(), good.len());
        let (entries, count) = (table.as_ptr(), table.len());
        let no_inputs = "`inputs` is NULL but its length is 8";
        let no_data = "`data` is NULL but its length is 8";
        for (port, inputs, out_is_null, message) in [
            (null_mut(), data, false, "the port is NULL"),
            (host.port, null(), false, no_inputs),
            (host.port, data, true, "`out` is NULL"),
        ] {
            let outcome = Outcome::of(|out, err| {
                let out = if out_is_null { null_mut() } else { out };
                rm_pipeline_submit(host.pass, port, 1, inputs, len, entries, count, -1, 0, out, err)
            });
            expect(&outcome, RM_INVALID_ARGUMENT, message);
        }
        for (pipeline, inputs, table, out_is_null, message) in [
            (null_mut(), data, &table, false, "the pipeline is NULL"),
            (host.pass, null(), &table, false, no_inputs),
            (host.pass, data, &broken, false, null_data),
            (host.pass, data, &table, true, "`out` is NULL"),
        ] {
            let outcome = Outcome::of(|out, err| {
                let out = if out_is_null { null_mut() } else { out };
                rm_pipeline_execute(pipeline, inputs, len, table.as_ptr(), count, -1, out, err)
            });
            expect(&outcome, RM_INVALID_ARGUMENT, message);
        }
        let needs_port = "node 'mine' is run by the host, and a blocking execute has no port for its calls; submit with a \
                          port instead";
        let outcome = Outcome::of(|out, err| rm_pipeline_execute(host.mine, data, len, entries, count, -1, out, err));
        expect(&outcome, RM_INVALID_ARGUMENT, needs_port);
        for (port, data, message) in [(null_mut(), data, "the port is NULL"), (host.port, null(), no_data)] {
            let outcome = Outcome::of(|_, err| rm_port_reply(port, 1, data, len, entries, count, null_mut(), err));
            expect(&outcome, RM_INVALID_ARGUMENT, message);
        }
        // These read their table during the call alone: nothing is lent.
        let expect = |outcome: &Outcome, status: rm_status, message: &str| {
            assert_eq!((outcome.status, outcome.message.as_str()), (status, message));
            assert_eq!(outcome.released, [0u64; 0], "after: {message}");
        };
        for (data, out_is_null, message) in [(null(), false, no_data), (data, true, "`out` is NULL")] {
            let outcome = Outcome::of(|out, err| {
                rm_document_to_json(data, len, entries, count, 0, if out_is_null { null_mut() } else { out }, err)
            });
            expect(&outcome, RM_INVALID_ARGUMENT, message);
            let outcome = Outcome::of(|out, err| {
                let out = if out_is_null { null_mut() } else { out };
                rm_audio_to_pcm(data, len, entries, count, b"s16".as_ptr(), 3, out, err)
            });
            expect(&outcome, RM_INVALID_ARGUMENT, message);
        }
        let outcome = Outcome::of(|out, err| rm_audio_to_pcm(data, len, entries, count, null(), 3, out, err));
        expect(&outcome, RM_INVALID_ARGUMENT, "`format` is NULL but its length is 3");
    }
    assert_eq!(host.next(0), (RM_TIMEOUT, vec![], vec![]), "each token came back once");
}

#[test]
fn every_failing_reply_releases_its_tokens_and_that_of_its_error() {
    let _turn = turn();
    let host = Host::new();
    assert_eq!(host.submit(host.mine, 1, &from_json("[1]"), &[]).status, RM_PENDING);
    let call = host.call();
    let memory = [1u8, 2, 3];
    let table = [borrowed(&memory, 101)];
    for (reply, released) in [
        (r#"{"outputs": 3, "error": {"message": "no", "token": 9}}"#, [9, 101]),
        (r#"{"error": {"message": 3, "token": 9}}"#, [9, 101]),
        (r#"{"error": {"message": "no", "node": 5, "token": 9}}"#, [9, 101]),
        (r#"{"error": {"message": "no", "nodes": 0, "token": 9}}"#, [9, 101]),
        (r#"{"output": [], "error": {"message": "no", "token": 9}}"#, [9, 101]),
        (r#"{"outputs": [[0, 1, null, null, 0, 1]], "error": {"message": "no", "token": 9}}"#, [9, 101]),
        (r#"{"final": 1, "error": {"message": "no", "token": 18446744073709551615}}"#, [101, u64::MAX]),
    ] {
        let outcome = host.reply(call, reply, &table);
        assert_eq!(outcome.status, RM_INVALID_DOCUMENT, "{reply}: {}", outcome.message);
        assert_eq!(outcome.released, released, "{reply}");
    }
    let mistyped = host.reply(call, r#"{"err": {"message": "no", "token": 9}}"#, &[]);
    assert_eq!(mistyped.message, "reply.err: there is no 'err' here; did you mean 'error'?");
    let no_port = from_json(r#"{"error": {"message": "no", "token": 9}}"#);
    // SAFETY: as the function asks.
    let outcome = Outcome::of(|_, err| unsafe {
        rm_port_reply(null(), call, no_port.as_ptr(), no_port.len(), table.as_ptr(), 1, null_mut(), err)
    });
    assert_eq!((outcome.status, outcome.released.as_slice()), (RM_INVALID_ARGUMENT, &[9, 101][..]));
    let broken = [rm_buffer { data: null(), ..borrowed(&memory, 101) }];
    let outcome = host.reply(call, r#"{"error": {"message": "no", "token": 9}}"#, &broken);
    assert_eq!(outcome.message, "`buffers[0].data` is NULL but its length is not 0");
    assert_eq!(outcome.released, [9, 101]);
    assert_eq!(host.reply(call, r#"{"outputs": [[0, 5]]}"#, &[]).status, RM_OK);
    let late = host.reply(call, r#"{"error": {"message": "no", "token": 9}}"#, &table);
    assert_eq!((late.status, late.released.as_slice()), (RM_GONE, &[9, 101][..]));
}

#[test]
fn options_that_are_refused_give_the_tokens_of_their_node_types_back() {
    let _turn = turn();
    let host = Host::new();
    for options in [
        r#"{"host_nodes": {"mine": {"token": 7}, "other": {"token": 8}}, "x": 1}"#,
        r#"{"host_nodes": {"mine": {"token": 7}, "other": {"token": 8, "batch": -1}}}"#,
        r#"{"host_nodes": {"mine": {"token": 7}, "other": {"token": 8, "inputs": ["a.b"]}}}"#,
    ] {
        let mut pipeline = null_mut();
        // SAFETY: as the function asks.
        let outcome = Outcome::of(|_, err| unsafe {
            let (manifest, options) = (HOST.as_bytes(), options.as_bytes());
            let (len, options_len) = (manifest.len(), options.len());
            let out = &raw mut pipeline;
            rm_pipeline_new(host.runtime, manifest.as_ptr(), len, options.as_ptr(), options_len, out, err)
        });
        assert_eq!((outcome.status, outcome.released.as_slice()), (RM_INVALID_ARGUMENT, &[7, 8][..]), "{options}");
    }
}

#[test]
fn the_call_that_comes_with_a_reply_names_memory_of_the_host_and_gives_it_back_behind() {
    let _turn = turn();
    let host = Host::new();
    let memory = vec![5u8; 1 << 16];
    let mut inputs = many_bytes_in_a_buffer(memory.len());
    inputs.splice(0..1, [0x92, 1]);
    // On this thread: the stage is at rest when the call is there, so the reply can take the next one along.
    let outcome = host.submit_within(10_000_000, host.mine, 1, &inputs, &[borrowed(&memory, 301)]);
    assert_eq!(outcome.status, RM_PENDING, "{}", outcome.message);
    let reply = from_json(r#"{"outputs": [[0, 5]]}"#);
    let answer = |call| {
        Outcome::of(|next, err| {
            // SAFETY: as the function asks.
            unsafe { rm_port_reply(host.port, call, reply.as_ptr(), reply.len(), null(), 0, next, err) }
        })
    };
    let first = answer(host.call());
    assert_eq!(first.status, RM_OK, "{}", first.message);
    let [entry] = first.buffers[..] else { panic!("{} buffers", first.buffers.len()) };
    assert_eq!((entry.token, entry.len, entry.flags), (301, memory.len(), 0));
    let next = list(first.value());
    assert_eq!(list(next[2].clone()), [Value::Int(301)]);
    let last = answer(number(&next[0]));
    assert_eq!((last.status, last.document), (RM_OK, null_mut()), "no call follows the last one");
    let (_, events, released) = host.next(60_000_000);
    assert_eq!((number(&events[0][0]), released), (1, Vec::new()), "the completion, and nothing twice");
}

#[test]
fn work_that_ends_releases_each_token_once_and_pending_work_writes_an_empty_output() {
    let _turn = turn();
    let host = Host::new();
    let memory = vec![5u8; 1 << 16];
    let table = [borrowed(&memory, 201)];
    let inputs = many_bytes_in_a_buffer(memory.len());
    let outcome = host.submit(host.mine, 1, &inputs, &table);
    assert_eq!((outcome.status, outcome.document), (RM_PENDING, null_mut()), "{}", outcome.message);
    // SAFETY: live.
    unsafe {
        assert_eq!(rm_port_cancel(host.port, 1, null_mut()), RM_OK);
        assert_eq!(rm_port_cancel(host.port, 1, null_mut()), RM_GONE);
    }
    assert_eq!(host.released(1), [201]);
}

#[test]
fn a_completion_that_is_answered_at_once_carries_the_release_of_what_it_names() {
    let _turn = turn();
    let host = Host::new();
    let memory = vec![5u8; 1 << 14];
    let inputs = many_bytes_in_a_buffer(memory.len());
    let outcome = host.submit_within(1_000_000, host.pass, 1, &inputs, &[borrowed(&memory, 301)]);
    assert_eq!(outcome.status, RM_OK, "{}", outcome.message);
    let [entry] = outcome.buffers[..] else { panic!("{} buffers", outcome.buffers.len()) };
    assert_eq!((entry.token, entry.data, entry.len), (301, memory.as_ptr(), memory.len()));
    let ended = outcome.bytes.len();
    // {..., "released": [301]}
    assert_eq!(outcome.bytes[0], 0x84);
    assert_eq!(outcome.bytes[ended - 13..], *b"\xa8released\x91\xcd\x01\x2d");
    assert_eq!(host.next(0), (RM_TIMEOUT, vec![], vec![]));
}

#[test]
fn a_batch_of_events_carries_the_release_of_what_it_names_behind_it() {
    let _turn = turn();
    let host = Host::new();
    let memory = vec![5u8; 1 << 14];
    assert_eq!(host.submit(host.mine, 1, &from_json("[1]"), &[]).status, RM_PENDING);
    // {"outputs": [[0, the memory]]}
    let mut reply = b"\x81\xa7outputs\x91\x92\x00".to_vec();
    reply.extend(&many_bytes_in_a_buffer(memory.len())[1..]);
    assert_eq!(host.reply_packed(host.call(), &reply, &[borrowed(&memory, 302)]).status, RM_OK);
    let outcome = Outcome::of(|out, err| {
        // SAFETY: as the function asks.
        unsafe { rm_port_next(host.port, 60_000_000, out, err) }
    });
    assert_eq!(outcome.buffers[0].token, 302);
    // [completion, [3, [302]]]
    assert_eq!(outcome.bytes[..5], [0xdc, 0, 2, 0x93, 1]);
    assert_eq!(outcome.bytes[outcome.bytes.len() - 6..], [0x92, 3, 0x91, 0xcd, 0x01, 0x2e]);
}

#[test]
fn what_a_port_was_given_is_released_there_while_there_is_one() {
    let _turn = turn();
    let host = Host::new();
    let mut other = null_mut();
    // SAFETY: live, and writable.
    assert_eq!(unsafe { rm_port_new(host.runtime, null(), 0, &raw mut other, null_mut()) }, RM_OK);
    // Both share the runtime and the pipelines; `other` frees them.
    let host = std::mem::ManuallyDrop::new(host);
    let other = Host { runtime: host.runtime, port: other, pass: host.pass, mine: host.mine };
    let memory = vec![5u8; 1 << 14];
    // The same memory twice: the second input waits while the host has a call with the first.
    let mut inputs = many_bytes_in_a_buffer(memory.len());
    inputs.extend_from_within(1..);
    inputs[0] = 0x92;
    let name_and_cancel = |token| {
        assert_eq!(host.submit(host.mine, 1, &inputs, &[borrowed(&memory, token)]).status, RM_PENDING);
        // It names the memory; the host may still have to look for it when another thread drains another port.
        host.call();
        // SAFETY: live.
        assert_eq!(unsafe { rm_port_cancel(host.port, 1, null_mut()) }, RM_OK);
    };

    name_and_cancel(303);
    assert_eq!(other.next(0).2, [0u64; 0]);
    assert_eq!(host.released(1), [303]);

    name_and_cancel(304);
    // SAFETY: live, and not used afterwards.
    unsafe { rm_port_free(host.port) };
    assert_eq!(other.released(1), [304]);
}

#[test]
fn every_packet_of_a_session_releases_its_tokens_once_taken_or_not() {
    let _turn = turn();
    let host = Host::new();
    let before = live();
    let memory = [1u8, 2, 3];
    // SAFETY: as each function asks.
    unsafe {
        let mut session = null_mut();
        let options = br#"{"buffer": {"packets": 1}}"#;
        let (data, len) = (options.as_ptr(), options.len());
        assert_eq!(rm_session_new(host.pass, host.port, 5, data, len, &raw mut session, null_mut()), RM_OK);
        // Packets of one bytes value each: `[[<buffer 0>], [<buffer 1>], [<buffer 2>]]`.
        let mut packets = vec![0x93];
        for index in 0..3 {
            packets.extend([0x91, 0xc7, 4, 6, 0x93, index, 0, 3]);
        }
        let send = |packets: &[u8], tokens: &[u64], most: usize| {
            let table: Vec<rm_buffer> = tokens.iter().map(|&token| borrowed(&memory, token)).collect();
            let (entries, count) = (table.as_ptr(), table.len());
            Outcome::of(|out, err| {
                rm_session_send(session, packets.as_ptr(), packets.len(), entries, count, 1_000_000, most, out, err)
            })
        };
        let sent = send(&packets, &[301, 302, 303], 0);
        assert_eq!(sent.status, RM_WOULD_BLOCK, "{}", sent.message);
        let answer = list(sent.value());
        let taken = number(&answer[0]) as usize;
        assert!((1..3).contains(&taken), "{taken}");
        // What was not taken is given back at once, in the answer itself.
        let mut refused: Vec<u64> = list(answer[2].clone()).iter().map(number).collect();
        refused.sort_unstable();
        assert_eq!(refused, [301, 302, 303][taken..]);
        for (packets, status) in [(&packets[..1], RM_INVALID_DOCUMENT), (&packets[..], RM_GONE)] {
            if status == RM_GONE {
                assert_eq!(rm_session_cancel(session, null_mut()), RM_OK);
                let mut rest = host.released(taken);
                rest.sort_unstable();
                assert_eq!(rest, [301, 302, 303][..taken]);
            }
            let outcome = send(packets, &[304, 305, 306], 0);
            assert_eq!(outcome.status, status, "{}", outcome.message);
            assert_eq!(outcome.released, [304, 305, 306]);
        }
        rm_session_free(session);
    }
    while live()["runs"] > before["runs"] {
        std::thread::yield_now();
    }
    assert_eq!(live(), before);
}
