package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite" // the engine behind "sqlite"
)

// Engine is one of the two databases.
type Engine string

// The engines.
const (
	SQLite   Engine = "sqlite"
	Postgres Engine = "postgres"
)

// ErrInUse says that another process has the SQLite file open.
var ErrInUse = errors.New("the database file is in use by another switchboard process")

// Store is the database. It is safe for concurrent use.
type Store struct {
	engine     Engine
	pool       *pgxpool.Pool // PostgreSQL
	plain      *sql.DB       // SQLite: the one writer; PostgreSQL: for migrations
	reads      *sql.DB       // SQLite: the read pool
	lock       *os.File
	writers    writers // SQLite
	path       string  // of the SQLite file
	writer     statements
	reader     statements
	hints      hints
	remembered channelMemory
	waits      viewWaits
	clock      func() time.Time
	guard      txGuard
	vault      Vault
}

// Options of Open; the zero value serves.
type Options struct {
	Clock    func() time.Time
	MaxConns int32 // PostgreSQL; 0 means 20
}

// Open opens `sqlite:PATH` or a PostgreSQL URL. A second process on one SQLite file
// gets ErrInUse. The schema is not touched: see Migrate.
func Open(ctx context.Context, address string, o Options) (*Store, error) {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if path, ok := strings.CutPrefix(address, "sqlite:"); ok {
		return openSQLite(ctx, path, o)
	}
	return openPostgres(ctx, address, o)
}

// stuck are limits, in milliseconds, for sessions of a node that froze or was cut off: a
// transaction that it left open ends, and those of its others that wait for a lock give
// up instead of getting it one after another. Its locks would stop its account on
// every node. Nothing is called while a transaction is open, so none pauses; one of ours
// that waits too long runs again (InTx).
var stuck = map[string]string{"idle_in_transaction_session_timeout": "4000", "lock_timeout": "3000"}

// byKey has PostgreSQL plan every statement as it is meant: rows are reached by key,
// one after another. Left free, it reads whole tables and hashes them as long as its
// statistics say that they are small, which in a young or fast growing database they
// say wrongly, and keeps such a plan.
var byKey = map[string]string{"enable_seqscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off",
	"enable_bitmapscan": "off", "jit": "off"}

func openPostgres(ctx context.Context, address string, o Options) (*Store, error) {
	config, err := pgxpool.ParseConfig(address)
	if err != nil {
		return nil, errors.New("SWITCHBOARD_DATABASE is neither sqlite:PATH nor a PostgreSQL URL")
	}
	config.MaxConns = 20
	if o.MaxConns > 0 {
		config.MaxConns = o.MaxConns
	}
	config.MaxConnIdleTime = 5 * time.Minute
	maps.Copy(config.ConnConfig.RuntimeParams, byKey)
	maps.Copy(config.ConnConfig.RuntimeParams, stuck)
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open PostgreSQL: %w", err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("reach PostgreSQL: %w", err)
	}
	return &Store{engine: Postgres, pool: pool, plain: stdlib.OpenDBFromPool(pool), clock: o.Clock}, nil
}

func openSQLite(ctx context.Context, path string, o Options) (*Store, error) {
	lock, err := lockFile(path + ".lock")
	if err != nil {
		return nil, err
	}
	s := &Store{engine: SQLite, lock: lock, path: path, writers: make(writers, 1), clock: o.Clock}
	if err := s.openFiles(ctx, path); err != nil {
		s.Close()
		return nil, err
	}
	s.writer.db, s.reader.db = s.plain, s.reads
	return s, nil
}

func (s *Store) openFiles(ctx context.Context, path string) (err error) {
	// The engine would make the file readable for everybody.
	if f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600); err == nil {
		f.Close()
	}
	pragmas := []string{"journal_mode(WAL)", "synchronous(FULL)", "busy_timeout(10000)", "foreign_keys(ON)",
		"cache_size(-8000)", "temp_store(MEMORY)", "wal_autocheckpoint(2000)"}
	if s.plain, err = sql.Open("sqlite", sqliteAddress(path, "immediate", pragmas)); err != nil {
		return fmt.Errorf("open SQLite: %w", err)
	}
	s.plain.SetMaxOpenConns(1)
	if err := s.plain.PingContext(ctx); err != nil {
		return fmt.Errorf("open SQLite file %s: %w", path, err)
	}
	// Eight readers' caches count in memory; the system's own cache is behind them.
	if s.reads, err = sql.Open("sqlite", sqliteAddress(path, "deferred", append(pragmas, "query_only(ON)", "cache_size(-1500)"))); err != nil {
		return fmt.Errorf("open SQLite for reading: %w", err)
	}
	s.reads.SetMaxOpenConns(8)
	s.reads.SetMaxIdleConns(8)
	return nil
}

func sqliteAddress(path, txlock string, pragmas []string) string {
	v := url.Values{"_txlock": {txlock}, "_pragma": pragmas}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + v.Encode()
}

func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock file: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, ErrInUse
	}
	return f, nil
}

// Free says, with ErrInUse, that a process has a SQLite file open.
func Free(path string) error {
	if _, err := os.Stat(path + ".lock"); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	lock, err := lockFile(path + ".lock")
	if err != nil {
		return err
	}
	return lock.Close()
}

// Engine tells which database it is.
func (s *Store) Engine() Engine { return s.engine }

// Pool gives PostgreSQL's pool, nil on SQLite; for package work only.
func (s *Store) Pool() *pgxpool.Pool { return s.pool }

// Writer gives SQLite's one writer connection, nil on PostgreSQL; for package work only.
func (s *Store) Writer() *sql.DB {
	if s.engine == Postgres {
		return nil
	}
	return s.plain
}

// Now gives the store's clock in milliseconds.
func (s *Store) Now() time.Time { return s.clock() }

// Close ends all connections.
func (s *Store) Close() error {
	s.hints.close()
	var errs []error
	for _, db := range []*sql.DB{s.reads, s.plain} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	if s.pool != nil {
		s.pool.Close()
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	return errors.Join(errs...)
}

// statements prepares each query once per SQLite pool.
type statements struct {
	db *sql.DB
	by sync.Map // *Query -> *sql.Stmt
}

func (p *statements) get(ctx context.Context, q *Query) (*sql.Stmt, error) {
	if st, ok := p.by.Load(q); ok {
		return st.(*sql.Stmt), nil
	}
	st, err := p.db.PrepareContext(ctx, q.sqlite)
	if err != nil {
		return nil, fmt.Errorf("prepare %q: %w", q.Name, err)
	}
	if had, lost := p.by.LoadOrStore(q, st); lost {
		st.Close()
		return had.(*sql.Stmt), nil
	}
	return st, nil
}

// ms gives a time as stored; 0 for the zero time.
func ms(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// at reads a stored time.
func at(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// bit stores a truth.
func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
