/* Release records: each token comes back once, where it was given, and only when nothing uses it any more. */

#include "check.h"
#include <pthread.h>

static const char PASS[] = "{\"version\":\"v1\",\"metadata\":{\"name\":\"releases\"},\"nodes\":["
                           "{\"id\":\"only\",\"node_type\":\"PassThrough\"}],\"connections\":[]}";
static const char HOSTED[] = "{\"version\":\"v1\",\"metadata\":{\"name\":\"releases\"},\"nodes\":["
                             "{\"id\":\"only\",\"node_type\":\"Hosted\"}],\"connections\":[]}";
static const char OPTIONS[] = "{\"host_nodes\":{\"Hosted\":{\"token\":7,\"batch\":1},\"Unused\":{\"token\":8}}}";

/* [the first 16,384 bytes of buffer 0], the same memory twice, and what is lent there. */
static const uint8_t INPUTS[] = {0x91, 0xc7, 6, 6, 0x93, 0, 0, 0xcd, 0x40, 0x00};
static const uint8_t TWICE[] = {0x92, 0xc7, 6, 6,    0x93, 0, 0,    0xcd, 0x40, 0x00,
                                0xc7, 6,    6, 0x93, 0,    0, 0xcd, 0x40, 0x00};
static uint8_t lent[16384];

static rm_buffer lend(uint64_t token) {
    return (rm_buffer){.data = lent, .len = sizeof lent, .token = token};
}

/* Submits the same memory as two items: while the host has a call with the first, the second is still lent. */
static void submit_lending(rm_pipeline *pipeline, rm_port *port, uint64_t work, uint64_t token) {
    const rm_buffer table = lend(token);
    rm_output out = {0};
    CHECK_STATUS(RM_PENDING,
                 rm_pipeline_submit(pipeline, port, work, TWICE, sizeof TWICE, &table, 1, -1, 0, &out, &error));
}

/* The number of the first call that a port has, which names memory that stays lent. */
static uint64_t take_call(rm_port *port) {
    rm_output out = {0};
    CHECK_STATUS(RM_OK, rm_port_next(port, PATIENCE_US, &out, &error));
    view seen = look(out.document);
    CHECK_NUMBER(1, (long long)seen.count);
    CHECK(seen.buffers[0].data == lent && seen.buffers[0].memory == NULL);
    char *events = to_json(out.document);
    uint64_t call = number_after(events, "[[2,");
    CHECK(strstr(events, "[3,") == NULL);
    free(events);
    return call;
}

/* The next call names the memory for the last time, and brings it back. */
static void check_last_call(rm_port *port, uint64_t token) {
    char *events = next_events(port, RM_OK), end[40];
    snprintf(end, sizeof end, ",[3,[%" PRIu64 "]]]", token);
    CHECK(strncmp(events, "[[2,", 4) == 0 && strcmp(events + strlen(events) - strlen(end), end) == 0);
    free(events);
}

static void check_released(rm_runtime *runtime, rm_status status, const char *tokens) {
    rm_output out = {0};
    CHECK_STATUS(status, rm_runtime_released(runtime, &out, &error));
    char *json = to_json(out.document);
    CHECK_TEXT(tokens, json);
    free(json);
}

static void check_no_events(rm_port *port) {
    rm_output out = {0};
    CHECK_STATUS(RM_TIMEOUT, rm_port_next(port, 0, &out, &error));
    rm_document_free(out.document);
}

/* A call that has to fail with this status, and to give tokens back in its detail. `call` passes `&error`. */
#define CHECK_GIVEN_BACK(status, tokens, call)                                                                         \
    do {                                                                                                               \
        rm_error *error = NULL;                                                                                        \
        CHECK_NUMBER(status, call);                                                                                    \
        char *detail = detail_of(error);                                                                               \
        CHECK(strstr(detail, "\"released\":") != NULL);                                                                \
        CHECK_TEXT("\"released\":" tokens "}", strstr(detail, "\"released\":"));                                       \
        free(detail);                                                                                                  \
        rm_error_free(error);                                                                                          \
    } while (0)

/* Two hosts in one process, such as two bindings, choose their tokens without each other. */
static void two_runtimes_with_equal_tokens_get_back_their_own(void) {
    rm_runtime *runtimes[2];
    rm_port *ports[2];
    rm_pipeline *pipelines[2];
    uint64_t calls[2];
    for (int each = 0; each < 2; each++) {
        runtimes[each] = new_runtime();
        ports[each] = new_port(runtimes[each]);
        pipelines[each] = new_pipeline(runtimes[each], HOSTED, OPTIONS);
        submit_lending(pipelines[each], ports[each], 1, 1);
        calls[each] = take_call(ports[each]);
    }
    /* The memory of the first is released; that of the second is still lent. */
    CHECK_STATUS(RM_OK, reply(ports[0], calls[0], "{\"outputs\":[[0,1]]}", &error));
    check_no_events(ports[1]);
    check_released(runtimes[1], RM_WOULD_BLOCK, "[]");
    check_last_call(ports[0], 1);
    check_no_events(ports[1]);
    check_released(runtimes[1], RM_WOULD_BLOCK, "[]");
    CHECK_STATUS(RM_OK, reply(ports[1], calls[1], "{\"outputs\":[[0,1]]}", &error));
    check_last_call(ports[1], 1);
    for (int each = 0; each < 2; each++) {
        rm_pipeline_free(pipelines[each]);
        CHECK_STATUS(RM_OK, rm_runtime_shutdown(runtimes[each], -1, &error));
        rm_port_free(ports[each]);
        check_released(runtimes[each], RM_OK, "[7,8]");
        rm_runtime_free(runtimes[each]);
    }
    check_nothing_left();
}

static void a_token_comes_back_at_the_port_that_it_was_given_through(rm_runtime *runtime) {
    rm_port *port = new_port(runtime), *other = new_port(runtime);
    rm_pipeline *pipeline = new_pipeline(runtime, HOSTED, OPTIONS);
    submit_lending(pipeline, port, 1, 11);
    uint64_t call = take_call(port);
    CHECK_STATUS(RM_OK, reply(port, call, "{\"outputs\":[[0,1]]}", &error));
    check_no_events(other);
    check_released(runtime, RM_WOULD_BLOCK, "[]");
    check_last_call(port, 11);

    /* What was given through a port that is freed comes back at the runtime, or at any of its ports. */
    submit_lending(pipeline, port, 2, 12);
    rm_port_free(port);
    /* Nothing wakes a port for what comes back at the runtime. */
    rm_output records = {0};
    while (rm_port_next(other, 1000, &records, NULL) == RM_TIMEOUT) rm_document_free(records.document);
    char *events = to_json(records.document);
    CHECK_TEXT("[[3,[12]]]", events);
    free(events);
    rm_port_free(other);
    rm_pipeline_free(pipeline);
    /* The nodes of the work that was cancelled may still be cleaned up: one token may come before the other. */
    int sevens = 0, eights = 0;
    while (sevens + eights < 2) {
        rm_output out = {0};
        rm_runtime_released(runtime, &out, NULL);
        char *released = to_json(out.document);
        sevens += strcmp(released, "[7]") == 0 || strcmp(released, "[7,8]") == 0;
        eights += strcmp(released, "[8]") == 0 || strcmp(released, "[7,8]") == 0;
        CHECK(sevens + eights > 0 || strcmp(released, "[]") == 0);
        free(released);
    }
    CHECK_NUMBER(1, sevens);
    CHECK_NUMBER(1, eights);
    check_released(runtime, RM_WOULD_BLOCK, "[]");
}

/* rm_pipeline_execute has no port: what it was given comes back with it, or at the runtime. */
static void a_token_that_is_given_without_a_port_comes_back_with_the_call(rm_runtime *runtime) {
    rm_pipeline *pipeline = new_pipeline(runtime, PASS, NULL);
    const rm_buffer table = lend(21);
    rm_output out = {0};
    CHECK_STATUS(RM_OK, rm_pipeline_execute(pipeline, INPUTS, sizeof INPUTS, &table, 1, -1, &out, &error));
    view seen = look(out.document);
    CHECK(seen.count == 1 && seen.buffers[0].token == 21 && seen.buffers[0].data == lent);
    /* {..., "released": [21]} */
    CHECK(memcmp(seen.data + seen.len - 11, "\xa8released\x91\x15", 11) == 0);
    rm_document_free(out.document);
    check_released(runtime, RM_WOULD_BLOCK, "[]");
    rm_pipeline_free(pipeline);
}

static void a_call_that_fails_gives_its_tokens_back_in_its_detail(rm_runtime *runtime) {
    rm_port *port = new_port(runtime);
    rm_pipeline *pipeline = new_pipeline(runtime, HOSTED, OPTIONS);
    rm_session *session = NULL;
    CHECK_STATUS(RM_OK, rm_session_new(pipeline, port, 1, NULL, 0, &session, &error));
    const rm_buffer two[] = {lend(31), lend(32)};
    const uint8_t *bad = (const uint8_t *)"\xc1";
    rm_output out = {0};
    CHECK_GIVEN_BACK(RM_INVALID_DOCUMENT, "[31,32]",
                     rm_pipeline_submit(pipeline, port, 2, bad, 1, two, 2, -1, 0, &out, &error));
    CHECK_GIVEN_BACK(RM_INVALID_ARGUMENT, "[31,32]",
                     rm_pipeline_execute(pipeline, INPUTS, sizeof INPUTS, two, 2, -1, &out, &error));
    CHECK_GIVEN_BACK(RM_INVALID_DOCUMENT, "[31,32]", rm_session_send(session, bad, 1, two, 2, 0, 0, &out, &error));
    CHECK_GIVEN_BACK(RM_GONE, "[31,32]",
                     rm_port_reply(port, 1u << 30, (const uint8_t *)"\x80", 1, two, 2, NULL, &error));
    /* Calls that name no object are refused before anything is lent. */
    CHECK_GIVEN_BACK(RM_INVALID_ARGUMENT, "[31,32]",
                     rm_pipeline_execute(NULL, INPUTS, sizeof INPUTS, two, 2, -1, &out, &error));
    /* Without an error they come back by a record. */
    CHECK_NUMBER(RM_INVALID_DOCUMENT, rm_pipeline_submit(pipeline, port, 2, bad, 1, two, 2, -1, 0, &out, NULL));
    char *events = next_events(port, RM_OK);
    CHECK_TEXT("[[3,[31,32]]]", events);
    free(events);
    check_no_events(port);
    check_released(runtime, RM_WOULD_BLOCK, "[]");
    rm_session_free(session);
    rm_port_free(port);
    rm_pipeline_free(pipeline);
    /* A manifest that is refused gives the tokens of the node types back. */
    rm_pipeline *none = NULL;
    CHECK_GIVEN_BACK(RM_INVALID_MANIFEST, "[7,8]",
                     rm_pipeline_new(runtime, NULL, 0, (const uint8_t *)OPTIONS, strlen(OPTIONS), &none, &error));
}

/* The token of a node type is worth as long as a call can name it. */
static void the_token_of_a_node_type_comes_back_once_no_call_can_name_it(void) {
    rm_runtime *runtime = new_runtime();
    rm_port *port = new_port(runtime);
    rm_pipeline *pipeline = new_pipeline(runtime, HOSTED, OPTIONS);
    submit(pipeline, port, 1, "[1,2]");
    submit(pipeline, port, 2, "[3]");
    rm_pipeline_free(pipeline);
    check_released(runtime, RM_WOULD_BLOCK, "[]");
    for (int round = 0; round < 2; round++) {
        char *events = next_events(port, RM_OK);
        for (char *at = events; (at = strstr(at, "[2,")) != NULL; at++) {
            uint64_t call = strtoull(at + 3, NULL, 10);
            CHECK(strstr(at, "\"nodes\":[[7,\"only\"]]") != NULL);
            CHECK(strstr(events, "[3,") == NULL);
            CHECK_STATUS(RM_OK, reply(port, call, "{\"outputs\":[]}", &error));
        }
        free(events);
    }
    CHECK_STATUS(RM_OK, rm_runtime_shutdown(runtime, -1, &error));
    char *events = next_events(port, RM_END);
    CHECK(strstr(events, ",[3,[7,8]],[4]]") != NULL || strcmp(events, "[[3,[7,8]],[4]]") == 0);
    free(events);
    rm_port_free(port);
    rm_runtime_free(runtime);
    check_nothing_left();
}

/* Memory of the runtime goes in again as it is: shared, and nothing to be released. */
static void memory_of_the_runtime_is_shared_and_not_copied(rm_runtime *runtime) {
    rm_pipeline *pipeline = new_pipeline(runtime, PASS, NULL);
    const rm_buffer copied = {.data = lent, .len = sizeof lent};
    rm_output first = {0}, second = {0}, out = {0};
    CHECK_STATUS(RM_OK, rm_pipeline_execute(pipeline, INPUTS, sizeof INPUTS, &copied, 1, -1, &first, &error));
    view seen = look(first.document);
    CHECK(seen.buffers[0].data != lent && seen.buffers[0].flags == RM_BUFFER_WRITABLE);
    CHECK_STATUS(RM_OK, rm_pipeline_execute(pipeline, INPUTS, sizeof INPUTS, seen.buffers, 1, -1, &second, &error));
    view again = look(second.document);
    CHECK(again.buffers[0].data == seen.buffers[0].data && again.buffers[0].memory != seen.buffers[0].memory);
    /* The first document shares it, so it can't be written. */
    CHECK_NUMBER(0, again.buffers[0].flags);
    rm_document_free(second.document);

    rm_buffer wrong = seen.buffers[0];
    wrong.token = 5;
    const rm_status bad = RM_INVALID_ARGUMENT;
    CHECK_ERROR(bad, "`buffers[0].token` is 5 where `memory` is not NULL; one of the two must be 0",
                rm_pipeline_execute(pipeline, INPUTS, sizeof INPUTS, &wrong, 1, -1, &out, &error));
    wrong = seen.buffers[0];
    wrong.data = lent;
    CHECK_ERROR(bad, "`buffers[0].memory` is not the memory that `data` and `len` are a part of; pass NULL here",
                rm_pipeline_execute(pipeline, INPUTS, sizeof INPUTS, &wrong, 1, -1, &out, &error));
    wrong = copied;
    wrong.flags = 6;
    CHECK_ERROR(bad, "`buffers[0].flags` has bits that are not known: 0x6; pass 0",
                rm_pipeline_execute(pipeline, INPUTS, sizeof INPUTS, &wrong, 1, -1, &out, &error));
    wrong = copied;
    wrong.reserved = 3;
    CHECK_ERROR(bad, "`buffers[0].reserved` is 3; pass 0",
                rm_pipeline_execute(pipeline, INPUTS, sizeof INPUTS, &wrong, 1, -1, &out, &error));
    rm_document_free(first.document);
    rm_pipeline_free(pipeline);
}

/* For hosts whose own heap moves: memory that the host writes and lends. */
static void memory_can_be_made_for_the_host(rm_runtime *runtime) {
    rm_pipeline *pipeline = new_pipeline(runtime, PASS, NULL);
    uint8_t *data = NULL;
    rm_memory *memory = NULL;
    CHECK_STATUS(RM_OK, rm_memory_new(sizeof lent, &data, &memory, &error));
    CHECK_NUMBER(0, (long long)((uintptr_t)data % 64));
    for (size_t index = 0; index < sizeof lent; index++) {
        CHECK_NUMBER(0, data[index]);
        data[index] = (uint8_t)index;
    }
    rm_buffer table = {.data = data, .len = sizeof lent, .token = 41};
    rm_output out = {0};
    CHECK_STATUS(RM_OK, rm_pipeline_execute(pipeline, INPUTS, sizeof INPUTS, &table, 1, -1, &out, &error));
    view seen = look(out.document);
    CHECK(seen.buffers[0].data == data && seen.buffers[0].token == 41);
    CHECK(memcmp(seen.data + seen.len - 11, "\xa8released\x91\x29", 11) == 0);
    rm_document_free(out.document);
    table.token = 0;
    table.memory = memory;
    CHECK_ERROR(RM_INVALID_ARGUMENT,
                "`buffers[0].memory` is of `rm_memory_new`; lend its bytes under a token, with NULL here",
                rm_pipeline_execute(pipeline, INPUTS, sizeof INPUTS, &table, 1, -1, &out, &error));
    rm_memory_free(memory);
    CHECK_STATUS(RM_OK, rm_memory_new(0, &data, &memory, &error));
    CHECK(data != NULL && memory != NULL);
    rm_memory_discard(memory);
    CHECK_ERROR(RM_INVALID_ARGUMENT, "`len` is longer than memory can be",
                rm_memory_new(SIZE_MAX, &data, &memory, &error));
    CHECK_STATUS(RM_OUT_OF_RESOURCES, rm_memory_new(SIZE_MAX / 2 - 4096, &data, &memory, &error));
    rm_pipeline_free(pipeline);
}

enum { LENDERS = 4, LOANS = 500 };

static void *lend_and_collect(void *of) {
    rm_runtime *runtime = of;
    rm_port *port = new_port(runtime);
    rm_pipeline *pipeline = new_pipeline(runtime, PASS, NULL);
    int back[LOANS + 1] = {0};
    for (uint64_t token = 1; token <= LOANS; token++) {
        const rm_buffer table = lend(token);
        rm_output out = {0};
        CHECK_STATUS(RM_PENDING,
                     rm_pipeline_submit(pipeline, port, token, INPUTS, sizeof INPUTS, &table, 1, -1, 0, &out, &error));
    }
    for (int missing = LOANS; missing > 0;) {
        char *events = next_events(port, RM_OK);
        char *at = strstr(events, "[3,[");
        for (at = at == NULL ? NULL : at + 3; at != NULL && *at != ']'; missing--) {
            uint64_t token = strtoull(at + 1, &at, 10);
            CHECK(token >= 1 && token <= LOANS);
            CHECK_NUMBER(1, ++back[token]);
        }
        free(events);
    }
    rm_pipeline_free(pipeline);
    rm_port_free(port);
    return NULL;
}

/* Threads with a port each and the same tokens, at one runtime. */
static void each_thread_gets_back_what_it_lent(rm_runtime *runtime) {
    pthread_t lenders[LENDERS];
    for (int each = 0; each < LENDERS; each++)
        CHECK_NUMBER(0, pthread_create(&lenders[each], NULL, lend_and_collect, runtime));
    for (int each = 0; each < LENDERS; each++) CHECK_NUMBER(0, pthread_join(lenders[each], NULL));
    check_released(runtime, RM_WOULD_BLOCK, "[]");
}

int main(void) {
    alarm(TEST_SECONDS);
    two_runtimes_with_equal_tokens_get_back_their_own();
    rm_runtime *runtime = new_runtime();
    a_token_comes_back_at_the_port_that_it_was_given_through(runtime);
    a_token_that_is_given_without_a_port_comes_back_with_the_call(runtime);
    a_call_that_fails_gives_its_tokens_back_in_its_detail(runtime);
    memory_of_the_runtime_is_shared_and_not_copied(runtime);
    memory_can_be_made_for_the_host(runtime);
    each_thread_gets_back_what_it_lent(runtime);
    CHECK_STATUS(RM_OK, rm_runtime_shutdown(runtime, -1, &error));
    rm_runtime_free(runtime);
    check_nothing_left();
    the_token_of_a_node_type_comes_back_once_no_call_can_name_it();
    return 0;
}
