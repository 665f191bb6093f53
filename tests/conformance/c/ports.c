/* Runtimes and their ports: takes events, keeps completions and notices, and hands calls to own_nodes.c. */

#include "scenario.h"

place *new_place(scenario *play, const char *name, const json *config) {
    place *made = take(sizeof *made);
    rm_error *error = NULL;
    text options = {0};
    if (config == NULL)
        add_text(&options, "{\"workers\":2}");
    else
        json_write(&options, config);
    made->name = name;
    made->loans = take(MAX_TOKENS * sizeof *made->loans);
    made->next_token = 1;
    rm_status status = rm_runtime_new((const uint8_t *)options.data, options.len, &made->runtime, &error);
    if (status < RM_OK) {
        note_error(play, NULL, status, error);
        return NULL;
    }
    require(rm_port_new(made->runtime, NULL, 0, &made->port, &error), &error, "port");
    made->next = play->places;
    play->places = made;
    return made;
}

place *place_of(scenario *play, const char *name) {
    for (place *each = play->places; each != NULL; each = each->next)
        if (strcmp(each->name, name == NULL ? "" : name) == 0) return each;
    fail("there is no runtime %s", name);
}

work *work_of(scenario *play, const char *name) {
    for (work *each = play->works; each != NULL; each = each->next)
        if (strcmp(each->name, name) == 0) return each;
    fail("there is no work %s", name);
}

bool is_pending(const work *of) {
    return of->completion == NULL;
}

static work *work_with(scenario *play, const place *at, uint64_t token) {
    for (work *each = play->works; each != NULL; each = each->next)
        if (each->token == token && each->at == at) return each;
    fail("an event names work %" PRIu64 ", which there is not at this port", token);
}

static void complete(scenario *play, place *at, json *event, json *by_reference, document *seen) {
    work *of = work_with(play, at, (uint64_t)json_number(json_at(event, 1)));
    if (of->completion != NULL) fail("work %s has a second completion", of->name);
    of->completion = json_at(event, 2);
    of->by_reference = json_at(by_reference, 2);
    of->table = seen->buffers;
    of->table_len = seen->count;
}

static void handle(scenario *play, place *at, json *event, json *by_reference, document *seen) {
    int64_t kind = json_number(json_at(event, 0));
    if (kind == RM_EVENT_COMPLETED)
        complete(play, at, event, by_reference, seen);
    else if (kind == RM_EVENT_CALL)
        begin_call(play, at, event, by_reference, seen);
    else if (kind == RM_EVENT_RELEASED)
        released(at, json_at(event, 1));
    else if (kind == RM_EVENT_PORT_ENDED)
        at->has_ended = true;
    else if (kind == RM_EVENT_ROOM)
        work_with(play, at, (uint64_t)json_number(json_at(event, 1)))->has_room = true;
    else if (kind == RM_EVENT_OUTPUTS)
        work_with(play, at, (uint64_t)json_number(json_at(event, 1)))->has_outputs = true;
    else if (kind == RM_EVENT_CALL_OVER)
        end_call(play, at, (uint64_t)json_number(json_at(event, 1)));
    else if (kind == RM_EVENT_REPLY_ROOM) {
        for (call *each = play->calls; each != NULL; each = each->next)
            if (each->at == at && each->number == (uint64_t)json_number(json_at(event, 1)))
                each->waits_for_room = false;
    } else if (kind != RM_EVENT_SKIPPED)
        fail("event %" PRId64 " is unknown", kind);
}

/* Waits for events, and handles one batch of them. */
void pump(scenario *play, place *at, int64_t timeout_us) {
    rm_output out = {0};
    rm_error *error = NULL;
    rm_status status = rm_port_next(at->port, timeout_us, &out, &error);
    require(status, &error, "next");
    document seen = {0};
    const uint8_t *data = NULL;
    const rm_buffer *buffers = NULL;
    require(rm_document_view(out.document, &data, &seen.bytes.len, &buffers, &seen.count, &error), &error, "view");
    json *events = twin_of(data, seen.bytes.len, buffers, seen.count, 0);
    json *by_reference = twin_of(data, seen.bytes.len, buffers, seen.count, RM_JSON_BY_REFERENCE);
    seen.buffers = take((seen.count + 1) * sizeof *seen.buffers);
    if (seen.count > 0) memcpy(seen.buffers, buffers, seen.count * sizeof *buffers);
    rm_document_free(out.document);
    json *other = by_reference->first;
    for (json *event = events->first; event != NULL; event = event->next, other = other->next)
        handle(play, at, event, other, &seen);
    if (status == RM_END) at->has_ended = true;
    go_on(play);
}

void settle(scenario *play) {
    for (place *each = play->places; each != NULL; each = each->next) {
        if (each->runtime == NULL) continue;
        if (!each->has_ended) pump(play, each, 0);
        rm_output out = {0};
        rm_error *error = NULL;
        rm_status status = rm_runtime_released(each->runtime, &out, &error);
        require(status, &error, "released");
        released(each, taken(&out));
    }
}
