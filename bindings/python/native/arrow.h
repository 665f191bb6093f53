/* The structs by which arrays and tables are exchanged between Python packages: DLPack (github.com/dmlc/dlpack, 1.0) and
   the Arrow C data and stream interfaces (arrow.apache.org/docs/format/CDataInterface.html). cffi reads this file too. */

typedef struct { int32_t device_type; int32_t device_id; } DLDevice;
typedef struct { uint8_t code; uint8_t bits; uint16_t lanes; } DLDataType;
typedef struct {
    void *data;
    DLDevice device;
    int32_t ndim;
    DLDataType dtype;
    int64_t *shape;
    int64_t *strides;
    uint64_t byte_offset;
} DLTensor;
typedef struct DLManagedTensor {
    DLTensor dl_tensor;
    void *manager_ctx;
    void (*deleter)(struct DLManagedTensor *self);
} DLManagedTensor;
typedef struct DLManagedTensorVersioned {
    struct { uint32_t major; uint32_t minor; } version;
    void *manager_ctx;
    void (*deleter)(struct DLManagedTensorVersioned *self);
    uint64_t flags;
    DLTensor dl_tensor;
} DLManagedTensorVersioned;

struct ArrowSchema {
    const char *format;
    const char *name;
    const char *metadata;
    int64_t flags;
    int64_t n_children;
    struct ArrowSchema **children;
    struct ArrowSchema *dictionary;
    void (*release)(struct ArrowSchema *);
    void *private_data;
};
struct ArrowArray {
    int64_t length;
    int64_t null_count;
    int64_t offset;
    int64_t n_buffers;
    int64_t n_children;
    const void **buffers;
    struct ArrowArray **children;
    struct ArrowArray *dictionary;
    void (*release)(struct ArrowArray *);
    void *private_data;
};
struct ArrowArrayStream {
    int (*get_schema)(struct ArrowArrayStream *, struct ArrowSchema *out);
    int (*get_next)(struct ArrowArrayStream *, struct ArrowArray *out);
    const char *(*get_last_error)(struct ArrowArrayStream *);
    void (*release)(struct ArrowArrayStream *);
    void *private_data;
};

/* Objects are named by their address, `id()` in Python; each that is given becomes owned by what is made. All of them
   answer 0 or NULL when there is no memory. */
void *rm_dlpack_new(uintptr_t owner, uintptr_t data, int32_t ndim, const int64_t *shape, uint8_t code, uint8_t bits,
                    int versioned, int readonly);
void rm_dlpack_capsule_free(void *capsule);
int rm_arrow_schema_init(struct ArrowSchema *out, const char *format, const char *name, const char *metadata,
                         int64_t metadata_length, int64_t flags, int64_t n_children, int has_dictionary);
int rm_arrow_array_init(struct ArrowArray *out, uintptr_t owner, int64_t length, int64_t null_count, int64_t offset,
                        int64_t n_buffers, const uintptr_t *buffers, int64_t n_children, int has_dictionary);
struct ArrowArrayStream *rm_arrow_stream_new(struct ArrowSchema *schema, struct ArrowArray *array);
void *rm_arrow_new(int kind);
void rm_arrow_schema_capsule_free(void *capsule);
void rm_arrow_array_capsule_free(void *capsule);
void rm_arrow_stream_capsule_free(void *capsule);
void rm_arrow_schema_release(struct ArrowSchema *schema);
void rm_arrow_array_release(struct ArrowArray *array);
