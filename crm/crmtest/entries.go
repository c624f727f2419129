package crmtest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"switchboard"
	"switchboard/crm"
)

var entryStart = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

// entry makes the n-th message for a contact.
func entry(n int, sink crm.Sink, contact switchboard.ContactID) crm.Entry {
	return crm.Entry{
		Key: crm.EntryKey(fmt.Sprintf("message-%04d", n)), Sink: sink, Contact: contact,
		At: entryStart.Add(time.Duration(n) * time.Second), Head: "Client Anna · Telegram @shop",
		Text: fmt.Sprintf("text %d", n), Link: link(n),
	}
}

// link of a message; that of message 1 begins like that of message 10.
func link(n int) string { return fmt.Sprintf("https://chat.example/m/%d", n) }

// marks of an entry in a stored text: its link in quotes, so that 1 is not 10.
func mark(n int) string { return `"` + link(n) + `"` }

func sinkOf(n int) crm.Sink {
	if n%3 == 0 {
		return crm.SinkCommunication
	}
	return crm.SinkNote
}

// twelveCalls: performance.md.
func twelveCalls(w World) {
	t := w.t
	var contacts []switchboard.ContactID
	for range 40 {
		contacts = append(contacts, w.Stand.AddContact(Person{Name: "Somebody"}))
	}
	before := w.Stand.Calls()
	for batch := range 10 {
		var entries []crm.Entry
		for i := range 100 {
			// In a backlog a batch is of one sink where that saves a call.
			sink := crm.SinkNote
			if batch == 0 && i%2 == 0 {
				sink = crm.SinkCommunication
			}
			entries = append(entries, entry(batch*100+i, sink, contacts[(batch*100+i)%len(contacts)]))
		}
		results := until(t, w, func(ctx context.Context) ([]crm.EntryResult, error) { return w.CRM.WriteEntries(ctx, entries) })
		for i, r := range results {
			if r.Outcome != crm.EntryWritten || r.ID == "" || r.Key != entries[i].Key {
				t.Fatalf("result %+v, want %s written", r, entries[i].Key)
			}
		}
	}
	if calls := w.Stand.Calls() - before; calls > 12 {
		t.Errorf("1000 entries cost %d calls, promised are 12", calls)
	}
	for i, id := range contacts {
		if n := len(w.Stand.Entries(id)); n != 25 {
			t.Errorf("contact %d has %d entries, want 25", i, n)
		}
	}
}

// entriesOnce: TIME-3 under one fault, as the timeline follower works: what is unknown
// is looked up before it is sent again.
func entriesOnce(w World, fault Fault) {
	t := w.t
	const total = 150
	contacts := []switchboard.ContactID{w.Stand.AddContact(Person{Name: "Anna"}), w.Stand.AddContact(Person{Name: "Boris"})}
	w.Stand.Fault(fault, WriteEntry, 2)
	var open, unknown []crm.Entry
	for n := range total {
		open = append(open, entry(n, sinkOf(n), contacts[n%2]))
	}
	for round := 0; len(open)+len(unknown) > 0; round++ {
		if round == 3*maxTries {
			t.Fatalf("%d entries still open, %d unknown", len(open), len(unknown))
		}
		if len(unknown) > 0 {
			// All at once: each entry's own contact.
			found := until(t, w, func(ctx context.Context) (map[crm.EntryKey]string, error) {
				return w.CRM.FindEntries(ctx, "", unknown)
			})
			for _, e := range unknown {
				if found[e.Key] == "" {
					open = append(open, e)
				}
			}
			unknown = nil
			continue
		}
		open, unknown = writeSome(t, w, open)
	}
	if w.Stand.Fired() < 2 {
		t.Fatalf("only %d faults fired: nothing was proved", w.Stand.Fired())
	}
	for who, id := range contacts {
		texts := w.Stand.Entries(id)
		for n := who; n < total; n += 2 {
			if times := containing(texts, mark(n)); times != 1 {
				t.Errorf("entry %d stands %d times (TIME-3)", n, times)
			}
		}
		if len(texts) != total/2 {
			t.Errorf("contact %d has %d entries, want %d", who, len(texts), total/2)
		}
	}
	// One contact's own question gets the same answer.
	found, err := w.CRM.FindEntries(t.Context(), contacts[1], []crm.Entry{entry(1, sinkOf(1), ""), entry(10_000, crm.SinkNote, "")})
	must(t, err)
	if found["message-0001"] == "" || len(found) != 1 {
		t.Errorf("FindEntries gave %v, want the first only", found)
	}
}

// writeSome writes the next batch and gives what is left.
func writeSome(t *testing.T, w World, entries []crm.Entry) (open, unknown []crm.Entry) {
	t.Helper()
	batch := entries[:min(100, len(entries))]
	open = slices.Clone(entries[len(batch):])
	results, err := w.CRM.WriteEntries(t.Context(), batch)
	if err != nil {
		w.Stand.Advance(wait(t, err))
		return entries, nil
	}
	if len(results) != len(batch) {
		t.Fatalf("%d results for %d entries", len(results), len(batch))
	}
	pause := time.Duration(0)
	for i, r := range results {
		switch r.Outcome {
		case crm.EntryWritten:
		case crm.EntryLocked:
			open, pause = append(open, batch[i]), 15*time.Second
		case crm.EntryUnknown:
			unknown = append(unknown, batch[i])
		default:
			t.Fatalf("entry %s came out as %s: %s", r.Key, r.Outcome, r.Reason)
		}
	}
	w.Stand.Advance(pause)
	return open, unknown
}

// plainText: TIME-1, TIME-2; what a client writes is text, never markup.
func plainText(w World) {
	t := w.t
	owner, at := owners(t, w)[0], target(t, w)
	contact := w.Stand.AddContact(Person{Name: "Anna"})
	deal := w.Stand.AddDeal(contact, at.pipeline, at.open, owner)
	e := entry(1, crm.SinkCommunication, contact)
	e.Deals, e.Owner = []switchboard.DealID{deal}, owner
	e.Text = "<script>alert(1)</script> & \"quotes\"\nsecond line " + strings.Repeat("я<", 70_000)
	e.Media = []crm.EntryLink{{Name: "<b>contract</b>.pdf", URL: "https://chat.example/f/1?a=1&b=2"},
		{Name: "trap", URL: "javascript:alert(1)"}}
	results, err := w.CRM.WriteEntries(t.Context(), []crm.Entry{e})
	must(t, err)
	if results[0].Outcome != crm.EntryWritten {
		t.Fatalf("got %+v", results)
	}
	for where, texts := range map[string][]string{"contact": w.Stand.Entries(contact), "deal": w.Stand.EntriesOfDeal(deal)} {
		if len(texts) != 1 {
			t.Fatalf("the %s has %d entries, want 1", where, len(texts))
		}
		body := texts[0]
		for _, banned := range []string{"<script", "<b>contract", `href="javascript:`} {
			if strings.Contains(body, banned) {
				t.Errorf("%s: the entry holds %s", where, banned)
			}
		}
		for _, wanted := range []string{"&lt;script&gt;", mark(1), "https://chat.example/f/1?a=1&amp;b=2"} {
			if !strings.Contains(body, wanted) {
				t.Errorf("%s: the entry lacks %s", where, wanted)
			}
		}
	}
}

// goneTargets: one bad entry does not stop the others of its batch.
func goneTargets(w World) {
	t := w.t
	owner, at := owners(t, w)[0], target(t, w)
	contact := w.Stand.AddContact(Person{Name: "Anna"})
	gone := w.Stand.AddContact(Person{Name: "Boris"})
	deal := w.Stand.AddDeal(contact, at.pipeline, at.open, owner)
	w.Stand.DeleteContact(gone)
	var entries []crm.Entry
	for n := range 100 {
		e := entry(n, crm.SinkNote, contact)
		if n%2 == 0 {
			e.Deals = []switchboard.DealID{deal}
		}
		entries = append(entries, e)
	}
	entries[37].Contact, entries[37].Deals = gone, nil
	entries[38].Owner = "999999999" // an author who left
	entries[39].Contact, entries[39].Deals = "", nil
	results, err := w.CRM.WriteEntries(t.Context(), entries)
	must(t, err)
	for n, r := range results {
		want := crm.EntryWritten
		switch n {
		case 37:
			want = crm.EntryGone
		case 39:
			want = crm.EntryRefused
		}
		if r.Outcome != want {
			t.Errorf("entry %d came out as %s (%s), want %s", n, r.Outcome, r.Reason, want)
		}
	}
	if n := len(w.Stand.Entries(contact)); n != 98 {
		t.Errorf("the contact has %d entries, want 98", n)
	}
}
