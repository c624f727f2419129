package live_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"switchboard"
	"switchboard/live"
	"switchboard/store"
)

// plain is a vault that hides nothing.
type plain struct{}

func (plain) Seal(b []byte, _ store.SecretPlace) ([]byte, error) { return append([]byte{1}, b...), nil }
func (plain) Open(b []byte, _ store.SecretPlace) ([]byte, error) { return b[1:], nil }

func uuid() string { return switchboard.NewUUID(time.Now(), rand.Reader) }

// fataler is *testing.T or *rapid.T.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// world is one company with its people and channels.
type world struct {
	t        fataler
	s        *store.Store
	account  switchboard.AccountID
	channels []switchboard.Channel
	people   map[string]switchboard.Employee
	chats    []chat
	contacts []switchboard.ContactID
	count    int
}

type chat struct {
	id      switchboard.ChatID
	client  switchboard.ClientID
	channel switchboard.Channel
	address string
	out     []switchboard.MessageID
	in      []string // provider ids
}

var names = []string{"anna", "boris", "vera", "sup", "quality", "admin"}

func newWorld(t fataler, s *store.Store) *world {
	w := &world{t: t, s: s, account: switchboard.AccountID(uuid()), people: map[string]switchboard.Employee{}}
	w.tx(func(ctx context.Context, tx switchboard.Tx) error {
		if err := s.AddAccount(ctx, tx, switchboard.Account{ID: w.account, Name: "acme"}); err != nil {
			return err
		}
		for _, name := range names {
			e := switchboard.Employee{ID: switchboard.EmployeeID(uuid()), Email: name + "@" + string(w.account), Name: name,
				Owner: switchboard.OwnerID("o-" + name), Active: true, ActiveInCRM: true, Admin: name == "admin"}
			w.people[name] = e
			if err := s.AddEmployee(ctx, tx, w.account, e); err != nil {
				return err
			}
		}
		for _, name := range []string{"shop", "bot"} {
			ch := switchboard.Channel{Account: w.account, ID: switchboard.ChannelID(uuid()), Transport: switchboard.TelegramBot, Name: name,
				Key: uuid(), State: switchboard.ChannelActive, Config: []byte("{}"), Secrets: []byte("{}")}
			w.channels = append(w.channels, ch)
			if err := s.AddChannel(ctx, tx, ch); err != nil {
				return err
			}
		}
		return nil
	})
	roles := map[string]switchboard.Role{"anna": switchboard.Manager, "boris": switchboard.Manager, "vera": switchboard.Manager,
		"sup": switchboard.Supervisor, "quality": switchboard.QualityControl}
	for i := range w.channels {
		w.setRoles(i, roles)
	}
	return w
}

func (w *world) tx(do func(ctx context.Context, tx switchboard.Tx) error) {
	w.t.Helper()
	ctx := context.Background()
	if err := w.s.InTx(ctx, func(tx switchboard.Tx) error { return do(ctx, tx) }); err != nil {
		w.t.Fatalf("change the world: %v", err)
	}
}

func (w *world) setRoles(channel int, by map[string]switchboard.Role) {
	w.t.Helper()
	w.tx(func(ctx context.Context, tx switchboard.Tx) error {
		var roles []switchboard.RoleAssignment
		for _, name := range names {
			if role := by[name]; role != "" {
				roles = append(roles, switchboard.RoleAssignment{Channel: w.channels[channel].ID, Employee: w.people[name].ID, Role: role})
			}
		}
		if err := w.s.SetRoles(ctx, tx, w.account, w.channels[channel].ID, roles); err != nil {
			return err
		}
		return w.s.SettingsChanged(ctx, tx, w.account, string(w.channels[channel].ID))
	})
}

// addChat makes a client with a chat and a first message.
func (w *world) addChat(channel int) *chat {
	w.t.Helper()
	ch := w.channels[channel]
	c := chat{id: switchboard.ChatID(uuid()), client: switchboard.ClientID(uuid()), channel: ch, address: uuid()}
	w.tx(func(ctx context.Context, tx switchboard.Tx) error {
		ids := []switchboard.Identity{{Kind: switchboard.IdentityTelegram, Value: c.address, Verified: true}}
		if _, err := w.s.ResolveClient(ctx, tx, w.account, c.client, "client "+c.address, switchboard.ClientNew, ids); err != nil {
			return err
		}
		return w.s.AddChat(ctx, tx, switchboard.Chat{Account: w.account, ID: c.id, Channel: ch.ID, Client: c.client, Address: c.address, Name: "peer"})
	})
	w.chats = append(w.chats, c)
	w.hear(&w.chats[len(w.chats)-1])
	return &w.chats[len(w.chats)-1]
}

// incoming makes the client's next message.
func (w *world) incoming(c *chat) switchboard.Incoming {
	w.count++
	provider := fmt.Sprintf("p%d", w.count)
	c.in = append(c.in, provider)
	return switchboard.Incoming{Channel: c.channel.ID, Address: c.address, Key: provider, RawID: uuid(), Raw: []byte("{}"), Counts: true,
		Message: switchboard.Message{Account: w.account, ID: switchboard.MessageID(uuid()), Kind: switchboard.KindText,
			Text: fmt.Sprintf("canary-%s-%d", c.id, w.count), ProviderID: provider, At: time.Now()}}
}

// hear lets the client write.
func (w *world) hear(c *chat) {
	w.t.Helper()
	in := w.incoming(c)
	w.tx(func(ctx context.Context, tx switchboard.Tx) error {
		_, err := w.s.AddToChat(ctx, tx, &in, c.id)
		return err
	})
}

// answer queues a message of an employee, perhaps as a quote.
func (w *world) answer(c *chat, author string, quote switchboard.MessageID) {
	w.t.Helper()
	m := switchboard.Message{Account: w.account, Chat: c.id, ID: switchboard.MessageID(uuid()), Kind: switchboard.KindText,
		Text: "answer-" + string(c.id), Author: w.people[author].ID, ReplyTo: quote}
	w.tx(func(ctx context.Context, tx switchboard.Tx) error {
		if _, err := w.s.LockChat(ctx, tx, w.account, c.id); err != nil {
			return err
		}
		_, err := w.s.AddOutgoing(ctx, tx, m, c.client)
		return err
	})
	c.out = append(c.out, m.ID)
}

// settle ends the oldest open attempt.
func (w *world) settle(c *chat, status switchboard.Status) {
	w.t.Helper()
	w.tx(func(ctx context.Context, tx switchboard.Tx) error {
		a, err := w.s.NextAttempt(ctx, tx, w.account, c.id)
		if err != nil {
			return nil //nolint:nilerr // nothing is queued
		}
		a.Client = c.client
		if a.State == switchboard.StatusQueued {
			if _, err := w.s.StartAttempt(ctx, tx, &a, "node"); err != nil {
				return err
			}
		}
		_, err = w.s.EndAttempt(ctx, tx, a, status, time.Time{}, "send_rejected", "sent-"+string(a.Message))
		return err
	})
}

// own gives the client's contact an owner, making the contact where there is none.
func (w *world) own(c *chat, owner string) {
	w.t.Helper()
	w.tx(func(ctx context.Context, tx switchboard.Tx) error {
		client, decision, err := w.s.LockClient(ctx, tx, w.account, c.client)
		if err != nil {
			return err
		}
		if client.Contact == "" {
			client.Contact, client.State = switchboard.ContactID("c-"+string(c.client)), switchboard.ClientLinked
			w.contacts = append(w.contacts, client.Contact)
		}
		contact := switchboard.Contact{ID: client.Contact, Name: "contact of " + owner, Owner: w.people[owner].Owner, UpdatedAt: time.Now()}
		if owner == "stranger" {
			contact.Owner = "o-stranger"
		}
		if err := w.s.SaveContact(ctx, tx, w.account, contact); err != nil {
			return err
		}
		return w.s.SaveClient(ctx, tx, client, decision)
	})
}

// deal gives the client's contact one deal.
func (w *world) deal(c *chat, owner string, open bool) {
	w.t.Helper()
	w.tx(func(ctx context.Context, tx switchboard.Tx) error {
		client, _, err := w.s.LockClient(ctx, tx, w.account, c.client)
		if err != nil || client.Contact == "" {
			return err
		}
		return w.s.SaveDeal(ctx, tx, w.account, switchboard.Deal{ID: switchboard.DealID("d-" + string(client.Contact)), Contact: client.Contact,
			Owner: w.people[owner].Owner, Open: open, UpdatedAt: time.Now()})
	})
}

func (w *world) change(c *chat, kind switchboard.ChangeKind) {
	w.t.Helper()
	w.count++
	w.tx(func(ctx context.Context, tx switchboard.Tx) error {
		return w.s.ApplyChange(ctx, tx, c.channel, c.address, switchboard.Change{Kind: kind, ProviderID: c.in[w.count%len(c.in)],
			At: time.Now().Add(time.Duration(w.count) * time.Second), Text: fmt.Sprintf("edited-%s-%d", c.id, w.count)})
	})
}

func (w *world) saveEmployee(name string, change func(e *switchboard.Employee)) {
	w.t.Helper()
	e := w.people[name]
	change(&e)
	w.people[name] = e
	w.tx(func(ctx context.Context, tx switchboard.Tx) error { return w.s.SaveEmployee(ctx, tx, w.account, e) })
}

func (w *world) head() int64 {
	w.t.Helper()
	head, err := w.s.Head(context.Background(), nil, w.account)
	if err != nil {
		w.t.Fatalf("read head: %v", err)
	}
	return head
}

// sees lists the chats that an employee may see now, by the SQL predicate.
func (w *world) sees(name string) map[switchboard.ChatID]bool {
	w.t.Helper()
	seen := map[switchboard.ChatID]bool{}
	for i := range w.chats {
		err := w.s.SeesChat(context.Background(), nil, w.account, w.people[name].ID, w.chats[i].id)
		if err == nil && w.people[name].Active {
			seen[w.chats[i].id] = true
		}
	}
	return seen
}

// session signs an employee in.
func (w *world) session(name string, kind switchboard.SessionKind, lives time.Duration) (id, hash string) {
	w.t.Helper()
	id, hash = uuid(), uuid()
	now := time.Now()
	w.tx(func(ctx context.Context, tx switchboard.Tx) error {
		return w.s.AddSession(ctx, tx, hash, switchboard.Session{Account: w.account, ID: id, Employee: w.people[name].ID, Kind: kind,
			CreatedAt: now, ExpiresAt: now.Add(lives), SeenAt: now})
	})
	return id, hash
}

func newHub(t testing.TB, s *store.Store) *live.Hub {
	t.Helper()
	hub := live.New(live.Config{Store: s, Clock: time.Now, Logger: slog.New(slog.DiscardHandler), Encode: func(e live.Event, _ live.Look) ([]byte, error) {
		return json.Marshal(e)
	}})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { hub.Run(ctx); close(done) }()
	t.Cleanup(func() { cancel(); <-done })
	return hub
}
