package remotemedia

import (
	"errors"
	"testing"
)

// twoInputs has two named inputs, and two named outputs.
func twoInputs() *Graph {
	return NewGraph("ends").
		Add(
			(&NodeSpec{ID: "add", Type: "Calculator"}).Set("operation", "add").Set("operand", 5),
			&NodeSpec{ID: "pass", Type: "PassThrough"},
		).
		Input("numbers", "add.in").Input("others", "pass.in").Output("sums", "add.out").Output("same", "pass.out")
}

func TestInputsAndOutputsHaveNames(t *testing.T) {
	r, ctx := begin(t)
	p := compile(t, r, twoInputs())
	outputs, err := p.ExecuteNamed(ctx, map[string][]any{"numbers": {1, 2}, "others": {"a", "b"}})
	must(t, err)
	expect(t, outputs.Names(), "[sums same]")
	expect(t, values(outputs.Packets("sums")), "[6 7]")
	expect(t, values(outputs.Packets("same")), "[a b]")
	_, err = p.ExecuteNamed(ctx, map[string][]any{"numbers": {1}, "others": {"a", "b"}})
	if !errors.Is(err, StatusInvalidArgument) && !errors.Is(err, StatusInvalidDocument) {
		t.Fatal(err)
	}
	s := open(t, ctx, p, SessionOptions{Outputs: []string{"same", "sums"}})
	same, err := s.Output("same")
	must(t, err)
	sums, err := s.Output("sums")
	must(t, err)
	must(t, s.SendPackets(ctx, Packet{Value: 1, Input: "numbers"}, Packet{Value: "a", Input: "others"}))
	if err := s.SendPackets(ctx, Packet{Value: 1, Input: "neither"}); !errors.Is(err, StatusInvalidArgument) {
		t.Fatal(err)
	}
	packet, err := same.Receive(ctx)
	must(t, err)
	expect(t, []any{packet.Value, packet.Output}, "[a same]")
	packet, err = sums.Receive(ctx)
	must(t, err)
	expect(t, []any{packet.Value, packet.Output}, "[6 sums]")
}

func TestTwoInputsOrOutputsOfOneNameAreRefused(t *testing.T) {
	r, _ := begin(t)
	for want, graph := range map[string]*Graph{
		`two inputs are called "others"; name all that an input leads to in one call of Input`: twoInputs().Input("others", "add.in"),
		`two outputs are called "same"; give each of them a name of its own`:                   twoInputs().Output("same", "pass"),
	} {
		_, err := r.Compile(graph)
		expect(t, failed(t, err, StatusInvalidArgument).Message, want)
	}
}

func TestAPartIsInterrupted(t *testing.T) {
	r, ctx := begin(t)
	node, begun, release := stalling()
	graph := NewGraph("part").Add(&NodeSpec{ID: "in", Type: "PassThrough"}, &NodeSpec{ID: "kept", Type: "PassThrough"}, node).
		Connect("in", "kept").Connect("in", "stall")
	s := open(t, ctx, compile(t, r, graph), SessionOptions{})
	kept, err := s.Output("kept")
	must(t, err)
	stall, err := s.Output("stall")
	must(t, err)
	must(t, s.Send(ctx, 1))
	<-begun
	must(t, s.Interrupt("stall"))
	if err := s.Interrupt("nowhere"); !errors.Is(err, StatusInvalidArgument) {
		t.Fatal(err)
	}
	close(release)
	must(t, s.Send(ctx, 2))
	must(t, s.Finish())
	for output, wanted := range map[*Output]string{kept: "[1 2]", stall: "[2]"} {
		var all []Packet
		for packet, err := range output.All(ctx) {
			must(t, err)
			all = append(all, packet)
		}
		expect(t, values(all), wanted)
	}
}
