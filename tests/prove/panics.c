/* A node that panics, in each of its methods, on a worker and on the calling thread: its run fails with the text and the id of
 * the node, other work goes on, the pipeline is poisoned where the header says so, and nothing is printed. For a library with the
 * feature `planted`. */

#include "../c/check.h"

static const char *METHODS[] = {"connect", "initialize", "begin_item", "process", "resume", "flush", "cleanup", "drop"};
enum { METHOD_COUNT = sizeof METHODS / sizeof *METHODS };

static rm_pipeline *panicking(const rm_runtime *runtime, const char *method) {
    char manifest[256];
    snprintf(manifest, sizeof manifest,
             "{\"version\":\"v1\",\"nodes\":[{\"id\":\"bad\",\"node_type\":\"PlantedPanic\",\"params\":{\"when\":\"%s\"}}],"
             "\"connections\":[]}",
             method);
    return new_pipeline(runtime, manifest, NULL);
}

/* A panic on the calling thread, which executes; a later call is refused as poisoned. */
static void on_the_calling_thread(const rm_runtime *runtime, const char *method) {
    rm_pipeline *pipeline = panicking(runtime, method);
    rm_document *inputs = from_json("[1, 2]");
    view seen = look(inputs);
    for (int round = 0; round < 2; round++) {
        rm_output output = {0};
        rm_error *error = NULL;
        rm_status status = rm_pipeline_execute(pipeline, seen.data, seen.len, seen.buffers, seen.count, -1, &output, &error);
        if (status == RM_OK) {
            /* What panics behind the last output does not take the outputs back. */
            CHECK(strcmp(method, "cleanup") == 0 || strcmp(method, "drop") == 0);
            rm_document_free(output.document);
        } else {
            CHECK(status == RM_EXECUTION_FAILED || status == RM_PANIC || status == RM_POISONED);
            CHECK(status == RM_POISONED || strstr(rm_error_message(error), "bad") != NULL);
            CHECK(round == 1 || strstr(rm_error_message(error), "planted in") != NULL);
        }
        rm_error_free(error);
    }
    rm_document_free(inputs);
    rm_pipeline_free(pipeline);
}

/* A panic on a worker: one completion comes, and it names the node. */
static void on_a_worker(const rm_runtime *runtime, const char *method) {
    rm_port *port = new_port(runtime);
    rm_pipeline *pipeline = panicking(runtime, method);
    submit(pipeline, port, 9, "[1, 2]");
    char *events = next_events(port, RM_OK);
    CHECK(strstr(events, "[1,9,") != NULL);
    if (strcmp(method, "cleanup") != 0 && strcmp(method, "drop") != 0) {
        CHECK(strstr(events, "planted in") != NULL);
        CHECK(strstr(events, "\"node_id\":\"bad\"") != NULL);
    }
    free(events);
    rm_pipeline_free(pipeline);
    rm_port_free(port);
}

/* Another pipeline of the same runtime is unharmed. */
static void beside(const rm_runtime *runtime) {
    const char *manifest = "{\"version\":\"v1\",\"nodes\":[{\"id\":\"good\",\"node_type\":\"PassThrough\"}],\"connections\":[]}";
    rm_pipeline *pipeline = new_pipeline(runtime, manifest, NULL);
    rm_document *inputs = from_json("[5]");
    view seen = look(inputs);
    rm_output output = {0};
    CHECK_STATUS(RM_OK, rm_pipeline_execute(pipeline, seen.data, seen.len, seen.buffers, seen.count, -1, &output, &error));
    char *json = to_json(output.document);
    CHECK(strstr(json, "\"values\":[5]") != NULL);
    free(json);
    rm_document_free(inputs);
    rm_pipeline_free(pipeline);
}

int main(void) {
    alarm(TEST_SECONDS);
    rm_runtime *runtime = new_runtime();
    for (int method = 0; method < METHOD_COUNT; method++) {
        on_the_calling_thread(runtime, METHODS[method]);
        beside(runtime);
        on_a_worker(runtime, METHODS[method]);
        beside(runtime);
    }
    CHECK_STATUS(RM_OK, rm_runtime_shutdown(runtime, 5000000, &error));
    rm_runtime_free(runtime);
    check_nothing_left();
    printf("%d methods\n", METHOD_COUNT);
    return 0;
}
