package remotemedia_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log"

	remotemedia "github.com/remotemedia/remotemedia-go"
	"github.com/remotemedia/remotemedia-go/nodes"
)

func ExamplePipeline_Execute() {
	pipeline, err := remotemedia.Compile(remotemedia.NewGraph("levels").Chain(
		nodes.AudioDecode(), nodes.AudioMix(1), nodes.AudioLevel().WindowMS(100)))
	if err != nil {
		log.Fatal(err)
	}
	defer pipeline.Close()
	outputs, err := pipeline.Execute(context.Background(), &remotemedia.File{Path: "../../examples/speech.flac"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(outputs.Packets("audiolevel")), "windows; the last one begins at", outputs.Packets("audiolevel")[70].PTS)
	// Output: 71 windows; the last one begins at 7s
}

func ExampleFunc() {
	double := remotemedia.Func("Double", func(_ context.Context, value int) (int, error) {
		if value > 100 {
			return 0, errors.New("too large")
		}
		return 2 * value, nil
	})
	pipeline, err := remotemedia.Compile(remotemedia.NewGraph("doubled").Chain(double, nodes.Calculator(nodes.OperationAdd, 1)))
	if err != nil {
		log.Fatal(err)
	}
	defer pipeline.Close()
	outputs, err := pipeline.Execute(context.Background(), 1, 2, 3)
	fmt.Println(outputs.Values(), err)
	_, err = pipeline.Execute(context.Background(), 1, 200)
	var e *remotemedia.Error
	if errors.As(err, &e) {
		fmt.Println(e.NodeID, e.Item, e.Unwrap())
	}
	// Output:
	// [3 5 7] <nil>
	// double 1 too large
}

func ExamplePipeline_Session() {
	count := remotemedia.StreamFunc("Count", func(_ context.Context, to int) iter.Seq2[int, error] {
		return func(yield func(int, error) bool) {
			for i := range to {
				if !yield(i, nil) {
					return
				}
			}
		}
	})
	pipeline, err := remotemedia.Compile(remotemedia.NewGraph("counts").Chain(count))
	if err != nil {
		log.Fatal(err)
	}
	defer pipeline.Close()
	ctx := context.Background()
	session, err := pipeline.Session(ctx, remotemedia.SessionOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer session.Close()
	go func() {
		for _, to := range []int{1, 2, 3} {
			if session.Send(ctx, to) != nil {
				return
			}
		}
		_ = session.Finish()
	}()
	for packet, err := range session.All(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Print(packet.Value, " ")
	}
	// Output: 0 0 1 0 1 2
}
