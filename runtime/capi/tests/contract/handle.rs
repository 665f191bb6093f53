//! Objects behind pointers: NULL, the order of freeing, and memory that outlives the runtime.

use std::ptr::{null, null_mut};

use remotemedia::*;

use crate::host::*;

#[test]
fn memory_outlives_everything_and_objects_are_freed_in_any_order() {
    let _turn = turn();
    let before = live();
    let orders: [[usize; 4]; 4] = [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1]];
    for order in orders {
        let host = std::mem::ManuallyDrop::new(Host::new());
        let memory = vec![9u8; 1 << 16];
        // Token 0: the runtime makes a copy, so what comes out is its own memory.
        let table = [borrowed(&memory, 0)];
        let inputs = many_bytes_in_a_buffer(memory.len());
        let outcome = Outcome::of(|out, err| {
            // SAFETY: as the function asks.
            unsafe { rm_pipeline_execute(host.pass, inputs.as_ptr(), inputs.len(), table.as_ptr(), 1, -1, out, err) }
        });
        assert_eq!(outcome.status, RM_OK, "{}", outcome.message);
        let [entry] = outcome.buffers[..] else { panic!("{} buffers", outcome.buffers.len()) };
        assert_eq!((entry.token, entry.flags), (0, RM_BUFFER_WRITABLE));
        let mut kept = null_mut();
        // SAFETY: live, and writable.
        assert_eq!(unsafe { rm_memory_retain(entry.memory, &raw mut kept, null_mut()) }, RM_OK);
        // Work that goes on while its objects are freed.
        assert_eq!(host.submit(host.mine, 1, &from_json("[1, 2]"), &[]).status, RM_PENDING);
        for object in order {
            // SAFETY: live, and not used afterwards.
            unsafe {
                match object {
                    0 => rm_runtime_free(host.runtime),
                    1 => rm_port_free(host.port),
                    2 => rm_pipeline_free(host.pass),
                    _ => rm_pipeline_free(host.mine),
                }
            }
        }
        drop(outcome);
        // SAFETY: `kept` is live: the memory has `len` bytes, nobody else uses them, and it was handed out as writable.
        unsafe {
            let bytes = std::slice::from_raw_parts_mut(entry.data.cast_mut(), entry.len);
            assert_eq!(bytes, &memory[..]);
            bytes.fill(1);
            rm_memory_free(kept);
        }
    }
    // Work is let go of by workers that nobody waits for any more.
    while live()["runs"] > before["runs"] {
        std::thread::yield_now();
    }
    assert_eq!(live(), before);
}

#[test]
fn null_is_refused_where_an_object_or_a_place_is_needed_and_is_fine_to_free() {
    let _turn = turn();
    let host = Host::new();
    // SAFETY: as each function asks.
    unsafe {
        let (mut data, mut buffers, mut fd) = (null(), null(), 0);
        let (mut len, mut count) = (0, 0);
        let format = b"s16".as_ptr();
        let statuses = [
            rm_runtime_new(null(), 0, null_mut(), null_mut()),
            rm_runtime_new(null(), 1, &mut null_mut(), null_mut()),
            rm_runtime_describe(null(), &mut empty(), null_mut()),
            rm_runtime_describe(host.runtime, null_mut(), null_mut()),
            rm_runtime_shutdown(null(), 0, null_mut()),
            rm_port_new(null(), null(), 0, &mut null_mut(), null_mut()),
            rm_port_new(host.runtime, null(), 0, null_mut(), null_mut()),
            rm_port_new(host.runtime, null(), 1, &mut null_mut(), null_mut()),
            rm_port_shutdown(null(), null_mut()),
            rm_runtime_released(null(), &mut empty(), null_mut()),
            rm_runtime_released(host.runtime, null_mut(), null_mut()),
            rm_memory_new(1, null_mut(), &mut null_mut(), null_mut()),
            rm_memory_new(1, &mut null_mut(), null_mut(), null_mut()),
            rm_memory_new(usize::MAX, &mut null_mut(), &mut null_mut(), null_mut()),
            rm_port_fd(null(), &raw mut fd, null_mut()),
            rm_port_fd(host.port, null_mut(), null_mut()),
            rm_port_next(null(), 0, &mut empty(), null_mut()),
            rm_port_wake(null(), null_mut()),
            rm_port_cancel(null(), 1, null_mut()),
            rm_port_progress(null(), 1, &mut empty(), null_mut()),
            rm_pipeline_describe(null(), &mut empty(), null_mut()),
            rm_pipeline_describe(host.pass, null_mut(), null_mut()),
            rm_memory_retain(null(), &mut null_mut(), null_mut()),
            rm_document_from_json(null(), 1, null(), 0, &mut empty(), null_mut()),
            rm_document_from_json(null(), 0, null(), 0, null_mut(), null_mut()),
            rm_document_from_json(null(), 0, null(), 1, &mut empty(), null_mut()),
            rm_document_to_json(null(), 0, null(), 0, 2, &mut empty(), null_mut()),
            rm_document_view(null(), &raw mut data, &raw mut len, &raw mut buffers, &raw mut count, null_mut()),
            rm_live_objects(null_mut(), null_mut()),
            rm_session_new(null(), host.port, 1, null(), 0, &mut null_mut(), null_mut()),
            rm_session_new(host.pass, null(), 1, null(), 0, &mut null_mut(), null_mut()),
            rm_session_new(host.pass, host.port, 1, null(), 1, &mut null_mut(), null_mut()),
            rm_session_new(host.pass, host.port, 1, null(), 0, null_mut(), null_mut()),
            rm_session_send(null(), null(), 0, null(), 0, 0, 0, &mut empty(), null_mut()),
            rm_session_receive(null(), -1, 0, &mut empty(), null_mut()),
            rm_session_finish(null(), null_mut()),
            rm_session_cancel(null(), null_mut()),
            rm_session_control(null(), null(), 0, null_mut()),
            rm_session_metrics(null(), &mut empty(), null_mut()),
            rm_session_trace(null(), &mut empty(), null_mut()),
            rm_audio_from_pcm(null(), 1, format, 3, 8000, 1, &mut empty(), null_mut()),
            rm_audio_from_pcm(null(), 0, null(), 3, 8000, 1, &mut empty(), null_mut()),
            rm_audio_from_pcm(null(), 0, format, 3, 8000, 1, null_mut(), null_mut()),
        ];
        assert_eq!(statuses, [RM_INVALID_ARGUMENT; 43]);
        rm_runtime_free(null_mut());
        rm_port_free(null_mut());
        rm_pipeline_free(null_mut());
        rm_session_free(null_mut());
        rm_document_free(null_mut());
        rm_memory_free(null_mut());
        rm_memory_discard(null_mut());
        rm_error_free(null_mut());
    }
}
