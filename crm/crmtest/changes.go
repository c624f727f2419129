package crmtest

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"switchboard"
	"switchboard/crm"
)

// follower mirrors contacts as the product does: older news is ignored.
type follower struct {
	t      *testing.T
	w      World
	at     crm.Cursor
	mirror map[switchboard.ContactID]switchboard.Contact
	got    int // deliveries
}

func follow(w World) *follower {
	return &follower{t: w.t, w: w, mirror: map[switchboard.ContactID]switchboard.Contact{}}
}

const maxPages = 500

// poll reads until nothing comes.
func (f *follower) poll() {
	f.t.Helper()
	for range maxPages {
		list, next, err := f.w.CRM.ChangedContacts(f.t.Context(), f.at)
		must(f.t, err)
		if len(list) > 200 {
			f.t.Fatalf("%d contacts in one answer, promised are 200", len(list))
		}
		f.at = next
		for _, c := range list {
			f.got++
			if !c.UpdatedAt.Before(f.mirror[c.ID].UpdatedAt) {
				f.mirror[c.ID] = c
			}
		}
		if len(list) == 0 {
			return
		}
	}
	f.t.Fatalf("still changes after %d pages", maxPages)
}

// check: the mirror shows each contact's present owner.
func (f *follower) check() {
	f.t.Helper()
	for _, want := range f.w.Stand.Contacts() {
		if got, ok := f.mirror[want.ID]; !ok || got.Owner != want.Owner {
			f.t.Fatalf("contact %s: the mirror has owner %q (known: %t), the CRM %q", want.ID, got.Owner, ok, want.Owner)
		}
	}
}

// listsChanges: OWNER-1 under a lag of up to 30 s, another one for each change:
// whatever changes, and whenever it is asked, nothing is missed.
func listsChanges(w World) {
	t := w.t
	people := owners(t, w)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	w.Stand.SetUnevenLag(30 * time.Second)
	f := follow(w)
	f.poll() // an empty cursor starts from now
	var ids []switchboard.ContactID
	for step := range 300 {
		switch n := random.IntN(10); {
		case n < 3 || len(ids) == 0:
			ids = append(ids, w.Stand.AddContact(Person{Name: fmt.Sprint("contact ", step), Owner: people[0]}))
		case n < 7:
			w.Stand.AssignContact(ids[random.IntN(len(ids))], people[random.IntN(2)])
		case n < 9:
			w.Stand.Advance(time.Duration(random.IntN(20_000)) * time.Millisecond)
		default:
			f.poll()
		}
	}
	w.Stand.Advance(30 * time.Second)
	f.poll()
	f.check()
	before := f.got
	f.poll()
	if f.got != before {
		t.Errorf("%d changes came again although nothing changed", f.got-before)
	}
}

// sharedTime: 450 records of one and the same moment do not fit a page of 200.
func sharedTime(w World) {
	t := w.t
	owner := owners(t, w)[0]
	f := follow(w)
	f.poll()
	for range 450 {
		w.Stand.AddContact(Person{Name: "Imported", Owner: owner})
	}
	f.poll()
	f.check()
	if f.got != 450 {
		t.Errorf("450 contacts came %d times", f.got)
	}
	w.Stand.Advance(time.Second)
	late := w.Stand.AddContact(Person{Name: "Late", Owner: owner})
	f.poll()
	if _, ok := f.mirror[late]; !ok {
		t.Error("a change after them was missed")
	}
}

// longList: 1,200 changes within a minute are read page by page; afterwards a poll is
// one call again, although nothing newer pushes them out of the overlap.
func longList(w World) {
	t := w.t
	people := owners(t, w)
	f := follow(w)
	f.poll()
	var ids []switchboard.ContactID
	for range 1200 {
		ids = append(ids, w.Stand.AddContact(Person{Name: "Imported", Owner: people[0]}))
		w.Stand.Advance(10 * time.Millisecond)
	}
	list, next, err := w.CRM.ChangedContacts(t.Context(), f.at)
	must(t, err)
	f.at = next
	for _, c := range list {
		f.mirror[c.ID] = c
	}
	// A record that moves on while the list is read must not hide another.
	for _, id := range ids[:150] {
		w.Stand.AssignContact(id, people[1])
	}
	f.poll()
	f.check()
	for range 3 {
		w.Stand.Advance(70 * time.Second)
		f.poll()
	}
	before, got := w.Stand.Calls(), f.got
	f.poll()
	if calls := w.Stand.Calls() - before; calls != 1 {
		t.Errorf("a quiet poll cost %d calls, want 1", calls)
	}
	if f.got != got {
		t.Errorf("%d old changes came again", f.got-got)
	}
	w.Stand.AssignContact(ids[700], people[1])
	f.poll()
	f.check()
}

func changedDeals(w World) {
	t := w.t
	people, at := owners(t, w), target(t, w)
	_, cursor, err := w.CRM.ChangedDeals(t.Context(), "")
	must(t, err)
	contact := w.Stand.AddContact(Person{Name: "Anna"})
	id := w.Stand.AddDeal(contact, at.pipeline, at.open, people[0])
	alone := w.Stand.AddDeal("", at.pipeline, at.open, people[1])
	read := func() map[switchboard.DealID]switchboard.Deal {
		t.Helper()
		list, next, err := w.CRM.ChangedDeals(t.Context(), cursor)
		must(t, err)
		cursor = next
		byID := map[switchboard.DealID]switchboard.Deal{}
		for _, d := range list {
			byID[d.ID] = d
		}
		return byID
	}
	got := read()
	if d := got[id]; len(got) != 2 || d.Contact != contact || d.Owner != people[0] || !d.Open || d.UpdatedAt.IsZero() {
		t.Errorf("got %+v, want %s of contact %s", got, id, contact)
	}
	if d := got[alone]; d.Contact != "" {
		t.Errorf("the deal without a contact has the contact %q", d.Contact)
	}
	w.Stand.Advance(time.Second)
	w.Stand.MoveDeal(id, at.closed)
	if got = read(); len(got) != 1 || got[id].Open || got[id].Stage != at.closed {
		t.Errorf("after closing got %+v (DEAL-5)", got)
	}
}
