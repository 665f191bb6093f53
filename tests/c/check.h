/* What the C tests share: checks that say where they failed, and documents as JSON text. */

#ifndef CHECK_H
#define CHECK_H

#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <remotemedia.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A test that hangs is ended by SIGALRM. What slows programs down, as valgrind does, gives them longer. */
#define TEST_SECONDS test_seconds()

static inline unsigned test_seconds(void) {
    const char *given = getenv("REMOTEMEDIA_TEST_SECONDS");
    return given == NULL ? 50 : (unsigned)strtoul(given, NULL, 10);
}

/* How long a test waits for what has to come. */
#define PATIENCE_US ((int64_t)TEST_SECONDS * 500000)

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) fail(__FILE__, __LINE__, #condition);                                                        \
    } while (0)

#define CHECK_NUMBER(expected, actual)                                                                                 \
    do {                                                                                                               \
        long long expected_ = (expected), actual_ = (actual);                                                          \
        if (expected_ != actual_) {                                                                                    \
            fprintf(stderr, "expected %lld, got %lld\n", expected_, actual_);                                          \
            fail(__FILE__, __LINE__, #actual);                                                                         \
        }                                                                                                              \
    } while (0)

#define CHECK_TEXT(expected, actual)                                                                                   \
    do {                                                                                                               \
        const char *expected_ = (expected), *actual_ = (actual);                                                       \
        if (strcmp(expected_, actual_) != 0) {                                                                         \
            fprintf(stderr, "expected %s\n     got %s\n", expected_, actual_);                                         \
            fail(__FILE__, __LINE__, #actual);                                                                         \
        }                                                                                                              \
    } while (0)

/* A call that has to answer this status; an error of its own is shown. `call` passes `&error`. */
#define CHECK_STATUS(status, call)                                                                                     \
    do {                                                                                                               \
        rm_error *error = NULL;                                                                                        \
        rm_status status_ = (call);                                                                                    \
        if (status_ != (status)) {                                                                                     \
            fprintf(stderr, "expected %s, got %s: %s\n", rm_status_name(status), rm_status_name(status_),              \
                    rm_error_message(error));                                                                          \
            fail(__FILE__, __LINE__, #call);                                                                           \
        }                                                                                                              \
        rm_error_free(error);                                                                                          \
    } while (0)

/* A call that has to fail with this status and exactly this message. `call` passes `&error`. */
#define CHECK_ERROR(status, message, call)                                                                             \
    do {                                                                                                               \
        rm_error *error = NULL;                                                                                        \
        CHECK_NUMBER(status, call);                                                                                    \
        CHECK_NUMBER(status, rm_error_status(error));                                                                  \
        CHECK_TEXT(message, rm_error_message(error));                                                                  \
        rm_error_free(error);                                                                                          \
    } while (0)

static inline void fail(const char *file, int line, const char *what) {
    fprintf(stderr, "%s:%d: failed: %s\n", file, line, what);
    exit(1);
}

/* A document of the runtime's with its bytes in view. */
typedef struct view {
    const uint8_t *data;
    size_t len;
    const rm_buffer *buffers;
    size_t count;
} view;

static inline view look(const rm_document *document) {
    view seen = {0};
    CHECK_STATUS(RM_OK, rm_document_view(document, &seen.data, &seen.len, &seen.buffers, &seen.count, &error));
    return seen;
}

/* The document of a JSON text; free it with rm_document_free. */
static inline rm_document *from_json(const char *json) {
    rm_output output = {0};
    CHECK_STATUS(RM_OK, rm_document_from_json((const uint8_t *)json, strlen(json), NULL, 0, &output, &error));
    return output.document;
}

/* The JSON twin of a document as a string to free; frees the document. */
static inline char *to_json(rm_document *document) {
    rm_output output = {0};
    view seen = look(document);
    CHECK_STATUS(RM_OK, rm_document_to_json(seen.data, seen.len, seen.buffers, seen.count, 0, &output, &error));
    seen = look(output.document);
    char *json = calloc(seen.len + 1, 1);
    CHECK(json != NULL);
    memcpy(json, seen.data, seen.len);
    rm_document_free(output.document);
    rm_document_free(document);
    return json;
}

/* The detail of an error as a JSON string to free. */
static inline char *detail_of(const rm_error *of) {
    rm_output output = {0};
    const uint8_t *data = NULL;
    size_t len = 0;
    rm_error_detail(of, &data, &len);
    CHECK_STATUS(RM_OK, rm_document_to_json(data, len, NULL, 0, 0, &output, &error));
    view seen = look(output.document);
    char *json = calloc(seen.len + 1, 1);
    CHECK(json != NULL);
    memcpy(json, seen.data, seen.len);
    rm_document_free(output.document);
    return json;
}

static inline rm_runtime *new_runtime(void) {
    rm_runtime *runtime = NULL;
    CHECK_STATUS(RM_OK, rm_runtime_new(NULL, 0, &runtime, &error));
    return runtime;
}

static inline rm_port *new_port(const rm_runtime *runtime) {
    rm_port *port = NULL;
    CHECK_STATUS(RM_OK, rm_port_new(runtime, NULL, 0, &port, &error));
    return port;
}

static inline rm_pipeline *new_pipeline(const rm_runtime *runtime, const char *manifest, const char *options) {
    rm_pipeline *pipeline = NULL;
    CHECK_STATUS(RM_OK, rm_pipeline_new(runtime, (const uint8_t *)manifest, strlen(manifest), (const uint8_t *)options,
                                        options ? strlen(options) : 0, &pipeline, &error));
    return pipeline;
}

/* Submits inputs that are a JSON text; they must not be done at once. */
static inline void submit(rm_pipeline *pipeline, rm_port *port, uint64_t token, const char *inputs) {
    rm_document *document = from_json(inputs);
    view seen = look(document);
    rm_output output = {0};
    CHECK_STATUS(RM_PENDING, rm_pipeline_submit(pipeline, port, token, seen.data, seen.len, seen.buffers, seen.count,
                                                -1, 0, &output, &error));
    CHECK(output.document == NULL);
    rm_document_free(document);
}

/* The next batch of events as a JSON string to free; waits until there is one. */
static inline char *next_events(rm_port *port, rm_status expected) {
    rm_output output = {0};
    CHECK_STATUS(expected, rm_port_next(port, PATIENCE_US, &output, &error));
    return to_json(output.document);
}

/* A reply that is a JSON text. */
static inline rm_status reply(rm_port *port, uint64_t call, const char *json, rm_error **error) {
    rm_document *document = from_json(json);
    view seen = look(document);
    rm_status status = rm_port_reply(port, call, seen.data, seen.len, seen.buffers, seen.count, NULL, error);
    rm_document_free(document);
    return status;
}

/* The number after the first `prefix` in a text. */
static inline uint64_t number_after(const char *text, const char *prefix) {
    const char *found = strstr(text, prefix);
    if (found == NULL) fprintf(stderr, "no %s in %s\n", prefix, text);
    CHECK(found != NULL);
    return strtoull(found + strlen(prefix), NULL, 10);
}

/* What is alive in the process, as a JSON string to free; this asks by a document, which is not counted. */
static inline char *live_objects(void) {
    uint8_t bytes[512];
    rm_output output = {.data = bytes, .capacity = sizeof bytes};
    CHECK_STATUS(RM_OK, rm_live_objects(&output, &error));
    CHECK(output.document == NULL);
    rm_output twin = {0};
    CHECK_STATUS(RM_OK, rm_document_to_json(bytes, output.len, NULL, 0, 0, &twin, &error));
    view seen = look(twin.document);
    char *json = calloc(seen.len + 1, 1);
    CHECK(json != NULL);
    memcpy(json, seen.data, seen.len);
    rm_document_free(twin.document);
    return json;
}

/* Nothing of the runtime's may be left. */
static inline void check_nothing_left(void) {
    char *json = live_objects();
    CHECK_TEXT(
        "{\"runtimes\":0,\"ports\":0,\"pipelines\":0,\"sessions\":0,\"documents\":0,\"memories\":0,\"errors\":0,\"host_buffers\":0,"
        "\"runs\":0,\"nodes\":0}",
        json);
    free(json);
}

#endif
