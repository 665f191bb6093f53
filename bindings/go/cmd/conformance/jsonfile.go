package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"

	remotemedia "github.com/remotemedia/remotemedia-go"
)

// readMap reads a file of the suite as the map that it is: entries keep their order, ints are no floats, and objects
// with a key "$rm" are the values of which they are the twins.
func readMap(file string) (*remotemedia.Map, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	value, err := fromFile(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	found, ok := value.(*remotemedia.Map)
	if !ok {
		return nil, fmt.Errorf("%s is not a map", file)
	}
	if found.Get("version") != int64(version) {
		return nil, fmt.Errorf("%s has the version %v, this runner knows %d", file, found.Get("version"), version)
	}
	return found, nil
}

func fromFile(text json.RawMessage) (any, error) {
	text = bytes.TrimSpace(text)
	switch {
	case len(text) == 0:
		return nil, fmt.Errorf("a value is missing")
	case text[0] == '[':
		var items []json.RawMessage
		if err := json.Unmarshal(text, &items); err != nil {
			return nil, err
		}
		all := make([]any, len(items))
		for i := range items {
			var err error
			if all[i], err = fromFile(items[i]); err != nil {
				return nil, err
			}
		}
		return all, nil
	case text[0] == '{':
		return mapFromFile(text)
	}
	return remotemedia.FromJSON(text)
}

func mapFromFile(text json.RawMessage) (any, error) {
	m := remotemedia.NewMap()
	reader := json.NewDecoder(bytes.NewReader(text))
	if _, err := reader.Token(); err != nil {
		return nil, err
	}
	for reader.More() {
		key, err := reader.Token()
		if err != nil {
			return nil, err
		}
		if key == "$rm" {
			return remotemedia.FromJSON(text)
		}
		var part json.RawMessage
		if err := reader.Decode(&part); err != nil {
			return nil, err
		}
		value, err := fromFile(part)
		if err != nil {
			return nil, err
		}
		m.Set(key.(string), value)
	}
	return m, nil
}
