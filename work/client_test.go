package work_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"switchboard"
	"switchboard/work"
)

func TestTheSweepRecreatesALostDrain(t *testing.T) {
	onBothEngines(t, func(t *testing.T, db *database) {
		config := db.config(t, db.itemQueue("first", 2), db.itemQueue("second", 2))
		config.SweepEvery = 50 * time.Millisecond
		start(t, config)
		err := db.InTx(t.Context(), func(tx switchboard.Tx) error {
			if err := addRow(t.Context(), tx, key("first", 1), 1, 0); err != nil {
				return err
			}
			return addRow(t.Context(), tx, key("second", 1), 1, 0)
		})
		if err != nil {
			t.Fatal(err)
		}
		db.waitDone(t)
	})
}

func TestAHintAfterTheCommitIsEnough(t *testing.T) {
	onBothEngines(t, func(t *testing.T, db *database) {
		client := start(t, db.config(t, db.itemQueue("follow", 2)))
		for n := range 50 {
			err := db.InTx(t.Context(), func(tx switchboard.Tx) error { return addRow(t.Context(), tx, key("follow", n%3), n, 0) })
			if err != nil {
				t.Fatal(err)
			}
			client.Hint(key("follow", n%3))
		}
		db.waitDone(t)
	})
}

func TestAnInsertThatIsRolledBackLeavesNoDrain(t *testing.T) {
	onBothEngines(t, func(t *testing.T, db *database) {
		client := start(t, db.config(t, db.itemQueue("back", 2)))
		err := db.InTx(t.Context(), func(tx switchboard.Tx) error {
			if err := client.Insert(t.Context(), tx, key("back", 1)); err != nil {
				t.Error(err)
			}
			return context.Canceled
		})
		if err == nil {
			t.Fatal("the transaction was committed")
		}
		if n := db.count(t, `SELECT count(*) FROM river_job`); n != 0 {
			t.Errorf("%d jobs", n)
		}
	})
}

func TestInsertRefusesAQueueThatNobodyDrains(t *testing.T) {
	db := newSQLite(t)
	client, err := work.New(db.config(t, db.itemQueue("known", 1)))
	if err != nil {
		t.Fatal(err)
	}
	for _, wrong := range []switchboard.Key{key("unknown", 1), {Account: "a", Queue: "known"}, {Queue: "known", Key: "k"}} {
		err := db.InTx(t.Context(), func(tx switchboard.Tx) error { return client.Insert(t.Context(), tx, wrong) })
		if err == nil {
			t.Errorf("took %+v", wrong)
		}
	}
}

func TestStopLetsTheStepFinishAndHandsTheRestOn(t *testing.T) {
	onBothEngines(t, func(t *testing.T, db *database) {
		entered, leave := make(chan struct{}, 1), make(chan struct{})
		queue := db.itemQueue("stop", 1)
		var once sync.Once
		queue.Step = func(ctx context.Context, key switchboard.Key) (work.Outcome, error) {
			once.Do(func() {
				entered <- struct{}{}
				<-leave
			})
			if ctx.Err() != nil {
				t.Error("a graceful stop cut the step short")
			}
			return db.step(ctx, key)
		}
		client, err := work.New(db.config(t, queue))
		if err != nil {
			t.Fatal(err)
		}
		if err := client.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		for n := range 5 {
			db.mustAdd(t, client, key("stop", 1), n)
		}
		<-entered
		time.AfterFunc(100*time.Millisecond, func() { close(leave) })
		stop(t, client)
		done := db.count(t, `SELECT count(*) FROM item WHERE done_at IS NOT NULL`)
		if done != 1 {
			t.Errorf("%d items were done after the stop, want the one under way", done)
		}
		if n := db.count(t, `SELECT count(*) FROM river_job WHERE state = 'available'`); n != 1 {
			t.Errorf("%d drains wait for the next process, want 1", n)
		}
		start(t, db.config(t, db.itemQueue("stop", 1)))
		db.waitDone(t)
	})
}

func TestTwoNodesShareTheWork(t *testing.T) {
	db := newPostgres(t)
	var mu sync.Mutex
	by := map[string]int{}
	node := func(name string) *work.Client {
		queue := db.itemQueue("share", 2)
		queue.Step = func(ctx context.Context, key switchboard.Key) (work.Outcome, error) {
			mu.Lock()
			by[name]++
			mu.Unlock()
			time.Sleep(time.Millisecond) // a call to somebody else
			return db.step(ctx, key)
		}
		config := db.config(t, queue)
		config.Node = name
		return start(t, config)
	}
	a, b := node("node-a"), node("node-b")
	for n := range 200 {
		db.mustAdd(t, []*work.Client{a, b}[n%2], key("share", n%40), n)
	}
	db.waitDone(t)
	if by["node-a"] == 0 || by["node-b"] == 0 {
		t.Errorf("steps by node: %v, want some on both", by)
	}
}

func TestABusyKeyYieldsToOthers(t *testing.T) {
	onBothEngines(t, func(t *testing.T, db *database) {
		queue := db.itemQueue("busy", 1)
		queue.Step = func(ctx context.Context, key switchboard.Key) (work.Outcome, error) {
			if key.Key == "k0001" {
				select {
				case <-time.After(5 * time.Millisecond):
				case <-ctx.Done():
				}
				return work.More, nil
			}
			return db.step(ctx, key)
		}
		config := db.config(t, queue)
		config.YieldAfter = 100 * time.Millisecond
		client := start(t, config)
		db.mustAdd(t, client, key("busy", 1), 1)
		db.mustAdd(t, client, key("busy", 2), 1)
		eventually(t, 5*time.Second, "the other key done", func() bool {
			return db.count(t, `SELECT count(*) FROM item WHERE key = 'k0002' AND done_at IS NOT NULL`) == 1
		})
	})
}

func TestSmallJobsRunOnOneNodeAtATime(t *testing.T) {
	db := newPostgres(t)
	var mu sync.Mutex
	running, ran := 0, map[string]int{}
	node := func(name string) *work.Client {
		config := db.config(t, db.itemQueue("none", 1))
		config.Node, config.NodeTTL = name, 600*time.Millisecond
		client, err := work.New(config)
		if err != nil {
			t.Fatal(err)
		}
		client.Every("tidy", 5*time.Millisecond, func(context.Context) error {
			mu.Lock()
			running++
			ran[name]++
			if running > 1 {
				t.Error("it runs on two nodes at once")
			}
			mu.Unlock()
			time.Sleep(2 * time.Millisecond)
			mu.Lock()
			defer mu.Unlock()
			running--
			return nil
		})
		if err := client.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		return client
	}
	count := func(name string) func() bool {
		return func() bool {
			mu.Lock()
			defer mu.Unlock()
			return ran[name] > 5
		}
	}
	a := node("node-a")
	eventually(t, 5*time.Second, "it runs on a", count("node-a"))
	b := node("node-b")
	t.Cleanup(func() { stop(t, b) })
	stop(t, a)
	eventually(t, 5*time.Second, "it runs on b", count("node-b"))
}
