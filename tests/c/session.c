/* Sessions: one call there and back, would-block at both ends, finish, cancel, failure, what comes too late. */

#include "check.h"

static const char PASS[] =
    "{\"version\":\"v1\",\"metadata\":{\"name\":\"pass\"},\"nodes\":["
    "{\"id\":\"in\",\"node_type\":\"PassThrough\"},"
    "{\"id\":\"left\",\"node_type\":\"PassThrough\"},{\"id\":\"right\",\"node_type\":\"PassThrough\"}],"
    "\"connections\":[{\"from\":\"in\",\"to\":\"left\"},{\"from\":\"in\",\"to\":\"right\"}]}";
static const char ADD[] = "{\"version\":\"v1\",\"metadata\":{\"name\":\"add\"},\"nodes\":[{\"id\":\"add\","
                          "\"node_type\":\"Calculator\",\"params\":{\"operation\":\"add\",\"operand\":5}}]}";
static const char HOSTED[] = "{\"version\":\"v1\",\"metadata\":{\"name\":\"hosted\"},\"nodes\":["
                             "{\"id\":\"mine\",\"node_type\":\"Hosted\"}]}";
static const char HOSTED_OPTIONS[] = "{\"host_nodes\":{\"Hosted\":{\"token\":7}}}";

static rm_session *open_session(rm_pipeline *pipeline, rm_port *port, uint64_t token, const char *options) {
    rm_session *session = NULL;
    CHECK_STATUS(RM_OK, rm_session_new(pipeline, port, token, (const uint8_t *)options, options ? strlen(options) : 0,
                                       &session, &error));
    return session;
}

/* Sends packets that are a JSON text; the answer as a JSON string to free. */
static char *send_packets(rm_session *session, rm_status expected, const char *packets, int64_t budget_us,
                          size_t most) {
    rm_document *document = from_json(packets);
    view seen = look(document);
    rm_output out = {0};
    CHECK_STATUS(expected, rm_session_send(session, seen.data, seen.len, seen.buffers, seen.count, budget_us, most,
                                           &out, &error));
    rm_document_free(document);
    return to_json(out.document);
}

static void check_sent(rm_session *session, const char *expected, const char *packets) {
    char *answer = send_packets(session, RM_OK, packets, 1000000, 100);
    CHECK_TEXT(expected, answer);
    free(answer);
}

static void check_received(rm_session *session, rm_status status, int64_t place, const char *expected) {
    rm_output out = {0};
    CHECK_STATUS(status, rm_session_receive(session, place, 0, &out, &error));
    char *outputs = to_json(out.document);
    CHECK_TEXT(expected, outputs);
    free(outputs);
}

/* Frees a pipeline with a node type of the host, whose token comes back once the nodes are cleaned up. */
static void free_hosted(rm_runtime *runtime, rm_pipeline *pipeline) {
    rm_pipeline_free(pipeline);
    rm_output out = {0};
    while (rm_runtime_released(runtime, &out, NULL) == RM_WOULD_BLOCK) rm_document_free(out.document);
    char *tokens = to_json(out.document);
    CHECK_TEXT("[7]", tokens);
    free(tokens);
}

static void check_events(rm_port *port, const char *expected) {
    char *events = next_events(port, RM_OK);
    CHECK_TEXT(expected, events);
    free(events);
}

static void one_call_goes_there_and_back(rm_pipeline *add, rm_port *port) {
    rm_session *session = open_session(add, port, 1, NULL);
    check_sent(session, "[1,[[6,null,null,0,0,0,0]]]", "[[1]]");
    check_sent(session, "[2,[[7,10,20,1,0,0,1],[8,null,null,2,0,0,2]]]", "[[2,10,20],[3,null,null]]");
    check_sent(session, "[0,[]]", "[]");
    check_received(session, RM_WOULD_BLOCK, -1, "[[]]");
    CHECK_STATUS(RM_OK, rm_session_finish(session, &error));
    CHECK_STATUS(RM_OK, rm_session_finish(session, &error));
    char *events = next_events(port, RM_OK);
    /* That it has ended is news to whoever waits for outputs, too. */
    if (strcmp(events, "[[6,1]]") == 0) {
        free(events);
        events = next_events(port, RM_OK);
        CHECK_TEXT("[[1,1,{\"status\":0,\"outputs\":{},\"errors\":[]}]]", events);
    } else {
        CHECK_TEXT("[[6,1],[1,1,{\"status\":0,\"outputs\":{},\"errors\":[]}]]", events);
    }
    free(events);
    check_received(session, RM_END, -1, "[[]]");
    CHECK_ERROR(RM_GONE, "the session has ended before", rm_session_cancel(session, &error));
    rm_session_free(session);
}

static void outputs_are_chosen_and_read_one_by_one(rm_pipeline *pass, rm_port *port) {
    rm_session *session = open_session(pass, port, 2, "{\"outputs\":[\"right\",\"left\"]}");
    char *answer = send_packets(session, RM_OK, "[[1],[2]]", 1000000, 0);
    CHECK_TEXT("[2,[]]", answer);
    free(answer);
    check_received(session, RM_OK, 0, "[[[1,null,null,0,0,1,0],[2,null,null,1,0,1,1]]]");
    check_received(session, RM_WOULD_BLOCK, 0, "[[]]");
    check_received(session, RM_OK, 1, "[[[1,null,null,0,0,0,0],[2,null,null,1,0,0,1]]]");
    rm_output out = {0};
    CHECK_ERROR(RM_INVALID_ARGUMENT, "the session has no output 2; it hands out 2, counted from 0",
                rm_session_receive(session, 2, 0, &out, &error));
    rm_session_free(session);
    check_events(port,
                 "[[6,2],[1,2,{\"status\":-5,\"outputs\":{},\"errors\":[{\"status\":-5,\"message\":\"the work was "
                 "cancelled\",\"cause\":\"the work was cancelled\"}]}]]");
    rm_session *none = NULL;
    const char *wrong = "{\"outputs\":[\"in\"]}";
    CHECK_ERROR(RM_INVALID_ARGUMENT, "'in' is no output of pipeline 'pass'; its outputs are 'left' and 'right'",
                rm_session_new(pass, port, 3, (const uint8_t *)wrong, strlen(wrong), &none, &error));
    CHECK(none == NULL);
}

static void without_a_reader_there_is_no_room_at_some_point(rm_pipeline *add, rm_port *port) {
    rm_session *session = open_session(add, port, 4, "{\"buffer\":{\"packets\":2}}");
    /* Two wait at the output, two at the entry, and one is on its way between them. */
    size_t taken = 0;
    for (rm_status status = RM_OK; status == RM_OK;) {
        rm_document *document = from_json("[[1]]");
        view seen = look(document);
        rm_output out = {0};
        rm_error *error = NULL;
        status = rm_session_send(session, seen.data, seen.len, NULL, 0, 0, 0, &out, &error);
        CHECK(status == RM_OK || status == RM_WOULD_BLOCK);
        rm_document_free(out.document);
        rm_document_free(document);
        taken += status == RM_OK;
        if (status == RM_WOULD_BLOCK && taken < 4) {
            /* The workers had no time yet. */
            check_events(port, "[[5,4]]");
            status = RM_OK;
        }
        CHECK(taken < 100);
    }
    size_t read = 0;
    for (int told = 0; !told;) {
        rm_output out = {0};
        rm_error *error = NULL;
        rm_status status = rm_session_receive(session, -1, 1, &out, &error);
        rm_document_free(out.document);
        read += status == RM_OK;
        if (status == RM_OK) continue;
        char *events = next_events(port, RM_OK);
        told = strstr(events, "[5,4]") != NULL;
        free(events);
    }
    CHECK(0 < read && read <= taken);
    char *answer = send_packets(session, RM_OK, "[[1]]", 0, 0);
    CHECK_TEXT("[1,[]]", answer);
    free(answer);
    CHECK_STATUS(RM_OK, rm_session_cancel(session, &error));
    check_received(session, RM_END, -1, "[[]]");
    rm_output out = {0};
    rm_document *document = from_json("[[1]]");
    view seen = look(document);
    CHECK_ERROR(RM_GONE, "the session has ended: the work was cancelled",
                rm_session_send(session, seen.data, seen.len, NULL, 0, 0, 0, &out, &error));
    rm_document_free(document);
    rm_session_free(session);
    char *events = next_events(port, RM_OK);
    CHECK(strstr(events, "[1,4,{\"status\":-5") != NULL);
    free(events);
}

static void a_failure_comes_after_what_was_done_before_it(rm_pipeline *add, rm_port *port) {
    rm_session *session = open_session(add, port, 5, NULL);
    char *answer = send_packets(session, RM_OK, "[[1],[\"x\"],[3]]", 1000000, 0);
    CHECK_TEXT("[3,[]]", answer);
    free(answer);
    char *events = next_events(port, RM_OK);
    CHECK(
        strstr(
            events,
            "[[1,5,{\"status\":-4,\"outputs\":{},\"errors\":[{\"status\":-4,\"message\":\"node 'add' (Calculator), input 1: ") ==
        events);
    free(events);
    check_received(session, RM_OK, -1, "[[[6,null,null,0,0,0,0]]]");
    check_received(session, RM_END, -1, "[[]]");
    rm_session_free(session);
}

static void calls_to_the_hosts_nodes_come_to_the_same_port(rm_runtime *runtime, rm_pipeline *hosted) {
    /* Its completion may come while it waits for outputs, or stay behind: nobody else is to find it. */
    rm_port *port = new_port(runtime);
    rm_session *session = open_session(hosted, port, 6, NULL);
    char *answer = send_packets(session, RM_OK, "[[1],[2]]", 1000000, 100);
    CHECK_TEXT("[2,[]]", answer);
    free(answer);
    check_received(session, RM_WOULD_BLOCK, -1, "[[]]");
    for (int item = 0; item < 2;) {
        char *events = next_events(port, RM_OK);
        uint64_t call = number_after(events, "[2,");
        CHECK(strstr(events, "{\"job\":6,\"nodes\":[[7,\"mine\"]]") != NULL);
        int entries = strstr(events, "[1,2,null,null]") != NULL && strstr(events, "[0,1,null,null]") != NULL ? 2 : 1;
        CHECK_STATUS(RM_OK, reply(port, call,
                                  entries == 2 ? "{\"outputs\":[[0,\"a\"],[1,\"b\"]]}"
                                  : item == 0  ? "{\"outputs\":[[0,\"a\"]]}"
                                               : "{\"outputs\":[[0,\"b\"]]}",
                                  &error));
        item += entries;
        free(events);
    }
    CHECK_STATUS(RM_OK, rm_session_finish(session, &error));
    char *seen = calloc(1, 1);
    for (rm_status status = RM_OK; status != RM_END;) {
        rm_output out = {0};
        rm_error *error = NULL;
        status = rm_session_receive(session, -1, 1, &out, &error);
        CHECK(status >= 0);
        char *outputs = to_json(out.document);
        if (status == RM_OK) {
            seen = realloc(seen, strlen(seen) + strlen(outputs) + 1);
            CHECK(seen != NULL);
            strcat(seen, outputs);
        }
        free(outputs);
        if (status == RM_WOULD_BLOCK) free(next_events(port, RM_OK));
    }
    CHECK_TEXT("[[[\"a\",null,null,0,0,0,0]]][[[\"b\",null,null,1,0,0,1]]]", seen);
    free(seen);
    rm_session_free(session);
    rm_port_free(port);
}

static void packets_that_make_no_sense_are_refused(rm_pipeline *add, rm_port *port) {
    rm_session *session = open_session(add, port, 7, NULL);
    const struct {
        const char *packets, *message;
    } cases[] = {
        {"3", "packets: expected a list, got 3"},
        {"[3]", "packets[0]: expected [value, pts?, duration?, input?], got 3"},
        {"[[1],[]]", "packets[1]: expected [value, pts?, duration?, input?], got a list of 0"},
        {"[[1,2,3,0,5]]", "packets[0]: expected [value, pts?, duration?, input?], got a list of 5"},
        {"[[1,\"now\"]]", "packets[0][1]: expected nanoseconds from -2^63 to 2^63-1, or nil, got str"},
    };
    for (size_t index = 0; index < sizeof cases / sizeof *cases; index++) {
        rm_document *document = from_json(cases[index].packets);
        view seen = look(document);
        rm_output out = {0};
        CHECK_ERROR(RM_INVALID_DOCUMENT, cases[index].message,
                    rm_session_send(session, seen.data, seen.len, NULL, 0, 0, 0, &out, &error));
        rm_document_free(document);
    }
    rm_session_free(session);
}

static rm_status control(rm_session *session, const char *wanted, rm_error **error) {
    return rm_session_control(session, (const uint8_t *)wanted, strlen(wanted), error);
}

static void answers_in_parts_wait_for_room_and_an_interruption_calls_them_off(rm_pipeline *hosted, rm_port *port) {
    rm_session *session = open_session(hosted, port, 9, "{\"buffer\":{\"packets\":2}}");
    free(send_packets(session, RM_OK, "[[1]]", 1000000, 0));
    char *events = next_events(port, RM_OK);
    uint64_t call = number_after(events, "[[2,");
    free(events);
    const char *part = "{\"outputs\":[[0,\"a\"]],\"final\":false}";
    CHECK_STATUS(RM_OK, reply(port, call, part, &error));
    CHECK_STATUS(RM_WOULD_BLOCK, reply(port, call, part, &error));
    check_received(session, RM_OK, -1, "[[[\"a\",null,null,0,0,0,0],[\"a\",null,null,1,0,0,0]]]");
    char told[64];
    snprintf(told, sizeof told, "[[7,%" PRIu64 "]]", call);
    check_events(port, told);
    CHECK_STATUS(RM_OK, reply(port, call, part, &error));
    const char *interrupt = "{\"interrupt\":true}";
    CHECK_STATUS(RM_OK, rm_session_control(session, (const uint8_t *)interrupt, strlen(interrupt), &error));
    snprintf(told, sizeof told, "[[8,%" PRIu64 "]]", call);
    check_events(port, told);
    char late[128];
    snprintf(late, sizeof late, "call %" PRIu64 " is over: its work has ended or it was answered before", call);
    CHECK_ERROR(RM_GONE, late, reply(port, call, part, &error));
    CHECK_STATUS(RM_OK, rm_session_finish(session, &error));
    check_events(port, "[[1,9,{\"status\":0,\"outputs\":{},\"errors\":[]}]]");
    rm_session_free(session);
}

static void ends_come_to_nodes_that_ask_for_them(rm_runtime *runtime, rm_port *port) {
    rm_pipeline *pipeline =
        new_pipeline(runtime, HOSTED, "{\"host_nodes\":{\"Hosted\":{\"token\":7,\"ends\":true,\"max_wait_ms\":0.5}}}");
    submit(pipeline, port, 10, "[5]");
    char *events = next_events(port, RM_OK);
    uint64_t call = number_after(events, "[[2,");
    CHECK(strstr(events, "\"entries\":[[0,5,null,null],[0],[]]") != NULL);
    free(events);
    CHECK_STATUS(RM_OK, reply(port, call, "{\"outputs\":[[0,1],[1,\"tail\"]]}", &error));
    check_events(
        port, "[[1,10,{\"status\":0,\"outputs\":{\"mine\":{\"values\":[1,\"tail\"],\"items\":[0,0]}},\"errors\":[]}]]");
    free_hosted(runtime, pipeline);
}

static void controls_and_metrics(rm_pipeline *add, rm_port *port) {
    rm_session *session = open_session(add, port, 9, NULL);
    free(send_packets(session, RM_OK, "[[1],[2]]", 1000000, 0));
    CHECK_STATUS(RM_OK, control(session, "{\"set\":{\"node\":\"add\",\"params\":{\"operand\":5}}}", &error));
    CHECK_ERROR(
        RM_INVALID_ARGUMENT,
        "'add' (Calculator) has 'operation' from its start to its end; what may change while it runs: 'operand'",
        control(session, "{\"set\":{\"node\":\"add\",\"params\":{\"operation\":\"subtract\"}}}", &error));
    CHECK_STATUS(RM_OK, control(session, "{\"flush\":true}", &error));
    rm_output out = {0};
    CHECK_STATUS(RM_OK, rm_session_metrics(session, &out, &error));
    char *metrics = to_json(out.document);
    CHECK(
        strstr(
            metrics,
            "{\"sent\":2,\"nodes\":[{\"id\":\"add\",\"packets\":2,\"errors\":0,\"skipped\":0,\"retried\":0,\"late\":0,\"waiting\":") ==
        metrics);
    CHECK(strstr(metrics, "\"fill\":0.0,\"waits_for\":\"") != NULL);
    CHECK(strstr(metrics, "\"item\":1}],\"edges\":[") != NULL);
    CHECK(strstr(metrics, "\"unread\":{\"add\":2}}") != NULL);
    free(metrics);
    CHECK_ERROR(RM_INVALID_ARGUMENT, "there is no node 'ad'; did you mean 'add'?",
                control(session, "{\"interrupt\":true,\"at\":\"ad\"}", &error));
    CHECK_STATUS(RM_OK, control(session, "{\"at\":\"add\",\"interrupt\":true}", &error));
    check_received(session, RM_WOULD_BLOCK, -1, "[[]]");
    free(send_packets(session, RM_OK, "[[3]]", 1000000, 0));
    for (rm_status status = RM_WOULD_BLOCK; status == RM_WOULD_BLOCK;) {
        /* A worker may still be at what came before. */
        rm_output got = {0};
        status = rm_session_receive(session, -1, 0, &got, NULL);
        char *outputs = to_json(got.document);
        CHECK_TEXT(status == RM_OK ? "[[[8,null,null,2,0,0,2]]]" : "[[]]", outputs);
        free(outputs);
        if (status == RM_WOULD_BLOCK) free(next_events(port, RM_OK));
    }
    const char *const expected = "control: expected {\"flush\": true}, {\"interrupt\": true, \"at\"?: \"id\"} or "
                                 "{\"set\": {\"node\": \"id\", \"params\": {\"name\": value}}}, got ";
    const struct {
        const char *wanted, *got;
    } cases[] = {{"{\"flush\":false}", "map"},
                 {"{}", "map"},
                 {"{\"stop\":true}", "map"},
                 {"{\"interrupt\":true,\"at\":1}", "map"},
                 {"{\"flush\":true,\"at\":\"add\"}", "map"},
                 {"\xc3", "bool"}};
    for (size_t index = 0; index < sizeof cases / sizeof *cases; index++) {
        char message[192];
        snprintf(message, sizeof message, "%s%s", expected, cases[index].got);
        CHECK_ERROR(RM_INVALID_DOCUMENT, message, control(session, cases[index].wanted, &error));
    }
    CHECK_STATUS(RM_OK, rm_session_cancel(session, &error));
    CHECK_ERROR(RM_GONE, "the session has ended: the work was cancelled", control(session, "{\"flush\":true}", &error));
    /* Who interrupts can't know whether the session has just ended. */
    CHECK_STATUS(RM_OK, control(session, "{\"interrupt\":true}", &error));
    CHECK_STATUS(RM_OK, rm_session_metrics(session, &out, &error));
    metrics = to_json(out.document);
    CHECK(strstr(metrics, "\"waits_for\":\"nothing, it has ended\"") != NULL);
    free(metrics);
    rm_session_free(session);
    char *events = next_events(port, RM_OK);
    CHECK(strstr(events, "[1,9,{\"status\":-5") != NULL);
    free(events);
}

static void a_trace_names_steps_and_is_empty_once_it_was_taken(rm_pipeline *add, rm_port *port) {
    rm_session *session = open_session(add, port, 21, "{\"trace\":true}");
    free(send_packets(session, RM_OK, "[[1]]", 1000000, 256));
    rm_output out = {0};
    CHECK_STATUS(RM_OK, rm_session_trace(session, &out, &error));
    char *trace = to_json(out.document);
    CHECK(strstr(trace, "[\"step\",\"add\",") != NULL);
    CHECK(strstr(trace, "[\"stage\",\"add\",") != NULL);
    CHECK(strstr(trace, "\"lost\":0}") != NULL);
    free(trace);
    CHECK_STATUS(RM_OK, rm_session_trace(session, &out, &error));
    trace = to_json(out.document);
    CHECK_TEXT("{\"records\":[],\"lost\":0}", trace);
    free(trace);
    CHECK_STATUS(RM_OK, rm_session_cancel(session, &error));
    rm_session_free(session);
    free(next_events(port, RM_OK));
}

int main(void) {
    alarm(TEST_SECONDS);
    rm_runtime *runtime = new_runtime();
    rm_port *port = new_port(runtime);
    rm_pipeline *pass = new_pipeline(runtime, PASS, NULL);
    rm_pipeline *add = new_pipeline(runtime, ADD, NULL);
    rm_pipeline *hosted = new_pipeline(runtime, HOSTED, HOSTED_OPTIONS);
    one_call_goes_there_and_back(add, port);
    outputs_are_chosen_and_read_one_by_one(pass, port);
    without_a_reader_there_is_no_room_at_some_point(add, port);
    a_failure_comes_after_what_was_done_before_it(add, port);
    calls_to_the_hosts_nodes_come_to_the_same_port(runtime, hosted);
    answers_in_parts_wait_for_room_and_an_interruption_calls_them_off(hosted, port);
    ends_come_to_nodes_that_ask_for_them(runtime, port);
    controls_and_metrics(add, port);
    a_trace_names_steps_and_is_empty_once_it_was_taken(add, port);
    packets_that_make_no_sense_are_refused(add, port);
    rm_pipeline_free(pass);
    rm_pipeline_free(add);
    free_hosted(runtime, hosted);
    /* One that is open when its runtime ends. */
    rm_pipeline *last = new_pipeline(runtime, ADD, NULL);
    rm_port *open_port = new_port(runtime);
    rm_session *open = open_session(last, open_port, 8, NULL);
    CHECK_STATUS(RM_OK, rm_runtime_shutdown(runtime, PATIENCE_US, &error));
    char *events = next_events(open_port, RM_END);
    CHECK(strstr(events, "[[1,8,{\"status\":-7,") == events);
    free(events);
    check_received(open, RM_END, -1, "[[]]");
    rm_session_free(open);
    rm_pipeline_free(last);
    rm_port_free(open_port);
    rm_port_free(port);
    rm_runtime_free(runtime);
    check_nothing_left();
    return 0;
}
