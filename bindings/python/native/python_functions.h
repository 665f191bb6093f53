/* Functions of Python that are not called through cffi, by CPython's limited API. */

#ifndef RMPY_PYTHON_FUNCTIONS_H
#define RMPY_PYTHON_FUNCTIONS_H

#include <Python.h>

/* Adds functions to the dict at an address, `id()` in Python, whatever thread this is. Returns 0, or -1 if there is no
   memory. */
static inline int rmpy_add_functions(uintptr_t dict, PyMethodDef *functions, size_t count) {
    PyGILState_STATE gil = PyGILState_Ensure();
    size_t index;
    int failed = 0;
    for (index = 0; index < count && !failed; index++) {
        PyObject *function = PyCFunction_NewEx(&functions[index], NULL, NULL);
        failed = !function || PyDict_SetItemString((PyObject *)dict, functions[index].ml_name, function) < 0;
        Py_XDECREF(function);
    }
    if (failed) PyErr_Clear();
    PyGILState_Release(gil);
    return failed ? -1 : 0;
}

#endif
