package crm

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"switchboard"
	"switchboard/journal"
	"switchboard/work"
)

// TimelineStore is what the timeline needs of the database.
type TimelineStore interface {
	HealthStore
	journal.Store
	Connection(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID) (switchboard.Connection, error)
	TimelineWasOn(ctx context.Context, account switchboard.AccountID, when time.Time) (bool, error)
	PlaceInTimeline(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, m switchboard.TimelineMessage) error
	TimelineTodo(ctx context.Context, account switchboard.AccountID, limit int) ([]switchboard.TimelineIntent, error)
	TimelineUnsettled(ctx context.Context, account switchboard.AccountID, limit int) ([]switchboard.TimelineIntent, error)
	StartIntent(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, i *switchboard.TimelineIntent) (bool, error)
	EndIntent(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, r switchboard.TimelineResult) error
	TimelinePending(ctx context.Context, tx switchboard.Tx, key switchboard.Key) (*time.Time, error)
	TimelineMissing(ctx context.Context, limit int) ([]switchboard.Key, error)
}

// Timeline writes every message to the timeline of its contact and open deals
// (TIME-1..4): a follower turns events into intents, a batch writer turns intents into
// entries, at most 100 per call. The key of its queue is the connection.
type Timeline struct {
	Store    TimelineStore
	Accounts Accounts
	Open     Opener
	Clock    func() time.Time
	Logger   *slog.Logger
	Texts    func(locale, key string, params map[string]string) string
	// PublicURL is where links into the app lead, without a slash at the end.
	PublicURL string
	Step      func(name string)
}

const (
	timelinePage  = 500
	timelineBatch = 100
)

// Queue gives the queue to register with package work.
func (t *Timeline) Queue(workers int) work.Queue {
	return work.Queue{Name: "timeline", Workers: workers, Step: t.step, Pending: t.Store.TimelinePending, Missing: t.Store.TimelineMissing}
}

func (t *Timeline) named(step string) {
	if t.Step != nil {
		t.Step(step)
	}
}

func (t *Timeline) follower(conn switchboard.Connection) journal.Follower {
	return journal.Follower{Account: conn.Account, Name: "timeline", Key: string(conn.ID), Start: journal.FromHead, Page: timelinePage,
		Store: t.Store, Handle: func(ctx context.Context, events []switchboard.Event) (journal.Done, error) {
			return t.follow(ctx, conn.Account, events)
		}}
}

// Begin makes the follower's cursor when a CRM is connected: messages of before are
// not written (TIME-1: no backfill).
func (t *Timeline) Begin(ctx context.Context, conn switchboard.Connection) error {
	_, err := t.Store.Position(ctx, conn.Account, "timeline", string(conn.ID), journal.FromHead)
	return err
}

func (t *Timeline) step(ctx context.Context, key switchboard.Key) (work.Outcome, error) {
	conn, err := t.Store.Connection(ctx, nil, key.Account)
	if errors.Is(err, switchboard.ErrNotFound) || err == nil && string(conn.ID) != key.Key {
		return work.Idle, nil
	}
	if err != nil {
		return work.Idle, fmt.Errorf("read connection: %w", err)
	}
	progress, err := t.follower(conn).Round(ctx)
	if errors.Is(err, journal.ErrMoved) {
		return work.More, nil
	}
	if err != nil {
		return work.Idle, fmt.Errorf("follow: %w", err)
	}
	if conn.State != switchboard.ConnectionActive {
		return work.Wait(time.Minute), nil
	}
	account, err := t.Accounts.Account(ctx, nil, key.Account)
	if err != nil {
		return work.Idle, fmt.Errorf("read account: %w", err)
	}
	wrote, wait, err := t.write(ctx, conn, account)
	switch {
	case err != nil:
		return work.Idle, err
	case wait > 0:
		return work.Wait(wait), nil
	case wrote || progress.To > progress.From:
		return work.More, nil
	}
	return work.Idle, nil
}

// follow turns new messages into intents, or into waiting rows while their client has
// no contact; the setting of the message's time decides (TIME-1).
func (t *Timeline) follow(ctx context.Context, account switchboard.AccountID, events []switchboard.Event) (journal.Done, error) {
	var place []switchboard.TimelineMessage
	for _, e := range events {
		if e.Kind != switchboard.EventMessageAdded {
			continue
		}
		on, err := t.Store.TimelineWasOn(ctx, account, e.At)
		if err != nil {
			return nil, fmt.Errorf("read the setting: %w", err)
		}
		if on {
			place = append(place, switchboard.TimelineMessage{Number: e.Number, Chat: e.Chat, Client: e.Client, Seq: e.Seq, Message: e.Message, At: e.At})
		}
	}
	return func(tx switchboard.Tx) error {
		for _, m := range place {
			if err := t.Store.PlaceInTimeline(ctx, tx, account, m); err != nil && !errors.Is(err, switchboard.ErrNotFound) {
				return fmt.Errorf("place message: %w", err)
			}
		}
		return nil
	}, nil
}

// write settles entries of unknown outcome, then writes the next batch.
func (t *Timeline) write(ctx context.Context, conn switchboard.Connection, account switchboard.Account) (wrote bool, wait time.Duration, err error) {
	c, err := t.Open(conn)
	if err != nil {
		return false, 0, err
	}
	unsettled, err := t.Store.TimelineUnsettled(ctx, conn.Account, timelineBatch)
	if err != nil {
		return false, 0, fmt.Errorf("list unsettled entries: %w", err)
	}
	if len(unsettled) > 0 {
		return t.answered(ctx, conn, t.settle(ctx, c, account, unsettled))
	}
	todo, err := t.Store.TimelineTodo(ctx, conn.Account, timelineBatch)
	if err != nil || len(todo) == 0 {
		return false, 0, err
	}
	return t.answered(ctx, conn, t.writeBatch(ctx, c, account, todo))
}

// answered turns the outcome of calls into what the drain does next.
func (t *Timeline) answered(ctx context.Context, conn switchboard.Connection, cause error) (bool, time.Duration, error) {
	var e *Error
	if cause != nil && !errors.As(cause, &e) {
		return false, 0, cause
	}
	if cause == nil && conn.DownSince.IsZero() {
		return true, 0, nil
	}
	err := t.Store.InTx(ctx, func(tx switchboard.Tx) error {
		if e == nil {
			return t.Store.ConnectionUp(ctx, tx, conn)
		}
		return noteHealth(ctx, tx, t.Store, conn, e)
	})
	if e == nil || err != nil {
		return true, 0, err
	}
	t.Logger.Info("the CRM took no timeline entries", "account", conn.Account, "class", e.Class, "correlation", e.Correlation)
	return false, max(delay(e, 2), time.Second), nil
}

// writeBatch marks entries as being written, writes them in one call and notes each
// outcome. Two messages of one contact may share a call: they carry rising times.
func (t *Timeline) writeBatch(ctx context.Context, c CRM, account switchboard.Account, todo []switchboard.TimelineIntent) error {
	var started []switchboard.TimelineIntent
	slices.SortStableFunc(todo, func(a, b switchboard.TimelineIntent) int { return cmp.Compare(a.Contact, b.Contact) }) // all lock contacts in this order
	err := t.Store.InTx(ctx, func(tx switchboard.Tx) error {
		if err := work.Check(ctx, tx); err != nil {
			return err
		}
		started = started[:0]
		for i := range todo {
			ours, err := t.Store.StartIntent(ctx, tx, account.ID, &todo[i])
			if err != nil {
				return fmt.Errorf("start entry: %w", err)
			}
			if ours {
				started = append(started, todo[i])
			}
		}
		return nil
	})
	if err != nil || len(started) == 0 {
		return err
	}
	t.named("before timeline call")
	results, callErr := c.WriteEntries(ctx, t.entries(account, started))
	t.named("after timeline call")
	if err := t.note(ctx, account.ID, started, results, callErr); err != nil {
		return err
	}
	if callErr != nil {
		return fmt.Errorf("write entries: %w", callErr)
	}
	return nil
}

// settle finds out which entries of lost answers the CRM has; the others are written
// again (TIME-3).
func (t *Timeline) settle(ctx context.Context, c CRM, account switchboard.Account, unsettled []switchboard.TimelineIntent) error {
	found, err := c.FindEntries(ctx, "", t.entries(account, unsettled))
	if err != nil {
		return fmt.Errorf("find entries: %w", err)
	}
	return t.Store.InTx(ctx, func(tx switchboard.Tx) error {
		if err := work.Check(ctx, tx); err != nil {
			return err
		}
		for _, i := range unsettled {
			r := switchboard.TimelineResult{Chat: i.Chat, Seq: i.Seq, State: switchboard.StepTodo}
			if remote, there := found[entryKey(i)]; there {
				r.State, r.Remote = switchboard.StepDone, remote
			}
			if err := t.Store.EndIntent(ctx, tx, account.ID, r); err != nil {
				return fmt.Errorf("note settled entry: %w", err)
			}
		}
		return nil
	})
}

// maxEntryTries bounds how often an entry is tried whose target is missing. A locked
// record is waited for however long it takes (TIME-3).
const maxEntryTries = 20

// note stores what became of each started entry. Of a call that failed as a whole
// nothing was written, unless its answer was lost.
func (t *Timeline) note(ctx context.Context, account switchboard.AccountID, started []switchboard.TimelineIntent, results []EntryResult, callErr error) error {
	by := map[EntryKey]EntryResult{}
	for _, r := range results {
		by[r.Key] = r
	}
	return t.Store.InTx(ctx, func(tx switchboard.Tx) error {
		for _, i := range started {
			answer, there := by[entryKey(i)]
			if !there {
				answer = EntryResult{Outcome: EntryUnknown}
				if callErr != nil && ClassOf(callErr) != Lost {
					answer.Outcome = ""
				}
			}
			if answer.Outcome == EntryUnknown {
				continue // stays "sent": settled by reading
			}
			if err := t.Store.EndIntent(ctx, tx, account, t.result(i, answer)); err != nil {
				return fmt.Errorf("note entry: %w", err)
			}
		}
		return nil
	})
}

func (t *Timeline) result(i switchboard.TimelineIntent, a EntryResult) switchboard.TimelineResult {
	r := switchboard.TimelineResult{Chat: i.Chat, Seq: i.Seq, State: switchboard.StepTodo, Reason: a.Reason}
	switch {
	case a.Outcome == EntryWritten:
		r.State, r.Remote = switchboard.StepDone, a.ID
	case a.Outcome == EntryLocked:
		r.Due = t.Clock().Add(min(2*time.Second<<min(i.Attempts, 8), 5*time.Minute))
	case a.Outcome == EntryRefused || i.Attempts+1 >= maxEntryTries && a.Outcome == EntryGone:
		r.State = switchboard.StepRefused
	case a.Outcome == EntryGone:
		r.Due = t.Clock().Add(30 * time.Second)
	}
	return r
}
