package store

import (
	"context"
	"errors"
	"time"

	"switchboard"
)

var (
	lockRate = hot("read a rate limit and lock it", `
		SELECT tat FROM rate_limit WHERE key = $1 FOR UPDATE`, `
		SELECT tat FROM rate_limit WHERE key = $1`)
	addRate = query("add a rate limit", `INSERT INTO rate_limit (key, tat) VALUES ($1, 0) ON CONFLICT DO NOTHING`)
	setRate = query("set a rate limit", `UPDATE rate_limit SET tat = $2 WHERE key = $1`)
)

// Take keeps the one moment of a caller's own rate limit, right across nodes: next
// turns the stored moment into the one to store, or into a wait.
func (s *Store) Take(ctx context.Context, key string, next func(stored, now time.Time) (time.Time, time.Duration)) (wait time.Duration, err error) {
	err = s.InTx(ctx, func(tx switchboard.Tx) error {
		var tat int64
		err := scan(s.on(tx).one(ctx, lockRate, key), &tat)
		if errors.Is(err, switchboard.ErrNotFound) {
			if _, err = s.on(tx).exec(ctx, addRate, key); err == nil {
				err = scan(s.on(tx).one(ctx, lockRate, key), &tat)
			}
		}
		if err != nil {
			return err
		}
		var moment time.Time
		if moment, wait = next(time.UnixMicro(tat), s.clock()); wait > 0 {
			return nil
		}
		_, err = s.on(tx).exec(ctx, setRate, key, moment.UnixMicro())
		return err
	})
	return wait, err
}
