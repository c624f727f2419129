package journal_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"switchboard"
	. "switchboard/journal"
)

type crash struct{ at string }

// round runs one round; crashed tells that the process died in it.
func round(f Follower) (p Progress, err error, crashed bool) {
	defer func() {
		if r := recover(); r != nil {
			if _, ours := r.(crash); !ours {
				panic(r)
			}
			crashed = true
		}
	}()
	p, err = f.Round(context.Background())
	return p, err, false
}

// dieAt makes the process die at the n-th step from now; 0 never.
func dieAt(db *memory, n int) {
	db.step = func(name string) {
		if n--; n == 0 {
			panic(crash{name})
		}
	}
}

func count(from, to int64) []int64 {
	var list []int64
	for n := from; n <= to; n++ {
		list = append(list, n)
	}
	return list
}

func TestStoresEachEventOnceAndInOrderAcrossCrashesAnywhere(t *testing.T) {
	crashes, moved := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		db, world := newMemory(), &partner{}
		w := &worker{db: db, partner: world, poison: map[int64]bool{}}
		rivals := false
		for range rapid.IntRange(1, 30).Draw(t, "rounds") {
			for range rapid.IntRange(0, 4).Draw(t, "new events") {
				db.head++
				w.poison[db.head] = rapid.IntRange(0, 9).Draw(t, "poison") == 0
			}
			page := rapid.IntRange(1, 5).Draw(t, "page")
			f := follow(db, w.handle, page)
			w.inside = nil
			if rapid.IntRange(0, 4).Draw(t, "rival") == 0 {
				rivals = true
				rival := follow(db, (&worker{db: db, partner: world, poison: w.poison}).handle, page)
				w.inside = func() { _, _ = rival.Round(context.Background()) }
			}
			db.rerun = rapid.Bool().Draw(t, "rerun")
			dieAt(db, rapid.IntRange(0, 25).Draw(t, "die at step"))
			_, err, crashed := round(f)
			db.step = func(string) {}
			switch {
			case crashed:
				crashes++
			case errors.Is(err, ErrMoved):
				moved++
			case err != nil:
				t.Fatalf("round: %v", err)
			}
			checkOrder(t, db)
		}
		w.inside, db.rerun = nil, false
		drain(t, follow(db, w.handle, 3))
		checkAllHandled(t, db, w.poison)
		if !rivals {
			checkLedger(t, world, db.results)
		}
	})
	if crashes == 0 || moved == 0 {
		t.Errorf("%d crashes, %d lost races: nothing was tried", crashes, moved)
	}
	t.Logf("%d crashes, %d lost races", crashes, moved)
}

// checkOrder holds at every moment: results and parked are exactly what lies behind
// the cursor.
func checkOrder(t *rapid.T, db *memory) {
	if !slices.IsSorted(db.results) {
		t.Fatalf("out of order: %v", db.results)
	}
	behind := len(db.results) + len(db.parked)
	if cursor := db.cursors["timeline/hubspot"]; int64(behind) != cursor {
		t.Fatalf("cursor %d with %d events done: %v, parked %v", cursor, behind, db.results, db.parked)
	}
}

func drain(t *rapid.T, f Follower) {
	for range 1000 {
		p, err := f.Round(context.Background())
		if err != nil {
			t.Fatalf("drain: %v", err)
		}
		if !p.More {
			return
		}
	}
	t.Fatalf("the follower does not come to an end")
}

func checkAllHandled(t *rapid.T, db *memory, poison map[int64]bool) {
	var results, parked []int64
	for _, n := range count(1, db.head) {
		if poison[n] {
			parked = append(parked, n)
		} else {
			results = append(results, n)
		}
	}
	if diff := cmp.Diff(results, db.results); diff != "" {
		t.Fatalf("results, want -, got +:\n%s", diff)
	}
	var set []int64
	for _, p := range db.parked {
		set = append(set, p.Number)
		if p.Reason != "unreadable" || p.Account != "acme" || p.Name != "timeline" || p.Key != "hubspot" {
			t.Fatalf("parked as %+v", p)
		}
	}
	if diff := cmp.Diff(parked, set); diff != "" {
		t.Fatalf("parked, want -, got +:\n%s", diff)
	}
	if len(db.intents) > 0 {
		t.Fatalf("intents left open: %v", db.intents)
	}
}

// checkLedger: with intents, a single follower never calls twice either.
func checkLedger(t *rapid.T, world *partner, want []int64) {
	if diff := cmp.Diff(want, world.ledger); diff != "" {
		t.Fatalf("calls, want -, got +:\n%s", diff)
	}
}

func TestWhoFindsTheCursorMovedStoresNothing(t *testing.T) {
	db, world := newMemory(), &partner{}
	db.head = 3
	winner := follow(db, (&worker{db: db, partner: world}).handle, 10)
	loser := &worker{db: db, partner: world}
	loser.inside = func() {
		if _, err := winner.Round(context.Background()); err != nil {
			t.Fatal(err)
		}
		db.head = 4
	}
	_, err := follow(db, loser.handle, 10).Round(context.Background())
	if !errors.Is(err, ErrMoved) {
		t.Errorf("got %v, want ErrMoved", err)
	}
	if diff := cmp.Diff(count(1, 3), db.results); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
}

func TestPagesAreBounded(t *testing.T) {
	for page, want := range map[int]int{0: DefaultPage, -1: DefaultPage, 7: 7, MaxPage: MaxPage, MaxPage + 1: MaxPage} {
		db := newMemory()
		db.head = 5000
		got := 0
		f := follow(db, func(_ context.Context, events []switchboard.Event) (Done, error) {
			got = len(events)
			return nil, nil
		}, page)
		p, err := f.Round(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if got != want || !p.More || p.To != int64(want) {
			t.Errorf("page %d: %d events, progress %+v", page, got, p)
		}
	}
}

func TestFailureLeavesTheCursorAndThePageComesAgain(t *testing.T) {
	db := newMemory()
	db.head = 2
	down := errors.New("the CRM is away")
	fail := true
	var pages [][]int64
	f := follow(db, func(_ context.Context, events []switchboard.Event) (Done, error) {
		var page []int64
		for _, e := range events {
			page = append(page, e.Number)
		}
		pages = append(pages, page)
		if fail {
			return nil, down
		}
		return func(switchboard.Tx) error { return nil }, nil
	}, 10)
	if _, err := f.Round(context.Background()); !errors.Is(err, down) {
		t.Errorf("got %v", err)
	}
	if db.cursors["timeline/hubspot"] != 0 {
		t.Error("the cursor moved")
	}
	fail = false
	if _, err := f.Round(context.Background()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]int64{{1, 2}, {1, 2}}, pages); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
}

func TestFailedResultsTakeTheCursorBack(t *testing.T) {
	db := newMemory()
	db.head = 2
	full := errors.New("disk full")
	f := follow(db, func(context.Context, []switchboard.Event) (Done, error) {
		return func(tx switchboard.Tx) error {
			tx.(*memoryTx).results = append(tx.(*memoryTx).results, 1)
			return full
		}, nil
	}, 10)
	if _, err := f.Round(context.Background()); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
	if db.cursors["timeline/hubspot"] != 0 || len(db.results) != 0 {
		t.Errorf("cursor %v, results %v", db.cursors, db.results)
	}
}

func TestParksPoisonBehindItsHealthyNeighbours(t *testing.T) {
	db, world := newMemory(), &partner{}
	db.head = 5
	w := &worker{db: db, partner: world, poison: map[int64]bool{3: true, 4: true}}
	var steps []string
	for range 5 {
		p, err := follow(db, w.handle, 10).Round(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		steps = append(steps, fmt.Sprintf("%d-%d parked=%v more=%v", p.From, p.To, p.Parked, p.More))
	}
	want := []string{
		"0-2 parked=false more=true", "2-3 parked=true more=true", "3-4 parked=true more=true",
		"4-5 parked=false more=false", "5-5 parked=false more=false",
	}
	if diff := cmp.Diff(want, steps); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
	if diff := cmp.Diff([]int64{1, 2, 5}, world.ledger); diff != "" {
		t.Errorf("calls, want -, got +:\n%s", diff)
	}
}

func TestPoisonOutsideThePageIsAnError(t *testing.T) {
	db := newMemory()
	db.head = 5
	f := follow(db, func(context.Context, []switchboard.Event) (Done, error) {
		return nil, &Poison{Number: 9, Reason: "unreadable"}
	}, 3)
	var poison *Poison
	if _, err := f.Round(context.Background()); !errors.As(err, &poison) {
		t.Errorf("got %v", err)
	}
	if db.cursors["timeline/hubspot"] != 0 || len(db.parked) != 0 {
		t.Errorf("cursor %v, parked %v", db.cursors, db.parked)
	}
}

func TestAHoleInTheJournalIsNeverPassedOver(t *testing.T) {
	never := func(context.Context, []switchboard.Event) (Done, error) {
		t.Error("handled events behind a hole")
		return nil, nil
	}
	for name, spoil := range map[string]func(*memory){
		"dropped before they were read":            func(db *memory) { db.oldest = 4 },
		"database older than the cursor":           func(db *memory) { db.head = 1 },
		"everything dropped, cursor ahead":         func(db *memory) { db.oldest, db.head = 1, 0 },
		"dropped, and a new event is the only one": func(db *memory) { db.oldest, db.head = 6, 6 },
	} {
		db := newMemory()
		db.head, db.cursors["timeline/hubspot"] = 5, 2
		spoil(db)
		if _, err := follow(db, never, 10).Round(context.Background()); !errors.Is(err, ErrGap) {
			t.Errorf("%s: got %v, want ErrGap", name, err)
		}
	}
}

func TestStartsAtTheHeadOrAtTheOldestKeptEvent(t *testing.T) {
	for start, want := range map[Start][]int64{FromHead: {6}, FromOldest: count(3, 6)} {
		db, world := newMemory(), &partner{}
		db.oldest, db.head = 3, 5
		f := follow(db, (&worker{db: db, partner: world}).handle, 10)
		f.Start = start
		if _, err := f.Backlog(context.Background()); err != nil {
			t.Fatal(err)
		}
		db.head = 6
		if _, err := f.Round(context.Background()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, db.results); diff != "" {
			t.Errorf("want -, got +:\n%s", diff)
		}
	}
}

func TestCountsTheBacklog(t *testing.T) {
	db := newMemory()
	db.head = 5
	f := follow(db, func(context.Context, []switchboard.Event) (Done, error) { return nil, nil }, 2)
	for _, want := range []int64{5, 3, 1, 0} {
		if got, err := f.Backlog(context.Background()); err != nil || got != want {
			t.Errorf("backlog %d, %v; want %d", got, err, want)
		}
		if _, err := f.Round(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSkipsOnlyTheEventThatBlocks(t *testing.T) {
	db := newMemory()
	db.head, db.cursors["timeline/hubspot"] = 3, 1
	f := follow(db, nil, 10)
	ctx := context.Background()
	if err := f.Skip(ctx, 3, "skipped"); !errors.Is(err, ErrMoved) {
		t.Errorf("another event: %v", err)
	}
	if err := f.Skip(ctx, 2, "skipped"); err != nil {
		t.Fatal(err)
	}
	if err := f.Skip(ctx, 2, "skipped"); !errors.Is(err, ErrMoved) {
		t.Errorf("twice: %v", err)
	}
	want := []Parked{{Account: "acme", Name: "timeline", Key: "hubspot", Number: 2, Reason: "skipped"}}
	if diff := cmp.Diff(want, db.parked); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
	if err := f.Skip(ctx, 3, "skipped"); err != nil {
		t.Fatal(err)
	}
	if err := f.Skip(ctx, 4, "skipped"); !errors.Is(err, switchboard.ErrNotFound) {
		t.Errorf("an event that is not there: %v", err)
	}
}
