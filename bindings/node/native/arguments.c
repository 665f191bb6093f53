/* Arguments and results of the addon's functions. */

#include "addon.h"

#include <math.h>

bool arguments(napi_env env, napi_callback_info info, size_t count, napi_value *out) {
    return napi_get_cb_info(env, info, &count, out, NULL, NULL) == napi_ok;
}

bool bytes_of(napi_env env, napi_value value, const uint8_t **data, size_t *len) {
    void *found = NULL;
    napi_typedarray_type type;
    *data = NULL;
    *len = 0;
    if (napi_get_typedarray_info(env, value, &type, len, &found, NULL, NULL) == napi_ok && type == napi_uint8_array) {
        *data = found;
        return true;
    }
    napi_valuetype found_type;
    if (napi_typeof(env, value, &found_type) == napi_ok && found_type == napi_undefined) return true;
    napi_throw_type_error(env, NULL, "a Uint8Array is needed here");
    return false;
}

bool number_of(napi_env env, napi_value value, int64_t *out) {
    if (napi_get_value_int64(env, value, out) == napi_ok) return true;
    napi_throw_type_error(env, NULL, "a number is needed here");
    return false;
}

napi_value number(napi_env env, double value) {
    napi_value result = NULL;
    napi_create_double(env, value, &result);
    return result;
}

napi_value undefined(napi_env env) {
    napi_value result = NULL;
    napi_get_undefined(env, &result);
    return result;
}

void define(napi_env env, napi_value exports, const char *name, napi_callback call) {
    napi_value function;
    if (napi_create_function(env, name, NAPI_AUTO_LENGTH, call, NULL, &function) == napi_ok)
        napi_set_named_property(env, exports, name, function);
}
