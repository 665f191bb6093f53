/* Externals over objects of the library, and the end of an environment: of a Worker, or of the process.
 *
 * When an environment ends, memory of its JavaScript may be lent to native work. `end_first` runs before any of it is
 * freed and waits until the runtimes of this environment have let go; then the descriptors of its ports are closed. */

#include "addon.h"

#include <stdlib.h>

addon *addon_of(napi_env env) {
    void *found = NULL;
    napi_get_instance_data(env, &found);
    return found;
}

napi_value external_of(napi_env env, handle *made, napi_finalize finalize) {
    napi_value result;
    made->addon = addon_of(env);
    if (napi_create_external(env, made, finalize, NULL, &result) == napi_ok) return result;
    finalize(env, made, NULL);
    return NULL;
}

void *handle_of(napi_env env, napi_value value, handle_kind kind) {
    void *found = NULL;
    if (napi_get_value_external(env, value, &found) == napi_ok && ((handle *)found)->kind == kind) return found;
    napi_throw_type_error(env, NULL, "a handle of another kind is needed here");
    return NULL;
}

void handle_link(handle *made, handle **list) {
    made->next = *list;
    made->link = list;
    if (*list != NULL) (*list)->link = &made->next;
    *list = made;
}

void handle_unlink(handle *made) {
    if (made->link == NULL) return;
    *made->link = made->next;
    if (made->next != NULL) made->next->link = made->link;
    made->link = NULL;
}

/* A runtime that may still read lent memory is freed with its environment, which then knows what to wait for. */
static bool keep(addon *of, rm_runtime *runtime) {
    if (!of->has_lent || of->is_ending || rm.runtime_shutdown(runtime, 0, NULL) == RM_OK) return false;
    handle *kept = calloc(1, sizeof *kept);
    if (kept == NULL) return false;
    *kept = (handle){.kind = RUNTIME, .object = runtime, .addon = of};
    handle_link(kept, &of->runtimes);
    return true;
}

static void release(handle *held) {
    void *object = held->object;
    held->object = NULL;
    handle_unlink(held);
    if (object == NULL) return;
    if (held->kind == RUNTIME && !keep(held->addon, object)) rm.runtime_free(object);
    if (held->kind == PIPELINE) rm.pipeline_free(object);
    if (held->kind == SESSION) rm.session_free(object);
}

void handle_finalize(napi_env env, void *data, void *hint) {
    (void)env, (void)hint;
    release(data);
    free(data);
}

/* close(handle): frees a runtime, pipeline or session now. Later calls on it are refused by the library. */
napi_value handle_close(napi_env env, napi_callback_info info) {
    napi_value argument;
    void *found = NULL;
    if (!arguments(env, info, 1, &argument)) return NULL;
    if (napi_get_value_external(env, argument, &found) == napi_ok) release(found);
    return undefined(env);
}

static void stop(void *data) {
    addon *of = data;
    of->is_ending = true;
    for (handle *each = of->ports; each != NULL; each = each->next) {
        event_port *watched = (event_port *)each;
        if (watched->is_watched && !watched->is_closing) uv_poll_stop(&watched->poll);
    }
    /* Without a loan nothing of this environment is read, and there is nothing to wait for. */
    for (handle *each = of->runtimes; each != NULL; each = each->next)
        rm.runtime_shutdown(each->object, of->has_lent ? -1 : 0, NULL);
}

void end_first(addon *of) {
    /* Hooks run in the order opposite to that of their registration, and every external ArrayBuffer registers one. */
    napi_remove_env_cleanup_hook(of->env, stop, of);
    napi_add_env_cleanup_hook(of->env, stop, of);
}

static void close_ports(napi_async_cleanup_hook_handle hook, void *data) {
    addon *of = data;
    of->hook = hook;
    for (handle *each = of->ports, *next; each != NULL; each = next) {
        next = each->next;
        port_end((event_port *)each);
    }
    end_of_environment(of);
}

void end_of_environment(addon *of) {
    if (of->hook == NULL || of->ports != NULL) return;
    napi_remove_async_cleanup_hook(of->hook);
    of->hook = NULL;
}

static void forget(napi_env env, void *data, void *hint) {
    (void)env, (void)hint;
    addon *of = data;
    if (of->error != NULL) rm.error_free(of->error);
    free(of);
}

NAPI_MODULE_INIT() {
    addon *made = calloc(1, sizeof *made);
    if (made == NULL) return NULL;
    made->env = env;
    napi_set_instance_data(env, made, forget, NULL);
    napi_add_async_cleanup_hook(env, close_ports, made, NULL);
    end_first(made);
    define(env, exports, "open", library_open);
    define(env, exports, "close", handle_close);
    define_calls(env, exports);
    return exports;
}
