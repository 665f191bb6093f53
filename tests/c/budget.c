/* Where work is done: a submit without a budget does none of it, so its completion always arrives at the port. And what
   inputs mean to a graph of sources and to one that takes inputs. */

#include "check.h"

#define MANIFEST(node_type, params)                                                                                    \
    "{\"version\":\"v1\",\"metadata\":{\"name\":\"budget\"},\"nodes\":[{\"id\":\"only\",\"node_type\":\"" node_type    \
    "\",\"params\":" params "}],\"connections\":[]}"

static const char PASS[] = MANIFEST("PassThrough", "{}");
static const char SOURCE[] = MANIFEST("ToneSource", "{\"duration_s\":0.01,\"rate\":8000}");

enum { ROUNDS = 3000 };

/* Submits inputs in msgpack. The status; a completion that is returned is given in `completion`, as JSON to free. */
static rm_status submit_within(int64_t budget_us, rm_pipeline *pipeline, rm_port *port, uint64_t token,
                               const char *inputs, size_t len, char **completion) {
    rm_output out = {0};
    rm_error *error = NULL;
    rm_status status =
        rm_pipeline_submit(pipeline, port, token, (const uint8_t *)inputs, len, NULL, 0, -1, budget_us, &out, &error);
    CHECK_TEXT("", rm_error_message(error));
    if (out.document != NULL && completion != NULL) *completion = to_json(out.document);
    return status;
}

/* The workers are fast enough to be done before the call returns, in some of so many tries. */
static void without_a_budget_a_submit_is_always_pending(rm_pipeline *pipeline, rm_port *port) {
    static const int64_t budgets[] = {0, -1, INT64_MIN};
    for (int round = 0; round < ROUNDS; round++) {
        int64_t budget = budgets[round % 3];
        CHECK_NUMBER(RM_PENDING, submit_within(budget, pipeline, port, 1, "\x93\x01\x02\x03", 4, NULL));
        char *events = next_events(port, RM_OK);
        CHECK_TEXT("[[1,1,{\"status\":0,\"outputs\":{\"only\":{\"values\":[1,2,3],\"items\":[0,1,2]}},\"errors\":[]}]]",
                   events);
        free(events);
    }
}

static void with_a_budget_small_work_is_done_at_once(rm_pipeline *pipeline, rm_port *port) {
    char *completion = NULL;
    CHECK_NUMBER(RM_OK, submit_within(1000000, pipeline, port, 1, "\x91\x07", 2, &completion));
    CHECK_TEXT("{\"status\":0,\"outputs\":{\"only\":{\"values\":[7],\"items\":[0]}},\"errors\":[]}", completion);
    free(completion);
}

static void a_graph_of_sources_takes_nil_and_an_empty_list_alike(rm_pipeline *sources, rm_port *port) {
    static const char *const none[] = {"\xc0", "\x90"};
    for (int index = 0; index < 2; index++) {
        char *completion = NULL;
        CHECK_NUMBER(RM_OK, submit_within(1000000, sources, port, 1, none[index], 1, &completion));
        CHECK(strstr(completion, "\"$rm\":\"audio\"") != NULL && strstr(completion, "\"frames\":80") != NULL);
        free(completion);
        rm_output out = {0};
        CHECK_STATUS(RM_OK, rm_pipeline_execute(sources, (const uint8_t *)none[index], 1, NULL, 0, -1, &out, &error));
        completion = to_json(out.document);
        CHECK(strstr(completion, "\"frames\":80") != NULL);
        free(completion);
    }
}

static void a_graph_with_inputs_refuses_nil_and_does_nothing_for_an_empty_list(rm_pipeline *pipeline, rm_port *port) {
    rm_output out = {0};
    const uint8_t *nil = (const uint8_t *)"\xc0", *empty = (const uint8_t *)"\x90";
    static const char message[] =
        "the graph takes inputs, and none were given; give a list with one entry for each item, which may be empty";
    CHECK_ERROR(RM_INVALID_ARGUMENT, message, rm_pipeline_execute(pipeline, nil, 1, NULL, 0, -1, &out, &error));
    CHECK_ERROR(RM_INVALID_ARGUMENT, message,
                rm_pipeline_submit(pipeline, port, 1, nil, 1, NULL, 0, -1, 1000, &out, &error));
    CHECK_ERROR(RM_INVALID_ARGUMENT, message,
                rm_pipeline_submit(pipeline, port, 1, nil, 1, NULL, 0, -1, 0, &out, &error));
    CHECK_STATUS(RM_OK, rm_pipeline_execute(pipeline, empty, 1, NULL, 0, -1, &out, &error));
    char *completion = to_json(out.document);
    CHECK_TEXT("{\"status\":0,\"outputs\":{\"only\":{\"values\":[],\"items\":[]}},\"errors\":[]}", completion);
    free(completion);
}

int main(void) {
    alarm(TEST_SECONDS);
    rm_runtime *runtime = new_runtime();
    rm_port *port = new_port(runtime);
    rm_pipeline *pipeline = new_pipeline(runtime, PASS, NULL), *sources = new_pipeline(runtime, SOURCE, NULL);
    without_a_budget_a_submit_is_always_pending(pipeline, port);
    with_a_budget_small_work_is_done_at_once(pipeline, port);
    a_graph_of_sources_takes_nil_and_an_empty_list_alike(sources, port);
    a_graph_with_inputs_refuses_nil_and_does_nothing_for_an_empty_list(pipeline, port);
    rm_pipeline_free(pipeline);
    rm_pipeline_free(sources);
    rm_port_free(port);
    CHECK_STATUS(RM_OK, rm_runtime_shutdown(runtime, -1, &error));
    rm_runtime_free(runtime);
    check_nothing_left();
    return 0;
}
