/* Calls of the library with the room that one `CallBuffers` of Python has for them. It knows where the documents that
   come back have what decides how they are read on, and nothing of the values in them. */

#include "call_buffers.h"

#include <Python.h>
#include <stdlib.h>
#include <string.h>

/* How a completion begins that has its offsets: a map of up to 15 entries, the first key, a list of 3. Then come the
   numbers, each a marker and 32 bits; docs/abi.md describes them. */
static const char OFFSETS[] = "\xa7offsets\x93";
enum { MAP_HEAD = 1, OFFSETS_LENGTH = sizeof OFFSETS - 1, NUMBER_LENGTH = 5, MOST_LENGTH = 0x3fff };

static uint32_t offset(const uint8_t *completion, unsigned index) {
    const uint8_t *at = completion + MAP_HEAD + OFFSETS_LENGTH + index * NUMBER_LENGTH + 1;
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Clears what the call was given beside `output`: the library has taken it, or has refused it. */
static void forget_given(rmpy_call_buffers *call) {
    call->buffers = NULL;
    call->buffer_count = 0;
}

static void discard_all(rm_buffer *table, size_t count) {
    size_t index;
    for (index = 0; index < count; index++) {
        rm_memory *memory = table[index].memory;
        table[index].memory = NULL;
        rm_memory_discard(memory);
    }
}

void rmpy_let_go(rmpy_call_buffers *call) {
    rm_output *output = &call->output;
    rm_document *document = output->document;
    rm_error *error = call->error;
    output->document = NULL;
    call->error = NULL;
    discard_all(call->room, output->buffer_count);
    output->buffer_count = 0;
    if (call->table) {
        discard_all(call->table, call->table_length);
        free(call->table);
        call->table = NULL;
        call->table_length = 0;
    }
    rm_document_free(document);
    rm_error_free(error);
}

/* Lets go of what the last call has left, if it has: as a rule all of it was taken over. */
static void begin(rmpy_call_buffers *call) {
    if (call->output.document || call->output.buffer_count || call->error) rmpy_let_go(call);
}

void rmpy_clear_call_buffers(rmpy_call_buffers *call) {
    rm_output *output = &call->output;
    /* At the end of the process what is still held is left to it. */
    if (!Py_IsInitialized()) return;
    rmpy_let_go(call);
    while (output->discard_count) rm_memory_discard(call->discards[--output->discard_count]);
}

rm_status rmpy_open_document(rmpy_call_buffers *call, const uint8_t **data, size_t *length) {
    const rm_buffer *table;
    size_t count, index;
    rm_status status = rm_document_view(call->output.document, data, length, &table, &count, &call->error);
    if (status < 0 || call->table || !count) return status;
    call->table = calloc(count, sizeof *call->table);
    if (!call->table) return RM_OUT_OF_RESOURCES;
    call->table_length = count;
    for (index = 0; index < count && status >= 0; index++) {
        call->table[index] = table[index];
        call->table[index].memory = NULL;
        /* The table belongs to the document: memory that outlives it needs handles of its own. */
        if (table[index].memory)
            status = rm_memory_retain(table[index].memory, &call->table[index].memory, &call->error);
    }
    return status;
}

int32_t rmpy_submit(rmpy_call_buffers *call, const rm_pipeline *pipeline, const rm_port *port, const uint8_t *inputs,
                    size_t length, int64_t timeout_us, int64_t budget_us) {
    static uint64_t tokens;
    rm_output *output = &call->output;
    begin(call);
    call->token = __atomic_add_fetch(&tokens, 1, __ATOMIC_RELAXED);
    call->status = rm_pipeline_submit(pipeline, port, call->token, inputs, length, call->buffers, call->buffer_count,
                                      timeout_us, budget_us, output, &call->error);
    forget_given(call);
    if (call->status != RM_OK || output->document != NULL || output->len > MOST_LENGTH) return -1;
    if (output->len < MAP_HEAD + OFFSETS_LENGTH + 3 * NUMBER_LENGTH ||
        memcmp(output->data + MAP_HEAD, OFFSETS, OFFSETS_LENGTH) != 0)
        return -1;
    call->length = (uint16_t)output->len;
    call->released = (uint16_t)offset(output->data, 2);
    return (int32_t)(offset(output->data, 0) << 16 | offset(output->data, 1)) |
           (call->released != 0 || output->buffer_count != 0 ? RMPY_HAS_MORE : 0);
}

/* Whether a call has left a document in its room that refers to no buffer and is no longer than a result can say. */
static int is_plain(const rmpy_call_buffers *call) {
    const rm_output *output = &call->output;
    return call->status >= 0 && output->document == NULL && output->buffer_count == 0 && output->len <= 0x7fffff;
}

int32_t rmpy_send(rmpy_call_buffers *call, const uint8_t *packets, size_t length, int64_t budget_us,
                  size_t most_outputs) {
    rm_output *output = &call->output;
    begin(call);
    call->status = rm_session_send(call->session, packets, length, call->buffers, call->buffer_count, budget_us,
                                   most_outputs, output, &call->error);
    forget_given(call);
    if (!is_plain(call)) return -1;
    /* [taken, []] */
    if (output->len == 3 && output->data[0] == 0x92 && output->data[1] < 0x80 && output->data[2] == 0x90)
        return output->data[1];
    return -1 - (int32_t)output->len;
}

int32_t rmpy_audio_from_pcm(rmpy_call_buffers *call, const uint8_t *pcm, size_t length, const uint8_t *format,
                            size_t format_length, uint32_t rate, uint32_t channels) {
    begin(call);
    call->status = rm_audio_from_pcm(pcm, length, format, format_length, rate, channels, &call->output, &call->error);
    return is_plain(call) ? (int32_t)call->output.len : -1;
}

int32_t rmpy_receive(rmpy_call_buffers *call, int64_t sink, size_t most_outputs) {
    begin(call);
    call->status = rm_session_receive(call->session, sink, most_outputs, &call->output, &call->error);
    if (!is_plain(call)) return -1;
    /* [[]] */
    if (call->status == RM_WOULD_BLOCK && call->output.len == 2) return 0;
    return call->status == RM_OK ? (int32_t)call->output.len : -1;
}

int32_t rmpy_next(rmpy_call_buffers *call, const rm_port *port, int64_t timeout_us) {
    begin(call);
    call->status = rm_port_next(port, timeout_us, &call->output, &call->error);
    return is_plain(call) ? (int32_t)call->output.len : -1;
}

rm_status rmpy_reply(rmpy_call_buffers *call, const rm_port *port, uint64_t id, const uint8_t *reply, size_t length,
                     int wants_next) {
    begin(call);
    call->status = rm_port_reply(port, id, reply, length, call->buffers, call->buffer_count,
                                 wants_next ? &call->output : NULL, &call->error);
    forget_given(call);
    return call->status;
}
