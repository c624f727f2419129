package store_test

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"switchboard/store"
	"switchboard/store/storetest"
)

// plannedChats is enough for a planner to prefer an index where there is one.
const plannedChats = 20_000

// wholeTable finds a large table that is read from end to end: by its name on
// PostgreSQL, by its alias on SQLite.
var wholeTable = regexp.MustCompile(`Seq Scan on (chat|message|client|contact|view_entry|media)\b|SCAN (c|m|k|t|q|v|o|x|chat|chat_owner|message|client|contact)\b`)

// The lists read their page from an index and nothing else: no sorting, no reading of
// a whole table, whatever the number of chats.
func TestListsReadOnlyTheirPage(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		fillChats(t, s, plannedChats)
		for name, args := range map[string][]any{
			"list a channel's chats behind a place":                               {"a", "ch0", 2, 0, "\U0010FFFF", 51},
			"list a channel's unanswered chats behind a place":                    {"a", "ch0", 5000, "x", 51},
			"list an employee's own chats of a channel behind a place":            {"a", "ch0", 0, 5000, "x", 51, "e1"},
			"list an employee's own unanswered chats of a channel behind a place": {"a", "ch0", 5000, "x", 51, "e1"},
			"list the chats of a contact that an employee may see":                {"a", "e1", "k77", 2, 0, "\U0010FFFF"},
			"read chats as lists show them":                                       {"a", `["c77","c78","c79"]`},
			"list the owners of chats":                                            {"a", `["c77","c78","c79"]`},
			"list a chat's messages before one":                                   {"a", "e1", "c77", 1 << 40, 51},
			"list the messages that quote others":                                 {"a", `[{"Chat":"c77","ID":"m1"}]`, 200},
			"read messages by chat and number":                                    {"a", `[{"Chat":"c77","Seq":1}]`},
			"list the entries of a client's view":                                 {"a", "ch0", "addr77", 0, 200},
			"list the clients of a contact":                                       {"a", "k77"},
			"say whether a contact has a client":                                  {"a", "k77"},
		} {
			plan := planOf(t, s, name, args)
			few := strings.HasPrefix(name, "list the chats of a contact") // a handful: sorted after reading
			if wholeTable.MatchString(plan) {
				t.Errorf("%s reads a whole table:\n%s", name, plan)
			}
			if !few && (strings.Contains(plan, "USE TEMP B-TREE") || strings.Contains(plan, "Sort") && strings.HasPrefix(name, "list a")) {
				t.Errorf("%s sorts:\n%s", name, plan)
			}
			if testing.Verbose() {
				t.Logf("%s\n%s", name, plan)
			}
		}
	})
}

// fillChats adds chats of ten channels with a message, a client, a contact and an
// owner each.
func fillChats(t testing.TB, s *store.Store, n int) {
	t.Helper()
	numbers := fmt.Sprintf("WITH RECURSIVE g(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM g WHERE i < %d) ", n)
	into := func(table, columns, values string) string {
		return "INSERT INTO " + table + " (" + columns + ") " + numbers + "SELECT " + values + " FROM g"
	}
	for _, statement := range []string{
		`INSERT INTO account (id, name, settings, created_at) VALUES ('a', 'a', '{}', 0)`,
		`INSERT INTO account_head (account_id, number) VALUES ('a', 0)`,
		`INSERT INTO employee (account_id, id, email, name, owner_id, created_at) VALUES ('a', 'e0', 'e0', 'E0', 'o0', 0), ('a', 'e1', 'e1', 'E1', 'o1', 0)`,
		`INSERT INTO channel_role (account_id, channel_id, employee_id, role) VALUES ('a', 'ch0', 'e1', 'manager'), ('a', 'ch0', 'e0', 'supervisor')`,
		into("client", "account_id, id, name, state, contact_id, created_at", "'a', 'k' || i, 'K', 'linked', 'k' || i, 0"),
		into("contact", "account_id, id, name, owner_id", "'a', 'k' || i, 'K', 'o' || (i % 7)"),
		into("chat", "account_id, id, channel_id, address, client_id, name, last_seq, last_at, unanswered, waiting, created_at",
			"'a', 'c' || i, 'ch' || (i % 3), 'addr' || i, 'k' || i, 'N', 1, i, i % 20 / 19, i % 20 / 19, 0"),
		into("chat_owner", "account_id, employee_id, chat_id, channel_id, unanswered, waiting, last_at",
			"'a', 'e' || (i % 7), 'c' || i, 'ch' || (i % 3), i % 20 / 19, i % 20 / 19, i"),
		into("message", "account_id, chat_id, seq, id, direction, kind, text, at, stored_at, status", "'a', 'c' || (i / 5), i % 5, 'm' || (i % 5), 'in', 'text', 'T', i, i, 'received'"),
		into("view_entry", "account_id, chat_id, seq, kind, id, message_id, at", "'a', 'c' || (i / 5), i % 5, 'message', 'm' || (i % 5), 'm' || (i % 5), i"),
		"ANALYZE",
	} {
		if err := run(s, statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

func run(s *store.Store, statement string) error {
	if pool := s.Pool(); pool != nil {
		_, err := pool.Exec(context.Background(), statement)
		return err
	}
	_, err := s.Writer().Exec(statement)
	return err
}

func planOf(t testing.TB, s *store.Store, name string, args []any) string {
	t.Helper()
	for _, q := range store.Queries() {
		if q.Name != name {
			continue
		}
		if s.Engine() == store.Postgres {
			return plan(t, s, "EXPLAIN (ANALYZE, COSTS OFF, SUMMARY OFF, TIMING OFF) "+q.Text(store.Postgres), args)
		}
		return plan(t, s, "EXPLAIN QUERY PLAN "+q.Text(store.SQLite), args)
	}
	t.Fatalf("no query is named %q", name)
	return ""
}

func plan(t testing.TB, s *store.Store, text string, args []any) string {
	t.Helper()
	var b strings.Builder
	if pool := s.Pool(); pool != nil {
		rows, err := pool.Query(context.Background(), text, args...)
		if err != nil {
			t.Fatalf("explain: %v", err)
		}
		defer rows.Close()
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				t.Fatal(err)
			}
			b.WriteString(line + "\n")
		}
		if err := rows.Err(); err != nil {
			t.Fatalf("explain %s: %v", text, err)
		}
		return b.String()
	}
	rows, err := s.Writer().Query(text, args...)
	if err != nil {
		t.Fatalf("explain: %v", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var line string
		if err := rows.Scan(&id, &parent, &unused, &line); err != nil {
			t.Fatal(err)
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}
