package crm_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"

	"switchboard"
	"switchboard/routing"
)

// chat reads the chat of a person as lists show it.
func (w *town) chat(p person) switchboard.ChatRow {
	w.t.Helper()
	ids := w.texts(`SELECT id FROM chat WHERE address = $1`, p.address)
	if len(ids) != 1 {
		w.t.Fatalf("%d chats of %s", len(ids), p.address)
	}
	rows, err := w.store.ChatRows(w.t.Context(), nil, account, []switchboard.ChatID{switchboard.ChatID(ids[0])}, 0)
	w.must(err)
	return rows[0]
}

// became waits until a person's client has come to a state.
func (w *town) became(p person, state switchboard.ClientState) switchboard.ChatRow {
	w.t.Helper()
	w.await(fmt.Sprintf("%s %s", p.address, state), func() bool { return w.chat(p).ClientState == state })
	return w.chat(p)
}

// settled waits until nothing is to be done in the CRM for a linked client.
func (w *town) settled(p person) switchboard.ChatRow {
	w.t.Helper()
	w.await(p.address+" settled", func() bool {
		row := w.chat(p)
		return row.ClientState == switchboard.ClientLinked && w.number(`SELECT COUNT(*) FROM client_work WHERE client_id = $1`, string(row.Client)) == 0
	})
	return w.chat(p)
}

// idle waits until the saga has nothing to do.
func (w *town) idle() {
	w.t.Helper()
	w.await("no work", func() bool { return w.number(`SELECT COUNT(*) FROM client_work`) == 0 })
}

// hurry makes put-off work due now, as a person's Retry does.
func (w *town) hurry(p person) {
	w.t.Helper()
	client := w.chat(p).Client
	w.inTx(func(tx switchboard.Tx) error {
		if err := w.jobs.Wake(w.t.Context(), tx, switchboard.Key{Account: account, Queue: "client", Key: string(client)}); err != nil {
			return err
		}
		return w.store.HurryClientWork(w.t.Context(), tx, account, client)
	})
}

// lastError is why a person's work waits.
func (w *town) lastError(p person) string {
	w.t.Helper()
	work, err := w.store.PendingClientWork(w.t.Context(), nil, account, w.chat(p).Client)
	if errors.Is(err, switchboard.ErrNotFound) {
		return ""
	}
	w.must(err)
	return work.LastError
}

// owners checks whose the chat of a person is.
func (w *town) owners(p person, want ...switchboard.EmployeeID) {
	w.t.Helper()
	slices.Sort(want)
	if got := w.chat(p).Owners; !slices.Equal(got, want) {
		w.t.Errorf("the chat of %s is owned by %v, want %v", p.address, got, want)
	}
}

// records counts contacts and deals in the CRM.
func (w *town) records(contacts, deals int) {
	w.t.Helper()
	if c, d := len(w.sandbox.Records("contacts")), len(w.sandbox.Records("deals")); c != contacts || d != deals {
		w.t.Errorf("%d contacts and %d deals in the CRM, want %d and %d", c, d, contacts, deals)
	}
}

// person the CRM knows already.
func (w *town) known(phone string, owner switchboard.OwnerID) switchboard.ContactID {
	w.t.Helper()
	id, err := w.sandbox.Create("contacts", map[string]string{"firstname": "Known", "phone": phone, "hubspot_owner_id": string(owner)})
	w.must(err)
	return switchboard.ContactID(id)
}

func (w *town) ownerOf(kind, id string) switchboard.OwnerID {
	w.t.Helper()
	r, ok := w.sandbox.Record(kind, id)
	if !ok {
		w.t.Fatalf("no %s %s", kind, id)
	}
	return switchboard.OwnerID(r.Properties["hubspot_owner_id"])
}

func (w *town) turn() (q routing.Queue) {
	w.t.Helper()
	text, err := w.store.Turn(w.t.Context(), nil, account, w.channel.ID)
	w.must(err)
	w.must(json.Unmarshal(text, &q))
	return q
}

// why gives the explanation of a person's latest decision.
func (w *town) why(p person) routing.Decision {
	w.t.Helper()
	var d routing.Decision
	client := w.chat(p).Client
	w.inTx(func(tx switchboard.Tx) error {
		_, id, err := w.store.LockClient(w.t.Context(), tx, account, client)
		if err != nil {
			return err
		}
		record, err := w.store.Decision(w.t.Context(), tx, account, id)
		if err != nil {
			return err
		}
		return json.Unmarshal(record.Decision, &d)
	})
	return d
}

// replay checks that every stored input gives the stored decision (QUEUE-9).
func (w *town) replay() {
	w.t.Helper()
	for _, id := range w.texts(`SELECT id FROM decision`) {
		record, err := w.store.Decision(context.Background(), nil, account, switchboard.DecisionID(id))
		if err != nil {
			w.t.Error(err)
			return
		}
		var in routing.Input
		if err := json.Unmarshal(record.Input, &in); err != nil {
			w.t.Error(err)
			return
		}
		again, err := json.Marshal(routing.Decide(in))
		if diff := cmp.Diff(string(record.Decision), string(again)); diff != "" || err != nil {
			w.t.Errorf("a stored decision is not reached again: %v %s", err, diff)
		}
	}
}

// await waits until the condition holds; news of the database and of the CRM wake it.
func (w *town) await(what string, holds func() bool) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	events, end := w.store.Subscribe()
	defer end()
	for {
		changed := w.sandbox.Changed()
		if holds() {
			return
		}
		select {
		case <-events:
		case <-changed:
		case <-time.After(50 * time.Millisecond): // rows that tell nobody
		case <-ctx.Done():
			w.t.Fatalf("%s: not within %s; %q", what, patience, w.texts(`SELECT last_error FROM client_work`))
		}
	}
}

// number reads one number from the database.
func (w *town) number(query string, args ...any) (n int) {
	w.t.Helper()
	if pool := w.store.Pool(); pool != nil {
		w.must(pool.QueryRow(context.Background(), query, args...).Scan(&n))
		return n
	}
	w.must(w.store.Writer().QueryRowContext(context.Background(), query, args...).Scan(&n))
	return n
}

// texts reads one column of texts.
func (w *town) texts(query string, args ...any) (all []string) {
	w.t.Helper()
	var list string
	if pool := w.store.Pool(); pool != nil {
		query = `SELECT COALESCE(json_agg(x), '[]')::text FROM (` + query + `) AS q(x)`
		w.must(pool.QueryRow(context.Background(), query, args...).Scan(&list))
	} else {
		query = `WITH q(x) AS (` + query + `) SELECT json_group_array(x) FROM q`
		w.must(w.store.Writer().QueryRowContext(context.Background(), query, args...).Scan(&list))
	}
	w.must(json.Unmarshal([]byte(list), &all))
	return all
}

// events lists the journal's entries of a kind.
func (w *town) events(kind switchboard.EventKind) (found []switchboard.Event) {
	w.t.Helper()
	all, err := w.store.EventsAfter(w.t.Context(), nil, account, 0, 100_000)
	w.must(err)
	for _, e := range all {
		if e.Kind == kind {
			found = append(found, e)
		}
	}
	return found
}

func (w *town) inTx(do func(tx switchboard.Tx) error) {
	w.t.Helper()
	w.must(w.store.InTx(context.Background(), do))
}

func (w *town) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}
