// Calls of the runtime to nodes in Go, read from events.

package remotemedia

import "context"

// call reads a call, and registers it; nil if its run has ended.
func (d *decoder) call(p *port, id uint64) *hostCall {
	c := &hostCall{port: p, id: id, room: make(chan struct{}, 1)}
	var job uint64
	for range d.mapHead("a call") {
		switch string(d.field()) {
		case "job":
			job = d.token()
		case "nodes":
			for range d.length("nodes") {
				d.fields(2, "a node")
				if l := lent(d.token()); l != nil {
					host, _ := l.object.(*hostType)
					c.nodes = append(c.nodes, hostRef{host: host, id: d.string("the id of a node")})
				} else {
					d.value()
				}
			}
		case "entries":
			count := d.length("entries")
			c.entries = make([]entry, count)
			for i := range c.entries {
				d.entryOf(&c.entries[i])
			}
		case "epoch":
			c.epoch = d.integer("an epoch", 0, 1<<62)
		default:
			d.value()
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	c.run = p.runs[job]
	if c.run == nil || p.over[id] {
		return nil
	}
	c.ctx, c.cancel = context.WithCancel(c.run.ctx)
	p.calls[id] = c
	return c
}

func (d *decoder) entryOf(e *entry) {
	count := d.length("an entry")
	e.isEnd = count < 4
	e.packet.Item = -1
	if count > 0 {
		e.packet.Item = d.size("an item")
	}
	if e.isEnd {
		return
	}
	e.packet.Value = d.value()
	e.packet.PTS, e.packet.Duration = d.pts(), d.pts()
	if count > 4 {
		e.port = d.size("a port")
	}
}
