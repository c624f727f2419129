package work_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	_ "modernc.org/sqlite"

	"switchboard"
	"switchboard/store/pgtest"
	"switchboard/work"
)

// testTx is an open transaction of either engine.
type testTx struct {
	pg     pgx.Tx
	sqlite *sql.Tx
}

func (tx testTx) Raw() any {
	if tx.pg != nil {
		return tx.pg
	}
	return tx.sqlite
}

// database is the tests' store: one writer on SQLite, a pool on PostgreSQL. Its SQL is
// the same on both.
type database struct {
	pools work.Pools
}

const testSchema = `
CREATE TABLE item (account TEXT, queue TEXT, key TEXT, n BIGINT, due_at BIGINT, done_at BIGINT, done_by TEXT, PRIMARY KEY (account, queue, key, n));
CREATE INDEX item_open ON item (queue, key, n) WHERE done_at IS NULL;
CREATE TABLE node (id TEXT PRIMARY KEY, expires_at BIGINT);
CREATE TABLE lease (name TEXT PRIMARY KEY, holder TEXT, fence BIGINT, expires_at BIGINT);`

// onBothEngines runs the test on a fresh database of each engine.
func onBothEngines(t *testing.T, test func(t *testing.T, db *database)) {
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		test(t, newSQLite(t))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		test(t, newPostgres(t))
	})
}

func newSQLite(t testing.TB) *database {
	t.Helper()
	dsn := "file:" + filepath.Join(t.TempDir(), "work.db") +
		"?_txlock=immediate&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(5000)"
	pool, err := sql.Open("sqlite", dsn)
	if err != nil {
		t.Fatal(err)
	}
	pool.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = pool.Close() })
	return migrated(t, &database{pools: work.Pools{SQLite: pool}})
}

func newPostgres(t testing.TB) *database {
	t.Helper()
	config, err := pgxpool.ParseConfig(pgtest.New(t))
	if err != nil {
		t.Fatal(err)
	}
	config.MaxConns = 16
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return migrated(t, &database{pools: work.Pools{Postgres: pool}})
}

func migrated(t testing.TB, db *database) *database {
	t.Helper()
	if err := work.Migrate(t.Context(), db.pools); err != nil {
		t.Fatal(err)
	}
	db.mustExec(t, testSchema)
	return db
}

func (db *database) InTx(ctx context.Context, do func(tx switchboard.Tx) error) error {
	if db.pools.SQLite != nil {
		tx, err := db.pools.SQLite.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		if err := do(testTx{sqlite: tx}); err != nil {
			return errors.Join(err, tx.Rollback())
		}
		return tx.Commit()
	}
	return pgx.BeginFunc(ctx, db.pools.Postgres, func(tx pgx.Tx) error { return do(testTx{pg: tx}) })
}

// exec runs a statement within tx and says how many rows it changed.
func exec(ctx context.Context, tx switchboard.Tx, statement string, arguments ...any) (int64, error) {
	if raw, ok := tx.Raw().(pgx.Tx); ok {
		tag, err := raw.Exec(ctx, statement, arguments...)
		return tag.RowsAffected(), err
	}
	result, err := tx.Raw().(*sql.Tx).ExecContext(ctx, statement, arguments...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// row reads one row within tx and says whether there is one.
func row(ctx context.Context, tx switchboard.Tx, statement string, arguments []any, into ...any) (bool, error) {
	var err error
	if raw, ok := tx.Raw().(pgx.Tx); ok {
		err = raw.QueryRow(ctx, statement, arguments...).Scan(into...)
	} else {
		err = tx.Raw().(*sql.Tx).QueryRowContext(ctx, statement, arguments...).Scan(into...)
	}
	if errors.Is(err, pgx.ErrNoRows) || errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

func (db *database) mustExec(t testing.TB, statement string, arguments ...any) int64 {
	t.Helper()
	var changed int64
	err := db.InTx(context.WithoutCancel(t.Context()), func(tx switchboard.Tx) (err error) {
		changed, err = exec(context.WithoutCancel(t.Context()), tx, statement, arguments...)
		return err
	})
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	return changed
}

func (db *database) count(t testing.TB, statement string, arguments ...any) int64 {
	t.Helper()
	var n int64
	err := db.InTx(context.WithoutCancel(t.Context()), func(tx switchboard.Tx) error {
		_, err := row(context.WithoutCancel(t.Context()), tx, statement, arguments, &n)
		return err
	})
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	return n
}

// add writes one item of the key, due now, with its drain before it.
func (db *database) add(ctx context.Context, client *work.Client, key switchboard.Key, n int) error {
	return db.InTx(ctx, func(tx switchboard.Tx) error {
		if err := client.Insert(ctx, tx, key); err != nil {
			return err
		}
		return addRow(ctx, tx, key, n, 0)
	})
}

func addRow(ctx context.Context, tx switchboard.Tx, key switchboard.Key, n int, dueAt int64) error {
	_, err := exec(ctx, tx, `INSERT INTO item (account, queue, key, n, due_at) VALUES ($1, $2, $3, $4, $5)`,
		string(key.Account), key.Queue, key.Key, n, dueAt)
	return err
}

func (db *database) mustAdd(t testing.TB, client *work.Client, key switchboard.Key, n int) {
	t.Helper()
	if err := db.add(t.Context(), client, key, n); err != nil {
		t.Fatal(err)
	}
}

// Leases of the tests: expiry by this machine's clock.

func (db *database) Renew(ctx context.Context, node string, ttl time.Duration) error {
	return db.InTx(ctx, func(tx switchboard.Tx) error {
		_, err := exec(ctx, tx, `INSERT INTO node (id, expires_at) VALUES ($1, $2)
ON CONFLICT (id) DO UPDATE SET expires_at = excluded.expires_at`, node, time.Now().Add(ttl).UnixMilli())
		return err
	})
}

func (db *database) Dead(ctx context.Context, limit int) ([]string, error) {
	var ids []string
	err := db.InTx(ctx, func(tx switchboard.Tx) error {
		var id string
		found, err := row(ctx, tx, `SELECT id FROM node WHERE expires_at <= $1 LIMIT 1`, []any{time.Now().UnixMilli()}, &id)
		if found && limit > 0 {
			ids = []string{id}
		}
		return err
	})
	return ids, err
}

func (db *database) Forget(ctx context.Context, tx switchboard.Tx, node string) (bool, error) {
	n, err := exec(ctx, tx, `DELETE FROM node WHERE id = $1 AND expires_at <= $2`, node, time.Now().UnixMilli())
	return n == 1, err
}

func (db *database) Acquire(ctx context.Context, name, holder string, ttl time.Duration) (fence int64, ok bool, err error) {
	err = db.InTx(ctx, func(tx switchboard.Tx) error {
		now := time.Now()
		ok, err = row(ctx, tx, `INSERT INTO lease (name, holder, fence, expires_at) VALUES ($1, $2, 1, $3)
ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at,
 fence = lease.fence + CASE WHEN lease.holder = excluded.holder AND lease.expires_at > $4 THEN 0 ELSE 1 END
WHERE lease.holder = excluded.holder OR lease.expires_at <= $4 RETURNING fence`,
			[]any{name, holder, now.Add(ttl).UnixMilli(), now.UnixMilli()}, &fence)
		return err
	})
	return fence, ok, err
}

func (db *database) Release(ctx context.Context, name, holder string, fence int64) error {
	return db.InTx(ctx, func(tx switchboard.Tx) error {
		_, err := exec(ctx, tx, `UPDATE lease SET expires_at = 0 WHERE name = $1 AND holder = $2 AND fence = $3`, name, holder, fence)
		return err
	})
}

// itemQueue is a queue over the table item: one item a step, in order of n.
func (db *database) itemQueue(name string, workers int) work.Queue {
	return work.Queue{Name: name, Workers: workers, Step: db.step, Pending: db.pending,
		Missing: func(ctx context.Context, limit int) ([]switchboard.Key, error) { return db.missing(ctx, name, limit) }}
}

// step does the first open item of the key, if it is due.
func (db *database) step(ctx context.Context, key switchboard.Key) (work.Outcome, error) {
	var changed int64
	err := db.InTx(ctx, func(tx switchboard.Tx) (err error) {
		if err := work.Check(ctx, tx); err != nil {
			return err
		}
		changed, err = exec(ctx, tx, `UPDATE item SET done_at = $4 WHERE account = $1 AND queue = $2 AND key = $3 AND due_at <= $4
AND n = (SELECT min(n) FROM item WHERE account = $1 AND queue = $2 AND key = $3 AND done_at IS NULL)`,
			string(key.Account), key.Queue, key.Key, time.Now().UnixMilli())
		return err
	})
	if err != nil || changed == 0 {
		return work.Idle, err
	}
	return work.More, nil
}

func (db *database) pending(ctx context.Context, tx switchboard.Tx, key switchboard.Key) (*time.Time, error) {
	var ms int64
	found, err := row(ctx, tx, `SELECT due_at FROM item WHERE account = $1 AND queue = $2 AND key = $3 AND done_at IS NULL ORDER BY n LIMIT 1`,
		[]any{string(key.Account), key.Queue, key.Key}, &ms)
	if err != nil || !found {
		return nil, err
	}
	due := time.UnixMilli(ms)
	return &due, nil
}

func (db *database) missing(ctx context.Context, queue string, limit int) ([]switchboard.Key, error) {
	var keys []switchboard.Key
	err := db.InTx(ctx, func(tx switchboard.Tx) error {
		key := switchboard.Key{Queue: queue}
		found, err := row(ctx, tx, `SELECT account, key FROM item WHERE queue = $1 AND done_at IS NULL AND due_at <= $2 LIMIT 1`,
			[]any{queue, time.Now().UnixMilli()}, &key.Account, &key.Key)
		if found && limit > 0 {
			keys = append(keys, key)
		}
		return err
	})
	return keys, err
}

// config is a client's for this database: no sweep unless a test asks for it.
func (db *database) config(t testing.TB, queues ...work.Queue) work.Config {
	return work.Config{Pools: db.pools, Store: db, Leases: db, Node: "node-a", Queues: queues, SweepEvery: -1,
		Logger: testLogger(t), Exit: func(code int) { t.Errorf("the process would exit with %d", code) }}
}

// start starts a client and stops it when the test ends.
func start(t testing.TB, config work.Config) *work.Client {
	t.Helper()
	client, err := work.New(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, client) })
	return client
}

func stop(t testing.TB, client *work.Client) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := client.Stop(ctx); err != nil {
		t.Errorf("stop: %v", err)
	}
}

// eventually polls until ok, which is how a test sees what other goroutines committed.
func eventually(t testing.TB, within time.Duration, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(within); !ok(); {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", within, what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func key(queue string, n int) switchboard.Key {
	return switchboard.Key{Account: "acme", Queue: queue, Key: fmt.Sprintf("k%04d", n)}
}

// waitDone waits until no item is open.
func (db *database) waitDone(t testing.TB) {
	t.Helper()
	eventually(t, 8*time.Second, "all items done", func() bool {
		return db.count(t, `SELECT count(*) FROM item WHERE done_at IS NULL`) == 0
	})
}
