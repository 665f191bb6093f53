/* How loud is a recording, every 100 ms? Runs the pipeline of a manifest file on one recording:
 *
 *     speech examples/speech.yaml examples/speech.flac
 *
 * Documents cross the C ABI as msgpack. This program needs no msgpack library: it writes and reads their JSON twin. */

#include <remotemedia.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Ends the program with the error's sentence if a call has failed. */
static void require(rm_status status, rm_error *const *error) {
    if (status >= 0) return;
    fprintf(stderr, "%s: %s\n", rm_status_name(status), rm_error_message(*error));
    exit(1);
}

static uint8_t *read_file(const char *path, size_t *len) {
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = malloc(1 << 20);
    if (file == NULL || bytes == NULL) {
        perror(path);
        exit(1);
    }
    *len = fread(bytes, 1, 1 << 20, file);
    fclose(file);
    return bytes;
}

/* The JSON text [{"$rm": "file", "path": PATH}] as a msgpack document: the list of inputs, here one file. */
static void make_inputs(const char *path, rm_output *inputs) {
    char *json = malloc(2 * strlen(path) + 64), *end = json;
    rm_error *error = NULL;
    if (json == NULL) exit(1);
    end += sprintf(end, "[{\"$rm\":\"file\",\"path\":\"");
    for (; *path != '\0'; *end++ = *path++)
        if (*path == '"' || *path == '\\') *end++ = '\\';
    end += sprintf(end, "\"}]");
    require(rm_document_from_json((uint8_t *)json, (size_t)(end - json), NULL, 0, inputs, &error), &error);
    free(json);
}

/* What the pipeline has put out, as JSON text: {"status":0,"outputs":{"level":{"values":[...],"pts":[...]}},...} */
static char *run(rm_pipeline *pipeline, const rm_output *inputs) {
    rm_output completion = {0}, twin = {0};
    rm_error *error = NULL;
    const uint8_t *data;
    const rm_buffer *buffers;
    size_t len, count;
    char *json;
    /* An output without room of its own always comes as a document of the runtime's. */
    require(rm_document_view(inputs->document, &data, &len, &buffers, &count, &error), &error);
    require(rm_pipeline_execute(pipeline, data, len, buffers, count, -1, &completion, &error), &error);
    require(rm_document_view(completion.document, &data, &len, &buffers, &count, &error), &error);
    require(rm_document_to_json(data, len, buffers, count, 0, &twin, &error), &error);
    require(rm_document_view(twin.document, &data, &len, &buffers, &count, &error), &error);
    json = calloc(len + 1, 1);
    if (json == NULL) exit(1);
    memcpy(json, data, len);
    rm_document_free(completion.document);
    rm_document_free(twin.document);
    return json;
}

int main(int argc, char **argv) {
    rm_runtime *runtime = NULL;
    rm_pipeline *pipeline = NULL;
    rm_output inputs = {0};
    rm_error *error = NULL;
    size_t len;
    int windows = 0;
    if (argc != 3) return fprintf(stderr, "usage: speech MANIFEST RECORDING\n"), 2;
    uint8_t *manifest = read_file(argv[1], &len);
    require(rm_runtime_new(NULL, 0, &runtime, &error), &error);
    require(rm_pipeline_new(runtime, manifest, len, NULL, 0, &pipeline, &error), &error);
    make_inputs(argv[2], &inputs);
    char *json = run(pipeline, &inputs);
    /* A host with a JSON parser would use it here; two columns are as easily found without. */
    char *pts = strstr(json, "\"pts\":"), *level = json;
    for (pts = pts ? pts + 7 : NULL; pts && (level = strstr(level, "\"rms_db\":")) != NULL; windows++) {
        level += 9;
        printf("%6.1f s %7.1f dBFS\n", (double)strtoll(pts, &pts, 10) / 1e9, strtod(level, NULL));
        pts++; /* the comma */
    }
    printf("%d windows of 100 ms\n", windows);
    free(json);
    free(manifest);
    rm_document_free(inputs.document);
    rm_pipeline_free(pipeline);
    rm_runtime_free(runtime);
    return windows > 0 ? 0 : 1;
}
