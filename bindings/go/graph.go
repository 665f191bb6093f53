// Graphs built in Go, as manifests.

package remotemedia

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Graph builds a manifest in Go, of the builders in package nodes and of host nodes:
//
//	graph := remotemedia.NewGraph("speech").
//		Chain(nodes.AudioDecode(), nodes.AudioMix().Channels(1), nodes.AudioLevel().WindowMS(100))
type Graph struct {
	name        string
	nodes       []graphNode
	types       hostTypes
	connections []*Map
	inputs      *Map
	outputs     *Map
	ids         map[string]bool
	// mistake is the first one that a manifest can't express; Compile reports it.
	mistake error
}

// graphNode is a copy of a node that was added to a graph, under the type that it has there.
type graphNode struct {
	NodeSpec
	nodeType string
}

// Node is what a Graph takes: a NodeSpec, a builder of package nodes, or a HostNode.
type Node interface {
	// Spec is the node as a manifest has it.
	Spec() *NodeSpec
}

// NodeSpec is a node of a manifest. ID is by default the type in lower case, with a number if it is there already.
type NodeSpec struct {
	ID, Type string
	Params   *Map
	// OnError is what an error of the node means: "fail", "skip", or a map as docs/manifest.md has it.
	OnError any

	host *HostNode
}

// Spec returns the node itself.
func (n *NodeSpec) Spec() *NodeSpec { return n }

// Set sets a param.
func (n *NodeSpec) Set(param string, value any) *NodeSpec {
	if n.Params == nil {
		n.Params = &Map{}
	}
	n.Params.Set(param, value)
	return n
}

// Spec is a node of this type without params.
func (n *HostNode) Spec() *NodeSpec { return &NodeSpec{Type: n.Type, host: n} }

// NewGraph makes an empty graph.
func NewGraph(name string) *Graph {
	return &Graph{name: name, types: hostTypes{}, ids: map[string]bool{}}
}

// Add adds copies of nodes, without connections. Their ids are settled then; what a node is changed to afterwards is for
// the graphs that it is added to next. Of two HostNodes with the same Type the second has a number behind it, as ids do;
// one HostNode that is added twice is one type.
func (g *Graph) Add(nodes ...Node) *Graph {
	for _, each := range nodes {
		spec := each.Spec()
		if spec.ID == "" {
			spec.ID = strings.ToLower(spec.Type)
			for number := 2; g.ids[spec.ID]; number++ {
				spec.ID = fmt.Sprintf("%s_%d", strings.ToLower(spec.Type), number)
			}
		}
		g.ids[spec.ID] = true
		nodeType := spec.Type
		if spec.host != nil {
			nodeType = g.types.add(nodeType, spec.host)
		}
		added := graphNode{*spec, nodeType}
		added.Params, _ = copied(spec.Params).(*Map)
		added.OnError = copied(spec.OnError)
		g.nodes = append(g.nodes, added)
	}
	return g
}

// Chain adds nodes, each connected to the one before it.
func (g *Graph) Chain(nodes ...Node) *Graph {
	first := len(g.nodes)
	g.Add(nodes...)
	for i := first + 1; i < len(g.nodes); i++ {
		g.Connect(g.nodes[i-1].ID, g.nodes[i].ID)
	}
	return g
}

// Connect connects an output to an input: "id", or "id.port".
func (g *Graph) Connect(from, to string) *Graph {
	g.connections = append(g.connections, NewMap("from", from, "to", to))
	return g
}

// Connection is a connection with a queue of its own, or one that goes backwards.
type Connection struct {
	// From and To are "id", or "id.port".
	From, To string
	// Buffer bounds what waits between the two nodes; nil for none of its own.
	Buffer *Buffer
	// Delay is by how much later packets of a connection that goes backwards arrive, in whole milliseconds.
	Delay time.Duration
}

// Buffer bounds the queue of a connection. What is 0 has the default. Media is in whole milliseconds.
type Buffer struct {
	Packets, Bytes int
	Media          time.Duration
	// Policy is what becomes of a packet without room: "block", "drop_oldest" or "drop_newest".
	Policy string
}

// Join adds a connection.
func (g *Graph) Join(c Connection) *Graph {
	m := NewMap("from", c.From, "to", c.To)
	if c.Buffer != nil {
		buffer := &Map{}
		if c.Buffer.Packets != 0 {
			buffer.Set("packets", c.Buffer.Packets)
		}
		if c.Buffer.Bytes != 0 {
			buffer.Set("bytes", c.Buffer.Bytes)
		}
		if c.Buffer.Media != 0 {
			buffer.Set("ms", milliseconds(c.Buffer.Media))
		}
		if c.Buffer.Policy != "" {
			buffer.Set("policy", c.Buffer.Policy)
		}
		m.Set("buffer", buffer)
	}
	if c.Delay != 0 {
		m.Set("delay_ms", milliseconds(c.Delay))
	}
	g.connections = append(g.connections, m)
	return g
}

// Input names an input of the graph, which leads to these inputs of nodes. Compile refuses two of one name.
func (g *Graph) Input(name string, to ...string) *Graph {
	return g.end(&g.inputs, name, slices.Clone(to), "two inputs are called %q; name all that an input leads to in one call of Input")
}

// Output names an output of the graph, which is this output of a node. Compile refuses two of one name.
func (g *Graph) Output(name, from string) *Graph {
	return g.end(&g.outputs, name, from, "two outputs are called %q; give each of them a name of its own")
}

func (g *Graph) end(ends **Map, name string, of any, twice string) *Graph {
	if *ends == nil {
		*ends = &Map{}
	}
	if _, has := (*ends).Lookup(name); has && g.mistake == nil {
		g.mistake = failure(StatusInvalidArgument, twice, name)
	}
	(*ends).Set(name, of)
	return g
}

func (g *Graph) manifest() (*Map, error) {
	if g.mistake != nil {
		return nil, g.mistake
	}
	var nodes []any
	for _, each := range g.nodes {
		node := NewMap("id", each.ID, "node_type", each.nodeType)
		if each.Params.Len() > 0 {
			node.Set("params", each.Params)
		}
		if each.OnError != nil {
			node.Set("on_error", each.OnError)
		}
		nodes = append(nodes, node)
	}
	connections := []any{}
	for _, each := range g.connections {
		connections = append(connections, each)
	}
	m := NewMap("version", "v1", "metadata", NewMap("name", g.name), "nodes", nodes, "connections", connections)
	if g.inputs != nil {
		m.Set("inputs", g.inputs)
	}
	if g.outputs != nil {
		m.Set("outputs", g.outputs)
	}
	return m, nil
}

// copied returns a value that shares no memory with this one, as it comes out of the runtime. What can't be carried stays
// as it is: Compile refuses it by its place.
func copied(value any) any {
	document, err := Encode(value)
	if err != nil {
		return value
	}
	made, err := Decode(document)
	if err != nil {
		return value
	}
	return made
}
