package hubspot_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"switchboard"
	"switchboard/crm"
	"switchboard/crm/hubspot"
	"switchboard/secret"
)

func post(t *testing.T, s *stand, path, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	res, err := s.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusCreated {
		t.Fatalf("%s gave %d", path, res.StatusCode)
	}
}

// reply is one scripted answer.
type reply struct {
	status int
	body   string
	header map[string]string
}

// script answers calls one after another and notes them; the last answer stays.
type script struct {
	*hubspot.Client
	clock *clock
	mu    sync.Mutex
	seen  []string // method, path, body
	seenE []string // as observed
}

func play(t *testing.T, replies ...reply) *script {
	t.Helper()
	s := &script{clock: newClock()}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		one := replies[min(len(s.seen), len(replies)-1)]
		s.seen = append(s.seen, r.Method+" "+r.URL.RequestURI()+" "+string(body))
		s.mu.Unlock()
		if one.status == 0 {
			panic(http.ErrAbortHandler)
		}
		for name, value := range one.header {
			w.Header().Set(name, value)
		}
		w.WriteHeader(one.status)
		_, _ = io.WriteString(w, one.body)
	}))
	t.Cleanup(srv.Close)
	c, err := hubspot.New(hubspot.Config{BaseURL: srv.URL, Token: secret.New(token), HTTP: srv.Client(),
		Now: s.clock.now, Sleep: s.clock.sleep, Jitter: func() float64 { return 0 }, Timeout: 2 * time.Second,
		Portal: hubspot.Portal{TimeZone: "Europe/Moscow"},
		Observe: func(method, route string, status int, _ time.Duration) {
			s.seenE = append(s.seenE, fmt.Sprint(method, " ", route, " ", status))
		}})
	if err != nil {
		t.Fatal(err)
	}
	s.Client = c
	return s
}

func (s *script) calls() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.seen)
}

func ok(body string) reply { return reply{status: 200, body: body} }

const contactJSON = `{"id":"5","properties":{"firstname":"Anna","switchboard_uid":%q},"createdAt":"2026-11-23T09:00:00Z","updatedAt":"2026-11-23T09:00:00Z","archived":false}`

func newContact() crm.NewContact { return crm.NewContact{Client: "c1", Name: "Anna", Email: "a@b.c"} }

// The table of the reference: what a status means, and what a spoiled answer means to
// a read and to a write.
func TestEachAnswerHasItsClass(t *testing.T) {
	t.Parallel()
	page, cut := "<html>wait</html>", `{"status":"COMPLETE","results":[{"id":"5","prop`
	huge := `{"results":[],"x":"` + strings.Repeat("x", 9<<20) + `"}`
	for _, c := range []struct {
		name        string
		reply       reply
		read, write crm.ErrorClass
	}{
		{"400", reply{status: 400, body: `{"category":"VALIDATION_ERROR"}`}, crm.Refused, crm.Refused},
		{"401", reply{status: 401}, crm.Unauthentic, crm.Unauthentic},
		{"403", reply{status: 403, body: page}, crm.Forbidden, crm.Forbidden},
		{"404", reply{status: 404}, crm.Missing, crm.Missing},
		{"414", reply{status: 414}, crm.Refused, crm.Refused},
		{"423", reply{status: 423}, crm.Locked, crm.Locked},
		{"429", reply{status: 429}, crm.Limited, crm.Limited},
		{"477", reply{status: 477}, crm.Limited, crm.Limited},
		{"500", reply{status: 500}, crm.Unavailable, crm.Unavailable},
		{"524", reply{status: 524, body: page}, crm.Unavailable, crm.Unavailable},
		{"304", reply{status: 304}, crm.Unavailable, crm.Unavailable},
		{"page", ok(page), crm.Unavailable, crm.Lost},
		{"cut JSON", ok(cut), crm.Unavailable, crm.Lost},
		{"too large", ok(huge), crm.Unavailable, crm.Lost},
		{"empty", ok(``), crm.Unavailable, crm.Lost},
		{"nothing in it", ok(`{}`), crm.Unavailable, crm.Lost},
		{"record without id", ok(`{"results":[{"properties":{}}]}`), crm.Unavailable, crm.Lost},
		{"connection cut", reply{}, crm.Unavailable, crm.Lost},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := play(t, c.reply).Contacts(t.Context(), []switchboard.ContactID{"5"})
			if crm.ClassOf(err) != c.read || err == nil {
				t.Errorf("a read gave %v, want class %s", err, c.read)
			}
			_, err = play(t, c.reply).UpsertContact(t.Context(), newContact())
			if crm.ClassOf(err) != c.write || err == nil {
				t.Errorf("a write gave %v, want class %s", err, c.write)
			}
		})
	}
}

func TestAWriteThatNeverLeftIsNotLost(t *testing.T) {
	t.Parallel()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	c, err := hubspot.New(hubspot.Config{BaseURL: "http://" + address, HTTP: http.DefaultClient})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = c.UpsertContact(t.Context(), newContact()); crm.ClassOf(err) != crm.Unavailable || strings.Contains(err.Error(), "upsert") {
		t.Errorf("got %v, want class %s without the address", err, crm.Unavailable)
	}
}

func TestEachLimitHasItsPause(t *testing.T) {
	t.Parallel()
	limited := func(policy string, header map[string]string) reply {
		return reply{429, `{"errorType":"RATE_LIMIT","policyName":"` + policy + `"}`, header}
	}
	for name, c := range map[string]struct {
		reply reply
		want  time.Duration
	}{
		"rolling":             {limited("TEN_SECONDLY_ROLLING", nil), 10 * time.Second},
		"unknown":             {limited("", nil), 10 * time.Second},
		"secondly":            {limited("SECONDLY", nil), time.Second},
		"daily":               {limited("DAILY", nil), 12 * time.Hour}, // 09:00 UTC is noon in Moscow
		"Retry-After":         {limited("SECONDLY", map[string]string{"Retry-After": "30"}), 30 * time.Second},
		"migration":           {reply{477, ``, map[string]string{"Retry-After": "7200"}}, 2 * time.Hour},
		"migration, no hint":  {reply{status: 477}, 5 * time.Minute},
		"an endless pause":    {limited("", map[string]string{"Retry-After": "2000000000"}), 24 * time.Hour},
		"a pause in the past": {limited("", map[string]string{"Retry-After": "-5"}), 10 * time.Second},
	} {
		s := play(t, c.reply, ok(`{"results":[]}`))
		_, err := s.Pipelines(t.Context())
		var e *crm.Error
		if !errors.As(err, &e) || e.Class != crm.Limited || e.After != c.want {
			t.Errorf("%s: got %+v, want a pause of %s", name, e, c.want)
			continue
		}
		if _, err = s.Pipelines(hubspot.WithLane(t.Context(), hubspot.LaneTimeline)); c.want > time.Second && (crm.ClassOf(err) != crm.Limited || len(s.calls()) != 1) {
			t.Errorf("%s: during the pause %d calls were made", name, len(s.calls()))
		}
		s.clock.advance(c.want)
		if _, err = s.Pipelines(t.Context()); err != nil {
			t.Errorf("%s: after the pause: %v", name, err)
		}
	}
}

func TestRepeatedRefusalsPauseLonger(t *testing.T) {
	t.Parallel()
	s := play(t, reply{429, `{"policyName":"TEN_SECONDLY_ROLLING"}`, nil})
	for n := 1; n <= 8; n++ {
		_, err := s.Pipelines(t.Context())
		var e *crm.Error
		if want := time.Duration(min(n, 6)) * 10 * time.Second; !errors.As(err, &e) || e.After != want {
			t.Fatalf("refusal %d: %+v, want a pause of %s", n, e, want)
		}
		s.clock.advance(e.After)
	}
}

func TestASearchLimitDoesNotStopOtherCalls(t *testing.T) {
	t.Parallel()
	s := play(t, reply{429, `{"policyName":"SECONDLY"}`, map[string]string{"Retry-After": "60"}}, ok(`{"results":[]}`))
	if _, _, err := s.ChangedContacts(t.Context(), ""); crm.ClassOf(err) != crm.Limited {
		t.Fatal(err)
	}
	if _, err := s.Pipelines(t.Context()); err != nil {
		t.Errorf("another call: %v", err)
	}
}

func TestReadsAllPagesOfOwnersAndPeopleOnly(t *testing.T) {
	t.Parallel()
	s := play(t,
		ok(`{"results":[{"id":"3","type":"PERSON","email":"Old@b.c","firstName":"Old","userId":null,"userIdIncludingInactive":33,"archived":true}]}`),
		ok(`{"results":[{"id":"1","type":"PERSON","email":"A@b.c","firstName":"Anna","lastName":"B","userId":11,"archived":false},{"id":"2","type":"QUEUE","email":"q@b.c"}],"paging":{"next":{"after":"2"}}}`),
		ok(`{"results":[{"id":"4","type":"PERSON","email":"d@b.c","userId":44,"archived":false}]}`))
	got, err := s.Owners(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []switchboard.Owner{{ID: "1", UserID: "11", Email: "a@b.c", Name: "Anna B", Active: true},
		{ID: "3", UserID: "33", Email: "old@b.c", Name: "Old"}, {ID: "4", UserID: "44", Email: "d@b.c", Name: "d@b.c", Active: true}}
	if !slices.Equal(got, want) || !strings.Contains(s.calls()[2], "after=2") {
		t.Errorf("got %+v by %q", got, s.calls())
	}
}

func TestClosedAndGuardedStagesAreNotOffered(t *testing.T) {
	t.Parallel()
	s := play(t, ok(`{"results":[{"id":"p2","label":"B","displayOrder":2,"stages":[]},{"id":"gone","archived":true,"stages":[]},
		{"id":"p1","label":"A","displayOrder":1,"stages":[
		{"id":"won","displayOrder":9,"metadata":{"probability":"1.0"}},{"id":"lost","displayOrder":8,"metadata":{"probability":"0.0"}},
		{"id":"maybe","displayOrder":7,"metadata":{"probability":"1.0","isClosed":"false"}},{"id":"old","archived":true,"metadata":{}},
		{"id":"ro","displayOrder":6,"metadata":{},"writePermissions":"READ_ONLY"},{"id":"in","displayOrder":5,"metadata":{},"writePermissions":"INTERNAL_ONLY"},
		{"id":"shut","displayOrder":4,"metadata":{"isClosed":"true","probability":"0.5"}},{"id":"new","displayOrder":1,"metadata":{"isClosed":"false","probability":"0.1"},"writePermissions":"CRM_PERMISSIONS_ENFORCEMENT"}]}]}`))
	got, err := s.Pipelines(t.Context())
	if err != nil || len(got) != 2 || got[0].ID != "p1" {
		t.Fatalf("%v, %+v", err, got)
	}
	var text []string
	for _, stage := range got[0].Stages {
		text = append(text, fmt.Sprint(stage.ID, " ", stage.Offered, " ", stage.Closed))
	}
	want := "new true false, shut false true, in false false, ro false false, maybe true false, lost false true, won false true"
	if strings.Join(text, ", ") != want {
		t.Errorf("got  %s\nwant %s (DEAL-4)", strings.Join(text, ", "), want)
	}
}

func TestAnEmailThatHubSpotRefusesDoesNotStopTheContact(t *testing.T) {
	t.Parallel()
	refused := `{"status":"COMPLETE","results":[],"errors":[{"status":"error","category":"VALIDATION_ERROR","message":"x","errors":[{"message":"y","code":"INVALID_EMAIL"}]}]}`
	s := play(t, reply{status: 207, body: refused}, ok(`{"results":[`+fmt.Sprintf(contactJSON, "c1")+`]}`))
	got, err := s.UpsertContact(t.Context(), newContact())
	if err != nil || got.ID != "5" || strings.Contains(s.calls()[1], "a@b.c") {
		t.Errorf("%v, %+v, %q", err, got, s.calls())
	}
}

func TestACollisionIsSettledByReading(t *testing.T) {
	t.Parallel()
	conflict := `{"status":"error","message":"Contact already exists.%s","category":"CONFLICT","correlationId":"x"}`
	ours, free, other := fmt.Sprintf(contactJSON, "c1"), fmt.Sprintf(contactJSON, ""), fmt.Sprintf(contactJSON, "c9")
	named := reply{status: 409, body: fmt.Sprintf(conflict, " Existing ID: 5")}
	for name, c := range map[string]struct {
		replies []reply
		want    string // the last call
	}{
		"by somebody faster":    {[]reply{named, ok(ours)}, "GET /crm/objects/2026-03/contacts/5?"},
		"with another client":   {[]reply{named, ok(other)}, "GET /crm/objects/2026-03/contacts/5?"},
		"with a free contact":   {[]reply{named, ok(free), ok(free)}, "PATCH /crm/objects/2026-03/contacts/5 "},
		"without an id":         {[]reply{{status: 409, body: fmt.Sprintf(conflict, "")}, {status: 404}, ok(other)}, "GET /crm/objects/2026-03/contacts/a@b.c?"},
		"that moves meanwhile":  {[]reply{named, ok(free), named, ok(ours)}, "GET /crm/objects/2026-03/contacts/c1?"},
		"that goes meanwhile":   {[]reply{named, {status: 404}, {status: 404}, {status: 404}}, ""},
		"as a validation error": {[]reply{{status: 400, body: `{"category":"VALIDATION_ERROR","message":"[{\"error\":\"CONFLICTING_UNIQUE_VALUE\",\"name\":\"switchboard_uid\"}]"}`}, ok(ours)}, "GET /crm/objects/2026-03/contacts/c1?"},
	} {
		s := play(t, c.replies...)
		got, err := s.UpsertContact(t.Context(), newContact())
		last := s.calls()[len(s.calls())-1]
		switch {
		case c.want == "" && crm.ClassOf(err) != crm.Unavailable:
			t.Errorf("%s: %v", name, err)
		case c.want != "" && (err != nil || got.ID != "5" || !strings.HasPrefix(last, c.want)):
			t.Errorf("%s: %v, %+v, last call %q", name, err, got, last)
		}
	}
}

func TestATakenOrLostDealIsReadByOurProperty(t *testing.T) {
	t.Parallel()
	deal := ok(`{"id":"8","properties":{"dealname":"x","hs_is_closed":"false","dealstage":"s"},"updatedAt":"2026-11-23T09:00:00Z"}`)
	taken := reply{status: 400, body: `{"category":"VALIDATION_ERROR","errors":[{"message":"has that value","code":"CONFLICTING_UNIQUE_VALUE","context":{"propertyName":["switchboard_deal_uid"]}}]}`}
	for name, c := range map[string]struct {
		replies []reply
		want    crm.ErrorClass // "" = the deal
	}{
		"taken":              {[]reply{taken, deal}, ""},
		"taken, then silent": {[]reply{taken, {status: 503}}, crm.Unavailable},
		"lost, is there":     {[]reply{{}, deal}, ""},
		"lost, not there":    {[]reply{{}, {status: 404}}, crm.Lost},
		"lost, then silent":  {[]reply{{}, {status: 503}}, crm.Lost},
		"refused":            {[]reply{{status: 400}}, crm.Refused},
	} {
		got, err := play(t, c.replies...).UpsertDeal(t.Context(), crm.NewDeal{Client: "c1", Contact: "5", Pipeline: "p", Stage: "s"})
		if c.want == "" && (err != nil || got.ID != "8" || got.Contact != "5" || !got.Open) || c.want != "" && (err == nil || crm.ClassOf(err) != c.want) {
			t.Errorf("%s: %v, %+v", name, err, got)
		}
	}
}

func notes(n int) []crm.Entry {
	var list []crm.Entry
	for i := range n {
		list = append(list, crm.Entry{Key: crm.EntryKey(fmt.Sprint("k", i)), Sink: crm.SinkNote, Contact: "5",
			Text: "secret text", Link: fmt.Sprint("https://chat.example/m/", i)})
	}
	return list
}

func outcomes(results []crm.EntryResult) string {
	var out []string
	for _, r := range results {
		out = append(out, string(r.Outcome))
	}
	return strings.Join(out, "+")
}

func TestEachEntryIsSettledByWhatTheAnswerSays(t *testing.T) {
	t.Parallel()
	row := func(id int, extra string) string {
		return fmt.Sprintf(`{"id":"%d","properties":{%s}}`, 100+id, extra)
	}
	link := func(n int) string {
		return fmt.Sprintf(`"hs_note_body":"<a href=\"https://chat.example/m/%d\">Switchboard</a>"`, n)
	}
	for name, c := range map[string]struct {
		reply reply
		want  string
	}{
		"recognised by link":    {reply{status: 201, body: `{"results":[` + row(1, link(1)) + `,` + row(0, link(0)) + `]}`}, "written+written"},
		"all there, no names":   {reply{status: 201, body: `{"results":[` + row(1, "") + `,` + row(0, "") + `]}`}, "written+written"},
		"one not mentioned":     {reply{status: 201, body: `{"results":[` + row(1, link(1)) + `]}`}, "unknown+written"},
		"one refused":           {reply{status: 207, body: `{"results":[` + row(1, link(1)) + `],"errors":[{"category":"VALIDATION_ERROR","message":"x","context":{"objectWriteTraceId":["k0"]}}]}`}, "refused+written"},
		"one locked":            {reply{status: 207, body: `{"results":[` + row(1, link(1)) + `],"errors":[{"category":"OBJECT_LOCKED","message":"x","id":"k0"}]}`}, "locked+written"},
		"an error without name": {reply{status: 207, body: `{"results":[` + row(1, link(1)) + `],"errors":[{"category":"VALIDATION_ERROR","message":"x"}]}`}, "unknown+written"},
		"gateway error":         {reply{status: 502}, "unknown+unknown"},
		"cut":                   {reply{}, "unknown+unknown"},
		"a page":                {ok("<html>"), "unknown+unknown"},
	} {
		results, err := play(t, c.reply).WriteEntries(t.Context(), notes(2))
		if err != nil || outcomes(results) != c.want {
			t.Errorf("%s: %v, %s, want %s", name, err, outcomes(results), c.want)
		}
	}
}

func TestABatchRefusedAsAWholeIsHalvedUntilTheBadEntryIsFound(t *testing.T) {
	t.Parallel()
	clock := newClock()
	calls := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		calls++
		if strings.Contains(string(body), `"k13"`) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"category":"VALIDATION_ERROR","message":"secret text is bad","subCategory":"crm.associations.INVALID_OBJECT_IDS"}`)
			return
		}
		n := strings.Count(string(body), "objectWriteTraceId")
		_, _ = io.WriteString(w, `{"results":[`+strings.TrimSuffix(strings.Repeat(`{"id":"1","properties":{}},`, n), ",")+`]}`)
	}))
	defer srv.Close()
	c, err := hubspot.New(hubspot.Config{BaseURL: srv.URL, HTTP: srv.Client(), Now: clock.now, Sleep: clock.sleep})
	if err != nil {
		t.Fatal(err)
	}
	results, err := c.WriteEntries(t.Context(), notes(100))
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		want := crm.EntryWritten
		if i == 13 {
			want = crm.EntryGone
		}
		if r.Outcome != want || strings.Contains(r.Reason, "secret") {
			t.Errorf("entry %d: %+v, want %s", i, r, want)
		}
	}
	if calls > 16 {
		t.Errorf("it took %d calls", calls)
	}
}

func TestWhatWasNotSentIsTriedAgainLater(t *testing.T) {
	t.Parallel()
	list := notes(2)
	list[0].Sink = crm.SinkCommunication
	s := play(t, ok(`{"results":[{"id":"1","properties":{}}]}`), reply{status: 403})
	results, err := s.WriteEntries(t.Context(), list)
	if err != nil || outcomes(results) != "written+locked" {
		t.Errorf("%v, %s", err, outcomes(results))
	}
	if _, err = play(t, reply{status: 403}).WriteEntries(t.Context(), list); crm.ClassOf(err) != crm.Forbidden {
		t.Errorf("nothing sent: %v, want class %s", err, crm.Forbidden)
	}
}

func TestCallsAreObservedWithoutIds(t *testing.T) {
	t.Parallel()
	s := play(t, reply{status: 404})
	_, _ = s.FindContacts(t.Context(), crm.PersonQuery{Client: "canary-client"})
	_, _ = s.SetContactOwner(t.Context(), "canary-contact", "7")
	want := "GET /crm/objects/2026-03/contacts/{id} 404, PATCH /crm/objects/2026-03/contacts/{id} 404"
	if got := strings.Join(s.seenE, ", "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestThePrintedClientHidesItsToken(t *testing.T) {
	t.Parallel()
	s := play(t, reply{status: 404})
	for _, text := range []string{fmt.Sprintf("%+v", s.Client), fmt.Sprintf("%#v", *s.Client)} {
		if strings.Contains(text, token) {
			t.Error("the token is printed (P13)")
		}
	}
}

// DEAL-8: the administrator learns which property the CRM wants.
func TestARefusalNamesItsPropertiesAndScopes(t *testing.T) {
	t.Parallel()
	s := play(t, reply{status: 400, body: `{"category":"VALIDATION_ERROR","correlationId":"aeb5f871-7f07","message":"Error creating DEAL \"Anna\". Some required properties were not set for a@b.c 79161234567.",
		"errors":[{"message":"m","code":"MISSING_REQUIRED_PROPERTY","context":{"propertyName":["amount"]}}]}`})
	_, err := s.UpsertDeal(t.Context(), crm.NewDeal{Client: "c1", Name: "Anna", Contact: "5"})
	var e *crm.Error
	var p *hubspot.Problem
	if !errors.As(err, &e) || !errors.As(err, &p) {
		t.Fatal(err)
	}
	want := "VALIDATION_ERROR MISSING_REQUIRED_PROPERTY amount: Error creating DEAL … Some required properties were not set for"
	if e.Reason != want || e.Correlation != "aeb5f871-7f07" || !slices.Equal(p.Properties, []string{"amount"}) {
		t.Errorf("got %q, %+v", e.Reason, p)
	}
	s = play(t, reply{status: 403, body: `{"category":"MISSING_SCOPES","context":{"requiredGranularScopes":["crm.objects.deals.write"]}}`})
	_, err = s.UpsertDeal(t.Context(), crm.NewDeal{Client: "c1", Contact: "5"})
	if !errors.As(err, &p) || !slices.Equal(p.Scopes, []string{"crm.objects.deals.write"}) {
		t.Errorf("got %+v", p)
	}
}
