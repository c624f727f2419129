package store

import (
	"context"
	"errors"
	"strings"
	"time"

	"switchboard"
)

// onClock puts the database's own clock, in milliseconds, in place of NOW: where
// several nodes share a database, one clock decides what has ended.
func onClock(name, text string) *Query {
	return hot(name,
		strings.ReplaceAll(text, "NOW", "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)"),
		strings.ReplaceAll(text, "NOW", "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"))
}

var (
	renewNode = onClock("renew a node's lease", `
		INSERT INTO node (id, expires_at) VALUES ($1, NOW + $2) ON CONFLICT (id) DO UPDATE SET expires_at = EXCLUDED.expires_at`)
	deadNodes  = onClock("list dead nodes", `SELECT id FROM node WHERE expires_at < NOW ORDER BY id LIMIT $1`)
	forgetNode = onClock("forget a dead node", `DELETE FROM node WHERE id = $1 AND expires_at < NOW`)
	leaveNode  = query("end a node's lease", `DELETE FROM node WHERE id = $1`)
	takeLease  = onClock("take or renew a lease", `
		INSERT INTO lease (name, holder, fence, expires_at) VALUES ($1, $2, 1, NOW + $3)
		ON CONFLICT (name) DO UPDATE SET fence = lease.fence + CASE WHEN lease.holder = EXCLUDED.holder AND lease.expires_at >= NOW THEN 0 ELSE 1 END,
			holder = EXCLUDED.holder, expires_at = EXCLUDED.expires_at
		WHERE lease.holder = EXCLUDED.holder OR lease.expires_at < NOW RETURNING fence`)
	dropLease = query("give a lease back", `UPDATE lease SET expires_at = 0 WHERE name = $1 AND holder = $2 AND fence = $3`)
)

// Renew says that a node lives for another ttl.
func (s *Store) Renew(ctx context.Context, node string, ttl time.Duration) error {
	return s.InTx(ctx, func(tx switchboard.Tx) error {
		_, err := s.on(tx).exec(ctx, renewNode, node, ttl.Milliseconds())
		return err
	})
}

// Dead lists nodes whose lease ran out.
func (s *Store) Dead(ctx context.Context, limit int) ([]string, error) {
	r, err := s.on(nil).many(ctx, deadNodes, limit)
	return collect(r, err, func(r row) (id string, err error) { return id, r.Scan(&id) })
}

// Forget removes a dead node; false when it came back to life.
func (s *Store) Forget(ctx context.Context, tx switchboard.Tx, node string) (bool, error) {
	n, err := s.on(tx).exec(ctx, forgetNode, node)
	return n == 1, err
}

// Leave ends a node's own lease.
func (s *Store) Leave(ctx context.Context, node string) error {
	return s.InTx(ctx, func(tx switchboard.Tx) error {
		_, err := s.on(tx).exec(ctx, leaveNode, node)
		return err
	})
}

// Acquire takes the lease of a long-lived task or renews one's own. The fence grows
// with every new holder.
func (s *Store) Acquire(ctx context.Context, name, holder string, ttl time.Duration) (fence int64, ok bool, err error) {
	err = s.InTx(ctx, func(tx switchboard.Tx) error {
		return scan(s.on(tx).one(ctx, takeLease, name, holder, ttl.Milliseconds()), &fence)
	})
	if errors.Is(err, switchboard.ErrNotFound) {
		return 0, false, nil
	}
	return fence, err == nil, err
}

// Release gives a lease back.
func (s *Store) Release(ctx context.Context, name, holder string, fence int64) error {
	return s.InTx(ctx, func(tx switchboard.Tx) error {
		_, err := s.on(tx).exec(ctx, dropLease, name, holder, fence)
		return err
	})
}
