package remotemedia

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"
)

func TestAFunctionMayReplyAfterItsRuntimeIsClosed(t *testing.T) {
	r, ctx := begin(t)
	begun, release, replied := make(chan struct{}, 100), make(chan struct{}), make(chan struct{}, 100)
	deaf := Func("Deaf", func(context.Context, any) (any, error) {
		begun <- struct{}{}
		<-release
		defer func() { replied <- struct{}{} }()
		return make([]byte, 1<<16), nil
	})
	p := compile(t, r, chain(deaf))
	var runs []*Run
	for i := range 8 {
		run, err := p.Submit(ctx, i)
		must(t, err)
		runs = append(runs, run)
	}
	for range runs {
		<-begun
	}
	must(t, r.Close())
	close(release)
	for _, run := range runs {
		<-replied
		_, err := run.Wait(ctx)
		failed(t, err, StatusShutDown)
	}
}

func TestRepliesWhileARuntimeCloses(t *testing.T) {
	for range 20 {
		r, err := NewRuntime(Config{})
		must(t, err)
		node := Func("Quick", func(_ context.Context, data []byte) ([]byte, error) { return data, nil })
		p, err := r.Compile(chain(pass(), node, pass()))
		must(t, err)
		var all sync.WaitGroup
		for range 4 {
			all.Add(1)
			go func() {
				defer all.Done()
				for {
					if _, err := p.Execute(context.Background(), make([]byte, 20_000)); err != nil {
						if !errors.Is(err, StatusShutDown) && !errors.Is(err, StatusGone) {
							t.Error(err)
						}
						return
					}
				}
			}()
		}
		time.Sleep(2 * time.Millisecond)
		must(t, r.Close())
		all.Wait()
		must(t, p.Close())
		eventually(t, "loans", func() string { return differ(loanCount(), 0) })
	}
}

func TestShutdownWaitsNoLongerThanItsContext(t *testing.T) {
	r, ctx := begin(t)
	node, begun, _ := stalling()
	_, err := compile(t, r, chain(node)).Submit(ctx, 1)
	must(t, err)
	<-begun
	brief, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	// The function gets the end of its context.
	must(t, r.Shutdown(brief))
	must(t, r.Shutdown(brief))
}

func TestTheNiceValueOfWorkersIsChecked(t *testing.T) {
	_, err := NewRuntime(Config{Nice: 20})
	expect(t, failed(t, err, StatusInvalidArgument).Message, "config: nice: expected 0 to 19, got 20")
}

func TestTwoRuntimesLendAtTheSameTime(t *testing.T) {
	first, ctx := begin(t)
	second, err := NewRuntime(Config{Workers: 1})
	must(t, err)
	defer second.Close()
	var all sync.WaitGroup
	for _, r := range []*Runtime{first, second} {
		p := compile(t, r, chain(pass(), Func("Own", func(_ context.Context, data *Tensor) (*Tensor, error) { return data, nil })))
		all.Add(1)
		go func() {
			defer all.Done()
			for i := range 200 {
				data := make([]byte, 32_000)
				data[0] = byte(i)
				outputs, err := p.Execute(ctx, NewTensor(data))
				if err != nil || outputs.Values()[0].(*Tensor).Bytes()[0] != byte(i) {
					t.Error(outputs, err)
				}
			}
		}()
	}
	all.Wait()
}

func TestARefusedPipelineLendsNothing(t *testing.T) {
	r, _ := begin(t)
	_, err := r.Compile(chain(&NodeSpec{Type: "Nothing"}, Func("Own", func(context.Context, any) (any, error) { return nil, nil })))
	failed(t, err, StatusInvalidManifest)
}
