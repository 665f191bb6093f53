// The decoder: documents to values. It knows docs/wire.md, and nothing of calls.

package remotemedia

import (
	"encoding/binary"
	"fmt"
	"math"
	"unicode/utf8"
)

// Limits of the wire format that a decoder checks, by their defaults.
const (
	maxItems      = 10_000_000
	maxExtent     = 256 << 20
	maxDimensions = 64
	maxChannels   = 1024
)

// decoder reads the values of a document. What it does not understand is refused, never guessed.
type decoder struct {
	data []byte
	at   int
	// depth and items are of the whole document.
	depth, items int
	// buffer returns an entry of the buffer table.
	buffer func(index int) (payload, bool)
}

// malformed is panicked with, and recovered where decoding begins: a reader of nested values is clearer without a
// check after each step.
type malformed string

func (d *decoder) fail(format string, arguments ...any) {
	panic(malformed(fmt.Sprintf(format, arguments...)))
}

// decode reads a document whose value is all there is in it.
func decode(data []byte, buffer func(int) (payload, bool)) (value any, err error) {
	d := &decoder{data: data, buffer: buffer}
	defer recoverMalformed(&err)
	value = d.value()
	d.end()
	return value, nil
}

func recoverMalformed(err *error) {
	if found := recover(); found != nil {
		message, ok := found.(malformed)
		if !ok {
			panic(found)
		}
		*err = &Error{Status: StatusInvalidDocument, Item: -1, Message: "value: " + string(message)}
	}
}

func (d *decoder) end() {
	if d.at != len(d.data) {
		d.fail("there is more after the end of the value (bytes: %d); send one value a document", len(d.data)-d.at)
	}
}

// take returns the next bytes, which are only valid as long as the document.
func (d *decoder) take(length int, what string) []byte {
	if length > len(d.data)-d.at {
		d.fail("%s goes past the end (bytes needed: %d, left: %d); send the whole document", what, length, len(d.data)-d.at)
	}
	part := d.data[d.at : d.at+length : d.at+length]
	d.at += length
	return part
}

func (d *decoder) byte() byte { return d.take(1, "a value")[0] }

// number reads a length or integer of 1, 2, 4 or 8 bytes.
func (d *decoder) number(width int) uint64 {
	part := d.take(width, "a value")
	switch width {
	case 1:
		return uint64(part[0])
	case 2:
		return uint64(binary.BigEndian.Uint16(part))
	case 4:
		return uint64(binary.BigEndian.Uint32(part))
	}
	return binary.BigEndian.Uint64(part)
}

func (d *decoder) value() any {
	head := d.byte()
	switch {
	case head < 0x80:
		return int64(head)
	case head < 0x90:
		return d.mapping(int(head & 0x0f))
	case head < 0xa0:
		return d.list(int(head & 0x0f))
	case head < 0xc0:
		return d.text(int(head & 0x1f))
	case head >= 0xe0:
		return int64(int8(head))
	}
	switch head {
	case 0xc0:
		return nil
	case 0xc2, 0xc3:
		return head == 0xc3
	case 0xc4, 0xc5, 0xc6:
		length := d.number(1 << (head - 0xc4))
		return append([]byte{}, d.take(int(length), "a byte string")...)
	case 0xc7, 0xc8, 0xc9:
		return d.ext(int(d.number(1 << (head - 0xc7))))
	case 0xca:
		return float64(math.Float32frombits(uint32(d.number(4))))
	case 0xcb:
		return math.Float64frombits(d.number(8))
	case 0xcc, 0xcd, 0xce, 0xcf:
		found := d.number(1 << (head - 0xcc))
		if found > math.MaxInt64 {
			return found
		}
		return int64(found)
	case 0xd0:
		return int64(int8(d.number(1)))
	case 0xd1:
		return int64(int16(d.number(2)))
	case 0xd2:
		return int64(int32(d.number(4)))
	case 0xd3:
		return int64(d.number(8))
	case 0xd4, 0xd5, 0xd6, 0xd7, 0xd8:
		return d.ext(1 << (head - 0xd4))
	case 0xd9, 0xda, 0xdb:
		return d.text(int(d.number(1 << (head - 0xd9))))
	case 0xdc, 0xdd:
		return d.list(int(d.number(2 << (head - 0xdc))))
	case 0xde, 0xdf:
		return d.mapping(int(d.number(2 << (head - 0xde))))
	}
	d.fail("the byte 0x%02x begins no msgpack value; check that the bytes are a msgpack document", head)
	return nil
}

func (d *decoder) text(length int) string {
	part := d.take(length, "text")
	if !utf8.Valid(part) {
		at := 0
		for at < len(part) {
			r, size := utf8.DecodeRune(part[at:])
			if r == utf8.RuneError && size == 1 {
				break
			}
			at += size
		}
		d.fail("text is not UTF-8 from its byte %d on; encode text as UTF-8 and send bytes as bytes", at)
	}
	return string(part)
}

func (d *decoder) list(length int) []any {
	d.enter(length, length, "a list")
	values := make([]any, length)
	for i := range values {
		values[i] = d.value()
	}
	d.depth--
	return values
}

func (d *decoder) mapping(length int) *Map {
	d.enter(length, 2*length, "a map")
	m := &Map{keys: make([]string, 0, length), values: make([]any, 0, length)}
	for range length {
		key := d.key()
		if m.find(key) >= 0 {
			d.fail("the key %q appears twice; give each key once", key)
		}
		m.add(key, d.value())
	}
	d.depth--
	return m
}

// enter checks the length of a list or map before anything is allocated for it.
func (d *decoder) enter(length, least int, what string) {
	if least > len(d.data)-d.at {
		d.fail("%s goes past the end (bytes needed: %d, left: %d); send the whole document", what, least, len(d.data)-d.at)
	}
	if d.depth++; d.depth > maxDepth {
		d.fail("lists and maps lie more than %d deep inside each other, the limit depth; nest them less deeply", maxDepth)
	}
	if d.items += length; d.items > maxItems {
		d.fail("the document has more than %d entries, the limit items; send it in parts", maxItems)
	}
}

func (d *decoder) key() string { return d.text(d.keyLength()) }

// field reads a key of a document of the runtime, which is only compared.
func (d *decoder) field() []byte { return d.take(d.keyLength(), "text") }

func (d *decoder) keyLength() int {
	switch head := d.byte(); {
	case head >= 0xa0 && head < 0xc0:
		return int(head & 0x1f)
	case head >= 0xd9 && head <= 0xdb:
		return int(d.number(1 << (head - 0xd9)))
	}
	d.fail("a map key is not text; make every key text")
	return 0
}

// ext reads an ext value: its code, and a payload of this many bytes.
func (d *decoder) ext(length int) any {
	code := int8(d.byte())
	part := d.take(length, "an extension")
	if code == extTimestamp {
		return d.timestamp(part)
	}
	// The payload is a value of its own, with the same bounds and buffers.
	inner := &decoder{data: part, depth: d.depth, items: d.items, buffer: d.buffer}
	var value any
	switch code {
	case extTensor:
		value = inner.tensor()
	case extAudio:
		value = inner.audio()
	case extVideo:
		value = inner.video()
	case extTable:
		value = inner.table()
	case extFile:
		value = inner.file()
	case extBytes:
		inner.fields(3, "the byte string")
		value = inner.indexed()
	default:
		d.fail("the extension type %d is not known; use one of the types 1 to 6, or -1 for a timestamp", code)
	}
	inner.end()
	d.items = inner.items
	return value
}

func (d *decoder) timestamp(part []byte) Timestamp {
	var t Timestamp
	switch len(part) {
	case 4:
		t.Seconds = int64(binary.BigEndian.Uint32(part))
	case 8:
		both := binary.BigEndian.Uint64(part)
		t.Seconds, t.Nanoseconds = int64(both&(1<<34-1)), uint32(both>>34)
	case 12:
		t.Nanoseconds, t.Seconds = binary.BigEndian.Uint32(part), int64(binary.BigEndian.Uint64(part[4:]))
	default:
		d.fail("a timestamp has 4, 8 or 12 bytes, not %d; lay it out as docs/wire.md says", len(part))
	}
	if t.Nanoseconds > 999_999_999 {
		d.fail("the nanoseconds of the timestamp must be an integer from 0 to 999999999, it is %d; "+
			"lay it out as docs/wire.md says", t.Nanoseconds)
	}
	return t
}
