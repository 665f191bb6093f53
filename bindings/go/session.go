// Sessions: the side that sends and controls.

package remotemedia

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/remotemedia/remotemedia-go/internal/abi"
)

// SessionOptions are the options of a session. The zero value has all defaults.
type SessionOptions struct {
	// Outputs are the names of the outputs that are read; what leaves by others is dropped. By default all.
	Outputs []string
	// Packets, Bytes and Media, in whole milliseconds, bound the queue at each input and each output: 64, 8 MiB and 5 s
	// by default.
	Packets, Bytes int
	Media          time.Duration
	// Deadline is how long the session may last; 0 for no limit.
	Deadline time.Duration
	// PacketDeadline is after how long a packet, and all that is made of it, is dropped; 0 for never.
	PacketDeadline time.Duration
	// Virtual lets the clock show the media time that has arrived, for tests.
	Virtual bool
	// Trace records the steps of the session for Trace.
	Trace bool
}

// Session is a pipeline at work on one stream, fed and read while it runs. It is bounded at both ends: Send waits for
// room, and the pipeline waits for its reader, so read and send from two goroutines, or read what a Send has made
// before the next one. All methods may be called from any goroutine.
type Session struct {
	handle *handle
	run    *Run
	// ends are those of its pipeline, which may be closed before it.
	ends   *ends
	all    *Output
	chosen []string

	// most is the most outputs that are fetched at once: a bound of what waits at an output holds here too.
	most int
	// changes wake those who wait. The run refers to them and not to the session, which may be collected while it is
	// open.
	changes *changes

	// fetching is held for reading while packets are sent and outputs are fetched or offered, and for writing while both
	// are dropped.
	fetching sync.RWMutex
	// interruptions counts those of all nodes: what a Send has from before the last one is not sent any more.
	interruptions atomic.Int64
	mu            sync.Mutex
	readers       []*Output
	// sending has a channel for each input, by its number, which the goroutine that sends there holds; a channel, so that
	// waiting for it ends with a context.
	sending map[int]chan struct{}
	// droppers are about to drop outputs, and dropping is closed while there are some: what is offered is taken back.
	droppers int
	dropping chan struct{}
}

const (
	// receiveMost is the most outputs that are fetched at once, sendMost the most packets that are sent at once.
	receiveMost = 256
	sendMost    = 256

	// noRoom and noOutput are why calls waited that their contexts end, notSent and notReceived what became of calls
	// whose contexts were done before they waited.
	noRoom      = "the session had no room"
	noOutput    = "the session had no output"
	notSent     = "not all was sent"
	notReceived = "nothing was received"
)

// Session opens a session. When ctx is done it is cancelled; Close ends it.
func (p *Pipeline) Session(ctx context.Context, options SessionOptions) (*Session, error) {
	if ctx.Err() != nil {
		return nil, doneError(ctx, "the session was not opened")
	}
	port, done, err := p.use()
	if err != nil {
		return nil, err
	}
	defer done()
	ends, err := p.ends()
	if err != nil {
		return nil, err
	}
	x := newExchange()
	defer x.close()
	settings, err := options.document(ctx)
	if err != nil {
		return nil, err
	}
	if err := x.encoder.document(settings, "options"); err != nil {
		return nil, err
	}
	s := &Session{ends: ends, changes: newChanges(), chosen: options.Outputs, most: receiveMost,
		sending: map[int]chan struct{}{}, dropping: make(chan struct{})}
	if options.Packets > 0 {
		s.most = min(s.most, options.Packets)
	}
	s.all = &Output{session: s, sink: -1, reading: make(chan struct{}, 1)}
	s.readers = []*Output{s.all}
	s.run = port.begin(ctx, p)
	s.run.changes = s.changes
	data, length, _, _ := x.input()
	status := abi.Call(abi.SessionNew, p.handle.address, port.handle.address, uintptr(s.run.token), data, length,
		x.HandleAddress, x.ErrAddress)
	if err := x.settle(status); err != nil {
		port.forget(s.run)
		return nil, err
	}
	s.handle = newHandle(x.Handle(), abi.SessionFree)
	runtime.AddCleanup(s, (*handle).close, s.handle)
	s.run.watch(ctx)
	return s, nil
}

func (o *SessionOptions) document(ctx context.Context) (*Map, error) {
	for _, limit := range []struct {
		name   string
		length time.Duration
	}{{"Deadline", o.Deadline}, {"PacketDeadline", o.PacketDeadline}} {
		// In microseconds a few nanoseconds below 0 are a limit of 0.
		if limit.length < 0 {
			return nil, failure(StatusInvalidArgument, "the %s of a session is above 0, or 0 for none; got %v",
				limit.name, limit.length)
		}
	}
	m, buffer := &Map{}, &Map{}
	if o.Outputs != nil {
		m.Set("outputs", o.Outputs)
	}
	if o.Packets != 0 {
		buffer.Set("packets", o.Packets)
	}
	if o.Bytes != 0 {
		buffer.Set("bytes", o.Bytes)
	}
	if o.Media != 0 {
		buffer.Set("ms", milliseconds(o.Media))
	}
	if buffer.Len() > 0 {
		m.Set("buffer", buffer)
	}
	deadline := o.Deadline
	if at, has := ctx.Deadline(); has && (deadline == 0 || time.Until(at) < deadline) {
		deadline = max(time.Until(at), time.Microsecond)
	}
	if deadline != 0 {
		m.Set("deadline_us", microseconds(deadline))
	}
	if o.PacketDeadline != 0 {
		m.Set("packet_deadline_us", microseconds(o.PacketDeadline))
	}
	if o.Virtual {
		m.Set("clock", "virtual")
	}
	if o.Trace {
		m.Set("trace", true)
	}
	return m, nil
}

// Send sends values, each as a packet, and waits for room. Once ctx is done it sends no more. An interruption of all nodes
// drops what waits: then it returns as if that was sent.
func (s *Session) Send(ctx context.Context, values ...any) error {
	packets := make([]Packet, len(values))
	for i, value := range values {
		packets[i].Value = value
	}
	return s.SendPackets(ctx, packets...)
}

// SendPackets sends packets with times of their own, or by the inputs that they name, and waits for room as Send does.
// Their other fields are ignored. When it returns with an error, some of them may have been taken.
func (s *Session) SendPackets(ctx context.Context, packets ...Packet) error {
	since := s.interruptions.Load()
	for i := range packets {
		if _, err := s.input(packets[i].Input); err != nil {
			return err
		}
	}
	for first := 0; first < len(packets); {
		// An input that is full holds up no other goroutine that sends to another one.
		end := first + 1
		for end < len(packets) && packets[end].Input == packets[first].Input {
			end++
		}
		if err := s.sendTo(ctx, packets[:end], first, since); err != nil {
			return err
		}
		first = end
	}
	return nil
}

// sendTo sends the packets from the first one on to one input, unless the session is interrupted before they are taken.
func (s *Session) sendTo(ctx context.Context, packets []Packet, first int, since int64) error {
	sending, err := s.lockOf(packets[first].Input)
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return doneError(ctx, notSent)
	}
	select {
	case sending <- struct{}{}:
		defer func() { <-sending }()
	case <-ctx.Done():
		return doneError(ctx, noRoom)
	}
	for first < len(packets) {
		if ctx.Err() != nil {
			return doneError(ctx, notSent)
		}
		// Before the try: room that comes after it is not missed.
		changed := s.changes.next()
		taken, err := s.tryUnless(packets[:min(len(packets), first+sendMost)], first, since)
		if err != nil {
			return err
		}
		if first += taken; taken > 0 {
			continue
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return doneError(ctx, noRoom)
		}
	}
	return nil
}

// TrySend sends as many packets as there is room for, and returns their number: none while another goroutine waits for
// room at one of their inputs.
func (s *Session) TrySend(packets ...Packet) (int, error) {
	held := map[chan struct{}]bool{}
	defer func() {
		for sending := range held {
			<-sending
		}
	}()
	for i := range packets {
		sending, err := s.lockOf(packets[i].Input)
		if err != nil {
			return 0, err
		}
		if held[sending] {
			continue
		}
		select {
		case sending <- struct{}{}:
			held[sending] = true
		default:
			return 0, nil
		}
	}
	return s.try(packets, 0)
}

// input is the number of the input of this name.
func (s *Session) input(name string) (int, error) {
	if name == "" {
		return 0, nil
	}
	input := slices.Index(s.ends.inputs, name)
	if input < 0 {
		return 0, failure(StatusInvalidArgument, "the pipeline has no input %q; it has %q", name, s.ends.inputs)
	}
	return input, nil
}

// lockOf is what a goroutine holds that sends to the input of this name.
func (s *Session) lockOf(name string) (chan struct{}, error) {
	input, err := s.input(name)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	sending := s.sending[input]
	if sending == nil {
		sending = make(chan struct{}, 1)
		s.sending[input] = sending
	}
	return sending, nil
}

// tryUnless does try. If the session was interrupted since, all of the packets are dropped.
func (s *Session) tryUnless(packets []Packet, first int, since int64) (taken int, err error) {
	s.fetching.RLock()
	defer s.fetching.RUnlock()
	if s.interruptions.Load() != since {
		return len(packets) - first, nil
	}
	return s.try(packets, first)
}

// try sends the packets from the first one on that there is room for.
func (s *Session) try(packets []Packet, first int) (taken int, err error) {
	if !s.handle.use() {
		return 0, gone()
	}
	defer s.handle.done()
	x := newExchange()
	defer x.close()
	if err := s.packets(&x.encoder, packets, first); err != nil {
		x.abort()
		return 0, err
	}
	data, length, table, count := x.input()
	port := s.run.port
	port.reading.RLock()
	status := abi.Call(abi.SessionSend, s.handle.address, data, length, table, count, uintptr(inlineBudget.Microseconds()), 0,
		x.OutAddress, x.ErrAddress)
	var released []uint64
	var failed *Error
	if status < 0 {
		failed = x.failure(status)
		released = failed.released
	} else {
		err = x.read(func(d *decoder) {
			count := d.length("what was sent")
			taken = d.size("the number of packets")
			d.value()
			if count > 2 {
				released = d.tokens()
			}
		})
	}
	port.reading.RUnlock()
	port.released(released)
	if failed != nil {
		err = s.why(failed)
	}
	return taken, err
}

// packets writes the packets from the first one on as the runtime takes them: [value], [value, pts, duration], or
// [value, pts, duration, input]. An error has the number that a packet has for the caller.
func (s *Session) packets(e *encoder, packets []Packet, first int) error {
	e.array(len(packets) - first)
	for i := first; i < len(packets); i++ {
		p := &packets[i]
		input, err := s.input(p.Input)
		if err != nil {
			return err
		}
		timed := p.PTS.known || p.Duration.known || input > 0
		switch {
		case input > 0:
			e.array(4)
		case timed:
			e.array(3)
		default:
			e.array(1)
		}
		if err := e.value(p.Value); err != nil {
			return unwritable(err, fmt.Sprintf("packets[%d]", i))
		}
		if timed {
			e.time(p.PTS)
			e.time(p.Duration)
		}
		if input > 0 {
			e.int(int64(input))
		}
	}
	return nil
}

// Finish ends the input: what was sent is processed and flushed, then readers get io.EOF. It may be called again.
func (s *Session) Finish() error { return s.call(abi.SessionFinish) }

// Cancel ends the session now and drops what is on its way; StatusGone if it has ended before.
func (s *Session) Cancel() error {
	return s.drop(everything, func() error { return s.call(abi.SessionCancel) })
}

// Flush ends the stream after what was sent: everything that nodes hold back comes out, and another stream may begin.
func (s *Session) Flush() error { return s.control(NewMap("flush", true)) }

// Interrupt drops everything that was sent and not read, also what waits in Send for room, and resets the nodes; what is
// sent afterwards is not affected. With the id of a node it drops what waits before that node and behind it, and resets
// these; the nodes before it continue, and a Send that waits goes on waiting.
func (s *Session) Interrupt(at ...string) error {
	if len(at) > 1 {
		return failure(StatusInvalidArgument, "Interrupt takes one node, got %q", at)
	}
	if len(at) == 0 {
		return s.drop(everything, func() error {
			s.interruptions.Add(1)
			return s.control(NewMap("interrupt", true))
		})
	}
	outputs := s.ends.behind(at[0])
	which := func(packet Packet) bool { return outputs[packet.Output] }
	return s.drop(which, func() error { return s.control(NewMap("interrupt", true, "at", at[0])) })
}

// SetParam changes a live param of a node for what is sent from then on, or still held back.
func (s *Session) SetParam(node, param string, value any) error {
	return s.SetParams(node, NewMap(param, value))
}

// SetParams changes several live params of a node together: all of them, or none if one is refused.
func (s *Session) SetParams(node string, params *Map) error {
	return s.control(NewMap("set", NewMap("node", node, "params", params)))
}

// Metrics returns what each node has done and waits for, as docs/abi.md describes it; also after the end.
func (s *Session) Metrics() (*Map, error) { return s.handle.ask(abi.SessionMetrics) }

// Trace returns what was recorded since the last call, as docs/abi.md describes it.
func (s *Session) Trace() (*Map, error) { return s.handle.ask(abi.SessionTrace) }

// Progress returns how far the session is; StatusGone once it has ended.
func (s *Session) Progress() (Progress, error) { return s.run.Progress() }

// Skipped returns the errors after which a node has dropped a packet so far: the first 100, and the first of each
// node.
func (s *Session) Skipped() []*Error {
	s.run.mu.Lock()
	defer s.run.mu.Unlock()
	return slices.Clone(s.run.skipped)
}

// Done is closed when the session has ended. Outputs from before may still be read.
func (s *Session) Done() <-chan struct{} { return s.run.done }

// Wait waits for the end, and returns what the session failed with.
func (s *Session) Wait(ctx context.Context) error {
	_, err := s.run.Wait(ctx)
	return err
}

// Close cancels the session if it has not ended, and frees it. It may be called again.
func (s *Session) Close() error {
	_ = s.drop(everything, func() error {
		s.handle.close()
		return nil
	})
	// Those who wait look again, and find it closed.
	s.changes.notify()
	return nil
}

func (s *Session) control(control *Map) error {
	x := newExchange()
	defer x.close()
	if err := x.encoder.document(control, "control"); err != nil {
		return err
	}
	data, length, _, _ := x.input()
	return s.call(abi.SessionControl, data, length)
}

func (s *Session) call(function abi.Function, more ...uintptr) error {
	if !s.handle.use() {
		return gone()
	}
	defer s.handle.done()
	x := newExchange()
	defer x.close()
	arguments := append([]uintptr{s.handle.address}, more...)
	status := abi.Call(function, append(arguments, x.ErrAddress)...)
	if status >= 0 {
		return nil
	}
	failed := x.failure(status)
	release(failed.released)
	return s.why(failed)
}

// why makes the failure that ended a session the cause of a call that came too late. The event of the end may be on its
// way still: it waits for nobody but those who hold the port's reading, as the caller must not.
func (s *Session) why(failed *Error) error {
	if failed.Status == StatusGone {
		<-s.run.settled
		if s.run.err != nil {
			failed.err = s.run.err
		}
	}
	return failed
}

// drop does something to the session, and if that succeeds drops those packets that were fetched and not read. Readers
// fetch nothing meanwhile, and channels offer nothing.
func (s *Session) drop(which func(Packet) bool, do func() error) error {
	s.beginDropping()
	defer s.endDropping()
	s.fetching.Lock()
	defer s.fetching.Unlock()
	if err := do(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, reader := range s.readers {
		reader.fetched = slices.DeleteFunc(reader.fetched, which)
	}
	return nil
}

func (s *Session) beginDropping() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.droppers++; s.droppers == 1 {
		close(s.dropping)
	}
}

func (s *Session) endDropping() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.droppers--; s.droppers == 0 {
		s.dropping = make(chan struct{})
	}
}

func everything(Packet) bool { return true }

// ended is what a reader gets after the last output.
func (s *Session) ended(ctx context.Context) error {
	select {
	case <-s.run.done:
	case <-ctx.Done():
		return doneError(ctx, "the session has not ended")
	}
	if s.run.err != nil {
		return s.run.err
	}
	return io.EOF
}
