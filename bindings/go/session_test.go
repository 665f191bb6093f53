package remotemedia

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestASessionGoesThereAndBack(t *testing.T) {
	r, ctx := begin(t)
	s := open(t, ctx, compile(t, r, adder), SessionOptions{})
	for i := range 3 {
		must(t, s.Send(ctx, i))
		packet, err := s.Receive(ctx)
		must(t, err)
		expect(t, []any{packet.Value, packet.Item, packet.Seq, packet.Output}, []any{i + 5, i, i, "add"})
	}
	must(t, s.SendPackets(ctx, Packet{Value: 9, PTS: At(time.Second), Duration: At(time.Millisecond)}))
	packet, err := s.Receive(ctx)
	must(t, err)
	expect(t, []any{packet.PTS, packet.Duration}, "[1s 1ms]")
	if _, ok, err := s.TryReceive(); ok || err != nil {
		t.Fatal(ok, err)
	}
	must(t, s.Finish())
	if _, err := s.Receive(ctx); err != io.EOF {
		t.Fatal(err)
	}
	must(t, s.Wait(ctx))
	if err := s.Send(ctx, 1); !errors.Is(err, StatusGone) {
		t.Fatal(err)
	}
}

func TestASessionGoesOnWhenItsPipelineIsClosed(t *testing.T) {
	r, ctx := begin(t)
	p := compile(t, r, twoInputs())
	s := open(t, ctx, p, SessionOptions{})
	must(t, p.Close())
	must(t, s.SendPackets(ctx, Packet{Value: 1}, Packet{Value: "a", Input: "others"}))
	same, err := s.Output("same")
	must(t, err)
	packet, err := same.Receive(ctx)
	must(t, err)
	expect(t, packet.Value, "a")
	must(t, s.Interrupt("pass"))
	must(t, s.Finish())
	expect(t, values(collect(t, ctx, s)), "[6]")
}

func TestSessionOptionsAreRefusedRatherThanChanged(t *testing.T) {
	r, ctx := begin(t)
	p := compile(t, r, adder)
	for want, options := range map[string]SessionOptions{
		"options: buffer.ms: expected an integer, got 1.5":                       {Media: 1500 * time.Microsecond},
		"options: buffer.packets: expected an integer of at least 0, got -1":     {Packets: -1},
		"options: buffer.bytes: expected an integer of at least 0, got -1":       {Bytes: -1},
		"the Deadline of a session is above 0, or 0 for none; got -1ns":          {Deadline: -1},
		"the PacketDeadline of a session is above 0, or 0 for none; got -999ns":  {PacketDeadline: -999},
		"the PacketDeadline of a session is above 0, or 0 for none; got -1h0m0s": {Deadline: 1, PacketDeadline: -time.Hour},
	} {
		_, err := p.Session(ctx, options)
		if found := failed(t, err, StatusInvalidArgument); found.Error() != want {
			t.Errorf("%v, expected %s", found, want)
		}
	}
	_, err := r.Compile(chain(pass(), pass()).Join(Connection{
		From: "passthrough_2", To: "passthrough", Buffer: &Buffer{Media: 1500 * time.Microsecond}, Delay: 900 * time.Microsecond,
	}))
	found := failed(t, err, StatusInvalidManifest)
	expect(t, []any{found.Problems[0].Got, found.Problems[1].Got}, "[1.5 0.9]")
}

func TestAPacketThatCantBeSentIsNamedByItsNumber(t *testing.T) {
	r, ctx := begin(t)
	s := open(t, ctx, compile(t, r, twoInputs()), SessionOptions{Packets: 2 * sendMost})
	packets := make([]Packet, sendMost+2)
	packets[0].Input = "others"
	packets[sendMost+1].Value = []any{make(chan int)}
	err := s.SendPackets(ctx, packets...)
	if want := fmt.Sprintf("packets[%d][0]: ", sendMost+1); !strings.HasPrefix(fmt.Sprint(err), want) {
		t.Fatal(err)
	}
}

func TestASessionIsBoundedAndLosesNothing(t *testing.T) {
	r, ctx := begin(t)
	const count = 5000
	s := open(t, ctx, compile(t, r, adder), SessionOptions{Packets: 4})
	taken := 0
	for {
		packets := []Packet{{Value: taken}}
		n, err := s.TrySend(packets...)
		must(t, err)
		if taken += n; n == 0 && taken >= 8 {
			break
		}
		if taken > 20 {
			t.Fatal("the session has no bound")
		}
	}
	go func() {
		for i := taken; i < count; i++ {
			if s.Send(ctx, i) != nil {
				return
			}
		}
		_ = s.Finish()
	}()
	next := 0
	for packet := range s.Chan(ctx) {
		expect(t, packet.Value, next+5)
		next++
	}
	must(t, s.Wait(ctx))
	expect(t, next, count)
}

func TestAFailureEndsASessionAfterWhatCameBefore(t *testing.T) {
	r, ctx := begin(t)
	s := open(t, ctx, compile(t, r, adder), SessionOptions{})
	must(t, s.Send(ctx, 1))
	err := s.Send(ctx, "two")
	for range 100 {
		if err == nil {
			err = s.Send(ctx, 3)
			<-time.After(time.Millisecond)
		}
	}
	packet, received := s.Receive(ctx)
	must(t, received)
	expect(t, packet.Value, 6)
	_, received = s.Receive(ctx)
	found := failed(t, received, StatusExecutionFailed)
	expect(t, []any{found.NodeID, found.Item}, "[add 1]")
	failed(t, s.Wait(ctx), StatusExecutionFailed)
	failed(t, s.Send(ctx, 4), StatusGone)
}

func TestFlushAndInterrupt(t *testing.T) {
	r, ctx := begin(t)
	p := compile(t, r, chain((&NodeSpec{Type: "AudioChunk"}).Set("duration_ms", 100.0)))
	s := open(t, ctx, p, SessionOptions{})
	must(t, s.Send(ctx, NewAudio(1000, 1, make([]float32, 60))))
	must(t, s.Flush())
	packet, err := s.Receive(ctx)
	must(t, err)
	expect(t, packet.Value.(*Audio).Frames(), 60)
	must(t, s.Send(ctx, NewAudio(1000, 1, make([]float32, 60))))
	must(t, s.Interrupt())
	must(t, s.Send(ctx, NewAudio(1000, 1, make([]float32, 30))))
	must(t, s.Finish())
	all := collect(t, ctx, s)
	expect(t, len(all), 1)
	expect(t, all[0].Value.(*Audio).Frames(), 30)
}

func TestParamsChangeWhileASessionRuns(t *testing.T) {
	r, ctx := begin(t)
	gain := &NodeSpec{ID: "gain", Type: "AudioGain"}
	s := open(t, ctx, compile(t, r, chain(gain.Set("gain_db", 0.0))), SessionOptions{})
	must(t, s.SetParam("gain", "gain_db", -6.0))
	if err := s.SetParam("gain", "nothing", 1); !errors.Is(err, StatusInvalidArgument) {
		t.Fatal(err)
	}
	metrics, err := s.Metrics()
	must(t, err)
	expect(t, toList(metrics.Get("nodes"))[0].(*Map).Get("id"), "gain")
}

func TestAContextEndsASession(t *testing.T) {
	r, ctx := begin(t)
	inner, cancel := context.WithCancel(ctx)
	s := open(t, inner, compile(t, r, adder), SessionOptions{})
	must(t, s.Send(ctx, 1))
	received := make(chan error)
	go func() {
		for {
			if _, err := s.Receive(ctx); err != nil {
				received <- err
				return
			}
		}
	}()
	cancel()
	if err := <-received; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	// A context of one call ends that call alone.
	other := open(t, ctx, compile(t, r, adder), SessionOptions{})
	brief, end := context.WithTimeout(ctx, time.Millisecond)
	defer end()
	if _, err := other.Receive(brief); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	must(t, other.Send(ctx, 1))
	packet, err := other.Receive(ctx)
	must(t, err)
	expect(t, packet.Value, 6)
}

func TestTheEndOfTheContextOfACallIsItsError(t *testing.T) {
	r, ctx := begin(t)
	node, _, _ := stalling()
	p := compile(t, r, chain(node))
	s := open(t, ctx, p, SessionOptions{Packets: 1})
	run, err := p.Submit(ctx, 1)
	must(t, err)
	reason := errors.New("the user has left")
	late, cancel := context.WithDeadlineCause(ctx, time.Now(), reason)
	defer cancel()
	left, leave := context.WithCancelCause(ctx)
	leave(reason)
	for over, means := range map[context.Context]struct {
		status Status
		err    error
	}{late: {StatusTimedOut, context.DeadlineExceeded}, left: {StatusCancelled, context.Canceled}} {
		for what, call := range map[string]func() error{
			"nothing was received: the user has left":   func() error { _, err := s.Receive(over); return err },
			"the work has not ended: the user has left": func() error { _, err := run.Wait(over); return err },
			"not all was sent: the user has left":       func() error { return s.Send(over, 1) },
		} {
			err := call()
			expect(t, failed(t, err, means.status).Message, what)
			if !errors.Is(err, means.err) || !errors.Is(err, reason) {
				t.Fatal(err)
			}
		}
	}
	// Contexts that end while their calls wait.
	for n := 1; n > 0; {
		n, err = s.TrySend(Packet{Value: 1})
		must(t, err)
	}
	for what, call := range map[string]struct {
		waits string
		call  func(context.Context) error
	}{
		"the session had no output: the user has left": {"(*Output).await(", func(ctx context.Context) error { _, err := s.Receive(ctx); return err }},
		"the session had no room: the user has left":   {"(*Session).sendTo(", func(ctx context.Context) error { return s.Send(ctx, 1) }},
	} {
		waits, leave := context.WithCancelCause(ctx)
		ended := make(chan error)
		go func() { ended <- call.call(waits) }()
		waiting(t, 1, call.waits)
		leave(reason)
		err := <-ended
		expect(t, failed(t, err, StatusCancelled).Message, what)
		if !errors.Is(err, context.Canceled) || !errors.Is(err, reason) {
			t.Fatal(err)
		}
	}
}

func TestACallWhoseContextIsDoneTakesNothing(t *testing.T) {
	r, ctx := begin(t)
	s := open(t, ctx, compile(t, r, adder), SessionOptions{})
	done, cancel := context.WithCancel(ctx)
	cancel()
	must(t, s.Send(ctx, 1))
	for range 40 {
		failed(t, s.Send(done, 2), StatusCancelled)
		_, err := s.Receive(done)
		failed(t, err, StatusCancelled)
	}
	if packet, ok := <-s.Chan(done); ok {
		t.Fatal(packet)
	}
	must(t, s.Finish())
	expect(t, values(collect(t, ctx, s)), "[6]")
	// What became of work is there whatever the context.
	for range 40 {
		must(t, s.Wait(done))
	}
}

func TestTheEndOfTheContextOfASessionIsTheCauseOfWhatComesTooLate(t *testing.T) {
	r, ctx := begin(t)
	reason := errors.New("the user has left")
	p := compile(t, r, adder)
	for name, call := range map[string]func(*Session) error{
		"Send":  func(s *Session) error { _, err := s.TrySend(Packet{Value: 1}); return err },
		"Flush": (*Session).Flush,
	} {
		left, leave := context.WithCancelCause(ctx)
		s := open(t, left, p, SessionOptions{})
		// The event of the end can't be handled before the calls.
		s.run.port.mu.Lock()
		handle := sync.OnceFunc(s.run.port.mu.Unlock)
		defer handle()
		leave(reason)
		late := make(chan error, 1)
		go func() {
			var err error
			for err == nil {
				err = call(s)
			}
			late <- err
		}()
		eventually(t, "calls that are not refused", func() string {
			stacks := make([]byte, 1<<20)
			if len(late) > 0 || strings.Contains(string(stacks[:runtime.Stack(stacks, true)]), "(*Session).why(") {
				return ""
			}
			return name
		})
		handle()
		err := <-late
		failed(t, err, StatusGone)
		if !errors.Is(err, StatusCancelled) || !errors.Is(err, context.Canceled) || !errors.Is(err, reason) {
			t.Fatalf("%s: %v has the cause %v", name, err, errors.Unwrap(err))
		}
	}
}

func TestANodeWithAStateMayUseItsOwnSessionAfterTheEnd(t *testing.T) {
	r, ctx := begin(t)
	opened, late := make(chan *Session, 1), make(chan error, 1)
	s := open(t, ctx, compile(t, r, chain(&HostNode{Type: "Own", New: func(NodeInfo) (Processor, error) {
		return processor(func() {
			s := <-opened
			err := s.Cancel()
			for err == nil {
				err = s.Flush()
			}
			late <- err
		}), nil
	}})), SessionOptions{})
	opened <- s
	must(t, s.Send(ctx, 1))
	select {
	case err := <-late:
		failed(t, err, StatusGone)
	case <-ctx.Done():
		t.Fatal("the node waits for itself")
	}
}

// processor does one thing for each packet.
type processor func()

func (p processor) Process(context.Context, Packet, *Emitter) error {
	p()
	return nil
}

func TestClosingASessionWakesItsReaders(t *testing.T) {
	r, ctx := begin(t)
	s := open(t, ctx, compile(t, r, adder), SessionOptions{})
	received := make(chan error)
	go func() {
		_, err := s.Receive(ctx)
		received <- err
	}()
	must(t, s.Close())
	if err := <-received; !errors.Is(err, StatusGone) && !errors.Is(err, StatusCancelled) {
		t.Fatal(err)
	}
}

func TestOutputsAreReadOneByOne(t *testing.T) {
	r, ctx := begin(t)
	graph := NewGraph("two").Add(
		&NodeSpec{ID: "in", Type: "PassThrough"}, &NodeSpec{ID: "left", Type: "PassThrough"}, &NodeSpec{ID: "right", Type: "PassThrough"},
	).Connect("in", "left").Connect("in", "right")
	s := open(t, ctx, compile(t, r, graph), SessionOptions{Outputs: []string{"right", "left"}})
	right, err := s.Output("right")
	must(t, err)
	left, err := s.Output("left")
	must(t, err)
	if _, err := s.Output("middle"); !errors.Is(err, StatusInvalidArgument) {
		t.Fatal(err)
	}
	must(t, s.Send(ctx, 1, 2))
	must(t, s.Finish())
	for _, output := range []*Output{right, left} {
		var all []Packet
		for packet, err := range output.All(ctx) {
			must(t, err)
			all = append(all, packet)
		}
		expect(t, values(all), "[1 2]")
	}
}

func TestAnOutputThatIsAskedForAgainGoesOn(t *testing.T) {
	r, ctx := begin(t)
	s := open(t, ctx, compile(t, r, adder), SessionOptions{})
	must(t, s.Send(ctx, 1, 2, 3))
	must(t, s.Finish())
	must(t, s.Wait(ctx))
	for _, wanted := range []int{6, 7, 8} {
		output, err := s.Output("add")
		must(t, err)
		packet, err := output.Receive(ctx)
		must(t, err)
		expect(t, packet.Value, wanted)
	}
}

func TestAForgottenSessionIsCollected(t *testing.T) {
	r, ctx := begin(t)
	p := compile(t, r, adder)
	func() {
		s, err := p.Session(ctx, SessionOptions{})
		must(t, err)
		must(t, s.Send(ctx, 1))
	}()
	eventually(t, "sessions", func() string {
		runtime.GC()
		counts, err := LiveObjects()
		must(t, err)
		return differ(counts["sessions"], 0)
	})
}

func TestNothingFromBeforeAnInterruptionComesAfterIt(t *testing.T) {
	r, ctx := begin(t)
	s := open(t, ctx, compile(t, r, adder), SessionOptions{})
	for round := range 200 {
		for i := range 10 {
			must(t, s.Send(ctx, 100*round+i))
		}
		_, _, err := s.TryReceive()
		must(t, err)
		must(t, s.Interrupt())
		must(t, s.Send(ctx, 1000*round))
		packet, err := s.Receive(ctx)
		must(t, err)
		expect(t, packet.Value, 1000*round+5)
	}
}

func TestAnInterruptionOfAllDropsWhatWaitsToBeSent(t *testing.T) {
	for name, wanted := range map[string]string{"all": "[4]", "stall": "[2 3 2 3 2 3 4]"} {
		t.Run(name, func(t *testing.T) {
			r, ctx := begin(t)
			node, begun, release := stalling()
			s := open(t, ctx, compile(t, r, chain(node)), SessionOptions{Packets: 1})
			must(t, s.Send(ctx, 0))
			<-begun
			for n := 1; n > 0; {
				var err error
				n, err = s.TrySend(Packet{Value: 1})
				must(t, err)
			}
			// One waits for room, the others until it is their turn.
			sent := make(chan error)
			for range 3 {
				go func() { sent <- s.Send(ctx, 2, 3) }()
			}
			waiting(t, 3, "(*Session).sendTo(")
			if name == "all" {
				must(t, s.Interrupt())
			} else {
				must(t, s.Interrupt(name))
			}
			close(release)
			go func() {
				for range 3 {
					if err := <-sent; err != nil {
						t.Error(err)
					}
				}
				if err := errors.Join(s.Send(ctx, 4), s.Finish()); err != nil {
					t.Error(err)
				}
			}()
			expect(t, values(collect(t, ctx, s)), wanted)
		})
	}
}

func TestAConnectionHasABuffer(t *testing.T) {
	r, ctx := begin(t)
	node, begun, release := stalling()
	graph := NewGraph("latest").Add(&NodeSpec{ID: "in", Type: "PassThrough"}, node).
		Join(Connection{From: "in", To: "stall", Buffer: &Buffer{Packets: 1, Policy: "drop_oldest"}})
	s := open(t, ctx, compile(t, r, graph), SessionOptions{})
	must(t, s.Send(ctx, 0))
	<-begun
	for i := range 50 {
		must(t, s.Send(ctx, i+1))
	}
	close(release)
	must(t, s.Finish())
	all := values(collect(t, ctx, s))
	if len(all) >= 51 || all[len(all)-1] != int64(50) {
		t.Fatal(all)
	}
}

const sum = `{"version": "v1", "nodes": [{"id": "sum", "node_type": "AudioSum"}],
	"inputs": {"a": "sum.in0", "b": "sum.in1"}}`

func TestAnInputThatIsFullHoldsUpNoOther(t *testing.T) {
	r, ctx := begin(t)
	const count = 300
	s := open(t, ctx, compile(t, r, sum), SessionOptions{})
	frame := NewAudio(8000, 1, make([]float32, 160))
	send := func(input string) error {
		for range count {
			if err := s.SendPackets(ctx, Packet{Value: frame, Input: input}); err != nil {
				return err
			}
		}
		return nil
	}
	// The node takes no more of one input than of the other, so this waits for room until the other input has as much.
	sent := make(chan error)
	go func() { sent <- send("a") }()
	full := func() string {
		metrics, err := s.Metrics()
		must(t, err)
		if waiting := metrics.Get("inputs").([]any)[0].(*Map).Get("waiting").(int64); waiting < 64 {
			return fmt.Sprint(waiting, " packets wait at the first input")
		}
		return ""
	}
	eventually(t, "less than all", full)
	if n, err := s.TrySend(Packet{Value: frame, Input: "a"}); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	go func() { sent <- send("b") }()
	received := make(chan int)
	go func() {
		frames := 0
		for packet := range s.Chan(ctx) {
			frames += packet.Value.(*Audio).Frames()
		}
		received <- frames
	}()
	must(t, <-sent)
	must(t, <-sent)
	must(t, s.Finish())
	expect(t, <-received, count*160)
}

func TestATryDoesNotWaitForOthersThatDo(t *testing.T) {
	r, ctx := begin(t)
	node, begun, release := stalling()
	s := open(t, ctx, compile(t, r, chain(node)), SessionOptions{Packets: 1})
	defer close(release)
	waiting, cancel := context.WithCancel(ctx)
	ended := make(chan error)
	go func() {
		_, err := s.Receive(waiting)
		ended <- err
	}()
	go func() {
		for {
			if err := s.Send(waiting, 1); err != nil {
				ended <- err
				return
			}
		}
	}()
	<-begun
	eventually(t, "no locks", func() string {
		sending, err := s.lockOf("")
		must(t, err)
		return differ(2-len(s.all.reading)-len(sending), 0)
	})
	for range 100 {
		if _, ok, err := s.TryReceive(); ok || err != nil {
			t.Fatal(ok, err)
		}
		if _, err := s.TrySend(Packet{Value: 2}); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	<-ended
	<-ended
}

func TestAChannelGivesNothingFromBeforeAnInterruption(t *testing.T) {
	r, ctx := begin(t)
	s := open(t, ctx, compile(t, r, adder), SessionOptions{})
	packets := s.Chan(ctx)
	for round := range 200 {
		for i := range 10 {
			must(t, s.Send(ctx, 100*round+i))
		}
		<-packets
		must(t, s.Interrupt())
		must(t, s.Send(ctx, 1000*round))
		expect(t, (<-packets).Value, 1000*round+5)
	}
	must(t, s.Close())
}

func TestWhatAChannelTakesBackIsReadByOneThatWaits(t *testing.T) {
	r, ctx := begin(t)
	s := open(t, ctx, compile(t, r, adder), SessionOptions{})
	offering, cancel := context.WithCancel(ctx)
	s.Chan(offering)
	must(t, s.Send(ctx, 1))
	waiting(t, 1, "(*Output).offer(")
	received := make(chan any)
	// The end of the session would wake it, too.
	brief, end := context.WithTimeout(ctx, 5*time.Second)
	defer end()
	go func() {
		packet, err := s.Receive(brief)
		if err != nil {
			t.Error(err)
		}
		received <- packet.Value
	}()
	waiting(t, 1, "(*Output).await(")
	cancel()
	expect(t, <-received, 6)
}

func TestACallAfterAFailureHasItAsItsCause(t *testing.T) {
	r, ctx := begin(t)
	s := open(t, ctx, compile(t, r, adder), SessionOptions{})
	must(t, s.Send(ctx, "no number"))
	cause := s.Wait(ctx)
	failed(t, cause, StatusExecutionFailed)
	for name, call := range map[string]func() error{
		"Send":     func() error { return s.Send(ctx, 1) },
		"Finish":   s.Finish,
		"Flush":    s.Flush,
		"SetParam": func() error { return s.SetParam("add", "operand", 3) },
		"Cancel":   s.Cancel,
	} {
		err := call()
		if !errors.Is(err, StatusGone) || !errors.Is(err, cause) {
			t.Errorf("%s: %v has the cause %v", name, err, errors.Unwrap(err))
		}
	}
}
