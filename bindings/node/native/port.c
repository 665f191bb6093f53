/* Ports: the loop of the environment watches the descriptor and calls JavaScript when events are there.
 *
 * A port is closed in two steps, as libuv demands: the watcher first, then, once the loop has let go of it, the port.
 */

#include "addon.h"

#include <stdlib.h>

static void dispose(event_port *done) {
    if (done->is_closed && done->is_collected) free(done);
}

static void let_go(event_port *ended) {
    addon *of = ended->base.addon;
    ended->is_closed = true;
    handle_unlink(&ended->base);
    if (ended->base.object != NULL) rm.port_free(ended->base.object);
    ended->base.object = NULL;
    dispose(ended);
    end_of_environment(of);
}

static void closed(uv_handle_t *watcher) {
    let_go(watcher->data);
}

void port_end(event_port *ended) {
    if (ended->is_closing) return;
    ended->is_closing = true;
    if (ended->is_watched)
        uv_close((uv_handle_t *)&ended->poll, closed);
    else
        let_go(ended);
}

static void forget(event_port *ended) {
    napi_env env = ended->base.addon->env;
    if (ended->callback != NULL) napi_delete_reference(env, ended->callback);
    if (ended->context != NULL) napi_async_destroy(env, ended->context);
    ended->callback = NULL;
    ended->context = NULL;
}

static void collected(napi_env env, void *data, void *hint) {
    (void)env, (void)hint;
    event_port *done = data;
    forget(done);
    done->is_collected = true;
    if (done->is_closed)
        dispose(done);
    else
        port_end(done);
}

static void on_events(uv_poll_t *watcher, int status, int events) {
    (void)status, (void)events;
    event_port *ready = watcher->data;
    napi_env env = ready->base.addon->env;
    napi_handle_scope scope;
    napi_value callback, receiver, error;
    if (ready->callback == NULL || ready->base.addon->is_ending) return;
    if (napi_open_handle_scope(env, &scope) != napi_ok) return;
    napi_get_reference_value(env, ready->callback, &callback);
    napi_get_global(env, &receiver);
    if (napi_make_callback(env, ready->context, receiver, callback, 0, NULL, NULL) == napi_pending_exception &&
        napi_get_and_clear_last_exception(env, &error) == napi_ok)
        napi_fatal_exception(env, error);
    napi_close_handle_scope(env, scope);
}

/* portNew(runtime, callback): a port whose events the loop announces by the callback, or a status. Without a callback
 * nothing watches it. It does not keep the loop alive until `portHold`. */
napi_value port_new(napi_env env, napi_callback_info info) {
    static const uint8_t silent[] = "{\"bell\":\"none\"}";
    napi_value values[2], name;
    napi_valuetype type;
    uv_loop_t *loop;
    intptr_t descriptor = -1;
    addon *of = addon_of(env);
    if (!arguments(env, info, 2, values)) return NULL;
    handle *runtime = handle_of(env, values[0], RUNTIME);
    if (runtime == NULL || napi_typeof(env, values[1], &type) != napi_ok) return NULL;
    bool is_watched = type == napi_function;
    rm_port *native = NULL;
    rm_status status = rm.port_new(runtime->object, is_watched ? NULL : silent, is_watched ? 0 : sizeof silent - 1,
                                   &native, &of->error);
    if (status >= RM_OK && is_watched) status = rm.port_fd(native, &descriptor, &of->error);
    if (status < RM_OK) {
        rm.port_free(native);
        return number(env, status);
    }
    event_port *made = calloc(1, sizeof *made);
    if (made == NULL || napi_get_uv_event_loop(env, &loop) != napi_ok ||
        (is_watched && uv_poll_init(loop, &made->poll, (int)descriptor) != 0)) {
        rm.port_free(native);
        free(made);
        napi_throw_error(env, NULL, "the event loop can't watch the descriptor of a port");
        return NULL;
    }
    made->base = (handle){.kind = PORT, .object = native, .addon = of};
    made->is_watched = is_watched;
    handle_link(&made->base, &of->ports);
    if (is_watched) {
        made->poll.data = made;
        napi_create_reference(env, values[1], 1, &made->callback);
        napi_create_string_utf8(env, "remotemedia:port", NAPI_AUTO_LENGTH, &name);
        napi_async_init(env, NULL, name, &made->context);
        uv_poll_start(&made->poll, UV_READABLE, on_events);
        uv_unref((uv_handle_t *)&made->poll);
    }
    return external_of(env, &made->base, collected);
}

/* portHold(port, held): whether the port keeps the loop alive. */
napi_value port_hold(napi_env env, napi_callback_info info) {
    napi_value values[2];
    bool held = false;
    if (!arguments(env, info, 2, values)) return NULL;
    event_port *of = handle_of(env, values[0], PORT);
    if (of == NULL || napi_get_value_bool(env, values[1], &held) != napi_ok) return NULL;
    if (!of->is_watched || of->is_closing) return undefined(env);
    if (held)
        uv_ref((uv_handle_t *)&of->poll);
    else
        uv_unref((uv_handle_t *)&of->poll);
    return undefined(env);
}

/* portClose(port): frees it as soon as the loop has let go of its descriptor. */
napi_value port_close(napi_env env, napi_callback_info info) {
    napi_value argument;
    if (!arguments(env, info, 1, &argument)) return NULL;
    event_port *of = handle_of(env, argument, PORT);
    if (of == NULL) return NULL;
    forget(of);
    port_end(of);
    return undefined(env);
}
