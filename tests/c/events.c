/* The order and the size of batches: a call that ends before its reply is over before its work is, one event is never
   split, and threads that wait at one port share what arrives. */

#include "check.h"
#include <poll.h>
#include <pthread.h>

static const char HOSTED[] = "{\"version\":\"v1\",\"metadata\":{\"name\":\"events\"},\"nodes\":["
                             "{\"id\":\"only\",\"node_type\":\"Hosted\"}],\"connections\":[]}";
static const char BRANCHES[] = "{\"version\":\"v1\",\"metadata\":{\"name\":\"events\"},\"nodes\":["
                               "{\"id\":\"one\",\"node_type\":\"Hosted\"},{\"id\":\"two\",\"node_type\":\"Other\"}],"
                               "\"connections\":[]}";
static const char PASS[] = "{\"version\":\"v1\",\"metadata\":{\"name\":\"events\"},\"nodes\":["
                           "{\"id\":\"only\",\"node_type\":\"PassThrough\"}],\"connections\":[]}";
static const char OPTIONS[] = "{\"host_nodes\":{\"Hosted\":{\"token\":7},\"Other\":{\"token\":8}}}";

static uint64_t take_call(rm_port *port) {
    for (;;) {
        char *events = next_events(port, RM_OK);
        /* The tokens of a pipeline that was freed may come first. */
        uint64_t call = strncmp(events, "[[2,", 4) == 0 ? number_after(events, "[[2,") : 0;
        free(events);
        CHECK(call < (uint64_t)1 << 53);
        if (call != 0) return call;
    }
}

/* The events that come until the work with this token has ended: before that comes `[8, call]`, once. */
static void check_over_before_completed(rm_port *port, uint64_t call, uint64_t token, int status) {
    char over[40], completed[60];
    snprintf(over, sizeof over, "[8,%" PRIu64 "]", call);
    snprintf(completed, sizeof completed, "[1,%" PRIu64 ",{\"status\":%d,", token, status);
    for (int is_over = 0, has_ended = 0; !has_ended;) {
        char *events = next_events(port, RM_OK);
        const char *end = strstr(events, over), *completion = strstr(events, completed);
        if (end != NULL) {
            CHECK(!is_over && strstr(end + 1, over) == NULL);
            is_over = 1;
        }
        if (completion != NULL) {
            if (!is_over) fprintf(stderr, "the events are %s\n", events);
            CHECK(is_over && (end == NULL || end < completion));
            has_ended = 1;
        }
        free(events);
    }
}

static void a_cancelled_call_is_over_before_its_work(rm_pipeline *pipeline, rm_port *port) {
    submit(pipeline, port, 1, "[1]");
    uint64_t call = take_call(port);
    CHECK_STATUS(RM_OK, rm_port_cancel(port, 1, &error));
    check_over_before_completed(port, call, 1, RM_CANCELLED);
    CHECK_STATUS(RM_GONE, reply(port, call, "{\"outputs\":[]}", &error));
}

static void a_call_that_takes_too_long_is_over_before_its_work(rm_pipeline *pipeline, rm_port *port) {
    rm_document *inputs = from_json("[1]");
    view seen = look(inputs);
    rm_output out = {0};
    CHECK_STATUS(RM_PENDING,
                 rm_pipeline_submit(pipeline, port, 2, seen.data, seen.len, NULL, 0, 200000, 0, &out, &error));
    rm_document_free(inputs);
    check_over_before_completed(port, take_call(port), 2, RM_TIMED_OUT);
}

/* Two calls are out; the one fails, which ends the other. */
static void a_call_beside_one_that_fails_is_over_before_their_work(rm_runtime *runtime, rm_port *port) {
    rm_pipeline *pipeline = new_pipeline(runtime, BRANCHES, OPTIONS);
    submit(pipeline, port, 3, "[1]");
    uint64_t calls[2] = {0};
    for (int seen = 0; seen < 2;) {
        char *events = next_events(port, RM_OK);
        for (char *at = events; (at = strstr(at, "[2,")) != NULL; at++) calls[seen++] = strtoull(at + 3, NULL, 10);
        free(events);
    }
    CHECK_STATUS(RM_OK, reply(port, calls[0], "{\"error\":{\"message\":\"no\"}}", &error));
    check_over_before_completed(port, calls[1], 3, RM_EXECUTION_FAILED);
    rm_pipeline_free(pipeline);
}

static void a_call_of_a_port_that_ends_is_over_before_its_work(rm_runtime *runtime, rm_pipeline *pipeline) {
    rm_port *port = new_port(runtime);
    rm_session *session = NULL;
    CHECK_STATUS(RM_OK, rm_session_new(pipeline, port, 5, NULL, 0, &session, &error));
    submit(pipeline, port, 4, "[1]");
    uint64_t call = take_call(port);
    CHECK_STATUS(RM_OK, rm_port_shutdown(port, &error));
    CHECK_STATUS(RM_OK, rm_port_shutdown(port, &error));
    rm_output out = {0};
    rm_document *inputs = from_json("[1]");
    view seen = look(inputs);
    CHECK_ERROR(RM_SHUT_DOWN, "the port is closed; make a new one",
                rm_pipeline_submit(pipeline, port, 6, seen.data, seen.len, NULL, 0, -1, 0, &out, &error));
    CHECK_ERROR(RM_SHUT_DOWN, "the port is closed; make a new one",
                rm_pipeline_submit(pipeline, port, 6, seen.data, seen.len, NULL, 0, -1, 1000, &out, &error));
    rm_document_free(inputs);
    CHECK_STATUS(RM_GONE, reply(port, call, "{\"outputs\":[]}", &error));
    char *events = next_events(port, RM_END);
    char over[40];
    snprintf(over, sizeof over, "[8,%" PRIu64 "]", call);
    const char *end = strstr(events, over), *completion = strstr(events, "[1,4,{\"status\":-5,");
    CHECK(end != NULL && completion != NULL && end < completion);
    CHECK(strstr(events, "[1,5,{\"status\":-5,") != NULL);
    CHECK(strcmp(events + strlen(events) - 5, ",[4]]") == 0);
    free(events);
    events = next_events(port, RM_END);
    /* Nothing else, but the tokens of a pipeline that was freed, which come when the last that used it is done. */
    end = strstr(events, "[4]]");
    CHECK(end == events + 1 || (strncmp(events, "[[3,[", 5) == 0 && strchr(events + 5, '[') == end));
    free(events);
    rm_session_free(session);
    rm_port_free(port);
}

/* Work that is done and was not taken: a batch ends where its document would be longer than 1 MiB. */
static void a_batch_is_bounded_and_an_event_is_whole(rm_pipeline *pipeline, rm_port *port) {
    /* Few values of many letters: the scheduler's pauses of `tools/delays.py` are for each value. */
    enum { WORKS = 24, LETTERS = 10000, VALUES = 10, LARGE = 110 };
    static const char end[] = "\",\"";
    const size_t stride = LETTERS + sizeof end - 1;
    char *inputs = malloc(2 + LARGE * stride + 2);
    CHECK(inputs != NULL);
    memcpy(inputs, "[\"", 2);
    for (int value = 0; value < LARGE; value++) {
        memset(inputs + 2 + value * stride, 'a', LETTERS);
        memcpy(inputs + 2 + value * stride + LETTERS, end, sizeof end - 1);
    }
    for (int work = 0; work < WORKS; work++) {
        /* One is larger than a batch may be. */
        const int values = work == WORKS / 2 ? LARGE : VALUES;
        char *after_last = inputs + 2 + values * stride - 2;
        memcpy(after_last, "]", 2);
        submit(pipeline, port, 100 + (uint64_t)work, inputs);
        memcpy(after_last, ",\"", 2);
    }
    free(inputs);
    int seen = 0, batches = 0;
    while (seen < WORKS) {
        rm_output out = {0};
        CHECK_STATUS(RM_OK, rm_port_next(port, PATIENCE_US, &out, &error));
        size_t len = look(out.document).len;
        char *events = to_json(out.document);
        int in_batch = 0;
        for (char *at = events; (at = strstr(at, "{\"status\":0,")) != NULL; at++) in_batch++;
        CHECK(in_batch > 0);
        CHECK(in_batch == 1 || len <= (1 << 20) + 100);
        seen += in_batch;
        batches++;
        free(events);
    }
    CHECK_NUMBER(WORKS, seen);
    /* In whatever order they end: at most ten of the small ones go together, and the large one stands alone. */
    CHECK(batches >= (WORKS - 1 + 9) / 10 + 1);
}

typedef struct waiter {
    rm_port *port;
    uint64_t seen[1000];
    int count;
} waiter;

static void *wait_for_events(void *of) {
    waiter *self = of;
    for (;;) {
        rm_output out = {0};
        rm_status status = rm_port_next(self->port, -1, &out, NULL);
        CHECK(status == RM_OK || status == RM_END || status == RM_TIMEOUT);
        char *events = to_json(out.document);
        for (char *at = events; (at = strstr(at, "[1,")) != NULL; at++) {
            if (strncmp(strchr(at + 3, ','), ",{\"status\":", 11) != 0) continue;
            self->seen[self->count++] = strtoull(at + 3, NULL, 10);
        }
        free(events);
        if (status == RM_END) return NULL;
    }
}

/* Each event goes to one of the threads, and all of them return at the end. */
static void threads_that_wait_at_one_port_share_its_events(rm_runtime *runtime, rm_pipeline *pipeline) {
    enum { WAITERS = 3, WORKS = 600 };
    static waiter waiters[WAITERS];
    pthread_t threads[WAITERS];
    rm_port *port = new_port(runtime);
    for (int each = 0; each < WAITERS; each++) {
        waiters[each].port = port;
        CHECK_NUMBER(0, pthread_create(&threads[each], NULL, wait_for_events, &waiters[each]));
    }
    for (uint64_t token = 0; token < WORKS; token++) submit(pipeline, port, token, "[1]");
    /* Progress says when the last one has ended. */
    rm_output out = {0};
    for (uint64_t token = 0; token < WORKS; token++)
        while (rm_port_progress(port, token, &out, NULL) == RM_OK) rm_document_free(out.document);
    CHECK_STATUS(RM_OK, rm_port_shutdown(port, &error));
    int times[WORKS] = {0}, all = 0;
    for (int each = 0; each < WAITERS; each++) {
        CHECK_NUMBER(0, pthread_join(threads[each], NULL));
        for (int index = 0; index < waiters[each].count; index++, all++) times[waiters[each].seen[index]]++;
    }
    CHECK_NUMBER(WORKS, all);
    for (int token = 0; token < WORKS; token++) CHECK_NUMBER(1, times[token]);
    rm_port_free(port);
}

/* Without a place for events a call waits alone; also for records of what was released. */
static void who_waits_without_a_place_for_events_takes_nothing(rm_runtime *runtime, rm_pipeline *pipeline) {
    rm_port *port = new_port(runtime);
    CHECK_STATUS(RM_TIMEOUT, rm_port_next(port, 0, NULL, &error));
    CHECK_STATUS(RM_TIMEOUT, rm_port_next(port, 1000, NULL, &error));
    submit(pipeline, port, 1, "[1]");
    for (int time = 0; time < 2; time++) CHECK_STATUS(RM_OK, rm_port_next(port, PATIENCE_US, NULL, &error));
    char *events = next_events(port, RM_OK);
    CHECK(strstr(events, "[1,1,{\"status\":0,") != NULL);
    free(events);
    CHECK_STATUS(RM_OK, rm_port_wake(port, &error));
    for (int time = 0; time < 2; time++) CHECK_STATUS(RM_OK, rm_port_next(port, PATIENCE_US, NULL, &error));
    free(next_events(port, RM_TIMEOUT));
    CHECK_STATUS(RM_TIMEOUT, rm_port_next(port, 0, NULL, &error));
    CHECK_STATUS(RM_OK, rm_port_shutdown(port, &error));
    for (int time = 0; time < 2; time++) CHECK_STATUS(RM_OK, rm_port_next(port, PATIENCE_US, NULL, &error));
    free(next_events(port, RM_END));
    CHECK_STATUS(RM_OK, rm_port_next(port, PATIENCE_US, NULL, &error));
    CHECK_ERROR(RM_INVALID_ARGUMENT, "the port is NULL", rm_port_next(NULL, 0, NULL, &error));
    rm_port_free(port);
}

static void a_bell_is_as_the_options_say(rm_runtime *runtime, rm_pipeline *pipeline) {
    static const char *const bells[] = {"{\"bell\":\"eventfd\"}", "{\"bell\":\"socketpair\"}", "{}"};
    for (int index = 0; index < 3; index++) {
        rm_port *port = NULL;
        const uint8_t *options = (const uint8_t *)bells[index];
        CHECK_STATUS(RM_OK, rm_port_new(runtime, options, strlen(bells[index]), &port, &error));
        intptr_t handle = -1;
        CHECK_STATUS(RM_OK, rm_port_fd(port, &handle, &error));
        struct pollfd watched = {.fd = (int)handle, .events = POLLIN};
        CHECK_NUMBER(0, poll(&watched, 1, 0));
        submit(pipeline, port, 1, "[1]");
        CHECK_NUMBER(1, poll(&watched, 1, 10000));
        free(next_events(port, RM_OK));
        for (int look = 0; look < 100 && poll(&watched, 1, 0) != 0; look++) {
            rm_output out = {0};
            CHECK(rm_port_next(port, 0, &out, NULL) >= 0);
            rm_document_free(out.document);
        }
        CHECK_NUMBER(0, poll(&watched, 1, 0));
        CHECK_STATUS(RM_OK, rm_port_shutdown(port, &error));
        CHECK_NUMBER(1, poll(&watched, 1, 10000));
        rm_port_free(port);
    }
    rm_port *port = NULL;
    static const char none[] = "{\"bell\":\"none\"}", odd[] = "{\"bell\":\"doorbell\"}";
    CHECK_STATUS(RM_OK, rm_port_new(runtime, (const uint8_t *)none, sizeof none - 1, &port, &error));
    intptr_t handle = -1;
    CHECK_ERROR(RM_UNSUPPORTED, "this port has no bell; wait for its events with `rm_port_next`",
                rm_port_fd(port, &handle, &error));
    CHECK_NUMBER(-1, (long long)handle);
    submit(pipeline, port, 1, "[1]");
    free(next_events(port, RM_OK));
    rm_port_free(port);
    CHECK_ERROR(RM_INVALID_ARGUMENT,
                "options: bell: expected \"eventfd\", \"socketpair\" or \"none\", got the text \"doorbell\"",
                rm_port_new(runtime, (const uint8_t *)odd, sizeof odd - 1, &port, &error));
}

int main(void) {
    alarm(TEST_SECONDS);
    rm_runtime *runtime = new_runtime();
    rm_port *port = new_port(runtime);
    rm_pipeline *hosted = new_pipeline(runtime, HOSTED, OPTIONS), *pass = new_pipeline(runtime, PASS, NULL);
    for (int round = 0; round < 100; round++) a_cancelled_call_is_over_before_its_work(hosted, port);
    a_call_that_takes_too_long_is_over_before_its_work(hosted, port);
    for (int round = 0; round < 20; round++) a_call_beside_one_that_fails_is_over_before_their_work(runtime, port);
    for (int round = 0; round < 20; round++) a_call_of_a_port_that_ends_is_over_before_its_work(runtime, hosted);
    a_batch_is_bounded_and_an_event_is_whole(pass, port);
    threads_that_wait_at_one_port_share_its_events(runtime, pass);
    who_waits_without_a_place_for_events_takes_nothing(runtime, pass);
    a_bell_is_as_the_options_say(runtime, pass);
    rm_pipeline_free(hosted);
    rm_pipeline_free(pass);
    rm_port_free(port);
    CHECK_STATUS(RM_OK, rm_runtime_shutdown(runtime, -1, &error));
    rm_runtime_free(runtime);
    check_nothing_left();
    return 0;
}
