/* The steps that act on sessions. */

#include "scenario.h"

static graph *graph_named(scenario *play, const char *name) {
    for (graph *each = play->graphs; each != NULL; each = each->next)
        if (strcmp(each->name, name) == 0) return each;
    fail("there is no pipeline %s", name);
}

static void open_session(scenario *play, const json *step) {
    work *made = take(sizeof *made);
    made->name = json_need(step, "as")->data;
    made->of = graph_named(play, json_need(step, "pipeline")->data);
    made->at = made->of->at;
    made->token = ++made->at->next_work;
    made->options = json_get(step, "options");
    text options = {0};
    if (made->options != NULL) json_write(&options, made->options);
    rm_error *error = NULL;
    rm_status status = rm_session_new(made->of->pipeline, made->at->port, made->token, (const uint8_t *)options.data,
                                      options.len, &made->session, &error);
    if (status < RM_OK) {
        note_error(play, made->at, status, error);
        return;
    }
    made->next = play->works;
    play->works = made;
}

void close_session(scenario *play, work *of) {
    (void)play;
    rm_session_free(of->session);
    of->session = NULL;
}

static work *session_of(scenario *play, const json *step) {
    work *of = work_of(play, json_need(step, "session")->data);
    if (of->session == NULL) fail("session %s is closed", of->name);
    return of;
}

static json *plan_of(const graph *of) {
    rm_output out = {0};
    rm_error *error = NULL;
    require(rm_pipeline_describe(of->pipeline, &out, &error), &error, "plan");
    return taken(&out);
}

/* The place of a name among the inputs or outputs of the plan. */
static int64_t number_of(const json *names, const char *name) {
    int64_t number = 0;
    for (const json *each = names->first; each != NULL; each = each->next, number++) {
        const json *text_of = each->kind == JSON_MAP ? json_need(each, "name") : each;
        if (json_is(text_of, name)) return number;
    }
    fail("there is no %s in %s", name, json_shown(names));
}

/* The name of an output that a row has by its number. */
const char *output_name(const work *of, const json *output) {
    if (output->kind == JSON_STRING) return output->data;
    const json *outputs = json_need(plan_of(of->of), "outputs");
    return json_need(json_at(outputs, (size_t)json_number(output)), "name")->data;
}

static void add_time(text *to, const json *packet, const char *key) {
    const json *given = json_get(packet, key);
    add_text(to, ",");
    if (given == NULL)
        add_text(to, "null");
    else
        json_write(to, given);
}

static given *packets_of(scenario *play, work *of, const json *packets, size_t from) {
    given *all = take(sizeof *all);
    all->at = of->at;
    size_t index = 0;
    add_text(&all->twin, "[");
    for (const json *packet = packets->first; packet != NULL; packet = packet->next, index++) {
        if (index < from) continue;
        const char *to = json_text(packet, "to");
        add_text(&all->twin, index > from ? ",[" : "[");
        give_value(play, all, json_need(packet, "value"));
        add_time(&all->twin, packet, "pts");
        add_time(&all->twin, packet, "duration");
        if (to != NULL) add_format(&all->twin, ",%" PRId64, number_of(json_need(plan_of(of->of), "inputs"), to));
        add_text(&all->twin, "]");
    }
    add_text(&all->twin, "]");
    return all;
}

static void send(scenario *play, const json *step) {
    work *of = session_of(play, step);
    const json *packets = json_need(step, "packets"), *wanted = json_get(step, "taken");
    for (size_t done = 0; done < packets->len;) {
        given *all = packets_of(play, of, packets, done);
        document packed = document_of(all->twin.data, all->twin.len, all->count > 0 ? all->table : NULL, all->count);
        rm_output out = {0};
        rm_error *error = NULL;
        of->has_room = false;
        rm_status status = rm_session_send(of->session, packed.bytes.data, packed.bytes.len, packed.buffers,
                                           packed.count, 0, 0, &out, &error);
        if (status < RM_OK) {
            note_error(play, of->at, status, error);
            return;
        }
        json *answer = taken(&out);
        size_t now = (size_t)json_number(json_at(answer, 0));
        if (answer->len > 2) released(of->at, json_at(answer, 2));
        done += now;
        if ((status == RM_OK) != (done == packets->len))
            fail("send takes %zu and answers %s", now, rm_status_name(status));
        if (wanted != NULL) {
            if (json_number(wanted) != (int64_t)now) fail("expected %s taken, got %zu", json_shown(wanted), now);
            return;
        }
        for (int tries = 0; status == RM_WOULD_BLOCK && !of->has_room && is_pending(of); tries++) {
            if (tries == 100) fail("there is no room within 10 s");
            pump(play, of->at, WAIT_US / 100);
        }
    }
}

static void check_field(const json *row, const json *wanted, const char *name, size_t index) {
    const json *expected = json_get(wanted, name);
    static const char *const names[] = {"value", "pts", "duration", "seq", "stream", "output", "item"};
    for (size_t place = 0; place < 7; place++) {
        if (strcmp(names[place], name) != 0 || expected == NULL) continue;
        const json *found = json_at(row, place);
        if (!json_same(expected, found))
            fail("%s of a row (%zu): expected %s, got %s", name, index, json_shown(expected), json_shown(found));
    }
}

/* One output, waited for; NULL at the end, or if `at_once` and there is none. */
static json *next_output(scenario *play, work *of, int64_t sink, bool at_once) {
    for (int tries = 0; tries < 100; tries++) {
        rm_output out = {0};
        rm_error *error = NULL;
        of->has_outputs = false;
        rm_status status = rm_session_receive(of->session, sink, 1, &out, &error);
        require(status, &error, "receive");
        json *answer = taken(&out);
        if (answer->len > 1) released(of->at, json_at(answer, 1));
        json *rows = json_at(answer, 0);
        if (status == RM_OK) return json_at(rows, 0);
        if (rows->len > 0) fail("receive answers %s with outputs", rm_status_name(status));
        if (status == RM_END) {
            if (at_once) fail("expected nothing yet, got the end");
            return NULL;
        }
        if (at_once) return NULL;
        while (!of->has_outputs && is_pending(of) && tries++ < 100) pump(play, of->at, WAIT_US / 100);
    }
    fail("nothing came within 10 s");
}

static void receive(scenario *play, const json *step) {
    work *of = session_of(play, step);
    const char *output = json_text(step, "output");
    int64_t sink = output == NULL ? -1 : number_of(json_need(of->options, "outputs"), output);
    size_t index = 0;
    for (const json *wanted = json_need(step, "rows")->first; wanted != NULL; wanted = wanted->next, index++) {
        json *row = next_output(play, of, sink, false);
        if (row == NULL) fail("row %zu: the session has ended; %s", index, json_shown(of->completion));
        json *value = json_at(row, 0), *expected = expected_value(play, json_need(wanted, "value"));
        if (!json_same(expected, value))
            fail("value of row %zu: expected %s, got %s", index, json_shown(expected), json_shown(value));
        static const char *const names[] = {"pts", "duration", "seq", "stream", "item"};
        for (size_t place = 0; place < 5; place++) check_field(row, wanted, names[place], index);
        const char *name = json_text(wanted, "output"), *found = output_name(of, json_at(row, 5));
        if (name != NULL && strcmp(name, found) != 0)
            fail("output of row %zu: expected %s, got %s", index, name, found);
    }
    const char *then = json_text(step, "then");
    if (then == NULL) return;
    bool at_once = strcmp(then, "nothing") == 0;
    if (at_once) pump(play, of->at, 50000);
    json *row = next_output(play, of, sink, at_once);
    if (row != NULL) fail("expected %s, got %s", then, json_shown(row));
}

bool do_session_step(scenario *play, const json *step) {
    const json *verb = json_need(step, "do");
    rm_error *error = NULL;
    rm_status status = RM_OK;
    if (json_is(verb, "session")) {
        open_session(play, step);
    } else if (json_is(verb, "send")) {
        send(play, step);
    } else if (json_is(verb, "receive")) {
        receive(play, step);
    } else if (json_is(verb, "finish")) {
        status = rm_session_finish(session_of(play, step)->session, &error);
    } else if (json_is(verb, "control")) {
        text wanted = {0};
        json_write(&wanted, json_need(step, "control"));
        status = rm_session_control(session_of(play, step)->session, (const uint8_t *)wanted.data, wanted.len, &error);
    } else {
        return false;
    }
    if (status < RM_OK) note_error(play, NULL, status, error);
    return true;
}
