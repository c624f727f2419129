package work_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"switchboard"
	"switchboard/work"
)

// Thousands of items are produced while drains end, with no sweep to help. An item
// whose producer found a drain that did not see it stays for ever. The builds
// plant_strand and plant_fastinsert must fail here (on PostgreSQL the latter: with one
// writer there is no race for it to lose).
func TestStrandsNoItemThatIsProducedWhileDrainsEnd(t *testing.T) {
	onBothEngines(t, func(t *testing.T, db *database) {
		const producers, each, keys = 4, 500, 10
		client := start(t, db.config(t, db.itemQueue("race", 8)))
		var wait sync.WaitGroup
		for p := range producers {
			wait.Go(func() { produce(t, db, client, p, each, keys) })
		}
		wait.Wait()
		left := func() int64 { return db.count(t, `SELECT count(*) FROM item WHERE done_at IS NULL`) }
		end := time.Now().Add(15 * time.Second)
		for left() > 0 && time.Now().Before(end) {
			time.Sleep(10 * time.Millisecond)
		}
		if n := left(); n > 0 {
			t.Errorf("%d of %d items are stranded", n, producers*each)
		}
	})
}

// produce commits items of random keys, some of them slowly: the pause between the
// drain's insert and the commit is where a race would be lost.
func produce(t *testing.T, db *database, client *work.Client, producer, items, keys int) {
	random := rand.New(rand.NewPCG(uint64(producer), 1))
	for n := range items {
		key := key("race", random.IntN(keys))
		err := db.InTx(t.Context(), func(tx switchboard.Tx) error {
			if err := client.Insert(t.Context(), tx, key); err != nil {
				return err
			}
			pauseBeforeCommit(random)
			return addRow(t.Context(), tx, key, producer*items+n, 0)
		})
		if err != nil {
			t.Errorf("produce: %v", err)
			return
		}
	}
}

func pauseBeforeCommit(random *rand.Rand) {
	if random.IntN(4) == 0 {
		time.Sleep(time.Duration(random.IntN(3000)) * time.Microsecond)
	}
}

func TestInsertLocksManyKeysInOneOrder(t *testing.T) {
	onBothEngines(t, func(t *testing.T, db *database) {
		client := start(t, db.config(t, db.itemQueue("many", 4)))
		var wait sync.WaitGroup
		for p := range 4 {
			wait.Go(func() {
				random := rand.New(rand.NewPCG(uint64(p), 2))
				for n := range 40 {
					if err := addToAll(t.Context(), db, client, random, p*1000+n); err != nil {
						t.Errorf("a producer of many keys: %v", err) // a deadlock, for one
					}
				}
			})
		}
		wait.Wait()
		eventually(t, 20*time.Second, "all items done", func() bool {
			return db.count(t, `SELECT count(*) FROM item WHERE done_at IS NULL`) == 0
		})
	})
}

// addToAll adds an item to ten keys, named twice and in random order.
func addToAll(ctx context.Context, db *database, client *work.Client, random *rand.Rand, n int) error {
	var keys []switchboard.Key
	for _, k := range random.Perm(10) {
		keys = append(keys, key("many", k), key("many", k))
	}
	return db.InTx(ctx, func(tx switchboard.Tx) error {
		if err := client.Insert(ctx, tx, keys...); err != nil {
			return fmt.Errorf("insert: %w", err)
		}
		for k := range 10 {
			if err := addRow(ctx, tx, key("many", k), n, 0); err != nil {
				return err
			}
		}
		return nil
	})
}

// A producer finds a running drain, the drain wants to end, the producer commits: the
// drain waits for the producer and sees its row. One writer on SQLite has no such race.
func TestADrainEndsOnlyAfterTheProducerThatFoundIt(t *testing.T) {
	db := newPostgres(t)
	entered, leave := make(chan struct{}, 1), make(chan struct{})
	queue := db.itemQueue("end", 1)
	var once sync.Once
	queue.Step = func(ctx context.Context, key switchboard.Key) (work.Outcome, error) {
		once.Do(func() {
			entered <- struct{}{}
			<-leave
		})
		return db.step(ctx, key)
	}
	client := start(t, db.config(t, queue))
	key := key("end", 1)
	db.mustAdd(t, client, key, 1)
	<-entered
	err := db.InTx(t.Context(), func(tx switchboard.Tx) error {
		if err := client.Insert(t.Context(), tx, key); err != nil {
			return err
		}
		close(leave)
		eventually(t, 10*time.Second, "the drain wants to end", func() bool {
			return db.count(t, `SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`) > 0 ||
				db.count(t, `SELECT count(*) FROM river_job WHERE state = 'running'`) == 0
		})
		return addRow(t.Context(), tx, key, 2, 0)
	})
	if err != nil {
		t.Fatal(err)
	}
	db.waitDone(t)
}

// A producer comes between the look that sees nothing and the end of the job.
func TestAProducerThatComesAfterTheLastLookIsServed(t *testing.T) {
	onBothEngines(t, func(t *testing.T, db *database) {
		const keys = 10
		var client *work.Client
		var adding sync.WaitGroup
		first := map[string]bool{}
		var mu sync.Mutex
		queue := db.itemQueue("late", 4)
		queue.Pending = func(ctx context.Context, tx switchboard.Tx, key switchboard.Key) (*time.Time, error) {
			due, err := db.pending(ctx, tx, key)
			mu.Lock()
			defer mu.Unlock()
			if due == nil && err == nil && !first[key.Key] {
				first[key.Key] = true
				adding.Go(func() { db.mustAdd(t, client, key, 2) })
			}
			return due, err
		}
		client = start(t, db.config(t, queue))
		for k := range keys {
			db.mustAdd(t, client, key("late", k), 1)
		}
		eventually(t, 10*time.Second, "every key looked at", func() bool {
			mu.Lock()
			defer mu.Unlock()
			return len(first) == keys
		})
		adding.Wait()
		db.waitDone(t)
	})
}
