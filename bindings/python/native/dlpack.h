/* Arrays as DLPack exchanges them between Python packages (github.com/dmlc/dlpack, 1.0). cffi reads this file too. */

#ifndef RMPY_DLPACK_H
#define RMPY_DLPACK_H

#include <stdint.h>

typedef struct {
    int32_t device_type;
    int32_t device_id;
} DLDevice;
typedef struct {
    uint8_t code;
    uint8_t bits;
    uint16_t lanes;
} DLDataType;
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
    struct {
        uint32_t major;
        uint32_t minor;
    } version;
    void *manager_ctx;
    void (*deleter)(struct DLManagedTensorVersioned *self);
    uint64_t flags;
    DLTensor dl_tensor;
} DLManagedTensorVersioned;

/* Makes a tensor, a DLManagedTensorVersioned if `versioned`. `owner` is the address of the Python object that keeps
   `data` alive; the tensor owns it from now on. NULL if there is no memory. */
void *rmpy_dlpack_new(uintptr_t owner, uintptr_t data, int32_t ndim, const int64_t *shape, uint8_t code, uint8_t bits,
                      int versioned, int readonly);
/* The destructor of a capsule: a consumer that took the tensor over has renamed it. */
void rmpy_dlpack_capsule_free(void *capsule);

#endif
