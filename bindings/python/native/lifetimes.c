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
    PyObject *owner;
    PyObject *release;
} memory_object;

static PyObject *memory_type;

static PyObject *memory(PyObject *module, PyObject *const *arguments, Py_ssize_t count) {
    memory_object *made;
    void *data;
    Py_ssize_t length;
    int readonly;
    (void)module;
    if (count != 5) {
        PyErr_SetString(PyExc_TypeError, "memory takes an address, a length, a bool, its owner and a function or None");
        return NULL;
    }
    data = PyLong_AsVoidPtr(arguments[0]);
    if (PyErr_Occurred()) return NULL;
    length = PyLong_AsSsize_t(arguments[1]);
    if (PyErr_Occurred()) return NULL;
    readonly = PyObject_IsTrue(arguments[2]);
    if (readonly < 0) return NULL;
    made = PyObject_GC_New(memory_object, (PyTypeObject *)memory_type);
    if (!made) return NULL;
    made->data = data;
    made->length = length;
    made->readonly = readonly;
    Py_INCREF(arguments[3]);
    made->owner = arguments[3];
    Py_INCREF(arguments[4]);
    made->release = arguments[4];
    PyObject_GC_Track((PyObject *)made);
    return (PyObject *)made;
}

static int memory_traverse(PyObject *self, visitproc visit, void *arg) {
    memory_object *memory = (memory_object *)self;
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(memory->owner);
    Py_VISIT(memory->release);
    return 0;
}

static void memory_free(PyObject *self) {
    memory_object *memory = (memory_object *)self;
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    if (memory->release != Py_None) {
        PyObject *kind, *value, *trace, *result;
        /* It may end while an exception is on its way. */
        PyErr_Fetch(&kind, &value, &trace);
        result = PyObject_CallFunction(memory->release, "On", memory->owner, memory->length);
        if (!result) PyErr_WriteUnraisable(memory->release);
        Py_XDECREF(result);
        PyErr_Restore(kind, value, trace);
    }
    Py_DECREF(memory->owner);
    Py_DECREF(memory->release);
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
};

int rmpy_add_lifetimes(uintptr_t dict) {
    PyGILState_STATE gil = PyGILState_Ensure();
    int is_made = memory_type || make_memory_type();
    if (!is_made) PyErr_Clear();
    PyGILState_Release(gil);
    return is_made ? rmpy_add_functions(dict, functions, sizeof functions / sizeof *functions) : -1;
}
