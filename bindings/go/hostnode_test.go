package remotemedia

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestAFunctionIsANode(t *testing.T) {
	r, ctx := begin(t)
	double := Func("Double", func(_ context.Context, value int) (int, error) { return 2 * value, nil })
	text := Func("Text", func(_ context.Context, value any) (string, error) {
		if value == int64(4) {
			return "", Nothing
		}
		return fmt.Sprint(value), nil
	})
	outputs, err := compile(t, r, chain(pass(), double, text)).Execute(ctx, 1, 2, 3)
	must(t, err)
	expect(t, outputs.Values(), "[2 6]")
	expect(t, outputs.Packets("text")[1].Item, 2)
}

func TestNodesOfOneNameAreNodesOfTheirOwn(t *testing.T) {
	r, ctx := begin(t)
	times := func(factor int) *HostNode {
		return Func("Times", func(_ context.Context, value int) (int, error) { return factor * value, nil })
	}
	shared := times(7)
	graph := chain(times(2), times(5), shared, shared)
	outputs, err := compile(t, r, graph, shared).Execute(ctx, 1)
	must(t, err)
	expect(t, outputs.Values(), "[490]")
	broken := &HostNode{Type: "Times", New: func(node NodeInfo) (Processor, error) { return nil, errors.New(node.Type) }}
	_, err = compile(t, r, graph.Add(broken)).Execute(ctx, 1)
	found := failed(t, err, StatusExecutionFailed)
	expect(t, []any{found.NodeType, found.Unwrap()}, "[Times_4 Times_4]")
	// A manifest has nothing by which to tell two of one name apart.
	for _, manifest := range []any{"version: v1\nnodes: [{id: a, node_type: Times}]", graph} {
		_, err = r.Compile(manifest, times(2), times(5))
		expect(t, failed(t, err, StatusInvalidArgument), `two node types are called "Times"; give each of them a Type of its own`)
	}
}

func TestTheErrorOfAFunctionComesBackAsItself(t *testing.T) {
	r, ctx := begin(t)
	type special struct{ error }
	own := &special{errors.New("too loud")}
	node := Func("Picky", func(_ context.Context, value int) (int, error) {
		if value == 2 {
			return 0, fmt.Errorf("while checking: %w", own)
		}
		return value, nil
	})
	_, err := compile(t, r, chain(node)).Execute(ctx, 1, 2, 3)
	found := failed(t, err, StatusExecutionFailed)
	var back *special
	if !errors.As(err, &back) || back != own {
		t.Fatal(err)
	}
	expect(t, []any{found.NodeID, found.Item, found.Outputs.Values(), found.Chain}, "[picky 1 [1] [too loud]]")
}

func TestAPanicIsAnError(t *testing.T) {
	r, ctx := begin(t)
	node := Func("Broken", func(context.Context, any) (any, error) { panic("out of order") })
	_, err := compile(t, r, chain(node)).Execute(ctx, 1)
	var found *PanicError
	if !errors.As(err, &found) || found.Value != "out of order" || len(found.Stack) == 0 {
		t.Fatal(err)
	}
}

func TestAWrongTypeIsNamed(t *testing.T) {
	r, ctx := begin(t)
	node := Func("Number", func(_ context.Context, value int8) (int8, error) { return value, nil })
	p := compile(t, r, chain(node))
	for _, wrong := range []any{"one", 1.0, 300, nil} {
		_, err := p.Execute(ctx, wrong)
		failed(t, err, StatusExecutionFailed)
	}
	bad := Func("Bad", func(context.Context, any) (any, error) { return make(chan int), nil })
	_, err := compile(t, r, chain(bad)).Execute(ctx, 1)
	failed(t, err, StatusExecutionFailed)
}

func TestAStreamLeavesValueByValueAndWaitsForRoom(t *testing.T) {
	r, ctx := begin(t)
	var made atomic.Int64
	ended := make(chan struct{})
	node := StreamFunc("Count", func(context.Context, int) iter.Seq2[int64, error] {
		return func(yield func(int64, error) bool) {
			defer close(ended)
			for i := int64(0); ; i++ {
				made.Store(i)
				if !yield(i, nil) {
					return
				}
			}
		}
	})
	s := open(t, ctx, compile(t, r, chain(node)), SessionOptions{Packets: 4})
	must(t, s.Send(ctx, 1))
	for i := range 20 {
		packet, err := s.Receive(ctx)
		must(t, err)
		expect(t, packet.Value, i)
	}
	// A stream without end is not far ahead of its reader.
	if ahead := made.Load(); ahead > 20+receiveMost+100 {
		t.Fatal(ahead)
	}
	must(t, s.Cancel())
	<-ended
}

func TestAnInterruptionEndsACall(t *testing.T) {
	r, ctx := begin(t)
	node, begun, release := stalling()
	s := open(t, ctx, compile(t, r, chain(node)), SessionOptions{})
	must(t, s.Send(ctx, 1))
	<-begun
	must(t, s.Interrupt())
	must(t, s.Send(ctx, 2))
	<-begun
	close(release)
	must(t, s.Finish())
	expect(t, values(collect(t, ctx, s)), "[2]")
}

func TestABatchIsHandledTogether(t *testing.T) {
	r, ctx := begin(t)
	var mu sync.Mutex
	var sizes []int
	node := BatchFunc("Batch", 4, func(_ context.Context, in []int) ([]int, error) {
		mu.Lock()
		defer mu.Unlock()
		sizes = append(sizes, len(in))
		out := make([]int, len(in))
		for i, value := range in {
			out[i] = value * 10
		}
		return out, nil
	})
	plus := Func("Plus", func(_ context.Context, value int) (int, error) { return value + 1, nil })
	outputs, err := compile(t, r, chain(plus, node, plus), node, plus).Execute(ctx, 1, 2, 3, 4, 5, 6)
	must(t, err)
	expect(t, outputs.Values(), "[21 31 41 51 61 71]")
	total := 0
	for _, size := range sizes {
		if total += size; size > 4 {
			t.Fatal(sizes)
		}
	}
	expect(t, total, 6)
}

// picky is a node that fails for each list that has a 3, and keeps the lists.
func picky(fail func() error, lists *[]string) *HostNode {
	return BatchFunc("Picky", 8, func(_ context.Context, in []int64) ([]int64, error) {
		*lists = append(*lists, fmt.Sprint(in))
		if slices.Contains(in, 3) {
			return nil, fail()
		}
		return in, nil
	})
}

func TestABatchThatFailsComesAgainOneByOne(t *testing.T) {
	r, ctx := begin(t)
	own := errors.New("no 3")
	for name, fail := range map[string]func() error{
		"error": func() error { return own },
		"panic": func() error { panic(own) },
	} {
		var lists []string
		node := picky(fail, &lists)
		_, err := compile(t, r, chain(node)).Execute(ctx, 1, 2, 3, 4, 5)
		found := failed(t, err, StatusExecutionFailed)
		expect(t, []any{name, found.Item, found.Outputs.Values(), errors.Is(err, own)}, []any{name, 2, "[1 2]", true})
		expect(t, lists, "[[1 2 3 4 5] [1] [2] [3]]")
		spec := node.Spec()
		spec.OnError = "skip"
		outputs, err := compile(t, r, chain(spec), node).Execute(ctx, 1, 2, 3, 4, 5)
		must(t, err)
		expect(t, []any{name, outputs.Values(), outputs.Skips, outputs.Skipped[0].Item}, []any{name, "[1 2 4 5]", 1, 2})
	}
	// A list that fails as a whole is no error if each of its values passes.
	whole := BatchFunc("Whole", 8, func(_ context.Context, in []int64) ([]int64, error) {
		if len(in) > 1 {
			return nil, own
		}
		return in, nil
	})
	outputs, err := compile(t, r, chain(whole)).Execute(ctx, 1, 2, 3)
	must(t, err)
	expect(t, outputs.Values(), "[1 2 3]")
}

func TestTheFirstFailureOfBatchesInARowCounts(t *testing.T) {
	r, ctx := begin(t)
	var lists []string
	first := picky(func() error { return errors.New("no 3") }, &lists)
	second := BatchFunc("Second", 8, func(_ context.Context, in []int64) ([]int64, error) {
		if slices.Contains(in, 2) {
			return nil, errors.New("no 2")
		}
		return in, nil
	})
	_, err := compile(t, r, chain(first, second)).Execute(ctx, 1, 2, 3)
	found := failed(t, err, StatusExecutionFailed)
	expect(t, []any{found.NodeID, found.Item, found.Outputs.Values()}, "[second 1 [1]]")
}

// batchOf is a node that takes batches of values and keeps their sizes. With a wait of 1 ms it shares a call with other
// functions that have one.
func batchOf(size int, wait time.Duration, sizes chan<- int) *HostNode {
	node := BatchFunc("Batch", size, func(_ context.Context, in []int64) ([]int64, error) {
		sizes <- len(in)
		return in, nil
	})
	node.MaxWait = wait
	return node
}

func TestABatchDoesNotWaitForAStreamToEnd(t *testing.T) {
	r, ctx := begin(t)
	for _, wait := range []time.Duration{0, time.Millisecond} {
		for _, count := range []int64{100, math.MaxInt64} {
			made := atomic.Int64{}
			sizes := make(chan int, 10_000)
			stream := StreamFunc("Count", func(context.Context, int64) iter.Seq2[int64, error] {
				return func(yield func(int64, error) bool) {
					for i := int64(0); i < count; i++ {
						made.Store(i)
						if !yield(i, nil) {
							return
						}
					}
				}
			})
			stream.MaxWait = wait
			s := open(t, ctx, compile(t, r, chain(stream, batchOf(32, wait, sizes))), SessionOptions{Packets: 4})
			must(t, s.Send(ctx, 1))
			for i := range 100 {
				packet, err := s.Receive(ctx)
				must(t, err)
				expect(t, packet.Value, i)
			}
			if ahead := made.Load(); ahead > 500 {
				t.Fatal("the stream is ahead of its reader: ", ahead)
			}
			must(t, s.Close())
			for range len(sizes) {
				if size := <-sizes; size > 32 {
					t.Fatal("a batch of ", size)
				}
			}
		}
	}
}

func TestABatchHasNoMoreThanItsSize(t *testing.T) {
	r, ctx := begin(t)
	for _, wait := range []time.Duration{0, time.Millisecond} {
		sizes := make(chan int, 100)
		many := &HostNode{Type: "Many", MaxWait: wait, Process: func(_ context.Context, in Packet, out *Emitter) error {
			for range 70 {
				if err := out.Emit(in.Value); err != nil {
					return err
				}
			}
			return nil
		}}
		outputs, err := compile(t, r, chain(many, batchOf(32, wait, sizes))).Execute(ctx, 1)
		must(t, err)
		expect(t, len(outputs.Values()), 70)
		for range len(sizes) {
			if size := <-sizes; size > 32 {
				t.Fatal("a batch of ", size)
			}
		}
	}
}

func TestABatchGetsWhatAFlusherEmits(t *testing.T) {
	r, ctx := begin(t)
	for _, wait := range []time.Duration{0, time.Millisecond} {
		var closed atomic.Int64
		counting := &HostNode{Type: "Counter", MaxWait: wait, New: func(NodeInfo) (Processor, error) {
			return &counter{closed: &closed, unit: "packets"}, nil
		}}
		batch := BatchFunc("Batch", 32, func(_ context.Context, in []any) ([]any, error) { return in, nil })
		batch.MaxWait = wait
		outputs, err := compile(t, r, chain(counting, batch)).Execute(ctx, 7, 8)
		must(t, err)
		expect(t, outputs.Values(), "[7 1 packets 8 1 packets]")
	}
}

func TestNodesHavePorts(t *testing.T) {
	r, ctx := begin(t)
	route := &HostNode{Type: "Route", Outputs: []string{"even", "odd"},
		Process: func(_ context.Context, in Packet, out *Emitter) error {
			if in.Value.(int64)%2 == 1 {
				return out.EmitTo("odd", in.Value)
			}
			return out.Emit(in.Value)
		}}
	merge := &HostNode{Type: "Merge", Inputs: []string{"left", "right"},
		Process: func(_ context.Context, in Packet, out *Emitter) error {
			return out.Emit([]any{in.Input, in.Value})
		}}
	graph := NewGraph("ports").Add(route, merge).Connect("route.even", "merge.right").Connect("route.odd", "merge.left")
	outputs, err := compile(t, r, graph).Execute(ctx, 1, 2)
	must(t, err)
	expect(t, outputs.Values(), "[[left 1] [right 2]]")
}

func TestThePortsOfANodeHaveTheirNamesInAChain(t *testing.T) {
	r, ctx := begin(t)
	to := func(output string) *HostNode {
		return &HostNode{Type: "To", Process: func(_ context.Context, in Packet, out *Emitter) error {
			return out.EmitTo(output, in.Value)
		}}
	}
	named := &HostNode{Type: "Named", Inputs: []string{"left"}, Process: func(_ context.Context, in Packet, out *Emitter) error {
		return out.Emit(in.Input)
	}}
	for _, nodes := range [][]Node{{}, {to("out")}} {
		outputs, err := compile(t, r, chain(append(nodes, named)...)).Execute(ctx, 1)
		must(t, err)
		expect(t, outputs.Values(), "[left]")
	}
	for _, nodes := range [][]Node{{to("left")}, {to("left"), named}} {
		_, err := compile(t, r, chain(nodes...)).Execute(ctx, 1)
		found := failed(t, err, StatusExecutionFailed)
		expect(t, []any{found.NodeID, found.Unwrap()}, `[to To has no output "left"; it has ["out"]]`)
	}
}

// counter is a node with a state: it counts the packets of an item, and says so at its end.
type counter struct {
	closed  *atomic.Int64
	packets int64
	unit    string
}

func (c *counter) Process(_ context.Context, in Packet, out *Emitter) error {
	c.packets++
	return out.EmitPacket(Packet{Value: in.Value, PTS: At(time.Duration(c.packets))})
}

func (c *counter) Flush(_ context.Context, out *Emitter) error {
	defer func() { c.packets = 0 }()
	return out.Emit(fmt.Sprint(c.packets, " ", c.unit))
}

func (c *counter) Close() error {
	c.closed.Add(1)
	return nil
}

func TestANodeWithAState(t *testing.T) {
	r, ctx := begin(t)
	var closed atomic.Int64
	node := &HostNode{Type: "Counter", New: func(info NodeInfo) (Processor, error) {
		expect(t, info.ID, "counter")
		return &counter{closed: &closed, unit: info.Params.Get("unit").(string)}, nil
	}}
	spec := node.Spec().Set("unit", "packets")
	p := compile(t, r, chain(spec))
	outputs, err := p.Execute(ctx, 7, 8)
	must(t, err)
	expect(t, outputs.Values(), "[7 1 packets 8 1 packets]")
	expect(t, outputs.Packets("counter")[0].PTS, "1ns")
	expect(t, closed.Load(), 1)

	s := open(t, ctx, p, SessionOptions{})
	must(t, s.Send(ctx, 1, 2))
	must(t, s.Finish())
	expect(t, values(collect(t, ctx, s)), "[1 2 2 packets]")
	must(t, s.Wait(ctx))
	expect(t, closed.Load(), 2)

	broken := &HostNode{Type: "Never", New: func(NodeInfo) (Processor, error) { return nil, errors.New("not today") }}
	_, err = compile(t, r, chain(broken)).Execute(ctx, 1)
	expect(t, failed(t, err, StatusExecutionFailed).Unwrap(), "not today")

	// One that can't be made is made for no packet: there is nothing to skip.
	failing := map[string]func(NodeInfo) (Processor, error){
		"input 0: not today":        func(NodeInfo) (Processor, error) { return nil, errors.New("not today") },
		"input 0: panic: not today": func(NodeInfo) (Processor, error) { panic("not today") },
		`New of the node type "Never" returned no Processor; return one, or an error`: func(NodeInfo) (Processor, error) {
			return nil, nil
		},
	}
	for want, make := range failing {
		spec := (&HostNode{Type: "Never", New: make}).Spec()
		spec.OnError = "skip"
		_, err = compile(t, r, chain(pass(), spec)).Execute(ctx, 1, 2)
		found := failed(t, err, StatusExecutionFailed)
		expect(t, []any{found.NodeID, found.Item}, "[never 0]")
		if !strings.HasSuffix(found.Message, want) {
			t.Errorf("%s, expected %s", found.Message, want)
		}
	}
}

// closing is a node whose Close does something, once for each instance.
type closing struct{ do func() error }

func (c *closing) Process(_ context.Context, in Packet, out *Emitter) error {
	return out.Emit(in.Value)
}
func (c *closing) Close() error { return c.do() }

func TestANodeMayFailToClose(t *testing.T) {
	r, ctx := begin(t)
	var logged bytes.Buffer
	before := slog.Default()
	t.Cleanup(func() { slog.SetDefault(before) })
	slog.SetDefault(slog.New(slog.NewTextHandler(&logged, nil)))
	for want, do := range map[string]func() error{
		`error="not today"`:        func() error { return errors.New("not today") },
		`error="panic: not today"`: func() error { panic("not today") },
		`error="the function has ended its goroutine (runtime.Goexit); return an error instead"`: func() error {
			runtime.Goexit()
			return nil
		},
	} {
		node := &HostNode{Type: "Closing", New: func(NodeInfo) (Processor, error) { return &closing{do}, nil }}
		p := compile(t, r, chain(node))
		outputs, err := p.Execute(ctx, 1, 2)
		must(t, err)
		expect(t, outputs.Values(), "[1 2]")
		s := open(t, ctx, p, SessionOptions{})
		for i := range 2 {
			// What comes after an interruption closes the instance before it.
			must(t, s.Send(ctx, i))
			packet, err := s.Receive(ctx)
			must(t, err)
			expect(t, packet.Value, i)
			must(t, s.Interrupt())
		}
		must(t, s.Finish())
		expect(t, len(collect(t, ctx, s)), 0)
		must(t, s.Wait(ctx))
		if found := strings.Count(logged.String(), want); found != 4 {
			t.Errorf("%q %d times, expected 4 times, in %s", want, found, logged.String())
		}
	}
}

func TestManyGoroutinesShareAPipeline(t *testing.T) {
	r, ctx := begin(t)
	double := Func("Double", func(_ context.Context, value int) (int, error) { return 2 * value, nil })
	p := compile(t, r, chain(pass(), double, pass()))
	var all sync.WaitGroup
	for i := range 50 {
		all.Add(1)
		go func() {
			defer all.Done()
			for j := range 20 {
				outputs, err := p.Execute(ctx, i, j)
				if err != nil || fmt.Sprint(outputs.Values()) != fmt.Sprint([]int{2 * i, 2 * j}) {
					t.Error(outputs, err)
				}
			}
		}()
	}
	all.Wait()
}

// likeWithNative sends a packet through nodes in Go next to each other, and with a native one between them: what comes
// out must be the same.
func likeWithNative(t *testing.T, ctx context.Context, r *Runtime, nodes []Node, input Packet) []Packet {
	t.Helper()
	var found [2][]Packet
	for i := range found {
		row := nodes
		if i == 1 {
			row = []Node{nodes[0]}
			for _, node := range nodes[1:] {
				row = append(row, pass(), node)
			}
		}
		s := open(t, ctx, compile(t, r, chain(row...)), SessionOptions{})
		must(t, s.SendPackets(ctx, input))
		must(t, s.Finish())
		found[i] = collect(t, ctx, s)
		for j := range found[i] {
			found[i][j].Output = ""
		}
	}
	expect(t, found[0], found[1])
	return found[0]
}

func TestAChainKeepsTheTimesThatItsNodesGive(t *testing.T) {
	r, ctx := begin(t)
	at := func(give Packet) *HostNode {
		return &HostNode{Type: "At", Process: func(_ context.Context, in Packet, out *Emitter) error {
			return out.EmitPacket(give)
		}}
	}
	var seen []string
	last := &HostNode{Type: "Last", Process: func(_ context.Context, in Packet, out *Emitter) error {
		seen = append(seen, fmt.Sprint(in.PTS, in.Duration))
		return out.Emit("text")
	}}
	sound, silence := NewAudio(44100, 1, make([]float32, 100)), NewAudio(44100, 1, make([]float32, 100))
	sound.PTS = At(5 * time.Second)
	for _, each := range []struct {
		give Packet
		want string
	}{
		{Packet{Value: 1, PTS: At(5 * time.Second), Duration: At(time.Second)}, "5s 1s"},
		{Packet{Value: 1, PTS: At(5 * time.Second)}, "5s 2s"},
		{Packet{Value: 1, Duration: At(time.Second)}, "3s 1s"},
		{Packet{Value: sound}, "5s 2.267574ms"},
		{Packet{Value: silence}, "3s 2.267574ms"},
		{Packet{Value: 1}, "3s 2s"},
	} {
		input := Packet{Value: 0, PTS: At(3 * time.Second), Duration: At(2 * time.Second)}
		found := likeWithNative(t, ctx, r, []Node{at(each.give), last}, input)
		expect(t, fmt.Sprint(found[0].PTS, found[0].Duration), each.want)
		expect(t, seen, fmt.Sprint([]string{each.want, each.want}))
		seen = nil
	}
}

// keeper emits all by the emitter of its first packet.
type keeper struct{ kept *Emitter }

func (k *keeper) Process(_ context.Context, in Packet, out *Emitter) error {
	if k.kept == nil {
		k.kept = out
	}
	return k.kept.Emit(in.Value)
}

func TestAKeptEmitterOfAnEarlierCallFailsTheRun(t *testing.T) {
	r, ctx := begin(t)
	node := &HostNode{Type: "Keeper", Batch: 1, New: func(NodeInfo) (Processor, error) { return &keeper{}, nil }}
	_, err := compile(t, r, chain(node)).Execute(ctx, 1, 2, 3)
	found := failed(t, err, StatusExecutionFailed)
	expect(t, []any{found.NodeID, found.Item, found.Outputs.Values(), found.Unwrap()},
		"[keeper 1 [1] the call of this emitter is over: it was replied to, or its run has ended or was interrupted]")
}

func TestAFunctionMayEndItsGoroutine(t *testing.T) {
	r, ctx := begin(t)
	node := Func("Exit", func(_ context.Context, value int) (int, error) {
		if value == 2 {
			runtime.Goexit()
		}
		return value, nil
	})
	_, err := compile(t, r, chain(node)).Execute(ctx, 1, 2, 3)
	found := failed(t, err, StatusExecutionFailed)
	expect(t, []any{found.Item, found.Outputs.Values(), found.Unwrap()}, []any{1, "[1]", errExited})
	// The calls behind it are served by another goroutine.
	spec := node.Spec()
	spec.OnError = "skip"
	skipping := compile(t, r, chain(spec))
	inputs := make([]any, 200)
	for i := range inputs {
		inputs[i] = i
	}
	outputs, err := skipping.Execute(ctx, inputs...)
	must(t, err)
	expect(t, []int{len(outputs.Values()), outputs.Skips}, "[199 1]")
}

func TestAFailureAfterAnEmitNamesItsNode(t *testing.T) {
	r, ctx := begin(t)
	for name, fail := range map[string]func(){
		"panic": func() { panic("out of order") },
		"exit":  runtime.Goexit,
	} {
		first := &HostNode{Type: "First", Process: func(_ context.Context, in Packet, out *Emitter) error {
			if err := out.Emit(in.Value); err != nil {
				return err
			}
			fail()
			return nil
		}}
		second := Func("Second", func(_ context.Context, value any) (any, error) { return value, nil })
		_, err := compile(t, r, chain(first, second)).Execute(ctx, 1)
		found := failed(t, err, StatusExecutionFailed)
		expect(t, []any{name, found.NodeID, found.Outputs.Values()}, []any{name, "first", "[1]"})
	}
}

func TestValuesThatTheRuntimeRefusesFailTheirNode(t *testing.T) {
	r, ctx := begin(t)
	const want = "node 'wrong' (Wrong), input 1: the returned values were refused: value.outputs[0][1]: the rows of the table must be " +
		"an integer from 0 to 2^63-1, it is -1; lay it out as docs/wire.md says"
	for _, streams := range []bool{false, true} {
		for _, goesOn := range []bool{false, true} {
			// Of calls with one packet, so that parts and whole replies are refused for the same one.
			node := &HostNode{Type: "Wrong", Streams: streams, Batch: 1}
			node.Process = func(_ context.Context, in Packet, out *Emitter) error {
				if in.Value == int64(1) {
					return out.Emit(in.Value)
				}
				err := out.Emit(&Table{Rows: -1, Metadata: make([]byte, inlineBelow)})
				if goesOn {
					_ = out.Emit(in.Value)
					return nil
				}
				return err
			}
			_, err := compile(t, r, chain(node)).Execute(ctx, 1, 2, 1)
			found := failed(t, err, StatusExecutionFailed)
			expect(t, found.Message, want)
			expect(t, found.Outputs.Values(), "[1]")
			failed(t, found.Unwrap(), StatusInvalidDocument)
		}
	}
}

type nilError struct{ message string }

func (e *nilError) Error() string { return e.message }

func TestAnErrorMayBeANilPointer(t *testing.T) {
	r, ctx := begin(t)
	node := Func("Checked", func(context.Context, int) (int, error) { return 0, (*nilError)(nil) })
	_, err := compile(t, r, chain(node)).Execute(ctx, 1)
	found := failed(t, err, StatusExecutionFailed)
	expect(t, found.Message, "node 'checked' (Checked), input 0: a *remotemedia.nilError, whose message can't be made")
}

func TestAFloatThatDoesNotFitIsRefused(t *testing.T) {
	r, ctx := begin(t)
	half := Func("Half", func(_ context.Context, value float32) (float32, error) { return value / 2, nil })
	p := compile(t, r, chain(half))
	outputs, err := p.Execute(ctx, 0.5, math.Inf(1))
	must(t, err)
	expect(t, outputs.Values(), "[0.25 +Inf]")
	_, err = p.Execute(ctx, 1e300)
	failed(t, err, StatusExecutionFailed)
}
