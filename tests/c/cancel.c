/* Cancelling and timing out: every accepted piece of work ends in exactly one completion. */

#include "check.h"

static const char HOSTED[] = "{\"version\":\"v1\",\"metadata\":{\"name\":\"cancel\"},\"nodes\":["
                             "{\"id\":\"only\",\"node_type\":\"Hosted\"}],\"connections\":[]}";
static const char OPTIONS[] = "{\"host_nodes\":{\"Hosted\":{\"token\":7}}}";

/* Takes the call of a piece of work that nobody will answer; its number. */
static uint64_t take_call(rm_port *port) {
    char *events = next_events(port, RM_OK);
    uint64_t call = number_after(events, "[[2,");
    free(events);
    return call;
}

static void cancelled_work_completes_once(rm_pipeline *pipeline, rm_port *port) {
    submit(pipeline, port, 1, "[1]");
    uint64_t call = take_call(port);
    rm_output progress = {0};
    CHECK_STATUS(RM_OK, rm_port_progress(port, 1, &progress, &error));
    char *so_far = to_json(progress.document);
    CHECK_TEXT("{\"items\":0}", so_far);
    free(so_far);
    CHECK_STATUS(RM_OK, rm_port_cancel(port, 1, &error));
    CHECK_ERROR(RM_GONE, "no work with token 1 is going on at this port", rm_port_progress(port, 1, &progress, &error));
    char *events = next_events(port, RM_OK);
    char over[32];
    snprintf(over, sizeof over, "[[8,%" PRIu64 "],[1,1,", call);
    CHECK(strncmp(events, over, strlen(over)) == 0);
    CHECK_TEXT("[1,1,{\"status\":-5,\"outputs\":{\"only\":{\"values\":[],\"items\":[]}},\"errors\":[{\"status\":-5,"
               "\"message\":\"the work was cancelled\",\"cause\":\"the work was cancelled\"}]}]]",
               strstr(events, "[1,1,"));
    free(events);
    CHECK_ERROR(RM_GONE, "no work with token 1 is going on at this port", rm_port_cancel(port, 1, &error));
    CHECK_STATUS(RM_GONE, reply(port, call, "{\"outputs\":[[0,1]]}", &error));

    rm_output out = {0};
    CHECK_STATUS(RM_TIMEOUT, rm_port_next(port, 0, &out, &error));
    char *nothing = to_json(out.document);
    CHECK_TEXT("[]", nothing);
    free(nothing);
}

static void work_that_takes_too_long_times_out(rm_pipeline *pipeline, rm_port *port) {
    rm_document *inputs = from_json("[1]");
    view seen = look(inputs);
    rm_output out = {0};
    CHECK_STATUS(RM_PENDING,
                 rm_pipeline_submit(pipeline, port, 2, seen.data, seen.len, NULL, 0, 1000, 0, &out, &error));
    /* The call may or may not have gone out before the time was over; the completion comes in any case. */
    char *events = next_events(port, RM_OK);
    if (strncmp(events, "[[1,", 4) != 0 && strstr(events, ",[1,2,") == NULL) {
        free(events);
        events = next_events(port, RM_OK);
    }
    CHECK(strstr(events, "[1,2,{\"status\":-6,") != NULL);
    free(events);
    rm_document_free(inputs);
}

static void a_token_is_one_piece_of_work(rm_pipeline *pipeline, rm_port *port) {
    submit(pipeline, port, 3, "[1]");
    uint64_t call = take_call(port);
    rm_document *inputs = from_json("[1]");
    view seen = look(inputs);
    rm_output out = {0};
    CHECK_ERROR(RM_INVALID_ARGUMENT, "token 3 belongs to work that is still going on at this port; use another one",
                rm_pipeline_submit(pipeline, port, 3, seen.data, seen.len, NULL, 0, -1, 0, &out, &error));
    CHECK_STATUS(RM_OK, reply(port, call, "{\"outputs\":[[0,1]]}", &error));
    free(next_events(port, RM_OK));
    /* Once it has completed, its number may be used again. */
    submit(pipeline, port, 3, "[1]");
    CHECK_STATUS(RM_OK, reply(port, take_call(port), "{\"outputs\":[[0,1]]}", &error));
    free(next_events(port, RM_OK));
    rm_document_free(inputs);
}

static void many_are_cancelled_and_each_completes(rm_pipeline *pipeline, rm_port *port) {
    enum { MANY = 200 };
    int completed[MANY] = {0};
    for (uint64_t token = 0; token < MANY; token++) submit(pipeline, port, 100 + token, "[1,2,3]");
    for (uint64_t token = 0; token < MANY; token++) CHECK_STATUS(RM_OK, rm_port_cancel(port, 100 + token, &error));
    for (int seen = 0; seen < MANY;) {
        char *events = next_events(port, RM_OK);
        for (char *at = events; (at = strstr(at, "[1,")) != NULL; at++) {
            uint64_t token = strtoull(at + 3, &at, 10);
            if (token < 100 || token >= 100 + MANY || strncmp(at, ",{\"status\":-5,", 14) != 0) continue;
            completed[token - 100]++;
            seen++;
        }
        free(events);
    }
    for (int index = 0; index < MANY; index++) CHECK_NUMBER(1, completed[index]);
    rm_output out = {0};
    CHECK_STATUS(RM_TIMEOUT, rm_port_next(port, 0, &out, &error));
    rm_document_free(out.document);
}

static void a_wake_up_ends_one_wait(rm_port *port) {
    rm_output out = {0};
    CHECK_STATUS(RM_OK, rm_port_wake(port, &error));
    CHECK_STATUS(RM_TIMEOUT, rm_port_next(port, -1, &out, &error));
    char *nothing = to_json(out.document);
    CHECK_TEXT("[]", nothing);
    free(nothing);
}

int main(void) {
    alarm(TEST_SECONDS);
    rm_runtime *runtime = new_runtime();
    rm_port *port = new_port(runtime);
    rm_pipeline *pipeline = new_pipeline(runtime, HOSTED, OPTIONS);
    cancelled_work_completes_once(pipeline, port);
    work_that_takes_too_long_times_out(pipeline, port);
    a_token_is_one_piece_of_work(pipeline, port);
    many_are_cancelled_and_each_completes(pipeline, port);
    a_wake_up_ends_one_wait(port);
    rm_pipeline_free(pipeline);
    rm_port_free(port);
    CHECK_STATUS(RM_OK, rm_runtime_shutdown(runtime, PATIENCE_US, &error));
    rm_runtime_free(runtime);
    check_nothing_left();
    return 0;
}
