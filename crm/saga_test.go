package crm_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"switchboard"
	"switchboard/crm"
	"switchboard/crm/hubspot/sandbox"
	"switchboard/routing"
)

const phone = "+79160000001"

var away = &crm.Error{Class: crm.Unavailable, Status: 503}

// QUEUE-10: who got the client while the CRM was away keeps it when nobody is
// responsible there; the turn is taken once.
func TestTheProvisionalManagerSeesTheChatAndKeepsItWhenTheCRMHasNobody(t *testing.T) {
	onBothEngines(t, options{}, func(t *testing.T, w *town) {
		w.tap.set(func(p *tap) { p.down = away })
		client := visitor("client")
		w.write(client, "hello")
		w.became(client, switchboard.ClientProvisional)
		w.await("a second look", func() bool { return w.tap.count("find") > 1 })
		w.owners(client, w.managers[0].ID)
		if d := w.why(client); !d.Provisional || d.Explanation.Rule != routing.RuleProvisional {
			t.Errorf("decided %+v", d)
		}
		if conn := w.connection(); conn.DownSince.IsZero() {
			t.Error("the outage is not noted")
		}
		w.records(0, 0)
		w.tap.set(func(p *tap) { p.down = nil })
		w.hurry(client)
		row := w.settled(client)
		w.owners(client, w.managers[0].ID)
		w.records(1, 1)
		if got := w.ownerOf("contacts", string(row.Contact)); got != w.managers[0].Owner {
			t.Errorf("responsible in the CRM is %s", got)
		}
		if d := w.why(client); d.Provisional || d.Explanation.Rule != routing.RuleProvisionalKept {
			t.Errorf("decided %+v", d)
		}
		if turn := w.turn(); turn.Cursor != 1 || len(turn.Owed) != 0 {
			t.Errorf("the turn is %+v", turn)
		}
		if n := w.number(`SELECT COUNT(*) FROM decision`); n != 2 {
			t.Errorf("%d decisions: one without the CRM, one with it", n)
		}
		if conn := w.connection(); !conn.DownSince.IsZero() {
			t.Error("the outage is not over")
		}
		w.nextTurn(1)
	})
}

func (w *town) connection() switchboard.Connection {
	w.t.Helper()
	conn, err := w.store.Connection(w.t.Context(), nil, account)
	w.must(err)
	return conn
}

// nextTurn has somebody new write, who is the given manager's.
func (w *town) nextTurn(manager int) {
	w.t.Helper()
	next := visitor("next in turn")
	w.write(next, "me too")
	w.settled(next)
	w.owners(next, w.managers[manager].ID)
}

// QUEUE-10: the CRM's owner wins, and the turn is given back to who lost the client.
func TestTheOwnerInTheCRMWinsOverTheProvisionalManager(t *testing.T) {
	onBothEngines(t, options{}, func(t *testing.T, w *town) {
		w.known(phone, w.managers[2].Owner)
		w.tap.set(func(p *tap) { p.down = away })
		client := visitor("client").phone(phone)
		w.write(client, "hello")
		w.became(client, switchboard.ClientProvisional)
		w.owners(client, w.managers[0].ID)
		w.tap.set(func(p *tap) { p.down = nil })
		w.hurry(client)
		w.settled(client)
		w.owners(client, w.managers[2].ID)
		w.records(1, 0)
		d := w.why(client)
		if d.Explanation.Rule != routing.RuleOwnerWins || d.Explanation.GivenBack != w.managers[0].ID {
			t.Errorf("decided %+v", d)
		}
		if got := w.turn().Owed; !slices.Equal(got, []switchboard.EmployeeID{w.managers[0].ID}) {
			t.Errorf("owed to %v", got)
		}
		w.nextTurn(0)
	})
}

// DEAL-6 in an outage: who wrote first holds the client and becomes responsible; no
// turn is taken and none given back.
func TestWhoWroteFirstInAnOutageBecomesResponsible(t *testing.T) {
	onBothEngines(t, options{}, func(t *testing.T, w *town) {
		w.known(phone, w.managers[2].Owner)
		w.tap.set(func(p *tap) { p.down = away })
		stranger, known := visitor("stranger"), visitor("known").phone(phone)
		for _, p := range []person{stranger, known} {
			w.writeFirst(w.managers[1].ID, p)
			w.owners(p, w.managers[1].ID)
			w.became(p, switchboard.ClientProvisional)
			w.owners(p, w.managers[1].ID)
		}
		w.tap.set(func(p *tap) { p.down = nil })
		w.hurry(stranger)
		w.hurry(known)
		row := w.settled(stranger)
		w.settled(known)
		w.owners(stranger, w.managers[1].ID)
		w.owners(known, w.managers[2].ID)
		w.records(2, 1)
		deals := w.sandbox.Linked("contacts", string(row.Contact), "deals")
		if len(deals) != 1 || deals[0].Properties["hubspot_owner_id"] != string(w.managers[1].Owner) ||
			w.ownerOf("contacts", string(row.Contact)) != w.managers[1].Owner {
			t.Errorf("the deals are %+v", deals)
		}
		if diff := cmp.Diff(routing.Queue{}, w.turn()); diff != "" {
			t.Errorf("the queue moved: %s", diff)
		}
	})
}

// QUEUE-4: nobody eligible, nothing is created; the next message after somebody is,
// is distributed.
func TestAClientWaitsWhileNobodyReceivesAndTheNextMessageIsDistributed(t *testing.T) {
	onBothEngines(t, options{managers: -1}, func(_ *testing.T, w *town) {
		client := visitor("client")
		w.write(client, "one")
		w.became(client, switchboard.ClientWaiting)
		w.write(client, "two") // still nobody
		w.await("a second decision", func() bool { return w.number(`SELECT COUNT(*) FROM decision WHERE outcome = 'wait'`) == 2 })
		w.idle()
		w.owners(client)
		w.records(0, 0)
		w.hire(1)
		w.write(client, "three")
		row := w.settled(client)
		w.owners(client, w.managers[0].ID)
		w.records(1, 1)
		w.await("all three in the timeline", func() bool { return len(w.entries(row.Contact)) == 3 }) // TIME-1
	})
}

// The same in an outage: nobody holds the chat until the CRM is back.
func TestNobodyReceivesInAnOutage(t *testing.T) {
	onBothEngines(t, options{managers: -1}, func(t *testing.T, w *town) {
		w.tap.set(func(p *tap) { p.down = away })
		client := visitor("client").phone(phone)
		stranger := visitor("stranger")
		w.known(phone, w.managers[2].Owner)
		w.write(client, "one")
		w.write(stranger, "one")
		w.await("another look at both", func() bool { return w.tap.count("find") > 3 })
		w.owners(client)
		if n := w.number(`SELECT COUNT(*) FROM decision`); n != 2 {
			t.Errorf("%d decisions about two clients", n)
		}
		w.tap.set(func(p *tap) { p.down = nil })
		w.hurry(client)
		w.hurry(stranger)
		w.settled(client) // the CRM knows whose it is
		w.owners(client, w.managers[2].ID)
		w.idle()
		w.hire(1)
		w.write(stranger, "two")
		w.settled(stranger)
		w.owners(stranger, w.managers[0].ID)
		w.records(2, 1)
	})
}

// QUEUE-8: a contact that lost its responsible gets the next in turn with the next
// message: no second contact, no deal.
func TestAKnownContactThatLostItsResponsibleGetsTheNextInTurn(t *testing.T) {
	onBothEngines(t, options{}, func(t *testing.T, w *town) {
		contact := w.known(phone, w.managers[2].Owner)
		client := visitor("client").phone(phone)
		w.write(client, "one")
		w.settled(client)
		w.poll()
		w.must(w.sandbox.Update("contacts", string(contact), map[string]string{"hubspot_owner_id": ""}))
		w.await("nobody's", func() bool { w.poll(); return len(w.chat(client).Owners) == 0 })
		w.write(client, "two")
		w.await("somebody's", func() bool { return len(w.chat(client).Owners) == 1 })
		w.settled(client)
		w.owners(client, w.managers[0].ID)
		if got := w.ownerOf("contacts", string(contact)); got != w.managers[0].Owner {
			t.Errorf("responsible in the CRM is %q", got)
		}
		w.records(1, 0)
		if d := w.why(client); d.Outcome != routing.Assign || d.Explanation.Rule != routing.RuleNoResponsible {
			t.Errorf("decided %+v", d)
		}
		w.nextTurn(1)
	})
}

// Several contacts, none with an owner: a person is asked, nothing is created; the one
// whom that person chooses gets the next in turn.
func TestSeveralContactsWithoutAnOwnerAreAskedAbout(t *testing.T) {
	onBothEngines(t, options{}, func(t *testing.T, w *town) {
		w.known(phone, "")
		right := w.known("8 916 000-00-01", "")
		client := visitor("client").phone(phone)
		w.write(client, "one")
		w.became(client, switchboard.ClientAmbiguous)
		w.idle()
		w.owners(client)
		w.records(2, 0)
		if d := w.why(client); d.Outcome != routing.Ask || d.Explanation.Rule != routing.RuleSeveralContacts {
			t.Errorf("decided %+v", d)
		}
		if diff := cmp.Diff(routing.Queue{}, w.turn()); diff != "" {
			t.Errorf("the queue moved: %s", diff)
		}
		w.write(client, "two")
		w.choose(client, right)
		if row := w.settled(client); row.Contact != right {
			t.Errorf("linked to %s", row.Contact)
		}
		w.owners(client, w.managers[0].ID)
		w.records(2, 0)
		w.hold(right, "one", "two")
	})
}

// choose is a supervisor's answer.
func (w *town) choose(p person, contact switchboard.ContactID) {
	w.t.Helper()
	client := w.chat(p).Client
	w.inTx(func(tx switchboard.Tx) error {
		if err := w.jobs.Insert(w.t.Context(), tx, switchboard.Key{Account: account, Queue: "client", Key: string(client)}); err != nil {
			return err
		}
		return w.store.ChooseContact(w.t.Context(), tx, switchboard.ClientWork{Account: account, Client: client, Channel: w.channel.ID}, contact)
	})
}

// DEAL-8, QUEUE-6: what the CRM refuses waits with the CRM's reason; the chat goes on
// with the same employee, and repairing the cause is enough.
func TestARefusedDealKeepsTheChatGoingAndSaysWhy(t *testing.T) {
	onBothEngines(t, options{}, func(t *testing.T, w *town) {
		w.refuseDeals("The property region is required")
		client := visitor("client")
		w.write(client, "one")
		w.await("a reason", func() bool { return w.lastError(client) == "The property region is required" })
		w.owners(client, w.managers[0].ID)
		w.records(1, 0)
		w.write(client, "two")
		row := w.chat(client)
		w.await("both messages on the contact", func() bool { return len(w.entries(row.Contact)) == 2 })
		if conn := w.connection(); conn.State != switchboard.ConnectionActive || !conn.DownSince.IsZero() {
			t.Errorf("a refusal is no outage: %s", conn.State)
		}
		w.nextTurnRefused(1)
		w.tap.set(func(p *tap) { p.deal = nil })
		w.hurry(client)
		w.settled(client)
		w.owners(client, w.managers[0].ID)
		w.records(2, 1)
		deals := w.sandbox.Linked("contacts", string(row.Contact), "deals")
		if len(deals) != 1 || deals[0].Properties["hubspot_owner_id"] != string(w.managers[0].Owner) {
			t.Errorf("the deals are %+v", deals)
		}
		if n := w.number(`SELECT COUNT(*) FROM decision WHERE client_id = $1`, string(row.Client)); n != 1 {
			t.Errorf("%d decisions about one client", n)
		}
	})
}

func (w *town) refuseDeals(reason string) {
	w.tap.set(func(p *tap) {
		p.deal = func(crm.NewDeal, func() (switchboard.Deal, error)) (switchboard.Deal, error) {
			return switchboard.Deal{}, &crm.Error{Class: crm.Refused, Status: 400, Reason: reason}
		}
	})
}

// nextTurnRefused: others are distributed while one waits.
func (w *town) nextTurnRefused(manager int) {
	w.t.Helper()
	other := visitor("other")
	w.write(other, "hello")
	w.await("the other's reason", func() bool { return w.lastError(other) != "" })
	w.owners(other, w.managers[manager].ID)
}

// SET-4: a revoked token needs a person, is told once, and new clients are held by
// the next in turn meanwhile.
func TestARevokedTokenBreaksTheConnectionOnce(t *testing.T) {
	onBothEngines(t, options{}, func(t *testing.T, w *town) {
		before := len(w.events(switchboard.EventCRMChanged))
		w.tap.set(func(p *tap) { p.down = &crm.Error{Class: crm.Unauthentic, Status: 401} })
		for i, p := range []person{visitor("one"), visitor("two"), visitor("three")} {
			w.write(p, "hello")
			w.became(p, switchboard.ClientProvisional)
			w.owners(p, w.managers[i].ID)
		}
		w.await("all put off", func() bool {
			return w.number(`SELECT COUNT(*) FROM client_work WHERE last_error = 'crm_unauthentic'`) == 3
		})
		if conn := w.connection(); conn.State != switchboard.ConnectionBroken || conn.Reason != "crm_unauthentic" {
			t.Errorf("the connection is %s for %q", conn.State, conn.Reason)
		}
		if n := len(w.events(switchboard.EventCRMChanged)) - before; n != 1 {
			t.Errorf("told %d times", n)
		}
		calls := w.tap.count()
		w.must(w.mirror.PollAll(t.Context()))
		if now := w.tap.count(); now != calls {
			t.Errorf("a broken connection is polled")
		}
		w.tap.set(func(p *tap) { p.down = nil }) // reconnected
		w.inTx(func(tx switchboard.Tx) error {
			return w.store.Connect(t.Context(), tx, switchboard.Connection{Account: account, ID: "c2", Kind: "hubspot",
				State: switchboard.ConnectionActive, Info: []byte(`{}`), Secrets: []byte(`{}`)})
		})
		one := visitor("one")
		w.hurry(one)
		w.settled(one)
		w.owners(one, w.managers[0].ID)
	})
}

// A contact deleted between the saga's steps: the person is looked up again.
func TestAContactThatIsDeletedUnderTheSagaIsMadeAgain(t *testing.T) {
	onBothEngines(t, options{sandbox: func(*sandbox.Config) {}}, func(t *testing.T, w *town) {
		first := true
		w.tap.set(func(p *tap) {
			p.deal = func(n crm.NewDeal, next func() (switchboard.Deal, error)) (switchboard.Deal, error) {
				if first {
					first = false
					w.must(w.sandbox.Archive("contacts", string(n.Contact)))
				}
				return next()
			}
		})
		client := visitor("client")
		w.write(client, "hello")
		row := w.settled(client)
		w.records(1, 1)
		if _, there := w.sandbox.Record("contacts", string(row.Contact)); !there || first {
			t.Errorf("linked to contact %s, which is there: %v", row.Contact, there)
		}
		if got := w.chat(client).Owners; len(got) != 1 {
			t.Errorf("owned by %v", got)
		}
	})
}

// Without a CRM the chat has no responsible and is asked about with the next message.
func TestADisconnectedCRMLeavesClientsWaiting(t *testing.T) {
	onBothEngines(t, options{}, func(t *testing.T, w *town) {
		w.inTx(func(tx switchboard.Tx) error { return w.store.Disconnect(t.Context(), tx, account) })
		client := visitor("client")
		w.write(client, "one")
		w.became(client, switchboard.ClientWaiting)
		w.idle()
		w.owners(client)
		w.inTx(func(tx switchboard.Tx) error {
			return w.store.Connect(t.Context(), tx, switchboard.Connection{Account: account, ID: "c2", Kind: "hubspot",
				State: switchboard.ConnectionActive, Info: []byte(`{}`), Secrets: []byte(`{}`)})
		})
		w.write(client, "two")
		w.settled(client)
		w.owners(client, w.managers[0].ID)
		w.records(1, 1)
	})
}
