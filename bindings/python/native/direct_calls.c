/* Functions of Python for each message and each small execution, by CPython's limited API. Each call of them holds the
   interpreter's lock, but for what long work does in the library. */

#include "direct_calls.h"

#include <Python.h>
#include <string.h>
#include <time.h>

#include "call_buffers.h"
#include "python_functions.h"

/* A row of a document of outputs: [value, pts, duration, seq, stream, output, item]. */
enum { ROW_FIELDS = 7, OUTPUT = 5 };

/* About what a thread that waits for the lock needs to wake up. To let go of it for less gives that thread nothing, and
   where it is awake in time, it has the lock for the switch interval, 5 ms, in which this thread waits. */
enum { SHORT_US = 100 };
/* One call alone may have been long because its thread lost the processor. */
enum { MOST_LONG_CALLS = 1 };
/* A call with a larger budget is that of a thread that would wait otherwise, and works until all is done. */
enum { MOST_BUDGET_US = 1000 };
/* To read a document that is longer than this may take too long by itself. */
enum { SHORT_BYTES = 64 * 1024 };

/* About what it costs to hand work over to a worker, and to hear of its end by an event: a packet of a session, and a
   run, for which a task waits. */
enum { PACKET_US = 10, RUN_US = 100 };

static int64_t now_us(void) {
    struct timespec now;
    timespec_get(&now, TIME_UTC);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* A call of the library under way: when it has begun, and the thread that let go of the lock for it; NULL if it keeps
   the lock. */
typedef struct {
    int64_t begun;
    PyThreadState *released;
} library_call;

/* `length` is that of the document which the library reads, `budget_us` how long it may work on it. */
static library_call begin_call(const rmpy_call_buffers *call, Py_ssize_t length, int64_t budget_us) {
    int is_short = length <= SHORT_BYTES && budget_us <= MOST_BUDGET_US && call->long_calls <= MOST_LONG_CALLS;
    library_call under_way = {0, is_short ? NULL : PyEval_SaveThread()};
    under_way.begun = now_us();
    return under_way;
}

/* Notes how long the call took, takes the lock again, and returns that time. */
static int64_t end_call(rmpy_call_buffers *call, library_call under_way) {
    int64_t taken = now_us() - under_way.begun;
    if (taken < SHORT_US)
        call->long_calls = 0;
    else if (call->long_calls <= MOST_LONG_CALLS)
        call->long_calls++;
    if (under_way.released) PyEval_RestoreThread(under_way.released);
    return taken;
}

/* How many packets a document of them has: the length of its list. */
static uint32_t count_of(const uint8_t *packets, Py_ssize_t length) {
    if (length >= 1 && (packets[0] & 0xf0) == 0x90) return packets[0] & 0x0f;
    if (length >= 3 && packets[0] == 0xdc) return (uint32_t)packets[1] << 8 | packets[2];
    if (length >= 5 && packets[0] == 0xdd)
        return (uint32_t)packets[1] << 24 | (uint32_t)packets[2] << 16 | (uint32_t)packets[3] << 8 | packets[4];
    return 0;
}

/* What a call may work on this thread: nothing if others wait for the thread and have done so long enough, and if the
   work, as far as is known of the last, takes longer than to hand it over. */
static int64_t budget_of(const rmpy_call_buffers *call, int64_t now, double expected_us, double handing_over_us) {
    rmpy_loop_time *time = call->loop_time;
    return time && rmpy_loop_time_is_used_up(time, now) && expected_us > handing_over_us ? 0 : call->budget_us;
}

/* Notes a call for somebody, with so many packets or runs, and if it had a budget for them, how long each took. */
static void note_call(rmpy_loop_time *time, uintptr_t whom, int64_t taken_us, uint32_t count, int64_t budget_us,
                      double *mean_us) {
    /* A call that took longer has lost the processor, or has done something for the first time: no other will. */
    if (taken_us > MOST_BUDGET_US) taken_us = MOST_BUDGET_US;
    rmpy_loop_time_called(time, taken_us, count);
    if (!budget_us || !count) return;
    rmpy_loop_time_add(time, whom, taken_us);
    *mean_us += ((double)taken_us / count - *mean_us) / 8;
}

static PyObject *send(PyObject *module, PyObject *const *arguments, Py_ssize_t count) {
    rmpy_call_buffers *call;
    char *packets;
    Py_ssize_t length;
    size_t most_outputs;
    library_call under_way;
    int64_t budget_us, taken;
    int32_t result;
    (void)module;
    if (count != 3) {
        PyErr_SetString(PyExc_TypeError, "send takes an address, bytes and a number");
        return NULL;
    }
    call = (rmpy_call_buffers *)PyLong_AsVoidPtr(arguments[0]);
    most_outputs = PyLong_AsSize_t(arguments[2]);
    if (PyErr_Occurred() || PyBytes_AsStringAndSize(arguments[1], &packets, &length) < 0) return NULL;
    under_way = begin_call(call, length, call->budget_us);
    budget_us = budget_of(call, under_way.begun, call->packet_us, PACKET_US);
    result = rmpy_send(call, (const uint8_t *)packets, (size_t)length, budget_us, most_outputs);
    taken = end_call(call, under_way);
    if (call->loop_time)
        note_call(call->loop_time, (uintptr_t)call, taken, count_of((const uint8_t *)packets, length), budget_us,
                  &call->packet_us);
    return PyLong_FromLong(result);
}

static PyObject *submit(PyObject *module, PyObject *const *arguments, Py_ssize_t count) {
    rmpy_call_buffers *call;
    const rm_pipeline *pipeline;
    const rm_port *port;
    char *inputs;
    Py_ssize_t length;
    int64_t timeout_us, wait_us, budget_us, taken;
    size_t whom;
    library_call under_way;
    int32_t result;
    (void)module;
    if (count != 7) {
        PyErr_SetString(PyExc_TypeError, "submit takes three addresses, bytes and three numbers");
        return NULL;
    }
    call = (rmpy_call_buffers *)PyLong_AsVoidPtr(arguments[0]);
    if (PyErr_Occurred()) return NULL;
    pipeline = (const rm_pipeline *)PyLong_AsVoidPtr(arguments[1]);
    if (PyErr_Occurred()) return NULL;
    port = (const rm_port *)PyLong_AsVoidPtr(arguments[2]);
    if (PyErr_Occurred() || PyBytes_AsStringAndSize(arguments[3], &inputs, &length) < 0) return NULL;
    timeout_us = (int64_t)PyLong_AsLongLong(arguments[4]);
    if (PyErr_Occurred()) return NULL;
    whom = PyLong_AsSize_t(arguments[5]);
    if (PyErr_Occurred()) return NULL;
    wait_us = (int64_t)PyLong_AsLongLong(arguments[6]);
    if (PyErr_Occurred()) return NULL;
    under_way = begin_call(call, length, call->budget_us);
    budget_us = budget_of(call, under_way.begun, call->loop_time ? call->loop_time->run_us : 0, RUN_US);
    result = rmpy_submit(call, pipeline, port, (const uint8_t *)inputs, (size_t)length, timeout_us, budget_us);
    /* Who would wait next does so before it takes the lock back: to have it only to let go of it again costs a switch
       interval where another thread computes, and an event loop one more thread that is in front of it. */
    if (call->status == RM_PENDING && wait_us && under_way.released) rm_port_next(port, wait_us, NULL, NULL);
    taken = end_call(call, under_way);
    if (call->loop_time) note_call(call->loop_time, whom, taken, 1, budget_us, &call->loop_time->run_us);
    return PyLong_FromLong(result);
}

static PyObject *receive(PyObject *module, PyObject *const *arguments, Py_ssize_t count) {
    rmpy_call_buffers *call;
    int64_t sink;
    size_t most_outputs;
    library_call under_way;
    int32_t result;
    (void)module;
    if (count != 3) {
        PyErr_SetString(PyExc_TypeError, "receive takes an address and two numbers");
        return NULL;
    }
    call = (rmpy_call_buffers *)PyLong_AsVoidPtr(arguments[0]);
    if (PyErr_Occurred()) return NULL;
    sink = (int64_t)PyLong_AsLongLong(arguments[1]);
    if (PyErr_Occurred()) return NULL;
    most_outputs = PyLong_AsSize_t(arguments[2]);
    if (PyErr_Occurred()) return NULL;
    under_way = begin_call(call, 0, 0);
    result = rmpy_receive(call, sink, most_outputs);
    end_call(call, under_way);
    return PyLong_FromLong(result);
}

static PyObject *next(PyObject *module, PyObject *const *arguments, Py_ssize_t count) {
    rmpy_call_buffers *call;
    const rm_port *port;
    int64_t timeout_us;
    library_call under_way;
    int32_t result;
    (void)module;
    if (count != 3) {
        PyErr_SetString(PyExc_TypeError, "next takes two addresses and a number");
        return NULL;
    }
    call = (rmpy_call_buffers *)PyLong_AsVoidPtr(arguments[0]);
    if (PyErr_Occurred()) return NULL;
    port = (const rm_port *)PyLong_AsVoidPtr(arguments[1]);
    if (PyErr_Occurred()) return NULL;
    timeout_us = (int64_t)PyLong_AsLongLong(arguments[2]);
    if (PyErr_Occurred()) return NULL;
    under_way = begin_call(call, 0, 0);
    result = rmpy_next(call, port, 0);
    end_call(call, under_way);
    if (timeout_us != 0 && call->status == RM_TIMEOUT) {
        PyThreadState *released = PyEval_SaveThread();
        result = rmpy_next(call, port, timeout_us);
        PyEval_RestoreThread(released);
    }
    return PyLong_FromLong(result);
}

static PyObject *reply(PyObject *module, PyObject *const *arguments, Py_ssize_t count) {
    rmpy_call_buffers *call;
    const rm_port *port;
    uint64_t id;
    char *document;
    Py_ssize_t length;
    int wants_next;
    library_call under_way;
    rm_status status;
    (void)module;
    if (count != 5) {
        PyErr_SetString(PyExc_TypeError, "reply takes two addresses, a number, bytes and a bool");
        return NULL;
    }
    call = (rmpy_call_buffers *)PyLong_AsVoidPtr(arguments[0]);
    if (PyErr_Occurred()) return NULL;
    port = (const rm_port *)PyLong_AsVoidPtr(arguments[1]);
    if (PyErr_Occurred()) return NULL;
    id = (uint64_t)PyLong_AsUnsignedLongLong(arguments[2]);
    if (PyErr_Occurred() || PyBytes_AsStringAndSize(arguments[3], &document, &length) < 0) return NULL;
    wants_next = PyObject_IsTrue(arguments[4]);
    if (wants_next < 0) return NULL;
    under_way = begin_call(call, length, 0);
    status = rmpy_reply(call, port, id, (const uint8_t *)document, (size_t)length, wants_next);
    end_call(call, under_way);
    return PyLong_FromLong(status);
}

static PyObject *audio_from_pcm(PyObject *module, PyObject *const *arguments, Py_ssize_t count) {
    rmpy_call_buffers *call;
    char *pcm, *format;
    Py_ssize_t length, format_length;
    size_t rate, channels;
    (void)module;
    if (count != 5) {
        PyErr_SetString(PyExc_TypeError, "audio_from_pcm takes an address, bytes twice and two numbers");
        return NULL;
    }
    call = (rmpy_call_buffers *)PyLong_AsVoidPtr(arguments[0]);
    if (PyErr_Occurred() || PyBytes_AsStringAndSize(arguments[1], &pcm, &length) < 0 ||
        PyBytes_AsStringAndSize(arguments[2], &format, &format_length) < 0)
        return NULL;
    rate = PyLong_AsSize_t(arguments[3]);
    if (PyErr_Occurred()) return NULL;
    channels = PyLong_AsSize_t(arguments[4]);
    if (PyErr_Occurred()) return NULL;
    if (rate > UINT32_MAX || channels > UINT32_MAX) {
        PyErr_SetString(PyExc_OverflowError, "a rate and a number of channels have 32 bits");
        return NULL;
    }
    return PyLong_FromLong(rmpy_audio_from_pcm(call, (const uint8_t *)pcm, (size_t)length, (const uint8_t *)format,
                                               (size_t)format_length, (uint32_t)rate, (uint32_t)channels));
}

static PyObject *begin(PyObject *module, PyObject *const *arguments, Py_ssize_t count) {
    rmpy_call_buffers *call;
    rm_output *output;
    (void)module;
    if (count != 2) {
        PyErr_SetString(PyExc_TypeError, "begin takes an address and a deque");
        return NULL;
    }
    call = (rmpy_call_buffers *)PyLong_AsVoidPtr(arguments[0]);
    if (PyErr_Occurred()) return NULL;
    output = &call->output;
    rmpy_let_go(call);
    /* The library has taken them once there are 0; a call that was interrupted may have left some. */
    while (output->discard_count < sizeof call->discards / sizeof *call->discards && PyObject_Size(arguments[1]) > 0) {
        PyObject *handle = PyObject_CallMethod(arguments[1], "popleft", NULL);
        if (!handle) return NULL;
        call->discards[output->discard_count++] = (rm_memory *)PyLong_AsVoidPtr(handle);
        Py_DECREF(handle);
    }
    Py_INCREF(Py_None);
    return Py_None;
}

/* Puts the name of its output into a row in place of the number. */
static int name_output(PyObject *row, PyObject *names) {
    PyObject *name;
    Py_ssize_t number;
    if (!PyList_Check(row) || PyList_Size(row) != ROW_FIELDS) {
        PyErr_SetString(PyExc_ValueError, "a row of outputs has 7 fields");
        return -1;
    }
    number = PyLong_AsSsize_t(PyList_GetItem(row, OUTPUT));
    if (number == -1 && PyErr_Occurred()) return -1;
    name = PyTuple_GetItem(names, number);
    if (!name) return -1;
    Py_INCREF(name);
    return PyList_SetItem(row, OUTPUT, name);
}

static PyObject *make_packets(PyObject *module, PyObject *const *arguments, Py_ssize_t count) {
    /* What `tuple.__new__` calls in the end. C has no cast from an object's pointer to a function's. */
    void *slot = PyType_GetSlot(&PyTuple_Type, Py_tp_new);
    newfunc make;
    PyObject *rows, *packed;
    Py_ssize_t index, length;
    (void)module;
    memcpy(&make, &slot, sizeof make);
    if (count != 3 || !PyList_Check(arguments[0]) || !PyType_Check(arguments[1]) ||
        !PyType_IsSubtype((PyTypeObject *)arguments[1], &PyTuple_Type)) {
        PyErr_SetString(PyExc_TypeError, "make_packets takes a list, a subclass of tuple and a tuple");
        return NULL;
    }
    rows = arguments[0];
    length = PyList_Size(rows);
    /* The arguments of each call: one tuple for all, which nobody else sees. */
    packed = PyTuple_New(1);
    if (!packed) return NULL;
    for (index = 0; index < length; index++) {
        PyObject *row = PyList_GetItem(rows, index), *packet = NULL;
        if (name_output(row, arguments[2]) == 0) {
            Py_INCREF(row);
            if (PyTuple_SetItem(packed, 0, row) == 0) packet = make((PyTypeObject *)arguments[1], packed, NULL);
        }
        if (!packet || PyList_SetItem(rows, index, packet) < 0) {
            Py_DECREF(packed);
            return NULL;
        }
    }
    Py_DECREF(packed);
    Py_INCREF(Py_None);
    return Py_None;
}

static PyMethodDef functions[] = {
    {"send", (PyCFunction)(void (*)(void))send, METH_FASTCALL, NULL},
    {"submit", (PyCFunction)(void (*)(void))submit, METH_FASTCALL, NULL},
    {"receive", (PyCFunction)(void (*)(void))receive, METH_FASTCALL, NULL},
    {"next", (PyCFunction)(void (*)(void))next, METH_FASTCALL, NULL},
    {"reply", (PyCFunction)(void (*)(void))reply, METH_FASTCALL, NULL},
    {"audio_from_pcm", (PyCFunction)(void (*)(void))audio_from_pcm, METH_FASTCALL, NULL},
    {"begin", (PyCFunction)(void (*)(void))begin, METH_FASTCALL, NULL},
    {"make_packets", (PyCFunction)(void (*)(void))make_packets, METH_FASTCALL, NULL},
};

int rmpy_add_direct_calls(uintptr_t dict) {
    return rmpy_add_functions(dict, functions, sizeof functions / sizeof *functions);
}
