/* Versions, names, NULL arguments, empty slices, and errors with their exact texts. */

#include "check.h"

#define MANIFEST(node_type, params)                                                                                    \
    "{\"version\":\"v1\",\"metadata\":{\"name\":\"basics\"},\"nodes\":[{\"id\":\"only\",\"node_type\":\"" node_type    \
    "\",\"params\":" params "}],\"connections\":[]}"

static const char TIMES_HUNDRED[] = MANIFEST("Calculator", "{\"operation\":\"multiply\",\"operand\":100}");
static const char PASS[] = MANIFEST("PassThrough", "{}");

static void versions_are_those_of_the_header(void) {
    CHECK_NUMBER(RM_ABI_MAJOR, rm_abi_version() >> 16);
    CHECK(rm_abi_version() >= (RM_ABI_MAJOR << 16 | RM_ABI_MINOR));
    CHECK_TEXT(EXPECTED_VERSION, rm_version());
}

static void every_status_has_its_name(void) {
    static const struct {
        rm_status status;
        const char *name;
    } known[] = {
#define STATUS(name) {name, #name}
        STATUS(RM_OK),
        STATUS(RM_PENDING),
        STATUS(RM_WOULD_BLOCK),
        STATUS(RM_TIMEOUT),
        STATUS(RM_END),
        STATUS(RM_INVALID_ARGUMENT),
        STATUS(RM_INVALID_MANIFEST),
        STATUS(RM_INVALID_DOCUMENT),
        STATUS(RM_EXECUTION_FAILED),
        STATUS(RM_CANCELLED),
        STATUS(RM_TIMED_OUT),
        STATUS(RM_SHUT_DOWN),
        STATUS(RM_GONE),
        STATUS(RM_POISONED),
        STATUS(RM_PANIC),
        STATUS(RM_FORKED),
        STATUS(RM_OUT_OF_RESOURCES),
        STATUS(RM_LIMIT_EXCEEDED),
        STATUS(RM_UNSUPPORTED),
    };
    for (size_t index = 0; index < sizeof known / sizeof *known; index++)
        CHECK_TEXT(known[index].name, rm_status_name(known[index].status));
    CHECK_TEXT("unknown status", rm_status_name(-1000));
    CHECK_TEXT("unknown status", rm_status_name(1000));
}

static void freeing_null_does_nothing(void) {
    rm_error_free(NULL);
    rm_document_free(NULL);
    rm_memory_free(NULL);
    rm_pipeline_free(NULL);
    rm_port_free(NULL);
    rm_runtime_free(NULL);
}

static void no_error_has_no_message(void) {
    const uint8_t *data = (const uint8_t *)"";
    size_t len = 7;
    CHECK_NUMBER(RM_OK, rm_error_status(NULL));
    CHECK_TEXT("", rm_error_message(NULL));
    rm_error_detail(NULL, &data, &len);
    CHECK(data == NULL && len == 0);
    rm_error_detail(NULL, NULL, NULL);
}

static void null_where_an_object_is_needed_is_an_error(rm_runtime *runtime, rm_port *port, rm_pipeline *pipeline) {
    rm_output out = {0};
    rm_runtime *runtimes = NULL;
    rm_port *ports = NULL;
    rm_pipeline *pipelines = NULL;
    rm_memory *memory = NULL;
    intptr_t handle = 0;
    const uint8_t *data = NULL;
    const rm_buffer *buffers = NULL;
    size_t len = 0, count = 0;
    const uint8_t *pass = (const uint8_t *)PASS;
    const rm_status bad = RM_INVALID_ARGUMENT;
    rm_document *document = from_json("1");

    CHECK_ERROR(bad, "the document is NULL", rm_document_view(NULL, &data, &len, &buffers, &count, &error));
    CHECK_ERROR(bad, "`data` is NULL", rm_document_view(document, NULL, &len, &buffers, &count, &error));
    CHECK_ERROR(bad, "`len` is NULL", rm_document_view(document, &data, NULL, &buffers, &count, &error));
    CHECK_ERROR(bad, "`buffers` is NULL", rm_document_view(document, &data, &len, NULL, &count, &error));
    CHECK_ERROR(bad, "`buffer_count` is NULL", rm_document_view(document, &data, &len, &buffers, NULL, &error));
    CHECK_ERROR(bad, "`out` is NULL", rm_document_to_json(NULL, 0, NULL, 0, 0, NULL, &error));
    CHECK_ERROR(bad, "`data` is NULL but its length is 3", rm_document_to_json(NULL, 3, NULL, 0, 0, &out, &error));
    CHECK_ERROR(bad, "`buffers` is NULL but its length is 3", rm_document_to_json(NULL, 0, NULL, 3, 0, &out, &error));
    CHECK_ERROR(bad, "`out` is NULL", rm_document_from_json(NULL, 0, NULL, 0, NULL, &error));
    CHECK_ERROR(bad, "`text` is NULL but its length is 3", rm_document_from_json(NULL, 3, NULL, 0, &out, &error));
    CHECK_ERROR(bad, "`out` is NULL", rm_live_objects(NULL, &error));
    CHECK_ERROR(bad, "the memory is NULL", rm_memory_retain(NULL, &memory, &error));

    CHECK_ERROR(bad, "`out` is NULL", rm_runtime_new(NULL, 0, NULL, &error));
    CHECK_ERROR(bad, "`config` is NULL but its length is 3", rm_runtime_new(NULL, 3, &runtimes, &error));
    CHECK_ERROR(bad, "the runtime is NULL", rm_runtime_describe(NULL, &out, &error));
    CHECK_ERROR(bad, "`out` is NULL", rm_runtime_describe(runtime, NULL, &error));
    CHECK_ERROR(bad, "the runtime is NULL", rm_runtime_shutdown(NULL, 0, &error));

    CHECK_ERROR(bad, "the runtime is NULL", rm_port_new(NULL, NULL, 0, &ports, &error));
    CHECK_ERROR(bad, "`out` is NULL", rm_port_new(runtime, NULL, 0, NULL, &error));
    CHECK_ERROR(bad, "the port is NULL", rm_port_fd(NULL, &handle, &error));
    CHECK_ERROR(bad, "`handle` is NULL", rm_port_fd(port, NULL, &error));
    CHECK_ERROR(bad, "the port is NULL", rm_port_next(NULL, 0, &out, &error));
    CHECK_ERROR(bad, "the port is NULL", rm_port_wake(NULL, &error));
    CHECK_ERROR(bad, "the port is NULL", rm_port_cancel(NULL, 1, &error));
    CHECK_ERROR(bad, "the port is NULL", rm_port_reply(NULL, 1, NULL, 0, NULL, 0, NULL, &error));

    CHECK_ERROR(bad, "the runtime is NULL", rm_pipeline_new(NULL, pass, strlen(PASS), NULL, 0, &pipelines, &error));
    CHECK_ERROR(bad, "`out` is NULL", rm_pipeline_new(runtime, pass, strlen(PASS), NULL, 0, NULL, &error));
    CHECK_ERROR(bad, "`manifest` is NULL but its length is 3",
                rm_pipeline_new(runtime, NULL, 3, NULL, 0, &pipelines, &error));
    CHECK_ERROR(bad, "`options` is NULL but its length is 3",
                rm_pipeline_new(runtime, pass, strlen(PASS), NULL, 3, &pipelines, &error));
    CHECK_ERROR(bad, "the pipeline is NULL", rm_pipeline_describe(NULL, &out, &error));
    CHECK_ERROR(bad, "`out` is NULL", rm_pipeline_describe(pipeline, NULL, &error));
    CHECK_ERROR(bad, "the pipeline is NULL", rm_pipeline_execute(NULL, NULL, 0, NULL, 0, -1, &out, &error));
    CHECK_ERROR(bad, "`out` is NULL", rm_pipeline_execute(pipeline, NULL, 0, NULL, 0, -1, NULL, &error));
    CHECK_ERROR(bad, "the pipeline is NULL", rm_pipeline_submit(NULL, port, 1, NULL, 0, NULL, 0, -1, 0, &out, &error));
    CHECK_ERROR(bad, "the port is NULL", rm_pipeline_submit(pipeline, NULL, 1, NULL, 0, NULL, 0, -1, 0, &out, &error));
    CHECK_ERROR(bad, "`out` is NULL", rm_pipeline_submit(pipeline, port, 1, NULL, 0, NULL, 0, -1, 0, NULL, &error));

    /* Who doesn't want the error gets the status all the same. */
    CHECK_NUMBER(bad, rm_port_wake(NULL, NULL));
    CHECK(runtimes == NULL && ports == NULL && pipelines == NULL && memory == NULL && out.document == NULL);
    rm_document_free(document);
}

static void empty_slices_are_understood(rm_runtime *runtime, rm_pipeline *pipeline) {
    rm_output out = {0};
    rm_pipeline *made = NULL;
    CHECK_ERROR(RM_INVALID_DOCUMENT,
                "value: a value goes past the end (bytes needed: 1, left: 0); send the whole document",
                rm_document_to_json(NULL, 0, NULL, 0, 0, &out, &error));
    CHECK_ERROR(RM_INVALID_DOCUMENT,
                "value (line 1, column 1): expected a value, found the end of the text; correct the JSON text",
                rm_document_from_json(NULL, 0, NULL, 0, &out, &error));
    CHECK_ERROR(
        RM_INVALID_MANIFEST,
        "line 1, column 1: expected a manifest, got an empty text; begin with {\"version\": \"v1\", \"nodes\": [{\"id\": \"a\", \"node_type\": \"PassThrough\"}]}",
        rm_pipeline_new(runtime, NULL, 0, NULL, 0, &made, &error));
    CHECK_ERROR(RM_INVALID_DOCUMENT,
                "inputs: a value goes past the end (bytes needed: 1, left: 0); send the whole document",
                rm_pipeline_execute(pipeline, NULL, 0, NULL, 0, -1, &out, &error));
    CHECK(made == NULL && out.document == NULL);
}

static void mistakes_are_named(rm_runtime *runtime, rm_pipeline *pipeline) {
    rm_runtime *never = NULL;
    rm_output out = {0};
    const char *config = "{\"wrokers\":2}";
    CHECK_ERROR(RM_INVALID_ARGUMENT, "config: wrokers: there is no 'wrokers' here; did you mean 'workers'?",
                rm_runtime_new((const uint8_t *)config, strlen(config), &never, &error));
    CHECK(never == NULL);

    rm_pipeline *made = NULL;
    rm_error *error = NULL;
    const char *manifest = MANIFEST("PasThrough", "{}");
    CHECK_NUMBER(RM_INVALID_MANIFEST,
                 rm_pipeline_new(runtime, (const uint8_t *)manifest, strlen(manifest), NULL, 0, &made, &error));
    CHECK(made == NULL);
    CHECK_TEXT("line 1, column 80: nodes[0].node_type: there is no node type 'PasThrough'; did you mean 'PassThrough'?",
               rm_error_message(error));
    char *detail = detail_of(error);
    CHECK_TEXT(
        "{\"status\":-2,\"message\":\"line 1, column 80: nodes[0].node_type: there is no node type 'PasThrough'; did you mean 'PassThrough'?\",\"problems\":[{\"path\":\"nodes[0].node_type\",\"message\":\"there is no node type 'PasThrough'\",\"line\":1,\"column\":80,\"expected\":\"a node type\",\"got\":\"the text \\\"PasThrough\\\"\",\"suggestion\":\"did you mean 'PassThrough'?\"}]}",
        detail);
    free(detail);
    rm_error_free(error);

    /* 0x93 begins a list of three, of which there is one. */
    CHECK_ERROR(RM_INVALID_DOCUMENT,
                "inputs: a list goes past the end (bytes needed: 3, left: 1); send the whole document",
                rm_pipeline_execute(pipeline, (const uint8_t *)"\x93\x01", 2, NULL, 0, -1, &out, &error));
    CHECK_ERROR(
        RM_INVALID_DOCUMENT,
        "inputs: the inputs are an integer, not a list; give a list with one entry for each item, a map of such lists for named inputs, or nil for none",
        rm_pipeline_execute(pipeline, (const uint8_t *)"\x01", 1, NULL, 0, -1, &out, &error));
    CHECK(out.document == NULL);
}

static void a_failing_node_is_named(rm_runtime *runtime) {
    rm_pipeline *pipeline = new_pipeline(runtime, TIMES_HUNDRED, NULL);
    rm_document *inputs = from_json("[1,1000000000000000000]");
    view seen = look(inputs);
    rm_output out = {0};
    rm_error *error = NULL;
    CHECK_NUMBER(RM_EXECUTION_FAILED, rm_pipeline_execute(pipeline, seen.data, seen.len, NULL, 0, -1, &out, &error));
    CHECK(out.document == NULL);
    CHECK_TEXT(
        "node 'only' (Calculator), input 1: 1000000000000000000 * 100 does not fit 64 bits. Use the float operand 100.0 if rounding will do.",
        rm_error_message(error));
    char *detail = detail_of(error);
    CHECK_TEXT(
        "{\"status\":-4,\"message\":\"node 'only' (Calculator), input 1: 1000000000000000000 * 100 does not fit 64 bits. Use the float operand 100.0 if rounding will do.\",\"cause\":\"1000000000000000000 * 100 does not fit 64 bits\",\"node_id\":\"only\",\"node_type\":\"Calculator\",\"item\":1,\"cure\":\"Use the float operand 100.0 if rounding will do.\"}",
        detail);
    free(detail);
    rm_error_free(error);
    rm_document_free(inputs);
    rm_pipeline_free(pipeline);
}

static void a_result_is_written_where_there_is_room(rm_pipeline *pipeline) {
    uint8_t room[256];
    rm_document *inputs = from_json("[1,\"two\",[3.5,null]]");
    view seen = look(inputs);
    rm_output out = {.data = room, .capacity = sizeof room};
    CHECK_STATUS(RM_OK, rm_pipeline_execute(pipeline, seen.data, seen.len, NULL, 0, -1, &out, &error));
    CHECK(out.document == NULL && out.len > 0 && out.buffer_count == 0);
    size_t len = out.len;

    /* One byte less, and it comes as an object with the same bytes. */
    out.capacity = len - 1;
    CHECK_STATUS(RM_OK, rm_pipeline_execute(pipeline, seen.data, seen.len, NULL, 0, -1, &out, &error));
    CHECK(out.document != NULL && out.len == 0);
    view object = look(out.document);
    CHECK(object.len == len && memcmp(object.data, room, len) == 0);
    char *json = to_json(out.document);
    CHECK_TEXT(
        "{\"status\":0,\"outputs\":{\"only\":{\"values\":[1,\"two\",[3.5,null]],\"items\":[0,1,2]}},\"errors\":[]}",
        json);
    free(json);
    rm_document_free(inputs);
}

int main(void) {
    alarm(TEST_SECONDS);
    versions_are_those_of_the_header();
    every_status_has_its_name();
    freeing_null_does_nothing();
    no_error_has_no_message();
    check_nothing_left();
    rm_runtime *runtime = new_runtime();
    rm_port *port = new_port(runtime);
    rm_pipeline *pipeline = new_pipeline(runtime, PASS, NULL);
    null_where_an_object_is_needed_is_an_error(runtime, port, pipeline);
    empty_slices_are_understood(runtime, pipeline);
    mistakes_are_named(runtime, pipeline);
    a_failing_node_is_named(runtime);
    a_result_is_written_where_there_is_room(pipeline);
    rm_pipeline_free(pipeline);
    rm_port_free(port);
    CHECK_STATUS(RM_OK, rm_runtime_shutdown(runtime, PATIENCE_US, &error));
    rm_runtime_free(runtime);
    check_nothing_left();
    return 0;
}
