package intake

import (
	"context"
	"errors"
	"hash/maphash"
	"io"
	"log/slog"
	"sync"
	"time"

	"switchboard"
	"switchboard/channel"
)

// Store is what the door needs of the database.
type Store interface {
	InTx(ctx context.Context, do func(tx switchboard.Tx) error) error
	AddKnown(ctx context.Context, tx switchboard.Tx, in []switchboard.Incoming) ([]switchboard.Stored, error)
	// AddsKnownAlone says that AddKnown with a nil Tx commits by itself.
	AddsKnownAlone() bool
	AddToChat(ctx context.Context, tx switchboard.Tx, in *switchboard.Incoming, chat switchboard.ChatID) (switchboard.Stored, error)
	Duplicate(ctx context.Context, tx switchboard.Tx, in *switchboard.Incoming) (switchboard.Stored, bool, error)
	// PeekClient says, locking nothing, whose a message will be.
	PeekClient(ctx context.Context, tx switchboard.Tx, in *switchboard.Incoming) (client switchboard.ClientID, settled bool, err error)
	FindChat(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, channel switchboard.ChannelID, address string) (switchboard.FoundChat, error)
	ResolveClient(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, newID switchboard.ClientID, name string, state switchboard.ClientState, ids []switchboard.Identity) (switchboard.ClientID, error)
	JoinIdentities(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.ClientID, ids []switchboard.Identity) (switchboard.ClientID, error)
	Client(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.ClientID) (switchboard.Client, error)
	SetClientState(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.ClientID, state switchboard.ClientState) error
	AddChat(ctx context.Context, tx switchboard.Tx, c switchboard.Chat) error
	RenameChat(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.ChatID, name, username string) error
	AskClientWork(ctx context.Context, tx switchboard.Tx, w switchboard.ClientWork) error
	AddMedia(ctx context.Context, tx switchboard.Tx, m switchboard.Media) error
	QuotedMessage(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, chat switchboard.ChatID, provider string) (switchboard.MessageID, error)
	ApplyChange(ctx context.Context, tx switchboard.Tx, ch switchboard.Channel, address string, c switchboard.Change) error
	TakeEarly(ctx context.Context, tx switchboard.Tx, ch switchboard.Channel, address, provider string, stored switchboard.Stored) error
	SetReachable(ctx context.Context, tx switchboard.Tx, ch switchboard.Channel, address string, reachable bool) error
	KeepIgnored(ctx context.Context, tx switchboard.Tx, ch switchboard.Channel, source, name, reason string) error
	KeepRaw(ctx context.Context, tx switchboard.Tx, ch switchboard.Channel, id string, body []byte, reason string) error
}

// Jobs is what the door needs of package work.
type Jobs interface {
	Insert(ctx context.Context, tx switchboard.Tx, keys ...switchboard.Key) error
}

// Config of a Door.
type Config struct {
	Store        Store
	Jobs         Jobs
	Capabilities func(switchboard.Transport) channel.Capabilities
	Clock        func() time.Time
	Random       io.Reader
	Logger       *slog.Logger
	// Lanes is how many commits run side by side, deliveries of one account always in
	// one lane; 0 means 1, which is all that SQLite's one writer can use.
	Lanes int
	// MaxQueued bounds what waits for a commit in one lane; more is refused with
	// CodeUnavailable before anything is confirmed (P14). 0 means 4096.
	MaxQueued int
	// MaxBatch bounds the deliveries of one transaction; 0 means 256.
	MaxBatch int
	// Step is told of each named step, for fault tests; may be nil.
	Step func(name string)
}

// Door stores what comes in. It is safe for concurrent use.
type Door struct {
	Config
	lanes []chan *delivery
	seed  maphash.Seed
	done  chan struct{}
	wait  sync.WaitGroup
}

// delivery is one Receive on its way through a lane.
type delivery struct {
	ctx    context.Context
	ch     switchboard.Channel
	batch  channel.Batch
	rawID  string
	in     []switchboard.Incoming
	result []switchboard.Stored
	err    error
	ready  chan struct{}
}

var errClosed = switchboard.Errorf(switchboard.CodeUnavailable, "shutting_down", "the door is closed")

// NewDoor opens the door; Close ends it.
func NewDoor(c Config) *Door {
	if c.Lanes == 0 {
		c.Lanes = 1
	}
	if c.MaxQueued == 0 {
		c.MaxQueued = 4096
	}
	if c.MaxBatch == 0 {
		c.MaxBatch = 256
	}
	if c.Step == nil {
		c.Step = func(string) {}
	}
	d := &Door{Config: c, seed: maphash.MakeSeed(), done: make(chan struct{})}
	for range c.Lanes {
		lane := make(chan *delivery, c.MaxQueued)
		d.lanes = append(d.lanes, lane)
		d.wait.Add(1)
		go d.run(lane)
	}
	return d
}

// Close lets what is queued be committed and ends the lanes.
func (d *Door) Close() {
	close(d.done)
	d.wait.Wait()
}

// Receive stores a batch and tells what became of each message. An error means that
// nothing of it is stored and the messenger must not be told that it is.
func (d *Door) Receive(ctx context.Context, ch switchboard.Channel, b channel.Batch) ([]channel.Received, error) {
	w := &delivery{ctx: ctx, ch: ch, batch: b, rawID: d.newID(), ready: make(chan struct{})}
	if err := d.prepare(w); err != nil {
		return nil, err
	}
	lane := d.lanes[maphash.String(d.seed, string(ch.Account))%uint64(len(d.lanes))]
	select {
	case <-d.done:
		return nil, errClosed
	default:
	}
	select {
	case lane <- w:
	default:
		return nil, switchboard.Errorf(switchboard.CodeUnavailable, "overloaded", "%d deliveries wait", d.MaxQueued)
	}
	select {
	case <-w.ready:
		return received(w.result), w.err
	case <-ctx.Done():
		// It may still be committed: the messenger repeats it and dedupe answers.
		return nil, ctx.Err()
	}
}

func received(stored []switchboard.Stored) []channel.Received {
	out := make([]channel.Received, len(stored))
	for i, s := range stored {
		out[i] = channel.Received{Chat: s.Chat, Message: s.Message, Seq: s.Seq, ViewSeq: s.ViewSeq, At: s.At,
			Duplicate: s.Duplicate, Conflict: s.Conflict}
	}
	return out
}

// run commits one lane's deliveries: everything that queued meanwhile is the next
// transaction.
func (d *Door) run(lane chan *delivery) {
	defer d.wait.Done()
	group := make([]*delivery, 0, d.MaxBatch)
	for {
		select {
		case w := <-lane:
			group = d.gather(lane, append(group[:0], w))
			d.commit(group)
		case <-d.done:
			group = d.gather(lane, group[:0])
			if len(group) == 0 {
				return
			}
			d.commit(group)
		}
	}
}

func (d *Door) gather(lane chan *delivery, group []*delivery) []*delivery {
	for len(group) < d.MaxBatch {
		select {
		case w := <-lane:
			group = append(group, w)
		default:
			return group
		}
	}
	return group
}

// commit stores a group at once or, when that fails, each delivery alone.
func (d *Door) commit(group []*delivery) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(group[0].ctx), 30*time.Second)
	defer cancel()
	acknowledgeFirst(group)
	err := d.storeByAccount(ctx, group)
	if err != nil && len(group) > 1 {
		for _, w := range group {
			d.answer(w, d.storeGroup(ctx, []*delivery{w}))
		}
		return
	}
	for _, w := range group {
		d.answer(w, err)
	}
}

// answer says once what became of a delivery.
func (d *Door) answer(w *delivery, err error) {
	select {
	case <-w.ready:
		return
	default:
	}
	if err != nil && switchboard.CodeOf(err) == "" {
		d.Logger.Error("store a delivery", "channel", w.ch.ID, "error", err)
		err = &switchboard.Error{Code: switchboard.CodeUnavailable, Message: "not_stored", Err: err}
	}
	w.err = err
	d.Step("before acknowledge")
	close(w.ready)
}

// storeByAccount commits each account's part of a group by itself, since the short
// way numbers one account's events.
func (d *Door) storeByAccount(ctx context.Context, group []*delivery) error {
	if len(group) == 1 || sameAccount(group) {
		return d.storeGroup(ctx, group)
	}
	parts := map[switchboard.AccountID][]*delivery{}
	for _, w := range group {
		parts[w.ch.Account] = append(parts[w.ch.Account], w)
	}
	var errs []error
	for _, part := range parts {
		if err := d.storeGroup(ctx, part); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func sameAccount(group []*delivery) bool {
	for _, w := range group[1:] {
		if w.ch.Account != group[0].ch.Account {
			return false
		}
	}
	return true
}
