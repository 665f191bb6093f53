/* Objects that end when nothing refers to them any more, by CPython's limited API. */

#include "lifetimes.h"

#include <Python.h>
#include <stddef.h>

#include "python_functions.h"

/* The limited API has buffers from 3.11 on; the struct, the function and the number of the slot are those of 3.10 too,
   and of every version since. */
typedef struct {
    void *memory;
    PyObject *object;
    Py_ssize_t length;
    Py_ssize_t item_size;
    int readonly;
    int dimensions;
    char *format;
    Py_ssize_t *shape;
    Py_ssize_t *strides;
    Py_ssize_t *suboffsets;
    void *internal;
} buffer_view;

extern int PyBuffer_FillInfo(buffer_view *view, PyObject *object, void *memory, Py_ssize_t length, int readonly,
                             int flags);

enum { GET_BUFFER_SLOT = 1 };

/* Emptied first: whoever looks at the place meanwhile finds nothing that is freed. */
#define CLEAR(kind)                                                                                                    \
    void rmpy_clear_##kind(rm_##kind **place) {                                                                        \
        rm_##kind *found = *place;                                                                                     \
        *place = NULL;                                                                                                 \
        rm_##kind##_free(found);                                                                                       \
    }

CLEAR(runtime)
CLEAR(port)
CLEAR(session)
CLEAR(pipeline)
CLEAR(error)

static const char HIDDEN[] = "remotemedia.hidden";

static void reveal(PyObject *capsule) {
    PyObject *object = PyCapsule_GetPointer(capsule, HIDDEN);
    Py_XDECREF(object);
}

static PyObject *hidden(PyObject *module, PyObject *object) {
    PyObject *capsule = PyCapsule_New(object, HIDDEN, reveal);
    (void)module;
    if (capsule) Py_INCREF(object);
    return capsule;
}

typedef struct {
    PyObject base;
    void *data;
    Py_ssize_t length;
    int readonly;
    /* What keeps the memory: an object, or a handle. */
    PyObject *owner;
    rm_memory *handle;
} memory_object;

/* Memory from this size on is freed at once: it can't wait for a next call, which may never come. */
enum { FREE_AT_ONCE_BYTES = 1 << 20 };

static PyObject *memory_type, *waiting, *running_loop;

/* Memory that nobody owns yet; NULL if there is no room for it. */
static memory_object *new_memory(void *data, Py_ssize_t length, int readonly) {
    memory_object *made = PyObject_GC_New(memory_object, (PyTypeObject *)memory_type);
    if (!made) return NULL;
    made->data = data;
    made->length = length;
    made->readonly = readonly;
    made->owner = NULL;
    made->handle = NULL;
    return made;
}

static PyObject *memory(PyObject *module, PyObject *const *arguments, Py_ssize_t count) {
    memory_object *made;
    void *data;
    Py_ssize_t length;
    int readonly;
    (void)module;
    if (count != 4) {
        PyErr_SetString(PyExc_TypeError, "memory takes an address, a length, a bool and its owner");
        return NULL;
    }
    data = PyLong_AsVoidPtr(arguments[0]);
    if (PyErr_Occurred()) return NULL;
    length = PyLong_AsSsize_t(arguments[1]);
    if (PyErr_Occurred()) return NULL;
    readonly = PyObject_IsTrue(arguments[2]);
    if (readonly < 0) return NULL;
    made = new_memory(data, length, readonly);
    if (!made) return NULL;
    Py_INCREF(arguments[3]);
    made->owner = arguments[3];
    PyObject_GC_Track((PyObject *)made);
    return (PyObject *)made;
}

static PyObject *adopt(PyObject *module, PyObject *address) {
    rm_buffer *entry = PyLong_AsVoidPtr(address);
    memory_object *made;
    (void)module;
    if (PyErr_Occurred()) return NULL;
    made = new_memory((void *)(uintptr_t)entry->data, (Py_ssize_t)entry->len, !(entry->flags & RM_BUFFER_WRITABLE));
    if (!made) return NULL;
    made->handle = entry->memory;
    entry->memory = NULL;
    PyObject_GC_Track((PyObject *)made);
    return (PyObject *)made;
}

static PyObject *free_by(PyObject *module, PyObject *const *arguments, Py_ssize_t count) {
    (void)module;
    if (count != 2) {
        PyErr_SetString(PyExc_TypeError, "free_by takes what handles are appended to, and a function");
        return NULL;
    }
    Py_INCREF(arguments[0]);
    Py_XDECREF(waiting);
    waiting = arguments[0];
    Py_INCREF(arguments[1]);
    Py_XDECREF(running_loop);
    running_loop = arguments[1];
    Py_INCREF(Py_None);
    return Py_None;
}

static void free_later(rm_memory *handle, Py_ssize_t length) {
    PyObject *kind, *value, *trace, *found;
    /* It may end while an exception is on its way. */
    PyErr_Fetch(&kind, &value, &trace);
    if (length < FREE_AT_ONCE_BYTES) {
        found = PyObject_CallMethod(waiting, "append", "K", (unsigned long long)(uintptr_t)handle);
        if (!found) rm_memory_discard(handle);
    } else {
        found = PyObject_CallObject(running_loop, NULL);
        if (found == Py_None) {
            PyThreadState *released = PyEval_SaveThread();
            rm_memory_free(handle);
            PyEval_RestoreThread(released);
        } else {
            rm_memory_discard(handle);
        }
    }
    if (!found) PyErr_Clear();
    Py_XDECREF(found);
    PyErr_Restore(kind, value, trace);
}

static int memory_traverse(PyObject *self, visitproc visit, void *arg) {
    memory_object *memory = (memory_object *)self;
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(memory->owner);
    return 0;
}

static void memory_free(PyObject *self) {
    memory_object *memory = (memory_object *)self;
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    /* At the end of the process what is still held is left to it. */
    if (memory->handle && Py_IsInitialized()) free_later(memory->handle, memory->length);
    Py_XDECREF(memory->owner);
    PyObject_GC_Del(self);
    Py_DECREF(type);
}

static int memory_view(PyObject *self, buffer_view *view, int flags) {
    memory_object *memory = (memory_object *)self;
    return PyBuffer_FillInfo(view, self, memory->data, memory->length, memory->readonly, flags);
}

/* C has no cast from a function's pointer to that of an object, which a slot wants. */
#define SLOT(function) ((void *)(uintptr_t)(function))

static int make_memory_type(void) {
    static PyType_Slot slots[4];
    static PyType_Spec spec = {"remotemedia.Memory", sizeof(memory_object), 0,
                               Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};
    slots[0] = (PyType_Slot){Py_tp_dealloc, SLOT(memory_free)};
    slots[1] = (PyType_Slot){Py_tp_traverse, SLOT(memory_traverse)};
    slots[2] = (PyType_Slot){GET_BUFFER_SLOT, SLOT(memory_view)};
    slots[3] = (PyType_Slot){0, NULL};
    memory_type = PyType_FromSpec(&spec);
    return memory_type != NULL;
}

static PyMethodDef functions[] = {
    {"hidden", hidden, METH_O, NULL},
    {"memory", (PyCFunction)(void (*)(void))memory, METH_FASTCALL, NULL},
    {"adopt", adopt, METH_O, NULL},
    {"free_by", (PyCFunction)(void (*)(void))free_by, METH_FASTCALL, NULL},
};

int rmpy_add_lifetimes(uintptr_t dict) {
    PyGILState_STATE gil = PyGILState_Ensure();
    int is_made = memory_type || make_memory_type();
    if (!is_made) PyErr_Clear();
    PyGILState_Release(gil);
    return is_made ? rmpy_add_functions(dict, functions, sizeof functions / sizeof *functions) : -1;
}
