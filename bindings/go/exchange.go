// One call of the library with a document in and a document or an error out, and the handles of its objects.

package remotemedia

import (
	"runtime"
	"slices"
	"sync/atomic"
	"unsafe"

	"github.com/remotemedia/remotemedia-go/internal/abi"
)

// copyBelow is the size of memory of the runtime that is copied to Go's at once: a copy costs less than a handle.
const copyBelow = 64 * 1024

// exchange is one call of the library: a document in, a document or an error out. Its memory is outside of Go's heap.
type exchange struct {
	*abi.Scratch
	encoder
	pinner   runtime.Pinner
	document uintptr
	table    []abi.Buffer
	payloads []payload
	resolved []bool
}

func newExchange() *exchange {
	x := &exchange{Scratch: abi.Get()}
	x.out, x.encoder.table = x.Scratch.In, x.Scratch.Table
	return x
}

// input returns the address and length of the document that was encoded, and of its buffer table.
func (x *exchange) input() (data, length, table, count uintptr) {
	if len(x.out) > 0 && unsafe.SliceData(x.out) != unsafe.SliceData(x.Scratch.In) {
		x.pinner.Pin(unsafe.SliceData(x.out))
	}
	if len(x.encoder.table) > 0 && unsafe.SliceData(x.encoder.table) != unsafe.SliceData(x.Scratch.Table) {
		x.pinner.Pin(unsafe.SliceData(x.encoder.table))
	}
	return abi.Address(x.out), uintptr(len(x.out)),
		uintptr(unsafe.Pointer(unsafe.SliceData(x.encoder.table))), uintptr(len(x.encoder.table))
}

// text makes text the document.
func (x *exchange) text(text []byte) { x.out = append(x.out, text...) }

// failure takes the error of a call that returned this status.
func (x *exchange) failure(status int32) *Error {
	address := x.Failure()
	if address == 0 {
		return failure(Status(status), "%v", Status(status))
	}
	defer abi.Call(abi.ErrorFree, address)
	detail, err := decode(x.Detail(address), nil)
	found, _ := detail.(*Map)
	if err != nil || found == nil {
		return failure(Status(status), "%s", abi.Text(abi.CallAddress(abi.ErrorMessage, address)))
	}
	e := errorOf(Status(status), found)
	if e.Message == "" {
		e.Message = abi.Text(abi.CallAddress(abi.ErrorMessage, address))
	}
	return e
}

// result is a decoder of the document that a call wrote; close ends its use. There may be none.
func (x *exchange) result() *decoder {
	out := x.Out
	var data []byte
	if x.document = out.Document; x.document != 0 {
		data, x.table = x.View(x.document)
	} else {
		data, x.table = abi.Bytes(out.Data, out.Len), abi.Buffers(out.Buffers, out.BufferCount)
	}
	if len(x.table) > 0 {
		x.payloads = make([]payload, len(x.table))
		x.resolved = make([]bool, len(x.table))
	}
	return &decoder{data: data, buffer: x.buffer}
}

// buffer returns an entry of the table of a result: memory of Go that was lent, or that of the runtime.
func (x *exchange) buffer(index int) (payload, bool) {
	if index < 0 || index >= len(x.table) {
		return payload{}, false
	}
	if x.resolved[index] {
		return x.payloads[index], true
	}
	entry := &x.table[index]
	var p payload
	switch {
	case entry.Token != 0:
		l := lent(entry.Token)
		if l == nil {
			return payload{}, false
		}
		p = payload{l.data, l.native}
	case entry.Memory == 0 || entry.Len < copyBelow:
		p.data = slices.Clone(abi.Bytes(entry.Data, entry.Len))
	case x.document != 0:
		// The document keeps its own handle.
		p = hold(x.Retain(entry.Memory), entry)
	default:
		p = hold(entry.Memory, entry)
		entry.Memory = 0
	}
	x.payloads[index], x.resolved[index] = p, true
	return p, true
}

// hold makes a payload of memory of the runtime; without a handle it is a copy.
func hold(handle uintptr, entry *abi.Buffer) payload {
	data := abi.Bytes(entry.Data, entry.Len)
	if handle == 0 {
		return payload{data: slices.Clone(data)}
	}
	return payload{data, holdNative(handle, len(data))}
}

// close frees what a result has that no value refers to, and ends the use of the memory of this call.
func (x *exchange) close() {
	if x.document != 0 {
		abi.Call(abi.DocumentFree, x.document)
	} else {
		for i := range x.table {
			if memory := x.table[i].Memory; memory != 0 {
				abi.Call(abi.MemoryDiscard, memory)
			}
		}
	}
	x.pinner.Unpin()
	x.Scratch.Put()
}

// read decodes the result of a call with one function, and closes nothing.
func (x *exchange) read(see func(*decoder)) (err error) {
	defer recoverMalformed(&err)
	see(x.result())
	return nil
}

// handle is an object of the library that several goroutines use, freed once the last one is done with it.
type handle struct {
	address uintptr
	free    abi.Function
	users   atomic.Int64
	closed  atomic.Bool
	// freed is called once the object is freed, if it is set.
	freed func()
}

func newHandle(address uintptr, free abi.Function) *handle {
	h := &handle{address: address, free: free}
	h.users.Store(1)
	return h
}

// use marks one more user, unless the object is closed; done must follow.
func (h *handle) use() bool {
	return !h.closed.Load() && h.hold()
}

// hold is use also of an object that is closed and not freed yet.
func (h *handle) hold() bool {
	for {
		users := h.users.Load()
		if users == 0 {
			return false
		}
		if h.users.CompareAndSwap(users, users+1) {
			return true
		}
	}
}

func (h *handle) done() {
	if h.users.Add(-1) == 0 {
		abi.Call(h.free, h.address)
		if h.freed != nil {
			h.freed()
		}
	}
}

// close frees the object once nothing uses it. It may be called again.
func (h *handle) close() {
	if h.closed.CompareAndSwap(false, true) {
		h.done()
	}
}
