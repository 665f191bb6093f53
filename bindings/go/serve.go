// Serves calls to nodes in Go: each packet passes the whole chain.

package remotemedia

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"
)

const (
	// partAfter is how long values wait for the rest of a reply: a slow function must not hold up what is done.
	partAfter = 5 * time.Millisecond
	// longestMessage and longestChain bound what the message of a failure quotes; the error itself has all of it.
	longestMessage = 2000
	longestChain   = 16
)

// hostCall is a call of the runtime to a chain of nodes in Go.
type hostCall struct {
	port    *port
	id      uint64
	run     *Run
	nodes   []hostRef
	entries []entry
	epoch   int64

	ctx    context.Context
	cancel context.CancelFunc
	// room gets a signal when the runtime has room for the next part of the reply.
	room chan struct{}
	// rows are the outputs that have not been sent yet, encoded; count is their number.
	rows  encoder
	count int
	begun time.Time
	// failed is where in the call the nodes stand, for the reply to an error.
	failed struct{ entry, node int }
	// collect gets packets for the next node, while a chain with batches works level by level.
	collect *[]placed
	streams bool
}

type hostRef struct {
	host *hostType
	id   string
	// state is the instance of a node that has one.
	state Processor
}

// entry is a packet for the nodes, the end of an item, or the end of all.
type entry struct {
	packet Packet
	isEnd  bool
	port   int
}

// placed is a packet on its way through a chain, and the entry that it comes from.
type placed struct {
	entry  int
	packet Packet
}

// overError ends the work for a call that is over. That of an earlier call, whose emitter was kept, is a failure like
// others.
type overError struct{ call *hostCall }

func (e *overError) Error() string {
	return "the call of this emitter is over: it was replied to, or its run has ended or was interrupted"
}

func (c *hostCall) over() error { return &overError{c} }

// errExited is the failure of a function that has ended its goroutine.
var errExited = errors.New("the function has ended its goroutine (runtime.Goexit); return an error instead")

func (p *port) wakeCall(id uint64) {
	p.mu.Lock()
	c := p.calls[id]
	p.mu.Unlock()
	if c != nil {
		select {
		case c.room <- struct{}{}:
		default:
		}
	}
}

func (p *port) endCall(id uint64) {
	p.mu.Lock()
	c := p.calls[id]
	delete(p.calls, id)
	if c == nil && p.replying > 0 {
		p.over[id] = true
	}
	p.mu.Unlock()
	if c != nil {
		c.cancel()
	}
}

// endCalls ends the calls of a run.
func (p *port) endCalls(run *Run) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, c := range p.calls {
		if c.run == run {
			delete(p.calls, id)
			c.cancel()
		}
	}
}

// serve runs the nodes for a call, and for those that its replies bring.
func (p *port) serve(c *hostCall) {
	for c != nil {
		c = p.answer(c)
	}
}

// answer runs the nodes for a call, and returns the next call if the reply brings it.
func (p *port) answer(c *hostCall) (next *hostCall) {
	err := errExited
	defer func() {
		c.cancel()
		// A function that fails since its context has ended is not why the run fails: the run ends by its context,
		// too.
		if over, ok := err.(*overError); ok && over.call == c || err != nil && c.run.ctx.Err() != nil {
			c.rows.abort()
			return
		}
		next = c.reply(err)
		if err == errExited && next != nil {
			// This goroutine ends here.
			go p.serve(next)
		}
	}()
	defer c.run.hosts.lock(c)()
	if c.ctx.Err() == nil {
		err = c.work()
	} else {
		err = c.over()
	}
	return nil
}

// work passes the entries through the chain.
func (c *hostCall) work() (err error) {
	defer func() {
		if found := recover(); found != nil {
			err = &PanicError{Value: found, Stack: debug.Stack()}
		}
	}()
	c.begun = time.Now()
	batched := false
	for i := range c.nodes {
		node := c.nodes[i].host.node
		batched = batched || node.ProcessBatch != nil
		c.streams = c.streams || node.Streams
		if node.New != nil {
			if c.nodes[i].state, err = c.run.hosts.state(c, i); err != nil {
				return c.at(0, i, err)
			}
		}
	}
	for i := 0; i < len(c.entries); i++ {
		e := &c.entries[i]
		switch {
		case c.ctx.Err() != nil:
			return c.over()
		case e.isEnd && e.packet.Item < 0:
			// Instances are closed when the run has ended.
		case e.isEnd:
			err = c.flush(i)
		case batched:
			last := i + 1
			for last < len(c.entries) && !c.entries[last].isEnd {
				last++
			}
			err = c.together(i, last)
			i = last - 1
		default:
			err = c.process(0, placed{i, e.packet})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// process lets a node handle a packet; what it emits goes to the next one.
func (c *hostCall) process(node int, p placed) error {
	c.failed.entry, c.failed.node = p.entry, node
	ref := &c.nodes[node]
	host := ref.host.node
	if node == 0 && len(host.Inputs) > 0 {
		p.packet.Input = host.Inputs[min(c.entries[p.entry].port, len(host.Inputs)-1)]
	}
	out := &Emitter{call: c, entry: p.entry, node: node, at: p.packet}
	process := host.Process
	if ref.state != nil {
		process = ref.state.Process
	}
	if process == nil {
		return fmt.Errorf("the node type %q has no function; set Process, ProcessBatch or New", host.Type)
	}
	if err := process(c.ctx, p.packet, out); err != nil {
		return c.at(p.entry, node, err)
	}
	return nil
}

// flush passes the end of an item through the chain.
func (c *hostCall) flush(entry int) error {
	for node := range c.nodes {
		if flusher, ok := c.nodes[node].state.(Flusher); ok {
			c.failed.entry, c.failed.node = entry, node
			out := &Emitter{call: c, entry: entry, node: node, at: c.entries[entry].packet}
			if err := flusher.Flush(c.ctx, out); err != nil {
				return c.at(entry, node, err)
			}
		}
	}
	return nil
}

// together passes entries through a chain level by level, so that nodes get batches.
func (c *hostCall) together(first, last int) error {
	var level []placed
	for i := first; i < last; i++ {
		level = append(level, placed{i, c.entries[i].packet})
	}
	for node := range c.nodes {
		next := []placed{}
		if node < len(c.nodes)-1 {
			c.collect = &next
		}
		err := c.level(node, level)
		c.collect = nil
		if err != nil {
			return err
		}
		level = next
	}
	return nil
}

func (c *hostCall) level(node int, level []placed) error {
	batch := c.nodes[node].host.node.ProcessBatch
	if batch == nil {
		for _, p := range level {
			if err := c.process(node, p); err != nil {
				return err
			}
		}
		return nil
	}
	if len(level) == 0 {
		return nil
	}
	c.failed.entry, c.failed.node = level[0].entry, node
	packets := make([]Packet, len(level))
	for i := range level {
		packets[i] = level[i].packet
	}
	values, err := batch(c.ctx, packets)
	if err == nil && len(values) != len(packets) {
		err = fmt.Errorf("%s got %d values and gave %d; give one for each, or Nothing",
			c.nodes[node].host.node.Type, len(packets), len(values))
	}
	if err != nil {
		return c.at(level[0].entry, node, err)
	}
	for i, value := range values {
		if value == any(Nothing) {
			continue
		}
		out := &Emitter{call: c, entry: level[i].entry, node: node, at: level[i].packet}
		if err := out.Emit(value); err != nil {
			return err
		}
	}
	return nil
}

// at notes where an error comes from, unless that is known from further down the chain. That this call is over it
// returns as it is.
func (c *hostCall) at(entry, node int, err error) error {
	var own *nodeFailure
	if errors.As(err, &own) {
		return own
	}
	var over *overError
	if errors.As(err, &over) && over.call == c {
		return over
	}
	return &nodeFailure{entry: entry, node: node, err: err}
}

// nodeFailure is an error of a node, and where in a call it came up.
type nodeFailure struct {
	entry, node int
	err         error
}

func (f *nodeFailure) Error() string { return f.err.Error() }
func (f *nodeFailure) Unwrap() error { return f.err }

// placed is when a packet is, and how long, that a node makes of another one: as the node says, else as the value does,
// else as the other one is. It is the rule of the runtime for outputs of a call.
func (p *Packet) placed(of *Packet) (pts, duration Time) {
	switch value := p.Value.(type) {
	case *Audio:
		if value != nil {
			pts, duration = value.PTS, At(value.Duration())
		}
	case *Video:
		if value != nil {
			pts = value.PTS
		}
	}
	return p.PTS.or(pts).or(of.PTS), p.Duration.or(duration).or(of.Duration)
}

// emit takes a value of a node: for the next node of the chain, or for the reply.
func (c *hostCall) emit(from *Emitter, packet Packet) error {
	if c.ctx.Err() != nil {
		return c.over()
	}
	if from.node < len(c.nodes)-1 {
		var err error
		if packet.Value, err = asDecoded(packet.Value); err != nil {
			return c.at(from.entry, from.node, err)
		}
		packet.PTS, packet.Duration = packet.placed(&from.at)
		packet.Item, packet.Input, packet.Output = from.at.Item, "", ""
		next := placed{from.entry, packet}
		if c.collect != nil {
			*c.collect = append(*c.collect, next)
			return nil
		}
		return c.process(from.node+1, next)
	}
	host := c.nodes[from.node].host.node
	output := 0
	if packet.Output != "" {
		if output = slices.Index(host.Outputs, packet.Output); output < 0 {
			return c.at(from.entry, from.node, fmt.Errorf("%s has no output %q; it has %q", host.Type, packet.Output, host.Outputs))
		}
	}
	// The runtime knows the time of the entry, but not of what became of it between the nodes.
	pts, duration := packet.placed(&from.at)
	alone := Packet{Value: packet.Value}
	packet.PTS, packet.Duration = Time{}, Time{}
	if p, d := alone.placed(&c.entries[from.entry].packet); p != pts || d != duration {
		packet.PTS, packet.Duration = pts, duration
	}
	if err := c.row(from.entry, packet, output); err != nil {
		return c.at(from.entry, from.node, err)
	}
	if c.streams || time.Since(c.begun) > partAfter {
		return c.part()
	}
	return nil
}
