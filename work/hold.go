package work

import (
	"context"
	"time"
)

// Hold runs run on one holder at a time, for owners that live long. It keeps trying to
// take the named lease, calls run with the fence, renews the lease meanwhile and cancels
// run's context as soon as the lease may be lost: run must return promptly then, and
// whatever it writes must carry the fence. When run returns, the lease is given back and
// the next try follows after a third of ttl. Hold returns when ctx is done.
func Hold(ctx context.Context, leases Leases, name, node string, ttl time.Duration, run func(ctx context.Context, fence int64)) {
	for ctx.Err() == nil {
		asked := time.Now()
		fence, ok, err := leases.Acquire(ctx, name, node, ttl)
		if err == nil && ok {
			h := &holding{leases: leases, name: name, node: node, ttl: ttl, fence: fence}
			h.hold(ctx, asked, run)
		}
		sleep(ctx, ttl/3)
	}
}

// holding is a lease that is held.
type holding struct {
	leases     Leases
	name, node string
	ttl        time.Duration
	fence      int64
}

func (h *holding) hold(ctx context.Context, asked time.Time, run func(ctx context.Context, fence int64)) {
	held, lose := context.WithCancel(ctx)
	renewing := make(chan struct{})
	go func() {
		defer close(renewing)
		defer lose()
		h.renew(held, asked)
	}()
	run(held, h.fence)
	lose()
	<-renewing
	release, cancel := context.WithTimeout(context.WithoutCancel(ctx), h.ttl)
	defer cancel()
	// An error leaves the lease to end by itself.
	_ = h.leases.Release(release, h.name, h.node, h.fence)
}

// renew returns when the lease is lost or, counted from the moment before it was last
// asked for, may be.
func (h *holding) renew(ctx context.Context, asked time.Time) {
	for {
		end := asked.Add(h.ttl * 9 / 10)
		if !sleep(ctx, min(h.ttl/3, time.Until(end))) || !time.Now().Before(end) {
			return
		}
		now := time.Now()
		bounded, cancel := context.WithDeadline(ctx, end)
		fence, ok, err := h.leases.Acquire(bounded, h.name, h.node, h.ttl)
		cancel()
		if err == nil && (!ok || fence != h.fence) {
			return
		}
		if err == nil {
			asked = now
		}
	}
}

// periodic is a small job that one node at a time does again and again.
type periodic struct {
	name     string
	interval time.Duration
	do       func(ctx context.Context) error
}

// Every registers, before Start, a small job that one node at a time does at once and
// then interval after each end. Its context is done when the node loses that duty.
func (c *Client) Every(name string, interval time.Duration, do func(ctx context.Context) error) {
	c.every = append(c.every, periodic{name: name, interval: interval, do: do})
}

func (c *Client) runPeriodic(ctx context.Context, job periodic) {
	Hold(ctx, c.config.Leases, "every/"+job.name, c.config.Node, c.config.NodeTTL, func(ctx context.Context, _ int64) {
		failing := false
		for {
			err := job.do(ctx)
			if err != nil && ctx.Err() == nil && !failing {
				c.log().Warn("a periodic job fails; it goes on trying", "job", job.name, "err", err)
			}
			failing = err != nil
			if !sleep(ctx, job.interval) {
				return
			}
		}
	})
}
