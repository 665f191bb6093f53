/* Documents and their JSON twin, both ways: exact values, memory of the runtime and of the host, mistakes. */

#include "check.h"

/* To msgpack and back gives the same text. */
static void check_round_trip(const char *json) {
    char *back = to_json(from_json(json));
    CHECK_TEXT(json, back);
    free(back);
}

static void values_come_back_exactly(void) {
    static const char *const texts[] = {
        "null",
        "true",
        "[]",
        "{}",
        "-9223372036854775808",
        "18446744073709551615",
        "0.1",
        "-0.0",
        "5e-324",
        "\"quote \\\" backslash \\\\ and \xc3\xa4\"",
        "[1,[2,[3,{\"k\":[]}]]]",
        "{\"z\":1,\"a\":2}",
        "{\"$rm\":\"float\",\"value\":\"NaN\"}",
        "{\"$rm\":\"float\",\"value\":\"-Infinity\"}",
        "{\"$rm\":\"bytes\",\"base64\":\"AP8=\"}",
        "{\"$$rm\":\"a key of the user's\"}",
        "{\"$rm\":\"timestamp\",\"seconds\":1,\"nanoseconds\":5}",
        "{\"$rm\":\"file\",\"path\":\"a.wav\",\"mime\":null}",
        "{\"$rm\":\"tensor\",\"dtype\":\"uint8\",\"shape\":[2,2],\"base64\":\"AQIDBA==\"}",
        "{\"$rm\":\"audio\",\"rate\":8000,\"layout\":null,\"pts\":null,\"channels\":1,\"frames\":1,\"base64\":\"AACAPw==\"}",
    };
    for (size_t index = 0; index < sizeof texts / sizeof *texts; index++) check_round_trip(texts[index]);
}

/* 20,000 bytes of zeros, as base64 in JSON: too much to travel inline. */
static char *large_tensor(void) {
    static const char head[] = "{\"$rm\":\"tensor\",\"dtype\":\"uint8\",\"shape\":[20001],\"base64\":\"",
                      tail[] = "\"}";
    size_t digits = 20001 / 3 * 4;
    char *json = malloc(sizeof head + digits + sizeof tail);
    CHECK(json != NULL);
    memcpy(json, head, sizeof head - 1);
    memset(json + sizeof head - 1, 'A', digits);
    memcpy(json + sizeof head - 1 + digits, tail, sizeof tail);
    return json;
}

static void large_payloads_travel_in_the_buffer_table(void) {
    char *json = large_tensor();
    rm_document *document = from_json(json);
    view seen = look(document);
    CHECK_NUMBER(1, (long long)seen.count);
    /* The table shows the whole memory, which may end in padding. */
    CHECK(seen.buffers[0].len >= 20001 && seen.buffers[0].len < 20001 + 8);
    CHECK(seen.len < 100);
    CHECK(seen.buffers[0].token == 0 && seen.buffers[0].memory != NULL);
    CHECK_NUMBER(1, seen.buffers[0].flags);

    /* The memory outlives the document when it is retained. */
    rm_memory *kept = NULL;
    CHECK_STATUS(RM_OK, rm_memory_retain(seen.buffers[0].memory, &kept, &error));
    uint8_t *data = (uint8_t *)(uintptr_t)seen.buffers[0].data;
    char *back = to_json(document);
    CHECK_TEXT(json, back);
    data[0] = data[20000] = 1;
    rm_memory_free(kept);
    free(back);
    free(json);
}

static void memory_of_the_host_is_read_in_place(void) {
    /* tensor [dtype, shape, C order, buffer 0, offset 0] as the ext type 1: fixext needs a power of two, so ext 8. */
    static const uint8_t bytes[] = {0xc7, 12, 1, 0x95, 0xa5, 'u', 'i', 'n', 't', '8', 0x91, 3, 0xc0, 0, 0};
    static const uint8_t samples[] = {1, 2, 3};
    const rm_buffer table = {.data = samples, .len = sizeof samples};
    rm_output out = {0};
    CHECK_STATUS(RM_OK, rm_document_to_json(bytes, sizeof bytes, &table, 1, 0, &out, &error));
    view seen = look(out.document);
    static const char expected[] = "{\"$rm\":\"tensor\",\"dtype\":\"uint8\",\"shape\":[3],\"base64\":\"AQID\"}";
    CHECK(seen.len == sizeof expected - 1 && memcmp(seen.data, expected, seen.len) == 0);
    rm_document_free(out.document);

    const rm_buffer no_memory = {.data = NULL, .len = 3};
    CHECK_ERROR(RM_INVALID_ARGUMENT, "`buffers[0].data` is NULL but its length is not 0",
                rm_document_to_json(bytes, sizeof bytes, &no_memory, 1, 0, &out, &error));
    CHECK_ERROR(
        RM_INVALID_DOCUMENT,
        "value: the tensor refers to buffer 0, the table has 0; pass the buffer table that belongs to the document",
        rm_document_to_json(bytes, sizeof bytes, NULL, 0, 0, &out, &error));
}

static void discarded_memory_is_freed_along_the_way(void) {
    char *json = large_tensor();
    uint8_t room[256];
    rm_buffer table[1];
    rm_output out = {.data = room, .capacity = sizeof room, .buffers = table, .buffer_capacity = 1};
    CHECK_STATUS(RM_OK, rm_document_from_json((uint8_t *)json, strlen(json), NULL, 0, &out, &error));
    CHECK(out.document == NULL && out.buffer_count == 1 && table[0].memory != NULL);

    rm_memory *const discard[] = {table[0].memory};
    rm_output next = {.discard = discard, .discard_count = 1};
    CHECK_STATUS(RM_OK, rm_live_objects(&next, &error));
    CHECK_NUMBER(0, (long long)next.discard_count);
    char *live = to_json(next.document);
    CHECK(strstr(live, "\"memories\":0,") != NULL);
    free(live);
    free(json);
}

#define CHECK_JSON_ERROR(message, json)                                                                                \
    do {                                                                                                               \
        rm_output out_ = {0};                                                                                          \
        CHECK_ERROR(RM_INVALID_DOCUMENT, message,                                                                      \
                    rm_document_from_json((const uint8_t *)(json), sizeof(json) - 1, NULL, 0, &out_, &error));         \
        CHECK(out_.document == NULL);                                                                                  \
    } while (0)

static void mistakes_are_named(void) {
    CHECK_JSON_ERROR("value[1] (line 1, column 4): expected a value, found the end of the text; correct the JSON text",
                     "[1,");
    CHECK_JSON_ERROR("value (line 1, column 5): expected the end of the text, found '2'; correct the JSON text",
                     "[1] 2");
    CHECK_JSON_ERROR(
        "value.gain (line 1, column 9): the integer 18446744073709551616 does not fit 64 bits; use -2^63 to 2^64-1, a float, or text",
        "{\"gain\":18446744073709551616}");
    CHECK_JSON_ERROR(
        "value (line 1, column 1): there is no kind \"sound\" for \"$rm\"; use bytes, float, timestamp, audio, video, tensor, table or file, or write the key as \"$$rm\"",
        "{\"$rm\":\"sound\"}");
    CHECK_JSON_ERROR(
        "value (line 1, column 1): the base64 of the byte string must be base64 of RFC 4648 with padding, it is \"?\"; lay it out as docs/wire.md says",
        "{\"$rm\":\"bytes\",\"base64\":\"?\"}");
    CHECK_JSON_ERROR("value: text is not UTF-8 from its byte 1 on; encode text as UTF-8 and send bytes as bytes",
                     "\"\xff\"");
    rm_output out = {0};
    CHECK_ERROR(RM_INVALID_DOCUMENT,
                "value: the byte 0xc1 begins no msgpack value; check that the bytes are a msgpack document",
                rm_document_to_json((const uint8_t *)"\xc1", 1, NULL, 0, 0, &out, &error));
    CHECK_ERROR(RM_INVALID_DOCUMENT,
                "value: there is more after the end of the value (bytes: 1); send one value a document",
                rm_document_to_json((const uint8_t *)"\x01\x01", 2, NULL, 0, 0, &out, &error));
    CHECK_ERROR(RM_INVALID_DOCUMENT,
                "value: text goes past the end (bytes needed: 3, left: 2); send the whole document",
                rm_document_to_json((const uint8_t *)"\xa3"
                                                     "ab",
                                    3, NULL, 0, 0, &out, &error));
}

int main(void) {
    alarm(TEST_SECONDS);
    values_come_back_exactly();
    large_payloads_travel_in_the_buffer_table();
    memory_of_the_host_is_read_in_place();
    discarded_memory_is_freed_along_the_way();
    mistakes_are_named();
    check_nothing_left();
    return 0;
}
