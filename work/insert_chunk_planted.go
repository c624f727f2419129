//go:build plant_fastinsert

package work

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"switchboard"
)

// insertChunk of this build has a planted bug: the fast insert, told to pass over keys
// that have a drain, locks nothing on them, so that a drain can end between this
// statement and the producer's commit.
func (c *Client) insertChunk(ctx context.Context, tx switchboard.Tx, keys []switchboard.Key) error {
	for _, key := range keys {
		if err := c.insertFast(ctx, tx, key); err != nil {
			return err
		}
	}
	c.engine.announce(keys, 0)
	return nil
}

func (c *Client) insertFast(ctx context.Context, tx switchboard.Tx, key switchboard.Key) error {
	params := insertParams([]switchboard.Key{key})
	outer, postgres := tx.Raw().(pgx.Tx)
	if !postgres {
		return c.engine.insertFast(ctx, tx.Raw(), params)
	}
	inner, err := outer.Begin(ctx)
	if err != nil {
		return err
	}
	err = c.engine.insertFast(ctx, inner, params)
	var duplicate *pgconn.PgError
	if errors.As(err, &duplicate) && duplicate.Code == "23505" {
		return inner.Rollback(ctx)
	}
	return errors.Join(err, inner.Commit(ctx))
}
