/* The steps that act on pipelines, runs, memory and runtimes. */

#include "scenario.h"

void note_error(scenario *play, place *at, rm_status status, rm_error *error) {
    play->status = rm_status_name(status);
    play->error = detail_of(error);
    play->failed = NULL;
    play->failed_at = at;
    if (at != NULL) released(at, json_get(play->error, "released"));
}

/* The end of a run or session: its outputs are the result, or its error is that of the step. */
void note_completion(scenario *play, work *of) {
    int64_t status = json_number(json_need(of->completion, "status"));
    play->result = of;
    if (status == RM_OK) return;
    const json *errors = json_need(of->completion, "errors");
    play->status = rm_status_name((rm_status)status);
    play->error = json_at(errors, 0);
    play->failed = of->completion;
    play->failed_at = of->at;
}

static graph *graph_of(scenario *play, const char *name) {
    for (graph *each = play->graphs; each != NULL; each = each->next)
        if (strcmp(each->name, name) == 0) return each;
    fail("there is no pipeline %s", name);
}

static void declare(scenario *play, place *at, text *options, const json *own_nodes) {
    static const char *const known[] = {"batch", "max_wait_ms", "inputs", "outputs"};
    add_text(options, "{\"host_nodes\":{");
    for (const json *type = own_nodes->first; type != NULL; type = type->next) {
        own_node *made = take(sizeof *made);
        made->type = type->key;
        made->options = type;
        made->at = at;
        made->token = new_loan(at, LOAN_TYPE, type->key, 0);
        made->next = play->own_nodes;
        play->own_nodes = made;
        add_format(options, "%s\"%s\":{\"token\":%" PRIu64, type == own_nodes->first ? "" : ",", type->key,
                   made->token);
        if (json_is(json_need(type, "behaviour"), "ends")) add_text(options, ",\"ends\":true");
        for (size_t index = 0; index < sizeof known / sizeof *known; index++) {
            const json *option = json_get(type, known[index]);
            if (option == NULL) continue;
            add_format(options, ",\"%s\":", known[index]);
            json_write(options, option);
        }
        add_text(options, "}");
    }
    add_text(options, "}}");
}

static void make_pipeline(scenario *play, const json *step) {
    graph *made = take(sizeof *made);
    const json *manifest = json_get(step, "manifest"), *own_nodes = json_get(step, "host_nodes");
    text source = {0}, options = {0};
    if (manifest != NULL) {
        document packed;
        json_write(&source, manifest);
        packed = document_of(source.data, source.len, NULL, 0);
        source = (text){.data = (char *)packed.bytes.data, .len = packed.bytes.len};
    } else {
        const json *given = json_need(step, "text");
        add(&source, given->data, given->len);
    }
    made->name = json_need(step, "as")->data;
    made->at = place_of(play, json_text(step, "runtime"));
    if (own_nodes != NULL) {
        declare(play, made->at, &options, own_nodes);
        made->has_own_nodes = true;
    }
    rm_error *error = NULL;
    rm_status status = rm_pipeline_new(made->at->runtime, (const uint8_t *)source.data, source.len,
                                       (const uint8_t *)options.data, options.len, &made->pipeline, &error);
    if (status < RM_OK) {
        note_error(play, made->at, status, error);
        return;
    }
    made->next = play->graphs;
    play->graphs = made;
}

static work *new_work(scenario *play, graph *of, const char *name) {
    work *made = take(sizeof *made);
    made->name = name;
    made->of = of;
    made->at = of->at;
    made->token = ++made->at->next_work;
    made->next = play->works;
    play->works = made;
    return made;
}

static int64_t timeout_of(const json *step) {
    const json *given = json_get(step, "timeout_ms");
    return given == NULL ? -1 : json_number(given) * 1000;
}

/* The inputs of a step as a document; false if they have none, which is the error of the step. */
static bool pack_inputs(scenario *play, place *at, const json *step, document *packed) {
    const json *inputs = json_get(step, "inputs");
    given *all = take(sizeof *all);
    all->at = at;
    if (inputs == NULL)
        add_text(&all->twin, "null");
    else
        give_value(play, all, inputs);
    rm_status status = RM_OK;
    rm_error *error = NULL;
    const rm_buffer *table = all->count > 0 ? all->table : NULL;
    *packed = document_or_error(all->twin.data, all->twin.len, table, all->count, &status, &error);
    if (status < RM_OK) note_error(play, at, status, error);
    return status >= RM_OK;
}

static work *start(scenario *play, const json *step, const char *name) {
    work *made = new_work(play, graph_of(play, json_need(step, "pipeline")->data), name);
    document packed;
    if (!pack_inputs(play, made->at, step, &packed)) {
        play->works = made->next;
        return NULL;
    }
    rm_output out = {0};
    rm_error *error = NULL;
    rm_status status =
        rm_pipeline_submit(made->of->pipeline, made->at->port, made->token, packed.bytes.data, packed.bytes.len,
                           packed.buffers, packed.count, timeout_of(step), 0, &out, &error);
    if (status < RM_OK) {
        note_error(play, made->at, status, error);
        play->works = made->next;
        return NULL;
    }
    if (status != RM_PENDING) fail("submit without a budget answers %s", rm_status_name(status));
    return made;
}

static int64_t now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void wait_for(scenario *play, work *of) {
    int64_t until = now_us() + WAIT_US;
    while (is_pending(of)) {
        if (now_us() > until || of->at->has_ended) fail("work %s does not end", of->name);
        pump(play, of->at, 100000);
    }
    note_completion(play, of);
}

/* Blocks in the library, where nothing has to be served meanwhile. */
static void execute(scenario *play, const json *step) {
    work *made = new_work(play, graph_of(play, json_need(step, "pipeline")->data), "run");
    document packed;
    if (!pack_inputs(play, made->at, step, &packed)) {
        play->works = made->next;
        return;
    }
    rm_output out = {0};
    rm_error *error = NULL;
    rm_status status = rm_pipeline_execute(made->of->pipeline, packed.bytes.data, packed.bytes.len, packed.buffers,
                                           packed.count, timeout_of(step), &out, &error);
    if (status < RM_OK) {
        note_error(play, made->at, status, error);
        play->works = made->next;
        return;
    }
    const uint8_t *data = NULL;
    const rm_buffer *buffers = NULL;
    size_t len = 0;
    require(rm_document_view(out.document, &data, &len, &buffers, &made->table_len, &error), &error, "view");
    made->completion = twin_of(data, len, buffers, made->table_len, 0);
    made->by_reference = twin_of(data, len, buffers, made->table_len, RM_JSON_BY_REFERENCE);
    made->table = take((made->table_len + 1) * sizeof *made->table);
    if (made->table_len > 0) memcpy(made->table, buffers, made->table_len * sizeof *buffers);
    rm_document_free(out.document);
    released(made->at, json_get(made->completion, "released"));
    note_completion(play, made);
}

static void cancel(scenario *play, const json *step) {
    const char *name = json_text(step, "session");
    work *of = work_of(play, name != NULL ? name : json_need(step, "work")->data);
    const json *gone = json_get(step, "gone");
    bool is_gone = gone != NULL && gone->kind == JSON_TRUE;
    rm_error *error = NULL;
    rm_status status =
        of->session != NULL ? rm_session_cancel(of->session, &error) : rm_port_cancel(of->at->port, of->token, &error);
    if (is_gone && status == RM_GONE)
        rm_error_free(error);
    else if (is_gone)
        fail("cancel answers %s, expected RM_GONE", rm_status_name(status));
    else if (status < RM_OK)
        note_error(play, of->at, status, error);
}

static void lend(scenario *play, const json *step) {
    memory *made = take(sizeof *made);
    made->name = json_need(step, "as")->data;
    made->len = (size_t)json_number(json_need(step, "bytes"));
    made->data = take(made->len + 1);
    for (size_t index = 0; index < made->len; index++) made->data[index] = (uint8_t)(index % 251);
    made->next = play->memories;
    play->memories = made;
}

static void close_place(place *at) {
    rm_port_free(at->port);
    rm_runtime_free(at->runtime);
    at->port = NULL;
    at->runtime = NULL;
    at->has_ended = true;
}

static void close_named(scenario *play, const json *step) {
    const char *pipeline = json_text(step, "pipeline"), *session = json_text(step, "session");
    if (session != NULL) {
        close_session(play, work_of(play, session));
    } else if (pipeline != NULL) {
        graph *of = graph_of(play, pipeline);
        rm_pipeline_free(of->pipeline);
        of->pipeline = NULL;
    } else {
        close_place(place_of(play, json_need(step, "runtime")->data));
    }
}

static void shut_down(scenario *play, const json *step) {
    place *at = place_of(play, json_text(step, "runtime"));
    bool must_end = json_need(step, "ends")->kind == JSON_TRUE;
    rm_error *error = NULL;
    rm_status status = rm_runtime_shutdown(at->runtime, json_int(step, "patience_ms", 0) * 1000, &error);
    require(status, &error, "shutdown");
    if (status != (must_end ? RM_OK : RM_TIMEOUT)) fail("shutdown answers %s", rm_status_name(status));
}

/* Whether the next step compares what only a completion has: `execute` gives none if it fails. */
static bool needs_completion(const json *next) {
    if (next == NULL || !json_is(json_get(next, "do"), "expect_error")) return false;
    return json_get(next, "outputs") != NULL || json_get(next, "errors") != NULL;
}

bool do_step(scenario *play, const json *step) {
    const json *verb = json_need(step, "do");
    if (json_is(verb, "pipeline")) {
        make_pipeline(play, step);
    } else if (json_is(verb, "run")) {
        bool needs_port =
            graph_of(play, json_need(step, "pipeline")->data)->has_own_nodes || needs_completion(step->next);
        if (needs_port) {
            work *made = start(play, step, "run");
            if (made != NULL) wait_for(play, made);
        } else {
            execute(play, step);
        }
    } else if (json_is(verb, "submit")) {
        start(play, step, json_need(step, "as")->data);
    } else if (json_is(verb, "wait")) {
        const char *name = json_text(step, "work");
        wait_for(play, work_of(play, name != NULL ? name : json_need(step, "session")->data));
    } else if (json_is(verb, "cancel")) {
        cancel(play, step);
    } else if (json_is(verb, "reply")) {
        own_node_of(play, json_need(step, "node")->data)->permits += json_int(step, "times", 1);
        go_on(play);
    } else if (json_is(verb, "lend")) {
        lend(play, step);
    } else if (json_is(verb, "runtime")) {
        new_place(play, json_need(step, "as")->data, json_get(step, "config"));
    } else if (json_is(verb, "shutdown")) {
        shut_down(play, step);
    } else if (json_is(verb, "close")) {
        close_named(play, step);
    } else {
        return false;
    }
    return true;
}

/* What every scenario ends with. */
void close_all(scenario *play) {
    for (own_node *own = play->own_nodes; own != NULL; own = own->next) own->permits = 1000000;
    for (work *each = play->works; each != NULL; each = each->next)
        if (each->at->port != NULL && is_pending(each)) rm_port_cancel(each->at->port, each->token, NULL);
    for (work *each = play->works; each != NULL; each = each->next) {
        int64_t until = now_us() + WAIT_US;
        while (each->at->port != NULL && is_pending(each) && !each->at->has_ended) {
            if (now_us() > until) fail("at the end work %s does not end", each->name);
            pump(play, each->at, 100000);
        }
        close_session(play, each);
    }
    for (graph *each = play->graphs; each != NULL; each = each->next) rm_pipeline_free(each->pipeline);
    for (place *each = play->places; each != NULL; each = each->next) {
        if (each->runtime == NULL) continue;
        rm_error *error = NULL;
        rm_status status = rm_runtime_shutdown(each->runtime, WAIT_US, &error);
        require(status, &error, "shutdown");
        if (status != RM_OK) fail("at the end the shutdown answers %s", rm_status_name(status));
        int64_t until = now_us() + WAIT_US;
        while (!each->has_ended) {
            if (now_us() > until) fail("at the end the port does not end");
            pump(play, each, 100000);
        }
        settle(play);
        close_place(each);
    }
    for (const place *at = play->places; at != NULL; at = at->next)
        for (uint64_t token = 1; token < at->next_token; token++)
            if (at->loans[token].released != 1) fail("at the end the loan %s is not released", at->loans[token].name);
}
