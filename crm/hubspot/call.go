package hubspot

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"time"

	"switchboard/crm"
)

// maxAnswer bounds a response body, in bytes.
const maxAnswer = 8 << 20

// call is one request. Its path starts at the base URL; ids in it are escaped.
type call struct {
	method string
	route  string // the path without ids, for figures
	path   string
	query  url.Values
	body   any
	// write: a lost answer leaves open whether it was done.
	write   bool
	search  bool
	encoded []byte
}

func (req *call) bucket() string {
	if req.search {
		return bucketSearch
	}
	return bucketBurst
}

// complete is implemented by answers that can look whole without being so.
type complete interface{ complete() bool }

// do makes a call and decodes its answer into out. Every error is a *crm.Error.
func (c *Client) do(ctx context.Context, req call, out any) error {
	if req.body != nil {
		encoded, err := encode(req.body)
		if err != nil {
			return &crm.Error{Class: crm.Refused, Reason: "the request cannot be encoded", Err: err}
		}
		req.encoded = encoded
	}
	if err := ctx.Err(); err != nil {
		return &crm.Error{Class: crm.Unavailable, Reason: "not sent", Err: err}
	}
	if err := c.admit(ctx, req.bucket()); err != nil {
		return err
	}
	start := c.now()
	status, err := c.send(ctx, &req, out)
	c.observe(req.method, req.route, status, c.now().Sub(start))
	if err != nil {
		return err
	}
	c.shared.passed(req.bucket())
	return nil
}

// encode writes JSON without the escapes that make HTML in JSON six times as long.
func encode(body any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(body)
	return b.Bytes(), err
}

func (c *Client) send(ctx context.Context, req *call, out any) (status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	way := &passage{}
	hr, err := c.request(way.trace(ctx), req)
	if err != nil {
		return 0, &crm.Error{Class: crm.Refused, Reason: "the request cannot be made", Err: err}
	}
	res, err := c.http.Do(hr)
	if err != nil {
		return 0, noAnswer(req, err, way)
	}
	defer func() { _ = res.Body.Close() }()
	c.learn(res.Header)
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return res.StatusCode, c.failure(ctx, req, res.StatusCode, res.Header, body)
	}
	if err != nil {
		return res.StatusCode, spoiled(req, res.StatusCode, withoutURL(err))
	}
	return res.StatusCode, decode(req, res.StatusCode, body, out)
}

func (c *Client) request(ctx context.Context, req *call) (*http.Request, error) {
	target := strings.TrimSuffix(c.base.String(), "/") + req.path
	if len(req.query) > 0 {
		target += "?" + req.query.Encode()
	}
	var body io.Reader
	if req.encoded != nil {
		body = bytes.NewReader(req.encoded)
	}
	hr, err := http.NewRequestWithContext(ctx, req.method, target, body)
	if err != nil {
		return nil, errors.New("bad address")
	}
	hr.Header.Set("Authorization", "Bearer "+c.token.Reveal())
	hr.Header.Set("Accept", "application/json")
	if body != nil {
		hr.Header.Set("Content-Type", "application/json")
	}
	return hr, nil
}

// decode reads a 2xx answer. HTML, cut JSON or an answer without its record settles
// nothing.
func decode(req *call, status int, body []byte, out any) error {
	if len(body) > maxAnswer {
		return spoiled(req, status, errors.New("the answer is too large"))
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(body, out); err != nil {
		return spoiled(req, status, errors.New("the answer is not the JSON it should be"))
	}
	if whole, ok := out.(complete); ok && !whole.complete() {
		return spoiled(req, status, errors.New("the answer lacks its record"))
	}
	return nil
}

func spoiled(req *call, status int, cause error) *crm.Error {
	e := &crm.Error{Class: crm.Unavailable, Status: status, Err: fmt.Errorf("read the answer: %w", cause)}
	if req.write {
		e.Class = crm.Lost
	}
	return e
}

// noAnswer classifies a failed exchange: a write that may have left is Lost.
func noAnswer(req *call, err error, way *passage) *crm.Error {
	e := &crm.Error{Class: crm.Unavailable, Err: fmt.Errorf("call HubSpot: %w", withoutURL(err))}
	if req.write && !way.neverLeft() && !isDial(err) {
		e.Class = crm.Lost
	}
	return e
}

// withoutURL drops the address, which may hold personal data, from an error.
func withoutURL(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

func isDial(err error) bool {
	var op *net.OpError
	var dns *net.DNSError
	return errors.As(err, &op) && op.Op == "dial" || errors.As(err, &dns)
}

// passage notes how far a request got. Only a transport that reports its connections
// can tell that it had none.
type passage struct{ asked, connected bool }

func (p *passage) trace(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { p.asked = true },
		GotConn: func(httptrace.GotConnInfo) { p.connected = true },
	})
}

func (p *passage) neverLeft() bool { return p.asked && !p.connected }

// learn takes the size of the window from an answer's headers.
func (c *Client) learn(h http.Header) {
	most, err := strconv.Atoi(h.Get("X-HubSpot-RateLimit-Max"))
	interval, err2 := strconv.Atoi(h.Get("X-HubSpot-RateLimit-Interval-Milliseconds"))
	if err == nil && err2 == nil && interval < int(time.Hour/time.Millisecond) {
		c.shared.size(most, time.Duration(interval)*time.Millisecond)
	}
}
