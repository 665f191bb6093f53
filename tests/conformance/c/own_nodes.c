/* Nodes of the host with the behaviours that the suite defines. A call may wait: for a step `reply`, or for room. */

#include "scenario.h"

own_node *own_node_of(scenario *play, const char *type) {
    for (own_node *each = play->own_nodes; each != NULL; each = each->next)
        if (strcmp(each->type, type) == 0) return each;
    fail("there is no own node %s", type);
}

static own_node *own_node_with(scenario *play, const place *at, uint64_t token) {
    for (own_node *each = play->own_nodes; each != NULL; each = each->next)
        if (each->token == token && each->at == at) return each;
    fail("a call names the type %" PRIu64 ", which was never declared", token);
}

static bool behaves(const own_node *node, const char *behaviour) {
    return json_is(json_need(node->options, "behaviour"), behaviour);
}

void begin_call(scenario *play, place *at, json *event, json *by_reference, const document *seen) {
    call *made = take(sizeof *made);
    made->number = (uint64_t)json_number(json_at(event, 1));
    made->at = at;
    bool is_own = seen->count > 0;
    for (size_t index = 0; index < seen->count; index++) is_own &= seen->buffers[index].token != 0;
    made->content = json_at(is_own ? by_reference : event, 2);
    made->table = is_own ? seen->buffers : NULL;
    made->table_len = is_own ? seen->count : 0;
    made->entry = json_need(made->content, "entries")->first;
    call **last = &play->calls;
    while (*last != NULL) last = &(*last)->next;
    *last = made;
    const json *nodes = json_need(made->content, "nodes");
    own_node *first = own_node_with(play, at, (uint64_t)json_number(json_at(json_at(nodes, 0), 0)));
    size_t packets = 0;
    for (const json *entry = made->entry; entry != NULL; entry = entry->next) packets += entry->len > 1;
    if (packets > 0) add_format(&first->sizes, "%s%zu", first->sizes.len > 0 ? "," : "", packets);
}

void end_call(scenario *play, const place *at, uint64_t number) {
    for (call *each = play->calls; each != NULL; each = each->next) {
        if (each->at != at || each->number != number) continue;
        if (each->is_over) fail("call %" PRIu64 " is over a second time", number);
        each->is_over = true;
        const json *node = json_at(json_need(each->content, "nodes"), 0);
        own_node *first = own_node_with(play, at, (uint64_t)json_number(json_at(node, 0)));
        if (behaves(first, "stream") && each->part > 0) first->closed++;
        return;
    }
    /* Of an answer that is on its way: nothing is wrong. */
}

static bool is_port(const json *ports, size_t index, const char **name) {
    if (ports == NULL || index >= ports->len) return false;
    *name = json_at(ports, index)->data;
    return true;
}

/* When a value begins and how long it lasts, in nanoseconds; NONE where that is the time of the entry. */
typedef struct times {
    int64_t pts, duration;
} times;

#define NONE INT64_MIN

/* The times of a value that was made of one with the times `before`: its own ones, else those. */
static times times_of(const char *value, times before) {
    const json *twin = json_read(value, strlen(value));
    const json *kind = twin->kind == JSON_MAP ? json_get(twin, "$rm") : NULL;
    if (kind == NULL || !json_is(kind, "audio")) return before;
    int64_t frames = json_int(twin, "frames", 0), rate = json_int(twin, "rate", 1);
    const json *pts = json_get(twin, "pts");
    if (pts != NULL && pts->kind == JSON_NUMBER) before.pts = json_number(pts);
    before.duration = (frames * 1000000000 + rate / 2) / rate;
    return before;
}

static void add_time(text *to, int64_t time) {
    if (time == NONE)
        add_text(to, ",null");
    else
        add_format(to, ",%" PRId64, time);
}

/* Adds a value that was made of one with the times `before`. */
static void add_output(call *of, const char *value, times before, int64_t port) {
    add_format(&of->outputs, "%s[%zu,", of->outputs.len > 0 ? "," : "", of->index);
    add_text(&of->outputs, value);
    if (port > 0 || before.pts != NONE || before.duration != NONE) {
        times its = times_of(value, before);
        add_time(&of->outputs, its.pts);
        add_time(&of->outputs, its.duration);
    }
    if (port > 0) add_format(&of->outputs, ",%" PRId64, port);
    add_text(&of->outputs, "]");
}

static char *part_of(const char *value, int64_t part) {
    text pair = {0};
    add_text(&pair, "[");
    add_text(&pair, value);
    add_format(&pair, ",%" PRId64 "]", part);
    return pair.data;
}

typedef enum outcome { DONE, WAITS, RAISES } outcome;

/* What one node does with a value, and with what it gives the nodes behind it. `before` are the times of what the value
 * was made of. `failed` is set to the place in the chain. */
static outcome pass(scenario *play, call *of, const json *node, size_t depth, const char *value, times before,
                    int64_t port, size_t *failed) {
    if (node == NULL) {
        add_output(of, value, before, port);
        return DONE;
    }
    times its = depth == 0 ? before : times_of(value, before);
    own_node *own = own_node_with(play, of->at, (uint64_t)json_number(json_at(node, 0)));
    if (!of->is_counted) own->called++;
    int64_t number = own->called - 1;
    const json *options = own->options;
    if (behaves(own, "nothing")) return DONE;
    if (behaves(own, "double")) {
        outcome first = pass(play, of, node->next, depth + 1, value, its, 0, failed);
        return first == DONE ? pass(play, of, node->next, depth + 1, value, its, 0, failed) : first;
    }
    if (behaves(own, "stream")) {
        /* Of one behind others all parts leave together: what comes of them is the same. */
        outcome last = DONE;
        for (int64_t part = 0; last == DONE && part < json_int(options, "parts", 0); part++)
            last = pass(play, of, node->next, depth + 1, part_of(value, part), its, 0, failed);
        return last;
    }
    if (behaves(own, "fail")) {
        int64_t at = json_int(options, "at", -1), times = json_int(options, "times", INT64_MAX);
        bool is_at = at < 0 || number == at || (own->failures > 0 && json_get(options, "times") != NULL);
        if (is_at && own->failures < times) {
            own->failures++;
            *failed = depth;
            return RAISES;
        }
    } else if (behaves(own, "stall")) {
        of->is_counted = true;
        if (own->permits == 0) return WAITS;
        own->permits--;
    } else if (behaves(own, "ends")) {
        own->packets++;
    } else if (behaves(own, "route")) {
        port = strtoll(value, NULL, 10) % (int64_t)json_need(options, "outputs")->len;
    } else if (behaves(own, "merge")) {
        const json *at = of->entry->len > 4 ? json_at(of->entry, 4) : NULL;
        const char *name = "";
        if (!is_port(json_get(options, "inputs"), at == NULL ? 0 : (size_t)json_number(at), &name))
            fail("no such input");
        text pair = {0};
        add_format(&pair, "[\"%s\",", name);
        add_text(&pair, value);
        add_text(&pair, "]");
        value = pair.data;
    } else if (!behaves(own, "echo")) {
        fail("there is no behaviour %s", json_shown(options));
    }
    return pass(play, of, node->next, depth + 1, value, its, behaves(own, "route") ? port : 0, failed);
}

/* Sends the answer as far as it is made; whether the call is over, or must wait for room. */
static void send_reply(scenario *play, call *of, bool is_final, const char *error) {
    text reply = {0};
    add_text(&reply, "{\"outputs\":[");
    add(&reply, of->outputs.data == NULL ? "" : of->outputs.data, of->outputs.len);
    add_format(&reply, "],\"final\":%s", is_final ? "true" : "false");
    if (error != NULL) add_text(&reply, error);
    add_text(&reply, "}");
    of->outputs = (text){0};
    rm_buffer *table = take((of->table_len + 1) * sizeof *table);
    for (size_t index = 0; index < of->table_len; index++) {
        const loan *lent = &of->at->loans[of->table[index].token];
        table[index] = (rm_buffer){.data = of->table[index].data, .len = of->table[index].len};
        table[index].token = new_loan(of->at, LOAN_MEMORY, lent->name, 0);
    }
    document made = document_of(reply.data, reply.len, of->table_len > 0 ? table : NULL, of->table_len);
    rm_error *refusal = NULL;
    rm_status status = rm_port_reply(of->at->port, of->number, made.bytes.data, made.bytes.len, made.buffers,
                                     made.count, NULL, &refusal);
    if (status == RM_GONE || status == RM_SHUT_DOWN) {
        /* What was lent with it comes back with the refusal. */
        released(of->at, json_get(detail_of(refusal), "released"));
        if (!of->is_over && of->part > 0 && !is_final) {
            const json *node = json_at(json_need(of->content, "nodes"), 0);
            own_node_with(play, of->at, (uint64_t)json_number(json_at(node, 0)))->closed++;
        }
        of->is_over = true;
        return;
    }
    require(status, &refusal, "reply");
    of->waits_for_room = status == RM_WOULD_BLOCK;
    if (is_final) of->is_over = true;
}

/* Streams parts while there is room; whether the entry is done. */
static bool stream(scenario *play, call *of, own_node *own, const char *value) {
    int64_t parts = json_int(own->options, "parts", -1);
    if (!of->is_counted) own->called++;
    of->is_counted = true;
    while (of->part != parts) {
        if (of->is_over || of->waits_for_room) return false;
        add_output(of, part_of(value, of->part++), (times){NONE, NONE}, 0);
        send_reply(play, of, false, NULL);
    }
    return !of->is_over;
}

static void raise_exception(scenario *play, call *of, const json *nodes, size_t failed) {
    own_node *own = own_node_with(play, of->at, (uint64_t)json_number(json_at(json_at(nodes, failed), 0)));
    int64_t number = json_int(own->options, "exception", 0);
    uint64_t token = new_loan(of->at, LOAN_EXCEPTION, "exception", number);
    text error = {0};
    add_format(&error,
               ",\"error\":{\"entry\":%zu,\"node\":%zu,\"message\":\"exception %" PRId64
               "\",\"type\":\"Exception\",\"chain\":[],\"token\":%" PRIu64 "}",
               of->index, failed, number, token);
    send_reply(play, of, true, error.data);
}

/* Answers one call as far as it can be answered; whether something was done. */
static void answer(scenario *play, call *of) {
    const json *nodes = json_need(of->content, "nodes");
    own_node *first = own_node_with(play, of->at, (uint64_t)json_number(json_at(json_at(nodes, 0), 0)));
    while (of->entry != NULL) {
        size_t failed = 0;
        if (of->entry->len <= 1) {
            /* The end of an item, or of all. */
            if (of->entry->len == 1 && behaves(first, "ends")) {
                text end = {0};
                add_format(&end, "{\"packets\":%" PRId64 "}", first->packets);
                first->packets = 0;
                add_output(of, end.data, (times){NONE, NONE}, 0);
            }
        } else {
            text value = {0};
            json_write(&value, json_at(of->entry, 1));
            if (behaves(first, "stream")) {
                if (!stream(play, of, first, value.data)) return;
            } else {
                outcome came = pass(play, of, nodes->first, 0, value.data, (times){NONE, NONE}, 0, &failed);
                if (came == WAITS) return;
                if (came == RAISES) {
                    raise_exception(play, of, nodes, failed);
                    return;
                }
            }
        }
        of->entry = of->entry->next;
        of->index++;
        of->part = 0;
        of->is_counted = false;
    }
    send_reply(play, of, true, NULL);
}

void go_on(scenario *play) {
    for (call *each = play->calls; each != NULL; each = each->next) {
        bool is_late = each->is_over && each->is_counted && each->entry != NULL;
        if (is_late) {
            /* An answer that comes too late takes its permit, and is refused without harm. */
            const json *node = json_at(json_need(each->content, "nodes"), 0);
            own_node *own = own_node_with(play, each->at, (uint64_t)json_number(json_at(node, 0)));
            if (!behaves(own, "stall") || own->permits == 0) continue;
            answer(play, each);
            each->entry = NULL;
        } else if (!each->is_over && !each->waits_for_room) {
            answer(play, each);
        }
    }
}
