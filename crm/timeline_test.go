package crm_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"switchboard"
	"switchboard/crm"
	"switchboard/crm/hubspot/sandbox"
)

// entries gives the timeline of a contact in the order of its times, which must rise.
func (w *town) entries(contact switchboard.ContactID) []string {
	return w.entriesOn("contacts", string(contact))
}

func (w *town) entriesOn(kind, id string) []string {
	w.t.Helper()
	all := w.sandbox.Linked(kind, id, "notes")
	slices.SortStableFunc(all, func(a, b sandbox.Record) int {
		return strings.Compare(a.Properties["hs_timestamp"], b.Properties["hs_timestamp"])
	})
	texts := []string{}
	for i, r := range all {
		if i > 0 && all[i-1].Properties["hs_timestamp"] == r.Properties["hs_timestamp"] {
			w.t.Errorf("two entries of %s %s have one time (TIME-3)", kind, id)
		}
		texts = append(texts, r.Properties["hs_note_body"])
	}
	return texts
}

// hold waits for the entries of a contact: these texts, each once, in this order.
func (w *town) hold(contact switchboard.ContactID, want ...string) {
	w.t.Helper()
	w.await(fmt.Sprintf("%d entries", len(want)), func() bool { return len(w.entries(contact)) >= len(want) })
	w.await("no entry under way", func() bool { return w.number(`SELECT COUNT(*) FROM timeline_intent WHERE state = 'sent'`) == 0 })
	got := w.entries(contact)
	if len(got) != len(want) {
		w.t.Errorf("%d entries of %d messages", len(got), len(want))
		return
	}
	for i, text := range want {
		if !strings.Contains(got[i], text+"<") && !strings.HasSuffix(got[i], text) {
			w.t.Errorf("entry %d is not message %q: %s", i, text, got[i])
		}
	}
}

// poll asks the CRM for changes.
func (w *town) poll() {
	w.t.Helper()
	w.must(w.mirror.PollAll(w.t.Context()))
}

// TIME-1: the setting counts at the message's time; what is older than the connection
// is not written.
func TestTheTimelineSettingCountsAtTheMessagesTime(t *testing.T) {
	onBothEngines(t, options{idle: true, late: true}, func(t *testing.T, w *town) {
		client := visitor("client")
		w.write(client, "before the connection")
		w.must(w.timeline.Begin(t.Context(), w.conn))
		w.write(client, "on")
		w.switchTimeline(false)
		w.write(client, "off")
		w.switchTimeline(true)
		w.write(client, "on again")
		w.clock.nextMilli()
		w.switchTimeline(false) // while all of it is still to be written
		w.start()
		w.hold(w.settled(client).Contact, "on", "on again")
		w.write(client, "off at last")
		w.await("the follower at the head", func() bool { return w.behind() == 0 })
		w.hold(w.chat(client).Contact, "on", "on again")
		if n := w.number(`SELECT COUNT(*) FROM timeline_intent`) + w.number(`SELECT COUNT(*) FROM timeline_waiting`); n != 2 {
			t.Errorf("%d entries are meant to be written", n)
		}
	})
}

func (w *town) switchTimeline(on bool) {
	w.t.Helper()
	w.clock.nextMilli()
	w.inTx(func(tx switchboard.Tx) error {
		return w.store.SaveAccountSettings(w.t.Context(), tx, account, switchboard.AccountSettings{Timeline: on, Country: "RU", Locale: "en"})
	})
	w.clock.nextMilli()
}

// behind is how many events the timeline has not seen.
func (w *town) behind() int {
	return w.number(`SELECT h.number - f.position FROM account_head h JOIN follower f ON f.account_id = h.account_id WHERE f.name = 'timeline'`)
}

// TIME-1: the first message of a new client waits for contact and deal, and stands on
// both.
func TestTheFirstMessageWaitsForTheDealAndStandsOnBothRecords(t *testing.T) {
	onBothEngines(t, options{}, func(t *testing.T, w *town) {
		asked, go_ := make(chan struct{}), make(chan struct{})
		w.tap.set(func(p *tap) {
			p.deal = func(_ crm.NewDeal, next func() (switchboard.Deal, error)) (switchboard.Deal, error) {
				close(asked)
				<-go_
				return next()
			}
		})
		client := visitor("client")
		w.write(client, "one")
		<-asked
		w.write(client, "two")
		w.await("the follower at the head", func() bool { return w.behind() == 0 })
		if n := w.tap.count("write"); n != 0 || w.number(`SELECT COUNT(*) FROM timeline_waiting`) != 2 {
			t.Errorf("%d writes before the deal is there", n)
		}
		close(go_)
		row := w.settled(client)
		w.hold(row.Contact, "one", "two")
		for _, deal := range w.sandbox.Linked("contacts", string(row.Contact), "deals") {
			if n := len(w.entriesOn("deals", deal.ID)); n != 2 {
				t.Errorf("%d entries on the deal", n)
			}
		}
		w.records(1, 1)
	})
}

// TIME-1: entries go to the deals that are open when they are written.
func TestClosedDealsGetNoEntries(t *testing.T) {
	onBothEngines(t, options{}, func(t *testing.T, w *town) {
		client := visitor("client")
		w.write(client, "one")
		row := w.settled(client)
		w.hold(row.Contact, "one")
		deal := w.sandbox.Records("deals")[0].ID
		w.poll()
		w.must(w.sandbox.Update("deals", deal, map[string]string{"dealstage": "closedlost"}))
		w.await("the deal closed here", func() bool { w.poll(); return w.number(`SELECT COUNT(*) FROM deal WHERE open = 1`) == 0 })
		w.write(client, "two")
		w.hold(row.Contact, "one", "two")
		if got := w.entriesOn("deals", deal); len(got) != 1 {
			t.Errorf("%d entries on the closed deal", len(got))
		}
	})
}

// linkedClients makes n clients with contact and deal, each with a first message.
func (w *town) linkedClients(n int) (clients []person, contacts []switchboard.ContactID) {
	w.t.Helper()
	for i := range n {
		p := visitor(fmt.Sprintf("client-%d", i))
		w.write(p, "first")
		clients = append(clients, p)
		contacts = append(contacts, w.settled(p).Contact)
		w.hold(contacts[i], "first")
	}
	return clients, contacts
}

// TIME-3: a locked record is waited for, its later entries behind it in order, while
// others go on; the drain neither spins nor fails meanwhile.
func TestALockedContactHoldsNobodyElseUp(t *testing.T) {
	onBothEngines(t, options{}, func(t *testing.T, w *town) {
		clients, contacts := w.linkedClients(2)
		locked := true
		w.tap.set(func(p *tap) { p.write = p.lockOut(contacts[0], &locked) })
		w.write(clients[0], "a1")
		w.await("a locked entry", func() bool {
			return w.number(`SELECT COUNT(*) FROM timeline_intent WHERE state = 'todo' AND due_at > 0`) == 1
		})
		w.write(clients[0], "a2", "a3")
		for i := range 5 {
			w.write(clients[1], fmt.Sprintf("b%d", i))
		}
		w.hold(contacts[1], "first", "b0", "b1", "b2", "b3", "b4")
		w.tap.set(func(*tap) { locked = false })
		w.hold(contacts[0], "first", "a1", "a2", "a3")
		if n := w.tap.count("write"); n > 30 {
			t.Errorf("%d writes", n)
		}
	})
}

// lockOut answers for entries of one contact that the record is locked.
func (p *tap) lockOut(contact switchboard.ContactID, locked *bool) func(context.Context, []crm.Entry) ([]crm.EntryResult, error) {
	return func(ctx context.Context, entries []crm.Entry) ([]crm.EntryResult, error) {
		p.mu.Lock()
		still := *locked
		p.mu.Unlock()
		var results []crm.EntryResult
		rest := slices.DeleteFunc(slices.Clone(entries), func(e crm.Entry) bool {
			if !still || e.Contact != contact {
				return false
			}
			results = append(results, crm.EntryResult{Key: e.Key, Outcome: crm.EntryLocked, Reason: "locked"})
			return true
		})
		if len(rest) == 0 {
			return results, nil
		}
		more, err := p.CRM.WriteEntries(ctx, rest)
		return append(results, more...), err
	}
}

// What the CRM refuses for good is set aside with its reason; later ones go on.
func TestARefusedEntryIsSetAsideWithItsReason(t *testing.T) {
	onBothEngines(t, options{}, func(t *testing.T, w *town) {
		clients, contacts := w.linkedClients(1)
		w.tap.set(func(p *tap) {
			p.write = func(ctx context.Context, entries []crm.Entry) ([]crm.EntryResult, error) {
				var results []crm.EntryResult
				var rest []crm.Entry
				for _, e := range entries {
					if e.Text == "bad" {
						results = append(results, crm.EntryResult{Key: e.Key, Outcome: crm.EntryRefused, Reason: "not that"})
					} else {
						rest = append(rest, e)
					}
				}
				more, err := p.CRM.WriteEntries(ctx, rest)
				return append(results, more...), err
			}
		})
		w.write(clients[0], "bad", "good")
		w.hold(contacts[0], "first", "good")
		if got := w.texts(`SELECT last_error FROM timeline_intent WHERE state = 'refused'`); !cmp.Equal(got, []string{"not that"}) {
			t.Errorf("refused for %q", got)
		}
	})
}

// TIME-3: a process that ends in the middle of a batch leaves it "sent"; the next one
// reads what is there and writes the rest, with and without a property of our own.
func TestARestartInTheMiddleOfABatchWritesEachEntryOnce(t *testing.T) {
	for name, refuse := range map[string]bool{"own property": false, "by link": true} {
		t.Run(name, func(t *testing.T) {
			onBothEngines(t, options{sandbox: func(c *sandbox.Config) { c.RefuseEngagementUnique = refuse }}, func(t *testing.T, w *town) {
				clients, contacts := w.linkedClients(1)
				w.stop()
				w.write(clients[0], "one", "two", "three", "four")
				half := make(chan struct{})
				w.tap.set(func(p *tap) {
					p.write = func(ctx context.Context, entries []crm.Entry) ([]crm.EntryResult, error) {
						if len(entries) != 4 {
							t.Errorf("%d entries in a call", len(entries))
						}
						_, _ = p.CRM.WriteEntries(ctx, entries[:2])
						close(half)
						<-ctx.Done() // the process ends
						return nil, ctx.Err()
					}
				})
				w.log.may = true // the process is killed in its step
				w.start()
				<-half
				w.kill()
				if n := w.number(`SELECT COUNT(*) FROM timeline_intent WHERE state = 'sent'`); n != 4 {
					t.Errorf("%d entries are left under way", n)
				}
				w.tap.set(func(p *tap) { p.write = nil })
				w.start()
				w.hold(contacts[0], "first", "one", "two", "three", "four")
				if w.tap.count("find entries") == 0 {
					t.Error("nothing was read before writing again")
				}
			})
		})
	}
}

// kill ends the process without letting its steps finish.
func (w *town) kill() {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	w.stop = func() {}
	_ = w.jobs.Stop(ctx) // says that it was cut short
}

// TIME-3: a contact that is gone while its entries are unsettled does not keep the
// others from being settled.
func TestADeletedContactDoesNotStopTheSettling(t *testing.T) {
	for name, refuse := range map[string]bool{"own property": false, "by link": true} {
		t.Run(name, func(t *testing.T) {
			onBothEngines(t, options{sandbox: func(c *sandbox.Config) { c.RefuseEngagementUnique = refuse }}, func(_ *testing.T, w *town) {
				clients, contacts := w.linkedClients(2)
				lost := false
				w.tap.set(func(p *tap) {
					p.write = func(ctx context.Context, entries []crm.Entry) ([]crm.EntryResult, error) {
						if lost {
							return p.CRM.WriteEntries(ctx, entries)
						}
						lost = true
						w.must(w.sandbox.Archive("contacts", string(contacts[0])))
						var unknown []crm.EntryResult
						for _, e := range entries {
							unknown = append(unknown, crm.EntryResult{Key: e.Key, Outcome: crm.EntryUnknown})
						}
						return unknown, nil
					}
				})
				w.stop()
				w.write(clients[0], "to nobody")
				w.write(clients[1], "two")
				w.start()
				w.hold(contacts[1], "first", "two")
			})
		})
	}
}

// TIME-3: times rise strictly per contact, also of messages of one millisecond in two
// chats of one person.
func TestEntriesOfOneMillisecondKeepTheirOrder(t *testing.T) {
	onBothEngines(t, options{idle: true}, func(t *testing.T, w *town) {
		w.clock.nextMilli()
		w.clock.set(w.clock.now(), 0)
		one, two := visitor("one").phone(phone), visitor("two").phone(phone)
		for _, text := range []string{"a", "c", "e"} {
			w.write(one, text)
			w.write(two, string(text[0]+1))
		}
		w.clock.set(time.Time{}, 0)
		w.start()
		row := w.settled(one)
		w.hold(row.Contact, "a", "b", "c", "d", "e", "f")
		if other := w.chat(two); other.Contact != row.Contact {
			t.Errorf("two chats of one person have contacts %s and %s", row.Contact, other.Contact)
		}
	})
}

// TIME-3: a thousand messages need at most 12 calls, of at most a hundred entries.
func TestAThousandMessagesNeedTwelveCalls(t *testing.T) {
	onBothEngines(t, options{}, func(t *testing.T, w *town) {
		clients, contacts := w.linkedClients(2)
		w.stop()
		want := [][]string{{"first"}, {"first"}}
		for page := range 10 {
			for i, p := range clients {
				var texts []string
				for n := range 50 {
					texts = append(texts, fmt.Sprintf("text-%d-%03d", i, page*50+n))
				}
				w.write(p, texts...)
				want[i] = append(want[i], texts...)
			}
		}
		before := w.tap.count()
		w.tap.set(func(p *tap) { p.sizes = nil })
		w.start()
		for i := range clients {
			w.hold(contacts[i], want[i]...)
		}
		if n := w.tap.count() - before; n > 12 {
			t.Errorf("%d calls for a thousand messages", n)
		}
		if w.tap.set(func(*tap) {}); slices.Max(w.tap.sizes) > 100 {
			t.Errorf("entries per call: %v", w.tap.sizes)
		}
	})
}

// An outage of the CRM never delays chats, and loses no entry.
func TestWhatIsWrittenInAnOutageIsInTheTimelineAfterIt(t *testing.T) {
	onBothEngines(t, options{}, func(t *testing.T, w *town) {
		clients, contacts := w.linkedClients(1)
		w.tap.set(func(p *tap) { p.down = &crm.Error{Class: crm.Unavailable, Status: 503, After: 300 * time.Millisecond} })
		w.write(clients[0], "one", "two")
		w.await("the outage noted", func() bool { return !w.connection().DownSince.IsZero() })
		w.write(clients[0], "three")
		if got := w.chat(clients[0]).LastSeq; got != 4 {
			t.Errorf("the chat is at %d", got)
		}
		w.tap.set(func(p *tap) { p.down = nil })
		w.hold(contacts[0], "first", "one", "two", "three")
		w.await("the outage over", func() bool { return w.connection().DownSince.IsZero() })
	})
}
