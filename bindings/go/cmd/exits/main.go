// Command exits ends a process in the middle of work, in the way that its argument names:
//
//	exits WAY            end in this way
//	exits all COUNT      end so many processes in each way, and report those that end otherwise
//
// tests/conformance/README.md lists the ways. Go has neither exit handlers nor destructors of globals: deferred
// functions of main stand for both.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"time"

	remotemedia "github.com/remotemedia/remotemedia-go"
)

// limit is how long a process may take to end.
const limit = 10 * time.Second

// ways are what a process does while work is under way, and how it ends then: its status, or the number of a signal
// below 0.
var ways = map[string]struct {
	end    func(*busy)
	status int
	loud   bool
}{
	"return":  {end: func(*busy) {}},
	"exit":    {end: func(*busy) { go os.Exit(3); select {} }, status: 3},
	"quick":   {end: func(*busy) { syscall.Exit(4) }, status: 4},
	"handler": {end: useAndFree},
	"static":  {end: func(b *busy) { b.free() }},
	"uncaught": {end: func(*busy) {
		go panic(errors.New("nothing catches this"))
		select {}
	}, status: 2, loud: true},
	"signal": {end: func(b *busy) {
		go func() { _ = syscall.Kill(os.Getpid(), syscall.SIGTERM) }()
		_, _ = b.runs[0].Wait(context.Background())
	}, status: -int(syscall.SIGTERM)},
	"worker": {end: worker},
	"closed": {end: func(b *busy) {
		if err := b.runtime.Close(); err != nil {
			panic(err)
		}
		b.free()
	}},
}

// busy is a runtime with work under way: a session, ten executions, a node in a call.
type busy struct {
	runtime  *remotemedia.Runtime
	pipeline *remotemedia.Pipeline
	session  *remotemedia.Session
	runs     []*remotemedia.Run
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == "all" {
		count, err := strconv.Atoi(os.Args[2])
		check(err)
		os.Exit(endAll(count))
	}
	if len(os.Args) != 2 || ways[os.Args[1]].end == nil {
		fmt.Fprintln(os.Stderr, "usage: exits WAY, or exits all COUNT")
		os.Exit(64)
	}
	defer ways[os.Args[1]].end(work())
}

func work() *busy {
	ctx := context.Background()
	b := &busy{}
	var err error
	b.runtime, err = remotemedia.NewRuntime(remotemedia.Config{})
	check(err)
	begun := make(chan struct{}, 100)
	slow := remotemedia.Func("Slow", func(_ context.Context, value any) (any, error) {
		begun <- struct{}{}
		time.Sleep(20 * time.Millisecond)
		return value, nil
	})
	b.pipeline, err = b.runtime.Compile(remotemedia.NewGraph("busy").Chain(
		&remotemedia.NodeSpec{Type: "PassThrough"}, slow, (&remotemedia.NodeSpec{Type: "AudioResample"}).Set("rate", 8000)))
	check(err)
	audio := remotemedia.NewAudio(48000, 1, make([]float32, 48000))
	b.session, err = b.pipeline.Session(ctx, remotemedia.SessionOptions{})
	check(err)
	check(b.session.Send(ctx, audio))
	for range 10 {
		run, err := b.pipeline.Submit(ctx, audio, audio, audio)
		check(err)
		b.runs = append(b.runs, run)
	}
	<-begun
	return b
}

func useAndFree(b *busy) {
	outputs, err := b.pipeline.Execute(context.Background(), remotemedia.NewAudio(48000, 1, make([]float32, 480)))
	check(err)
	if len(outputs.Values()) == 0 {
		panic("there are no outputs")
	}
	b.free()
}

func (b *busy) free() {
	check(b.session.Close())
	check(b.pipeline.Close())
	check(b.runtime.Close())
}

// worker ends a thread that has a runtime in the middle of work.
func worker(*busy) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		// The goroutine does not unlock its thread, so that the thread ends with it.
		runtime.LockOSThread()
		work()
	}()
	<-done
}

func endAll(count int) int {
	code := 0
	for name, way := range ways {
		wrong := 0
		for range count {
			if found := endOnce(name); found != "" {
				wrong++
				fmt.Printf("%s: %s\n", name, found)
			}
		}
		fmt.Printf("%-9s %d processes, %d ended otherwise than with %d\n", name, count, wrong, way.status)
		if wrong > 0 {
			code = 1
		}
	}
	return code
}

// endOnce runs a process, and returns what was wrong with its end.
func endOnce(name string) string {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	command := exec.CommandContext(ctx, os.Args[0], name)
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	_ = command.Run()
	way, state := ways[name], command.ProcessState
	if ctx.Err() != nil {
		return "it did not end"
	}
	status := state.ExitCode()
	if wait, ok := state.Sys().(syscall.WaitStatus); ok && wait.Signaled() {
		status = -int(wait.Signal())
	}
	if status != way.status || output.Len() > 0 && !way.loud {
		return fmt.Sprintf("it ended with %d and printed %.2000q", status, output.String())
	}
	return ""
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
