package remotemedia

import (
	"fmt"
	"testing"
)

func TestAGraphHasItsNodesAsTheyWereAdded(t *testing.T) {
	r, ctx := begin(t)
	calculator := &NodeSpec{Type: "Calculator"}
	calculator.Set("operation", "add")
	var graphs []*Graph
	for operand := range 3 {
		graphs = append(graphs, chain(calculator.Set("operand", operand)))
	}
	for operand, graph := range graphs {
		outputs, err := compile(t, r, graph).Execute(ctx, 1)
		must(t, err)
		expect(t, outputs.Values(), []any{1 + operand})
	}
	// Also what params refer to, and what else a node is.
	names, action := []string{"a", "b"}, map[string]any{"action": "skip"}
	node := &NodeSpec{Type: "Own", OnError: action}
	node.Set("names", names).Set("inner", NewMap("key", "before"))
	to := []string{"own"}
	graph := chain(node).Input("first", to...)
	before, err := graph.manifest()
	must(t, err)
	wanted := fmt.Sprint(before)
	names[0], action["action"], to[0] = "changed", "fail", "other"
	node.Params.Get("inner").(*Map).Set("key", "after")
	node.Set("more", 1).ID, node.Type, node.OnError = "other", "Other", nil
	after, err := graph.manifest()
	must(t, err)
	expect(t, after, wanted)
	// What can't be carried is refused by its place.
	_, err = r.Compile(chain((&NodeSpec{Type: "Own"}).Set("channel", make(chan int))))
	expect(t, failed(t, err, StatusInvalidDocument).Message[:len("manifest.nodes[0].params.channel: ")], "manifest.nodes[0].params.channel: ")
}
