/* What the files of the addon share: the functions of the library, the state of one JavaScript environment, and
 * handles.
 *
 * The addon knows the C ABI, Node-API and libuv, and nothing of documents: those are written and read in TypeScript. */

#ifndef REMOTEMEDIA_ADDON_H
#define REMOTEMEDIA_ADDON_H

#define NAPI_VERSION 9
#include <node_api.h>
#include <remotemedia.h>
#include <stdbool.h>
#include <uv.h>

#define FUNCTIONS(X)                                                                                                   \
    X(abi_version)                                                                                                     \
    X(version)                                                                                                         \
    X(build_info)                                                                                                      \
    X(live_objects)                                                                                                    \
    X(error_status)                                                                                                    \
    X(error_message)                                                                                                   \
    X(error_detail)                                                                                                    \
    X(error_free)                                                                                                      \
    X(memory_free)                                                                                                     \
    X(memory_discard)                                                                                                  \
    X(memory_retain)                                                                                                   \
    X(document_view)                                                                                                   \
    X(document_free)                                                                                                   \
    X(document_to_json)                                                                                                \
    X(document_from_json)                                                                                              \
    X(audio_from_pcm)                                                                                                  \
    X(audio_to_pcm)                                                                                                    \
    X(runtime_new)                                                                                                     \
    X(runtime_describe)                                                                                                \
    X(runtime_released)                                                                                                \
    X(runtime_shutdown)                                                                                                \
    X(runtime_free)                                                                                                    \
    X(pipeline_new)                                                                                                    \
    X(pipeline_describe)                                                                                               \
    X(pipeline_execute)                                                                                                \
    X(pipeline_submit)                                                                                                 \
    X(pipeline_free)                                                                                                   \
    X(port_new)                                                                                                        \
    X(port_fd)                                                                                                         \
    X(port_next)                                                                                                       \
    X(port_cancel)                                                                                                     \
    X(port_progress)                                                                                                   \
    X(port_reply)                                                                                                      \
    X(port_shutdown)                                                                                                   \
    X(port_free)                                                                                                       \
    X(session_new)                                                                                                     \
    X(session_send)                                                                                                    \
    X(session_receive)                                                                                                 \
    X(session_finish)                                                                                                  \
    X(session_control)                                                                                                 \
    X(session_metrics)                                                                                                 \
    X(session_trace)                                                                                                   \
    X(session_cancel)                                                                                                  \
    X(session_free)

/* The functions of the library; set once, before any other use, and the same for all environments of the process. */
typedef struct library {
#define X(name) __typeof__(rm_##name) *name;
    FUNCTIONS(X)
#undef X
} library;

extern library rm;

typedef enum handle_kind { RUNTIME = 1, PIPELINE, PORT, SESSION, ROOM } handle_kind;

struct addon;

/* What a JavaScript external points to. */
typedef struct handle {
    handle_kind kind;
    void *object; /* the library's; NULL once it is freed */
    struct addon *addon;
    struct handle *next, **link; /* runtimes and ports are listed, for the end of the environment */
} handle;

typedef struct event_port {
    handle base;
    uv_poll_t poll;
    napi_ref callback;
    napi_async_context context;
    bool is_watched, is_closing, is_closed, is_collected;
} event_port;

/* Memory for the documents of one call at a time, which belongs to JavaScript. */
typedef struct call_room {
    handle base;
    uint8_t *data;
    size_t capacity;
    rm_buffer *table;
    size_t table_capacity;
    double *facts; /* of the last call: bytes, entries of the table, whether `document` has them */
    rm_document *document;
    rm_buffer *given; /* the table that goes in */
    size_t given_capacity;
    napi_ref refs[3];
} call_room;

typedef struct addon {
    napi_env env;
    rm_error *error; /* of the last call that failed */
    handle *runtimes, *ports;
    napi_async_cleanup_hook_handle hook; /* set once the environment ends */
    bool is_ending, has_lent;
    size_t viewed_bytes; /* of the runtime's memory behind ArrayBuffers */
} addon;

/* library.c */
napi_value library_open(napi_env env, napi_callback_info info);

/* handles.c */
addon *addon_of(napi_env env);
napi_value external_of(napi_env env, handle *made, napi_finalize finalize);
void *handle_of(napi_env env, napi_value value, handle_kind kind);
void handle_link(handle *made, handle **list);
void handle_unlink(handle *made);
napi_value handle_close(napi_env env, napi_callback_info info);
void handle_finalize(napi_env env, void *data, void *hint);
void end_of_environment(addon *of);
void end_first(addon *of);

/* rooms.c */
napi_value room_new(napi_env env, napi_callback_info info);
napi_value room_copy(napi_env env, napi_callback_info info);
napi_value room_adopt(napi_env env, napi_callback_info info);
rm_output room_output(call_room *in);
napi_value room_filled(napi_env env, call_room *in, const rm_output *output, rm_status status);
bool room_give(napi_env env, call_room *in, napi_value blocks, napi_value first, size_t *count);

/* port.c */
napi_value port_new(napi_env env, napi_callback_info info);
napi_value port_hold(napi_env env, napi_callback_info info);
napi_value port_close(napi_env env, napi_callback_info info);
void port_end(event_port *ended);

/* calls.c */
void define_calls(napi_env env, napi_value exports);

/* Values of JavaScript, in arguments.c. Each throws a TypeError and returns false if the value is of another type. */
bool arguments(napi_env env, napi_callback_info info, size_t count, napi_value *out);
bool bytes_of(napi_env env, napi_value value, const uint8_t **data, size_t *len); /* undefined is (NULL, 0) */
bool number_of(napi_env env, napi_value value, int64_t *out);
napi_value number(napi_env env, double value);
napi_value undefined(napi_env env);
void define(napi_env env, napi_value exports, const char *name, napi_callback call);

#endif
