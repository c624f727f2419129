package channeltest

import (
	"context"
	"fmt"
	"reflect"
	"sync"
	"time"

	"switchboard"
	"switchboard/channel"
)

// Recorder is a door for tests of connectors: it keeps batches in memory and dedupes
// messages by key, as intake does with its table.
type Recorder struct {
	mu      sync.Mutex
	changed chan struct{}
	batches []channel.Batch
	byKey   map[string]recorded
	seqs    map[string]int64
	stored  []channel.Message
	fail    []error
}

type recorded struct {
	message  channel.Message
	received channel.Received
}

// NewRecorder makes an empty door.
func NewRecorder() *Recorder {
	return &Recorder{changed: make(chan struct{}), byKey: map[string]recorded{}, seqs: map[string]int64{}}
}

// Fail makes the next calls end with these errors, nothing stored.
func (r *Recorder) Fail(errs ...error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fail = append(r.fail, errs...)
}

// Receive stores the batch.
func (r *Recorder) Receive(_ context.Context, _ switchboard.Channel, b channel.Batch) ([]channel.Received, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.fail) > 0 {
		err := r.fail[0]
		r.fail = r.fail[1:]
		return nil, err
	}
	r.batches = append(r.batches, b)
	var all []channel.Received
	for _, m := range b.Messages {
		all = append(all, r.store(m))
	}
	close(r.changed)
	r.changed = make(chan struct{})
	return all, nil
}

// Sink is Receive as a poller wants it.
func (r *Recorder) Sink(ctx context.Context, b channel.Batch) error {
	_, err := r.Receive(ctx, switchboard.Channel{}, b)
	return err
}

func (r *Recorder) store(m channel.Message) channel.Received {
	if old, ok := r.byKey[m.Key]; ok {
		again := old.received
		again.Duplicate = true
		again.Conflict = old.message.Text != m.Text || !reflect.DeepEqual(old.message.Content, m.Content)
		return again
	}
	r.seqs[m.Peer.Address]++
	seq := r.seqs[m.Peer.Address]
	id := m.ID
	if id == "" {
		id = switchboard.MessageID("m-" + m.Key)
	}
	got := channel.Received{
		Chat: switchboard.ChatID("chat-" + m.Peer.Address), Message: id,
		Seq: seq, ViewSeq: seq, At: m.At,
	}
	r.byKey[m.Key] = recorded{m, got}
	r.stored = append(r.stored, m)
	return got
}

// Batches gives every batch, repeated deliveries included.
func (r *Recorder) Batches() []channel.Batch {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]channel.Batch(nil), r.batches...)
}

// Messages gives each message once, in order of arrival.
func (r *Recorder) Messages() []channel.Message {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]channel.Message(nil), r.stored...)
}

// Wait waits until what was recorded satisfies done.
func (r *Recorder) Wait(ctx context.Context, what string, done func(*Recorder) bool) error {
	for {
		r.mu.Lock()
		changed := r.changed
		r.mu.Unlock()
		if done(r) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", what, ctx.Err())
		}
	}
}

// WaitMessages waits until at least n different messages are there.
func (r *Recorder) WaitMessages(ctx context.Context, n int) error {
	return r.Wait(ctx, fmt.Sprintf("%d messages", n), func(r *Recorder) bool { return len(r.Messages()) >= n })
}

// Clock is a clock that tests move by hand.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock starts a clock.
func NewClock(at time.Time) *Clock { return &Clock{now: at} }

// Now reads it.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Add moves it.
func (c *Clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}
