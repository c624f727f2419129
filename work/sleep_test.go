package work_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"switchboard"
	"switchboard/work"
)

// script is a queue whose steps come to what a test lists, then drain items.
func script(db *database, name string, outcomes ...func() (work.Outcome, error)) (queue work.Queue, times func() []time.Time) {
	var mu sync.Mutex
	var called []time.Time
	queue = db.itemQueue(name, 1)
	queue.Step = func(ctx context.Context, key switchboard.Key) (work.Outcome, error) {
		mu.Lock()
		n := len(called)
		called = append(called, time.Now())
		mu.Unlock()
		if n < len(outcomes) {
			return outcomes[n]()
		}
		return db.step(ctx, key)
	}
	return queue, func() []time.Time {
		mu.Lock()
		defer mu.Unlock()
		return append([]time.Time(nil), called...)
	}
}

func waits(d time.Duration) func() (work.Outcome, error) {
	return func() (work.Outcome, error) { return work.Wait(d), nil }
}

func fails() (work.Outcome, error) { return work.Idle, errors.New("call the CRM: Ivan wrote SECRET") }

func TestAWaitingKeyGoesOnWhenItsTimeHasComeAndHoldsNoSlot(t *testing.T) {
	onBothEngines(t, func(t *testing.T, db *database) {
		queue, times := script(db, "wait", waits(700*time.Millisecond))
		client := start(t, db.config(t, queue))
		db.mustAdd(t, client, key("wait", 1), 1)
		eventually(t, 5*time.Second, "the first step", func() bool { return len(times()) == 1 })
		db.mustAdd(t, client, key("wait", 2), 1)
		eventually(t, 600*time.Millisecond, "another key is drained meanwhile", func() bool {
			return db.count(t, `SELECT count(*) FROM item WHERE key = 'k0002' AND done_at IS NOT NULL`) == 1
		})
		db.waitDone(t)
		waited := db.count(t, `SELECT done_at FROM item WHERE key = 'k0001'`) - times()[0].UnixMilli()
		if waited < 690 || waited > 3000 {
			t.Errorf("it waited %d ms, want 700 and a little", waited)
		}
	})
}

func TestAnInsertDoesNotWakeAKeyThatWaitsButWakeDoes(t *testing.T) {
	onBothEngines(t, func(t *testing.T, db *database) {
		queue, times := script(db, "retry", waits(time.Hour))
		client := start(t, db.config(t, queue))
		db.mustAdd(t, client, key("retry", 1), 1)
		eventually(t, 5*time.Second, "it sleeps", db.sleeps(t))
		db.mustAdd(t, client, key("retry", 1), 2)
		if !db.sleeps(t)() || len(times()) != 1 {
			t.Fatal("an insert woke a key that waits for a limit to pass")
		}
		db.mustWake(t, client, key("retry", 1))
		db.waitDone(t)
	})
}

// sleeps says whether a job that has run waits for a time to come: a new row.
func (db *database) sleeps(t *testing.T) func() bool {
	return func() bool {
		return db.count(t, `SELECT count(*) FROM river_job WHERE state IN ('scheduled', 'available') AND id > 1`) == 1
	}
}

func (db *database) mustWake(t *testing.T, client *work.Client, key switchboard.Key) {
	t.Helper()
	if err := db.InTx(t.Context(), func(tx switchboard.Tx) error { return client.Wake(t.Context(), tx, key) }); err != nil {
		t.Fatal(err)
	}
}

func TestAWakeThatComesWhileTheStepRunsIsNotLost(t *testing.T) {
	onBothEngines(t, func(t *testing.T, db *database) {
		entered, leave := make(chan struct{}), make(chan struct{})
		queue, _ := script(db, "woken", func() (work.Outcome, error) {
			close(entered)
			<-leave
			return work.Wait(time.Hour), nil
		})
		client := start(t, db.config(t, queue))
		db.mustAdd(t, client, key("woken", 1), 1)
		<-entered
		db.mustWake(t, client, key("woken", 1))
		close(leave)
		db.waitDone(t)
	})
}

func TestAKeySleepsUntilItsItemIsDueAndWakesForANewOne(t *testing.T) {
	onBothEngines(t, func(t *testing.T, db *database) {
		client := start(t, db.config(t, db.itemQueue("due", 1)))
		due := time.Now().Add(time.Hour).UnixMilli()
		err := db.InTx(t.Context(), func(tx switchboard.Tx) error {
			if err := client.Insert(t.Context(), tx, key("due", 1)); err != nil {
				return err
			}
			return addRow(t.Context(), tx, key("due", 1), 9, due)
		})
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, 5*time.Second, "it sleeps until the item is due", func() bool {
			return db.count(t, `SELECT count(*) FROM river_job WHERE state = 'scheduled'`) == 1
		})
		db.mustAdd(t, client, key("due", 1), 1)
		eventually(t, 5*time.Second, "the new item done", func() bool {
			return db.count(t, `SELECT count(*) FROM item WHERE n = 1 AND done_at IS NOT NULL`) == 1
		})
		eventually(t, 5*time.Second, "asleep again", func() bool {
			return db.count(t, `SELECT count(*) FROM river_job WHERE state = 'scheduled'`) == 1
		})
	})
}

func TestAnItemDueSoonIsDoneOnTime(t *testing.T) {
	onBothEngines(t, func(t *testing.T, db *database) {
		client := start(t, db.config(t, db.itemQueue("soon", 1)))
		due := time.Now().Add(900 * time.Millisecond).UnixMilli()
		err := db.InTx(t.Context(), func(tx switchboard.Tx) error {
			if err := client.Insert(t.Context(), tx, key("soon", 1)); err != nil {
				return err
			}
			return addRow(t.Context(), tx, key("soon", 1), 1, due)
		})
		if err != nil {
			t.Fatal(err)
		}
		db.waitDone(t)
		late := db.count(t, `SELECT done_at - due_at FROM item`)
		if late < 0 || late > 2000 {
			t.Errorf("done %d ms after it was due", late)
		}
	})
}

func TestAFailureOrPanicIsLoggedOnceWithoutItsTextAndTriedAgain(t *testing.T) {
	onBothEngines(t, func(t *testing.T, db *database) {
		var log lockedBuffer
		queue, times := script(db, "fail", fails, func() (work.Outcome, error) { panic("SECRET") })
		config := db.config(t, queue)
		config.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		client := start(t, config)
		db.mustAdd(t, client, key("fail", 1), 1)
		eventually(t, 20*time.Second, "done after two failures", func() bool {
			return db.count(t, `SELECT count(*) FROM item WHERE done_at IS NULL`) == 0
		})
		called := times()
		for i, want := range []time.Duration{time.Second, 2 * time.Second} {
			if got := called[i+1].Sub(called[i]); got < want-20*time.Millisecond || got > want+2*time.Second {
				t.Errorf("try %d came after %v, want %v", i+2, got, want)
			}
		}
		if n := strings.Count(log.String(), "step failed"); n != 2 {
			t.Errorf("%d lines about 2 failures", n)
		}
		if strings.Contains(log.String(), "SECRET") {
			t.Errorf("the log quotes an item:\n%s", log.String())
		}
	})
}

type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.String()
}

func TestAStepThatContradictsPendingDoesNotSpin(t *testing.T) {
	db := newSQLite(t)
	var steps int
	queue := db.itemQueue("spin", 1)
	var mu sync.Mutex
	queue.Step = func(context.Context, switchboard.Key) (work.Outcome, error) {
		mu.Lock()
		defer mu.Unlock()
		steps++
		return work.Idle, nil
	}
	config := db.config(t, queue)
	client := start(t, config)
	db.mustAdd(t, client, key("spin", 1), 1)
	eventually(t, 5*time.Second, "it sleeps", db.sleeps(t))
	mu.Lock()
	defer mu.Unlock()
	if steps > 10 {
		t.Errorf("%d steps in a row found nothing where rows are pending", steps)
	}
}
