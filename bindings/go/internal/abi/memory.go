package abi

import (
	"runtime"
	"sync"
	"syscall"
	"unsafe"
)

const (
	// DocumentRoom is how many bytes of a document fit in a Scratch, in and out; larger ones take the long way.
	DocumentRoom = 64 * 1024
	// TableRoom is how many entries of a buffer table fit in a Scratch, in and out.
	TableRoom = 64
)

// Scratch is memory outside Go's heap for the arguments and results of one call at a time.
type Scratch struct {
	block *block
	// In is room for a document that goes in; what outgrows it moves to Go's heap by itself.
	In []byte
	// Table is room for the buffer table that goes in.
	Table []Buffer
	// Out is where a call writes a document.
	Out *Output
	// OutAddress, ErrAddress and HandleAddress are where Out, an error and a handle are written.
	OutAddress, ErrAddress, HandleAddress uintptr
}

type block struct {
	handle, failure, first, second, third, fourth uintptr
	output                                        Output
	tableIn, tableOut                             [TableRoom]Buffer
	in, out                                       [DocumentRoom]byte
}

var scratches = sync.Pool{New: func() any {
	memory, err := syscall.Mmap(-1, 0, int(unsafe.Sizeof(block{})), syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		panic("remotemedia: the system gives no memory: " + err.Error())
	}
	made := (*block)(unsafe.Pointer(unsafe.SliceData(memory)))
	scratch := &Scratch{block: made, In: made.in[:0:DocumentRoom], Table: made.tableIn[:0:TableRoom], Out: &made.output}
	scratch.OutAddress = uintptr(unsafe.Pointer(&made.output))
	scratch.ErrAddress = uintptr(unsafe.Pointer(&made.failure))
	scratch.HandleAddress = uintptr(unsafe.Pointer(&made.handle))
	runtime.AddCleanup(scratch, func(memory []byte) { _ = syscall.Munmap(memory) }, memory)
	return scratch
}}

// Get takes a Scratch that no call uses.
func Get() *Scratch {
	scratch := scratches.Get().(*Scratch)
	scratch.Reset()
	return scratch
}

// Put gives a Scratch back.
func (s *Scratch) Put() { scratches.Put(s) }

// Reset makes room for the results of a call.
func (s *Scratch) Reset() {
	b := s.block
	b.handle, b.failure = 0, 0
	b.output = Output{
		Data: uintptr(unsafe.Pointer(&b.out)), Capacity: DocumentRoom,
		Buffers: uintptr(unsafe.Pointer(&b.tableOut)), BufferCapacity: TableRoom,
	}
}

// Handle is the object that a call has made.
func (s *Scratch) Handle() uintptr { return s.block.handle }

// Failure is the error of a call, 0 without one; it is the caller's to free.
func (s *Scratch) Failure() uintptr { return s.block.failure }

// View reads the parts of a document object: its bytes and its table, which live as long as it does.
func (s *Scratch) View(document uintptr) ([]byte, []Buffer) {
	b := s.block
	Call(DocumentView, document, uintptr(unsafe.Pointer(&b.first)), uintptr(unsafe.Pointer(&b.second)),
		uintptr(unsafe.Pointer(&b.third)), uintptr(unsafe.Pointer(&b.fourth)), 0)
	return Bytes(b.first, b.second), Buffers(b.third, b.fourth)
}

// Detail is the msgpack map that describes an error; it lives as long as the error.
func (s *Scratch) Detail(failure uintptr) []byte {
	b := s.block
	Call(ErrorDetail, failure, uintptr(unsafe.Pointer(&b.first)), uintptr(unsafe.Pointer(&b.second)))
	return Bytes(b.first, b.second)
}

// Retain makes another handle of memory; 0 if that fails.
func (s *Scratch) Retain(memory uintptr) uintptr {
	b := s.block
	b.first = 0
	Call(MemoryRetain, memory, uintptr(unsafe.Pointer(&b.first)), 0)
	return b.first
}
