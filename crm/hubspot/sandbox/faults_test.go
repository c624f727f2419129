package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

const annaBody = `{"properties":{"firstname":"Anna"},"associations":[]}`

// raw sends a request whose answer may be spoilt; err is the client's.
func (b *box) raw(method, path, body string) (*http.Response, []byte, error) {
	b.t.Helper()
	resp, err := http.DefaultClient.Do(b.request(method, path, body))
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	return resp, data, err
}

func (b *box) plan(r Rule) {
	b.t.Helper()
	if err := b.AddRule(r); err != nil {
		b.t.Fatal(err)
	}
}

func (b *box) lastCall() Call {
	b.t.Helper()
	calls := b.Calls(0)
	if len(calls) == 0 {
		b.t.Fatal("the ledger is empty")
	}
	return calls[len(calls)-1]
}

func TestALostReplyLeavesTheWorkDone(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	b.plan(Rule{Kind: FaultReplyLost, Method: "POST", Path: contactsPath, Next: 1})
	if _, _, err := b.raw("POST", contactsPath, annaBody); err == nil {
		t.Fatal("the reply came")
	}
	if n := len(b.Records("contacts")); n != 1 {
		t.Errorf("%d contacts, want the one whose reply was lost", n)
	}
	c := b.lastCall()
	if c.Fault != FaultReplyLost || !c.Done || c.Status != 0 || len(c.IDs) != 1 || !c.Ended {
		t.Errorf("got %+v", c)
	}
	b.contact(`{"firstname":"B"}`) // the plan is spent
}

func TestAFaultNamedByItsStatusDoesNotDoTheWork(t *testing.T) {
	t.Parallel()
	for kind, category := range map[string]string{
		Fault500: "INTERNAL_ERROR", FaultBadGateway: "BAD_GATEWAY", Fault503: "SERVICE_UNAVAILABLE",
		FaultLocked: "RECORD_LOCKED", FaultMigration: "MIGRATION_IN_PROGRESS", Fault401: "INVALID_AUTHENTICATION", Fault403: "MISSING_SCOPES",
	} {
		b := open(t, nil)
		b.plan(Rule{Kind: kind, Next: 1})
		e := b.call("POST", contactsPath, annaBody).problem()
		if e.Category != category {
			t.Errorf("%s: got %q", kind, e.Category)
		}
		if n := len(b.Records("contacts")); n != 0 {
			t.Errorf("%s: %d contacts", kind, n)
		}
		if got := b.lastCall(); got.Fault != kind || got.Done {
			t.Errorf("%s: got %+v", kind, got)
		}
	}
}

func TestAServerErrorMayComeAfterTheWork(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	b.plan(Rule{Kind: Fault500, Next: 1, Done: true})
	b.call("POST", contactsPath, annaBody).want(500)
	if n := len(b.Records("contacts")); n != 1 {
		t.Errorf("%d contacts", n)
	}
}

func TestARateLimitFaultNamesItsPolicyAndWait(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	b.plan(Rule{Kind: FaultRateLimit, Next: 1, Policy: "DAILY", RetryAfterSeconds: 7})
	g := b.call("GET", contactsPath, "")
	if got := limitPolicy(t, g); got != "DAILY" || g.header.Get("Retry-After") != "7" {
		t.Errorf("got %s after %s", got, g.header.Get("Retry-After"))
	}
	b.plan(Rule{Kind: FaultMigration, Next: 1})
	if g := b.call("GET", contactsPath, "").want(477); g.header.Get("Retry-After") != "3600" {
		t.Errorf("got %q", g.header.Get("Retry-After"))
	}
}

func TestAPageInPlaceOfJSONAndHalfAnAnswer(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	b.plan(Rule{Kind: FaultHTML, Next: 1})
	resp, body, err := b.raw("POST", contactsPath, annaBody)
	if err != nil || resp.StatusCode != 200 || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") || json.Valid(body) {
		t.Errorf("got %v %s", err, body)
	}
	if len(b.Records("contacts")) != 0 {
		t.Error("the page did the work")
	}
	b.plan(Rule{Kind: FaultCutJSON, Next: 1})
	resp, body, err = b.raw("POST", contactsPath, annaBody)
	if err != nil || resp.StatusCode != 201 || len(body) == 0 || json.Valid(body) {
		t.Errorf("got %v %s", err, body)
	}
	if len(b.Records("contacts")) != 1 {
		t.Error("half an answer means the work was done")
	}
}

func TestATimeoutHoldsTheCallUntilTheCallerGivesUp(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	b.plan(Rule{Kind: FaultTimeout, Next: 1})
	ctx, giveUp := context.WithCancel(context.Background())
	failed := make(chan error, 1)
	req := b.request("POST", contactsPath, annaBody).WithContext(ctx)
	go func() {
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			resp.Body.Close()
		}
		failed <- err
	}()
	wait, stop := context.WithTimeout(context.Background(), 10*time.Second)
	defer stop()
	held := func() bool {
		calls := b.Calls(0)
		return len(calls) == 1 && calls[0].Fault == FaultTimeout && !calls[0].Ended
	}
	if err := b.Await(wait, held); err != nil {
		t.Fatal(err)
	}
	giveUp()
	if err := <-failed; err == nil {
		t.Error("an answer came")
	}
	if err := b.Await(wait, func() bool { return b.lastCall().Ended }); err != nil {
		t.Fatal(err)
	}
	if len(b.Records("contacts")) != 0 {
		t.Error("the work was done")
	}
}

func TestAnExactPlanSkipsAndThenFailsAsOftenAsSaid(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	b.plan(Rule{Kind: Fault500, Method: "POST", Path: "/crm/objects/*/contacts", Skip: 1, Next: 2})
	want := []int{201, 500, 500, 201}
	for i, status := range want {
		b.call("GET", contactsPath, "").want(200)
		if g := b.call("POST", contactsPath, annaBody); g.status != status {
			t.Errorf("call %d: got %d, want %d", i+1, g.status, status)
		}
	}
	if f := b.Faults().Rules[0]; f.Fired != 2 {
		t.Errorf("fired %d times", f.Fired)
	}
}

func TestTheSameSeedGivesTheSameFaults(t *testing.T) {
	t.Parallel()
	run := func(seed uint64) string {
		b := open(t, func(c *Config) { c.Seed = seed })
		b.plan(Rule{Kind: Fault500, Probability: 0.5})
		var out strings.Builder
		for range 40 {
			out.WriteByte("01"[b.call("GET", contactsPath, "").status/500])
		}
		return out.String()
	}
	one, again, other := run(7), run(7), run(8)
	if one != again || one == other || !strings.Contains(one, "01") {
		t.Errorf("got %s, %s, other seed %s", one, again, other)
	}
}

func TestTheServiceGoesDownAndComesBack(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	if err := b.SetDown(Down503); err != nil {
		t.Fatal(err)
	}
	b.call("GET", contactsPath, "").want(503)
	if err := b.SetDown(DownCut); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.raw("GET", contactsPath, ""); err == nil {
		t.Error("an answer came")
	}
	b.ClearFaults()
	b.call("GET", contactsPath, "").want(200)
}

func TestFaultsAreSwitchedOverHTTP(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	b.call("PUT", "/sandbox/faults", `{"searchLagMillis":30000,"rules":[{"kind":"502","method":"GET","next":1}]}`).want(200)
	if f := b.Faults(); f.SearchLagMillis != 30_000 || len(f.Rules) != 1 || f.Limits.PerTenSeconds != 100 {
		t.Errorf("got %+v", f)
	}
	b.call("POST", "/sandbox/faults/rules", `{"kind":"500","next":1}`).want(200)
	b.call("GET", contactsPath, "").want(502)
	b.call("GET", contactsPath, "").want(500)
	for _, bad := range []string{`{"down":"half"}`, `{"searchLagMillis":-1}`, `{"rules":[{"kind":"666"}]}`, `{"rules":[{"kind":"500","probability":2}]}`, `{"nosuch":1}`, `x`} {
		b.call("PUT", "/sandbox/faults", bad).want(400)
	}
	b.call("DELETE", "/sandbox/faults", "").want(200)
	if f := b.Faults(); f.SearchLagMillis != 2000 || len(f.Rules) != 0 {
		t.Errorf("got %+v", f)
	}
}

func TestAForeignPageCanNotTurnTheSwitches(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	req := b.request("PUT", "/sandbox/faults", `{"down":"503"}`)
	req.Header.Set("Origin", "https://elsewhere.example")
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden || b.Faults().Down != DownNot {
		t.Errorf("got %d, down %q", resp.StatusCode, b.Faults().Down)
	}
}

func TestTheLedgerHoldsEveryCallWithoutGaps(t *testing.T) {
	t.Parallel()
	file := t.TempDir() + "/ledger.jsonl"
	b := open(t, func(c *Config) { c.LedgerSize, c.LedgerFile = 3, file })
	for range 5 {
		b.call("GET", contactsPath, "").want(200)
	}
	calls := b.Calls(0)
	if len(calls) != 3 || calls[0].Seq != 3 || calls[2].Seq != 5 || calls[2].Status != 200 {
		t.Errorf("got %+v", calls)
	}
	if later := b.Calls(4); len(later) != 1 || later[0].Seq != 5 {
		t.Errorf("got %+v", later)
	}
	if n := lines(t, file); n != 5 {
		t.Errorf("the file has %d lines", n)
	}
	var out struct {
		Calls    []Call
		Counters Counters
	}
	b.call("GET", "/sandbox/ledger?after=3", "").want(200).json(&out)
	if len(out.Calls) != 2 || out.Counters.Calls != 5 {
		t.Errorf("got %+v", out)
	}
}

// The harness must be able to fail: an answer that leaves the contract is
// noticed.
func TestTheContractCheckNoticesAWrongAnswer(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	req := httptest.NewRequest("GET", contactsPath+"/1", nil)
	input := contractInput(t, req)
	if input == nil {
		t.Fatal("the contract does not know the path")
	}
	for _, body := range []string{`{"id":1}`, `{"id":"1","properties":{}}`} {
		probe := &testing.T{}
		done := make(chan struct{})
		go func() {
			defer close(done)
			checkAnswer(probe, input, &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}}, []byte(body))
		}()
		<-done
		if !probe.Failed() {
			t.Errorf("%s passed", body)
		}
	}
	_ = b
}

func lines(t *testing.T, path string) int {
	t.Helper()
	return bytes.Count(readFile(t, path), []byte("\n"))
}
