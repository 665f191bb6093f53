// Memory behind values: of Go, or of the runtime until the garbage collector finds it unused.

package remotemedia

import (
	"runtime"
	"slices"
	"sync/atomic"
	"unsafe"

	"github.com/remotemedia/remotemedia-go/internal/abi"
)

// payload is a block of memory that a value refers to: Go's, or the runtime's as long as native is held.
type payload struct {
	data   []byte
	native *nativeMemory
}

// inGo returns a part of the payload that is in Go memory: where it lies, or a copy of what the runtime holds.
func (p *payload) inGo(part []byte) []byte {
	if p.native == nil {
		return part
	}
	part = slices.Clone(part)
	runtime.KeepAlive(p.native)
	return part
}

// nativeMemory is a handle of the runtime's memory, freed when the garbage collector finds it unused.
type nativeMemory struct{ size int }

// collectAbove is how much of the runtime's memory may wait for the garbage collector, which sees only the small Go
// values that hold it.
const collectAbove = 128 << 20

var (
	nativeBytes atomic.Int64
	collectAt   atomic.Int64
	collecting  atomic.Bool
)

func init() { collectAt.Store(collectAbove) }

func holdNative(handle uintptr, size int) *nativeMemory {
	memory := &nativeMemory{size}
	type held struct {
		handle uintptr
		size   int
	}
	runtime.AddCleanup(memory, func(h held) {
		abi.Call(abi.MemoryDiscard, h.handle)
		nativeBytes.Add(-int64(h.size))
	}, held{handle, size})
	if nativeBytes.Add(int64(size)) > collectAt.Load() && collecting.CompareAndSwap(false, true) {
		go func() {
			runtime.GC()
			collectAt.Store(max(collectAbove, 2*nativeBytes.Load()))
			collecting.Store(false)
		}()
	}
	return memory
}

// floats sees bytes as float32. The address is a multiple of 4.
func floats(data []byte) []float32 {
	if len(data) < 4 {
		return nil
	}
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(data))), len(data)/4)
}

// bytesOf sees a slice of numbers as the bytes that it has in memory.
func bytesOf[T Element](data []T) []byte {
	if len(data) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(data))), len(data)*int(unsafe.Sizeof(data[0])))
}

// aligned returns bytes at an address that is a multiple of align, copied if need be.
func aligned(data []byte, align uintptr) []byte {
	if abi.Address(data)%align == 0 {
		return data
	}
	// Large allocations begin at multiples of 8, and small ones of 8 and more bytes do as well.
	words := make([]uint64, (len(data)+7)/8)
	moved := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), len(data))
	copy(moved, data)
	return moved
}
