/* Bytes and text of the vectors, which stand in the file as parts. */

#include "suite.h"

static unsigned digit(char each) {
    return (unsigned)(each <= '9' ? each - '0' : each - 'a' + 10);
}

static void add_hex(text *to, const json *part) {
    for (size_t at = 0; at + 1 < part->len; at += 2) {
        char byte = (char)(digit(part->data[at]) << 4 | digit(part->data[at + 1]));
        add(to, &byte, 1);
    }
}

static void add_part(text *to, const json *part, bool is_text) {
    if (part->kind == JSON_STRING) {
        if (is_text)
            add(to, part->data, part->len);
        else
            add_hex(to, part);
    } else if (part->kind == JSON_LIST) {
        text once = {0};
        add_part(&once, json_at(part, 0), is_text);
        for (int64_t times = json_number(json_at(part, 1)); times > 0; times--) add(to, once.data, once.len);
    } else {
        int64_t count = json_number(json_need(part, "keys"));
        for (int64_t key = 0; key < count; key++) {
            if (is_text)
                add_format(to, "%s\"%05d\":null", key > 0 ? "," : "", (int)key);
            else
                add_format(to, "\xa5%05d\xc0", (int)key);
        }
    }
}

static block parts_of(const json *parts, bool is_text) {
    text all = {0};
    add(&all, "", 0);
    for (const json *part = parts->first; part != NULL; part = part->next) add_part(&all, part, is_text);
    return (block){(uint8_t *)all.data, all.len};
}

block bytes_of(const json *parts) {
    return parts_of(parts, false);
}

block text_parts_of(const json *parts) {
    return parts_of(parts, true);
}
