package app

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"switchboard"
	"switchboard/auth"
	"switchboard/channel"
	"switchboard/channel/telegrambot"
	"switchboard/channel/telegrambot/standin"
	"switchboard/channel/webchat"
	"switchboard/secret"
	"switchboard/store"
	"switchboard/store/storetest"
)

const (
	goodPassword = "canary-password-of-everybody"
	botToken     = "4242:canaryTokenThatMustNeverBeSeen_01"
	crmToken     = "canary-pat-eu1-0000"
)

// site is the API on a real store behind a real server.
type site struct {
	t      *testing.T
	store  *store.Store
	auth   *auth.Auth
	server *httptest.Server
	crm    *fakeCRM
	bots   *standin.Server
	log    *logBuffer
	random io.Reader
	link   string       // the set-up link's token
	shift  atomic.Int64 // of auth's clock, nanoseconds

	account switchboard.AccountID
	admin   person
}

// person is somebody with a browser.
type person struct {
	id     switchboard.EmployeeID
	cookie string
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// plainVault keeps secrets as they are.
type plainVault struct{}

func (plainVault) Seal(plain []byte, _ store.SecretPlace) ([]byte, error)  { return plain, nil }
func (plainVault) Open(sealed []byte, _ store.SecretPlace) ([]byte, error) { return sealed, nil }

// fakeCRM connects as it is told to.
type fakeCRM struct {
	store  *store.Store
	report CRMReport
	err    error
	diff   switchboard.CRMDifference
}

var salesAndService = []switchboard.Pipeline{
	{ID: "sales", Label: "Sales", Stages: []switchboard.Stage{{ID: "new", Label: "New", Offered: true}, {ID: "won", Label: "Won", Closed: true}}},
	{ID: "service", Label: "Service", Stages: []switchboard.Stage{{ID: "open", Label: "Open", Offered: true}}},
}

func (f *fakeCRM) Connect(ctx context.Context, account switchboard.AccountID, token secret.String) (CRMReport, error) {
	if f.err != nil || !f.report.Usable {
		return f.report, f.err
	}
	return f.report, f.store.InTx(ctx, func(tx switchboard.Tx) error {
		conn := switchboard.Connection{Account: account, ID: switchboard.ConnectionID(switchboard.NewUUID(time.Now(), rand.Reader)), Kind: "hubspot", State: switchboard.ConnectionActive,
			Info: []byte("{}"), Secrets: []byte(token.Reveal())}
		if err := f.store.Connect(ctx, tx, conn); err != nil {
			return err
		}
		return f.store.SavePipelines(ctx, tx, account, salesAndService)
	})
}

func (f *fakeCRM) Disconnect(ctx context.Context, account switchboard.AccountID) error {
	return f.store.InTx(ctx, func(tx switchboard.Tx) error { return f.store.Disconnect(ctx, tx, account) })
}

func (f *fakeCRM) Refresh(context.Context, switchboard.AccountID) (switchboard.CRMDifference, error) {
	return f.diff, f.err
}

func (f *fakeCRM) Describe(switchboard.Connection) (CRMReport, error) { return f.report, nil }

func eachSite(t *testing.T, test func(t *testing.T, s *site)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, db *store.Store) { test(t, newSite(t, db)) })
}

// oneSite is for what does not depend on the database.
func oneSite(t *testing.T) *site {
	t.Helper()
	return newSite(t, storetest.Open(t, storetest.Address(t, store.SQLite)))
}

func newSite(t *testing.T, db *store.Store) *site {
	t.Helper()
	db.UseVault(plainVault{})
	s := &site{t: t, store: db, log: &logBuffer{}, bots: standin.New(), random: rand.Reader}
	s.crm = &fakeCRM{store: db, report: CRMReport{Portal: "Acme Ltd", Usable: true}}
	s.must(s.bots.Listen("127.0.0.1:0"))
	t.Cleanup(func() { _ = s.bots.Close() })
	var err error
	s.auth, err = auth.New(auth.Config{Store: db, Clock: s.now, Random: rand.Reader, Cost: auth.Cost{KiB: 64, Passes: 1, Threads: 1}})
	s.must(err)
	s.serve(db)
	link, err := s.auth.SetupLink(t.Context())
	s.must(err)
	s.link = link.Reveal()
	t.Cleanup(s.checkLog)
	return s
}

// serve starts the API on a store, in place of an earlier one.
func (s *site) serve(db Store) {
	public, err := url.Parse("https://chat.example/")
	s.must(err)
	s.server = httptest.NewServer(NewHandler(Config{
		Store: db, Auth: s.auth, CRM: s.crm, Public: public, Version: "1.2.3", Clock: time.Now, Random: s.random,
		Log: slog.New(slog.NewJSONHandler(s.log, nil)),
		Channels: channel.NewRegistry(webchat.New(s.store), telegrambot.New(telegrambot.Options{BaseURL: s.bots.URL(),
			Client: http.DefaultClient, Now: time.Now, Random: rand.Reader, Log: slog.New(slog.DiscardHandler)})),
	}))
	s.t.Cleanup(s.server.Close)
}

func (s *site) now() time.Time { return time.Now().Add(time.Duration(s.shift.Load())) }

func (s *site) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// checkLog looks for what must not be in the log (P13).
func (s *site) checkLog() {
	text := s.log.String()
	if strings.Contains(text, "canary") || s.link != "" && strings.Contains(text, s.link) {
		s.t.Errorf("a secret is in the log:\n%s", text)
	}
}

type option func(*http.Request)

func header(name, value string) option { return func(r *http.Request) { r.Header.Set(name, value) } }

// do makes one request; body is text as it is, or a value for JSON.
func (s *site) do(p person, method, path string, body any, options ...option) answer {
	s.t.Helper()
	var text string
	switch b := body.(type) {
	case nil:
	case string:
		text = b
	default:
		raw, err := json.Marshal(b)
		s.must(err)
		text = string(raw)
	}
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.server.URL+path, strings.NewReader(text))
	s.must(err)
	r.Header.Set("Accept-Language", "en")
	r.Header.Set("Content-Type", "application/json")
	if p.cookie != "" {
		r.Header.Set("Cookie", CookieName+"="+p.cookie)
	}
	for _, o := range options {
		o(r)
	}
	res, err := http.DefaultClient.Do(r)
	s.must(err)
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	s.must(err)
	got := answer{res.StatusCode, res.Header, string(raw)}
	s.checkAnswer(method+" "+path, got)
	return got
}

// checkAnswer holds of every answer: no secrets, and headers that keep it safe.
func (s *site) checkAnswer(what string, a answer) {
	s.t.Helper()
	if strings.Contains(a.body, "canary") || strings.Contains(a.body, "argon2") {
		s.t.Errorf("%s: a secret is in the answer: %s", what, a.body)
	}
	for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer",
		"Strict-Transport-Security": "max-age=31536000"} {
		if a.header.Get(name) != want {
			s.t.Errorf("%s: %s is %q", what, name, a.header.Get(name))
		}
	}
	if a.status >= 400 && a.header.Get("Content-Type") != "application/problem+json" {
		s.t.Errorf("%s: a problem of type %q: %s", what, a.header.Get("Content-Type"), a.body)
	}
}

// ok makes a request that must succeed and reads the answer.
func (s *site) ok(p person, method, path string, body, into any) answer {
	s.t.Helper()
	a := s.do(p, method, path, body)
	if a.status >= 300 {
		s.t.Fatalf("%s %s: %d %s", method, path, a.status, a.body)
	}
	if into != nil {
		s.must(json.Unmarshal([]byte(a.body), into))
	}
	return a
}

// problem is a refused request's answer.
func (s *site) problem(a answer) Problem {
	s.t.Helper()
	var p Problem
	if err := json.Unmarshal([]byte(a.body), &p); err != nil || p.Status != a.status || p.Title == "" || p.Code == "" {
		s.t.Fatalf("not a problem: %d %s", a.status, a.body)
	}
	return p
}

func cookieOf(a answer) string {
	for _, c := range (&http.Response{Header: a.header}).Cookies() {
		if c.Name == CookieName {
			return c.Value
		}
	}
	return ""
}

func (s *site) setUpBody() SetUp {
	return SetUp{Token: s.link, Company: "Acme", Name: "Olga", Email: "olga@example.com", Password: goodPassword}
}

// open claims the server for Olga.
func (s *site) open() *site {
	s.t.Helper()
	var session Session
	a := s.ok(person{}, "POST", "/api/app/setup", s.setUpBody(), &session)
	s.account = switchboard.AccountID(session.Account.Id)
	s.admin = person{switchboard.EmployeeID(session.Employee.Id), cookieOf(a)}
	return s
}

// hire adds an employee whom the CRM knows.
func (s *site) hire(id string) switchboard.EmployeeID {
	s.t.Helper()
	e := switchboard.Employee{ID: switchboard.EmployeeID(id), Email: id + "@example.com", Name: strings.ToUpper(id[:1]) + id[1:],
		Owner: switchboard.OwnerID("crm-" + id), Active: true, ActiveInCRM: true}
	s.must(s.store.InTx(s.t.Context(), func(tx switchboard.Tx) error { return s.store.AddEmployee(s.t.Context(), tx, s.account, e) }))
	return e.ID
}

// join hires somebody who accepts the invitation.
func (s *site) join(id string) person {
	s.t.Helper()
	s.hire(id)
	return s.enter(id)
}

// enter has an employee accept a fresh invitation.
func (s *site) enter(id string) person {
	s.t.Helper()
	var link struct{ URL string }
	s.ok(s.admin, "POST", "/api/app/employees/"+id+"/invitation", nil, &link)
	_, token, found := strings.Cut(link.URL, "https://chat.example/invitation#")
	if !found {
		s.t.Fatalf("invitation %q", link.URL)
	}
	a := s.ok(person{}, "POST", "/api/app/invitations/"+token, AcceptInvitation{Password: goodPassword}, nil)
	return person{switchboard.EmployeeID(id), cookieOf(a)}
}

// widget makes a webchat channel.
func (s *site) widget(name string) Channel {
	s.t.Helper()
	var ch Channel
	s.ok(s.admin, "POST", "/api/app/channels", NewChannel{Transport: "webchat", Name: &name}, &ch)
	return ch
}

func (s *site) connect() {
	s.t.Helper()
	s.ok(s.admin, "PUT", "/api/app/crm", map[string]string{"token": crmToken}, nil)
}

// audited lists the actions in the audit log, oldest first.
func (s *site) audited() []switchboard.AuditEntry {
	s.t.Helper()
	all, err := s.store.Audit(s.t.Context(), s.account, 100)
	s.must(err)
	for i, j := 0, len(all)-1; i < j; i, j = i+1, j-1 {
		all[i], all[j] = all[j], all[i]
	}
	return all
}

// lastAudit gives the newest entry, which must be of the action.
func (s *site) lastAudit(action string) switchboard.AuditEntry {
	s.t.Helper()
	all := s.audited()
	if len(all) == 0 || all[len(all)-1].Action != action {
		s.t.Fatalf("the last change is not %s: %+v", action, all)
	}
	e := all[len(all)-1]
	if strings.Contains(string(e.Before)+string(e.After), "canary") {
		s.t.Errorf("a secret is in the audit log: %s %s", e.Before, e.After)
	}
	return e
}

// eventsOf gives the kinds of the events that do causes.
func (s *site) eventsOf(do func()) []switchboard.EventKind {
	s.t.Helper()
	head, err := s.store.Head(s.t.Context(), nil, s.account)
	s.must(err)
	do()
	events, err := s.store.EventsAfter(s.t.Context(), nil, s.account, head, 100)
	s.must(err)
	kinds := []switchboard.EventKind{}
	for _, e := range events {
		kinds = append(kinds, e.Kind)
	}
	return kinds
}
