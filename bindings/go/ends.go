// The names of the inputs and outputs of a pipeline, and which outputs lie behind a node, read from its plan.

package remotemedia

import (
	"strings"
	"sync"

	"github.com/remotemedia/remotemedia-go/internal/abi"
)

// ends are the inputs and outputs of a pipeline, in the order of its plan.
type ends struct {
	inputs, outputs []string
	// from is the node of each output, next the nodes behind each node.
	from []string
	next map[string][]string
}

// endsOf returns what reads the ends of a pipeline, at the first need.
func endsOf(h *handle) func() (*ends, error) {
	return sync.OnceValues(func() (*ends, error) {
		plan, err := h.ask(abi.PipelineDescribe)
		if err != nil {
			return nil, err
		}
		found := &ends{next: map[string][]string{}}
		for _, each := range toMaps(plan.Get("inputs")) {
			found.inputs = append(found.inputs, toText(each.Get("name")))
		}
		for _, each := range toMaps(plan.Get("outputs")) {
			found.outputs = append(found.outputs, toText(each.Get("name")))
			found.from = append(found.from, nodeOf(each.Get("from")))
		}
		for _, each := range toMaps(plan.Get("connections")) {
			from := nodeOf(each.Get("from"))
			found.next[from] = append(found.next[from], nodeOf(each.Get("to")))
		}
		return found, nil
	})
}

// behind returns the outputs of a node and of those behind it.
func (e *ends) behind(node string) map[string]bool {
	nodes := map[string]bool{}
	var visit func(string)
	visit = func(id string) {
		if !nodes[id] {
			nodes[id] = true
			for _, next := range e.next[id] {
				visit(next)
			}
		}
	}
	visit(node)
	found := map[string]bool{}
	for i, output := range e.outputs {
		if nodes[e.from[i]] {
			found[output] = true
		}
	}
	return found
}

// nodeOf is the id of the node in "id.port" or "id".
func nodeOf(end any) string {
	id, _, _ := strings.Cut(toText(end), ".")
	return id
}

func toMaps(value any) (found []*Map) {
	for _, each := range toList(value) {
		if m, ok := each.(*Map); ok {
			found = append(found, m)
		}
	}
	return found
}
