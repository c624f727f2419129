package crm_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"switchboard"
	"switchboard/channel"
	"switchboard/crm"
	"switchboard/crm/hubspot"
	"switchboard/crm/hubspot/sandbox"
	"switchboard/i18n"
	"switchboard/intake"
	"switchboard/routing"
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

type plain struct{}

func (plain) Seal(text []byte, _ store.SecretPlace) ([]byte, error)   { return text, nil }
func (plain) Open(sealed []byte, _ store.SecretPlace) ([]byte, error) { return sealed, nil }

// clock is the real one, unless it is frozen or ahead.
type clock struct {
	mu     sync.Mutex
	frozen time.Time
	ahead  time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.frozen.IsZero() {
		return c.frozen
	}
	return time.Now().Add(c.ahead)
}

func (c *clock) set(frozen time.Time, ahead time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.frozen, c.ahead = frozen, ahead
}

// nextMilli returns when the clock shows another millisecond.
func (c *clock) nextMilli() {
	for began := c.now().UnixMilli(); c.now().UnixMilli() == began; {
		time.Sleep(100 * time.Microsecond)
	}
}

// log fails the test when a drain's step failed: the queues contradict themselves, or
// a class of error was not understood.
type log struct {
	slog.Handler
	mu     sync.Mutex
	failed []string
	may    bool // steps may fail
}

func (*log) Enabled(context.Context, slog.Level) bool { return true }
func (l *log) WithAttrs([]slog.Attr) slog.Handler     { return l }
func (l *log) WithGroup(string) slog.Handler          { return l }

func (l *log) Handle(_ context.Context, r slog.Record) error {
	if r.Level < slog.LevelError {
		return nil
	}
	text := r.Message
	r.Attrs(func(a slog.Attr) bool { text += " " + a.String(); return true })
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failed = append(l.failed, text)
	return nil
}

func (l *log) check(t *testing.T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.may {
		for _, text := range l.failed {
			t.Error("logged:", text)
		}
	}
}

// tap spoils calls on their way to the CRM, and counts them.
type tap struct {
	crm.CRM
	w     *town
	mu    sync.Mutex
	ticks int
	calls map[string]int
	sizes []int // of WriteEntries
	down  *crm.Error
	// These stand in for the call when set; next is the call itself.
	contact func(n crm.NewContact, next func() (switchboard.Contact, error)) (switchboard.Contact, error)
	deal    func(n crm.NewDeal, next func() (switchboard.Deal, error)) (switchboard.Deal, error)
	write   func(ctx context.Context, entries []crm.Entry) ([]crm.EntryResult, error)
}

// tick makes the limiter's clock run, so that no call waits for it.
func (p *tap) tick() int {
	if p == nil {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ticks++
	return p.ticks
}

// set changes the tap while it is in use.
func (p *tap) set(change func(p *tap)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p)
}

// enter counts a call and says whether the CRM is away.
func (p *tap) enter(call string) error {
	if p.w.store.InTransaction() {
		p.w.t.Errorf("%s while a transaction is open", call)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.calls == nil {
		p.calls = map[string]int{}
	}
	p.calls[call]++
	if p.down != nil {
		e := *p.down
		return &e
	}
	return nil
}

func (p *tap) count(calls ...string) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for call, times := range p.calls {
		if len(calls) == 0 || slices.Contains(calls, call) {
			n += times
		}
	}
	return n
}

func (p *tap) Owners(ctx context.Context) ([]switchboard.Owner, error) {
	if err := p.enter("owners"); err != nil {
		return nil, err
	}
	return p.CRM.Owners(ctx)
}

func (p *tap) FindContacts(ctx context.Context, q crm.PersonQuery) ([]crm.Found, error) {
	if err := p.enter("find"); err != nil {
		return nil, err
	}
	return p.CRM.FindContacts(ctx, q)
}

func (p *tap) UpsertContact(ctx context.Context, n crm.NewContact) (switchboard.Contact, error) {
	if err := p.enter("contact"); err != nil {
		return switchboard.Contact{}, err
	}
	p.mu.Lock()
	instead := p.contact
	p.mu.Unlock()
	next := func() (switchboard.Contact, error) { return p.CRM.UpsertContact(ctx, n) }
	if instead != nil {
		return instead(n, next)
	}
	return next()
}

func (p *tap) UpsertDeal(ctx context.Context, n crm.NewDeal) (switchboard.Deal, error) {
	if err := p.enter("deal"); err != nil {
		return switchboard.Deal{}, err
	}
	p.mu.Lock()
	instead := p.deal
	p.mu.Unlock()
	next := func() (switchboard.Deal, error) { return p.CRM.UpsertDeal(ctx, n) }
	if instead != nil {
		return instead(n, next)
	}
	return next()
}

func (p *tap) Contacts(ctx context.Context, ids []switchboard.ContactID) ([]switchboard.Contact, error) {
	if err := p.enter("contacts"); err != nil {
		return nil, err
	}
	return p.CRM.Contacts(ctx, ids)
}

func (p *tap) ChangedContacts(ctx context.Context, since crm.Cursor) ([]switchboard.Contact, crm.Cursor, error) {
	if err := p.enter("changed contacts"); err != nil {
		return nil, since, err
	}
	return p.CRM.ChangedContacts(ctx, since)
}

func (p *tap) WriteEntries(ctx context.Context, entries []crm.Entry) ([]crm.EntryResult, error) {
	if err := p.enter("write"); err != nil {
		return nil, err
	}
	p.mu.Lock()
	p.sizes = append(p.sizes, len(entries))
	instead := p.write
	p.mu.Unlock()
	if instead != nil {
		return instead(ctx, entries)
	}
	return p.CRM.WriteEntries(ctx, entries)
}

func (p *tap) FindEntries(ctx context.Context, contact switchboard.ContactID, entries []crm.Entry) (map[crm.EntryKey]string, error) {
	if err := p.enter("find entries"); err != nil {
		return nil, err
	}
	return p.CRM.FindEntries(ctx, contact, entries)
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

// chat reads the chat of a person as lists show it.
func (w *town) chat(p person) switchboard.ChatRow {
	w.t.Helper()
	ids := w.texts(`SELECT id FROM chat WHERE address = $1`, p.address)
	if len(ids) != 1 {
		w.t.Fatalf("%d chats of %s", len(ids), p.address)
	}
	rows, err := w.store.ChatRows(w.t.Context(), nil, account, []switchboard.ChatID{switchboard.ChatID(ids[0])}, 0)
	w.must(err)
	return rows[0]
}

// became waits until a person's client has come to a state.
func (w *town) became(p person, state switchboard.ClientState) switchboard.ChatRow {
	w.t.Helper()
	w.await(fmt.Sprintf("%s %s", p.address, state), func() bool { return w.chat(p).ClientState == state })
	return w.chat(p)
}

// settled waits until nothing is to be done in the CRM for a linked client.
func (w *town) settled(p person) switchboard.ChatRow {
	w.t.Helper()
	w.await(p.address+" settled", func() bool {
		row := w.chat(p)
		return row.ClientState == switchboard.ClientLinked && w.number(`SELECT COUNT(*) FROM client_work WHERE client_id = $1`, string(row.Client)) == 0
	})
	return w.chat(p)
}

// idle waits until the saga has nothing to do.
func (w *town) idle() {
	w.t.Helper()
	w.await("no work", func() bool { return w.number(`SELECT COUNT(*) FROM client_work`) == 0 })
}

// hurry makes put-off work due now, as a person's Retry does.
func (w *town) hurry(p person) {
	w.t.Helper()
	client := w.chat(p).Client
	w.inTx(func(tx switchboard.Tx) error {
		if err := w.jobs.Wake(w.t.Context(), tx, switchboard.Key{Account: account, Queue: "client", Key: string(client)}); err != nil {
			return err
		}
		return w.store.HurryClientWork(w.t.Context(), tx, account, client)
	})
}

// lastError is why a person's work waits.
func (w *town) lastError(p person) string {
	w.t.Helper()
	work, err := w.store.PendingClientWork(w.t.Context(), nil, account, w.chat(p).Client)
	if errors.Is(err, switchboard.ErrNotFound) {
		return ""
	}
	w.must(err)
	return work.LastError
}

// owners checks whose the chat of a person is.
func (w *town) owners(p person, want ...switchboard.EmployeeID) {
	w.t.Helper()
	slices.Sort(want)
	if got := w.chat(p).Owners; !slices.Equal(got, want) {
		w.t.Errorf("the chat of %s is owned by %v, want %v", p.address, got, want)
	}
}

// records counts contacts and deals in the CRM.
func (w *town) records(contacts, deals int) {
	w.t.Helper()
	if c, d := len(w.sandbox.Records("contacts")), len(w.sandbox.Records("deals")); c != contacts || d != deals {
		w.t.Errorf("%d contacts and %d deals in the CRM, want %d and %d", c, d, contacts, deals)
	}
}

// person the CRM knows already.
func (w *town) known(phone string, owner switchboard.OwnerID) switchboard.ContactID {
	w.t.Helper()
	id, err := w.sandbox.Create("contacts", map[string]string{"firstname": "Known", "phone": phone, "hubspot_owner_id": string(owner)})
	w.must(err)
	return switchboard.ContactID(id)
}

func (w *town) ownerOf(kind, id string) switchboard.OwnerID {
	w.t.Helper()
	r, ok := w.sandbox.Record(kind, id)
	if !ok {
		w.t.Fatalf("no %s %s", kind, id)
	}
	return switchboard.OwnerID(r.Properties["hubspot_owner_id"])
}

func (w *town) turn() (q routing.Queue) {
	w.t.Helper()
	text, err := w.store.Turn(w.t.Context(), nil, account, w.channel.ID)
	w.must(err)
	w.must(json.Unmarshal(text, &q))
	return q
}

// why gives the explanation of a person's latest decision.
func (w *town) why(p person) routing.Decision {
	w.t.Helper()
	var d routing.Decision
	client := w.chat(p).Client
	w.inTx(func(tx switchboard.Tx) error {
		_, id, err := w.store.LockClient(w.t.Context(), tx, account, client)
		if err != nil {
			return err
		}
		record, err := w.store.Decision(w.t.Context(), tx, account, id)
		if err != nil {
			return err
		}
		return json.Unmarshal(record.Decision, &d)
	})
	return d
}

// replay checks that every stored input gives the stored decision (QUEUE-9).
func (w *town) replay() {
	w.t.Helper()
	for _, id := range w.texts(`SELECT id FROM decision`) {
		record, err := w.store.Decision(context.Background(), nil, account, switchboard.DecisionID(id))
		if err != nil {
			w.t.Error(err)
			return
		}
		var in routing.Input
		if err := json.Unmarshal(record.Input, &in); err != nil {
			w.t.Error(err)
			return
		}
		again, err := json.Marshal(routing.Decide(in))
		if diff := cmp.Diff(string(record.Decision), string(again)); diff != "" || err != nil {
			w.t.Errorf("a stored decision is not reached again: %v %s", err, diff)
		}
	}
}

// await waits until the condition holds; news of the database and of the CRM wake it.
func (w *town) await(what string, holds func() bool) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	events, end := w.store.Subscribe()
	defer end()
	for {
		changed := w.sandbox.Changed()
		if holds() {
			return
		}
		select {
		case <-events:
		case <-changed:
		case <-time.After(50 * time.Millisecond): // rows that tell nobody
		case <-ctx.Done():
			w.t.Fatalf("%s: not within %s; %q", what, patience, w.texts(`SELECT last_error FROM client_work`))
		}
	}
}

// number reads one number from the database.
func (w *town) number(query string, args ...any) (n int) {
	w.t.Helper()
	if pool := w.store.Pool(); pool != nil {
		w.must(pool.QueryRow(context.Background(), query, args...).Scan(&n))
		return n
	}
	w.must(w.store.Writer().QueryRowContext(context.Background(), query, args...).Scan(&n))
	return n
}

// texts reads one column of texts.
func (w *town) texts(query string, args ...any) (all []string) {
	w.t.Helper()
	var list string
	if pool := w.store.Pool(); pool != nil {
		query = `SELECT COALESCE(json_agg(x), '[]')::text FROM (` + query + `) AS q(x)`
		w.must(pool.QueryRow(context.Background(), query, args...).Scan(&list))
	} else {
		query = `WITH q(x) AS (` + query + `) SELECT json_group_array(x) FROM q`
		w.must(w.store.Writer().QueryRowContext(context.Background(), query, args...).Scan(&list))
	}
	w.must(json.Unmarshal([]byte(list), &all))
	return all
}

// events lists the journal's entries of a kind.
func (w *town) events(kind switchboard.EventKind) (found []switchboard.Event) {
	w.t.Helper()
	all, err := w.store.EventsAfter(w.t.Context(), nil, account, 0, 100_000)
	w.must(err)
	for _, e := range all {
		if e.Kind == kind {
			found = append(found, e)
		}
	}
	return found
}

func (w *town) inTx(do func(tx switchboard.Tx) error) {
	w.t.Helper()
	w.must(w.store.InTx(context.Background(), do))
}

func (w *town) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}
