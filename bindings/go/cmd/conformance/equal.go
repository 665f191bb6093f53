package main

import (
	"bytes"
	"fmt"
	"math"
	"slices"

	remotemedia "github.com/remotemedia/remotemedia-go"
)

// same returns what differs between two values, nil if they are the same to the last bit.
func same(expected, found any, where string) error {
	if equal(expected, found) {
		return nil
	}
	return fmt.Errorf("%s: expected %s, got %s", where, shown(expected), shown(found))
}

func shown(value any) string {
	text := fmt.Sprintf("%T(%v)", value, value)
	if len(text) > 200 {
		text = text[:200] + "..."
	}
	return text
}

func equal(a, b any) bool {
	switch a := a.(type) {
	case float64:
		b, ok := b.(float64)
		return ok && math.Float64bits(a) == math.Float64bits(b)
	case []byte:
		b, ok := b.([]byte)
		return ok && bytes.Equal(a, b)
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, equal)
	case *remotemedia.Map:
		b, ok := b.(*remotemedia.Map)
		if !ok || !slices.Equal(a.Keys(), b.Keys()) {
			return false
		}
		for key, value := range a.All() {
			if !equal(value, b.Get(key)) {
				return false
			}
		}
		return true
	case *remotemedia.Tensor:
		b, ok := b.(*remotemedia.Tensor)
		return ok && a.DType == b.DType && slices.Equal(a.Shape, b.Shape) && bytes.Equal(a.Bytes(), b.Bytes())
	case *remotemedia.Audio:
		b, ok := b.(*remotemedia.Audio)
		if !ok || a.Rate != b.Rate || a.Layout != b.Layout || a.PTS != b.PTS || a.Channels() != b.Channels() {
			return false
		}
		for channel := range a.Channels() {
			if !slices.EqualFunc(a.Channel(channel), b.Channel(channel), sameBits) {
				return false
			}
		}
		return true
	case *remotemedia.Video:
		b, ok := b.(*remotemedia.Video)
		if !ok || a.Format != b.Format || a.Width != b.Width || a.Height != b.Height || a.PTS != b.PTS {
			return false
		}
		for plane := range a.Planes() {
			left, leftStride := a.Plane(plane)
			right, rightStride := b.Plane(plane)
			if leftStride != rightStride || !bytes.Equal(left, right) {
				return false
			}
		}
		return true
	case *remotemedia.Table:
		b, ok := b.(*remotemedia.Table)
		return ok && a.Rows == b.Rows && bytes.Equal(a.Metadata, b.Metadata) && slices.EqualFunc(a.Columns, b.Columns, sameColumn)
	case *remotemedia.File:
		b, ok := b.(*remotemedia.File)
		return ok && a.Path == b.Path && a.MIME == b.MIME && sameData(a.Content, b.Content)
	}
	return a == b
}

func sameBits(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }

func sameData(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }

func sameColumn(a, b remotemedia.Column) bool {
	if (a.Dictionary == nil) != (b.Dictionary == nil) || a.Dictionary != nil && !sameColumn(*a.Dictionary, *b.Dictionary) {
		return false
	}
	return a.Name == b.Name && a.Format == b.Format && a.Flags == b.Flags && bytes.Equal(a.Metadata, b.Metadata) &&
		a.Length == b.Length && a.NullCount == b.NullCount && a.Offset == b.Offset &&
		slices.EqualFunc(a.Buffers, b.Buffers, sameData) && slices.EqualFunc(a.Children, b.Children, sameColumn)
}

// contained returns what of an expected value is missing in a found one: of maps only the entries that are expected
// count.
func contained(expected, found any, where string) error {
	switch expected := expected.(type) {
	case *remotemedia.Map:
		m, ok := found.(*remotemedia.Map)
		if !ok {
			return same(expected, found, where)
		}
		for key, value := range expected.All() {
			have, has := m.Lookup(key)
			if !has {
				return fmt.Errorf("%s.%s is missing", where, key)
			}
			if err := contained(value, have, where+"."+key); err != nil {
				return err
			}
		}
		return nil
	case []any:
		list, ok := found.([]any)
		if !ok || len(list) != len(expected) {
			return same(expected, found, where)
		}
		for i := range expected {
			if err := contained(expected[i], list[i], fmt.Sprintf("%s[%d]", where, i)); err != nil {
				return err
			}
		}
		return nil
	}
	return same(expected, found, where)
}
