// The port: its goroutine takes events and delivers them to runs and calls.

package remotemedia

import (
	"context"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/remotemedia/remotemedia-go/internal/abi"
)

// port is where completions, calls and release records of a runtime arrive. One goroutine waits at it and handles
// them in their order.
type port struct {
	handle *handle
	// bell is readable while something is there: a copy of the port's own descriptor, since closing it is up to Go.
	bell *os.File
	// ended is closed when nothing comes any more.
	ended chan struct{}
	// abandoned is set when the runtime was collected: then the goroutine frees the port.
	abandoned atomic.Bool

	// reading is held for reading while a document that may name loans is fetched and decoded, and for writing while
	// loans are ended: no loan ends between the naming and the looking up.
	reading sync.RWMutex

	mu    sync.Mutex
	runs  map[uint64]*Run
	calls map[uint64]*hostCall
	// replying counts replies that may bring the next call; over are calls that ended before such a reply has
	// returned.
	replying int
	over     map[uint64]bool
}

func openPort(runtime *handle) (*port, error) {
	x := newExchange()
	defer x.close()
	if !runtime.use() {
		return nil, gone()
	}
	if err := x.settle(abi.Call(abi.PortNew, runtime.address, 0, 0, x.HandleAddress, x.ErrAddress)); err != nil {
		runtime.done()
		return nil, err
	}
	p := &port{
		handle: newHandle(x.Handle(), abi.PortFree), ended: make(chan struct{}),
		runs: map[uint64]*Run{}, calls: map[uint64]*hostCall{}, over: map[uint64]bool{},
	}
	// Records of a port that is freed come by the runtime, which lives as long.
	p.handle.freed = func() {
		runtime.drain()
		runtime.done()
	}
	var err error
	if p.bell, err = x.bell(p.handle.address); err != nil {
		p.handle.close()
		return nil, err
	}
	p.handle.use()
	go p.drive()
	return p, nil
}

// bell opens a copy of the descriptor of a port, for the poller of Go.
func (x *exchange) bell(port uintptr) (*os.File, error) {
	if err := x.settle(abi.Call(abi.PortFd, port, x.HandleAddress, x.ErrAddress)); err != nil {
		return nil, err
	}
	// No child that another goroutine starts may inherit it.
	syscall.ForkLock.RLock()
	copied, err := syscall.Dup(int(x.Handle()))
	if err == nil {
		syscall.CloseOnExec(copied)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, failure(StatusOutOfResources, "the descriptor of the port can't be copied: %v", err)
	}
	// os.NewFile gives only these to the poller.
	if err := syscall.SetNonblock(copied, true); err != nil {
		_ = syscall.Close(copied)
		return nil, failure(StatusOutOfResources, "the descriptor of the port can't be polled: %v", err)
	}
	return os.NewFile(uintptr(copied), "port of remotemedia"), nil
}

// drive handles events until the port has ended.
func (p *port) drive() {
	conn, err := p.bell.SyscallConn()
	for more := true; more && err == nil; {
		err = conn.Read(func(uintptr) (found bool) {
			// Without events the poller waits for the next ones.
			found, more = p.next()
			return found || !more
		})
	}
	if err != nil {
		slog.Error("remotemedia: the port can't be watched", "error", err)
	}
	_ = p.bell.Close()
	p.mu.Lock()
	left := p.runs
	p.runs = map[uint64]*Run{}
	p.mu.Unlock()
	for _, run := range left {
		p.ending(run, nil, failure(StatusShutDown, "the runtime was shut down while this work was under way"))
	}
	p.handle.done()
	if p.abandoned.Load() {
		p.handle.close()
	}
	close(p.ended)
}

// next handles the batch of events that is there. It returns whether there was one, and whether more may come.
func (p *port) next() (found, more bool) {
	x := newExchange()
	defer x.close()
	var released []uint64
	p.reading.RLock()
	status := abi.Call(abi.PortNext, p.handle.address, 0, x.OutAddress, x.ErrAddress)
	err := x.settle(status)
	if err == nil {
		err = x.read(func(d *decoder) {
			for range d.length("events") {
				released = append(released, p.event(d)...)
			}
		})
	}
	p.reading.RUnlock()
	p.released(released)
	if err != nil {
		slog.Error("remotemedia: events of the runtime can't be read", "error", err)
	}
	return Status(status) == StatusOK, status >= 0 && Status(status) != StatusEnd
}

// event handles an event, and returns the loans that end with it.
func (p *port) event(d *decoder) (released []uint64) {
	count := d.length("an event")
	switch kind := d.size("an event"); kind {
	case eventCompleted:
		token := d.token()
		outputs, err, released := d.completion()
		if run := p.take(token); run != nil {
			p.ending(run, outputs, err)
		}
		return released
	case eventCall:
		id := d.token()
		if call := d.call(p, id); call != nil {
			go p.serve(call)
		}
	case eventReleased:
		return d.tokens()
	case eventRoom, eventOutputs:
		if run := p.run(d.token()); run != nil && run.changes != nil {
			run.changes.notify()
		}
	case eventReplyRoom:
		p.wakeCall(d.token())
	case eventCallOver:
		p.endCall(d.token())
	case eventSkipped:
		run := p.run(d.token())
		detail, _ := d.value().(*Map)
		if run != nil && detail != nil {
			run.skip(errorOf(StatusExecutionFailed, detail))
		}
		for range count - 3 {
			d.value()
		}
	default:
		for range count - 1 {
			d.value()
		}
	}
	return nil
}

func (d *decoder) token() uint64 { return uint64(d.integer("a token", 0, 1<<62)) }

// begin makes a run that the port knows before it is submitted: its events may come before the submit returns.
func (p *port) begin(ctx context.Context, pipeline *Pipeline) *Run {
	run := &Run{token: lastToken.Add(1), port: p, settled: make(chan struct{}), done: make(chan struct{}), pipeline: pipeline}
	if pipeline.hosted {
		run.ctx, run.cancel = context.WithCancelCause(ctx)
	} else {
		run.ctx, run.cancel = ctx, func(error) {}
	}
	p.mu.Lock()
	p.runs[run.token] = run
	p.mu.Unlock()
	return run
}

func (p *port) run(token uint64) *Run {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.runs[token]
}

func (p *port) take(token uint64) *Run {
	p.mu.Lock()
	defer p.mu.Unlock()
	run := p.runs[token]
	delete(p.runs, token)
	return run
}

// forget removes a run that was not accepted.
func (p *port) forget(run *Run) {
	p.take(run.token)
	run.cancel(nil)
}

// finish ends a run on the goroutine that has its completion.
func (p *port) finish(run *Run, outputs *Outputs, err error) {
	if p.take(run.token) != nil {
		p.ending(run, outputs, err)
	}
}

// ending ends what functions still do for a run, and delivers its end once its context has the cause and their instances
// are closed.
func (p *port) ending(run *Run, outputs *Outputs, err error) {
	p.endCalls(run)
	early := run.precedes(err)
	if !run.hosts.any() && !early {
		run.settle(outputs, err)
		run.end()
		return
	}
	go func() {
		if early {
			run.awaitContext()
		}
		run.settle(outputs, err)
		run.hosts.close()
		run.end()
	}()
}

// released ends loans, once no document that may name them is being decoded.
func (p *port) released(tokens []uint64) {
	if len(tokens) == 0 {
		return
	}
	p.reading.Lock()
	release(tokens)
	p.reading.Unlock()
}

// abandon ends the port of a runtime that was collected: its work is cancelled, and its goroutine ends and frees it
// once everything has been handed out.
func (p *port) abandon() {
	p.abandoned.Store(true)
	if p.handle.use() {
		abi.Call(abi.PortShutdown, p.handle.address, 0)
		p.handle.done()
	}
}

func (r *Run) skip(err *Error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.skipped = append(r.skipped, err)
}
