// The runtime: made, shut down, closed.

package remotemedia

import (
	"context"
	"runtime"
	"sync"
	"time"

	"github.com/remotemedia/remotemedia-go/internal/abi"
)

// Config configures a Runtime. The zero Config has all defaults.
type Config struct {
	// Workers is the number of threads for native nodes; by default as many as there are cores.
	Workers int
	// Nice is how far the worker threads step back for other threads, those of goroutines too: 0 to 19 steps of the
	// system's nice value above that of the process. Other than 0 on Linux only.
	Nice int
	// Limits bound documents and results by name, as docs/abi.md lists them: output_bytes, depth, items, ...
	Limits map[string]int
}

// Runtime runs pipelines. One is enough for a process: see Default. All its methods may be called from any goroutine.
type Runtime struct {
	handle *handle
	mu     sync.Mutex
	port   *port
}

// patience is how long Close waits for nodes that are in the middle of a step.
const patience = 10 * time.Second

var defaultRuntime = sync.OnceValues(func() (*Runtime, error) { return NewRuntime(Config{}) })

// Default returns the runtime of the process, which is made at the first use. It needs no Close: a program may end
// with work under way.
func Default() (*Runtime, error) { return defaultRuntime() }

// NewRuntime loads the library, unless that was done before, and makes a runtime. Close ends it.
func NewRuntime(config Config) (*Runtime, error) {
	if err := abi.Load(); err != nil {
		return nil, err
	}
	x := newExchange()
	defer x.close()
	options := &Map{}
	if config.Workers != 0 {
		options.Set("workers", config.Workers)
	}
	if config.Nice != 0 {
		options.Set("nice", config.Nice)
	}
	if config.Limits != nil {
		options.Set("limits", config.Limits)
	}
	if err := x.encoder.document(options, "config"); err != nil {
		return nil, err
	}
	data, length, _, _ := x.input()
	if status := abi.Call(abi.RuntimeNew, data, length, x.HandleAddress, x.ErrAddress); status < 0 {
		return nil, x.failure(status)
	}
	h := newHandle(x.Handle(), abi.RuntimeFree)
	h.freed = func() { releaseTypes(h) }
	made := &Runtime{handle: h}
	runtime.AddCleanup(made, (*handle).close, h)
	return made, nil
}

// Version is the version of the library.
func Version() (string, error) {
	if err := abi.Load(); err != nil {
		return "", err
	}
	return abi.Text(abi.CallAddress(abi.Version)), nil
}

// Library is the file of the library that was loaded, and how its functions are called: by purego or by cgo.
func Library() (path, callsBy string) { return abi.Path(), abi.CallsBy }

// Describe returns the catalogue of node types, as docs/abi.md describes it.
func (r *Runtime) Describe() (*Map, error) {
	return r.handle.ask(abi.RuntimeDescribe)
}

// Shutdown ends all work, which fails with StatusShutDown, and waits until native code has let go of all memory that
// was lent, or ctx is done. It may be called again.
func (r *Runtime) Shutdown(ctx context.Context) error {
	if !r.handle.use() {
		return nil
	}
	defer r.handle.done()
	for {
		// The call blocks a thread: ctx is looked at now and then.
		wait := 20 * time.Millisecond
		if ctx.Err() != nil {
			wait = 0
		}
		x := newExchange()
		status := abi.Call(abi.RuntimeShutdown, r.handle.address, uintptr(wait.Microseconds()), x.ErrAddress)
		err := x.settle(status)
		x.close()
		switch {
		case err != nil:
			return err
		case Status(status) == StatusOK:
			return nil
		case ctx.Err() != nil:
			return doneError(ctx, "the runtime has not ended all work")
		}
	}
}

// Close shuts the runtime down, waits some seconds for nodes that are in the middle of a step, and frees what it can.
// Memory and values that came from it stay valid.
func (r *Runtime) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err := r.Shutdown(ctx)
	r.mu.Lock()
	p := r.port
	r.mu.Unlock()
	if p != nil {
		select {
		case <-p.ended:
		case <-ctx.Done():
		}
		p.handle.close()
	} else if r.handle.use() {
		r.handle.drain()
		r.handle.done()
	}
	r.handle.close()
	return err
}

// drain ends the loans of a runtime whose port is freed. The caller uses the handle.
func (h *handle) drain() {
	x := newExchange()
	defer x.close()
	if x.settle(abi.Call(abi.RuntimeReleased, h.address, x.OutAddress, x.ErrAddress)) == nil {
		_ = x.read(func(d *decoder) { release(d.tokens()) })
	}
}

// events returns the port of this runtime, whose goroutine is started at the first use.
func (r *Runtime) events() (*port, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.port != nil {
		return r.port, nil
	}
	p, err := openPort(r.handle)
	if err != nil {
		return nil, err
	}
	r.port = p
	runtime.AddCleanup(r, (*port).abandon, p)
	return p, nil
}

// LiveObjects counts what the library has alive in this process: runtimes, ports, pipelines, sessions, memories, ...
func LiveObjects() (map[string]int, error) {
	if err := abi.Load(); err != nil {
		return nil, err
	}
	x := newExchange()
	defer x.close()
	if err := x.settle(abi.Call(abi.LiveObjects, x.OutAddress, x.ErrAddress)); err != nil {
		return nil, err
	}
	counts := map[string]int{}
	err := x.read(func(d *decoder) {
		for range d.mapHead("the counts") {
			name := d.key()
			counts[name] = d.size(name)
		}
	})
	return counts, err
}

// ask calls a function that writes a map about an object.
func (h *handle) ask(function abi.Function, more ...uintptr) (*Map, error) {
	if !h.use() {
		return nil, gone()
	}
	defer h.done()
	x := newExchange()
	defer x.close()
	arguments := append([]uintptr{h.address}, more...)
	if err := x.settle(abi.Call(function, append(arguments, x.OutAddress, x.ErrAddress)...)); err != nil {
		return nil, err
	}
	var found *Map
	err := x.read(func(d *decoder) { found, _ = d.value().(*Map) })
	return found, err
}

// settle returns the error of a call, nil if its status is none, and ends the loans that the error names.
func (x *exchange) settle(status int32) error {
	if status >= 0 {
		return nil
	}
	err := x.failure(status)
	release(err.released)
	return err
}

func gone() *Error { return failure(StatusGone, "it is closed; make another one") }
