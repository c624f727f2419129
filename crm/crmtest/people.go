package crmtest

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"switchboard"
	"switchboard/crm"
)

func listsOwners(w World) {
	t := w.t
	list, err := w.CRM.Owners(t.Context())
	must(t, err)
	archived := 0
	for _, o := range list {
		if o.ID == "" || o.UserID == "" || o.Email == "" || o.Email != strings.ToLower(o.Email) || o.Name == "" {
			t.Errorf("incomplete owner %+v", o)
		}
		if !o.Active {
			archived++
		}
	}
	if archived == 0 {
		t.Error("the archived owner is not listed as inactive (QUEUE-3)")
	}
}

func offersOpenStages(w World) {
	t := w.t
	target(t, w)
	pipelines, err := w.CRM.Pipelines(t.Context())
	must(t, err)
	for _, p := range pipelines {
		for _, s := range p.Stages {
			if s.Closed && s.Offered {
				t.Errorf("the closed stage %s is offered (DEAL-4)", s.ID)
			}
		}
	}
}

// fourCalls: DEAL-1, DEAL-3 and the promise of performance.md.
func fourCalls(w World) {
	t := w.t
	owner, at := owners(t, w)[0], target(t, w)
	before := w.Stand.Calls()
	found, err := w.CRM.FindContacts(t.Context(), crm.PersonQuery{Client: clientID(1),
		Phones: []string{"+79161234567"}, Emails: []string{"new@example.com"}, Country: "RU", EightToSeven: true})
	must(t, err)
	if len(found) != 0 {
		t.Fatalf("found %+v in an empty CRM", found)
	}
	contact, err := w.CRM.UpsertContact(t.Context(), crm.NewContact{Client: clientID(1), Name: "Anna",
		Phone: "+79161234567", Email: "new@example.com", Owner: owner})
	must(t, err)
	deal, err := w.CRM.UpsertDeal(t.Context(), crm.NewDeal{Client: clientID(1), Name: "Anna", Contact: contact.ID,
		Pipeline: at.pipeline, Stage: at.open, Owner: owner})
	must(t, err)
	if calls := w.Stand.Calls() - before; calls > 4 {
		t.Errorf("a new client cost %d calls, promised are 4", calls)
	}
	if contact.Owner != owner || contact.Name != "Anna" || contact.Phone != "+79161234567" || contact.UpdatedAt.IsZero() {
		t.Errorf("answered with the contact %+v", contact)
	}
	if deal.Owner != owner || deal.Contact != contact.ID || deal.Stage != at.open || deal.Pipeline != at.pipeline || !deal.Open {
		t.Errorf("answered with the deal %+v", deal)
	}
	checkOne(t, w, contact.ID, owner, at)
}

// checkOne: there is one contact and one deal, as wanted.
func checkOne(t *testing.T, w World, id switchboard.ContactID, owner switchboard.OwnerID, at place) {
	t.Helper()
	contacts, deals := w.Stand.Contacts(), w.Stand.Deals()
	if len(contacts) != 1 || len(deals) != 1 {
		t.Fatalf("the CRM holds %d contacts and %d deals, want one of each (DEAL-3)", len(contacts), len(deals))
	}
	if contacts[0].ID != id || contacts[0].Owner != owner {
		t.Errorf("the contact is %+v, want id %s with owner %s", contacts[0], id, owner)
	}
	d := deals[0]
	if d.Contact != id || d.Owner != owner || d.Pipeline != at.pipeline || d.Stage != at.open {
		t.Errorf("the deal is %+v, want contact %s, owner %s, %+v", d, id, owner, at)
	}
}

// oneOfEach: DEAL-3 under one fault, met twice by each of the writes, while the search
// lags by 30 s.
func oneOfEach(w World, fault Fault) {
	t := w.t
	owner, at := owners(t, w)[0], target(t, w)
	w.Stand.SetLag(30 * time.Second)
	for _, op := range []Op{WriteContact, WriteDeal} {
		w.Stand.Fault(fault, op, 2)
	}
	contact := until(t, w, func(ctx context.Context) (switchboard.Contact, error) {
		return w.CRM.UpsertContact(ctx, crm.NewContact{Client: clientID(1), Name: "Anna", Phone: "+79161234567",
			Email: "anna@example.com", Owner: owner})
	})
	deal := until(t, w, func(ctx context.Context) (switchboard.Deal, error) {
		return w.CRM.UpsertDeal(ctx, crm.NewDeal{Client: clientID(1), Name: "Anna", Contact: contact.ID,
			Pipeline: at.pipeline, Stage: at.open, Owner: owner})
	})
	if w.Stand.Fired() < 2 {
		t.Fatalf("only %d faults fired: nothing was proved", w.Stand.Fired())
	}
	checkOne(t, w, contact.ID, owner, at)
	if w.Stand.Deals()[0].ID != deal.ID {
		t.Errorf("answered with the deal %s, the CRM holds %s", deal.ID, w.Stand.Deals()[0].ID)
	}
	again, err := w.CRM.FindContacts(t.Context(), crm.PersonQuery{Client: clientID(1)})
	must(t, err)
	if len(again) != 1 || !again[0].Ours || again[0].ID != contact.ID {
		t.Errorf("our property leads to %+v, want %s", again, contact.ID)
	}
}

// manyAtOnce: P7 below the saga, should two processes ever do the same step.
func manyAtOnce(w World) {
	t := w.t
	owner, at := owners(t, w)[0], target(t, w)
	const many = 20
	made := make(chan switchboard.ContactID, many)
	var group sync.WaitGroup
	for range many {
		group.Go(func() {
			contact, err := w.CRM.UpsertContact(t.Context(), crm.NewContact{Client: clientID(1), Name: "Anna", Email: "anna@example.com", Owner: owner})
			if err == nil {
				_, err = w.CRM.UpsertDeal(t.Context(), crm.NewDeal{Client: clientID(1), Name: "Anna", Contact: contact.ID,
					Pipeline: at.pipeline, Stage: at.open, Owner: owner})
			}
			if err != nil {
				t.Errorf("%v (class %s)", err, crm.ClassOf(err))
			}
			made <- contact.ID
		})
	}
	group.Wait()
	checkOne(t, w, <-made, owner, at)
}

func adopts(w World) {
	t := w.t
	owner := owners(t, w)[0]
	id := w.Stand.AddContact(Person{Name: "", Email: "anna@example.com"})
	got, err := w.CRM.UpsertContact(t.Context(), crm.NewContact{Client: clientID(1), Name: "Anna",
		Phone: "+79161234567", Email: "Anna@Example.com", Owner: owner})
	must(t, err)
	if got.ID != id || got.Name != "Anna" || got.Phone != "+79161234567" || got.Owner != owner {
		t.Errorf("got %+v, want %s with what was missing filled in", got, id)
	}
	found, err := w.CRM.FindContacts(t.Context(), crm.PersonQuery{Client: clientID(1)})
	must(t, err)
	if len(found) != 1 || found[0].ID != id || !found[0].Ours {
		t.Errorf("our property leads to %+v, want %s", found, id)
	}
	// A second client with that e-mail is the same person.
	second, err := w.CRM.UpsertContact(t.Context(), crm.NewContact{Client: clientID(2), Name: "A.", Email: "anna@example.com", Owner: owner})
	must(t, err)
	if second.ID != id || len(w.Stand.Contacts()) != 1 {
		t.Errorf("the second client became %s, want %s", second.ID, id)
	}
}

func neverOverwrites(w World) {
	t := w.t
	people := owners(t, w)
	id := w.Stand.AddContact(Person{Name: "Anna Ivanova", Phone: "8 (916) 111-22-33", Email: "anna@example.com", Owner: people[1]})
	got, err := w.CRM.UpsertContact(t.Context(), crm.NewContact{Client: clientID(1), Name: "anna_93",
		Phone: "+79167654321", Email: "anna@example.com", Owner: people[0]})
	must(t, err)
	for _, c := range []switchboard.Contact{got, w.Stand.Contacts()[0]} {
		if c.ID != id || c.Name != "Anna Ivanova" || c.Phone != "8 (916) 111-22-33" || c.Owner != people[1] {
			t.Errorf("%+v: a person's own entry was overwritten", c)
		}
	}
}

func setsOwner(w World) {
	t := w.t
	people := owners(t, w)
	id := w.Stand.AddContact(Person{Name: "Anna Ivanova", Phone: "8 (916) 111-22-33", Email: "a@example.com", Owner: people[0]})
	w.Stand.Advance(time.Second)
	got, err := w.CRM.SetContactOwner(t.Context(), id, people[1])
	must(t, err)
	if got.ID != id || got.Owner != people[1] || got.Name != "Anna Ivanova" || got.Phone != "8 (916) 111-22-33" || got.Email != "a@example.com" {
		t.Errorf("answered with %+v (OWNER-3)", got)
	}
	if now := w.Stand.Contacts()[0]; now.Owner != people[1] {
		t.Errorf("the CRM has the owner %s, want %s", now.Owner, people[1])
	}
	w.Stand.DeleteContact(id)
	if _, err = w.CRM.SetContactOwner(t.Context(), id, people[0]); crm.ClassOf(err) != crm.Missing {
		t.Errorf("a deleted contact gave %v, want class %s", err, crm.Missing)
	}
}

func followsMerges(w World) {
	t := w.t
	winner := w.Stand.AddContact(Person{Name: "Anna"})
	loser := w.Stand.AddContact(Person{Name: "Anya"})
	gone := w.Stand.AddContact(Person{Name: "Boris"})
	w.Stand.MergeContacts(winner, loser)
	w.Stand.DeleteContact(gone)
	ask := []switchboard.ContactID{gone, loser, winner, gone}
	got, err := w.CRM.Contacts(t.Context(), ask)
	must(t, err)
	if len(got) != len(ask) {
		t.Fatalf("%d answers to %d ids", len(got), len(ask))
	}
	if !got[0].Deleted || !got[3].Deleted || got[0].ID != gone {
		t.Errorf("the deleted contact came as %+v", got[0])
	}
	if got[1].ID != winner || got[1].Deleted || got[2].ID != winner || got[2].Deleted {
		t.Errorf("merged %s and surviving %s came as %+v and %+v", loser, winner, got[1], got[2])
	}
}

func readsDeals(w World) {
	t := w.t
	owner, at := owners(t, w)[0], target(t, w)
	id := w.Stand.AddContact(Person{Name: "Anna"})
	other := w.Stand.AddContact(Person{Name: "Boris"})
	open := w.Stand.AddDeal(id, at.pipeline, at.open, owner)
	closed := w.Stand.AddDeal(id, at.pipeline, at.closed, "")
	w.Stand.AddDeal(other, at.pipeline, at.open, owner)
	got, err := w.CRM.DealsOfContact(t.Context(), id)
	must(t, err)
	if len(got) != 2 {
		t.Fatalf("got %+v, want two deals", got)
	}
	for _, d := range got {
		if d.Contact != id || d.ID != open && d.ID != closed || d.Open != (d.ID == open) {
			t.Errorf("got the deal %+v", d)
		}
	}
	w.Stand.DeleteContact(id)
	if _, err = w.CRM.DealsOfContact(t.Context(), id); crm.ClassOf(err) != crm.Missing {
		t.Errorf("a deleted contact gave %v, want class %s", err, crm.Missing)
	}
}

func refusals(w World) {
	t := w.t
	at := target(t, w)
	for fault, want := range map[Fault]crm.ErrorClass{NoAuthority: crm.Unauthentic, NoScope: crm.Forbidden,
		Busy: crm.Limited, RecordBusy: crm.Locked, Broken: crm.Unavailable} {
		w.Stand.Fault(fault, AnyCall, 1)
		_, err := w.CRM.Contacts(t.Context(), []switchboard.ContactID{"123"})
		if crm.ClassOf(err) != want || err == nil {
			t.Errorf("%s gave %v, want class %s", fault, err, want)
		}
		if want == crm.Limited || want == crm.Locked {
			w.Stand.Advance(wait(t, err))
		}
	}
	_, err := w.CRM.UpsertDeal(t.Context(), crm.NewDeal{Client: clientID(1), Name: "x",
		Contact: w.Stand.AddContact(Person{Name: "Anna"}), Pipeline: at.pipeline, Stage: "no-such-stage"})
	if crm.ClassOf(err) != crm.Refused || err.(*crm.Error).Reason == "" { //nolint:errorlint // promised
		t.Errorf("an unknown stage gave %v, want class %s with a reason (DEAL-8)", err, crm.Refused)
	}
}

// noPersonalData: P13. Everything sent is a canary; no error may sing it.
func noPersonalData(w World) {
	t := w.t
	at := target(t, w)
	canaries := []string{"Kanareika", "79161237788", "9161237788", "kanareika@example", "Pevchaya", "Zvonkaya", w.Token}
	n := crm.NewContact{Client: clientID(7), Name: "Kanareika", Phone: "+79161237788", Email: "kanareika@example.com"}
	try := func(what string, err error) {
		t.Helper()
		if err == nil {
			return
		}
		for _, canary := range canaries {
			if strings.Contains(err.Error(), canary) {
				t.Errorf("%s: the error holds %q: %v", what, canary, err)
			}
		}
	}
	fail := func(f Fault) {
		w.Stand.Fault(f, AnyCall, 1)
		_, err := w.CRM.UpsertContact(t.Context(), n)
		try(string(f)+", contact", err)
		w.Stand.Advance(time.Minute)
		w.Stand.Fault(f, AnyCall, 1)
		_, err = w.CRM.FindContacts(t.Context(), crm.PersonQuery{Phones: []string{n.Phone}, Emails: []string{n.Email}})
		try(string(f)+", search", err)
		w.Stand.Advance(time.Minute)
	}
	for _, f := range append(slices.Clone(passing), NoAuthority, NoScope) {
		fail(f)
	}
	_, err := w.CRM.UpsertContact(t.Context(), crm.NewContact{Client: clientID(8), Name: "Kanareika", Owner: "Pevchaya"})
	if err == nil {
		t.Error("an impossible owner was taken")
	}
	try("owner", err)
	_, err = w.CRM.UpsertDeal(t.Context(), crm.NewDeal{Client: clientID(8), Name: "Zvonkaya", Contact: "Pevchaya", Pipeline: at.pipeline, Stage: at.open})
	if err == nil {
		t.Error("an impossible contact was taken")
	}
	try("deal", err)
	results, err := w.CRM.WriteEntries(t.Context(), []crm.Entry{{Key: "k", Sink: crm.SinkNote, Contact: "Pevchaya", Text: "Zvonkaya"}})
	try("entry", err)
	for _, r := range results {
		if strings.Contains(r.Reason, "Zvonkaya") || strings.Contains(r.Reason, "Pevchaya") {
			t.Errorf("the entry's reason is %q", r.Reason)
		}
	}
}
