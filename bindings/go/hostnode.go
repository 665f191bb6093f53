// Node types written in Go, as their authors see them.

package remotemedia

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"time"
)

// defaultBatch is the most packets in a call of the runtime, where a node type does not say it.
const defaultBatch = 32

// HostNode is a node type that is written in Go. Func, StreamFunc and BatchFunc make one of a function; one with a
// state for each run sets New. It is given to Compile, and manifests name it by its Type.
type HostNode struct {
	// Type is the name in manifests. In a Graph another type of this name has a number behind it: see Graph.Add.
	Type string
	// Inputs and Outputs name the ports, the default ones first; without them there are "in" and "out".
	Inputs, Outputs []string
	// Batch is the most packets in one call, 32 by default.
	Batch int
	// MaxWait is how long a call with fewer packets waits for more.
	MaxWait time.Duration
	// Streams makes each value leave before the next one is made. While the pipeline has no room, Emit waits.
	Streams bool

	// Process handles one packet. Its values leave through out, in their order.
	Process func(ctx context.Context, in Packet, out *Emitter) error
	// ProcessBatch handles up to Batch packets together, and returns a value for each of them, or Nothing. If it fails it
	// gets the packets again, each alone: so the error names the packet, and what others became is kept.
	ProcessBatch func(ctx context.Context, in []Packet) ([]any, error)
	// New makes the state of one node in one run, or after an interruption.
	New func(node NodeInfo) (Processor, error)
}

// NodeInfo is a node of a manifest.
type NodeInfo struct {
	ID, Type string
	Params   *Map
}

// Processor is a node with a state of its own. One goroutine at a time uses it. If it has a Flush it is a Flusher; if
// it is an io.Closer it is closed once, when its run has ended.
type Processor interface {
	Process(ctx context.Context, in Packet, out *Emitter) error
}

// Flusher is a Processor that emits what it holds back when a stream ends: an item, or a session by flush or finish.
type Flusher interface {
	Flush(ctx context.Context, out *Emitter) error
}

// Nothing is what a function of Func returns as its error to emit nothing for a packet.
var Nothing = errors.New("nothing is emitted for this packet")

// Func makes a node of a function that gives a value for each value. Values that are no In fail the run.
func Func[In, Out any](nodeType string, function func(context.Context, In) (Out, error)) *HostNode {
	return &HostNode{Type: nodeType, Process: func(ctx context.Context, in Packet, out *Emitter) error {
		value, err := as[In](in.Value, nodeType)
		if err != nil {
			return err
		}
		result, err := function(ctx, value)
		if err == Nothing {
			return nil
		}
		if err != nil {
			return err
		}
		return out.Emit(result)
	}}
}

// StreamFunc makes a node of a function that gives any number of values for each one, as a sequence. Each leaves
// before the next one is made; the sequence is broken off when no more values are wanted.
func StreamFunc[In, Out any](nodeType string, function func(context.Context, In) iter.Seq2[Out, error]) *HostNode {
	return &HostNode{Type: nodeType, Streams: true, Process: func(ctx context.Context, in Packet, out *Emitter) error {
		value, err := as[In](in.Value, nodeType)
		if err != nil {
			return err
		}
		for result, err := range function(ctx, value) {
			if err != nil {
				return err
			}
			if err := out.Emit(result); err != nil {
				return err
			}
		}
		return nil
	}}
}

// BatchFunc makes a node of a function that gets up to size values together, and gives a value for each of them. If it
// fails it gets the values again, each alone.
func BatchFunc[In, Out any](nodeType string, size int, function func(context.Context, []In) ([]Out, error)) *HostNode {
	return &HostNode{Type: nodeType, Batch: size, ProcessBatch: func(ctx context.Context, in []Packet) ([]any, error) {
		values := make([]In, len(in))
		for i := range in {
			value, err := as[In](in[i].Value, nodeType)
			if err != nil {
				return nil, err
			}
			values[i] = value
		}
		results, err := function(ctx, values)
		if err != nil {
			return nil, err
		}
		all := make([]any, len(results))
		for i := range results {
			all[i] = results[i]
		}
		return all, nil
	}}
}

// Emitter takes the values of a node, from one goroutine at a time.
type Emitter struct {
	call  *hostCall
	entry int
	node  int
	// at is the packet that the values are for: those without a time have its time.
	at Packet
}

// Emit emits a value by the first output. It waits while the pipeline has no room; once its call is over it returns
// an error, which the node returns in turn.
func (e *Emitter) Emit(value any) error { return e.EmitPacket(Packet{Value: value}) }

// EmitTo emits a value by an output of this name.
func (e *Emitter) EmitTo(output string, value any) error {
	return e.EmitPacket(Packet{Value: value, Output: output})
}

// EmitPacket emits a value with a time of its own, by the output that the packet names, or the first one.
func (e *Emitter) EmitPacket(packet Packet) error { return e.call.emit(e, packet) }

// hostTypes are node types in Go by the names that a manifest has for them.
type hostTypes map[string]*HostNode

// add returns the name of a node type, which is this one, with a number behind it where another type is called that.
func (t hostTypes) add(wanted string, node *HostNode) string {
	name := wanted
	for number := 2; t[name] != nil && t[name] != node; number++ {
		name = fmt.Sprintf("%s_%d", wanted, number)
	}
	t[name] = node
	return name
}

// give adds node types that a manifest names by their Type.
func (t hostTypes) give(nodes []*HostNode) error {
	known := map[*HostNode]bool{}
	for _, node := range t {
		known[node] = true
	}
	for _, node := range nodes {
		if known[node] {
			continue
		}
		if t[node.Type] != nil {
			return failure(StatusInvalidArgument, "two node types are called %q; give each of them a Type of its own", node.Type)
		}
		t[node.Type], known[node] = node, true
	}
	return nil
}

// hostType is what calls of the runtime name by a number.
type hostType struct {
	name   string
	node   *HostNode
	params map[string]*Map
	// runtime is the one of its pipeline, isFree whether that is freed; the lock of the loans guards it.
	runtime *handle
	isFree  bool
}

// most is the most packets in one call.
func (n *HostNode) most() int {
	if n.Batch > 0 {
		return n.Batch
	}
	return defaultBatch
}

// declared is the declaration of a node type for the runtime.
func (n *HostNode) declared(token uint64) *Map {
	m := NewMap("token", token, "ends", n.New != nil)
	if n.Batch != 0 {
		m.Set("batch", n.Batch)
	}
	// By their wait, batches share no call with functions that take single values: those would have to wait for a batch
	// to be full.
	if n.MaxWait != 0 || n.ProcessBatch != nil {
		m.Set("max_wait_ms", milliseconds(n.MaxWait))
	}
	if n.Inputs != nil {
		m.Set("inputs", n.Inputs)
	}
	if n.Outputs != nil {
		m.Set("outputs", n.Outputs)
	}
	return m
}

// output is the number of the output of this name; without one it is the first.
func (n *HostNode) output(name string) (int, error) {
	names := n.Outputs
	if len(names) == 0 {
		names = []string{"out"}
	}
	if name == "" {
		return 0, nil
	}
	found := slices.Index(names, name)
	if found < 0 {
		return 0, fmt.Errorf("%s has no output %q; it has %q", n.Type, name, names)
	}
	return found, nil
}

// as converts a value of the runtime to the type that a function takes: ints to any type of int that they fit.
func as[T any](value any, nodeType string) (T, error) {
	if found, ok := value.(T); ok {
		return found, nil
	}
	var zero T
	target := reflect.ValueOf(&zero).Elem()
	if value == nil {
		if target.Kind() == reflect.Interface || target.Kind() == reflect.Pointer || target.Kind() == reflect.Slice {
			return zero, nil
		}
	} else if v := reflect.ValueOf(value); target.Kind() == v.Kind() && v.CanConvert(target.Type()) {
		target.Set(v.Convert(target.Type()))
		return zero, nil
	} else if v.CanInt() {
		switch {
		case target.CanInt() && !target.OverflowInt(v.Int()):
			target.SetInt(v.Int())
			return zero, nil
		case target.CanUint() && v.Int() >= 0 && !target.OverflowUint(uint64(v.Int())):
			target.SetUint(uint64(v.Int()))
			return zero, nil
		}
	} else if v.CanFloat() && target.CanFloat() && !target.OverflowFloat(v.Float()) {
		target.SetFloat(v.Float())
		return zero, nil
	} else if v.CanUint() && target.CanUint() && !target.OverflowUint(v.Uint()) {
		target.SetUint(v.Uint())
		return zero, nil
	}
	return zero, fmt.Errorf("%s takes %T, the packet has %T (%v)", nodeType, zero, value, value)
}
