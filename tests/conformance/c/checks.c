/* The steps that compare. */

#include "scenario.h"

static void check_column(scenario *play, const json *step, const char *field, const char *column) {
    const json *wanted = json_get(step, field), *outputs = json_need(play->result->completion, "outputs");
    for (const json *each = wanted == NULL ? NULL : wanted->first; each != NULL; each = each->next) {
        const json *found = json_get(json_need(outputs, each->key), column);
        bool all_null = true;
        for (const json *item = each->first; item != NULL; item = item->next) all_null &= item->kind == JSON_NULL;
        if (found == NULL && all_null) continue;
        if (!json_same(each, found))
            fail("%s of %s: expected %s, got %s", field, each->key, json_shown(each), json_shown(found));
    }
}

static void check_values(scenario *play, const json *outputs, const json *completion) {
    const json *found = json_need(completion, "outputs");
    for (const json *output = found->first; output != NULL; output = output->next)
        if (json_need(output, "values")->len > 0 && json_get(outputs, output->key) == NULL)
            fail("there are values of %s: %s", output->key, json_shown(output));
    for (const json *output = outputs->first; output != NULL; output = output->next) {
        const json *columns = json_get(found, output->key);
        json *expected = expected_value(play, output), *values = columns == NULL ? NULL : json_need(columns, "values");
        if (values == NULL && expected->len == 0) continue;
        if (!json_same(expected, values))
            fail("values of %s: expected %s, got %s", output->key, json_shown(expected), json_shown(values));
    }
}

static void expect_values(scenario *play, const json *step) {
    if (play->result == NULL) fail("there is no result");
    check_values(play, json_need(step, "outputs"), play->result->completion);
    check_column(play, step, "items", "items");
    check_column(play, step, "pts", "pts");
    check_column(play, step, "durations", "durations");
    static const char *const counts[] = {"skips", "retries"};
    for (size_t index = 0; index < 2; index++) {
        int64_t wanted = json_int(step, counts[index], -1),
                found = json_int(play->result->completion, counts[index], 0);
        if (wanted >= 0 && wanted != found)
            fail("%s: expected %" PRId64 ", got %" PRId64, counts[index], wanted, found);
    }
}

static void check_problems(const json *wanted, const json *found) {
    if (found == NULL || found->len != wanted->len)
        fail("problems: expected %s, got %s", json_shown(wanted), json_shown(found));
    const json *other = found->first;
    for (const json *problem = wanted->first; problem != NULL; problem = problem->next, other = other->next) {
        for (const json *field = problem->first; field != NULL; field = field->next) {
            const json *value = json_get(other, field->key);
            if (value == NULL && field->kind == JSON_NULL) continue;
            if (!json_same(field, value))
                fail("%s of a problem: expected %s, got %s", field->key, json_shown(field), json_shown(value));
        }
    }
}

static void check_status(const json *wanted, const char *status, const json *error) {
    bool is_one = json_is(wanted, status);
    if (wanted->kind == JSON_LIST)
        for (const json *each = wanted->first; each != NULL; each = each->next) is_one |= json_is(each, status);
    if (!is_one) fail("expected %s, got %s: %s", json_shown(wanted), status, json_shown(error));
}

static void check_exception(scenario *play, const json *error, const json *wanted) {
    uint64_t token = (uint64_t)json_number(json_need(error, "host_token"));
    const place *at = play->failed_at;
    if (token == 0 || token >= at->next_token || at->loans[token].kind != LOAN_EXCEPTION)
        fail("the token %" PRIu64 " is that of no exception", token);
    if (at->loans[token].exception != json_number(wanted))
        fail("the exception is number %" PRId64, at->loans[token].exception);
}

static void expect_error(scenario *play, const json *step) {
    json *error = play->error, *completion = play->failed;
    if (error == NULL) fail("the step before did not fail");
    play->error = NULL;
    for (const json *field = step->first; field != NULL; field = field->next) {
        const char *name = field->key;
        if (strcmp(name, "do") == 0) continue;
        if (strcmp(name, "status") == 0) {
            check_status(field, play->status, error);
        } else if (strcmp(name, "message_has") == 0) {
            for (const json *part = field->first; part != NULL; part = part->next)
                if (strstr(json_need(error, "message")->data, part->data) == NULL)
                    fail("'%s' is not in %s", part->data, json_shown(json_get(error, "message")));
        } else if (strcmp(name, "problems") == 0) {
            check_problems(field, json_get(error, "problems"));
        } else if (strcmp(name, "exception") == 0) {
            check_exception(play, error, field);
        } else if (strcmp(name, "outputs") == 0) {
            if (completion == NULL) fail("there is no completion");
            check_values(play, field, completion);
        } else if (strcmp(name, "errors") == 0) {
            const json *errors = completion == NULL ? NULL : json_need(completion, "errors");
            if (errors == NULL || (int64_t)errors->len != json_number(field)) fail("errors: %s", json_shown(errors));
        } else {
            const json *found = json_get(error, name);
            if (found == NULL && (field->kind == JSON_NULL || (field->kind == JSON_LIST && field->len == 0))) continue;
            if (!json_same(field, found)) fail("%s: expected %s, got %s", name, json_shown(field), json_shown(found));
        }
    }
}

typedef int64_t (*counter)(const own_node *own);

static int64_t called_of(const own_node *own) {
    return own->called;
}

static int64_t closed_of(const own_node *own) {
    return own->closed;
}

static void expect_count(scenario *play, const json *step, counter count) {
    own_node *own = own_node_of(play, json_need(step, "node")->data);
    int64_t wanted = json_number(json_need(step, "times"));
    for (int tries = 0; count(own) < wanted && tries < 1000; tries++)
        for (place *at = play->places; at != NULL; at = at->next)
            if (!at->has_ended) pump(play, at, WAIT_US / 1000);
    if (count(own) != wanted) fail("expected %" PRId64 ", got %" PRId64, wanted, count(own));
}

static void expect_batches(scenario *play, const json *step) {
    own_node *own = own_node_of(play, json_need(step, "node")->data);
    text wanted = {0};
    for (const json *size = json_need(step, "sizes")->first; size != NULL; size = size->next)
        add_format(&wanted, "%s%s", wanted.len > 0 ? "," : "", size->data);
    add(&own->sizes, "", 0);
    if (strcmp(wanted.data, own->sizes.data) != 0) fail("expected %s, got %s", wanted.data, own->sizes.data);
}

static void expect_memory(scenario *play, const json *step) {
    const char *name = memory_of(play, json_need(step, "memory")->data)->name;
    bool lent = json_is(json_need(step, "is"), "lent");
    settle(play);
    for (int tries = 0; !lent && is_lent(play, name) && tries < 1000; tries++) {
        for (place *at = play->places; at != NULL; at = at->next)
            if (!at->has_ended) pump(play, at, WAIT_US / 1000);
        settle(play);
    }
    if (is_lent(play, name) != lent) fail("memory %s is %s", name, lent ? "released" : "still lent");
}

static void expect_same_memory(scenario *play, const json *step) {
    memory *wanted = memory_of(play, json_need(step, "memory")->data);
    work *of = play->result;
    if (of == NULL) fail("there is no result");
    const json *outputs = json_need(of->by_reference, "outputs");
    const json *values = json_need(json_need(outputs, json_need(step, "output")->data), "values");
    const json *value = json_at(values, (size_t)json_number(json_need(step, "index")));
    size_t index = (size_t)json_number(json_need(value, "buffer"));
    if (index >= of->table_len) fail("there is no entry %zu", index);
    if (of->table[index].data != wanted->data || of->table[index].token == 0) fail("it is a copy");
}

void check_live(scenario *play, const json *more) {
    for (int tries = 0;; tries++) {
        json *found = live_objects();
        bool is_same = true;
        for (const json *count = play->before->first; count != NULL; count = count->next) {
            if (more != NULL && json_get(more, count->key) == NULL) continue;
            is_same &= json_int(found, count->key, 0) == json_number(count) + json_int(more, count->key, 0);
        }
        if (is_same) return;
        if (tries == 1000) fail("live objects: before %s, now %s", json_shown(play->before), json_shown(found));
        for (place *at = play->places; at != NULL; at = at->next)
            if (!at->has_ended) pump(play, at, WAIT_US / 1000);
    }
}

static void describe(scenario *play, const json *step) {
    const char *pipeline = json_text(step, "pipeline"), *session = json_text(step, "session");
    rm_output out = {0};
    rm_error *error = NULL;
    rm_status status = RM_OK;
    if (pipeline != NULL) {
        graph *of = play->graphs;
        while (of != NULL && strcmp(of->name, pipeline) != 0) of = of->next;
        if (of == NULL) fail("there is no pipeline %s", pipeline);
        status = rm_pipeline_describe(of->pipeline, &out, &error);
    } else if (session != NULL) {
        status = rm_session_metrics(work_of(play, session)->session, &out, &error);
    } else {
        work *of = work_of(play, json_need(step, "work")->data);
        status = rm_port_progress(of->at->port, of->token, &out, &error);
    }
    if (status < RM_OK) {
        note_error(play, NULL, status, error);
        return;
    }
    json *found = taken(&out);
    const json *wanted = json_need(step, "has");
    if (!json_contains(found, wanted)) {
        text whole = {0};
        json_write(&whole, found);
        fail("%s is not contained in %.1500s", json_shown(wanted), whole.data);
    }
}

bool do_check(scenario *play, const json *step) {
    const json *verb = json_need(step, "do");
    if (json_is(verb, "expect_error"))
        expect_error(play, step);
    else if (json_is(verb, "expect_values"))
        expect_values(play, step);
    else if (json_is(verb, "expect_called"))
        expect_count(play, step, called_of);
    else if (json_is(verb, "expect_closed"))
        expect_count(play, step, closed_of);
    else if (json_is(verb, "expect_batches"))
        expect_batches(play, step);
    else if (json_is(verb, "expect_memory"))
        expect_memory(play, step);
    else if (json_is(verb, "expect_same_memory"))
        expect_same_memory(play, step);
    else if (json_is(verb, "expect_live"))
        check_live(play, json_get(step, "more"));
    else if (json_is(verb, "describe"))
        describe(play, step);
    else
        return false;
    return true;
}
