/* One scenario under way: what player.c, ports.c, own_nodes.c, values.c and checks.c share. */

#ifndef SCENARIO_H
#define SCENARIO_H

#include "suite.h"

#define MAX_TOKENS 4096

/* What was given away under a number, and how often it came back. */
typedef enum loan_kind { LOAN_MEMORY, LOAN_EXCEPTION, LOAN_TYPE } loan_kind;
typedef struct loan {
    loan_kind kind;
    const char *name;
    int64_t exception;
    int released;
} loan;

/* A runtime with the one port of this runner. Each counts its numbers from 1, so two runtimes have equal ones. */
typedef struct place {
    const char *name;
    rm_runtime *runtime;
    rm_port *port;
    bool has_ended;
    loan *loans; /* by token */
    uint64_t next_token, next_work;
    struct place *next;
} place;

typedef struct graph {
    const char *name;
    rm_pipeline *pipeline;
    place *at;
    bool has_own_nodes;
    struct graph *next;
} graph;

/* A run or a session; its token is its number. */
typedef struct work {
    const char *name;
    uint64_t token;
    place *at;
    graph *of;
    rm_session *session;
    const json *options;
    json *completion;
    json *by_reference; /* the completion with "buffer": i for payloads of the table */
    rm_buffer *table;
    size_t table_len;
    bool has_room, has_outputs;
    struct work *next;
} work;

typedef struct own_node {
    const char *type;
    const place *at;
    const json *options;
    uint64_t token;
    int64_t called, closed, failures, permits, packets;
    text sizes;
    struct own_node *next;
} own_node;

/* A call to nodes of the host, as far as it is answered. */
typedef struct call {
    uint64_t number;
    place *at;
    json *content;
    const rm_buffer *table; /* of the host's own memory, which goes back as such; else NULL */
    size_t table_len;
    const json *entry; /* the next one */
    size_t index;      /* its number */
    int64_t part;      /* the next part of a streaming answer */
    bool is_counted, waits_for_room, is_over;
    text outputs;
    struct call *next;
} call;

typedef struct memory {
    const char *name;
    uint8_t *data;
    size_t len;
    struct memory *next;
} memory;

typedef struct scenario {
    place *places;
    graph *graphs;
    work *works;
    own_node *own_nodes;
    call *calls;
    memory *memories;
    json *before;       /* live objects */
    json *error;        /* the detail of the step that failed, or NULL */
    const char *status; /* its status */
    place *failed_at;   /* whose error it is */
    json *failed;       /* the completion that it came with, or NULL */
    work *result;       /* whose outputs `expect_values` means */
} scenario;

/* ---- values.c */

/* The JSON twin of a value of a scenario, with large payloads by a table that grows; tokens only for what is lent. */
typedef struct given {
    place *at;
    text twin;
    rm_buffer table[256];
    size_t count;
} given;

void give_value(scenario *play, given *to, const json *value);
json *expected_value(scenario *play, const json *value);
uint64_t new_loan(place *at, loan_kind kind, const char *name, int64_t exception);
void released(place *at, const json *tokens); /* a list of tokens, or NULL */
memory *memory_of(scenario *play, const char *name);
bool is_lent(const scenario *play, const char *name);

/* ---- ports.c */

place *new_place(scenario *play, const char *name, const json *config);
place *place_of(scenario *play, const char *name);
work *work_of(scenario *play, const char *name);
void pump(scenario *play, place *at, int64_t timeout_us);
void settle(scenario *play); /* handles everything that is there now */
bool is_pending(const work *of);

/* ---- own_nodes.c */

own_node *own_node_of(scenario *play, const char *type);
/* `by_reference` is the event with the payloads of a table that lends the host's own memory. */
void begin_call(scenario *play, place *at, json *event, json *by_reference, const document *seen);
void go_on(scenario *play); /* answers all calls as far as they can be answered */
void end_call(scenario *play, const place *at, uint64_t number);

/* ---- steps.c, sessions.c, checks.c: what a step does; an error of the library goes to `note_error` */

void note_error(scenario *play, place *at, rm_status status, rm_error *error);
void note_completion(scenario *play, work *of);
bool do_step(scenario *play, const json *step);
bool do_session_step(scenario *play, const json *step);
bool do_check(scenario *play, const json *step);
void close_all(scenario *play);
void close_session(scenario *play, work *of);
void check_live(scenario *play, const json *more);
const char *output_name(const work *of, const json *output);

#endif
