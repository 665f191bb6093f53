// A signal that wakes all who wait for it.

package remotemedia

import "sync"

// changes wake all who wait for one.
type changes struct {
	mu sync.Mutex
	// closing is closed at each change, and replaced.
	closing chan struct{}
}

func newChanges() *changes { return &changes{closing: make(chan struct{})} }

// next returns what is closed at the next change.
func (c *changes) next() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closing
}

func (c *changes) notify() {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.closing)
	c.closing = make(chan struct{})
}
