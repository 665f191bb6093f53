/* The five figures of C, which are the floor for every other language: calls of the ABI with room of the caller. */

#include "measure.h"

#define LARGE 2764800
#define ROUNDS 5
#define ROUND_NS 200000000

static rm_pipeline *three, *one, *own;
static uint8_t *large;
static uint64_t next_token = 1;

/* [1, 2, 3], [1], and the bytes of the first entry of the table. */
static const uint8_t THREE_INPUTS[] = {0x93, 1, 2, 3}, ONE_INPUT[] = {0x91, 1};
static const uint8_t LARGE_INPUT[] = {
    0x91, 0xc7, 8, 6, 0x93, 0, 0, 0xce, LARGE >> 24, LARGE >> 16 & 255, LARGE >> 8 & 255, LARGE & 255};
/* {"outputs": [[0, 1]], "final": true} */
static const uint8_t REPLY[] = "\x82\xa7outputs\x91\x92\x00\x01\xa5"
                               "final\xc3";

static void bare(void) {
    if (rm_abi_version() == 0) stop("no version", NULL);
}

static void execute(void) {
    rm_output out = with_room();
    rm_error *error = NULL;
    if (rm_pipeline_execute(three, THREE_INPUTS, sizeof THREE_INPUTS, NULL, 0, -1, &out, &error) != RM_OK)
        stop("execute", error);
}

/* One batch of events; the number behind the kind of the first one. */
static uint64_t next_event(uint8_t kind) {
    rm_output out = with_room();
    rm_error *error = NULL;
    if (rm_port_next(port, -1, &out, &error) != RM_OK || out.len < 4) stop("next", error);
    const uint8_t *event = room + (room[0] == 0xdc ? 3 : 1);
    if (event[1] != kind) stop("another event", NULL);
    if (event[2] < 0x80) return event[2];
    uint64_t number = 0;
    for (int index = 0; index < 1 << (event[2] - 0xcc); index++) number = number << 8 | event[3 + index];
    return number;
}

static void begin(const rm_pipeline *pipeline, const uint8_t *inputs, size_t len) {
    rm_output out = with_room();
    rm_error *error = NULL;
    if (rm_pipeline_submit(pipeline, port, next_token++, inputs, len, NULL, 0, -1, 0, &out, &error) != RM_PENDING)
        stop("submit", error);
}

static void submit(void) {
    begin(three, THREE_INPUTS, sizeof THREE_INPUTS);
    next_event(RM_EVENT_COMPLETED);
}

static void pass_large(void) {
    rm_buffer table = {.data = large, .len = LARGE, .token = next_token++};
    rm_output out = with_room();
    rm_error *error = NULL;
    if (rm_pipeline_execute(one, LARGE_INPUT, sizeof LARGE_INPUT, &table, 1, -1, &out, &error) != RM_OK)
        stop("large", error);
    if (out.buffer_count != 1 || room_table[0].data != large) stop("large came back elsewhere", NULL);
}

static void call_own(void) {
    begin(own, ONE_INPUT, sizeof ONE_INPUT);
    uint64_t call = next_event(RM_EVENT_CALL);
    rm_error *error = NULL;
    if (rm_port_reply(port, call, REPLY, sizeof REPLY - 1, NULL, 0, NULL, &error) != RM_OK) stop("reply", error);
    next_event(RM_EVENT_COMPLETED);
}

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* The mean of one call, in rounds that take at least so long. */
static double mean_of(void (*call)(void)) {
    int64_t begun = now_ns(), taken = 0;
    long calls = 0;
    for (long step = 1; taken < ROUND_NS; step = step < 1 << 16 ? 2 * step : step) {
        for (long index = 0; index < step; index++) call();
        calls += step;
        taken = now_ns() - begun;
    }
    return (double)taken / (double)calls;
}

static int by_size(const void *a, const void *b) {
    double one_of = *(const double *)a, other = *(const double *)b;
    return (one_of > other) - (one_of < other);
}

static double median_of(void (*call)(void)) {
    double means[ROUNDS];
    mean_of(call);
    for (int round = 0; round < ROUNDS; round++) means[round] = mean_of(call);
    qsort(means, ROUNDS, sizeof *means, by_size);
    return means[ROUNDS / 2];
}

int main(int count, char **arguments) {
    if (count != 2) {
        fprintf(stderr, "bench SUITE\n");
        return 2;
    }
    begin_runtime();
    three = pipeline_of(arguments[1], "three", NULL);
    one = pipeline_of(arguments[1], "one", NULL);
    own = pipeline_of(arguments[1], "own", "{\"host_nodes\":{\"Own\":{\"token\":1}}}");
    large = calloc(1, LARGE);
    static const struct {
        const char *name;
        void (*call)(void);
    } figures[] = {{"bare", bare}, {"execute", execute}, {"submit", submit}, {"node", call_own}, {"large", pass_large}};
    printf("{");
    /* The large one is last: the release of what was lent may come by the port. */
    for (size_t index = 0; index < sizeof figures / sizeof *figures; index++)
        printf("%s\"%s\": %.1f", index == 0 ? "" : ", ", figures[index].name, median_of(figures[index].call));
    printf("}\n");
    rm_runtime_shutdown(runtime, -1, NULL);
    rm_pipeline_free(three);
    rm_pipeline_free(one);
    rm_pipeline_free(own);
    rm_port_free(port);
    rm_runtime_free(runtime);
    free(large);
    return 0;
}
