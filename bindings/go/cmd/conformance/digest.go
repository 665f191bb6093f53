package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	remotemedia "github.com/remotemedia/remotemedia-go"
)

func digestCases(suite string) ([]testCase, error) {
	files, err := filepath.Glob(filepath.Join(suite, "digests", "*.json"))
	if err != nil {
		return nil, err
	}
	var cases []testCase
	for _, file := range files {
		name := "digest/" + strings.TrimSuffix(filepath.Base(file), ".json")
		cases = append(cases, testCase{name, func(print func(string)) error {
			digest, err := digestOf(file, filepath.Join(suite, "..", ".."))
			if err == nil {
				print(fmt.Sprintf("digest %s %s", name, digest))
			}
			return err
		}})
	}
	return cases, nil
}

// digestOf runs a manifest on a file, and returns the digest of all values that come out.
func digestOf(file, root string) (string, error) {
	described, err := readMap(file)
	if err != nil {
		return "", err
	}
	content, err := os.ReadFile(filepath.Join(root, described.Get("input").(string)))
	if err != nil {
		return "", err
	}
	pipeline, err := remotemedia.Compile(described.Get("manifest"))
	if err != nil {
		return "", err
	}
	defer pipeline.Close()
	ctx, cancel := patience()
	defer cancel()
	outputs, err := pipeline.Execute(ctx, &remotemedia.File{Content: content})
	if err != nil {
		return "", err
	}
	values := []any{}
	for _, packet := range outputs.Packets(described.Get("output").(string)) {
		values = append(values, packet.Value)
	}
	text, err := remotemedia.ToJSON(values)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%x", sha256.Sum256(text)), nil
}
