/* The arena of a case, text that grows in it, and the two ways in which a case ends early. */

#include "suite.h"

typedef struct piece {
    struct piece *next;
    max_align_t data[];
} piece;

static piece *pieces, *kept_from;

jmp_buf end_of_case;
char reason[2048];

void *take(size_t size) {
    piece *made = calloc(1, sizeof *made + size);
    if (made == NULL) abort();
    made->next = pieces;
    pieces = made;
    return made->data;
}

void keep_arena(void) {
    kept_from = pieces;
}

void free_arena(void) {
    while (pieces != kept_from) {
        piece *next = pieces->next;
        free(pieces);
        pieces = next;
    }
}

void add(text *to, const char *data, size_t len) {
    if (to->len + len + 1 > to->capacity) {
        size_t capacity = 2 * to->capacity + len + 64;
        char *grown = take(capacity);
        if (to->len > 0) memcpy(grown, to->data, to->len);
        to->data = grown;
        to->capacity = capacity;
    }
    if (len > 0) memcpy(to->data + to->len, data, len);
    to->len += len;
    to->data[to->len] = '\0';
}

void add_text(text *to, const char *data) {
    add(to, data, strlen(data));
}

void add_format(text *to, const char *format, ...) {
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (len < 0 || (size_t)len >= sizeof line) abort();
    add(to, line, (size_t)len);
}

void add_base64(text *to, const uint8_t *data, size_t len) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t at = 0; at < len; at += 3) {
        size_t here = len - at < 3 ? len - at : 3;
        uint32_t bits = (uint32_t)data[at] << 16;
        if (here > 1) bits |= (uint32_t)data[at + 1] << 8;
        if (here > 2) bits |= data[at + 2];
        char four[4] = {digits[bits >> 18], digits[bits >> 12 & 63], digits[bits >> 6 & 63], digits[bits & 63]};
        for (size_t missing = here; missing < 3; missing++) four[missing + 1] = '=';
        add(to, four, 4);
    }
}

char *copied(const char *data, size_t len) {
    char *copy = take(len + 1);
    if (len > 0) memcpy(copy, data, len);
    return copy;
}

void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    longjmp(end_of_case, CASE_FAILED);
}

void skip(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    longjmp(end_of_case, CASE_SKIPPED);
}
