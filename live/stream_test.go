package live_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"switchboard"
	"switchboard/live"
	"switchboard/store"
	"switchboard/store/storetest"
)

// watch opens a stream at the newest event.
func watch(t *testing.T, hub *live.Hub, w *world, name string, change ...func(*live.Watcher)) *live.Stream {
	t.Helper()
	session, _ := w.session(name, switchboard.SessionCookie, time.Hour)
	watcher := live.Watcher{Account: w.account, Employee: w.people[name].ID, Session: session, Expires: time.Now().Add(time.Hour)}
	for _, c := range change {
		c(&watcher)
	}
	stream, err := hub.Watch(context.Background(), watcher, w.head())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stream.Close)
	return stream
}

// next waits for what comes, at most as long as is promised.
func next(t *testing.T, s *live.Stream, most time.Duration) (events []live.Event, ended bool) {
	t.Helper()
	late := time.After(most)
	for {
		deliveries, ended := s.Take()
		for _, d := range deliveries {
			var e live.Event
			if err := json.Unmarshal(d.Data, &e); err != nil {
				t.Fatal(err)
			}
			events = append(events, e)
		}
		if len(events) > 0 || ended {
			return events, ended
		}
		select {
		case <-s.Wake():
		case <-late:
			t.Fatalf("nothing came in %s", most)
		}
	}
}

// ended says whether the stream is over, and takes nothing.
func ended(s *live.Stream) bool { return live.HasEnded(s) }

func each(t *testing.T, test func(t *testing.T, w *world, hub *live.Hub)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		s.UseVault(plain{})
		test(t, newWorld(t, s), newHub(t, s))
	})
}

func TestTheOldOwnerLosesTheChatAndTheNewOneGetsIt(t *testing.T) { // OWNER-1
	each(t, func(t *testing.T, w *world, hub *live.Hub) {
		c := w.addChat(0)
		w.own(c, "anna")
		w.hear(c)
		anna, boris, vera := watch(t, hub, w, "anna"), watch(t, hub, w, "boris"), watch(t, hub, w, "vera")
		w.own(c, "boris")
		lost, _ := next(t, anna, time.Second)
		if len(lost) != 1 || lost[0].Kind != live.Gone || lost[0].Gone != c.id || lost[0].Chat != nil || lost[0].Message != nil {
			t.Errorf("anna was told %+v, want the id and nothing more", lost)
		}
		won, _ := next(t, boris, time.Second)
		if len(won) != 1 || won[0].Kind != live.Chat || won[0].Chat.ID != c.id || won[0].Chat.Unanswered != 2 {
			t.Errorf("boris was told %+v, want the chat with two unanswered", won)
		}
		if deliveries, _ := vera.Take(); len(deliveries) > 0 {
			t.Errorf("vera was told of another's chat: %s", deliveries[0].Data)
		}
	})
}

func TestARoleTakenAwayCutsTheScreenWithinASecond(t *testing.T) { // ROLE-5
	each(t, func(t *testing.T, w *world, hub *live.Hub) {
		c := w.addChat(0)
		w.own(c, "anna")
		anna := watch(t, hub, w, "anna")
		w.setRoles(0, map[string]switchboard.Role{"boris": switchboard.Manager})
		w.hear(c)
		events, ended := next(t, anna, time.Second)
		if len(events) != 1 || events[0].Kind != live.Reset || !ended {
			t.Errorf("told %+v, ended %v; want a reset and the end", events, ended)
		}
	})
}

func TestSettingsThatChangeNobodysRightsAreToldWithoutAReset(t *testing.T) { // SET-2
	each(t, func(t *testing.T, w *world, hub *live.Hub) {
		anna := watch(t, hub, w, "anna")
		w.tx(func(ctx context.Context, tx switchboard.Tx) error { return w.s.SettingsChanged(ctx, tx, w.account, "") })
		events, ended := next(t, anna, time.Second)
		if len(events) != 1 || events[0].Kind != live.Settings || ended {
			t.Errorf("told %+v, ended %v; want settings", events, ended)
		}
	})
}

func TestASessionThatEndsIsSignedOutWithinASecond(t *testing.T) { // ROLE-5
	each(t, func(t *testing.T, w *world, hub *live.Hub) {
		session, hash := w.session("anna", switchboard.SessionCookie, time.Hour)
		use := func(watcher *live.Watcher) { watcher.Session = session }
		anna, boris := watch(t, hub, w, "anna", use), watch(t, hub, w, "boris")
		w.tx(func(ctx context.Context, tx switchboard.Tx) error {
			return w.s.EndSession(ctx, tx, hash, switchboard.Session{Account: w.account, Employee: w.people["anna"].ID})
		})
		for {
			events, ended := next(t, anna, time.Second)
			if !ended {
				continue // that the sessions changed is told as settings, too
			}
			if len(events) != 1 || events[0].Kind != live.SignedOut {
				t.Errorf("told %+v, want signed_out", events)
			}
			break
		}
		if _, ended := boris.Take(); ended {
			t.Error("somebody else's screen was cut")
		}
	})
}

func TestABlockedEmployeeIsCutWithinASecond(t *testing.T) { // ROLE-5
	each(t, func(t *testing.T, w *world, hub *live.Hub) {
		c := w.addChat(0)
		w.own(c, "anna")
		anna := watch(t, hub, w, "anna")
		w.saveEmployee("anna", func(e *switchboard.Employee) { e.Active = false })
		w.hear(c)
		events, ended := next(t, anna, time.Second)
		if !ended || len(events) != 1 || events[0].Kind != live.Reset && events[0].Kind != live.SignedOut {
			t.Errorf("told %+v, ended %v", events, ended)
		}
	})
}

func TestAFramesBearerThatRanOutEndsTheStreamWithoutWords(t *testing.T) {
	each(t, func(t *testing.T, w *world, hub *live.Hub) {
		session, _ := w.session("anna", switchboard.SessionFrame, 50*time.Millisecond)
		frame := watch(t, hub, w, "anna", func(watcher *live.Watcher) {
			watcher.Session, watcher.Renewed, watcher.Expires = session, true, time.Now().Add(50*time.Millisecond)
		})
		events, ended := next(t, frame, 3*time.Second)
		if len(events) != 0 || !ended {
			t.Errorf("told %+v, ended %v", events, ended)
		}
	})
}

func TestAFrameHearsOnlyOfItsContact(t *testing.T) {
	each(t, func(t *testing.T, w *world, hub *live.Hub) {
		mine := w.addChat(0).id
		other := w.addChat(0).id
		w.own(&w.chats[0], "anna")
		w.own(&w.chats[1], "anna")
		frame := watch(t, hub, w, "sup", func(watcher *live.Watcher) { watcher.Contact = w.contacts[0] })
		w.hear(&w.chats[1])
		w.hear(&w.chats[0])
		events, _ := next(t, frame, time.Second)
		if len(events) != 1 || events[0].Chat.ID != mine {
			t.Errorf("told %+v, want chat %s and not %s", events, mine, other)
		}
	})
}

func TestANumberThatIsTooOldOrTooNewIsAnsweredWithAReset(t *testing.T) {
	each(t, func(t *testing.T, w *world, hub *live.Hub) {
		c := w.addChat(0)
		w.hear(c)
		session, _ := w.session("sup", switchboard.SessionCookie, time.Hour)
		future := time.Now().Add(time.Hour)
		if err := w.s.Tidy(context.Background(), store.Before{Events: future}); err != nil {
			t.Fatal(err)
		}
		for name, after := range map[string]int64{"too old": 1, "of another history": w.head() + 5} {
			s, err := hub.Watch(context.Background(), live.Watcher{Account: w.account, Employee: w.people["sup"].ID, Session: session}, after)
			if err != nil {
				t.Fatal(err)
			}
			events, ended := next(t, s, time.Second)
			if len(events) != 1 || events[0].Kind != live.Reset || !ended {
				t.Errorf("%s: told %+v, ended %v", name, events, ended)
			}
			s.Close()
		}
	})
}

func TestWhoDoesNotKeepUpIsToldToLoadAnew(t *testing.T) {
	each(t, func(t *testing.T, w *world, hub *live.Hub) {
		c := w.addChat(0)
		slow := watch(t, hub, w, "sup")
		w.tx(func(ctx context.Context, tx switchboard.Tx) error { // more than may wait
			for range 300 {
				in := w.incoming(c)
				if _, err := w.s.AddToChat(ctx, tx, &in, c.id); err != nil {
					return err
				}
			}
			return nil
		})
		for !ended(slow) {
			select {
			case <-slow.Wake():
			case <-time.After(5 * time.Second):
				t.Fatal("the stream of a slow screen goes on")
			}
		}
		events, _ := next(t, slow, time.Second)
		if len(events) != 1 || events[0].Kind != live.Reset {
			t.Errorf("%d events, first %+v", len(events), events[0])
		}
	})
}

func TestEmployeesOpenABoundedNumberOfStreams(t *testing.T) {
	each(t, func(t *testing.T, w *world, hub *live.Hub) {
		session, _ := w.session("anna", switchboard.SessionCookie, time.Hour)
		watcher := live.Watcher{Account: w.account, Employee: w.people["anna"].ID, Session: session}
		var err error
		for range 65 {
			var s *live.Stream
			if s, err = hub.Watch(context.Background(), watcher, w.head()); err == nil {
				defer s.Close()
			}
		}
		if switchboard.CodeOf(err) != switchboard.CodeTooMany {
			t.Errorf("the 65th stream: %v", err)
		}
	})
}

func TestAnotherNodesEventsComeWithinASecond(t *testing.T) {
	address := storetest.Address(t, store.Postgres)
	here, there := storetest.Open(t, address), storetest.Open(t, address)
	here.UseVault(plain{})
	there.UseVault(plain{})
	w := newWorld(t, there)
	c := w.addChat(0)
	sup := watch(t, newHub(t, here), w, "sup")
	w.hear(c)
	if events, _ := next(t, sup, time.Second); len(events) != 1 || events[0].Kind != live.Message {
		t.Errorf("told %+v", events)
	}
}
