/* The calls of the library, one function each: arguments in, a status out, documents in a room. None of them waits, but
 * pipelineExecute, and portNext with a timeout. */

#include "addon.h"

#include <stdlib.h>
#include <string.h>

#define CALL(name) static napi_value name(napi_env env, napi_callback_info info)

/* The arguments of a call as `argv`, and `of`. */
#define TAKE(count)                                                                                                    \
    napi_value argv[count];                                                                                            \
    addon *of = addon_of(env);                                                                                         \
    if (!arguments(env, info, count, argv)) return NULL;                                                               \
    (void)of

#define OBJECT(type, name, index, wanted)                                                                              \
    handle *name##_handle = handle_of(env, argv[index], wanted);                                                       \
    if (name##_handle == NULL) return NULL;                                                                            \
    type *name = name##_handle->object

#define ROOM_OF(index)                                                                                                 \
    call_room *in = handle_of(env, argv[index], ROOM);                                                                 \
    if (in == NULL) return NULL;                                                                                       \
    rm_output output = room_output(in)

#define BYTES(name, index)                                                                                             \
    const uint8_t *name;                                                                                               \
    size_t name##_len;                                                                                                 \
    if (!bytes_of(env, argv[index], &name, &name##_len)) return NULL

#define NUMBER(name, index)                                                                                            \
    int64_t name;                                                                                                      \
    if (!number_of(env, argv[index], &name)) return NULL

/* A document: bytes, how many of them count, the blocks of its table, and the token of the first. */
#define DOCUMENT(index)                                                                                                \
    BYTES(bytes, index);                                                                                               \
    NUMBER(bytes_used, (index) + 1);                                                                                   \
    size_t count;                                                                                                      \
    if (bytes_used < 0 || (size_t)bytes_used > bytes_len) bytes_used = 0;                                              \
    if (!room_give(env, in, argv[(index) + 2], argv[(index) + 3], &count)) return NULL;                                \
    const size_t len = (size_t)bytes_used

static rm_error **fresh(addon *of) {
    if (of->error != NULL) rm.error_free(of->error);
    of->error = NULL;
    return &of->error;
}

static napi_value made_handle(napi_env env, addon *of, handle_kind kind, void *object, rm_status status) {
    if (status < RM_OK) return number(env, status);
    handle *made = calloc(1, sizeof *made);
    if (made == NULL) {
        napi_throw_range_error(env, NULL, "there is no memory for a handle");
        return NULL;
    }
    *made = (handle){.kind = kind, .object = object, .addon = of};
    if (kind == RUNTIME) handle_link(made, &of->runtimes);
    return external_of(env, made, handle_finalize);
}

CALL(abi_version) {
    (void)info;
    return number(env, rm.abi_version());
}

static napi_value text(napi_env env, const char *of) {
    napi_value result = NULL;
    napi_create_string_utf8(env, of, NAPI_AUTO_LENGTH, &result);
    return result;
}

CALL(version) {
    (void)info;
    return text(env, rm.version());
}

CALL(build_info) {
    (void)info;
    return text(env, rm.build_info());
}

/* takeError(): the detail of the call that has just failed, a document. */
CALL(take_error) {
    (void)info;
    addon *of = addon_of(env);
    const uint8_t *data = NULL;
    size_t len = 0;
    void *copy;
    napi_value memory, result;
    if (of->error != NULL) rm.error_detail(of->error, &data, &len);
    if (napi_create_arraybuffer(env, len, &copy, &memory) != napi_ok) return NULL;
    if (len > 0) memcpy(copy, data, len);
    fresh(of);
    napi_create_typedarray(env, napi_uint8_array, len, memory, 0, &result);
    return result;
}

/* liveObjects(room) */
CALL(live_objects) {
    TAKE(1);
    ROOM_OF(0);
    return room_filled(env, in, &output, rm.live_objects(&output, fresh(of)));
}

/* runtimeNew(config): a handle or a status, as all that make something. */
CALL(runtime_new) {
    TAKE(1);
    BYTES(config, 0);
    rm_runtime *made = NULL;
    rm_status status = rm.runtime_new(config, config_len, &made, fresh(of));
    return made_handle(env, of, RUNTIME, made, status);
}

/* runtimeDescribe(room, runtime) */
CALL(runtime_describe) {
    TAKE(2);
    ROOM_OF(0);
    OBJECT(rm_runtime, runtime, 1, RUNTIME);
    return room_filled(env, in, &output, rm.runtime_describe(runtime, &output, fresh(of)));
}

/* runtimeReleased(room, runtime) */
CALL(runtime_released) {
    TAKE(2);
    ROOM_OF(0);
    OBJECT(rm_runtime, runtime, 1, RUNTIME);
    return room_filled(env, in, &output, rm.runtime_released(runtime, &output, fresh(of)));
}

/* runtimeShutdown(runtime, patience_us) */
CALL(runtime_shutdown) {
    TAKE(2);
    OBJECT(rm_runtime, runtime, 0, RUNTIME);
    NUMBER(patience, 1);
    return number(env, rm.runtime_shutdown(runtime, patience, fresh(of)));
}

/* pipelineNew(runtime, manifest, options) */
CALL(pipeline_new) {
    TAKE(3);
    OBJECT(rm_runtime, runtime, 0, RUNTIME);
    BYTES(manifest, 1);
    BYTES(options, 2);
    rm_pipeline *made = NULL;
    rm_status status = rm.pipeline_new(runtime, manifest, manifest_len, options, options_len, &made, fresh(of));
    return made_handle(env, of, PIPELINE, made, status);
}

/* pipelineDescribe(room, pipeline) */
CALL(pipeline_describe) {
    TAKE(2);
    ROOM_OF(0);
    OBJECT(rm_pipeline, pipeline, 1, PIPELINE);
    return room_filled(env, in, &output, rm.pipeline_describe(pipeline, &output, fresh(of)));
}

/* pipelineExecute(room, pipeline, document..., timeout_us): waits. */
CALL(pipeline_execute) {
    TAKE(7);
    ROOM_OF(0);
    OBJECT(rm_pipeline, pipeline, 1, PIPELINE);
    DOCUMENT(2);
    NUMBER(timeout, 6);
    rm_status status = rm.pipeline_execute(pipeline, bytes, len, in->given, count, timeout, &output, fresh(of));
    return room_filled(env, in, &output, status);
}

/* pipelineSubmit(room, pipeline, port, token, document..., timeout_us, budget_us) */
CALL(pipeline_submit) {
    TAKE(10);
    ROOM_OF(0);
    OBJECT(rm_pipeline, pipeline, 1, PIPELINE);
    OBJECT(rm_port, port, 2, PORT);
    NUMBER(token, 3);
    DOCUMENT(4);
    NUMBER(timeout, 8);
    NUMBER(budget, 9);
    rm_status status = rm.pipeline_submit(pipeline, port, (uint64_t)token, bytes, len, in->given, count, timeout,
                                          budget, &output, fresh(of));
    return room_filled(env, in, &output, status);
}

/* portNext(room, port, timeout_us): waits if the timeout is not 0. */
CALL(port_next) {
    TAKE(3);
    ROOM_OF(0);
    OBJECT(rm_port, port, 1, PORT);
    NUMBER(timeout, 2);
    return room_filled(env, in, &output, rm.port_next(port, timeout, &output, fresh(of)));
}

/* portCancel(port, token) */
CALL(port_cancel) {
    TAKE(2);
    OBJECT(rm_port, port, 0, PORT);
    NUMBER(token, 1);
    return number(env, rm.port_cancel(port, (uint64_t)token, fresh(of)));
}

/* portProgress(room, port, token) */
CALL(port_progress) {
    TAKE(3);
    ROOM_OF(0);
    OBJECT(rm_port, port, 1, PORT);
    NUMBER(token, 2);
    return room_filled(env, in, &output, rm.port_progress(port, (uint64_t)token, &output, fresh(of)));
}

/* portReply(room, port, call, document..., takes_next) */
CALL(port_reply) {
    TAKE(8);
    ROOM_OF(0);
    OBJECT(rm_port, port, 1, PORT);
    NUMBER(call, 2);
    DOCUMENT(3);
    bool takes_next = false;
    napi_get_value_bool(env, argv[7], &takes_next);
    rm_status status =
        rm.port_reply(port, (uint64_t)call, bytes, len, in->given, count, takes_next ? &output : NULL, fresh(of));
    return room_filled(env, in, &output, status);
}

/* portShutdown(port) */
CALL(port_shutdown) {
    TAKE(1);
    OBJECT(rm_port, port, 0, PORT);
    return number(env, rm.port_shutdown(port, fresh(of)));
}

/* sessionNew(pipeline, port, token, options) */
CALL(session_new) {
    TAKE(4);
    OBJECT(rm_pipeline, pipeline, 0, PIPELINE);
    OBJECT(rm_port, port, 1, PORT);
    NUMBER(token, 2);
    BYTES(options, 3);
    rm_session *made = NULL;
    rm_status status = rm.session_new(pipeline, port, (uint64_t)token, options, options_len, &made, fresh(of));
    return made_handle(env, of, SESSION, made, status);
}

/* sessionSend(room, session, document..., budget_us, most_outputs) */
CALL(session_send) {
    TAKE(8);
    ROOM_OF(0);
    OBJECT(rm_session, session, 1, SESSION);
    DOCUMENT(2);
    NUMBER(budget, 6);
    NUMBER(most, 7);
    rm_status status =
        rm.session_send(session, bytes, len, in->given, count, budget, most < 0 ? 0 : (size_t)most, &output, fresh(of));
    return room_filled(env, in, &output, status);
}

/* sessionReceive(room, session, output, most_outputs) */
CALL(session_receive) {
    TAKE(4);
    ROOM_OF(0);
    OBJECT(rm_session, session, 1, SESSION);
    NUMBER(sink, 2);
    NUMBER(most, 3);
    rm_status status = rm.session_receive(session, sink, most < 0 ? 0 : (size_t)most, &output, fresh(of));
    return room_filled(env, in, &output, status);
}

/* sessionFinish(session) */
CALL(session_finish) {
    TAKE(1);
    OBJECT(rm_session, session, 0, SESSION);
    return number(env, rm.session_finish(session, fresh(of)));
}

/* sessionControl(session, document) */
CALL(session_control) {
    TAKE(2);
    OBJECT(rm_session, session, 0, SESSION);
    BYTES(control, 1);
    return number(env, rm.session_control(session, control, control_len, fresh(of)));
}

/* sessionMetrics(room, session) */
CALL(session_metrics) {
    TAKE(2);
    ROOM_OF(0);
    OBJECT(rm_session, session, 1, SESSION);
    return room_filled(env, in, &output, rm.session_metrics(session, &output, fresh(of)));
}

/* sessionTrace(room, session) */
CALL(session_trace) {
    TAKE(2);
    ROOM_OF(0);
    OBJECT(rm_session, session, 1, SESSION);
    return room_filled(env, in, &output, rm.session_trace(session, &output, fresh(of)));
}

/* sessionCancel(session) */
CALL(session_cancel) {
    TAKE(1);
    OBJECT(rm_session, session, 0, SESSION);
    return number(env, rm.session_cancel(session, fresh(of)));
}

/* audioFromPcm(room, bytes, format, rate, channels) */
CALL(audio_from_pcm) {
    TAKE(5);
    ROOM_OF(0);
    BYTES(data, 1);
    BYTES(format, 2);
    NUMBER(rate, 3);
    NUMBER(channels, 4);
    rm_status status =
        rm.audio_from_pcm(data, data_len, format, format_len, (uint32_t)rate, (uint32_t)channels, &output, fresh(of));
    return room_filled(env, in, &output, status);
}

/* audioToPcm(room, document..., format) */
CALL(audio_to_pcm) {
    TAKE(6);
    ROOM_OF(0);
    DOCUMENT(1);
    BYTES(format, 5);
    rm_status status = rm.audio_to_pcm(bytes, len, in->given, count, format, format_len, &output, fresh(of));
    return room_filled(env, in, &output, status);
}

/* documentToJson(room, document..., flags) */
CALL(document_to_json) {
    TAKE(6);
    ROOM_OF(0);
    DOCUMENT(1);
    NUMBER(flags, 5);
    rm_status status = rm.document_to_json(bytes, len, in->given, count, (uint32_t)flags, &output, fresh(of));
    return room_filled(env, in, &output, status);
}

/* documentFromJson(room, text) */
CALL(document_from_json) {
    TAKE(2);
    ROOM_OF(0);
    BYTES(json, 1);
    return room_filled(env, in, &output, rm.document_from_json(json, json_len, NULL, 0, &output, fresh(of)));
}

void define_calls(napi_env env, napi_value exports) {
    static const struct {
        const char *name;
        napi_callback call;
    } calls[] = {
        {"abiVersion", abi_version},
        {"version", version},
        {"buildInfo", build_info},
        {"takeError", take_error},
        {"liveObjects", live_objects},
        {"roomNew", room_new},
        {"roomCopy", room_copy},
        {"adopt", room_adopt},
        {"runtimeNew", runtime_new},
        {"runtimeDescribe", runtime_describe},
        {"runtimeReleased", runtime_released},
        {"runtimeShutdown", runtime_shutdown},
        {"pipelineNew", pipeline_new},
        {"pipelineDescribe", pipeline_describe},
        {"pipelineExecute", pipeline_execute},
        {"pipelineSubmit", pipeline_submit},
        {"portNew", port_new},
        {"portHold", port_hold},
        {"portClose", port_close},
        {"portNext", port_next},
        {"portCancel", port_cancel},
        {"portProgress", port_progress},
        {"portReply", port_reply},
        {"portShutdown", port_shutdown},
        {"sessionNew", session_new},
        {"sessionSend", session_send},
        {"sessionReceive", session_receive},
        {"sessionFinish", session_finish},
        {"sessionControl", session_control},
        {"sessionMetrics", session_metrics},
        {"sessionTrace", session_trace},
        {"sessionCancel", session_cancel},
        {"audioFromPcm", audio_from_pcm},
        {"audioToPcm", audio_to_pcm},
        {"documentToJson", document_to_json},
        {"documentFromJson", document_from_json},
    };
    for (size_t index = 0; index < sizeof calls / sizeof *calls; index++)
        define(env, exports, calls[index].name, calls[index].call);
}
