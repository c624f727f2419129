package work

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riversqlite"

	"switchboard"
)

// sqlite is River on SQLite. One process has the file, so inserting announces in
// memory, where River would write to a table and read it every 50 ms.
type sqlite struct {
	riverOn[*sql.Tx]
	listener *listener
}

// sqliteDriver is River's driver with our listener.
type sqliteDriver struct {
	*riversqlite.Driver
	listener *listener
}

// GetListener gives the one that hears of inserts in this process.
func (d sqliteDriver) GetListener(*riverdriver.GetListenenerParams) riverdriver.Listener {
	return d.listener
}

// SupportsListenNotify is false: nothing is written to announce a job.
func (d sqliteDriver) SupportsListenNotify() bool { return false }

func newSQLite(c *Client) (*sqlite, error) {
	heard := newListener()
	shared, err := newRiverOn(c, riverdriver.Driver[*sql.Tx](sqliteDriver{riversqlite.New(c.config.Pools.SQLite), heard}))
	return &sqlite{riverOn: shared, listener: heard}, err
}

// announce may come while the transaction is still open: the fetch that it causes
// waits for the one connection, which that transaction has.
func (s *sqlite) announce(keys []switchboard.Key, after time.Duration) {
	for _, key := range keys {
		if after == 0 {
			s.listener.announce(key.Queue)
			continue
		}
		time.AfterFunc(after+time.Millisecond, func() { s.listener.announce(key.Queue) })
	}
}

const (
	// The transaction is the only writer from its BEGIN IMMEDIATE on: that is the lock.
	sqliteEnd = `DELETE FROM river_job
WHERE id = $1 AND state = 'running' AND attempted_at = $2 AND json(attempted_by) = json($3) RETURNING json(metadata)`
	sqliteCheck = `SELECT json(metadata) FROM river_job
WHERE id = $1 AND state = 'running' AND attempted_at = $2 AND json(attempted_by) = json($3)`
	sqliteMakeAvailable = `UPDATE river_job SET state = 'available' WHERE id = $1 AND state = 'scheduled'`
	sqliteMarkWoken     = `UPDATE river_job SET metadata = jsonb_set(metadata, '$.woken', json('true')) WHERE id = $1 AND state = 'running'`
	sqliteFree          = `UPDATE river_job SET state = 'available', scheduled_at = datetime('now', 'subsec')
WHERE state = 'running' AND kind = 'drain' AND ($1 = '' OR json_extract(attempted_by, '$[#-1]') = $1)`
	sqliteDrained = `SELECT json(args) FROM river_job WHERE kind = 'drain' AND queue = $1
AND state IN ('available', 'pending', 'running', 'retryable', 'scheduled')`
	// How River writes times on SQLite.
	sqliteTime = "2006-01-02 15:04:05.000"
)

func (s *sqlite) end(ctx context.Context, raw any, job *river.Job[drainArgs]) (metadata []byte, held bool, err error) {
	return s.held(ctx, raw, sqliteEnd, job)
}

func (s *sqlite) check(ctx context.Context, raw any, job *river.Job[drainArgs]) (held bool, err error) {
	_, held, err = s.held(ctx, raw, sqliteCheck, job)
	return held, err
}

func (s *sqlite) held(ctx context.Context, raw any, statement string, job *river.Job[drainArgs]) (metadata []byte, held bool, err error) {
	tx, err := rawTx[*sql.Tx](raw)
	if err != nil || job.AttemptedAt == nil {
		return nil, false, err
	}
	owners, err := json.Marshal(job.AttemptedBy)
	if err != nil {
		return nil, false, err
	}
	attempted := job.AttemptedAt.UTC().Format(sqliteTime)
	err = tx.QueryRowContext(ctx, statement, job.ID, attempted, string(owners)).Scan(&metadata)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	return metadata, err == nil, err
}

func (s *sqlite) makeAvailable(ctx context.Context, raw any, jobID int64) error {
	_, err := s.exec(ctx, raw, sqliteMakeAvailable, jobID)
	return err
}

func (s *sqlite) markWoken(ctx context.Context, raw any, jobID int64) error {
	_, err := s.exec(ctx, raw, sqliteMarkWoken, jobID)
	return err
}

func (s *sqlite) free(ctx context.Context, raw any, node string) (int64, error) {
	return s.exec(ctx, raw, sqliteFree, node)
}

func (s *sqlite) exec(ctx context.Context, raw any, statement string, arguments ...any) (int64, error) {
	tx, err := rawTx[*sql.Tx](raw)
	if err != nil {
		return 0, err
	}
	result, err := tx.ExecContext(ctx, statement, arguments...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func (s *sqlite) drained(ctx context.Context, raw any, queue string) (map[switchboard.Key]struct{}, error) {
	tx, err := rawTx[*sql.Tx](raw)
	if err != nil {
		return nil, err
	}
	rows, err := tx.QueryContext(ctx, sqliteDrained, queue)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	found := make(map[switchboard.Key]struct{})
	for rows.Next() {
		var encoded []byte
		if err := rows.Scan(&encoded); err != nil {
			return nil, err
		}
		if err := addKey(found, encoded); err != nil {
			return nil, err
		}
	}
	return found, rows.Err()
}
