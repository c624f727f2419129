package work

import (
	"context"
	"slices"
	"sync"
	"time"

	"switchboard"
)

// hintGap is the least time between two insertions of hints.
const hintGap = 10 * time.Millisecond

// hints are keys that somebody says have work, each once, to be inserted together.
type hints struct {
	mu      sync.Mutex
	waiting map[switchboard.Key]struct{}
	some    chan struct{} // holds one token while something waits
}

func (h *hints) init() {
	h.waiting = make(map[switchboard.Key]struct{})
	h.some = make(chan struct{}, 1)
}

// add forgets what does not fit.
func (h *hints) add(keys []switchboard.Key) {
	h.mu.Lock()
	for _, key := range keys {
		if len(h.waiting) < hintLimit {
			h.waiting[key] = struct{}{}
		}
	}
	h.mu.Unlock()
	select {
	case h.some <- struct{}{}:
	default:
	}
}

func (h *hints) take() []switchboard.Key {
	h.mu.Lock()
	defer h.mu.Unlock()
	keys := make([]switchboard.Key, 0, len(h.waiting))
	for key := range h.waiting {
		keys = append(keys, key)
	}
	clear(h.waiting)
	slices.SortFunc(keys, compareKeys)
	return keys
}

// Hint says, after a commit, that the keys have work: for followers, whose producers
// insert no drain. It never blocks and may be lost with the process; the sweep finds
// what was lost.
func (c *Client) Hint(keys ...switchboard.Key) { c.hints.add(keys) }

// hintLoop inserts the hints that gathered while the last ones were inserted.
func (c *Client) hintLoop(ctx context.Context) {
	for {
		select {
		case <-c.hints.some:
			c.flushHints(context.WithoutCancel(ctx))
		case <-ctx.Done():
			c.flushHints(context.WithoutCancel(ctx))
			return
		}
		sleep(ctx, hintGap)
	}
}

func (c *Client) flushHints(ctx context.Context) {
	for chunk := range slices.Chunk(c.hints.take(), insertChunk) {
		if err := c.insertAlone(ctx, chunk); err != nil {
			c.log().Warn("hints are lost until the next sweep", "keys", len(chunk), "err", err)
		}
	}
}

// insertAlone inserts drains in a transaction of their own.
func (c *Client) insertAlone(ctx context.Context, keys []switchboard.Key) error {
	ctx, cancel := context.WithTimeout(ctx, closingTimeout)
	defer cancel()
	return c.config.Store.InTx(ctx, func(tx switchboard.Tx) error { return c.Insert(ctx, tx, keys...) })
}
