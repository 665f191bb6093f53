/* The cases of the vectors. C has no codec of its own: the library reads and writes, by the JSON twin. */

#include "suite.h"

static document document_in(const json *vector) {
    document made = {0};
    const json *table = json_need(vector, "buffers");
    made.bytes = bytes_of(json_need(vector, "document"));
    made.count = table->len;
    made.buffers = take((table->len + 1) * sizeof *made.buffers);
    size_t index = 0;
    for (const json *parts = table->first; parts != NULL; parts = parts->next, index++) {
        block bytes = bytes_of(parts);
        made.buffers[index].data = bytes.data;
        made.buffers[index].len = bytes.len;
    }
    return made;
}

static void check_block(const char *what, const uint8_t *data, size_t len, block expected) {
    if (len == expected.len && (len == 0 || memcmp(data, expected.data, len) == 0)) return;
    size_t at = 0;
    while (at < len && at < expected.len && data[at] == expected.data[at]) at++;
    fail("%s: %zu bytes, expected %zu; they differ from byte %zu on", what, len, expected.len, at);
}

/* The text must be read as exactly this document. */
static void check_read(block twin, document expected) {
    rm_output out = {0};
    rm_error *error = NULL;
    require(rm_document_from_json(twin.data, twin.len, NULL, 0, &out, &error), &error, "from_json");
    const uint8_t *data = NULL;
    const rm_buffer *buffers = NULL;
    size_t len = 0, count = 0;
    require(rm_document_view(out.document, &data, &len, &buffers, &count, &error), &error, "view");
    check_block("the document", data, len, expected.bytes);
    if (count != expected.count) fail("the table has %zu entries, expected %zu", count, expected.count);
    for (size_t index = 0; index < count; index++) {
        block wanted = {(uint8_t *)expected.buffers[index].data, expected.buffers[index].len};
        check_block("an entry of the table", buffers[index].data, buffers[index].len, wanted);
    }
    rm_document_free(out.document);
}

void run_twin(const json *vector) {
    const json *parts = json_need(vector, "twin");
    if (parts->kind == JSON_NULL) skip("its twin is too deep to be read");
    block twin = text_parts_of(parts);
    document given = document_in(vector);
    rm_output out = {0};
    rm_error *error = NULL;
    rm_status status =
        rm_document_to_json(given.bytes.data, given.bytes.len, given.buffers, given.count, 0, &out, &error);
    require(status, &error, "to_json");
    const uint8_t *data = NULL;
    const rm_buffer *buffers = NULL;
    size_t len = 0, count = 0;
    require(rm_document_view(out.document, &data, &len, &buffers, &count, &error), &error, "view");
    check_block("the text", data, len, twin);
    rm_document_free(out.document);
    if (json_need(vector, "written")->kind == JSON_TRUE) check_read(twin, given);
}

void run_read_twin(const json *vector) {
    check_read(text_parts_of(json_need(vector, "text")), document_in(vector));
}

/* The call must have refused its document, with an error that says so. */
static void check_refused(rm_status status, rm_error *error, rm_output *out) {
    if (status >= RM_OK) {
        rm_document_free(out->document);
        fail("it is accepted");
    }
    bool has_message = strlen(rm_error_message(error)) > 0 && rm_error_status(error) == status;
    rm_error_free(error);
    if (status != RM_INVALID_DOCUMENT) fail("%s, expected RM_INVALID_DOCUMENT", rm_status_name(status));
    if (!has_message) fail("the error has no message");
}

void run_refused(const json *vector) {
    document given = document_in(vector);
    rm_output out = {0};
    rm_error *error = NULL;
    rm_status status =
        rm_document_to_json(given.bytes.data, given.bytes.len, given.buffers, given.count, 0, &out, &error);
    check_refused(status, error, &out);
}

void run_refused_twin(const json *vector) {
    const json *bytes = json_get(vector, "bytes");
    block given = bytes != NULL ? bytes_of(bytes) : text_parts_of(json_need(vector, "text"));
    rm_output out = {0};
    rm_error *error = NULL;
    rm_status status = rm_document_from_json(given.data, given.len, NULL, 0, &out, &error);
    check_refused(status, error, &out);
}
