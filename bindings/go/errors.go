// Errors: those of the library with all that they name, and those of functions.

package remotemedia

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Error is a failure that the runtime, or this package in its place, reports. errors.Is finds its Status, and with
// StatusTimedOut and StatusCancelled also context.DeadlineExceeded and context.Canceled; the error of a node written
// in Go is what Unwrap returns, the same value.
type Error struct {
	// Status is the kind of failure.
	Status Status
	// Message is the whole story in one sentence, or one line for each problem of a manifest.
	Message string
	// Cause and Cure are the two halves of the message.
	Cause, Cure string
	// NodeID and NodeType name the node that failed.
	NodeID, NodeType string
	// Item is the number of the input, from 0; -1 if it is not known.
	Item int
	// Input is the name of the file, if the input has one.
	Input string
	// Position is the place in the media time of the input.
	Position Time
	// Chain holds the causes of the cause, nearest first.
	Chain []string
	// Problems lists all that is wrong with a manifest.
	Problems []Problem
	// Others are errors of further nodes of the same execution.
	Others []*Error
	// Outputs is what came out before the failure; nil if nothing is known.
	Outputs *Outputs

	err      error
	released []uint64
}

// Problem is one mistake in a manifest.
type Problem struct {
	// Path leads to it, such as nodes[1].params.rate.
	Path, Message string
	// Line and Column count from 1; 0 if they are not known.
	Line, Column              int
	Expected, Got, Suggestion string
}

func (p Problem) String() string {
	if p.Line > 0 {
		return fmt.Sprintf("%d:%d: %s: %s", p.Line, p.Column, p.Path, p.Message)
	}
	return p.Path + ": " + p.Message
}

func (e *Error) Error() string { return e.Message }

// Unwrap returns the error that a function of this program gave, or the cause of the context that ended the work, or the call.
func (e *Error) Unwrap() error { return e.err }

// Is makes errors.Is find the status, and the errors of package context that mean the same.
func (e *Error) Is(target error) bool {
	switch target {
	case context.Canceled:
		return e.Status == StatusCancelled
	case context.DeadlineExceeded:
		return e.Status == StatusTimedOut
	}
	status, ok := target.(Status)
	return ok && status == e.Status
}

// Error makes a Status a target for errors.Is: errors.Is(err, remotemedia.StatusGone).
func (s Status) Error() string { return s.String() }

// PanicError is what a node written in Go fails with when it panics.
type PanicError struct {
	// Value is what the function panicked with, Stack where.
	Value any
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Unwrap returns the value if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

func failure(status Status, format string, arguments ...any) *Error {
	return &Error{Status: status, Item: -1, Message: fmt.Sprintf(format, arguments...)}
}

// errorOf makes the Error of a detail, a map of docs/abi.md. The errors of functions are looked up by their numbers.
func errorOf(status Status, detail *Map) *Error {
	e := &Error{Status: status, Item: -1}
	for key, value := range detail.All() {
		switch key {
		case "status":
			e.Status = Status(toInt(value))
		case "message":
			e.Message = toText(value)
		case "cause":
			e.Cause = toText(value)
		case "cure":
			e.Cure = toText(value)
		case "node_id":
			e.NodeID = toText(value)
		case "node_type":
			e.NodeType = toText(value)
		case "item":
			e.Item = toInt(value)
		case "input":
			e.Input = toText(value)
		case "position_ns":
			e.Position = toTime(value)
		case "chain":
			for _, each := range toList(value) {
				e.Chain = append(e.Chain, toText(each))
			}
		case "problems":
			for _, each := range toList(value) {
				e.Problems = append(e.Problems, problemOf(each))
			}
		case "host_token":
			if l := lent(uint64(toInt(value))); l != nil {
				e.err, _ = l.object.(error)
			}
		case "released":
			for _, each := range toList(value) {
				e.released = append(e.released, uint64(toInt(each)))
			}
		}
	}
	return e
}

func problemOf(value any) Problem {
	m, _ := value.(*Map)
	return Problem{
		Path: toText(m.Get("path")), Message: toText(m.Get("message")), Line: toInt(m.Get("line")),
		Column: toInt(m.Get("column")), Expected: toText(m.Get("expected")), Got: toText(m.Get("got")),
		Suggestion: toText(m.Get("suggestion")),
	}
}

// completionError makes one Error of those of a completion that failed: the first one of a node leads.
func completionError(status Status, details []*Error, outputs *Outputs) *Error {
	first := slices.IndexFunc(details, func(e *Error) bool { return e.NodeID != "" })
	var lead *Error
	switch {
	case len(details) == 0:
		lead = failure(status, "%v", status)
	case status == StatusExecutionFailed && first >= 0:
		lead = details[first]
	default:
		lead = details[0]
	}
	lead.Status, lead.Outputs = status, outputs
	for _, other := range details {
		if other != lead && other.NodeID != "" {
			lead.Others = append(lead.Others, other)
			if lead.err == nil {
				lead.err = other.err
			}
		}
	}
	return lead
}

// doneError is the error of a call that its own context has ended: what came of it, and the cause.
func doneError(ctx context.Context, what string) *Error {
	e := failure(statusOf(ctx.Err()), "%s: %v", what, context.Cause(ctx))
	e.err = context.Cause(ctx)
	return e
}

// statusOf is the status that an error of a context stands for.
func statusOf(err error) Status {
	if err == context.DeadlineExceeded {
		return StatusTimedOut
	}
	return StatusCancelled
}

// causedBy makes the end of a context the cause of what it has ended.
func causedBy(ctx context.Context, err error) error {
	var e *Error
	if ended := ctx.Err(); ended != nil && errors.As(err, &e) && e.Status == statusOf(ended) && e.err == nil {
		e.err = context.Cause(ctx)
	}
	return err
}

func toInt(value any) int {
	switch v := value.(type) {
	case int64:
		return int(v)
	case uint64:
		return int(v)
	}
	return 0
}

func toText(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case nil:
		return ""
	}
	return fmt.Sprint(value)
}

func toTime(value any) Time {
	ns, known := value.(int64)
	return Time{ns, known}
}

func toList(value any) []any {
	found, _ := value.([]any)
	return found
}
