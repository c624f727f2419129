//go:build !plant_fastinsert

package work

import (
	"context"

	"switchboard"
)

func (c *Client) insertChunk(ctx context.Context, tx switchboard.Tx, keys []switchboard.Key) error {
	found, err := c.insertSlow(ctx, tx, keys)
	if err != nil {
		return err
	}
	return c.wakeSleepers(ctx, tx, found)
}
