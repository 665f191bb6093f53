/* Ends in the middle of work, in the way that its argument names; the README of the suite lists them. */

#include "suite.h"

#include <pthread.h>
#include <signal.h>

static const char TONE[] = "{\"version\":\"v1\",\"nodes\":[{\"id\":\"tone\",\"node_type\":\"ToneSource\","
                           "\"params\":{\"duration_s\":86400}},{\"id\":\"level\",\"node_type\":\"AudioLevel\","
                           "\"params\":{\"window_ms\":1000}}],\"connections\":[{\"from\":\"tone\",\"to\":\"level\"}]}";
static const char OWN[] = "{\"version\":\"v1\",\"nodes\":[{\"id\":\"own\",\"node_type\":\"Own\"}]}";
static const char OWN_TYPE[] = "{\"host_nodes\":{\"Own\":{\"token\":1}}}";
/* [[1]] as packets, [1] as inputs, and nil. */
static const uint8_t PACKETS[] = {0x91, 0x91, 1}, NIL[] = {0xc0};

static rm_runtime *runtime;
static rm_port *port;
static rm_pipeline *tone, *own;
static rm_session *session;
static bool frees_at_exit;

static void check(rm_status status, rm_error *error) {
    if (status >= RM_OK) return;
    fprintf(stderr, "%s: %s\n", rm_status_name(status), rm_error_message(error));
    _exit(9);
}

static rm_pipeline *pipeline_of(const char *manifest, const char *options) {
    rm_pipeline *made = NULL;
    rm_error *error = NULL;
    rm_status status = rm_pipeline_new(runtime, (const uint8_t *)manifest, strlen(manifest), (const uint8_t *)options,
                                       options == NULL ? 0 : strlen(options), &made, &error);
    check(status, error);
    return made;
}

/* A session whose packet is in a call to an own node, and ten runs. */
static void begin(void) {
    uint8_t room[4096];
    rm_output out = {.data = room, .capacity = sizeof room};
    rm_error *error = NULL;
    check(rm_runtime_new(NULL, 0, &runtime, &error), error);
    check(rm_port_new(runtime, NULL, 0, &port, &error), error);
    tone = pipeline_of(TONE, NULL);
    own = pipeline_of(OWN, OWN_TYPE);
    check(rm_session_new(own, port, 1, NULL, 0, &session, &error), error);
    check(rm_session_send(session, PACKETS, sizeof PACKETS, NULL, 0, 0, 0, &out, &error), error);
    for (uint64_t token = 2; token < 12; token++)
        check(rm_pipeline_submit(tone, port, token, NIL, sizeof NIL, NULL, 0, -1, 0, &out, &error), error);
    check(rm_port_next(port, 5000000, &out, &error), error);
}

static void drain(void) {
    rm_status status = RM_OK;
    for (int batch = 0; batch < 100 && status != RM_END; batch++) {
        rm_output out = {0};
        status = rm_port_next(port, 100000, &out, NULL);
        if (status < RM_OK) return;
        rm_document_free(out.document);
    }
}

static void free_all(void) {
    rm_session_free(session);
    rm_pipeline_free(tone);
    rm_pipeline_free(own);
    rm_port_free(port);
    rm_runtime_free(runtime);
}

/* Uses everything while the process exits: calls work or say that the runtime is shut down. */
static void handler(void) {
    rm_output out = {0};
    rm_error *error = NULL;
    rm_status status = rm_pipeline_submit(tone, port, 99, NIL, sizeof NIL, NULL, 0, -1, 0, &out, &error);
    if (status != RM_PENDING && status != RM_SHUT_DOWN) _exit(9);
    rm_error_free(error);
    if (rm_runtime_shutdown(runtime, 5000000, &error) != RM_OK) _exit(9);
    drain();
    free_all();
}

static void __attribute__((destructor)) at_unload(void) {
    if (frees_at_exit) free_all();
}

static void *exit_3(void *nothing) {
    (void)nothing;
    exit(3);
}

static void *execute(void *nothing) {
    (void)nothing;
    rm_output out = {0};
    rm_pipeline_execute(tone, NIL, sizeof NIL, NULL, 0, -1, &out, NULL);
    return NULL;
}

static void sleep_long(void) {
    struct timespec span = {.tv_sec = 30};
    nanosleep(&span, NULL);
}

int main(int count, char **arguments) {
    const char *way = count == 2 ? arguments[1] : "";
    pthread_t thread;
    if (strcmp(way, "handler") == 0) atexit(handler);
    begin();
    if (strcmp(way, "return") == 0 || strcmp(way, "handler") == 0) return 0;
    if (strcmp(way, "exit") == 0) {
        pthread_create(&thread, NULL, exit_3, NULL);
        sleep_long();
    }
    if (strcmp(way, "quick") == 0) _exit(4);
    if (strcmp(way, "static") == 0) {
        frees_at_exit = true;
        return 0;
    }
    if (strcmp(way, "uncaught") == 0) abort();
    if (strcmp(way, "signal") == 0) {
        kill(getpid(), SIGTERM);
        execute(NULL);
    }
    if (strcmp(way, "worker") == 0) {
        struct timespec span = {.tv_nsec = 2000000};
        pthread_create(&thread, NULL, execute, NULL);
        nanosleep(&span, NULL);
        return 0;
    }
    if (strcmp(way, "closed") == 0) {
        rm_error *error = NULL;
        check(rm_runtime_shutdown(runtime, 5000000, &error), error);
        drain();
        free_all();
        return 0;
    }
    fprintf(stderr, "exits WAY\n");
    return 2;
}
