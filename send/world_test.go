package send_test

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"switchboard"
	"switchboard/channel"
	"switchboard/channel/channeltest"
	"switchboard/send"
	"switchboard/store"
	"switchboard/store/storetest"
	"switchboard/work"
)

const (
	account = switchboard.AccountID("a")
	address = "client-1"
)

// world is one channel with one chat, on a clock of its own. Nothing works by itself:
// a test makes the steps of the queue, unless it starts the jobs.
type world struct {
	t       *testing.T
	store   *store.Store
	clock   *clock
	fake    *channeltest.Fake
	outbox  *send.Outbox
	sender  *send.Sender
	queue   work.Queue
	jobs    *work.Client
	channel switchboard.Channel
	chat    switchboard.ChatID
	client  switchboard.ClientID
	author  switchboard.EmployeeID
}

// clock stands until it is moved; running makes it the real one.
type clock struct {
	mu      sync.Mutex
	at      time.Time
	running bool
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running {
		return time.Now()
	}
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func onBothEngines(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	onBothEnginesWith(t, channeltest.FakeCapabilities(), test)
}

func onBothEnginesWith(t *testing.T, caps channel.Capabilities, test func(t *testing.T, w *world)) {
	t.Helper()
	t.Parallel()
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			test(t, newWorld(t, storetest.Address(t, engine), caps))
		})
	}
}

func newWorld(t *testing.T, database string, caps channel.Capabilities) *world {
	t.Helper()
	w := &world{t: t, fake: channeltest.NewFake(), author: "anna",
		clock: &clock{at: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}}
	w.fake.SetCapabilities(caps)
	w.openStore(database)
	w.sender = w.node("one")
	w.queue = w.sender.Queue(2)
	w.newJobs(w.queue)
	capabilities := func(switchboard.Transport) channel.Capabilities { return w.fake.Capabilities() }
	w.outbox = &send.Outbox{Store: w.store, Jobs: w.jobs, Capabilities: capabilities, Clock: w.clock.now, Random: rand.Reader}
	w.company()
	return w
}

func (w *world) openStore(database string) {
	w.t.Helper()
	ctx := context.Background()
	s, err := store.Open(ctx, database, store.Options{Clock: w.clock.now})
	w.must(err)
	w.t.Cleanup(func() { _ = s.Close() })
	w.must(work.Migrate(ctx, work.Pools{Postgres: s.Pool(), SQLite: s.Writer()}))
	w.must(s.Migrate(ctx))
	s.UseVault(open{})
	s.WatchTransactions()
	w.store = s
}

// node makes a Sender as another process would have it.
func (w *world) node(name string) *send.Sender {
	return send.New(send.Config{Store: w.store, Channels: channel.NewRegistry(guarded{w.fake, w}), Node: name, Clock: w.clock.now,
		Logger: slog.New(slog.DiscardHandler),
		Open: func(_ context.Context, _ switchboard.AccountID, id switchboard.MediaID) (io.ReadCloser, error) {
			return io.NopCloser(strings.NewReader("bytes of " + string(id))), nil
		}})
}

// newJobs makes the jobs' client; the CRM's queue takes its jobs and does nothing.
func (w *world) newJobs(queue work.Queue) {
	w.t.Helper()
	asleep := work.Queue{Name: "client", Workers: 1,
		Step:    func(context.Context, switchboard.Key) (work.Outcome, error) { return work.Idle, nil },
		Pending: func(context.Context, switchboard.Tx, switchboard.Key) (*time.Time, error) { return nil, nil },
		Missing: func(context.Context, int) ([]switchboard.Key, error) { return nil, nil }}
	var err error
	w.jobs, err = work.New(work.Config{Pools: work.Pools{Postgres: w.store.Pool(), SQLite: w.store.Writer()}, Store: w.store,
		Leases: w.store, Node: "one", Logger: slog.New(slog.DiscardHandler), Queues: []work.Queue{queue, asleep},
		Exit: func(code int) { w.t.Errorf("the process ends with %d", code) }})
	w.must(err)
}

// start lets the jobs run on real time.
func (w *world) start() {
	w.t.Helper()
	w.clock.mu.Lock()
	w.clock.running = true
	w.clock.mu.Unlock()
	w.must(w.jobs.Start(context.Background()))
	w.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := w.jobs.Stop(ctx); err != nil {
			w.t.Errorf("stop: %v", err)
		}
	})
}

// open is a vault that keeps nothing secret.
type open struct{}

func (open) Seal(plain []byte, _ store.SecretPlace) ([]byte, error)  { return plain, nil }
func (open) Open(sealed []byte, _ store.SecretPlace) ([]byte, error) { return sealed, nil }

// guarded is the messenger, which nobody may call with a transaction open.
type guarded struct {
	*channeltest.Fake
	w *world
}

func (g guarded) Open(ch switchboard.Channel) (channel.Line, error) {
	line, err := g.Fake.Open(ch)
	return guardedLine{line, g.w}, err
}

type guardedLine struct {
	channel.Line
	w *world
}

func (l guardedLine) Send(ctx context.Context, m channel.Outbound) (channel.Receipt, error) {
	if l.w.store.InTransaction() {
		l.w.t.Error("the messenger is called while a transaction is open")
	}
	return l.Line.Send(ctx, m)
}

func (w *world) company() {
	w.t.Helper()
	ctx := w.t.Context()
	w.channel = switchboard.Channel{Account: account, ID: "ch", Transport: channeltest.FakeTransport, Name: "Shop", Key: "key",
		State: switchboard.ChannelActive, Config: []byte(`{}`), Secrets: []byte(`{}`)}
	w.inTx(func(tx switchboard.Tx) error {
		return errors.Join(
			w.store.AddAccount(ctx, tx, switchboard.Account{ID: account, Name: "Company"}),
			w.store.AddChannel(ctx, tx, w.channel),
			w.store.AddEmployee(ctx, tx, account, switchboard.Employee{ID: w.author, Email: "anna@example.com", Name: "Anna Ivanova", Active: true}))
	})
	w.chat, w.client = w.newChat(address)
}

func (w *world) newChat(address string) (chat switchboard.ChatID, client switchboard.ClientID) {
	w.t.Helper()
	ctx := w.t.Context()
	chat = switchboard.ChatID("chat of " + address)
	w.inTx(func(tx switchboard.Tx) (err error) {
		client, err = w.store.ResolveClient(ctx, tx, account, switchboard.ClientID("of "+address), address, switchboard.ClientNew,
			[]switchboard.Identity{{Kind: channeltest.FakeIdentity, Value: address, Verified: true}})
		if err != nil {
			return err
		}
		return w.store.AddChat(ctx, tx, switchboard.Chat{Account: account, ID: chat, Channel: w.channel.ID, Client: client, Address: address, Name: address})
	})
	return chat, client
}

// write has the client write.
func (w *world) write(text string) {
	w.t.Helper()
	in := &switchboard.Incoming{Channel: w.channel.ID, Address: address, Key: "key of " + text, Counts: true, RawID: "raw of " + text, Raw: []byte(text),
		Message: switchboard.Message{Account: account, ID: switchboard.MessageID("id of " + text), Kind: switchboard.KindText, Text: text, At: w.clock.now()}}
	w.inTx(func(tx switchboard.Tx) error {
		_, err := w.store.AddToChat(w.t.Context(), tx, in, w.chat)
		return err
	})
}

func allowed(context.Context, switchboard.Tx) error { return nil }

// draft is a text message of the chat.
func (w *world) draft(id switchboard.MessageID, text string) send.Draft {
	return send.Draft{Account: account, Chat: w.chat, ID: id, Author: w.author, Text: text, Allowed: allowed}
}

// say queues a message whose text is its id.
func (w *world) say(id switchboard.MessageID) {
	w.t.Helper()
	_, err := w.outbox.Queue(w.t.Context(), w.draft(id, string(id)))
	w.must(err)
}

func (w *world) key() switchboard.Key {
	return switchboard.Key{Account: account, Queue: "send", Key: string(w.chat)}
}

// step makes the next step of the chat's drain.
func (w *world) step() work.Outcome {
	w.t.Helper()
	outcome, err := w.queue.Step(w.t.Context(), w.key())
	w.must(err)
	return outcome
}

// steps makes steps until the drain has nothing to do now.
func (w *world) steps() work.Outcome {
	w.t.Helper()
	for range 100 {
		if outcome := w.step(); outcome != work.More {
			return outcome
		}
	}
	w.t.Fatal("a drain of a hundred steps has no end")
	return work.Idle
}

// message reads what people see of an outgoing message.
func (w *world) message(id switchboard.MessageID) switchboard.MessageRow {
	w.t.Helper()
	m, err := w.store.FindMessage(w.t.Context(), nil, account, w.chat, id)
	w.must(err)
	rows, err := w.store.MessageRows(w.t.Context(), nil, account, []switchboard.MessageRef{{Chat: w.chat, Seq: m.Seq}}, 0)
	w.must(err)
	return rows[0]
}

// became checks a message's status and reason.
func (w *world) became(id switchboard.MessageID, status switchboard.Status, reason string) {
	w.t.Helper()
	if m := w.message(id); m.Status != status || m.Reason != reason {
		w.t.Errorf("message %s is %s for %q, want %s for %q", id, m.Status, m.Reason, status, reason)
	}
}

func (w *world) row() switchboard.ChatRow {
	w.t.Helper()
	rows, err := w.store.ChatRows(w.t.Context(), nil, account, []switchboard.ChatID{w.chat}, 0)
	w.must(err)
	return rows[0]
}

func (w *world) unanswered(want int64) {
	w.t.Helper()
	if got := w.row().Unanswered; got != want {
		w.t.Errorf("%d unanswered, want %d", got, want)
	}
}

// number reads one number from the database.
func (w *world) number(query string, args ...any) (n int) {
	w.t.Helper()
	if pool := w.store.Pool(); pool != nil {
		w.must(pool.QueryRow(w.t.Context(), query, args...).Scan(&n))
		return n
	}
	w.must(w.store.Writer().QueryRowContext(w.t.Context(), query, args...).Scan(&n))
	return n
}

func (w *world) inTx(do func(tx switchboard.Tx) error) {
	w.t.Helper()
	w.must(w.store.InTx(w.t.Context(), do))
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// refused checks an error that people are shown.
func refused(t *testing.T, err error, code switchboard.Code, message string) (e switchboard.Error) {
	t.Helper()
	var got *switchboard.Error
	if !errors.As(err, &got) || got.Code != code || got.Message != message {
		t.Errorf("got %v, want %s: %s", err, code, message)
		return e
	}
	return *got
}
