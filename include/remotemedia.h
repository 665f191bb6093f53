/*
 * remotemedia: media pipelines on native threads. SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * The conventions of this header; docs/abi.md has the long form and the layout of every document.
 *
 * Documents   Manifests, options, inputs, results and events are msgpack; where it says so, JSON text does as well.
 *             rm_document_to_json and rm_document_from_json turn a document into its JSON twin and back.
 * Outputs     A call that answers with a document writes into the rm_output of the caller. A zero-initialised one has
 *             no room, so the document comes as an object: rm_document_view it, rm_document_free it.
 * Status      0 is done, above 0 is no error, below 0 nothing was done, and outputs hold nothing.
 * Errors      The last parameter `err` may be NULL. Else, after a status below 0, it holds an error that is the caller's
 *             to free with rm_error_free; after any other status it is left as it was. There is no thread-local error.
 * Ownership   What a function with `_new` gives, the function with `_free` of the same name takes back, once. Freeing
 *             NULL is fine. Objects may be freed in any order: what others still need of them lives on inside.
 * Arguments   A slice may be (NULL, 0). An object that is NULL where one is needed is RM_INVALID_ARGUMENT. Documents and
 *             texts that go in are copied before the call returns; the memory in a buffer table is not, see rm_buffer.
 * Threads     Every object may be used from any thread, and by several at once, but for being freed.
 * Callbacks   There are none. What happens arrives as events at a port, and rm_port_next hands them out.
 * Exit        In exit handlers and destructors of static objects every object can be freed, and other calls work or answer
 *             RM_SHUT_DOWN.
 * Fork        In a forked child every inherited object answers RM_FORKED, and freeing it does nothing: make new ones.
 */

#ifndef REMOTEMEDIA_H
#define REMOTEMEDIA_H

/* Generated from runtime/capi by `python3 build.py header`: edit the Rust sources, not this. */

#include <stddef.h>
#include <stdint.h>

/**
 * Nobody else shares the memory of this buffer, so you may write to it. Decided once, when it is handed out.
 */
#define RM_BUFFER_WRITABLE 1

/**
 * A flag of `rm_document_to_json`: a payload that lies in the buffer table is written as `"buffer": i`, its index there.
 */
#define RM_JSON_BY_REFERENCE 1

/**
 * `[1, token, completion]`: the work that was submitted with this token has ended.
 */
#define RM_EVENT_COMPLETED 1

/**
 * `[2, call, {...}]`: packets for nodes of the host, to be answered by `rm_port_reply`.
 */
#define RM_EVENT_CALL 2

/**
 * `[3, [token, ...]]`: the host may release what these tokens stand for.
 */
#define RM_EVENT_RELEASED 3

/**
 * `[4]`: the port has ended; no event follows.
 */
#define RM_EVENT_PORT_ENDED 4

/**
 * `[5, token]`: the session has room for packets that it did not take.
 */
#define RM_EVENT_ROOM 5

/**
 * `[6, token]`: the session has outputs, or has ended.
 */
#define RM_EVENT_OUTPUTS 6

/**
 * `[7, call]`: there is room for the next part of the reply to this call.
 */
#define RM_EVENT_REPLY_ROOM 7

/**
 * `[8, call]`: the call is over before its reply.
 */
#define RM_EVENT_CALL_OVER 8

/**
 * `[9, token, detail, first]`: a node of the work with this token has dropped a packet after an error.
 */
#define RM_EVENT_SKIPPED 9

/**
 * The major version of this ABI: it changes when a signature or a meaning does.
 */
#define RM_ABI_MAJOR 1

/**
 * The minor version of this ABI: it grows when something is added.
 */
#define RM_ABI_MINOR 0

/**
 * A document that did not fit the caller's buffer. Immutable; may cross threads; belongs to the caller.
 */
typedef struct rm_document rm_document;

/**
 * Why a function failed. Immutable; may cross threads; belongs to the caller.
 */
typedef struct rm_error rm_error;

/**
 * Memory of the runtime in the hands of the host. Outlives pipeline, port and runtime.
 */
typedef struct rm_memory rm_memory;

/**
 * A validated manifest, ready to run any number of times, also at the same time. Any thread may use it.
 */
typedef struct rm_pipeline rm_pipeline;

/**
 * A port: one for each event loop or serving thread. Any thread may use it. Where several wait at it, each event goes
 * to one of them, and all return at its end.
 */
typedef struct rm_port rm_port;

/**
 * A runtime: node types, worker threads, limits. Nothing runs until the first work is submitted. Any thread may use it.
 */
typedef struct rm_runtime rm_runtime;

/**
 * A session: a pipeline at work on one stream. Any thread may use it, also one that sends beside one that receives.
 */
typedef struct rm_session rm_session;

/**
 * What a function answers: 0 is done, above 0 is not an error, below 0 nothing was done and `err` says why.
 */
typedef int32_t rm_status;

/**
 * One entry of the buffer table that travels with a document.
 */
typedef struct rm_buffer {
  /**
   * The bytes. May be NULL if `len` is 0.
   */
  const uint8_t *data;
  /**
   * Their number.
   */
  size_t len;
  /**
   * In: your number for this memory, which must stay readable and unchanged until a release record names it; 0 if the
   * bytes are to be copied at once. Out: your number, if it is your memory, else 0.
   */
  uint64_t token;
  /**
   * Out: the runtime's memory, which lives until you give it to `rm_memory_free`; NULL if it is yours. In: NULL, or
   * such memory with token 0, which is shared rather than copied: nothing is to be released, the handle stays yours
   * to free, and from now on you must not write to the memory.
   */
  struct rm_memory *memory;
  /**
   * In: 0; `RM_BUFFER_WRITABLE` is ignored. Out: `RM_BUFFER_WRITABLE`, or 0.
   */
  uint32_t flags;
  /**
   * 0.
   */
  uint32_t reserved;
} rm_buffer;

/**
 * Where a call writes a document. Zero-initialised is fine: then the document comes as an object.
 */
typedef struct rm_output {
  /**
   * In: room for the bytes; may be NULL if `capacity` is 0.
   */
  uint8_t *data;
  /**
   * In: how many bytes fit.
   */
  size_t capacity;
  /**
   * In: room for the buffer table; may be NULL if `buffer_capacity` is 0.
   */
  struct rm_buffer *buffers;
  /**
   * In: how many entries fit.
   */
  size_t buffer_capacity;
  /**
   * In: memory for `rm_memory_discard` before anything else, so that it costs no call of its own; may be NULL if
   * `discard_count` is 0.
   */
  struct rm_memory *const *discard;
  /**
   * In: how many there are. Set to 0 once they are taken, also if the call fails.
   */
  size_t discard_count;
  /**
   * Out: the bytes written to `data`; 0 if the document came as an object.
   */
  size_t len;
  /**
   * Out: the entries written to `buffers`. Their memory is yours to free.
   */
  size_t buffer_count;
  /**
   * Out: the document, if it did not fit, else NULL. Yours to free.
   */
  struct rm_document *document;
} rm_output;

/**
 * Done.
 */
#define RM_OK 0

/**
 * Accepted; the completion will arrive at the port.
 */
#define RM_PENDING 1

/**
 * Not now; try again when an event says so.
 */
#define RM_WOULD_BLOCK 2

/**
 * Nothing came within the time.
 */
#define RM_TIMEOUT 3

/**
 * Nothing will ever come again: the port is shut down, or everything that a session gave was handed out.
 */
#define RM_END 4

/**
 * A mistake of the caller: NULL where an object is needed, an argument out of range.
 */
#define RM_INVALID_ARGUMENT (-1)

/**
 * The manifest is not valid; the detail lists every problem with its place.
 */
#define RM_INVALID_MANIFEST (-2)

/**
 * A document can't be understood; the message names the place.
 */
#define RM_INVALID_DOCUMENT (-3)

/**
 * A node failed; the detail names node, input, position, cause and cure.
 */
#define RM_EXECUTION_FAILED (-4)

/**
 * The work was cancelled.
 */
#define RM_CANCELLED (-5)

/**
 * The work took longer than its timeout.
 */
#define RM_TIMED_OUT (-6)

/**
 * The runtime is shut down, or was while the work went on.
 */
#define RM_SHUT_DOWN (-7)

/**
 * What the call refers to is over: a late reply, work that has ended.
 */
#define RM_GONE (-8)

/**
 * A node of this pipeline panicked before; make the pipeline anew.
 */
#define RM_POISONED (-9)

/**
 * A defect inside the library or a node; please report the message.
 */
#define RM_PANIC (-10)

/**
 * The handle belongs to the parent process; after a fork the child makes its own.
 */
#define RM_FORKED (-11)

/**
 * The system gave no file descriptor or thread.
 */
#define RM_OUT_OF_RESOURCES (-12)

/**
 * The results grew past a limit of the runtime.
 */
#define RM_LIMIT_EXCEEDED (-13)

/**
 * This system, or this object, does not have what was asked for.
 */
#define RM_UNSUPPORTED (-14)

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Writes a document with one audio value, of interleaved little-endian PCM. `format` is the name of a sample format:
 * `u8`, `s16`, `s24`, `s32`, `f32`, `mulaw` or `alaw`; full scale is 2^(n-1). `data` is copied.
 *
 * The caller sees to it that:
 * `data` is readable for `len` bytes and `format` for `format_len`, or NULL with 0; `out` is writable; `err` is NULL or
 * writable.
 */
rm_status rm_audio_from_pcm(const uint8_t *data,
                            size_t len,
                            const uint8_t *format,
                            size_t format_len,
                            uint32_t rate,
                            uint32_t channels,
                            struct rm_output *out,
                            struct rm_error **err);

/**
 * Writes a document with one bytes value: the audio of a document with one audio value, as interleaved little-endian
 * PCM of `format`. Integers are rounded to nearest and saturated; `mulaw` and `alaw` are made of 16-bit integers by the
 * decision values of G.711, so not always with the nearest value. Samples that are NaN or infinite are refused, but for
 * `f32`. The table is read during this call: nothing is lent by it, and its tokens are not released.
 *
 * The caller sees to it that:
 * `data` is readable for `len` bytes, `buffers` for `buffer_count` entries and `format` for `format_len` bytes, or NULL with 0;
 * `out` is writable; `err` is NULL or writable.
 */
rm_status rm_audio_to_pcm(const uint8_t *data,
                          size_t len,
                          const struct rm_buffer *buffers,
                          size_t buffer_count,
                          const uint8_t *format,
                          size_t format_len,
                          struct rm_output *out,
                          struct rm_error **err);

/**
 * How this library was built, as JSON text: `{"version", "abi", "target", "profile", "features", "rustc", "commit"?}`.
 * Never NULL, never freed.
 */
const char *rm_build_info(void);

/**
 * The bytes and the buffer table of a document; they live as long as it does. The memory in the table belongs to the
 * document: use `rm_memory_retain` to keep it longer, and don't free it.
 *
 * The caller sees to it that:
 * `document` is live; the places are writable; `err` is NULL or writable.
 */
rm_status rm_document_view(const struct rm_document *document,
                           const uint8_t **data,
                           size_t *len,
                           const struct rm_buffer **buffers,
                           size_t *buffer_count,
                           struct rm_error **err);

/**
 * Frees a document and the memory in its table; NULL is fine.
 *
 * The caller sees to it that:
 * `document` is NULL or live, and nobody uses it any more.
 */
void rm_document_free(struct rm_document *document);

/**
 * Writes the JSON twin of a document; the bytes of `json` are UTF-8 text without a NUL at the end. The payloads are in
 * the text, or with the flag `RM_JSON_BY_REFERENCE` named by their place in the buffer table. Without flags pass 0.
 * The table is read during this call: nothing is lent by it, and its tokens are not released.
 *
 * The caller sees to it that:
 * `data` is readable for `len` bytes and `buffers` for `buffer_count` entries, or NULL with 0; `json` is writable; `err`
 * is NULL or writable.
 */
rm_status rm_document_to_json(const uint8_t *data,
                              size_t len,
                              const struct rm_buffer *buffers,
                              size_t buffer_count,
                              uint32_t flags,
                              struct rm_output *json,
                              struct rm_error **err);

/**
 * Writes the document of which `text` is the JSON twin. `"buffer": i` in the text refers to `buffers[i]`; the document
 * refers to the same table by the same numbers, so hand both to the next call. Nothing is lent by this call. A
 * document that refers to a table has all other payloads inside; without a table large ones come in that of `out`.
 *
 * The caller sees to it that:
 * `text` is readable for `len` bytes and `buffers` for `buffer_count` entries, or NULL with 0; `out` is writable; `err` is NULL
 * or writable.
 */
rm_status rm_document_from_json(const uint8_t *text,
                                size_t len,
                                const struct rm_buffer *buffers,
                                size_t buffer_count,
                                struct rm_output *out,
                                struct rm_error **err);

/**
 * The status that came with the error; `RM_OK` for NULL.
 *
 * The caller sees to it that:
 * `error` is NULL or a live error.
 */
rm_status rm_error_status(const struct rm_error *error);

/**
 * The message: one sentence or, for a manifest, one line for each problem. UTF-8, ends with NUL, lives as long as the
 * error; empty for NULL.
 *
 * The caller sees to it that:
 * `error` is NULL or a live error.
 */
const char *rm_error_message(const struct rm_error *error);

/**
 * The detail: a msgpack map, see docs/abi.md. Lives as long as the error; `(NULL, 0)` for NULL.
 *
 * The caller sees to it that:
 * `error` is NULL or a live error; `data` and `len` are writable.
 */
void rm_error_detail(const struct rm_error *error, const uint8_t **data, size_t *len);

/**
 * Frees an error; NULL is fine.
 *
 * The caller sees to it that:
 * `error` is NULL or a live error that nobody uses any more.
 */
void rm_error_free(struct rm_error *error);

/**
 * Writes what is alive in this process: a map of counts: `runtimes`, `ports`, `pipelines`, `sessions`, `documents`,
 * `memories`, `errors`, `host_buffers` (borrowed and not yet released), `runs`, `nodes`.
 *
 * The caller sees to it that:
 * `out` is writable, `err` NULL or writable.
 */
rm_status rm_live_objects(struct rm_output *out, struct rm_error **err);

/**
 * Makes memory for the host to write: `len` bytes, all 0, at an address that is a multiple of 64, for hosts whose own
 * heap can't be lent. Lend `data` under a token of yours as any memory; free the handle once a release record has
 * named the token.
 *
 * The caller sees to it that:
 * `data` and `out` are writable; `err` is NULL or writable.
 */
rm_status rm_memory_new(size_t len, uint8_t **data, struct rm_memory **out, struct rm_error **err);

/**
 * Gives memory back; NULL is fine.
 *
 * The caller sees to it that:
 * `memory` is NULL or live, and nobody uses its bytes any more.
 */
void rm_memory_free(struct rm_memory *memory);

/**
 * Gives memory back like `rm_memory_free`, for threads that can't wait, such as that of an event loop: the system may
 * take milliseconds to unmap what is large, so 64 KiB and more are freed by a thread of the library. NULL is fine.
 *
 * The caller sees to it that:
 * `memory` is NULL or live, and nobody uses its bytes any more.
 */
void rm_memory_discard(struct rm_memory *memory);

/**
 * Makes another handle of the same memory, to keep it beyond the document that it came with.
 *
 * The caller sees to it that:
 * `memory` is live; `out` is writable; `err` is NULL or writable.
 */
rm_status rm_memory_retain(const struct rm_memory *memory, struct rm_memory **out, struct rm_error **err);

/**
 * Makes a pipeline. `manifest` is JSON text, YAML text or a msgpack map, told apart by the first byte. `options` is a
 * map as JSON text or msgpack, or `(NULL, 0)`: `{"host_nodes": {"my_type": {"token": 7, "batch": 32}}}` declares node
 * types that the host runs itself. Each `token` comes back by a release record once no call can name it any more: the
 * pipeline is freed and its work has ended, or this call fails. `RM_INVALID_MANIFEST` comes with every problem at
 * once.
 *
 * The caller sees to it that:
 * `runtime` is live; the slices are readable, or NULL with 0; `out` is writable; `err` is NULL or writable.
 */
rm_status rm_pipeline_new(const struct rm_runtime *runtime,
                          const uint8_t *manifest,
                          size_t len,
                          const uint8_t *options,
                          size_t options_len,
                          struct rm_pipeline **out,
                          struct rm_error **err);

/**
 * Writes the plan: nodes with the stage that runs them, what joins them, what the planner inserted; see docs/abi.md.
 *
 * The caller sees to it that:
 * `pipeline` is live; `plan` is writable; `err` is NULL or writable.
 */
rm_status rm_pipeline_describe(const struct rm_pipeline *pipeline, struct rm_output *plan, struct rm_error **err);

/**
 * Runs a pipeline and waits for its end. `inputs` is a msgpack list with a value for each item, or a map of such lists
 * by the names of the inputs (`{"mic": [...], "reference": [...]}`, of one length); for a graph that has only sources
 * an empty list or nil. `timeout_us` below 0 means none. On success `out` holds the completion; on failure nothing is
 * written and `err` says why. A pipeline with nodes of the host needs `rm_pipeline_submit`.
 *
 * The caller sees to it that:
 * `pipeline` is live; the slices are readable, or NULL with 0; `out` is writable; `err` is NULL or writable.
 */
rm_status rm_pipeline_execute(const struct rm_pipeline *pipeline,
                              const uint8_t *inputs,
                              size_t len,
                              const struct rm_buffer *buffers,
                              size_t buffer_count,
                              int64_t timeout_us,
                              struct rm_output *out,
                              struct rm_error **err);

/**
 * Gives a pipeline a piece of work, which ends in exactly one completion. Short work is done on the calling thread
 * within `budget_us` microseconds: `RM_OK`, and the completion, also a failed one, is in `out`. Else `RM_PENDING`: it
 * will arrive at `port` under `token`, as will calls to nodes of the host, perhaps before this function has returned.
 * With a budget of 0 or less the calling thread does nothing of it, and the status is always `RM_PENDING`. Below 0 it
 * was not accepted: `RM_INVALID_ARGUMENT` if `port` is one of another runtime than `pipeline`. `inputs` is as for
 * `rm_pipeline_execute`; `timeout_us` below 0 means none.
 *
 * The caller sees to it that:
 * `pipeline` and `port` are live; the slices are readable, or NULL with 0; `out` is writable; `err` is NULL or writable.
 */
rm_status rm_pipeline_submit(const struct rm_pipeline *pipeline,
                             const struct rm_port *port,
                             uint64_t token,
                             const uint8_t *inputs,
                             size_t len,
                             const struct rm_buffer *buffers,
                             size_t buffer_count,
                             int64_t timeout_us,
                             int64_t budget_us,
                             struct rm_output *out,
                             struct rm_error **err);

/**
 * Frees a pipeline; NULL is fine. Work that it was given goes on.
 *
 * The caller sees to it that:
 * `pipeline` is NULL or live, and nobody uses it any more.
 */
void rm_pipeline_free(struct rm_pipeline *pipeline);

/**
 * Makes a port. `options` is a map as JSON text or msgpack, or `(NULL, 0)`: `{"bell": "eventfd" | "socketpair" |
 * "none"}` chooses what `rm_port_fd` gives, by default the best that the system has. `RM_UNSUPPORTED` if it does not
 * have the chosen one.
 *
 * The caller sees to it that:
 * `runtime` is live; `options` is readable for `len` bytes, or NULL with 0; `out` is writable; `err` is NULL or writable.
 */
rm_status rm_port_new(const struct rm_runtime *runtime,
                      const uint8_t *options,
                      size_t len,
                      struct rm_port **out,
                      struct rm_error **err);

/**
 * The descriptor to watch: it is readable while something is there. It belongs to the port: don't read, write or close
 * it, and stop watching it before `rm_port_free`. `rm_port_next` clears it; while events remain it stays readable. It
 * may become readable just after another thread has taken what was there. `RM_UNSUPPORTED` for a port without a bell.
 *
 * The caller sees to it that:
 * `port` is live; `handle` is writable; `err` is NULL or writable.
 */
rm_status rm_port_fd(const struct rm_port *port, intptr_t *handle, struct rm_error **err);

/**
 * Hands out what has happened, as a list of events: at most 256, and after the first no more than make up 1 MiB of
 * document. Waits at most `timeout_us` microseconds for the first (0: not at all; below 0: for ever): `RM_OK`;
 * `RM_TIMEOUT` if nothing came, if `rm_port_wake` was called, or if another thread has taken what woke this one;
 * `RM_END` if the port has ended and this was the last batch. The list is written in all three cases.
 *
 * With `events` NULL it waits alone, and takes nothing: `RM_OK` once a call with a place for them would not wait,
 * `RM_TIMEOUT` if that did not happen in time.
 *
 * The caller sees to it that:
 * `port` is live; `events` is NULL or writable; `err` is NULL or writable.
 */
rm_status rm_port_next(const struct rm_port *port, int64_t timeout_us, struct rm_output *events, struct rm_error **err);

/**
 * Lets an `rm_port_next` that waits return `RM_TIMEOUT` now; if none waits, the next one does not wait.
 *
 * The caller sees to it that:
 * `port` is live; `err` is NULL or writable.
 */
rm_status rm_port_wake(const struct rm_port *port, struct rm_error **err);

/**
 * Cancels the work that was submitted with this token: `RM_OK`, and its completion is on its way; or `RM_GONE` if it has
 * ended already. Buffers stay borrowed until native work has let go; release records say when.
 *
 * The caller sees to it that:
 * `port` is live; `err` is NULL or writable.
 */
rm_status rm_port_cancel(const struct rm_port *port,
                         uint64_t token,
                         struct rm_error **err);

/**
 * Writes how far the work is that was submitted, or the session that was opened, with this token: `{items, media_ns?}`,
 * see docs/abi.md; `RM_GONE` if it has ended.
 *
 * The caller sees to it that:
 * `port` is live; `out` is writable; `err` is NULL or writable.
 */
rm_status rm_port_progress(const struct rm_port *port, uint64_t token, struct rm_output *out, struct rm_error **err);

/**
 * Answers a call to nodes of the host, see docs/abi.md. `RM_WOULD_BLOCK` if a part of an answer was taken and what comes
 * behind the nodes has no room for another: make the next part when event `[7, call]` comes. `RM_GONE` if the call is
 * over; then nothing is wrong.
 *
 * With `next` the thread that answers may go on at once: where the next call to the same nodes is there already, it is
 * written to `next` as `[call, {...}, released?]`, and no event tells of it. Without one, nothing is written: neither
 * bytes nor a document.
 *
 * The caller sees to it that:
 * `port` is live; `data` is readable for `len` bytes and `buffers` for `buffer_count` entries, or NULL with 0; `next` and
 * `err` are NULL or writable.
 */
rm_status rm_port_reply(const struct rm_port *port,
                        uint64_t call,
                        const uint8_t *data,
                        size_t len,
                        const struct rm_buffer *buffers,
                        size_t buffer_count,
                        struct rm_output *next,
                        struct rm_error **err);

/**
 * Ends a port: its work is cancelled, it takes no more, and replies to its calls are `RM_GONE`. `rm_port_next` still
 * hands out what has arrived, the completions and the release records among it, then `[4]` and `RM_END`. A record of
 * memory that a node reads at the moment comes later, here or at the runtime. May be called again, and from any
 * thread; freeing is separate.
 *
 * The caller sees to it that:
 * `port` is live; `err` is NULL or writable.
 */
rm_status rm_port_shutdown(const struct rm_port *port, struct rm_error **err);

/**
 * Cancels the work of a port and frees it; NULL is fine. Its tokens that are not back yet come back at the runtime.
 *
 * The caller sees to it that:
 * `port` is NULL or live, nobody uses it any more and nobody watches its descriptor.
 */
void rm_port_free(struct rm_port *port);

/**
 * The version of the ABI that this library has: major << 16 | minor. Compare it with the header's when you load it:
 * same major, minor at least yours.
 */
uint32_t rm_abi_version(void);

/**
 * The version of remotemedia, such as `0.1.0`. Never NULL, never freed.
 */
const char *rm_version(void);

/**
 * Makes a runtime. `config` is a map as JSON text or msgpack: `{"workers": 2, "nice": 10, "limits": {...}}`;
 * `(NULL, 0)` for all defaults. `nice`, from 0 to 19, is how far the worker threads step back for threads of the host:
 * steps of the system's nice value above that of the process. Only Linux has one for each thread; elsewhere only 0 is
 * accepted. See docs/abi.md for all entries.
 *
 * The caller sees to it that:
 * `config` is readable for `len` bytes, or NULL with 0; `out` is writable; `err` is NULL or writable.
 */
rm_status rm_runtime_new(const uint8_t *config, size_t len, struct rm_runtime **out, struct rm_error **err);

/**
 * Writes what this runtime knows: `{version, abi, nodes, manifest_schema}`; see docs/abi.md.
 *
 * The caller sees to it that:
 * `runtime` is live; `out` is writable; `err` is NULL or writable.
 */
rm_status rm_runtime_describe(const struct rm_runtime *runtime, struct rm_output *out, struct rm_error **err);

/**
 * Writes the tokens that come back without a port: those given to `rm_pipeline_execute` and `rm_pipeline_new`, and
 * those of ports that were freed. `[token, ...]`: `RM_OK`, or `RM_WOULD_BLOCK` with an empty list. Ports of this
 * runtime hand them out as well; each is named once.
 *
 * The caller sees to it that:
 * `runtime` is live; `out` is writable; `err` is NULL or writable.
 */
rm_status rm_runtime_released(const struct rm_runtime *runtime, struct rm_output *out, struct rm_error **err);

/**
 * Ends all work with a completion each, wakes all threads that wait at a port, and waits at most `patience_us`
 * microseconds, below 0 for ever, until no node works any more. `RM_OK`: no thread of the library reads or writes
 * memory that you lent, not even later; only documents that you still take from a port or a session may name or copy
 * it. `RM_TIMEOUT` if a node still works. May be called again.
 *
 * The caller sees to it that:
 * `runtime` is live; `err` is NULL or writable.
 */
rm_status rm_runtime_shutdown(const struct rm_runtime *runtime, int64_t patience_us, struct rm_error **err);

/**
 * Shuts a runtime down without waiting, and frees it; NULL is fine. Ports, pipelines and memory made by it stay valid
 * and are freed on their own.
 *
 * The caller sees to it that:
 * `runtime` is NULL or live, and nobody uses it any more.
 */
void rm_runtime_free(struct rm_runtime *runtime);

/**
 * Opens a session. Its one completion arrives at `port` under `token`, without outputs; so do calls to nodes of the
 * host, and the events that there is room again or that outputs are there. `options` is a map as JSON text or msgpack,
 * or `(NULL, 0)`: `{"outputs": ["name", ...], "buffer": {"packets", "bytes", "ms"}, "deadline_us",
 * "packet_deadline_us", "clock"}`, see docs/abi.md. `RM_INVALID_ARGUMENT` if `port` is one of another runtime than
 * `pipeline`.
 *
 * The caller sees to it that:
 * `pipeline` and `port` are live; `options` is readable for `len` bytes, or NULL with 0; `out` is writable; `err` is NULL
 * or writable.
 */
rm_status rm_session_new(const struct rm_pipeline *pipeline,
                         const struct rm_port *port,
                         uint64_t token,
                         const uint8_t *options,
                         size_t len,
                         struct rm_session **out,
                         struct rm_error **err);

/**
 * Sends packets: a msgpack list of `[value, pts?, duration?, input?]`, times in nanoseconds or nil, `input` the number
 * of an input in the order of the plan, 0 by default. Takes them in their order as far as each finds room at its
 * input, and writes `[taken, outputs, released?]`: `RM_OK` if that is all; else `RM_WOULD_BLOCK`, and one event `[5,
 * token]` says when to send the others again. Light work is done on the calling thread within `budget_us`
 * microseconds, and outputs that are there come along, at most `most_outputs`; with a budget of 0 or less it does no
 * work. Below 0 nothing was taken; `RM_GONE` if the session has ended.
 *
 * The caller sees to it that:
 * `session` is live; the slices are readable, or NULL with 0; `out` is writable; `err` is NULL or writable.
 */
rm_status rm_session_send(const struct rm_session *session,
                          const uint8_t *packets,
                          size_t len,
                          const struct rm_buffer *buffers,
                          size_t buffer_count,
                          int64_t budget_us,
                          size_t most_outputs,
                          struct rm_output *out,
                          struct rm_error **err);

/**
 * Takes outputs that are there, at most `most_outputs`, 0 for as many as one document holds: of all outputs of the graph
 * in the order in which they came, or of the one at place `sink` among those that the options chose; below 0 means all.
 * Writes `[[[value, pts, duration, seq, stream, output, item], ...], released?]`, `output` the number of an output in
 * the order of the plan: `RM_OK`; `RM_WOULD_BLOCK` if there are none, and one event `[6, token]` says when there are;
 * `RM_END` if there will never be one again. With each of the three the document is written, and may hold `released`
 * without an output.
 *
 * The caller sees to it that:
 * `session` is live; `out` is writable; `err` is NULL or writable.
 */
rm_status rm_session_receive(const struct rm_session *session,
                             int64_t sink,
                             size_t most_outputs,
                             struct rm_output *out,
                             struct rm_error **err);

/**
 * Says that no more packets come: what was sent is worked off in order and flushed, then the session ends. May be said
 * again. `RM_GONE` if the session has ended before its time.
 *
 * The caller sees to it that:
 * `session` is live; `err` is NULL or writable.
 */
rm_status rm_session_finish(const struct rm_session *session, struct rm_error **err);

/**
 * Asks a session for more than packets, by a map as msgpack or JSON text. `{"flush": true}` ends the stream behind
 * what was sent: everything that nodes hold back comes out, and another stream may begin. `{"interrupt": true}` drops
 * everything that was sent and not received, and lets nodes begin anew; what is sent afterwards is not touched by it.
 * Of a session that has ended it drops what was not received, and is `RM_OK` too. With `"at": "id"` only what waits
 * before this node or behind it is dropped, and only these nodes begin anew; ends that are on their way stay.
 *
 * The caller sees to it that:
 * `session` is live; `control` is readable for `len` bytes, or NULL with 0; `err` is NULL or writable.
 */
rm_status rm_session_control(const struct rm_session *session,
                             const uint8_t *control,
                             size_t len,
                             struct rm_error **err);

/**
 * Writes what goes on in a session: `{sent, nodes: [{id, packets, errors, late, waiting, fill, waits_for, ...}],
 * edges: [...], lag: {...}, inputs: [...], unread: {output: count}}`; see docs/abi.md. Also after it has ended.
 *
 * The caller sees to it that:
 * `session` is live; `out` is writable; `err` is NULL or writable.
 */
rm_status rm_session_metrics(const struct rm_session *session, struct rm_output *out, struct rm_error **err);

/**
 * Writes what a session that was opened with `"trace": true` has recorded since this was last called:
 * `{records: [[kind, node id, ...], ...], lost}`, see docs/abi.md. Also after it has ended.
 *
 * The caller sees to it that:
 * `session` is live; `out` is writable; `err` is NULL or writable.
 */
rm_status rm_session_trace(const struct rm_session *session, struct rm_output *out, struct rm_error **err);

/**
 * Ends a session now and drops what is on its way: `RM_OK`, and its completion is on its way; or `RM_GONE` if it has
 * ended already.
 *
 * The caller sees to it that:
 * `session` is live; `err` is NULL or writable.
 */
rm_status rm_session_cancel(const struct rm_session *session, struct rm_error **err);

/**
 * Cancels a session that still goes on, and frees it; NULL is fine.
 *
 * The caller sees to it that:
 * `session` is NULL or live, and nobody uses it any more.
 */
void rm_session_free(struct rm_session *session);

/**
 * The name of a status, such as `RM_TIMED_OUT`; `unknown status` for a number that is none. Never NULL, never freed.
 */
const char *rm_status_name(rm_status status);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus


#if (defined(__cplusplus) && __cplusplus >= 201103L) || \
    (!defined(__cplusplus) && defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L)
/* The layout that bindings without a C compiler rely on, where pointers have 64 bits. */
#ifdef __cplusplus
#define RM_ASSERT_LAYOUT(condition, message) static_assert(sizeof(void *) != 8 || (condition), message)
#else
#define RM_ASSERT_LAYOUT(condition, message) _Static_assert(sizeof(void *) != 8 || (condition), message)
#endif
RM_ASSERT_LAYOUT(offsetof(rm_buffer, data) == 0, "the layout of rm_buffer, data");
RM_ASSERT_LAYOUT(offsetof(rm_buffer, len) == 8, "the layout of rm_buffer, len");
RM_ASSERT_LAYOUT(offsetof(rm_buffer, token) == 16, "the layout of rm_buffer, token");
RM_ASSERT_LAYOUT(offsetof(rm_buffer, memory) == 24, "the layout of rm_buffer, memory");
RM_ASSERT_LAYOUT(offsetof(rm_buffer, flags) == 32, "the layout of rm_buffer, flags");
RM_ASSERT_LAYOUT(offsetof(rm_buffer, reserved) == 36, "the layout of rm_buffer, reserved");
RM_ASSERT_LAYOUT(sizeof(rm_buffer) == 40, "the layout of rm_buffer");
RM_ASSERT_LAYOUT(offsetof(rm_output, data) == 0, "the layout of rm_output, data");
RM_ASSERT_LAYOUT(offsetof(rm_output, capacity) == 8, "the layout of rm_output, capacity");
RM_ASSERT_LAYOUT(offsetof(rm_output, buffers) == 16, "the layout of rm_output, buffers");
RM_ASSERT_LAYOUT(offsetof(rm_output, buffer_capacity) == 24, "the layout of rm_output, buffer_capacity");
RM_ASSERT_LAYOUT(offsetof(rm_output, discard) == 32, "the layout of rm_output, discard");
RM_ASSERT_LAYOUT(offsetof(rm_output, discard_count) == 40, "the layout of rm_output, discard_count");
RM_ASSERT_LAYOUT(offsetof(rm_output, len) == 48, "the layout of rm_output, len");
RM_ASSERT_LAYOUT(offsetof(rm_output, buffer_count) == 56, "the layout of rm_output, buffer_count");
RM_ASSERT_LAYOUT(offsetof(rm_output, document) == 64, "the layout of rm_output, document");
RM_ASSERT_LAYOUT(sizeof(rm_output) == 72, "the layout of rm_output");
#undef RM_ASSERT_LAYOUT
#endif

#endif  /* REMOTEMEDIA_H */
