/* DLPack tensors over memory of Python objects, and the deleters that consumers call when they are done with them. */

#include "dlpack.h"

#include <stdlib.h>

#include "python_object.h"

static void rmpy_dlpack_delete(DLManagedTensor *self) {
    rmpy_disown(self->manager_ctx);
    free(self);
}

static void rmpy_dlpack_delete_versioned(DLManagedTensorVersioned *self) {
    rmpy_disown(self->manager_ctx);
    free(self);
}

static void rmpy_dlpack_fill(DLTensor *tensor, int64_t *shape, uintptr_t data, int32_t ndim, const int64_t *extents,
                             uint8_t code, uint8_t bits) {
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

void *rmpy_dlpack_new(uintptr_t owner, uintptr_t data, int32_t ndim, const int64_t *shape, uint8_t code, uint8_t bits,
                      int versioned, int readonly) {
    size_t dimensions = 2 * (size_t)ndim * sizeof(int64_t);
    if (versioned) {
        DLManagedTensorVersioned *made = calloc(1, sizeof *made + dimensions);
        if (!made) return NULL;
        made->version.major = 1;
        made->manager_ctx = rmpy_own(owner);
        made->deleter = rmpy_dlpack_delete_versioned;
        made->flags = readonly ? 1 : 0;
        rmpy_dlpack_fill(&made->dl_tensor, (int64_t *)(made + 1), data, ndim, shape, code, bits);
        return made;
    } else {
        DLManagedTensor *made = calloc(1, sizeof *made + dimensions);
        if (!made) return NULL;
        made->manager_ctx = rmpy_own(owner);
        made->deleter = rmpy_dlpack_delete;
        rmpy_dlpack_fill(&made->dl_tensor, (int64_t *)(made + 1), data, ndim, shape, code, bits);
        return made;
    }
}

/* The destructor of a capsule: a consumer that took the tensor over has renamed it. */
void rmpy_dlpack_capsule_free(void *capsule) {
    if (PyCapsule_IsValid(capsule, "dltensor")) {
        DLManagedTensor *tensor = PyCapsule_GetPointer(capsule, "dltensor");
        tensor->deleter(tensor);
    } else if (PyCapsule_IsValid(capsule, "dltensor_versioned")) {
        DLManagedTensorVersioned *tensor = PyCapsule_GetPointer(capsule, "dltensor_versioned");
        tensor->deleter(tensor);
    }
}
