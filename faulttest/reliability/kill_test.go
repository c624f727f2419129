package reliability

import (
	"testing"
	"time"

	"switchboard/store"
)

// engines in the order of the runs; a full load leaves no room for two at once.
var engines = []store.Engine{store.SQLite, store.Postgres}

// R1: kill -9 at random moments under load.
func TestKillsAtRandomMomentsLoseNothing(t *testing.T) {
	alone(t)
	for _, engine := range engines {
		t.Run(string(engine), func(t *testing.T) {
			alone(t)
			c := newCompany(t, setup{engine: engine, path: binary(t)})
			f := newFigures()
			kills := times(50, 5)
			l := c.begin(f, c.join(times(300, 60)), times(200, 60), times(50, 15))
			hit := c.killAtRandom(f, kills)
			l.end()
			c.finish(f)
			if hit == 0 || c.interrupted.Load() == 0 {
				t.Errorf("seed %d: no kill met anything under way: nothing was proved", c.seed)
			}
			t.Logf("%d kills, %d of them with messages or jobs under way", kills, hit)
			f.print(t, "R1 "+string(engine), c.seed, kills)
		})
	}
}

// killAtRandom kills the node so often, and counts the kills that met work under way.
func (c *company) killAtRandom(f *figures, kills int) (hit int) {
	c.t.Helper()
	for i := range kills {
		pause := 200*time.Millisecond + time.Duration(c.book.below(2000))*time.Millisecond
		if i%10 == 9 { // time for a dead node's jobs to be taken over, too
			pause = 13 * time.Second
		}
		time.Sleep(pause)
		if c.hit(f, c.nodes[0]) {
			hit++
		}
		c.nodes[0].start()
	}
	return hit
}

// hit kills a node and adds the sends that it had under way to the bound of "maybe
// sent"; it says whether the kill met anything at all.
func (c *company) hit(f *figures, node *process) bool {
	c.t.Helper()
	before, bound := c.interrupted.Load(), f.maybeBound
	node.kill()
	c.countSending(f)
	running := c.number(`SELECT COUNT(*) FROM river_job WHERE state = 'running'`)
	return f.maybeBound-bound+running > 0 || c.interrupted.Load() > before
}

// countSending adds to the bound what is being sent over Telegram without having been
// counted: calls begun and not settled, whose answer nobody will note any more.
func (c *company) countSending(f *figures) {
	c.t.Helper()
	c.awaitLastCommits()
	rows, err := c.reads.Query(`SELECT a.chat_id, a.message_id, a.number, a.tries FROM send_attempt a
		JOIN chat c ON c.account_id = a.account_id AND c.id = a.chat_id WHERE a.state = 'sending' AND c.channel_id = $1`, c.tg)
	c.must(err)
	defer rows.Close()
	for rows.Next() {
		var s try
		c.must(rows.Scan(&s.chat, &s.message, &s.number, &s.tries))
		if !f.sending[s] {
			f.sending[s] = true
			f.maybeBound++
		}
	}
}

// try is one call of a send.
type try struct {
	chat, message string
	number, tries int64
}

// awaitLastCommits waits until PostgreSQL has ended what dead processes had sent it.
func (c *company) awaitLastCommits() {
	c.t.Helper()
	if c.engine != store.Postgres {
		return
	}
	alive := 0
	for _, node := range c.nodes {
		if node.isAlive() {
			alive++
		}
	}
	if alive > 0 { // the other node's connections stay
		return
	}
	c.await("the end of a dead process's connections", 20*time.Second, func() bool {
		return c.number(`SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name <> $1`, checkerName) == 0
	})
}

// finish waits until all is done, lets everybody read to the end, and checks.
func (c *company) finish(f *figures) {
	c.t.Helper()
	c.quiet(5 * time.Minute)
	for _, p := range c.people {
		p.look(nil, f)
	}
	c.check(f)
}
