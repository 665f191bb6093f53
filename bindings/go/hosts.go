// The states of nodes in Go during a run. An instance is used by one call at a time.

package remotemedia

import (
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"sync"
)

// hosts are the instances of the nodes in Go that have a state, in one run.
type hosts struct {
	mu    sync.Mutex
	nodes map[string]*instance
}

// instance is the state of a node. Its lock is held while a call uses it: after an interruption the work of a call
// that was ended may still be under way.
type instance struct {
	lock  sync.Mutex
	epoch int64
	state Processor
}

// any reports whether there are instances.
func (h *hosts) any() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.nodes) > 0
}

// lock waits until no other call uses the nodes of this one.
func (h *hosts) lock(c *hostCall) (unlock func()) {
	var held []*instance
	for i := range c.nodes {
		if c.nodes[i].host.node.New == nil {
			continue
		}
		h.mu.Lock()
		if h.nodes == nil {
			h.nodes = map[string]*instance{}
		}
		found := h.nodes[c.nodes[i].id]
		if found == nil {
			found = &instance{epoch: -1}
			h.nodes[c.nodes[i].id] = found
		}
		h.mu.Unlock()
		// Chains never share a node, and each locks its nodes in their order.
		found.lock.Lock()
		held = append(held, found)
	}
	return func() {
		for _, each := range held {
			each.lock.Unlock()
		}
	}
}

// state returns the instance of a node of a call that holds its lock; a new one after an interruption.
func (h *hosts) state(c *hostCall, node int) (Processor, error) {
	ref := &c.nodes[node]
	h.mu.Lock()
	found := h.nodes[ref.id]
	h.mu.Unlock()
	if found.state != nil && found.epoch == c.epoch {
		return found.state, nil
	}
	if found.epoch > c.epoch {
		return nil, c.over()
	}
	found.close()
	state, err := ref.host.node.New(NodeInfo{ID: ref.id, Type: ref.host.name, Params: ref.host.params[ref.id]})
	if err == nil && state == nil {
		err = fmt.Errorf("New of the node type %q returned no Processor; return one, or an error", ref.host.name)
	}
	if err != nil {
		return nil, err
	}
	found.state, found.epoch = state, c.epoch
	return state, nil
}

// close closes all instances, once the calls that use them have ended.
func (h *hosts) close() {
	h.mu.Lock()
	all := h.nodes
	h.nodes = map[string]*instance{}
	h.mu.Unlock()
	for _, each := range all {
		each.lock.Lock()
		each.close()
		each.lock.Unlock()
	}
}

// close closes the state. No call is left that could fail by its error, which is logged.
func (i *instance) close() {
	closer, ok := i.state.(io.Closer)
	i.state = nil
	if !ok {
		return
	}
	closed := make(chan error)
	// A goroutine of its own may panic or be ended, which must end neither the program nor the run.
	go func() {
		err := errExited
		defer func() {
			if found := recover(); found != nil {
				err = &PanicError{Value: found, Stack: debug.Stack()}
			}
			closed <- err
		}()
		err = closer.Close()
	}()
	if err := <-closed; err != nil {
		slog.Warn("remotemedia: a node failed while it was closed", "error", err)
	}
}
