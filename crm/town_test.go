package crm_test

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http/httptest"
	"testing"
	"time"

	"switchboard"
	"switchboard/channel"
	"switchboard/crm"
	"switchboard/crm/hubspot"
	"switchboard/crm/hubspot/sandbox"
	"switchboard/i18n"
	"switchboard/intake"
	"switchboard/secret"
	"switchboard/store"
	"switchboard/store/storetest"
	"switchboard/work"
)

const (
	account  = switchboard.AccountID("a")
	patience = 40 * time.Second
)

// town is one company with one channel, its CRM over real HTTP, and a tap between the
// two at which calls can be spoilt.
type town struct {
	t        *testing.T
	store    *store.Store
	database string
	clock    *clock
	sandbox  *sandbox.Server
	tap      *tap
	log      *log
	channel  switchboard.Channel
	conn     switchboard.Connection
	managers []switchboard.Employee // Anna, Boris, Vera in the order of the queue

	jobs     *work.Client
	stop     func()
	door     *intake.Door
	saga     *crm.Saga
	timeline *crm.Timeline
	mirror   *crm.Mirror
}

// options of a town.
type options struct {
	sandbox func(*sandbox.Config)
	// managers who receive new clients; 0 means all three, -1 nobody.
	managers int
	idle     bool // the jobs do not run yet
	late     bool // the CRM's timeline is not followed yet
}

func onBothEngines(t *testing.T, o options, test func(t *testing.T, w *town)) {
	t.Helper()
	t.Parallel()
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			test(t, newTown(t, engine, o))
		})
	}
}

func newTown(t *testing.T, engine store.Engine, o options) *town {
	t.Helper()
	w := &town{t: t, clock: &clock{}, log: &log{}, database: storetest.Address(t, engine), stop: func() {}}
	w.openCRM(o.sandbox)
	w.openStore()
	w.found(o)
	t.Cleanup(func() {
		w.stop()
		w.replay()
		w.log.check(t)
		_ = w.store.Close()
	})
	if !o.late {
		w.must(w.timeline.Begin(t.Context(), w.conn))
	}
	if !o.idle {
		w.start()
	}
	return w
}

func (w *town) openCRM(change func(*sandbox.Config)) {
	w.t.Helper()
	cfg := sandbox.Config{Tokens: []sandbox.Token{{Value: "token"}}, SearchLag: -1}
	if change != nil {
		change(&cfg)
	}
	var err error
	w.sandbox, err = sandbox.New(cfg)
	w.must(err)
	server := httptest.NewServer(w.sandbox.Handler())
	w.t.Cleanup(func() {
		_ = w.sandbox.Close()
		server.Close()
	})
	limiter := hubspot.NewMemoryLimiter(func() time.Time { return time.Time{}.Add(time.Duration(w.tap.tick()) * time.Hour) })
	client, err := hubspot.New(hubspot.Config{BaseURL: server.URL, Token: secret.New("token"), HTTP: server.Client(), Limiter: limiter, Timeout: 5 * time.Second})
	w.tap = &tap{w: w, CRM: client}
	w.must(err)
	report, err := client.Connect(w.t.Context())
	w.must(err)
	w.tap.CRM = client.WithPortal(report.Portal)
}

func (w *town) openStore() {
	w.t.Helper()
	ctx := context.Background()
	s, err := store.Open(ctx, w.database, store.Options{Clock: w.clock.now})
	w.must(err)
	w.must(work.Migrate(ctx, work.Pools{Postgres: s.Pool(), SQLite: s.Writer()}))
	w.must(s.Migrate(ctx))
	s.UseVault(plain{})
	s.WatchTransactions()
	w.store = s
	open := func(switchboard.Connection) (crm.CRM, error) { return w.tap, nil }
	texts := func(locale, key string, params map[string]string) string {
		return i18n.Text(i18n.Language(locale), i18n.Key(key), params)
	}
	logger := slog.New(w.log)
	w.saga = &crm.Saga{Store: s, Accounts: s, Open: open, Clock: w.clock.now, Random: rand.Reader, Logger: logger, Texts: texts}
	w.timeline = &crm.Timeline{Store: s, Accounts: s, Open: open, Clock: w.clock.now, Logger: logger, Texts: texts, PublicURL: "https://chat.example.com"}
	w.mirror = &crm.Mirror{Store: s, Open: open, Clock: w.clock.now, Random: rand.Reader, Logger: logger}
}

// found makes the company: account, connection, channel, employees and their roles.
func (w *town) found(o options) {
	w.t.Helper()
	ctx := w.t.Context()
	w.conn = switchboard.Connection{Account: account, ID: "c", Kind: "hubspot", State: switchboard.ConnectionActive, Info: []byte(`{}`), Secrets: []byte(`{}`)}
	pipeline := w.sandbox.Pipelines()[0]
	w.channel = switchboard.Channel{Account: account, ID: "ch", Transport: switchboard.Webchat, Name: "Shop", Key: "key", State: switchboard.ChannelActive,
		Config: []byte(`{}`), Secrets: []byte(`{}`), Settings: switchboard.ChannelSettings{Target: switchboard.TargetDeal,
			Pipeline: switchboard.PipelineID(pipeline.ID), Stage: switchboard.StageID(pipeline.Stages[0].ID)}}
	w.inTx(func(tx switchboard.Tx) error {
		return errors.Join(
			w.store.AddAccount(ctx, tx, switchboard.Account{ID: account, Name: "Town", Settings: switchboard.AccountSettings{Timeline: true, Country: "RU", Locale: "en"}}),
			w.store.Connect(ctx, tx, w.conn), w.store.AddChannel(ctx, tx, w.channel))
	})
	_, err := w.mirror.Refresh(ctx, account)
	w.must(err)
	w.managers, err = w.store.Employees(ctx, nil, account)
	w.must(err)
	switch o.managers {
	case 0:
		w.hire(len(w.managers))
	case -1:
	default:
		w.hire(o.managers)
	}
}

// hire makes the first n managers who receive new clients, the others have no role.
func (w *town) hire(n int) {
	w.t.Helper()
	var roles []switchboard.RoleAssignment
	for _, e := range w.managers[:n] {
		roles = append(roles, switchboard.RoleAssignment{Channel: w.channel.ID, Employee: e.ID, Role: switchboard.Manager, Receives: true})
	}
	w.inTx(func(tx switchboard.Tx) error {
		return w.store.SetRoles(w.t.Context(), tx, account, w.channel.ID, roles)
	})
}

// newJobs begins a process that does not work yet but can take messages.
func (w *town) newJobs() {
	w.t.Helper()
	var err error
	w.jobs, err = work.New(work.Config{Pools: work.Pools{Postgres: w.store.Pool(), SQLite: w.store.Writer()}, Store: w.store, Leases: w.store,
		Node: "one", Logger: slog.New(w.log), Queues: []work.Queue{w.saga.Queue(4), w.timeline.Queue(1)},
		Exit: func(code int) { w.t.Errorf("the process ends with %d", code) }})
	w.must(err)
	w.saga.Jobs = w.jobs
}

// start begins a process: door, jobs and the hints that wake the timeline.
func (w *town) start() {
	w.t.Helper()
	w.newJobs()
	w.must(w.jobs.Start(context.Background()))
	events, unsubscribe := w.store.Subscribe()
	done := make(chan struct{})
	jobs := w.jobs
	go func() {
		for {
			select {
			case <-events:
				jobs.Hint(w.timelineKey())
			case <-done:
				return
			}
		}
	}()
	jobs.Hint(w.timelineKey())
	w.stop = func() {
		w.stop = func() {}
		unsubscribe()
		close(done)
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := jobs.Stop(ctx); err != nil {
			w.t.Errorf("stop: %v", err)
		}
	}
}

func (w *town) timelineKey() switchboard.Key {
	return switchboard.Key{Account: account, Queue: "timeline", Key: string(w.conn.ID)}
}

// person writes on the channel.
type person struct {
	address string
	ids     []switchboard.Identity
}

func visitor(name string) person {
	return person{name, []switchboard.Identity{{Kind: switchboard.IdentityWebchat, Value: name, Verified: true}}}
}

func (p person) phone(number string) person {
	p.ids = append(p.ids[:1:1], switchboard.Identity{Kind: switchboard.IdentityPhone, Value: number})
	return p
}

// write delivers messages of one person as one batch.
func (w *town) write(p person, texts ...string) {
	w.t.Helper()
	if w.jobs == nil {
		w.newJobs()
	}
	w.openDoor()
	batch := channel.Batch{Raw: []byte("raw")}
	for _, text := range texts {
		batch.Messages = append(batch.Messages, channel.Message{Peer: channel.Peer{Address: p.address, Name: "Name of " + p.address, Identities: p.ids},
			Key: p.address + "/" + text, ProviderID: text, At: w.clock.now(), Kind: switchboard.KindText, Text: text})
	}
	_, err := w.door.Receive(w.t.Context(), w.channel, batch)
	w.must(err)
}

func (w *town) openDoor() {
	if w.door != nil {
		return
	}
	w.door = intake.NewDoor(intake.Config{Store: w.store, Jobs: insertOnly{w}, Clock: w.clock.now, Random: rand.Reader, Logger: slog.New(w.log),
		Capabilities: func(switchboard.Transport) channel.Capabilities { return channel.Capabilities{} }})
	w.t.Cleanup(w.door.Close)
}

// insertOnly puts jobs in with whatever process there is.
type insertOnly struct{ w *town }

func (i insertOnly) Insert(ctx context.Context, tx switchboard.Tx, keys ...switchboard.Key) error {
	return i.w.jobs.Insert(ctx, tx, keys...)
}

// writeFirst has an employee write to somebody nobody knows (DEAL-6).
func (w *town) writeFirst(employee switchboard.EmployeeID, p person) {
	w.t.Helper()
	ctx := w.t.Context()
	id := switchboard.ClientID("of " + p.address)
	w.inTx(func(tx switchboard.Tx) error {
		if err := w.jobs.Insert(ctx, tx, switchboard.Key{Account: account, Queue: "client", Key: string(id)}); err != nil {
			return err
		}
		if _, err := w.store.ResolveClient(ctx, tx, account, id, p.address, switchboard.ClientNew, p.ids); err != nil {
			return err
		}
		return errors.Join(
			w.store.AddChat(ctx, tx, switchboard.Chat{Account: account, ID: switchboard.ChatID(p.address), Channel: w.channel.ID, Client: id, Address: p.address, Name: p.address}),
			w.store.AskClientWork(ctx, tx, switchboard.ClientWork{Account: account, Client: id, Channel: w.channel.ID, Employee: employee}),
			w.store.HoldForEmployee(ctx, tx, account, id, employee))
	})
}
