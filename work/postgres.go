package work

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"switchboard"
)

// postgres is River on PostgreSQL. River's insert announces by NOTIFY, which comes with
// the commit.
type postgres struct {
	riverOn[pgx.Tx]
	nudger nudger
}

func newPostgres(c *Client) (*postgres, error) {
	shared, err := newRiverOn(c, riverpgxv5.New(c.config.Pools.Postgres))
	return &postgres{riverOn: shared, nudger: newNudger(c.config.Pools.Postgres)}, err
}

func (p *postgres) announce(keys []switchboard.Key, after time.Duration) {
	if after == 0 {
		p.nudger.inserted(keys)
	}
}

const (
	// After a wait for a producer READ COMMITTED looks at the row's newest version.
	postgresEnd = `DELETE FROM river_job
WHERE id = $1 AND state = 'running' AND attempted_at = $2 AND attempted_by = $3 RETURNING metadata`
	postgresCheck = `SELECT metadata FROM river_job
WHERE id = $1 AND state = 'running' AND attempted_at = $2 AND attempted_by = $3 FOR SHARE`
	postgresMakeAvailable = `UPDATE river_job SET state = 'available' WHERE id = $1 AND state = 'scheduled'`
	postgresMarkWoken     = `UPDATE river_job SET metadata = metadata || '{"woken": true}' WHERE id = $1 AND state = 'running'`
	// The owner is the last of attempted_by, which stays as it is: the fence of a
	// frozen owner must still fail after the next fetch.
	postgresFree = `UPDATE river_job SET state = 'available', scheduled_at = now()
WHERE state = 'running' AND kind = 'drain' AND ($1 = '' OR attempted_by[array_upper(attempted_by, 1)] = $1)`
	postgresDrained = `SELECT args FROM river_job WHERE kind = 'drain' AND queue = $1
AND state IN ('available', 'pending', 'running', 'retryable', 'scheduled')`
)

func (p *postgres) end(ctx context.Context, raw any, job *river.Job[drainArgs]) (metadata []byte, held bool, err error) {
	return p.held(ctx, raw, postgresEnd, job)
}

func (p *postgres) check(ctx context.Context, raw any, job *river.Job[drainArgs]) (held bool, err error) {
	_, held, err = p.held(ctx, raw, postgresCheck, job)
	return held, err
}

func (p *postgres) held(ctx context.Context, raw any, statement string, job *river.Job[drainArgs]) (metadata []byte, held bool, err error) {
	tx, err := rawTx[pgx.Tx](raw)
	if err != nil {
		return nil, false, err
	}
	err = tx.QueryRow(ctx, statement, job.ID, job.AttemptedAt, job.AttemptedBy).Scan(&metadata)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, false, nil
	}
	return metadata, err == nil, err
}

func (p *postgres) makeAvailable(ctx context.Context, raw any, jobID int64) error {
	_, err := p.exec(ctx, raw, postgresMakeAvailable, jobID)
	return err
}

func (p *postgres) markWoken(ctx context.Context, raw any, jobID int64) error {
	_, err := p.exec(ctx, raw, postgresMarkWoken, jobID)
	return err
}

func (p *postgres) free(ctx context.Context, raw any, node string) (int64, error) {
	return p.exec(ctx, raw, postgresFree, node)
}

func (p *postgres) exec(ctx context.Context, raw any, statement string, arguments ...any) (int64, error) {
	tx, err := rawTx[pgx.Tx](raw)
	if err != nil {
		return 0, err
	}
	tag, err := tx.Exec(ctx, statement, arguments...)
	return tag.RowsAffected(), err
}

func (p *postgres) drained(ctx context.Context, raw any, queue string) (map[switchboard.Key]struct{}, error) {
	tx, err := rawTx[pgx.Tx](raw)
	if err != nil {
		return nil, err
	}
	rows, err := tx.Query(ctx, postgresDrained, queue)
	if err != nil {
		return nil, err
	}
	found := make(map[switchboard.Key]struct{})
	var encoded []byte
	_, err = pgx.ForEachRow(rows, []any{&encoded}, func() error { return addKey(found, encoded) })
	return found, err
}

func addKey(keys map[switchboard.Key]struct{}, encoded []byte) error {
	var key switchboard.Key
	if err := json.Unmarshal(encoded, &key); err != nil {
		return fmt.Errorf("read a drain's arguments: %w", err)
	}
	keys[key] = struct{}{}
	return nil
}
