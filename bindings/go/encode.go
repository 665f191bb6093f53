// The encoder: values to documents. It knows docs/wire.md, and nothing of calls.

package remotemedia

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/remotemedia/remotemedia-go/internal/abi"
)

// maxDepth is how deep lists and maps may lie inside each other.
const maxDepth = 128

// encoder writes values as a document: msgpack in out, large payloads in table, lent by their tokens.
type encoder struct {
	out    []byte
	table  []abi.Buffer
	tokens []uint64
	depth  int
}

// abort takes back what was lent for a document that did not reach the runtime.
func (e *encoder) abort() { release(e.tokens) }

// encodeError is a value that can't be carried, and the way to it.
type encodeError struct {
	path, message string
}

func (e *encodeError) Error() string { return e.path + ": " + e.message }

func (e *encodeError) in(segment string) error {
	e.path = segment + e.path
	return e
}

func refuse(format string, arguments ...any) error {
	return &encodeError{message: fmt.Sprintf(format, arguments...)}
}

func within(err error, segment string) error {
	if err != nil {
		if e, ok := err.(*encodeError); ok {
			return e.in(segment)
		}
	}
	return err
}

// document writes a whole value; place names it in errors.
func (e *encoder) document(value any, place string) error {
	if err := e.value(value); err != nil {
		return unwritable(err, place)
	}
	return nil
}

func unwritable(err error, place string) error {
	return &Error{Status: StatusInvalidDocument, Item: -1, Message: within(err, place).Error(), err: err}
}

func (e *encoder) value(value any) error {
	switch v := value.(type) {
	case nil:
		e.nil()
	case bool:
		e.bool(v)
	case int:
		e.int(int64(v))
	case int64:
		e.int(v)
	case uint64:
		e.uint(v)
	case float64:
		e.float(v)
	case string:
		return e.text(v)
	case []byte:
		e.bytes(v)
	case []any:
		return list(e, v, e.value)
	case *Map:
		return e.mapping(v.Len(), v.All())
	case map[string]any:
		return encodeMap(e, v, e.value)
	case *Audio:
		return e.audio(v)
	case *Tensor:
		return e.tensor(v)
	case *Video:
		return e.video(v)
	case *Table:
		return e.tableValue(v)
	case *File:
		return e.file(v)
	case File:
		return e.file(&v)
	case Timestamp:
		return e.timestamp(v)
	case time.Time:
		return e.timestamp(Timestamp{v.Unix(), uint32(v.Nanosecond())})
	case Time:
		e.time(v)
	case []string:
		return list(e, v, e.text)
	default:
		return e.reflected(value)
	}
	return nil
}

// reflected writes what is of none of the usual types, but of their kind.
func (e *encoder) reflected(value any) error {
	v := reflect.ValueOf(value)
	switch v.Kind() {
	case reflect.Bool:
		e.bool(v.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		e.int(v.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		e.uint(v.Uint())
	case reflect.Float32, reflect.Float64:
		e.float(v.Float())
	case reflect.String:
		return e.text(v.String())
	case reflect.Slice, reflect.Array:
		if v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8 {
			e.bytes(v.Bytes())
			return nil
		}
		each := make([]any, v.Len())
		for i := range each {
			each[i] = v.Index(i).Interface()
		}
		return list(e, each, e.value)
	case reflect.Map:
		if v.Type().Key().Kind() == reflect.String {
			each := make(map[string]any, v.Len())
			for entries := v.MapRange(); entries.Next(); {
				each[entries.Key().String()] = entries.Value().Interface()
			}
			return encodeMap(e, each, e.value)
		}
		return refuse("a map with keys of type %s can't be carried; make every key text", v.Type().Key())
	case reflect.Pointer:
		if v.IsNil() {
			e.nil()
			return nil
		}
		if elem := v.Elem(); elem.Kind() != reflect.Struct {
			return e.value(elem.Interface())
		}
		fallthrough
	default:
		return refuse("a value of type %T can't be carried; give nil, a bool, a number, text, bytes, a slice, a map with "+
			"text keys, or one of Audio, Tensor, Video, Table, File, Timestamp", value)
	}
	return nil
}

func (e *encoder) nil() { e.out = append(e.out, 0xc0) }

func (e *encoder) bool(v bool) {
	if v {
		e.out = append(e.out, 0xc3)
	} else {
		e.out = append(e.out, 0xc2)
	}
}

func (e *encoder) int(v int64) {
	switch {
	case v >= 0:
		e.uint(uint64(v))
	case v >= -32:
		e.out = append(e.out, byte(v))
	case v >= math.MinInt8:
		e.out = append(e.out, 0xd0, byte(v))
	case v >= math.MinInt16:
		e.out = binary.BigEndian.AppendUint16(append(e.out, 0xd1), uint16(v))
	case v >= math.MinInt32:
		e.out = binary.BigEndian.AppendUint32(append(e.out, 0xd2), uint32(v))
	default:
		e.out = binary.BigEndian.AppendUint64(append(e.out, 0xd3), uint64(v))
	}
}

func (e *encoder) uint(v uint64) {
	switch {
	case v < 128:
		e.out = append(e.out, byte(v))
	case v <= math.MaxUint8:
		e.out = append(e.out, 0xcc, byte(v))
	case v <= math.MaxUint16:
		e.out = binary.BigEndian.AppendUint16(append(e.out, 0xcd), uint16(v))
	case v <= math.MaxUint32:
		e.out = binary.BigEndian.AppendUint32(append(e.out, 0xce), uint32(v))
	default:
		e.out = binary.BigEndian.AppendUint64(append(e.out, 0xcf), v)
	}
}

func (e *encoder) float(v float64) {
	e.out = binary.BigEndian.AppendUint64(append(e.out, 0xcb), math.Float64bits(v))
}

// time writes nanoseconds, or nil if they are unknown.
func (e *encoder) time(t Time) {
	if t.known {
		e.int(t.ns)
	} else {
		e.nil()
	}
}

func (e *encoder) text(v string) error {
	if !utf8.ValidString(v) {
		return refuse("the text is not UTF-8; encode text as UTF-8, and give bytes as []byte")
	}
	e.valid(v)
	return nil
}

// valid writes text that is UTF-8.
func (e *encoder) valid(v string) {
	e.head(len(v), 0xa0, 32, 0xd9)
	e.out = append(e.out, v...)
}

func (e *encoder) key(v string) error {
	if !utf8.ValidString(v) {
		return refuse("the key %q is not UTF-8; encode text as UTF-8", v)
	}
	e.valid(v)
	return nil
}

// optional writes text, or nil if it is empty.
func (e *encoder) optional(v string) error {
	if v == "" {
		e.nil()
		return nil
	}
	return e.text(v)
}

func (e *encoder) bytes(v []byte) {
	if len(v) < inlineBelow {
		e.bin(v)
		return
	}
	e.ext(extBytes, func() {
		e.array(3)
		e.int(int64(e.reference(v, nil)))
		e.int(0)
		e.int(int64(len(v)))
	})
}

func (e *encoder) bin(v []byte) {
	e.head(len(v), 0, 0, 0xc4)
	e.out = append(e.out, v...)
}

func (e *encoder) array(length int) { e.wide(length, 0x90, 0xdc) }

// head writes the head of text or bytes: short ones in the byte fix, others by 1, 2 or 4 bytes of length.
func (e *encoder) head(length int, fix byte, below int, long byte) {
	switch {
	case length < below:
		e.out = append(e.out, fix|byte(length))
	case length <= math.MaxUint8:
		e.out = append(e.out, long, byte(length))
	case length <= math.MaxUint16:
		e.out = binary.BigEndian.AppendUint16(append(e.out, long+1), uint16(length))
	default:
		e.out = binary.BigEndian.AppendUint32(append(e.out, long+2), uint32(length))
	}
}

// wide writes the head of a list or map.
func (e *encoder) wide(length int, fix, long byte) {
	switch {
	case length < 16:
		e.out = append(e.out, fix|byte(length))
	case length <= math.MaxUint16:
		e.out = binary.BigEndian.AppendUint16(append(e.out, long), uint16(length))
	default:
		e.out = binary.BigEndian.AppendUint32(append(e.out, long+1), uint32(length))
	}
}

func list[T any](e *encoder, values []T, each func(T) error) error {
	if err := e.deeper(); err != nil {
		return err
	}
	e.array(len(values))
	for i, value := range values {
		if err := each(value); err != nil {
			return within(err, "["+strconv.Itoa(i)+"]")
		}
	}
	e.depth--
	return nil
}

// encodeMap writes a Go map with its keys sorted.
func encodeMap[T any](e *encoder, values map[string]T, each func(T) error) error {
	if err := e.deeper(); err != nil {
		return err
	}
	e.wide(len(values), 0x80, 0xde)
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if err := e.key(key); err != nil {
			return err
		}
		if err := each(values[key]); err != nil {
			return within(err, segment(key))
		}
	}
	e.depth--
	return nil
}

func (e *encoder) mapping(length int, entries func(func(string, any) bool)) (err error) {
	if err := e.deeper(); err != nil {
		return err
	}
	e.wide(length, 0x80, 0xde)
	for key, value := range entries {
		if err := e.key(key); err != nil {
			return err
		}
		if err := e.value(value); err != nil {
			return within(err, segment(key))
		}
	}
	e.depth--
	return nil
}

func (e *encoder) deeper() error {
	if e.depth++; e.depth > maxDepth {
		return refuse("lists and maps lie more than %d deep inside each other; does one contain itself?", maxDepth)
	}
	return nil
}

// segment is a key as a path has it.
func segment(key string) string {
	for i, r := range key {
		if r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (i == 0 || r < '0' || r > '9') {
			return "[" + strconv.Quote(key) + "]"
		}
	}
	if key == "" {
		return `[""]`
	}
	return "." + key
}

// ext writes an ext value whose content is written by inside.
func (e *encoder) ext(code int8, inside func()) {
	// Most headers are short: room for a length of one byte is left, and widened if need be.
	begin := len(e.out)
	e.out = append(e.out, 0xc7, 0, byte(code))
	inside()
	length := len(e.out) - begin - 3
	switch {
	case length == 1 || length == 2 || length == 4 || length == 8 || length == 16:
		fix := map[int]byte{1: 0xd4, 2: 0xd5, 4: 0xd6, 8: 0xd7, 16: 0xd8}[length]
		e.out[begin], e.out[begin+1] = fix, byte(code)
		e.out = slices.Delete(e.out, begin+2, begin+3)
	case length <= math.MaxUint8:
		e.out[begin+1] = byte(length)
	case length <= math.MaxUint16:
		e.out = slices.Insert(e.out, begin+1, 0)
		e.out[begin] = 0xc8
		binary.BigEndian.PutUint16(e.out[begin+1:], uint16(length))
	default:
		e.out = slices.Insert(e.out, begin+1, 0, 0, 0)
		e.out[begin] = 0xc9
		binary.BigEndian.PutUint32(e.out[begin+1:], uint32(length))
	}
}

// reference lends a block of memory, each once in a document, and returns its place in the table.
func (e *encoder) reference(data []byte, native *nativeMemory) int {
	address, length := abi.Address(data), uintptr(len(data))
	for i := range e.table {
		if e.table[i].Data == address && e.table[i].Len == length {
			return i
		}
	}
	token := lendMemory(data, native)
	e.tokens = append(e.tokens, token)
	e.table = append(e.table, abi.Buffer{Data: address, Len: length, Token: token})
	return len(e.table) - 1
}
