package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"switchboard"
	"switchboard/store"
)

// chatsOfLists are the sizes at which lists are measured.
var chatsOfLists = []int{10_000, 100_000}

// listPage is the size of a page.
const listPage = 50

// fillLists adds chats to a world with SQL of its own: made one by one through the
// store they would take minutes. One in four belongs to the first manager, one in five
// is unanswered.
func fillLists(ctx context.Context, db *store.Store, w *world, n int) error {
	numbers := fmt.Sprintf("WITH RECURSIVE g(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM g WHERE i < %d) ", n)
	into := func(table, columns, values, where string) string {
		return "INSERT INTO " + table + " (account_id, " + columns + ") " + numbers + "SELECT '" + string(w.account) + "', " + values + " FROM g" + where
	}
	channel, manager := string(w.channel.ID), string(w.managers[0])
	for _, statement := range []string{
		into("client", "id, name, state, contact_id, created_at", "'lk' || i, 'Client ' || i, 'linked', 'lk' || i, 0", ""),
		into("contact", "id, name, owner_id", "'lk' || i, 'Client ' || i, CASE WHEN i % 4 = 0 THEN '"+string(owners[2])+"' ELSE '"+string(owners[3])+"' END", ""),
		into("chat", "id, channel_id, address, client_id, name, settled, last_seq, last_at, unanswered, waiting, created_at",
			"'lc' || i, '"+channel+"', 'addr' || i, 'lk' || i, 'Name', 1, 1, 1700000000000 + i, CASE WHEN i % 5 = 0 THEN 1 ELSE 0 END, CASE WHEN i % 5 = 0 THEN 1 ELSE 0 END, 0", ""),
		into("chat_owner", "employee_id, chat_id, channel_id, unanswered, waiting, last_at",
			"'"+manager+"', 'lc' || i, '"+channel+"', CASE WHEN i % 5 = 0 THEN 1 ELSE 0 END, CASE WHEN i % 5 = 0 THEN 1 ELSE 0 END, 1700000000000 + i", " WHERE i % 4 = 0"),
		into("message", "chat_id, seq, id, direction, kind, text, at, stored_at, status", "'lc' || i, 1, 'm' || i, 'in', 'text', 'Is it in stock?', i, i, 'received'", ""),
	} {
		if err := run(ctx, db, statement); err != nil {
			return fmt.Errorf("fill lists: %w", err)
		}
	}
	if db.Pool() == nil {
		return run(ctx, db, "ANALYZE")
	}
	return analyze(ctx, db)
}

func run(ctx context.Context, db *store.Store, statement string) (err error) {
	if pool := db.Pool(); pool != nil {
		_, err = pool.Exec(ctx, statement)
	} else {
		_, err = db.Writer().ExecContext(ctx, statement)
	}
	return err //nolint:wrapcheck // the caller names the statement
}

// keysetLimit is the least a page of a list costs: rows in the index's order with
// their last message.
const keysetLimit = `SELECT c.id, c.name, c.last_at, c.unanswered, m.text FROM chat c
	JOIN message m ON m.account_id = c.account_id AND m.chat_id = c.id AND m.seq = c.last_seq
	WHERE c.account_id = $1 AND c.channel_id = $2 AND (c.waiting, c.last_at, c.id) < ($3, $4, $5)
	ORDER BY c.waiting DESC, c.last_at DESC, c.id DESC LIMIT 50`

func readKeyset(ctx context.Context, db *store.Store, w *world) error {
	if pool := db.Pool(); pool != nil {
		rows, err := pool.Query(ctx, keysetLimit, string(w.account), string(w.channel.ID), 2, 0, "")
		if err != nil {
			return err //nolint:wrapcheck // shown as it is
		}
		defer rows.Close()
		n := 0
		for ; rows.Next(); n++ {
			if _, err := rows.Values(); err != nil {
				return err //nolint:wrapcheck // shown as it is
			}
		}
		return fullPage(n, rows.Err())
	}
	rows, err := db.Writer().QueryContext(ctx, keysetLimit, w.account, w.channel.ID, 2, 0, "")
	if err != nil {
		return err //nolint:wrapcheck // shown as it is
	}
	defer rows.Close()
	n := 0
	for ; rows.Next(); n++ {
		var id, name, text string
		var last, unanswered int64
		if err := rows.Scan(&id, &name, &last, &unanswered, &text); err != nil {
			return err //nolint:wrapcheck // shown as it is
		}
	}
	return fullPage(n, rows.Err())
}

func fullPage(n int, err error) error {
	if err == nil && n != listPage {
		return fmt.Errorf("a page of %d", n)
	}
	return err
}

// listTimes are p50s of one size, in milliseconds.
type listTimes map[string]float64

// benchLists measures pages at both sizes, on the store and through the binary.
func benchLists(ctx context.Context, o options, engine, dir string, databases func(string) (string, error), rep *report) error {
	var bySize []listTimes
	for _, n := range chatsOfLists {
		database, err := databases(fmt.Sprint("lists", n))
		if err != nil {
			return err
		}
		p := &product{binary: o.binary, dir: filepath.Join(dir, fmt.Sprint(engine, "-lists-", n)), database: database,
			crmURL: "http://127.0.0.1:9"} // nothing listens: no CRM is connected
		times, err := p.listTimes(ctx, n)
		if err != nil {
			return fmt.Errorf("lists at %d chats: %w", n, err)
		}
		progress("%s lists at %d chats, p50 ms: %v", engine, n, times)
		rep.figure("%s\tpage of 50 at %d chats, p50 ms: %s\t", engine, n, times)
		bySize = append(bySize, times)
	}
	for _, role := range []string{"supervisor", "manager"} {
		small, large := bySize[0], bySize[1]
		rep.add(engine+": list / keyset limit, "+role+", 100k chats", true, 5, large[role]/large["limit"])
		rep.add(engine+": list at 100k / at 10k chats, "+role, true, 1.2, large[role]/small[role])
		rep.add(engine+": list at 100k / at 10k chats over HTTP, "+role, true, 1.2, large[role+" HTTP"]/small[role+" HTTP"])
	}
	return nil
}

func (t listTimes) String() string {
	text := ""
	for _, name := range []string{"limit", "supervisor", "manager", "supervisor deep", "supervisor HTTP", "manager HTTP"} {
		text += fmt.Sprintf("%s %.2f  ", name, t[name])
	}
	return text
}

func (p *product) listTimes(ctx context.Context, n int) (times listTimes, err error) {
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	db, err := openDatabase(ctx, p.database, p.dir)
	if err != nil {
		return nil, err
	}
	times, err = p.storeTimes(ctx, db, n)
	db.Close()
	if err != nil {
		return nil, err
	}
	if _, err := p.start(ctx); err != nil {
		return nil, err
	}
	defer p.server.stop()
	get := func(cookie string) func() error {
		return func() error { return p.call(ctx, cookie, http.MethodGet, "/api/app/chats?limit=50", nil, nil) }
	}
	if times["supervisor HTTP"], err = p50(get(p.admin)); err != nil {
		return nil, err
	}
	times["manager HTTP"], err = p50(get(p.manager))
	return times, err
}

func (p *product) storeTimes(ctx context.Context, db *store.Store, n int) (times listTimes, err error) {
	if p.world, err = buildWorld(ctx, db, 0, nil); err != nil {
		return nil, err
	}
	w := p.world
	if p.manager, err = w.signIn(ctx, db, w.managers[0]); err != nil {
		return nil, err
	}
	if p.admin, err = w.signIn(ctx, db, w.supervisor); err != nil {
		return nil, err
	}
	if err := fillLists(ctx, db, w, n); err != nil {
		return nil, err
	}
	deep := switchboard.ChatPlace{LastAt: time.UnixMilli(1_700_000_000_000 + int64(n)/2), ID: "z"}
	page := func(id switchboard.EmployeeID, after switchboard.ChatPlace) func() error {
		return func() error {
			got, err := db.ListChats(ctx, w.account, id, switchboard.ChatFilter{}, after, listPage)
			return fullPage(len(got.Rows), err)
		}
	}
	times = listTimes{}
	for name, one := range map[string]func() error{
		"limit":      func() error { return readKeyset(ctx, db, w) },
		"supervisor": page(w.supervisor, switchboard.ChatPlace{}), "manager": page(w.managers[0], switchboard.ChatPlace{}),
		"supervisor deep": page(w.supervisor, deep),
	} {
		if times[name], err = p50(one); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return times, nil
}

// p50 gives the median time of an action in milliseconds, warm.
func p50(do func() error) (float64, error) {
	const times = 200
	all := make([]float64, 0, times)
	for i := range times + 20 {
		began := time.Now()
		if err := do(); err != nil {
			return 0, err
		}
		if i >= 20 {
			all = append(all, time.Since(began).Seconds()*1000)
		}
	}
	slices.Sort(all)
	return all[times/2], nil
}
