package access_test

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	_ "modernc.org/sqlite"
	"pgregory.net/rapid"

	"switchboard"
	. "switchboard/access"
	"switchboard/store/pgtest"
)

// SWITCHBOARD_WORLDS is the number of random worlds; `make fault` takes 10,000.
func TestMain(m *testing.M) {
	worlds := os.Getenv("SWITCHBOARD_WORLDS")
	if worlds == "" {
		worlds = "300"
	}
	// A failure prints its seed; files of failures would outlive a planted bug's run.
	for name, value := range map[string]string{"rapid.checks": worlds, "rapid.nofailfile": "true"} {
		if err := flag.Set(name, value); err != nil {
			fmt.Fprintln(os.Stderr, "SWITCHBOARD_WORLDS:", err)
			os.Exit(2)
		}
	}
	os.Exit(m.Run())
}

// The three tables SeesChat reads, with the columns it needs.
var schema = []string{
	`CREATE TABLE chat (account_id TEXT, id TEXT, channel_id TEXT, PRIMARY KEY (account_id, id))`,
	`CREATE TABLE channel_role (account_id TEXT, channel_id TEXT, employee_id TEXT, role TEXT,
		PRIMARY KEY (account_id, channel_id, employee_id))`,
	`CREATE TABLE chat_owner (account_id TEXT, employee_id TEXT, chat_id TEXT,
		PRIMARY KEY (account_id, chat_id, employee_id))`,
}

const chatsSeen = `SELECT c.id FROM chat c WHERE ` + SeesChat

// engine is one database; run gives a world's own transaction, rolled back after.
type engine interface {
	run(t *rapid.T, do func(engineTx))
}

type engineTx interface {
	exec(statement string, args ...any) error
	strings(query string, args ...any) ([]string, error)
}

// The same names appear in both accounts, so a forgotten account_id shows.
var (
	accounts  = []string{"acme", "other"}
	channels  = []string{"bot", "shop", "widget"}
	employees = []string{"anna", "boris", "clara", "dora"}
	chatNames = []string{"1", "2", "3", "4", "5"}
	roleNames = []string{"quality_control", "manager", "supervisor"}
)

func drawWorld(t *rapid.T) world {
	var w world
	for _, a := range accounts {
		for _, c := range channels {
			for _, e := range employees {
				if role := rapid.SampledFrom(append([]string{""}, roleNames...)).Draw(t, "role"); role != "" {
					w.roles = append(w.roles, roleRow{a, c, e, role})
				}
			}
		}
		for _, id := range chatNames {
			w.chats = append(w.chats, chatRow{a, id, rapid.SampledFrom(channels).Draw(t, "channel")})
			for _, e := range rapid.SliceOfNDistinct(rapid.SampledFrom(employees), 0, 2, rapid.ID).Draw(t, "owners") {
				w.owners = append(w.owners, ownerRow{a, e, id})
			}
		}
	}
	return w
}

func (w world) store(tx engineTx) error {
	var roles, chats, owners []any
	for _, r := range w.roles {
		roles = append(roles, r.account, r.channel, r.employee, r.role)
	}
	for _, c := range w.chats {
		chats = append(chats, c.account, c.id, c.channel)
	}
	for _, o := range w.owners {
		owners = append(owners, o.account, o.employee, o.chat)
	}
	for _, table := range []struct {
		into    string
		columns int
		values  []any
	}{
		{"channel_role (account_id, channel_id, employee_id, role)", 4, roles},
		{"chat (account_id, id, channel_id)", 3, chats},
		{"chat_owner (account_id, employee_id, chat_id)", 3, owners},
	} {
		if len(table.values) == 0 {
			continue
		}
		if err := tx.exec("INSERT INTO "+table.into+" VALUES "+places(len(table.values), table.columns), table.values...); err != nil {
			return fmt.Errorf("fill %s: %w", table.into, err)
		}
	}
	return nil
}

// places writes ($1, $2), ($3, $4) ... for n values.
func places(n, columns int) string {
	var b strings.Builder
	for i := range n {
		switch {
		case i == 0:
			b.WriteString("(")
		case i%columns == 0:
			b.WriteString("), (")
		default:
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "$%d", i+1)
	}
	return b.String() + ")"
}

// judge compares Go, SQL and the model for every viewer and chat of the world.
func (w world) judge(t *rapid.T, tx engineTx) {
	if err := w.store(tx); err != nil {
		t.Fatal(err)
	}
	for _, account := range accounts {
		for _, employee := range append(employees, "nobody") {
			rows, err := tx.strings(chatsSeen, account, employee)
			if err != nil {
				t.Fatalf("list chats: %v", err)
			}
			seen := map[string]int{}
			for _, id := range rows {
				seen[id]++
			}
			for _, chat := range w.chats {
				w.judgeChat(t, account, employee, chat, seen)
			}
		}
	}
}

func (w world) judgeChat(t *rapid.T, account, employee string, chat chatRow, seen map[string]int) {
	viewer := w.viewer(account, employee, rapid.Bool().Draw(t, "administrator"))
	subject := w.subject(chat)
	subject.Author = viewer.Employee
	for _, action := range Actions() {
		if action == ManageSettings {
			continue
		}
		want := w.allowed(account, employee, action, chat)
		if got, reason := Can(viewer, action, subject); got != want {
			t.Fatalf("ROLE-4: Go says %v (%s) to %s of %s/%s on %+v, the model %v\n%+v",
				got, reason.Key, action, account, employee, chat, want, w)
		}
	}
	want := w.allowed(account, employee, Read, chat)
	if account == chat.account {
		inSQL := seen[chat.id]
		if inSQL > 1 || inSQL == 1 != want {
			t.Fatalf("ROLE-4: SQL lists %+v %d times to %s/%s, the model says %v\n%+v", chat, inSQL, account, employee, want, w)
		}
		owns := len(subject.Owners) > 0 && viewerOwns(viewer, subject)
		if got := ScopeOf(viewer.Roles).Sees(subject.Channel, owns); got != want {
			t.Fatalf("ROLE-4: the scope says %v of %+v to %s/%s, the model %v", got, chat, account, employee, want)
		}
	}
	if err := Check(viewer, Read, subject); (err == nil) != want || err != nil && err != switchboard.ErrNotFound {
		t.Fatalf("ROLE-4: Check answers %v, the model %v", err, want)
	}
}

func viewerOwns(v Viewer, s Subject) bool {
	for _, o := range s.Owners {
		if o == v.Employee {
			return true
		}
	}
	return false
}

func TestGoSQLAndModelAgreeOnSQLite(t *testing.T) {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(1)
	for _, s := range schema {
		if _, err := db.Exec(s); err != nil {
			t.Fatal(err)
		}
	}
	checkWorlds(t, lite{db})
}

func TestGoSQLAndModelAgreeOnPostgreSQL(t *testing.T) {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, pgtest.New(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(ctx) })
	for _, s := range schema {
		if _, err := conn.Exec(ctx, s); err != nil {
			t.Fatal(err)
		}
	}
	checkWorlds(t, postgres{conn})
}

// checkWorlds also counts answers: worlds where nobody sees anything prove nothing.
func checkWorlds(t *testing.T, e engine) {
	yes, no := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		e.run(t, func(tx engineTx) { w.judge(t, tx) })
		for _, c := range w.chats {
			if w.allowed("acme", "anna", Read, c) {
				yes++
			} else {
				no++
			}
		}
	})
	if yes == 0 || no == 0 {
		t.Errorf("%d chats seen, %d hidden: the worlds are too plain", yes, no)
	}
	t.Logf("%d chats seen, %d hidden", yes, no)
}

type lite struct{ db *sql.DB }

func (l lite) run(t *rapid.T, do func(engineTx)) {
	tx, err := l.db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	do(liteTx{tx})
}

type liteTx struct{ tx *sql.Tx }

func (l liteTx) exec(statement string, args ...any) error {
	_, err := l.tx.Exec(statement, args...)
	return err
}

func (l liteTx) strings(query string, args ...any) ([]string, error) {
	rows, err := l.tx.Query(query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var list []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, rows.Err()
}

type postgres struct{ conn *pgx.Conn }

func (p postgres) run(t *rapid.T, do func(engineTx)) {
	ctx := context.Background()
	tx, err := p.conn.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(ctx) }()
	do(postgresTx{tx})
}

type postgresTx struct{ tx pgx.Tx }

func (p postgresTx) exec(statement string, args ...any) error {
	_, err := p.tx.Exec(context.Background(), statement, args...)
	return err
}

func (p postgresTx) strings(query string, args ...any) ([]string, error) {
	rows, err := p.tx.Query(context.Background(), query, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}
