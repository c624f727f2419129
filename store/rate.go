package store

import (
	"context"
	"errors"
	"time"

	"switchboard"
)

var takeRate = query("take a place under a rate limit", `
	INSERT INTO rate_limit (key, tat) VALUES ($1, CAST($2 AS BIGINT) + CAST($3 AS BIGINT))
	ON CONFLICT (key) DO UPDATE SET tat = CASE WHEN rate_limit.tat > $2 THEN rate_limit.tat ELSE $2 END + $3
	WHERE rate_limit.tat <= $2 + $4 RETURNING tat`)

var readRate = query("read a rate limit", `SELECT tat FROM rate_limit WHERE key = $1`)

var pushRate = query("push a rate limit back", `
	INSERT INTO rate_limit (key, tat) VALUES ($1, $2)
	ON CONFLICT (key) DO UPDATE SET tat = CASE WHEN rate_limit.tat > EXCLUDED.tat THEN rate_limit.tat ELSE EXCLUDED.tat END`)

// TakeRate takes one place under the limit named key: `burst` at once, one more every
// `every` (GCRA, right across nodes). It gives 0, or how long to wait before asking
// again; nothing is taken then.
func (s *Store) TakeRate(ctx context.Context, key string, every time.Duration, burst int) (time.Duration, error) {
	now := s.clock().UnixMicro()
	step := every.Microseconds()
	slack := step * int64(max(burst, 1)-1)
	var tat int64
	err := s.InTx(ctx, func(tx switchboard.Tx) error {
		return scan(s.on(tx).one(ctx, takeRate, key, now, step, slack), &tat)
	})
	if err == nil {
		return 0, nil
	}
	if !errors.Is(err, switchboard.ErrNotFound) {
		return 0, err
	}
	if err := scan(s.on(nil).one(ctx, readRate, key), &tat); err != nil {
		return 0, err
	}
	return max(time.Duration(tat-slack-now)*time.Microsecond, time.Millisecond), nil
}

// PushRate keeps everybody under the limit named key waiting until then.
func (s *Store) PushRate(ctx context.Context, key string, until time.Time) error {
	return s.InTx(ctx, func(tx switchboard.Tx) error {
		_, err := s.on(tx).exec(ctx, pushRate, key, until.UnixMicro())
		return err
	})
}
