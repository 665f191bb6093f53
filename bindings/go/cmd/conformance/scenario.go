package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	remotemedia "github.com/remotemedia/remotemedia-go"
	"github.com/remotemedia/remotemedia-go/internal/abi"
)

// stepLimit is how long a step may wait.
const stepLimit = 10 * time.Second

func patience() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), stepLimit)
}

var features = []string{
	"host_nodes", "host_stream", "host_ends", "host_ports", "host_batch", "runtimes", "shutdown", "loans", "same_memory", "live",
	"try_send", "plan", "metrics", "progress", "named_ends", "interrupt_part",
}

func scenarioCases(suite string) ([]testCase, error) {
	folder := filepath.Join(suite, "scenarios")
	var cases []testCase
	err := filepath.WalkDir(folder, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(file, ".json") {
			return err
		}
		name, err := filepath.Rel(folder, strings.TrimSuffix(file, ".json"))
		cases = append(cases, testCase{"scenario/" + filepath.ToSlash(name), func(func(string)) error { return play(file) }})
		return err
	})
	slices.SortFunc(cases, func(a, b testCase) int { return strings.Compare(a.name, b.name) })
	return cases, err
}

// player is one scenario under way.
type player struct {
	runtimes  map[string]*remotemedia.Runtime
	pipelines map[string]*remotemedia.Pipeline
	work      map[string]*work
	sessions  map[string]*session
	memory    map[string][]byte
	nodes     map[string]*ownNode
	errors    map[int]error
	outputs   *remotemedia.Outputs
	failure   error
	before    map[string]int
}

// work is an execution that was submitted, and what ends its timeout.
type work struct {
	*remotemedia.Run
	end context.CancelFunc
}

// session is an open session, with its readers of single outputs.
type session struct {
	*remotemedia.Session
	readers map[string]*remotemedia.Output
	ctx     context.Context
	end     context.CancelFunc
}

// failed is a comparison that does not hold: it fails the case, while another error is what expect_error looks at.
type failed struct{ error }

func fail(format string, arguments ...any) error { return failed{fmt.Errorf(format, arguments...)} }

func play(file string) error {
	scenario, err := readMap(file)
	if err != nil {
		return err
	}
	for _, need := range list(scenario.Get("needs")) {
		if !slices.Contains(features, need.(string)) {
			return skip("the binding has no " + need.(string))
		}
	}
	p := &player{
		runtimes: map[string]*remotemedia.Runtime{}, pipelines: map[string]*remotemedia.Pipeline{}, work: map[string]*work{},
		sessions: map[string]*session{}, memory: map[string][]byte{}, nodes: map[string]*ownNode{}, errors: map[int]error{},
	}
	if err := p.begin(); err != nil {
		return err
	}
	defer func() {
		if found := recover(); found != nil {
			_ = p.end()
			panic(found)
		}
	}()
	strays := abi.StrayReleases.Load()
	for i, each := range list(scenario.Get("steps")) {
		step := each.(*remotemedia.Map)
		if err := p.step(step); err != nil {
			// What it leaves behind must not fail the scenarios after it.
			_ = p.end()
			return fmt.Errorf("step %d (%v): %w", i+1, step.Get("do"), err)
		}
	}
	if p.failure != nil {
		return fmt.Errorf("the last step failed: %w", p.failure)
	}
	if err := p.end(); err != nil {
		return fmt.Errorf("at the end: %w", err)
	}
	if found := abi.StrayReleases.Load(); found != strays {
		return fmt.Errorf("%d releases named no loan", found-strays)
	}
	return nil
}

// begin makes the runtime of the scenario, and notes what is alive.
func (p *player) begin() error {
	if err := p.expectLive(map[string]int{"runtimes": 0, "ports": 0, "pipelines": 0, "sessions": 0, "runs": 0}); err != nil {
		return fmt.Errorf("before the scenario: %w", err)
	}
	r, err := remotemedia.NewRuntime(remotemedia.Config{})
	if err != nil {
		return err
	}
	p.runtimes[""] = r
	warm, err := r.Compile(`{"version": "v1", "nodes": [{"id": "warm", "node_type": "PassThrough"}]}`)
	if err != nil {
		return err
	}
	if _, err := warm.Execute(context.Background(), 1); err != nil {
		return err
	}
	_ = warm.Close()
	p.before, err = remotemedia.LiveObjects()
	return err
}

func (p *player) step(step *remotemedia.Map) error {
	verb := step.Get("do").(string)
	action, known := verbs[verb]
	if !known {
		return fmt.Errorf("there is no such verb")
	}
	if verb != "expect_error" && p.failure != nil {
		return fmt.Errorf("the step before failed: %w", p.failure)
	}
	s := &fields{Map: step, used: map[string]bool{"do": true}}
	err := action(p, s)
	var own failed
	var cannot skip
	switch {
	case errors.As(err, &own), errors.As(err, &cannot):
		return err
	case verb == "expect_error":
		if err != nil {
			return err
		}
		p.failure = nil
	case err != nil:
		p.failure = err
		return nil
	}
	return s.unused()
}

// end is what every scenario ends with.
func (p *player) end() error {
	ctx, cancel := patience()
	defer cancel()
	for _, each := range p.work {
		_ = each.Cancel()
	}
	for _, each := range p.sessions {
		_ = each.Cancel()
	}
	for _, each := range p.nodes {
		close(each.ended)
	}
	for _, each := range p.work {
		_, err := each.Wait(ctx)
		if each.end(); ctx.Err() != nil {
			return fmt.Errorf("work does not end: %w", err)
		}
	}
	for _, each := range p.sessions {
		_ = each.Wait(ctx)
		_ = each.Close()
		each.end()
	}
	for _, each := range p.pipelines {
		_ = each.Close()
	}
	p.work, p.sessions, p.pipelines, p.outputs = nil, nil, nil, nil
	// Loans are looked for by their memory, which stays until they have ended.
	own := p.runtimes[""]
	delete(p.runtimes, "")
	for _, each := range p.runtimes {
		if err := each.Close(); err != nil {
			return err
		}
	}
	if err := p.expectLive(p.before); err != nil {
		return err
	}
	for name, memory := range p.memory {
		if remotemedia.Lent(memory) {
			return fmt.Errorf("the memory %q is still lent", name)
		}
	}
	return own.Close()
}

// expectLive waits until these are the counts of what is alive.
func (p *player) expectLive(wanted map[string]int) error {
	var wrong string
	err := until(func() bool {
		runtime.GC()
		found, err := remotemedia.LiveObjects()
		wrong = ""
		for name, count := range wanted {
			if found[name] != count {
				wrong = fmt.Sprintf("%d %s are alive, expected %d", found[name], name, count)
			}
		}
		return err == nil && wrong == ""
	})
	if err != nil {
		return fail("%s", wrong)
	}
	return nil
}

// until waits until something is so.
func until(holds func() bool) error {
	deadline := time.Now().Add(stepLimit)
	for !holds() {
		if time.Now().After(deadline) {
			return fail("it is not so after %v", stepLimit)
		}
		time.Sleep(2 * time.Millisecond)
	}
	return nil
}

// fields are those of a step; each must be used.
type fields struct {
	*remotemedia.Map
	used map[string]bool
}

func (f *fields) get(name string) (any, bool) {
	f.used[name] = true
	return f.Lookup(name)
}

func (f *fields) text(name string) string {
	value, _ := f.get(name)
	text, _ := value.(string)
	return text
}

func (f *fields) number(name string, otherwise int) int {
	if value, has := f.get(name); has {
		return int(value.(int64))
	}
	return otherwise
}

func (f *fields) unused() error {
	for name := range f.All() {
		if !f.used[name] {
			return fmt.Errorf("the field %q is not known", name)
		}
	}
	return nil
}

func list(value any) []any {
	found, _ := value.([]any)
	return found
}
