/* The names by which code of newer LLVMs calls ThreadSanitizer, for the runtime of compilers that have only the older ones. */

#include <string.h>

void *__tsan_memcpy(void *to, const void *from, size_t len) {
    return memcpy(to, from, len);
}

void *__tsan_memmove(void *to, const void *from, size_t len) {
    return memmove(to, from, len);
}

void *__tsan_memset(void *to, int value, size_t len) {
    return memset(to, value, len);
}
