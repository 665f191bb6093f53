package remotemedia

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
	"unsafe"
)

func TestExecuteReturnsTheOutputsOfEachItem(t *testing.T) {
	r, ctx := begin(t)
	outputs, err := compile(t, r, adder).Execute(ctx, 1, 2.5, []int{3})
	must(t, err)
	expect(t, outputs.Values(), "[6 7.5 [8]]")
	expect(t, outputs.Names(), "[add]")
	expect(t, outputs.Packets("add")[2].Item, 2)
	if _, err := Values[int64](outputs); err == nil {
		t.Fatal("a float is no int64")
	}
}

func TestExecuteWithoutInputsOfAGraphWithInputs(t *testing.T) {
	r, ctx := begin(t)
	outputs, err := compile(t, r, adder).Execute(ctx)
	must(t, err)
	expect(t, len(outputs.Values()), 0)
}

func TestSubmitEndsByItself(t *testing.T) {
	r, ctx := begin(t)
	p := compile(t, r, adder)
	var runs []*Run
	for i := range 100 {
		run, err := p.Submit(ctx, i)
		must(t, err)
		runs = append(runs, run)
	}
	for i, run := range runs {
		outputs, err := run.Wait(ctx)
		must(t, err)
		expect(t, outputs.Values(), []int{i + 5})
		if err := run.Cancel(); !errors.Is(err, StatusGone) {
			t.Fatal(err)
		}
	}
}

func TestAManifestReportsEveryProblemWithItsPlace(t *testing.T) {
	r, _ := begin(t)
	_, err := r.Compile("version: v1\nnodes:\n  - id: one\n    node_type: Calculatr\n  - id: two\n    node_type: Calculator\n" +
		"    params:\n      operation: add\n      operand: \"five\"\n")
	found := failed(t, err, StatusInvalidManifest)
	expect(t, len(found.Problems), 2)
	first, second := found.Problems[0], found.Problems[1]
	expect(t, []any{first.Path, first.Line, first.Column, first.Suggestion}, "[nodes[0].node_type 4 16 did you mean 'Calculator'?]")
	expect(t, []any{second.Path, second.Line, second.Expected}, "[nodes[1].params.operand 9 a number]")
}

func TestANodeErrorNamesItsPlaceAndHasWhatCameBefore(t *testing.T) {
	r, ctx := begin(t)
	_, err := compile(t, r, adder).Execute(ctx, 1, "two", 3)
	found := failed(t, err, StatusExecutionFailed)
	expect(t, []any{found.NodeID, found.NodeType, found.Item}, "[add Calculator 1]")
	expect(t, found.Outputs.Values(), "[6]")
	if found.Cause == "" || found.Cure == "" || !strings.Contains(found.Error(), "node 'add'") {
		t.Fatalf("%+v", found)
	}
}

func TestAValueThatCantBeCarriedIsNamedByItsPath(t *testing.T) {
	r, ctx := begin(t)
	p := compile(t, r, adder)
	wider := NewVideo("gray", 4, 4, make([]byte, 16))
	wider.Width = 5
	for path, value := range map[string]any{
		"inputs[1].gain":       map[string]any{"gain": make(chan int)},
		`inputs[1][2]["a b"]`:  []any{1, 2, NewMap("a b", struct{}{})},
		"inputs[1]: the text":  "\xff",
		"inputs[1]: a map wit": map[int]int{1: 2},

		`inputs[1].a: the key "\xff" is not UTF-8`:     map[string]any{"a": NewMap("\xff", 1)},
		`inputs[1]: the key "\xff" is not UTF-8`:       map[string]int{"\xff": 1},
		"inputs[1]: the size of a picture was changed": wider,
		"inputs[1].Columns[1].Name: the text":          &Table{Columns: []Column{{Format: "n"}, {Name: "\xff"}}},
	} {
		_, err := p.Execute(ctx, 1, value)
		if found := failed(t, err, StatusInvalidDocument); !strings.HasPrefix(found.Message, path) {
			t.Fatalf("%q does not begin with %q", found.Message, path)
		}
	}
	loop := []any{nil}
	loop[0] = loop
	_, err := p.Execute(ctx, loop)
	failed(t, err, StatusInvalidDocument)
	// What was lent before the refusal is released.
	_, err = p.Execute(ctx, make([]byte, 1<<20), make(chan int))
	failed(t, err, StatusInvalidDocument)
}

// stalling is a node that waits for release; it says that it has begun.
func stalling() (node *HostNode, begun, release chan struct{}) {
	begun, release = make(chan struct{}, 1000), make(chan struct{})
	return Func("Stall", func(ctx context.Context, value any) (any, error) {
		begun <- struct{}{}
		select {
		case <-release:
			return value, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}), begun, release
}

func TestAContextCancelsTheWorkAndIsTheCause(t *testing.T) {
	r, _ := begin(t)
	node, begun, _ := stalling()
	p := compile(t, r, chain(node))
	ctx, cancel := context.WithCancelCause(context.Background())
	reason := errors.New("the user has left")
	go func() {
		<-begun
		cancel(reason)
	}()
	_, err := p.Execute(ctx, 1)
	failed(t, err, StatusCancelled)
	if !errors.Is(err, reason) || !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if _, err := p.Execute(ctx, 1); !errors.Is(err, reason) {
		t.Fatal(err)
	}
}

func TestADeadlineIsATimeoutAndItsCauseTheCause(t *testing.T) {
	r, _ := begin(t)
	node, _, _ := stalling()
	p := compile(t, r, chain(node))
	reason := errors.New("the user has hung up")
	// Often the runtime sees that a deadline has passed before its context does.
	for range 100 {
		ctx, cancel := context.WithTimeoutCause(context.Background(), 200*time.Microsecond, reason)
		_, err := p.Execute(ctx, 1)
		failed(t, err, StatusTimedOut)
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, reason) {
			t.Fatal(err)
		}
		cancel()
	}
}

func TestLentMemoryComesBackAsItself(t *testing.T) {
	r, ctx := begin(t)
	samples := make([]float32, 100_000)
	samples[99_999] = 0.25
	data := make([]byte, 50_000)
	outputs, err := compile(t, r, chain(pass())).Execute(ctx, NewAudio(48000, 2, samples), NewTensor(data), data)
	must(t, err)
	audio := outputs.Values()[0].(*Audio)
	expect(t, []any{audio.Rate, audio.Channels(), audio.Frames()}, "[48000 2 50000]")
	if unsafe.SliceData(audio.Channel(0)) != unsafe.SliceData(samples) || audio.Channel(1)[49_999] != 0.25 {
		t.Fatal("the samples were copied")
	}
	if unsafe.SliceData(outputs.Values()[1].(*Tensor).Bytes()) != unsafe.SliceData(data) {
		t.Fatal("the tensor was copied")
	}
	if unsafe.SliceData(outputs.Values()[2].([]byte)) != unsafe.SliceData(data) {
		t.Fatal("the bytes were copied")
	}
}

func TestMemoryOfTheRuntimeIsSeenWhereItLies(t *testing.T) {
	r, ctx := begin(t)
	gain := &NodeSpec{Type: "AudioGain"}
	samples := make([]float32, 1<<18)
	for i := range samples {
		samples[i] = 0.25
	}
	outputs, err := compile(t, r, chain(gain.Set("gain_db", -6.0))).Execute(ctx, NewAudio(48000, 1, samples))
	must(t, err)
	total, native := 0, 0
	for _, value := range outputs.Values() {
		audio := value.(*Audio)
		if audio.payload.native != nil {
			native++
		}
		audio.View(func(channels [][]float32) {
			for _, sample := range channels[0] {
				if total++; sample > 0.13 {
					t.Fatal("the gain is missing")
				}
			}
			if channel := audio.Channel(0); channel[0] != channels[0][0] {
				t.Fatal("the copy differs")
			}
		})
	}
	expect(t, total, len(samples))
	if native == 0 {
		t.Fatal("all audio was copied")
	}
	// It goes back in, lent.
	again, err := compile(t, r, chain(pass())).Execute(ctx, outputs.Values()...)
	must(t, err)
	expect(t, again.Values()[0].(*Audio).Channel(0)[0], outputs.Values()[0].(*Audio).Channel(0)[0])
}

func TestPCMThereAndBack(t *testing.T) {
	begin(t)
	audio, err := NewAudioPCM("s16", 8000, 2, []byte{0, 0, 0, 0x40, 0, 0xc0, 0xff, 0x7f})
	must(t, err)
	expect(t, audio.Channel(0), "[0 -0.5]")
	pcm, err := audio.PCM("s16")
	must(t, err)
	expect(t, pcm, "[0 0 0 64 0 192 255 127]")
	if _, err := NewAudioPCM("s17", 8000, 2, nil); !errors.Is(err, StatusInvalidArgument) {
		t.Fatal(err)
	}
}

func TestAfterCloseCallsAreRefused(t *testing.T) {
	r, ctx := begin(t)
	p := compile(t, r, adder)
	must(t, p.Close())
	if _, err := p.Execute(ctx, 1); !errors.Is(err, StatusGone) {
		t.Fatal(err)
	}
	node, begun, _ := stalling()
	busy := compile(t, r, chain(node))
	run, err := busy.Submit(context.Background(), 1)
	must(t, err)
	<-begun
	must(t, r.Close())
	_, err = run.Wait(ctx)
	failed(t, err, StatusShutDown)
	if _, err := busy.Execute(ctx, 1); !errors.Is(err, StatusShutDown) && !errors.Is(err, StatusGone) {
		t.Fatal(err)
	}
}

func TestAudioOfOneOrTwoChannelsHasALayout(t *testing.T) {
	r, ctx := begin(t)
	for channels, want := range map[int]string{1: "mono", 2: "stereo", 3: ""} {
		samples := make([]float32, 6)
		pcm, err := NewAudioPCM("f32", 8000, channels, make([]byte, 24))
		must(t, err)
		for _, audio := range []*Audio{NewAudio(8000, channels, samples), NewAudioInterleaved(8000, channels, samples), pcm} {
			expect(t, audio.Layout, want)
			outputs, err := compile(t, r, chain(pass())).Execute(ctx, audio)
			must(t, err)
			expect(t, outputs.Values()[0].(*Audio).Layout, want)
		}
	}
}
