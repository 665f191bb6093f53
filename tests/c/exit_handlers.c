/* Exit handlers and destructors of static objects run after the state of their thread is gone, while threads of the
   library still work. Every call works there or says that the runtime is shut down, and every object can be freed. Each
   way to exit is a process of its own. */

#include "check.h"
#include <pthread.h>
#include <sys/wait.h>

static const char PASS[] = "{\"version\":\"v1\",\"metadata\":{\"name\":\"exit\"},\"nodes\":["
                           "{\"id\":\"a\",\"node_type\":\"PassThrough\"},{\"id\":\"b\",\"node_type\":\"Echo\"}],"
                           "\"connections\":[{\"from\":\"a\",\"to\":\"b\"}]}";
static const char HOSTED[] = "{\"version\":\"v1\",\"metadata\":{\"name\":\"exit\"},\"nodes\":["
                             "{\"id\":\"a\",\"node_type\":\"PassThrough\"},{\"id\":\"b\",\"node_type\":\"Hosted\"}],"
                             "\"connections\":[{\"from\":\"a\",\"to\":\"b\"}]}";
static const char OPTIONS[] = "{\"host_nodes\":{\"Hosted\":{\"token\":7}}}";

/* [the first 16,384 bytes of buffer 0], and what is lent there. */
static const uint8_t IN_BUFFER[] = {0x91, 0xc7, 6, 6, 0x93, 0, 0, 0xcd, 0x40, 0x00};
static uint8_t lent[16384];

static rm_runtime *runtime;
static rm_port *port;
static rm_pipeline *pass, *hosted;
static rm_session *session;
static rm_document *document;
static rm_memory *memory;

static void use(void) {
    runtime = new_runtime();
    port = new_port(runtime);
    pass = new_pipeline(runtime, PASS, NULL);
    hosted = new_pipeline(runtime, HOSTED, OPTIONS);
    CHECK_STATUS(RM_OK, rm_session_new(pass, port, 50, NULL, 0, &session, &error));
    document = from_json("[1,2,3]");
    const rm_buffer copied = {.data = lent, .len = sizeof lent};
    uint8_t room[512];
    rm_buffer table[1];
    rm_output out = {.data = room, .capacity = sizeof room, .buffers = table, .buffer_capacity = 1};
    CHECK_STATUS(RM_OK, rm_pipeline_execute(pass, IN_BUFFER, sizeof IN_BUFFER, &copied, 1, -1, &out, &error));
    CHECK_NUMBER(1, (long long)out.buffer_count);
    memory = table[0].memory;
    /* Work that goes on while the process exits, and events that nobody has taken. */
    for (uint64_t token = 1; token <= 20; token++) {
        const rm_buffer borrowed = {.data = lent, .len = sizeof lent, .token = 100 + token};
        rm_output nothing = {0};
        CHECK_STATUS(RM_PENDING, rm_pipeline_submit(token % 2 ? pass : hosted, port, token, IN_BUFFER, sizeof IN_BUFFER,
                                                    &borrowed, 1, -1, 0, &nothing, &error));
    }
}

/* All kinds of calls. */
static void call(void) {
    view seen = look(document);
    for (int round = 0; round < 20; round++) {
        const rm_buffer borrowed = {.data = lent, .len = sizeof lent, .token = 200 + (uint64_t)round};
        rm_output out = {0};
        CHECK_STATUS(RM_OK, rm_pipeline_execute(pass, seen.data, seen.len, NULL, 0, -1, &out, &error));
        rm_document_free(out.document);
        CHECK_STATUS(RM_OK, rm_pipeline_execute(pass, IN_BUFFER, sizeof IN_BUFFER, &borrowed, 1, -1, &out, &error));
        rm_document_free(out.document);
        rm_output completion = {0};
        rm_error *none = NULL;
        rm_status status = rm_pipeline_submit(pass, port, 60, IN_BUFFER, sizeof IN_BUFFER, &borrowed, 1, -1, 10000,
                                              &completion, &none);
        CHECK(status == RM_OK || status == RM_PENDING);
        rm_document_free(completion.document);
        while (status == RM_PENDING) {
            rm_output events = {0};
            CHECK_STATUS(RM_OK, rm_port_next(port, PATIENCE_US, &events, &error));
            char *json = to_json(events.document);
            if (strstr(json, "[1,60,") != NULL) status = RM_OK;
            free(json);
        }
        rm_output sent = {0};
        rm_document *packets = from_json("[[1]]");
        view list = look(packets);
        CHECK(rm_session_send(session, list.data, list.len, NULL, 0, 1000, 10, &sent, NULL) >= 0);
        rm_document_free(sent.document);
        rm_document_free(packets);
        rm_pipeline *none_made = NULL;
        CHECK_STATUS(RM_INVALID_MANIFEST, rm_pipeline_new(runtime, NULL, 0, NULL, 0, &none_made, &error));
    }
    rm_output released = {0};
    CHECK(rm_runtime_released(runtime, &released, NULL) >= 0);
    rm_document_free(released.document);
    free(live_objects());
}

static void free_all(void) {
    rm_memory_discard(memory);
    rm_session_free(session);
    rm_port_free(port);
    rm_pipeline_free(pass);
    rm_pipeline_free(hosted);
    rm_document_free(document);
    rm_runtime_free(runtime);
}

static void call_and_free(void) {
    call();
    free_all();
}

static void begin_and_free(void) {
    use();
    call();
    free_all();
}

static void shut_down_and_free(void) {
    CHECK_STATUS(RM_OK, rm_runtime_shutdown(runtime, -1, &error));
    rm_output out = {0};
    view seen = look(document);
    CHECK_STATUS(RM_SHUT_DOWN, rm_pipeline_execute(pass, seen.data, seen.len, NULL, 0, -1, &out, &error));
    CHECK_STATUS(RM_END, rm_port_next(port, -1, &out, &error));
    rm_document_free(out.document);
    free_all();
}

static void *exit_here(void *nothing) {
    (void)nothing;
    exit(0);
}

static void *use_here(void *nothing) {
    (void)nothing;
    use();
    call();
    return NULL;
}

/* Runs a way to exit in a process that has used nothing of the library before. */
static void in_a_process(void (*way)(void)) {
    fflush(stdout);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        alarm(TEST_SECONDS / 2);
        way();
        exit(0);
    }
    int status = 0;
    CHECK_NUMBER(child, waitpid(child, &status, 0));
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) fprintf(stderr, "a process ended with %#x\n", status);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void in_a_handler(void) {
    atexit(call_and_free);
    use();
    call();
}

static void in_a_handler_without_a_call_before(void) {
    atexit(begin_and_free);
}

static void freed_in_a_handler(void) {
    atexit(free_all);
    use();
}

static void shut_down_in_a_handler(void) {
    atexit(shut_down_and_free);
    use();
}

static void exit_on_another_thread(void) {
    atexit(call_and_free);
    use();
    pthread_t other;
    CHECK_NUMBER(0, pthread_create(&other, NULL, exit_here, NULL));
    pthread_join(other, NULL);
}

static void used_by_a_thread_that_has_ended(void) {
    atexit(call_and_free);
    pthread_t other;
    CHECK_NUMBER(0, pthread_create(&other, NULL, use_here, NULL));
    CHECK_NUMBER(0, pthread_join(other, NULL));
}

static void without_freeing(void) {
    use();
    call();
}

int main(void) {
    alarm(TEST_SECONDS);
    static void (*const ways[])(void) = {
        in_a_handler,           in_a_handler_without_a_call_before, freed_in_a_handler, shut_down_in_a_handler,
        exit_on_another_thread, used_by_a_thread_that_has_ended,    without_freeing,
    };
    for (int round = 0; round < 8; round++)
        for (size_t way = 0; way < sizeof ways / sizeof *ways; way++) in_a_process(ways[way]);
    return 0;
}
