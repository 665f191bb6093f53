package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	remotemedia "github.com/remotemedia/remotemedia-go"
)

var verbs = map[string]func(*player, *fields) error{
	"runtime": (*player).makeRuntime, "pipeline": (*player).pipeline, "run": (*player).run, "submit": (*player).submit,
	"wait": (*player).wait, "cancel": (*player).cancel, "session": (*player).session, "send": (*player).send,
	"receive": (*player).receive, "finish": (*player).finish, "control": (*player).control, "reply": (*player).reply,
	"lend": (*player).lend, "shutdown": (*player).shutdown, "close": (*player).close,
	"expect_values": (*player).expectValues, "expect_error": (*player).expectError, "expect_called": (*player).expectCalled,
	"expect_batches": (*player).expectBatches, "expect_closed": (*player).expectClosed, "expect_memory": (*player).expectMemory,
	"expect_same_memory": (*player).expectSameMemory, "expect_live": (*player).expectAlive, "describe": (*player).describe,
}

func (p *player) makeRuntime(f *fields) error {
	config := remotemedia.Config{}
	if given, has := f.get("config"); has {
		for name, value := range given.(*remotemedia.Map).All() {
			switch name {
			case "workers":
				config.Workers = int(value.(int64))
			case "nice":
				config.Nice = int(value.(int64))
			case "limits":
				config.Limits = map[string]int{}
				for limit, number := range value.(*remotemedia.Map).All() {
					config.Limits[limit] = int(number.(int64))
				}
			default:
				return skip("the config is a struct: an unknown key does not compile")
			}
		}
	}
	r, err := remotemedia.NewRuntime(config)
	if err == nil {
		p.runtimes[f.text("as")] = r
	}
	return err
}

func (p *player) pipeline(f *fields) error {
	name := f.text("as")
	var manifest any = f.text("text")
	if given, has := f.get("manifest"); has {
		manifest = given
	}
	var nodes []*remotemedia.HostNode
	if given, has := f.get("host_nodes"); has {
		for nodeType, options := range given.(*remotemedia.Map).All() {
			own, err := newOwnNode(p, nodeType, options.(*remotemedia.Map))
			if err != nil {
				return err
			}
			p.nodes[nodeType] = own
			nodes = append(nodes, own.node)
		}
	}
	made, err := p.runtimes[f.text("runtime")].Compile(manifest, nodes...)
	if err == nil {
		p.pipelines[name] = made
	}
	return err
}

func (p *player) start(f *fields) (*work, error) {
	pipeline := p.pipelines[f.text("pipeline")]
	ctx, end := context.WithCancel(context.Background())
	if timeout := f.number("timeout_ms", -1); timeout >= 0 {
		ctx, end = context.WithTimeout(ctx, time.Duration(timeout)*time.Millisecond)
	}
	var run *remotemedia.Run
	given, has := f.get("inputs")
	built, err := p.built(given)
	if err != nil {
		end()
		return nil, err
	}
	switch inputs := built.(type) {
	case nil:
		if has {
			end()
			return nil, fail("inputs are a list or a map")
		}
		run, err = pipeline.SubmitSource(ctx)
	case *remotemedia.Map:
		named := map[string][]any{}
		for name, values := range inputs.All() {
			named[name] = list(values)
		}
		run, err = pipeline.SubmitNamed(ctx, named)
	case []any:
		run, err = pipeline.Submit(ctx, inputs...)
	}
	if err != nil {
		end()
		return nil, err
	}
	return &work{run, end}, nil
}

func (p *player) run(f *fields) error {
	started, err := p.start(f)
	if err != nil {
		return err
	}
	defer started.end()
	return p.settle(started)
}

func (p *player) settle(started *work) error {
	ctx, cancel := patience()
	defer cancel()
	outputs, err := started.Wait(ctx)
	if ctx.Err() != nil {
		return fail("it does not end")
	}
	p.outputs = outputs
	return err
}

func (p *player) submit(f *fields) error {
	started, err := p.start(f)
	if err == nil {
		p.work[f.text("as")] = started
	}
	return err
}

func (p *player) wait(f *fields) error {
	if name := f.text("session"); name != "" {
		ctx, cancel := patience()
		defer cancel()
		p.outputs = nil
		err := p.sessions[name].Wait(ctx)
		if ctx.Err() != nil {
			return fail("it does not end")
		}
		return err
	}
	name := f.text("work")
	started := p.work[name]
	delete(p.work, name)
	defer started.end()
	return p.settle(started)
}

func (p *player) cancel(f *fields) error {
	gone, _ := f.get("gone")
	var err error
	if name := f.text("session"); name != "" {
		err = p.sessions[name].Cancel()
	} else if started := p.work[f.text("work")]; started != nil {
		err = started.Cancel()
	}
	if gone == true {
		if err != nil && !errors.Is(err, remotemedia.StatusGone) {
			return fail("expected RM_GONE, got %v", err)
		}
		return nil
	}
	return err
}

func (p *player) session(f *fields) error {
	options := remotemedia.SessionOptions{}
	if given, has := f.get("options"); has {
		for name, value := range given.(*remotemedia.Map).All() {
			if err := setOption(&options, name, value); err != nil {
				return err
			}
		}
	}
	ctx, end := context.WithCancel(context.Background())
	opened, err := p.pipelines[f.text("pipeline")].Session(ctx, options)
	if err != nil {
		end()
		return err
	}
	p.sessions[f.text("as")] = &session{opened, map[string]*remotemedia.Output{}, ctx, end}
	return nil
}

func setOption(options *remotemedia.SessionOptions, name string, value any) error {
	switch name {
	case "outputs":
		options.Outputs = []string{}
		for _, each := range list(value) {
			options.Outputs = append(options.Outputs, each.(string))
		}
	case "buffer":
		for bound, number := range value.(*remotemedia.Map).All() {
			switch bound {
			case "packets":
				if options.Packets = int(number.(int64)); options.Packets == 0 {
					return skip("0 is the default of a field in Go")
				}
			case "bytes":
				options.Bytes = int(number.(int64))
			case "ms":
				options.Media = time.Duration(number.(int64)) * time.Millisecond
			default:
				return fail("the buffer has an unknown key %q", bound)
			}
		}
	case "deadline_us":
		options.Deadline = time.Duration(value.(int64)) * time.Microsecond
	case "packet_deadline_us":
		options.PacketDeadline = time.Duration(value.(int64)) * time.Microsecond
	case "clock":
		options.Virtual = value == "virtual"
	case "trace":
		options.Trace = value == true
	default:
		return fail("the options have an unknown key %q", name)
	}
	return nil
}

func (p *player) send(f *fields) error {
	s := p.sessions[f.text("session")]
	given, _ := f.get("packets")
	var packets []remotemedia.Packet
	for _, each := range list(given) {
		packet := &fields{Map: each.(*remotemedia.Map), used: map[string]bool{}}
		raw, _ := packet.get("value")
		value, err := p.built(raw)
		if err != nil {
			return err
		}
		pts, _ := packet.get("pts")
		duration, _ := packet.get("duration")
		packets = append(packets, remotemedia.Packet{Value: value, PTS: at(pts), Duration: at(duration), Input: packet.text("to")})
		if err := packet.unused(); err != nil {
			return failed{err}
		}
	}
	if taken := f.number("taken", -1); taken >= 0 {
		found, err := s.TrySend(packets...)
		if err == nil && found != taken {
			return fail("%d packets were taken, expected %d", found, taken)
		}
		return err
	}
	ctx, cancel := patience()
	defer cancel()
	err := s.SendPackets(ctx, packets...)
	if ctx.Err() != nil {
		return fail("there is no room")
	}
	return err
}

func at(value any) remotemedia.Time {
	if ns, ok := value.(int64); ok {
		return remotemedia.At(time.Duration(ns))
	}
	return remotemedia.Time{}
}

func (s *session) reader(output string) (*remotemedia.Output, error) {
	if found := s.readers[output]; found != nil {
		return found, nil
	}
	made, err := s.Output(output)
	if err == nil {
		s.readers[output] = made
	}
	return made, err
}

func (p *player) receive(f *fields) error {
	s := p.sessions[f.text("session")]
	ctx, cancel := patience()
	defer cancel()
	next, try := s.Receive, s.TryReceive
	if output, has := f.get("output"); has {
		reader, err := s.reader(output.(string))
		if err != nil {
			return err
		}
		next, try = reader.Receive, reader.TryReceive
	}
	rows, _ := f.get("rows")
	for i, each := range list(rows) {
		packet, err := next(ctx)
		if ctx.Err() != nil || err == io.EOF {
			return fail("row %d: %v", i, err)
		}
		if err != nil {
			return err
		}
		if err := p.sameRow(each.(*remotemedia.Map), packet, fmt.Sprintf("row %d", i)); err != nil {
			return err
		}
	}
	switch then := f.text("then"); then {
	case "end":
		packet, err := next(ctx)
		if err == nil || ctx.Err() != nil {
			return fail("expected the end, got %v, %v", shown(packet.Value), err)
		}
	case "nothing":
		if packet, ok, err := try(); ok || err != nil {
			return fail("expected nothing, got %v, %v", shown(packet.Value), err)
		}
	}
	return nil
}

func (p *player) sameRow(row *remotemedia.Map, packet remotemedia.Packet, where string) error {
	for name, expected := range row.All() {
		var found any
		switch name {
		case "value":
			var err error
			if expected, err = p.built(expected); err != nil {
				return err
			}
			found = packet.Value
		case "pts":
			found = nanoseconds(packet.PTS)
		case "duration":
			found = nanoseconds(packet.Duration)
		case "seq":
			found = packet.Seq
		case "stream":
			found = packet.Stream
		case "output":
			found = packet.Output
		case "item":
			found = int64(packet.Item)
		default:
			return fail("%s has an unknown field %q", where, name)
		}
		if err := same(expected, found, name+" of "+where); err != nil {
			return failed{err}
		}
	}
	return nil
}

func nanoseconds(t remotemedia.Time) any {
	if !t.Known() {
		return nil
	}
	return int64(t.Duration())
}

func (p *player) finish(f *fields) error { return p.sessions[f.text("session")].Finish() }

func (p *player) control(f *fields) error {
	s := p.sessions[f.text("session")]
	given, _ := f.get("control")
	control := given.(*remotemedia.Map)
	if control.Get("flush") == true {
		return s.Flush()
	}
	if control.Get("interrupt") == true {
		if node, has := control.Lookup("at"); has {
			return s.Interrupt(node.(string))
		}
		return s.Interrupt()
	}
	if set, ok := control.Get("set").(*remotemedia.Map); ok {
		params, _ := set.Get("params").(*remotemedia.Map)
		return s.SetParams(set.Get("node").(string), params)
	}
	return fail("the control %v is not known", control)
}

func (p *player) reply(f *fields) error {
	own := p.nodes[f.text("node")]
	for range f.number("times", 1) {
		own.permits <- struct{}{}
	}
	return nil
}

func (p *player) lend(f *fields) error {
	p.memory[f.text("as")] = ramp(f.number("bytes", 0))
	return nil
}

func (p *player) shutdown(f *fields) error {
	wait := time.Duration(f.number("patience_ms", 0)) * time.Millisecond
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	ends, _ := f.get("ends")
	err := p.runtimes[f.text("runtime")].Shutdown(ctx)
	if (err == nil) != (ends == true) {
		return fail("expected %v, got %v", ends, err)
	}
	return nil
}

func (p *player) close(f *fields) error {
	if name := f.text("session"); name != "" {
		s := p.sessions[name]
		delete(p.sessions, name)
		err := s.Close()
		s.end()
		return err
	}
	if name := f.text("pipeline"); name != "" {
		pipeline := p.pipelines[name]
		delete(p.pipelines, name)
		return pipeline.Close()
	}
	name := f.text("runtime")
	r := p.runtimes[name]
	delete(p.runtimes, name)
	return r.Close()
}
