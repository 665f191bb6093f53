package main

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
)

func post(t *testing.T, body io.Reader) (int, []line) {
	t.Helper()
	handler, err := newHandler()
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	defer server.Close()
	response, err := http.Post(server.URL, "application/octet-stream", body)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var lines []line
	for text := bufio.NewScanner(response.Body); text.Scan(); {
		var found line
		if err := json.Unmarshal(text.Bytes(), &found); err != nil {
			t.Fatal(err, text.Text())
		}
		lines = append(lines, found)
	}
	return response.StatusCode, lines
}

func TestAnUploadIsCutIntoSegments(t *testing.T) {
	recording, err := os.Open("../../../../examples/speech.flac")
	if err != nil {
		t.Skip(err)
	}
	defer recording.Close()
	status, lines := post(t, recording)
	if status != http.StatusOK || len(lines) == 0 {
		t.Fatal(status, lines)
	}
	for _, each := range lines {
		if each.Error != "" || each.EndS <= each.StartS || each.Samples == 0 {
			t.Fatal(each)
		}
	}
}

func TestWhatIsNoRecordingIsReported(t *testing.T) {
	status, lines := post(t, strings.NewReader("this is no recording"))
	if status != http.StatusUnprocessableEntity || len(lines) != 1 || !strings.Contains(lines[0].Error, "decode") {
		t.Fatal(status, lines)
	}
}
