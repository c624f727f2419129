package live_test

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"switchboard"
	"switchboard/live"
	"switchboard/store"
	"switchboard/store/storetest"
)

// screen is what a browser holds: a snapshot and everything told since.
type screen struct {
	w       *world
	hub     *live.Hub
	name    string
	session string
	stream  *live.Stream
	after   int64
	rows    map[switchboard.ChatID]switchboard.ChatRow
	threads map[switchboard.ChatID]map[int64]switchboard.MessageRow
	resets  int
	gone    int
	// truth tells who could see a chat as of an event.
	truth map[int64]map[switchboard.ChatID]bool
}

// load reads everything anew, as a fresh page does.
func (s *screen) load() {
	s.rows, s.threads, s.after = s.w.fresh(s.name)
}

// fresh is what a page shows that is opened now.
func (w *world) fresh(name string) (rows map[switchboard.ChatID]switchboard.ChatRow, threads map[switchboard.ChatID]map[int64]switchboard.MessageRow, event int64) {
	w.t.Helper()
	rows, threads = map[switchboard.ChatID]switchboard.ChatRow{}, map[switchboard.ChatID]map[int64]switchboard.MessageRow{}
	var after switchboard.ChatPlace
	for first := true; ; first = false {
		page, err := w.s.ListChats(context.Background(), w.account, w.people[name].ID, switchboard.ChatFilter{}, after, 3)
		if err != nil {
			w.t.Fatalf("list chats: %v", err)
		}
		if first {
			event = page.Event
		}
		for _, row := range page.Rows {
			rows[row.ID] = row
			threads[row.ID] = w.thread(name, row.ID)
		}
		if page.Next == nil {
			return rows, threads, event
		}
		after = *page.Next
	}
}

func (w *world) thread(name string, id switchboard.ChatID) map[int64]switchboard.MessageRow {
	w.t.Helper()
	page, err := w.s.ListMessages(context.Background(), w.account, w.people[name].ID, id, switchboard.MessageSpan{Limit: 200})
	if err != nil {
		w.t.Fatalf("list messages: %v", err)
	}
	all := map[int64]switchboard.MessageRow{}
	for _, m := range page.Rows {
		all[m.Seq] = m
	}
	return all
}

// connect opens the stream after the last marked number.
func (s *screen) connect() {
	s.w.t.Helper()
	stream, err := s.hub.Watch(context.Background(), live.Watcher{Account: s.w.account, Employee: s.w.people[s.name].ID, Session: s.session,
		Expires: time.Now().Add(time.Hour)}, s.after)
	if err != nil {
		s.w.t.Fatalf("watch: %v", err)
	}
	s.stream = stream
}

// cut drops the connection after at most n of the frames that are there.
func (s *screen) cut(n int) {
	deliveries, _ := s.stream.Take()
	for _, d := range deliveries[:min(n, len(deliveries))] {
		if s.apply(d) {
			break
		}
	}
	s.stream.Close()
	s.connect()
}

// apply takes one frame; true when the screen was loaded anew.
func (s *screen) apply(d live.Delivery) bool {
	s.w.t.Helper()
	var e live.Event
	if err := json.Unmarshal(d.Data, &e); err != nil {
		s.w.t.Fatalf("read frame: %v", err)
	}
	if e.Number < s.after {
		s.w.t.Fatalf("P9: number %d after %d", e.Number, s.after)
	}
	if e.Chat != nil && !s.truth[e.Chat.Version][e.Chat.ID] {
		s.w.t.Fatalf("ROLE-4: %s was told of chat %s as of %d", s.name, e.Chat.ID, e.Chat.Version)
	}
	switch e.Kind {
	case live.Reset:
		s.resets++
		s.load()
		return true
	case live.Message:
		s.takeRow(*e.Chat)
		s.threads[e.Chat.ID][e.Message.Seq] = *e.Message
	case live.Chat:
		s.takeRow(*e.Chat)
	case live.Gone:
		s.gone++
		delete(s.rows, e.Gone)
		delete(s.threads, e.Gone)
	}
	if d.Marks {
		s.after = e.Number
	}
	return false
}

func (s *screen) takeRow(row switchboard.ChatRow) {
	if _, known := s.rows[row.ID]; !known {
		s.threads[row.ID] = map[int64]switchboard.MessageRow{}
		if s.w.sees(s.name)[row.ID] { // the thread is opened
			s.threads[row.ID] = s.w.thread(s.name, row.ID)
		}
	}
	if had := s.rows[row.ID]; had.Version <= row.Version {
		s.rows[row.ID] = row
	}
}

// follow applies frames until everything up to a number has passed.
func (s *screen) follow(head int64) {
	s.w.t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		deliveries, ended := s.stream.Take()
		for _, d := range deliveries {
			if s.apply(d) {
				break
			}
		}
		if ended {
			s.connect()
			continue
		}
		if len(deliveries) == 0 && s.stream.Passed() >= head {
			return
		}
		select {
		case <-s.stream.Wake():
		case <-time.After(time.Millisecond): // Passed moves without a frame, too
		case <-deadline:
			s.w.t.Fatalf("%s stands at %d, not at %d", s.name, s.stream.Passed(), head)
		}
	}
}

// step makes one thing happen and gives its name.
func step(t *rapid.T, w *world) string {
	if len(w.chats) == 0 {
		w.addChat(0)
		return "first chat"
	}
	c := &w.chats[rapid.IntRange(0, len(w.chats)-1).Draw(t, "chat")]
	who := rapid.SampledFrom([]string{"anna", "boris", "vera", "sup"}).Draw(t, "who")
	steps := map[string]func(){
		"new chat": func() { w.addChat(rapid.IntRange(0, 1).Draw(t, "channel")) },
		"hear":     func() { w.hear(c) },
		"answer":   func() { w.answer(c, who, "") },
		"quote": func() {
			page := w.thread("quality", c.id)
			w.answer(c, who, page[int64(rapid.IntRange(1, len(page)).Draw(t, "quoted"))].ID)
		},
		"sent":      func() { w.settle(c, switchboard.StatusSent) },
		"failed":    func() { w.settle(c, switchboard.StatusFailed) },
		"own":       func() { w.own(c, who) },
		"hand over": func() { w.own(c, who) },
		"pass on":   func() { w.own(c, who) },
		"outsider":  func() { w.own(c, "stranger") },
		"deal":      func() { w.deal(c, who, rapid.Bool().Draw(t, "open")) },
		"edit":      func() { w.change(c, switchboard.ChangeEdit) },
		"delete":    func() { w.change(c, switchboard.ChangeDelete) },
		"hold": func() {
			w.tx(func(ctx context.Context, tx switchboard.Tx) error {
				return w.s.HoldForEmployee(ctx, tx, w.account, c.client, w.people[who].ID)
			})
		},
		"clear": func() {
			w.tx(func(ctx context.Context, tx switchboard.Tx) error {
				_, err := w.s.ClearUnanswered(ctx, tx, w.account, c.id)
				return err
			})
		},
		"rename": func() {
			w.tx(func(ctx context.Context, tx switchboard.Tx) error {
				return w.s.RenameChat(ctx, tx, w.account, c.id, "peer "+who, who)
			})
		},
	}
	rare := map[string]func(){
		"role": func() {
			channel := rapid.IntRange(0, 1).Draw(t, "channel")
			w.setRoles(channel, map[string]switchboard.Role{"quality": switchboard.QualityControl, "anna": switchboard.Manager, "boris": switchboard.Manager,
				"vera": rapid.SampledFrom([]switchboard.Role{"", switchboard.Manager, switchboard.Supervisor, switchboard.QualityControl}).Draw(t, "role"),
				"sup":  switchboard.Supervisor})
		},
		"renamed employee": func() { w.saveEmployee(who, func(e *switchboard.Employee) { e.Name += "x" }) },
		"settings": func() {
			w.tx(func(ctx context.Context, tx switchboard.Tx) error { return w.s.SettingsChanged(ctx, tx, w.account, "") })
		},
	}
	if rapid.IntRange(0, 14).Draw(t, "rare") == 7 {
		steps = rare
	}
	name := rapid.SampledFrom(slices.Sorted(maps.Keys(steps))).Draw(t, "step")
	steps[name]()
	return name
}

// P9, OWNER-1, ROLE-4, ROLE-5: whatever happens and wherever the connection is cut,
// a screen shows what a fresh load would, and was never told of a chat that was not
// for it.
func TestScreensThatFollowEqualFreshOnes(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		s.UseVault(plain{})
		hub := newHub(t, s)
		resets, gone, cuts := 0, 0, 0
		rapid.Check(t, func(t *rapid.T) {
			w := newWorld(t, s)
			truth := map[string]map[int64]map[switchboard.ChatID]bool{}
			for _, name := range names {
				truth[name] = map[int64]map[switchboard.ChatID]bool{}
			}
			note := func() {
				for _, name := range names {
					truth[name][w.head()] = w.sees(name)
				}
			}
			note()
			var screens []*screen
			for _, name := range names {
				session, _ := w.session(name, switchboard.SessionCookie, time.Hour)
				sc := &screen{w: w, hub: hub, name: name, session: session, truth: truth[name]}
				sc.load()
				sc.connect()
				defer func() { sc.stream.Close() }()
				screens = append(screens, sc)
			}
			var history []string
			for range rapid.IntRange(1, 25).Draw(t, "steps") {
				before := w.head()
				history = append(history, step(t, w))
				// A step of several transactions may be read in between.
				for n := before + 1; n < w.head(); n++ {
					for _, name := range names {
						truth[name][n] = union(truth[name][before], w.sees(name))
					}
				}
				note()
				if sc := screens[rapid.IntRange(0, len(screens)-1).Draw(t, "screen")]; rapid.IntRange(0, 3).Draw(t, "cut") == 0 {
					sc.cut(rapid.IntRange(0, 3).Draw(t, "frames"))
					cuts++
				}
			}
			for _, sc := range screens {
				sc.follow(w.head())
				rows, threads, _ := w.fresh(sc.name)
				ignore := cmp.Options{cmpopts.IgnoreFields(switchboard.ChatRow{}, "Version"), cmpopts.IgnoreFields(switchboard.MessageRow{}, "Version"),
					cmpopts.EquateEmpty(), cmpopts.EquateApproxTime(0)}
				if diff := cmp.Diff(rows, sc.rows, ignore); diff != "" {
					t.Fatalf("P9: %s after %v, fresh -, followed +:\n%s", sc.name, history, diff)
				}
				if diff := cmp.Diff(threads, sc.threads, ignore); diff != "" {
					t.Fatalf("P9: messages of %s after %v, fresh -, followed +:\n%s", sc.name, history, diff)
				}
				resets, gone = resets+sc.resets, gone+sc.gone
			}
		})
		t.Logf("%d resets, %d chats lost, %d cuts", resets, gone, cuts)
		if resets == 0 || gone == 0 || cuts == 0 {
			t.Error("the histories are too plain")
		}
	})
}

func union(a, b map[switchboard.ChatID]bool) map[switchboard.ChatID]bool {
	all := maps.Clone(b)
	maps.Copy(all, a)
	return all
}
