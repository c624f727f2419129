package store

import (
	"context"
	"fmt"
)

// writers lets SQLite's writers in one after another, in the order in which they came.
// The pool of the one connection picks among those who wait by chance: under load
// somebody would wait for ever, and the jobs' own statements, which come to the pool
// directly, with them. Now at most one of ours stands there beside them.
type writers chan struct{}

// take waits for the turn and gives its end; nothing to wait for on PostgreSQL.
func (t writers) take(ctx context.Context) (leave func(), err error) {
	if t == nil {
		return func() {}, nil
	}
	select {
	case t <- struct{}{}:
		return func() { <-t }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the writer: %w", ctx.Err())
	}
}
