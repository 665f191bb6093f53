// Maps that keep the order of their keys.

package remotemedia

import (
	"fmt"
	"iter"
	"strings"
)

// Map is a map with text keys that keeps their order, which is part of the value. Maps of the runtime come out as
// *Map; a Go map goes in with its keys sorted. The zero Map is empty and ready for use.
type Map struct {
	keys   []string
	values []any
	index  map[string]int
}

// indexed is from how many entries on a Map looks its keys up in an index.
const indexed = 16

// NewMap makes a Map of keys and values that take turns: NewMap("rate", 16000, "mono", true). It panics if a key is
// not a string, or lacks its value.
func NewMap(keysAndValues ...any) *Map {
	if len(keysAndValues)%2 != 0 {
		panic("remotemedia.NewMap: the last key has no value")
	}
	m := &Map{}
	for i := 0; i < len(keysAndValues); i += 2 {
		key, ok := keysAndValues[i].(string)
		if !ok {
			panic(fmt.Sprintf("remotemedia.NewMap: a key is text, not %T", keysAndValues[i]))
		}
		m.Set(key, keysAndValues[i+1])
	}
	return m
}

// Len is the number of entries.
func (m *Map) Len() int {
	if m == nil {
		return 0
	}
	return len(m.keys)
}

// Get returns the value of a key, nil if there is none.
func (m *Map) Get(key string) any {
	value, _ := m.Lookup(key)
	return value
}

// Lookup returns the value of a key, and whether there is one.
func (m *Map) Lookup(key string) (any, bool) {
	if i := m.find(key); i >= 0 {
		return m.values[i], true
	}
	return nil, false
}

// Set sets the value of a key. A new key comes last.
func (m *Map) Set(key string, value any) {
	if i := m.find(key); i >= 0 {
		m.values[i] = value
		return
	}
	m.add(key, value)
}

// All yields the entries in their order.
func (m *Map) All() iter.Seq2[string, any] {
	return func(yield func(string, any) bool) {
		for i := range m.Len() {
			if !yield(m.keys[i], m.values[i]) {
				return
			}
		}
	}
}

// Keys returns the keys in their order.
func (m *Map) Keys() []string {
	if m == nil {
		return nil
	}
	return append([]string(nil), m.keys...)
}

func (m *Map) String() string {
	var text strings.Builder
	text.WriteByte('{')
	for i := range m.Len() {
		if i > 0 {
			text.WriteString(", ")
		}
		fmt.Fprintf(&text, "%s: %v", m.keys[i], m.values[i])
	}
	text.WriteByte('}')
	return text.String()
}

func (m *Map) find(key string) int {
	if m == nil {
		return -1
	}
	if m.index != nil {
		if i, ok := m.index[key]; ok {
			return i
		}
		return -1
	}
	for i, each := range m.keys {
		if each == key {
			return i
		}
	}
	return -1
}

// add appends an entry whose key is known to be new.
func (m *Map) add(key string, value any) {
	m.keys, m.values = append(m.keys, key), append(m.values, value)
	switch {
	case m.index != nil:
		m.index[key] = len(m.keys) - 1
	case len(m.keys) >= indexed:
		m.index = make(map[string]int, 2*len(m.keys))
		for i, each := range m.keys {
			m.index[each] = i
		}
	}
}
