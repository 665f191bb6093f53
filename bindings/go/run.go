// One execution or session that the runtime is at work on, from its submit to its end.

package remotemedia

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/remotemedia/remotemedia-go/internal/abi"
)

// Run is one execution that was submitted, and ends once.
type Run struct {
	token uint64
	port  *port
	// settled is closed when outputs and err are there, done when the states of its nodes are closed as well: a function
	// that waits for its own session must not wait for that.
	settled, done chan struct{}
	outputs       *Outputs
	err           error

	// ctx ends with the run; functions of nodes get it.
	ctx    context.Context
	cancel context.CancelCauseFunc
	// unwatch ends the watch of the context of the caller.
	unwatch func() bool
	hosts   hosts
	// changes are those of a session; nil for an execution.
	changes *changes
	// pipeline keeps the node types alive that calls name.
	pipeline *Pipeline

	mu      sync.Mutex
	skipped []*Error
}

// Done is closed when the execution has ended.
func (r *Run) Done() <-chan struct{} { return r.done }

// Wait waits for the end, which ctx does not hasten: the context that was given to Submit, and Cancel, cancel the
// work.
func (r *Run) Wait(ctx context.Context) (*Outputs, error) {
	select {
	case <-r.done:
	default:
		select {
		case <-r.done:
		case <-ctx.Done():
			return nil, doneError(ctx, "the work has not ended")
		}
	}
	return r.outputs, r.err
}

// Cancel ends the execution, which then fails with StatusCancelled. It returns StatusGone if it had ended before.
func (r *Run) Cancel() error {
	if !r.port.handle.use() {
		return gone()
	}
	defer r.port.handle.done()
	x := newExchange()
	defer x.close()
	return x.settle(abi.Call(abi.PortCancel, r.port.handle.address, uintptr(r.token), x.ErrAddress))
}

// Progress is how far an execution or a session is.
type Progress struct {
	// Items counts inputs that are done, or packets of a session that its first nodes have taken.
	Items int
	// Media is the media time that has come out, if outputs have a place in time.
	Media Time
}

// Progress returns how far the execution is; StatusGone once it has ended.
func (r *Run) Progress() (Progress, error) {
	found, err := r.port.handle.ask(abi.PortProgress, uintptr(r.token))
	if err != nil {
		return Progress{}, err
	}
	return Progress{toInt(found.Get("items")), toTime(found.Get("media_ns"))}, nil
}

// watch cancels the run when ctx is done. Deadlines are the runtime's to keep.
func (r *Run) watch(ctx context.Context) {
	if ctx.Done() == nil {
		return
	}
	stop := context.AfterFunc(ctx, func() {
		if ctx.Err() != context.DeadlineExceeded {
			_ = r.Cancel()
		}
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case <-r.done:
		stop()
	default:
		r.unwatch = stop
	}
}

// precedes reports whether the runtime has ended the run at the deadline of its context before the context was done.
func (r *Run) precedes(err error) bool {
	deadline, has := r.ctx.Deadline()
	return has && errors.Is(err, StatusTimedOut) && r.ctx.Err() == nil && !time.Now().Before(deadline)
}

// awaitContext waits for a context whose deadline has passed: its timer is about to fire. A context with a clock of its
// own may never end.
func (r *Run) awaitContext() {
	select {
	case <-r.ctx.Done():
	case <-time.After(time.Second):
	}
}

// settle sets what became of the run.
func (r *Run) settle(outputs *Outputs, err error) {
	if err != nil {
		r.err = causedBy(r.ctx, err)
		// An execution that failed has its outputs in the error.
		outputs = nil
	}
	r.outputs = outputs
	close(r.settled)
}

// end delivers what became of the run.
func (r *Run) end() {
	r.mu.Lock()
	close(r.done)
	unwatch := r.unwatch
	r.mu.Unlock()
	if unwatch != nil {
		unwatch()
	}
	r.cancel(nil)
	if r.changes != nil {
		r.changes.notify()
	}
}
