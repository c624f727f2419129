package journal

import (
	"context"
	"errors"
	"fmt"

	"switchboard"
)

// Limits of a page, in events.
const (
	DefaultPage = 100
	MaxPage     = 1000
)

// Done stores the results of a page in the transaction that moves the cursor. Like
// every transaction it may be run again, and must then do the same.
type Done func(tx switchboard.Tx) error

// Handle does what a page of events asks for; events come in order, without gaps, at
// least one. It is called with no transaction open and makes its calls there, after
// committing its intents. It returns what to store with the cursor; nil stores
// nothing. A *Poison error parks one event; any other error leaves the cursor, and
// the same page comes again in the next round.
type Handle func(ctx context.Context, events []switchboard.Event) (Done, error)

// Store is what a Follower needs of the database.
type Store interface {
	Log
	Cursors
	Parking
	Transactor
}

// Follower handles an account's events one page after another. Several rounds of one
// account, name and key may run at once, in any number of processes: one of them
// counts, the others answer ErrMoved.
type Follower struct {
	Account   switchboard.AccountID
	Name, Key string
	Start     Start
	Page      int // events per round, at most MaxPage; 0 is DefaultPage
	Store     Store
	Handle    Handle
}

// Progress is what a round achieved.
type Progress struct {
	From, To int64 // cursor before and after
	Parked   bool  // the one event of this round was parked
	More     bool  // there may be more events: run another round at once
}

// Round handles the next page of events and moves the cursor behind it. With no new
// events it does nothing.
func (f Follower) Round(ctx context.Context) (Progress, error) {
	from, err := f.Store.Position(ctx, f.Account, f.Name, f.Key, f.Start)
	if err != nil {
		return Progress{}, fmt.Errorf("read cursor: %w", err)
	}
	events, err := f.page(ctx, from)
	if err != nil || len(events) == 0 {
		return Progress{From: from, To: from}, err
	}
	more := len(events) == f.limit()
	for {
		done, err := f.Handle(ctx, events)
		var poison *Poison
		if errors.As(err, &poison) {
			healthy, err := before(events, poison)
			if err != nil {
				return Progress{From: from, To: from}, err
			}
			if len(healthy) == 0 {
				return f.park(ctx, from, poison.Reason)
			}
			events, more = healthy, true
			continue
		}
		if err != nil {
			return Progress{From: from, To: from}, fmt.Errorf("handle events after %d: %w", from, err)
		}
		to := events[len(events)-1].Number
		if err := f.commit(ctx, from, to, done); err != nil {
			return Progress{From: from, To: from}, err
		}
		return Progress{From: from, To: to, More: more}, nil
	}
}

// Skip parks the event behind the cursor on a person's word, or when its owner gave
// up; number makes sure that it is the event the person saw. ErrMoved when it is not
// the next one any more.
func (f Follower) Skip(ctx context.Context, number int64, reason string) error {
	from, err := f.Store.Position(ctx, f.Account, f.Name, f.Key, f.Start)
	if err != nil {
		return fmt.Errorf("read cursor: %w", err)
	}
	if number != from+1 {
		return fmt.Errorf("skip event %d, next is %d: %w", number, from+1, ErrMoved)
	}
	events, err := f.page(ctx, from)
	if err != nil {
		return err
	}
	if len(events) == 0 {
		return fmt.Errorf("skip event %d: %w", number, switchboard.ErrNotFound)
	}
	_, err = f.park(ctx, from, reason)
	return err
}

// Backlog is the number of events that wait for the follower.
func (f Follower) Backlog(ctx context.Context) (int64, error) {
	from, err := f.Store.Position(ctx, f.Account, f.Name, f.Key, f.Start)
	if err != nil {
		return 0, fmt.Errorf("read cursor: %w", err)
	}
	head, err := f.Store.Head(ctx, nil, f.Account)
	if err != nil {
		return 0, fmt.Errorf("read head: %w", err)
	}
	return max(head-from, 0), nil
}

// page reads the events behind the cursor and makes sure that none is missing.
func (f Follower) page(ctx context.Context, from int64) ([]switchboard.Event, error) {
	events, err := f.Store.EventsAfter(ctx, nil, f.Account, from, f.limit())
	if err != nil {
		return nil, fmt.Errorf("read events after %d: %w", from, err)
	}
	for i, e := range events {
		if want := from + 1 + int64(i); e.Number != want {
			return nil, fmt.Errorf("event %d where %d is next: %w", e.Number, want, ErrGap)
		}
	}
	if len(events) > 0 {
		return events, nil
	}
	head, err := f.Store.Head(ctx, nil, f.Account)
	if err != nil {
		return nil, fmt.Errorf("read head: %w", err)
	}
	if head < from {
		return nil, fmt.Errorf("cursor %d, newest event %d: %w", from, head, ErrGap)
	}
	return nil, nil
}

func (f Follower) limit() int {
	if f.Page <= 0 {
		return DefaultPage
	}
	return min(f.Page, MaxPage)
}

// before gives the events of the page in front of the poisoned one.
func before(events []switchboard.Event, poison *Poison) ([]switchboard.Event, error) {
	for i := range events {
		if events[i].Number == poison.Number {
			return events[:i], nil
		}
	}
	return nil, fmt.Errorf("poison outside events %d to %d: %w",
		events[0].Number, events[len(events)-1].Number, poison)
}

// park sets the event behind the cursor aside.
func (f Follower) park(ctx context.Context, from int64, reason string) (Progress, error) {
	parked := Parked{Account: f.Account, Name: f.Name, Key: f.Key, Number: from + 1, Reason: reason}
	err := f.commit(ctx, from, from+1, func(tx switchboard.Tx) error {
		return f.Store.Park(ctx, tx, parked)
	})
	if err != nil {
		return Progress{From: from, To: from}, err
	}
	return Progress{From: from, To: from + 1, Parked: true, More: true}, nil
}

// commit stores results and cursor together, or neither.
func (f Follower) commit(ctx context.Context, from, to int64, done Done) error {
	err := f.Store.InTx(ctx, func(tx switchboard.Tx) error {
		// The cursor first: a loser stops before it writes results.
		if err := f.Store.Move(ctx, tx, f.Account, f.Name, f.Key, from, to); err != nil {
			return fmt.Errorf("move cursor: %w", err)
		}
		if done == nil {
			return nil
		}
		return done(tx)
	})
	if err != nil {
		return fmt.Errorf("store events %d to %d: %w", from+1, to, err)
	}
	return nil
}
