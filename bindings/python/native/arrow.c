/* What other packages call when they are done with memory of ours, perhaps on threads that know nothing of Python: the
   deleters of DLPack and the release callbacks of Arrow. Each owns the Python object that keeps the memory alive. */

static PyObject *rm_own(uintptr_t address)
{
    PyGILState_STATE gil = PyGILState_Ensure();
    Py_INCREF((PyObject *)address);
    PyGILState_Release(gil);
    return (PyObject *)address;
}

static void rm_disown(PyObject *owner)
{
    PyGILState_STATE gil;
    /* At the end of the process what is still held is left to it. */
    if (!owner || !Py_IsInitialized())
        return;
    gil = PyGILState_Ensure();
    Py_DECREF(owner);
    PyGILState_Release(gil);
}

/* ---- DLPack */

static void rm_dlpack_delete(DLManagedTensor *self)
{
    rm_disown(self->manager_ctx);
    free(self);
}

static void rm_dlpack_delete_versioned(DLManagedTensorVersioned *self)
{
    rm_disown(self->manager_ctx);
    free(self);
}

static void rm_dlpack_fill(DLTensor *tensor, int64_t *shape, uintptr_t data, int32_t ndim, const int64_t *extents,
                           uint8_t code, uint8_t bits)
{
    int64_t step = 1;
    int32_t index;
    tensor->data = (void *)data;
    tensor->device.device_type = 1;
    tensor->ndim = ndim;
    tensor->dtype.code = code;
    tensor->dtype.bits = bits;
    tensor->dtype.lanes = 1;
    tensor->shape = shape;
    tensor->strides = shape + ndim;
    for (index = ndim - 1; index >= 0; index--) {
        shape[index] = extents[index];
        shape[ndim + index] = step;
        step *= extents[index] > 0 ? extents[index] : 1;
    }
}

static void *rm_dlpack_new(uintptr_t owner, uintptr_t data, int32_t ndim, const int64_t *shape, uint8_t code,
                           uint8_t bits, int versioned, int readonly)
{
    size_t dimensions = 2 * (size_t)ndim * sizeof(int64_t);
    if (versioned) {
        DLManagedTensorVersioned *made = calloc(1, sizeof *made + dimensions);
        if (!made)
            return NULL;
        made->version.major = 1;
        made->manager_ctx = rm_own(owner);
        made->deleter = rm_dlpack_delete_versioned;
        made->flags = readonly ? 1 : 0;
        rm_dlpack_fill(&made->dl_tensor, (int64_t *)(made + 1), data, ndim, shape, code, bits);
        return made;
    } else {
        DLManagedTensor *made = calloc(1, sizeof *made + dimensions);
        if (!made)
            return NULL;
        made->manager_ctx = rm_own(owner);
        made->deleter = rm_dlpack_delete;
        rm_dlpack_fill(&made->dl_tensor, (int64_t *)(made + 1), data, ndim, shape, code, bits);
        return made;
    }
}

/* The destructor of a capsule: whoever took the tensor over has renamed it. */
static void rm_dlpack_capsule_free(void *capsule)
{
    if (PyCapsule_IsValid(capsule, "dltensor")) {
        DLManagedTensor *tensor = PyCapsule_GetPointer(capsule, "dltensor");
        tensor->deleter(tensor);
    } else if (PyCapsule_IsValid(capsule, "dltensor_versioned")) {
        DLManagedTensorVersioned *tensor = PyCapsule_GetPointer(capsule, "dltensor_versioned");
        tensor->deleter(tensor);
    }
}

/* ---- Arrow schemas: their texts follow the struct's own memory in one block */

struct rm_schema_memory { struct ArrowSchema *dictionary; struct ArrowSchema **children; int64_t metadata_length; };

static void rm_schema_release(struct ArrowSchema *schema)
{
    struct rm_schema_memory *memory = schema->private_data;
    int64_t index;
    for (index = 0; index < schema->n_children; index++) {
        if (memory->children[index] && memory->children[index]->release)
            memory->children[index]->release(memory->children[index]);
        free(memory->children[index]);
    }
    if (memory->dictionary && memory->dictionary->release)
        memory->dictionary->release(memory->dictionary);
    free(memory->dictionary);
    free(memory->children);
    free((char *)schema->format);
    free((char *)schema->name);
    free((char *)schema->metadata);
    free(memory);
    schema->release = NULL;
}

static char *rm_copy(const char *bytes, size_t length)
{
    char *copy = malloc(length + 1);
    if (copy) {
        memcpy(copy, bytes, length);
        copy[length] = 0;
    }
    return copy;
}

static int rm_arrow_schema_init(struct ArrowSchema *out, const char *format, const char *name, const char *metadata,
                                int64_t metadata_length, int64_t flags, int64_t n_children, int has_dictionary)
{
    struct rm_schema_memory *memory = calloc(1, sizeof *memory);
    int64_t index;
    int complete = memory != NULL;
    memset(out, 0, sizeof *out);
    if (!memory)
        return 0;
    memory->children = calloc((size_t)n_children + 1, sizeof *memory->children);
    memory->metadata_length = metadata_length;
    out->private_data = memory;
    out->release = rm_schema_release;
    out->format = rm_copy(format, strlen(format));
    out->name = rm_copy(name, strlen(name));
    out->metadata = metadata_length ? rm_copy(metadata, (size_t)metadata_length) : NULL;
    out->flags = flags;
    complete = memory->children && out->format && out->name && (out->metadata || !metadata_length);
    for (index = 0; complete && index < n_children; index++) {
        memory->children[index] = calloc(1, sizeof **memory->children);
        out->n_children = index + 1;
        complete = memory->children[index] != NULL;
    }
    if (complete && has_dictionary)
        complete = (memory->dictionary = calloc(1, sizeof *memory->dictionary)) != NULL;
    out->children = memory->children;
    out->dictionary = memory->dictionary;
    if (!complete)
        rm_schema_release(out);
    return complete;
}

static int rm_schema_copy(const struct ArrowSchema *from, struct ArrowSchema *out)
{
    const struct rm_schema_memory *memory = from->private_data;
    int64_t index;
    if (!rm_arrow_schema_init(out, from->format, from->name, from->metadata, memory->metadata_length, from->flags,
                              from->n_children, from->dictionary != NULL))
        return 0;
    for (index = 0; index < from->n_children; index++) {
        if (!rm_schema_copy(from->children[index], out->children[index])) {
            rm_schema_release(out);
            return 0;
        }
    }
    if (from->dictionary && !rm_schema_copy(from->dictionary, out->dictionary)) {
        rm_schema_release(out);
        return 0;
    }
    return 1;
}

/* ---- Arrow arrays: every node owns the object, since each may be taken out and live on alone */

struct rm_array_memory { PyObject *owner; struct ArrowArray **children; struct ArrowArray *dictionary; const void *buffers[]; };

static void rm_array_release(struct ArrowArray *array)
{
    struct rm_array_memory *memory = array->private_data;
    int64_t index;
    for (index = 0; index < array->n_children; index++) {
        if (memory->children[index] && memory->children[index]->release)
            memory->children[index]->release(memory->children[index]);
        free(memory->children[index]);
    }
    if (memory->dictionary && memory->dictionary->release)
        memory->dictionary->release(memory->dictionary);
    free(memory->dictionary);
    free(memory->children);
    rm_disown(memory->owner);
    free(memory);
    array->release = NULL;
}

static int rm_arrow_array_init(struct ArrowArray *out, uintptr_t owner, int64_t length, int64_t null_count,
                               int64_t offset, int64_t n_buffers, const uintptr_t *buffers, int64_t n_children,
                               int has_dictionary)
{
    struct rm_array_memory *memory = calloc(1, sizeof *memory + ((size_t)n_buffers + 1) * sizeof(void *));
    int64_t index;
    int complete;
    memset(out, 0, sizeof *out);
    if (!memory)
        return 0;
    memory->owner = rm_own(owner);
    memory->children = calloc((size_t)n_children + 1, sizeof *memory->children);
    complete = memory->children != NULL;
    out->private_data = memory;
    out->release = rm_array_release;
    out->length = length;
    out->null_count = null_count;
    out->offset = offset;
    out->n_buffers = n_buffers;
    out->buffers = memory->buffers;
    for (index = 0; index < n_buffers; index++)
        memory->buffers[index] = (const void *)buffers[index];
    for (index = 0; complete && index < n_children; index++) {
        memory->children[index] = calloc(1, sizeof **memory->children);
        out->n_children = index + 1;
        complete = memory->children[index] != NULL;
    }
    if (complete && has_dictionary)
        complete = (memory->dictionary = calloc(1, sizeof *memory->dictionary)) != NULL;
    out->children = memory->children;
    out->dictionary = memory->dictionary;
    if (!complete)
        rm_array_release(out);
    return complete;
}

/* ---- Arrow streams of one batch */

struct rm_stream_memory { struct ArrowSchema schema; struct ArrowArray array; };

static int rm_stream_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out)
{
    struct rm_stream_memory *memory = stream->private_data;
    return rm_schema_copy(&memory->schema, out) ? 0 : 12; /* ENOMEM */
}

static int rm_stream_next(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
    struct rm_stream_memory *memory = stream->private_data;
    *out = memory->array;
    /* The second call gives an array without a release callback: the end. */
    memset(&memory->array, 0, sizeof memory->array);
    return 0;
}

static const char *rm_stream_error(struct ArrowArrayStream *stream)
{
    (void)stream;
    return NULL;
}

static void rm_stream_release(struct ArrowArrayStream *stream)
{
    struct rm_stream_memory *memory = stream->private_data;
    if (memory->schema.release)
        memory->schema.release(&memory->schema);
    if (memory->array.release)
        memory->array.release(&memory->array);
    free(memory);
    stream->release = NULL;
}

/* Takes both over. */
static struct ArrowArrayStream *rm_arrow_stream_new(struct ArrowSchema *schema, struct ArrowArray *array)
{
    struct ArrowArrayStream *stream = calloc(1, sizeof *stream);
    struct rm_stream_memory *memory = calloc(1, sizeof *memory);
    if (!stream || !memory) {
        free(stream);
        free(memory);
        return NULL;
    }
    memory->schema = *schema;
    memory->array = *array;
    schema->release = NULL;
    array->release = NULL;
    stream->get_schema = rm_stream_schema;
    stream->get_next = rm_stream_next;
    stream->get_last_error = rm_stream_error;
    stream->release = rm_stream_release;
    stream->private_data = memory;
    return stream;
}

/* Memory for a struct that a capsule will free: 0 a schema, 1 an array, 2 a stream. */
static void *rm_arrow_new(int kind)
{
    return calloc(1, kind == 0   ? sizeof(struct ArrowSchema)
                     : kind == 1 ? sizeof(struct ArrowArray)
                                 : sizeof(struct ArrowArrayStream));
}

static void rm_arrow_schema_release(struct ArrowSchema *schema)
{
    if (schema->release)
        schema->release(schema);
}

static void rm_arrow_array_release(struct ArrowArray *array)
{
    if (array->release)
        array->release(array);
}

static void rm_arrow_schema_capsule_free(void *capsule)
{
    struct ArrowSchema *schema = PyCapsule_GetPointer(capsule, "arrow_schema");
    rm_arrow_schema_release(schema);
    free(schema);
}

static void rm_arrow_array_capsule_free(void *capsule)
{
    struct ArrowArray *array = PyCapsule_GetPointer(capsule, "arrow_array");
    rm_arrow_array_release(array);
    free(array);
}

static void rm_arrow_stream_capsule_free(void *capsule)
{
    struct ArrowArrayStream *stream = PyCapsule_GetPointer(capsule, "arrow_array_stream");
    if (stream->release)
        stream->release(stream);
    free(stream);
}
