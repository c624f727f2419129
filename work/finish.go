package work

import (
	"context"
	"errors"
	"fmt"
	"time"

	"switchboard"
)

// errMore rolls a closing transaction back.
var errMore = errors.New("rows came in")

// pendingError is an error of Queue.Pending; it rolls a closing transaction back.
type pendingError struct{ cause error }

func (e *pendingError) Error() string { return "look for rows: " + e.cause.Error() }
func (e *pendingError) Unwrap() error { return e.cause }

// sleep ends the drain and lets the key run again at the given time, or at once where
// Wake came meanwhile or the time is zero.
func (d *drain) sleep(at time.Time, n notes) error {
	return d.close(func(ctx context.Context, tx switchboard.Tx, found notes) error {
		if found.Woken {
			at = time.Time{}
		}
		return d.client.again(ctx, tx, d.key, at, n)
	})
}

// look is the rest of the closing transaction of a drain that found nothing to do.
func (d *drain) look(ctx context.Context, tx switchboard.Tx, _ notes) error {
	due, err := d.queue.Pending(ctx, tx, d.key)
	if err != nil {
		return &pendingError{err}
	}
	switch {
	case due == nil:
		return nil
	case due.After(d.client.config.Clock()):
		return d.client.again(ctx, tx, d.key, *due, notes{Due: true})
	default:
		return errMore
	}
}

// close runs the closing transaction, whose first statement is the fence, until it
// commits. While the database is away there is nothing better to do, and leaving the
// job's row to River would write to it without the fence.
func (d *drain) close(rest func(ctx context.Context, tx switchboard.Tx, found notes) error) error {
	for attempt := 0; ; attempt++ {
		err := d.tryClose(rest)
		var pending *pendingError
		switch {
		case err == nil, errors.Is(err, errMore), errors.As(err, &pending):
			return err
		case errors.Is(err, ErrTakenOver):
			d.client.takenOver(d.key, d.job.ID)
			return d.standStill()
		}
		if attempt == 0 {
			d.client.log().Error("a drain cannot end; it tries again", append(d.ids(), "err", err)...)
		}
		if !d.client.pause(min(100*time.Millisecond<<min(attempt, 4), time.Second)) {
			return fmt.Errorf("end a drain: %w", err)
		}
	}
}

// tryClose is detached from the job's time-out: a step that used it up still ends well.
func (d *drain) tryClose(rest func(ctx context.Context, tx switchboard.Tx, found notes) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(d.ctx), closingTimeout)
	defer cancel()
	return d.client.config.Store.InTx(ctx, func(tx switchboard.Tx) error {
		metadata, held, err := d.client.engine.end(ctx, tx.Raw(), d.job)
		if err != nil {
			return fmt.Errorf("end the job: %w", err)
		}
		if !held {
			return ErrTakenOver
		}
		return rest(ctx, tx, readNotes(metadata))
	})
}

// pause waits for d, and says no when the process is being killed.
func (c *Client) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-c.halted.opened:
		return false
	}
}
