// Values as documents, for those who keep or send them by other ways than the runtime.

package remotemedia

import (
	"github.com/remotemedia/remotemedia-go/internal/abi"
)

// Document is a value in the wire format: msgpack bytes, and the blocks of memory to which they refer by number.
type Document struct {
	Data    []byte
	Buffers [][]byte
}

// Encode writes a value as a document. Payloads of 16 KiB and more are its buffers; they are copied only if the
// runtime holds them.
func Encode(value any) (Document, error) {
	e := &encoder{}
	defer e.abort()
	if err := e.document(value, "value"); err != nil {
		return Document{}, err
	}
	document := Document{Data: e.out}
	for i := range e.table {
		l := lent(e.table[i].Token)
		p := payload{l.data, l.native}
		document.Buffers = append(document.Buffers, p.inGo(p.data))
	}
	return document, nil
}

// Decode reads the value of a document, which refers to its buffers. What the format does not allow is an error.
func Decode(document Document) (any, error) {
	return decode(document.Data, func(index int) (payload, bool) {
		if index >= len(document.Buffers) {
			return payload{}, false
		}
		return payload{data: document.Buffers[index]}, true
	})
}

// Lent reports whether memory that was sent, or a part of it, is still lent to the runtime: until it is not, it must
// not be changed.
func Lent(data []byte) bool {
	begin := abi.Address(data)
	loans.Lock()
	defer loans.Unlock()
	for _, l := range loans.by {
		if at := abi.Address(l.data); len(l.data) > 0 && at < begin+uintptr(len(data)) && begin < at+uintptr(len(l.data)) {
			return true
		}
	}
	return false
}

// asDecoded returns a value as it would come out of the runtime: nodes see the same types whether or not it was
// there.
func asDecoded(value any) (any, error) {
	switch v := value.(type) {
	case nil, bool, int64, float64, string, []byte, *Audio, *Tensor, *Video, *Table, *File, Timestamp:
		return value, nil
	case int:
		return int64(v), nil
	}
	e := &encoder{}
	defer e.abort()
	if err := e.document(value, "the returned value"); err != nil {
		return nil, err
	}
	return decode(e.out, func(index int) (payload, bool) {
		if index >= len(e.table) {
			return payload{}, false
		}
		l := lent(e.table[index].Token)
		return payload{l.data, l.native}, true
	})
}
