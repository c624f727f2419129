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
	for _, engine := range engines {
		t.Run(string(engine), func(t *testing.T) {
			c := newCompany(t, setup{engine: engine, path: binary(t)})
			f := &figures{}
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
	before := c.interrupted.Load()
	node.kill()
	sending := c.sending()
	f.maybeBound += sending
	running := c.number(`SELECT COUNT(*) FROM river_job WHERE state = 'running'`)
	return sending+running > 0 || c.interrupted.Load() > before
}

// sending counts sends over Telegram whose call was begun and not settled.
func (c *company) sending() int {
	return c.number(`SELECT COUNT(*) FROM send_attempt a JOIN chat c ON c.account_id = a.account_id AND c.id = a.chat_id
		WHERE a.state = 'sending' AND c.channel_id = $1`, c.tg)
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
