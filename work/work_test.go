package work_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"switchboard"
	"switchboard/work"
)

// testLogger writes warnings into the test's log.
func testLogger(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
}

func TestDoesTheItemsOfAKeyInOrderAndOneAtATime(t *testing.T) {
	onBothEngines(t, func(t *testing.T, db *database) {
		const keys, items = 20, 15
		var mu sync.Mutex
		running, last := map[string]int{}, map[string]int{}
		queue := db.itemQueue("send", 8)
		inner := queue.Step
		queue.Step = func(ctx context.Context, key switchboard.Key) (work.Outcome, error) {
			mu.Lock()
			running[key.Key]++
			if running[key.Key] > 1 {
				t.Errorf("two drains of %s at once", key.Key)
			}
			mu.Unlock()
			outcome, err := inner(ctx, key)
			mu.Lock()
			defer mu.Unlock()
			running[key.Key]--
			if outcome == work.More {
				last[key.Key]++
			}
			return outcome, err
		}
		client := start(t, db.config(t, queue))
		for n := range items {
			for k := range keys {
				db.mustAdd(t, client, key("send", k), n)
			}
		}
		eventually(t, 20*time.Second, "all items done", func() bool {
			return db.count(t, `SELECT count(*) FROM item WHERE done_at IS NULL`) == 0
		})
		eventually(t, 5*time.Second, "no job is left in the table", func() bool { return db.count(t, `SELECT count(*) FROM river_job`) == 0 })
		out := db.count(t, `SELECT count(*) FROM item a JOIN item b ON a.key = b.key AND a.n < b.n AND a.done_at > b.done_at`)
		if out != 0 {
			t.Errorf("%d pairs were done in the wrong order", out)
		}
	})
}
