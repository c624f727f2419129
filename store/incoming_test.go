package store_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"switchboard"
	"switchboard/store"
	"switchboard/store/storetest"
)

func newID() string { return switchboard.NewUUID(time.Now(), rand.Reader) }

// plainVault keeps secrets as they are.
type plainVault struct{}

func (plainVault) Seal(plain []byte, _ store.SecretPlace) ([]byte, error)  { return plain, nil }
func (plainVault) Open(sealed []byte, _ store.SecretPlace) ([]byte, error) { return sealed, nil }

// house is an account with a channel, two employees and chats: settled ones named
// "s0", "s1", ... and one of a client nobody decided about, "new".
type house struct {
	t        testing.TB
	db       *store.Store
	account  switchboard.AccountID
	channel  switchboard.ChannelID
	chats    map[string]switchboard.ChatID
	contacts []switchboard.ContactID
}

const settledChats = 3

func newHouse(t testing.TB, db *store.Store) *house {
	t.Helper()
	db.UseVault(plainVault{})
	h := &house{t: t, db: db, account: switchboard.AccountID(newID()), channel: switchboard.ChannelID(newID()), chats: map[string]switchboard.ChatID{}}
	h.inTx(func(tx switchboard.Tx) error {
		if err := db.AddAccount(t.Context(), tx, switchboard.Account{ID: h.account, Name: "House"}); err != nil {
			return err
		}
		for _, owner := range []switchboard.OwnerID{"1", "2"} {
			e := switchboard.Employee{ID: h.employee(owner), Email: string(owner) + "@house.example", Name: "E", Owner: owner, Active: true, ActiveInCRM: true}
			if err := db.AddEmployee(t.Context(), tx, h.account, e); err != nil {
				return err
			}
		}
		return db.AddChannel(t.Context(), tx, switchboard.Channel{Account: h.account, ID: h.channel, Transport: switchboard.Webchat, Key: newID(),
			State: switchboard.ChannelActive, Config: []byte("{}"), Secrets: []byte("{}")})
	})
	for i := range settledChats {
		h.addChat(fmt.Sprintf("s%d", i), "1")
	}
	h.addChat("new", "")
	return h
}

func (h *house) employee(owner switchboard.OwnerID) switchboard.EmployeeID {
	return switchboard.EmployeeID("employee-" + string(owner))
}

func (h *house) inTx(do func(tx switchboard.Tx) error) {
	h.t.Helper()
	if err := h.db.InTx(context.Background(), do); err != nil {
		h.t.Fatal(err)
	}
}

// addChat adds a chat; with an owner, its client is linked to a contact of theirs.
func (h *house) addChat(address string, owner switchboard.OwnerID) {
	h.t.Helper()
	ctx := context.Background()
	h.inTx(func(tx switchboard.Tx) error {
		ids := []switchboard.Identity{{Kind: switchboard.IdentityWebchat, Value: string(h.channel) + "/" + address, Verified: true}}
		client, err := h.db.ResolveClient(ctx, tx, h.account, switchboard.ClientID(newID()), "", switchboard.ClientNew, ids)
		if err != nil {
			return err
		}
		if owner != "" {
			contact := switchboard.ContactID("contact-" + address)
			h.contacts = append(h.contacts, contact)
			if err := h.db.SaveContact(ctx, tx, h.account, switchboard.Contact{ID: contact, Owner: owner}); err != nil {
				return err
			}
			linked := switchboard.Client{Account: h.account, ID: client, State: switchboard.ClientLinked, Contact: contact}
			if err := h.db.SaveClient(ctx, tx, linked, ""); err != nil {
				return err
			}
		}
		id := switchboard.ChatID(newID())
		h.chats[address] = id
		return h.db.AddChat(ctx, tx, switchboard.Chat{Account: h.account, ID: id, Channel: h.channel, Client: client, Address: address})
	})
}

// letter is a message as tests write it.
type letter struct {
	Address, Key, Text string
	ID                 string // made from Key when empty
	Counts, Views      bool
}

func (h *house) incoming(l letter) switchboard.Incoming {
	if l.ID == "" {
		l.ID = "m-" + l.Key
	}
	return switchboard.Incoming{Channel: h.channel, Address: l.Address, Key: l.Key, Counts: l.Counts, NumbersView: l.Views,
		RawID: "raw-" + l.Key, Raw: []byte(l.Text),
		Message: switchboard.Message{Account: h.account, ID: switchboard.MessageID(l.ID), Direction: switchboard.In,
			Kind: switchboard.KindText, Text: l.Text, ProviderID: "p-" + l.Key, At: time.UnixMilli(1_750_000_000_000), Status: switchboard.StatusReceived}}
}

// addKnown stores letters the short way.
func (h *house) addKnown(all []letter) []switchboard.Stored {
	h.t.Helper()
	in := make([]switchboard.Incoming, len(all))
	for i, l := range all {
		in[i] = h.incoming(l)
	}
	var stored []switchboard.Stored
	var err error
	if h.db.AddsKnownAlone() {
		stored, err = h.db.AddKnown(context.Background(), nil, in)
	} else {
		err = h.db.InTx(context.Background(), func(tx switchboard.Tx) (err error) {
			stored, err = h.db.AddKnown(context.Background(), tx, in)
			return err
		})
	}
	if err != nil {
		h.t.Fatalf("add known: %v", err)
	}
	return stored
}

// addPlainly stores letters as the short way is meant: settled chats only, each key
// once, one by one.
func (h *house) addPlainly(all []letter) []switchboard.Stored {
	h.t.Helper()
	out := make([]switchboard.Stored, len(all))
	h.inTx(func(tx switchboard.Tx) error {
		ctx := context.Background()
		for i, l := range all {
			in := h.incoming(l)
			chat, err := h.db.FindChat(ctx, tx, h.account, h.channel, l.Address)
			if errors.Is(err, switchboard.ErrNotFound) || err == nil && !chat.Settled {
				continue
			}
			if err != nil {
				return err
			}
			stored, err := h.db.AddToChat(ctx, tx, &in, chat.ID)
			if err != nil {
				return err
			}
			if !stored.Duplicate {
				out[i] = stored
			}
		}
		return nil
	})
	return out
}

// rows reads rows as text; $1 is the account.
func (h *house) rows(query string) (all []string) {
	h.t.Helper()
	if pool := h.db.Pool(); pool != nil {
		r, err := pool.Query(context.Background(), query, string(h.account))
		if err != nil {
			h.t.Fatal(err)
		}
		defer r.Close()
		for r.Next() {
			values, err := r.Values()
			if err != nil {
				h.t.Fatal(err)
			}
			all = append(all, fmt.Sprint(values...))
		}
		return all
	}
	r, err := h.db.Writer().QueryContext(context.Background(), query, h.account)
	if err != nil {
		h.t.Fatal(err)
	}
	defer r.Close()
	columns, _ := r.Columns()
	for r.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := r.Scan(into...); err != nil {
			h.t.Fatal(err)
		}
		all = append(all, fmt.Sprint(values...))
	}
	return all
}

// world is everything that messages leave behind, ids of ours and times left out.
func (h *house) world() map[string][]string {
	const of = ` JOIN chat c ON c.account_id = x.account_id AND c.id = x.chat_id WHERE x.account_id = $1 ORDER BY 1`
	return map[string][]string{
		"chats": h.rows(`SELECT address || '|' || settled || '|' || last_seq || '|' || unanswered || '|' || waiting || '|' || view_seq || '|' ||
			CASE WHEN waiting_since > 0 THEN 1 ELSE 0 END FROM chat WHERE account_id = $1 ORDER BY 1`),
		"owners": h.rows(`SELECT c.address || '|' || x.employee_id || '|' || x.unanswered || '|' || x.waiting || '|' ||
			CASE WHEN x.last_at = c.last_at THEN 1 ELSE 0 END FROM chat_owner x` + of),
		"messages": h.rows(`SELECT c.address || '|' || x.seq || '|' || x.id || '|' || x.text || '|' || x.provider_id || '|' || x.view_seq || '|' ||
			x.kind || '|' || x.direction || '|' || x.status || '|' || x.content || '|' || x.at FROM message x` + of),
		"view":   h.rows(`SELECT c.address || '|' || x.seq || '|' || x.kind || '|' || x.id || '|' || x.message_id FROM view_entry x` + of),
		"dedupe": h.rows(`SELECT c.address || '|' || x.key || '|' || x.message_id FROM dedupe x` + of),
		"events": h.rows(`SELECT c.address || '|' || x.kind || '|' || x.message_id || '|' || x.seq FROM event x JOIN chat c
			ON c.account_id = x.account_id AND c.id = x.chat_id AND c.client_id = x.client_id
			WHERE x.account_id = $1 AND x.kind = 'message.added' ORDER BY 1`),
		"bodies": h.rows(`SELECT id || '|' || reason FROM raw_body WHERE account_id = $1 ORDER BY 1`),
		"gaps": h.rows(`SELECT 'head ' || h.number || ' events ' || (SELECT count(*) FROM event e WHERE e.account_id = $1)
			FROM account_head h WHERE h.account_id = $1 AND h.number <> (SELECT COALESCE(MAX(number), 0) FROM event e WHERE e.account_id = $1)
			OR h.account_id = $1 AND h.number <> (SELECT count(*) FROM event e WHERE e.account_id = $1)`),
	}
}

// A key names one message, so it goes with one address; how often it comes is chance.
var letters = rapid.Custom(func(t *rapid.T) letter {
	key := rapid.IntRange(0, 30).Draw(t, "key")
	return letter{
		Address: []string{"s0", "s0", "s1", "s2", "new", "nobody"}[key%6],
		Key:     fmt.Sprint("k", key),
		Text:    rapid.SampledFrom([]string{"hello", "", "ёж"}).Draw(t, "text"),
		Counts:  rapid.Bool().Draw(t, "counts"), Views: rapid.Bool().Draw(t, "views"),
	}
})

// P2, P3: however messages are bundled, repeated and mixed, the short way leaves what
// storing them one by one leaves.
func TestStoresAnyBatchAsIfOneByOne(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.Store) {
		var short, plain *house
		same, round := false, 0
		rapid.Check(t, func(r *rapid.T) {
			if !same { // the first time, and after a difference was found
				short, plain = newHouse(t, db), newHouse(t, db)
			}
			same, round = false, round+1
			for _, batch := range rapid.SliceOfN(rapid.SliceOfN(letters, 1, 12), 1, 4).Draw(r, "batches") {
				for i := range batch {
					batch[i].Key = fmt.Sprint(batch[i].Key, "-", round)
				}
				got, want := short.addKnown(batch), plain.addPlainly(batch)
				for i := range batch {
					alike := got[i].Known == want[i].Known && got[i].Seq == want[i].Seq && got[i].ViewSeq == want[i].ViewSeq &&
						got[i].Message == want[i].Message && got[i].At.IsZero() == want[i].At.IsZero()
					if !alike || got[i].Known && got[i].Chat != short.chats[batch[i].Address] {
						r.Fatalf("message %d of %v: got %+v, want %+v", i, batch, got[i], want[i])
					}
				}
			}
			if diff := cmp.Diff(plain.world(), short.world()); diff != "" {
				r.Fatalf("rows differ (-one by one +short way):\n%s", diff)
			}
			same = true
		})
	})
}

// What is to be decided first leaves no trace.
func TestUnknownAndUndecidedClientsAreLeftToTheLongWay(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.Store) {
		h := newHouse(t, db)
		before := h.world()
		for _, l := range []letter{{Address: "new", Key: "1", Counts: true}, {Address: "nobody", Key: "2", Counts: true}} {
			if got := h.addKnown([]letter{l}); got[0].Known {
				t.Errorf("%s: stored without a decision: %+v", l.Address, got[0])
			}
		}
		if got := h.addKnown([]letter{{Address: "new", Key: "3"}, {Address: "nobody", Key: "4"}}); got[0].Known || got[1].Known {
			t.Errorf("stored without a decision: %+v", got)
		}
		if diff := cmp.Diff(before, h.world()); diff != "" {
			t.Errorf("left a trace:\n%s", diff)
		}
	})
}

// P2: a delivery repeated later, or within one batch, is stored once.
func TestStoresARepeatedKeyOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.Store) {
		h := newHouse(t, db)
		one := letter{Address: "s0", Key: "1", Text: "hello", Counts: true}
		one.ID = newID()
		again := one
		again.ID = newID() // the door makes ids, for each delivery anew
		other := letter{Address: "s0", Key: "2", Text: "other", Counts: true}
		got := h.addKnown([]letter{one, again, other})
		if !got[0].Known || got[1].Known || !got[2].Known || got[0].Seq != 1 || got[2].Seq != 2 {
			t.Errorf("one batch: %+v", got)
		}
		if got := h.addKnown([]letter{again}); got[0].Known {
			t.Errorf("repeated: %+v", got)
		}
		if got := h.addPlainly([]letter{again}); got[0].Known {
			t.Errorf("repeated on the long way: %+v", got)
		}
		in := h.incoming(again)
		stored, found, err := db.Duplicate(t.Context(), nil, &in)
		if err != nil || !found || stored.Seq != 1 || stored.Conflict || string(stored.Message) != one.ID {
			t.Errorf("the duplicate is %+v, %t, %v", stored, found, err)
		}
		if messages := h.world()["messages"]; len(messages) != 2 {
			t.Errorf("messages: %v", messages)
		}
	})
}

// A visitor's id may be that of another message of his chat: the long way answers.
func TestAnIDTakenInItsChatIsLeftToTheLongWay(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.Store) {
		h := newHouse(t, db)
		h.addKnown([]letter{{Address: "s0", Key: "1", ID: "taken", Views: true}})
		mine := letter{Address: "s0", Key: "2", ID: "taken", Views: true}
		if got := h.addKnown([]letter{mine}); got[0].Known {
			t.Errorf("alone: %+v", got)
		}
		if got := h.addKnown([]letter{mine, {Address: "s1", Key: "3", ID: "taken", Views: true}}); got[0].Known || !got[1].Known {
			t.Errorf("beside another chat: %+v", got)
		}
	})
}

// R12: news that came before its message is not passed by.
func TestAMessageWithEarlyNewsIsLeftToTheLongWay(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.Store) {
		h := newHouse(t, db)
		edit := switchboard.Change{Kind: switchboard.ChangeEdit, ProviderID: "p-1", At: time.Now(), Text: "better"}
		h.inTx(func(tx switchboard.Tx) error {
			return db.ApplyChange(t.Context(), tx, switchboard.Channel{Account: h.account, ID: h.channel}, "s0", edit)
		})
		got := h.addKnown([]letter{{Address: "s0", Key: "1"}, {Address: "s0", Key: "2"}})
		if got[0].Known || !got[1].Known {
			t.Errorf("got %+v", got)
		}
		if got := h.addKnown([]letter{{Address: "s0", Key: "1"}}); got[0].Known {
			t.Errorf("alone: %+v", got)
		}
	})
}

// The journal numbers events without gaps in commit order while several write, some of
// them rolling back, and owners change: a reader behind its last number sees the next.
func TestNumbersHaveNoGapsUnderConcurrentWriters(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.Store) {
		h := newHouse(t, db)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		stop := make(chan struct{})
		read := make(chan error, 1)
		go func() { read <- h.follow(ctx, stop) }()
		var writers sync.WaitGroup
		for w := range 6 {
			writers.Go(func() { h.write(ctx, w) })
		}
		writers.Wait()
		close(stop)
		if err := <-read; err != nil {
			t.Error(err)
		}
		world := h.world()
		if len(world["gaps"]) != 0 {
			t.Errorf("numbers: %v", world["gaps"])
		}
		h.checkCounters()
	})
}

const roundsPerWriter = 15

// write is one of the concurrent writers.
func (h *house) write(ctx context.Context, writer int) {
	for i := range roundsPerWriter {
		var err error
		switch {
		case writer == 0: // owners change
			owner := switchboard.OwnerID(fmt.Sprint(1 + i%2))
			err = h.db.InTx(ctx, func(tx switchboard.Tx) error {
				for _, c := range h.contacts {
					if err := h.db.SaveContact(ctx, tx, h.account, switchboard.Contact{ID: c, Owner: owner, UpdatedAt: time.UnixMilli(int64(i))}); err != nil {
						return err
					}
				}
				return nil
			})
		case i%5 == 4: // rolled back
			undone := errors.New("undone")
			err = h.db.InTx(ctx, func(tx switchboard.Tx) error {
				h.db.Emit(tx, switchboard.Event{Account: h.account, Kind: switchboard.EventChatChanged, Chat: h.chats["s0"]})
				return undone
			})
			if errors.Is(err, undone) {
				err = nil
			}
		default:
			var batch []letter
			for n := range 1 + (writer+i)%4 {
				batch = append(batch, letter{Address: fmt.Sprintf("s%d", (n+i)%settledChats), Key: fmt.Sprintf("w%d-%d-%d", writer, i, n), Counts: true, Views: true})
			}
			h.addKnown(batch)
		}
		if err != nil {
			h.t.Errorf("writer %d: %v", writer, err)
			return
		}
	}
}

// follow reads the journal as followers do until stop, and then to its end.
func (h *house) follow(ctx context.Context, stop <-chan struct{}) error {
	var last int64
	for ended := false; ; {
		events, err := h.db.EventsAfter(ctx, nil, h.account, last, 100)
		if err != nil {
			return err
		}
		for _, e := range events {
			if e.Number != last+1 {
				return fmt.Errorf("number %d came after %d", e.Number, last)
			}
			last = e.Number
		}
		if len(events) > 0 {
			continue
		}
		if ended {
			return nil
		}
		select {
		case <-stop:
			ended = true
		default:
		}
	}
}

// checkCounters holds every counter against the rows it counts.
func (h *house) checkCounters() {
	h.t.Helper()
	for what, query := range map[string]string{
		"chat counters": `SELECT c.address FROM chat c WHERE c.account_id = $1 AND (
			c.last_seq <> (SELECT count(*) FROM message m WHERE m.account_id = $1 AND m.chat_id = c.id)
			OR c.unanswered <> c.last_seq OR c.view_seq <> (SELECT count(*) FROM view_entry v WHERE v.account_id = $1 AND v.chat_id = c.id)
			OR c.last_seq <> (SELECT COALESCE(MAX(m.seq), 0) FROM message m WHERE m.account_id = $1 AND m.chat_id = c.id)
			OR c.view_seq <> (SELECT COALESCE(MAX(v.seq), 0) FROM view_entry v WHERE v.account_id = $1 AND v.chat_id = c.id))`,
		"owners' copies": `SELECT c.address || ' ' || o.unanswered || ' for ' || c.unanswered FROM chat c
			JOIN chat_owner o ON o.account_id = c.account_id AND o.chat_id = c.id
			WHERE c.account_id = $1 AND (o.unanswered <> c.unanswered OR o.waiting <> c.waiting OR o.last_at <> c.last_at)`,
		"chats without an owner": `SELECT c.address FROM chat c WHERE c.account_id = $1 AND c.settled = 1
			AND NOT EXISTS (SELECT 1 FROM chat_owner o WHERE o.account_id = $1 AND o.chat_id = c.id)`,
	} {
		if wrong := h.rows(query); len(wrong) != 0 {
			h.t.Errorf("%s: %v", what, wrong)
		}
	}
	if sum := h.rows(`SELECT count(*) FROM message WHERE account_id = $1`); len(sum) != 1 || sum[0] == "0" {
		h.t.Errorf("no messages: nothing was checked (%v)", sum)
	}
}
