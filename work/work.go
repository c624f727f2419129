package work

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"switchboard"
)

// Store is what work needs of package store.
type Store interface {
	// InTx runs do in a writer transaction, READ COMMITTED on PostgreSQL, and
	// commits when do gives no error.
	InTx(ctx context.Context, do func(tx switchboard.Tx) error) error
}

// Pools holds the database River works on: exactly one field is set.
type Pools struct {
	Postgres *pgxpool.Pool
	// SQLite is the single writer connection: MaxOpenConns(1), `_txlock=immediate`.
	SQLite *sql.DB
}

func (p Pools) check() error {
	if (p.Postgres == nil) == (p.SQLite == nil) {
		return errors.New("work: set exactly one of Postgres and SQLite")
	}
	return nil
}

// Queue is one kind of work.
type Queue struct {
	// Name is made of a-z, 0-9, and single _ or - between them; at most 64 bytes.
	Name string
	// Workers is how many keys this node drains at the same time.
	Workers int
	// Step does the next item, or batch, of the key and commits its own
	// transactions; none is open while it calls out. It returns within 25 s and
	// obeys ctx. Every transaction whose late commit would do harm calls Check.
	Step func(ctx context.Context, key switchboard.Key) (Outcome, error)
	// Pending looks for rows to do inside the transaction that ends the drain.
	// It gives nil for none, else the time when the first is due: a time that
	// has come means "now". Rows that Step would not touch are not counted.
	Pending func(ctx context.Context, tx switchboard.Tx, key switchboard.Key) (*time.Time, error)
	// Missing lists at most limit keys that have due rows, whether or not they
	// have a drain; the sweep re-creates those that have none.
	Missing func(ctx context.Context, limit int) ([]switchboard.Key, error)
}

// Outcome is what a Step came to: More, Idle or Wait.
type Outcome struct {
	kind outcomeKind
	wait time.Duration
}

type outcomeKind int8

const (
	outcomeMore outcomeKind = iota
	outcomeIdle
	outcomeWait
)

var (
	// More says that something was done and there may be more.
	More = Outcome{kind: outcomeMore}
	// Idle says that nothing is left to do now.
	Idle = Outcome{kind: outcomeIdle}
)

// Wait asks for the next step of this key not before d has passed (a rate limit, a
// failure that the domain's rows hold). No slot is held meanwhile; new items wait
// with it, and Wake ends it.
func Wait(d time.Duration) Outcome { return Outcome{kind: outcomeWait, wait: max(d, 0)} }

// Config is what New needs.
type Config struct {
	Pools  Pools
	Store  Store
	Leases Leases
	// Node names this process, unique among those that share the database. A name
	// may be used again after its process has ended. At most 100 bytes.
	Node   string
	Clock  func() time.Time // default time.Now
	Logger *slog.Logger     // default slog.Default(); gets ids, never text of items
	Queues []Queue
	// Exit is called with ExitTakenOver when the fence shows that somebody else
	// took over a drain of this process. Default os.Exit.
	Exit func(code int)

	// SweepEvery is how often lost drains are looked for. Default 3 s, < 0 = never.
	SweepEvery time.Duration
	// NodeTTL is how long a silent node counts as alive. Default 10 s.
	NodeTTL time.Duration
	// YieldAfter is how long one key may keep a slot. Default 5 s.
	YieldAfter time.Duration
	// PollEvery is how often each queue looks for jobs unasked. Default 100 ms on
	// PostgreSQL and 500 ms on SQLite, where nothing waits for it but what is due
	// after a sleep of more than 5 s.
	PollEvery time.Duration
}

// ExitTakenOver is the exit code of a process that was frozen so long that another
// one took its work over.
const ExitTakenOver = 3

const (
	maxAttempts    = 1000
	jobTimeout     = 30 * time.Second
	rescueAfter    = 45 * time.Second
	fetchCooldown  = 2 * time.Millisecond
	completedKept  = time.Hour
	closingTimeout = 10 * time.Second
	insertChunk    = 500    // keys per statement
	sweepLimit     = 10_000 // keys per queue and sweep
	hintLimit      = 65_536 // keys waiting to be hinted; the sweep finds the rest
)

// ErrTakenOver is given to a Step whose job was taken over, in case Exit returns.
var ErrTakenOver = errors.New("work: another node has taken over this job")

func (c Config) withDefaults() (Config, error) {
	if err := c.Pools.check(); err != nil {
		return c, err
	}
	if c.Store == nil || c.Leases == nil || c.Node == "" || len(c.Node) > 100 || len(c.Queues) == 0 {
		return c, errors.New("work: Store, Leases, Node (at most 100 bytes) and Queues are needed")
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Exit == nil {
		c.Exit = os.Exit
	}
	c.SweepEvery = orDefault(c.SweepEvery, 3*time.Second)
	c.NodeTTL = orDefault(c.NodeTTL, 10*time.Second)
	c.YieldAfter = orDefault(c.YieldAfter, 5*time.Second)
	return c, nil
}

func (c Config) poll() time.Duration {
	if c.Pools.SQLite != nil {
		return orDefault(c.PollEvery, 500*time.Millisecond)
	}
	return orDefault(c.PollEvery, 100*time.Millisecond)
}

func orDefault(given, standard time.Duration) time.Duration {
	if given == 0 {
		return standard
	}
	return given
}

func (q Queue) check() error {
	if q.Step == nil || q.Pending == nil || q.Missing == nil || q.Workers < 1 {
		return fmt.Errorf("work: queue %q needs Workers, Step, Pending and Missing", q.Name)
	}
	return nil
}
