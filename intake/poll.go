package intake

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"switchboard"
	"switchboard/channel"
	"switchboard/work"
)

// PollStore is what polling needs of the database.
type PollStore interface {
	ActiveChannels(ctx context.Context, t switchboard.Transport) ([]switchboard.Channel, error)
	BreakChannel(ctx context.Context, tx switchboard.Tx, ch switchboard.Channel, reason string) error
	InTx(ctx context.Context, do func(tx switchboard.Tx) error) error
}

// Pollers runs every polling channel on the one node that holds its lease.
type Pollers struct {
	Store    PollStore
	Channels *channel.Registry
	Receiver channel.Receiver
	Leases   work.Leases
	Node     string
	Logger   *slog.Logger
	// Changed is told of channel changes, which are then looked at without delay.
	Changed <-chan struct{}
}

const (
	pollLease  = 15 * time.Second
	lookEvery  = 5 * time.Second
	restPoller = 2 * time.Second
)

// Run keeps the pollers of all active channels running until ctx ends.
func (p *Pollers) Run(ctx context.Context) {
	running := map[string]context.CancelFunc{}
	var wait sync.WaitGroup
	defer wait.Wait()
	for ctx.Err() == nil {
		wanted := p.wanted(ctx)
		for name, cancel := range running {
			if _, still := wanted[name]; !still {
				cancel()
				delete(running, name)
			}
		}
		for name, c := range wanted {
			if running[name] == nil {
				own, cancel := context.WithCancel(ctx)
				running[name] = cancel
				wait.Go(func() { p.hold(own, c.ch, c.line) })
			}
		}
		select {
		case <-ctx.Done():
		case <-p.Changed:
		case <-time.After(lookEvery):
		}
	}
	for _, cancel := range running {
		cancel()
	}
}

type polled struct {
	ch   switchboard.Channel
	line channel.Poller
}

// wanted lists polling channels by a name that changes with their configuration.
func (p *Pollers) wanted(ctx context.Context) map[string]polled {
	all := map[string]polled{}
	for _, t := range p.Channels.Transports() {
		channels, err := p.Store.ActiveChannels(ctx, t)
		if err != nil {
			if ctx.Err() == nil {
				p.Logger.Error("list polling channels", "error", err)
			}
			continue
		}
		for _, ch := range channels {
			line, err := p.Channels.Open(ch)
			if err != nil {
				p.Logger.Error("open a channel", "channel", ch.ID, "error", err)
				continue
			}
			if poller, ok := line.(channel.Poller); ok {
				all[string(ch.ID)+string(ch.Config)+string(ch.Secrets)] = polled{ch, poller}
			}
		}
	}
	return all
}

func (p *Pollers) hold(ctx context.Context, ch switchboard.Channel, line channel.Poller) {
	work.Hold(ctx, p.Leases, "poll/"+string(ch.ID), p.Node, pollLease, func(ctx context.Context, _ int64) {
		err := line.Run(ctx, func(ctx context.Context, b channel.Batch) error {
			_, err := p.Receiver.Receive(ctx, ch, b)
			return err
		})
		p.ended(ctx, ch, err)
	})
}

// ended tells a poll that needs a person from one that is simply tried again.
func (p *Pollers) ended(ctx context.Context, ch switchboard.Channel, err error) {
	if err == nil || ctx.Err() != nil {
		return
	}
	p.Logger.Warn("polling ended", "channel", ch.ID, "error", err)
	var refused *channel.SendError
	if errors.As(err, &refused) && refused.Class == channel.Auth {
		err := p.Store.InTx(ctx, func(tx switchboard.Tx) error { return p.Store.BreakChannel(ctx, tx, ch, refused.Reason) })
		if err != nil {
			p.Logger.Error("note a broken channel", "channel", ch.ID, "error", err)
		}
	}
	select {
	case <-ctx.Done():
	case <-time.After(restPoller):
	}
}
