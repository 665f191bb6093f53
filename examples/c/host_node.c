/* A node of the host's own inside a pipeline: the numbers 1, 2, 3 get one added by the runtime, are multiplied by ten
 * in this program, and come out as 20, 30, 40.
 *
 * The runtime never calls into this program. When packets reach the node `times`, a call event arrives at the port that
 * was named at the submit; the program answers it with a reply. One thread does it all, waiting in poll(2). */

#define _POSIX_C_SOURCE 200809L
#include <poll.h>
#include <remotemedia.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char MANIFEST[] =
    "{\"version\":\"v1\",\"metadata\":{\"name\":\"host node\"},\"nodes\":["
    "{\"id\":\"plus\",\"node_type\":\"Calculator\",\"params\":{\"operation\":\"add\",\"operand\":1}},"
    "{\"id\":\"times\",\"node_type\":\"TimesTen\"}],"
    "\"connections\":[{\"from\":\"plus\",\"to\":\"times\"}]}";

enum { EVENT_COMPLETED = 1, EVENT_CALL = 2 };

static void require(rm_status status, rm_error *const *error) {
    if (status >= 0) return;
    fprintf(stderr, "%s: %s\n", rm_status_name(status), rm_error_message(*error));
    exit(1);
}

/* A document of the runtime's, with its bytes in view. */
typedef struct view {
    const uint8_t *data;
    const rm_buffer *buffers;
    size_t len, count;
} view;

static view look(const rm_output *output) {
    view seen = {0};
    rm_error *error = NULL;
    require(rm_document_view(output->document, &seen.data, &seen.len, &seen.buffers, &seen.count, &error), &error);
    return seen;
}

static rm_output from_json(const char *json) {
    rm_output document = {0};
    rm_error *error = NULL;
    require(rm_document_from_json((const uint8_t *)json, strlen(json), NULL, 0, &document, &error), &error);
    return document;
}

/* The document's JSON twin as a string; frees the document. */
static char *to_json(rm_output *output) {
    rm_output twin = {0};
    rm_error *error = NULL;
    view seen = look(output);
    require(rm_document_to_json(seen.data, seen.len, seen.buffers, seen.count, 0, &twin, &error), &error);
    seen = look(&twin);
    char *json = calloc(seen.len + 1, 1);
    if (json == NULL) exit(1);
    memcpy(json, seen.data, seen.len);
    rm_document_free(twin.document);
    rm_document_free(output->document);
    return json;
}

/* Where the JSON value that begins at `text` ends. */
static const char *skip(const char *text) {
    int depth = 0, quoted = 0;
    for (; *text != '\0'; text++) {
        if (quoted) {
            if (*text == '\\')
                text++;
            else if (*text == '"')
                quoted = 0;
        } else if (*text == '"')
            quoted = 1;
        else if (*text == '[' || *text == '{')
            depth++;
        else if (*text == ']' || *text == '}') {
            if (depth == 0) break;
            depth--;
        } else if (*text == ',' && depth == 0)
            break;
    }
    return text;
}

/* The node itself: answers [entry, value, ...] for each of the call's entries [[item, value, pts, duration], ...]. */
static void serve(rm_port *port, uint64_t call, const char *event) {
    char reply[4096] = "{\"outputs\":[";
    size_t used = strlen(reply);
    const char *entry = strstr(event, "\"entries\":[") + strlen("\"entries\":[");
    for (int index = 0; *entry == '['; index++) {
        const char *value = strchr(entry, ',') + 1;
        long long product = 10 * strtoll(value, NULL, 10);
        used += (size_t)snprintf(reply + used, sizeof reply - used, "%s[%d,%lld]", index ? "," : "", index, product);
        entry = skip(entry);
        if (*entry == ',') entry++;
    }
    snprintf(reply + used, sizeof reply - used, "]}");
    rm_output document = from_json(reply);
    view seen = look(&document);
    rm_error *error = NULL;
    require(rm_port_reply(port, call, seen.data, seen.len, seen.buffers, seen.count, NULL, &error), &error);
    rm_document_free(document.document);
}

/* Handles a batch of events [[kind, number, ...], ...]; true once the completion is among them. */
static int handle(rm_port *port, const char *events) {
    int completed = 0;
    for (const char *event = events + 1; *event == '[';) {
        char *rest;
        long kind = strtol(event + 1, &rest, 10);
        uint64_t number = strtoull(rest + 1, NULL, 10);
        const char *end = skip(event);
        if (kind == EVENT_CALL) serve(port, number, event);
        if (kind == EVENT_COMPLETED) {
            printf("completion of job %llu: %.*s\n", (unsigned long long)number, (int)(end - event), event);
            completed = 1;
        }
        event = *end == ',' ? end + 1 : end;
    }
    return completed;
}

int main(void) {
    rm_runtime *runtime = NULL;
    rm_port *port = NULL;
    rm_pipeline *pipeline = NULL;
    rm_error *error = NULL;
    intptr_t fd = -1;
    require(rm_runtime_new(NULL, 0, &runtime, &error), &error);
    require(rm_port_new(runtime, NULL, 0, &port, &error), &error);
    require(rm_port_fd(port, &fd, &error), &error);

    /* The type TimesTen is the host's; 7 is the number by which this program knows it. */
    rm_output options = from_json("{\"host_nodes\":{\"TimesTen\":{\"token\":7,\"batch\":32}}}");
    view seen = look(&options);
    require(
        rm_pipeline_new(runtime, (const uint8_t *)MANIFEST, strlen(MANIFEST), seen.data, seen.len, &pipeline, &error),
        &error);

    rm_output inputs = from_json("[1,2,3]"), completion = {0};
    seen = look(&inputs);
    rm_status status = rm_pipeline_submit(pipeline, port, 42, seen.data, seen.len, seen.buffers, seen.count, -1, 0,
                                          &completion, &error);
    require(status, &error);
    /* RM_OK would mean that the completion is here already; a host node always takes the way over the port. */
    for (int completed = status == RM_OK; !completed;) {
        struct pollfd waiting = {.fd = fd, .events = POLLIN};
        rm_output events = {0};
        if (poll(&waiting, 1, 10000) <= 0) return fprintf(stderr, "no event within 10 s\n"), 1;
        status = rm_port_next(port, 0, &events, &error);
        require(status, &error);
        if (status != RM_OK) continue; /* RM_TIMEOUT: a wake-up for nothing */
        char *json = to_json(&events);
        completed = handle(port, json);
        free(json);
    }
    rm_document_free(options.document);
    rm_document_free(inputs.document);
    rm_pipeline_free(pipeline);
    rm_port_free(port);
    rm_runtime_free(runtime);
    return 0;
}
