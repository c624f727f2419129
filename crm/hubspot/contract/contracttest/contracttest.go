package contracttest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"switchboard/crm/hubspot/contract"
)

// Checked is a round tripper or handler that judges what passes.
type Checked struct {
	http.RoundTripper
	http.Handler
	judge *judge
}

// Judged tells how many requests and answers were held against the contract.
func (c *Checked) Judged() (requests, answers int64) {
	return c.judge.requests.Load(), c.judge.answers.Load()
}

// RoundTripper judges the calls made through next (nil: http.DefaultTransport). Every
// call must be to an address of the contract.
func RoundTripper(t testing.TB, next http.RoundTripper) *Checked {
	t.Helper()
	if next == nil {
		next = http.DefaultTransport
	}
	j := newJudge(t)
	return &Checked{judge: j, RoundTripper: roundTrip(func(r *http.Request) (*http.Response, error) {
		sent, err := keep(&r.Body)
		if err != nil {
			return nil, err
		}
		input := j.request(r, sent, true)
		res, err := next.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		body, readErr := io.ReadAll(res.Body)
		_ = res.Body.Close()
		res.Body = &replay{Reader: bytes.NewReader(body), end: readErr}
		j.answer(input, res.StatusCode, res.Header, body)
		return res, nil
	})}
}

// Handler judges the calls answered by next. Other addresses than the API's (pages,
// a stand-in's own switches) pass unjudged; an unknown address of the API must be
// answered with an error.
func Handler(t testing.TB, next http.Handler) *Checked {
	t.Helper()
	j := newJudge(t)
	return &Checked{judge: j, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isAPI(r.URL.Path) {
			next.ServeHTTP(w, r)
			return
		}
		sent, err := keep(&r.Body)
		if err != nil {
			return // the caller has gone
		}
		input := j.request(r, sent, false)
		copied := &tee{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(copied, r)
		j.answer(input, copied.status, w.Header(), copied.body.Bytes())
	})}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// replay gives a body again, and the error that it ended with.
type replay struct {
	io.Reader
	end error
}

func (r *replay) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err == io.EOF && r.end != nil {
		err = r.end
	}
	return n, err
}

func (r *replay) Close() error { return nil }

// tee copies what is answered.
type tee struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (t *tee) WriteHeader(status int) {
	t.status = status
	t.ResponseWriter.WriteHeader(status)
}

func (t *tee) Write(p []byte) (int, error) {
	t.body.Write(p)
	return t.ResponseWriter.Write(p)
}

func (t *tee) Unwrap() http.ResponseWriter { return t.ResponseWriter }

// keep reads a body and puts it back.
func keep(body *io.ReadCloser) ([]byte, error) {
	if *body == nil || *body == http.NoBody {
		return nil, nil
	}
	all, err := io.ReadAll(*body)
	_ = (*body).Close()
	*body = io.NopCloser(bytes.NewReader(all))
	return all, err
}

func isAPI(path string) bool {
	for _, root := range []string{"/crm/", "/account-info/", "/oauth/", "/appinstalls/", "/integrators/"} {
		if strings.HasPrefix(path, root) {
			return true
		}
	}
	return false
}

// judge holds calls against the contract and reports to a test.
type judge struct {
	router   routers.Router
	requests atomic.Int64
	answers  atomic.Int64

	mu sync.Mutex
	t  testing.TB // nil once the test has ended
}

func newJudge(t testing.TB) *judge {
	t.Helper()
	router, err := contractRouter()
	if err != nil {
		t.Fatal(err)
	}
	j := &judge{router: router, t: t}
	t.Cleanup(func() {
		j.mu.Lock()
		defer j.mu.Unlock()
		j.t = nil
	})
	return j
}

var contractRouter = sync.OnceValues(func() (routers.Router, error) {
	doc, err := openapi3.NewLoader().LoadFromData(contract.OpenAPI)
	if err != nil {
		return nil, fmt.Errorf("read the contract: %w", err)
	}
	doc.Servers = openapi3.Servers{{URL: "/"}}
	return legacy.NewRouter(doc)
})

func (j *judge) reportf(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.t != nil {
		j.t.Errorf(format, args...)
	}
}

// request judges a request and gives what its answer is to be judged by: nil when the
// contract does not know the address. A server is also sent wrong requests, on purpose:
// only a caller's are reported.
func (j *judge) request(r *http.Request, sent []byte, report bool) *openapi3filter.RequestValidationInput {
	copied := r.Clone(context.WithoutCancel(r.Context()))
	copied.Body = io.NopCloser(bytes.NewReader(sent))
	copied.URL.Scheme, copied.URL.Host, copied.Host = "", "", ""
	route, params, err := j.router.FindRoute(copied)
	if err != nil {
		if report {
			j.reportf("%s %s is not in the contract", r.Method, r.URL.Path)
		}
		return nil
	}
	input := &openapi3filter.RequestValidationInput{Request: copied, Route: route, PathParams: params,
		Options: &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true,
			AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}}
	if report {
		j.requests.Add(1)
		if err := openapi3filter.ValidateRequest(copied.Context(), input); err != nil {
			j.reportf("request %s %s against the contract: %v\n%s", r.Method, r.URL.Path, err, sent)
		}
	}
	return input
}

func (j *judge) answer(input *openapi3filter.RequestValidationInput, status int, header http.Header, body []byte) {
	if len(body) > 0 && !json.Valid(body) {
		return
	}
	if input == nil {
		if status < 400 {
			j.reportf("answer %d to an address that is not in the contract", status)
		}
		return
	}
	j.answers.Add(1)
	err := openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: status, Header: header,
		Body: io.NopCloser(bytes.NewReader(body)), Options: input.Options,
	})
	if err != nil {
		j.reportf("answer %d to %s %s against the contract: %v\n%s", status, input.Request.Method, input.Request.URL.Path, err, body)
	}
}
