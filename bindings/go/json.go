// The JSON twin of values, by the library.

package remotemedia

import (
	"slices"

	"github.com/remotemedia/remotemedia-go/internal/abi"
)

// ToJSON returns the JSON twin of a value, on one line: plain JSON, with objects that have a key "$rm" for what JSON
// lacks.
func ToJSON(value any) ([]byte, error) {
	if err := abi.Load(); err != nil {
		return nil, err
	}
	x := newExchange()
	defer x.close()
	// The library reads lent memory during the call only, and releases nothing.
	defer x.abort()
	if err := x.encoder.document(value, "value"); err != nil {
		return nil, err
	}
	data, length, table, count := x.input()
	if err := x.settle(abi.Call(abi.DocumentToJSON, data, length, table, count, 0, x.OutAddress, x.ErrAddress)); err != nil {
		return nil, err
	}
	return slices.Clone(x.result().data), nil
}

// FromJSON returns the value of which a text is the JSON twin.
func FromJSON(text []byte) (value any, err error) {
	if err := abi.Load(); err != nil {
		return nil, err
	}
	x := newExchange()
	defer x.close()
	x.text(text)
	data, length, _, _ := x.input()
	status := abi.Call(abi.DocumentFromJSON, data, length, 0, 0, x.OutAddress, x.ErrAddress)
	if err := x.settle(status); err != nil {
		return nil, err
	}
	err = x.read(func(d *decoder) {
		value = d.value()
		d.end()
	})
	return value, err
}
