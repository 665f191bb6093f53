// Pipelines: compiled from manifests, executed, submitted to.

package remotemedia

import (
	"context"
	"maps"
	"runtime"
	"time"

	"github.com/remotemedia/remotemedia-go/internal/abi"
)

// inlineBudget is how long Execute and Send let short work run on the calling thread, which saves the way through the
// port.
const inlineBudget = 300 * time.Microsecond

// Pipeline is a validated manifest, ready to run any number of times, also at the same time.
type Pipeline struct {
	handle  *handle
	runtime *Runtime
	hosted  bool
	ends    func() (*ends, error)
}

// Compile makes a pipeline in the Default runtime; see Runtime.Compile.
func Compile(manifest any, nodes ...*HostNode) (*Pipeline, error) {
	r, err := Default()
	if err != nil {
		return nil, err
	}
	return r.Compile(manifest, nodes...)
}

// Compile makes a pipeline. The manifest is YAML or JSON text (string or []byte), a *Graph, or a map. Nodes are node
// types written in Go that it names, each with a Type of its own; those in a Graph need not be given again. All that is
// wrong with a manifest is reported at once, in Error.Problems.
func (r *Runtime) Compile(manifest any, nodes ...*HostNode) (*Pipeline, error) {
	if !r.handle.use() {
		return nil, gone()
	}
	defer r.handle.done()
	options := newExchange()
	defer options.close()
	x := newExchange()
	defer x.close()
	types := hostTypes{}
	switch m := manifest.(type) {
	case string:
		x.text([]byte(m))
	case []byte:
		x.text(m)
	case *Graph:
		types = maps.Clone(m.types)
		built, err := m.manifest()
		if err != nil {
			return nil, err
		}
		if err := x.encoder.document(built, "manifest"); err != nil {
			return nil, err
		}
	default:
		if err := x.encoder.document(manifest, "manifest"); err != nil {
			return nil, err
		}
	}
	if err := types.give(nodes); err != nil {
		return nil, err
	}
	made := &Pipeline{runtime: r, hosted: len(types) > 0}
	var optionsData, optionsLength uintptr
	var tokens []uint64
	if made.hosted {
		declared := &Map{}
		for name, node := range types {
			token := lendObject(&hostType{name: name, node: node, runtime: r.handle})
			tokens = append(tokens, token)
			declared.Set(name, node.declared(token))
		}
		if err := options.encoder.document(NewMap("host_nodes", declared), "nodes"); err != nil {
			release(tokens)
			return nil, err
		}
		optionsData, optionsLength, _, _ = options.input()
	}
	data, length, _, _ := x.input()
	status := abi.Call(abi.PipelineNew, r.handle.address, data, length, optionsData, optionsLength, x.HandleAddress, x.ErrAddress)
	if status < 0 {
		return nil, x.settle(status)
	}
	made.handle = newHandle(x.Handle(), abi.PipelineFree)
	if made.hosted {
		runtimeHandle := r.handle
		made.handle.freed = func() {
			// Release records come by the port, and after its end by the runtime.
			if !runtimeHandle.hold() {
				release(tokens)
				return
			}
			freeTypes(tokens)
			if runtimeHandle.closed.Load() {
				runtimeHandle.drain()
			}
			runtimeHandle.done()
		}
	}
	made.ends = endsOf(made.handle)
	runtime.AddCleanup(made, (*handle).close, made.handle)
	return made, made.readParams(tokens)
}

// Close frees the pipeline; work that was submitted continues, and so do sessions. The garbage collector does the same, later,
// unless a function of its nodes refers to the pipeline: the runtime refers to the functions.
func (p *Pipeline) Close() error {
	p.handle.close()
	return nil
}

// Describe returns the plan: nodes with their stages, connections, and the converters that were inserted.
func (p *Pipeline) Describe() (*Map, error) { return p.handle.ask(abi.PipelineDescribe) }

// Execute runs the pipeline on inputs, each an item of its own, and waits for the end. When ctx is done the work is
// cancelled. Inputs of 16 KiB and more are lent, not copied: don't change them before Execute has returned without an
// error of ctx.
func (p *Pipeline) Execute(ctx context.Context, inputs ...any) (*Outputs, error) {
	if inputs == nil {
		inputs = []any{}
	}
	return p.execute(ctx, inputs)
}

// ExecuteNamed is Execute for a manifest with named inputs: lists of equal length by name.
func (p *Pipeline) ExecuteNamed(ctx context.Context, inputs map[string][]any) (*Outputs, error) {
	return p.execute(ctx, inputs)
}

// Submit starts an execution without waiting for its end.
func (p *Pipeline) Submit(ctx context.Context, inputs ...any) (*Run, error) {
	if inputs == nil {
		inputs = []any{}
	}
	return p.submit(ctx, inputs, 0)
}

// SubmitSource is Submit for a graph of sources, which has no inputs.
func (p *Pipeline) SubmitSource(ctx context.Context) (*Run, error) {
	return p.submit(ctx, nil, 0)
}

// SubmitNamed is Submit for a manifest with named inputs.
func (p *Pipeline) SubmitNamed(ctx context.Context, inputs map[string][]any) (*Run, error) {
	return p.submit(ctx, inputs, 0)
}

func (p *Pipeline) execute(ctx context.Context, inputs any) (*Outputs, error) {
	run, err := p.submit(ctx, inputs, inlineBudget)
	if err != nil {
		return nil, err
	}
	<-run.done
	return run.outputs, run.err
}

// use keeps the pipeline and the port of its runtime for one call, until done is called.
func (p *Pipeline) use() (at *port, done func(), err error) {
	at, err = p.runtime.events()
	if err != nil {
		return nil, nil, err
	}
	if !p.handle.use() {
		return nil, nil, gone()
	}
	if !at.handle.use() {
		p.handle.done()
		return nil, nil, failure(StatusShutDown, "the runtime is shut down; make another one")
	}
	return at, func() { at.handle.done(); p.handle.done() }, nil
}

func (p *Pipeline) submit(ctx context.Context, inputs any, budget time.Duration) (*Run, error) {
	timeout := abi.Forever
	if ctx.Err() != nil {
		return nil, doneError(ctx, "the work was not begun")
	}
	if deadline, has := ctx.Deadline(); has {
		timeout = uintptr(microseconds(max(time.Until(deadline), 0)))
	}
	port, done, err := p.use()
	if err != nil {
		return nil, err
	}
	defer done()
	x := newExchange()
	defer x.close()
	if err := x.encoder.document(inputs, "inputs"); err != nil {
		x.abort()
		return nil, err
	}
	run := port.begin(ctx, p)
	data, length, table, count := x.input()
	port.reading.RLock()
	status := abi.Call(abi.PipelineSubmit, p.handle.address, port.handle.address, uintptr(run.token), data, length, table, count,
		timeout, uintptr(budget.Microseconds()), x.OutAddress, x.ErrAddress)
	var released []uint64
	switch {
	case status < 0:
		failed := x.failure(status)
		err, released = failed, failed.released
	case Status(status) == StatusOK:
		var outputs *Outputs
		var ended error
		if broken := x.read(func(d *decoder) { outputs, ended, released = d.completion() }); broken != nil {
			ended = broken
		}
		port.finish(run, outputs, ended)
	}
	port.reading.RUnlock()
	port.released(released)
	if err != nil {
		port.forget(run)
		return nil, err
	}
	run.watch(ctx)
	return run, nil
}

// readParams gives the types of host nodes with a constructor the params that their nodes have in the manifest.
func (p *Pipeline) readParams(tokens []uint64) error {
	var types []*hostType
	for _, token := range tokens {
		if l := lent(token); l != nil && l.object.(*hostType).node.New != nil {
			types = append(types, l.object.(*hostType))
		}
	}
	if len(types) == 0 {
		return nil
	}
	plan, err := p.Describe()
	if err != nil {
		return err
	}
	params := map[string]*Map{}
	for _, each := range toList(plan.Get("nodes")) {
		if node, ok := each.(*Map); ok {
			params[toText(node.Get("id"))], _ = node.Get("params").(*Map)
		}
	}
	for _, each := range types {
		each.params = params
	}
	return nil
}
