/* Threads of the library take no signals: those belong to the threads of the host. */

#include "check.h"
#include <dirent.h>
#include <pthread.h>
#include <signal.h>

static const char SLOW[] = "{\"version\":\"v1\",\"metadata\":{\"name\":\"signals\"},\"nodes\":["
                           "{\"id\":\"only\",\"node_type\":\"Hosted\"}],\"connections\":[]}";
static const char OPTIONS[] = "{\"host_nodes\":{\"Hosted\":{\"token\":7,\"max_wait_ms\":60000}}}";

static volatile sig_atomic_t handled;

static void handle(int signal) {
    (void)signal;
    handled = 1;
}

/* The signals that a thread of this process blocks, as a mask; its name is written to `name`. */
static uint64_t blocked_by(const char *task, char name[32]) {
    char path[300], line[200];
    uint64_t mask = 0;
    snprintf(path, sizeof path, "/proc/self/task/%s/status", task);
    FILE *status = fopen(path, "r");
    CHECK(status != NULL);
    while (fgets(line, sizeof line, status) != NULL) {
        sscanf(line, "Name: %31s", name);
        sscanf(line, "SigBlk: %" SCNx64, &mask);
    }
    fclose(status);
    return mask;
}

/* Starts a thread of each kind: workers, the timer, the one that frees large memory. */
static void start_threads(rm_runtime *runtime, rm_port *port) {
    rm_pipeline *pipeline = new_pipeline(runtime, SLOW, OPTIONS);
    submit(pipeline, port, 1, "[1]");
    CHECK_STATUS(RM_OK, rm_port_cancel(port, 1, &error));
    rm_document *inputs = from_json("[1]");
    view seen = look(inputs);
    rm_output out = {0};
    CHECK_STATUS(RM_PENDING,
                 rm_pipeline_submit(pipeline, port, 2, seen.data, seen.len, NULL, 0, 60000000, 0, &out, &error));
    rm_document_free(inputs);
    rm_pipeline_free(pipeline);
    size_t len = 1 << 20;
    char *json = calloc(len + 100, 1);
    CHECK(json != NULL);
    static const char head[] = "{\"$rm\":\"bytes\",\"base64\":\"", tail[] = "\"}";
    memcpy(json, head, sizeof head - 1);
    memset(json + sizeof head - 1, 'A', len);
    memcpy(json + sizeof head - 1 + len, tail, sizeof tail);
    rm_document *document = from_json(json);
    free(json);
    rm_memory *kept = NULL;
    CHECK_STATUS(RM_OK, rm_memory_retain(look(document).buffers[0].memory, &kept, &error));
    rm_document_free(document);
    rm_memory_discard(kept);
}

/* What this thread blocks, as the kernel has it, when it blocks all but faults, which come to the thread that causes
 * them. Of the signals from 32 on the C library keeps some for itself (glibc two, musl three), and an emulator of a
 * processor some more. */
static uint64_t all_but_faults(void) {
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
    uint64_t ordinary = 0x7fffffff & ~((uint64_t)1 << (SIGKILL - 1) | (uint64_t)1 << (SIGSTOP - 1));
    sigset_t chosen, before;
    sigfillset(&chosen);
    for (size_t index = 0; index < sizeof faults / sizeof *faults; index++) {
        sigdelset(&chosen, faults[index]);
        ordinary &= ~((uint64_t)1 << (faults[index] - 1));
    }
    char task[32], name[32];
    snprintf(task, sizeof task, "%d", (int)getpid());
    CHECK_NUMBER(0, pthread_sigmask(SIG_BLOCK, &chosen, &before));
    uint64_t mask = blocked_by(task, name);
    CHECK_NUMBER(0, pthread_sigmask(SIG_SETMASK, &before, NULL));
    return mask | ordinary;
}

static void threads_of_the_library_block_all_but_faults_of_their_own(void) {
    uint64_t wanted = all_but_faults();
    /* Two workers, the timer and the thread that frees, each of which has its name a moment after it was started. */
    for (int seen = 0; seen < 4;) {
        DIR *tasks = opendir("/proc/self/task");
        CHECK(tasks != NULL);
        seen = 0;
        for (struct dirent *task; (task = readdir(tasks)) != NULL;) {
            if (task->d_name[0] == '.') continue;
            char name[32] = "";
            uint64_t mask = blocked_by(task->d_name, name);
            if (strncmp(name, "remotemedia", 11) != 0) continue;
            seen++;
            if ((mask & wanted) != wanted) fprintf(stderr, "%s blocks %#" PRIx64 " only\n", name, mask);
            CHECK((mask & wanted) == wanted);
        }
        closedir(tasks);
    }
}

static void the_mask_of_the_calling_thread_stays_as_it_was(const sigset_t *before) {
    sigset_t after;
    CHECK_NUMBER(0, pthread_sigmask(SIG_SETMASK, NULL, &after));
    for (int signal = 1; signal <= 31; signal++) CHECK_NUMBER(sigismember(before, signal), sigismember(&after, signal));
}

static void a_signal_that_the_host_blocks_waits_for_the_host(void) {
    struct sigaction action = {.sa_handler = handle};
    CHECK_NUMBER(0, sigaction(SIGUSR1, &action, NULL));
    sigset_t only, pending;
    sigemptyset(&only);
    sigaddset(&only, SIGUSR1);
    CHECK_NUMBER(0, pthread_sigmask(SIG_BLOCK, &only, NULL));
    CHECK_NUMBER(0, kill(getpid(), SIGUSR1));
    CHECK_NUMBER(0, sigpending(&pending));
    CHECK(sigismember(&pending, SIGUSR1) == 1 && !handled);
    CHECK_NUMBER(0, pthread_sigmask(SIG_UNBLOCK, &only, NULL));
    CHECK(handled);
}

int main(void) {
    alarm(TEST_SECONDS);
    sigset_t before;
    CHECK_NUMBER(0, pthread_sigmask(SIG_SETMASK, NULL, &before));
    rm_runtime *runtime = NULL;
    static const char config[] = "{\"workers\":2}";
    CHECK_STATUS(RM_OK, rm_runtime_new((const uint8_t *)config, strlen(config), &runtime, &error));
    rm_port *port = new_port(runtime);
    start_threads(runtime, port);
    threads_of_the_library_block_all_but_faults_of_their_own();
    the_mask_of_the_calling_thread_stays_as_it_was(&before);
    a_signal_that_the_host_blocks_waits_for_the_host();
    rm_port_free(port);
    CHECK_STATUS(RM_OK, rm_runtime_shutdown(runtime, -1, &error));
    rm_runtime_free(runtime);
    check_nothing_left();
    return 0;
}
