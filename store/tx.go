package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"switchboard"
)

// Tx is one open transaction. Events added to it are numbered at its end.
type Tx struct {
	s        *Store
	pg       pgx.Tx
	lite     *sql.Tx
	reading  bool
	events   []switchboard.Event
	onCommit []func()
	missed   []*Query // SQLite: prepared for this transaction alone
}

// Raw gives the driver's transaction, for package work.
func (t *Tx) Raw() any {
	if t.pg != nil {
		return t.pg
	}
	return t.lite
}

// row and rows are what the drivers have in common.
type row interface{ Scan(dest ...any) error }

type rows interface {
	row
	Next() bool
	Err() error
	Close()
}

type liteRows struct{ *sql.Rows }

func (r liteRows) Close() { r.Rows.Close() }

type failedRow struct{ err error }

func (r failedRow) Scan(...any) error { return r.err }

// querier runs named queries, in a transaction or on a read pool.
type querier interface {
	exec(ctx context.Context, q *Query, args ...any) (int64, error)
	one(ctx context.Context, q *Query, args ...any) row
	many(ctx context.Context, q *Query, args ...any) (rows, error)
}

func (t *Tx) exec(ctx context.Context, q *Query, args ...any) (int64, error) {
	if t.pg != nil {
		tag, err := t.pg.Exec(ctx, q.postgres, args...)
		return tag.RowsAffected(), wrap(q, err)
	}
	st, err := t.statement(ctx, q)
	if err != nil {
		return 0, err
	}
	res, err := st.ExecContext(t.calm(ctx), args...)
	if err != nil {
		return 0, wrap(q, err)
	}
	n, err := res.RowsAffected()
	return n, wrap(q, err)
}

// calm takes the end of ctx away from a writer's statement on SQLite: the driver starts
// a goroutine and an interrupt handler for each that has one, which costs as much as a
// short statement. The transaction still ends with ctx.
func (t *Tx) calm(ctx context.Context) context.Context {
	if t.reading {
		return ctx
	}
	return context.WithoutCancel(ctx)
}

func (t *Tx) one(ctx context.Context, q *Query, args ...any) row {
	if t.pg != nil {
		return t.pg.QueryRow(ctx, q.postgres, args...)
	}
	st, err := t.statement(ctx, q)
	if err != nil {
		return failedRow{err}
	}
	return st.QueryRowContext(t.calm(ctx), args...)
}

func (t *Tx) many(ctx context.Context, q *Query, args ...any) (rows, error) {
	if t.pg != nil {
		r, err := t.pg.Query(ctx, q.postgres, args...)
		return r, wrap(q, err)
	}
	st, err := t.statement(ctx, q)
	if err != nil {
		return nil, err
	}
	r, err := st.QueryContext(t.calm(ctx), args...)
	if err != nil {
		return nil, wrap(q, err)
	}
	return liteRows{r}, nil
}

func (t *Tx) statement(ctx context.Context, q *Query) (*sql.Stmt, error) {
	pool := &t.s.writer
	if t.reading {
		pool = &t.s.reader
	}
	// A statement not prepared yet must be prepared inside: the pool's one
	// connection is ours. learn keeps it for the next time.
	if st, ok := pool.by.Load(q); ok {
		return t.lite.StmtContext(ctx, st.(*sql.Stmt)), nil
	}
	st, err := t.lite.PrepareContext(ctx, q.sqlite)
	if err == nil {
		t.missed = append(t.missed, q)
	}
	return st, wrap(q, err)
}

// learn prepares for good, once the transaction is over, what it had to prepare for
// itself: parsing takes longer than most statements. It is called after the end.
func (t *Tx) learn(ctx context.Context) {
	pool := &t.s.writer
	if t.reading {
		pool = &t.s.reader
	}
	for _, q := range t.missed {
		_, _ = pool.get(ctx, q) // one that fails is prepared inside again
	}
	t.missed = nil
}

func wrap(q *Query, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", q.Name, err)
}

// scan reads one row; a missing one is switchboard.ErrNotFound.
func scan(r row, dest ...any) error {
	err := r.Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) || errors.Is(err, pgx.ErrNoRows) {
		return switchboard.ErrNotFound
	}
	return err
}

// collect reads all rows of a query with one function per row.
func collect[T any](r rows, err error, read func(row) (T, error)) ([]T, error) {
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var all []T
	for r.Next() {
		item, err := read(r)
		if err != nil {
			return nil, fmt.Errorf("read row: %w", err)
		}
		all = append(all, item)
	}
	return all, r.Err()
}

// pool runs queries outside a transaction.
type poolQuerier struct{ s *Store }

func (p poolQuerier) exec(ctx context.Context, q *Query, args ...any) (int64, error) {
	if p.s.pool != nil {
		tag, err := p.s.pool.Exec(ctx, q.postgres, args...)
		return tag.RowsAffected(), wrap(q, err)
	}
	leave, err := p.s.writers.take(ctx)
	if err != nil {
		return 0, err
	}
	defer leave()
	st, err := p.s.writer.get(ctx, q)
	if err != nil {
		return 0, err
	}
	res, err := st.ExecContext(ctx, args...)
	if err != nil {
		return 0, wrap(q, err)
	}
	n, err := res.RowsAffected()
	return n, wrap(q, err)
}

func (p poolQuerier) one(ctx context.Context, q *Query, args ...any) row {
	if p.s.pool != nil {
		return p.s.pool.QueryRow(ctx, q.postgres, args...)
	}
	st, err := p.s.reader.get(ctx, q)
	if err != nil {
		return failedRow{err}
	}
	return st.QueryRowContext(ctx, args...)
}

func (p poolQuerier) many(ctx context.Context, q *Query, args ...any) (rows, error) {
	if p.s.pool != nil {
		r, err := p.s.pool.Query(ctx, q.postgres, args...)
		return r, wrap(q, err)
	}
	st, err := p.s.reader.get(ctx, q)
	if err != nil {
		return nil, err
	}
	r, err := st.QueryContext(ctx, args...)
	if err != nil {
		return nil, wrap(q, err)
	}
	return liteRows{r}, nil
}

// on gives the querier of a transaction, or of the pool for nil.
func (s *Store) on(tx switchboard.Tx) querier {
	if tx == nil {
		return poolQuerier{s}
	}
	return tx.(*Tx)
}

// tries bounds how often a transaction is repeated after a deadlock or a
// serialisation failure on PostgreSQL.
const tries = 4

// InTx runs do in one write transaction, and again when PostgreSQL chose it as a
// deadlock's victim: do must not keep results of a run that failed. Events added by
// Emit get their numbers last, after everything do wrote.
func (s *Store) InTx(ctx context.Context, do func(tx switchboard.Tx) error) error {
	for attempt := 1; ; attempt++ {
		err := s.tryTx(ctx, do)
		if err == nil || attempt == tries || !conflicted(err) {
			return err
		}
	}
}

// conflicted tells errors after which the same may succeed: serialisation failure,
// deadlock, a lock waited for too long.
func conflicted(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && slices.Contains([]string{"40001", "40P01", "55P03"}, pg.Code)
}

func (s *Store) tryTx(ctx context.Context, do func(tx switchboard.Tx) error) (err error) {
	leave, err := s.writers.take(ctx)
	if err != nil {
		return err
	}
	defer leave()
	t, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer s.guard.enter()()
	done := false
	defer func() {
		if !done {
			t.rollback()
		}
		t.learn(ctx)
	}()
	if err := do(t); err != nil {
		return err
	}
	if err := t.numberEvents(ctx); err != nil {
		return err
	}
	if err := t.commit(ctx); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	done = true
	t.afterCommit()
	return nil
}

func (s *Store) begin(ctx context.Context) (*Tx, error) {
	if s.pool != nil {
		pg, err := s.pool.Begin(ctx)
		if err != nil {
			return nil, fmt.Errorf("begin: %w", err)
		}
		return &Tx{s: s, pg: pg}, nil
	}
	lite, err := s.plain.BeginTx(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("begin: %w", err)
	}
	return &Tx{s: s, lite: lite}, nil
}

// View runs do on one snapshot, reading only.
func (s *Store) View(ctx context.Context, do func(tx switchboard.Tx) error) error {
	t := &Tx{s: s, reading: true}
	if s.pool != nil {
		pg, err := s.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
		if err != nil {
			return fmt.Errorf("begin reading: %w", err)
		}
		t.pg = pg
	} else {
		lite, err := s.reads.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
		if err != nil {
			return fmt.Errorf("begin reading: %w", err)
		}
		t.lite = lite
	}
	defer t.learn(ctx)
	defer t.rollback()
	return do(t)
}

func (t *Tx) commit(ctx context.Context) error {
	if t.pg != nil {
		return t.pg.Commit(ctx)
	}
	return t.lite.Commit()
}

func (t *Tx) rollback() {
	if t.pg != nil {
		_ = t.pg.Rollback(context.WithoutCancel(context.Background()))
		return
	}
	_ = t.lite.Rollback()
}

func (t *Tx) afterCommit() {
	for _, do := range t.onCommit {
		do()
	}
	t.s.hints.tell(t.events)
}

// AfterCommit runs do once tx has committed; for hints only, never for facts.
func AfterCommit(tx switchboard.Tx, do func()) {
	t := tx.(*Tx)
	t.onCommit = append(t.onCommit, do)
}
