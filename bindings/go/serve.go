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
	// rows are the outputs that have not been sent yet, encoded; count is their number, last the entry of the last one.
	rows  encoder
	count int
	last  int
	begun time.Time
	// failed is where in the call the nodes stand, for the reply to an error.
	failed struct{ entry, node int }
	// refused is the failure of a part of the reply that the runtime has refused.
	refused error
	// opening is set while the instances of nodes are made, whose errors end the work whatever on_error says.
	opening bool
	// waiting are the packets that have collected for each node that takes batches, gathered is when such nodes got
	// theirs last.
	waiting  [][]placed
	gathered time.Time
	streams  bool
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
		hasExited := err == errExited
		if c.refused != nil {
			err = c.refused
		}
		// A function that fails since its context has ended is not why the run fails: the run ends by its context,
		// too.
		if over, ok := err.(*overError); ok && over.call == c || err != nil && c.run.ctx.Err() != nil {
			c.rows.abort()
			return
		}
		next = c.reply(err)
		if hasExited && next != nil {
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

// work passes the entries through the chain. What came before a failure goes on to its end.
func (c *hostCall) work() error {
	err := c.caught(c.entriesInTurn)
	if failed, ok := err.(*nodeFailure); ok {
		// Nodes behind the one that failed may have packets of earlier entries.
		if earlier := c.caught(func() error { return c.batches(failed.node + 1) }); earlier != nil {
			return earlier
		}
	}
	return err
}

// caught makes a panic an error, with its place.
func (c *hostCall) caught(do func() error) (err error) {
	defer func() {
		if found := recover(); found != nil {
			err = c.at(c.failed.entry, c.failed.node, &PanicError{Value: found, Stack: debug.Stack()})
		}
	}()
	return do()
}

func (c *hostCall) entriesInTurn() (err error) {
	c.begun = time.Now()
	c.gathered = c.begun
	c.waiting = make([][]placed, len(c.nodes))
	c.opening = true
	for i := range c.nodes {
		node := c.nodes[i].host.node
		c.streams = c.streams || node.Streams
		if node.New != nil {
			c.failed.node = i
			if c.nodes[i].state, err = c.run.hosts.state(c, i); err != nil {
				return c.at(0, i, err)
			}
		}
	}
	c.opening = false
	for i := range c.entries {
		e := &c.entries[i]
		switch {
		case c.ctx.Err() != nil:
			return c.over()
		case e.isEnd:
			err = c.flush(i)
		default:
			err = c.pass(0, placed{i, e.packet})
		}
		if err != nil {
			return err
		}
	}
	return c.batches(0)
}

// pass gives a packet to a node. One that takes batches gets it with others, but does not wait for values that are
// streamed to it, nor for those of a slow node.
func (c *hostCall) pass(node int, p placed) error {
	host := c.nodes[node].host.node
	if host.ProcessBatch == nil {
		return c.process(node, p)
	}
	c.waiting[node] = append(c.waiting[node], p)
	if len(c.waiting[node]) >= host.most() || node > 0 && c.isUrgent(node) {
		return c.batches(node)
	}
	return nil
}

// isUrgent reports whether what has collected for a node should not wait for more.
func (c *hostCall) isUrgent(node int) bool {
	streams := func(ref hostRef) bool { return ref.host.node.Streams }
	return slices.ContainsFunc(c.nodes[:node], streams) || time.Since(c.gathered) > partAfter
}

// process lets a node handle a packet; what it emits goes to the next one.
func (c *hostCall) process(node int, p placed) error {
	c.failed.entry, c.failed.node = p.entry, node
	ref := &c.nodes[node]
	host := ref.host.node
	if len(host.Inputs) > 0 {
		// Within a chain each node has one input.
		port := 0
		if node == 0 {
			port = min(c.entries[p.entry].port, len(host.Inputs)-1)
		}
		p.packet.Input = host.Inputs[port]
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

// flush passes the end of an item through the chain, behind the packets before it. At the end of all nothing else is to
// do: instances are closed when the run has ended.
func (c *hostCall) flush(entry int) error {
	if err := c.batches(0); err != nil || c.entries[entry].packet.Item < 0 {
		return err
	}
	for node := range c.nodes {
		if flusher, ok := c.nodes[node].state.(Flusher); ok {
			c.failed.entry, c.failed.node = entry, node
			out := &Emitter{call: c, entry: entry, node: node, at: c.entries[entry].packet}
			if err := flusher.Flush(c.ctx, out); err != nil {
				return c.at(entry, node, err)
			}
			if err := c.batches(node + 1); err != nil {
				return err
			}
		}
	}
	return nil
}

// batches gives the nodes from one on what has collected for them.
func (c *hostCall) batches(from int) error {
	for node := from; node < len(c.nodes); node++ {
		if err := c.batch(node); err != nil {
			return err
		}
	}
	c.gathered = time.Now()
	return nil
}

func (c *hostCall) batch(node int) error {
	level := c.waiting[node]
	c.waiting[node] = nil
	values, err := c.results(node, level)
	for i, value := range values {
		if value == any(Nothing) {
			continue
		}
		out := &Emitter{call: c, entry: level[i].entry, node: node, at: level[i].packet}
		if err := out.Emit(value); err != nil {
			return err
		}
	}
	if err != nil {
		return c.at(level[len(values)].entry, node, err)
	}
	return nil
}

// results returns what a node makes of packets: a value for each of them, or for those before the one that it fails
// at. To find that one the node gets each packet again, alone.
func (c *hostCall) results(node int, level []placed) ([]any, error) {
	if len(level) == 0 {
		return nil, nil
	}
	values, err := c.together(node, level)
	var miscounted *countError
	if err == nil || len(level) == 1 || errors.As(err, &miscounted) {
		return values, err
	}
	for i := range level {
		if c.ctx.Err() != nil {
			return values, c.over()
		}
		alone, err := c.together(node, level[i:i+1])
		if err != nil {
			return values, err
		}
		values = append(values, alone...)
	}
	return values, nil
}

// together calls the function of a node that takes batches; without an error there is a value for each packet. A panic
// is an error like others.
func (c *hostCall) together(node int, level []placed) (values []any, err error) {
	c.failed.entry, c.failed.node = level[0].entry, node
	host := c.nodes[node].host.node
	packets := make([]Packet, len(level))
	for i := range level {
		packets[i] = level[i].packet
	}
	err = c.caught(func() (err error) {
		values, err = host.ProcessBatch(c.ctx, packets)
		return err
	})
	if err == nil && len(values) != len(level) {
		err = &countError{host.Type, len(level), len(values)}
	}
	if err != nil {
		return nil, err
	}
	return values, nil
}

// countError is a batch whose values are not one for each packet.
type countError struct {
	nodeType      string
	packets, made int
}

func (e *countError) Error() string {
	return fmt.Sprintf("%s got %d values and gave %d; give one for each, or Nothing", e.nodeType, e.packets, e.made)
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
	output, err := c.nodes[from.node].host.node.output(packet.Output)
	if err != nil {
		return c.at(from.entry, from.node, err)
	}
	if from.node < len(c.nodes)-1 {
		if packet.Value, err = asDecoded(packet.Value); err != nil {
			return c.at(from.entry, from.node, err)
		}
		packet.PTS, packet.Duration = packet.placed(&from.at)
		packet.Item, packet.Input, packet.Output = from.at.Item, "", ""
		err = c.pass(from.node+1, placed{from.entry, packet})
		if err == nil {
			c.failed.entry, c.failed.node = from.entry, from.node
		}
		return err
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
