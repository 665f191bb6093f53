// Command soak sends frames of 20 ms through a session, and prints how much memory the process has, as JSON: resident
// bytes after one tenth of the frames and at the end.
//
//	soak [FRAMES]
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	remotemedia "github.com/remotemedia/remotemedia-go"
	"github.com/remotemedia/remotemedia-go/nodes"
)

func main() {
	frames := 1_000_000
	if len(os.Args) > 1 {
		var err error
		if frames, err = strconv.Atoi(os.Args[1]); err != nil {
			fmt.Fprintln(os.Stderr, "usage: soak [FRAMES]")
			os.Exit(2)
		}
	}
	if err := run(frames); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(frames int) error {
	ctx := context.Background()
	count := 0
	own := remotemedia.Func("Count", func(_ context.Context, audio *remotemedia.Audio) (*remotemedia.Audio, error) {
		count++
		return audio, nil
	})
	pipeline, err := remotemedia.Compile(remotemedia.NewGraph("soak").Chain(nodes.AudioResample(16000), own, nodes.AudioGain().GainDB(-6)))
	if err != nil {
		return err
	}
	session, err := pipeline.Session(ctx, remotemedia.SessionOptions{})
	if err != nil {
		return err
	}
	defer session.Close()
	begun := time.Now()
	sent := make(chan error, 1)
	go func() {
		for range frames {
			// 8 channels make a frame large enough to be lent.
			if err := session.Send(ctx, remotemedia.NewAudio(48000, 8, make([]float32, 8*960))); err != nil {
				sent <- err
				return
			}
		}
		sent <- session.Finish()
	}()
	received, early := 0, 0
	for _, err := range session.All(ctx) {
		if err != nil {
			return err
		}
		if received++; received == frames/10 {
			early = resident()
		}
	}
	if err := <-sent; err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{
		"frames": frames, "received": received, "in_go": count, "seconds": time.Since(begun).Seconds(),
		"resident_at_a_tenth": early, "resident_at_the_end": resident(),
	})
}

// resident is the number of bytes of the process that are in memory; 0 where it is unknown.
func resident() int {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	pages, _ := strconv.Atoi(strings.Fields(string(text))[1])
	return pages * os.Getpagesize()
}
