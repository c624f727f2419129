package telegrambot

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
	"strings"
	"sync/atomic"

	"switchboard/safehttp"
	"switchboard/secret"
)

// answerBytes bounds what is read of one answer: 100 updates of the largest kind are
// about 6 MB.
const answerBytes = 16 << 20

// api makes the calls of one bot.
type api struct {
	base   string
	token  secret.String
	client *http.Client
}

func (c *Connector) api(token secret.String) *api {
	return &api{base: c.options.BaseURL, token: token, client: c.client}
}

// answer is the envelope of every answer of the Bot API.
type answer struct {
	OK          bool            `json:"ok"`
	Result      json.RawMessage `json:"result"`
	Description string          `json:"description"`
	ErrorCode   int             `json:"error_code"`
	Parameters  struct {
		RetryAfter      int64 `json:"retry_after"`
		MigrateToChatID int64 `json:"migrate_to_chat_id"`
	} `json:"parameters"`
}

// callError is a call that did not succeed. It quotes neither URL (it holds the
// token) nor body (it may hold message text).
type callError struct {
	method string
	// left: the request may have reached the server.
	left bool
	// status is HTTP's, 0 when no answer came.
	status int
	// accepted: "ok" was read, but not the result.
	accepted bool
	// refusal is the API's own answer, nil when the answer was not the API's.
	refusal *answer
	err     error
}

func (e *callError) Error() string {
	switch {
	case e.refusal != nil:
		return fmt.Sprintf("%s: answer %d: %s", e.method, e.refusal.ErrorCode, e.refusal.Description)
	case e.status != 0:
		return fmt.Sprintf("%s: HTTP status %d: %v", e.method, e.status, e.err)
	}
	return fmt.Sprintf("%s: %v", e.method, e.err)
}

func (e *callError) Unwrap() error { return e.err }

// code is the API's error code, else HTTP's status, else 0.
func (e *callError) code() int {
	if e.refusal != nil {
		return e.refusal.ErrorCode
	}
	return e.status
}

// errTooLong: the answer is larger than answerBytes.
var errTooLong = errors.New("answer is too long")

// call makes a call with parameters as JSON and decodes its result into result,
// unless that is nil.
func (a *api) call(ctx context.Context, method string, params, result any) error {
	body, err := json.Marshal(params)
	if err != nil {
		return &callError{method: method, err: fmt.Errorf("encode parameters: %w", err)}
	}
	raw, err := a.post(ctx, method, "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	if result == nil {
		return nil
	}
	return readResult(method, raw, result)
}

func readResult(method string, raw json.RawMessage, result any) error {
	if err := json.Unmarshal(raw, result); err != nil {
		return &callError{method: method, left: true, status: http.StatusOK, accepted: true, err: errors.New("unreadable result")}
	}
	return nil
}

// post makes a call and gives the raw result. Every error is a *callError.
func (a *api) post(ctx context.Context, method, contentType string, body io.Reader) (json.RawMessage, error) {
	var left departure
	ctx = httptrace.WithClientTrace(ctx, left.trace())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.base+"/bot"+a.token.Reveal()+"/"+method, body)
	if err != nil {
		return nil, &callError{method: method, err: errors.New("bad base URL")}
	}
	req.Header.Set("Content-Type", contentType)
	resp, err := a.client.Do(req)
	if err != nil {
		return nil, &callError{method: method, left: left.possible(err), err: a.hide(err)}
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end or given up
	return readAnswer(method, resp)
}

func readAnswer(method string, resp *http.Response) (json.RawMessage, error) {
	failed := &callError{method: method, left: true, status: resp.StatusCode}
	raw, err := io.ReadAll(io.LimitReader(resp.Body, answerBytes+1))
	if err != nil {
		failed.err = errors.New("answer was cut")
		return nil, failed
	}
	if len(raw) > answerBytes {
		failed.err = errTooLong
		return raw, failed
	}
	var got answer
	if err := json.Unmarshal(raw, &got); err != nil || !got.OK && got.ErrorCode == 0 {
		failed.err = errors.New("not an answer of the Bot API")
		return raw, failed
	}
	if !got.OK {
		got.Result = nil
		failed.refusal = &got
		return nil, failed
	}
	return got.Result, nil
}

// departure notes whether a request may have left.
type departure struct{ asked, connected atomic.Bool }

func (d *departure) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		// The transport asks for a second connection only when nothing of the request
		// was written to the first.
		GetConn: func(string) { d.asked.Store(true); d.connected.Store(false) },
		GotConn: func(httptrace.GotConnInfo) { d.connected.Store(true) },
	}
}

// possible is false only when it is certain that nothing was sent.
func (d *departure) possible(err error) bool {
	if d.connected.Load() {
		return true
	}
	var op *net.OpError
	dialled := errors.As(err, &op) && op.Op == "dial"
	var blocked *safehttp.BlockedAddressError
	return !d.asked.Load() && !dialled && !errors.As(err, &blocked)
}

// hide removes what could show the token: the URL that net/http puts into its errors.
func (a *api) hide(err error) error {
	var withURL *url.Error
	if errors.As(err, &withURL) {
		err = withURL.Err
	}
	if strings.Contains(err.Error(), a.token.Reveal()) {
		return errors.New("network error")
	}
	return err
}
