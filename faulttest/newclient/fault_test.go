package newclient

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"switchboard"
	"switchboard/crm/hubspot/sandbox"
	"switchboard/store"
)

const (
	upserts = "*/contacts/batch/upsert"
	deals   = "*/deals"
)

// clientsPerFault write at once; the first tries of as many writes of both steps fail
// in each of the ways.
const clientsPerFault = 3

// spoiled are the ways in which the CRM spoils the saga's writes.
func spoiled() []sandbox.Rule {
	ways := []sandbox.Rule{
		{Kind: sandbox.FaultReplyLost}, {Kind: sandbox.FaultCutJSON},
		{Kind: sandbox.FaultHTML, Done: true}, {Kind: sandbox.FaultBadGateway, Done: true}, {Kind: sandbox.FaultTimeout, Done: true, HoldMillis: 20_000},
		{Kind: sandbox.FaultCut}, {Kind: sandbox.Fault500}, {Kind: sandbox.FaultLocked}, {Kind: sandbox.FaultRateLimit, Policy: "SECONDLY"},
	}
	var rules []sandbox.Rule
	for _, way := range ways {
		for _, path := range []string{upserts, deals} {
			way.Method, way.Path, way.Next = "POST", path, clientsPerFault
			if way.Kind == sandbox.FaultRateLimit { // stops everybody, so once is enough
				way.Next = 1
			}
			rules = append(rules, way)
		}
	}
	return rules
}

// DEAL-3, QUEUE-6: whatever becomes of a write, there is one contact and one deal, and
// the turn does not move again; the search never shows what was written.
func TestSpoiledWritesMakeNothingTwiceAndMoveNoTurn(t *testing.T) {
	t.Parallel()
	hidden := func(c *sandbox.Config) { c.SearchLag = 30 * time.Second }
	onBothEngines(t, options{sandbox: hidden}, func(t *testing.T, w *town) {
		rules := spoiled()
		for _, rule := range rules {
			w.must(w.crm.AddRule(rule))
		}
		clients := clientsPerFault * len(rules) / 2
		n := w.start("a")
		atOnce(clients, func(i int) string {
			number := fmt.Sprintf("+7916555%04d", i)
			w.texts.add(number)
			return n.write(visitor(i).with(switchboard.IdentityPhone, number, false))
		})
		w.settled(clients)
		w.onceEach(clients)
		w.fired(len(rules))
	})
}

// onceEach checks that there is one of everything per client.
func (w *town) onceEach(clients int) {
	w.t.Helper()
	if c, d := len(w.crm.Records("contacts")), len(w.crm.Records("deals")); c != clients || d != clients {
		w.t.Errorf("%d clients became %d contacts and %d deals", clients, c, d)
	}
	if n := w.number(`SELECT COUNT(*) FROM decision WHERE outcome = 'create' AND provisional = 0`); n != clients {
		w.t.Errorf("%d decisions for %d clients", n, clients)
	}
	if turns := w.turns(); slices.Max(turns)-slices.Min(turns) > 1 {
		w.t.Errorf("turns: %v", turns)
	}
	if contacts, deals := w.owned("contacts"), w.owned("deals"); !slices.Equal(contacts, deals) || contacts[len(contacts)-1] > 0 {
		w.t.Errorf("owners of contacts %v, of deals %v", contacts, deals)
	}
	w.replayDecisions()
}

// fired fails a run in which a planned fault did not happen.
func (w *town) fired(rules int) {
	w.t.Helper()
	all := w.crm.Faults().Rules
	if len(all) != rules {
		w.t.Errorf("%d rules of %d", len(all), rules)
	}
	for _, r := range all {
		if r.Fired == 0 {
			w.t.Errorf("the fault %s of %s never fired: nothing was proved", r.Kind, r.Path)
		}
	}
}

// A contact with the visitor's e-mail, too new for the search to show it, is a 409 and
// is adopted: no second contact, one deal, its owner untouched.
func TestConflictIsAdoptedThoughTheSearchDoesNotShowItYet(t *testing.T) {
	t.Parallel()
	hidden := func(c *sandbox.Config) { c.SearchLag = 30 * time.Second }
	onBothEngines(t, options{sandbox: hidden}, func(t *testing.T, w *town) {
		n := w.start("a")
		id := w.contact("", "fresh@example.com", string(w.managers[1].Owner))
		w.texts.add("fresh@example.com")
		n.write(visitor(1).with(switchboard.IdentityEmail, "fresh@example.com", false))
		w.settled(1)
		contacts, all := w.crm.Records("contacts"), w.crm.Records("deals")
		if len(contacts) != 1 || contacts[0].ID != id || len(all) != 1 {
			t.Fatalf("%d contacts, %d deals", len(contacts), len(all))
		}
		if owner := contacts[0].Properties["hubspot_owner_id"]; owner != string(w.managers[1].Owner) {
			t.Errorf("the owner was changed to %s", owner)
		}
		if got := w.conflicts(); got == 0 {
			t.Error("the CRM answered no conflict: nothing was proved")
		}
		if linked := w.crm.Linked("deals", all[0].ID, "contacts"); len(linked) != 1 || linked[0].ID != id {
			t.Errorf("the deal is linked to %v", linked)
		}
	})
}

// conflicts counts upserts that the CRM refused in part (207) or as a whole (409).
func (w *town) conflicts() int {
	n := 0
	for _, c := range w.crm.Calls(0) {
		if c.Status == 409 || c.Status == 207 {
			n++
		}
	}
	return n
}

// A process that ends between a write and its note starts again from the look-up by
// our own property, which needs no search.
func TestRestartBetweenWriteAndNoteMakesNothingTwice(t *testing.T) {
	t.Parallel()
	hidden := func(c *sandbox.Config) { c.SearchLag = 30 * time.Second }
	onBothEngines(t, options{sandbox: hidden}, func(t *testing.T, w *town) {
		for _, path := range []string{upserts, deals} {
			w.must(w.crm.AddRule(sandbox.Rule{Kind: sandbox.FaultTimeout, Method: "POST", Path: path, Next: 1, Done: true, HoldMillis: 20_000}))
			n := w.start("a")
			if path == upserts {
				n.write(visitor(1))
			}
			w.must(w.crm.Await(t.Context(), func() bool { return w.firedAt(path) > 0 }))
			n.stop()
		}
		w.start("a")
		w.settled(1)
		w.onceEach(1)
	})
}

func (w *town) firedAt(path string) int {
	for _, r := range w.crm.Faults().Rules {
		if r.Path == path {
			return r.Fired
		}
	}
	return 0
}

// QUEUE-10: while the CRM is away clients are distributed all the same; on its return
// the look-up comes first, its owner wins and the turn is given back.
func TestOutageDistributesProvisionallyAndTheOwnerWinsOnReturn(t *testing.T) {
	t.Parallel()
	onBothEngines(t, options{sandbox: func(c *sandbox.Config) { c.SearchLag = -1 }}, func(t *testing.T, w *town) {
		w.contact("+79160000009", "", string(w.managers[2].Owner))
		n := w.start("a")
		w.must(w.crm.SetDown(sandbox.DownCut))
		n.write(visitor(1).with(switchboard.IdentityPhone, "+79160000009", false))
		w.await("a provisional decision", func() bool {
			return w.number(`SELECT COUNT(*) FROM client WHERE state = 'provisional' AND provisional <> ''`) == 1
		})
		if n := w.number(`SELECT COUNT(*) FROM chat_owner`); n != 1 {
			t.Errorf("%d employees own the chat meanwhile", n)
		}
		w.must(w.crm.SetDown(sandbox.DownNot))
		w.settled(1)
		if c, d := len(w.crm.Records("contacts")), len(w.crm.Records("deals")); c != 1 || d != 0 {
			t.Errorf("%d contacts, %d deals for a known client", c, d)
		}
		if got := w.number(`SELECT COUNT(*) FROM chat_owner WHERE employee_id = $1`, string(w.managers[2].ID)); got != 1 {
			t.Error("the CRM's owner did not win")
		}
		atOnce(3, func(i int) string { return n.write(visitor(10 + i)) })
		w.settled(4)
		if got := w.owned("deals")[:3]; !slices.Equal(got, []int{1, 1, 1}) {
			t.Errorf("after the returned turn three clients went to %v", got)
		}
		w.replayDecisions()
	})
}

// Planned violations must be caught by what watches every run of this package.
func TestWatchersCatchWhatTheyWatchFor(t *testing.T) {
	t.Parallel()
	w := newTown(t, options{engine: store.SQLite})
	if w.calls.Load() == 0 {
		t.Error("connecting made no call: the guard watches nothing")
	}
	if requests, answers := w.checked.Judged(); requests == 0 || answers == 0 {
		t.Errorf("%d requests and %d answers were held against the contract", requests, answers)
	}
	book := &logBook{}
	w.texts.add("canary-text")
	book.logger().Debug("a leak", "text", "canary-text")
	if got := w.texts.in(book.String()); !slices.Equal(got, []string{"canary-text"}) {
		t.Errorf("a logged text was not found: %q", got)
	}
	s := w.openStore()
	defer func() { w.must(s.Close()) }()
	w.inTx(s, func(switchboard.Tx) error {
		if !s.InTransaction() {
			t.Error("an open transaction is not seen")
		}
		return nil
	})
}
