package work

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
)

// Migrate brings River's tables up to date with River's own migrator. It runs before
// our migrations and may run on several nodes at once.
func Migrate(ctx context.Context, pools Pools) error {
	if err := pools.check(); err != nil {
		return err
	}
	if pools.SQLite != nil {
		return migrate(ctx, riversqlite.New(pools.SQLite))
	}
	return migratePostgres(ctx, pools.Postgres)
}

// migrationLock keeps two nodes from creating the same table. It spares an error and
// guards no data.
const migrationLock = 7_306_092_513

func migratePostgres(ctx context.Context, pool *pgxpool.Pool) error {
	tx, err := pool.Begin(ctx)
	if err != nil {
		return fmt.Errorf("lock River's migrations: %w", err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	// It waits as long as another node needs, and stays open meanwhile.
	if _, err := tx.Exec(ctx, "SET LOCAL lock_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0"); err != nil {
		return fmt.Errorf("lock River's migrations: %w", err)
	}
	if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", int64(migrationLock)); err != nil {
		return fmt.Errorf("lock River's migrations: %w", err)
	}
	return migrate(ctx, riverpgxv5.New(pool))
}

func migrate[T any](ctx context.Context, driver riverdriver.Driver[T]) error {
	migrator, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: silent})
	if err != nil {
		return fmt.Errorf("read River's migrations: %w", err)
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("migrate River's tables: %w", err)
	}
	return nil
}
