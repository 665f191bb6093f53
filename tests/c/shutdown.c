/* Shutting down with work in flight: it completes, who waits wakes up, and objects may be freed in any order. */

#define _DEFAULT_SOURCE
#include "check.h"
#include <pthread.h>
#include <sys/mman.h>

static const char HOSTED[] = "{\"version\":\"v1\",\"metadata\":{\"name\":\"shutdown\"},\"nodes\":["
                             "{\"id\":\"only\",\"node_type\":\"Hosted\"}],\"connections\":[]}";
static const char OPTIONS[] = "{\"host_nodes\":{\"Hosted\":{\"token\":7}}}";

static void work_in_flight_completes_and_the_port_ends(void) {
    rm_runtime *runtime = new_runtime();
    rm_port *port = new_port(runtime);
    rm_pipeline *pipeline = new_pipeline(runtime, HOSTED, OPTIONS);
    submit(pipeline, port, 5, "[1]");
    char *events = next_events(port, RM_OK);
    uint64_t call = number_after(events, "[[2,");
    free(events);

    CHECK_STATUS(RM_OK, rm_runtime_shutdown(runtime, PATIENCE_US, &error));
    events = next_events(port, RM_END);
    CHECK_NUMBER((long long)call, (long long)number_after(events, "[[8,"));
    CHECK_TEXT("[1,5,{\"status\":-7,\"outputs\":{\"only\":{\"values\":[],\"items\":[]}},\"errors\":[{\"status\":-7,"
               "\"message\":\"the runtime was shut down while the work was going on\","
               "\"cause\":\"the runtime was shut down while the work was going on\"}]}],[4]]",
               strstr(events, "[1,5,"));
    free(events);
    /* From here on the port answers at once, always the same. */
    events = next_events(port, RM_END);
    CHECK_TEXT("[[4]]", events);
    free(events);

    CHECK_STATUS(RM_GONE, reply(port, call, "{\"outputs\":[]}", &error));
    rm_output out = {0};
    rm_document *inputs = from_json("[1]");
    view seen = look(inputs);
    CHECK_ERROR(RM_SHUT_DOWN, "the runtime is shut down; make a new one",
                rm_pipeline_submit(pipeline, port, 6, seen.data, seen.len, NULL, 0, -1, 0, &out, &error));
    rm_document_free(inputs);
    CHECK_STATUS(RM_OK, rm_runtime_shutdown(runtime, 0, &error));
    rm_runtime_free(runtime);
    rm_pipeline_free(pipeline);
    rm_port_free(port);
    check_nothing_left();
}

static void objects_outlive_what_they_were_made_by(void) {
    rm_runtime *runtime = new_runtime();
    rm_port *port = new_port(runtime), *other = new_port(runtime);
    rm_pipeline *pipeline = new_pipeline(runtime, HOSTED, OPTIONS);
    submit(pipeline, port, 5, "[1]");
    submit(pipeline, other, 5, "[1]");
    /* Work goes on without its pipeline, ends with its port, and with the runtime at the latest. */
    rm_pipeline_free(pipeline);
    rm_port_free(port);
    char *events = next_events(other, RM_OK);
    CHECK_STATUS(RM_OK, reply(other, number_after(events, "[[2,"), "{\"outputs\":[[0,true]]}", &error));
    free(events);
    events = next_events(other, RM_OK);
    /* No call can name the node type any more; its token comes with this batch or with the last one. */
    static const char completion[] =
        "[[1,5,{\"status\":0,\"outputs\":{\"only\":{\"values\":[true],\"items\":[0]}},\"errors\":[]}]";
    CHECK(strncmp(events, completion, strlen(completion)) == 0);
    int has_token = strcmp(events + strlen(completion), ",[3,[7]]]") == 0;
    CHECK(has_token || strcmp(events + strlen(completion), "]") == 0);
    free(events);
    CHECK_STATUS(RM_OK, rm_runtime_shutdown(runtime, PATIENCE_US, &error));
    rm_runtime_free(runtime);
    events = next_events(other, RM_END);
    CHECK_TEXT(has_token ? "[[4]]" : "[[3,[7]],[4]]", events);
    free(events);
    rm_port_free(other);
    check_nothing_left();
}

static void *wait_at_port(void *port) {
    rm_output out = {0};
    CHECK_STATUS(RM_END, rm_port_next(port, -1, &out, &error));
    rm_document_free(out.document);
    return NULL;
}

static void who_waits_is_woken(void) {
    rm_runtime *runtime = new_runtime();
    rm_port *port = new_port(runtime);
    pthread_t waiting;
    CHECK_NUMBER(0, pthread_create(&waiting, NULL, wait_at_port, port));
    /* Whether the thread waits already or comes to the port later, it has to end. */
    CHECK_STATUS(RM_OK, rm_runtime_shutdown(runtime, PATIENCE_US, &error));
    CHECK_NUMBER(0, pthread_join(waiting, NULL));
    rm_port_free(port);
    rm_runtime_free(runtime);
    check_nothing_left();
}

/* Work on memory of the host is in full swing when the runtime is shut down. After RM_OK no thread of the library reads
   that memory: it is gone, and a read would end this process. */
static void lent_memory_may_go_once_the_runtime_is_shut_down(int round) {
    static const char resample[] =
        "{\"version\":\"v1\",\"nodes\":[{\"id\":\"a\",\"node_type\":\"AudioResample\",\"params\":{\"rate\":16000}},"
        "{\"id\":\"b\",\"node_type\":\"Loudness\"}],\"connections\":[]}";
    /* [audio [48000, nil, nil, 1, 2^18, 2^20, buffer 0, 0]] */
    static const uint8_t inputs[] = {0x91, 0xc7, 19, 2, 0x98, 0xcd, 0xbb, 0x80, 0xc0, 0xc0, 1, 0xce,
                                     0,    4,    0,  0, 0xce, 0,    16,   0,    0,    0,    0};
    enum { LENGTH = 1 << 20, WORKS = 6 };
    rm_runtime *runtime = new_runtime();
    rm_port *port = new_port(runtime);
    rm_pipeline *pipeline = new_pipeline(runtime, resample, NULL);
    uint8_t *lent[WORKS];
    for (uint64_t work = 0; work < WORKS; work++) {
        lent[work] = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CHECK(lent[work] != MAP_FAILED);
        const rm_buffer table = {.data = lent[work], .len = LENGTH, .token = work + 1};
        rm_output out = {0};
        CHECK_STATUS(RM_PENDING,
                     rm_pipeline_submit(pipeline, port, work, inputs, sizeof inputs, &table, 1, -1, 0, &out, &error));
    }
    /* At different depths of the work. */
    for (volatile int spin = 0; spin < round * 100000; spin++) continue;
    CHECK_STATUS(RM_OK, rm_runtime_shutdown(runtime, -1, &error));
    for (int work = 0; work < WORKS; work++) CHECK_NUMBER(0, munmap(lent[work], LENGTH));
    if (round % 2 == 0) {
        /* Each piece of work completes and tokens come back, though nothing needs them any more. What was finished
           before the end may take more than one batch. */
        unsigned completed = 0;
        int has_token = 0;
        for (rm_status status = RM_OK; status != RM_END;) {
            rm_output out = {0};
            status = rm_port_next(port, PATIENCE_US, &out, NULL);
            CHECK(status == RM_OK || status == RM_END);
            char *events = to_json(out.document);
            for (unsigned work = 0; work < WORKS; work++) {
                char completion[40];
                snprintf(completion, sizeof completion, "[1,%u,{\"status\":", work);
                if (strstr(events, completion) != NULL) completed |= 1U << work;
            }
            has_token |= strstr(events, "[3,[") != NULL;
            free(events);
        }
        CHECK_NUMBER((1 << WORKS) - 1, completed);
        CHECK(has_token);
    }
    rm_port_free(port);
    rm_pipeline_free(pipeline);
    rm_runtime_free(runtime);
    check_nothing_left();
}

int main(void) {
    alarm(TEST_SECONDS);
    for (int round = 0; round < 30; round++) lent_memory_may_go_once_the_runtime_is_shut_down(round);
    work_in_flight_completes_and_the_port_ends();
    objects_outlive_what_they_were_made_by();
    for (int round = 0; round < 50; round++) who_waits_is_woken();
    return 0;
}
