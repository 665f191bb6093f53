// Command frames sends frames of 20 ms through one session, and prints the memory of the process on the way, as one JSON
// map; tests/conformance/README.md says which.
//
//	frames SUITE [COUNT]
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	remotemedia "github.com/remotemedia/remotemedia-go"
)

const tenths = 10

func main() {
	frames := 1_000_000
	var err error
	if len(os.Args) == 3 {
		frames, err = strconv.Atoi(os.Args[2])
	}
	if len(os.Args) < 2 || len(os.Args) > 3 || err != nil {
		fmt.Fprintln(os.Stderr, "usage: frames SUITE [COUNT]")
		os.Exit(2)
	}
	if err := run(filepath.Join(os.Args[1], "bench", "frames.json"), frames); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}

func run(manifest string, frames int) error {
	ctx := context.Background()
	text, err := os.ReadFile(manifest)
	if err != nil {
		return err
	}
	pipeline, err := remotemedia.Compile(text)
	if err != nil {
		return err
	}
	session, err := pipeline.Session(ctx, remotemedia.SessionOptions{})
	if err != nil {
		return err
	}
	defer session.Close()
	resident := []int{}
	sent := make(chan error, 1)
	go func() {
		for number := 1; number <= frames; number++ {
			if err := session.Send(ctx, remotemedia.NewAudio(48000, 8, make([]float32, 8*960))); err != nil {
				sent <- err
				return
			}
			if number == frames*(len(resident)+1)/tenths {
				resident = append(resident, residentKiB())
			}
		}
		sent <- session.Finish()
	}()
	received := 0
	for _, err := range session.All(ctx) {
		if err != nil {
			return err
		}
		received++
	}
	if err := <-sent; err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{"sent": frames, "resident_kib": resident, "received": received})
}

// residentKiB is how much of the memory of the process is resident; 0 where that is unknown.
func residentKiB() int {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	pages, _ := strconv.Atoi(strings.Fields(string(text))[1])
	return pages * os.Getpagesize() / 1024
}
