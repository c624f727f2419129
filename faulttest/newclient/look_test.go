package newclient

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"switchboard"
	"switchboard/crm/hubspot/sandbox"
	"switchboard/store"
)

// number reads one number from the database.
func (w *town) number(query string, args ...any) int {
	w.t.Helper()
	var n int
	w.must(w.reads.QueryRowContext(w.t.Context(), query, args...).Scan(&n))
	return n
}

func (w *town) inTx(s *store.Store, do func(tx switchboard.Tx) error) {
	w.t.Helper()
	w.must(s.InTx(w.t.Context(), do))
}

func (w *town) exec(tx switchboard.Tx, statement string, args ...any) error {
	if pg, is := tx.Raw().(pgx.Tx); is {
		_, err := pg.Exec(context.Background(), statement, args...)
		return err
	}
	_, err := tx.Raw().(*sql.Tx).Exec(statement, args...)
	return err
}

// await waits until the condition holds; what holds it up is said at the end of the
// patience.
func (w *town) await(what string, holds func() bool) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			w.t.Fatalf("%s: not within %s; %s", what, patience, w.state())
		}
	}
}

func (w *town) state() string {
	var rows []string
	r, err := w.reads.Query(`SELECT c.state, COUNT(*), COALESCE(MAX(k.last_error), ''), COALESCE(MAX(k.attempts), 0) FROM client c
		LEFT JOIN client_work k ON k.account_id = c.account_id AND k.client_id = c.id GROUP BY c.state`)
	if err != nil {
		return err.Error()
	}
	defer r.Close()
	for r.Next() {
		var state, reason string
		var count, attempts int
		_ = r.Scan(&state, &count, &reason, &attempts)
		rows = append(rows, fmt.Sprintf("%d %s (%d tries: %s)", count, state, attempts, reason))
	}
	return strings.Join(rows, ", ")
}

// settled waits until that many clients exist and no CRM work is left.
func (w *town) settled(clients int) {
	w.t.Helper()
	w.await(fmt.Sprintf("%d clients settled", clients), func() bool {
		return w.number(`SELECT COUNT(*) FROM client_work`) == 0 &&
			w.number(`SELECT COUNT(*) FROM client WHERE state = 'linked'`) == clients
	})
}

// turns counts the decisions that gave a client to each manager, in their order.
func (w *town) turns() []int {
	w.t.Helper()
	all := make([]int, len(w.managers))
	for i, e := range w.managers {
		all[i] = w.number(`SELECT COUNT(*) FROM decision WHERE outcome IN ('create', 'assign') AND employee_id = $1`, string(e.ID))
	}
	return all
}

// owned counts the CRM's records of a kind by owner, in the managers' order; the last
// figure counts those of nobody here.
func (w *town) owned(kind string) []int {
	all := make([]int, len(w.managers)+1)
	for _, r := range w.crm.Records(kind) {
		i := slices.IndexFunc(w.managers, func(e switchboard.Employee) bool { return string(e.Owner) == r.Properties["hubspot_owner_id"] })
		if i < 0 {
			i = len(w.managers)
		}
		all[i]++
	}
	return all
}

// entries gives the timeline of a contact in the order of its times, which must rise.
func (w *town) entries(contact string) []string {
	w.t.Helper()
	all := slices.Concat(w.crm.Linked("contacts", contact, "communications"), w.crm.Linked("contacts", contact, "notes"))
	slices.SortStableFunc(all, func(a, b sandbox.Record) int {
		return strings.Compare(a.Properties["hs_timestamp"], b.Properties["hs_timestamp"])
	})
	var texts []string
	for i, r := range all {
		if i > 0 && all[i-1].Properties["hs_timestamp"] == r.Properties["hs_timestamp"] {
			w.t.Errorf("two entries of contact %s have one time (TIME-3)", contact)
		}
		texts = append(texts, r.Properties["hs_communication_body"]+r.Properties["hs_note_body"])
	}
	return texts
}

// canaries are texts that must not leave.
type canaries struct {
	mu  sync.Mutex
	all []string
}

func (c *canaries) add(texts ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, texts...)
}

// in lists the canaries that a text holds.
func (c *canaries) in(text string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var found []string
	for _, canary := range c.all {
		if strings.Contains(text, canary) && !slices.Contains(found, canary) {
			found = append(found, canary)
		}
	}
	return found
}

// logBook keeps everything that is logged, down to debug level.
type logBook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBook) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(line)
}

func (b *logBook) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func (b *logBook) logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// checkLogs fails when anything that people wrote, or a secret, was logged (P13).
func (w *town) checkLogs() {
	w.t.Helper()
	for _, leaked := range w.texts.in(w.logs.String()) {
		w.t.Errorf("logged: %q", leaked)
	}
}

// checkLocks fails when transactions waited for each other in a circle: PostgreSQL
// breaks it after a second, which every message behind it waits.
func (w *town) checkLocks() {
	if w.engine != store.Postgres {
		return
	}
	var deadlocks int
	if err := w.reads.QueryRow(`SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()`).Scan(&deadlocks); err != nil || deadlocks > 0 {
		w.t.Errorf("%d deadlocks, %v", deadlocks, err)
	}
}

// vault keeps secrets as they are, in another form.
type vault struct{}

func (*vault) Seal(plain []byte, _ store.SecretPlace) ([]byte, error) { return turned(plain), nil }

func (*vault) Open(sealed []byte, _ store.SecretPlace) ([]byte, error) { return turned(sealed), nil }

func turned(b []byte) []byte {
	out := make([]byte, len(b))
	for i := range b {
		out[i] = b[i] ^ 0x5a
	}
	return out
}
