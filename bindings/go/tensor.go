// Tensor values.

package remotemedia

import (
	"fmt"
	"runtime"
	"slices"
	"unsafe"
)

// Element is a type of the elements of a Tensor that Go has.
type Element interface {
	bool | int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64 | float32 | float64 | complex64 | complex128
}

// Tensor is an array of numbers with any number of dimensions.
//
// The elements belong to the Tensor: once it was made or sent, don't change them. 16 KiB and more are lent to the
// runtime without a copy.
type Tensor struct {
	// DType is the type of the elements, such as "float32"; float16 and bfloat16 have no type in Go.
	DType string
	// Shape has the size of each dimension. Without dimensions there is one element.
	Shape []int

	// strides are in bytes; nil means C order.
	strides []int
	offset  int
	payload payload
}

var elementSizes = map[string]int{
	"bool": 1, "int8": 1, "int16": 2, "int32": 4, "int64": 8, "uint8": 1, "uint16": 2, "uint32": 4, "uint64": 8,
	"float16": 2, "bfloat16": 2, "float32": 4, "float64": 8, "complex64": 8, "complex128": 16,
}

// NewTensor makes a Tensor of elements in C order, the last dimension contiguous. Without a shape it has one
// dimension. The slice is used, not copied. It panics if the shape asks for another number of elements.
func NewTensor[T Element](data []T, shape ...int) *Tensor {
	if len(shape) == 0 {
		shape = []int{len(data)}
	}
	return NewTensorOf(dtypeOf[T](), bytesOf(data), shape...)
}

// NewScalar makes a Tensor of one element, without dimensions.
func NewScalar[T Element](value T) *Tensor {
	return &Tensor{DType: dtypeOf[T](), payload: payload{data: bytesOf([]T{value})}}
}

// NewTensorOf makes a Tensor of little-endian bytes in C order, of any type that the wire format has. It panics if
// they are not as many as type and shape ask for.
func NewTensorOf(dtype string, data []byte, shape ...int) *Tensor {
	size, known := elementSizes[dtype]
	if !known {
		panic(fmt.Sprintf("remotemedia.NewTensorOf: there is no type %q", dtype))
	}
	if slices.ContainsFunc(shape, func(size int) bool { return size < 0 }) {
		panic(fmt.Sprintf("remotemedia: the shape %v of a tensor has a size below 0", shape))
	}
	t := &Tensor{DType: dtype, Shape: slices.Clone(shape), payload: payload{data: data}}
	if t.Len()*size != len(data) {
		panic(fmt.Sprintf("remotemedia: a tensor of the shape %v has %d elements, %d were given", shape, t.Len(), len(data)/size))
	}
	return t
}

// Len is the number of elements.
func (t *Tensor) Len() int {
	count := 1
	for _, size := range t.Shape {
		count *= size
	}
	return count
}

// Bytes returns the elements in C order, in Go memory: where they lie, or a copy of what the runtime holds or has in
// another order. View does without a copy.
func (t *Tensor) Bytes() []byte {
	if !t.isContiguous() {
		return t.contiguous()
	}
	return t.payload.inGo(t.contiguous())
}

// View calls see with the elements in C order where they lie, without a copy if they are in that order. The bytes
// must not be used after see has returned: they may lie in memory of the runtime, which is freed with the Tensor.
func (t *Tensor) View(see func(elements []byte)) {
	see(t.contiguous())
	runtime.KeepAlive(t)
}

// Elements returns the elements of a Tensor in C order, in Go memory. It panics if T is not their type.
func Elements[T Element](t *Tensor) []T {
	if want := dtypeOf[T](); want != t.DType {
		panic(fmt.Sprintf("remotemedia.Elements: the elements are %s, not %s", t.DType, want))
	}
	if t.Len() == 0 {
		return nil
	}
	data := aligned(t.Bytes(), 8)
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(data))), t.Len())
}

func (t *Tensor) String() string { return fmt.Sprintf("Tensor(%s, %v)", t.DType, t.Shape) }

// contiguous returns the elements in C order, copied only if they lie otherwise.
func (t *Tensor) contiguous() []byte {
	size, count := elementSizes[t.DType], t.Len()
	if count == 0 {
		return nil
	}
	if t.isContiguous() {
		return t.payload.data[t.offset : t.offset+count*size : t.offset+count*size]
	}
	all := make([]byte, 0, count*size)
	var gather func(dimension, at int)
	gather = func(dimension, at int) {
		if dimension == len(t.Shape) {
			all = append(all, t.payload.data[at:at+size]...)
			return
		}
		for index := range t.Shape[dimension] {
			gather(dimension+1, at+index*t.strides[dimension])
		}
	}
	gather(0, t.offset)
	return all
}

func (t *Tensor) isContiguous() bool {
	if t.strides == nil {
		return true
	}
	step := elementSizes[t.DType]
	for dimension := len(t.Shape) - 1; dimension >= 0; dimension-- {
		if t.Shape[dimension] != 1 && t.strides[dimension] != step {
			return false
		}
		step *= t.Shape[dimension]
	}
	return true
}

// extent returns the first byte that elements with these strides take, and the one behind the last.
func extent(shape, strides []int, offset, size int) (low, high int) {
	low, high = offset, offset+size
	for dimension, length := range shape {
		if span := (length - 1) * strides[dimension]; span < 0 {
			low += span
		} else {
			high += span
		}
	}
	return low, high
}

func dtypeOf[T Element]() string {
	var zero T
	return fmt.Sprintf("%T", zero)
}
