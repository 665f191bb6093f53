// What native code knows by a number, and what must stay until a release record names the number.

package remotemedia

import (
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/remotemedia/remotemedia-go/internal/abi"
)

// loan is what native code knows by a number: memory that it may read, an error of a node, a node type. It stays
// here, and its memory pinned, until a release record names the number.
type loan struct {
	pinner runtime.Pinner
	data   []byte
	native *nativeMemory
	object any
}

// loans are those of the whole process: no two runtimes use the same number.
var loans = struct {
	sync.Mutex
	by map[uint64]*loan
}{by: map[uint64]*loan{}}

var lastToken atomic.Uint64

// lendMemory pins memory and returns the number by which it is lent.
func lendMemory(data []byte, native *nativeMemory) uint64 {
	l := &loan{data: data, native: native}
	if native == nil {
		l.pinner.Pin(unsafe.SliceData(data))
	}
	return lend(l)
}

// lendObject returns a number for a Go value, for the runtime to give back.
func lendObject(object any) uint64 { return lend(&loan{object: object}) }

func lend(l *loan) uint64 {
	token := lastToken.Add(1)
	loans.Lock()
	loans.by[token] = l
	loans.Unlock()
	return token
}

// lent returns what was lent by a number; nil if it was released.
func lent(token uint64) *loan {
	loans.Lock()
	defer loans.Unlock()
	return loans.by[token]
}

// release ends loans.
func release(tokens []uint64) {
	if len(tokens) == 0 {
		return
	}
	loans.Lock()
	defer loans.Unlock()
	for _, token := range tokens {
		l := loans.by[token]
		if l == nil {
			abi.StrayReleases.Add(1)
			continue
		}
		l.pinner.Unpin()
		delete(loans.by, token)
	}
}

// freeTypes notes that the pipeline of node types is freed.
func freeTypes(tokens []uint64) {
	loans.Lock()
	defer loans.Unlock()
	for _, token := range tokens {
		if l := loans.by[token]; l != nil {
			l.object.(*hostType).isFree = true
		}
	}
}

// releaseTypes ends the loans of node types whose runtime is freed after their pipelines: a thread that was done with the
// last work of a pipeline only then leaves no record.
func releaseTypes(runtime *handle) {
	loans.Lock()
	defer loans.Unlock()
	for token, l := range loans.by {
		if each, ok := l.object.(*hostType); ok && each.runtime == runtime && each.isFree {
			delete(loans.by, token)
		}
	}
}

// loanCount is how many loans are out, for tests.
func loanCount() int {
	loans.Lock()
	defer loans.Unlock()
	return len(loans.by)
}
