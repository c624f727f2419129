package newclient

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"switchboard"
	"switchboard/channel"
	"switchboard/crm"
	"switchboard/crm/hubspot"
	"switchboard/crm/hubspot/contract/contracttest"
	"switchboard/crm/hubspot/sandbox"
	"switchboard/i18n"
	"switchboard/intake"
	"switchboard/secret"
	"switchboard/store"
	"switchboard/store/pgtest"
	"switchboard/work"
)

const patience = 60 * time.Second

// town is one company with its database, its CRM and what must never be logged.
type town struct {
	t        *testing.T
	engine   store.Engine
	address  string
	reads    *sql.DB // beside the nodes, reading only
	vault    vault
	account  switchboard.AccountID
	channels []switchboard.Channel
	managers []switchboard.Employee
	conn     switchboard.Connection
	portal   hubspot.Portal

	crm     *sandbox.Server
	crmURL  string
	token   string
	checked *contracttest.Checked
	calls   atomic.Int64 // that reached the network
	logs    *logBook
	texts   canaries
	vain    bool // each transaction runs once in vain
}

// options of a town.
type options struct {
	engine   store.Engine
	managers int                   // of the three owners; 0 means all
	sandbox  func(*sandbox.Config) // changes the CRM
	timeline bool                  // save messages to the timeline
	vain     bool                  // each transaction runs once in vain
}

// onBothEngines runs test in a town of its own per engine.
func onBothEngines(t *testing.T, o options, test func(t *testing.T, w *town)) {
	t.Helper()
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			o := o
			o.engine = engine
			test(t, newTown(t, o))
		})
	}
}

func newTown(t *testing.T, o options) *town {
	t.Helper()
	w := &town{t: t, engine: o.engine, logs: &logBook{}, vain: o.vain, token: "pat-eu1-" + switchboard.NewUUID(time.Now(), rand.Reader)}
	w.texts.add(w.token)
	w.address = databaseAddress(t, o.engine)
	w.openReads()
	w.openCRM(o.sandbox)
	s := w.openStore()
	defer func() { w.must(s.Close()) }()
	w.found(s, o)
	t.Cleanup(w.checkLogs)
	t.Cleanup(w.checkLocks)
	return w
}

func databaseAddress(t *testing.T, engine store.Engine) string {
	t.Helper()
	if engine == store.Postgres {
		return pgtest.New(t)
	}
	return "sqlite:" + filepath.Join(t.TempDir(), "switchboard.db")
}

func (w *town) openReads() {
	w.t.Helper()
	driver, name := "pgx", w.address
	if w.engine == store.SQLite {
		driver, name = "sqlite", "file:"+w.address[len("sqlite:"):]+"?_pragma=busy_timeout(10000)"
	}
	var err error
	w.reads, err = sql.Open(driver, name)
	w.must(err)
	w.t.Cleanup(func() { _ = w.reads.Close() })
}

func (w *town) openCRM(change func(*sandbox.Config)) {
	w.t.Helper()
	cfg := sandbox.Config{Tokens: []sandbox.Token{{Value: sandbox.Secret(w.token)}},
		Limits: sandbox.Limits{Enforce: true, PerTenSeconds: 5000, SearchPerSecond: 1000}}
	if change != nil {
		change(&cfg)
	}
	var err error
	w.crm, err = sandbox.New(cfg)
	w.must(err)
	server := httptest.NewServer(w.crm.Handler())
	w.t.Cleanup(func() {
		_ = w.crm.Close()
		server.Close()
	})
	w.crmURL = server.URL
	w.checked = contracttest.RoundTripper(w.t, nil)
}

func (w *town) openStore() *store.Store {
	w.t.Helper()
	ctx := context.Background()
	s, err := store.Open(ctx, w.address, store.Options{})
	w.must(err)
	s.WatchTransactions()
	s.UseVault(&w.vault)
	w.must(work.Migrate(ctx, work.Pools{Postgres: s.Pool(), SQLite: s.Writer()}))
	w.must(s.Migrate(ctx))
	return s
}

// found makes account, channels and connection, and gives the managers their roles.
func (w *town) found(s *store.Store, o options) {
	w.t.Helper()
	ctx := w.t.Context()
	w.account = switchboard.AccountID(newID())
	w.inTx(s, func(tx switchboard.Tx) error {
		return s.AddAccount(ctx, tx, switchboard.Account{ID: w.account, Name: "Town", Settings: switchboard.AccountSettings{
			Timeline: o.timeline, Country: "RU", EightToSeven: true, Locale: "en"}})
	})
	if o.timeline {
		w.inTx(s, func(tx switchboard.Tx) error { return s.SwitchTimeline(ctx, tx, w.account, true) })
	}
	pipeline := w.crm.Pipelines()[0]
	for i, transport := range []switchboard.Transport{switchboard.Webchat, switchboard.TelegramBot} {
		ch := switchboard.Channel{Account: w.account, ID: switchboard.ChannelID(newID()), Transport: transport, Name: fmt.Sprintf("channel %d", i),
			Key: newID(), State: switchboard.ChannelActive, Config: []byte("{}"), Secrets: []byte("{}"),
			Settings: switchboard.ChannelSettings{Target: switchboard.TargetDeal, Pipeline: switchboard.PipelineID(pipeline.ID),
				Stage: switchboard.StageID(pipeline.Stages[0].ID)}}
		w.inTx(s, func(tx switchboard.Tx) error { return s.AddChannel(ctx, tx, ch) })
		w.channels = append(w.channels, ch)
	}
	w.connect(s)
	w.hire(s, o.managers)
}

func (w *town) connect(s *store.Store) {
	w.t.Helper()
	ctx := w.t.Context()
	client := w.client(s)
	report, err := client.Connect(ctx)
	w.must(err)
	if !report.Usable() {
		w.t.Fatalf("the connection is not usable: %+v", report)
	}
	w.portal = report.Portal
	info, err := json.Marshal(report)
	w.must(err)
	w.conn = switchboard.Connection{Account: w.account, ID: switchboard.ConnectionID(newID()), Kind: "hubspot",
		State: switchboard.ConnectionActive, Info: info, Secrets: []byte(`{"token":"` + w.token + `"}`)}
	w.inTx(s, func(tx switchboard.Tx) error { return s.Connect(ctx, tx, w.conn) })
	mirror := &crm.Mirror{Store: s, Open: w.opener(client), Clock: time.Now, Random: rand.Reader, Logger: w.logs.logger()}
	_, err = mirror.Refresh(ctx, w.account)
	w.must(err)
	timeline := &crm.Timeline{Store: s}
	w.must(timeline.Begin(ctx, w.conn))
	w.crm.ResetCounters()
}

// hire makes the first employees managers who receive new clients on every channel.
func (w *town) hire(s *store.Store, count int) {
	w.t.Helper()
	all, err := s.Employees(w.t.Context(), nil, w.account)
	w.must(err)
	if count > 0 {
		all = all[:count]
	}
	w.managers = all
	for _, ch := range w.channels {
		for i, e := range all {
			w.inTx(s, func(tx switchboard.Tx) error {
				return w.exec(tx, `INSERT INTO channel_role (account_id, channel_id, employee_id, role, receives, position)
					VALUES ($1, $2, $3, 'manager', 1, $4)`, string(w.account), string(ch.ID), string(e.ID), i+1)
			})
		}
	}
}

func (w *town) client(s *store.Store) *hubspot.Client {
	w.t.Helper()
	c, err := hubspot.New(hubspot.Config{BaseURL: w.crmURL, Token: secret.New(w.token), Bucket: "crm", Portal: w.portal,
		Limiter: limiter{s}, Timeout: 2 * time.Second, HTTP: &http.Client{Transport: w.guarded(s)}})
	w.must(err)
	return c
}

// limiter shares HubSpot's limits between nodes, as the product does.
type limiter struct{ store *store.Store }

func (l limiter) Take(ctx context.Context, bucket string, limit hubspot.Limit) (time.Duration, error) {
	return l.store.Take(ctx, "crm/"+bucket, limit.Next)
}

// guarded fails the test when the network is used inside a transaction, and holds
// every call and answer against the contract.
func (w *town) guarded(s *store.Store) http.RoundTripper {
	return roundTrip(func(r *http.Request) (*http.Response, error) {
		w.calls.Add(1)
		if s.InTransaction() {
			w.t.Errorf("%s %s while a transaction is open", r.Method, r.URL.Path)
		}
		return w.checked.RoundTrip(r)
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func (w *town) opener(c *hubspot.Client) crm.Opener {
	return func(switchboard.Connection) (crm.CRM, error) { return c, nil }
}

// node is one process of the product, without its HTTP side.
type node struct {
	*town
	name  string
	store *store.Store
	work  *work.Client
	door  *intake.Door
	stop  func()
}

// twice runs each transaction once in vain before it counts, as PostgreSQL does with a
// deadlock's victim.
type twice struct {
	*store.Store
	vain bool
}

var errInVain = errors.New("in vain")

// InTx runs do and takes all of it back, then runs do for good.
func (s twice) InTx(ctx context.Context, do func(tx switchboard.Tx) error) error {
	if s.vain {
		err := s.Store.InTx(ctx, func(tx switchboard.Tx) error {
			if err := do(tx); err != nil {
				return err
			}
			return errInVain
		})
		if !errors.Is(err, errInVain) {
			return err
		}
	}
	return s.Store.InTx(ctx, do)
}

// start opens a node; it is stopped at the end of the test if not before.
func (w *town) start(name string) *node {
	w.t.Helper()
	n := &node{town: w, name: name, store: w.openStore()}
	client := w.client(n.store)
	db := twice{n.store, w.vain}
	saga := &crm.Saga{Store: db, Accounts: n.store, Open: w.opener(client), Clock: time.Now, Random: rand.Reader,
		Logger: w.logs.logger(), Texts: sentences}
	timeline := &crm.Timeline{Store: db, Accounts: n.store, Open: w.opener(client.WithLane(hubspot.LaneTimeline)), Clock: time.Now,
		Logger: w.logs.logger(), Texts: sentences, PublicURL: "https://app.example"}
	var err error
	n.work, err = work.New(work.Config{Pools: work.Pools{Postgres: n.store.Pool(), SQLite: n.store.Writer()}, Store: n.store,
		Leases: n.store, Node: name, Logger: w.logs.logger(), Queues: []work.Queue{saga.Queue(8), timeline.Queue(1)},
		Exit: func(code int) { w.t.Errorf("node %s exits with %d", name, code) }})
	w.must(err)
	saga.Jobs = n.work
	w.must(n.work.Start(context.Background()))
	n.door = intake.NewDoor(intake.Config{Store: db, Jobs: n.work, Clock: time.Now, Random: rand.Reader, Logger: w.logs.logger(),
		Capabilities: capabilities, Lanes: map[store.Engine]int{store.Postgres: 2}[w.engine]})
	n.stop = n.stopper(n.hintTimeline())
	w.t.Cleanup(n.stop)
	return n
}

func capabilities(transport switchboard.Transport) channel.Capabilities {
	return channel.Capabilities{NumbersView: transport == switchboard.Webchat}
}

func sentences(locale, key string, params map[string]string) string {
	return i18n.Text(i18n.Language(locale), i18n.Key(key), params)
}

// hintTimeline wakes the timeline after commits, as the product does.
func (n *node) hintTimeline() (end func()) {
	events, unsubscribe := n.store.Subscribe()
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-events:
				n.work.Hint(switchboard.Key{Account: n.account, Queue: "timeline", Key: string(n.conn.ID)})
			case <-done:
				return
			}
		}
	}()
	return func() {
		unsubscribe()
		close(done)
	}
}

func (n *node) stopper(end func()) func() {
	stopped := false
	return func() {
		if stopped {
			return
		}
		stopped = true
		n.door.Close()
		end()
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := n.work.Stop(ctx); err != nil {
			n.t.Errorf("stop %s: %v", n.name, err)
		}
		if err := n.store.Close(); err != nil {
			n.t.Errorf("close %s: %v", n.name, err)
		}
	}
}

// person is somebody who writes on one channel.
type person struct {
	channel int // of the town's
	address string
	name    string
	ids     []switchboard.Identity
}

// visitor is a person without a phone, known by the address alone.
func visitor(n int) person {
	address := fmt.Sprintf("visitor-%04d-%s", n, newID())
	return person{address: address, name: "Visitor " + address[len(address)-12:],
		ids: []switchboard.Identity{{Kind: switchboard.IdentityWebchat, Value: address, Verified: true}}}
}

func (p person) with(kind switchboard.IdentityKind, value string, verified bool) person {
	p.ids = append(p.ids[:len(p.ids):len(p.ids)], switchboard.Identity{Kind: kind, Value: value, Verified: verified})
	return p
}

// on gives the person on another channel, under another address.
func (p person) on(channel int, address string) person {
	p.channel, p.address = channel, address
	p.ids = append([]switchboard.Identity{{Kind: switchboard.IdentityTelegram, Value: address, Verified: true}}, p.ids[1:]...)
	return p
}

// write delivers one message and gives its text, a canary.
func (n *node) write(p person) string {
	text := "text-" + newID()
	n.texts.add(text, p.name)
	key := newID()
	got, err := n.door.Receive(context.Background(), n.channels[p.channel], channel.Batch{Raw: []byte(`{"text":"` + text + `"}`),
		Messages: []channel.Message{{Peer: channel.Peer{Address: p.address, Name: p.name, Identities: p.ids}, Key: key,
			ProviderID: key, At: time.Now(), Kind: switchboard.KindText, Text: text}}})
	if err != nil || len(got) != 1 || got[0].Duplicate {
		n.t.Errorf("a first delivery was not stored: %+v, %v", got, err)
	}
	return text
}

func newID() string { return switchboard.NewUUID(time.Now(), rand.Reader) }

func (w *town) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}
