/* A reader of JSON for the files of the suite and for the twins of documents. */

#include "suite.h"

typedef struct reader {
    const char *at, *end;
} reader;

static json *read_value(reader *from);

static void skip_space(reader *from) {
    while (from->at < from->end && strchr(" \t\r\n", *from->at) != NULL && *from->at != '\0') from->at++;
}

static bool accept(reader *from, char mark) {
    skip_space(from);
    if (from->at == from->end || *from->at != mark) return false;
    from->at++;
    return true;
}

static void expect(reader *from, char mark) {
    if (!accept(from, mark)) fail("the JSON has no '%c' where it needs one: %.40s", mark, from->at);
}

static uint32_t read_digits(reader *from) {
    if (from->end - from->at < 4) fail("an escape of JSON is cut");
    char digits[5] = {from->at[0], from->at[1], from->at[2], from->at[3], '\0'};
    from->at += 4;
    return (uint32_t)strtoul(digits, NULL, 16);
}

static void add_character(text *to, uint32_t code) {
    char bytes[4];
    size_t len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    if (len == 1) {
        bytes[0] = (char)code;
    } else {
        for (size_t index = len - 1; index > 0; index--, code >>= 6) bytes[index] = (char)(0x80 | (code & 0x3f));
        bytes[0] = (char)((0xf00 >> len & 0xff) | code);
    }
    add(to, bytes, len);
}

static void read_escape(reader *from, text *to) {
    if (from->at == from->end) fail("an escape of JSON is cut");
    char mark = *from->at++;
    static const char marks[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    const char *found = mark == '\0' ? NULL : strchr(marks, mark);
    if (found != NULL) {
        add(to, meant + (found - marks), 1);
        return;
    }
    uint32_t code = read_digits(from);
    if (code >= 0xd800 && code < 0xdc00 && from->end - from->at >= 6) {
        from->at += 2;
        code = 0x10000 + ((code - 0xd800) << 10) + (read_digits(from) - 0xdc00);
    }
    add_character(to, code);
}

static text read_string(reader *from) {
    text string = {0};
    add(&string, "", 0);
    expect(from, '"');
    for (;;) {
        const char *begin = from->at;
        while (from->at < from->end && *from->at != '"' && *from->at != '\\') from->at++;
        add(&string, begin, (size_t)(from->at - begin));
        if (from->at == from->end) fail("a string of JSON does not end");
        if (*from->at++ == '"') return string;
        read_escape(from, &string);
    }
}

static json *read_entries(reader *from, json_kind kind, char close) {
    json *value = take(sizeof *value);
    value->kind = kind;
    from->at++;
    json **last = &value->first;
    while (!accept(from, close)) {
        if (value->len > 0) expect(from, ',');
        text key = {0};
        if (kind == JSON_MAP) {
            key = read_string(from);
            expect(from, ':');
        }
        json *entry = read_value(from);
        entry->key = key.data;
        entry->key_len = key.len;
        *last = entry;
        last = &entry->next;
        value->len++;
    }
    return value;
}

static json *read_word(reader *from) {
    static const struct {
        const char *word;
        json_kind kind;
    } words[] = {{"null", JSON_NULL}, {"true", JSON_TRUE}, {"false", JSON_FALSE}};
    json *value = take(sizeof *value);
    for (size_t index = 0; index < 3; index++) {
        size_t len = strlen(words[index].word);
        if ((size_t)(from->end - from->at) >= len && memcmp(from->at, words[index].word, len) == 0) {
            from->at += len;
            value->kind = words[index].kind;
            return value;
        }
    }
    const char *begin = from->at;
    while (from->at < from->end && strchr("+-.eE0123456789", *from->at) != NULL && *from->at != '\0') from->at++;
    if (from->at == begin) fail("no value of JSON: %.40s", begin);
    value->kind = JSON_NUMBER;
    value->len = (size_t)(from->at - begin);
    value->data = copied(begin, value->len);
    return value;
}

static json *read_value(reader *from) {
    skip_space(from);
    if (from->at == from->end) fail("the JSON ends too early");
    if (*from->at == '{') return read_entries(from, JSON_MAP, '}');
    if (*from->at == '[') return read_entries(from, JSON_LIST, ']');
    if (*from->at != '"') return read_word(from);
    text string = read_string(from);
    json *value = take(sizeof *value);
    value->kind = JSON_STRING;
    value->data = string.data;
    value->len = string.len;
    return value;
}

json *json_read(const char *data, size_t len) {
    reader from = {data, data + len};
    return read_value(&from);
}

json *json_file(const char *path) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) fail("%s can't be read", path);
    text content = {0};
    char part[65536];
    for (size_t len; (len = fread(part, 1, sizeof part, file)) > 0;) add(&content, part, len);
    fclose(file);
    return json_read(content.data, content.len);
}

json *json_get(const json *map, const char *key) {
    size_t len = strlen(key);
    if (map == NULL || map->kind != JSON_MAP) return NULL;
    for (json *entry = map->first; entry != NULL; entry = entry->next)
        if (entry->key_len == len && memcmp(entry->key, key, len) == 0) return entry;
    return NULL;
}

json *json_need(const json *map, const char *key) {
    json *found = json_get(map, key);
    if (found == NULL) fail("there is no '%s' in %s", key, json_shown(map));
    return found;
}

json *json_at(const json *list, size_t index) {
    json *entry = list == NULL ? NULL : list->first;
    for (; entry != NULL && index > 0; index--) entry = entry->next;
    if (entry == NULL) fail("a list is too short: %s", json_shown(list));
    return entry;
}

const char *json_text(const json *map, const char *key) {
    const json *found = json_get(map, key);
    return found != NULL && found->kind == JSON_STRING ? found->data : NULL;
}

int64_t json_number(const json *number) {
    if (number == NULL || number->kind != JSON_NUMBER) fail("%s is no number", json_shown(number));
    return strtoll(number->data, NULL, 10);
}

int64_t json_int(const json *map, const char *key, int64_t otherwise) {
    const json *found = json_get(map, key);
    return found == NULL ? otherwise : json_number(found);
}

bool json_is(const json *value, const char *string) {
    return value != NULL && value->kind == JSON_STRING && value->len == strlen(string) &&
           memcmp(value->data, string, value->len) == 0;
}

bool json_same(const json *a, const json *b) {
    if (a == NULL || b == NULL || a->kind != b->kind) return a == b;
    if (a->len != b->len) return false;
    if (a->kind == JSON_NUMBER || a->kind == JSON_STRING) return memcmp(a->data, b->data, a->len) == 0;
    const json *one = a->first, *other = b->first;
    for (; one != NULL && other != NULL; one = one->next, other = other->next) {
        bool same_key =
            one->key_len == other->key_len && (one->key == NULL || !memcmp(one->key, other->key, one->key_len));
        if (!same_key || !json_same(one, other)) return false;
    }
    return one == other;
}

bool json_contains(const json *whole, const json *part) {
    if (whole == NULL || whole->kind != part->kind) return false;
    if (part->kind != JSON_MAP && part->kind != JSON_LIST) return json_same(whole, part);
    if (part->kind == JSON_LIST && whole->len != part->len) return false;
    const json *other = whole->first;
    for (const json *entry = part->first; entry != NULL; entry = entry->next) {
        const json *found = part->kind == JSON_MAP ? json_get(whole, entry->key) : other;
        if (!json_contains(found, entry)) return false;
        if (part->kind == JSON_LIST) other = other->next;
    }
    return true;
}

static void write_string(text *to, const char *data, size_t len) {
    add_text(to, "\"");
    for (size_t index = 0; index < len; index++) {
        unsigned char each = (unsigned char)data[index];
        if (each == '"' || each == '\\')
            add_format(to, "\\%c", each);
        else if (each < 0x20)
            add_format(to, "\\u%04x", each);
        else
            add(to, data + index, 1);
    }
    add_text(to, "\"");
}

void json_write(text *to, const json *value) {
    static const char *const words[] = {"null", "true", "false"};
    if (value->kind <= JSON_FALSE) {
        add_text(to, words[value->kind]);
    } else if (value->kind == JSON_NUMBER) {
        add(to, value->data, value->len);
    } else if (value->kind == JSON_STRING) {
        write_string(to, value->data, value->len);
    } else {
        add_text(to, value->kind == JSON_MAP ? "{" : "[");
        for (const json *entry = value->first; entry != NULL; entry = entry->next) {
            if (entry != value->first) add_text(to, ",");
            if (value->kind == JSON_MAP) {
                write_string(to, entry->key, entry->key_len);
                add_text(to, ":");
            }
            json_write(to, entry);
        }
        add_text(to, value->kind == JSON_MAP ? "}" : "]");
    }
}

const char *json_shown(const json *value) {
    if (value == NULL) return "nothing";
    text shown = {0};
    json_write(&shown, value);
    if (shown.len > 300) memcpy(shown.data + 296, "...", 4);
    return shown.data;
}
