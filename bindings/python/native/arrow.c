/* Arrow schemas, arrays and streams over memory of Python objects, and the release callbacks that consumers call when
   they are done with them. */

#include "arrow.h"

#include <stdlib.h>
#include <string.h>

#include "python_object.h"

/* ---- Arrow schemas: their texts follow the struct's own memory in one block */

struct schema_memory {
    struct ArrowSchema *dictionary;
    struct ArrowSchema **children;
    int64_t metadata_length;
};

static void schema_release(struct ArrowSchema *schema) {
    struct schema_memory *memory = schema->private_data;
    int64_t index;
    for (index = 0; index < schema->n_children; index++) {
        if (memory->children[index] && memory->children[index]->release)
            memory->children[index]->release(memory->children[index]);
        free(memory->children[index]);
    }
    if (memory->dictionary && memory->dictionary->release) memory->dictionary->release(memory->dictionary);
    free(memory->dictionary);
    free(memory->children);
    free((char *)schema->format);
    free((char *)schema->name);
    free((char *)schema->metadata);
    free(memory);
    schema->release = NULL;
}

static char *copy_of(const char *bytes, size_t length) {
    char *copy = malloc(length + 1);
    if (copy) {
        memcpy(copy, bytes, length);
        copy[length] = 0;
    }
    return copy;
}

int rmpy_arrow_schema_init(struct ArrowSchema *out, const char *format, const char *name, const char *metadata,
                           int64_t metadata_length, int64_t flags, int64_t n_children, int has_dictionary) {
    struct schema_memory *memory = calloc(1, sizeof *memory);
    int64_t index;
    int complete = memory != NULL;
    memset(out, 0, sizeof *out);
    if (!memory) return 0;
    memory->children = calloc((size_t)n_children + 1, sizeof *memory->children);
    memory->metadata_length = metadata_length;
    out->private_data = memory;
    out->release = schema_release;
    out->format = copy_of(format, strlen(format));
    out->name = copy_of(name, strlen(name));
    out->metadata = metadata_length ? copy_of(metadata, (size_t)metadata_length) : NULL;
    out->flags = flags;
    complete = memory->children && out->format && out->name && (out->metadata || !metadata_length);
    for (index = 0; complete && index < n_children; index++) {
        memory->children[index] = calloc(1, sizeof **memory->children);
        out->n_children = index + 1;
        complete = memory->children[index] != NULL;
    }
    if (complete && has_dictionary) complete = (memory->dictionary = calloc(1, sizeof *memory->dictionary)) != NULL;
    out->children = memory->children;
    out->dictionary = memory->dictionary;
    if (!complete) schema_release(out);
    return complete;
}

static int schema_copy(const struct ArrowSchema *from, struct ArrowSchema *out) {
    const struct schema_memory *memory = from->private_data;
    int64_t index;
    if (!rmpy_arrow_schema_init(out, from->format, from->name, from->metadata, memory->metadata_length, from->flags,
                                from->n_children, from->dictionary != NULL))
        return 0;
    for (index = 0; index < from->n_children; index++) {
        if (!schema_copy(from->children[index], out->children[index])) {
            schema_release(out);
            return 0;
        }
    }
    if (from->dictionary && !schema_copy(from->dictionary, out->dictionary)) {
        schema_release(out);
        return 0;
    }
    return 1;
}

/* ---- Arrow arrays: every node owns the object, since each may be taken out and live on alone */

struct array_memory {
    PyObject *owner;
    struct ArrowArray **children;
    struct ArrowArray *dictionary;
    const void *buffers[];
};

static void array_release(struct ArrowArray *array) {
    struct array_memory *memory = array->private_data;
    int64_t index;
    for (index = 0; index < array->n_children; index++) {
        if (memory->children[index] && memory->children[index]->release)
            memory->children[index]->release(memory->children[index]);
        free(memory->children[index]);
    }
    if (memory->dictionary && memory->dictionary->release) memory->dictionary->release(memory->dictionary);
    free(memory->dictionary);
    free(memory->children);
    rmpy_disown(memory->owner);
    free(memory);
    array->release = NULL;
}

int rmpy_arrow_array_init(struct ArrowArray *out, uintptr_t owner, int64_t length, int64_t null_count, int64_t offset,
                          int64_t n_buffers, const uintptr_t *buffers, int64_t n_children, int has_dictionary) {
    struct array_memory *memory = calloc(1, sizeof *memory + ((size_t)n_buffers + 1) * sizeof(void *));
    int64_t index;
    int complete;
    memset(out, 0, sizeof *out);
    if (!memory) return 0;
    memory->owner = rmpy_own(owner);
    memory->children = calloc((size_t)n_children + 1, sizeof *memory->children);
    complete = memory->children != NULL;
    out->private_data = memory;
    out->release = array_release;
    out->length = length;
    out->null_count = null_count;
    out->offset = offset;
    out->n_buffers = n_buffers;
    out->buffers = memory->buffers;
    for (index = 0; index < n_buffers; index++) memory->buffers[index] = (const void *)buffers[index];
    for (index = 0; complete && index < n_children; index++) {
        memory->children[index] = calloc(1, sizeof **memory->children);
        out->n_children = index + 1;
        complete = memory->children[index] != NULL;
    }
    if (complete && has_dictionary) complete = (memory->dictionary = calloc(1, sizeof *memory->dictionary)) != NULL;
    out->children = memory->children;
    out->dictionary = memory->dictionary;
    if (!complete) array_release(out);
    return complete;
}

/* ---- Arrow streams of one batch */

struct stream_memory {
    struct ArrowSchema schema;
    struct ArrowArray array;
};

static int stream_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
    struct stream_memory *memory = stream->private_data;
    return schema_copy(&memory->schema, out) ? 0 : 12; /* ENOMEM */
}

static int stream_next(struct ArrowArrayStream *stream, struct ArrowArray *out) {
    struct stream_memory *memory = stream->private_data;
    *out = memory->array;
    /* The second call gives an array without a release callback: the end. */
    memset(&memory->array, 0, sizeof memory->array);
    return 0;
}

static const char *stream_error(struct ArrowArrayStream *stream) {
    (void)stream;
    return NULL;
}

static void stream_release(struct ArrowArrayStream *stream) {
    struct stream_memory *memory = stream->private_data;
    if (memory->schema.release) memory->schema.release(&memory->schema);
    if (memory->array.release) memory->array.release(&memory->array);
    free(memory);
    stream->release = NULL;
}

/* Takes both over. */
struct ArrowArrayStream *rmpy_arrow_stream_new(struct ArrowSchema *schema, struct ArrowArray *array) {
    struct ArrowArrayStream *stream = calloc(1, sizeof *stream);
    struct stream_memory *memory = calloc(1, sizeof *memory);
    if (!stream || !memory) {
        free(stream);
        free(memory);
        return NULL;
    }
    memory->schema = *schema;
    memory->array = *array;
    schema->release = NULL;
    array->release = NULL;
    stream->get_schema = stream_schema;
    stream->get_next = stream_next;
    stream->get_last_error = stream_error;
    stream->release = stream_release;
    stream->private_data = memory;
    return stream;
}

/* Memory for a struct that a capsule will free: 0 a schema, 1 an array, 2 a stream. */
void *rmpy_arrow_new(int kind) {
    return calloc(1, kind == 0   ? sizeof(struct ArrowSchema)
                     : kind == 1 ? sizeof(struct ArrowArray)
                                 : sizeof(struct ArrowArrayStream));
}

void rmpy_arrow_schema_release(struct ArrowSchema *schema) {
    if (schema->release) schema->release(schema);
}

void rmpy_arrow_array_release(struct ArrowArray *array) {
    if (array->release) array->release(array);
}

void rmpy_arrow_schema_capsule_free(void *capsule) {
    struct ArrowSchema *schema = PyCapsule_GetPointer(capsule, "arrow_schema");
    rmpy_arrow_schema_release(schema);
    free(schema);
}

void rmpy_arrow_array_capsule_free(void *capsule) {
    struct ArrowArray *array = PyCapsule_GetPointer(capsule, "arrow_array");
    rmpy_arrow_array_release(array);
    free(array);
}

void rmpy_arrow_stream_capsule_free(void *capsule) {
    struct ArrowArrayStream *stream = PyCapsule_GetPointer(capsule, "arrow_array_stream");
    if (stream->release) stream->release(stream);
    free(stream);
}
