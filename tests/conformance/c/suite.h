/* The runner of C: what its files share. Memory of a case comes from one arena, and a failure leaves the case at once.
 */

#ifndef SUITE_H
#define SUITE_H

#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <inttypes.h>
#include <remotemedia.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define WAIT_US 10000000

/* ---- memory.c: the arena, text that grows, and how a case ends */

void *take(size_t size); /* zeroed; lives until the case ends */
void keep_arena(void);   /* what was taken until now stays */
void free_arena(void);

typedef struct text {
    char *data;
    size_t len, capacity;
} text;

void add(text *to, const char *data, size_t len);
void add_text(text *to, const char *data);
void add_format(text *to, const char *format, ...) __attribute__((format(printf, 2, 3)));
void add_base64(text *to, const uint8_t *data, size_t len);
char *copied(const char *data, size_t len); /* with a NUL behind it */

extern jmp_buf end_of_case;
extern char reason[2048];
enum { CASE_RUNS, CASE_FAILED, CASE_SKIPPED };

_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void skip(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- json.c: a JSON reader; numbers stay text, strings know their length */

typedef enum json_kind { JSON_NULL, JSON_TRUE, JSON_FALSE, JSON_NUMBER, JSON_STRING, JSON_LIST, JSON_MAP } json_kind;

typedef struct json {
    json_kind kind;
    const char *data; /* of a number or a string, with a NUL behind it */
    size_t len;       /* of that; of a list or map the number of entries */
    const char *key;  /* of an entry of a map */
    size_t key_len;
    struct json *first, *next;
} json;

json *json_read(const char *data, size_t len);
json *json_file(const char *path);
json *json_get(const json *map, const char *key);        /* NULL if it is not there */
json *json_need(const json *map, const char *key);       /* fails the case if it is not there */
json *json_at(const json *list, size_t index);           /* fails the case if it is not there */
const char *json_text(const json *map, const char *key); /* NULL if it is not there */
int64_t json_int(const json *map, const char *key, int64_t otherwise);
int64_t json_number(const json *number);
bool json_is(const json *value, const char *string); /* whether it is this string */
bool json_same(const json *a, const json *b);
bool json_contains(const json *whole, const json *part);
void json_write(text *to, const json *value);
const char *json_shown(const json *value); /* its text, cut short */

/* ---- library.c: calls that fail the case if they fail, and documents as JSON */

typedef struct block {
    uint8_t *data;
    size_t len;
} block;

typedef struct document {
    block bytes;
    rm_buffer *buffers;
    size_t count;
} document;

void require(rm_status status, rm_error **error, const char *what);
json *detail_of(rm_error *error); /* frees the error */
/* The document of a JSON text; where it is none, `status` and `error` say so, or the case fails if they are NULL. */
document document_or_error(const char *twin, size_t len, const rm_buffer *buffers, size_t count, rm_status *status,
                           rm_error **error);
document document_of(const char *twin, size_t len, const rm_buffer *buffers, size_t count);
json *twin_of(const uint8_t *data, size_t len, const rm_buffer *buffers, size_t count, uint32_t flags);
json *taken(rm_output *out); /* the document of a call as JSON; frees it */
json *live_objects(void);

/* ---- parts.c: bytes and text of the vectors, which are written as parts */

block bytes_of(const json *parts);
block text_parts_of(const json *parts);

/* ---- vectors.c, player.c, digest.c: the cases */

void run_twin(const json *vector);
void run_read_twin(const json *vector);
void run_refused(const json *vector);
void run_refused_twin(const json *vector);
void run_scenario(const char *path);
void run_digest(const char *name, const char *path, const char *root);

#endif
