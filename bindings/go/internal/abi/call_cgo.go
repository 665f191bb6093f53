//go:build cgo && remotemedia_cgo

package abi

/*
#cgo linux LDFLAGS: -ldl
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>

typedef uintptr_t (*rm_go_function)(uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t,
                                    uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t);

// Every function takes words only, and none more than eleven; those that take fewer don't look at the others.
static uintptr_t rm_go_call(uintptr_t function, uintptr_t a, uintptr_t b, uintptr_t c, uintptr_t d, uintptr_t e,
                            uintptr_t f, uintptr_t g, uintptr_t h, uintptr_t i, uintptr_t j, uintptr_t k) {
    return ((rm_go_function)function)(a, b, c, d, e, f, g, h, i, j, k);
}

static uintptr_t rm_go_open(const char *path) { return (uintptr_t)dlopen(path, RTLD_NOW | RTLD_LOCAL); }

static uintptr_t rm_go_symbol(uintptr_t library, const char *name) { return (uintptr_t)dlsym((void *)library, name); }
*/
import "C"

import (
	"errors"
	"unsafe"
)

// CallsBy names the way by which C is called.
const CallsBy = "cgo"

func open(path string) (uintptr, error) {
	text := C.CString(path)
	defer C.free(unsafe.Pointer(text))
	handle := uintptr(C.rm_go_open(text))
	if handle == 0 {
		return 0, errors.New(C.GoString(C.dlerror()))
	}
	return handle, nil
}

func symbol(handle uintptr, name string) (uintptr, error) {
	text := C.CString(name)
	defer C.free(unsafe.Pointer(text))
	found := uintptr(C.rm_go_symbol(C.uintptr_t(handle), text))
	if found == 0 {
		return 0, errors.New(C.GoString(C.dlerror()))
	}
	return found, nil
}

func call(function uintptr, arguments ...uintptr) uintptr {
	var a [11]C.uintptr_t
	for index, argument := range arguments {
		a[index] = C.uintptr_t(argument)
	}
	return uintptr(C.rm_go_call(C.uintptr_t(function), a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], a[10]))
}
