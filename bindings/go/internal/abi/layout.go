// Package abi is the C ABI of libremotemedia as Go sees it: the library is found and loaded, its functions are
// called, and its structs are laid out here. It knows nothing of values, errors or ports.
package abi

import "unsafe"

// Buffer is rm_buffer. It lives in C memory, so addresses are numbers here: a Go pointer written to memory outside
// the heap would trip over the garbage collector's write barrier.
type Buffer struct {
	Data     uintptr
	Len      uintptr
	Token    uint64
	Memory   uintptr
	Flags    uint32
	Reserved uint32
}

// Output is rm_output.
type Output struct {
	Data           uintptr
	Capacity       uintptr
	Buffers        uintptr
	BufferCapacity uintptr
	Discard        uintptr
	DiscardCount   uintptr
	Len            uintptr
	BufferCount    uintptr
	Document       uintptr
}

// Forever is a time in microseconds that never passes, where a function takes one.
const Forever = ^uintptr(0)

// Pointer turns an address into a pointer. The memory is C's, or pinned.
func Pointer(address uintptr) unsafe.Pointer {
	return *(*unsafe.Pointer)(unsafe.Pointer(&address))
}

// Bytes is a view of C memory.
func Bytes(address, length uintptr) []byte {
	if length == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(Pointer(address)), length)
}

// Address is where a slice begins; 0 if it has no capacity.
func Address(data []byte) uintptr {
	return uintptr(unsafe.Pointer(unsafe.SliceData(data)))
}

// Buffers is a view of a buffer table in C memory.
func Buffers(address, count uintptr) []Buffer {
	if count == 0 {
		return nil
	}
	return unsafe.Slice((*Buffer)(Pointer(address)), count)
}

// Text copies a C string.
func Text(address uintptr) string {
	if address == 0 {
		return ""
	}
	length := 0
	for *(*byte)(Pointer(address + uintptr(length))) != 0 {
		length++
	}
	return string(Bytes(address, uintptr(length)))
}
