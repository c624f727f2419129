package work

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"switchboard"
)

// nudger repeats River's news of an insert where River keeps it back: of two inserts
// into one queue within fetchCooldown River announces the first only, and the fetch
// that this causes may be over when the second commits.
type nudger struct {
	pool *pgxpool.Pool
	mu   *sync.Mutex
	last map[string]time.Time // of an insert, by queue
	due  map[string]bool      // queues with a nudge under way
}

// nudgeAfter is time for a transaction of usual length to commit.
const nudgeAfter = 6 * time.Millisecond

const nudgeStatement = `SELECT pg_notify(current_schema() || '.` + topicInsert + `', json_build_object('queue', $1::text)::text)`

func newNudger(pool *pgxpool.Pool) nudger {
	return nudger{pool: pool, mu: new(sync.Mutex), last: make(map[string]time.Time), due: make(map[string]bool)}
}

// inserted never blocks. A nudge that is lost or too early costs a poll's wait.
func (n nudger) inserted(keys []switchboard.Key) {
	now := time.Now()
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, key := range keys {
		recent := now.Sub(n.last[key.Queue]) < 2*fetchCooldown && !n.last[key.Queue].Equal(now)
		n.last[key.Queue] = now
		if recent && !n.due[key.Queue] {
			n.due[key.Queue] = true
			time.AfterFunc(nudgeAfter, func() { n.nudge(key.Queue) })
		}
	}
}

func (n nudger) nudge(queue string) {
	n.mu.Lock()
	delete(n.due, queue)
	n.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	// An error is what the poll is for.
	_, _ = n.pool.Exec(ctx, nudgeStatement, queue)
}
