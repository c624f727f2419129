package app

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"switchboard"
	"switchboard/api/embed"
	"switchboard/channel"
	"switchboard/channel/channeltest"
	"switchboard/channel/telegrambot"
	"switchboard/channel/webchat"
	"switchboard/live"
	"switchboard/media"
	"switchboard/routing"
	"switchboard/send"
	"switchboard/store"
	"switchboard/store/storetest"
)

// noJobs takes jobs and does none.
type noJobs struct{ keys []switchboard.Key }

func (j *noJobs) Insert(_ context.Context, _ switchboard.Tx, keys ...switchboard.Key) error {
	j.keys = append(j.keys, keys...)
	return nil
}
func (j *noJobs) Wake(context.Context, switchboard.Tx, switchboard.Key) error { return nil }

// asked remembers whose owner was re-read before a send.
type asked struct{ clients []switchboard.ClientID }

func (a *asked) Freshen(_ context.Context, _ switchboard.AccountID, client switchboard.ClientID) {
	a.clients = append(a.clients, client)
}

// office is a site with people, channels and chats.
type office struct {
	*site
	people map[string]person
	shop   switchboard.Channel
	fake   switchboard.Channel
	jobs   *noJobs
	fresh  *asked
	frames *embed.Sessions
	count  int
}

// talk is one chat of the office.
type talk struct {
	chat    switchboard.ChatID
	client  switchboard.ClientID
	address string
}

func eachOffice(t *testing.T, test func(t *testing.T, o *office)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, db *store.Store) { test(t, newOffice(t, db)) })
}

func newOffice(t *testing.T, db *store.Store) *office {
	t.Helper()
	o := &office{site: newSite(t, db), people: map[string]person{}, jobs: &noJobs{}, fresh: &asked{}}
	o.serveChats()
	o.open()
	for _, name := range []string{"anna", "boris", "sara", "quinn", "nora"} {
		o.people[name] = o.join(name)
	}
	o.shop = o.addChannel(switchboard.TelegramBot, "shop")
	o.fake = o.addChannel(channeltest.FakeTransport, "fake")
	for _, ch := range []switchboard.Channel{o.shop, o.fake} {
		o.roles(ch, map[string]switchboard.Role{"anna": switchboard.Manager, "boris": switchboard.Manager, "sara": switchboard.Supervisor,
			"quinn": switchboard.QualityControl})
	}
	return o
}

func (o *office) serveChats() {
	public, err := url.Parse("https://chat.example/")
	o.must(err)
	disk, err := media.OpenDisk(o.t.TempDir(), rand.Reader)
	o.must(err)
	hub := live.New(live.Config{Store: o.store, Encode: EncodeLive, Clock: time.Now, Logger: slog.New(slog.DiscardHandler)})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { hub.Run(ctx); close(done) }()
	registry := channel.NewRegistry(webchat.New(o.store), channeltest.NewFake(), telegrambot.New(telegrambot.Options{BaseURL: o.bots.URL(), Client: http.DefaultClient}))
	outbox := &send.Outbox{Store: o.store, Jobs: o.jobs, Clock: time.Now, Random: rand.Reader, Capabilities: func(t switchboard.Transport) channel.Capabilities {
		c, err := registry.Connector(t)
		o.must(err)
		return c.Capabilities()
	}}
	o.frames = &embed.Sessions{Store: o.store, Clock: time.Now, Random: rand.Reader}
	o.server.Close()
	o.server = httptest.NewServer(NewHandler(Config{
		Store: o.store, Auth: o.auth, CRM: o.crm, Public: public, Version: "1.2.3", Clock: time.Now, Random: rand.Reader,
		Log: slog.New(slog.NewJSONHandler(o.log, nil)), Channels: registry,
		Chats: ChatsConfig{Store: o.store, Outbox: outbox, Jobs: o.jobs, Fresh: o.fresh, Blobs: disk, Hub: hub, Frames: o.frames,
			RecordURL: func(_ switchboard.Connection, kind, id string) string {
				return "https://crm.example/" + kind + "/" + id
			}},
	}))
	o.t.Cleanup(func() { cancel(); <-done; o.server.Close(); _ = disk.Close() })
}

func (o *office) addChannel(transport switchboard.Transport, name string) switchboard.Channel {
	ch := switchboard.Channel{Account: o.account, ID: switchboard.ChannelID(uuid()), Transport: transport, Name: name, Key: uuid(),
		State: switchboard.ChannelActive, Config: []byte("{}"), Secrets: []byte("{}")}
	o.tx(func(ctx context.Context, tx switchboard.Tx) error { return o.store.AddChannel(ctx, tx, ch) })
	return ch
}

func uuid() string { return switchboard.NewUUID(time.Now(), rand.Reader) }

func (o *office) tx(do func(ctx context.Context, tx switchboard.Tx) error) {
	o.t.Helper()
	o.must(o.store.InTx(context.Background(), func(tx switchboard.Tx) error { return do(context.Background(), tx) }))
}

func (o *office) roles(ch switchboard.Channel, by map[string]switchboard.Role) {
	o.t.Helper()
	o.tx(func(ctx context.Context, tx switchboard.Tx) error {
		var all []switchboard.RoleAssignment
		for name, role := range by {
			all = append(all, switchboard.RoleAssignment{Channel: ch.ID, Employee: switchboard.EmployeeID(name), Role: role})
		}
		if err := o.store.SetRoles(ctx, tx, o.account, ch.ID, all); err != nil {
			return err
		}
		return o.store.SettingsChanged(ctx, tx, o.account, string(ch.ID))
	})
}

// hear has a client write, into a new chat where none is given.
func (o *office) hear(ch switchboard.Channel, t *talk, text string) *talk {
	o.t.Helper()
	o.count++
	o.tx(func(ctx context.Context, tx switchboard.Tx) error {
		if t == nil {
			t = &talk{switchboard.ChatID(uuid()), switchboard.ClientID(uuid()), uuid()}
			ids := []switchboard.Identity{{Kind: switchboard.IdentityTelegram, Value: t.address, Verified: true}}
			if _, err := o.store.ResolveClient(ctx, tx, o.account, t.client, "Client", switchboard.ClientNew, ids); err != nil {
				return err
			}
			made := switchboard.Chat{Account: o.account, ID: t.chat, Channel: ch.ID, Client: t.client, Address: t.address, Name: "Peer"}
			if err := o.store.AddChat(ctx, tx, made); err != nil {
				return err
			}
		}
		in := switchboard.Incoming{Channel: ch.ID, Address: t.address, Key: uuid(), RawID: uuid(), Raw: []byte("{}"), Counts: true,
			Message: switchboard.Message{Account: o.account, ID: switchboard.MessageID(uuid()), Kind: switchboard.KindText, Text: text,
				ProviderID: uuid(), At: time.Now()}}
		_, err := o.store.AddToChat(ctx, tx, &in, t.chat)
		return err
	})
	return t
}

// own makes an employee responsible in the CRM.
func (o *office) own(t *talk, name string) {
	o.t.Helper()
	o.tx(func(ctx context.Context, tx switchboard.Tx) error {
		client, decision, err := o.store.LockClient(ctx, tx, o.account, t.client)
		if err != nil {
			return err
		}
		client.Contact, client.State = switchboard.ContactID("contact-"+string(t.client)), switchboard.ClientLinked
		contact := switchboard.Contact{ID: client.Contact, Owner: switchboard.OwnerID("crm-" + name), UpdatedAt: time.Now()}
		if err := o.store.SaveContact(ctx, tx, o.account, contact); err != nil {
			return err
		}
		return o.store.SaveClient(ctx, tx, client, decision)
	})
}

// decide stores a routing decision for a client.
func (o *office) decide(t *talk, in routing.Input, state switchboard.ClientState) routing.Decision {
	o.t.Helper()
	d := routing.Decide(in)
	o.tx(func(ctx context.Context, tx switchboard.Tx) error {
		turn, err := o.store.LockTurn(ctx, tx, o.account, o.shop.ID)
		if err != nil {
			return err
		}
		c, _, err := o.store.LockClient(ctx, tx, o.account, t.client)
		if err != nil {
			return err
		}
		c.State = state
		return o.store.SaveDecision(ctx, tx, switchboard.DecisionRecord{Account: o.account, ID: switchboard.DecisionID(uuid()), Client: t.client,
			Channel: o.shop.ID, Employee: d.Employee, Outcome: string(d.Outcome), Provisional: d.Provisional, SettingsVersion: 7,
			Input: toJSON(o.t, in), Decision: toJSON(o.t, d), At: time.Now()}, turn, c)
	})
	return d
}

func (o *office) path(t *talk, rest string) string { return "/api/app/chats/" + string(t.chat) + rest }

// bearer signs a request of a frame.
func bearer(token string) option { return header("Authorization", "Bearer "+token) }

func texts(rows []Message) string {
	var all []string
	for _, m := range rows {
		if m.Text != nil {
			all = append(all, *m.Text)
		}
	}
	return strings.Join(all, "|")
}

func toJSON(t *testing.T, v any) json.RawMessage {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
