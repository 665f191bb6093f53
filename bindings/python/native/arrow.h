/* Tables as the Arrow C data and stream interfaces exchange them between Python packages
   (arrow.apache.org/docs/format/CDataInterface.html). cffi reads this file too. */

#ifndef RMPY_ARROW_H
#define RMPY_ARROW_H

#include <stdint.h>

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

/* `owner` is the address of the Python object that keeps the buffers alive; what is made owns it from now on. All of
   them return 0 or NULL if there is no memory. */
int rmpy_arrow_schema_init(struct ArrowSchema *out, const char *format, const char *name, const char *metadata,
                           int64_t metadata_length, int64_t flags, int64_t n_children, int has_dictionary);
int rmpy_arrow_array_init(struct ArrowArray *out, uintptr_t owner, int64_t length, int64_t null_count, int64_t offset,
                          int64_t n_buffers, const uintptr_t *buffers, int64_t n_children, int has_dictionary);
struct ArrowArrayStream *rmpy_arrow_stream_new(struct ArrowSchema *schema, struct ArrowArray *array);
void *rmpy_arrow_new(int kind);
void rmpy_arrow_schema_capsule_free(void *capsule);
void rmpy_arrow_array_capsule_free(void *capsule);
void rmpy_arrow_stream_capsule_free(void *capsule);
void rmpy_arrow_schema_release(struct ArrowSchema *schema);
void rmpy_arrow_array_release(struct ArrowArray *array);

#endif
