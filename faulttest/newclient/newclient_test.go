package newclient

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"switchboard"
	"switchboard/crm/hubspot/sandbox"
	"switchboard/routing"
	"switchboard/store"
)

const phone = "+79161234567"

// P7, DEAL-3: however many first messages come at one instant, over two channels and,
// on PostgreSQL, two processes.
func TestHundredFirstMessagesOfOnePersonAreOneClientContactDealAndTurn(t *testing.T) {
	t.Parallel()
	onBothEngines(t, options{timeline: true}, func(t *testing.T, w *town) {
		nodes := []*node{w.start("a")}
		if w.engine == store.Postgres {
			nodes = append(nodes, w.start("b"))
		}
		w.texts.add(phone)
		onSite := visitor(1).with(switchboard.IdentityPhone, phone, false)
		inTelegram := onSite.on(1, "700000001").with(switchboard.IdentityPhone, phone, true)
		texts := atOnce(100, func(i int) string {
			return nodes[i/2%len(nodes)].write([]person{onSite, inTelegram}[i%2])
		})
		w.settled(1)
		w.onePerson(2, texts)
	})
}

// The same from a hundred browsers: the phone that each visitor typed joins them.
func TestHundredVisitorsWhoTypeOnePhoneAreOneClient(t *testing.T) {
	t.Parallel()
	onBothEngines(t, options{timeline: true}, func(t *testing.T, w *town) {
		n := w.start("a")
		w.texts.add(phone)
		texts := atOnce(100, func(i int) string {
			return n.write(visitor(i).with(switchboard.IdentityPhone, phone, false))
		})
		w.settled(1)
		w.onePerson(100, texts)
	})
}

// A transaction may run again after a deadlock: nothing of the run in vain is kept, and
// nothing confirmed is missing (P1).
func TestTransactionsThatRunAgainKeepNothingOfTheRunInVain(t *testing.T) {
	t.Parallel()
	onBothEngines(t, options{timeline: true, vain: true}, func(t *testing.T, w *town) {
		n := w.start("a")
		w.texts.add(phone)
		onSite := visitor(1).with(switchboard.IdentityPhone, phone, false)
		inTelegram := onSite.on(1, "700000001").with(switchboard.IdentityPhone, phone, true)
		texts := atOnce(20, func(i int) string { return n.write([]person{onSite, inTelegram}[i%2]) })
		w.settled(1)
		w.onePerson(2, texts)
	})
}

// onePerson checks database, CRM and timeline of one client with these messages.
func (w *town) onePerson(chats int, texts []string) {
	w.t.Helper()
	got := map[string]int{
		"clients": w.number(`SELECT COUNT(*) FROM client`), "chats": w.number(`SELECT COUNT(*) FROM chat`),
		"messages":  w.number(`SELECT COUNT(*) FROM message`),
		"numbers":   w.number(`SELECT COALESCE(SUM(last_seq), 0) FROM chat`),
		"decisions": w.number(`SELECT COUNT(*) FROM decision WHERE outcome = 'create'`),
		"contacts":  len(w.crm.Records("contacts")), "deals": len(w.crm.Records("deals")),
		"turns": w.turns()[0] + w.turns()[1] + w.turns()[2],
	}
	want := map[string]int{"clients": 1, "chats": chats, "messages": len(texts), "numbers": len(texts), "decisions": 1,
		"contacts": 1, "deals": 1, "turns": 1}
	if diff := cmp.Diff(want, got); diff != "" {
		w.t.Fatalf("-want +got\n%s", diff)
	}
	contact, deal := w.crm.Records("contacts")[0], w.crm.Records("deals")[0]
	if owner := contact.Properties["hubspot_owner_id"]; owner == "" || owner != deal.Properties["hubspot_owner_id"] {
		w.t.Errorf("the contact's owner is %q, the deal's %q (DEAL-3)", owner, deal.Properties["hubspot_owner_id"])
	}
	if linked := w.crm.Linked("deals", deal.ID, "contacts"); len(linked) != 1 || linked[0].ID != contact.ID {
		w.t.Errorf("the deal is linked to %v", linked)
	}
	w.eachOnceInTimeline(contact.ID, texts)
}

// eachOnceInTimeline waits for the entries; each text stands in exactly one (P6).
func (w *town) eachOnceInTimeline(contact string, texts []string) {
	w.t.Helper()
	w.await("the timeline", func() bool {
		return len(w.entries(contact)) >= len(texts) && w.number(`SELECT COUNT(*) FROM timeline_intent WHERE state <> 'done'`) == 0
	})
	entries := w.entries(contact)
	for _, text := range texts {
		holds := func(entry string) bool { return strings.Contains(entry, text) }
		if i := slices.IndexFunc(entries, holds); i < 0 || slices.IndexFunc(entries[i+1:], holds) >= 0 {
			w.t.Errorf("a message does not stand in exactly one entry")
		}
	}
	if len(entries) != len(texts) {
		w.t.Errorf("%d entries of %d messages", len(entries), len(texts))
	}
}

// atOnce calls do n times at the same moment.
func atOnce[T any](n int, do func(i int) T) []T {
	out := make([]T, n)
	var wait sync.WaitGroup
	begin := make(chan struct{})
	for i := range n {
		wait.Go(func() {
			<-begin
			out[i] = do(i)
		})
	}
	close(begin)
	wait.Wait()
	return out
}

// QUEUE-1, QUEUE-2: exactly a third each, also when the process is restarted on the
// way and, on PostgreSQL, when two work at once.
func TestThreeHundredClientsAreAHundredForEachOfThreeManagers(t *testing.T) {
	t.Parallel()
	onBothEngines(t, options{}, func(t *testing.T, w *town) {
		first := w.start("a")
		nodes := []*node{first, first}
		if w.engine == store.Postgres {
			nodes[1] = w.start("b")
		}
		come := func(from int, nodes []*node) {
			atOnce(150, func(i int) string { return nodes[i%2].write(visitor(from + i)) })
		}
		come(0, nodes)
		first.stop() // with most of the work still to do
		again := w.start("a")
		nodes[0] = again
		if w.engine == store.SQLite {
			nodes[1] = again
		}
		come(150, nodes)
		w.settled(300)
		for what, got := range map[string][]int{"turns": w.turns(), "contacts": w.owned("contacts")[:3], "deals": w.owned("deals")[:3]} {
			if !slices.Equal(got, []int{100, 100, 100}) {
				t.Errorf("%s: %v", what, got)
			}
		}
		w.replayDecisions()
	})
}

// QUEUE-9: the stored input gives the stored decision, and turns follow each other.
func (w *town) replayDecisions() {
	w.t.Helper()
	r, err := w.reads.Query(`SELECT input, decision FROM decision`)
	w.must(err)
	defer r.Close()
	replayed := 0
	for ; r.Next(); replayed++ {
		var input, stored string
		w.must(r.Scan(&input, &stored))
		var in routing.Input
		w.must(json.Unmarshal([]byte(input), &in))
		again, err := json.Marshal(routing.Decide(in))
		w.must(err)
		if diff := cmp.Diff(stored, string(again)); diff != "" {
			w.t.Fatalf("a stored decision is not reached again: %s", diff)
		}
	}
	if replayed == 0 {
		w.t.Error("no decision was stored")
	}
}

// QUEUE-8, DEAL-5: who is in the CRM already takes no turn, and gets no second contact
// and no deal; only a contact without a responsible is given one.
func TestKnownClientsTakeNoTurn(t *testing.T) {
	t.Parallel()
	onBothEngines(t, options{sandbox: func(c *sandbox.Config) { c.SearchLag = -1 }}, func(t *testing.T, w *town) {
		owned := w.contact("+7 (916) 000-00-01", "", string(w.managers[2].Owner))
		w.contact("8 916 000 00 02", "", "")
		byMail := w.contact("", "known@example.com", string(w.managers[1].Owner))
		n := w.start("a")
		n.write(visitor(1)) // the first in turn
		w.settled(1)
		n.write(visitor(2).with(switchboard.IdentityPhone, "+79160000001", false))
		n.write(visitor(3).with(switchboard.IdentityEmail, "known@example.com", false))
		w.settled(3)
		n.write(visitor(4)) // the second
		w.settled(4)
		n.write(visitor(5).with(switchboard.IdentityPhone, "+79160000002", false)) // nobody's: the third
		w.settled(5)
		n.write(visitor(6)) // the first again
		w.settled(6)
		if got := w.turns(); !slices.Equal(got, []int{2, 1, 1}) {
			t.Errorf("turns: %v", got)
		}
		if got := len(w.crm.Records("contacts")); got != 6 {
			t.Errorf("%d contacts: three were known, three are new", got)
		}
		if got := len(w.crm.Records("deals")); got != 3 {
			t.Errorf("%d deals: known contacts get none (DEAL-5)", got)
		}
		for id, owner := range map[string]switchboard.OwnerID{owned: w.managers[2].Owner, byMail: w.managers[1].Owner} {
			if r, _ := w.crm.Record("contacts", id); r.Properties["hubspot_owner_id"] != string(owner) {
				t.Errorf("the owner of a known contact was changed to %q", r.Properties["hubspot_owner_id"])
			}
		}
		w.replayDecisions()
	})
}

// contact adds one by hand.
func (w *town) contact(phone, email, owner string) string {
	w.t.Helper()
	id, err := w.crm.Create("contacts", map[string]string{"firstname": "Known", "phone": phone, "email": email, "hubspot_owner_id": owner})
	w.must(err)
	return id
}
