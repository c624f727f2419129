package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"switchboard/crm/hubspot/contract"
)

const testToken = "pat-test-1"

// clock is moved by hand.
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

// box is a sandbox behind real HTTP whose every call is held against the
// contract.
type box struct {
	*Server
	t     *testing.T
	clock *clock
	url   string
	token string
}

func open(t *testing.T, change func(*Config)) *box {
	t.Helper()
	b := &box{t: t, clock: newClock(), token: testToken}
	cfg := Config{Clock: b.clock.now, Tokens: []Token{{Value: testToken}}}
	if change != nil {
		change(&cfg)
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(s.Handler())
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		srv.Close()
	})
	b.Server, b.url = s, srv.URL
	return b
}

// got is an answer.
type got struct {
	t      *testing.T
	status int
	header http.Header
	body   []byte
}

func (g got) json(into any) {
	g.t.Helper()
	if err := json.Unmarshal(g.body, into); err != nil {
		g.t.Fatalf("decode %d %s: %v", g.status, g.body, err)
	}
}

func (g got) want(status int) got {
	g.t.Helper()
	if g.status != status {
		g.t.Fatalf("got status %d, want %d: %s", g.status, status, g.body)
	}
	return g
}

func (g got) record() recordOut {
	g.t.Helper()
	var r recordOut
	g.json(&r)
	return r
}

func (g got) problem() apiError {
	g.t.Helper()
	var e apiError
	g.json(&e)
	return e
}

func (g got) batch() batchOut {
	g.t.Helper()
	var out batchOut
	g.json(&out)
	return out
}

func (g got) found() searchOut {
	g.t.Helper()
	var out searchOut
	g.json(&out)
	return out
}

func value(r recordOut, name string) string {
	if p := r.Properties[name]; p != nil {
		return *p
	}
	return ""
}

// call sends a request that agrees with the contract and checks both ways.
func (b *box) call(method, path, body string) got {
	b.t.Helper()
	return b.send(method, path, body, true)
}

// wrong sends a request that breaks the contract; the answer must not.
func (b *box) wrong(method, path, body string) got {
	b.t.Helper()
	return b.send(method, path, body, false)
}

func (b *box) request(method, path, body string) *http.Request {
	b.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, b.url+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
		if strings.HasPrefix(path, "/oauth/") {
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
	}
	if b.token != "" {
		req.Header.Set("Authorization", "Bearer "+b.token)
	}
	return req
}

func (b *box) send(method, path, body string, checkRequest bool) got {
	b.t.Helper()
	req := b.request(method, path, body)
	input := contractInput(b.t, req)
	if checkRequest && input != nil {
		if err := openapi3filter.ValidateRequest(context.Background(), input); err != nil {
			b.t.Fatalf("request against the contract: %v", err)
		}
		req.Body = io.NopCloser(strings.NewReader(body))
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatalf("read answer: %v", err)
	}
	checkAnswer(b.t, input, resp, raw)
	return got{b.t, resp.StatusCode, resp.Header, raw}
}

func checkAnswer(t *testing.T, input *openapi3filter.RequestValidationInput, resp *http.Response, raw []byte) {
	t.Helper()
	if input == nil {
		return
	}
	err := openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: resp.StatusCode, Header: resp.Header,
		Body: io.NopCloser(bytes.NewReader(raw)), Options: input.Options,
	})
	if err != nil {
		t.Fatalf("answer against the contract: %v\n%s", err, raw)
	}
}

var contractRouter = sync.OnceValues(func() (routers.Router, error) {
	doc, err := openapi3.NewLoader().LoadFromData(contract.OpenAPI)
	if err != nil {
		return nil, err
	}
	doc.Servers = openapi3.Servers{{URL: "/"}}
	return legacy.NewRouter(doc)
})

// contractInput is nil for paths the contract does not describe.
func contractInput(t *testing.T, req *http.Request) *openapi3filter.RequestValidationInput {
	t.Helper()
	router, err := contractRouter()
	if err != nil {
		t.Fatal(err)
	}
	route, params, err := router.FindRoute(req)
	if err != nil {
		return nil
	}
	return &openapi3filter.RequestValidationInput{Request: req, Route: route, PathParams: params,
		Options: &openapi3filter.Options{
			IncludeResponseStatus: true, MultiError: true,
			AuthenticationFunc: openapi3filter.NoopAuthenticationFunc,
		}}
}

// short names for the tests' requests
const (
	contactsPath = "/crm/objects/2026-03/contacts"
	dealsPath    = "/crm/objects/2026-03/deals"
	commsPath    = "/crm/objects/2026-03/communications"
	notesPath    = "/crm/objects/2026-03/notes"
	leadsPath    = "/crm/objects/2026-03/leads"
)

func (b *box) contact(props string) recordOut {
	b.t.Helper()
	return b.call("POST", contactsPath, `{"properties":`+props+`,"associations":[]}`).want(201).record()
}

func (b *box) deal(contactID string) recordOut {
	b.t.Helper()
	return b.call("POST", dealsPath, `{"properties":{"dealname":"A deal","pipeline":"default","dealstage":"newrequest"},
		"associations":[{"to":{"id":"`+contactID+`"},"types":[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":3}]}]}`).
		want(201).record()
}

func (b *box) uniqueProperty(kindName, name string) {
	b.t.Helper()
	b.call("POST", "/crm/properties/2026-03/"+kindName, `{"name":"`+name+`","label":"Key","type":"string",
		"fieldType":"text","groupName":"contactinformation","hasUniqueValue":true}`).want(201)
}

// search asks with one group of filters given as JSON.
func (b *box) search(path, filters string) searchOut {
	b.t.Helper()
	return b.call("POST", path+"/search", `{"filterGroups":[{"filters":`+filters+`}],"sorts":[],"properties":[],"limit":200,"after":""}`).
		want(200).found()
}
