// Command conformance runs the conformance suite of the project with the Go binding:
//
//	conformance SUITE [--list] [CASE...]
//
// tests/conformance/README.md describes the suite, its cases, and the lines that are printed.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	remotemedia "github.com/remotemedia/remotemedia-go"
)

// testCase is one case of the suite. What it prints comes before its own line.
type testCase struct {
	name string
	run  func(print func(string)) error
}

// skip is why a case can't be run.
type skip string

func (s skip) Error() string { return string(s) }

// caseLimit is how long a case may take: steps that wait give up before.
const caseLimit = 60 * time.Second

func main() {
	if len(os.Args) < 2 {
		stop(errors.New("usage: conformance SUITE [--list] [CASE...]"))
	}
	suite, words := os.Args[1], os.Args[2:]
	if _, err := remotemedia.Version(); err != nil {
		stop(err)
	}
	cases, err := allCases(suite)
	if err != nil {
		stop(err)
	}
	list := slices.Contains(words, "--list")
	words = slices.DeleteFunc(words, func(word string) bool { return word == "--list" })
	for _, word := range words {
		if !slices.ContainsFunc(cases, func(c testCase) bool { return c.name == word }) {
			stop(fmt.Errorf("there is no case %q", word))
		}
	}
	out := bufio.NewWriter(os.Stdout)
	code := 0
	for _, each := range cases {
		if len(words) > 0 && !slices.Contains(words, each.name) {
			continue
		}
		if list {
			fmt.Fprintln(out, each.name)
			continue
		}
		if !report(out, each) {
			code = 1
		}
		_ = out.Flush()
	}
	_ = out.Flush()
	os.Exit(code)
}

func stop(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(2)
}

// report runs a case and prints its line; false if it has failed.
func report(out *bufio.Writer, each testCase) bool {
	done := make(chan error, 1)
	var printed []string
	go func() {
		defer func() {
			if found := recover(); found != nil {
				done <- fmt.Errorf("panic: %v", found)
			}
		}()
		done <- each.run(func(line string) { printed = append(printed, line) })
	}()
	var err error
	select {
	case err = <-done:
		for _, line := range printed {
			fmt.Fprintln(out, line)
		}
	case <-time.After(caseLimit):
		err = fmt.Errorf("it did not end within %v", caseLimit)
	}
	var reason skip
	switch {
	case err == nil:
		fmt.Fprintf(out, "ok %s\n", each.name)
	case errors.As(err, &reason):
		fmt.Fprintf(out, "skip %s: %s\n", each.name, reason)
	default:
		fmt.Fprintf(out, "FAIL %s: %s\n", each.name, strings.ReplaceAll(err.Error(), "\n", " "))
		return false
	}
	return true
}

func allCases(suite string) ([]testCase, error) {
	cases, err := vectorCases(suite)
	if err != nil {
		return nil, err
	}
	scenarios, err := scenarioCases(suite)
	if err != nil {
		return nil, err
	}
	digests, err := digestCases(suite)
	return slices.Concat(cases, scenarios, digests), err
}
