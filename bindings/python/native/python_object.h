/* References to Python objects, held by memory that other packages use and give back, perhaps on threads that know
   nothing of Python. */

#ifndef RMPY_PYTHON_OBJECT_H
#define RMPY_PYTHON_OBJECT_H

#include <Python.h>

/* A reference to the object at an address, `id()` in Python. */
static inline PyObject *rmpy_own(uintptr_t address) {
    PyGILState_STATE gil = PyGILState_Ensure();
    Py_INCREF((PyObject *)address);
    PyGILState_Release(gil);
    return (PyObject *)address;
}

/* Lets go of it; NULL is fine. */
static inline void rmpy_disown(PyObject *owner) {
    PyGILState_STATE gil;
    /* At the end of the process what is still held is left to it. */
    if (!owner || !Py_IsInitialized()) return;
    gil = PyGILState_Ensure();
    Py_DECREF(owner);
    PyGILState_Release(gil);
}

#endif
