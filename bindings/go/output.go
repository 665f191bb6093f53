// Sessions: the side that receives.

package remotemedia

import (
	"context"
	"io"
	"iter"
	"runtime"
	"slices"

	"github.com/remotemedia/remotemedia-go/internal/abi"
)

// Output reads a session: one output of it, or all together.
type Output struct {
	session *Session
	sink    int64
	// reading is held by the goroutine that reads.
	reading chan struct{}
	// fetched was taken from the runtime and not read yet; the session's mu guards it.
	fetched []Packet
}

// Output returns the reader of the output of this name, the same one each time. If several outputs are read one by one,
// each must be read: one that is full holds up the others.
func (s *Session) Output(name string) (*Output, error) {
	names := s.chosen
	if names == nil {
		names = s.ends.outputs
	}
	sink := slices.Index(names, name)
	if sink < 0 {
		return nil, failure(StatusInvalidArgument, "the session has no output %q; it has %q", name, names)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, reader := range s.readers {
		if reader.sink == int64(sink) {
			return reader, nil
		}
	}
	o := &Output{session: s, sink: int64(sink), reading: make(chan struct{}, 1)}
	s.readers = append(s.readers, o)
	return o, nil
}

// Receive waits for the next output of any name. After the last one it returns io.EOF, or what the session failed
// with. If ctx is done already it takes none.
func (s *Session) Receive(ctx context.Context) (Packet, error) { return s.all.Receive(ctx) }

// TryReceive returns the next output of any name if it is there.
func (s *Session) TryReceive() (packet Packet, ok bool, err error) { return s.all.TryReceive() }

// All yields the outputs of all names as they come, and at last the error that ended the session, if one did.
func (s *Session) All(ctx context.Context) iter.Seq2[Packet, error] { return s.all.All(ctx) }

// Chan is All as a channel, which is closed behind the last output or when ctx is done; Wait has the error then.
func (s *Session) Chan(ctx context.Context) <-chan Packet { return s.all.Chan(ctx) }

// Receive waits for the next output. After the last one it returns io.EOF, or what the session failed with. If ctx is
// done already it takes none.
func (o *Output) Receive(ctx context.Context) (Packet, error) {
	if ctx.Err() != nil {
		return Packet{}, doneError(ctx, notReceived)
	}
	select {
	case o.reading <- struct{}{}:
		defer func() { <-o.reading }()
	case <-ctx.Done():
		return Packet{}, doneError(ctx, noOutput)
	}
	var packet Packet
	err := o.await(ctx, func() (status Status, err error) {
		packet, status, err = o.try()
		return status, err
	})
	return packet, err
}

// await tries until there is an output. After the last one it returns io.EOF, or what the session failed with.
func (o *Output) await(ctx context.Context, try func() (Status, error)) error {
	for {
		// Before the try: an output that comes after it is not missed.
		changed := o.session.changes.next()
		status, err := try()
		switch {
		case err != nil || status == StatusOK:
			return err
		case status == StatusEnd:
			return o.session.ended(ctx)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return doneError(ctx, noOutput)
		}
	}
}

// TryReceive returns the next output if it is there, and no other goroutine waits for it. The error is io.EOF, or what
// the session failed with, if none will ever come and the session has ended.
func (o *Output) TryReceive() (packet Packet, ok bool, err error) {
	select {
	case o.reading <- struct{}{}:
		defer func() { <-o.reading }()
	default:
		return Packet{}, false, nil
	}
	packet, status, err := o.try()
	if err == nil && status == StatusEnd {
		select {
		case <-o.session.run.done:
			err = o.session.ended(context.Background())
		default:
		}
	}
	return packet, err == nil && status == StatusOK, err
}

// All yields the outputs as they come, and at last the error that ended the session, if one did.
func (o *Output) All(ctx context.Context) iter.Seq2[Packet, error] {
	return func(yield func(Packet, error) bool) {
		for {
			packet, err := o.Receive(ctx)
			if err == io.EOF || !yield(packet, err) || err != nil {
				return
			}
		}
	}
}

// Chan is All as a channel, which is closed behind the last output or when ctx is done; Session.Wait has the error
// then. What it offers while the session is interrupted is dropped as well.
func (o *Output) Chan(ctx context.Context) <-chan Packet {
	packets := make(chan Packet)
	go func() {
		defer close(packets)
		for o.offer(ctx, packets) == nil {
		}
	}()
	return packets
}

// offer waits for an output and sends it to a channel. What is dropping outputs takes it back first.
func (o *Output) offer(ctx context.Context, packets chan<- Packet) error {
	if ctx.Err() != nil {
		return doneError(ctx, notReceived)
	}
	select {
	case o.reading <- struct{}{}:
	case <-ctx.Done():
		return doneError(ctx, noOutput)
	}
	err := o.await(ctx, func() (Status, error) {
		o.session.fetching.RLock()
		defer o.session.fetching.RUnlock()
		return o.fill()
	})
	// Others may read while this one is offered.
	<-o.reading
	if err != nil {
		return err
	}
	s := o.session
	s.fetching.RLock()
	defer s.fetching.RUnlock()
	packet, ok := o.pop()
	if !ok {
		return nil
	}
	s.mu.Lock()
	dropping := s.dropping
	s.mu.Unlock()
	select {
	case packets <- packet:
		return nil
	case <-dropping:
	case <-ctx.Done():
		err = doneError(ctx, noOutput)
	}
	s.mu.Lock()
	o.fetched = append([]Packet{packet}, o.fetched...)
	s.mu.Unlock()
	// A reader that found nothing meanwhile looks again.
	s.changes.notify()
	return err
}

// try takes an output that was fetched, or fetches some.
func (o *Output) try() (Packet, Status, error) {
	o.session.fetching.RLock()
	defer o.session.fetching.RUnlock()
	for {
		status, err := o.fill()
		if err != nil || status != StatusOK {
			return Packet{}, status, err
		}
		// A channel may have taken it in between.
		if packet, ok := o.pop(); ok {
			return packet, status, nil
		}
	}
}

// fill fetches outputs unless there are some.
func (o *Output) fill() (Status, error) {
	s := o.session
	s.mu.Lock()
	count := len(o.fetched)
	s.mu.Unlock()
	if count > 0 {
		return StatusOK, nil
	}
	fetched, status, err := o.fetch()
	if err != nil || len(fetched) == 0 {
		return status, err
	}
	s.mu.Lock()
	o.fetched = append(o.fetched, fetched...)
	s.mu.Unlock()
	return StatusOK, nil
}

func (o *Output) pop() (Packet, bool) {
	o.session.mu.Lock()
	defer o.session.mu.Unlock()
	if len(o.fetched) == 0 {
		return Packet{}, false
	}
	packet := o.fetched[0]
	o.fetched[0] = Packet{}
	o.fetched = o.fetched[1:]
	return packet, true
}

func (o *Output) fetch() (packets []Packet, status Status, err error) {
	s := o.session
	if !s.handle.use() {
		return nil, 0, gone()
	}
	defer s.handle.done()
	x := newExchange()
	defer x.close()
	port := s.run.port
	port.reading.RLock()
	found := abi.Call(abi.SessionReceive, s.handle.address, uintptr(o.sink), uintptr(s.most), x.OutAddress, x.ErrAddress)
	var released []uint64
	if found < 0 {
		failed := x.failure(found)
		err, released = failed, failed.released
	} else {
		err = x.read(func(d *decoder) {
			count := d.length("outputs")
			packets = make([]Packet, d.length("rows"))
			for i := range packets {
				d.row(&packets[i], s.ends.outputs)
			}
			if count > 1 {
				released = d.tokens()
			}
		})
	}
	port.reading.RUnlock()
	port.released(released)
	runtime.KeepAlive(s)
	return packets, Status(found), err
}

// row reads an output of a session: [value, pts, duration, seq, stream, output, item].
func (d *decoder) row(p *Packet, outputs []string) {
	d.fields(7, "an output")
	p.Value = d.value()
	p.PTS, p.Duration = d.pts(), d.pts()
	p.Seq = d.integer("a seq", 0, 1<<62)
	p.Stream = d.integer("a stream", 0, 1<<62)
	p.Output = outputs[d.integer("the number of an output", 0, int64(len(outputs)-1))]
	p.Item = d.size("an item")
}
