package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	remotemedia "github.com/remotemedia/remotemedia-go"
)

// ownNode is a node type of a scenario: what it has seen, and what it waits for.
type ownNode struct {
	node      *remotemedia.HostNode
	options   *remotemedia.Map
	exception error
	called    atomic.Int64
	closed    atomic.Int64
	failures  atomic.Int64
	permits   chan struct{}
	// ended is closed at the end of the scenario.
	ended chan struct{}

	mu    sync.Mutex
	sizes []any
}

func (p *player) exception(number int) error {
	if p.errors[number] == nil {
		p.errors[number] = fmt.Errorf("exception %d", number)
	}
	return p.errors[number]
}

func newOwnNode(p *player, nodeType string, options *remotemedia.Map) (*ownNode, error) {
	own := &ownNode{options: options, permits: make(chan struct{}, 10_000), ended: make(chan struct{})}
	own.node = &remotemedia.HostNode{Type: nodeType, Process: own.process}
	for name, value := range options.All() {
		switch name {
		case "batch":
			own.node.Batch = int(value.(int64))
		case "max_wait_ms":
			ms, whole := value.(int64)
			if !whole {
				return nil, fail("max_wait_ms is %v", value)
			}
			own.node.MaxWait = time.Duration(ms) * time.Millisecond
		case "inputs":
			own.node.Inputs = texts(value)
		case "outputs":
			own.node.Outputs = texts(value)
		case "exception":
			own.exception = p.exception(int(value.(int64)))
		case "behaviour", "at", "times", "parts":
		default:
			return nil, fail("a node of the host has an unknown key %q", name)
		}
	}
	switch options.Get("behaviour") {
	case "echo":
		if own.node.Batch > 0 {
			own.node.ProcessBatch, own.node.Process = own.echoBatch, nil
		}
	case "fail":
		if own.node.Batch > 0 {
			own.node.ProcessBatch, own.node.Process = own.failBatch, nil
		}
	case "stream":
		own.node.Streams = true
	case "ends":
		own.node.New = func(remotemedia.NodeInfo) (remotemedia.Processor, error) { return &ends{own: own}, nil }
	case "double", "nothing", "stall", "route", "merge":
	default:
		return nil, fail("the behaviour %v is not known", options.Get("behaviour"))
	}
	return own, nil
}

func texts(value any) []string {
	found := []string{}
	for _, each := range list(value) {
		found = append(found, each.(string))
	}
	return found
}

func (o *ownNode) process(ctx context.Context, in remotemedia.Packet, out *remotemedia.Emitter) error {
	number := o.called.Add(1) - 1
	switch o.options.Get("behaviour") {
	case "double":
		if err := out.Emit(in.Value); err != nil {
			return err
		}
	case "nothing":
		return nil
	case "fail":
		if o.failsAt(number) {
			o.failures.Add(1)
			return o.exception
		}
	case "stall":
		select {
		case <-o.permits:
		case <-o.ended:
		case <-ctx.Done():
			return ctx.Err()
		}
	case "stream":
		return o.stream(in, out)
	case "route":
		number := in.Value.(int64)
		return out.EmitTo(o.node.Outputs[number%int64(len(o.node.Outputs))], in.Value)
	case "merge":
		return out.Emit([]any{in.Input, in.Value})
	}
	return out.Emit(in.Value)
}

func (o *ownNode) failsAt(number int64) bool {
	at, hasAt := o.options.Lookup("at")
	times, hasTimes := o.options.Lookup("times")
	isAt := !hasAt || number == at.(int64) || o.failures.Load() > 0 && hasTimes
	return isAt && (!hasTimes || o.failures.Load() < times.(int64))
}

// failBatch counts the packets of a list that does not fail, and one that is alone.
func (o *ownNode) failBatch(_ context.Context, in []remotemedia.Packet) ([]any, error) {
	values := make([]any, len(in))
	for i := range in {
		if o.failsAt(o.called.Load() + int64(i)) {
			if len(in) == 1 {
				o.called.Add(1)
				o.failures.Add(1)
			}
			return nil, o.exception
		}
		values[i] = in[i].Value
	}
	o.called.Add(int64(len(in)))
	return values, nil
}

func (o *ownNode) stream(in remotemedia.Packet, out *remotemedia.Emitter) error {
	parts, bounded := o.options.Lookup("parts")
	for part := int64(0); !bounded || part < parts.(int64); part++ {
		if err := out.Emit([]any{in.Value, part}); err != nil {
			o.closed.Add(1)
			return err
		}
	}
	return nil
}

func (o *ownNode) echoBatch(_ context.Context, in []remotemedia.Packet) ([]any, error) {
	o.called.Add(int64(len(in)))
	o.mu.Lock()
	o.sizes = append(o.sizes, int64(len(in)))
	o.mu.Unlock()
	values := make([]any, len(in))
	for i := range in {
		values[i] = in[i].Value
	}
	return values, nil
}

func (o *ownNode) batches() []any {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]any{}, o.sizes...)
}

// ends counts the packets of each item.
type ends struct {
	own     *ownNode
	packets int64
}

func (e *ends) Process(_ context.Context, in remotemedia.Packet, out *remotemedia.Emitter) error {
	e.own.called.Add(1)
	e.packets++
	return out.Emit(in.Value)
}

func (e *ends) Flush(_ context.Context, out *remotemedia.Emitter) error {
	packets := e.packets
	e.packets = 0
	return out.Emit(remotemedia.NewMap("packets", packets))
}
