package work_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"switchboard"
	"switchboard/work"
)

func onBothEnginesBench(b *testing.B, bench func(b *testing.B, db *database)) {
	b.Run("SQLite", func(b *testing.B) { bench(b, newSQLite(b)) })
	b.Run("PostgreSQL", func(b *testing.B) { bench(b, newPostgres(b)) })
}

// empty is a queue whose items are not stored: what is measured is the jobs alone.
func empty(name string, workers int, started func(key switchboard.Key)) work.Queue {
	return work.Queue{Name: name, Workers: workers,
		Step: func(_ context.Context, key switchboard.Key) (work.Outcome, error) {
			started(key)
			return work.Idle, nil
		},
		Pending: func(context.Context, switchboard.Tx, switchboard.Key) (*time.Time, error) { return nil, nil },
		Missing: func(context.Context, int) ([]switchboard.Key, error) { return nil, nil },
	}
}

func benchConfig(b *testing.B, db *database, queues ...work.Queue) work.Config {
	config := db.config(b, queues...)
	config.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	return config
}

// A drain per transaction, each of a new key, eight producers: drains/s.
func BenchmarkDrainsOfNewKeys(b *testing.B) {
	onBothEnginesBench(b, func(b *testing.B, db *database) {
		var started atomic.Int64
		client := start(b, benchConfig(b, db, empty("bench", 32, func(switchboard.Key) { started.Add(1) })))
		b.ResetTimer()
		var next atomic.Int64
		var wait sync.WaitGroup
		for range 8 {
			wait.Go(func() {
				for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
					key := switchboard.Key{Account: "acme", Queue: "bench", Key: fmt.Sprint(n)}
					if err := db.InTx(b.Context(), func(tx switchboard.Tx) error { return client.Insert(b.Context(), tx, key) }); err != nil {
						b.Error(err)
					}
				}
			})
		}
		wait.Wait()
		eventually(b, time.Minute, "all drains started", func() bool { return started.Load() >= int64(b.N) })
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "drains/s")
	})
}

// From before the insert's transaction to the step's start, one at a time.
func BenchmarkInsertToStart(b *testing.B) {
	onBothEnginesBench(b, func(b *testing.B, db *database) {
		steps := make(chan time.Time, 1)
		client := start(b, benchConfig(b, db, empty("bench", 4, func(switchboard.Key) { steps <- time.Now() })))
		var took []time.Duration
		for n := range b.N {
			key := switchboard.Key{Account: "acme", Queue: "bench", Key: fmt.Sprint(n)}
			began := time.Now()
			if err := db.InTx(b.Context(), func(tx switchboard.Tx) error { return client.Insert(b.Context(), tx, key) }); err != nil {
				b.Fatal(err)
			}
			took = append(took, (<-steps).Sub(began))
		}
		slices.Sort(took)
		b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
		b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
	})
}

// The processor time of this process while nothing happens, of one core, with eight
// queues. The database's own share is not in it on PostgreSQL.
func BenchmarkIdle(b *testing.B) {
	for _, poll := range []time.Duration{10 * time.Millisecond, 20 * time.Millisecond, 100 * time.Millisecond, 500 * time.Millisecond} {
		b.Run(poll.String(), func(b *testing.B) {
			onBothEnginesBench(b, func(b *testing.B, db *database) {
				var queues []work.Queue
				for n := range 8 {
					queues = append(queues, empty(fmt.Sprintf("q%d", n), 4, func(switchboard.Key) {}))
				}
				config := benchConfig(b, db, queues...)
				config.PollEvery = poll
				start(b, config)
				for b.Loop() {
					before := processorTime()
					time.Sleep(3 * time.Second)
					b.ReportMetric(100*(processorTime()-before).Seconds()/3, "%cpu")
				}
			})
		})
	}
}

func processorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
