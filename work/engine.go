package work

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivertype"

	"switchboard"
)

// engine is River on one of the two databases. raw is switchboard.Tx.Raw of an open
// transaction.
type engine interface {
	start(ctx context.Context) error
	stop(ctx context.Context) error
	kill(ctx context.Context) error

	insert(ctx context.Context, raw any, params []river.InsertManyParams) ([]*rivertype.JobInsertResult, error)
	insertFast(ctx context.Context, raw any, params []river.InsertManyParams) error
	retry(ctx context.Context, raw any, jobID int64) error

	// end deletes the job's row if this run of it still holds it, and says so: the
	// fence and the completion in one statement. It waits for producers whose
	// insert has found the row, and makes those wait that come to it later.
	end(ctx context.Context, raw any, job *river.Job[drainArgs]) (metadata []byte, held bool, err error)
	// check holds off a take-over until the transaction ends and says whether this
	// run still holds the job.
	check(ctx context.Context, raw any, job *river.Job[drainArgs]) (held bool, err error)
	makeAvailable(ctx context.Context, raw any, jobID int64) error
	markWoken(ctx context.Context, raw any, jobID int64) error
	// free makes the running jobs of the node available; "" = of any node.
	free(ctx context.Context, raw any, node string) (int64, error)
	// drained lists the keys of the queue that have an unfinished drain.
	drained(ctx context.Context, raw any, queue string) (map[switchboard.Key]struct{}, error)

	// announce says that jobs are coming after a time, by a transaction that may
	// still be open.
	announce(keys []switchboard.Key, after time.Duration)
}

func newEngine(c *Client) (engine, error) {
	if c.config.Pools.Postgres != nil {
		return newPostgres(c)
	}
	return newSQLite(c)
}

// riverOn is what both engines share: River's own calls.
type riverOn[T any] struct {
	client *river.Client[T]
}

func newRiverOn[T any](c *Client, driver riverdriver.Driver[T]) (riverOn[T], error) {
	workers := river.NewWorkers()
	if err := river.AddWorkerSafely(workers, &worker{client: c}); err != nil {
		return riverOn[T]{}, err
	}
	queues := make(map[string]river.QueueConfig, len(c.queues))
	for name, queue := range c.queues {
		queues[name] = river.QueueConfig{MaxWorkers: queue.Workers}
	}
	client, err := river.NewClient(driver, &river.Config{
		ID:                          c.config.Node,
		Queues:                      queues,
		Workers:                     workers,
		Logger:                      slog.New(quiet{c.config.Logger.Handler()}),
		MaxAttempts:                 maxAttempts,
		JobTimeout:                  jobTimeout,
		RescueStuckJobsAfter:        rescueAfter,
		FetchCooldown:               fetchCooldown,
		FetchPollInterval:           max(c.config.poll(), fetchCooldown),
		CompletedJobRetentionPeriod: completedKept,
		CancelledJobRetentionPeriod: 24 * time.Hour,
		DiscardedJobRetentionPeriod: 24 * time.Hour,
		RetryPolicy:                 soon{c.config.Clock},
	})
	return riverOn[T]{client: client}, err
}

func (r riverOn[T]) start(ctx context.Context) error { return r.client.Start(ctx) }
func (r riverOn[T]) stop(ctx context.Context) error  { return r.client.Stop(ctx) }
func (r riverOn[T]) kill(ctx context.Context) error  { return r.client.StopAndCancel(ctx) }

func (r riverOn[T]) insert(ctx context.Context, raw any, params []river.InsertManyParams) ([]*rivertype.JobInsertResult, error) {
	tx, err := rawTx[T](raw)
	if err != nil {
		return nil, err
	}
	return r.client.InsertManyTx(ctx, tx, params)
}

// insertFast serves the planted bug alone.
func (r riverOn[T]) insertFast(ctx context.Context, raw any, params []river.InsertManyParams) error {
	tx, err := rawTx[T](raw)
	if err != nil {
		return err
	}
	_, err = r.client.InsertManyFastTx(ctx, tx, params)
	return err
}

func (r riverOn[T]) retry(ctx context.Context, raw any, jobID int64) error {
	tx, err := rawTx[T](raw)
	if err != nil {
		return err
	}
	_, err = r.client.JobRetryTx(ctx, tx, jobID)
	return err
}

func rawTx[T any](raw any) (T, error) {
	tx, ok := raw.(T)
	if !ok {
		return tx, fmt.Errorf("transaction is a %T, not a %T", raw, tx)
	}
	return tx, nil
}

var (
	_ engine = (*postgres)(nil)
	_ engine = (*sqlite)(nil)
)

// soon is when River tries what a process left behind that was killed amid a job.
type soon struct{ clock func() time.Time }

func (s soon) NextRetry(*rivertype.JobRow) time.Time { return s.clock().Add(time.Second) }

// quiet passes on River's warnings and errors only: it reports counts every few seconds.
type quiet struct{ slog.Handler }

func (q quiet) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && q.Handler.Enabled(ctx, level)
}

func (q quiet) WithAttrs(attrs []slog.Attr) slog.Handler { return quiet{q.Handler.WithAttrs(attrs)} }
func (q quiet) WithGroup(name string) slog.Handler       { return quiet{q.Handler.WithGroup(name)} }

// silent is for River's migrator: what goes wrong there is an error anyway.
var silent = slog.New(slog.DiscardHandler)
