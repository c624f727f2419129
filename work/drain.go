package work

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/riverqueue/river"

	"switchboard"
)

// worker is what River calls for a job.
type worker struct {
	river.WorkerDefaults[drainArgs]
	client *Client
}

// Work drains one key for a while. Its own transactions end the job, so what it gives
// River is nil, unless this process is being killed.
func (w *worker) Work(ctx context.Context, job *river.Job[drainArgs]) error {
	d := &drain{
		client: w.client,
		job:    job,
		key:    switchboard.Key(job.Args),
		queue:  w.client.queues[job.Args.Queue],
		notes:  readNotes(job.Metadata),
		began:  time.Now(), // a duration is measured, no date
	}
	d.ctx = context.WithValue(ctx, drainKey{}, d)
	return d.run()
}

// drain is one run of a job: the steps of one key, one after another.
type drain struct {
	client *Client
	ctx    context.Context // of the job; done after 30 s or when the process is killed
	job    *river.Job[drainArgs]
	key    switchboard.Key
	queue  Queue
	notes  notes
	began  time.Time
	// contradictions counts looks in a row that found rows after a Step that did not.
	contradictions int
}

// maxContradictions is how often Pending may contradict Step before that counts as a
// failure: twice happens in a race, more is a query that is wrong.
const maxContradictions = 5

func (d *drain) run() error {
	for {
		outcome, err := d.step()
		if err != nil {
			return d.fail(err)
		}
		if outcome.kind == outcomeWait {
			return d.sleep(d.client.config.Clock().Add(outcome.wait), notes{})
		}
		d.notes.Failures = 0
		if outcome.kind == outcomeMore {
			d.contradictions = 0
		} else if ended, err := d.finish(); ended || err != nil {
			return err
		}
		if d.contradictions > maxContradictions {
			return d.fail(errContradiction)
		}
		if d.client.stopping.isOpen() || time.Since(d.began) >= d.client.config.YieldAfter {
			return d.sleep(time.Time{}, notes{})
		}
	}
}

var errContradiction = errors.New("rows are pending, but the step finds nothing to do")

// step calls Step and turns a panic into an error.
func (d *drain) step() (outcome Outcome, err error) {
	defer func() {
		if value := recover(); value != nil {
			err = &panicError{value: value, stack: debug.Stack()}
		}
	}()
	return d.queue.Step(d.ctx, d.key)
}

// panicError is a panic of a Step. Its text is kept out of logs: it may quote an item.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }

// fail puts the drain to sleep for 1, 2, 4 ... 60 s by failures in a row, or hands it
// on at once when the step was cut short by the end of the process.
func (d *drain) fail(cause error) error {
	if errors.Is(cause, ErrTakenOver) {
		return d.standStill()
	}
	if d.client.stopping.isOpen() && errors.Is(cause, context.Canceled) {
		return d.sleep(time.Time{}, notes{Failures: d.notes.Failures})
	}
	failures := d.notes.Failures + 1
	d.logFailure(cause, failures)
	return d.sleep(d.client.config.Clock().Add(backOff(failures)), notes{Failures: failures})
}

// standStill is reached only where Exit returns. It keeps the job from River, whatever
// River would write about it now would hit the new owner's row.
func (d *drain) standStill() error {
	<-d.client.stopping.opened
	return ErrTakenOver
}

const longestBackOff = 60 * time.Second

func backOff(failures int) time.Duration {
	if failures > 6 {
		return longestBackOff
	}
	return min(time.Second<<(failures-1), longestBackOff)
}

// logFailure tells which drain failed and of what kind the error is. The error's text
// may quote an item and is not logged: the domain's rows hold it.
func (d *drain) logFailure(cause error, failures int) {
	attributes := append(d.ids(), "failures", failures, "kind", kindOf(cause), "code", string(switchboard.CodeOf(cause)))
	var panicked *panicError
	if errors.As(cause, &panicked) {
		attributes = append(attributes, "stack", string(panicked.stack))
	}
	d.client.log().Error("a drain's step failed", attributes...)
}

func (d *drain) ids() []any {
	return []any{"account", string(d.key.Account), "queue", d.key.Queue, "key", d.key.Key, "job", d.job.ID}
}

// kindOf names the type of the innermost error.
func kindOf(err error) string {
	switch {
	case errors.Is(err, errContradiction):
		return "pending contradicts step"
	case errors.Is(err, context.DeadlineExceeded):
		return "time-out"
	}
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return fmt.Sprintf("%T", err)
		}
		err = inner
	}
}

type drainKey struct{}

// Check makes the transaction of a Step safe against a late commit: it fails, and this
// process ends, when the job was taken over, and it holds off a take-over until tx has
// ended. ctx is the Step's. Where the transaction also calls Insert, Insert comes
// first; Check comes before every other statement.
func Check(ctx context.Context, tx switchboard.Tx) error {
	d, ok := ctx.Value(drainKey{}).(*drain)
	if !ok {
		return errors.New("work: Check outside of a Step")
	}
	held, err := d.client.engine.check(ctx, tx.Raw(), d.job)
	if err != nil {
		return fmt.Errorf("check the job: %w", err)
	}
	if !held {
		d.client.takenOver(d.key, d.job.ID)
		return ErrTakenOver
	}
	return nil
}
