// What an execution has made, read from its completion.

package remotemedia

import (
	"fmt"
	"iter"
	"slices"
)

// Packet is a value with its place in a stream.
type Packet struct {
	Value any
	// PTS is when it begins, Duration how long it lasts.
	PTS, Duration Time
	// Seq counts the outputs of its output, Stream the streams of a session.
	Seq, Stream int64
	// Item is the number of the input, or of the packet that was sent, that it came from.
	Item int
	// Output is the name of the output that it left by, or that a node in Go lets it leave by.
	Output string
	// Input is the name of the input by which it comes to a node in Go, or into a session; empty for the first one.
	Input string
}

// Outputs is what an execution has made.
type Outputs struct {
	names   []string
	packets [][]Packet
	// Skipped holds the errors after which a packet was dropped: the first 100, and the first of each node.
	Skipped []*Error
	// Skips and Retries count the errors after which an execution continued.
	Skips, Retries int
}

// Names returns the names of the outputs.
func (o *Outputs) Names() []string { return slices.Clone(o.names) }

// Packets returns what left by an output, in the order of items and of emission; nil if there is no such output.
func (o *Outputs) Packets(output string) []Packet {
	if i := slices.Index(o.names, output); i >= 0 {
		return o.packets[i]
	}
	return nil
}

// Values returns the values of all outputs, one output after the other; most pipelines have a single one.
func (o *Outputs) Values() []any {
	count := 0
	for _, packets := range o.packets {
		count += len(packets)
	}
	values := make([]any, 0, count)
	for _, packets := range o.packets {
		for i := range packets {
			values = append(values, packets[i].Value)
		}
	}
	return values
}

// All yields the packets of all outputs with the names of these.
func (o *Outputs) All() iter.Seq2[string, Packet] {
	return func(yield func(string, Packet) bool) {
		for i, packets := range o.packets {
			for _, packet := range packets {
				if !yield(o.names[i], packet) {
					return
				}
			}
		}
	}
}

// Values returns the values of all outputs as a type that all of them have: int64, float64, string, *Map, *Audio, ...
func Values[T any](o *Outputs) ([]T, error) {
	var values []T
	for output, packet := range o.All() {
		value, ok := packet.Value.(T)
		if !ok {
			var want T
			return nil, fmt.Errorf("remotemedia: value %d of the output %q is %T, not %T", len(values), output, packet.Value, want)
		}
		values = append(values, value)
	}
	return values, nil
}

// completion reads the document of that name: the outputs, or the error of a failed execution.
func (d *decoder) completion() (outputs *Outputs, err error, released []uint64) {
	outputs = &Outputs{}
	status := StatusOK
	var details []*Error
	for range d.mapHead("a completion") {
		switch string(d.field()) {
		case "status":
			status = Status(d.integer("the status", -1<<31, 1<<31))
		case "outputs":
			for range d.mapHead("the outputs") {
				outputs.names = append(outputs.names, d.key())
				outputs.packets = append(outputs.packets, d.columns(outputs.names[len(outputs.names)-1]))
			}
		case "errors":
			details = d.details()
		case "skipped":
			outputs.Skipped = d.details()
		case "skips":
			outputs.Skips = d.size("skips")
		case "retries":
			outputs.Retries = d.size("retries")
		case "released":
			released = d.tokens()
		default:
			d.value()
		}
	}
	if status < 0 {
		return outputs, completionError(status, details, outputs), released
	}
	return outputs, nil, released
}

// columns reads the outputs of a sink.
func (d *decoder) columns(output string) (packets []Packet) {
	each := func(what string, set func(*Packet)) {
		count := d.length(what)
		if packets == nil {
			packets = make([]Packet, count)
		}
		if count != len(packets) {
			d.fail("the columns of the output %q differ in length", output)
		}
		for i := range packets {
			set(&packets[i])
		}
	}
	hasSeqs := false
	for range d.mapHead("an output") {
		switch string(d.field()) {
		case "values":
			each("values", func(p *Packet) { p.Value, p.Output = d.value(), output })
		case "items":
			each("items", func(p *Packet) { p.Item = d.size("an item") })
		case "pts":
			each("pts", func(p *Packet) { p.PTS = d.pts() })
		case "durations":
			each("durations", func(p *Packet) { p.Duration = d.pts() })
		case "seqs":
			hasSeqs = true
			each("seqs", func(p *Packet) { p.Seq = d.integer("a seq", 0, 1<<62) })
		default:
			d.value()
		}
	}
	if !hasSeqs {
		for i := range packets {
			packets[i].Seq = int64(i)
		}
	}
	return packets
}

func (d *decoder) details() (found []*Error) {
	for range d.length("errors") {
		detail, _ := d.value().(*Map)
		found = append(found, errorOf(StatusExecutionFailed, detail))
	}
	return found
}

func (d *decoder) tokens() (found []uint64) {
	for range d.length("released") {
		found = append(found, uint64(d.integer("a token", 0, 1<<62)))
	}
	return found
}

// mapHead reads the head of a map, and returns the number of its entries.
func (d *decoder) mapHead(what string) int {
	switch head := d.byte(); {
	case head >= 0x80 && head < 0x90:
		return int(head & 0x0f)
	case head == 0xde || head == 0xdf:
		count := int(d.number(2 << (head - 0xde)))
		d.enter(count, 2*count, what)
		d.depth--
		return count
	}
	d.fail("%s is not a map", what)
	return 0
}
