package work

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"switchboard"
)

// Client puts drains into the database and works on them.
type Client struct {
	config Config
	queues map[string]Queue
	engine engine
	hints  hints
	pulse  pulse
	every  []periodic

	stopping *gate // drains yield at the next step
	halted   *gate // drains give up even what they cannot end

	// background holds the loops that end before the drains do; lease those that
	// outlive them.
	background, lease loops
}

// gate is opened once.
type gate struct {
	opened chan struct{}
	open   func()
}

func newGate() *gate {
	opened := make(chan struct{})
	return &gate{opened: opened, open: sync.OnceFunc(func() { close(opened) })}
}

func (g *gate) isOpen() bool {
	select {
	case <-g.opened:
		return true
	default:
		return false
	}
}

// loops are goroutines with a common end.
type loops struct {
	cancel context.CancelFunc
	wait   sync.WaitGroup
}

func (l *loops) run(ctx context.Context, bodies ...func(ctx context.Context)) {
	ctx, l.cancel = context.WithCancel(ctx)
	for _, body := range bodies {
		l.wait.Go(func() { body(ctx) })
	}
}

func (l *loops) stop() {
	if l.cancel == nil {
		return
	}
	l.cancel()
	l.wait.Wait()
}

// New makes a client that is not started: it can insert already.
func New(given Config) (*Client, error) {
	config, err := given.withDefaults()
	if err != nil {
		return nil, err
	}
	c := &Client{
		config:   config,
		queues:   make(map[string]Queue, len(config.Queues)),
		stopping: newGate(),
		halted:   newGate(),
	}
	c.hints.init()
	for _, queue := range config.Queues {
		if err := queue.check(); err != nil {
			return nil, err
		}
		if _, twice := c.queues[queue.Name]; twice {
			return nil, fmt.Errorf("work: two queues are named %q", queue.Name)
		}
		c.queues[queue.Name] = queue
	}
	if c.engine, err = newEngine(c); err != nil {
		return nil, fmt.Errorf("work: configure River: %w", err)
	}
	return c, nil
}

// Start takes the node's lease, frees what an earlier process of this node left
// running, and begins to work. It goes on until Stop; ctx bounds the start only. A
// stopped client cannot be started again.
func (c *Client) Start(ctx context.Context) error {
	if err := c.config.Leases.Renew(ctx, c.config.Node, c.config.NodeTTL); err != nil {
		return fmt.Errorf("take the node's lease: %w", err)
	}
	c.pulse.beat(c.config.NodeTTL)
	if err := c.freeLeftovers(ctx); err != nil {
		return fmt.Errorf("free jobs of an earlier process: %w", err)
	}
	detached := context.WithoutCancel(ctx)
	c.lease.run(detached, c.renewLoop)
	if err := c.engine.start(detached); err != nil {
		c.lease.stop()
		return fmt.Errorf("start River: %w", err)
	}
	bodies := []func(context.Context){c.housekeepLoop, c.hintLoop}
	if c.config.SweepEvery > 0 {
		c.Every("sweep", c.config.SweepEvery, c.sweep)
	}
	for _, job := range c.every {
		bodies = append(bodies, func(ctx context.Context) { c.runPeriodic(ctx, job) })
	}
	c.background.run(detached, bodies...)
	return nil
}

// Stop lets every drain finish its present step, hands the rest of its items to
// whoever works on, and returns. When ctx ends first, the steps' contexts are
// cancelled and the error of ctx is given.
func (c *Client) Stop(ctx context.Context) error {
	c.stopping.open()
	c.background.stop()
	err := c.engine.stop(ctx)
	if err != nil {
		c.halted.open()
		hard, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
		defer cancel()
		err = errors.Join(fmt.Errorf("stop River: %w", err), c.engine.kill(hard))
	}
	c.halted.open()
	c.lease.stop()
	return err
}

// Insert makes sure that each key has a drain which sees what tx is about to write.
// It is called inside the producer's transaction and before its rows, once with all
// keys: it locks the drains' rows in order until tx ends.
func (c *Client) Insert(ctx context.Context, tx switchboard.Tx, keys ...switchboard.Key) error {
	unique, err := c.sortedKeys(keys)
	if err != nil {
		return err
	}
	for len(unique) > 0 {
		chunk := unique[:min(len(unique), insertChunk)]
		unique = unique[len(chunk):]
		if err := c.insertChunk(ctx, tx, chunk); err != nil {
			return fmt.Errorf("insert drains: %w", err)
		}
	}
	return nil
}

// Wake starts the key's drain now even when it waits for a failure or a rate limit to
// pass: for a person's Retry. Like Insert it comes before the rows that tx changes.
func (c *Client) Wake(ctx context.Context, tx switchboard.Tx, key switchboard.Key) error {
	if _, err := c.sortedKeys([]switchboard.Key{key}); err != nil {
		return err
	}
	found, err := c.insertSlow(ctx, tx, []switchboard.Key{key})
	if err != nil {
		return fmt.Errorf("wake a drain: %w", err)
	}
	for _, job := range found {
		if err := c.wakeJob(ctx, tx, job); err != nil {
			return fmt.Errorf("wake a drain: %w", err)
		}
	}
	return nil
}

func (c *Client) log() *slog.Logger { return c.config.Logger }

func (c *Client) takenOver(key switchboard.Key, jobID int64) {
	c.log().Error("another node has taken over a drain of this process; it ends",
		"node", c.config.Node, "account", string(key.Account), "queue", key.Queue, "key", key.Key, "job", jobID)
	c.config.Exit(ExitTakenOver)
}

// sleep waits for d or until ctx is done, and says whether d has passed.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
