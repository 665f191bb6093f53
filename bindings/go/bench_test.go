package remotemedia

import (
	"context"
	"testing"
)

func BenchmarkExecute(b *testing.B) {
	p, err := Compile(chain(&NodeSpec{ID: "a", Type: "PassThrough"}, (&NodeSpec{ID: "b", Type: "Calculator"}).Set("operation", "add").Set("operand", 5),
		&NodeSpec{ID: "c", Type: "PassThrough"}))
	if err != nil {
		b.Fatal(err)
	}
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Execute(ctx, 1, 2, 3); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLarge(b *testing.B) {
	p, err := Compile(chain(pass()))
	if err != nil {
		b.Fatal(err)
	}
	ctx := context.Background()
	tensor := NewTensor(make([]byte, 2_764_800))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Execute(ctx, tensor); err != nil {
			b.Fatal(err)
		}
	}
}
