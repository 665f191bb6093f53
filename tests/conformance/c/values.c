/* Values of a scenario: JSON twins with three more objects, `$ramp`, `$audio` and `$lent`; and the loans of a scenario.
 */

#include "scenario.h"

#define PERIOD 251
#define LARGE 16384

static uint8_t *ramp_of(size_t len) {
    uint8_t *data = take(len + 1);
    for (size_t index = 0; index < len; index++) data[index] = (uint8_t)(index % PERIOD);
    return data;
}

static block audio_of(const json *fields) {
    size_t count = (size_t)(json_int(fields, "channels", 0) * json_int(fields, "frames", 0));
    float *samples = take((count + 1) * sizeof *samples);
    for (size_t index = 0; index < count; index++) samples[index] = (float)(index % PERIOD) / 256;
    return (block){(uint8_t *)samples, count * sizeof *samples};
}

/* A payload, as base64 or, if there is a table, by reference. */
static void add_payload(given *to, block payload, uint64_t token, bool may_refer) {
    if (!may_refer || (token == 0 && payload.len < LARGE)) {
        add_text(&to->twin, "\"base64\":\"");
        add_base64(&to->twin, payload.data, payload.len);
        add_text(&to->twin, "\"}");
        return;
    }
    if (to->count == sizeof to->table / sizeof *to->table) fail("too many payloads for the table");
    add_format(&to->twin, "\"buffer\":%zu}", to->count);
    to->table[to->count++] = (rm_buffer){.data = payload.data, .len = payload.len, .token = token};
}

static void add_number_or_null(text *to, const json *map, const char *key) {
    const json *found = json_get(map, key);
    if (found == NULL)
        add_text(to, "null");
    else
        json_write(to, found);
}

static void give(scenario *play, given *to, const json *value, bool may_refer);

static bool give_object(scenario *play, given *to, const json *value, bool may_refer) {
    const json *ramp = json_get(value, "$ramp"), *audio = json_get(value, "$audio");
    const char *lent = json_text(value, "$lent");
    if (ramp != NULL) {
        size_t len = (size_t)json_number(ramp);
        add_text(&to->twin, "{\"$rm\":\"bytes\",");
        add_payload(to, (block){ramp_of(len), len}, 0, may_refer);
        return true;
    }
    if (audio != NULL) {
        add_format(&to->twin,
                   "{\"$rm\":\"audio\",\"rate\":%" PRId64 ",\"layout\":null,\"pts\":", json_int(audio, "rate", 0));
        add_number_or_null(&to->twin, audio, "pts");
        add_format(&to->twin, ",\"channels\":%" PRId64 ",\"frames\":%" PRId64 ",", json_int(audio, "channels", 0),
                   json_int(audio, "frames", 0));
        add_payload(to, audio_of(audio), 0, may_refer);
        return true;
    }
    if (lent != NULL) {
        memory *of = memory_of(play, lent);
        add_format(&to->twin, "{\"$rm\":\"tensor\",\"dtype\":\"uint8\",\"shape\":[%zu],", of->len);
        uint64_t token = may_refer ? new_loan(to->at, LOAN_MEMORY, of->name, 0) : 0;
        add_payload(to, (block){of->data, of->len}, token, may_refer);
        return true;
    }
    return false;
}

static void give(scenario *play, given *to, const json *value, bool may_refer) {
    if (value->kind != JSON_LIST && value->kind != JSON_MAP) {
        json_write(&to->twin, value);
        return;
    }
    if (value->kind == JSON_MAP && give_object(play, to, value, may_refer)) return;
    add_text(&to->twin, value->kind == JSON_MAP ? "{" : "[");
    for (const json *entry = value->first; entry != NULL; entry = entry->next) {
        if (entry != value->first) add_text(&to->twin, ",");
        if (value->kind == JSON_MAP) {
            json key = {.kind = JSON_STRING, .data = entry->key, .len = entry->key_len};
            json_write(&to->twin, &key);
            add_text(&to->twin, ":");
        }
        give(play, to, entry, may_refer);
    }
    add_text(&to->twin, value->kind == JSON_MAP ? "}" : "]");
}

void give_value(scenario *play, given *to, const json *value) {
    give(play, to, value, true);
}

/* As the library writes its twin. */
json *expected_value(scenario *play, const json *value) {
    given *whole = take(sizeof *whole);
    give(play, whole, value, false);
    document made = document_of(whole->twin.data, whole->twin.len, NULL, 0);
    return twin_of(made.bytes.data, made.bytes.len, made.buffers, made.count, 0);
}

uint64_t new_loan(place *at, loan_kind kind, const char *name, int64_t exception) {
    uint64_t token = at->next_token++;
    if (token == MAX_TOKENS) fail("more than %d loans", MAX_TOKENS);
    at->loans[token] = (loan){.kind = kind, .name = name, .exception = exception};
    return token;
}

void released(place *at, const json *tokens) {
    for (const json *each = tokens == NULL ? NULL : tokens->first; each != NULL; each = each->next) {
        uint64_t token = (uint64_t)json_number(each);
        if (token == 0 || token >= at->next_token) fail("token %" PRIu64 " is released, which was never given", token);
        if (++at->loans[token].released > 1) fail("token %" PRIu64 " is released twice", token);
    }
}

memory *memory_of(scenario *play, const char *name) {
    for (memory *each = play->memories; each != NULL; each = each->next)
        if (strcmp(each->name, name) == 0) return each;
    fail("there is no memory %s", name);
}

bool is_lent(const scenario *play, const char *name) {
    for (const place *at = play->places; at != NULL; at = at->next) {
        for (uint64_t token = 1; token < at->next_token; token++) {
            const loan *each = &at->loans[token];
            if (each->kind == LOAN_MEMORY && each->released == 0 && strcmp(each->name, name) == 0) return true;
        }
    }
    return false;
}
