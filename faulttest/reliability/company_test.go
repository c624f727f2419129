package reliability

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"switchboard/channel/telegrambot/standin"
	"switchboard/crm/hubspot/sandbox"
	"switchboard/store"
	"switchboard/store/pgtest"
)

const (
	crmToken = "pat-eu1-5f0d2c11-canary-token"
	botToken = "700001:AAcanaryTokenOfTheBot0123456789abcdef"
	password = "canary-password-1q2w3e"
	country  = "+7916"
)

// company is one company with everything around the product: database, CRM, Telegram,
// nodes, and the ledger of what people say.
type company struct {
	t      *testing.T
	engine store.Engine
	seed   uint64
	book   *book
	reads  *sql.DB
	path   string // of the SQLite file
	env    []string
	crm    *sandbox.Server
	bots   *standin.Server
	bot    *standin.Bot
	nodes  []*process
	staff  []*employee
	key    string // of the site chat
	site   string // id of its channel
	tg     string // id of the bot's channel
	hook   string // public address that Telegram posts to, "" when we poll
	people []*person
	// ownerless are phones of contacts that nobody is responsible for and whose people
	// have not come yet.
	ownerless []string

	interrupted counter // requests whose answer never came
}

// checkerName tells our connections to PostgreSQL from the product's.
const checkerName = "checker"

// setup is how a company is to be.
type setup struct {
	engine  store.Engine
	path    string // of the binary
	nodes   int    // 0 means 1
	sandbox func(*sandbox.Config)
	noBot   bool
	hook    string // public address that Telegram posts to; "" means that we poll
}

func seedOf(t *testing.T) uint64 {
	t.Helper()
	if given := os.Getenv("SWITCHBOARD_FAULT_SEED"); given != "" {
		seed, err := strconv.ParseUint(given, 10, 64)
		if err != nil {
			t.Fatalf("SWITCHBOARD_FAULT_SEED: %v", err)
		}
		return seed
	}
	return rand.Uint64() >> 1
}

// newCompany starts the product and founds the company through its own API.
func newCompany(t *testing.T, s setup) *company {
	t.Helper()
	seed := seedOf(t)
	t.Logf("seed %d (SWITCHBOARD_FAULT_SEED repeats it)", seed)
	c := &company{t: t, engine: s.engine, seed: seed, book: newBook(seed)}
	c.openAround(s)
	c.openDatabase()
	if c.hook = s.hook; c.hook != "" {
		c.env = append(c.env, "SWITCHBOARD_PUBLIC_URL="+c.hook)
	}
	for range max(s.nodes, 1) {
		c.nodes = append(c.nodes, newProcess(t, s.path, c.env))
	}
	c.nodes[0].start()
	c.found(!s.noBot)
	t.Cleanup(c.stopPeople)
	return c
}

func (c *company) openAround(s setup) {
	c.t.Helper()
	cfg := sandbox.Config{Seed: c.seed, Tokens: []sandbox.Token{{Value: crmToken}},
		Limits: sandbox.Limits{Enforce: true, PerTenSeconds: 3000, SearchPerSecond: 100}, LedgerSize: 200_000}
	if s.sandbox != nil {
		s.sandbox(&cfg)
	}
	var err error
	c.crm, err = sandbox.New(cfg)
	c.must(err)
	server := httptest.NewServer(c.crm.Handler())
	c.bots = standin.New()
	c.must(c.bots.Listen("127.0.0.1:0"))
	c.bot = c.bots.AddBot(botToken, "shop_bot")
	c.t.Cleanup(func() {
		_ = c.crm.Close()
		server.Close()
		_ = c.bots.Close()
	})
	dir := c.t.TempDir()
	c.path = filepath.Join(dir, "switchboard.db")
	database := "sqlite:" + c.path
	if c.engine == store.Postgres {
		database = pgtest.New(c.t)
	}
	c.env = []string{"SWITCHBOARD_DATABASE=" + database, "SWITCHBOARD_DATA=" + dir, "SWITCHBOARD_HUBSPOT_URL=" + server.URL,
		"SWITCHBOARD_TELEGRAM_URL=" + c.bots.URL(), "SWITCHBOARD_TRUSTED_PROXIES=127.0.0.1", "SWITCHBOARD_LOG_LEVEL=debug"}
}

// openDatabase reads beside the product.
func (c *company) openDatabase() {
	c.t.Helper()
	driver, name := "sqlite", "file:"+c.path+"?_pragma=busy_timeout(10000)"
	if address := strings.TrimPrefix(c.env[0], "SWITCHBOARD_DATABASE="); c.engine == store.Postgres {
		driver, name = "pgx", address+"&application_name="+checkerName
		if !strings.Contains(address, "?") {
			name = address + "?application_name=" + checkerName
		}
	}
	var err error
	c.reads, err = sql.Open(driver, name)
	c.must(err)
	c.t.Cleanup(func() { _ = c.reads.Close() })
}

func (c *company) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// number reads one number from the database.
func (c *company) number(query string, args ...any) int {
	c.t.Helper()
	var n sql.NullInt64
	c.must(c.reads.QueryRow(query, args...).Scan(&n))
	return int(n.Int64)
}

// await waits until the condition holds, or ends the test with what it waits for.
func (c *company) await(what string, patience time.Duration, holds func() bool) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			c.t.Fatalf("seed %d: %s: not within %s; %s", c.seed, what, patience, c.open())
		}
	}
}

// unfinished are the rows that stand for work still to do.
var unfinished = map[string]string{
	"client work":      `SELECT COUNT(*) FROM client_work`,
	"sends":            `SELECT COUNT(*) FROM send_attempt WHERE state IN ('queued', 'sending')`,
	"timeline entries": `SELECT COUNT(*) FROM timeline_intent WHERE state IN ('todo', 'sent')`,
	"waiting entries":  `SELECT COUNT(*) FROM timeline_waiting`,
	"timeline behind": `SELECT COUNT(*) FROM follower f JOIN account_head h ON h.account_id = f.account_id
		WHERE f.name = 'timeline' AND f.position < h.number`,
}

func (c *company) open() string {
	var text []string
	for what, query := range unfinished {
		if n := c.number(query); n > 0 {
			text = append(text, fmt.Sprintf("%d %s", n, what))
		}
	}
	return strings.Join(text, ", ")
}

// quiet waits until nothing is left to do anywhere.
func (c *company) quiet(patience time.Duration) {
	c.t.Helper()
	c.await("everything done", patience, func() bool { return c.bot.Pending() == 0 && c.open() == "" })
}
