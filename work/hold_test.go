package work_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"switchboard/work"
)

// oneLease is a lease in memory that a test takes away or cuts off.
type oneLease struct {
	work.Leases
	mu      sync.Mutex
	holder  string
	fence   int64
	end     time.Time
	cut     bool // every call fails
	release int
}

func (l *oneLease) Acquire(_ context.Context, _, holder string, ttl time.Duration) (int64, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut {
		return 0, false, errors.New("no connection")
	}
	if l.holder != holder {
		if time.Now().Before(l.end) {
			return 0, false, nil
		}
		l.holder = holder
		l.fence++
	}
	l.end = time.Now().Add(ttl)
	return l.fence, true, nil
}

func (l *oneLease) Release(_ context.Context, _, holder string, fence int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.release++
	if l.holder == holder && l.fence == fence {
		l.holder, l.end = "", time.Time{}
	}
	return nil
}

func (l *oneLease) change(do func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	do()
}

func TestHoldRunsAsLongAsTheLeaseIsRenewedAndGivesItBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		leases := &oneLease{}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		var ran time.Duration
		work.Hold(ctx, leases, "telegram/1", "a", 30*time.Second, func(ctx context.Context, fence int64) {
			began := time.Now()
			<-ctx.Done()
			ran = time.Since(began)
		})
		if ran != time.Hour || leases.release != 1 {
			t.Errorf("ran %v, released %d times; want an hour, once", ran, leases.release)
		}
	})
}

func TestHoldCancelsTheOwnerBeforeAnotherCanHaveTheLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		leases := &oneLease{}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		var lost, end time.Time
		time.AfterFunc(65*time.Second, func() { leases.change(func() { leases.cut, end = true, leases.end }) })
		work.Hold(ctx, leases, "telegram/1", "a", 30*time.Second, func(ctx context.Context, fence int64) {
			<-ctx.Done()
			lost = time.Now()
		})
		if lost.IsZero() || !lost.Before(end) {
			t.Errorf("cancelled at %v, the lease ended at %v", lost, end)
		}
	})
}

func TestHoldHandsOverWithAGrowingFence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		leases := &oneLease{}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		var fences []int64
		time.AfterFunc(time.Minute, func() { // somebody takes it, and lets go later
			leases.change(func() { leases.holder, leases.fence, leases.end = "b", leases.fence+1, time.Now().Add(time.Minute) })
		})
		work.Hold(ctx, leases, "telegram/1", "a", 30*time.Second, func(ctx context.Context, fence int64) {
			fences = append(fences, fence)
			<-ctx.Done()
		})
		if len(fences) != 2 || fences[0] != 1 || fences[1] != 3 {
			t.Errorf("fences %v, want 1 and 3", fences)
		}
	})
}
