// Replies to calls: rows of values, in parts where nodes stream, and the error that ended a call.

package remotemedia

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/remotemedia/remotemedia-go/internal/abi"
)

// row encodes an output: [entry, value], [entry, value, pts, duration], or [entry, value, pts, duration, port].
func (c *hostCall) row(entry int, packet Packet, output int) error {
	e := &c.rows
	before, depth, table, tokens := len(e.out), e.depth, len(e.table), len(e.tokens)
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
		release(e.tokens[tokens:])
		e.out, e.depth, e.table, e.tokens = e.out[:before], depth, e.table[:table], e.tokens[:tokens]
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
	c.last = entry
	return nil
}

// part sends what there is, and waits while the pipeline has no room for more.
func (c *hostCall) part() error {
	select {
	case <-c.room:
	default:
	}
	status, _, refused := c.send(false, nil)
	c.begun = time.Now()
	switch {
	case refused != nil:
		// Whatever the function makes of this: the values are gone, and the call fails.
		c.refused = &nodeFailure{entry: c.last, node: len(c.nodes) - 1, err: refused}
		c.cancel()
		return c.refused
	case status < 0:
		return c.over()
	case status != StatusWouldBlock:
		return nil
	}
	select {
	case <-c.room:
		return nil
	case <-c.ctx.Done():
		return c.over()
	}
}

// reply ends the call, and returns the next one if the reply has brought it.
func (c *hostCall) reply(err error) *hostCall {
	failed, ok := err.(*nodeFailure)
	if err != nil && !ok {
		failed = &nodeFailure{entry: c.failed.entry, node: c.failed.node, err: err}
	}
	_, next, refused := c.send(true, failed)
	if refused != nil {
		_, next, _ = c.send(true, &nodeFailure{entry: c.last, node: len(c.nodes) - 1, err: refused})
	}
	return next
}

// send sends a part of the reply. The error is why the runtime refuses the values, which are dropped then; it is nil if the
// call is over.
func (c *hostCall) send(final bool, failed *nodeFailure) (status Status, next *hostCall, refused error) {
	p := c.port
	if !p.handle.use() {
		c.rows.abort()
		return StatusGone, nil, nil
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
	code := abi.Call(abi.PortReply, p.handle.address, uintptr(c.id), data, length, table, count, out, x.ErrAddress)
	status = Status(code)
	var released []uint64
	if status < 0 {
		err := x.failure(code)
		released = err.released
		if status != StatusGone && status != StatusShutDown {
			err.Message = "the returned values were refused: " + err.Message
			refused = err
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
	return status, next, refused
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
	message, chain := described(failed.err)
	_ = e.value(NewMap("entry", failed.entry, "node", failed.node, "message", message, "chain", chain,
		"token", lendObject(failed.err), "ends_run", c.opening))
}

// described is the message of an error, and of those that it wraps. Their methods may panic, as those of a nil pointer
// in an error do.
func described(err error) (message string, chain []any) {
	message = fmt.Sprintf("a %T, whose message can't be made", err)
	defer func() { _ = recover() }()
	message = bounded(err.Error())
	for cause := errors.Unwrap(err); cause != nil && len(chain) < longestChain; cause = errors.Unwrap(cause) {
		chain = append(chain, bounded(cause.Error()))
	}
	return message, chain
}

// bounded is a message as text that the runtime takes.
func bounded(message string) string {
	message = strings.ToValidUTF8(message, "\uFFFD")
	if len(message) > longestMessage {
		message = strings.ToValidUTF8(message[:longestMessage], "") + "..."
	}
	return message
}
