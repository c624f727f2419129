package store

import (
	"context"
	"errors"
	"time"

	"switchboard"
)

// due reads one due time, nil when there is no row. It looks inside tx, as the end of
// a drain must.
func (s *Store) due(ctx context.Context, tx switchboard.Tx, q *Query, args ...any) (*time.Time, error) {
	var due int64
	err := scan(s.on(tx).one(ctx, q, args...), &due)
	if errors.Is(err, switchboard.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	t := time.UnixMilli(due).UTC()
	return &t, nil
}

// dueKeys lists the keys of one queue that have due rows, for the sweep.
func (s *Store) dueKeys(ctx context.Context, q *Query, queue string, limit int) ([]switchboard.Key, error) {
	r, err := s.on(nil).many(ctx, q, ms(s.clock()), limit)
	return collect(r, err, func(r row) (k switchboard.Key, err error) {
		k.Queue = queue
		return k, r.Scan(&k.Account, &k.Key)
	})
}
