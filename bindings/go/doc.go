// Package remotemedia runs media pipelines: graphs of nodes that decode, resample, measure and detect on native
// threads, with nodes of your own written in Go.
//
//	pipeline, err := remotemedia.Compile(manifest)
//	outputs, err := pipeline.Execute(ctx, &remotemedia.File{Path: "speech.flac"})
//
// It loads libremotemedia at the first use: the file that REMOTEMEDIA_LIBRARY names, a copy beside the package or the
// program, or that of the system. It needs no C compiler; with the build tag remotemedia_cgo it calls C by cgo.
//
// # Values
//
// nil, bool, int64, float64, string, []byte, []any, *Map, Timestamp, *Audio, *Tensor, *Video, *Table and *File come
// out; an int above 2^63-1 comes out as uint64. Other kinds of numbers, slices, and maps with text keys go in as
// well.
//
// # Memory
//
// A payload of 16 KiB and more is lent to the runtime, and may come back in an output: treat what you have sent as
// immutable. Methods such as Audio.Channel return memory of Go; Audio.View shows memory of the runtime where it lies,
// without a copy, for the time of a call.
package remotemedia
