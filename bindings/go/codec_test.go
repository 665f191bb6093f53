package remotemedia

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

type vectorFile struct {
	Vectors []struct {
		Name, Meaning, Msgpack, JSON string
		Canonical                    bool
		Buffers                      []string
	}
	Refused []struct{ Name, Base64, Error string }
}

func vectors(t *testing.T) (folder string, file vectorFile) {
	t.Helper()
	folder = filepath.Join("..", "..", "tests", "vectors")
	text, err := os.ReadFile(filepath.Join(folder, "vectors.json"))
	if err != nil {
		t.Skip("the vectors are not here: ", err)
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	return folder, file
}

// encoded is the document of a value whose large parts stay in the document.
func encoded(t *testing.T, value any) []byte {
	t.Helper()
	e := &encoder{}
	defer e.abort()
	if err := e.document(value, "value"); err != nil {
		t.Fatal(err)
	}
	return e.out
}

func TestVectorsAreReadAndWritten(t *testing.T) {
	folder, file := vectors(t)
	for _, each := range file.Vectors {
		t.Run(each.Name, func(t *testing.T) {
			document, err := os.ReadFile(filepath.Join(folder, each.Msgpack))
			if err != nil {
				t.Fatal(err)
			}
			var table []payload
			for _, text := range each.Buffers {
				data, err := base64.StdEncoding.DecodeString(text)
				if err != nil {
					t.Fatal(err)
				}
				table = append(table, payload{data: data})
			}
			value, err := decode(document, func(index int) (payload, bool) {
				if index >= len(table) {
					return payload{}, false
				}
				return table[index], true
			})
			if err != nil {
				t.Fatal(err)
			}
			if written := encoded(t, value); each.Canonical && !bytes.Equal(written, document) {
				t.Errorf("written as % x\nnot as     % x", written, document)
			}
			twin, err := os.ReadFile(filepath.Join(folder, each.JSON))
			if err != nil {
				t.Fatal(err)
			}
			found, err := ToJSON(value)
			if err != nil {
				t.Fatal(err)
			}
			if want := bytes.TrimSuffix(twin, []byte("\n")); !bytes.Equal(found, want) {
				t.Errorf("the twin is %s\nnot         %s", found, want)
			}
			fromTwin, err := FromJSON(twin)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(encoded(t, fromTwin), encoded(t, value)) {
				t.Error("the twin has another value")
			}
		})
	}
}

func TestWrongDocumentsAreRefused(t *testing.T) {
	_, file := vectors(t)
	for _, each := range file.Refused {
		document, err := base64.StdEncoding.DecodeString(each.Base64)
		if err != nil {
			t.Fatal(err)
		}
		if value, err := decode(document, nil); err == nil {
			t.Errorf("%s: read as %v", each.Name, value)
		}
	}
}

func TestATensorHasNoSizeBelowZero(t *testing.T) {
	defer func() { expect(t, recover(), "remotemedia: the shape [-1 -3] of a tensor has a size below 0") }()
	NewTensor([]int8{1, 2, 3}, -1, -3)
}
