// Command bench prints the five figures of the conformance suite for the Go binding, as one JSON map: nanoseconds by
// name.
//
//	bench SUITE
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	remotemedia "github.com/remotemedia/remotemedia-go"
	"github.com/remotemedia/remotemedia-go/internal/abi"
)

const (
	largeBytes = 2_764_800
	rounds     = 5
	roundTime  = 200 * time.Millisecond
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: bench SUITE")
		os.Exit(2)
	}
	figures, err := measure(filepath.Join(os.Args[1], "bench"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	text, err := json.Marshal(figures)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(text))
}

func measure(folder string) (map[string]float64, error) {
	ctx := context.Background()
	r, err := remotemedia.NewRuntime(remotemedia.Config{})
	if err != nil {
		return nil, err
	}
	defer r.Close()
	compile := func(name string, nodes ...*remotemedia.HostNode) (*remotemedia.Pipeline, error) {
		text, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			return nil, err
		}
		return r.Compile(text, nodes...)
	}
	three, err := compile("three.json")
	if err != nil {
		return nil, err
	}
	one, err := compile("one.json")
	if err != nil {
		return nil, err
	}
	own, err := compile("own.json", remotemedia.Func("Own", func(_ context.Context, value any) (any, error) { return value, nil }))
	if err != nil {
		return nil, err
	}
	large := remotemedia.NewTensor(make([]byte, largeBytes))
	return map[string]float64{
		"bare": timed(func() { abi.Call(abi.AbiVersion) }),
		"execute": timed(func() {
			outputs, err := three.Execute(ctx, 1, 2, 3)
			check(len(outputs.Values()) == 3, err)
		}),
		"submit": timed(func() {
			run, err := three.Submit(ctx, 1, 2, 3)
			check(err == nil, err)
			outputs, err := run.Wait(ctx)
			check(len(outputs.Values()) == 3, err)
		}),
		"large": timed(func() {
			outputs, err := one.Execute(ctx, large)
			check(err == nil, err)
			outputs.Values()[0].(*remotemedia.Tensor).View(func(elements []byte) { check(len(elements) == largeBytes, nil) })
		}),
		"node": timed(func() {
			outputs, err := own.Execute(ctx, 1)
			check(len(outputs.Values()) == 1, err)
		}),
	}, nil
}

func check(holds bool, err error) {
	if err != nil || !holds {
		panic(fmt.Sprintf("a run has gone wrong: %v", err))
	}
}

// timed returns the median of the means of some rounds, in nanoseconds for one call.
func timed(call func()) float64 {
	round := func() float64 {
		count := 0
		begun := time.Now()
		for time.Since(begun) < roundTime {
			for range 16 {
				call()
			}
			count += 16
		}
		return float64(time.Since(begun).Nanoseconds()) / float64(count)
	}
	round()
	means := make([]float64, rounds)
	for i := range means {
		means[i] = round()
	}
	slices.Sort(means)
	return means[rounds/2]
}
