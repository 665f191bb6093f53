package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	remotemedia "github.com/remotemedia/remotemedia-go"
)

const version = 1

type vector struct {
	Name     string
	Value    json.RawMessage
	Document []json.RawMessage
	Buffers  [][]json.RawMessage
	Written  bool
	Twin     []json.RawMessage
	Text     []json.RawMessage
	Bytes    []json.RawMessage
}

func vectorCases(suite string) ([]testCase, error) {
	text, err := os.ReadFile(filepath.Join(suite, "vectors.json"))
	if err != nil {
		return nil, err
	}
	var file struct {
		Schema       string
		Version      int
		Values       []vector
		Refused      []vector
		Unwritable   []vector
		ReadTwins    []vector `json:"read_twins"`
		RefusedTwins []vector `json:"refused_twins"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, err
	}
	if file.Version != version {
		return nil, fmt.Errorf("vectors.json has the version %d, this runner knows %d", file.Version, version)
	}
	var cases []testCase
	add := func(prefix string, vectors []vector, run func(vector) error) {
		for _, each := range vectors {
			cases = append(cases, testCase{prefix + "/" + each.Name, func(func(string)) error { return run(each) }})
		}
	}
	add("vector", file.Values, checkVector)
	add("twin", file.Values, checkTwin)
	add("read_twin", file.ReadTwins, checkReadTwin)
	add("refused", file.Refused, checkRefused)
	add("unwritable", file.Unwritable, checkUnwritable)
	add("refused_twin", file.RefusedTwins, checkRefusedTwin)
	return cases, nil
}

func (v *vector) document() remotemedia.Document {
	document := remotemedia.Document{Data: dataOf(v.Document)}
	for _, each := range v.Buffers {
		document.Buffers = append(document.Buffers, dataOf(each))
	}
	return document
}

func checkVector(v vector) error {
	expected := valueOf(v.Value)
	document := v.document()
	found, err := remotemedia.Decode(document)
	if err != nil {
		return err
	}
	if err := same(expected, found, "read"); err != nil || !v.Written {
		return err
	}
	if audio, ok := found.(*remotemedia.Audio); ok && audio.Layout == "" && v.hasEmptyLayout() {
		return skip("an empty layout is none in Go; it was read well")
	}
	written, err := remotemedia.Encode(expected)
	if err != nil {
		return err
	}
	return sameDocument(document, written)
}

func (v *vector) hasEmptyLayout() bool {
	part := parse[[]json.RawMessage](v.Value)
	return parse[string](part[0]) == "audio" && string(part[2]) == `""`
}

func sameDocument(expected, found remotemedia.Document) error {
	if !bytes.Equal(expected.Data, found.Data) {
		return fmt.Errorf("written as %.100x, expected %.100x", found.Data, expected.Data)
	}
	if !slices.EqualFunc(expected.Buffers, found.Buffers, bytes.Equal) {
		return fmt.Errorf("the buffers of the document differ: %d and %d", len(found.Buffers), len(expected.Buffers))
	}
	return nil
}

func checkTwin(v vector) error {
	if v.Twin == nil {
		return skip("its twin is too deep to be read")
	}
	document := v.document()
	value, err := remotemedia.Decode(document)
	if err != nil {
		return err
	}
	text, err := remotemedia.ToJSON(value)
	if err != nil {
		return err
	}
	if want := textOf(v.Twin); want != string(text) {
		return fmt.Errorf("the twin is %.200s, expected %.200s", text, want)
	}
	if !v.Written {
		return nil
	}
	return readTwin(text, document)
}

func readTwin(text []byte, document remotemedia.Document) error {
	value, err := remotemedia.FromJSON(text)
	if err != nil {
		return err
	}
	written, err := remotemedia.Encode(value)
	if err != nil {
		return err
	}
	return sameDocument(document, written)
}

func checkReadTwin(v vector) error { return readTwin([]byte(textOf(v.Text)), v.document()) }

func checkRefused(v vector) error {
	value, err := remotemedia.Decode(v.document())
	if err == nil {
		return fmt.Errorf("it is read as %s", shown(value))
	}
	return nil
}

func checkUnwritable(v vector) error {
	document, err := remotemedia.Encode(valueOf(v.Value))
	if err == nil {
		return fmt.Errorf("it is written as %.100x", document.Data)
	}
	return nil
}

func checkRefusedTwin(v vector) error {
	text := []byte(textOf(v.Text))
	if v.Bytes != nil {
		text = dataOf(v.Bytes)
	}
	value, err := remotemedia.FromJSON(text)
	if err == nil {
		return fmt.Errorf("it is read as %s", shown(value))
	}
	return nil
}
