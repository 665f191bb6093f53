/* Nodes that the host runs: calls, answers in parts, late answers, answers that make no sense, failures. */

#include "check.h"

static const char CHAIN[] =
    "{\"version\":\"v1\",\"metadata\":{\"name\":\"hosted\"},\"nodes\":["
    "{\"id\":\"first\",\"node_type\":\"Hosted\"},{\"id\":\"second\",\"node_type\":\"Other\"},"
    "{\"id\":\"last\",\"node_type\":\"PassThrough\"}],"
    "\"connections\":[{\"from\":\"first\",\"to\":\"second\"},{\"from\":\"second\",\"to\":\"last\"}]}";
static const char OPTIONS[] =
    "{\"host_nodes\":{\"Hosted\":{\"token\":7,\"batch\":2},\"Other\":{\"token\":8,\"batch\":2}}}";

/* The next batch of events, which is one call; its number. */
static uint64_t next_call(rm_port *port, const char *expected_body) {
    char *events = next_events(port, RM_OK);
    uint64_t call = number_after(events, "[[2,");
    char expected[512];
    snprintf(expected, sizeof expected, "[[2,%" PRIu64 ",%s]]", call, expected_body);
    CHECK_TEXT(expected, events);
    free(events);
    return call;
}

static void check_events(rm_port *port, const char *expected) {
    char *events = next_events(port, RM_OK);
    CHECK_TEXT(expected, events);
    free(events);
}

static void calls_come_in_batches_and_answers_in_parts(rm_pipeline *pipeline, rm_port *port) {
    submit(pipeline, port, 42, "[10,\"b\",null]");
    uint64_t call = next_call(port, "{\"job\":42,\"nodes\":[[7,\"first\"],[8,\"second\"]],"
                                    "\"entries\":[[0,10,null,null],[1,\"b\",null,null]]}");
    /* The first entry gives two values, in two answers; the second gives none. */
    CHECK_STATUS(RM_OK, reply(port, call, "{\"outputs\":[[0,\"x\"]],\"final\":false}", &error));
    CHECK_STATUS(RM_OK, reply(port, call, "{\"outputs\":[[0,\"y\",5,6]]}", &error));
    CHECK_STATUS(RM_GONE, reply(port, call, "{\"outputs\":[]}", &error));

    uint64_t second =
        next_call(port, "{\"job\":42,\"nodes\":[[7,\"first\"],[8,\"second\"]],\"entries\":[[2,null,null,null]]}");
    CHECK(second != call);
    CHECK_STATUS(RM_OK, reply(port, second, "{\"outputs\":[[0,[1,2]]]}", &error));
    check_events(port, "[[1,42,{\"status\":0,\"outputs\":{\"last\":{\"values\":[\"x\",\"y\",[1,2]],\"items\":[0,0,2],"
                       "\"pts\":[null,5,null],\"durations\":[null,6,null]}},\"errors\":[]}]]");

    char late[128];
    snprintf(late, sizeof late, "call %" PRIu64 " is over: its work has ended or it was answered before", second);
    CHECK_ERROR(RM_GONE, late, reply(port, second, "{\"outputs\":[]}", &error));
}

static void answers_that_make_no_sense_are_refused(rm_pipeline *pipeline, rm_port *port) {
    submit(pipeline, port, 43, "[1,2]");
    uint64_t call = next_call(port, "{\"job\":43,\"nodes\":[[7,\"first\"],[8,\"second\"]],"
                                    "\"entries\":[[0,1,null,null],[1,2,null,null]]}");
    const rm_status bad = RM_INVALID_DOCUMENT;
    CHECK_ERROR(bad, "reply: expected a map, got a list of 0", reply(port, call, "[]", &error));
    CHECK_ERROR(bad, "reply.outputs[0]: expected [entry, value, pts?, duration?, port?], got a list of 1",
                reply(port, call, "{\"outputs\":[[0]]}", &error));
    CHECK_ERROR(bad, "reply.outputs: expected a list, got 3", reply(port, call, "{\"outputs\":3}", &error));
    CHECK_ERROR(bad, "outputs[0] answers entry 2, the call has 2", reply(port, call, "{\"outputs\":[[2,1]]}", &error));
    CHECK_ERROR(bad, "outputs[1] answers entry 0 after entry 1; answer the entries in their order",
                reply(port, call, "{\"outputs\":[[1,1],[0,1]]}", &error));
    CHECK_ERROR(bad, "reply.final: expected a bool, got 3", reply(port, call, "{\"outputs\":[],\"final\":3}", &error));
    CHECK_ERROR(bad, "reply.err: there is no 'err' here; did you mean 'error'?",
                reply(port, call, "{\"err\":{\"message\":\"no\"}}", &error));
    CHECK_ERROR(bad, "reply.error.mesage: there is no 'mesage' here; did you mean 'message'?",
                reply(port, call, "{\"error\":{\"mesage\":\"no\"}}", &error));
    CHECK_ERROR(bad, "reply.outputs[0]: expected [entry, value, pts?, duration?, port?], got a list of 6",
                reply(port, call, "{\"outputs\":[[0,1,null,null,0,1]]}", &error));
    CHECK_ERROR(bad, "reply.outputs[0][0]: expected a number from 0, got -1",
                reply(port, call, "{\"outputs\":[[-1,1]]}", &error));
    /* None of these counts as the answer. */
    CHECK_STATUS(RM_OK, reply(port, call, "{\"outputs\":[[0,3],[1,4]]}", &error));
    check_events(port,
                 "[[1,43,{\"status\":0,\"outputs\":{\"last\":{\"values\":[3,4],\"items\":[0,1]}},\"errors\":[]}]]");
}

static void failures_name_the_node_and_give_the_token_back(rm_pipeline *pipeline, rm_port *port) {
    submit(pipeline, port, 44, "[1,2]");
    uint64_t call = next_call(port, "{\"job\":44,\"nodes\":[[7,\"first\"],[8,\"second\"]],"
                                    "\"entries\":[[0,1,null,null],[1,2,null,null]]}");
    CHECK_STATUS(RM_OK, reply(port, call,
                              "{\"outputs\":[[0,\"done\"]],\"error\":{\"entry\":1,\"node\":1,\"type\":\"Oops\","
                              "\"message\":\"no twos\",\"chain\":[\"because\"],\"token\":99}}",
                              &error));
    char *events = next_events(port, RM_OK);
    CHECK_TEXT(
        "[[1,44,{\"status\":-4,\"outputs\":{\"last\":{\"values\":[],\"items\":[]}},\"errors\":[{\"status\":-4,\"message\":\"node 'second' (Other), input 1: Oops: no twos\",\"cause\":\"Oops: no twos\",\"node_id\":\"second\",\"node_type\":\"Other\",\"item\":1,\"chain\":[\"because\"],\"host_token\":99}]}],[3,[99]]]",
        events);
    free(events);
}

int main(void) {
    alarm(TEST_SECONDS);
    rm_runtime *runtime = new_runtime();
    rm_port *port = new_port(runtime);
    rm_pipeline *pipeline = new_pipeline(runtime, CHAIN, OPTIONS);
    calls_come_in_batches_and_answers_in_parts(pipeline, port);
    answers_that_make_no_sense_are_refused(pipeline, port);
    failures_name_the_node_and_give_the_token_back(pipeline, port);
    rm_pipeline_free(pipeline);
    rm_port_free(port);
    CHECK_STATUS(RM_OK, rm_runtime_shutdown(runtime, PATIENCE_US, &error));
    rm_runtime_free(runtime);
    check_nothing_left();
    return 0;
}
