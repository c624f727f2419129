package crm_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"switchboard"
	"switchboard/crm"
	"switchboard/crm/hubspot/sandbox"
)

// pollUntil asks for changes until they are here.
func (w *town) pollUntil(what string, holds func() bool) {
	w.t.Helper()
	w.await(what, func() bool {
		w.poll()
		return holds()
	})
}

// OWNER-1: a responsible changed by hand takes the chat along, with its count, and the
// journal says from whom to whom.
func TestAResponsibleChangedByHandMovesTheChat(t *testing.T) {
	onBothEngines(t, options{}, func(t *testing.T, w *town) {
		client := visitor("client")
		w.write(client, "one", "two", "three")
		row := w.settled(client)
		anna, boris := w.managers[0], w.managers[1]
		w.owners(client, anna.ID)
		w.poll()
		w.must(w.sandbox.Update("contacts", string(row.Contact), map[string]string{"hubspot_owner_id": string(boris.Owner)}))
		w.must(w.sandbox.Update("deals", w.sandbox.Records("deals")[0].ID, map[string]string{"hubspot_owner_id": string(boris.Owner)}))
		told := len(w.events(switchboard.EventOwnersChanged))
		w.pollUntil("Boris alone", func() bool { return slices.Equal(w.chat(client).Owners, []switchboard.EmployeeID{boris.ID}) })
		if n := w.number(`SELECT unanswered FROM chat_owner WHERE employee_id = $1`, string(boris.ID)); n != 3 {
			t.Errorf("the new one has %d unanswered", n)
		}
		events := w.events(switchboard.EventOwnersChanged)[told:]
		before, after := events[0].Before, events[len(events)-1].After
		if !slices.Equal(before, []switchboard.EmployeeID{anna.ID}) || !slices.Equal(after, []switchboard.EmployeeID{boris.ID}) || events[0].Chat != row.ID {
			t.Errorf("told %+v", events)
		}
		w.poll()
		if again := len(w.events(switchboard.EventOwnersChanged)); again != told+len(events) {
			t.Error("old news were told again")
		}
		w.write(client, "four") // no distribution: somebody is responsible
		w.owners(client, boris.ID)
		w.records(1, 1)
	})
}

// ROLE-1: who owns an open deal has the chat too, until the deal is closed.
func TestTheOwnerOfAnOpenDealHasTheChat(t *testing.T) {
	onBothEngines(t, options{}, func(_ *testing.T, w *town) {
		client := visitor("client")
		w.write(client, "one")
		row := w.settled(client)
		w.poll()
		deal, err := w.sandbox.Create("deals", map[string]string{"dealname": "Second", "pipeline": string(w.channel.Settings.Pipeline),
			"dealstage": string(w.channel.Settings.Stage), "hubspot_owner_id": string(w.managers[2].Owner)}, sandbox.Link{Type: "contacts", ID: string(row.Contact)})
		w.must(err)
		w.pollUntil("two owners", func() bool { return len(w.chat(client).Owners) == 2 })
		w.owners(client, w.managers[0].ID, w.managers[2].ID)
		w.must(w.sandbox.Update("deals", deal, map[string]string{"dealstage": "closedwon"}))
		w.pollUntil("one owner", func() bool { return len(w.chat(client).Owners) == 1 })
		w.owners(client, w.managers[0].ID)
	})
}

// OWNER-2: a responsible without a role on the channel is shown as such.
func TestAResponsibleWithoutAccessIsNamed(t *testing.T) {
	onBothEngines(t, options{managers: 2}, func(t *testing.T, w *town) {
		w.known(phone, w.managers[2].Owner)
		client := visitor("client").phone(phone)
		w.write(client, "hello")
		row := w.settled(client)
		want := switchboard.Responsible{Employee: w.managers[2].ID, Name: w.managers[2].Name}
		if diff := cmp.Diff(want, row.Responsible); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
		w.hire(3)
		if !w.chat(client).Responsible.HasAccess {
			t.Error("a role gives access")
		}
	})
}

// SET-3, QUEUE-3: what a refresh changes is named; archived owners stop receiving.
func TestARefreshNamesWhatChanged(t *testing.T) {
	onBothEngines(t, options{}, func(t *testing.T, w *town) {
		owners, pipelines := w.sandbox.Owners(), w.sandbox.Pipelines()
		gone := pipelines[0].Stages[1].Label
		owners[0].Archived = true
		owners[1].LastName = "Married"
		owners = append(owners, sandbox.Owner{ID: "71000009", UserID: 8100009, Email: "Galina@Example.com", FirstName: "Galina", LastName: "New"})
		pipelines[0].Stages = slices.Delete(pipelines[0].Stages, 1, 2)
		pipelines = append(pipelines[:1:1], sandbox.Pipeline{ID: "fresh", Label: "Fresh", Stages: []sandbox.Stage{{ID: "s1", Label: "Begin", Probability: "0.1"}}})
		lost := w.sandbox.Pipelines()[1]
		w.must(w.sandbox.SetOwners(owners))
		w.must(w.sandbox.SetPipelines(pipelines))
		got, err := w.mirror.Refresh(t.Context(), account)
		w.must(err)
		stages := []string{pipelines[0].Label + " / " + gone}
		for _, st := range lost.Stages {
			stages = append(stages, lost.Label+" / "+st.Label)
		}
		slices.Sort(stages)
		want := switchboard.CRMDifference{EmployeesAdded: []string{"Galina New"}, EmployeesGone: []string{w.managers[0].Name},
			PipelinesAdded: []string{"Fresh"}, PipelinesGone: []string{lost.Label}, StagesAdded: []string{"Fresh / Begin"}, StagesGone: stages}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
		w.employeesAre(map[string]bool{"anna@example.com": false, "boris@example.com": true, "vera@example.com": true, "galina@example.com": true})
		again, err := w.mirror.Refresh(t.Context(), account)
		w.must(err)
		none := switchboard.CRMDifference{PipelinesAdded: []string{}, PipelinesGone: []string{}, StagesAdded: []string{}, StagesGone: []string{}}
		if diff := cmp.Diff(none, again); diff != "" {
			t.Errorf("nothing changed since: %s", diff)
		}
		client := visitor("client")
		w.write(client, "hello")
		w.settled(client)
		w.owners(client, w.managers[1].ID) // Anna is skipped
	})
}

func (w *town) employeesAre(want map[string]bool) {
	w.t.Helper()
	all, err := w.store.Employees(w.t.Context(), nil, account)
	w.must(err)
	got := map[string]bool{}
	for _, e := range all {
		got[e.Email] = e.ActiveInCRM
	}
	if diff := cmp.Diff(want, got); diff != "" {
		w.t.Errorf("active in the CRM -want +got\n%s", diff)
	}
}

// An owner whom the CRM lists no more, and one who came back under another id.
func TestAnOwnerWhoLeftAndCameBackIsTheSameEmployee(t *testing.T) {
	onBothEngines(t, options{}, func(t *testing.T, w *town) {
		all := w.sandbox.Owners()
		w.must(w.sandbox.SetOwners(all[1:]))
		_, err := w.mirror.Refresh(t.Context(), account)
		w.must(err)
		w.employeesAre(map[string]bool{"anna@example.com": false, "boris@example.com": true, "vera@example.com": true})
		back := all[0]
		back.ID, back.UserID = "71000010", 8100010
		old := all[0]
		old.Archived = true
		w.must(w.sandbox.SetOwners(append(all[1:], old, back)))
		d, err := w.mirror.Refresh(t.Context(), account)
		w.must(err)
		if !slices.Equal(d.EmployeesAdded, []string{w.managers[0].Name}) {
			t.Errorf("added %v", d.EmployeesAdded)
		}
		w.employeesAre(map[string]bool{"anna@example.com": true, "boris@example.com": true, "vera@example.com": true})
		_, err = w.mirror.Refresh(t.Context(), account)
		w.must(err)
		client := visitor("client")
		w.write(client, "hello")
		row := w.settled(client)
		w.owners(client, w.managers[0].ID)
		if got := w.ownerOf("contacts", string(row.Contact)); got != "71000010" {
			t.Errorf("responsible in the CRM is %s", got)
		}
	})
}

// Everything of a contact that was merged away follows the survivor.
func TestAMergedContactsClientsFollowTheSurvivor(t *testing.T) {
	onBothEngines(t, options{}, func(t *testing.T, w *town) {
		client := visitor("client")
		w.write(client, "one")
		gone := w.settled(client).Contact
		w.hold(gone, "one")
		survivor := w.known("", w.managers[2].Owner)
		w.must(w.sandbox.Merge("contacts", string(survivor), string(gone)))
		w.must(w.mirror.RotateAll(t.Context()))
		row := w.chat(client)
		if row.Contact != survivor || !slices.Contains(row.Owners, w.managers[2].ID) {
			t.Errorf("linked to %s of %v", row.Contact, row.Owners)
		}
		w.write(client, "two")
		w.await("the message at the survivor", func() bool {
			return slices.ContainsFunc(w.entries(survivor), func(e string) bool { return strings.Contains(e, "two") })
		})
		if n := w.number(`SELECT COUNT(*) FROM contact WHERE id = $1`, string(gone)); n != 0 {
			t.Error("the merged contact is still mirrored")
		}
		w.settled(client)
	})
}

// A deleted contact leaves the chat to nobody; the next message makes a new one.
func TestADeletedContactIsMadeAnewByTheNextMessage(t *testing.T) {
	onBothEngines(t, options{}, func(t *testing.T, w *town) {
		client := visitor("client")
		w.write(client, "one")
		gone := w.settled(client).Contact
		w.hold(gone, "one")
		w.must(w.sandbox.Archive("contacts", string(gone)))
		w.must(w.sandbox.Archive("deals", w.sandbox.Records("deals")[0].ID))
		w.must(w.mirror.RotateAll(t.Context()))
		w.write(client, "two")
		w.await("another contact", func() bool { c := w.chat(client).Contact; return c != gone && c != "" })
		row := w.settled(client)
		w.records(1, 1)
		if len(row.Owners) != 1 {
			t.Errorf("owned by %v", row.Owners)
		}
		w.hold(row.Contact, "two")
	})
}

// The cursor of the poll lies in the database: another process goes on there, and a
// failed poll loses nothing.
func TestAPollGoesOnWhereItStood(t *testing.T) {
	onBothEngines(t, options{}, func(t *testing.T, w *town) {
		client := visitor("client")
		w.write(client, "one")
		contact := w.settled(client).Contact
		w.poll()
		position, err := w.store.PollPosition(t.Context(), account, "contact")
		if err != nil || position == "" {
			t.Fatalf("the poll stands at %q, %v", position, err)
		}
		w.must(w.sandbox.Update("contacts", string(contact), map[string]string{"hubspot_owner_id": string(w.managers[1].Owner)}))
		w.tap.set(func(p *tap) { p.down = away })
		w.poll()
		if after, _ := w.store.PollPosition(t.Context(), account, "contact"); after != position {
			t.Error("a failed poll moved the cursor")
		}
		if w.connection().DownSince.IsZero() {
			t.Error("the outage is not noted")
		}
		w.tap.set(func(p *tap) { p.down = nil })
		other := &crm.Mirror{Store: w.store, Open: w.mirror.Open, Clock: w.mirror.Clock, Random: w.mirror.Random, Logger: w.mirror.Logger}
		w.must(other.PollAll(t.Context()))
		if !slices.Contains(w.chat(client).Owners, w.managers[1].ID) {
			t.Errorf("owned by %v", w.chat(client).Owners)
		}
		if !w.connection().DownSince.IsZero() {
			t.Error("the outage is not over")
		}
	})
}

// Contacts that are none of our clients' are not mirrored.
func TestAPollKeepsOurClientsOnly(t *testing.T) {
	onBothEngines(t, options{}, func(t *testing.T, w *town) {
		w.poll()
		w.known("+79160000099", w.managers[0].Owner)
		w.poll()
		if n := w.number(`SELECT COUNT(*) FROM contact`); n != 0 {
			t.Errorf("%d contacts are mirrored", n)
		}
	})
}

// OWNER-1: before a send an owner older than 60 s is read again, if the CRM answers.
func TestAnOwnerIsReadAgainBeforeASendOnlyWhenOldAndTheCRMAnswers(t *testing.T) {
	onBothEngines(t, options{}, func(t *testing.T, w *town) {
		client := visitor("client")
		w.write(client, "one")
		row := w.settled(client)
		w.hold(row.Contact, "one")
		w.stop()
		w.must(w.sandbox.Update("contacts", string(row.Contact), map[string]string{"hubspot_owner_id": string(w.managers[1].Owner)}))
		freshen := func(ahead time.Duration) int {
			w.clock.set(time.Time{}, ahead)
			before := w.tap.count()
			w.mirror.Freshen(t.Context(), account, row.Client)
			return w.tap.count() - before
		}
		if n := freshen(50 * time.Second); n != 0 {
			t.Errorf("%d calls for a fresh owner", n)
		}
		w.down(true)
		if n := freshen(2 * time.Minute); n != 0 {
			t.Errorf("%d calls in an outage", n)
		}
		w.down(false)
		if n := freshen(2 * time.Minute); n != 1 || !slices.Contains(w.chat(client).Owners, w.managers[1].ID) {
			t.Errorf("%d calls, owned by %v", n, w.chat(client).Owners)
		}
		if n := freshen(2*time.Minute + 50*time.Second); n != 0 {
			t.Errorf("%d calls for an owner just read", n)
		}
		w.tap.set(func(p *tap) { p.down = away })
		if n := freshen(time.Hour); n != 1 { // fails no send
			t.Errorf("%d calls", n)
		}
	})
}

func (w *town) down(is bool) {
	w.t.Helper()
	w.inTx(func(tx switchboard.Tx) error {
		if is {
			return w.store.ConnectionDown(w.t.Context(), tx, w.conn)
		}
		return w.store.ConnectionUp(w.t.Context(), tx, w.conn)
	})
}

// An outage is over when the CRM has answered, not when nobody asked it.
func TestAnOutageIsNotOverBecauseNobodyAsked(t *testing.T) {
	onBothEngines(t, options{}, func(t *testing.T, w *town) {
		w.tap.set(func(p *tap) { p.down = away })
		w.down(true)
		calls := w.tap.count()
		w.must(w.mirror.RotateAll(t.Context()))  // no contacts yet
		w.must(w.mirror.RefreshAll(t.Context())) // refreshed a moment ago
		if n := w.tap.count() - calls; n != 0 {
			t.Fatalf("%d calls", n)
		}
		if w.connection().DownSince.IsZero() {
			t.Error("the outage counts as over")
		}
		w.clock.set(time.Time{}, crm.RefreshEvery)
		w.must(w.mirror.RefreshAll(t.Context()))
		if w.tap.count() == calls || w.connection().DownSince.IsZero() {
			t.Error("the refresh did not ask, or the outage counts as over")
		}
		w.tap.set(func(p *tap) { p.down = nil })
		w.must(w.mirror.RefreshAll(t.Context()))
		if !w.connection().DownSince.IsZero() {
			t.Error("the outage is not over")
		}
	})
}
