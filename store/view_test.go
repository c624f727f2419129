package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"switchboard"
	"switchboard/store"
	"switchboard/store/storetest"
)

type clearVault struct{}

func (clearVault) Seal(b []byte, _ store.SecretPlace) ([]byte, error) {
	return append([]byte{1}, b...), nil
}
func (clearVault) Open(b []byte, _ store.SecretPlace) ([]byte, error) { return b[1:], nil }

var site = switchboard.Channel{Account: "a", ID: "site", Transport: switchboard.Webchat, Key: "k", State: switchboard.ChannelActive, Config: []byte("{}")}

// visitor adds a session with a chat, and an answer of Anna's in it.
func visitor(t *testing.T, s *store.Store, id string) (chat switchboard.ChatID, answer switchboard.MessageID) {
	t.Helper()
	ctx := context.Background()
	if err := s.AddVisitor(ctx, site, switchboard.VisitorSession{ID: id, TokenHash: "hash-" + id, Name: "Olga", CreatedAt: time.Now()}); err != nil {
		t.Fatal(err)
	}
	chat, answer = switchboard.ChatID("chat-"+id), switchboard.MessageID("answer-"+id)
	err := s.InTx(ctx, func(tx switchboard.Tx) error {
		client := switchboard.ClientID("client-" + id)
		if _, err := s.ResolveClient(ctx, tx, "a", client, "Olga", switchboard.ClientNew, []switchboard.Identity{{Kind: switchboard.IdentityWebchat, Value: id}}); err != nil {
			return err
		}
		if err := s.AddChat(ctx, tx, switchboard.Chat{Account: "a", ID: chat, Channel: site.ID, Client: client, Address: id}); err != nil {
			return err
		}
		in := switchboard.Incoming{Channel: site.ID, Address: id, Key: id, RawID: id, Raw: []byte("{}"), NumbersView: true,
			Message: switchboard.Message{Account: "a", ID: "question", Kind: switchboard.KindText, Text: "hello", At: time.Now()}}
		if _, err := s.AddToChat(ctx, tx, &in, chat); err != nil {
			return err
		}
		_, err := s.AddOutgoing(ctx, tx, switchboard.Message{Account: "a", Chat: chat, ID: answer, Kind: switchboard.KindText, Text: "yes", Author: "anna"}, client)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return chat, answer
}

func eachSite(t *testing.T, test func(t *testing.T, s *store.Store)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		s.UseVault(clearVault{})
		ctx := context.Background()
		err := s.InTx(ctx, func(tx switchboard.Tx) error {
			if err := s.AddAccount(ctx, tx, switchboard.Account{ID: "a"}); err != nil {
				return err
			}
			if err := s.AddEmployee(ctx, tx, "a", switchboard.Employee{ID: "anna", Email: "anna", Name: "Anna Petrova", Active: true}); err != nil {
				return err
			}
			return s.AddChannel(ctx, tx, site)
		})
		if err != nil {
			t.Fatal(err)
		}
		test(t, s)
	})
}

func TestAnAnswerStandsInTheVisitorsViewOnceWhoeverRepeatsIt(t *testing.T) { // CHAT-1
	eachSite(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		chat, answer := visitor(t, s, "v1")
		var wait sync.WaitGroup
		for range 8 {
			wait.Go(func() {
				if seq, err := s.AppendView(ctx, site, "v1", chat, answer); err != nil || seq != 2 {
					t.Errorf("number %d, %v; want 2", seq, err)
				}
			})
		}
		wait.Wait()
		entries, err := s.ViewEntries(ctx, site, "v1", 0, 10)
		if err != nil || len(entries) != 2 || entries[0].Text != "hello" || entries[0].Author != "" || entries[1].Text != "yes" ||
			entries[1].Author != "Anna" || entries[1].Seq != 2 {
			t.Errorf("the view: %+v, %v", entries, err)
		}
		if _, err := s.AppendView(ctx, site, "gone", chat, answer); !errors.Is(err, switchboard.ErrNotFound) {
			t.Errorf("a session that is gone: %v", err)
		}
		other := site
		other.ID = "other"
		if _, err := s.Visitor(ctx, other, "hash-v1"); !errors.Is(err, switchboard.ErrNotFound) {
			t.Errorf("a token of another channel: %v", err)
		}
	})
}

func TestWaitingVisitorsAreWokenByTheirOwnNewsOnly(t *testing.T) {
	eachSite(t, func(t *testing.T, s *store.Store) {
		const visitors = 20
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		woken := make(chan int, visitors)
		var wait sync.WaitGroup
		for i := range visitors {
			id := fmt.Sprintf("v%d", i)
			chat, answer := visitor(t, s, id)
			wait.Go(func() {
				if s.WaitView(ctx, site, id, 1) == nil {
					woken <- i
				}
			})
			if i == 7 {
				if _, err := s.AppendView(ctx, site, id, chat, answer); err != nil {
					t.Fatal(err)
				}
			}
		}
		select {
		case i := <-woken:
			if i != 7 {
				t.Errorf("visitor %d was woken, want 7", i)
			}
		case <-time.After(5 * time.Second):
			t.Fatal("nobody was woken")
		}
		if err := s.WaitView(ctx, site, "v3", 0); err != nil { // there already
			t.Error(err)
		}
		cancel()
		wait.Wait()
		if len(woken) > 0 {
			t.Errorf("visitor %d was woken without news", <-woken)
		}
	})
}
