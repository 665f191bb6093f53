/* Loads the shared library and looks up its functions. The file is never unloaded, so the functions stay valid. */

#define _GNU_SOURCE
#include "addon.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

library rm;

static uv_once_t once = UV_ONCE_INIT;
static uv_mutex_t lock;
static bool is_open;

static void make_lock(void) {
    uv_mutex_init(&lock);
}

/* Writes why the file can't be used; an empty text if it can. */
static void load(const char *path, char *problem, size_t capacity) {
    library found;
    void *file = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (file == NULL) {
        snprintf(problem, capacity, "%s", dlerror());
        return;
    }
    __typeof__(rm_abi_version) *abi_version;
    *(void **)&abi_version = dlsym(file, "rm_abi_version");
    if (abi_version == NULL) {
        snprintf(problem, capacity, "%s is no library of remotemedia: it lacks rm_abi_version", path);
        return;
    }
    uint32_t version = abi_version();
    if (version >> 16 != RM_ABI_MAJOR || version < (RM_ABI_MAJOR << 16 | RM_ABI_MINOR)) {
        snprintf(problem, capacity, "%s has ABI %u.%u, this package needs %d.%d or a later minor version of it", path,
                 version >> 16, version & 0xffff, RM_ABI_MAJOR, RM_ABI_MINOR);
        return;
    }
#define X(name)                                                                                                        \
    *(void **)&found.name = dlsym(file, "rm_" #name);                                                                  \
    if (found.name == NULL) {                                                                                          \
        snprintf(problem, capacity, "%s lacks the function rm_" #name, path);                                          \
        return;                                                                                                        \
    }
    FUNCTIONS(X)
#undef X
    rm = found;
    is_open = true;
}

/* open(path): why the library can't be used; undefined if it can. The first one that can is that of the process. */
napi_value library_open(napi_env env, napi_callback_info info) {
    napi_value argument, result;
    char path[4096], problem[8192] = "";
    size_t len;
    if (!arguments(env, info, 1, &argument)) return NULL;
    if (napi_get_value_string_utf8(env, argument, path, sizeof path, &len) != napi_ok) {
        napi_throw_type_error(env, NULL, "the path of the library must be text");
        return NULL;
    }
    uv_once(&once, make_lock);
    uv_mutex_lock(&lock);
    if (!is_open) load(path, problem, sizeof problem);
    uv_mutex_unlock(&lock);
    if (problem[0] == '\0') return undefined(env);
    napi_create_string_utf8(env, problem, NAPI_AUTO_LENGTH, &result);
    return result;
}
