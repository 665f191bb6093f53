/* Rooms: where a call writes its document, in memory of JavaScript, and what becomes of memory that comes out. */

#include "addon.h"

#include <stdlib.h>
#include <string.h>

static void room_finalize(napi_env env, void *data, void *hint) {
    (void)hint;
    call_room *done = data;
    /* A Worker may be terminated between a call and the adoption of what it has handed out. */
    for (size_t index = 0; index < done->table_capacity && done->refs[1] != NULL; index++)
        if (done->table[index].memory != NULL) rm.memory_discard(done->table[index].memory);
    for (size_t index = 0; index < 3; index++)
        if (done->refs[index] != NULL) napi_delete_reference(env, done->refs[index]);
    if (done->document != NULL) rm.document_free(done->document);
    free(done->given);
    free(done);
}

static bool memory_of(napi_env env, napi_value value, void **data, size_t *len) {
    if (napi_get_arraybuffer_info(env, value, data, len) == napi_ok) return true;
    napi_throw_type_error(env, NULL, "an ArrayBuffer is needed here");
    return false;
}

/* roomNew(data, table, facts): three ArrayBuffers that the calls write into. */
napi_value room_new(napi_env env, napi_callback_info info) {
    napi_value values[3];
    void *places[3];
    size_t sizes[3];
    if (!arguments(env, info, 3, values)) return NULL;
    for (size_t index = 0; index < 3; index++)
        if (!memory_of(env, values[index], &places[index], &sizes[index])) return NULL;
    call_room *made = calloc(1, sizeof *made);
    if (made == NULL || sizes[2] < 3 * sizeof(double)) {
        free(made);
        napi_throw_range_error(env, NULL, "there is no memory for a room");
        return NULL;
    }
    made->base.kind = ROOM;
    made->data = places[0];
    made->capacity = sizes[0];
    made->table = places[1];
    made->table_capacity = sizes[1] / sizeof(rm_buffer);
    made->facts = places[2];
    for (size_t index = 0; index < 3; index++) napi_create_reference(env, values[index], 1, &made->refs[index]);
    return external_of(env, &made->base, room_finalize);
}

rm_output room_output(call_room *in) {
    rm_output output = {
        .data = in->data, .capacity = in->capacity, .buffers = in->table, .buffer_capacity = in->table_capacity};
    return output;
}

/* Notes what a call has written. A document that had no room is kept until `roomCopy`. */
napi_value room_filled(napi_env env, call_room *in, const rm_output *output, rm_status status) {
    if (in->document != NULL) rm.document_free(in->document);
    in->document = output->document;
    in->facts[0] = (double)output->len;
    in->facts[1] = (double)output->buffer_count;
    in->facts[2] = 0;
    if (output->document != NULL) {
        const uint8_t *data;
        const rm_buffer *buffers;
        size_t len, count;
        rm.document_view(output->document, &data, &len, &buffers, &count, NULL);
        in->facts[0] = (double)len;
        in->facts[1] = (double)count;
        in->facts[2] = 1;
    }
    return number(env, status);
}

/* roomCopy(room, data, table): copies the document that had no room into larger memory, and frees it. */
napi_value room_copy(napi_env env, napi_callback_info info) {
    napi_value values[3];
    void *places[2];
    size_t sizes[2];
    if (!arguments(env, info, 3, values)) return NULL;
    call_room *in = handle_of(env, values[0], ROOM);
    if (in == NULL || in->document == NULL) return undefined(env);
    for (size_t index = 0; index < 2; index++)
        if (!memory_of(env, values[index + 1], &places[index], &sizes[index])) return NULL;
    const uint8_t *data;
    const rm_buffer *buffers;
    size_t len, count;
    rm.document_view(in->document, &data, &len, &buffers, &count, NULL);
    if (len > sizes[0] || count > sizes[1] / sizeof(rm_buffer)) {
        napi_throw_range_error(env, NULL, "the memory is too small for the document");
        return NULL;
    }
    rm_buffer *table = places[1];
    if (len > 0) memcpy(places[0], data, len);
    for (size_t index = 0; index < count; index++) {
        table[index] = buffers[index];
        /* Those in a document belong to it. */
        if (buffers[index].memory != NULL) rm.memory_retain(buffers[index].memory, &table[index].memory, NULL);
    }
    rm.document_free(in->document);
    in->document = NULL;
    return undefined(env);
}

/* With so many bytes behind ArrayBuffers more are copied: Node frees foreign memory in a later turn of the loop alone,
 * and a program that computes may take none for long, while its own memory is freed by the collector at once. */
static const size_t VIEWED_BYTES = 64 << 20;

typedef struct view {
    rm_memory *memory;
    size_t len;
} view;

static void view_finalize(napi_env env, void *data, void *hint) {
    (void)data;
    view *done = hint;
    addon_of(env)->viewed_bytes -= done->len;
    rm.memory_discard(done->memory);
    free(done);
}

static napi_value view_of(napi_env env, const rm_buffer *entry) {
    addon *of = addon_of(env);
    napi_value result = NULL;
    void *copy;
    view *made = entry->len > 0 && of->viewed_bytes < VIEWED_BYTES ? malloc(sizeof *made) : NULL;
    if (made != NULL) {
        *made = (view){.memory = entry->memory, .len = entry->len};
        napi_status status =
            napi_create_external_arraybuffer(env, (void *)entry->data, entry->len, view_finalize, made, &result);
        if (status == napi_ok) {
            of->viewed_bytes += entry->len;
            return result;
        }
        free(made);
    }
    /* Electron allows no foreign memory behind an ArrayBuffer. */
    if (napi_create_arraybuffer(env, entry->len, &copy, &result) == napi_ok && entry->len > 0)
        memcpy(copy, entry->data, entry->len);
    rm.memory_discard(entry->memory);
    return result;
}

/* adopt(table, count): an ArrayBuffer for each entry with memory of the runtime; undefined for memory of the host. */
napi_value room_adopt(napi_env env, napi_callback_info info) {
    napi_value values[2], result;
    void *place;
    size_t size;
    int64_t count;
    if (!arguments(env, info, 2, values) || !memory_of(env, values[0], &place, &size)) return NULL;
    if (!number_of(env, values[1], &count) || count < 0 || (size_t)count > size / sizeof(rm_buffer)) return NULL;
    rm_buffer *table = place;
    napi_create_array_with_length(env, (size_t)count, &result);
    for (int64_t index = 0; index < count; index++) {
        if (table[index].memory == NULL) continue;
        napi_value buffer = view_of(env, &table[index]);
        table[index].memory = NULL;
        if (buffer != NULL) napi_set_element(env, result, (uint32_t)index, buffer);
    }
    end_first(addon_of(env));
    return result;
}

/* Makes the table that goes in of an array of Uint8Arrays, with tokens from `first` on; 0 lets the library copy. */
bool room_give(napi_env env, call_room *in, napi_value blocks, napi_value first, size_t *count) {
    uint32_t len = 0;
    int64_t token = 0;
    *count = 0;
    if (napi_get_array_length(env, blocks, &len) != napi_ok || len == 0) return true;
    if (!number_of(env, first, &token)) return false;
    if (len > in->given_capacity) {
        rm_buffer *larger = realloc(in->given, len * sizeof *larger);
        if (larger == NULL) {
            napi_throw_range_error(env, NULL, "there is no memory for the buffer table");
            return false;
        }
        in->given = larger;
        in->given_capacity = len;
    }
    for (uint32_t index = 0; index < len; index++) {
        napi_value block;
        rm_buffer *entry = &in->given[index];
        *entry = (rm_buffer){.token = token == 0 ? 0 : (uint64_t)token + index};
        if (napi_get_element(env, blocks, index, &block) != napi_ok) return false;
        if (!bytes_of(env, block, &entry->data, &entry->len)) return false;
    }
    if (token != 0) addon_of(env)->has_lent = true;
    *count = len;
    return true;
}
