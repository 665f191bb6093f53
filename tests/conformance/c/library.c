/* Calls into the library that the cases need everywhere, and documents as JSON. */

#include "suite.h"

void require(rm_status status, rm_error **error, const char *what) {
    if (status >= RM_OK) return;
    char message[1024];
    snprintf(message, sizeof message, "%s", rm_error_message(*error));
    rm_error_free(*error);
    fail("%s: %s: %s", what, rm_status_name(status), message);
}

static document view_of(const rm_document *of) {
    document seen = {0};
    const uint8_t *data = NULL;
    const rm_buffer *buffers = NULL;
    rm_error *error = NULL;
    require(rm_document_view(of, &data, &seen.bytes.len, &buffers, &seen.count, &error), &error, "view");
    seen.bytes.data = (uint8_t *)data;
    seen.buffers = (rm_buffer *)buffers;
    return seen;
}

/* A copy of a document in the arena; the bytes of its table are copied too. */
static document kept(const rm_document *of) {
    document seen = view_of(of), copy = {0};
    copy.bytes.len = seen.bytes.len;
    copy.bytes.data = (uint8_t *)copied((const char *)seen.bytes.data, seen.bytes.len);
    copy.count = seen.count;
    copy.buffers = take((seen.count + 1) * sizeof *copy.buffers);
    for (size_t index = 0; index < seen.count; index++) {
        copy.buffers[index].len = seen.buffers[index].len;
        copy.buffers[index].data = (uint8_t *)copied((const char *)seen.buffers[index].data, seen.buffers[index].len);
    }
    return copy;
}

document document_of(const char *twin, size_t len, const rm_buffer *buffers, size_t count) {
    rm_status status = RM_OK;
    rm_error *error = NULL;
    document made = document_or_error(twin, len, buffers, count, &status, &error);
    require(status, &error, "from_json");
    return made;
}

document document_or_error(const char *twin, size_t len, const rm_buffer *buffers, size_t count, rm_status *status,
                           rm_error **error) {
    rm_output out = {0};
    *status = rm_document_from_json((const uint8_t *)twin, len, buffers, count, &out, error);
    if (*status < RM_OK) return (document){0};
    document made = kept(out.document);
    rm_document_free(out.document);
    if (count > 0) {
        made.buffers = (rm_buffer *)buffers;
        made.count = count;
    }
    return made;
}

json *twin_of(const uint8_t *data, size_t len, const rm_buffer *buffers, size_t count, uint32_t flags) {
    rm_output out = {0};
    rm_error *error = NULL;
    require(rm_document_to_json(data, len, buffers, count, flags, &out, &error), &error, "to_json");
    document seen = view_of(out.document);
    json *value = json_read((const char *)seen.bytes.data, seen.bytes.len);
    rm_document_free(out.document);
    return value;
}

json *detail_of(rm_error *error) {
    const uint8_t *data = NULL;
    size_t len = 0;
    rm_error_detail(error, &data, &len);
    json *detail = twin_of(data, len, NULL, 0, 0);
    rm_error_free(error);
    return detail;
}

json *taken(rm_output *out) {
    document seen = view_of(out->document);
    json *value = twin_of(seen.bytes.data, seen.bytes.len, seen.buffers, seen.count, 0);
    rm_document_free(out->document);
    out->document = NULL;
    return value;
}

json *live_objects(void) {
    /* Into room of the caller: a document would count itself. */
    uint8_t bytes[512];
    rm_output out = {.data = bytes, .capacity = sizeof bytes};
    rm_error *error = NULL;
    require(rm_live_objects(&out, &error), &error, "live objects");
    return twin_of(bytes, out.len, NULL, 0, 0);
}
