package work

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"switchboard"
)

// sweep re-creates the drains of keys that have due rows and no drain: after a lost
// hint, a discarded job, a database put back from a copy. It asks every queue.
func (c *Client) sweep(ctx context.Context) error {
	var failed error
	for _, queue := range c.config.Queues {
		if err := c.sweepQueue(ctx, queue); err != nil {
			failed = errors.Join(failed, fmt.Errorf("sweep queue %s: %w", queue.Name, err))
		}
	}
	return failed
}

func (c *Client) sweepQueue(ctx context.Context, queue Queue) error {
	keys, err := queue.Missing(ctx, sweepLimit)
	if err != nil || len(keys) == 0 {
		return err
	}
	lost, err := c.withoutDrain(ctx, queue.Name, keys)
	if err != nil {
		return err
	}
	for chunk := range slices.Chunk(lost, insertChunk) {
		if err := c.insertAlone(ctx, chunk); err != nil {
			return err
		}
	}
	return nil
}

// withoutDrain reads before anything is written: nearly always every key has a drain.
func (c *Client) withoutDrain(ctx context.Context, queue string, keys []switchboard.Key) ([]switchboard.Key, error) {
	var drained map[switchboard.Key]struct{}
	err := c.config.Store.InTx(ctx, func(tx switchboard.Tx) (err error) {
		drained, err = c.engine.drained(ctx, tx.Raw(), queue)
		return err
	})
	return slices.DeleteFunc(keys, func(key switchboard.Key) bool {
		_, found := drained[key]
		return found
	}), err
}
