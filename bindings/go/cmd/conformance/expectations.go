package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unsafe"

	remotemedia "github.com/remotemedia/remotemedia-go"
)

func (p *player) expectValues(f *fields) error {
	outputs, _ := f.get("outputs")
	if err := p.sameOutputs(outputs.(*remotemedia.Map)); err != nil {
		return err
	}
	for name, of := range map[string]func(remotemedia.Packet) any{
		"items":     func(packet remotemedia.Packet) any { return int64(packet.Item) },
		"pts":       func(packet remotemedia.Packet) any { return nanoseconds(packet.PTS) },
		"durations": func(packet remotemedia.Packet) any { return nanoseconds(packet.Duration) },
	} {
		given, has := f.get(name)
		if !has {
			continue
		}
		for output, expected := range given.(*remotemedia.Map).All() {
			found := []any{}
			for _, packet := range p.outputs.Packets(output) {
				found = append(found, of(packet))
			}
			if err := same(expected, found, name+" of "+output); err != nil {
				return failed{err}
			}
		}
	}
	for name, found := range map[string]func() int{
		"skips":   func() int { return p.outputs.Skips },
		"retries": func() int { return p.outputs.Retries },
	} {
		if expected := f.number(name, -1); expected >= 0 && found() != expected {
			return fail("%d %s, expected %d", found(), name, expected)
		}
	}
	return nil
}

func (p *player) sameOutputs(expected *remotemedia.Map) error {
	found := map[string][]any{}
	if p.outputs != nil {
		for name, packet := range p.outputs.All() {
			found[name] = append(found[name], packet.Value)
		}
	}
	for name, values := range expected.All() {
		built, err := p.built(values)
		if err != nil {
			return err
		}
		have := found[name]
		if have == nil {
			have = []any{}
		}
		if err := same(built, have, "values of "+name); err != nil {
			return failed{err}
		}
		delete(found, name)
	}
	if len(found) > 0 {
		return fail("there are outputs of %v, too", slices.Sorted(maps.Keys(found)))
	}
	return nil
}

func (p *player) expectError(f *fields) error {
	if p.failure == nil {
		return fail("the step before did not fail")
	}
	var e *remotemedia.Error
	if !errors.As(p.failure, &e) {
		return fail("the error has no status: %v", p.failure)
	}
	for name := range f.All() {
		if name == "do" {
			continue
		}
		expected, _ := f.get(name)
		if err := p.sameError(e, name, expected); err != nil {
			return fmt.Errorf("%w (the error is: %v)", err, e)
		}
	}
	return nil
}

func (p *player) sameError(e *remotemedia.Error, name string, expected any) error {
	var found any
	switch name {
	case "status":
		allowed := list(expected)
		if allowed == nil {
			allowed = []any{expected}
		}
		if !slices.Contains(allowed, any(e.Status.String())) {
			return fail("the status is %v, expected %v", e.Status, expected)
		}
		return nil
	case "message_has":
		for _, part := range list(expected) {
			if !strings.Contains(e.Message, part.(string)) {
				return fail("%q is not in the message", part)
			}
		}
		return nil
	case "exception":
		if e.Unwrap() != p.exception(int(expected.(int64))) {
			return fail("the cause is %v, another error", e.Unwrap())
		}
		return nil
	case "problems":
		return sameProblems(list(expected), e.Problems)
	case "outputs":
		p.outputs = e.Outputs
		return p.sameOutputs(expected.(*remotemedia.Map))
	case "errors":
		count := int64(len(e.Others))
		if e.NodeID != "" {
			count++
		}
		found = count
	case "message":
		found = e.Message
	case "cause":
		found = e.Cause
	case "cure":
		found = e.Cure
	case "node_id":
		found = e.NodeID
	case "node_type":
		found = e.NodeType
	case "item":
		found = int64(e.Item)
	case "input":
		found = e.Input
	case "position_ns":
		found = nanoseconds(e.Position)
	case "chain":
		chain := []any{}
		for _, each := range e.Chain {
			chain = append(chain, each)
		}
		found = chain
	default:
		return fail("the field %q is not known", name)
	}
	if found == "" || name == "item" && e.Item < 0 {
		// What is not known is null in the suite.
		found = nil
	}
	if err := same(expected, found, name); err != nil {
		return failed{err}
	}
	return nil
}

func sameProblems(expected []any, found []remotemedia.Problem) error {
	if len(expected) != len(found) {
		return fail("%d problems, expected %d: %v", len(found), len(expected), found)
	}
	for i, each := range expected {
		problem := found[i]
		known := map[string]any{"path": problem.Path, "message": problem.Message}
		for name, text := range map[string]string{
			"expected": problem.Expected, "got": problem.Got, "suggestion": problem.Suggestion,
		} {
			if text != "" {
				known[name] = text
			}
		}
		if problem.Line > 0 {
			known["line"], known["column"] = int64(problem.Line), int64(problem.Column)
		}
		for field, want := range each.(*remotemedia.Map).All() {
			if err := same(want, known[field], fmt.Sprintf("%s of problem %d", field, i)); err != nil {
				return failed{err}
			}
		}
	}
	return nil
}

func (p *player) expectCalled(f *fields) error {
	own, times := p.nodes[f.text("node")], int64(f.number("times", 0))
	_ = until(func() bool { return own.called.Load() >= times })
	if found := own.called.Load(); found != times {
		return fail("it was called with %d packets, expected %d", found, times)
	}
	return nil
}

func (p *player) expectClosed(f *fields) error {
	own, times := p.nodes[f.text("node")], int64(f.number("times", 0))
	_ = until(func() bool { return own.closed.Load() >= times })
	if found := own.closed.Load(); found != times {
		return fail("%d streams were ended, expected %d", found, times)
	}
	return nil
}

func (p *player) expectBatches(f *fields) error {
	expected, _ := f.get("sizes")
	if err := same(expected, p.nodes[f.text("node")].batches(), "sizes"); err != nil {
		return failed{err}
	}
	return nil
}

func (p *player) expectMemory(f *fields) error {
	memory := p.memory[f.text("memory")]
	if f.text("is") == "lent" {
		if !remotemedia.Lent(memory) {
			return fail("it is not lent")
		}
		return nil
	}
	return until(func() bool { return !remotemedia.Lent(memory) })
}

func (p *player) expectSameMemory(f *fields) error {
	memory := p.memory[f.text("memory")]
	packets := p.outputs.Packets(f.text("output"))
	index := f.number("index", 0)
	if index >= len(packets) {
		return fail("there are %d values", len(packets))
	}
	tensor, ok := packets[index].Value.(*remotemedia.Tensor)
	if !ok {
		return fail("it is %T", packets[index].Value)
	}
	same := false
	tensor.View(func(elements []byte) { same = unsafe.SliceData(elements) == unsafe.SliceData(memory) })
	if !same {
		return fail("it lies at another address")
	}
	return nil
}

func (p *player) expectAlive(f *fields) error {
	more, has := f.get("more")
	if !has {
		return p.expectLive(p.before)
	}
	wanted := map[string]int{}
	for name, count := range more.(*remotemedia.Map).All() {
		wanted[name] = p.before[name] + int(count.(int64))
	}
	return p.expectLive(wanted)
}

func (p *player) describe(f *fields) error {
	has, _ := f.get("has")
	var found *remotemedia.Map
	var err error
	if name := f.text("pipeline"); name != "" {
		found, err = p.pipelines[name].Describe()
	} else if name := f.text("session"); name != "" {
		found, err = p.sessions[name].Metrics()
	} else {
		var progress remotemedia.Progress
		name := f.text("work")
		if started := p.work[name]; started != nil {
			progress, err = started.Progress()
		} else if opened := p.sessions[name]; opened != nil {
			progress, err = opened.Progress()
		} else {
			return fail("no work is called %q", name)
		}
		found = remotemedia.NewMap("items", int64(progress.Items))
		if progress.Media.Known() {
			found.Set("media_ns", int64(progress.Media.Duration()))
		}
	}
	if err != nil {
		return err
	}
	if err := contained(has, found, "it"); err != nil {
		return failed{err}
	}
	return nil
}
