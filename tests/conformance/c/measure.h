/* What the programs that measure share: a runtime with a port, room for what calls write, and manifests of the suite.
 */

#ifndef MEASURE_H
#define MEASURE_H

#include "suite.h"

static rm_runtime *runtime;
static rm_port *port;
static uint8_t room[65536];
static rm_buffer room_table[16];

static _Noreturn void stop(const char *what, rm_error *error) {
    fprintf(stderr, "%s: %s\n", what, rm_error_message(error));
    exit(2);
}

static rm_output with_room(void) {
    return (rm_output){.data = room, .capacity = sizeof room, .buffers = room_table, .buffer_capacity = 16};
}

static void begin_runtime(void) {
    rm_error *error = NULL;
    if (rm_runtime_new(NULL, 0, &runtime, &error) != RM_OK) stop("runtime", error);
    if (rm_port_new(runtime, NULL, 0, &port, &error) != RM_OK) stop("port", error);
}

/* The manifest `bench/NAME.json` of the suite, compiled. */
static rm_pipeline *pipeline_of(const char *suite, const char *name, const char *options) {
    char path[1024], manifest[4096];
    snprintf(path, sizeof path, "%s/bench/%s.json", suite, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) stop(path, NULL);
    size_t len = fread(manifest, 1, sizeof manifest, file);
    fclose(file);
    rm_pipeline *made = NULL;
    rm_error *error = NULL;
    rm_status status = rm_pipeline_new(runtime, (const uint8_t *)manifest, len, (const uint8_t *)options,
                                       options == NULL ? 0 : strlen(options), &made, &error);
    if (status != RM_OK) stop(path, error);
    return made;
}

#endif
