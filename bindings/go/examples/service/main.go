// Command service cuts uploads into the segments in which somebody speaks:
//
//	go run ./examples/service -listen 127.0.0.1:8080 &
//	curl -T ../../examples/speech.flac http://127.0.0.1:8080/
//
// Each segment is one line of JSON, written as soon as it is known. An upload is decoded while it arrives, so memory
// stays flat however long it is.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"time"

	remotemedia "github.com/remotemedia/remotemedia-go"
	"github.com/remotemedia/remotemedia-go/nodes"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8080", "address to listen at")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	handler, err := newHandler()
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Addr: *listen, Handler: handler, BaseContext: func(net.Listener) context.Context { return ctx }}
	go func() {
		<-ctx.Done()
		// Uploads that are under way have ended with the context.
		closing, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = server.Shutdown(closing)
	}()
	log.Printf("listening at http://%s/", *listen)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
}

// handler cuts uploads. One pipeline serves all of them, each in a session of its own.
type handler struct{ pipeline *remotemedia.Pipeline }

func newHandler() (http.Handler, error) {
	pipeline, err := remotemedia.Compile(remotemedia.NewGraph("segments").Chain(
		nodes.AudioDecode(),
		nodes.AudioMix(1),
		// The bound of a segment is the bound of memory.
		nodes.SpeechSegments().MaxSpeechDurationS(30),
	))
	if err != nil {
		return nil, err
	}
	return &handler{pipeline}, nil
}

// line is what is written for a segment, or for the failure that ended an upload.
type line struct {
	StartS  float64 `json:"start_s"`
	EndS    float64 `json:"end_s"`
	Samples int     `json:"samples,omitempty"`
	Rate    int     `json:"rate,omitempty"`
	Error   string  `json:"error,omitempty"`
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost && r.Method != http.MethodPut {
		http.Error(w, "send the recording as the body of a POST or PUT", http.StatusMethodNotAllowed)
		return
	}
	// The context of the request ends when the client leaves, and the session with it.
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	session, err := h.pipeline.Session(ctx, remotemedia.SessionOptions{})
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	defer session.Close()
	// Segments are written while the body is still read.
	control := http.NewResponseController(w)
	_ = control.EnableFullDuplex()
	uploaded := make(chan error, 1)
	go func() { uploaded <- upload(ctx, session, r.Body) }()
	w.Header().Set("Content-Type", "application/x-ndjson")
	lines := json.NewEncoder(w)
	wrote := false
	for packet, err := range session.All(ctx) {
		found := line{}
		if err != nil {
			if !wrote {
				w.WriteHeader(http.StatusUnprocessableEntity)
			}
			found.Error = err.Error()
		} else {
			segment := packet.Value.(*remotemedia.Map)
			audio := segment.Get("audio").(*remotemedia.Audio)
			found.StartS, found.EndS = segment.Get("start_s").(float64), segment.Get("end_s").(float64)
			found.Samples, found.Rate = audio.Frames(), audio.Rate
		}
		if lines.Encode(found) != nil {
			break
		}
		wrote = true
		_ = control.Flush()
	}
	// The goroutine that reads the body must not outlive the request.
	cancel()
	_ = control.SetReadDeadline(time.Now())
	<-uploaded
}

// upload sends a body to a session in pieces, as fast as they are decoded.
func upload(ctx context.Context, session *remotemedia.Session, body io.Reader) error {
	// Pieces below 16 KiB are copied as they are sent, so that one buffer will do.
	piece := make([]byte, 8*1024)
	for {
		count, err := body.Read(piece)
		if count > 0 {
			if err := session.Send(ctx, piece[:count]); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return session.Finish()
		}
		if err != nil {
			// A body that breaks off is no recording: nothing of its end is believed.
			_ = session.Cancel()
			return err
		}
	}
}
