package remotemedia

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

const adder = `{"version": "v1", "nodes": [{"id": "add", "node_type": "Calculator", "params": {"operation": "add", "operand": 5}}]}`

// begin makes a runtime for one test, and checks at its end that nothing is left: no goroutine, loan or native
// object.
func begin(t *testing.T) (*Runtime, context.Context) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	before := runtime.NumGoroutine()
	r, err := NewRuntime(Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		if err := r.Close(); err != nil {
			t.Error("closing the runtime:", err)
		}
		eventually(t, "goroutines", func() string { return differ(runtime.NumGoroutine(), before) })
		eventually(t, "loans", func() string { return differ(loanCount(), 0) })
		eventually(t, "native objects", func() string {
			runtime.GC()
			counts, err := LiveObjects()
			if err != nil {
				return err.Error()
			}
			for name, count := range counts {
				if count != 0 {
					return fmt.Sprintf("%d %s", count, name)
				}
			}
			return ""
		})
	})
	return r, ctx
}

func differ(found, wanted int) string {
	if found <= wanted {
		return ""
	}
	return fmt.Sprintf("%d, expected %d", found, wanted)
}

// eventually waits until check finds nothing wrong.
func eventually(t *testing.T, what string, check func() string) {
	t.Helper()
	deadline := time.Now().Add(5 * time.Second)
	for {
		wrong := check()
		if wrong == "" {
			return
		}
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<16)
			t.Fatalf("%s are left: %s\n%s", what, wrong, stacks[:runtime.Stack(stacks, true)])
		}
		time.Sleep(time.Millisecond)
	}
}

// waiting waits until so many goroutines wait in a select of a method.
func waiting(t *testing.T, count int, method string) {
	t.Helper()
	const top = "[select]:\ngithub.com/remotemedia/remotemedia-go."
	eventually(t, "goroutines that do not wait yet", func() string {
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		return differ(count-strings.Count(string(stacks), top+method), 0)
	})
}

func compile(t *testing.T, r *Runtime, manifest any, nodes ...*HostNode) *Pipeline {
	t.Helper()
	p, err := r.Compile(manifest, nodes...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// chain is a graph of nodes in a row.
func chain(nodes ...Node) *Graph { return NewGraph("test").Chain(nodes...) }

func pass() *NodeSpec { return &NodeSpec{Type: "PassThrough"} }

func open(t *testing.T, ctx context.Context, p *Pipeline, options SessionOptions) *Session {
	t.Helper()
	s, err := p.Session(ctx, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func expect(t *testing.T, found, wanted any) {
	t.Helper()
	if fmt.Sprint(found) != fmt.Sprint(wanted) {
		t.Fatalf("found %v, expected %v", found, wanted)
	}
}

// must ends a test that has an error.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// failed returns the Error of a failure with this status.
func failed(t *testing.T, err error, status Status) *Error {
	t.Helper()
	var found *Error
	if !errors.As(err, &found) || !errors.Is(err, status) {
		t.Fatalf("%v (%T) is no %v", err, err, status)
	}
	return found
}

func values(packets []Packet) (all []any) {
	for _, packet := range packets {
		all = append(all, packet.Value)
	}
	return all
}

func TestMain(m *testing.M) {
	if _, err := Version(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// collect reads a session to its end.
func collect(t *testing.T, ctx context.Context, s *Session) []Packet {
	t.Helper()
	var all []Packet
	for packet, err := range s.All(ctx) {
		must(t, err)
		all = append(all, packet)
	}
	return slices.Clip(all)
}
