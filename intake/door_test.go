package intake_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"switchboard"
	"switchboard/channel"
	"switchboard/channel/channeltest"
	"switchboard/intake"
	"switchboard/store"
	"switchboard/store/storetest"
)

// plainVault keeps secrets as they are.
type plainVault struct{}

func (plainVault) Seal(plain []byte, _ store.SecretPlace) ([]byte, error)  { return plain, nil }
func (plainVault) Open(sealed []byte, _ store.SecretPlace) ([]byte, error) { return sealed, nil }

// noted notes which jobs were asked for.
type noted struct {
	mu   sync.Mutex
	keys map[switchboard.Key]int
	fail error
}

func (n *noted) Insert(_ context.Context, _ switchboard.Tx, keys ...switchboard.Key) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, k := range keys {
		n.keys[k]++
	}
	return n.fail
}

func (n *noted) of(queue string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	count := 0
	for k := range n.keys {
		if k.Queue == queue {
			count++
		}
	}
	return count
}

type fixture struct {
	*testing.T
	store *store.Store
	door  *intake.Door
	jobs  *noted
	fake  *channeltest.Fake
	ch    switchboard.Channel
	ch2   switchboard.Channel
}

func each(t *testing.T, test func(f *fixture)) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := &fixture{T: t, store: s, jobs: &noted{keys: map[switchboard.Key]int{}}, fake: channeltest.NewFake()}
		s.UseVault(plainVault{})
		f.ch = f.channel("ch")
		f.ch2 = f.channel("ch2")
		f.inTx(func(tx switchboard.Tx) error {
			if err := s.AddAccount(t.Context(), tx, switchboard.Account{ID: "a", Name: "A"}); err != nil {
				return err
			}
			return errors.Join(s.AddChannel(t.Context(), tx, f.ch), s.AddChannel(t.Context(), tx, f.ch2))
		})
		f.door = intake.NewDoor(intake.Config{Store: s, Jobs: f.jobs, Clock: time.Now, Random: rand.Reader, Lanes: 2,
			Capabilities: func(switchboard.Transport) channel.Capabilities { return channel.Capabilities{NumbersView: true} },
			Logger:       slog.New(slog.DiscardHandler)})
		t.Cleanup(f.door.Close)
		test(f)
	})
}

func (f *fixture) channel(id switchboard.ChannelID) switchboard.Channel {
	return switchboard.Channel{Account: "a", ID: id, Transport: channeltest.FakeTransport, Name: string(id), Key: "key-" + string(id),
		State: switchboard.ChannelActive, Config: []byte(`{}`), Secrets: []byte(`{}`)}
}

func (f *fixture) inTx(do func(tx switchboard.Tx) error) {
	f.Helper()
	if err := f.store.InTx(f.Context(), do); err != nil {
		f.Fatal(err)
	}
}

func message(address, key, text string, ids ...switchboard.Identity) channel.Message {
	own := switchboard.Identity{Kind: "fake", Value: address, Verified: true}
	return channel.Message{Peer: channel.Peer{Address: address, Name: "Name of " + address, Identities: append([]switchboard.Identity{own}, ids...)},
		Key: key, ProviderID: "p-" + key, Kind: switchboard.KindText, Text: text, At: time.Now()}
}

func batch(messages ...channel.Message) channel.Batch {
	return channel.Batch{Raw: []byte(`{"raw":true}`), Messages: messages}
}

func (f *fixture) receive(ch switchboard.Channel, b channel.Batch) []channel.Received {
	f.Helper()
	got, err := f.door.Receive(f.Context(), ch, b)
	if err != nil {
		f.Fatalf("receive: %v", err)
	}
	return got
}

// settle makes the chats' clients known to the CRM with Anna responsible.
func (f *fixture) settle() {
	f.Helper()
	f.inTx(func(tx switchboard.Tx) error {
		ctx := f.Context()
		if _, err := f.store.Employee(ctx, tx, "a", "anna"); err != nil {
			if err := f.store.AddEmployee(ctx, tx, "a", switchboard.Employee{ID: "anna", Email: "anna@a.example", Name: "Anna", Owner: "1", Active: true, ActiveInCRM: true}); err != nil {
				return err
			}
		}
		for k := range f.jobs.keys {
			if k.Queue != "client" {
				continue
			}
			client := switchboard.ClientID(k.Key)
			contact := switchboard.ContactID("contact-" + k.Key)
			err := errors.Join(f.store.EndClientWork(ctx, tx, "a", client),
				f.store.SaveClient(ctx, tx, switchboard.Client{Account: "a", ID: client, State: switchboard.ClientLinked, Contact: contact}, ""),
				f.store.SaveContact(ctx, tx, "a", switchboard.Contact{ID: contact, Owner: "1", UpdatedAt: time.Now()}))
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func (f *fixture) events() []switchboard.Event {
	f.Helper()
	events, err := f.store.EventsAfter(f.Context(), nil, "a", 0, 100000)
	if err != nil {
		f.Fatal(err)
	}
	for i, e := range events {
		if e.Number != int64(i)+1 {
			f.Fatalf("event %d has number %d: numbers have gaps", i, e.Number)
		}
	}
	return events
}

func (f *fixture) added() int {
	n := 0
	for _, e := range f.events() {
		if e.Kind == switchboard.EventMessageAdded {
			n++
		}
	}
	return n
}

func TestStoresAMessageOnceHoweverOftenItIsDelivered(t *testing.T) { // P2
	each(t, func(f *fixture) {
		for _, settled := range []bool{false, true} {
			key := fmt.Sprintf("k-%v", settled)
			b := batch(message("peer", key, "hello"))
			var wait sync.WaitGroup
			fresh := make(chan channel.Received, 40)
			for range 20 {
				wait.Go(func() {
					got, err := f.door.Receive(f.Context(), f.ch, b)
					if err != nil {
						f.Error(err)
						return
					}
					fresh <- got[0]
				})
			}
			wait.Wait()
			close(fresh)
			first, seqs := 0, map[int64]bool{}
			for r := range fresh {
				if !r.Duplicate {
					first++
				}
				seqs[r.Seq] = true
			}
			if first != 1 || len(seqs) != 1 {
				f.Errorf("settled %v: %d of 20 deliveries were stored under %d numbers, want 1 under 1", settled, first, len(seqs))
			}
			f.settle()
		}
		if got := f.added(); got != 2 {
			f.Errorf("%d messages in the journal, want 2", got)
		}
	})
}

func TestTellsTheSameKeyWithAnotherTextApart(t *testing.T) {
	each(t, func(f *fixture) {
		f.receive(f.ch, batch(message("peer", "k", "one")))
		if got := f.receive(f.ch, batch(message("peer", "k", "two")))[0]; !got.Conflict {
			f.Errorf("got %+v, want a conflict", got)
		}
	})
}

func TestNumbersHaveNoGapsUnderParallelDeliveries(t *testing.T) { // P3, CHAT-2
	each(t, func(f *fixture) {
		send := func(round int) {
			var wait sync.WaitGroup
			for i := range 60 {
				wait.Go(func() {
					f.receive(f.ch, batch(message(fmt.Sprintf("peer-%d", i%6), fmt.Sprintf("r%d-%d", round, i), "text")))
				})
			}
			wait.Wait()
		}
		send(1)
		f.settle()
		send(2)
		bySeq := map[switchboard.ChatID][]int64{}
		for _, e := range f.events() {
			if e.Kind == switchboard.EventMessageAdded {
				bySeq[e.Chat] = append(bySeq[e.Chat], e.Seq)
			}
		}
		if len(bySeq) != 6 {
			f.Fatalf("%d chats, want 6", len(bySeq))
		}
		for chat, seqs := range bySeq {
			for i, seq := range seqs {
				if seq != int64(i)+1 {
					f.Fatalf("chat %s: numbers %v in the order of the journal", chat, seqs)
				}
			}
		}
	})
}

func TestOnePersonOnTwoChannelsIsOneClientWithOneJob(t *testing.T) { // P7, DEAL-2
	each(t, func(f *fixture) {
		phone := switchboard.Identity{Kind: switchboard.IdentityPhone, Value: "+79161234567"}
		var wait sync.WaitGroup
		for i := range 100 {
			ch := f.ch
			if i%2 == 1 {
				ch = f.ch2
			}
			wait.Go(func() {
				f.receive(ch, batch(message(fmt.Sprintf("peer-%s", ch.ID), fmt.Sprintf("k-%d", i), "hi", phone)))
			})
		}
		wait.Wait()
		if got := f.jobs.of("client"); got != 1 {
			f.Errorf("jobs for %d clients, want 1", got)
		}
		if got := f.added(); got != 100 {
			f.Errorf("%d messages stored, want 100", got)
		}
	})
}

func TestAStartOpensTheChatButMakesNoClient(t *testing.T) { // CHAT-8
	each(t, func(f *fixture) {
		start := message("peer", "k1", "/start")
		start.Opens = true
		f.receive(f.ch, batch(start))
		if got := f.jobs.of("client"); got != 0 {
			f.Fatalf("%d client jobs after /start, want 0", got)
		}
		chat, err := f.store.FindChat(f.Context(), nil, "a", "ch", "peer")
		if err != nil {
			f.Fatal(err)
		}
		f.receive(f.ch, batch(message("peer", "k2", "hello")))
		if got := f.jobs.of("client"); got != 1 {
			f.Errorf("%d client jobs after the first real message, want 1", got)
		}
		var locked switchboard.Chat
		f.inTx(func(tx switchboard.Tx) (err error) {
			locked, err = f.store.LockChat(f.Context(), tx, "a", chat.ID)
			return err
		})
		if locked.Unanswered != 1 || locked.LastSeq != 2 {
			f.Errorf("unanswered %d of %d, want 1 of 2: /start does not count (UNANS-1)", locked.Unanswered, locked.LastSeq)
		}
	})
}

func TestNewsThatComesBeforeItsMessageWaitsForIt(t *testing.T) { // R12
	each(t, func(f *fixture) {
		edit := channel.Batch{Raw: []byte("e"), Edits: []channel.Edit{{Peer: channel.Peer{Address: "peer"}, Key: "e:1", ProviderID: "p-k", At: time.Now(),
			Kind: switchboard.KindText, Text: "edited"}}}
		f.receive(f.ch, edit)
		got := f.receive(f.ch, batch(message("peer", "k", "first")))[0]
		m, err := f.store.FindMessage(f.Context(), nil, "a", got.Chat, got.Message)
		if err != nil {
			f.Fatal(err)
		}
		if m.Text != "edited" {
			f.Errorf("text %q, want the edit that came early", m.Text)
		}
		f.settle() // and so on the short way
		second := edit
		second.Edits = slices.Clone(edit.Edits)
		second.Edits[0].ProviderID = "p-k2"
		f.receive(f.ch, second)
		got = f.receive(f.ch, batch(message("peer", "k2", "second")))[0]
		if m, err = f.store.FindMessage(f.Context(), nil, "a", got.Chat, got.Message); err != nil || m.Text != "edited" {
			f.Errorf("text %q, %v; want the edit that came early", m.Text, err)
		}
	})
}

func TestKeepsAndListsWhatCannotBeRead(t *testing.T) {
	each(t, func(f *fixture) {
		f.receive(f.ch, channel.Batch{Raw: []byte{0xff, 0}, Unreadable: "not JSON"})
		listed, err := f.store.Unreadable(f.Context(), "a", 10)
		if err != nil {
			f.Fatal(err)
		}
		if len(listed) != 1 || listed[0].Reason != "not JSON" || listed[0].Bytes != 2 {
			f.Errorf("listed %+v, want the one body with its reason", listed)
		}
	})
}

func TestABadDeliveryHurtsNobodyElse(t *testing.T) {
	each(t, func(f *fixture) {
		var wait sync.WaitGroup
		for i := range 30 {
			wait.Go(func() {
				m := message(fmt.Sprintf("peer-%d", i), fmt.Sprintf("k-%d", i), "fine")
				if i == 7 {
					m.Kind = "" // no such kind of message: the database takes it, the key is too long
					m.Key = string(make([]byte, 301))
				}
				_, err := f.door.Receive(f.Context(), f.ch, batch(m))
				if (err != nil) != (i == 7) {
					f.Errorf("delivery %d: %v", i, err)
				}
			})
		}
		wait.Wait()
		if got := f.added(); got != 29 {
			f.Errorf("%d stored, want 29", got)
		}
	})
}

func TestConfirmsNothingThatWasNotStored(t *testing.T) { // P1
	each(t, func(f *fixture) {
		f.jobs.fail = errors.New("no jobs today")
		_, err := f.door.Receive(f.Context(), f.ch, batch(message("peer", "k", "hello")))
		if switchboard.CodeOf(err) != switchboard.CodeUnavailable {
			f.Fatalf("error %v, want unavailable", err)
		}
		f.jobs.fail = nil
		got := f.receive(f.ch, batch(message("peer", "k", "hello")))[0]
		if got.Duplicate || got.Seq != 1 {
			f.Errorf("got %+v: the failed delivery left traces", got)
		}
	})
}

func TestHostileTextBecomesStorable(t *testing.T) {
	each(t, func(f *fixture) {
		got := f.receive(f.ch, batch(message("peer", "k", "a\x00b\xffc e\u0301")))[0]
		m, err := f.store.FindMessage(f.Context(), nil, "a", got.Chat, got.Message)
		if err != nil {
			f.Fatal(err)
		}
		if diff := cmp.Diff("ab\uFFFDc \u00e9", m.Text); diff != "" {
			f.Error(diff)
		}
	})
}

func TestAClientsIDThatIsAnotherMessagesIDIsAConflict(t *testing.T) {
	each(t, func(f *fixture) {
		got := f.receive(f.ch, batch(message("peer", "k", "hello")))[0]
		f.settle()
		f.inTx(func(tx switchboard.Tx) error {
			_, err := f.store.AddOutgoing(f.Context(), tx, switchboard.Message{Account: "a", Chat: got.Chat, ID: "ours", Kind: switchboard.KindText, Text: "answer"}, "")
			return err
		})
		m := message("peer", "k2", "mine")
		m.ID = "ours"
		if got := f.receive(f.ch, batch(m))[0]; !got.Conflict {
			f.Errorf("got %+v, want a conflict", got)
		}
		if got := f.receive(f.ch, batch(message("peer", "k3", "next")))[0]; got.Seq != 3 {
			f.Errorf("the next message has number %d, want 3", got.Seq)
		}
	})
}
