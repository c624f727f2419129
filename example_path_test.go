package switchboard_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"time"

	"switchboard"
	"switchboard/channel"
	"switchboard/channel/channeltest"
	"switchboard/crm"
	"switchboard/crm/hubspot"
	"switchboard/crm/hubspot/sandbox"
	"switchboard/intake"
	"switchboard/secret"
	"switchboard/send"
	"switchboard/store"
	"switchboard/work"
)

// Example_path follows one message through the house, as docs/path.md tells it: a
// client writes, becomes contact and deal of the next manager in turn, stands in the
// CRM timeline, and reads the answer.
func Example_path() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	h := newHouse(ctx)
	defer h.close()

	// In: the door stores the message before it answers.
	got, err := h.messenger.Deliver(ctx, h.door, h.channel, h.messenger.Text("client-1", "Good day! Is the red one in stock?"))
	must(err)
	fmt.Println("stored as number", got[0].Seq, "of its chat")

	// Whose client: look-up, decision, contact, deal.
	h.wait(func() bool { return len(h.crm.Records("deals")) == 1 })
	deal := h.crm.Records("deals")[0]
	contact := h.crm.Linked("deals", deal.ID, "contacts")[0]
	fmt.Println("contact of owner", contact.Properties["hubspot_owner_id"], "- deal in", deal.Properties["pipeline"], "/", deal.Properties["dealstage"])

	// The timeline.
	h.wait(func() bool { return len(h.crm.Linked("contacts", contact.ID, "notes")) == 1 })
	fmt.Println("entries in the timeline:", len(h.crm.Linked("deals", deal.ID, "notes")))

	// Out: the answer of the one who owns the chat.
	chat := got[0].Chat
	_, err = h.outbox.Queue(ctx, send.Draft{Account: h.channel.Account, Chat: chat, ID: "018f0000-0000-7000-8000-000000000001",
		Author: h.manager, Text: "It is!", Allowed: func(context.Context, switchboard.Tx) error { return nil }})
	must(err)
	must(h.messenger.WaitSent(ctx, 1))
	fmt.Println("the client reads:", h.messenger.Texts(h.channel.ID, "client-1")[0])
	h.wait(func() bool { return len(h.crm.Linked("contacts", contact.ID, "notes")) == 2 })
	fmt.Println("entries in the timeline:", len(h.crm.Linked("contacts", contact.ID, "notes")))

	// Output:
	// stored as number 1 of its chat
	// contact of owner 101 - deal in default / newrequest
	// entries in the timeline: 1
	// the client reads: It is!
	// entries in the timeline: 2
}

// house is the packages of one node, wired as cmd/switchboard wires them.
type house struct {
	store     *store.Store
	messenger *channeltest.Fake
	crm       *sandbox.Server
	http      *httptest.Server
	door      *intake.Door
	jobs      *work.Client
	outbox    *send.Outbox
	channel   switchboard.Channel
	manager   switchboard.EmployeeID
	dir       string
	end       func()
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func newHouse(ctx context.Context) *house {
	dir, err := os.MkdirTemp("", "switchboard-path")
	must(err)
	h := &house{dir: dir, messenger: channeltest.NewFake()}
	h.crm, err = sandbox.New(sandbox.Config{Tokens: []sandbox.Token{{Value: "token"}}, Owners: []sandbox.Owner{
		{ID: "101", UserID: 9101, Email: "anna@company.example", FirstName: "Anna", LastName: "Ivanova"}}})
	must(err)
	h.http = httptest.NewServer(h.crm.Handler())
	h.store, err = store.Open(ctx, "sqlite:"+filepath.Join(dir, "switchboard.db"), store.Options{})
	must(err)
	must(work.Migrate(ctx, work.Pools{SQLite: h.store.Writer()}))
	must(h.store.Migrate(ctx))
	ring, _, err := secret.Load(filepath.Join(dir, "secret.key"), rand.Reader)
	must(err)
	h.store.UseVault(exampleVault{ring})
	h.wire(ctx)
	return h
}

type exampleVault struct{ ring *secret.Ring }

func (v exampleVault) Seal(plain []byte, at store.SecretPlace) ([]byte, error) {
	return v.ring.Seal(secret.Place(at), plain)
}

func (v exampleVault) Open(sealed []byte, at store.SecretPlace) ([]byte, error) {
	return v.ring.Open(secret.Place(at), sealed)
}

func (h *house) wire(ctx context.Context) {
	client, err := hubspot.New(hubspot.Config{BaseURL: h.http.URL, Token: secret.New("token"), HTTP: http.DefaultClient})
	must(err)
	open := func(switchboard.Connection) (crm.CRM, error) { return client, nil }
	texts := func(_, _ string, params map[string]string) string {
		return params["name"] + params["client"] + " " + params["channel"]
	}
	logger := slog.New(slog.DiscardHandler)
	registry := channel.NewRegistry(h.messenger)
	capabilities := func(switchboard.Transport) channel.Capabilities { return h.messenger.Capabilities() }

	saga := &crm.Saga{Store: h.store, Accounts: h.store, Open: open, Clock: time.Now, Random: rand.Reader, Logger: logger, Texts: texts}
	timeline := &crm.Timeline{Store: h.store, Accounts: h.store, Open: open, Clock: time.Now, Logger: logger, Texts: texts, PublicURL: "https://chat.company.example"}
	sender := send.New(send.Config{Store: h.store, Channels: registry, Node: "one", Clock: time.Now, Logger: logger,
		Open: func(context.Context, switchboard.AccountID, switchboard.MediaID) (io.ReadCloser, error) {
			return nil, io.EOF
		}})
	h.jobs, err = work.New(work.Config{Pools: work.Pools{SQLite: h.store.Writer()}, Store: h.store, Leases: h.store, Node: "one",
		Logger: logger, Queues: []work.Queue{saga.Queue(2), timeline.Queue(2), sender.Queue(2)}})
	must(err)
	saga.Jobs = h.jobs
	h.door = intake.NewDoor(intake.Config{Store: h.store, Jobs: h.jobs, Capabilities: capabilities, Clock: time.Now, Random: rand.Reader, Logger: logger})
	h.outbox = &send.Outbox{Store: h.store, Jobs: h.jobs, Capabilities: capabilities, Clock: time.Now, Random: rand.Reader}
	h.company(ctx, client, &crm.Mirror{Store: h.store, Open: open, Clock: time.Now, Random: rand.Reader, Logger: logger}, timeline)
	must(h.jobs.Start(context.WithoutCancel(ctx)))
	h.followHints()
}

// company is one account with one channel whose new clients go to Anna.
func (h *house) company(ctx context.Context, client *hubspot.Client, mirror *crm.Mirror, timeline *crm.Timeline) {
	account := switchboard.Account{ID: "a", Name: "Company", Settings: switchboard.AccountSettings{Timeline: true, Country: "RU"}}
	_, err := client.Connect(ctx)
	must(err)
	conn := switchboard.Connection{Account: "a", ID: "c", Kind: "hubspot", State: switchboard.ConnectionActive, Info: []byte(`{}`), Secrets: []byte(`{}`)}
	h.channel = switchboard.Channel{Account: "a", ID: "ch", Transport: channeltest.FakeTransport, Name: "Messenger", Key: "key",
		State: switchboard.ChannelActive, Config: []byte(`{}`), Secrets: exampleSecrets(),
		Settings: switchboard.ChannelSettings{Target: switchboard.TargetDeal, Pipeline: "default", Stage: "newrequest"}}
	must(h.store.InTx(ctx, func(tx switchboard.Tx) error {
		if err := h.store.AddAccount(ctx, tx, account); err != nil {
			return err
		}
		if err := h.store.Connect(ctx, tx, conn); err != nil {
			return err
		}
		return h.store.AddChannel(ctx, tx, h.channel)
	}))
	must(timeline.Begin(ctx, conn))
	_, err = mirror.Refresh(ctx, "a")
	must(err)
	people, err := h.store.Employees(ctx, nil, "a")
	must(err)
	i := slices.IndexFunc(people, func(e switchboard.Employee) bool { return e.Owner == "101" })
	h.manager = people[i].ID
	must(h.store.InTx(ctx, func(tx switchboard.Tx) error {
		return h.store.SetRoles(ctx, tx, "a", "ch", []switchboard.RoleAssignment{
			{Channel: "ch", Employee: h.manager, Role: switchboard.Manager, Receives: true}})
	}))
}

func exampleSecrets() []byte {
	text, err := json.Marshal(channeltest.Secrets{})
	must(err)
	return text
}

// followHints tells the timeline of news, as a node does.
func (h *house) followHints() {
	news, end := h.store.Subscribe()
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-done:
				return
			case account := <-news:
				h.jobs.Hint(switchboard.Key{Account: account, Queue: "timeline", Key: "c"})
			}
		}
	}()
	h.end = func() { end(); close(done) }
}

// wait returns as soon as the CRM looks as it should.
func (h *house) wait(holds func() bool) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	must(h.crm.Await(ctx, holds))
}

func (h *house) close() {
	h.door.Close()
	must(h.jobs.Stop(context.Background()))
	h.end()
	h.http.Close()
	must(h.crm.Close())
	must(h.store.Close())
	must(os.RemoveAll(h.dir))
}
