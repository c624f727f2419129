package work

import (
	"context"
	"fmt"
	"sync"
	"time"

	"switchboard"
)

// Leases are rows with an end, renewed by who holds them. Where several nodes share
// the database, its clock alone decides what has ended.
type Leases interface {
	// Renew makes the node count as alive for ttl from now.
	Renew(ctx context.Context, node string, ttl time.Duration) error
	// Dead lists at most limit nodes whose time is over.
	Dead(ctx context.Context, limit int) ([]string, error)
	// Forget removes the node if its time is still over, locking its row until tx
	// ends, and says whether it did.
	Forget(ctx context.Context, tx switchboard.Tx, node string) (bool, error)
	// Acquire takes the named lease for ttl from now if nobody else holds it; its
	// holder renews it so. The fence is the same as long as one holder keeps the
	// lease, and grows whenever it is taken anew, also after Release.
	Acquire(ctx context.Context, name, holder string, ttl time.Duration) (fence int64, ok bool, err error)
	// Release gives the lease back if the holder still has it under that fence.
	Release(ctx context.Context, name, holder string, fence int64) error
}

// deadAtOnce bounds how many dead nodes one round takes care of.
const deadAtOnce = 100

// pulse is how well this node reaches the leases. Who has just come back from a frozen
// state or a database that was away must not judge others: all leases are over then.
type pulse struct {
	mu          sync.Mutex
	since, last time.Time // renewals without a gap
}

func (p *pulse) beat(ttl time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if now.Sub(p.last) > ttl {
		p.since = now
	}
	p.last = now
}

// steady says whether renewals came without a gap for ttl, so that every node alive
// had time for its own.
func (p *pulse) steady(ttl time.Duration) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	return now.Sub(p.last) <= ttl/2 && now.Sub(p.since) >= ttl
}

// renewLoop keeps the node's lease while drains run.
func (c *Client) renewLoop(ctx context.Context) {
	failing := false
	for sleep(ctx, c.config.NodeTTL/4) {
		bounded, cancel := context.WithTimeout(ctx, c.config.NodeTTL/4)
		err := c.config.Leases.Renew(bounded, c.config.Node, c.config.NodeTTL)
		cancel()
		if err == nil {
			c.pulse.beat(c.config.NodeTTL)
		} else if ctx.Err() == nil && !failing {
			c.log().Warn("the node's lease cannot be renewed; others may take its work over", "node", c.config.Node, "err", err)
		}
		failing = err != nil
	}
}

// housekeepLoop frees the running jobs of dead nodes, on every node: what it does twice
// does no harm, and no lease of a dead node delays it. A node is dead NodeTTL after its
// last renewal and found within another fifth.
func (c *Client) housekeepLoop(ctx context.Context) {
	failing := false
	for sleep(ctx, c.config.NodeTTL/5) {
		if !c.pulse.steady(c.config.NodeTTL) {
			continue
		}
		err := c.freeDead(ctx)
		if err != nil && ctx.Err() == nil && !failing {
			c.log().Warn("dead nodes cannot be looked for", "err", err)
		}
		failing = err != nil
	}
}

func (c *Client) freeDead(ctx context.Context) error {
	dead, err := c.config.Leases.Dead(ctx, deadAtOnce)
	if err != nil {
		return fmt.Errorf("list dead nodes: %w", err)
	}
	for _, node := range dead {
		if node == c.config.Node {
			continue // it asks, so it lives
		}
		if err := c.freeNode(ctx, node); err != nil {
			return fmt.Errorf("free jobs of a dead node: %w", err)
		}
	}
	return nil
}

func (c *Client) freeNode(ctx context.Context, node string) error {
	var freed int64
	err := c.config.Store.InTx(ctx, func(tx switchboard.Tx) error {
		gone, err := c.config.Leases.Forget(ctx, tx, node)
		if err != nil || !gone {
			return err
		}
		freed, err = c.engine.free(ctx, tx.Raw(), node)
		return err
	})
	if err == nil && freed > 0 {
		c.log().Warn("took over the running jobs of a dead node", "dead", node, "jobs", freed)
	}
	return err
}

// freeLeftovers frees what runs under this node's name, or at all where one process
// has the database to itself, before anything of this process runs.
func (c *Client) freeLeftovers(ctx context.Context) error {
	node := c.config.Node
	if c.config.Pools.SQLite != nil {
		node = ""
	}
	return c.config.Store.InTx(ctx, func(tx switchboard.Tx) error {
		_, err := c.engine.free(ctx, tx.Raw(), node)
		return err
	})
}
