// Command speech runs a manifest on a recording, and prints its level every 100 ms:
//
//	go run ./examples/speech ../../examples/speech.yaml ../../examples/speech.flac
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/signal"

	remotemedia "github.com/remotemedia/remotemedia-go"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatal("usage: speech MANIFEST RECORDING")
	}
	// Ctrl-C cancels the work.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1], os.Args[2]); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, manifestPath, recording string) error {
	manifest, err := os.ReadFile(manifestPath)
	if err != nil {
		return err
	}
	pipeline, err := remotemedia.Compile(manifest)
	if err != nil {
		var e *remotemedia.Error
		if errors.As(err, &e) {
			for _, problem := range e.Problems {
				log.Printf("%s:%v", manifestPath, problem)
			}
		}
		return err
	}
	defer pipeline.Close()
	outputs, err := pipeline.Execute(ctx, &remotemedia.File{Path: recording})
	if err != nil {
		return err
	}
	windows := outputs.Packets("level")
	for _, window := range windows {
		level := window.Value.(*remotemedia.Map)
		fmt.Printf("%6.1f s %7.1f dBFS\n", window.PTS.Duration().Seconds(), level.Get("rms_db"))
	}
	fmt.Printf("%d windows of 100 ms\n", len(windows))
	return nil
}
