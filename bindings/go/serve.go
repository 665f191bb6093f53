package remotemedia

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/remotemedia/remotemedia-go/internal/abi"
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

// errOver ends the work for a call that nobody wants any more.
var errOver = errors.New("the call is over: its run has ended or was interrupted")

// call reads a call, and registers it; nil if its run has ended.
func (d *decoder) call(p *port, id uint64) *hostCall {
	c := &hostCall{port: p, id: id, room: make(chan struct{}, 1)}
	var job uint64
	for range d.mapHead("a call") {
		switch string(d.field()) {
		case "job":
			job = d.token()
		case "nodes":
			for range d.length("nodes") {
				d.fields(2, "a node")
				if l := lent(d.token()); l != nil {
					host, _ := l.object.(*hostType)
					c.nodes = append(c.nodes, hostRef{host: host, id: d.string("the id of a node")})
				} else {
					d.value()
				}
			}
		case "entries":
			count := d.length("entries")
			c.entries = make([]entry, count)
			for i := range c.entries {
				d.entryOf(&c.entries[i])
			}
		case "epoch":
			c.epoch = d.integer("an epoch", 0, 1<<62)
		default:
			d.value()
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	c.run = p.runs[job]
	if c.run == nil || p.over[id] {
		return nil
	}
	c.ctx, c.cancel = context.WithCancel(c.run.ctx)
	p.calls[id] = c
	return c
}

func (d *decoder) entryOf(e *entry) {
	count := d.length("an entry")
	e.isEnd = count < 4
	e.packet.Item = -1
	if count > 0 {
		e.packet.Item = d.size("an item")
	}
	if e.isEnd {
		return
	}
	e.packet.Value = d.value()
	e.packet.PTS, e.packet.Duration = d.pts(), d.pts()
	if count > 4 {
		e.port = d.size("a port")
	}
}

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
		unlock := c.run.hosts.lock(c)
		var err error
		if c.ctx.Err() == nil {
			err = c.work()
		} else {
			err = errOver
		}
		unlock()
		c.cancel()
		// A function that fails since its context has ended is not why the run fails: the run ends by its context, too.
		if errors.Is(err, errOver) || err != nil && c.run.ctx.Err() != nil {
			return
		}
		c = c.reply(err)
	}
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
				c.failed.node = i
				return err
			}
		}
	}
	for i := 0; i < len(c.entries); i++ {
		e := &c.entries[i]
		switch {
		case c.ctx.Err() != nil:
			return errOver
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

// process lets a node handle a packet; what it emits goes on to the next one.
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
			if err := flusher.Flush(c.ctx, &Emitter{call: c, entry: entry, node: node}); err != nil {
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

// at notes where an error comes from, unless that is known from further down the chain.
func (c *hostCall) at(entry, node int, err error) error {
	var own *nodeFailure
	if errors.As(err, &own) || errors.Is(err, errOver) {
		return err
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

// emit takes a value of a node: for the next node of the chain, or for the reply.
func (c *hostCall) emit(from *Emitter, packet Packet) error {
	if c.ctx.Err() != nil {
		return errOver
	}
	if from.node < len(c.nodes)-1 {
		if !packet.PTS.known {
			packet.PTS, packet.Duration = from.at.PTS, from.at.Duration
		}
		var err error
		if packet.Value, err = asDecoded(packet.Value); err != nil {
			return c.at(from.entry, from.node, err)
		}
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
	if err := c.row(from.entry, packet, output); err != nil {
		return c.at(from.entry, from.node, err)
	}
	if c.streams || time.Since(c.begun) > partAfter {
		return c.part()
	}
	return nil
}

// asDecoded returns a value as it would come out of the runtime: nodes see the same types whether or not it was there.
func asDecoded(value any) (any, error) {
	switch v := value.(type) {
	case nil, bool, int64, float64, string, []byte, *Audio, *Tensor, *Video, *Table, *File, Timestamp:
		return value, nil
	case int:
		return int64(v), nil
	}
	e := &encoder{}
	defer e.abort()
	if err := e.document(value, "the returned value"); err != nil {
		return nil, err
	}
	return decode(e.out, func(index int) (payload, bool) {
		if index >= len(e.table) {
			return payload{}, false
		}
		l := lent(e.table[index].Token)
		return payload{l.data, l.native}, true
	})
}

// row encodes an output: [entry, value], [entry, value, pts, duration], or [entry, value, pts, duration, port].
func (c *hostCall) row(entry int, packet Packet, output int) error {
	e := &c.rows
	before, depth, table := len(e.out), e.depth, len(e.table)
	switch {
	case output > 0:
		e.array(5)
	case packet.PTS.known || packet.Duration.known:
		e.array(4)
	default:
		e.array(2)
	}
	e.int(int64(entry))
	if err := e.document(packet.Value, "the returned value"); err != nil {
		// What was lent for it is given up with the rest of the call.
		e.out, e.depth, e.table = e.out[:before], depth, e.table[:table]
		return err
	}
	if output > 0 || packet.PTS.known || packet.Duration.known {
		e.time(packet.PTS)
		e.time(packet.Duration)
	}
	if output > 0 {
		e.int(int64(output))
	}
	c.count++
	return nil
}

// part sends what there is, and waits while the pipeline has no room for more.
func (c *hostCall) part() error {
	select {
	case <-c.room:
	default:
	}
	status, _ := c.send(false, nil)
	c.begun = time.Now()
	switch {
	case status < 0:
		return errOver
	case status != StatusWouldBlock:
		return nil
	}
	select {
	case <-c.room:
		return nil
	case <-c.ctx.Done():
		return errOver
	}
}

// reply ends the call, and returns the next one if the reply has brought it.
func (c *hostCall) reply(err error) *hostCall {
	var failed *nodeFailure
	if err != nil && !errors.As(err, &failed) {
		failed = &nodeFailure{entry: c.failed.entry, node: c.failed.node, err: err}
	}
	status, next := c.send(true, failed)
	if status < 0 && status != StatusGone {
		// The runtime refuses the values; it is told why the call fails instead.
		refused := failure(status, "the returned values were refused: %v", status)
		_, next = c.send(true, &nodeFailure{node: len(c.nodes) - 1, err: refused})
	}
	return next
}

// send sends a part of the reply.
func (c *hostCall) send(final bool, failed *nodeFailure) (Status, *hostCall) {
	p := c.port
	if !p.handle.use() {
		return StatusGone, nil
	}
	defer p.handle.done()
	x := newExchange()
	defer x.close()
	c.document(&x.encoder, final, failed)
	out := uintptr(0)
	p.mu.Lock()
	if final {
		delete(p.calls, c.id)
		p.replying++
		out = x.OutAddress
	}
	p.mu.Unlock()
	data, length, table, count := x.input()
	p.reading.RLock()
	status := abi.Call(abi.PortReply, p.handle.address, uintptr(c.id), data, length, table, count, out, x.ErrAddress)
	var next *hostCall
	var released []uint64
	if status < 0 {
		err := x.failure(status)
		released = err.released
		if Status(status) != StatusGone && !final {
			slog.Error("remotemedia: a reply was refused", "error", err)
		}
	} else if final && (x.Out.Len > 0 || x.Out.Document != 0) {
		if err := x.read(func(d *decoder) {
			count := d.length("a call")
			next = d.call(p, d.token())
			if count > 2 {
				released = d.tokens()
			}
		}); err != nil {
			slog.Error("remotemedia: a call of the runtime can't be read", "error", err)
		}
	}
	p.reading.RUnlock()
	if final {
		p.mu.Lock()
		if p.replying--; p.replying == 0 {
			clear(p.over)
		}
		p.mu.Unlock()
	}
	p.released(released)
	return Status(status), next
}

// document writes a reply of the rows that have not been sent yet.
func (c *hostCall) document(e *encoder, final bool, failed *nodeFailure) {
	entries := 2
	if failed != nil {
		entries = 3
	}
	e.wide(entries, 0x80, 0xde)
	_ = e.text("outputs")
	e.array(c.count)
	e.out = append(e.out, c.rows.out...)
	e.table = append(e.table, c.rows.table...)
	c.rows, c.count = encoder{out: c.rows.out[:0]}, 0
	_ = e.text("final")
	e.bool(final)
	if failed == nil {
		return
	}
	_ = e.text("error")
	var chain []any
	for cause := errors.Unwrap(failed.err); cause != nil && len(chain) < longestChain; cause = errors.Unwrap(cause) {
		chain = append(chain, bounded(cause.Error()))
	}
	_ = e.value(NewMap("entry", failed.entry, "node", failed.node, "message", bounded(failed.err.Error()),
		"chain", chain, "token", lendObject(failed.err)))
}

// bounded is a message as text that the runtime takes.
func bounded(message string) string {
	message = strings.ToValidUTF8(message, "\uFFFD")
	if len(message) > longestMessage {
		message = strings.ToValidUTF8(message[:longestMessage], "") + "..."
	}
	return message
}
