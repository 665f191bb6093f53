/* Frames through one session, and the memory of the process on the way: `frames SUITE [COUNT]`; see the README of the
 * suite. */

#include "measure.h"

#define CHANNELS 8
#define SAMPLES 960
#define BYTES (CHANNELS * SAMPLES * 4)
#define TENTHS 10

static rm_session *session;
static float frame[CHANNELS * SAMPLES];
static long received;

/* [[audio]]: rate, layout, pts, channels, frames, channel stride, entry of the table, offset. */
static const uint8_t PACKET[] = {0x91,
                                 0x91,
                                 0xc7,
                                 15,
                                 2,
                                 0x98,
                                 0xcd,
                                 48000 >> 8,
                                 48000 & 255,
                                 0xc0,
                                 0xc0,
                                 CHANNELS,
                                 0xcd,
                                 SAMPLES >> 8,
                                 SAMPLES & 255,
                                 0xcd,
                                 SAMPLES * 4 >> 8,
                                 SAMPLES * 4 & 255,
                                 0,
                                 0};

/* The length of the list that begins here. */
static long items(const uint8_t *at) {
    return at[0] == 0xdc ? at[1] << 8 | at[2] : at[0] & 15;
}

static long resident_kib(void) {
    long pages = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file != NULL) {
        if (fscanf(file, "%ld %ld", &pages, &resident) != 2) resident = 0;
        fclose(file);
    }
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

/* Takes what the port has to report, such as memory that comes back; waits for something at most so long. */
static void take_events(int64_t timeout_us) {
    rm_output out = with_room();
    rm_error *error = NULL;
    if (rm_port_next(port, timeout_us, &out, &error) < 0) stop("next", error);
    rm_document_free(out.document);
}

static void send_frame(long number) {
    for (;;) {
        const rm_buffer table = {.data = (const uint8_t *)frame, .len = BYTES, .token = (uint64_t)number + 1};
        rm_output out = with_room();
        rm_error *error = NULL;
        rm_status status = rm_session_send(session, PACKET, sizeof PACKET, &table, 1, 1000000, 100, &out, &error);
        if (status < 0) stop("send", error);
        if (out.document != NULL) stop("the room was too small", NULL);
        /* [taken, outputs, released?] */
        received += items(room + 2);
        if (room[1] == 1) return;
        take_events(-1);
    }
}

static void receive_the_rest(void) {
    rm_error *error = NULL;
    if (rm_session_finish(session, &error) < 0) stop("finish", error);
    for (;;) {
        rm_output out = with_room();
        rm_status status = rm_session_receive(session, -1, 100, &out, &error);
        if (status == RM_END) return;
        if (status < 0) stop("receive", error);
        received += items(room + 1);
        if (status == RM_WOULD_BLOCK) take_events(1000000);
    }
}

static void open_session(const char *suite) {
    begin_runtime();
    rm_pipeline *pipeline = pipeline_of(suite, "frames", NULL);
    rm_error *error = NULL;
    if (rm_session_new(pipeline, port, 0, NULL, 0, &session, &error) != RM_OK) stop("session", error);
    rm_pipeline_free(pipeline);
}

int main(int count, char **arguments) {
    if (count < 2 || count > 3) {
        fprintf(stderr, "frames SUITE [COUNT]\n");
        return 2;
    }
    const long frames = count == 3 ? atol(arguments[2]) : 1000000;
    for (size_t index = 0; index < CHANNELS * SAMPLES; index++) frame[index] = 0.25f;
    open_session(arguments[1]);
    printf("{\"sent\": %ld, \"resident_kib\": [", frames);
    for (long number = 0, tenth = 1; number < frames; number++) {
        send_frame(number);
        take_events(0);
        if (number + 1 == frames * tenth / TENTHS) printf("%s%ld", tenth++ == 1 ? "" : ", ", resident_kib());
    }
    receive_the_rest();
    printf("], \"received\": %ld}\n", received);
    rm_session_free(session);
    rm_port_free(port);
    rm_runtime_shutdown(runtime, -1, NULL);
    rm_runtime_free(runtime);
    return 0;
}
