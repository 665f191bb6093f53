/* A program as a user of 1.0 would have compiled it: it calls every part of the ABI, and looks only at what is promised
 * to stay, so numbers, keys and layouts, never the texts of messages. Its binaries in this folder have to run with
 * every later library. */

#include <remotemedia.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "consumer, line %d: %s\n", __LINE__, #condition);                                          \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)
#define OK(call) CHECK((call) == RM_OK)

static const char HUNDRED[] = "{\"version\":\"v1\",\"metadata\":{\"name\":\"consumer\"},\"nodes\":[{\"id\":\"only\","
                              "\"node_type\":\"Calculator\",\"params\":{\"operation\":\"multiply\",\"operand\":100}}]}";
static const char PASS[] = "{\"version\":\"v1\",\"metadata\":{\"name\":\"consumer\"},\"nodes\":["
                           "{\"id\":\"only\",\"node_type\":\"PassThrough\"}]}";
static const char HOSTED[] = "{\"version\":\"v1\",\"metadata\":{\"name\":\"consumer\"},\"nodes\":["
                             "{\"id\":\"only\",\"node_type\":\"Hosted\"}]}";
static const char HOSTED_OPTIONS[] = "{\"host_nodes\":{\"Hosted\":{\"token\":7}}}";

/* A view of the first 16,384 bytes of buffer 0: extension 6, [0, 0, 16384]. */
static const uint8_t VIEW[] = {0x91, 0xc7, 0x06, 0x06, 0x93, 0x00, 0x00, 0xcd, 0x40, 0x00};
static const uint8_t LENT[16384];

static rm_document *from_json(const char *json) {
    rm_output out = {0};
    OK(rm_document_from_json((const uint8_t *)json, strlen(json), NULL, 0, &out, NULL));
    CHECK(out.document != NULL && out.len == 0 && out.buffer_count == 0);
    return out.document;
}

static const uint8_t *bytes_of(const rm_document *document, size_t *len) {
    const uint8_t *data = NULL;
    const rm_buffer *buffers = NULL;
    size_t count = 0;
    OK(rm_document_view(document, &data, len, &buffers, &count, NULL));
    return data;
}

/* The JSON twin of a document, to free; frees the document. */
static char *to_json(rm_document *document) {
    const uint8_t *data = NULL;
    const rm_buffer *buffers = NULL;
    size_t len = 0, count = 0;
    OK(rm_document_view(document, &data, &len, &buffers, &count, NULL));
    rm_output twin = {0};
    OK(rm_document_to_json(data, len, buffers, count, 0, &twin, NULL));
    const uint8_t *json = bytes_of(twin.document, &len);
    char *copy = calloc(len + 1, 1);
    CHECK(copy != NULL);
    memcpy(copy, json, len);
    rm_document_free(twin.document);
    rm_document_free(document);
    return copy;
}

/* Whether the JSON twin of a document has a text in it; frees the document. */
static int has(rm_document *document, const char *text) {
    char *json = to_json(document);
    const int found = strstr(json, text) != NULL;
    if (!found) fprintf(stderr, "consumer: no %s in %s\n", text, json);
    free(json);
    return found;
}

static rm_pipeline *compiled(const rm_runtime *runtime, const char *manifest, const char *options) {
    rm_pipeline *pipeline = NULL;
    OK(rm_pipeline_new(runtime, (const uint8_t *)manifest, strlen(manifest), (const uint8_t *)options,
                       options ? strlen(options) : 0, &pipeline, NULL));
    return pipeline;
}

static rm_document *next(const rm_port *port) {
    rm_output events = {0};
    OK(rm_port_next(port, 10000000, &events, NULL));
    return events.document;
}

static void work_runs_at_once_and_later(const rm_runtime *runtime, const rm_port *port) {
    rm_pipeline *pipeline = compiled(runtime, HUNDRED, NULL);
    rm_output plan = {0};
    OK(rm_pipeline_describe(pipeline, &plan, NULL));
    CHECK(has(plan.document, "\"only\""));

    const uint8_t inputs[] = {0x92, 0x01, 0x02};
    uint8_t room[512];
    rm_output out = {.data = room, .capacity = sizeof room};
    OK(rm_pipeline_execute(pipeline, inputs, sizeof inputs, NULL, 0, -1, &out, NULL));
    CHECK(out.document == NULL && out.len > 0 && out.len <= sizeof room);

    rm_output later = {0};
    const rm_status status =
        rm_pipeline_submit(pipeline, port, 42, inputs, sizeof inputs, NULL, 0, -1, 0, &later, NULL);
    CHECK(status == RM_PENDING && later.document == NULL);
    CHECK(has(next(port), "[1,42,{\"status\":0,\"outputs\":{\"only\":{\"values\":[100,200]"));
    rm_pipeline_free(pipeline);
}

static void lent_memory_comes_back(const rm_runtime *runtime, const rm_port *port) {
    rm_pipeline *pipeline = compiled(runtime, PASS, NULL);
    const rm_buffer lent = {.data = LENT, .len = sizeof LENT, .token = 5};
    rm_output out = {0};
    OK(rm_pipeline_execute(pipeline, VIEW, sizeof VIEW, &lent, 1, -1, &out, NULL));
    const uint8_t *data = NULL;
    const rm_buffer *buffers = NULL;
    size_t len = 0, count = 0;
    OK(rm_document_view(out.document, &data, &len, &buffers, &count, NULL));
    CHECK(count == 1 && buffers[0].data == LENT && buffers[0].token == 5 && buffers[0].memory == NULL);
    /* What was lent comes back with the call that used it. */
    CHECK(has(out.document, "\"released\":[5]"));
    rm_output released = {0};
    CHECK(rm_runtime_released(runtime, &released, NULL) == RM_WOULD_BLOCK);
    rm_document_free(released.document);

    uint8_t *place = NULL;
    rm_memory *memory = NULL, *again = NULL;
    OK(rm_memory_new(sizeof LENT, &place, &memory, NULL));
    memcpy(place, LENT, sizeof LENT);
    OK(rm_memory_retain(memory, &again, NULL));
    const rm_buffer own = {.data = place, .len = sizeof LENT, .token = 6};
    rm_output later = {0};
    CHECK(rm_pipeline_submit(pipeline, port, 43, VIEW, sizeof VIEW, &own, 1, -1, 0, &later, NULL) == RM_PENDING);
    for (int is_over = 0, is_back = 0; !is_over || !is_back;) {
        char *events = to_json(next(port));
        is_over |= strstr(events, "[1,43,{\"status\":0,") != NULL;
        is_back |= strstr(events, "[3,[6]]") != NULL;
        free(events);
    }
    rm_memory_free(memory);
    rm_memory_discard(again);
    rm_pipeline_free(pipeline);
}

static void a_node_of_the_host_is_called_and_answers(const rm_runtime *runtime, const rm_port *port) {
    rm_pipeline *pipeline = compiled(runtime, HOSTED, HOSTED_OPTIONS);
    const uint8_t inputs[] = {0x91, 0x03};
    rm_output out = {0};
    CHECK(rm_pipeline_submit(pipeline, port, 44, inputs, sizeof inputs, NULL, 0, -1, 0, &out, NULL) == RM_PENDING);
    char *events = to_json(next(port));
    const char *found = strstr(events, "[2,");
    CHECK(found != NULL);
    const uint64_t call = strtoull(found + 3, NULL, 10);
    free(events);
    rm_document *reply = from_json("{\"outputs\":[[0,\"mine\",null,null]]}");
    size_t len = 0;
    const uint8_t *data = bytes_of(reply, &len);
    OK(rm_port_reply(port, call, data, len, NULL, 0, NULL, NULL));
    rm_document_free(reply);
    CHECK(has(next(port), "[1,44,{\"status\":0,\"outputs\":{\"only\":{\"values\":[\"mine\"]"));
    rm_pipeline_free(pipeline);
}

static void a_session_sends_receives_and_ends(const rm_runtime *runtime, const rm_port *port) {
    rm_pipeline *pipeline = compiled(runtime, HUNDRED, NULL);
    rm_session *session = NULL;
    OK(rm_session_new(pipeline, port, 45, NULL, 0, &session, NULL));
    rm_document *packets = from_json("[[3,10,20]]");
    size_t len = 0;
    const uint8_t *data = bytes_of(packets, &len);
    rm_output out = {0};
    OK(rm_session_send(session, data, len, NULL, 0, 1000000, 10, &out, NULL));
    rm_document_free(packets);
    CHECK(has(out.document, "[1,[[300,10,20,0,0,0,0]]"));
    rm_output metrics = {0};
    OK(rm_session_metrics(session, &metrics, NULL));
    CHECK(has(metrics.document, "\"nodes\":"));
    OK(rm_session_finish(session, NULL));
    for (;;) {
        rm_output rest = {0};
        const rm_status status = rm_session_receive(session, -1, 0, &rest, NULL);
        rm_document_free(rest.document);
        if (status == RM_END) break;
        CHECK(status == RM_OK || status == RM_WOULD_BLOCK);
        rm_document_free(next(port));
    }
    rm_session_free(session);
    rm_pipeline_free(pipeline);
}

static void failures_have_their_numbers(const rm_runtime *runtime) {
    rm_error *error = NULL;
    rm_pipeline *pipeline = NULL;
    const char *bad = "{\"version\":\"v1\",\"nodes\":[{\"id\":\"a\",\"node_type\":\"Nowhere\"}]}";
    CHECK(rm_pipeline_new(runtime, (const uint8_t *)bad, strlen(bad), NULL, 0, &pipeline, &error) ==
          RM_INVALID_MANIFEST);
    CHECK(pipeline == NULL && rm_error_status(error) == RM_INVALID_MANIFEST && *rm_error_message(error) != '\0');
    const uint8_t *data = NULL;
    size_t len = 0;
    rm_error_detail(error, &data, &len);
    CHECK(len > 0);
    rm_error_free(error);
    CHECK(rm_pipeline_execute(NULL, NULL, 0, NULL, 0, -1, NULL, NULL) == RM_INVALID_ARGUMENT);
    pipeline = compiled(runtime, HUNDRED, NULL);
    const uint8_t text[] = {0x91, 0xa1, 'x'};
    rm_output out = {0};
    CHECK(rm_pipeline_execute(pipeline, text, sizeof text, NULL, 0, -1, &out, NULL) == RM_EXECUTION_FAILED);
    const uint8_t cut[] = {0x92, 0x01};
    CHECK(rm_pipeline_execute(pipeline, cut, sizeof cut, NULL, 0, -1, &out, NULL) == RM_INVALID_DOCUMENT);
    rm_pipeline_free(pipeline);
    CHECK(strcmp(rm_status_name(-3), "RM_INVALID_DOCUMENT") == 0);
}

static void sound_turns_into_pcm_and_back(void) {
    const uint8_t pcm[8] = {0, 0, 0, 64, 0, 128, 255, 127};
    rm_output audio = {0}, back = {0};
    OK(rm_audio_from_pcm(pcm, sizeof pcm, (const uint8_t *)"s16", 3, 16000, 1, &audio, NULL));
    const uint8_t *data = NULL;
    const rm_buffer *buffers = NULL;
    size_t len = 0, count = 0;
    OK(rm_document_view(audio.document, &data, &len, &buffers, &count, NULL));
    OK(rm_audio_to_pcm(data, len, buffers, count, (const uint8_t *)"s16", 3, &back, NULL));
    data = bytes_of(back.document, &len);
    /* Bytes of msgpack: their head, then they themselves. */
    CHECK(len > sizeof pcm && memcmp(data + len - sizeof pcm, pcm, sizeof pcm) == 0);
    rm_document_free(back.document);
    rm_document_free(audio.document);
}

int main(void) {
    alarm(120);
    CHECK(rm_abi_version() >> 16 == RM_ABI_MAJOR && rm_abi_version() >= (RM_ABI_MAJOR << 16 | RM_ABI_MINOR));
    CHECK(*rm_version() != '\0' && *rm_build_info() == '{');
    rm_runtime *runtime = NULL;
    rm_port *port = NULL;
    const char *config = "{\"workers\":2}";
    OK(rm_runtime_new((const uint8_t *)config, strlen(config), &runtime, NULL));
    OK(rm_port_new(runtime, NULL, 0, &port, NULL));
    intptr_t handle = -1;
    OK(rm_port_fd(port, &handle, NULL));
    CHECK(handle >= 0);
    rm_output described = {0};
    OK(rm_runtime_describe(runtime, &described, NULL));
    CHECK(has(described.document, "\"AudioDecode\""));

    work_runs_at_once_and_later(runtime, port);
    lent_memory_comes_back(runtime, port);
    a_node_of_the_host_is_called_and_answers(runtime, port);
    a_session_sends_receives_and_ends(runtime, port);
    failures_have_their_numbers(runtime);
    sound_turns_into_pcm_and_back();

    OK(rm_port_shutdown(port, NULL));
    rm_port_free(port);
    OK(rm_runtime_shutdown(runtime, 10000000, NULL));
    rm_runtime_free(runtime);
    rm_output live = {0};
    OK(rm_live_objects(&live, NULL));
    CHECK(has(live.document, "\"runtimes\":0"));
    return 0;
}
