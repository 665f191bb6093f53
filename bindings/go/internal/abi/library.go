package abi

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
)

// Variable names the file of the library, ahead of every other place.
const Variable = "REMOTEMEDIA_LIBRARY"

var (
	functions [functionCount]uintptr
	once      sync.Once
	loadError error
	loaded    string
)

// StrayReleases counts releases of what was not lent, or was released before; the conformance suite asks for it.
var StrayReleases atomic.Int64

// Load finds the library and its functions, once in a process.
func Load() error {
	once.Do(func() {
		if runtime.GOARCH == "386" || runtime.GOARCH == "arm" || runtime.GOARCH == "mips" {
			loadError = fmt.Errorf("remotemedia needs a 64-bit system, this is %s", runtime.GOARCH)
			return
		}
		loadError = load()
	})
	return loadError
}

// Path is the file that was loaded, as it was asked for.
func Path() string { return loaded }

// Call calls a function of the library. Pointers among the arguments lead to C memory or to what is pinned.
func Call(function Function, arguments ...uintptr) int32 {
	return int32(call(functions[function], arguments...))
}

// CallAddress calls a function that returns a pointer.
func CallAddress(function Function, arguments ...uintptr) uintptr {
	return call(functions[function], arguments...)
}

func load() error {
	var tried []string
	for _, path := range candidates() {
		handle, err := open(path)
		if err != nil {
			tried = append(tried, fmt.Sprintf("%s (%v)", path, err))
			if path == os.Getenv(Variable) {
				break
			}
			continue
		}
		loaded = path
		return bind(handle, path)
	}
	return fmt.Errorf("libremotemedia was not found; set %s to its file, or put it beside the program. Looked at: %s",
		Variable, strings.Join(tried, "; "))
}

// candidates are the files to try: that of the variable, the copies of this package and of the program, the system's.
func candidates() []string {
	if path := os.Getenv(Variable); path != "" {
		return []string{path}
	}
	names := []string{fmt.Sprintf("libremotemedia.so.%d", Major), "libremotemedia.so"}
	if runtime.GOOS == "darwin" {
		names = []string{fmt.Sprintf("libremotemedia.%d.dylib", Major), "libremotemedia.dylib"}
	}
	var folders []string
	if _, file, _, ok := runtime.Caller(0); ok && filepath.IsAbs(file) {
		folders = append(folders, filepath.Join(filepath.Dir(file), "..", "..", "lib"))
	}
	if program, err := os.Executable(); err == nil {
		folders = append(folders, filepath.Dir(program), filepath.Join(filepath.Dir(program), "lib"))
	}
	var paths []string
	for _, folder := range folders {
		for _, name := range names {
			path := filepath.Join(folder, name)
			if _, err := os.Stat(path); err == nil {
				paths = append(paths, path)
			}
		}
	}
	return append(paths, names...)
}

func bind(handle uintptr, path string) error {
	version, err := symbol(handle, "rm_abi_version")
	if err != nil {
		return fmt.Errorf("%s is not libremotemedia: %w; set %s to its file", path, err, Variable)
	}
	has := uint32(call(version))
	if major, minor := has>>16, has&0xffff; major != Major || minor < Minor {
		return fmt.Errorf("%s has version %d.%d of the ABI, this package needs %d.%d or a later %d.x; install the library "+
			"that belongs to this package, or set %s to its file", path, major, minor, Major, Minor, Major, Variable)
	}
	for function, name := range names {
		if functions[function], err = symbol(handle, name); err != nil {
			return fmt.Errorf("%s lacks the function %s: %w; install the library that belongs to this package",
				path, name, err)
		}
	}
	return nil
}
