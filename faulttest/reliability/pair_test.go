package reliability

import (
	"database/sql"
	"strings"
	"syscall"
	"testing"
	"time"

	"switchboard/crm/hubspot/sandbox"
	"switchboard/store"
)

// exitTakenOver is the code with which a node ends that finds its work taken over.
const exitTakenOver = 3

// R3: two nodes on one PostgreSQL; one is killed, or frozen for 30 s and thawed. Its
// work is taken over in 10 to 15 s, and what it writes late is refused.
func TestSecondNodeTakesOverFromAKilledOrFrozenOne(t *testing.T) {
	alone(t)
	slow := func(cfg *sandbox.Config) { cfg.SearchLag = -1 }
	c := newCompany(t, setup{engine: store.Postgres, path: binary(t), nodes: 2, sandbox: slow})
	// Calls that last a while are under way at any moment.
	c.must(c.crm.AddRule(sandbox.Rule{Kind: sandbox.FaultSlow, Probability: 0.3, HoldMillis: 400}))
	names := []string{c.onlyNode(nil)}
	c.nodes[1].start()
	names = append(names, c.onlyNode(names))
	f := newFigures()
	l := c.begin(f, c.join(60), 50, 15)
	faults, refused := 0, 0
	for round := range times(10, 2) {
		victim := round % 2
		isFrozen := round%2 == 0 || full() && round%3 == 0
		held := c.strike(f, c.nodes[victim], names[victim], isFrozen)
		c.takenOver(held, time.Now())
		faults++
		if isFrozen && c.thaw(f, c.nodes[victim]) {
			refused++
		}
		c.nodes[victim].start()
		names[victim] = c.onlyNode(names)
	}
	l.end()
	c.finish(f)
	t.Logf("%d faults; %d frozen nodes were refused their late writes and ended", faults, refused)
	if refused == 0 {
		t.Errorf("seed %d: no late write was refused: nothing was proved", c.seed)
	}
	f.print(t, "R3", c.seed, faults)
}

// onlyNode waits for the name of a node that is not among the known ones.
func (c *company) onlyNode(known []string) (name string) {
	c.t.Helper()
	c.await("a node's lease", 10*time.Second, func() bool {
		rows, err := c.reads.Query(`SELECT id FROM node ORDER BY expires_at DESC`)
		c.must(err)
		defer rows.Close()
		for rows.Next() {
			c.must(rows.Scan(&name))
			if !strings.Contains(strings.Join(known, "\n"), name) {
				return true
			}
		}
		return false
	})
	return name
}

// job is a drain that a node has claimed.
type job struct {
	id      int64
	attempt sql.NullTime
}

// strike freezes or kills a node while it has drains running, and gives these.
func (c *company) strike(f *figures, node *process, name string, freeze bool) []job {
	c.t.Helper()
	for range 200 {
		time.Sleep(20*time.Millisecond + time.Duration(c.book.below(300))*time.Millisecond)
		node.signal(syscall.SIGSTOP)
		held := c.jobsOf(name)
		if len(held) == 0 {
			node.signal(syscall.SIGCONT)
			continue
		}
		c.countSending(f)
		if !freeze {
			node.kill()
		}
		return held
	}
	c.t.Fatalf("seed %d: the node never had a drain running", c.seed)
	return nil
}

func (c *company) jobsOf(node string) []job {
	c.t.Helper()
	rows, err := c.reads.Query(`SELECT id, attempted_at FROM river_job
		WHERE state = 'running' AND attempted_by[array_upper(attempted_by, 1)] = $1`, node)
	c.must(err)
	defer rows.Close()
	var held []job
	for rows.Next() {
		var j job
		c.must(rows.Scan(&j.id, &j.attempt))
		held = append(held, j)
	}
	return held
}

// takenOver waits until none of the drains is the struck node's any more.
func (c *company) takenOver(held []job, since time.Time) {
	c.t.Helper()
	c.await("a take-over", 40*time.Second, func() bool {
		for _, j := range held {
			if c.number(`SELECT COUNT(*) FROM river_job WHERE id = $1 AND state = 'running' AND attempted_at = $2`, j.id, j.attempt.Time) > 0 {
				return false
			}
		}
		return true
	})
	took := time.Since(since)
	c.t.Logf("%d drains were taken over in %s", len(held), took.Round(100*time.Millisecond))
	most := 15 * time.Second
	if !full() { // beside other suites
		most = 25 * time.Second
	}
	if took > most {
		c.t.Errorf("seed %d: the take-over lasted %s; 10 to 15 s are promised", c.seed, took)
	}
}

// thaw lets a frozen node go on and says whether it found its work taken over and
// ended.
func (c *company) thaw(f *figures, node *process) bool {
	c.t.Helper()
	time.Sleep(time.Duration(times(17, 3)) * time.Second) // frozen for 30 s in all, or 15
	node.signal(syscall.SIGCONT)
	if !node.awaitDeath(30 * time.Second) {
		c.t.Errorf("seed %d: a thawed node whose work was taken over goes on", c.seed)
		c.hit(f, node)
		return false
	}
	if signal, code := node.signalEnd(); code != exitTakenOver {
		c.t.Errorf("seed %d: a thawed node ended with signal %v, code %d", c.seed, signal, code)
		return false
	}
	c.countSending(f)
	return true
}
