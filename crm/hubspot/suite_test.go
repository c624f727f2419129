package hubspot_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"switchboard"
	"switchboard/crm/crmtest"
	"switchboard/crm/hubspot"
	"switchboard/crm/hubspot/contract/contracttest"
	"switchboard/crm/hubspot/sandbox"
	"switchboard/secret"
)

const token = "pat-eu1-canary-3b5f"

func TestPassesTheSuiteWhereEntriesMayCarryAUniqueProperty(t *testing.T) {
	t.Parallel()
	crmtest.Run(t, func(t *testing.T) crmtest.World { return newWorld(t, nil) })
}

func TestPassesTheSuiteWhereEntriesMayNot(t *testing.T) {
	t.Parallel()
	crmtest.Run(t, func(t *testing.T) crmtest.World {
		return newWorld(t, func(cfg *sandbox.Config) { cfg.RefuseEngagementUnique = true })
	})
}

// clock is moved by hand, and by whoever sleeps.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func (c *clock) sleep(ctx context.Context, d time.Duration) error {
	c.advance(d)
	return ctx.Err()
}

// stand is a sandbox behind real HTTP, both sides held against the contract.
type stand struct {
	*sandbox.Server
	t     *testing.T
	clock *clock
	http  *http.Client
	url   string
	lags  *unevenLag
}

func newStand(t *testing.T, change func(*sandbox.Config)) *stand {
	t.Helper()
	s := &stand{t: t, clock: newClock()}
	cfg := sandbox.Config{Clock: s.clock.now, SearchLag: -1, Tokens: []sandbox.Token{{Value: token}},
		Limits: sandbox.Limits{Enforce: true}, Portal: sandbox.Portal{UIDomain: "crm.example"},
		Owners: append(sandbox.DefaultOwners(), sandbox.Owner{ID: "71000009", UserID: 8100009,
			Email: "Gone@Example.com", FirstName: "Gone", LastName: "Away", Archived: true})}
	if change != nil {
		change(&cfg)
	}
	var err error
	if s.Server, err = sandbox.New(cfg); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(contracttest.Handler(t, s.Handler()))
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		srv.Close()
	})
	s.lags = &unevenLag{now: s.clock.now}
	s.http = &http.Client{Transport: contracttest.RoundTripper(t, s.lags)}
	s.url = srv.URL
	return s
}

func (s *stand) config() hubspot.Config {
	return hubspot.Config{BaseURL: s.url, Token: secret.New(token), HTTP: s.http, Bucket: "connection-1",
		Timeout: 500 * time.Millisecond, Now: s.clock.now, Sleep: s.clock.sleep, Jitter: func() float64 { return 0 }}
}

// client is connected, with nothing of that counted.
func (s *stand) client() *hubspot.Client {
	s.t.Helper()
	c, err := hubspot.New(s.config())
	if err != nil {
		s.t.Fatal(err)
	}
	report, err := c.Connect(s.t.Context())
	if err != nil || !report.Usable() {
		s.t.Fatalf("connect: %v, %+v", err, report)
	}
	s.clock.advance(time.Minute)
	s.ResetCounters()
	return c.WithPortal(report.Portal)
}

func newWorld(t *testing.T, change func(*sandbox.Config)) crmtest.World {
	t.Helper()
	s := newStand(t, change)
	c := s.client()
	t.Cleanup(func() {
		// Fake time stands still between calls, so this is the worst case.
		if n := s.Counters(); n.PeakTen > 100 || n.PeakSearch > 5 || n.RateLimited > 0 {
			t.Errorf("the limits were not kept: %+v", n)
		}
	})
	return crmtest.World{CRM: planted(c), Stand: s, Token: token}
}

func (s *stand) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *stand) AddContact(p crmtest.Person) switchboard.ContactID {
	s.t.Helper()
	props := map[string]string{"phone": p.Phone, "mobilephone": p.Mobile, "email": p.Email, "hubspot_owner_id": string(p.Owner)}
	props["firstname"], props["lastname"], _ = strings.Cut(p.Name, " ")
	id, err := s.Create("contacts", props)
	s.must(err)
	return switchboard.ContactID(id)
}

func (s *stand) AssignContact(id switchboard.ContactID, owner switchboard.OwnerID) {
	s.t.Helper()
	s.must(s.Update("contacts", string(id), map[string]string{"hubspot_owner_id": string(owner)}))
}

func (s *stand) DeleteContact(id switchboard.ContactID) {
	s.t.Helper()
	s.must(s.Archive("contacts", string(id)))
}

func (s *stand) MergeContacts(winner, loser switchboard.ContactID) {
	s.t.Helper()
	s.must(s.Merge("contacts", string(winner), string(loser)))
}

func (s *stand) AddDeal(contact switchboard.ContactID, p switchboard.PipelineID, stage switchboard.StageID, owner switchboard.OwnerID) switchboard.DealID {
	s.t.Helper()
	var to []sandbox.Link
	if contact != "" {
		to = []sandbox.Link{{Type: "contacts", ID: string(contact)}}
	}
	id, err := s.Create("deals", map[string]string{"dealname": "A deal", "pipeline": string(p),
		"dealstage": string(stage), "hubspot_owner_id": string(owner)}, to...)
	s.must(err)
	return switchboard.DealID(id)
}

func (s *stand) MoveDeal(id switchboard.DealID, stage switchboard.StageID) {
	s.t.Helper()
	s.must(s.Update("deals", string(id), map[string]string{"dealstage": string(stage)}))
}

func (s *stand) Contacts() []switchboard.Contact {
	var list []switchboard.Contact
	for _, r := range s.Records("contacts") {
		p := r.Properties
		list = append(list, switchboard.Contact{ID: switchboard.ContactID(r.ID), Phone: p["phone"], Email: p["email"],
			Name: strings.TrimSpace(p["firstname"] + " " + p["lastname"]), Owner: switchboard.OwnerID(p["hubspot_owner_id"])})
	}
	return list
}

func (s *stand) Deals() []switchboard.Deal {
	var list []switchboard.Deal
	for _, r := range s.Records("deals") {
		p := r.Properties
		d := switchboard.Deal{ID: switchboard.DealID(r.ID), Name: p["dealname"], Pipeline: switchboard.PipelineID(p["pipeline"]),
			Stage: switchboard.StageID(p["dealstage"]), Owner: switchboard.OwnerID(p["hubspot_owner_id"])}
		for _, contact := range s.Linked("deals", r.ID, "contacts") {
			d.Contact = switchboard.ContactID(contact.ID)
		}
		list = append(list, d)
	}
	return list
}

func (s *stand) Entries(id switchboard.ContactID) []string { return s.entries("contacts", string(id)) }

func (s *stand) EntriesOfDeal(id switchboard.DealID) []string { return s.entries("deals", string(id)) }

func (s *stand) entries(kind, id string) []string {
	var all []sandbox.Record
	for _, sink := range []string{"communications", "notes"} {
		all = append(all, s.Linked(kind, id, sink)...)
	}
	slices.SortStableFunc(all, func(a, b sandbox.Record) int {
		return strings.Compare(a.Properties["hs_timestamp"], b.Properties["hs_timestamp"])
	})
	var texts []string
	for _, r := range all {
		texts = append(texts, r.Properties["hs_communication_body"]+r.Properties["hs_note_body"])
	}
	return texts
}

func (s *stand) Advance(d time.Duration) { s.clock.advance(d) }

func (s *stand) SetLag(d time.Duration) { s.t.Helper(); s.must(s.SetSearchLag(d)) }

func (s *stand) SetUnevenLag(d time.Duration) { s.lags.most.Store(int64(d)) }

// rules of the suite's faults.
var rules = map[crmtest.Fault]sandbox.Rule{
	crmtest.ReplyLost: {Kind: sandbox.FaultReplyLost}, crmtest.AnswerCut: {Kind: sandbox.FaultCutJSON},
	crmtest.NotReached: {Kind: sandbox.FaultCut}, crmtest.Page: {Kind: sandbox.FaultHTML},
	crmtest.TimeOut: {Kind: sandbox.FaultTimeout, HoldMillis: 5000}, crmtest.Busy: {Kind: sandbox.FaultRateLimit},
	crmtest.RecordBusy: {Kind: sandbox.FaultLocked}, crmtest.Broken: {Kind: sandbox.Fault500},
	crmtest.BrokenDone: {Kind: sandbox.FaultBadGateway, Done: true}, crmtest.NoAuthority: {Kind: sandbox.Fault401},
	crmtest.NoScope: {Kind: sandbox.Fault403},
}

// paths of the calls that do a kind of work; deals are created one by one.
var paths = map[crmtest.Op][]string{
	crmtest.WriteContact: {"*/contacts/batch/upsert"}, crmtest.WriteDeal: {"*/deals"},
	crmtest.WriteEntry: {"*/communications/batch/create", "*/notes/batch/create"}, crmtest.AnyCall: {"*"},
}

func (s *stand) Fault(f crmtest.Fault, op crmtest.Op, n int) {
	s.t.Helper()
	for _, path := range paths[op] {
		rule := rules[f]
		rule.Path, rule.Next = path, n
		if op != crmtest.AnyCall {
			rule.Method = http.MethodPost
		}
		s.must(s.AddRule(rule))
	}
}

func (s *stand) Fired() int {
	n := 0
	for _, r := range s.Faults().Rules {
		n += r.Fired
	}
	return n
}

func (s *stand) Calls() int { return int(s.Counters().Calls) }
