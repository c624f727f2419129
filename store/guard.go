package store

import (
	"bytes"
	"runtime"
	"sync"
	"sync/atomic"
)

// txGuard knows, when a test switches it on, which goroutines have a write
// transaction open, so that a network call made meanwhile can be caught.
type txGuard struct {
	on   atomic.Bool
	open sync.Map // goroutine name -> true
}

// WatchTransactions makes InTransaction meaningful; for tests.
func (s *Store) WatchTransactions() { s.guard.on.Store(true) }

// InTransaction says whether the calling goroutine has a write transaction open.
func (s *Store) InTransaction() bool {
	_, open := s.guard.open.Load(goroutine())
	return open
}

func (g *txGuard) enter() (leave func()) {
	if !g.on.Load() {
		return func() {}
	}
	name := goroutine()
	g.open.Store(name, true)
	return func() { g.open.Delete(name) }
}

// goroutine gives the "goroutine N" head of the stack.
func goroutine() string {
	buf := make([]byte, 64)
	buf = buf[:runtime.Stack(buf, false)]
	head, _, _ := bytes.Cut(buf, []byte(" ["))
	return string(head)
}
