package work

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"switchboard"
)

// drainArgs are the arguments, and so the identity, of a job.
type drainArgs switchboard.Key

// Kind is the name in River's tables; stored, never changed.
func (drainArgs) Kind() string { return "drain" }

// activeStates are those in which a key's drain is unique. "completed" is not among
// them, or a key would be drained once an hour.
var activeStates = []rivertype.JobState{
	rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRunning,
	rivertype.JobStateRetryable, rivertype.JobStateScheduled,
}

// notes are what a drain's row remembers for the next run of the key.
type notes struct {
	Failures int  `json:"failures,omitempty"` // in a row
	Due      bool `json:"due,omitempty"`      // asleep for want of due rows only: any Insert wakes it
	Woken    bool `json:"woken,omitempty"`    // Wake came while it ran
}

func readNotes(metadata []byte) notes {
	var n notes
	_ = json.Unmarshal(metadata, &n) // an unreadable note is no note
	return n
}

func (n notes) bytes() []byte {
	raw, err := json.Marshal(n)
	if err != nil {
		panic("marshal notes: " + err.Error())
	}
	return raw
}

func insertOptions(key switchboard.Key) *river.InsertOpts {
	return &river.InsertOpts{
		Queue:       key.Queue,
		MaxAttempts: maxAttempts,
		UniqueOpts:  river.UniqueOpts{ByArgs: true, ByState: activeStates},
	}
}

func insertParams(keys []switchboard.Key) []river.InsertManyParams {
	params := make([]river.InsertManyParams, len(keys))
	for i, key := range keys {
		params[i] = river.InsertManyParams{Args: drainArgs(key), InsertOpts: insertOptions(key)}
	}
	return params
}

// sortedKeys gives the keys once each, in the order in which all producers lock.
func (c *Client) sortedKeys(keys []switchboard.Key) ([]switchboard.Key, error) {
	for _, key := range keys {
		if _, known := c.queues[key.Queue]; !known || key.Account == "" || key.Key == "" {
			return nil, fmt.Errorf("insert drains: no queue %q, or an empty account or key", key.Queue)
		}
	}
	sorted := slices.SortedFunc(slices.Values(keys), compareKeys)
	return slices.Compact(sorted), nil
}

func compareKeys(a, b switchboard.Key) int {
	if d := strings.Compare(string(a.Account), string(b.Account)); d != 0 {
		return d
	}
	if d := strings.Compare(a.Queue, b.Queue); d != 0 {
		return d
	}
	return strings.Compare(a.Key, b.Key)
}

// insertSlow inserts with the statement that locks the present row on conflict, which
// is what closes the race with a drain's end. It gives the rows found or made.
func (c *Client) insertSlow(ctx context.Context, tx switchboard.Tx, keys []switchboard.Key) ([]*rivertype.JobInsertResult, error) {
	found, err := c.engine.insert(ctx, tx.Raw(), insertParams(keys))
	if err != nil {
		return nil, err
	}
	c.engine.announce(keys, 0)
	return found, nil
}

// wakeSleepers wakes those drains that sleep only because nothing was due.
func (c *Client) wakeSleepers(ctx context.Context, tx switchboard.Tx, found []*rivertype.JobInsertResult) error {
	for _, job := range found {
		if !c.asleep(job) || !readNotes(job.Job.Metadata).Due {
			continue
		}
		if err := c.engine.retry(ctx, tx.Raw(), job.Job.ID); err != nil {
			return err
		}
	}
	return nil
}

func (c *Client) asleep(found *rivertype.JobInsertResult) bool {
	if !found.UniqueSkippedAsDuplicate {
		return false
	}
	switch found.Job.State {
	case rivertype.JobStateScheduled, rivertype.JobStateRetryable:
		return true
	case rivertype.JobStateAvailable:
		return found.Job.ScheduledAt.After(c.config.Clock())
	default:
		return false
	}
}

// wakeJob wakes a sleeping drain, or leaves a note for a running one: it may be about
// to fall asleep.
func (c *Client) wakeJob(ctx context.Context, tx switchboard.Tx, found *rivertype.JobInsertResult) error {
	if c.asleep(found) {
		return c.engine.retry(ctx, tx.Raw(), found.Job.ID)
	}
	if found.Job.State == rivertype.JobStateRunning {
		return c.engine.markWoken(ctx, tx.Raw(), found.Job.ID)
	}
	return nil
}

// again replaces a drain's row by a new one of the same key within the closing
// transaction, to run at the given time. A new row, because River writes about the old
// one once more after the drain has returned, checking only its id.
func (c *Client) again(ctx context.Context, tx switchboard.Tx, key switchboard.Key, at time.Time, n notes) error {
	options := insertOptions(key)
	options.Metadata = n.bytes()
	delay := at.Sub(c.config.Clock())
	if delay > 0 {
		options.ScheduledAt = at
	}
	found, err := c.engine.insert(ctx, tx.Raw(), []river.InsertManyParams{{Args: drainArgs(key), InsertOpts: options}})
	if err != nil {
		return fmt.Errorf("insert the next drain: %w", err)
	}
	if delay > schedulerLookAhead {
		return nil
	}
	c.engine.announce([]switchboard.Key{key}, max(delay, 0))
	if delay <= 0 {
		return nil
	}
	if err := c.engine.makeAvailable(ctx, tx.Raw(), found[0].Job.ID); err != nil {
		return fmt.Errorf("schedule the next drain: %w", err)
	}
	return nil
}

// schedulerLookAhead is how far ahead River's scheduler looks, every as much: what is
// due sooner might be seen too late by it.
const schedulerLookAhead = 5 * time.Second
